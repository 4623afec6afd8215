/**
 * Trees of matchers (`xds.type.matcher.v3.Matcher`), compiled to a graph in which each question knows what comes next if it is answered with
 * yes and if not. What is asked and what is found is for each use to say. Behaviour: Envoy `source/common/matcher/`.
 */
import type { Ip } from "@tulle/xds/gen/envoy/extensions/matching/input_matchers/ip/v3/ip_pb.js";
import type { TypedExtensionConfig } from "@tulle/xds/gen/xds/core/v3/extension_pb.js";
import type { IPMatcher } from "@tulle/xds/gen/xds/type/matcher/v3/ip_pb.js";
import type {
  Matcher,
  Matcher_MatcherList_Predicate as Predicate,
  Matcher_MatcherList_Predicate_SinglePredicate as SinglePredicate,
  Matcher_MatcherTree as MatcherTree,
  Matcher_OnMatch as OnMatch,
} from "@tulle/xds/gen/xds/type/matcher/v3/matcher_pb.js";
import { type AddressRange, type AddressTest, compileCidrRanges } from "./cidr.ts";
import type { Place } from "./problems.ts";
import type { TextTest } from "./regex.ts";
import { type Extension, unpackExtension } from "./schemas.ts";
import { compileStringMatcher } from "./string-matcher.ts";
import { IP_INPUT_MATCHER } from "./supported-fields/index.ts";

/** Puts a question before what is known to come after it. */
export type Condition<Node> = (yes: Node, no: Node) => Node;

/** Nothing passes. */
export function nothing<Node>(_: Node, no: Node): Node {
  return no;
}

export function allOf<Node>(conditions: readonly Condition<Node>[]): Condition<Node> {
  return (yes, no) => conditions.reduceRight((next, condition) => condition(next, no), yes);
}

export function anyOf<Node>(conditions: readonly Condition<Node>[]): Condition<Node> {
  return (yes, no) => conditions.reduceRight((next, condition) => condition(yes, next), no);
}

export function not<Node>(condition: Condition<Node>): Condition<Node> {
  return (yes, no) => condition(no, yes);
}

/** A text that is asked for, and tested; where there is none, nothing matches. */
export interface MatcherInput<Node> {
  readonly asks: (test: TextTest) => Condition<Node>;
  /** One question for many texts, where there is a way; null: one after the other. */
  readonly among: ((texts: ReadonlyMap<string, Node>, no: Node) => Node) | null;
}

/** What a use of matchers has. Whatever it has not, it refuses, and gives null. */
export interface MatcherUse<Node> {
  input(extension: Extension, place: Place): MatcherInput<Node> | null;
  /** The end of a way. */
  action(extension: Extension, place: Place): Node | null;
}

/** @param otherwise where it goes on if nothing matches */
export function compileMatcher<Node>(matcher: Matcher, use: MatcherUse<Node>, otherwise: Node, place: Place): Node {
  return new MatcherCompiler(use).compile(matcher, otherwise, place);
}

class MatcherCompiler<Node> {
  private readonly use: MatcherUse<Node>;

  constructor(use: MatcherUse<Node>) {
    this.use = use;
  }

  compile(matcher: Matcher, otherwise: Node, place: Place): Node {
    const { matcherType: type, onNoMatch } = matcher;
    const last = onNoMatch === undefined ? otherwise : this.follow(onNoMatch, otherwise, place.field("on_no_match"));
    if (type.case === "matcherTree") return this.compileTree(type.value, last, place.field("matcher_tree"));
    if (type.case !== "matcherList") return last;
    const list = place.field("matcher_list");
    return type.value.matchers.reduceRight((next, { predicate, onMatch }, i) => {
      const at = list.item("matchers", i);
      if (predicate === undefined || onMatch === undefined) return next;
      const condition = this.compilePredicate(predicate, at.field("predicate"));
      return condition(this.follow(onMatch, next, at.field("on_match")), next);
    }, last);
  }

