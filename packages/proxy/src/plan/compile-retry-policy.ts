/** `retry_policy` of a route or virtual host. Behaviour: Envoy `source/common/router/{retry_policy_impl,retry_state_impl}.cc`. */
import type {
  RetryPolicy,
  RetryPolicy_RetryHostPredicate as HostPredicate,
} from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { RetryPolicy_ResetHeaderFormat as ResetFormat } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { OmitHostMetadataConfig } from "@tulle/xds/gen/envoy/extensions/retry/host/omit_host_metadata/v3/omit_host_metadata_config_pb.js";
import type { PreviousPrioritiesConfig } from "@tulle/xds/gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.js";
import { milliseconds } from "./duration.ts";
import { metadataTest } from "./metadata-match.ts";
import type { AvoidedHosts, RateLimitedBackOff, RetryPolicyPlan } from "./route-plan.ts";
import type { Place } from "./problems.ts";
import { compileHeaderMatcher, compileResponseHeaderMatcher } from "./request-matchers.ts";
import { parseRetryOn } from "./retry-conditions.ts";
import { unpackExtension } from "./schemas.ts";
import {
  OMIT_CANARY_HOSTS,
  OMIT_HOST_METADATA,
  PREVIOUS_HOSTS,
  PREVIOUS_PRIORITIES,
} from "./supported-fields/index.ts";

/** Sources: Envoy api/envoy/config/route/v3/route_components.proto, RetryPolicy; `retry_policy_impl.cc`. */
const DEFAULTS = {
  numRetries: 1,
  backOffBaseMs: 25,
  maxIsTimesBase: 10,
  hostSelectionAttempts: 1,
  rateLimitMaxMs: 300_000,
};

export function compileRetryPolicy(message: RetryPolicy | undefined, place: Place): RetryPolicyPlan | null {
  if (message === undefined) return null;
  const { baseMs, maxMs } = compileBackOff(message, place.field("retry_back_off"));
  return {
    retryOn: parseRetryOn(message.retryOn),
    numRetries: message.numRetries ?? DEFAULTS.numRetries,
    perTryTimeoutMs: milliseconds(message.perTryTimeout, 0),
    perTryIdleTimeoutMs: milliseconds(message.perTryIdleTimeout, 0),
    retriableStatusCodes: message.retriableStatusCodes,
    retriableHeaders: message.retriableHeaders.map((each, i) =>
      compileResponseHeaderMatcher(each, place.item("retriable_headers", i)),
    ),
    retriableRequestHeaders: message.retriableRequestHeaders.map((each, i) =>
      compileHeaderMatcher(each, place.item("retriable_request_headers", i)),
    ),
    backOffBaseMs: baseMs,
    backOffMaxMs: maxMs,
    rateLimited: compileRateLimited(message),
    previousPrioritiesFrequency: previousPriorities(message),
    avoid: compileAvoided(message.retryHostPredicate),
    hostSelectionMaxAttempts: Number(message.hostSelectionRetryMaxAttempts) || DEFAULTS.hostSelectionAttempts,
  };
}

function compileBackOff(message: RetryPolicy, place: Place): { baseMs: number; maxMs: number } {
  const { retryBackOff } = message;
  if (retryBackOff === undefined) {
    return { baseMs: DEFAULTS.backOffBaseMs, maxMs: DEFAULTS.backOffBaseMs * DEFAULTS.maxIsTimesBase };
  }
  // Less than a millisecond is one (`retry_policy_impl.cc`).
  const baseMs = Math.max(1, milliseconds(retryBackOff.baseInterval, DEFAULTS.backOffBaseMs));
  const given = milliseconds(retryBackOff.maxInterval, baseMs * DEFAULTS.maxIsTimesBase);
  const maxMs = Math.max(1, given);
  if (maxMs < baseMs) place.refuse("retry_policy.max_interval must greater than or equal to the base_interval");
  return { baseMs, maxMs };
}

function compileRateLimited({ rateLimitedRetryBackOff }: RetryPolicy): RateLimitedBackOff | null {
  if (rateLimitedRetryBackOff === undefined) return null;
  return {
    headers: rateLimitedRetryBackOff.resetHeaders.map(({ name, format }) => ({
      name: name.toLowerCase(),
      format: format === ResetFormat.UNIX_TIMESTAMP ? "unix-timestamp" : "seconds",
    })),
    maxMs: milliseconds(rateLimitedRetryBackOff.maxInterval, DEFAULTS.rateLimitMaxMs),
  };
}

function previousPriorities({ retryPriority }: RetryPolicy): number {
  if (retryPriority?.configType.case !== "typedConfig") return 0;
  const { typeName, message } = unpackExtension(retryPriority.configType.value);
  return typeName === PREVIOUS_PRIORITIES ? (message as PreviousPrioritiesConfig).updateFrequency : 0;
}

function compileAvoided(predicates: readonly HostPredicate[]): AvoidedHosts | null {
  let avoided: AvoidedHosts | null = null;
  for (const { configType } of predicates) {
    if (configType.case !== "typedConfig") continue;
    const { typeName, message } = unpackExtension(configType.value);
    const before: AvoidedHosts = avoided ?? { previous: false, canaries: false, having: null };
    if (typeName === PREVIOUS_HOSTS) avoided = { ...before, previous: true };
    else if (typeName === OMIT_CANARY_HOSTS) avoided = { ...before, canaries: true };
    else if (typeName === OMIT_HOST_METADATA) {
      const having = metadataTest((message as OmitHostMetadataConfig).metadataMatch);
      const other = before.having;
      avoided = { ...before, having: other === null ? having : (metadata) => other(metadata) || having(metadata) };
    }
  }
  return avoided;
}
