/** Traces in the JSON of Jaeger's user interface (jaegertracing/jaeger internal/uimodel/model.go). */
import type { SpanRecord } from "@tulle/telemetry/records";
import type { Trace } from "../store/trace-store.ts";

interface KeyValue {
  readonly key: string;
  readonly type: "string" | "bool" | "int64";
  readonly value: string | boolean | number;
}

interface JaegerSpan {
  readonly traceID: string;
  readonly spanID: string;
  readonly operationName: string;
  readonly references: readonly { readonly refType: "CHILD_OF"; readonly traceID: string; readonly spanID: string }[];
  readonly startTime: number;
  readonly duration: number;
  readonly tags: readonly KeyValue[];
  readonly logs: readonly { readonly timestamp: number; readonly fields: readonly KeyValue[] }[];
  readonly processID: string;
  readonly warnings: null;
}

export interface JaegerTrace {
  readonly traceID: string;
  readonly spans: readonly JaegerSpan[];
  readonly processes: Readonly<Record<string, { readonly serviceName: string; readonly tags: readonly KeyValue[] }>>;
  readonly warnings: null;
}

/** Without the half that is zero. */
function shortTraceId(traceId: string): string {
  return traceId.startsWith("0".repeat(16)) ? traceId.slice(16) : traceId;
}

/** Tags that are about the process: what Jaeger's own exporters put there. */
const PROCESS_TAGS: ReadonlySet<string> = new Set(["hostname", "ip", "service.version"]);

export function jaegerTrace({ traceId, spans }: Trace): JaegerTrace {
  const traceID = shortTraceId(traceId);
  const ids = ownIds(spans);
  const processes = new Map<string, { id: string; serviceName: string; tags: readonly KeyValue[] }>();
  const written = spans.map((span): JaegerSpan => {
    const processTags = Object.entries(span.tags).filter(([key]) => PROCESS_TAGS.has(key));
    const processKey = JSON.stringify([span.service, processTags]);
    let process = processes.get(processKey);
    if (process === undefined) {
      const tags = processTags.map(([key, value]) => ({ key, type: "string" as const, value }));
      process = { id: `p${processes.size + 1}`, serviceName: span.service, tags };
      processes.set(processKey, process);
    }
    const { spanID, parentID } = ids.get(span)!;
    return {
      traceID,
      spanID,
      operationName: span.name,
      references: parentID === "" ? [] : [{ refType: "CHILD_OF", traceID, spanID: parentID }],
      startTime: span.startMicros,
      duration: span.durationMicros,
      tags: tagsOf(span),
      logs: span.events.map(({ name, atMicros }) => ({
        timestamp: atMicros,
        fields: [{ key: "event", type: "string", value: name }],
      })),
      processID: process.id,
      warnings: null,
    };
  });
  return {
    traceID,
    spans: written,
    processes: Object.fromEntries(
      [...processes.values()].map(({ id, serviceName, tags }) => [id, { serviceName, tags }]),
    ),
    warnings: null,
  };
}

function tagsOf({ kind, error, tags }: SpanRecord): KeyValue[] {
  const written: KeyValue[] = Object.entries(tags)
    .filter(([key]) => !PROCESS_TAGS.has(key) && key !== "span.kind" && !(key === "error" && error))
    .map(([key, value]) => ({ key, type: "string", value }));
  written.push({ key: "span.kind", type: "string", value: kind });
  if (error) written.push({ key: "error", type: "bool", value: true });
  return written;
}

/**
 * Ids by which each span is one: where a client and a server share theirs (Zipkin), the server gets one of its own below the client, and
 * what is below the server goes with it (jaeger internal/storage/v1/…/adjuster, ZipkinSpanIDUniquifier).
 */
function ownIds(spans: readonly SpanRecord[]): Map<SpanRecord, { spanID: string; parentID: string }> {
  const clients = new Set(spans.filter(({ kind }) => kind === "client").map(({ spanId }) => spanId));
  const taken = new Set(spans.map(({ spanId }) => spanId));
  const ofServer = new Map<string, string>();
  for (const { kind, spanId } of spans) {
    if (kind !== "server" || !clients.has(spanId)) continue;
    let id = BigInt(`0x${spanId}`);
    let text: string;
    do {
      id = (id + 1n) & 0xffff_ffff_ffff_ffffn;
      text = id.toString(16).padStart(16, "0");
    } while (taken.has(text));
    taken.add(text);
    ofServer.set(spanId, text);
  }
  return new Map(
    spans.map((span) => {
      const { spanId, parentSpanId, kind } = span;
      const own = kind === "server" ? ofServer.get(spanId) : undefined;
      const parentID = own === undefined ? (ofServer.get(parentSpanId) ?? parentSpanId) : spanId;
      return [span, { spanID: own ?? spanId, parentID }];
    }),
  );
}
