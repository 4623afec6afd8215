/**
 * RBAC by a tree of matchers (`matcher`, `shadow_matcher`): the first that matches says by its action what becomes of the request. It becomes
 * a graph of the same checks as policies. Envoy `source/common/matcher/`, `RoleBasedAccessControlMatcherEngineImpl`.
 */
import { type Action as ActionMessage, RBAC_Action as Action } from "@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import type { Ip } from "@tulle/xds/gen/envoy/extensions/matching/input_matchers/ip/v3/ip_pb.js";
import type { HttpRequestHeaderMatchInput } from "@tulle/xds/gen/envoy/type/matcher/v3/http_inputs_pb.js";
import type { TypedExtensionConfig } from "@tulle/xds/gen/xds/core/v3/extension_pb.js";
import type { IPMatcher } from "@tulle/xds/gen/xds/type/matcher/v3/ip_pb.js";
import type {
  Matcher,
  Matcher_MatcherList_Predicate as Predicate,
  Matcher_MatcherList_Predicate_SinglePredicate as SinglePredicate,
  Matcher_MatcherTree as MatcherTree,
  Matcher_OnMatch as OnMatch,
} from "@tulle/xds/gen/xds/type/matcher/v3/matcher_pb.js";
import { type AddressRange, type AddressTest, compileCidrRanges } from "../cidr.ts";
import type { Place } from "../problems.ts";
import type { TextTest } from "../regex.ts";
import { headerReader } from "../request-matchers.ts";
import { unpackExtension } from "../schemas.ts";
import { compileStringMatcher } from "../string-matcher.ts";
import {
  DESTINATION_IP_INPUT,
  DESTINATION_PORT_INPUT,
  DIRECT_SOURCE_IP_INPUT,
  HEADER_INPUT,
  IP_INPUT_MATCHER,
  SERVER_NAME_INPUT,
  SOURCE_IP_INPUT,
  SOURCE_PORT_INPUT,
} from "../supported-fields/index.ts";
import type { RbacEnginePlan, RbacOutcomePlan } from "./rbac.ts";
import {
  type Check,
  type Condition,
  type ConnectionText,
  allOf,
  anyOf,
  askRequest,
  askText,
  not,
  nothing,
  result,
} from "./rbac-rules.ts";

const CONNECTION_TEXTS: Readonly<Record<string, ConnectionText>> = {
  [DESTINATION_IP_INPUT]: "localAddress",
  [DESTINATION_PORT_INPUT]: "localPort",
  [DIRECT_SOURCE_IP_INPUT]: "peerAddress",
  [SOURCE_IP_INPUT]: "clientAddress",
  [SOURCE_PORT_INPUT]: "peerPort",
  [SERVER_NAME_INPUT]: "serverName",
};

export function compileMatcherEngine(matcher: Matcher, place: Place): RbacEnginePlan {
  const outcomes: RbacOutcomePlan[] = [{ policy: "", allowed: false, logHint: null }];
  const compiler = new MatcherCompiler(outcomes);
  const start = compiler.compile(matcher, result(0), place);
  // Who logs some says of all that match whether to log them.
  const logs = outcomes.some(({ logHint }) => logHint === true);
  return { outcomes: logs ? outcomes : outcomes.map((outcome) => ({ ...outcome, logHint: null })), start };
}

class MatcherCompiler {
  private readonly outcomes: RbacOutcomePlan[];

  /** @param outcomes gets those of all actions */
  constructor(outcomes: RbacOutcomePlan[]) {
    this.outcomes = outcomes;
  }

  /** @param otherwise where it goes on if nothing matches */
  compile(matcher: Matcher, otherwise: Check, place: Place): Check {
    const { matcherType: type, onNoMatch } = matcher;
    const last = onNoMatch === undefined ? otherwise : this.follow(onNoMatch, otherwise, place.field("on_no_match"));
    if (type.case === "matcherTree") return this.compileTree(type.value, last, place.field("matcher_tree"));
    if (type.case !== "matcherList") return last;
    const list = place.field("matcher_list");
    return type.value.matchers.reduceRight((next, { predicate, onMatch }, i) => {
      const at = list.item("matchers", i);
      if (predicate === undefined || onMatch === undefined) return next;
      const condition = compilePredicate(predicate, at.field("predicate"));
      return condition(this.follow(onMatch, next, at.field("on_match")), next);
    }, last);
  }

