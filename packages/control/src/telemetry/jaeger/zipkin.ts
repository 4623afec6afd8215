/** Zipkin's HTTP query API v2 (openzipkin/zipkin-api zipkin2-api.yaml). */
import type { SpanRecord } from "@tulle/telemetry/records";
import type { Trace } from "../store/trace-store.ts";
import {
  dependencies,
  type TextAnswer,
  type TraceApi,
  traceIdOf,
  TraceParameters,
  TraceQueryError,
  type TraceRequest,
} from "./trace-query.ts";

/** Never throws for what is the asker's fault. */
export function answerZipkin(api: TraceApi, { path, parameters }: TraceRequest): TextAnswer {
  try {
    return { status: 200, text: JSON.stringify(dataOf(api, path, new TraceParameters(parameters))) };
  } catch (error) {
    if (!(error instanceof TraceQueryError)) throw error;
    return { status: error.status, text: JSON.stringify({ error: error.message }) };
  }
}

function dataOf(api: TraceApi, path: readonly string[], parameters: TraceParameters): unknown {
  const { traces } = api;
  switch (path[0]) {
    case "services":
      return traces.services();
    case "spans": {
      const service = parameters.text("serviceName");
      if (service === undefined) throw new TraceQueryError(400, "serviceName is missing");
      return [...new Set(traces.operations(service).map(({ name }) => name))].toSorted();
    }
    case "trace": {
      const trace = traces.trace(traceIdOf(path[1]!));
      if (trace === undefined) throw new TraceQueryError(404, `${path[1]} not found`);
      return zipkinTrace(trace);
    }
    case "dependencies": {
      const [from, to] = timeOf(api, parameters);
      return dependencies(traces, from, to);
    }
    default:
      return search(api, parameters);
  }
}

const DAY_MS = 86_400_000;
const LIMIT = 10;

/** From and to, in ms. */
function timeOf({ now }: TraceApi, parameters: TraceParameters): [number, number] {
  const to = parameters.number("endTs", now());
  return [to - parameters.number("lookback", DAY_MS), to];
}

function search(api: TraceApi, parameters: TraceParameters): unknown {
  const [from, to] = timeOf(api, parameters);
  const service = parameters.text("serviceName");
  const operation = parameters.text("spanName");
  const min = parameters.number("minDuration", 0);
  return api.traces
    .search({
      ...(service === undefined ? {} : { service }),
      ...(operation === undefined || operation === "all" ? {} : { operation }),
      tags: annotationsOf(parameters.text("annotationQuery") ?? ""),
      ...(min === 0 ? {} : { minDurationMicros: min }),
      maxDurationMicros: parameters.number("maxDuration", Infinity),
      fromMicros: from * 1000,
      toMicros: to * 1000,
      limit: parameters.limit(LIMIT),
    })
    .map(zipkinTrace);
}

/** `http.method=GET and error`. */
function annotationsOf(query: string): Readonly<Record<string, string>> {
  const tags = new Map<string, string>();
  for (const term of query.split(" and ").map((text) => text.trim())) {
    if (term === "") continue;
    const equals = term.indexOf("=");
    if (equals > 0) tags.set(term.slice(0, equals), term.slice(equals + 1));
    // Alone it asks whether the tag is there, which only errors are kept for.
    else if (term === "error") tags.set("error", "true");
    else
      throw new TraceQueryError(400, `annotationQuery: ${JSON.stringify(term)} has no value; only error may have none`);
  }
  return Object.fromEntries(tags);
}

const KINDS: Readonly<Record<SpanRecord["kind"], string | undefined>> = {
  client: "CLIENT",
  server: "SERVER",
  producer: "PRODUCER",
  consumer: "CONSUMER",
  internal: undefined,
};

function zipkinTrace({ spans }: Trace): unknown[] {
  const clients = new Set(spans.filter(({ kind }) => kind === "client").map(({ spanId }) => spanId));
  return spans.map((span) => {
    const kind = KINDS[span.kind];
    const shared = span.kind === "server" && clients.has(span.spanId);
    return {
      traceId: span.traceId,
      ...(span.parentSpanId === "" ? {} : { parentId: span.parentSpanId }),
      id: span.spanId,
      ...(kind === undefined ? {} : { kind }),
      name: span.name,
      timestamp: span.startMicros,
      duration: span.durationMicros,
      localEndpoint: { serviceName: span.service },
      ...(span.events.length === 0
        ? {}
        : { annotations: span.events.map(({ name, atMicros }) => ({ timestamp: atMicros, value: name })) }),
      tags: span.error && span.tags["error"] === undefined ? { ...span.tags, error: "true" } : span.tags,
      ...(shared ? { shared: true } : {}),
    };
  });
}
