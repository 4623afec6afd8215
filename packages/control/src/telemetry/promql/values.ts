/**
 * What expressions evaluate to. An expression is evaluated at all steps of a query at once, so each series is one pass over an array.
 * Arrays belong to whoever was given them: they may be changed in place.
 */
import type { Labels } from "@tulle/telemetry/records";
import { executionError } from "./error.ts";
import { labelKey } from "./labels.ts";

/** The times at which a query is evaluated, in ms: `start`, `start + step`, … `count` of them. */
export interface Steps {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

export interface StepSeries {
  readonly labels: Labels;
  /** One for each step; nothing where `present` is 0. NaN is a value as others. */
  readonly values: Float64Array;
  readonly present: Uint8Array;
}

export type Vector = readonly StepSeries[];
export type Scalar = Float64Array;

/** Takes note that a query has had so many samples. Throws if that is too many. */
export type Spend = (samples: number) => void;

/** Samples of one series, rising in time, without stale markers. */
export interface RangeSeries {
  readonly labels: Labels;
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly count: number;
}

/** Samples to be looked at through a window of `range` ms that ends at `ends(step)`. */
export interface Matrix {
  readonly series: readonly RangeSeries[];
  readonly range: number;
  /** Where the window of a step ends, in ms. */
  readonly ends: Float64Array;
}

export function emptySeries(labels: Labels, count: number): StepSeries {
  return { labels, values: new Float64Array(count), present: new Uint8Array(count) };
}

const SAME_LABELS = "vector cannot contain metrics with the same labelset";

/** Series that have got the same labels become one, if never two of them have a value at the same time. */
export function mergeSame(series: Vector): Vector {
  if (series.length < 2) return series;
  const byKey = new Map<string, StepSeries>();
  for (const one of series) {
    const key = labelKey(one.labels);
    const same = byKey.get(key);
    if (same === undefined) {
      byKey.set(key, one);
      continue;
    }
    for (let step = 0; step < one.present.length; step++) {
      if (one.present[step] === 0) continue;
      if (same.present[step] !== 0) throw executionError(SAME_LABELS);
      same.present[step] = 1;
      same.values[step] = one.values[step]!;
    }
  }
  return byKey.size === series.length ? series : [...byKey.values()];
}

/** Whether labels may become equal when names go: not if all of them had the same, as almost always. */
export function namesDiffer(series: readonly { readonly labels: Labels }[]): boolean {
  const first = series[0]?.labels["__name__"];
  return series.some(({ labels }) => labels["__name__"] !== first);
}

/** Functions of ranges, and unary minus, want labels that differ even where values never meet, as Prometheus does. */
export function refuseSame(series: Vector): Vector {
  const keys = new Set(series.map(({ labels }) => labelKey(labels)));
  if (keys.size !== series.length) throw executionError(SAME_LABELS);
  return series;
}

/** Drops series without any value. */
export function withValues(series: Vector): Vector {
  return series.every(({ present }) => present.includes(1))
    ? series
    : series.filter(({ present }) => present.includes(1));
}
