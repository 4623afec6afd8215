/**
 * 64-bit unsigned numbers as two 32-bit halves: what hashes are made of. BigInt would cost microseconds a request, and `number`
 * has 53 bits. Results are written in place, so that hashing allocates nothing.
 */
export interface Hash64 {
  high: number;
  low: number;
}

/** `hash` = low 64 bits of `hash` × (high, low). */
export function multiply(hash: Hash64, high: number, low: number): void {
  const a0 = hash.low & 0xffff;
  const a1 = hash.low >>> 16;
  const b0 = low & 0xffff;
  const b1 = low >>> 16;
  const p00 = a0 * b0;
  const p01 = a0 * b1;
  const p10 = a1 * b0;
  const middle = (p00 >>> 16) + (p01 & 0xffff) + (p10 & 0xffff);
  const carried = a1 * b1 + (p01 >>> 16) + (p10 >>> 16) + (middle >>> 16);
  hash.high = (carried + Math.imul(hash.high, low) + Math.imul(hash.low, high)) >>> 0;
  hash.low = ((middle << 16) | (p00 & 0xffff)) >>> 0;
}

export function add(hash: Hash64, high: number, low: number): void {
  const sum = hash.low + low;
  hash.low = sum >>> 0;
  hash.high = (hash.high + high + (sum > 0xffffffff ? 1 : 0)) >>> 0;
}

/** @param bits 1 … 31 */
export function rotateLeft(hash: Hash64, bits: number): void {
  const { high, low } = hash;
  hash.high = ((high << bits) | (low >>> (32 - bits))) >>> 0;
  hash.low = ((low << bits) | (high >>> (32 - bits))) >>> 0;
}

/** `hash` ^= `hash` >> bits. */
export function xorShiftRight(hash: Hash64, bits: number): void {
  const { high, low } = hash;
  if (bits >= 32) hash.low = (low ^ (high >>> (bits - 32))) >>> 0;
  else {
    hash.low = (low ^ ((low >>> bits) | (high << (32 - bits)))) >>> 0;
    hash.high = (high ^ (high >>> bits)) >>> 0;
  }
}

/** @param divisor at most 2^26, so that the products stay exact */
export function modulo(high: number, low: number, divisor: number): number {
  return ((high % divisor) * (0x100000000 % divisor) + low) % divisor;
}
