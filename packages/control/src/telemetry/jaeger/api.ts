/** Jaeger's HTTP query API (jaegertracing/jaeger cmd/jaeger/internal/extension/jaegerquery/internal/http_handler.go). */
import { parseDuration } from "../promql/literals.ts";
import type { TraceSearch } from "../store/trace-store.ts";
import { jaegerTrace } from "./json.ts";
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
export function answerJaeger(api: TraceApi, { path, parameters }: TraceRequest): TextAnswer {
  try {
    const data = dataOf(api, path, new TraceParameters(parameters));
    const total = Array.isArray(data) && path[0] !== "traces" ? data.length : 0;
    return { status: 200, text: JSON.stringify({ data, total, limit: 0, offset: 0, errors: null }) };
  } catch (error) {
    if (!(error instanceof TraceQueryError)) throw error;
    const errors = [{ code: error.status, msg: error.message }];
    return { status: error.status, text: JSON.stringify({ data: null, total: 0, limit: 0, offset: 0, errors }) };
  }
}

function dataOf(api: TraceApi, path: readonly string[], parameters: TraceParameters): unknown {
  const { traces } = api;
  switch (path[0]) {
    case "services":
      return path.length === 1 ? traces.services() : [...new Set(traces.operations(path[1]!).map(({ name }) => name))];
    case "operations":
      return operations(api, parameters);
    case "dependencies":
      return dependenciesOf(api, parameters);
    default:
      return path.length === 1 ? search(api, parameters) : [one(api, path[1]!)];
  }
}

function one({ traces }: TraceApi, id: string): unknown {
  const trace = traces.trace(traceIdOf(id));
  if (trace === undefined) throw new TraceQueryError(404, "trace not found");
  return jaegerTrace(trace);
}

function operations({ traces }: TraceApi, parameters: TraceParameters): unknown {
  const service = parameters.text("service");
  if (service === undefined) throw new TraceQueryError(400, "parameter 'service' is required");
  const kind = parameters.text("spanKind");
  return traces
    .operations(service)
    .filter((operation) => kind === undefined || operation.kind === kind)
    .map((operation) => ({ name: operation.name, spanKind: operation.kind }));
}

const DAY_MS = 86_400_000;
/** Jaeger's: how far back it looks, and how many traces it gives, where nothing is said. */
const LOOKBACK_MS = 2 * DAY_MS;
const LIMIT = 100;

function search(api: TraceApi, parameters: TraceParameters): unknown {
  const ids = parameters.all("traceID");
  if (ids.length > 0) {
    const found = ids.slice(0, LIMIT).map((id) => api.traces.trace(traceIdOf(id)));
    return found.flatMap((trace) => (trace === undefined ? [] : [jaegerTrace(trace)]));
  }
  // Empty is every service; Jaeger has no way to say that.
  const [service] = parameters.all("service");
  if (service === undefined) throw new TraceQueryError(400, "parameter 'service' is required");
  const operation = parameters.text("operation");
  const tags = tagsOf(parameters);
  const minDurationMicros = durationOf(parameters, "minDuration");
  const maxDurationMicros = durationOf(parameters, "maxDuration");
  if (minDurationMicros !== undefined && maxDurationMicros !== undefined && minDurationMicros > maxDurationMicros)
    throw new TraceQueryError(400, "'maxDuration' should be greater than 'minDuration'");
  const nowMicros = api.now() * 1000;
  const toMicros = parameters.number("end", nowMicros);
  const wanted: TraceSearch = {
    ...(service === "" ? {} : { service }),
    ...(operation === undefined || operation === "all" ? {} : { operation }),
    tags,
    ...(minDurationMicros === undefined ? {} : { minDurationMicros }),
    ...(maxDurationMicros === undefined ? {} : { maxDurationMicros }),
    fromMicros: parameters.number("start", toMicros - LOOKBACK_MS * 1000),
    toMicros,
    limit: parameters.limit(LIMIT),
  };
  return api.traces.search(wanted).map(jaegerTrace);
}

/** `tags={"error":"true"}` and `tag=error:true`. */
function tagsOf(parameters: TraceParameters): Readonly<Record<string, string>> {
  const tags = new Map<string, string>();
  for (const text of parameters.all("tag")) {
    const colon = text.indexOf(":");
    if (colon < 0) throw new TraceQueryError(400, `malformed 'tag' parameter, expecting key:value, received: ${text}`);
    tags.set(text.slice(0, colon), text.slice(colon + 1));
  }
  for (const text of parameters.all("tags")) {
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch (error) {
      throw new TraceQueryError(400, `malformed 'tags' parameter, cannot unmarshal JSON: ${text}`, { cause: error });
    }
    if (typeof parsed !== "object" || parsed === null)
      throw new TraceQueryError(400, `malformed 'tags' parameter, expecting an object of texts: ${text}`);
    for (const [name, value] of Object.entries(parsed)) tags.set(name, String(value));
  }
  return Object.fromEntries(tags);
}

const DURATION = /^(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h)$/;
const MICROS: Readonly<Record<string, number>> = { ns: 0.001, us: 1, µs: 1, μs: 1 };

/** Go's, of one unit such as `1.2ms`, or of several whole ones such as `1m30s`. */
function durationOf(parameters: TraceParameters, name: string): number | undefined {
  const text = parameters.text(name);
  if (text === undefined) return undefined;
  const [, amount, unit] = DURATION.exec(text) ?? [];
  const micros = unit === undefined ? undefined : (MICROS[unit] ?? parseDuration(`1${unit}`)! * 1000);
  const whole = micros === undefined ? parseDuration(text) : undefined;
  if (micros !== undefined) return Number(amount) * micros;
  if (whole !== undefined) return whole * 1000;
  throw new TraceQueryError(400, `unable to parse param '${name}': invalid duration ${JSON.stringify(text)}`);
}

function dependenciesOf({ traces, now }: TraceApi, parameters: TraceParameters): unknown {
  const endMs = parameters.number("endTs", now());
  const lookbackMs = parameters.number("lookback", DAY_MS);
  return dependencies(traces, endMs - lookbackMs, endMs).map(({ parent, child, callCount }) => ({
    parent,
    child,
    callCount,
  }));
}
