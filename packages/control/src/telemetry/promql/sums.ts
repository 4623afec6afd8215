/** Sums as Prometheus makes them, to the last bit where order is the same. */

/** Neumaier's variant of Kahan's sum (promql/functions.go, kahanSumInc). */
export class CompensatedSum {
  #sum: number;
  #compensation = 0;

  constructor(initial = 0) {
    this.#sum = initial;
  }

  add(value: number): void {
    const total = this.#sum + value;
    this.#compensation +=
      Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - total + value : value - total + this.#sum;
    this.#sum = total;
  }

  get plain(): number {
    return this.#sum;
  }

  /** Also of infinities, of which it makes NaN, as Prometheus does where it forgot them. */
  get unguarded(): number {
    return this.#sum + this.#compensation;
  }

  get value(): number {
    return Number.isFinite(this.#sum) ? this.#sum + this.#compensation : this.#sum;
  }
}

/** Whether a mean that is infinite stays as it is when `value` is added. */
export function keepsInfinity(mean: number, value: number): boolean {
  if (Number.isFinite(mean) || Number.isNaN(mean)) return false;
  return Number.isFinite(value) || value === mean;
}

/** NaN sorts before everything. */
export function compareNaNFirst(a: number, b: number): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : -1;
  return Number.isNaN(b) ? 1 : a - b || (a < b ? -1 : a > b ? 1 : 0);
}

/** The q-quantile, interpolated between neighbours (promql/quantile.go). Sorts `values`. */
export function quantile(q: number, values: number[]): number {
  if (values.length === 0 || Number.isNaN(q)) return NaN;
  if (q < 0) return -Infinity;
  if (q > 1) return Infinity;
  values.sort(compareNaNFirst);
  const rank = q * (values.length - 1);
  const lower = Math.floor(rank);
  const weight = rank - lower;
  return values[lower]! * (1 - weight) + values[Math.min(values.length - 1, lower + 1)]! * weight;
}
