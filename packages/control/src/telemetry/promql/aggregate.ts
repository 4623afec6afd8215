/** Operators that make few series of many (promql/engine.go of Prometheus 2.42, aggregation). */
import type { Labels } from "@tulle/telemetry/records";
import { executionError } from "./error.ts";
import { dropLabels, isLabelName, keepLabels, keyOfNames, labelKey, NO_LABELS, setLabel } from "./labels.ts";
import { formatValue } from "./literals.ts";
import { compareNaNFirst, keepsInfinity, quantile } from "./sums.ts";
import { emptySeries, mergeSame, type Scalar, type Spend, type StepSeries, type Vector } from "./values.ts";

export interface Grouping {
  readonly without: boolean;
  readonly labels: readonly string[];
}

interface Group {
  readonly labels: Labels;
  readonly members: StepSeries[];
}

function groupsOf(vector: Vector, { without, labels: names }: Grouping): Group[] {
  const groups = new Map<string, Group>();
  for (const series of vector) {
    const dropped = without ? dropLabels(series.labels, names) : undefined;
    const key = dropped === undefined ? keyOfNames(series.labels, names) : labelKey(dropped);
    let group = groups.get(key);
    if (group === undefined) {
      const labels = dropped ?? (names.length === 0 ? NO_LABELS : keepLabels(series.labels, names));
      group = { labels, members: [] };
      groups.set(key, group);
    }
    group.members.push(series);
  }
  return [...groups.values()];
}

/** Puts the value of one more series into what a group has so far; `count` is with it. */
type Fold = (total: number, value: number, count: number) => number;

const FOLDS: Readonly<Record<string, Fold>> = {
  sum: (total, value) => total + value,
  count: (_, __, count) => count,
  group: () => 1,
  max: (total, value, count) => (count === 1 || total < value || Number.isNaN(total) ? value : total),
  min: (total, value, count) => (count === 1 || total > value || Number.isNaN(total) ? value : total),
  avg: (total, value, count) => {
    if (count === 1) return value;
    return keepsInfinity(total, value) ? total : total + (value / count - total / count);
  },
};

export function aggregate(op: string, vector: Vector, grouping: Grouping, parameter: Scalar, steps: number): Vector {
  const groups = groupsOf(vector, grouping);
  const fold = FOLDS[op];
  return mergeSame(
    groups.map(({ labels, members }) => {
      const result = emptySeries(labels, steps);
      if (fold !== undefined) foldGroup(fold, members, result);
      else if (op === "quantile") overValues(members, result, (values, step) => quantile(parameter[step]!, values));
      else if (op === "stddev") overValues(members, result, (values) => Math.sqrt(variance(values)));
      else overValues(members, result, variance);
      return result;
    }),
  );
}

/** Series by series, so that each is one pass over an array. */
function foldGroup(fold: Fold, members: Vector, { values, present }: StepSeries): void {
  const counts = new Uint32Array(values.length);
  for (const member of members) {
    for (let step = 0; step < values.length; step++) {
      if (member.present[step] === 0) continue;
      present[step] = 1;
      values[step] = fold(values[step]!, member.values[step]!, ++counts[step]!);
    }
  }
}

function overValues(members: Vector, result: StepSeries, summarise: (values: number[], step: number) => number): void {
  for (let step = 0; step < result.values.length; step++) {
    const values: number[] = [];
    for (const member of members) if (member.present[step] !== 0) values.push(member.values[step]!);
    if (values.length === 0) continue;
    result.present[step] = 1;
    result.values[step] = summarise(values, step);
  }
}

/** Welford's. Of one value it is 0, even if that is infinite. */
function variance(values: readonly number[]): number {
  let mean = values[0]!;
  let squares = 0;
  for (let index = 1; index < values.length; index++) {
    const value = values[index]!;
    const delta = value - mean;
    mean += delta / (index + 1);
    squares += delta * (value - mean);
  }
  return squares / values.length;
}

/** `topk` and `bottomk`: the series themselves, those with the best value first. */
export function best(top: boolean, vector: Vector, grouping: Grouping, k: Scalar, steps: number): Vector {
  for (const value of k) {
    if (!(value >= -(2 ** 63) && value < 2 ** 63))
      throw executionError(`Scalar value ${formatValue(value)} overflows int64`);
  }
  const chosen = new Map<StepSeries, StepSeries>();
  const order: StepSeries[] = [];
  for (const { members } of groupsOf(vector, grouping)) {
    for (let step = 0; step < steps; step++) {
      const wanted = Math.trunc(k[step]!);
      if (wanted < 1) continue;
      const there = members.filter(({ present }) => present[step] !== 0);
      // NaN is the last choice either way.
      there.sort((a, b) => {
        const [first, second] = [a.values[step]!, b.values[step]!];
        if (Number.isNaN(first) || Number.isNaN(second)) return compareNaNFirst(second, first);
        return top ? second - first || 0 : first - second || 0;
      });
      for (const series of there.slice(0, wanted)) {
        let result = chosen.get(series);
        if (result === undefined) {
          result = emptySeries(series.labels, steps);
          chosen.set(series, result);
          order.push(result);
        }
        result.present[step] = 1;
        result.values[step] = series.values[step]!;
      }
    }
  }
  return order;
}

/** The value's label is set first, and takes part in the grouping. */
export function countValues(label: string, vector: Vector, grouping: Grouping, steps: number, spend: Spend): Vector {
  if (!isLabelName(label)) throw executionError(`invalid label name ${JSON.stringify(label)}`);
  const names = grouping.without ? grouping.labels : [...grouping.labels, label];
  const results = new Map<string, StepSeries>();
  for (const series of vector) {
    const ofValue = new Map<number, StepSeries>();
    for (let step = 0; step < steps; step++) {
      if (series.present[step] === 0) continue;
      const value = series.values[step]!;
      let result = ofValue.get(value);
      if (result === undefined) {
        const labels = setLabel(series.labels, label, formatValue(value));
        const kept = grouping.without ? dropLabels(labels, names) : keepLabels(labels, names);
        const key = labelKey(kept);
        result = results.get(key);
        if (result === undefined) {
          // As many as there are values.
          spend(steps);
          result = emptySeries(kept, steps);
          results.set(key, result);
        }
        ofValue.set(value, result);
      }
      result.present[step] = 1;
      result.values[step]!++;
    }
  }
  return [...results.values()];
}