  private follow({ onMatch }: OnMatch, otherwise: Check, place: Place): Check {
    if (onMatch.case === "matcher") return this.compile(onMatch.value, otherwise, place.field("matcher"));
    if (onMatch.case !== "action" || onMatch.value.typedConfig === undefined) return otherwise;
    const { name, action } = unpackExtension(onMatch.value.typedConfig).message as ActionMessage;
    this.outcomes.push({ policy: name, allowed: action !== Action.DENY, logHint: action === Action.LOG });
    return result(this.outcomes.length - 1);
  }

  private compileTree({ input, treeType: type }: MatcherTree, last: Check, place: Place): Check {
    const asks = compileInput(input);
    if (type.case === "customMatch") {
      const at = place.field("custom_match");
      return type.value.typedConfig === undefined
        ? last
        : this.compileRanges(unpackExtension(type.value.typedConfig).message as IPMatcher, asks, last, at);
    }
    if (type.case === undefined) return last;
    const isPrefix = type.case === "prefixMatchMap";
    const at = place.field(isPrefix ? "prefix_match_map" : "exact_match_map");
    // The longest prefix first, and shorter ones where nothing comes of it.
    const keys = Object.keys(type.value.map).sort((a, b) => b.length - a.length);
    return keys.reduceRight((next, key) => {
      const then = this.follow(type.value.map[key], next, at.field(`map["${key}"]`));
      return asks(isPrefix ? (text) => text.startsWith(key) : (text) => text === key)(then, next);
    }, last);
  }

  private compileRanges({ rangeMatchers }: IPMatcher, asks: (test: TextTest) => Condition, last: Check, place: Place) {
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
}

function compilePredicate({ matchType: type }: Predicate, place: Place): Condition {
  switch (type.case) {
    case "singlePredicate":
      return compileSingle(type.value, place.field("single_predicate"));
    case "orMatcher":
      return anyOf(
        type.value.predicate.map((each, i) => compilePredicate(each, place.field("or_matcher").item("predicate", i))),
      );
    case "andMatcher":
      return allOf(
        type.value.predicate.map((each, i) => compilePredicate(each, place.field("and_matcher").item("predicate", i))),
      );
    case "notMatcher":
      return not(compilePredicate(type.value, place.field("not_matcher")));
    default:
      return nothing;
  }
}

function compileSingle({ input, matcher }: SinglePredicate, place: Place): Condition {
  const asks = compileInput(input);
  if (matcher.case === "valueMatch") return asks(compileStringMatcher(matcher.value, place.field("value_match")));
  if (matcher.case !== "customMatch" || matcher.value.typedConfig === undefined) return nothing;
  const { typeName, message } = unpackExtension(matcher.value.typedConfig);
  if (typeName !== IP_INPUT_MATCHER) return nothing;
  return asks(rangeTest((message as Ip).cidrRanges, place.field("custom_match")));
}

function rangeTest(ranges: readonly AddressRange[], place: Place): AddressTest {
  return compileCidrRanges(ranges, (i) => place.item("cidr_ranges", i));
}

/** What is asked for a text; where there is none, nothing matches. */
function compileInput(input: TypedExtensionConfig | undefined): (test: TextTest) => Condition {
  if (input?.typedConfig === undefined) return () => nothing;
  const { typeName, message } = unpackExtension(input.typedConfig);
  if (typeName === HEADER_INPUT) {
    const read = headerReader((message as HttpRequestHeaderMatchInput).headerName);
    return (test) =>
      askRequest({
        matches: (request) => {
          const value = read(request);
          return value !== undefined && test(value);
        },
      });
  }
  const text = CONNECTION_TEXTS[typeName];
  return text === undefined ? () => nothing : (test) => askText(text, test);
}
