import type { Clock } from "../clock/clock.ts";
import { SharedOutput } from "./shared-output.ts";

/** Something that collects output during a turn. */
export interface Flushable {
  flush(): void;
}

/** Calls `run` once, after the callbacks that the event loop has at hand (`setImmediate`). */
export type AfterRound = (run: () => void) => void;

/** So many turns of a round make it worth while to gather: asking for the end of a round costs 2 µs. */
const GATHERED_TURNS = 3;
/** While nothing is gathered, the turns of a round are counted after so many turns; a prime, so that it is not always the same round. */
const TURNS_BETWEEN_COUNTS = 61;

/**
 * One callback of the event loop: everything that happens because one socket or timer had something. The time is read once
 * per turn, and what was written to any connection during it leaves at its end, so that a message is one write however many
 * pieces it was encoded in, and a request refused in mid-read has sent nothing upstream.
 *
 * Under load many sockets are ready in one round of the event loop. Then the output of all its turns leaves at its end: who waits
 * for it is woken once, and not after each write, to find one message (docs/decisions/0011).
 */
export class Turn {
  /** Milliseconds, monotonic; of the running turn. */
  now: number;
  private readonly clock: Clock;
  private readonly afterRound: AfterRound | null;
  private depth = 0;
  private readonly dirty = new Flushables();
  /** Those that carry many messages at once, and when their output leaves; null: with its turn. */
  private readonly dirtyShared = new Flushables();
  private readonly shared: SharedOutput | null;
  /** This turn has output for one of them. */
  private hasShared = false;
  /** Output leaves at the end of the round; of the turn if not, or if it is `urgent`. */
  private gathers = false;
  private urgent = false;
  /** Turns with output since the end of the round has been asked for. */
  private turns = 0;
  private awaitsRound = false;
  /** A round is over: the next one can be counted from its beginning. */
  private betweenRounds = false;
  private untilCount = TURNS_BETWEEN_COUNTS;
  /** Turns a round, smoothed. */
  private meanTurns = 0;
  private readonly onRoundOver = (): void => this.roundOver();

  /** @param afterRound null: nothing is gathered beyond a turn */
  constructor(clock: Clock, afterRound: AfterRound | null = null) {
    this.clock = clock;
    this.afterRound = afterRound;
    this.shared = afterRound === null ? null : new SharedOutput(afterRound, () => this.flush(this.dirtyShared));
    this.now = clock.now();
  }

  begin(): void {
    if (this.depth++ === 0) this.now = this.clock.now();
  }

  end(): void {
    if (--this.depth > 0) return;
    if (this.hasShared) this.endShared();
    if (this.dirty.count > 0) this.endOwn();
    this.urgent = false;
  }

  private endOwn(): void {
    if (this.awaitsRound) this.turns++;
    else if (this.afterRound !== null && (this.betweenRounds || --this.untilCount === 0)) {
      this.awaitsRound = true;
      this.turns = 1;
      this.afterRound(this.onRoundOver);
    }
    if (!this.gathers || this.urgent) this.flush(this.dirty);
  }

  private endShared(): void {
    this.hasShared = false;
    const leaves = this.shared === null || this.shared.turnOver();
    if (leaves || this.urgent) this.flush(this.dirtyShared);
  }

  /** `target` is flushed when the turn, or the round, ends; call once per target until then. */
  flushLater(target: Flushable): void {
    this.dirty.add(target);
  }

  /** The same for a target that carries many messages at once: what it has may wait for more (`SharedOutput`). */
  flushShared(target: Flushable): void {
    this.dirtyShared.add(target);
  }

  /** This turn has something for such a target; call it each time. */
  touchShared(): void {
    this.hasShared = true;
  }

  /** This turn's output is long: memory is not to wait for the end of the round. */
  flushSoon(): void {
    this.urgent = true;
  }

  private roundOver(): void {
    this.awaitsRound = false;
    this.untilCount = TURNS_BETWEEN_COUNTS;
    if (this.betweenRounds) {
      this.meanTurns += (this.turns - this.meanTurns) / 4;
      this.gathers = this.meanTurns >= GATHERED_TURNS;
      this.betweenRounds = this.gathers;
    } else this.betweenRounds = true;
    if (this.dirty.count > 0) this.flush(this.dirty);
  }

  private flush(targets: Flushables): void {
    this.depth++;
    targets.flush();
    this.depth--;
  }
}

/** The first `count` are to be flushed. Never shortened: an array that is emptied by its length grows anew each turn. */
class Flushables {
  count = 0;
  private readonly targets: (Flushable | null)[] = [];

  add(target: Flushable): void {
    this.targets[this.count++] = target;
  }

  /** Those as well that come while it lasts. */
  flush(): void {
    const { targets } = this;
    for (let i = 0; i < this.count; i++) {
      targets[i]?.flush();
      targets[i] = null;
    }
    this.count = 0;
  }
}
