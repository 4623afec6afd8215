import type { SlowStartPlan } from "../../plan/cluster-plan.ts";
import type { BalancedHost } from "./balanced-host.ts";

/**
 * Hosts that have not been healthy for long get less than their weight. Times are milliseconds of the balancer's clock.
 * Source: Envoy `source/extensions/load_balancing_policies/common/load_balancer_impl.cc`, EdfLoadBalancerBase.
 */
export class SlowStart {
  private readonly plan: SlowStartPlan;
  private readonly clock: { readonly now: number };
  private lastAddedAt: number;

  constructor(plan: SlowStartPlan, clock: { readonly now: number }) {
    this.plan = plan;
    this.clock = clock;
    this.lastAddedAt = clock.now;
  }

  /** Whether no host has become healthy so recently that it matters. */
  get over(): boolean {
    return Math.floor(this.clock.now - this.lastAddedAt) > this.plan.windowMs;
  }

  /** Takes note of hosts that are healthy from now on. */
  note(hosts: readonly BalancedHost[]): void {
    const { now } = this.clock;
    for (const host of hosts) {
      if (host.health !== "healthy") continue;
      if (Number.isNaN(host.lastPassedAt)) host.lastPassedAt = now;
      const since = host.lastPassedAt;
      if (since > this.lastAddedAt && Math.floor(now - since) <= this.plan.windowMs) this.lastAddedAt = since;
    }
  }

  /** The part of a host's weight that it gets now. */
  factor(host: BalancedHost): number {
    const { windowMs, minWeight } = this.plan;
    // 0 and less make Envoy warn and use 1.
    const aggression = this.plan.aggression.value > 0 ? this.plan.aggression.value : 1;
    if (host.health !== "healthy" || Number.isNaN(host.lastPassedAt)) return 1;
    const age = Math.floor(this.clock.now - host.lastPassedAt);
    if (age >= windowMs) return 1;
    const part = Math.max(1, age) / windowMs;
    return Math.max(aggression === 1 ? part : part ** (1 / aggression), minWeight);
  }
}
