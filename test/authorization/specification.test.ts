import assert from "node:assert/strict";
import { test } from "node:test";
import { compare } from "./compare.ts";

/** `npm run fuzz -- authorization --runs N` does more. */
const PAIRS = 100_000;

test(`${PAIRS} pairs of policies and requests are decided as Istio's reference says`, () => {
  const { pairs, allowed, differences } = compare(PAIRS, 20_261_128);
  assert.deepEqual(differences, []);
  assert.equal(pairs, PAIRS);
  // Both answers are frequent, or the test would say little.
  assert.ok(allowed > PAIRS / 5 && allowed < (PAIRS * 4) / 5, `${allowed} of ${pairs} are allowed`);
});
