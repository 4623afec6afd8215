import type { StringMatcher } from "@tulle/xds/gen/envoy/type/matcher/v3/string_pb.js";
import type { StringMatcher as XdsStringMatcher } from "@tulle/xds/gen/xds/type/matcher/v3/string_pb.js";
import { bytesOf, lowerCase } from "./format/byte-text.ts";
import type { Place } from "./problems.ts";
import { type TextTest, fullMatch } from "./regex.ts";

/** Compiles Envoy's StringMatcher. `ignore_case` has no effect on `safe_regex`, as in Envoy. */
export function compileStringMatcher(matcher: StringMatcher | XdsStringMatcher, place: Place): TextTest {
  const pattern = matcher.matchPattern;
  if (pattern.case === "safeRegex") return compileRegex(pattern.value.regex, place.field("safe_regex"));
  if (pattern.case === "custom" || pattern.case === undefined) return never;
  return textTest(pattern.case, pattern.value, matcher.ignoreCase);
}

/** A test that the pattern matches the whole text; a pattern that is not valid is refused. */
export function compileRegex(pattern: string, place: Place): TextTest {
  try {
    return fullMatch(pattern);
  } catch (error) {
    place.refuse(error instanceof Error ? error.message : String(error));
    return never;
  }
}

export type TextTestKind = "exact" | "prefix" | "suffix" | "contains";

export function textTest(kind: TextTestKind, configured: string, ignoreCase: boolean): TextTest {
  if (ignoreCase) {
    const sensitive = textTest(kind, lowerCase(configured), false);
    return (text) => sensitive(lowerCase(text));
  }
  const value = bytesOf(configured);
  switch (kind) {
    case "exact":
      return (text) => text === value;
    case "prefix":
      return (text) => text.startsWith(value);
    case "suffix":
      return (text) => text.endsWith(value);
    default:
      return (text) => text.includes(value);
  }
}

/** Stands in for a matcher that was refused. */
export function never(): boolean {
  return false;
}
