/**
 * Earliest-deadline-first scheduler: over Σ weights picks every entry is picked exactly `weight` times, spread evenly.
 * Entries are indexes 0 … n-1. Source: Envoy `source/common/upstream/edf_scheduler.h`.
 *
 * A binary heap over typed arrays: a pick allocates nothing and costs O(log n).
 */
export class EdfScheduler {
  private readonly heap: Uint32Array;
  private readonly deadline: Float64Array;
  /** Equal deadlines leave in the order in which they were put in. */
  private readonly order: Float64Array;
  private sequence: number;

  /**
   * @param weights one positive number an entry
   * @param turns that have been taken already: where in its round the schedule begins
   */
  constructor(weights: readonly number[], turns = 0) {
    const n = weights.length;
    this.heap = new Uint32Array(n);
    this.deadline = new Float64Array(n);
    this.order = new Float64Array(n);
    let sum = 0;
    for (const weight of weights) sum += weight;
    // What each has had by then but for the last round, at once (createWithPicks).
    let taken = 0;
    for (let i = 0; i < n; i++) {
      const before = turns === 0 ? 0 : Math.floor((weights[i] / sum) * turns);
      taken += before;
      this.heap[i] = i;
      this.deadline[i] = (before + 1) / weights[i];
      this.order[i] = i;
    }
    this.sequence = n;
    for (let i = (n >> 1) - 1; i >= 0; i--) this.siftDown(i);
    for (; taken < turns; taken++) this.reschedule(weights[this.peek()]);
  }

  /** The entry whose turn it is. Every `peek` wants a `reschedule` before the next one. */
  peek(): number {
    return this.heap[0];
  }

  /** Puts the entry that `peek` gave back, with its current weight. */
  reschedule(weight: number): void {
    const entry = this.heap[0];
    this.deadline[entry] += 1 / weight;
    this.order[entry] = this.sequence++;
    this.siftDown(0);
  }

  private siftDown(at: number): void {
    const { heap, deadline, order } = this;
    const n = heap.length;
    const entry = heap[at];
    const due = deadline[entry];
    const rank = order[entry];
    for (;;) {
      let child = 2 * at + 1;
      if (child >= n) break;
      let candidate = heap[child];
      if (child + 1 < n) {
        const right = heap[child + 1];
        const difference = deadline[right] - deadline[candidate];
        if (difference < 0 || (difference === 0 && order[right] < order[candidate])) {
          child++;
          candidate = right;
        }
      }
      const difference = deadline[candidate] - due;
      if (difference > 0 || (difference === 0 && order[candidate] > rank)) break;
      heap[at] = candidate;
      at = child;
    }
    heap[at] = entry;
  }
}
