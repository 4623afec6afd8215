/**
 * RE2 patterns, as everywhere in Envoy: linear time whatever the input. Patterns that are only a literal with `.*` around it,
 * which is most of what control planes send, are not run through the engine at all.
 */
import { RE2JS } from "re2js";
import { bytesOf } from "./format/byte-text.ts";

/** A test of a whole string. */
export type TextTest = (text: string) => boolean;

/** Characters with a meaning in RE2 syntax. */
const META = /[\\.+*?()|[\]{}^$]/;

/** Full match, as Envoy's `safe_regex`. Throws an Error with RE2's words if the pattern is not valid. */
export function fullMatch(text: string, ignoreCase = false): TextTest {
  // Envoy's RE2 takes the pattern's bytes for Latin-1, as it does those of headers.
  const pattern = bytesOf(text);
  const regex = compile(pattern, ignoreCase);
  if (!ignoreCase) {
    const literal = literalTest(pattern);
    if (literal !== null) return literal;
  }
  return (text) => regex.testExact(text);
}

/** A match anywhere. Throws an Error if the pattern is not valid. */
export function partialMatch(text: string): TextTest {
  const regex = compile(bytesOf(text), false);
  return (text) => regex.test(text);
}

/**
 * Replacement of every match, as Envoy's `RegexMatchAndSubstitute`: `\1` to `\9` are groups, `\0` the match, `\\` a backslash.
 * Throws an Error if pattern or substitution is not valid.
 */
export function substitution(pattern: string, substitute: string): (text: string) => string {
  const regex = compile(bytesOf(pattern), false);
  const parts = parseSubstitution(bytesOf(substitute));
  const groups = regex.groupCount();
  // As RE2::GlobalReplace, which then replaces nothing.
  if (parts.some((part) => typeof part === "number" && part > groups)) return (text) => text;
  return (text) => {
    const matcher = regex.matcher(text);
    let result = "";
    let end = 0;
    let matched = false;
    while (matcher.find()) {
      // Nothing is found where something has just been found (RE2::GlobalReplace).
      if (matched && matcher.start() === end && matcher.end() === end) continue;
      matched = true;
      result += text.slice(end, matcher.start());
      for (const part of parts) result += typeof part === "string" ? part : (matcher.group(part) ?? "");
      end = matcher.end();
    }
    return !matched ? text : result + text.slice(end);
  };
}

/** Literal text and numbers of groups. */
function parseSubstitution(substitute: string): readonly (string | number)[] {
  const parts: (string | number)[] = [];
  let literal = "";
  for (let i = 0; i < substitute.length; i++) {
    const char = substitute[i];
    if (char !== "\\") {
      literal += char;
      continue;
    }
    const next = substitute[++i] ?? "";
    if (next === "\\") {
      literal += next;
    } else if (next >= "0" && next <= "9") {
      if (literal !== "") parts.push(literal);
      literal = "";
      parts.push(Number(next));
    } else {
      throw new Error("invalid substitution: a backslash must be followed by a digit or a backslash");
    }
  }
  if (literal !== "") parts.push(literal);
  return parts;
}

function compile(pattern: string, ignoreCase: boolean): RE2JS {
  return RE2JS.compile(pattern, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
}

/** `lit`, `lit.*`, `.*lit`, `.*lit.*`, `lit.+`: without the engine. Header values and paths hold no newline, which `.` excludes. */
function literalTest(pattern: string): TextTest | null {
  let body = pattern;
  if (body.startsWith("^")) body = body.slice(1);
  if (body.endsWith("$") && !body.endsWith("\\$")) body = body.slice(0, -1);
  let open = false;
  if (body.startsWith(".*")) {
    open = true;
    body = body.slice(2);
  }
  let tail: "" | "any" | "some" = "";
  if (body.endsWith(".*")) tail = "any";
  else if (body.endsWith(".+")) tail = "some";
  if (tail !== "") body = body.slice(0, -2);
  const literal = unescape(body);
  if (literal === null) return null;
  const n = literal.length;
  if (open) {
    if (tail === "") return (text) => text.endsWith(literal);
    if (tail === "any") return (text) => text.includes(literal);
    return null;
  }
  if (tail === "") return (text) => text === literal;
  if (tail === "any") return (text) => text.startsWith(literal);
  return (text) => text.length > n && text.startsWith(literal);
}

/** The text that `pattern` stands for if it is only literals and escaped punctuation, else null. */
function unescape(pattern: string): string | null {
  let text = "";
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i];
    if (char === "\\") {
      const next = pattern[i + 1];
      if (next === undefined || /[0-9A-Za-z]/.test(next)) return null;
      text += next;
      i++;
    } else if (META.test(char)) {
      return null;
    } else {
      text += char;
    }
  }
  return text;
}
