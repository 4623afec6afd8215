import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { KINDS } from "../../src/index.ts";
import { load } from "../support/diagnose.ts";

const FILES = ["istio.yaml", "gateway-api.yaml", "kubernetes.yaml", "tulle.yaml"];
const read = (file: string): string => readFileSync(new URL(`../fixtures/${file}`, import.meta.url), "utf8");

for (const file of FILES) {
  test(`every field of ${file} is accepted without a warning`, () => {
    assert.ok(load(read(file)).length > 0);
  });
}

test("the fixtures have an object of every kind", () => {
  const loaded = FILES.flatMap((file) => load(read(file))).map(({ kindInfo }) => `${kindInfo.group}/${kindInfo.kind}`);
  assert.deepEqual(loaded.toSorted(), KINDS.map(({ group, kind }) => `${group}/${kind}`).toSorted());
});
