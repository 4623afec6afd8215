/** Token buckets by name: how often somebody may ask. */
import type { Clock } from "@tulle/xds";

export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** So many names are kept before those whose buckets are full again are forgotten. */
const KEPT = 10_000;

export class RateLimiter {
  readonly #rate: Rate;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
  }

  /** False: too often. */
  take(name: string): boolean {
    const now = this.#clock.now();
    if (this.#buckets.size >= KEPT) this.#forget(now);
    const bucket = this.#buckets.get(name) ?? { tokens: this.#rate.burst, at: now };
    bucket.tokens = this.#refilled(bucket, now);
    bucket.at = now;
    this.#buckets.set(name, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  #refilled({ tokens, at }: Bucket, now: number): number {
    const { burst, perSecond } = this.#rate;
    return Math.min(burst, tokens + (Math.max(0, now - at) / 1000) * perSecond);
  }

  #forget(now: number): void {
    for (const [name, bucket] of this.#buckets) {
      if (this.#refilled(bucket, now) >= this.#rate.burst) this.#buckets.delete(name);
    }
  }
}
