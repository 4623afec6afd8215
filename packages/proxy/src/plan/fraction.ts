import {
  FractionalPercent_DenominatorType as Denominator,
  type FractionalPercent,
} from "@tulle/xds/gen/envoy/type/v3/percent_pb.js";

/** A fractional percentage as a number in [0, 1]. */
export function fractionOf(percent: FractionalPercent | undefined, whenAbsent: number): number {
  if (percent === undefined) return whenAbsent;
  const { numerator, denominator } = fractionParts(percent);
  return Math.min(1, numerator / denominator);
}

/** None at all where there is no percentage. */
export function fractionParts(percent: FractionalPercent | undefined): { numerator: number; denominator: number } {
  const per = { [Denominator.HUNDRED]: 100, [Denominator.TEN_THOUSAND]: 1e4, [Denominator.MILLION]: 1e6 };
  return {
    numerator: percent?.numerator ?? 0,
    denominator: per[(percent?.denominator ?? Denominator.HUNDRED) as keyof typeof per] ?? 100,
  };
}
