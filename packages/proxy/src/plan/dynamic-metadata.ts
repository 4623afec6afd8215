/** Dynamic metadata: what filters find out about a request, by namespace, for other filters, access logs and header values. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { MetadataMatcher } from "@tulle/xds/gen/envoy/type/matcher/v3/metadata_pb.js";
import type { DoubleMatcher } from "@tulle/xds/gen/envoy/type/matcher/v3/number_pb.js";
import type { ValueMatcher } from "@tulle/xds/gen/envoy/type/matcher/v3/value_pb.js";
import type { Metadata } from "./format/stream-info.ts";
import type { Place } from "./problems.ts";
import { bytesOf } from "./format/byte-text.ts";
import { compileStringMatcher, never } from "./string-matcher.ts";

/**
 * Both, the later one over the earlier one key by key. What is found first is taken as it is: a filter whose findings are known beforehand
 * shares them among requests, and they cost nothing.
 */
export function withMetadata(before: Metadata | null, found: Metadata): Metadata {
  if (before === null) return found;
  const both: Record<string, JsonObject> = { ...before };
  for (const [namespace, struct] of Object.entries(found)) {
    both[namespace] = Object.hasOwn(before, namespace) ? { ...before[namespace], ...struct } : struct;
  }
  return both;
}

/** What stands at a path of keys in a namespace; undefined if nothing does. */
export function metadataValue(
  metadata: Metadata | null,
  namespace: string,
  path: readonly string[],
): JsonValue | undefined {
  if (metadata === null || !Object.hasOwn(metadata, namespace)) return undefined;
  let at: JsonValue | undefined = metadata[namespace];
  for (const key of path) {
    if (typeof at !== "object" || at === null || Array.isArray(at) || !Object.hasOwn(at, key)) return undefined;
    at = (at as JsonObject)[key];
  }
  return at;
}

/** A test of what stands at a path of a namespace; undefined stands for nothing. */
export interface MetadataTest {
  readonly namespace: string;
  readonly path: readonly string[];
  readonly test: ValueTest;
}

type ValueTest = (value: JsonValue | undefined) => boolean;

/** Envoy `source/common/common/matchers.cc`, `MetadataMatcher`. */
export function compileMetadataMatcher(matcher: MetadataMatcher, place: Place): MetadataTest {
  const test = matcher.value === undefined ? never : compileValueMatcher(matcher.value, place.field("value"));
  return {
    namespace: matcher.filter,
    path: matcher.path.map(({ segment }) => (segment.case === "key" ? segment.value : "")),
    test: matcher.invert ? (value) => !test(value) : test,
  };
}

function compileValueMatcher(matcher: ValueMatcher, place: Place): ValueTest {
  const pattern = matcher.matchPattern;
  switch (pattern.case) {
    case "nullMatch":
      return (value) => value === null;
    case "doubleMatch":
      return compileDoubleMatcher(pattern.value);
    case "stringMatch": {
      const test = compileStringMatcher(pattern.value, place.field("string_match"));
      return (value) => typeof value === "string" && test(bytesOf(value));
    }
    case "boolMatch": {
      const wanted = pattern.value;
      return (value) => value === wanted;
    }
    case "presentMatch": {
      // As Envoy has it: false matches nothing at all.
      const wanted = pattern.value;
      return (value) => wanted && value !== undefined;
    }
    case "listMatch": {
      const { matchPattern } = pattern.value;
      if (matchPattern.case !== "oneOf") return never;
      const test = compileValueMatcher(matchPattern.value, place.field("list_match.one_of"));
      return (value) => Array.isArray(value) && value.some(test);
    }
    case "orMatch": {
      const tests = pattern.value.valueMatchers.map((each, i) =>
        compileValueMatcher(each, place.item("or_match.value_matchers", i)),
      );
      return (value) => tests.some((test) => test(value));
    }
    default:
      return never;
  }
}

function compileDoubleMatcher({ matchPattern }: DoubleMatcher): ValueTest {
  if (matchPattern.case === "exact") {
    const wanted = matchPattern.value;
    return (value) => value === wanted;
  }
  if (matchPattern.case !== "range") return never;
  const { start, end } = matchPattern.value;
  return (value) => typeof value === "number" && start <= value && value < end;
}
