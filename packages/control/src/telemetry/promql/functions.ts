/** Every function and operator that we have: what it takes and gives (promql/parser/functions.go of Prometheus). */
import type { ValueType } from "./ast.ts";

export interface Signature {
  readonly args: readonly ValueType[];
  /** How many of the last arguments may be absent; -1: the last one may also be repeated. */
  readonly optional: number;
  readonly gives: ValueType;
}

function takes(args: readonly ValueType[], optional = 0, gives: ValueType = "vector"): Signature {
  return { args, optional, gives };
}

const VECTOR = takes(["vector"]);
const MATRIX = takes(["matrix"]);

export const FUNCTIONS: Readonly<Record<string, Signature>> = {
  abs: VECTOR,
  absent: VECTOR,
  absent_over_time: MATRIX,
  acos: VECTOR,
  acosh: VECTOR,
  asin: VECTOR,
  asinh: VECTOR,
  atan: VECTOR,
  atanh: VECTOR,
  avg_over_time: MATRIX,
  ceil: VECTOR,
  changes: MATRIX,
  clamp: takes(["vector", "scalar", "scalar"]),
  clamp_max: takes(["vector", "scalar"]),
  clamp_min: takes(["vector", "scalar"]),
  cos: VECTOR,
  cosh: VECTOR,
  count_over_time: MATRIX,
  day_of_month: takes(["vector"], 1),
  day_of_week: takes(["vector"], 1),
  day_of_year: takes(["vector"], 1),
  days_in_month: takes(["vector"], 1),
  deg: VECTOR,
  delta: MATRIX,
  deriv: MATRIX,
  exp: VECTOR,
  floor: VECTOR,
  histogram_quantile: takes(["scalar", "vector"]),
  hour: takes(["vector"], 1),
  idelta: MATRIX,
  increase: MATRIX,
  irate: MATRIX,
  label_join: takes(["vector", "string", "string", "string"], -1),
  label_replace: takes(["vector", "string", "string", "string", "string"]),
  last_over_time: MATRIX,
  ln: VECTOR,
  log10: VECTOR,
  log2: VECTOR,
  max_over_time: MATRIX,
  min_over_time: MATRIX,
  minute: takes(["vector"], 1),
  month: takes(["vector"], 1),
  pi: takes([], 0, "scalar"),
  predict_linear: takes(["matrix", "scalar"]),
  present_over_time: MATRIX,
  quantile_over_time: takes(["scalar", "matrix"]),
  rad: VECTOR,
  rate: MATRIX,
  resets: MATRIX,
  round: takes(["vector", "scalar"], 1),
  scalar: takes(["vector"], 0, "scalar"),
  sgn: VECTOR,
  sin: VECTOR,
  sinh: VECTOR,
  sort: VECTOR,
  sort_desc: VECTOR,
  sqrt: VECTOR,
  stddev_over_time: MATRIX,
  stdvar_over_time: MATRIX,
  sum_over_time: MATRIX,
  tan: VECTOR,
  tanh: VECTOR,
  time: takes([], 0, "scalar"),
  timestamp: VECTOR,
  vector: takes(["scalar"]),
  year: takes(["vector"], 1),
};

/** Operators that make few series of many, with what their parameter is. */
export const AGGREGATIONS: Readonly<Record<string, ValueType | undefined>> = {
  avg: undefined,
  bottomk: "scalar",
  count: undefined,
  count_values: "string",
  group: undefined,
  max: undefined,
  min: undefined,
  quantile: "scalar",
  stddev: undefined,
  stdvar: undefined,
  sum: undefined,
  topk: "scalar",
};

export const COMPARISONS: ReadonlySet<string> = new Set(["==", "!=", ">", "<", ">=", "<="]);
export const SET_OPERATORS: ReadonlySet<string> = new Set(["and", "or", "unless"]);
