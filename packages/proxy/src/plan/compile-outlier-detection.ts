import type { OutlierDetection } from "@tulle/xds/gen/envoy/config/cluster/v3/outlier_detection_pb.js";
import type { MatchPredicate } from "@tulle/xds/gen/envoy/config/common/matcher/v3/matcher_pb.js";
import { milliseconds } from "./duration.ts";
import type { OutlierDetectionPlan } from "./cluster-plan.ts";
import type { ResponseTest } from "./request-views.ts";
import type { Place } from "./problems.ts";
import { compileResponseHeaderMatcher } from "./request-matchers.ts";

/** Source: Envoy `source/common/upstream/outlier_detection_impl.h`, DetectorConfig. */
const DEFAULTS = {
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectionPercent: 10,
  consecutive: 5,
  successRate: { minHosts: 5, minRequests: 100, stdevFactor: 1900 },
  failurePercentage: { minHosts: 5, minRequests: 50, threshold: 85 },
} as const;

export function compileOutlierDetection(
  message: OutlierDetection | undefined,
  errorMatcher: ResponseTest | null,
  place: Place,
): OutlierDetectionPlan | null {
  if (message === undefined) return null;
  const baseEjectionMs = milliseconds(message.baseEjectionTime, DEFAULTS.baseEjectionMs);
  const maxEjectionMs = milliseconds(message.maxEjectionTime, Math.max(DEFAULTS.maxEjectionMs, baseEjectionMs));
  if (maxEjectionMs < baseEjectionMs) {
    place.refuse("outlier detector's max_ejection_time cannot be smaller than base_ejection_time");
  }
  return {
    intervalMs: milliseconds(message.interval, DEFAULTS.intervalMs),
    baseEjectionMs,
    maxEjectionMs,
    maxEjectionJitterMs: milliseconds(message.maxEjectionTimeJitter, 0),
    maxEjectionPercent: message.maxEjectionPercent ?? DEFAULTS.maxEjectionPercent,
    alwaysEjectOneHost: message.alwaysEjectOneHost ?? false,
    splitLocalOrigin: message.splitExternalLocalOriginErrors,
    healthCheckUnejects: message.successfulActiveHealthCheckUnejectHost ?? true,
    consecutive5xx: message.consecutive5xx ?? DEFAULTS.consecutive,
    consecutiveGatewayFailure: message.consecutiveGatewayFailure ?? DEFAULTS.consecutive,
    consecutiveLocalOriginFailure: message.consecutiveLocalOriginFailure ?? DEFAULTS.consecutive,
    successRate: {
      minHosts: message.successRateMinimumHosts ?? DEFAULTS.successRate.minHosts,
      minRequests: message.successRateRequestVolume ?? DEFAULTS.successRate.minRequests,
      // In thousandths.
      stdevFactor: (message.successRateStdevFactor ?? DEFAULTS.successRate.stdevFactor) / 1000,
    },
    failurePercentage: {
      minHosts: message.failurePercentageMinimumHosts ?? DEFAULTS.failurePercentage.minHosts,
      minRequests: message.failurePercentageRequestVolume ?? DEFAULTS.failurePercentage.minRequests,
      threshold: message.failurePercentageThreshold ?? DEFAULTS.failurePercentage.threshold,
    },
    enforcing: {
      CONSECUTIVE_5XX: message.enforcingConsecutive5xx ?? 100,
      CONSECUTIVE_GATEWAY_FAILURE: message.enforcingConsecutiveGatewayFailure ?? 0,
      SUCCESS_RATE: message.enforcingSuccessRate ?? 100,
      CONSECUTIVE_LOCAL_ORIGIN_FAILURE: message.enforcingConsecutiveLocalOriginFailure ?? 100,
      SUCCESS_RATE_LOCAL_ORIGIN: message.enforcingLocalOriginSuccessRate ?? 100,
      FAILURE_PERCENTAGE: message.enforcingFailurePercentage ?? 0,
      FAILURE_PERCENTAGE_LOCAL_ORIGIN: message.enforcingFailurePercentageLocalOrigin ?? 0,
    },
    errorMatcher,
  };
}

/** `error_matcher` of the protocol options: what it may match of a response is its head. */
export function compileErrorMatcher({ rule }: MatchPredicate, place: Place): ResponseTest {
  switch (rule.case) {
    case "orMatch": {
      const tests = rule.value.rules.map((each, i) => compileErrorMatcher(each, place.item("or_match.rules", i)));
      return { matches: (response) => tests.some((test) => test.matches(response)) };
    }
    case "andMatch": {
      const tests = rule.value.rules.map((each, i) => compileErrorMatcher(each, place.item("and_match.rules", i)));
      return { matches: (response) => tests.every((test) => test.matches(response)) };
    }
    case "notMatch": {
      const test = compileErrorMatcher(rule.value, place.field("not_match"));
      return { matches: (response) => !test.matches(response) };
    }
    case "httpResponseHeadersMatch": {
      const at = place.field("http_response_headers_match");
      const tests = rule.value.headers.map((each, i) => compileResponseHeaderMatcher(each, at.item("headers", i)));
      return { matches: (response) => tests.every((test) => test.matches(response)) };
    }
    default:
      // any_match; the rest is reported by the reflection check.
      return { matches: () => true };
  }
}
