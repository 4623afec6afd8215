/**
 * Of each bucket of a histogram, one traced request that fell into it: the last one. (OpenMetrics, "Exemplars") There is memory for it from the first
 * one on, and never more.
 */
export class Exemplars {
  private readonly bounds: readonly number[];
  /** By bucket, the one for everything last; "" for none. */
  readonly traceIds: string[];
  readonly values: Float64Array;
  /** ms since 1970. */
  readonly times: Float64Array;
  /** Of all of them. */
  newest = 0;

  /** @param bounds upper ones, rising */
  constructor(bounds: readonly number[]) {
    const buckets = bounds.length + 1;
    this.bounds = bounds;
    this.traceIds = Array.from({ length: buckets }, () => "");
    this.values = new Float64Array(buckets);
    this.times = new Float64Array(buckets);
  }

  keep(value: number, traceId: string, timeMs: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]) bucket++;
    this.traceIds[bucket] = traceId;
    this.values[bucket] = value;
    this.times[bucket] = timeMs;
    if (timeMs > this.newest) this.newest = timeMs;
  }
}

/** Its one label; what Grafana and Jaeger call it. */
export const TRACE_ID = "trace_id";
