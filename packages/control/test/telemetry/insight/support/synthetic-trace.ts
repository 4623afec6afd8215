/** Traces as a mesh's proxies would report them, of call trees whose every delay is known. */
import * as fc from "fast-check";
import type { SpanRecord } from "@tulle/telemetry/records";

/** One call: what the service does between its own calls, and those. */
export interface Call {
  readonly service: string;
  readonly version: string;
  /** ms of its own work before the first call, between them, and after the last one: one more than `calls`. */
  readonly work: readonly number[];
  /** One after the other; those of one list at the same time. */
  readonly calls: readonly (readonly Call[])[];
  /** ms that the caller's proxy waits before it sends the request. */
  readonly fault?: number;
  /** ms on the way there, and as many back. */
  readonly way: number;
}

export interface Recorded {
  readonly traceId: string;
  readonly spans: readonly SpanRecord[];
}

export const START = Date.UTC(2026, 0, 1) * 1000;

export class TraceRecorder {
  #ids = 0;

  /** @param startMicros of its first byte, µs since 1970 */
  record(root: Call, startMicros: number): Recorded {
    const traceId = this.#id(32);
    const spans: SpanRecord[] = [];
    this.#server(root, traceId, "", startMicros, spans);
    return { traceId, spans };
  }

  /** Returns when it ends. */
  #server(call: Call, traceId: string, parentSpanId: string, start: number, spans: SpanRecord[]): number {
    const spanId = this.#id(16);
    let at = start + call.work[0]! * 1000;
    for (const [index, together] of call.calls.entries()) {
      at = Math.max(...together.map((child) => this.#client(child, call, traceId, spanId, at, spans)));
      at += call.work[index + 1]! * 1000;
    }
    spans.push(span(traceId, spanId, parentSpanId, "server", call, operationOf(call), start, at, {}));
    return at;
  }

  #client(call: Call, caller: Call, traceId: string, parentSpanId: string, start: number, spans: SpanRecord[]): number {
    const spanId = this.#id(16);
    const sent = start + ((call.fault ?? 0) + call.way) * 1000;
    const end = this.#server(call, traceId, spanId, sent, spans) + call.way * 1000;
    spans.push(
      span(traceId, spanId, parentSpanId, "client", caller, operationOf(call), start, end, {
        upstream_cluster: `outbound|9080||${call.service}.default.svc.cluster.local`,
        response_flags: call.fault === undefined ? "-" : "DI",
      }),
    );
    return end;
  }

  #id(digits: number): string {
    return (++this.#ids).toString(16).padStart(digits, "0");
  }
}

export function operationOf({ service }: Call): string {
  return `${service}.default.svc.cluster.local:9080/*`;
}

function span(
  traceId: string,
  spanId: string,
  parentSpanId: string,
  kind: SpanRecord["kind"],
  { service, version }: Call,
  name: string,
  start: number,
  end: number,
  tags: Readonly<Record<string, string>>,
): SpanRecord {
  return {
    traceId,
    spanId,
    parentSpanId,
    service: `${service}.default`,
    kind,
    name,
    startMicros: start,
    durationMicros: end - start,
    error: false,
    tags: {
      "istio.canonical_service": service,
      "istio.canonical_revision": version,
      "istio.namespace": "default",
      "tulle.workload": `${service}-${version}`,
      ...tags,
    },
    events: [],
  };
}

/** Every call of a tree, the root first. */
export function callsOf(call: Call): readonly Call[] {
  return [call, ...call.calls.flat().flatMap(callsOf)];
}

/** The tree with one call replaced. */
export function replaced(tree: Call, old: Call, by: Call): Call {
  if (tree === old) return by;
  return { ...tree, calls: tree.calls.map((together) => together.map((call) => replaced(call, old, by))) };
}

/** Trees of up to `depth` levels in which no service is called twice. */
export function callTrees(depth: number): fc.Arbitrary<Call> {
  return shapes(depth).map((shape) => {
    let services = 0;
    const named = (call: Call): Call => {
      const service = `s${services++}`;
      return { ...call, service, calls: call.calls.map((together) => together.map(named)) };
    };
    return named(shape);
  });
}

function shapes(depth: number): fc.Arbitrary<Call> {
  const together: fc.Arbitrary<Call[]> =
    depth <= 1 ? fc.constant([]) : fc.array(shapes(depth - 1), { minLength: 1, maxLength: 3 });
  return fc.array(together, { maxLength: depth <= 1 ? 0 : 2 }).chain((lists) => {
    const calls = lists.filter((list) => list.length > 0);
    return fc.record({
      service: fc.constant(""),
      version: fc.constantFrom("v1", "v2"),
      work: fc.array(fc.integer({ min: 0, max: 20 }), { minLength: calls.length + 1, maxLength: calls.length + 1 }),
      calls: fc.constant(calls),
      way: fc.integer({ min: 0, max: 2 }),
    });
  });
}
