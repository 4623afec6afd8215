/** What Jaeger's and Zipkin's query APIs have in common: where traces come from, and how they refuse. */
import type { SpanRecord } from "@tulle/telemetry/records";
import type { Trace, TraceSearch } from "../store/trace-store.ts";

/** The part of the trace store that queries read. */
export interface TraceSource {
  trace(traceId: string): Trace | undefined;
  search(search: TraceSearch): readonly Trace[];
  services(): readonly string[];
  operations(service: string): readonly { readonly name: string; readonly kind: SpanRecord["kind"] }[];
}

export interface TraceApi {
  readonly traces: TraceSource;
  /** ms since 1970. */
  readonly now: () => number;
}

export interface TraceRequest {
  /** After `/api` and `/api/v2`. */
  readonly path: readonly string[];
  readonly parameters: readonly (readonly [string, string])[];
}

export interface TextAnswer {
  readonly status: number;
  readonly text: string;
}

/** The asker's fault, or something that is not there. */
export class TraceQueryError extends Error {
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** Whatever is asked for: so many traces are read and written as JSON within a second. */
const MAX_TRACES = 1_500;

export class TraceParameters {
  readonly #parameters: TraceRequest["parameters"];

  constructor(parameters: TraceRequest["parameters"]) {
    this.#parameters = parameters;
  }

  all(name: string): readonly string[] {
    return this.#parameters.filter(([known]) => known === name).map(([, value]) => value);
  }

  /** "" is as good as absent. */
  text(name: string): string | undefined {
    return this.all(name)[0] || undefined;
  }

  /** A whole number. Throws TraceQueryError. */
  number(name: string, byDefault: number): number {
    const text = this.text(name);
    if (text === undefined) return byDefault;
    if (!/^\d{1,17}$/.test(text))
      throw new TraceQueryError(400, `unable to parse param '${name}': ${JSON.stringify(text)} is not a whole number`);
    return Number(text);
  }

  limit(byDefault: number): number {
    const limit = this.number("limit", byDefault);
    if (limit === 0) throw new TraceQueryError(400, "unable to parse param 'limit': it must be more than 0");
    return Math.min(limit, MAX_TRACES);
  }
}

/** Of 64 or 128 bits, with or without zeros in front. Throws TraceQueryError. */
export function traceIdOf(text: string): string {
  if (!/^[0-9a-fA-F]{1,32}$/.test(text)) throw new TraceQueryError(400, `${JSON.stringify(text)} is not a trace id`);
  return text.toLowerCase().padStart(32, "0");
}

export interface Dependency {
  readonly parent: string;
  readonly child: string;
  callCount: number;
  errorCount: number;
}

/** Who calls whom, counted in traces that began in that time, the newest so many. */
export function dependencies(traces: TraceSource, fromMs: number, toMs: number): readonly Dependency[] {
  const found = new Map<string, Dependency>();
  const search = { fromMicros: fromMs * 1000, toMicros: toMs * 1000, limit: MAX_TRACES };
  for (const { spans } of traces.search(search)) {
    const services = new Map<string, string>();
    // A client's span and a server's may have one id: what is below is the server's.
    for (const { spanId, service, kind } of spans)
      if (kind !== "client" || !services.has(spanId)) services.set(spanId, service);
    const clients = new Map(spans.filter(({ kind }) => kind === "client").map((span) => [span.spanId, span.service]));
    for (const { spanId, parentSpanId, service, kind, error } of spans) {
      const parent = (kind === "server" ? clients.get(spanId) : undefined) ?? services.get(parentSpanId);
      if (parent === undefined || parent === service) continue;
      const key = `${parent}\n${service}`;
      const dependency = found.get(key) ?? { parent, child: service, callCount: 0, errorCount: 0 };
      dependency.callCount++;
      if (error) dependency.errorCount++;
      found.set(key, dependency);
    }
  }
  return [...found.values()].toSorted((a, b) => (`${a.parent}\n${a.child}` < `${b.parent}\n${b.child}` ? -1 : 1));
}
