/** Operators between two expressions (promql/engine.go of Prometheus 2.42, VectorBinop and its like). */
import type { Labels } from "@tulle/telemetry/records";
import type { VectorMatching } from "./ast.ts";
import { executionError } from "./error.ts";
import { COMPARISONS } from "./functions.ts";
import {
  dropLabels,
  formatLabels,
  keepLabels,
  keyOfNames,
  labelKey,
  labelValue,
  setLabel,
  withoutName,
} from "./labels.ts";
import { emptySeries, mergeSame, type Scalar, type Spend, type StepSeries, type Vector, withValues } from "./values.ts";

type Operation = (a: number, b: number) => number;

/** Go's math.Pow, where it differs from JavaScript's. */
function pow(base: number, exponent: number): number {
  if (base === 1 || (base === -1 && !Number.isFinite(exponent) && !Number.isNaN(exponent))) return 1;
  return base ** exponent;
}

const ARITHMETIC: Readonly<Record<string, Operation>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
  "^": pow,
  atan2: Math.atan2,
};

const TESTS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  ">": (a, b) => a > b,
  "<": (a, b) => a < b,
  ">=": (a, b) => a >= b,
  "<=": (a, b) => a <= b,
};

/** Comparisons give 1 and 0. */
function operation(op: string): Operation {
  const test = TESTS[op];
  return test === undefined ? ARITHMETIC[op]! : (a, b) => (test(a, b) ? 1 : 0);
}

export function scalarOperation(op: string, a: Scalar, b: Scalar): Scalar {
  const apply = operation(op);
  return a.map((value, step) => apply(value, b[step]!));
}

/** `swapped`: the scalar is on the left. A comparison without `bool` keeps the vector's value. */
export function vectorScalarOperation(
  op: string,
  vector: Vector,
  scalar: Scalar,
  swapped: boolean,
  bool: boolean,
): Vector {
  const filters = COMPARISONS.has(op) && !bool;
  const apply = operation(op);
  const result = vector.map((series) => {
    const out = emptySeries(filters ? series.labels : withoutName(series.labels), scalar.length);
    for (let step = 0; step < scalar.length; step++) {
      if (series.present[step] === 0) continue;
      const value = series.values[step]!;
      const applied = swapped ? apply(scalar[step]!, value) : apply(value, scalar[step]!);
      if (filters && applied === 0) continue;
      out.present[step] = 1;
      out.values[step] = filters ? value : applied;
    }
    return out;
  });
  return mergeSame(filters ? withValues(result) : result);
}

/** The labels by which series of both sides find each other. */
function matchLabels({ on, labels: names }: VectorMatching, labels: Labels): Labels {
  return on ? keepLabels(labels, names) : dropLabels(labels, names);
}

/** Equal numbers for series that match each other. */
function matchGroups(matching: VectorMatching, ...sides: readonly Vector[]): { sides: Int32Array[]; count: number } {
  const numbers = new Map<string, number>();
  const groups = sides.map((side) =>
    Int32Array.from(side, ({ labels }) => {
      const key = matching.on ? keyOfNames(labels, matching.labels) : labelKey(dropLabels(labels, matching.labels));
      const known = numbers.get(key);
      if (known !== undefined) return known;
      numbers.set(key, numbers.size);
      return numbers.size - 1;
    }),
  );
  return { sides: groups, count: numbers.size };
}

