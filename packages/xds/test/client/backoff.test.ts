import assert from "node:assert/strict";
import { it } from "node:test";
import { Backoff } from "../../src/client/backoff.ts";

it("the back-off is anywhere below an interval that doubles from 500 ms to 30 s, until it is reset", () => {
  const highest = new Backoff(() => 0.999_999);
  const intervals = Array.from({ length: 9 }, () => highest.next() + 1);
  assert.deepEqual(intervals, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  highest.reset();
  assert.equal(highest.next() + 1, 500);
  const lowest = new Backoff(() => 0);
  assert.deepEqual([lowest.next(), lowest.next()], [0, 0]);
});
