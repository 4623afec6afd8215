import assert from "node:assert/strict";
import { test } from "node:test";
import { compare } from "./compare.ts";

/** `npm run fuzz -- promql --runs N` does more. */
const QUERIES = 2000;

test(`${QUERIES} random queries are answered as a real Prometheus answers them`, async () => {
  const { differences, withSeries, refused } = await compare(QUERIES, 20_261_130);
  assert.deepEqual(differences, []);
  assert.ok(withSeries > QUERIES / 3 && refused > QUERIES / 50, `${withSeries} with series, ${refused} refused`);
});
