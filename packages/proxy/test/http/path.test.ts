import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { normalizePath } from "../../src/http/path.ts";

const NORMALIZE = { normalizePath: true, mergeSlashes: false, escapedSlashes: "keep" } as const;
const MERGE = { normalizePath: true, mergeSlashes: true, escapedSlashes: "keep" } as const;

function result(path: string, options: Parameters<typeof normalizePath>[1] = NORMALIZE): string {
  const normalized = normalizePath(path, options);
  if (normalized === null) return path;
  return normalized.kind === "reject" ? "reject" : `${normalized.kind === "redirect" ? "-> " : ""}${normalized.path}`;
}

// Envoy test/common/http/path_utility_test.cc, and what a running Envoy 1.40 forwards.
const TABLE: Readonly<Record<string, string>> = {
  "/a/b/../c": "/a/c",
  "a/b/../c": "/a/c",
  "/a/b/../../../../c": "/c",
  "/a/..\\c": "/c",
  "/a/b/%2E%2E/c": "/a/c",
  "/%5c%25": "/%5c%25",
  "/%c0%af": "/%c0%af",
  "/a/%2F%2f/c": "/a/%2F%2f/c",
  "/xyz/.%00../abc": "reject",
  "/xyz/AAAAA%%0000/abc": "reject",
  "/a#b": "reject",
  "/a/./": "/a/",
  "/a/..": "/",
  "/a/.": "/a/",
  "/..;x": "/",
  "/a/.;x/b": "/a/b",
  "/a/..;x": "/",
  "/a\\..\\b": "/b",
  "/a%20b%41%2d": "/a%20bA-",
  "/a;b/../c;d": "/c;d",
  "/...": "/...",
  "/a/...;x": "/a/...;x",
  "/%e9": "/%e9",
  "/%": "/%",
  "/a%2": "/a%2",
  "/a%zz%4": "/a%zz%4",
  "/;/../b": "/b",
  "/%4%41": "/%254A",
  "/%%34%31": "/%2541",
  "/%%341": "/%2541",
  "/a/%2%45%2%45/b": "/a/%252E%252E/b",
  "/a%3b/..%3bx/c": "/a%3b/..%3bx/c",
  '/"<>^`{|}': "/%22%3C%3E%5E%60%7B%7C%7D",
  "/a'()*,;:@&=+$!": "/a'()*,;:@&=+$!",
  "/[x]": "/[x]",
  "/a?/../%2e": "/a?/../%2e",
  // Stricter than Envoy, which forwards /..;/b: the dots that hid behind an escape count, too.
  "/.%2e;/b": "/b",
};

describe("path normalisation", () => {
  for (const [path, expected] of Object.entries(TABLE))
    it(`${path} is ${expected}`, () => assert.equal(result(path), expected));

  it("merges slashes of the path, not of the query", () => {
    assert.equal(result("//a/b/c", MERGE), "/a/b/c");
    assert.equal(result("/a//b?a=///c", MERGE), "/a/b?a=///c");
    assert.equal(result("/a/b/..//c", MERGE), "/a/c");
    assert.equal(result("//a", NORMALIZE), "//a");
  });

  it("does nothing unless asked, but refuses a fragment", () => {
    const off = { normalizePath: false, mergeSlashes: false, escapedSlashes: "keep" } as const;
    assert.equal(normalizePath("/a/../b//c%2e", off), null);
    assert.equal(result("/a#b", off), "reject");
  });

  it("treats escaped slashes as configured", () => {
    const slashes = (escapedSlashes: "reject" | "unescape-and-redirect" | "unescape-and-forward") =>
      result("/a%2fb%5Cc?x=%2f", { normalizePath: false, mergeSlashes: false, escapedSlashes });
    assert.equal(slashes("reject"), "reject");
    assert.equal(slashes("unescape-and-redirect"), "-> /a/b\\c?x=%2f");
    assert.equal(slashes("unescape-and-forward"), "/a/b\\c?x=%2f");
    assert.equal(result("/plain", { normalizePath: false, mergeSlashes: false, escapedSlashes: "reject" }), "/plain");
  });

  it("is idempotent", () => {
    for (const path of Object.keys(TABLE)) {
      const once = result(path, MERGE);
      if (once !== "reject") assert.equal(result(once, MERGE), once, path);
    }
  });
});
