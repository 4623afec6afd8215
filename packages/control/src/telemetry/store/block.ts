/**
 * All series of one sender over some time: the times of its flushes, which they share, and for each series its first value and the
 * changes after it. Open, it grows with each flush; sealed, it is a few typed arrays, in memory and, compressed, in the file.
 */
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { Changes, eachChange } from "./changes.ts";

/** One series in a block that is open. NaN: it has ended. */
export class Track {
  /** Index of the flush with its first value. */
  readonly first: number;
  initial: number;
  value: number;
  changes: Changes | undefined;
  /** Index of the last flush at which it was less than before, or ended, or began again; -1: it has only grown. */
  lastFall = -1;

  constructor(first: number, value: number) {
    this.first = first;
    this.initial = value;
    this.value = value;
  }

  set(index: number, value: number): void {
    if (Object.is(value, this.value)) return;
    if (!(value >= this.value)) this.lastFall = index;
    this.value = value;
    if (index === this.first) this.initial = value;
    else (this.changes ??= new Changes(this.first, this.initial)).push(index, value);
  }
}

export interface SealedBlock {
  /** ms since 1970. */
  readonly times: Float64Array;
  /** Of series, rising; the following go with them. */
  readonly ids: Uint32Array;
  readonly firsts: Uint32Array;
  readonly initials: Float64Array;
  /** Where in `changes` those of each series end. */
  readonly ends: Uint32Array;
  readonly changes: Uint8Array;
  /** `Track.lastFall` of each; only of blocks that were not read from the file. */
  readonly lastFalls?: Int32Array;
}

/** `tracks`: ids and tracks, in any order. */
export function seal(times: readonly number[], tracks: readonly (readonly [id: number, track: Track])[]): SealedBlock {
  const sorted = tracks.toSorted(([a], [b]) => a - b);
  const ends = new Uint32Array(sorted.length);
  let end = 0;
  for (const [index, [, { changes }]] of sorted.entries()) ends[index] = end += changes?.length ?? 0;
  const bytes = new Uint8Array(end);
  for (const [index, [, { changes }]] of sorted.entries()) {
    if (changes !== undefined) bytes.set(changes.bytes.subarray(0, changes.length), ends[index]! - changes.length);
  }
  return {
    times: Float64Array.from(times),
    ids: Uint32Array.from(sorted, ([id]) => id),
    firsts: Uint32Array.from(sorted, ([, { first }]) => first),
    initials: Float64Array.from(sorted, ([, { initial }]) => initial),
    ends,
    changes: bytes,
    lastFalls: Int32Array.from(sorted, ([, { lastFall }]) => lastFall),
  };
}

export function sizeOf({ times, ids, firsts, initials, ends, changes, lastFalls }: SealedBlock): number {
  const arrays = [times, ids, firsts, initials, ends, changes];
  return arrays.reduce((bytes, { byteLength }) => bytes + byteLength, lastFalls?.byteLength ?? 0);
}

const START_SAMPLES = 64;

/** Samples of one series, appended to by block after block; their times rise, also where a clock was set back between two. */
export class Samples {
  #times = new Float64Array(START_SAMPLES);
  #values = new Float64Array(START_SAMPLES);
  length = 0;

  push(time: number, value: number): void {
    if (this.length > 0 && time <= this.#times[this.length - 1]!) return;
    if (this.length === this.#times.length) {
      this.#times = grown(this.#times);
      this.#values = grown(this.#values);
    }
    this.#times[this.length] = time;
    this.#values[this.length++] = value;
  }

  /** Copies, after which this can be filled anew. */
  take(): { readonly times: Float64Array; readonly values: Float64Array } {
    const { length } = this;
    this.length = 0;
    return { times: this.#times.slice(0, length), values: this.#values.slice(0, length) };
  }
}

function grown(numbers: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(numbers.length * 2);
  larger.set(numbers);
  return larger;
}

/** Adds those with `fromMs` < time ≤ `toMs`. */
export function readSealed(block: SealedBlock, id: number, fromMs: number, toMs: number, into: Samples): void {
  const at = indexOf(block.ids, id);
  if (at < 0) return;
  const begin = at === 0 ? 0 : block.ends[at - 1]!;
  const { times, changes } = block;
  readChanges(times, block.firsts[at]!, block.initials[at]!, changes, begin, block.ends[at]!, fromMs, toMs, into);
}

/** The same of a block that is open. */
export function readTrack(times: readonly number[], track: Track, fromMs: number, toMs: number, into: Samples): void {
  const { first, initial, changes } = track;
  const bytes = changes?.bytes ?? NONE;
  readChanges(times, first, initial, bytes, 0, changes?.length ?? 0, fromMs, toMs, into);
}

const NONE = new Uint8Array(0);

function readChanges(
  times: ArrayLike<number>,
  first: number,
  initial: number,
  bytes: Uint8Array,
  begin: number,
  end: number,
  fromMs: number,
  toMs: number,
  into: Samples,
): void {
  let at = first;
  let current = initial;
  /** The value holds until the next change; the end of a series is told once. */
  const until = (next: number): void => {
    for (; at < next; at++) {
      const time = times[at]!;
      if (time > fromMs && time <= toMs) into.push(time, current);
      if (Number.isNaN(current)) at = next;
    }
  };
  eachChange(bytes, begin, end, first, initial, (index, value) => {
    until(index);
    at = index;
    current = value;
  });
  until(times.length);
}

/** -1: it is not there. */
export function indexOf(ids: Uint32Array, id: number): number {
  let [low, high] = [0, ids.length - 1];
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const found = ids[middle]!;
    if (found === id) return middle;
    if (found < id) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** How many times and series, then the arrays one after the other, those of 8 bytes first. */
export function encodeBlock(block: SealedBlock): Uint8Array {
  const { times, ids, firsts, initials, ends, changes } = block;
  const counts = Uint32Array.of(times.length, ids.length);
  const parts = [counts, times, initials, ids, firsts, ends, changes];
  const all = Buffer.concat(
    parts.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)),
  );
  return zstdCompressSync(all);
}

/** Larger than any that is written; a file may have been changed by others. */
const MAX_BLOCK_BYTES = 256 * 1024 * 1024;

/** Undefined: this is no block. */
export function decodeBlock(bytes: Uint8Array): SealedBlock | undefined {
  let all: Buffer;
  try {
    all = zstdDecompressSync(bytes, { maxOutputLength: MAX_BLOCK_BYTES });
  } catch {
    return undefined;
  }
  if (all.length < 8) return undefined;
  const [times, series] = [all.readUInt32LE(0), all.readUInt32LE(4)];
  if (all.length < 8 + times * 8 + series * 20) return undefined;
  let at = 8;
  // Copied, so that each begins where its type demands.
  const take = (length: number): ArrayBuffer => {
    const part = new Uint8Array(all.subarray(at, at + length)).buffer;
    at += length;
    return part;
  };
  return {
    times: new Float64Array(take(times * 8)),
    initials: new Float64Array(take(series * 8)),
    ids: new Uint32Array(take(series * 4)),
    firsts: new Uint32Array(take(series * 4)),
    ends: new Uint32Array(take(series * 4)),
    changes: new Uint8Array(take(all.length - at)),
  };
}
