/** When an endpoint that fails is left out for a while. (istio/istio `cluster_traffic_policy.go` applyOutlierDetection) */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { OutlierDetection } from "@tulle/api";
import type { OutlierDetectionSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/outlier_detection_pb.js";
import type { MatchPredicateSchema } from "@tulle/xds/gen/envoy/config/common/matcher/v3/matcher_pb.js";
import { fromText } from "./durations.ts";

/** Share of its detections that Envoy acts on. */
const ALWAYS = 100;
const NEVER = 0;

export function outlierDetection(settings: OutlierDetection): MessageInitShape<typeof OutlierDetectionSchema> {
  const {
    consecutive5xxErrors,
    consecutiveGatewayErrors,
    maxEjectionPercent = 0,
    interval,
    baseEjectionTime,
  } = settings;
  return {
    enforcingSuccessRate: NEVER,
    ...(consecutive5xxErrors === undefined
      ? {}
      : { consecutive5xx: consecutive5xxErrors, enforcingConsecutive5xx: enforcing(consecutive5xxErrors) }),
    ...(consecutiveGatewayErrors === undefined
      ? {}
      : {
          consecutiveGatewayFailure: consecutiveGatewayErrors,
          enforcingConsecutiveGatewayFailure: enforcing(consecutiveGatewayErrors),
        }),
    ...(interval === undefined ? {} : { interval: fromText(interval) }),
    ...(baseEjectionTime === undefined ? {} : { baseEjectionTime: fromText(baseEjectionTime) }),
    ...(maxEjectionPercent === 0 ? {} : { maxEjectionPercent }),
    ...localOrigin(settings),
  };
}

function enforcing(errors: number): number {
  return errors > 0 ? ALWAYS : NEVER;
}

/** Failures of the connection, counted apart from what the endpoint answered. */
function localOrigin({
  splitExternalLocalOriginErrors = false,
  consecutiveLocalOriginFailures = 0,
}: OutlierDetection): MessageInitShape<typeof OutlierDetectionSchema> {
  if (!splitExternalLocalOriginErrors) return {};
  return {
    splitExternalLocalOriginErrors,
    enforcingLocalOriginSuccessRate: NEVER,
    ...(consecutiveLocalOriginFailures === 0
      ? {}
      : {
          consecutiveLocalOriginFailure: consecutiveLocalOriginFailures,
          enforcingConsecutiveLocalOriginFailure: ALWAYS,
        }),
  };
}

/** The answers that count as errors; without codes 5xx do. (applyOutlierDetectionErrorCodes) */
export function errorMatcher(
  codes: readonly number[] | undefined,
): MessageInitShape<typeof MatchPredicateSchema> | undefined {
  if (codes === undefined || codes.length === 0) return undefined;
  const rules = codes.map((code): MessageInitShape<typeof MatchPredicateSchema> => {
    const match = { matchPattern: { case: "exact" as const, value: String(code) } };
    const header = { name: ":status", headerMatchSpecifier: { case: "stringMatch" as const, value: match } };
    return { rule: { case: "httpResponseHeadersMatch", value: { headers: [header] } } };
  });
  return rules.length === 1 ? rules[0] : { rule: { case: "orMatch", value: { rules } } };
}
