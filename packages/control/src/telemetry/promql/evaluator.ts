/** Evaluates an expression at all steps of a query (promql/engine.go of Prometheus 2.42). Pure: series and time come from outside. */
import type { SeriesSource } from "@tulle/telemetry/records";
import { aggregate, best, countValues } from "./aggregate.ts";
import {
  type Aggregation,
  type Binary,
  type Call,
  type Expr,
  type Subquery,
  unwrap,
  type VectorSelector,
  type When,
} from "./ast.ts";
import { scalarOperation, setOperation, vectorOperation, vectorScalarOperation } from "./binary.ts";
import { typeOf } from "./check-types.ts";
import { PromqlError } from "./error.ts";
import { SET_OPERATORS } from "./functions.ts";
import { histogramQuantile } from "./histogram-quantile.ts";
import { absentLabels, labelJoin, labelReplace } from "./label-functions.ts";
import { NO_LABELS, withoutName } from "./labels.ts";
import { asSamples, newest, overWindows, withoutStale } from "./selection.ts";
import { compareNaNFirst } from "./sums.ts";
import {
  emptySeries,
  namesDiffer,
  type Matrix,
  mergeSame,
  refuseSame,
  type Scalar,
  type Spend,
  type Steps,
  type StepSeries,
  type Vector,
} from "./values.ts";
import { DATE_FUNCTIONS, PARAMETER_FUNCTIONS, VALUE_FUNCTIONS } from "./vector-functions.ts";

/** Prometheus' `--query.lookback-delta`. */
const LOOKBACK = 5 * 60_000;
/** Prometheus' global evaluation interval, a subquery's default step. */
const DEFAULT_STEP = 60_000;

/** What all parts of one query share. */
export interface Environment {
  readonly source: SeriesSource;
  /** The query's own first and last time: `@ start()` and `@ end()`. */
  readonly start: number;
  readonly end: number;
  /** Throws when a query has had more samples, or time, than it may have. */
  readonly spend: Spend;
  /** Throws if so many more would be too many: asked before they are made. */
  readonly reserve: Spend;
}

export class Evaluator {
  readonly #environment: Environment;
  readonly #steps: Steps;
  readonly #count: number;

  constructor(environment: Environment, steps: Steps) {
    this.#environment = environment;
    this.#steps = steps;
    this.#count = steps.count;
  }

  scalar(expr: Expr): Scalar {
    switch (expr.kind) {
      case "number":
        return this.#constant(expr.value);
      case "paren":
        return this.scalar(expr.expr);
      case "unary": {
        const scalar = this.scalar(expr.expr);
        return expr.op === "-" ? scalar.map((value) => -value) : scalar;
      }
      case "binary":
        return scalarOperation(expr.op, this.scalar(expr.lhs), this.scalar(expr.rhs));
      case "call":
        return this.#scalarCall(expr);
      default:
        throw new TypeError(`${expr.kind} is not a scalar`);
    }
  }

  vector(expr: Expr): Vector {
    const vector = this.#vector(expr);
    this.#environment.spend(vector.length * this.#count);
    return vector;
  }

  /** What a range selector or a subquery has, for an instant query that asks for just that. */
  matrix(expr: Expr): Matrix {
    const inner = unwrap(expr);
    if (inner.kind === "subquery") return this.#subquery(inner);
    if (inner.kind !== "matrix selector") throw new TypeError(`${inner.kind} is not a range`);
    const ends = this.#ends(inner.selector);
    const from = ends[0]! - inner.range;
    const series = this.#select(inner.selector, from, ends.at(-1)!).map(withoutStale);
    return { series, range: inner.range, ends };
  }

