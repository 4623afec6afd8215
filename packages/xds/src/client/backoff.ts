/** Exponential back-off with full jitter. (Envoy source/common/common/backoff_strategy.cc, JitteredExponentialBackOffStrategy) */

/** Envoy's for streams to management servers. (source/common/config/utility.h, RetryInitialDelayMs, RetryMaxDelayMs) */
const BASE_MS = 500;
const MAX_MS = 30_000;

export class Backoff {
  readonly #random: () => number;
  #interval = BASE_MS;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Milliseconds until the next attempt: anywhere between 0 and an interval that doubles. */
  next(): number {
    const delay = Math.floor(this.#random() * this.#interval);
    this.#interval = Math.min(this.#interval * 2, MAX_MS);
    return delay;
  }

  /** To be called when a stream has proved to work. */
  reset(): void {
    this.#interval = BASE_MS;
  }
}
