/** Conditions on labels, compiled: RE2 whatever the pattern, without the engine where the pattern is a list of words. */
import type { LabelMatcher, Labels } from "@tulle/telemetry/records";
import { RE2JS } from "re2js";
import { labelValue } from "./labels.ts";

/** Patterns of queries come over the network: longer ones are refused. */
const MAX_PATTERN_LENGTH = 65_536;

/** Throws an Error with RE2's words if the pattern is not valid. */
export function compileRegex(pattern: string): RE2JS {
  if (pattern.length > MAX_PATTERN_LENGTH)
    throw new Error(`regular expression longer than ${MAX_PATTERN_LENGTH} characters`);
  return RE2JS.compile(pattern);
}

/** Alternatives without any character that has a meaning in RE2: `source|waypoint`. */
const WORDS = /^[^\\.+*?()[\]{}^$]*$/;
/** `lit.*`, `.*` and `.+`; label values with a newline go through the engine. */
const AROUND = /^(\.[*+])?([^\\.+*?()[\]{}^$|]*)(\.[*+])?$/;

type TextTest = (value: string) => boolean;

/** A full match. Throws an Error with RE2's words if the pattern is not valid. */
function regexTest(pattern: string): TextTest {
  if (WORDS.test(pattern)) {
    const words = new Set(pattern.split("|"));
    return (value) => words.has(value);
  }
  const regex = compileRegex(pattern);
  const around = AROUND.exec(pattern);
  const known = new Map<string, boolean>();
  const slow = (value: string): boolean => {
    let result = known.get(value);
    if (result === undefined) {
      result = regex.testExact(value);
      // Values repeat: a label has far fewer than there are series. Bounded, as they come from the network.
      if (known.size < 10_000) known.set(value, result);
    }
    return result;
  };
  if (around === null) return slow;
  const [, before, literal, after] = around;
  const needed = literal!.length + (before === ".+" ? 1 : 0) + (after === ".+" ? 1 : 0);
  return (value) => {
    if (value.includes("\n")) return slow(value);
    if (value.length < needed) return false;
    if (before === undefined) return value.startsWith(literal!);
    if (after === undefined) return value.endsWith(literal!);
    return literal === "" || value.slice(before === ".+" ? 1 : 0, after === ".+" ? -1 : undefined).includes(literal!);
  };
}

/** A matcher with its test of a value ("" for an absent label). */
export interface CompiledMatcher extends LabelMatcher {
  readonly test: TextTest;
}

/** Throws an Error with RE2's words if its pattern is not valid. */
export function compileMatcher({ name, op, value }: LabelMatcher): CompiledMatcher {
  return { name, op, value, test: testOf(op, value) };
}

function testOf(op: LabelMatcher["op"], value: string): TextTest {
  switch (op) {
    case "=":
      return (text) => text === value;
    case "!=":
      return (text) => text !== value;
    case "=~":
      return regexTest(value);
    default: {
      const test = regexTest(value);
      return (text) => !test(text);
    }
  }
}

/** Whether a series satisfies all of them. */
export function satisfies(labels: Labels, matchers: readonly CompiledMatcher[]): boolean {
  return matchers.every(({ name, test }) => test(labelValue(labels, name)));
}
