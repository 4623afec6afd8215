import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type Hash64, modulo } from "../../src/hash/hash64.ts";
import { MersenneTwister } from "../../src/hash/mersenne-twister.ts";
import { murmurHash2 } from "../../src/hash/murmur-hash2.ts";
import { xxHash64 } from "../../src/hash/xx-hash64.ts";

// What is tested must not depend on the day.
fc.configureGlobal({ seed: 20_261_129 });

const value = ({ high, low }: Hash64): bigint => (BigInt(high) << 32n) | BigInt(low);

function xx(text: string, seed = 0n): bigint {
  const hash = { high: Number(seed >> 32n), low: Number(seed & 0xffffffffn) };
  xxHash64(text, hash);
  return value(hash);
}

function murmur(text: string): bigint {
  const hash = { high: 1, low: 1 };
  murmurHash2(text, hash);
  return value(hash);
}

/** Straight from the specification, on BigInt. */
function xxByTheBook(text: string, seed: bigint): bigint {
  const mask = (1n << 64n) - 1n;
  const [p1, p2, p3, p4, p5] = [
    0x9e3779b185ebca87n,
    0xc2b2ae3d27d4eb4fn,
    0x165667b19e3779f9n,
    0x85ebca77c2b2ae63n,
    0x27d4eb2f165667c5n,
  ];
  const rotate = (x: bigint, bits: bigint): bigint => ((x << bits) | (x >> (64n - bits))) & mask;
  const round = (a: bigint, i: bigint): bigint => (rotate((a + i * p2) & mask, 31n) * p1) & mask;
  const bytes = Buffer.from(text, "latin1");
  let at = 0;
  let hash: bigint;
  if (bytes.length >= 32) {
    const lanes = [seed + p1 + p2, seed + p2, seed, seed - p1].map((lane) => lane & mask);
    for (; at + 32 <= bytes.length; at += 32)
      for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i], bytes.readBigUInt64LE(at + 8 * i));
    hash = (rotate(lanes[0], 1n) + rotate(lanes[1], 7n) + rotate(lanes[2], 12n) + rotate(lanes[3], 18n)) & mask;
    for (const lane of lanes) hash = ((hash ^ round(0n, lane)) * p1 + p4) & mask;
  } else hash = (seed + p5) & mask;
  hash = (hash + BigInt(bytes.length)) & mask;
  for (; at + 8 <= bytes.length; at += 8)
    hash = (rotate(hash ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * p1 + p4) & mask;
  if (at + 4 <= bytes.length) {
    hash = (rotate(hash ^ ((BigInt(bytes.readUInt32LE(at)) * p1) & mask), 23n) * p2 + p3) & mask;
    at += 4;
  }
  for (; at < bytes.length; at++) hash = (rotate(hash ^ ((BigInt(bytes[at]) * p5) & mask), 11n) * p1) & mask;
  hash = ((hash ^ (hash >> 33n)) * p2) & mask;
  hash = ((hash ^ (hash >> 29n)) * p3) & mask;
  return hash ^ (hash >> 32n);
}

test("xxHash64 gives Envoy's vectors (test/common/common/hash_test.cc)", () => {
  assert.equal(xx(""), 17241709254077376921n);
  assert.equal(xx("foo"), 3728699739546630719n);
  assert.equal(xx("bar"), 5234164152756840025n);
  assert.equal(xx("foo\nbar"), 8917841378505826757n);
  assert.equal(xx("lyft"), 4400747396090729504n);
  assert.equal(xx("127.0.0.1"), 13874206750357698471n);
  assert.equal(xx("a".repeat(64)), 17067348053093196514n);
});

test("xxHash64 chains: the hash of one text seeds the next", () => {
  assert.equal(xx("foo", xx("bar")), 6648465492906218751n);
  assert.equal(xx("bar", xx("foo")), 17745830980996999794n);
});

test("property: xxHash64 on halves equals the specification, for any bytes, length and seed", () => {
  const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array).toString("latin1"));
  fc.assert(
    fc.property(bytes, fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (text, seed) => {
      assert.equal(xx(text, seed), xxByTheBook(text, seed));
    }),
    { numRuns: 500 },
  );
});

test("murmurHash2 gives Envoy's vectors (test/common/common/hash_test.cc)", () => {
  assert.equal(murmur("foo"), 9631199822919835226n);
  assert.equal(murmur("bar"), 11474628671133349555n);
  assert.equal(murmur(""), 6142509188972423790n);
});

test("property: modulo is exact up to the largest Maglev table", () => {
  const half = fc.integer({ min: 0, max: 0xffffffff });
  fc.assert(
    fc.property(half, half, fc.integer({ min: 1, max: 5_000_011 }), (high, low, divisor) => {
      assert.equal(BigInt(modulo(high, low, divisor)), value({ high, low }) % BigInt(divisor));
    }),
    { numRuns: 1_000 },
  );
});

test("the Mersenne twister gives C++'s numbers: the 10,000th of the default seed is 4123659995", () => {
  const twister = new MersenneTwister();
  twister.seed(5489);
  let last = 0;
  for (let i = 0; i < 10_000; i++) last = twister.next();
  assert.equal(last, 4_123_659_995);
});
