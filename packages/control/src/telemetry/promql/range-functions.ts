/** Functions of the samples in a window (promql/functions.go of Prometheus 2.42). */
import { CompensatedSum, keepsInfinity, quantile } from "./sums.ts";

/** The samples of one series in one window: indexes from `first` to before `end`, never none. */
export interface Window {
  readonly times: Float64Array;
  readonly values: Float64Array;
  first: number;
  end: number;
  /** The window itself, in ms. */
  from: number;
  to: number;
  /** When the query is evaluated: `offset` and `@` move the window, not this. */
  now: number;
  /** The scalar that the function also takes. */
  parameter: number;
}

/** undefined: no value here. */
type RangeFunction = (window: Window) => number | undefined;

function extrapolated(window: Window, counter: boolean, perSecond: boolean): number | undefined {
  const { times, values, first, end, from, to } = window;
  if (end - first < 2) return undefined;
  const last = end - 1;
  const firstValue = values[first]!;
  let result = values[last]! - firstValue;
  if (counter) {
    let previous = 0;
    for (let i = first; i < end; i++) {
      const value = values[i]!;
      if (value < previous) result += previous;
      previous = value;
    }
  }
  let toStart = (times[first]! - from) / 1000;
  const toEnd = (to - times[last]!) / 1000;
  const sampled = (times[last]! - times[first]!) / 1000;
  const between = sampled / (last - first);
  if (counter && result > 0 && firstValue >= 0) {
    // A counter is not extrapolated to below zero.
    const toZero = sampled * (firstValue / result);
    if (toZero < toStart) toStart = toZero;
  }
  const threshold = between * 1.1;
  let interval = sampled;
  interval += toStart < threshold ? toStart : between / 2;
  interval += toEnd < threshold ? toEnd : between / 2;
  const factor = interval / sampled;
  return result * (perSecond ? factor / ((to - from) / 1000) : factor);
}

function instant({ times, values, first, end }: Window, perSecond: boolean): number | undefined {
  if (end - first < 2) return undefined;
  const last = values[end - 1]!;
  const previous = values[end - 2]!;
  const change = perSecond && last < previous ? last : last - previous;
  const seconds = (times[end - 1]! - times[end - 2]!) / 1000;
  if (seconds === 0) return undefined;
  return perSecond ? change / seconds : change;
}

interface Line {
  readonly slope: number;
  readonly intercept: number;
}

/** Least squares; `origin` is the time of the intercept. */
function regression({ times, values, first, end }: Window, origin: number): Line {
  const initial = values[first]!;
  let constant = true;
  const sumX = new CompensatedSum();
  const sumY = new CompensatedSum();
  const sumXY = new CompensatedSum();
  const sumX2 = new CompensatedSum();
  for (let i = first; i < end; i++) {
    const y = values[i]!;
    if (y !== initial) constant = false;
    const x = (times[i]! - origin) / 1000;
    sumX.add(x);
    sumY.add(y);
    sumXY.add(x * y);
    sumX2.add(x * x);
  }
  if (constant) return Number.isFinite(initial) ? { slope: 0, intercept: initial } : { slope: NaN, intercept: NaN };
  const n = end - first;
  const covariance = sumXY.value - (sumX.value * sumY.value) / n;
  const variance = sumX2.value - (sumX.value * sumX.value) / n;
  const slope = covariance / variance;
  return { slope, intercept: sumY.value / n - (slope * sumX.value) / n };
}

function average({ values, first, end }: Window): number {
  const mean = new CompensatedSum();
  let count = 0;
  for (let i = first; i < end; i++) {
    const value = values[i]!;
    count++;
    if (keepsInfinity(mean.plain, value)) continue;
    mean.add(value / count - mean.plain / count);
  }
  return mean.value;
}

function variance({ values, first, end }: Window): number {
  const mean = new CompensatedSum();
  const squares = new CompensatedSum();
  let count = 0;
  for (let i = first; i < end; i++) {
    const value = values[i]!;
    count++;
    const delta = value - mean.unguarded;
    mean.add(delta / count);
    squares.add(delta * (value - mean.unguarded));
  }
  return squares.unguarded / count;
}

function fold({ values, first, end }: Window, better: (value: number, best: number) => boolean): number {
  let best = values[first]!;
  for (let i = first + 1; i < end; i++) {
    const value = values[i]!;
    if (better(value, best) || Number.isNaN(best)) best = value;
  }
  return best;
}

function steps({ values, first, end }: Window, counts: (before: number, after: number) => boolean): number {
  let count = 0;
  for (let i = first + 1; i < end; i++) if (counts(values[i - 1]!, values[i]!)) count++;
  return count;
}

export const RANGE_FUNCTIONS: Readonly<Record<string, RangeFunction>> = {
  rate: (window) => extrapolated(window, true, true),
  increase: (window) => extrapolated(window, true, false),
  delta: (window) => extrapolated(window, false, false),
  irate: (window) => instant(window, true),
  idelta: (window) => instant(window, false),
  deriv: (window) =>
    window.end - window.first < 2 ? undefined : regression(window, window.times[window.first]!).slope,
  predict_linear: (window) => {
    if (window.end - window.first < 2) return undefined;
    const { slope, intercept } = regression(window, window.now);
    return slope * window.parameter + intercept;
  },
  changes: (window) =>
    steps(window, (before, after) => before !== after && !(Number.isNaN(before) && Number.isNaN(after))),
  resets: (window) => steps(window, (before, after) => after < before),
  avg_over_time: average,
  count_over_time: ({ first, end }) => end - first,
  last_over_time: ({ values, end }) => values[end - 1],
  max_over_time: (window) => fold(window, (value, best) => value > best),
  min_over_time: (window) => fold(window, (value, best) => value < best),
  present_over_time: () => 1,
  quantile_over_time: ({ values, first, end, parameter }) =>
    quantile(parameter, Array.from(values.subarray(first, end))),
  stddev_over_time: (window) => Math.sqrt(variance(window)),
  stdvar_over_time: variance,
  sum_over_time: ({ values, first, end }) => {
    const sum = new CompensatedSum();
    for (let i = first; i < end; i++) sum.add(values[i]!);
    return sum.value;
  },
};
