/** When a request is tried again. (istio/istio `pilot/pkg/networking/core/route/retry/retry.go`) */
import { create } from "@bufbuild/protobuf";
import type { HttpRetry } from "@tulle/api";
import {
  RetryPolicy_RetryBackOffSchema,
  RetryPolicy_RetryHostPredicateSchema,
  RetryPolicy_RetryPrioritySchema,
  RetryPolicySchema,
} from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { RetryPolicy } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { PreviousHostsPredicateSchema } from "@tulle/xds/gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js";
import { PreviousPrioritiesConfigSchema } from "@tulle/xds/gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.js";
import type { Capabilities } from "./data-plane.ts";
import { fromText } from "./durations.ts";
import { packed } from "./packed.ts";

/** Failures before the application can have seen the request, whatever its method. A plain 503 is none of them. */
const DEFAULT_RETRY_ON = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";
const DEFAULT_RETRIES = 2;
/** How often a host that was tried is passed over before it is taken nevertheless. */
const HOST_SELECTION_ATTEMPTS = 5n;
/** After how many attempts the next priority counts as tried. (`retry.go` buildPreviousPrioritiesConfig) */
const PRIORITY_UPDATE_FREQUENCY = 2;

/** An application that closes an idle connection as a request comes has not seen the request. */
const INBOUND_RETRY_ON = "reset-before-request";
const RETRIABLE_STATUS_CODES = "retriable-status-codes";

const otherHosts = create(RetryPolicy_RetryHostPredicateSchema, {
  name: "envoy.retry_host_predicates.previous_hosts",
  configType: {
    case: "typedConfig",
    value: packed(PreviousHostsPredicateSchema, create(PreviousHostsPredicateSchema)),
  },
});

const otherPriorities = create(RetryPolicy_RetryPrioritySchema, {
  name: "envoy.retry_priorities.previous_priorities",
  configType: {
    case: "typedConfig",
    value: packed(
      PreviousPrioritiesConfigSchema,
      create(PreviousPrioritiesConfigSchema, { updateFrequency: PRIORITY_UPDATE_FREQUENCY }),
    ),
  },
});

/**
 * Undefined: nothing is retried, which `attempts: 0` asks for; without `retries` the defaults hold.
 * @param sticky a hash chooses the endpoint: another one must not get the request
 */
export function retryPolicy(
  retries: HttpRetry | undefined,
  sticky: boolean,
  { httpFeatures }: Capabilities,
): RetryPolicy | undefined {
  const { attempts, retryOn = "", perTryTimeout, backoff } = retries ?? { attempts: DEFAULT_RETRIES };
  if (attempts === undefined || attempts <= 0) return undefined;
  const ignorePrevious = retries?.retryIgnorePreviousHosts ?? !sticky;
  return create(RetryPolicySchema, {
    // The default is as it is: without codes.
    ...(retryOn === "" ? { retryOn: DEFAULT_RETRY_ON } : conditionsOf(retryOn)),
    numRetries: attempts,
    hostSelectionRetryMaxAttempts: HOST_SELECTION_ATTEMPTS,
    retryHostPredicate: ignorePrevious ? [otherHosts] : [],
    ...(perTryTimeout === undefined ? {} : { perTryTimeout: fromText(perTryTimeout) }),
    ...(retries?.retryRemoteLocalities === true && httpFeatures.has("retry priorities")
      ? { retryPriority: otherPriorities }
      : {}),
    ...backOff(backoff),
  });
}

function backOff(interval: string | undefined): Pick<RetryPolicy, "retryBackOff"> {
  if (interval === undefined) return {};
  return { retryBackOff: create(RetryPolicy_RetryBackOffSchema, { baseInterval: fromText(interval) }) };
}

/** Numbers among the conditions are status codes. */
function conditionsOf(retryOn: string): Pick<RetryPolicy, "retryOn" | "retriableStatusCodes"> {
  const parts = retryOn.split(",").map((part) => part.trim());
  const codes = parts.filter((part) => /^\d+$/.test(part)).map(Number);
  const conditions = parts.filter((part) => part !== "" && !/^\d+$/.test(part));
  if (codes.length > 0 && !conditions.includes(RETRIABLE_STATUS_CODES)) conditions.push(RETRIABLE_STATUS_CODES);
  return { retryOn: conditions.join(","), retriableStatusCodes: codes };
}

/** Between a sidecar and its application, which is only one: only `attempts`, `retryOn` and `backoff` mean something. */
export function inboundRetryPolicy(retries: HttpRetry | undefined): RetryPolicy | undefined {
  const { attempts, retryOn = "", backoff } = retries ?? { attempts: DEFAULT_RETRIES };
  if (attempts === undefined || attempts <= 0) return undefined;
  return create(RetryPolicySchema, {
    ...conditionsOf(retryOn === "" ? INBOUND_RETRY_ON : retryOn),
    numRetries: attempts,
    ...backOff(backoff),
  });
}
