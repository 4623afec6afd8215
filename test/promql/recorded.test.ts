import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { difference, ours } from "./answers.ts";
import { DATA_END, makeData } from "./data.ts";
import { MemorySource } from "./memory-source.ts";
import { RECORDED, type Recording } from "./record.ts";

test("queries are answered as a real Prometheus answered them", () => {
  const { seed, answers } = JSON.parse(readFileSync(RECORDED, "utf8")) as Recording;
  const source = new MemorySource(makeData(seed));
  const differences = answers.flatMap(([asked, expected]) => {
    const what = difference(expected, ours(source, DATA_END, asked));
    return what === undefined ? [] : [{ asked, what }];
  });
  assert.deepEqual(differences, []);
  // Most find something, some are refused, or the test would say little.
  assert.ok(answers.filter(([, { series }]) => Object.keys(series).length > 0).length > answers.length / 2);
  assert.ok(answers.filter(([, { status }]) => status !== 200).length > answers.length / 50);
});
