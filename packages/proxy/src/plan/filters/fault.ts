import type { JsonObject } from "@bufbuild/protobuf";
import type { FaultDelay, FaultRateLimit } from "@tulle/xds/gen/envoy/extensions/filters/common/fault/v3/fault_pb.js";
import type { FaultAbort, HTTPFault } from "@tulle/xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { fractionParts } from "../fraction.ts";
import type { RequestTest } from "../request-views.ts";
import type { Place } from "../problems.ts";
import { compileHeaderMatcher } from "../request-matchers.ts";
import { FAULT } from "../supported-fields/index.ts";
import type { FilterCompiler } from "./filter-compiler.ts";

/** How many of how many requests; a header of the request may say fewer. */
export interface FaultPercentage {
  readonly numerator: number;
  readonly denominator: number;
}

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
  readonly maxActiveFaults: number;
  readonly downstreamClusterStats: boolean;
  /** Added to the dynamic metadata of requests that are delayed or aborted, under the filter's name. */
  readonly metadata: JsonObject | null;
}

interface FaultDelayPlan {
  readonly percentage: FaultPercentage;
  /** -1: as the request says. */
  readonly delayMs: number;
}

export interface FaultAbortPlan {
  readonly percentage: FaultPercentage;
  /** -1: none. With neither, as the request says. */
  readonly httpStatus: number;
  readonly grpcStatus: number;
  readonly body: string;
}

export interface FaultRateLimitPlan {
  readonly percentage: FaultPercentage;
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

function compileFault(message: HTTPFault, place: Place): FaultPlan {
  const delay = message.delay === undefined ? null : compileDelay(message.delay);
  const abort = message.abort === undefined ? null : compileAbort(message.abort);
  const responseRateLimit =
    message.responseRateLimit === undefined ? null : compileRateLimit(message.responseRateLimit);
  return {
    delay,
    abort,
    responseRateLimit,
    idle: delay === null && abort === null && responseRateLimit === null,
    upstreamCluster: message.upstreamCluster,
    headers: message.headers.map((matcher, i) => compileHeaderMatcher(matcher, place.item("headers", i))),
    downstreamNodes: new Set(message.downstreamNodes),
    maxActiveFaults: message.maxActiveFaults ?? Infinity,
    downstreamClusterStats: !message.disableDownstreamClusterStats,
    metadata: message.filterMetadata ?? null,
  };
}

function compileDelay({ percentage, faultDelaySecifier: kind }: FaultDelay): FaultDelayPlan {
  if (kind.case !== "fixedDelay") return { percentage: fractionParts(percentage), delayMs: -1 };
  const { seconds, nanos } = kind.value;
  // Whole milliseconds, as Envoy's; less than one is none.
  return { percentage: fractionParts(percentage), delayMs: Number(seconds) * 1000 + Math.floor(nanos / 1e6) };
}

function compileAbort({ percentage, errorType, responseBody }: FaultAbort): FaultAbortPlan {
  return {
    percentage: fractionParts(percentage),
    httpStatus: errorType.case === "httpStatus" ? errorType.value : -1,
    grpcStatus: errorType.case === "grpcStatus" ? errorType.value : -1,
    body: responseBody === "" ? DEFAULT_BODY : responseBody,
  };
}

function compileRateLimit({ percentage, limitType }: FaultRateLimit): FaultRateLimitPlan {
  const kibPerSecond = limitType.case === "fixedLimit" ? Number(limitType.value.limitKbps) : -1;
  return { percentage: fractionParts(percentage), kibPerSecond };
}
