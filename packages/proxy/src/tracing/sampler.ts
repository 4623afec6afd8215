/** OpenTelemetry's samplers. Behaviour: Envoy `source/extensions/tracers/opentelemetry/samplers`. */
import type { HeadSamplerPlan } from "../plan/tracing-plan.ts";

/** @param parentSampled undefined for a root */
export function isSampled(plan: HeadSamplerPlan, traceId: string, parentSampled: boolean | undefined): boolean {
  if (plan.kind === "always-on") return true;
  if (plan.kind === "parent-based") return parentSampled ?? isSampled(plan.root, traceId, undefined);
  return remainder(traceId, plan.share.denominator) < plan.share.numerator;
}

/** Of the id's first eight bytes as a little-endian number: so Envoy reads them. @param modulus up to 10^6 */
function remainder(traceId: string, modulus: number): number {
  let rest = 0;
  for (let i = 14; i >= 0; i -= 2) {
    rest = (rest * 256 + Number.parseInt(traceId.slice(i, i + 2), 16)) % modulus;
  }
  return rest;
}
