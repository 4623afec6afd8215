/** Prometheus' HTTP API v1 over a source of series, as Prometheus 2.42 answers: Grafana, Kiali and promtool attach to it. */
import type { Labels, SeriesSource } from "@tulle/telemetry/records";
import type { Expr, VectorSelector } from "../promql/ast.ts";
import { DEFAULT_LIMITS, instantQuery, type QueryEngine, rangeQuery } from "../promql/engine.ts";
import { ParseError, PromqlError } from "../promql/error.ts";
import { compareText, isLabelName, labelKey, labelValue } from "../promql/labels.ts";
import { parseQuery, parseSelector } from "../promql/parse.ts";
import { jsonLabels, jsonResult, jsonTime, jsonValue } from "./json.ts";
import { metadata } from "./metadata.ts";
import { fail, Parameters } from "./parameters.ts";

/** What answers are made from, beside the request. */
export interface PrometheusApi {
  readonly source: SeriesSource;
  /** ms since 1970. */
  readonly now: () => number;
}

export interface PrometheusRequest {
  /** After `/api/v1`: `["label", "le", "values"]`. */
  readonly path: readonly string[];
  /** Of the query string and of a form that was posted. */
  readonly parameters: readonly (readonly [string, string])[];
}

export interface TextAnswer {
  readonly status: number;
  readonly text: string;
}

/** HTTP statuses of Prometheus' error types (web/api/v1, respondError). */
const STATUS = { bad_data: 400, execution: 422, timeout: 503 } as const;

type Endpoint = (api: PrometheusApi, parameters: Parameters, path: readonly string[]) => string;

/** The JSON of the answer's `data`. */
const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  query,
  query_range: queryRange,
  query_exemplars: queryExemplars,
  series,
  labels,
  label: labelValues,
  metadata: (_, parameters) => metadata(parameters.text("metric"), parameters.count("limit", -1)),
};

/** Never throws for what is the asker's fault: it is answered as Prometheus does. */
export function answerPrometheus(api: PrometheusApi, { path, parameters }: PrometheusRequest): TextAnswer {
  try {
    const data = ENDPOINTS[path[0]!]!(api, new Parameters(parameters), path);
    return { status: 200, text: `{"status":"success","data":${data}}` };
  } catch (error) {
    if (!(error instanceof PromqlError)) throw error;
    const body = { status: "error", errorType: error.type, error: error.message };
    return { status: STATUS[error.type], text: JSON.stringify(body) };
  }
}

function engineOf({ source, now }: PrometheusApi, parameters: Parameters): QueryEngine {
  const timeout = parameters.text("timeout") === "" ? Infinity : parameters.duration("timeout");
  const timeoutMs = Math.min(timeout, DEFAULT_LIMITS.timeoutMs);
  return { source, now, limits: { ...DEFAULT_LIMITS, timeoutMs } };
}

function query(api: PrometheusApi, parameters: Parameters): string {
  const time = parameters.time("time", api.now());
  const engine = engineOf(api, parameters);
  try {
    return jsonResult(instantQuery(engine, parameters.text("query"), time));
  } catch (error) {
    // Named here, but not in query_range.
    if (error instanceof ParseError) return fail("query", error.message, error);
    throw error;
  }
}

/** Prometheus' own, enough for a point a minute for a week. */
const MAX_POINTS = 11_000;

function queryRange(api: PrometheusApi, parameters: Parameters): string {
  const startMs = parameters.time("start");
  const endMs = parameters.time("end");
  if (endMs < startMs) fail("end", "end timestamp must not be before start time");
  const stepMs = Math.trunc(parameters.duration("step"));
  if (stepMs <= 0)
    fail("step", "zero or negative query resolution step widths are not accepted. Try a positive integer");
  if ((endMs - startMs) / stepMs > MAX_POINTS)
    throw new PromqlError(
      "bad_data",
      "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
    );
  const engine = engineOf(api, parameters);
  return jsonResult(rangeQuery(engine, parameters.text("query"), { startMs, endMs, stepMs }));
}

