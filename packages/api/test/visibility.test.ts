import assert from "node:assert/strict";
import { test } from "node:test";
import { isPrivate, isVisibleTo, parseExportTo, parseExportToAnnotation } from "../src/visibility.ts";

const seenBy = (exportTo: readonly string[] | undefined, defaults?: readonly string[]): string[] => {
  const visibility = parseExportTo(exportTo, "shop", defaults);
  return ["shop", "web", "edge"].filter((namespace) => isVisibleTo(visibility, namespace));
};

test("without exportTo the mesh's default decides, which is everybody", () => {
  assert.deepEqual(seenBy(undefined), ["shop", "web", "edge"]);
  assert.deepEqual(seenBy([]), ["shop", "web", "edge"]);
  assert.deepEqual(seenBy(undefined, ["."]), ["shop"]);
});

test(". is the object's namespace, * everybody, ~ nobody; * beats all others", () => {
  assert.deepEqual(seenBy(["."]), ["shop"]);
  assert.deepEqual(seenBy([".", "edge"]), ["shop", "edge"]);
  assert.deepEqual(seenBy(["~"]), []);
  assert.deepEqual(seenBy(["~", "web"]), []);
  assert.deepEqual(seenBy(["~", "*"]), ["shop", "web", "edge"]);
});

test("private is what only the own namespace sees", () => {
  assert.ok(isPrivate(parseExportTo(["."], "shop"), "shop"));
  assert.ok(isPrivate(parseExportTo(["shop"], "shop"), "shop"));
  assert.ok(!isPrivate(parseExportTo(["web"], "shop"), "shop"));
  assert.ok(!isPrivate(parseExportTo(["*"], "shop"), "shop"));
});

test("a Service's annotation is a list separated by commas", () => {
  assert.deepEqual(parseExportToAnnotation(" ., edge,"), [".", "edge"]);
  assert.equal(parseExportToAnnotation(undefined), undefined);
});
