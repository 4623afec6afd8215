/** By how much counters have grown, from the changes of their values: most of a block's flushes need not be looked at for it. */
import type { SealedBlock, Track } from "./block.ts";
import { indexOf } from "./block.ts";
import { ChangeCursor } from "./changes.ts";
import type { Passed } from "./changes.ts";

/** Growth of one series over the samples it is told of, in order of time; to be used again and again. */
export class Growth {
  /** ms since 1970; -1: there was no sample. */
  firstMs = -1;
  /** 0 if the first sample says that it had ended. */
  firstValue = 0;
  /** After `fromMs`, from sample to sample; a counter that falls began again at 0, and so does one that had ended. */
  sum = 0;
  #fromMs = 0;
  #last = 0;

  begin(fromMs: number): void {
    this.#fromMs = fromMs;
    this.firstMs = -1;
    this.sum = 0;
  }

  sample(timeMs: number, value: number): void {
    const number = Number.isNaN(value) ? 0 : value;
    if (this.firstMs < 0) {
      this.firstMs = timeMs;
      this.firstValue = number;
    } else if (timeMs > this.#fromMs && !Number.isNaN(value)) {
      this.sum += number >= this.#last ? number - this.#last : number;
    }
    this.#last = number;
  }
}

/** Indices of a block's flushes in a stretch of time; shared by all its series. */
export interface Stretch {
  readonly first: number;
  /** -1: none. */
  readonly last: number;
}

/** Flushes with `afterMs` < time ≤ `toMs`. */
export function stretchOf(times: ArrayLike<number>, afterMs: number, toMs: number): Stretch {
  let last = times.length - 1;
  while (last >= 0 && times[last]! > toMs) last--;
  let first = last;
  while (first > 0 && times[first - 1]! > afterMs) first--;
  return first >= 0 && times[first]! > afterMs ? { first, last } : { first: 0, last: -1 };
}

const cursor = new ChangeCursor();

export function growSealed(block: SealedBlock, stretch: Stretch, id: number, into: Growth): void {
  const at = indexOf(block.ids, id);
  if (at < 0) return;
  cursor.open(
    block.changes,
    at === 0 ? 0 : block.ends[at - 1]!,
    block.ends[at]!,
    block.firsts[at]!,
    block.initials[at]!,
  );
  grow(block.times, block.firsts[at]!, stretch, into);
}

/** Of a block that is open. */
export function growTrack(times: ArrayLike<number>, track: Track, stretch: Stretch, into: Growth): void {
  const { first, changes, initial } = track;
  if (first > stretch.last) return;
  const start = Math.max(first, stretch.first);
  if (changes === undefined) {
    if (start === first || !Number.isNaN(initial)) into.sample(times[start]!, initial);
    return;
  }
  const { passed } = changes;
  if (passed.index > start) cursor.open(changes.bytes, 0, changes.length, first, initial);
  else cursor.open(changes.bytes, passed.at, changes.length, passed.index, passed.value);
  grow(times, first, stretch, into);
}

function grow(times: ArrayLike<number>, first: number, stretch: Stretch, into: Growth): void {
  const { last } = stretch;
  const start = Math.max(first, stretch.first);
  let passedIndex = cursor.index;
  let passedValue = cursor.value;
  let hasBegun = false;
  while (cursor.next()) {
    const { index, value } = cursor;
    if (index > last) break;
    if (index <= start) {
      passedIndex = index;
      passedValue = value;
      continue;
    }
    if (!hasBegun) begin(times, start, passedIndex, passedValue, into);
    hasBegun = true;
    into.sample(times[index]!, value);
  }
  if (!hasBegun && start <= last) begin(times, start, passedIndex, passedValue, into);
}

/** What had ended before has no sample there. */
function begin(times: ArrayLike<number>, start: number, index: number, value: number, into: Growth): void {
  if (index === start || !Number.isNaN(value)) into.sample(times[start]!, value);
}

/** The value at the flush `index`, from where the last one was found. */
export function valueAt(bytes: Uint8Array, end: number, passed: Passed, index: number): number {
  cursor.open(bytes, passed.at, end, passed.index, passed.value);
  for (;;) {
    const { at, index: before, value } = cursor;
    if (cursor.next() && cursor.index <= index) continue;
    passed.at = at;
    passed.index = before;
    passed.value = value;
    return value;
  }
}
