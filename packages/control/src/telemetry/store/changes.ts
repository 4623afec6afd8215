/**
 * One series within a block, as the changes of its value: most series of a mesh are idle, and one that is costs nothing. A change is the
 * number of flushes since the one before, and what was added, as varints; what is no safe integer is written out.
 */

const START_BYTES = 16;

/** Grows by changes, in rising order of their index; of two at one index the later counts. */
export class Changes {
  bytes = new Uint8Array(START_BYTES);
  length = 0;
  #index: number;
  #value: number;

  /** `value` is the series' at `first`, which is kept elsewhere. */
  constructor(first: number, value: number) {
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

/** Calls back for each change from `begin` to `end` of `bytes`, after `first` and its `value`. */
export function eachChange(
  bytes: Uint8Array,
  begin: number,
  end: number,
  first: number,
  value: number,
  onChange: (index: number, value: number) => void,
): void {
  let at = begin;
  let index = first;
  const varint = (): number => {
    let number = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++]!;
      number += (byte & 0x7f) * factor;
      if (byte < 0x80 || at >= end) return number;
    }
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  while (at < end) {
    const head = varint();
    index += Math.floor(head / 2);
    if (head % 2 === 1) {
      value = view.getFloat64(at, true);
      at += 8;
    } else {
      const zigzag = varint();
      value += zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
    }
    onChange(index, value);
  }
}
