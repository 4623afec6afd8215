/**
 * One series within a block, as the changes of its value: most series of a mesh are idle, and one that is costs nothing. A change is the
 * number of flushes since the one before, and what was added, as varints; what is no safe integer is written out.
 */

const START_BYTES = 16;

/** A place among changes: `at` is where the next one begins, `index` and `value` are those of the last before it. */
export interface Passed {
  at: number;
  index: number;
  value: number;
}

/** Grows by changes, in rising order of their index; of two at one index the later counts. */
export class Changes {
  bytes = new Uint8Array(START_BYTES);
  length = 0;
  /** Where whoever asks for growth found the value at the beginning of his time: the next time that is not far from here. */
  readonly passed: Passed;
  #index: number;
  #value: number;

  /** `value` is the series' at `first`, which is kept elsewhere. */
  constructor(first: number, value: number) {
    this.passed = { at: 0, index: first, value };
    this.#index = first;
    this.#value = value;
  }

  push(index: number, value: number): void {
    const gap = index - this.#index;
    const delta = value - this.#value;
    this.#index = index;
    // The exact value has to come back: -0 does not, nor what is too large for a delta of twice its size.
    const isWhole = isCountable(this.#value) && isCountable(value) && !Object.is(value, -0);
    this.#value = value;
    this.#reserve(20);
    if (isWhole) {
      this.#varint(gap * 2);
      this.#varint(delta >= 0 ? delta * 2 : -delta * 2 - 1);
    } else {
      this.#varint(gap * 2 + 1);
      new DataView(this.bytes.buffer).setFloat64(this.length, value, true);
      this.length += 8;
    }
  }

  #varint(value: number): void {
    while (value >= 0x80) {
      this.bytes[this.length++] = (value % 128) | 0x80;
      value = Math.floor(value / 128);
    }
    this.bytes[this.length++] = value;
  }

  #reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}

function isCountable(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) <= 2 ** 50;
}

/** Reads changes one after the other; to be used again and again. */
export class ChangeCursor {
  /** Where the next one begins. */
  at = 0;
  /** Of the change that was read last; at first of what stands before all of them. */
  index = 0;
  value = 0;
  #bytes: Uint8Array = NONE;
  /** Made for those that need it: few have values that are no whole numbers. */
  #view: DataView | undefined;
  #end = 0;

  open(bytes: Uint8Array, begin: number, end: number, index: number, value: number): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = undefined;
    }
    this.at = begin;
    this.#end = end;
    this.index = index;
    this.value = value;
  }

  next(): boolean {
    if (this.at >= this.#end) return false;
    const head = this.#varint();
    this.index += Math.floor(head / 2);
    if (head % 2 === 1) {
      const { buffer, byteOffset, byteLength } = this.#bytes;
      this.#view ??= new DataView(buffer, byteOffset, byteLength);
      this.value = this.#view.getFloat64(this.at, true);
      this.at += 8;
    } else {
      const zigzag = this.#varint();
      this.value += zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
    }
    return true;
  }

  #varint(): number {
    const first = this.#bytes[this.at++]!;
    if (first < 0x80) return first;
    let number = first & 0x7f;
    for (let factor = 128; ; factor *= 128) {
      const byte = this.#bytes[this.at++]!;
      number += (byte & 0x7f) * factor;
      if (byte < 0x80 || this.at >= this.#end) return number;
    }
  }
}

const NONE = new Uint8Array(0);

/** Calls back for each change from `begin` to `end` of `bytes`, after `first` and its `value`. */
export function eachChange(
  bytes: Uint8Array,
  begin: number,
  end: number,
  first: number,
  value: number,
  onChange: (index: number, value: number) => void,
): void {
  const cursor = new ChangeCursor();
  cursor.open(bytes, begin, end, first, value);
  while (cursor.next()) onChange(cursor.index, cursor.value);
}
