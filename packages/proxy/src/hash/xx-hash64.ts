import { add, type Hash64, multiply, rotateLeft, xorShiftRight } from "./hash64.ts";

// The five primes of xxHash (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md), halved.
const P1H = 0x9e3779b1;
const P1L = 0x85ebca87;
const P2H = 0xc2b2ae3d;
const P2L = 0x27d4eb4f;
const P3H = 0x165667b1;
const P3L = 0x9e3779f9;
const P4H = 0x85ebca77;
const P4L = 0xc2b2ae63;
const P5H = 0x27d4eb2f;
const P5L = 0x165667c5;

const lane: Hash64 = { high: 0, low: 0 };
const lanes: readonly Hash64[] = [0, 1, 2, 3].map(() => ({ high: 0, low: 0 }));

/** xxHash64 of a latin1 string's bytes, written to `out`, whose value before is the seed: so hashes chain. */
export function xxHash64(text: string, out: Hash64): void {
  const n = text.length;
  let at = 0;
  if (n >= 32) at = hashStripes(text, out);
  else add(out, P5H, P5L);
  add(out, 0, n);
  for (; at + 8 <= n; at += 8) {
    lane.high = 0;
    lane.low = 0;
    mixIn(lane, text, at);
    out.high = (out.high ^ lane.high) >>> 0;
    out.low = (out.low ^ lane.low) >>> 0;
    rotateLeft(out, 27);
    multiply(out, P1H, P1L);
    add(out, P4H, P4L);
  }
  if (at + 4 <= n) {
    lane.high = 0;
    lane.low = word(text, at);
    multiply(lane, P1H, P1L);
    out.high = (out.high ^ lane.high) >>> 0;
    out.low = (out.low ^ lane.low) >>> 0;
    rotateLeft(out, 23);
    multiply(out, P2H, P2L);
    add(out, P3H, P3L);
    at += 4;
  }
  for (; at < n; at++) {
    lane.high = 0;
    lane.low = text.charCodeAt(at) & 0xff;
    multiply(lane, P5H, P5L);
    out.high = (out.high ^ lane.high) >>> 0;
    out.low = (out.low ^ lane.low) >>> 0;
    rotateLeft(out, 11);
    multiply(out, P1H, P1L);
  }
  xorShiftRight(out, 33);
  multiply(out, P2H, P2L);
  xorShiftRight(out, 29);
  multiply(out, P3H, P3L);
  xorShiftRight(out, 32);
}

/** Whole 32-byte stripes in four lanes, folded into one. Returns where the rest begins. */
function hashStripes(text: string, out: Hash64): number {
  const { high, low } = out;
  for (const each of lanes) {
    each.high = high;
    each.low = low;
  }
  add(lanes[0], P1H, P1L);
  add(lanes[0], P2H, P2L);
  add(lanes[1], P2H, P2L);
  // Minus P1: plus its two's complement.
  add(lanes[3], ~P1H >>> 0, -P1L >>> 0);
  let at = 0;
  for (; at + 32 <= text.length; at += 32) {
    mixIn(lanes[0], text, at);
    mixIn(lanes[1], text, at + 8);
    mixIn(lanes[2], text, at + 16);
    mixIn(lanes[3], text, at + 24);
  }
  out.high = 0;
  out.low = 0;
  for (let i = 0; i < 4; i++) {
    lane.high = lanes[i].high;
    lane.low = lanes[i].low;
    rotateLeft(lane, FOLD[i]);
    add(out, lane.high, lane.low);
  }
  for (let i = 0; i < 4; i++) {
    const each = lanes[i];
    lane.high = 0;
    lane.low = 0;
    round(lane, each.high, each.low);
    out.high = (out.high ^ lane.high) >>> 0;
    out.low = (out.low ^ lane.low) >>> 0;
    multiply(out, P1H, P1L);
    add(out, P4H, P4L);
  }
  return at;
}

const FOLD = [1, 7, 12, 18] as const;
const input: Hash64 = { high: 0, low: 0 };

function mixIn(accumulator: Hash64, text: string, at: number): void {
  round(accumulator, word(text, at + 4), word(text, at));
}

function round(accumulator: Hash64, high: number, low: number): void {
  input.high = high;
  input.low = low;
  multiply(input, P2H, P2L);
  add(accumulator, input.high, input.low);
  rotateLeft(accumulator, 31);
  multiply(accumulator, P1H, P1L);
}

/** Four bytes, little-endian. */
function word(text: string, at: number): number {
  return (
    ((text.charCodeAt(at) & 0xff) |
      ((text.charCodeAt(at + 1) & 0xff) << 8) |
      ((text.charCodeAt(at + 2) & 0xff) << 16) |
      (text.charCodeAt(at + 3) << 24)) >>>
    0
  );
}
