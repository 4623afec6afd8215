/** Which traces are among the slowest of their kind, by what their root is called. */

/** Durations that are remembered of each kind of request. */
const REMEMBERED = 64;
/** Before so many are known nothing is slow. */
const ENOUGH = 20;
/** The slowest twentieth. */
const SLOW = 0.05;
const MAX_KINDS = 2_000;

export class Slowest {
  readonly #kinds = new Map<string, number[]>();

  /** Whether a request of this kind that took so long is among the slowest of the last ones. */
  observe(kind: string, durationMicros: number): boolean {
    let durations = this.#kinds.get(kind);
    if (durations === undefined) {
      if (this.#kinds.size >= MAX_KINDS) this.#kinds.delete(this.#kinds.keys().next().value!);
      this.#kinds.set(kind, (durations = []));
    }
    const slower = durations.filter((each) => each > durationMicros).length;
    const isSlow = durations.length >= ENOUGH && slower < durations.length * SLOW;
    durations.push(durationMicros);
    if (durations.length > REMEMBERED) durations.shift();
    return isSlow;
  }
}