  #vector(expr: Expr): Vector {
    switch (expr.kind) {
      case "paren":
        return this.#vector(expr.expr);
      case "vector selector":
        return this.#newest(expr, false);
      case "unary": {
        const vector = this.#vector(expr.expr);
        return expr.op === "-" ? refuseSame(mapValues(vector, (value) => -value)) : vector;
      }
      case "binary":
        return this.#binary(expr);
      case "aggregation":
        return this.#aggregation(expr);
      case "call":
        return this.#call(expr);
      default:
        throw new TypeError(`${expr.kind} is not a vector`);
    }
  }

  #constant(value: number): Scalar {
    return new Float64Array(this.#count).fill(value);
  }

  #times(): Scalar {
    const { start, step, count } = this.#steps;
    return Float64Array.from({ length: count }, (_, index) => (start + index * step) / 1000);
  }

  /** When a selector looks, at each step. */
  #ends({ offset = 0, at }: When): Float64Array {
    const { start, step, count } = this.#steps;
    const { start: queryStart, end: queryEnd } = this.#environment;
    const fixed = at === "start" ? queryStart : at === "end" ? queryEnd : at;
    if (fixed !== undefined) return new Float64Array(count).fill(fixed - offset);
    return Float64Array.from({ length: count }, (_, index) => start + index * step - offset);
  }

  /** Samples with `from` ≤ time ≤ `to`. */
  #select({ matchers }: VectorSelector, from: number, to: number): ReturnType<SeriesSource["select"]> {
    const { source, spend } = this.#environment;
    const found = source.select(matchers, from - 1, to);
    for (const { times } of found) spend(times.length);
    return found;
  }

  #newest(selector: VectorSelector, ofTime: boolean): Vector {
    const ends = this.#ends(selector);
    const series = this.#select(selector, ends[0]! - LOOKBACK, ends.at(-1)!);
    this.#environment.reserve(series.length * this.#count);
    return newest(series, ends, LOOKBACK, ofTime);
  }

  #subquery(subquery: Subquery): Matrix {
    const { expr, range, step = DEFAULT_STEP } = subquery;
    const ends = this.#ends(subquery);
    // Aligned to the step, whatever the query's own times, so that answers move on without jumping.
    const start = Math.ceil((ends[0]! - range) / step) * step;
    const count = Math.max(0, Math.floor((ends.at(-1)! - start) / step) + 1);
    if (count === 0) return { series: [], range, ends };
    // Also for steps that no series has: a subquery's own steps cost time.
    this.#environment.spend(count);
    const steps = { start, step, count };
    const vector = new Evaluator(this.#environment, steps).vector(expr);
    return { series: asSamples(vector, steps), range, ends };
  }

  #binary({ op, lhs, rhs, bool, matching }: Binary): Vector {
    if (typeOf(lhs) === "scalar") return vectorScalarOperation(op, this.vector(rhs), this.scalar(lhs), true, bool);
    const left = this.vector(lhs);
    if (typeOf(rhs) === "scalar") return vectorScalarOperation(op, left, this.scalar(rhs), false, bool);
    const right = this.vector(rhs);
    return SET_OPERATORS.has(op)
      ? setOperation(op, left, right, matching, this.#count)
      : vectorOperation(op, left, right, matching, bool, this.#count, this.#environment.spend);
  }

  #aggregation(expr: Aggregation): Vector {
    const { op, param, without, labels } = expr;
    const vector = this.vector(expr.expr);
    const grouping = { without, labels };
    if (op === "count_values")
      return countValues(textOf(param!), vector, grouping, this.#count, this.#environment.spend);
    const parameter = param === undefined ? new Float64Array(0) : this.scalar(param);
    if (op === "topk" || op === "bottomk") return best(op === "topk", vector, grouping, parameter, this.#count);
    return aggregate(op, vector, grouping, parameter, this.#count);
  }

  #scalarCall({ name, args }: Call): Scalar {
    if (name === "time") return this.#times();
    if (name === "pi") return this.#constant(Math.PI);
    const vector = this.vector(args[0]!);
    const result = this.#constant(NaN);
    for (let step = 0; step < this.#count; step++) {
      const there = vector.filter(({ present }) => present[step] !== 0);
      if (there.length === 1) result[step] = there[0]!.values[step]!;
    }
    return result;
  }

  #call(call: Call): Vector {
    const { name, args } = call;
    const valueFunction = VALUE_FUNCTIONS[name];
    if (valueFunction !== undefined) return mergeSame(mapValues(this.vector(args[0]!), valueFunction));
    const dateFunction = DATE_FUNCTIONS[name];
    if (dateFunction !== undefined) {
      const vector = args.length === 0 ? this.#ofScalar(this.#times()) : this.vector(args[0]!);
      return mergeSame(mapValues(vector, dateFunction));
    }
    if (Object.hasOwn(PARAMETER_FUNCTIONS, name)) return this.#parameterCall(call);
    switch (name) {
      case "absent":
        return this.#absent(unwrap(args[0]!), this.vector(args[0]!));
      case "absent_over_time": {
        const matrix = this.matrix(args[0]!);
        const present = overWindows("present_over_time", matrix, this.#steps, this.#constant(0));
        return this.#absent(unwrap(args[0]!), present);
      }
      case "histogram_quantile":
        return histogramQuantile(this.scalar(args[0]!), this.vector(args[1]!));
      case "label_replace": {
        const [destination, replacement, source, pattern] = args.slice(1).map(textOf);
        return labelReplace(this.vector(args[0]!), [destination!, replacement!, source!, pattern!]);
      }
      case "label_join":
        return labelJoin(this.vector(args[0]!), args.slice(1).map(textOf));
      case "sort":
      case "sort_desc":
        return this.#sort(this.vector(args[0]!), name === "sort_desc");
      case "timestamp":
        return this.#timestamp(args[0]!);
      case "vector":
        return this.#ofScalar(this.scalar(args[0]!));
      default:
        return this.#rangeCall(call);
    }
  }

  #rangeCall({ name, args }: Call): Vector {
    const ranged = args.find((arg) => typeOf(arg) === "matrix")!;
    const parameter = args.find((arg) => typeOf(arg) === "scalar");
    const matrix = this.matrix(ranged);
    const values = parameter === undefined ? this.#constant(0) : this.scalar(parameter);
    this.#environment.reserve(matrix.series.length * this.#count);
    const vector = overWindows(name, matrix, this.#steps, values);
    return namesDiffer(matrix.series) ? refuseSame(vector) : vector;
  }

  #parameterCall({ name, args }: Call): Vector {
    const apply = PARAMETER_FUNCTIONS[name]!;
    const vector = this.vector(args[0]!);
    const [first = this.#constant(1), second = first] = args.slice(1).map((arg) => this.scalar(arg));
    const results = vector.map((series) => {
      const result = emptySeries(withoutName(series.labels), this.#count);
      for (let step = 0; step < this.#count; step++) {
        if (series.present[step] === 0) continue;
        const value = apply(series.values[step]!, first[step]!, second[step]!);
        if (value === undefined) continue;
        result.present[step] = 1;
        result.values[step] = value;
      }
      return result;
    });
    return mergeSame(results);
  }

  #ofScalar(values: Scalar): Vector {
    return [{ labels: NO_LABELS, values, present: new Uint8Array(this.#count).fill(1) }];
  }

  #absent(expr: Expr, vector: Vector): Vector {
    const result = emptySeries(absentLabels(expr), this.#count);
    for (let step = 0; step < this.#count; step++) {
      if (vector.some(({ present }) => present[step] !== 0)) continue;
      result.present[step] = 1;
      result.values[step] = 1;
    }
    return [result];
  }

  /** Of a selector the time of the sample, of anything else when it was evaluated. */
  #timestamp(expr: Expr): Vector {
    const inner = unwrap(expr);
    if (inner.kind === "vector selector") return mergeSame(mapValues(this.#newest(inner, true), (time) => time));
    const times = this.#times();
    return mergeSame(
      this.vector(expr).map(({ labels, present }) => ({ labels: withoutName(labels), values: times.slice(), present })),
    );
  }

  /** Only an instant query has an order. NaN comes last either way. */
  #sort(vector: Vector, descending: boolean): Vector {
    if (this.#count !== 1) return vector;
    return vector
      .filter(({ present }) => present[0] !== 0)
      .toSorted(({ values: [a] }, { values: [b] }) =>
        descending || Number.isNaN(a) || Number.isNaN(b) ? compareNaNFirst(b!, a!) : compareNaNFirst(a!, b!),
      );
  }
}

/** Names go with the meaning of the value. */
function mapValues(vector: Vector, apply: (value: number) => number): StepSeries[] {
  return vector.map(({ labels, values, present }) => ({
    labels: withoutName(labels),
    values: values.map(apply),
    present,
  }));
}

function textOf(expr: Expr): string {
  const inner = unwrap(expr);
  if (inner.kind !== "string") throw new PromqlError("execution", "expected a string literal");
  return inner.value;
}
