import assert from "node:assert/strict";
import { test } from "node:test";
import { editDistance, nearest } from "../src/suggest.ts";

test("the nearest word is suggested for a slip of the keys", () => {
  const words = ["demo", "up", "run", "apply", "delete", "get", "proxies", "proxy"];
  assert.equal(nearest("aply", words), "apply");
  assert.equal(nearest("rnu", words), "run");
  assert.equal(nearest("Proxis", words), "proxies");
  assert.equal(nearest("delte", words), "delete");
});

test("nothing is suggested for a word that resembles none", () => {
  assert.equal(nearest("install", ["up", "run", "get"]), undefined);
  assert.equal(nearest("x", ["run"]), undefined);
});

test("the distance counts insertions, deletions, substitutions and swaps", () => {
  assert.equal(editDistance("", "abc"), 3);
  assert.equal(editDistance("abc", "abc"), 0);
  assert.equal(editDistance("abcd", "abdc"), 1);
  assert.equal(editDistance("kitten", "sitting"), 3);
});
