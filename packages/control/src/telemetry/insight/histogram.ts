/** Counts of one histogram in a window, by upper bound, and what can be told from them. */
import type { Latency } from "@tulle/telemetry/insight";
import { quantile } from "@tulle/telemetry";

interface Bucket {
  readonly le: number;
  /** Cumulative, as in Prometheus. */
  count: number;
}

export class Histogram {
  count = 0;
  sum = 0;
  /** By rising bounds. */
  readonly #buckets: Bucket[] = [];
  /** Where the next bound is looked for first: they come in order. */
  #next = 0;

  bucket(le: number, count: number): void {
    const buckets = this.#buckets;
    let at = this.#next < buckets.length ? this.#next : 0;
    if (buckets.length === 0 || buckets[buckets.length - 1]!.le < le) at = buckets.length;
    else if (buckets[at]!.le !== le) at = buckets.findIndex((bucket) => bucket.le >= le);
    this.#next = at + 1;
    const found = buckets[at];
    if (found?.le === le) found.count += count;
    else buckets.splice(at, 0, { le, count });
  }

  add(other: Histogram): void {
    this.count += other.count;
    this.sum += other.sum;
    for (const { le, count } of other.#buckets) this.bucket(le, count);
  }

  get mean(): number | null {
    return this.count > 0 ? this.sum / this.count : null;
  }

  latency(): Latency {
    const at = (q: number): number | null => quantile(q, this.#buckets) ?? null;
    return { meanMs: this.mean, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
  }
}

export const NO_LATENCY: Latency = { meanMs: null, p50Ms: null, p95Ms: null, p99Ms: null };
