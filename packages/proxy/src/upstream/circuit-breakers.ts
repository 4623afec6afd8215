import type { CircuitBreakerPlan } from "../plan/cluster-plan.ts";
import type { StatsRegistry } from "../stats/index.ts";
import { Resource } from "./resource.ts";
import { Retries } from "./retries.ts";

/** What requests of one routing priority use of a cluster, and may use. Source: Envoy `source/common/upstream/resource_manager_impl.h`. */
export class CircuitBreakers {
  readonly connections: Resource;
  readonly pending: Resource;
  readonly requests: Resource;
  readonly retries: Retries;
  readonly pools: Resource;

  /** @param prefix of the gauges: `cluster.b.circuit_breakers.default.` */
  constructor(plan: CircuitBreakerPlan, registry: StatsRegistry, prefix: string) {
    // A budget moves with the load, so there is no telling what remains of it: Envoy shows 0.
    const resource = (max: number, open: string, remaining: string, countable = true): Resource =>
      new Resource(
        max,
        registry.gauge(`${prefix}${open}_open`),
        plan.trackRemaining && countable ? registry.gauge(`${prefix}remaining_${remaining}`) : null,
      );
    this.connections = resource(plan.maxConnections, "cx", "cx");
    this.pending = resource(plan.maxPendingRequests, "rq_pending", "pending");
    this.requests = resource(plan.maxRequests, "rq", "rq");
    this.pools = resource(plan.maxConnectionPools, "cx_pool", "cx_pools");
    const budget = plan.retryBudget;
    if (plan.trackRemaining && budget !== null) registry.gauge(`${prefix}remaining_retries`).value = 0;
    const retries = resource(plan.maxRetries, "rq_retry", "retries", budget === null);
    this.retries = new Retries(retries, budget, this.requests, this.pending);
  }
}