  private follow({ onMatch }: OnMatch, otherwise: Node, place: Place): Node {
    if (onMatch.case === "matcher") return this.compile(onMatch.value, otherwise, place.field("matcher"));
    if (onMatch.case !== "action" || onMatch.value.typedConfig === undefined) return otherwise;
    const extension = unpackExtension(onMatch.value.typedConfig);
    const at = place.field("action").packed("typed_config", extension.typeUrl);
    return this.use.action(extension, at) ?? otherwise;
  }

  private compileTree({ input, treeType: type }: MatcherTree, last: Node, place: Place): Node {
    const asked = this.compileInput(input, place.field("input"));
    if (asked === null || type.case === undefined) return last;
    if (type.case === "customMatch") {
      const at = place.field("custom_match");
      return type.value.typedConfig === undefined
        ? last
        : this.compileRanges(unpackExtension(type.value.typedConfig).message as IPMatcher, asked.asks, last, at);
    }
    const isPrefix = type.case === "prefixMatchMap";
    const at = place.field(isPrefix ? "prefix_match_map" : "exact_match_map");
    const { map } = type.value;
    const then = (key: string, next: Node): Node => this.follow(map[key], next, at.field(`map["${key}"]`));
    if (!isPrefix && asked.among !== null) {
      return asked.among(new Map(Object.keys(map).map((key) => [key, then(key, last)])), last);
    }
    // The longest prefix first, and shorter ones where nothing comes of it.
    const keys = Object.keys(map).sort((a, b) => b.length - a.length);
    return keys.reduceRight(
      (next, key) =>
        asked.asks(isPrefix ? (text) => text.startsWith(key) : (text) => text === key)(then(key, next), next),
      last,
    );
  }

  private compileRanges(
    { rangeMatchers }: IPMatcher,
    asks: MatcherInput<Node>["asks"],
    last: Node,
    place: Place,
  ): Node {
    const ranges = rangeMatchers.flatMap((matcher, i) => matcher.ranges.map((range) => ({ matcher, range, i })));
    // The narrowest range first.
    ranges.sort((a, b) => (b.range.prefixLen ?? 0) - (a.range.prefixLen ?? 0));
    return ranges.reduceRight((next, { matcher: { onMatch, exclusive }, range, i }) => {
      const at = place.item("range_matchers", i);
      const test = rangeTest([range], at);
      if (onMatch === undefined) return next;
      return asks(test)(this.follow(onMatch, exclusive ? last : next, at.field("on_match")), next);
    }, last);
  }

  private compilePredicate({ matchType: type }: Predicate, place: Place): Condition<Node> {
    switch (type.case) {
      case "singlePredicate":
        return this.compileSingle(type.value, place.field("single_predicate"));
      case "orMatcher":
        return anyOf(
          type.value.predicate.map((each, i) =>
            this.compilePredicate(each, place.field("or_matcher").item("predicate", i)),
          ),
        );
      case "andMatcher":
        return allOf(
          type.value.predicate.map((each, i) =>
            this.compilePredicate(each, place.field("and_matcher").item("predicate", i)),
          ),
        );
      case "notMatcher":
        return not(this.compilePredicate(type.value, place.field("not_matcher")));
      default:
        return nothing;
    }
  }

  private compileSingle({ input, matcher }: SinglePredicate, place: Place): Condition<Node> {
    const asked = this.compileInput(input, place.field("input"));
    if (asked === null) return nothing;
    if (matcher.case === "valueMatch") {
      return asked.asks(compileStringMatcher(matcher.value, place.field("value_match")));
    }
    if (matcher.case !== "customMatch" || matcher.value.typedConfig === undefined) return nothing;
    const { typeName, message } = unpackExtension(matcher.value.typedConfig);
    if (typeName !== IP_INPUT_MATCHER) return nothing;
    return asked.asks(rangeTest((message as Ip).cidrRanges, place.field("custom_match")));
  }

  private compileInput(input: TypedExtensionConfig | undefined, place: Place): MatcherInput<Node> | null {
    if (input?.typedConfig === undefined) return null;
    const extension = unpackExtension(input.typedConfig);
    return this.use.input(extension, place.packed("typed_config", extension.typeUrl));
  }
}

function rangeTest(ranges: readonly AddressRange[], place: Place): AddressTest {
  return compileCidrRanges(ranges, (i) => place.item("cidr_ranges", i));
}
