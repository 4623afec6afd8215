import type { Clock } from "./clock.ts";

/** How long the difference between the two clocks is taken for granted, in monotonic ms. */
const CHECK_MS = 1_000;
/** Ticks of the wall clock are whole milliseconds: less than this is no step of it. */
const STEP_MS = 2;

/** Tells the time of day of monotonic times without asking the system for each; never goes back but where the system's clock is set. */
export class WallClock {
  private readonly clock: Clock;
  private offset = NaN;
  private checkedAt = -Infinity;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Milliseconds since 1970, with fractions. */
  at(monotonicMs: number): number {
    if (monotonicMs - this.checkedAt >= CHECK_MS) this.check();
    return monotonicMs + this.offset;
  }

  private check(): void {
    const now = this.clock.now();
    const offset = this.clock.wallMs() - now;
    if (!(Math.abs(offset - this.offset) < STEP_MS)) this.offset = offset;
    this.checkedAt = now;
  }
}
