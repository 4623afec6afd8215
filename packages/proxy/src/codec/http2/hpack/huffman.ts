/** The Huffman code of RFC 7541, appendix B, read four bits at a time by a table. */
import { latin1 } from "../../latin1.ts";

const EOS = 256;

/**
 * Bits of each symbol's code, EOS the last: the code is canonical, so that lengths are all there is to say. As pairs of length and run.
 */
const RUNS: readonly (readonly [bits: number, run: number])[] = [
  [13, 1], [23, 1], [28, 7], [24, 1], [30, 1], [28, 2], [30, 1], [28, 8], [30, 1], [28, 9], [6, 1], [10, 2], [12, 1], [13, 1], [6, 1], [8, 1],
  [11, 1], [10, 2], [8, 1], [11, 1], [8, 1], [6, 3], [5, 3], [6, 7], [7, 1], [8, 1], [15, 1], [6, 1], [12, 1], [10, 1], [13, 1], [6, 1], [7, 22],
  [8, 1], [7, 1], [8, 1], [13, 1], [19, 1], [13, 1], [14, 1], [6, 1], [15, 1], [5, 1], [6, 1], [5, 1], [6, 1], [5, 1], [6, 3], [5, 1], [7, 2],
  [6, 3], [5, 1], [6, 1], [7, 1], [6, 1], [5, 2], [6, 1], [7, 5], [15, 1], [11, 1], [14, 1], [13, 1], [28, 1], [20, 1], [22, 1], [20, 2], [22, 3],
  [23, 1], [22, 1], [23, 5], [24, 1], [23, 1], [24, 2], [22, 1], [23, 1], [24, 1], [23, 4], [21, 1], [22, 1], [23, 1], [22, 1], [23, 2], [24, 1],
  [22, 1], [21, 1], [20, 1], [22, 2], [23, 2], [21, 1], [23, 1], [22, 2], [24, 1], [21, 1], [22, 1], [23, 2], [21, 2], [22, 1], [21, 1], [23, 1],
  [22, 1], [23, 2], [20, 1], [22, 3], [23, 1], [22, 2], [23, 1], [26, 2], [20, 1], [19, 1], [22, 1], [23, 1], [22, 1], [25, 1], [26, 3], [27, 2],
  [26, 1], [24, 1], [25, 1], [19, 1], [21, 1], [26, 1], [27, 2], [26, 1], [27, 1], [24, 1], [21, 2], [26, 2], [28, 1], [27, 3], [20, 1], [24, 1],
  [20, 1], [21, 1], [22, 1], [21, 2], [23, 1], [22, 2], [25, 2], [24, 2], [26, 1], [23, 1], [26, 1], [27, 1], [26, 2], [27, 5], [28, 1], [27, 5],
  [26, 1], [30, 1],
]; // prettier-ignore

export const LENGTHS = Uint8Array.from(RUNS.flatMap(([bits, run]) => Array.from({ length: run }, () => bits)));
export const CODES = canonicalCodes();

function canonicalCodes(): Uint32Array {
  const codes = new Uint32Array(EOS + 1);
  let code = 0;
  for (let bits = 1; bits <= 30; bits++) {
    code *= 2;
    for (let symbol = 0; symbol <= EOS; symbol++) if (LENGTHS[symbol] === bits) codes[symbol] = code++;
  }
  return codes;
}

/** In a row of the table: the byte that four more bits complete, if they do; and where to go on. */
const EMITS = 0x100;
const FAILS = 1 << 31;
const NEXT_SHIFT = 9;

/** Per inner node of the code's tree and four bits: next node << NEXT_SHIFT | EMITS | byte. */
const TABLE = new Int32Array(EOS * 16);
/** Whether the input may end in this node: it is at most seven bits away from the root, all of them ones (padding). */
const ENDS = new Uint8Array(EOS);

buildTable();

function buildTable(): void {
  /** Children by bit, of inner nodes; leaves are −1 − symbol. */
  const nodes: [number, number][] = [[0, 0]];
  for (let symbol = 0; symbol <= EOS; symbol++) {
    let node = 0;
    for (let bit = LENGTHS[symbol] - 1; bit > 0; bit--) {
      const side = (CODES[symbol] >>> bit) & 1;
      if (nodes[node][side] === 0) nodes[node][side] = nodes.push([0, 0]) - 1;
      node = nodes[node][side];
    }
    nodes[node][CODES[symbol] & 1] = -1 - symbol;
  }
  for (let start = 0; start < nodes.length; start++) {
    for (let four = 0; four < 16; four++) {
      let node = start;
      let row = 0;
      for (let bit = 3; bit >= 0; bit--) {
        node = nodes[node][(four >> bit) & 1];
        if (node >= 0) continue;
        const symbol = -1 - node;
        if (symbol === EOS) row = FAILS;
        else row |= EMITS | symbol;
        node = 0;
      }
      TABLE[(start << 4) | four] = row < 0 ? FAILS : row | (node << NEXT_SHIFT);
    }
  }
  for (let i = 0, node = 0; i < 8; i++) {
    ENDS[node] = 1;
    node = nodes[node][1];
  }
}

/** Where decoded text is put together; grows with the longest. */
let scratch = Buffer.allocUnsafeSlow(4_096);

/** The text of bytes `start` to `end`; null: they are not a whole number of symbols, or hold EOS, or wrong padding. */
export function decodeHuffman(bytes: Buffer, start: number, end: number): string | null {
  // The shortest code has five bits.
  const most = ((end - start) * 8) / 5 + 1;
  if (scratch.length < most) scratch = Buffer.allocUnsafeSlow(most * 2);
  const out = scratch;
  let length = 0;
  let node = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    let row = TABLE[(node << 4) | (byte >> 4)];
    if (row < 0) return null;
    if ((row & EMITS) !== 0) out[length++] = row;
    row = TABLE[((row >> NEXT_SHIFT) << 4) | (byte & 15)];
    if (row < 0) return null;
    if ((row & EMITS) !== 0) out[length++] = row;
    node = row >> NEXT_SHIFT;
  }
  return ENDS[node] === 1 ? latin1(out, 0, length) : null;
}
