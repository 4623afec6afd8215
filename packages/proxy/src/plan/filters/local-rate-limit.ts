import {
  type LocalRateLimitDescriptor,
  VhRateLimitsOptions as VirtualHostLimits,
  XRateLimitHeadersRFCVersion as XHeaders,
} from "@tulle/xds/gen/envoy/extensions/common/ratelimit/v3/ratelimit_pb.js";
import type { LocalRateLimit } from "@tulle/xds/gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js";
import type { TokenBucket } from "@tulle/xds/gen/envoy/type/v3/token_bucket_pb.js";
import { milliseconds } from "../duration.ts";
import { runtimeFraction } from "../fraction.ts";
import type { RuntimeFraction } from "../runtime-values.ts";
import { compileHeadersToAdd } from "../header-mutations.ts";
import type { HeaderMutation } from "../route-plan.ts";
import type { Place } from "../problems.ts";
import { type RateLimitPlan, compileRateLimit } from "../rate-limits.ts";
import { LOCAL_RATE_LIMIT } from "../supported-fields/index.ts";
import type { FilterCompiler } from "./filter-compiler.ts";

export interface LocalRateLimitPlan {
  readonly statPrefix: string;
  readonly status: number;
  /** Fractions of requests that are counted, and of those that are refused where no token is left. */
  readonly enabled: RuntimeFraction;
  readonly enforced: RuntimeFraction;
  /** Null: there is none. */
  readonly bucket: TokenBucketPlan | null;
  readonly alwaysConsumesDefault: boolean;
  readonly descriptors: readonly DescriptorPlan[];
  /** In place of the routes'; null: the routes' hold. */
  readonly limits: readonly RateLimitPlan[] | null;
  /** Of the routes' limits that hold. */
  readonly stage: number;
  readonly virtualHostLimits: "override" | "include" | "ignore";
  readonly maxDynamicDescriptors: number;
  readonly perConnection: boolean;
  readonly responseHeaders: readonly HeaderMutation[];
  /** For upstreams of requests that are over the limit and let through. */
  readonly notEnforcedHeaders: readonly HeaderMutation[];
  readonly rateLimitHeaders: boolean;
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
  /** Counts, and limits nothing. */
  readonly shadow: boolean;
}

/** Source: Envoy local_rate_limit.proto. */
const DEFAULTS = { maxDynamicDescriptors: 20, minFillMs: 50, status: 429 } as const;

const VIRTUAL_HOST_LIMITS = {
  [VirtualHostLimits.OVERRIDE]: "override",
  [VirtualHostLimits.INCLUDE]: "include",
  [VirtualHostLimits.IGNORE]: "ignore",
} as const;

export const localRateLimit: FilterCompiler = {
  compile: ({ message }, _context, place) => compileLimit(message as LocalRateLimit, place),
  compileRoute: {
    typeName: LOCAL_RATE_LIMIT,
    compile: ({ message }, place) => {
      const config = message as LocalRateLimit;
      if (config.tokenBucket === undefined) {
        place.field("token_bucket").refuse("local rate limit token bucket must be set for per filter configs");
      }
      return compileLimit(config, place);
    },
    merge: null,
  },
};

function compileLimit(config: LocalRateLimit, place: Place): LocalRateLimitPlan {
  const status: number = config.status?.code ?? 0;
  checkUnique(config.descriptors, place);
  return {
    statPrefix: config.statPrefix,
    status: status < 400 ? DEFAULTS.status : status,
    enabled: runtimeFraction(config.filterEnabled, 0, place),
    enforced: runtimeFraction(config.filterEnforced, 0, place),
    bucket:
      config.tokenBucket === undefined
        ? null
        : compileBucket(config.tokenBucket, "local rate limit token bucket", place.field("token_bucket")),
    alwaysConsumesDefault: config.alwaysConsumeDefaultTokenBucket ?? true,
    descriptors: config.descriptors.map((each, i) => compileDescriptor(each, place.item("descriptors", i))),
    limits: config.rateLimits.length === 0 ? null : compileOwnLimits(config, place),
    stage: config.stage,
    virtualHostLimits: VIRTUAL_HOST_LIMITS[config.vhRateLimits],
    maxDynamicDescriptors: config.maxDynamicDescriptors ?? DEFAULTS.maxDynamicDescriptors,
    perConnection: config.localRateLimitPerDownstreamConnection,
    responseHeaders: compileHeadersToAdd(config.responseHeadersToAdd, place, "response_"),
    notEnforcedHeaders: compileHeadersToAdd(config.requestHeadersToAddWhenNotEnforced, place, "request_"),
    rateLimitHeaders: config.enableXRatelimitHeaders === XHeaders.DRAFT_VERSION_03,
    retryAfter: config.enableRetryAfterHeader,
    resourceExhausted: config.rateLimitedAsResourceExhausted,
  };
}

/** Limits in the filter itself are of its stage. */
function compileOwnLimits({ rateLimits, stage }: LocalRateLimit, place: Place): readonly RateLimitPlan[] {
  return rateLimits.map((limit, i) => {
    const at = place.item("rate_limits", i);
    if (limit.stage !== undefined) at.field("stage").refuse("'stage' field is not supported");
    if (limit.limit !== undefined) at.field("limit").refuse("'limit' field is not supported");
    return { ...compileRateLimit(limit, at), stage };
  });
}

function checkUnique(descriptors: readonly LocalRateLimitDescriptor[], place: Place): void {
  const seen = new Set<string>();
  descriptors.forEach(({ entries }, i) => {
    const name = entries.map(({ key, value }) => `${key}=${value}`).join(", ");
    if (seen.has(name)) {
      place.item("descriptors", i).refuse(`duplicate descriptor in the local rate descriptor: ${name}`);
    }
    seen.add(name);
  });
}

export function compileBucket(bucket: TokenBucket, what: string, place: Place): TokenBucketPlan {
  const fillMs = milliseconds(bucket.fillInterval, 0);
  if (fillMs < DEFAULTS.minFillMs) place.refuse(`${what} fill timer must be >= ${DEFAULTS.minFillMs}ms`);
  return { maxTokens: bucket.maxTokens, tokensPerMs: (bucket.tokensPerFill ?? 1) / Math.max(fillMs, 1) };
}

function compileDescriptor(descriptor: LocalRateLimitDescriptor, place: Place): DescriptorPlan {
  const { entries, tokenBucket, shadowMode } = descriptor;
  return {
    entries: entries.map(({ key, value }) => ({ key, value })),
    bucket:
      tokenBucket === undefined
        ? NO_TOKENS
        : compileBucket(tokenBucket, "local rate limit descriptor token bucket", place.field("token_bucket")),
    shadow: shadowMode,
  };
}

/** Reported by the reflection check: the field is required. */
const NO_TOKENS: TokenBucketPlan = { maxTokens: 0, tokensPerMs: 0 };
