/** What was not kept, why, and of whom: counted, for metrics and for whoever wonders where something is. */

export interface Refusal {
  readonly what: string;
  readonly reason: string;
  readonly count: number;
  /** The last that was refused: who sent it, and when (ms since 1970). */
  readonly from: string;
  readonly atMs: number;
}

/** Reasons are texts of ours, not of senders: there are few. */
export class Refusals {
  readonly #now: () => number;
  readonly #refusals = new Map<string, Refusal>();

  constructor(now: () => number) {
    this.#now = now;
  }

  count(what: string, reason: string, from: string, count = 1): void {
    const key = `${what}\n${reason}`;
    const before = this.#refusals.get(key)?.count ?? 0;
    this.#refusals.set(key, { what, reason, count: before + count, from, atMs: this.#now() });
  }

  list(): readonly Refusal[] {
    return [...this.#refusals.values()];
  }
}
