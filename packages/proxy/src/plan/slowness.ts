/** So many requests are watched before any of them counts as slow. */
const WATCHED = 64;
/** How fast the limit follows: a twentieth for each request beyond it. */
const STEP = 0.05;
/** What is shorter is never slow. */
const FLOOR_MS = 1;

/**
 * A quantile of how long a route's requests lately took, in one number: it rises with each request that takes longer and sinks with
 * each that does not, so that in the long run the wanted share is longer. (Ma, Muthukrishnan, Sandler, "Frugal Streaming", 2013)
 */
export class Slowness {
  private limitMs = 0;
  private seen = 0;

  /** Counts a request. @param quantile of those that are not slow @returns whether it was slow */
  isSlow(ms: number, quantile: number): boolean {
    if (this.seen < WATCHED) {
      this.seen++;
      if (ms > this.limitMs) this.limitMs = ms;
      return false;
    }
    if (ms > this.limitMs) {
      this.limitMs = Math.max(this.limitMs * (1 + STEP * quantile), FLOOR_MS);
      return ms > FLOOR_MS;
    }
    this.limitMs *= 1 - STEP * (1 - quantile);
    return false;
  }
}
