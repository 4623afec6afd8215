/** Random conditions: on text, headers, query parameters, cookies, paths. */
import type { JsonObject } from "../contract/harness/case.ts";
import { HOSTS, METHODS, NAMES, PLAIN_SEGMENTS, SEGMENTS, SPECIAL_NAMES, VALUES } from "./choice.ts";
import type { Choice } from "./choice.ts";

/** RE2 patterns of a small grammar. */
export function pattern(choice: Choice, depth = 2): string {
  const atom = (): string =>
    choice.made(
      () => choice.one(["a", "b", "A", "1", "/", "-", "\\.", ",", "=", "é", "\\x{e9}"]),
      () => choice.one([".", "\\d", "\\w", "\\s", "\\S", "[a-c]", "[^/]", "[^a]", "[[:alpha:]]", "\\pL", "\\W"]),
      () => (depth > 0 ? `(${choice.one(["", "?:", "?i:"])}${pattern(choice, depth - 1)})` : "a"),
    );
  const repeated = (): string => atom() + choice.one(["", "", "", "*", "+", "?", "*?", "{2}", "{0,2}"]);
  const sequence = (): string => choice.list(4, repeated).join("");
  const made = choice.chance(20) ? `${sequence()}|${sequence()}` : sequence();
  return made === "" ? "a" : made;
}

/** A path that a configuration may have. */
export function configuredPath(choice: Choice): string {
  const segments = choice.chance(80) ? PLAIN_SEGMENTS : SEGMENTS;
  const path = choice.list(3, () => `/${choice.one(segments)}`).join("");
  return path + (path === "" || choice.chance(15) ? "/" : "");
}

function regex(choice: Choice): JsonObject {
  return { regex: choice.chance(40) ? `.*${pattern(choice, 1)}.*` : pattern(choice) };
}

export function stringMatcher(choice: Choice, text: string): JsonObject {
  const nonEmpty = text === "" ? "a" : text;
  const kinds = [
    () => ({ exact: text }),
    () => ({ prefix: nonEmpty }),
    () => ({ suffix: nonEmpty }),
    () => ({ contains: nonEmpty }),
  ];
  if (choice.chance(20)) return { safe_regex: regex(choice) };
  return { ...choice.one(kinds)(), ...choice.perhaps(20, () => ({ ignore_case: true })) };
}

function headerAndValue(choice: Choice): readonly [name: string, value: string] {
  if (choice.chance(12)) return [":path", configuredPath(choice)];
  if (choice.chance(8)) return [":method", choice.one(METHODS)];
  if (choice.chance(8)) return [choice.one([":authority", "host"]), choice.one(HOSTS)];
  if (choice.chance(3)) return [":scheme", choice.one(["http", "https"])];
  return [choice.chance(75) ? choice.one(NAMES) : choice.one(SPECIAL_NAMES), choice.one(VALUES)];
}

export function headerMatcher(choice: Choice): JsonObject {
  const [name, value] = headerAndValue(choice);
  const text = value === "" ? "a" : value;
  return {
    name,
    ...choice.made<JsonObject>(
      () => ({}),
      () => ({ present_match: choice.chance(70) }),
      () => ({ exact_match: text }),
      () => ({ prefix_match: text }),
      () => ({ suffix_match: text }),
      () => ({ contains_match: text }),
      () => ({ safe_regex_match: regex(choice) }),
      () => ({ range_match: { start: choice.one([-10, 0, 1, 12]), end: choice.one([2, 13, 101]) } }),
      () => ({ string_match: stringMatcher(choice, value) }),
      () => ({ string_match: stringMatcher(choice, value) }),
    ),
    ...choice.perhaps(25, () => ({ invert_match: true })),
    ...choice.perhaps(25, () => ({ treat_missing_header_as_empty: true })),
  };
}

function queryParameterMatcher(choice: Choice): JsonObject {
  const name = choice.one(["q", "r", "a", "Q"]);
  return choice.made<JsonObject>(
    () => ({ name }),
    () => ({ name, present_match: choice.chance(70) }),
    () => ({ name, string_match: stringMatcher(choice, choice.one(VALUES)) }),
    () => ({ name, string_match: stringMatcher(choice, choice.one(["1", "a", ""])) }),
  );
}

function cookieMatcher(choice: Choice): JsonObject {
  const string_match = stringMatcher(choice, choice.one(["", "b", "d", "1"]));
  return { name: choice.one(["a", "c", "q"]), string_match, ...choice.perhaps(30, () => ({ invert_match: true })) };
}

function pathSpecifier(choice: Choice): JsonObject {
  const path = configuredPath(choice);
  return choice.made<JsonObject>(
    () => ({ prefix: choice.chance(10) ? "" : path }),
    () => ({ prefix: path }),
    () => ({ prefix: "/" }),
    () => ({ path }),
    () => ({ path }),
    () => ({ path_separated_prefix: path.replaceAll(/[?#]/g, "").replace(/\/+$/, "") || "/a" }),
    () => ({ safe_regex: { regex: choice.chance(60) ? `/${pattern(choice)}.*` : `.*${pattern(choice)}` } }),
    () => (choice.chance(20) ? { connect_matcher: {} } : { path }),
  );
}

export function routeMatch(choice: Choice): JsonObject {
  return {
    ...pathSpecifier(choice),
    ...choice.perhaps(15, () => ({ case_sensitive: false })),
    ...choice.perhaps(40, () => ({ headers: [headerMatcher(choice), ...choice.list(1, () => headerMatcher(choice))] })),
    ...choice.perhaps(20, () => ({
      query_parameters: [queryParameterMatcher(choice), ...choice.list(1, () => queryParameterMatcher(choice))],
    })),
    ...choice.perhaps(8, () => ({ cookies: [cookieMatcher(choice)] })),
    ...choice.perhaps(4, () => ({ grpc: {} })),
    ...choice.perhaps(5, () => ({ runtime_fraction: { default_value: { numerator: choice.one([0, 100]) } } })),
  };
}
