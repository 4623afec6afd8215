import assert from "node:assert/strict";
import { test } from "node:test";
import { hrefHere, hrefTo, objectApiPath, objectPath, pathOf } from "../src/url/address.ts";
import { absoluteRange, parseRange, stepSeconds } from "../src/url/time-range.ts";

test("links keep scope and time, and nothing else", () => {
  assert.equal(hrefTo("/graph", "ns=shop&range=1h&tab=routes"), "/graph?ns=shop&range=1h");
  assert.equal(hrefTo("/graph", "", { about: "service:default/reviews" }), "/graph?about=service:default/reviews");
});

test("a page's own address changes where it is told to", () => {
  assert.equal(hrefHere("/graph", "ns=shop&tab=a", { tab: null, ns: undefined, hide: true }), "/graph?ns=shop&hide=1");
});

test("names from the network are one part of a path each", () => {
  assert.equal(pathOf("proxies", "a/../b?c#d"), "/proxies/a%2F..%2Fb%3Fc%23d");
  assert.equal(objectPath({ group: "", kind: "Service", namespace: "", name: "x" }), "/config/core/Service/-/x");
  assert.equal(
    objectApiPath({ group: "tulle.dev", kind: "Fallback", namespace: "a b", name: "x" }),
    "api/v1/objects/tulle.dev/Fallback/a%20b/x",
  );
});

test("a range is relative and live, or absolute and still", () => {
  assert.deepEqual(parseRange("15m", 1_000_000_000), {
    from: 1_000_000_000 - 900_000,
    to: 1_000_000_000,
    live: true,
    text: "15m",
  });
  const text = absoluteRange(1_795_921_856_100, 1_795_922_456_900);
  assert.equal(text, "1795921856-1795922457");
  assert.equal(parseRange(text, 0).live, false);
  for (const wrong of ["", "0m", "-5m", "5", "1795922457-1795921856", "x".repeat(1000), null])
    assert.equal(parseRange(wrong, 0).text, "5m");
});

test("charts have about 120 points and none finer than what is measured", () => {
  assert.equal(stepSeconds(parseRange("1m", 0)), 5);
  assert.equal(stepSeconds(parseRange("1h", 0)), 30);
  assert.equal(stepSeconds(parseRange("24h", 0)), 900);
});
