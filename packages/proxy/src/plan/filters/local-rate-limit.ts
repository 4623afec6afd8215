import type { RateLimit, RateLimit_Action } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { LocalRateLimitDescriptor } from "@tulle/xds/gen/envoy/extensions/common/ratelimit/v3/ratelimit_pb.js";
import type { LocalRateLimit } from "@tulle/xds/gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js";
import type { TokenBucket } from "@tulle/xds/gen/envoy/type/v3/token_bucket_pb.js";
import { milliseconds } from "../duration.ts";
import { fractionOf } from "../fraction.ts";
import { compileHeaderOperations } from "../header-mutations.ts";
import type { HeaderMutation, RequestTest } from "../plan.ts";
import type { Place } from "../problems.ts";
import { compileHeaderMatcher } from "../request-matchers.ts";
import type { FilterCompiler } from "./filter-compiler.ts";

export interface LocalRateLimitPlan {
  readonly statPrefix: string;
  readonly status: number;
  /** Fractions of requests that are counted, and of those that are refused where no token is left. */
  readonly enabled: number;
  readonly enforced: number;
  /** Null: there is none. */
  readonly bucket: TokenBucketPlan | null;
  readonly alwaysConsumesDefault: boolean;
  readonly descriptors: readonly DescriptorPlan[];
  /** Each makes a descriptor of a request, or none where one of its steps has nothing to say. */
  readonly limits: readonly (readonly DescriptorStep[])[];
  readonly maxDynamicDescriptors: number;
  readonly responseHeaders: readonly HeaderMutation[];
  readonly retryAfter: boolean;
  readonly resourceExhausted: boolean;
}

export interface TokenBucketPlan {
  readonly maxTokens: number;
  readonly tokensPerMs: number;
}

export interface DescriptorPlan {
  /** A value of "" stands for any: each has a bucket of its own. */
  readonly entries: readonly { readonly key: string; readonly value: string }[];
  readonly bucket: TokenBucketPlan;
}

export type DescriptorStep =
  | { readonly kind: "literal"; readonly key: string; readonly value: string }
  | {
      readonly kind: "match";
      readonly key: string;
      readonly value: string;
      readonly tests: readonly RequestTest[];
      readonly expected: boolean;
    }
  | { readonly kind: "header"; readonly key: string; readonly name: string; readonly skipIfAbsent: boolean }
  | { readonly kind: "remote-address" };

/** Source: Envoy local_rate_limit.proto. */
const DEFAULTS = { maxDynamicDescriptors: 20, minFillMs: 50, status: 429 } as const;

export const localRateLimit: FilterCompiler = {
  compile: ({ message }, _context, place): LocalRateLimitPlan => {
    const config = message as LocalRateLimit;
    const status: number = config.status?.code ?? 0;
    return {
      statPrefix: config.statPrefix,
      status: status < 400 ? DEFAULTS.status : status,
      enabled: fractionOf(config.filterEnabled?.defaultValue, 0),
      enforced: fractionOf(config.filterEnforced?.defaultValue, 0),
      bucket:
        config.tokenBucket === undefined
          ? null
          : compileBucket(config.tokenBucket, "local rate limit token bucket", place.field("token_bucket")),
      alwaysConsumesDefault: config.alwaysConsumeDefaultTokenBucket ?? true,
      descriptors: config.descriptors.map((each, i) => compileDescriptor(each, place.item("descriptors", i))),
      limits: config.rateLimits.map((limit, i) => compileLimit(limit, place.item("rate_limits", i))),
      maxDynamicDescriptors: config.maxDynamicDescriptors ?? DEFAULTS.maxDynamicDescriptors,
      responseHeaders: compileHeaderOperations(
        {
          requestHeadersToAdd: [],
          requestHeadersToRemove: [],
          responseHeadersToAdd: config.responseHeadersToAdd,
          responseHeadersToRemove: [],
        },
        place,
      ).response,
      retryAfter: config.enableRetryAfterHeader,
      resourceExhausted: config.rateLimitedAsResourceExhausted,
    };
  },
  compileRoute: null,
};

function compileBucket(bucket: TokenBucket, what: string, place: Place): TokenBucketPlan {
  const fillMs = milliseconds(bucket.fillInterval, 0);
  if (fillMs < DEFAULTS.minFillMs) place.refuse(`${what} fill timer must be >= ${DEFAULTS.minFillMs}ms`);
  return { maxTokens: bucket.maxTokens, tokensPerMs: (bucket.tokensPerFill ?? 1) / Math.max(fillMs, 1) };
}

function compileDescriptor({ entries, tokenBucket }: LocalRateLimitDescriptor, place: Place): DescriptorPlan {
  return {
    entries: entries.map(({ key, value }) => ({ key, value })),
    bucket:
      tokenBucket === undefined
        ? { maxTokens: 0, tokensPerMs: 0 }
        : compileBucket(tokenBucket, "local rate limit descriptor token bucket", place.field("token_bucket")),
  };
}

function compileLimit({ actions }: RateLimit, place: Place): readonly DescriptorStep[] {
  return actions.flatMap((action, i) => compileAction(action, place.item("actions", i)) ?? []);
}

function compileAction({ actionSpecifier: action }: RateLimit_Action, place: Place): DescriptorStep | null {
  switch (action.case) {
    case "genericKey":
      return {
        kind: "literal",
        key: action.value.descriptorKey === "" ? "generic_key" : action.value.descriptorKey,
        value: action.value.descriptorValue,
      };
    case "headerValueMatch":
      return {
        kind: "match",
        key: action.value.descriptorKey === "" ? "header_match" : action.value.descriptorKey,
        value: action.value.descriptorValue,
        tests: action.value.headers.map((matcher, i) =>
          compileHeaderMatcher(matcher, place.field("header_value_match").item("headers", i)),
        ),
        expected: action.value.expectMatch ?? true,
      };
    case "requestHeaders":
      return {
        kind: "header",
        key: action.value.descriptorKey,
        name: action.value.headerName.toLowerCase(),
        skipIfAbsent: action.value.skipIfAbsent,
      };
    case "remoteAddress":
      return { kind: "remote-address" };
    default:
      // Reported by the reflection check.
      return null;
  }
}
