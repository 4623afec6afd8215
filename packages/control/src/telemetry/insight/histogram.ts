/** Counts of one histogram in a window, by upper bound, and what can be told from them. */
import type { Latency } from "@tulle/telemetry/insight";
import { quantile } from "@tulle/telemetry";

export class Histogram {
  count = 0;
  sum = 0;
  /** Cumulative, as in Prometheus. */
  readonly #buckets = new Map<number, number>();

  bucket(le: number, count: number): void {
    this.#buckets.set(le, (this.#buckets.get(le) ?? 0) + count);
  }

  add(other: Histogram): void {
    this.count += other.count;
    this.sum += other.sum;
    for (const [le, count] of other.#buckets) this.bucket(le, count);
  }

  get mean(): number | null {
    return this.count > 0 ? this.sum / this.count : null;
  }

  latency(): Latency {
    const buckets = [...this.#buckets].map(([le, count]) => ({ le, count })).sort((a, b) => a.le - b.le);
    const at = (q: number): number | null => quantile(q, buckets) ?? null;
    return { meanMs: this.mean, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
  }
}

export const NO_LATENCY: Latency = { meanMs: null, p50Ms: null, p95Ms: null, p99Ms: null };
