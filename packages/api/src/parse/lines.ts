import type { Position } from "./loaded-object.ts";

/** Offsets of a text to lines and columns. Columns count UTF-16 units; lines end at \n. */
export class LineIndex {
  readonly #starts: number[] = [0];
  readonly #length: number;

  constructor(text: string) {
    this.#length = text.length;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", end + 1)) this.#starts.push(end + 1);
  }

  /** Offsets behind the text mean its end. */
  position(offset: number): Position {
    const target = Math.min(offset, this.#length);
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle]! <= target) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: target - this.#starts[low]! + 1 };
  }
}
