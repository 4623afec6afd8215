/** Percentages as Istio writes them ({value: 0 to 100}) and as Envoy draws them. */

/** Envoy's FractionalPercent with denominator MILLION, the finest it has. */
export function perMillion(percent: number): number {
  return Math.round(percent * 10_000);
}
