import type { JsonObject } from "@bufbuild/protobuf";
import type { FaultDelay, FaultRateLimit } from "@tulle/xds/gen/envoy/extensions/filters/common/fault/v3/fault_pb.js";
import type { FaultAbort, HTTPFault } from "@tulle/xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import type { FractionalPercent } from "@tulle/xds/gen/envoy/type/v3/percent_pb.js";
import { fractionParts } from "../fraction.ts";
import type { RequestTest } from "../request-views.ts";
import type { Place } from "../problems.ts";
import type { RuntimeFraction, RuntimeRef, RuntimeValues } from "../runtime-values.ts";
import { compileHeaderMatcher } from "../request-matchers.ts";
import { FAULT } from "../supported-fields/index.ts";
import type { FilterCompiler } from "./filter-compiler.ts";

export interface FaultPlan {
  /** Null: none of its kind. */
  readonly delay: FaultDelayPlan | null;
  readonly abort: FaultAbortPlan | null;
  readonly responseRateLimit: FaultRateLimitPlan | null;
  /** Does nothing at all: nothing to ask a request for. */
  readonly idle: boolean;
  /** "" for any. */
  readonly upstreamCluster: string;
  readonly headers: readonly RequestTest[];
  /** Empty for all. */
  readonly downstreamNodes: ReadonlySet<string>;
  /** Default: no limit. */
  readonly maxActiveFaults: RuntimeRef<number>;
  readonly downstreamClusterStats: boolean;
  /** Added to the dynamic metadata of requests that are delayed or aborted, under the filter's name. */
  readonly metadata: JsonObject | null;
}

interface FaultDelayPlan {
  readonly percentage: RuntimeFraction;
  /** -1: as the request says. */
  readonly delayMs: RuntimeRef<number>;
  readonly byHeader: boolean;
}

export interface FaultAbortPlan {
  readonly percentage: RuntimeFraction;
  /** -1: none. */
  readonly httpStatus: RuntimeRef<number>;
  readonly grpcStatus: RuntimeRef<number>;
  /** As the request says. */
  readonly byHeader: boolean;
  readonly body: string;
}

export interface FaultRateLimitPlan {
  readonly percentage: RuntimeFraction;
  /** -1: as the request says. */
  readonly kibPerSecond: number;
}

/** Source: Envoy `source/extensions/filters/http/fault/fault_filter.cc`. */
const DEFAULT_BODY = "fault filter abort";

export const fault: FilterCompiler = {
  compile: ({ message }, _, place) => compileFault(message as HTTPFault, place),
  compileRoute: {
    typeName: FAULT,
    compile: ({ message }, place) => compileFault(message as HTTPFault, place),
    merge: null,
  },
};

/** Source: Envoy `source/extensions/filters/http/fault/fault_filter.h`, RuntimeKeys. */
const KEYS = {
  delayPercent: "fault.http.delay.fixed_delay_percent",
  delayDuration: "fault.http.delay.fixed_duration_ms",
  abortPercent: "fault.http.abort.abort_percent",
  abortHttpStatus: "fault.http.abort.http_status",
  abortGrpcStatus: "fault.http.abort.grpc_status",
  maxActiveFaults: "fault.http.max_active_faults",
  rateLimitPercent: "fault.http.rate_limit.response_percent",
};

function compileFault(message: HTTPFault, place: Place): FaultPlan {
  const { runtime } = place;
  const delay = message.delay === undefined ? null : compileDelay(message, message.delay, runtime);
  const abort = message.abort === undefined ? null : compileAbort(message, message.abort, runtime);
  const { responseRateLimit: limit } = message;
  const responseRateLimit = limit === undefined ? null : compileRateLimit(message, limit, runtime);
  return {
    delay,
    abort,
    responseRateLimit,
    idle: delay === null && abort === null && responseRateLimit === null,
    upstreamCluster: message.upstreamCluster,
    headers: message.headers.map((matcher, i) => compileHeaderMatcher(matcher, place.item("headers", i))),
    downstreamNodes: new Set(message.downstreamNodes),
    maxActiveFaults: runtime.integer(
      message.maxActiveFaultsRuntime || KEYS.maxActiveFaults,
      message.maxActiveFaults ?? Infinity,
    ),
    downstreamClusterStats: !message.disableDownstreamClusterStats,
    metadata: message.filterMetadata ?? null,
  };
}

/** How many of how many requests; where the runtime does not say, a header of the request may say fewer. */
function percentageOf(percent: FractionalPercent | undefined, key: string, runtime: RuntimeValues): RuntimeFraction {
  const { numerator, denominator } = fractionParts(percent);
  return runtime.fraction(key, numerator, denominator);
}

function compileDelay(
  { delayPercentRuntime, delayDurationRuntime }: HTTPFault,
  { percentage, faultDelaySecifier: kind }: FaultDelay,
  runtime: RuntimeValues,
): FaultDelayPlan {
  const share = percentageOf(percentage, delayPercentRuntime || KEYS.delayPercent, runtime);
  if (kind.case !== "fixedDelay") return { percentage: share, delayMs: { value: -1 }, byHeader: true };
  const { seconds, nanos } = kind.value;
  // Whole milliseconds, as Envoy's; less than one is none.
  const ms = Number(seconds) * 1000 + Math.floor(nanos / 1e6);
  const delayMs = ms === 0 ? { value: 0 } : runtime.integer(delayDurationRuntime || KEYS.delayDuration, ms);
  return { percentage: share, delayMs, byHeader: false };
}

function compileAbort(
  { abortPercentRuntime, abortHttpStatusRuntime, abortGrpcStatusRuntime }: HTTPFault,
  { percentage, errorType, responseBody }: FaultAbort,
  runtime: RuntimeValues,
): FaultAbortPlan {
  const { httpStatus, grpcStatus } = {
    httpStatus: errorType.case === "httpStatus" ? errorType.value : -1,
    grpcStatus: errorType.case === "grpcStatus" ? errorType.value : -1,
  };
  return {
    percentage: percentageOf(percentage, abortPercentRuntime || KEYS.abortPercent, runtime),
    httpStatus:
      httpStatus < 0 ? { value: -1 } : runtime.integer(abortHttpStatusRuntime || KEYS.abortHttpStatus, httpStatus),
    grpcStatus:
      grpcStatus < 0 ? { value: -1 } : runtime.integer(abortGrpcStatusRuntime || KEYS.abortGrpcStatus, grpcStatus),
    byHeader: httpStatus < 0 && grpcStatus < 0,
    body: responseBody === "" ? DEFAULT_BODY : responseBody,
  };
}

function compileRateLimit(
  { responseRateLimitPercentRuntime: key }: HTTPFault,
  { percentage, limitType }: FaultRateLimit,
  runtime: RuntimeValues,
): FaultRateLimitPlan {
  const kibPerSecond = limitType.case === "fixedLimit" ? Number(limitType.value.limitKbps) : -1;
  return { percentage: percentageOf(percentage, key || KEYS.rateLimitPercent, runtime), kibPerSecond };
}
