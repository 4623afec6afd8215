import type { AfterRound } from "./turn.ts";

/** As long as each round brings more, output waits for so many rounds after its own. */
const MORE_ROUNDS = 3;
/** No more than that is waited for: who reads it can begin. */
const ENOUGH_TURNS = 8;
/** A wait costs a round of its own, 3 to 4 µs; a message that joins another saves a record, a write and waking the peer, 15 to 25 µs. */
const WORTH_TURNS = 1.25;
/** Where waiting is not worth it, it is tried again after so many turns; a prime, so that it is not always the same one. */
const TURNS_BETWEEN_TRIALS = 127;
/** What a trial begins with as the mean: four waits in vain end it. */
const TRIAL_MEAN = 1.45;

/**
 * When output leaves of connections that carry many messages at once (HTTP/2). What one turn has for such a connection may wait for what the
 * next ones have: all of it is one write, one TLS record, and wakes the peer once. So it waits while rounds of the event loop bring more; where
 * they bring nothing it is not waited, but for a trial now and then (docs/decisions/0011).
 */
export class SharedOutput {
  private readonly afterRound: AfterRound;
  private readonly leave: () => void;
  private waiting = false;
  /** Of the present wait. */
  private turns = 0;
  private turnsBefore = 0;
  private rounds = 0;
  /** Turns a wait, smoothed. */
  private meanTurns = 0;
  private untilTrial = TURNS_BETWEEN_TRIALS;
  private readonly onRoundOver = (): void => this.roundOver();

  /** @param leave called when what has waited is to leave */
  constructor(afterRound: AfterRound, leave: () => void) {
    this.afterRound = afterRound;
    this.leave = leave;
  }

  /** A turn had such output. @returns whether it leaves now */
  turnOver(): boolean {
    if (this.waiting) {
      this.turns++;
      return false;
    }
    if (this.meanTurns < WORTH_TURNS) {
      if (--this.untilTrial > 0) return true;
      this.untilTrial = TURNS_BETWEEN_TRIALS;
      this.meanTurns = TRIAL_MEAN;
    }
    this.waiting = true;
    this.turns = 1;
    this.turnsBefore = 0;
    this.rounds = 0;
    this.afterRound(this.onRoundOver);
    return false;
  }

  private roundOver(): void {
    const { turns } = this;
    if (turns > this.turnsBefore && turns < ENOUGH_TURNS && this.rounds++ < MORE_ROUNDS) {
      this.turnsBefore = turns;
      this.afterRound(this.onRoundOver);
      return;
    }
    this.waiting = false;
    this.meanTurns += (turns - this.meanTurns) / 8;
    this.leave();
  }
}
