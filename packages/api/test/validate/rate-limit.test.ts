import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf } from "../support/diagnose.ts";

const rule = (text: string): string[] => faultsOf("RateLimit", `  {rules: [{${text}}]}\n`);

test("a rule has tokens and an interval", () => {
  assert.deepEqual(rule("tokens: 1, interval: 1s"), []);
  assert.equal(rule("interval: 1s").length, 1);
  assert.equal(rule("tokens: 0, interval: 1s").length, 1);
  assert.equal(rule("tokens: 1, interval: 20ms").length, 1);
});

test("headers of answers are header values", () => {
  const headers = (value: string): string[] =>
    faultsOf("RateLimit", `  {rules: [{tokens: 1, interval: 1s}], respond: {headers: {x-a: ${value}}}}\n`);
  assert.match(
    headers('"a\\r\\nb: c"').join(""),
    /^spec\.respond\.headers\.x-a: is "a\\r\\nb: c", expected a header value without/,
  );
  assert.match(headers("a".repeat(16_385)).join(""), /at most 16384 bytes$/);
  assert.deepEqual(headers("a".repeat(16_384)), []);
});

test("what would limit in an odd way is told", () => {
  assert.deepEqual(rule("tokens: 5, interval: 1s, burst: 4"), [
    "spec.rules[0].burst: is less than the 5 tokens of one interval, expected at least as many",
  ]);
  assert.deepEqual(rule("tokens: 5, interval: 1s, per: {}"), [
    "warning: spec.rules[0].per: names nothing, so all requests share one bucket",
  ]);
  assert.deepEqual(
    faultsOf("RateLimit", "  {rules: [{tokens: 1, interval: 1s}], respond: {headers: {x-a: '%NOPE%'}}}\n"),
    ["spec.respond.headers.x-a: there is no command %NOPE%, expected a command operator, or %% for a percent sign"],
  );
});
