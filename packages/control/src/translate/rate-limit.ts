/** A RateLimit as Envoy's filter for it, one to an object: each has its own answer. */
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RateLimitRuleSpec, StringMatch } from "@tulle/api";
import { HeaderValueOption_HeaderAppendAction as Append } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { RateLimit_ActionSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { LocalRateLimitSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js";
import { HttpFilterSchema } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HttpFilter } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { RateLimitRule } from "../model/rate-limit.ts";
import { fromText } from "./durations.ts";
import { packed } from "./packed.ts";
import { headerMatcher } from "./route-match.ts";

const ALWAYS = { defaultValue: { numerator: 100 } };
const TOO_MANY_REQUESTS = 429;
/** Buckets of header values and addresses that one rule keeps; the one that was not used for longest goes. */
const MAX_BUCKETS = 10_000;

/** The entry that tells the rules of one object apart. */
const RULE = "rule";

export function rateLimitFilter({ spec, origin }: RateLimitRule): HttpFilter {
  const { rules, respond = {} } = spec;
  const name = `${origin.namespace}/${origin.name}`;
  const config = create(LocalRateLimitSchema, {
    statPrefix: `ratelimit.${name}`,
    status: { code: respond.status ?? TOO_MANY_REQUESTS },
    filterEnabled: ALWAYS,
    filterEnforced: ALWAYS,
    enableRetryAfterHeader: true,
    rateLimitedAsResourceExhausted: true,
    maxDynamicDescriptors: MAX_BUCKETS,
    responseHeadersToAdd: Object.entries(respond.headers ?? {}).map(([key, value]) => ({
      header: { key, value },
      appendAction: Append.OVERWRITE_IF_EXISTS_OR_ADD,
    })),
    rateLimits: rules.flatMap((rule, index) =>
      pathsOf(rule.match?.uri).map((path) => ({ actions: actions(rule, path, String(index)) })),
    ),
    descriptors: rules.map((rule, index) => ({
      entries: entries(rule, String(index)),
      tokenBucket: {
        maxTokens: rule.burst ?? rule.tokens,
        tokensPerFill: rule.tokens,
        fillInterval: fromText(rule.interval),
      },
    })),
  });
  return create(HttpFilterSchema, {
    name: `tulle.ratelimit.${name}`,
    configType: { case: "typedConfig", value: packed(LocalRateLimitSchema, config) },
  });
}

/** One bucket for each value of what has none here. */
function entries({ per }: RateLimitRuleSpec, index: string) {
  return [
    { key: RULE, value: index },
    ...(per?.header === undefined ? [] : [{ key: "header", value: "" }]),
    ...(per?.clientAddress === true ? [{ key: "remote_address", value: "" }] : []),
  ];
}

type ActionInit = MessageInitShape<typeof RateLimit_ActionSchema>;

/** `:path` has the query behind it, which a match of the path does not look at: one of these must hold. Undefined: any path will do. */
function pathsOf(uri: StringMatch | undefined): readonly (StringMatch | undefined)[] {
  if (uri?.exact !== undefined) return [uri, { prefix: `${uri.exact}?` }];
  return [uri?.regex === undefined ? uri : { regex: `(?:${uri.regex})(?:\\?.*)?` }];
}

function actions({ match, per }: RateLimitRuleSpec, path: StringMatch | undefined, index: string): ActionInit[] {
  const headers = [
    ...(path === undefined ? [] : [headerMatcher(":path", path, false)]),
    ...(match?.methods === undefined ? [] : [headerMatcher(":method", anyOf(match.methods), false)]),
    ...Object.entries(match?.headers ?? {}).map(([name, value]) => headerMatcher(name.toLowerCase(), value, false)),
  ];
  const first: ActionInit =
    headers.length === 0
      ? { actionSpecifier: { case: "genericKey", value: { descriptorKey: RULE, descriptorValue: index } } }
      : {
          actionSpecifier: {
            case: "headerValueMatch",
            value: { descriptorKey: RULE, descriptorValue: index, headers },
          },
        };
  const all: ActionInit[] = [first];
  if (per?.header !== undefined) {
    const value = { headerName: per.header, descriptorKey: "header" };
    all.push({ actionSpecifier: { case: "requestHeaders", value } });
  }
  if (per?.clientAddress === true) all.push({ actionSpecifier: { case: "remoteAddress", value: {} } });
  return all;
}

/** Method names are tokens: but for the dot and the like of them none has a meaning in a regular expression. */
function anyOf(methods: readonly string[]): StringMatch {
  return { regex: methods.map((method) => method.replaceAll(/[.*+?^$|]/g, "\\$&")).join("|") };
}
