import type { Clock } from "../clock/clock.ts";

/** Something that collects output during a turn. */
export interface Flushable {
  flush(): void;
}

/**
 * One callback of the event loop: everything that happens because one socket or timer had something. The time is read once
 * per turn, and what was written to any connection during it leaves at its end, so that a message is one write however many
 * pieces it was encoded in, and a request refused in mid-read has sent nothing upstream.
 */
export class Turn {
  /** Milliseconds, monotonic; of the running turn. */
  now: number;
  private readonly clock: Clock;
  private depth = 0;
  /** The first `dirtyCount` are to be flushed. Never shortened: an array that is emptied by its length grows anew each turn. */
  private readonly dirty: (Flushable | null)[] = [];
  private dirtyCount = 0;

  constructor(clock: Clock) {
    this.clock = clock;
    this.now = clock.now();
  }

  begin(): void {
    if (this.depth++ === 0) this.now = this.clock.now();
  }

  end(): void {
    if (--this.depth > 0) return;
    const { dirty } = this;
    for (let i = 0; i < this.dirtyCount; i++) {
      dirty[i]?.flush();
      dirty[i] = null;
    }
    this.dirtyCount = 0;
  }

  /** `target` is flushed when the turn ends; call once per turn and target. */
  flushLater(target: Flushable): void {
    this.dirty[this.dirtyCount++] = target;
  }
}
