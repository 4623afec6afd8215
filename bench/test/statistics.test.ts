import assert from "node:assert/strict";
import { test } from "node:test";
import { median, percentile, spread } from "../src/statistics.ts";

void test("the median is the middle value, or the mean of the two in the middle", () => {
  assert.equal(median([10, 9, 2]), 9);
  assert.equal(median([10, 9, 2, 3]), 6);
  assert.deepEqual(spread([3, 1, 20]), { median: 3, min: 1, max: 20 });
});

void test("a percentile is the nearest rank", () => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
  assert.deepEqual(
    [0, 0.5, 0.99, 0.999, 1].map((share) => percentile(hundred, share)),
    [1, 50, 99, 100, 100],
  );
  assert.equal(percentile([7], 0.5), 7);
});
