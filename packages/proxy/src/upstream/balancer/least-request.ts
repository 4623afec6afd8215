import type { LeastRequestPlan } from "../../plan/cluster-plan.ts";
import type { BalancedHost } from "./balanced-host.ts";
import type { SlowStart } from "./slow-start.ts";
import { WeightedPicker } from "./weighted-picker.ts";

/**
 * LEAST_REQUEST. Equal weights: the least loaded of `choiceCount` random hosts, drawn with replacement, the first of equals; or of
 * all hosts, any of equals. Else earliest deadline first with weight / (active requests + 1)^bias.
 * Source: Envoy `source/extensions/load_balancing_policies/least_request/least_request_lb.cc`.
 */
export class LeastRequest<H extends BalancedHost> extends WeightedPicker<H> {
  private readonly plan: LeastRequestPlan;

  constructor(plan: LeastRequestPlan, seed: number, slowStart: SlowStart | null) {
    super(seed, slowStart);
    this.plan = plan;
  }

  pick(random: () => number): H | null {
    const { hosts, scheduler, plan } = this;
    const n = hosts.length;
    if (n === 0) return null;
    if (scheduler !== null) return this.earliest(scheduler);
    if (plan.fullScan) return this.scan(random);
    let best = hosts[Math.floor(random() * n)];
    for (let choice = 1; choice < plan.choiceCount; choice++) {
      const other = hosts[Math.floor(random() * n)];
      if (other.activeRequests < best.activeRequests) best = other;
    }
    return best;
  }

  /** Of those that weigh the same, the least loaded changes from one moment to the next. */
  peek(_random: () => number): H | null {
    return this.scheduler === null ? null : this.foresee(this.scheduler);
  }

  /** FULL_SCAN. Of those that tie, each with the same chance. */
  private scan(random: () => number): H {
    const { hosts } = this;
    let best = hosts[0];
    let tied = 1;
    for (let i = 1; i < hosts.length; i++) {
      const other = hosts[i];
      if (other.activeRequests > best.activeRequests) continue;
      if (other.activeRequests < best.activeRequests) tied = 1;
      else if (random() * ++tied >= 1) continue;
      best = other;
    }
    return best;
  }

  protected weightOf(host: H): number {
    // A negative one makes Envoy warn and use 1.
    const bias = this.plan.activeRequestBias.value < 0 ? 1 : this.plan.activeRequestBias.value;
    const load = host.activeRequests + 1;
    return bias === 1 ? host.weight / load : bias === 0 ? host.weight : host.weight / load ** bias;
  }
}
