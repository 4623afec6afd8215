/** Queries with their limits: what Prometheus' `Engine` is. */
import type { Labels, SeriesSource } from "@tulle/telemetry/records";
import type { Expr } from "./ast.ts";
import { typeOf } from "./check-types.ts";
import { executionError, PromqlError } from "./error.ts";
import { Evaluator } from "./evaluator.ts";
import { compareText, labelKey } from "./labels.ts";
import { parseQuery } from "./parse.ts";
import type { Steps, StepSeries, Vector } from "./values.ts";

export interface QueryLimits {
  /** Samples read and made. Prometheus has 50,000,000 held at once; these are all of a query, at 16 bytes each. */
  readonly maxSamples: number;
  readonly timeoutMs: number;
}

/** The thread does nothing else meanwhile; whoever asked waits for half a minute. */
export const DEFAULT_LIMITS: QueryLimits = { maxSamples: 20_000_000, timeoutMs: 20_000 };

const TOO_MANY = "query processing would load too many samples into memory in query execution";

export interface ResultSeries {
  readonly labels: Labels;
  /** ms since 1970. */
  readonly times: Float64Array;
  readonly values: Float64Array;
}

export type QueryResult =
  | { readonly type: "scalar"; readonly timeMs: number; readonly value: number }
  | { readonly type: "string"; readonly timeMs: number; readonly value: string }
  | { readonly type: "vector" | "matrix"; readonly series: readonly ResultSeries[] };

export interface QueryEngine {
  readonly source: SeriesSource;
  readonly limits: QueryLimits;
  /** ms, of any origin. */
  readonly now: () => number;
}

/** Throws a PromqlError. */
export function instantQuery(engine: QueryEngine, text: string, timeMs: number): QueryResult {
  const expr = parseQuery(text);
  const evaluator = evaluatorOf(engine, { start: timeMs, step: 1, count: 1 }, timeMs);
  switch (typeOf(expr)) {
    case "string":
      return { type: "string", timeMs, value: stringOf(expr) };
    case "scalar":
      return { type: "scalar", timeMs, value: evaluator.scalar(expr)[0]! };
    case "vector":
      return { type: "vector", series: pointsOf(evaluator.vector(expr), { start: timeMs, step: 1, count: 1 }) };
    default: {
      const { series, range, ends } = evaluator.matrix(expr);
      const results = series.flatMap(({ labels, times, values, count }) => {
        let first = 0;
        while (first < count && times[first]! < ends[0]! - range) first++;
        if (first === count) return [];
        return [{ labels, times: times.subarray(first, count), values: values.subarray(first, count) }];
      });
      return { type: "matrix", series: sorted(results) };
    }
  }
}

/** Throws a PromqlError. */
export function rangeQuery(
  engine: QueryEngine,
  text: string,
  range: { readonly startMs: number; readonly endMs: number; readonly stepMs: number },
): QueryResult {
  const { startMs, endMs, stepMs } = range;
  const count = Math.floor((endMs - startMs) / stepMs) + 1;
  const expr = parseQuery(text);
  const type = typeOf(expr);
  if (type !== "scalar" && type !== "vector") {
    const documented = type === "matrix" ? "range vector" : "string";
    throw new PromqlError(
      "bad_data",
      `invalid expression type "${documented}" for range query, must be Scalar or instant Vector`,
    );
  }
  const steps = { start: startMs, step: stepMs, count };
  const evaluator = evaluatorOf(engine, steps, endMs);
  if (type === "scalar") {
    const values = evaluator.scalar(expr);
    return {
      type: "matrix",
      series: [{ labels: {}, times: values.map((_, index) => startMs + index * stepMs), values }],
    };
  }
  return { type: "matrix", series: sorted(pointsOf(evaluator.vector(expr), steps)) };
}

function evaluatorOf({ source, limits, now }: QueryEngine, steps: Steps, end: number): Evaluator {
  const deadline = now() + limits.timeoutMs;
  let left = limits.maxSamples;
  let untilLook = 0;
  const spend = (samples: number): void => {
    left -= samples;
    if (left < 0) throw executionError(TOO_MANY);
    untilLook -= samples + 1000;
    if (untilLook > 0) return;
    untilLook = 100_000;
    if (now() > deadline) throw new PromqlError("timeout", "query timed out in expression evaluation");
  };
  const reserve = (samples: number): void => {
    if (samples > left) throw executionError(TOO_MANY);
  };
  return new Evaluator({ source, start: steps.start, end, spend, reserve }, steps);
}

function stringOf(expr: Expr): string {
  if (expr.kind === "paren") return stringOf(expr.expr);
  return expr.kind === "string" ? expr.value : "";
}

function pointsOf(vector: Vector, steps: Steps): ResultSeries[] {
  return vector.flatMap((series) => {
    const points = pointsOfSeries(series, steps);
    return points.times.length === 0 ? [] : [points];
  });
}

function pointsOfSeries({ labels, values, present }: StepSeries, { start, step }: Steps): ResultSeries {
  let count = 0;
  for (const is of present) count += is;
  const times = new Float64Array(count);
  const kept = new Float64Array(count);
  let used = 0;
  for (let index = 0; index < present.length; index++) {
    if (present[index] === 0) continue;
    times[used] = start + index * step;
    kept[used++] = values[index]!;
  }
  return { labels, times, values: kept };
}

function sorted(series: ResultSeries[]): ResultSeries[] {
  return series
    .map((one) => ({ one, key: labelKey(one.labels) }))
    .toSorted((a, b) => compareText(a.key, b.key))
    .map(({ one }) => one);
}
