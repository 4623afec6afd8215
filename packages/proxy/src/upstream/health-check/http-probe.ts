import { X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL } from "../../codec/header-names.ts";
import type { ReadBuffer } from "../../codec/read-buffer.ts";
import type { HttpProbePlan, StatusRange } from "../../plan/cluster-plan.ts";
import type { ProbeTarget } from "./connection-probe.ts";
import type { ProbeOwner } from "./probe.ts";
import { RequestProbe, type RequestProbeOptions } from "./request-probe.ts";

/** Sends a request and looks at the status of its response. Source: Envoy `source/extensions/health_checkers/http/health_checker_impl.cc`. */
export class HttpProbe extends RequestProbe {
  private readonly plan: HttpProbePlan;

  constructor(plan: HttpProbePlan, owner: ProbeOwner, target: ProbeTarget, options: RequestProbeOptions) {
    super({ ...plan, body: null }, owner, target, options);
    this.plan = plan;
  }

  onResponseHead(endStream: boolean): void {
    if (endStream) this.onResponseEnd();
  }

  onResponseData(_buffer: ReadBuffer, _start: number, _end: number, endStream: boolean): void {
    if (endStream) this.onResponseEnd();
  }

  onResponseTrailers(): void {
    this.onResponseEnd();
  }

  private onResponseEnd(): void {
    this.settle(false);
    const { owner } = this;
    const { expected, retriable } = this.plan;
    const { status, headers } = this.response;
    if (isIn(status, expected)) {
      owner.onPassed(headers.find("x-envoy-degraded") !== undefined);
      return;
    }
    const immediate = headers.has(X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL);
    owner.onFailed(isIn(status, retriable) ? "retriable" : "answer", immediate);
  }
}

function isIn(status: number, ranges: readonly StatusRange[]): boolean {
  return ranges.some(({ start, end }) => status >= start && status < end);
}
