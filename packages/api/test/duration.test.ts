import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatDuration, parseDuration } from "../src/duration.ts";
import { perMillion } from "../src/percent.ts";

// What is tested must not depend on the day.
fc.configureGlobal({ seed: 20_261_129 });

test("Go durations become milliseconds", () => {
  for (const [text, milliseconds] of [
    ["1s", 1000],
    ["1.5s", 1500],
    ["100ms", 100],
    ["1h2m", 3_720_000],
    ["1h0m0.5s", 3_600_500],
    [".5s", 500],
    ["1.s", 1000],
    ["0", 0],
    ["0s", 0],
    ["-1m", -60_000],
    ["+2ms", 2],
    ["250us", 0.25],
    ["250µs", 0.25],
    ["1ns", 1e-6],
    ["2562047h", 9_223_369_200_000],
    ["9223372036s", 9_223_372_036_000],
  ] as const) {
    assert.equal(parseDuration(text), milliseconds, text);
  }
});

test("what Go would not parse is no duration", () => {
  for (const text of [
    "",
    "1",
    "5 s",
    "s",
    "1d",
    "1s ",
    " 1s",
    "1s1",
    "1e3s",
    "-",
    "+",
    "2562048h",
    "9223372037s",
    "-9223372037s",
    ".s",
    "1..5s",
    "٣s",
    `${"1".repeat(70)}s`,
  ]) {
    assert.equal(parseDuration(text), undefined, text);
  }
});

test("milliseconds are written in the shortest form, which parses to the same", () => {
  for (const [milliseconds, text] of [
    [0, "0s"],
    [1, "1ms"],
    [1500, "1.5s"],
    [90_000, "1m30s"],
    [3_600_000, "1h"],
    [3_661_500, "1h1m1.5s"],
    [0.25, "250us"],
    [1e-6, "1ns"],
    [-1500, "-1.5s"],
  ] as const) {
    assert.equal(formatDuration(milliseconds), text);
  }
  fc.assert(
    fc.property(fc.integer({ min: -1e9, max: 1e9 }), (milliseconds) => {
      assert.equal(parseDuration(formatDuration(milliseconds)), milliseconds);
    }),
  );
});

test("a percentage becomes millionths", () => {
  assert.equal(perMillion(0.0001), 1);
  assert.equal(perMillion(12.5), 125_000);
  assert.equal(perMillion(100), 1_000_000);
});
