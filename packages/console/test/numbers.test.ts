import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatBytes,
  formatMs,
  formatNumber,
  formatPercent,
  formatRate,
  formatRelative,
  formatSpan,
} from "../src/format/numbers.ts";
import { rank } from "../src/shell/rank.ts";

test("what is not known is a dash, what is nothing a zero", () => {
  assert.equal(formatNumber(undefined), "–");
  assert.equal(formatMs(Number.NaN), "–");
  assert.equal(formatRate(0), "0/s");
  assert.equal(formatPercent(0), "0 %");
});

test("what is not nothing does not look like nothing, nor nearly all like all", () => {
  assert.equal(formatPercent(0.0001), "< 0.1 %");
  assert.equal(formatPercent(0.99999), "> 99.9 %");
  assert.equal(formatPercent(1), "100 %");
});

test("numbers have the digits that are read", () => {
  assert.deepEqual([0.4231, 3.72, 128.4, 12_430, 3_200_000].map(formatNumber), [
    "0.42",
    "3.7",
    "128",
    "12.4 k",
    "3.2 M",
  ]);
  assert.deepEqual([0.00042, 0.42, 3.5, 128, 1530, 12_340, 90_000].map(formatMs), [
    "420 ns",
    "0.42 ms",
    "3.5 ms",
    "128 ms",
    "1.53 s",
    "12.3 s",
    "1 min 30 s",
  ]);
  assert.deepEqual([12, 4200, 5_600_000].map(formatBytes), ["12 B", "4.2 KB", "5.6 MB"]);
  assert.equal(formatSpan(93_784_000), "1 d 2 h");
  assert.equal(formatRelative(5000, 0), "in 5 s");
  assert.equal(formatRelative(0, 125_000), "2 min 5 s ago");
});

test("search finds what has every word, names that begin with it first", () => {
  const names = ["default/reviews VirtualService", "reviews Page", "default/ratings DestinationRule"];
  assert.deepEqual(
    rank(names, "rev", (name) => name),
    ["reviews Page", "default/reviews VirtualService"],
  );
  assert.deepEqual(
    rank(names, "rat dest", (name) => name),
    ["default/ratings DestinationRule"],
  );
  assert.deepEqual(
    rank(names, "absent", (name) => name),
    [],
  );
});
