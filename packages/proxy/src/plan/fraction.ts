import type { RuntimeFractionalPercent } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import {
  FractionalPercent_DenominatorType as Denominator,
  type FractionalPercent,
} from "@tulle/xds/gen/envoy/type/v3/percent_pb.js";
import type { Place } from "./problems.ts";
import type { RuntimeFraction } from "./runtime-values.ts";

/** @param whenAbsent in percent */
export function runtimeFraction(
  message: RuntimeFractionalPercent | undefined,
  whenAbsent: number,
  { runtime }: Place,
): RuntimeFraction {
  const { numerator, denominator } =
    message?.defaultValue === undefined
      ? { numerator: whenAbsent, denominator: 100 }
      : fractionParts(message.defaultValue);
  return runtime.fraction(message?.runtimeKey ?? "", numerator, denominator);
}

/** None at all where there is no percentage. */
export function fractionParts(percent: FractionalPercent | undefined): { numerator: number; denominator: number } {
  const per = { [Denominator.HUNDRED]: 100, [Denominator.TEN_THOUSAND]: 1e4, [Denominator.MILLION]: 1e6 };
  return {
    numerator: percent?.numerator ?? 0,
    denominator: per[(percent?.denominator ?? Denominator.HUNDRED) as keyof typeof per] ?? 100,
  };
}
