import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { RE2JS } from "re2js";
import { fullMatch, substitution } from "../../src/plan/regex.ts";

// What is tested must not depend on the day.
fc.configureGlobal({ seed: 20_261_129 });

test("property: patterns that are reduced to literals decide as the engine does", () => {
  const literal = fc.stringMatching(/^[a-c/-]{0,4}$/).map((text) => text.replaceAll("/", "\\/"));
  const pattern = fc
    .tuple(fc.constantFrom("", "^", ".*"), literal, fc.constantFrom("", "$", ".*", ".+", "\\.x", "\\$"))
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(pattern, fc.stringMatching(/^[a-c/.$x-]{0,8}$/), (source, text) => {
      assert.equal(fullMatch(source)(text), RE2JS.compile(source).testExact(text), `${source} on ${text}`);
    }),
    { numRuns: 2000 },
  );
});

test("a pattern that backtracking engines choke on takes linear time", () => {
  const match = fullMatch("(a+)+b");
  const started = process.cpuUsage().user;
  assert.equal(match("a".repeat(20_000)), false);
  assert.ok(process.cpuUsage().user - started < 2_000_000, "more than 2 s of CPU");
});

test("substitutions that ask for what is not there are refused", () => {
  assert.equal(substitution("(a)", "\\2")("abc"), "abc", "a group that is not there: nothing is replaced");
  assert.throws(() => substitution("a", "\\x"), /a backslash must be followed by/);
  assert.throws(() => substitution("a", "\\"), /a backslash must be followed by/);
});

test("a group that took no part is empty", () => {
  assert.equal(substitution("(x)?b", "[\\1]")("ab"), "a[]");
});
