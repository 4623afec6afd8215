/**
 * Keeps one client from taking the event loop for itself: a token bucket of requests. A stream that has spent it is not
 * read until there are tokens again, so that HTTP/2 flow control holds the client back.
 */
import type { Clock } from "../clock.ts";

/** A client sends a request for each response and each change of subscription: tens at start, few afterwards. */
const BURST = 1_000;
const PER_SECOND = 200;
/** Names cost something to look up, too. */
const NAMES_PER_TOKEN = 100;

export class RequestBudget {
  readonly #clock: Clock;
  #tokens = BURST;
  #refilledAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#refilledAt = clock.now();
  }

  /** Takes the price of a request with so many names; returns for how many milliseconds not to read any more. */
  spend(names: number): number {
    const now = this.#clock.now();
    const elapsed = Math.max(0, now - this.#refilledAt);
    this.#tokens = Math.min(BURST, this.#tokens + (elapsed / 1_000) * PER_SECOND) - 1 - names / NAMES_PER_TOKEN;
    this.#refilledAt = now;
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens / PER_SECOND) * 1_000);
  }
}
