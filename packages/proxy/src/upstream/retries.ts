import type { RetryBudgetPlan } from "../plan/cluster-plan.ts";
import type { Resource } from "./resource.ts";

/**
 * The retries of one priority at a time: so many at most, or with a budget, a share of what is being asked for. The gauges tell
 * of `max_retries` with a budget too, as Envoy's do. Source: Envoy `source/common/upstream/resource_manager_impl.h`, RetryBudgetImpl.
 */
export class Retries {
  private readonly limit: Resource;
  private readonly budget: RetryBudgetPlan | null;
  private readonly requests: Resource;
  private readonly pending: Resource;

  constructor(limit: Resource, budget: RetryBudgetPlan | null, requests: Resource, pending: Resource) {
    this.limit = limit;
    this.budget = budget;
    this.requests = requests;
    this.pending = pending;
  }

  get max(): number {
    const { budget } = this;
    if (budget === null) return this.limit.max;
    const load = this.requests.count + this.pending.count;
    return Math.max(budget.minConcurrency, Math.floor((budget.percent / 100) * load));
  }

  /** Takes one if there is one to take: `release` must follow then. */
  tryTake(): boolean {
    if (this.limit.count >= this.max) return false;
    this.limit.inc();
    return true;
  }

  release(): void {
    this.limit.dec();
  }
}