export function vectorOperation(
  op: string,
  lhs: Vector,
  rhs: Vector,
  matching: VectorMatching,
  bool: boolean,
  steps: number,
  spend: Spend,
): Vector {
  const swapped = matching.cardinality === "one-to-many";
  const [many, one] = swapped ? [rhs, lhs] : [lhs, rhs];
  const filters = COMPARISONS.has(op) && !bool;
  const apply = operation(op);
  const { sides, count } = matchGroups(matching, many, one);
  const [manyGroups, oneGroups] = sides as [Int32Array, Int32Array];
  const oneOfGroup = new Int32Array(count);
  const matched = new Int32Array(count);
  const results = new Map<number, Result>();
  const taken = matching.cardinality === "one-to-one" ? undefined : new Map<string, number>();

  for (let step = 0; step < steps; step++) {
    if (!hasValue(many, step) || !hasValue(one, step)) continue;
    oneOfGroup.fill(-1);
    for (let i = 0; i < one.length; i++) {
      if (one[i]!.present[step] === 0) continue;
      const group = oneGroups[i]!;
      const other = oneOfGroup[group]!;
      if (other >= 0) throw duplicates(matching, one[i]!.labels, one[other]!.labels, swapped ? "left" : "right");
      oneOfGroup[group] = i;
    }
    for (let i = 0; i < many.length; i++) {
      const series = many[i]!;
      const group = manyGroups[i]!;
      const partner = oneOfGroup[group]!;
      if (series.present[step] === 0 || partner < 0) continue;
      const manyValue = series.values[step]!;
      const oneValue = one[partner]!.values[step]!;
      const applied = swapped ? apply(oneValue, manyValue) : apply(manyValue, oneValue);
      if (filters && applied === 0) continue;
      const pair = i * one.length + partner;
      let result = results.get(pair);
      if (result === undefined) {
        // Where partners change, there may be more results than series on either side.
        spend(steps);
        result = resultOf(resultLabels(op, series.labels, one[partner]!.labels, matching, bool), group, steps);
        results.set(pair, result);
      }
      if (taken === undefined) {
        if (matched[group] === step + 1) {
          const way = "many-to-one matching must be explicit (group_left/group_right)";
          throw executionError(`multiple matches for labels: ${way}`);
        }
        matched[group] = step + 1;
      } else {
        if (taken.get(result.key) === step)
          throw executionError("multiple matches for labels: grouping labels must ensure unique matches");
        taken.set(result.key, step);
      }
      result.series.present[step] = 1;
      result.series.values[step] = filters ? (swapped ? oneValue : manyValue) : applied;
    }
  }
  return mergeSame([...results.values()].map(({ series }) => series));
}

interface Result {
  readonly series: StepSeries;
  /** Of its labels, within what matched. */
  readonly key: string;
}

function resultOf(labels: Labels, group: number, steps: number): Result {
  return { series: emptySeries(labels, steps), key: `${group}\xff${labelKey(labels)}` };
}

function hasValue(vector: Vector, step: number): boolean {
  return vector.some(({ present }) => present[step] !== 0);
}

function duplicates(matching: VectorMatching, a: Labels, b: Labels, side: string): Error {
  const group = formatLabels(matchLabels(matching, a));
  return executionError(
    `found duplicate series for the match group ${group} on the ${side} hand-side of the operation: [${formatLabels(a)}, ${formatLabels(b)}];many-to-many matching not allowed: matching labels must be unique on one side`,
  );
}

function resultLabels(op: string, many: Labels, one: Labels, matching: VectorMatching, bool: boolean): Labels {
  let labels = COMPARISONS.has(op) && !bool ? many : withoutName(many);
  if (matching.cardinality === "one-to-one") {
    if (matching.on) labels = keepLabels(labels, matching.labels);
    else if (matching.labels.length > 0) {
      const name = labels["__name__"];
      labels = dropLabels(labels, matching.labels);
      if (name !== undefined && !matching.labels.includes("__name__")) labels = setLabel(labels, "__name__", name);
    }
  }
  for (const name of matching.include) labels = setLabel(labels, name, labelValue(one, name));
  return bool ? withoutName(labels) : labels;
}

export function setOperation(op: string, lhs: Vector, rhs: Vector, matching: VectorMatching, steps: number): Vector {
  const { sides, count } = matchGroups(matching, lhs, rhs);
  const [left, right] = sides as [Int32Array, Int32Array];
  if (op === "or") {
    const there = presence(lhs, left, count, steps);
    return mergeSame([...lhs, ...select(rhs, right, there, count, false)]);
  }
  return mergeSame(select(lhs, left, presence(rhs, right, count, steps), count, op === "and"));
}

/** For each step and group whether any series has a value. */
function presence(vector: Vector, groups: Int32Array, count: number, steps: number): Uint8Array {
  const there = new Uint8Array(count * steps);
  for (const [index, { present }] of vector.entries())
    for (let step = 0; step < steps; step++) if (present[step] !== 0) there[step * count + groups[index]!] = 1;
  return there;
}

function select(vector: Vector, groups: Int32Array, there: Uint8Array, count: number, wanted: boolean): Vector {
  const selected = vector.map((series, index) => ({
    ...series,
    present: series.present.map((is, step) =>
      is !== 0 && (there[step * count + groups[index]!] === 1) === wanted ? 1 : 0,
    ),
  }));
  return withValues(selected);
}
