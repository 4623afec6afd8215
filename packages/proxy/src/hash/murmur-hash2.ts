import { type Hash64, multiply, xorShiftRight } from "./hash64.ts";

/** The seed of libstdc++'s std::hash, which Envoy keeps to. Source: Envoy `source/common/common/hash.h`, STD_HASH_SEED. */
const SEED = 0xc70f6907;
const MUL_H = 0xc6a4a793;
const MUL_L = 0x5bd1e995;

const data: Hash64 = { high: 0, low: 0 };

/** libstdc++'s 64-bit MurmurHash 2 of a latin1 string's bytes (`libsupc++/hash_bytes.cc`). */
export function murmurHash2(text: string, out: Hash64): void {
  const n = text.length;
  out.high = 0;
  out.low = n;
  multiply(out, MUL_H, MUL_L);
  out.low = (out.low ^ SEED) >>> 0;
  let at = 0;
  for (; at + 8 <= n; at += 8) {
    load(text, at, 8);
    multiply(data, MUL_H, MUL_L);
    xorShiftRight(data, 47);
    multiply(data, MUL_H, MUL_L);
    mixIn(out);
  }
  if (at < n) {
    load(text, at, n - at);
    mixIn(out);
  }
  xorShiftRight(out, 47);
  multiply(out, MUL_H, MUL_L);
  xorShiftRight(out, 47);
}

function mixIn(out: Hash64): void {
  out.high = (out.high ^ data.high) >>> 0;
  out.low = (out.low ^ data.low) >>> 0;
  multiply(out, MUL_H, MUL_L);
}

/** Up to eight bytes, little-endian. */
function load(text: string, at: number, count: number): void {
  data.high = 0;
  data.low = 0;
  for (let i = 0; i < count; i++) {
    const byte = text.charCodeAt(at + i) & 0xff;
    if (i < 4) data.low |= byte << (8 * i);
    else data.high |= byte << (8 * (i - 4));
  }
  data.high >>>= 0;
  data.low >>>= 0;
}
