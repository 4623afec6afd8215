/** Faults that a client's proxy injects. (istio/istio `route.go` TranslateFault) */
import { create } from "@bufbuild/protobuf";
import { GRPC_STATUS_NAMES } from "@tulle/api";
import type { HttpFaultInjection } from "@tulle/api";
import { FaultDelaySchema } from "@tulle/xds/gen/envoy/extensions/filters/common/fault/v3/fault_pb.js";
import type { FaultDelay } from "@tulle/xds/gen/envoy/extensions/filters/common/fault/v3/fault_pb.js";
import { FaultAbortSchema, HTTPFaultSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import type { FaultAbort, HTTPFault } from "@tulle/xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { fromText } from "./durations.ts";
import { fractionOf, wholePercent } from "./fractions.ts";

const GRPC_STATUS: ReadonlyMap<string, number> = new Map(GRPC_STATUS_NAMES.map((name, code) => [name, code]));

/** Undefined if there is nothing to inject. */
export function translateFault({ delay, abort }: HttpFaultInjection): HTTPFault | undefined {
  const parts = { delay: delay && translateDelay(delay), abort: abort && translateAbort(abort) };
  if (parts.delay === undefined && parts.abort === undefined) return undefined;
  return create(HTTPFaultSchema, {
    ...(parts.delay === undefined ? {} : { delay: parts.delay }),
    ...(parts.abort === undefined ? {} : { abort: parts.abort }),
  });
}

/** Without a share it never happens. */
function translateDelay({
  fixedDelay,
  percentage,
  percent = 0,
}: NonNullable<HttpFaultInjection["delay"]>): FaultDelay | undefined {
  if (fixedDelay === undefined) return undefined;
  return create(FaultDelaySchema, {
    faultDelaySecifier: { case: "fixedDelay", value: fromText(fixedDelay) },
    percentage: percentage === undefined ? wholePercent(percent) : fractionOf(percentage),
  });
}

function translateAbort({
  httpStatus,
  grpcStatus,
  percentage,
}: NonNullable<HttpFaultInjection["abort"]>): FaultAbort | undefined {
  const share = percentage === undefined ? {} : { percentage: fractionOf(percentage) };
  if (httpStatus !== undefined) {
    return create(FaultAbortSchema, { errorType: { case: "httpStatus", value: httpStatus }, ...share });
  }
  const code = grpcStatus === undefined ? undefined : GRPC_STATUS.get(grpcStatus);
  if (code === undefined) return undefined;
  return create(FaultAbortSchema, { errorType: { case: "grpcStatus", value: code }, ...share });
}
