/** Samples of the source as selectors want them: the newest at each step, or those in a window (promql/engine.go of Prometheus 2.42). */
import type { Series } from "@tulle/telemetry/records";
import { emptySeries, type Matrix, type RangeSeries, type Steps, type StepSeries, type Vector } from "./values.ts";
import type { Window } from "./range-functions.ts";
import { RANGE_FUNCTIONS } from "./range-functions.ts";
import { withoutName } from "./labels.ts";

/** The value of each series at `ends(step)`: its newest sample, unless that is older than `lookback` or says that the series ended. */
export function newest(all: readonly Series[], ends: Float64Array, lookback: number, ofTime: boolean): Vector {
  const vector: StepSeries[] = [];
  for (const { labels, times, values } of all) {
    const result = emptySeries(labels, ends.length);
    let next = 0;
    let any = false;
    for (let step = 0; step < ends.length; step++) {
      const end = ends[step]!;
      while (next < times.length && times[next]! <= end) next++;
      if (next === 0) continue;
      const time = times[next - 1]!;
      const value = values[next - 1]!;
      if (time < end - lookback || Number.isNaN(value)) continue;
      any = true;
      result.present[step] = 1;
      result.values[step] = ofTime ? time / 1000 : value;
    }
    if (any) vector.push(result);
  }
  return vector;
}

/** Without stale markers: windows reach across them. */
export function withoutStale({ labels, times, values }: Series): RangeSeries {
  let stale = 0;
  for (const value of values) if (Number.isNaN(value)) stale++;
  if (stale === 0) return { labels, times, values, count: times.length };
  const keptTimes = new Float64Array(times.length - stale);
  const keptValues = new Float64Array(times.length - stale);
  let count = 0;
  for (let i = 0; i < times.length; i++) {
    if (Number.isNaN(values[i])) continue;
    keptTimes[count] = times[i]!;
    keptValues[count++] = values[i]!;
  }
  return { labels, times: keptTimes, values: keptValues, count };
}

/** What a subquery gave, as if it had been stored. */
export function asSamples(vector: Vector, { start, step, count }: Steps): RangeSeries[] {
  return vector.map(({ labels, values, present }) => {
    const times = new Float64Array(count);
    const kept = new Float64Array(count);
    let used = 0;
    for (let index = 0; index < count; index++) {
      if (present[index] === 0) continue;
      times[used] = start + index * step;
      kept[used++] = values[index]!;
    }
    return { labels, times, values: kept, count: used };
  });
}

/** A function of each series' samples in the window of each step. `ends` of windows never fall. */
export function overWindows(
  name: string,
  { series: all, range, ends }: Matrix,
  steps: Steps,
  parameter: Float64Array,
): StepSeries[] {
  const apply = RANGE_FUNCTIONS[name]!;
  const keepsName = name === "last_over_time";
  const vector: StepSeries[] = [];
  for (const { labels, times, values, count } of all) {
    const result = emptySeries(keepsName ? labels : withoutName(labels), ends.length);
    const window: Window = { times, values, first: 0, end: 0, from: 0, to: 0, now: 0, parameter: 0 };
    let any = false;
    for (let step = 0; step < ends.length; step++) {
      window.to = ends[step]!;
      window.from = window.to - range;
      // Closed at both ends, as in Prometheus 2; Prometheus 3 leaves out what is exactly at the start.
      while (window.first < count && times[window.first]! < window.from) window.first++;
      if (window.end < window.first) window.end = window.first;
      while (window.end < count && times[window.end]! <= window.to) window.end++;
      if (window.end === window.first) continue;
      window.now = steps.start + step * steps.step;
      window.parameter = parameter[step]!;
      const value = apply(window);
      if (value === undefined) continue;
      any = true;
      result.present[step] = 1;
      result.values[step] = value;
    }
    if (any) vector.push(result);
  }
  return vector;
}
