import type { Clock } from "../clock/clock.ts";

/** Milliseconds for which a rendered date is good enough (Envoy refreshes its own as often). */
const REFRESH_MS = 500;

/** The `date` header's value (RFC 9110 §5.6.7), rendered at most twice a second. */
export class HttpDate {
  private readonly clock: Clock;
  private text = "";
  private renderedAt = -Infinity;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** @param now the turn's monotonic time */
  at(now: number): string {
    if (now - this.renderedAt >= REFRESH_MS) {
      this.renderedAt = now;
      // cold: once a second
      this.text = new Date(this.clock.wallMs()).toUTCString();
    }
    return this.text;
  }
}
