import assert from "node:assert/strict";
import { test } from "node:test";
import { regexError } from "../../src/schema/regex.ts";

test("what routes usually match with is legal", () => {
  for (const pattern of [
    ".*",
    "^(.*?;)?(user=jason)(;.*)?$",
    "/v(\\d+)/.*",
    "(?i)^aaa$",
    "[^/]+",
    "[]a]{2,3}",
    "\\{\\}",
    "a{,3}",
    "([a-z0-9-]{1,63}\\.){1,10}com",
    ".{0,1000}",
    "\\p{Greek}+",
  ]) {
    assert.equal(regexError(pattern), undefined, pattern);
  }
});

test("what RE2 does not have is refused with RE2's reason", () => {
  assert.equal(regexError("a("), "missing closing ): `a(`");
  assert.match(regexError("(a)\\1")!, /invalid escape sequence/);
  assert.match(regexError("(?<=a)b")!, /invalid|named|perl/i);
  assert.match(regexError("a{2000}")!, /invalid repeat count/);
  assert.equal(regexError(""), "empty");
});

test("a pattern that is too long, or whose repetitions multiply too far, is refused without being compiled", () => {
  assert.equal(regexError("a".repeat(1025)), "longer than 1024 characters");
  const pattern = "(a{1,30}){1,30}|".repeat(60);
  assert.equal(pattern.length, 960);
  assert.match(regexError(pattern)!, /^its repetitions add up to \d+ instructions, more than 5000$/);
});
