/**
 * `RateLimit`: what describes a request to a rate limit, entries of key and value made by a list of actions. Where an action has nothing to
 * say there is no descriptor, unless it may be left out (`skip_if_absent`). Envoy `source/common/router/router_ratelimit.cc`.
 */
import {
  type RateLimit,
  type RateLimit_Action,
  type RateLimit_Action_MetaData,
  type RateLimit_HitsAddend,
  RateLimit_Action_MetaData_Source as Source,
} from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { maskAddress } from "../ip-address.ts";
import { metadataValue } from "./dynamic-metadata.ts";
import { bytesOf } from "./format/byte-text.ts";
import { refuseFormatErrors, soleCommand } from "./format/format.ts";
import { queryParameter } from "./format/headers.ts";
import { textFrom } from "./format/operator.ts";
import type { StreamInfo } from "./format/stream-info.ts";
import type { RequestTest } from "./request-views.ts";
import type { Place } from "./problems.ts";
import { compileHeaderMatcher, compileQueryMatcher, headerReader } from "./request-matchers.ts";

export interface RateLimitPlan {
  /** Default 0: for filters of that stage. */
  readonly stage: number;
  /** Tokens that a request takes, default 1; -1 where what is to tell of it is no such number: there is no descriptor then. */
  hits(stream: StreamInfo): number;
  /** Keys and values by turns; null where there is no descriptor. */
  describe(stream: StreamInfo): readonly string[] | null;
}

/** A route's, and its virtual host's. */
export interface RouteRateLimits {
  readonly route: readonly RateLimitPlan[];
  readonly virtualHost: readonly RateLimitPlan[];
  /** `include_vh_rate_limits`, whatever the filter says. */
  readonly includesVirtualHost: boolean;
}

/** Adds an entry to those before; false where there is nothing to say. */
type Action = (stream: StreamInfo, entries: string[]) => boolean;

export function compileRateLimits(list: readonly RateLimit[], place: Place): readonly RateLimitPlan[] {
  return list.map((each, i) => compileRateLimit(each, place.item("rate_limits", i)));
}

export function compileRateLimit(message: RateLimit, place: Place): RateLimitPlan {
  const actions = message.actions.map((action, i) => compileAction(action, place.item("actions", i)));
  return {
    stage: message.stage ?? 0,
    hits: compileHits(message.hitsAddend, place.field("hits_addend")),
    describe: (stream) => {
      const entries: string[] = [];
      for (const action of actions) if (!action(stream, entries)) return null;
      return entries.length === 0 ? null : entries;
    },
  };
}

/** Source: Envoy `source/common/router/router_ratelimit.cc`, `RateLimitPolicyEntryImpl`. */
function compileHits(addend: RateLimit_HitsAddend | undefined, place: Place): RateLimitPlan["hits"] {
  const format = addend?.format ?? "";
  if (format === "") {
    const hits = Number(addend?.number ?? 1n);
    return () => hits;
  }
  if (addend?.number !== undefined) place.refuse("hits_addend can only have one of number or format");
  const operator = refuseFormatErrors(place.field("format"), null, () => soleCommand(bytesOf(format)));
  return (stream) => {
    const text = (operator === null ? undefined : textFrom(operator, stream)) ?? "";
    const hits = text === "" ? NaN : Number(text);
    return hits >= 0 && hits <= MAX_HITS ? Math.trunc(hits) : -1;
  };
}

/** Source: Envoy `source/common/router/router_ratelimit.cc`, MAX_HITS_ADDEND. */
const MAX_HITS = 1_000_000_000;

function compileAction({ actionSpecifier: action }: RateLimit_Action, place: Place): Action {
  switch (action.case) {
    case "genericKey": {
      const { descriptorKey, descriptorValue } = action.value;
      return literal(descriptorKey || "generic_key", descriptorValue);
    }
    case "requestHeaders": {
      const { headerName, descriptorKey, skipIfAbsent } = action.value;
      const read = lineReader(headerName.toLowerCase());
      return entry(descriptorKey, skipIfAbsent, ({ request }) => read(request));
    }
    case "queryParameters": {
      const { queryParameterName, descriptorKey, skipIfAbsent } = action.value;
      const parameter = queryParameter(queryParameterName, null);
      return entry(descriptorKey, skipIfAbsent, (stream) => parameter.text(stream));
    }
    case "headerValueMatch": {
      const { headers, expectMatch = true, descriptorKey, descriptorValue } = action.value;
      const at = place.field("header_value_match");
      const tests = headers.map((each, i) => compileHeaderMatcher(each, at.item("headers", i)));
      return matching(tests, expectMatch, literal(descriptorKey || "header_match", descriptorValue));
    }
    case "queryParameterValueMatch": {
      const { queryParameters, expectMatch = true, descriptorKey, descriptorValue } = action.value;
      const at = place.field("query_parameter_value_match");
      const tests = queryParameters.map((each, i) => compileQueryMatcher(each, at.item("query_parameters", i)));
      return matching(tests, expectMatch, literal(descriptorKey || "query_match", descriptorValue));
    }
    case "remoteAddress":
      return entry("remote_address", false, clientAddress);
    case "maskedRemoteAddress": {
      const { v4PrefixMaskLen = 32, v6PrefixMaskLen = 128 } = action.value;
      return entry("masked_remote_address", false, (stream) => {
        const address = clientAddress(stream);
        return address === undefined
          ? undefined
          : maskAddress(address, address.includes(":") ? v6PrefixMaskLen : v4PrefixMaskLen);
      });
    }
    case "sourceCluster":
      return entry("source_cluster", false, ({ localCluster }) => localCluster);
    case "destinationCluster":
      return entry("destination_cluster", false, ({ cluster }) => cluster?.plan.name);
    case "metadata":
      return metadataEntry(action.value);
    default:
      // Reported by the reflection check.
      return () => false;
  }
}

function literal(key: string, value: string): Action {
  return (_, entries) => {
    entries.push(key, value);
    return true;
  };
}

function entry(key: string, skipIfAbsent: boolean, read: (stream: StreamInfo) => string | undefined): Action {
  return (stream, entries) => {
    const value = read(stream);
    if (value === undefined) return skipIfAbsent;
    entries.push(key, value);
    return true;
  };
}

function matching(tests: readonly RequestTest[], expected: boolean, action: Action): Action {
  return (stream, entries) =>
    tests.every((test) => test.matches(stream.request)) === expected && action(stream, entries);
}

function metadataEntry({
  metadataKey,
  source,
  descriptorKey,
  defaultValue,
  skipIfAbsent,
}: RateLimit_Action_MetaData): Action {
  const namespace = metadataKey?.key ?? "";
  const path = metadataKey?.path.map(({ segment }) => (segment.case === "key" ? segment.value : "")) ?? [];
  const byDefault = defaultValue === "" ? undefined : defaultValue;
  return entry(descriptorKey, skipIfAbsent, ({ route, dynamicMetadata }) => {
    const metadata = source === Source.ROUTE_ENTRY ? (route?.metadata ?? null) : dynamicMetadata;
    const value = metadataValue(metadata, namespace, path);
    return typeof value === "string" && value !== "" ? value : byDefault;
  });
}

/** Of several lines the first. */
function lineReader(name: string): (request: StreamInfo["request"]) => string | undefined {
  return name.startsWith(":") || name === "host" ? headerReader(name) : (request) => request.firstHeader(name);
}

function clientAddress({ request, connection }: StreamInfo): string | undefined {
  return request.forwardedFor || connection?.remoteAddress;
}
