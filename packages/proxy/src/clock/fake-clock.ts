import type { Clock, Scheduled } from "./clock.ts";

/** A clock that stands still until it is told to advance; for tests and simulations. */
export class FakeClock implements Clock {
  private time = 1_000;
  private readonly wallOffset: number;
  private readonly due: { at: number; run: () => void }[] = [];

  constructor(wallMs = 1_800_000_000_000) {
    this.wallOffset = wallMs - this.time;
  }

  now(): number {
    return this.time;
  }

  wallMs(): number {
    return this.time + this.wallOffset;
  }

  schedule(delayMs: number, run: () => void): Scheduled {
    const entry = { at: this.time + delayMs, run };
    this.due.push(entry);
    return {
      cancel: () => {
        const index = this.due.indexOf(entry);
        if (index >= 0) this.due.splice(index, 1);
      },
    };
  }

  /** Runs what falls due in the next `ms` milliseconds, in order of time. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      let next: { at: number; run: () => void } | undefined;
      for (const entry of this.due) if (entry.at <= end && (next === undefined || entry.at < next.at)) next = entry;
      if (next === undefined) break;
      this.due.splice(this.due.indexOf(next), 1);
      this.time = Math.max(this.time, next.at);
      next.run();
    }
    this.time = end;
  }
}
