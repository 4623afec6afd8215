import { X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL } from "../../codec/header-names.ts";
import type { ResponseHead } from "../../codec/messages.ts";
import type { HttpProbePlan, StatusRange } from "../../plan/cluster-plan.ts";
import type { ProbeOwner } from "./probe.ts";

/** What the answer to a probe comes to. Source: Envoy `source/extensions/health_checkers/http/health_checker_impl.cc`. */
export function judge({ expected, retriable }: HttpProbePlan, { status, headers }: ResponseHead, to: ProbeOwner): void {
  if (isIn(status, expected)) {
    to.onPassed(headers.find("x-envoy-degraded") !== undefined);
    return;
  }
  const immediate = headers.has(X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL);
  to.onFailed(isIn(status, retriable) ? "retriable" : "answer", immediate);
}

function isIn(status: number, ranges: readonly StatusRange[]): boolean {
  return ranges.some(({ start, end }) => status >= start && status < end);
}
