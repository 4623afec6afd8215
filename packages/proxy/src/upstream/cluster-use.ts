import type { NetContext } from "../net/context.ts";
import type { ClusterPlan } from "../plan/plan.ts";
import type { ClusterStats } from "./cluster-stats.ts";

/** What a cluster's pools and connections share: its plan, its metrics, and the counts that its circuit breakers limit. */
export class ClusterUse {
  readonly plan: ClusterPlan;
  readonly stats: ClusterStats;
  readonly net: NetContext;
  connections = 0;
  pendingRequests = 0;
  activeRequests = 0;

  constructor(plan: ClusterPlan, stats: ClusterStats, net: NetContext) {
    this.plan = plan;
    this.stats = stats;
    this.net = net;
  }
}
