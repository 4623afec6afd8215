import assert from "node:assert/strict";
import { test } from "node:test";
import { slope } from "../src/soak/slope.ts";

const points = (y: (x: number) => number): { x: number; y: number }[] =>
  Array.from({ length: 400 }, (_, x) => ({ x, y: y(x) }));

void test("a line has its slope, and nothing around it", () => {
  const { value, low, high } = slope(points((x) => 5 + 2 * x));
  for (const each of [value, low, high]) assert.ok(Math.abs(each - 2) < 1e-9);
});

void test("a wave without a trend has an interval that holds zero", () => {
  const { low, high } = slope(points((x) => 100 + Math.sin(x / 3)));
  assert.ok(low < 0 && high > 0, `${low} ${high}`);
});

void test("a trend under a wave is found", () => {
  const { low, high } = slope(points((x) => 0.5 * x + 10 * Math.sin(x / 3)));
  assert.ok(low > 0.4 && high < 0.6, `${low} ${high}`);
});
