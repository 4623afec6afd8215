/** Shares of requests. (istio/istio `route.go` translatePercentToFractionalPercent, translateIntegerToFractionalPercent) */
import { create } from "@bufbuild/protobuf";
import type { Percent } from "@tulle/api";
import {
  FractionalPercent_DenominatorType as Denominator,
  FractionalPercentSchema,
} from "@tulle/xds/gen/envoy/type/v3/percent_pb.js";
import type { FractionalPercent } from "@tulle/xds/gen/envoy/type/v3/percent_pb.js";

/** To four decimals of a percent; what is below is cut off. */
export function fractionOf({ value = 0 }: Percent): FractionalPercent {
  return create(FractionalPercentSchema, { numerator: Math.trunc(value * 10_000), denominator: Denominator.MILLION });
}

export function wholePercent(percent: number): FractionalPercent {
  return create(FractionalPercentSchema, { numerator: percent, denominator: Denominator.HUNDRED });
}