function selectorsOf(expr: Expr): readonly VectorSelector[] {
  switch (expr.kind) {
    case "vector selector":
      return [expr];
    case "matrix selector":
      return [expr.selector];
    case "subquery":
    case "paren":
    case "unary":
      return selectorsOf(expr.expr);
    case "aggregation":
      return [...selectorsOf(expr.expr), ...(expr.param === undefined ? [] : selectorsOf(expr.param))];
    case "call":
      return expr.args.flatMap(selectorsOf);
    case "binary":
      return [...selectorsOf(expr.lhs), ...selectorsOf(expr.rhs)];
    default:
      return [];
  }
}

function queryExemplars({ source }: PrometheusApi, parameters: Parameters): string {
  const [start, end] = [parameters.time("start", MIN_TIME), parameters.time("end", MAX_TIME)];
  if (end < start) throw new PromqlError("bad_data", "end timestamp must not be before start timestamp");
  const found = new Map<string, string>();
  // Prometheus does not name the parameter here.
  for (const { matchers } of selectorsOf(parseQuery(parameters.text("query")))) {
    for (const one of source.exemplars(matchers, start - 1, end)) {
      const exemplars = one.exemplars.map(
        ({ labels: own, value, timeMs }) =>
          `{"labels":${jsonLabels(own)},"value":"${jsonValue(value)}","timestamp":${jsonTime(timeMs)}}`,
      );
      if (exemplars.length > 0)
        found.set(
          labelKey(one.labels),
          `{"seriesLabels":${jsonLabels(one.labels)},"exemplars":[${exemplars.join(",")}]}`,
        );
    }
  }
  return `[${[...found.values()].join(",")}]`;
}

/** As far as Date goes. */
const MAX_TIME = 8.64e15;
const MIN_TIME = -MAX_TIME;
const MAX_LISTED = 100_000;

function labelSets({ source }: PrometheusApi, parameters: Parameters): readonly Labels[] {
  const start = parameters.time("start", MIN_TIME);
  const end = parameters.time("end", MAX_TIME);
  const selectors = parameters.all("match[]").map((text) => inMatch(text));
  if (selectors.length === 0) selectors.push([]);
  const found = new Map<string, Labels>();
  for (const matchers of selectors)
    for (const set of source.labelSets(matchers, start - 1, end)) found.set(labelKey(set), set);
  return [...found.values()];
}

function inMatch(text: string): ReturnType<typeof parseSelector> {
  try {
    return parseSelector(text);
  } catch (error) {
    if (error instanceof PromqlError) {
      const nothing = "must contain at least one non-empty matcher";
      return fail("match[]", error.message.endsWith(nothing) ? `match[] ${nothing}` : error.message, error);
    }
    throw error;
  }
}

function limited<T>(all: T[], parameters: Parameters): T[] {
  const limit = parameters.count("limit", 0);
  return all.slice(0, limit === 0 ? MAX_LISTED : Math.min(limit, MAX_LISTED));
}

function series(api: PrometheusApi, parameters: Parameters): string {
  if (parameters.all("match[]").length === 0) throw new PromqlError("bad_data", "no match[] parameter provided");
  const sets = labelSets(api, parameters)
    .map((set) => ({ set, key: labelKey(set) }))
    .toSorted((a, b) => compareText(a.key, b.key));
  return `[${limited(sets, parameters)
    .map(({ set }) => jsonLabels(set))
    .join(",")}]`;
}

function labels(api: PrometheusApi, parameters: Parameters): string {
  const names = new Set(labelSets(api, parameters).flatMap((set) => Object.keys(set)));
  return JSON.stringify(limited([...names].toSorted(compareText), parameters));
}

function labelValues(api: PrometheusApi, parameters: Parameters, path: readonly string[]): string {
  const name = path[1]!;
  if (!isLabelName(name)) throw new PromqlError("bad_data", `invalid label name: ${JSON.stringify(name)}`);
  const values = new Set(labelSets(api, parameters).map((set) => labelValue(set, name)));
  values.delete("");
  return JSON.stringify(limited([...values].toSorted(compareText), parameters));
}
