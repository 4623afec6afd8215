import type { NetworkFilterPlan } from "../../plan/compile-network-filters.ts";
import type { StatsRegistry } from "../../stats/index.ts";
import { ConnectionLimit } from "./connection-limit.ts";
import { type AuthzDeps, NetworkExtAuthz } from "./ext-authz.ts";
import { NetworkRateLimit } from "./local-rate-limit.ts";
import { NetworkMeshStats } from "./mesh-stats.ts";
import type { NetworkFilter } from "./network-filter.ts";
import { NetworkRbac } from "./rbac.ts";
import { SniCluster } from "./sni-cluster.ts";

/** @param inbound whether what comes is for this proxy's workload */
export function makeNetworkFilter(
  plan: NetworkFilterPlan,
  deps: AuthzDeps,
  registry: StatsRegistry,
  inbound: boolean,
): NetworkFilter {
  switch (plan.kind) {
    case "ext-authz":
      return new NetworkExtAuthz(plan, deps, registry);
    case "rbac":
      return new NetworkRbac(plan, registry);
    case "connection-limit":
      return new ConnectionLimit(plan.statPrefix, plan.maxConnections, plan.delayMs, registry);
    case "local-rate-limit":
      return new NetworkRateLimit(plan.statPrefix, plan.bucket, deps.net, registry);
    case "mesh-stats":
      return new NetworkMeshStats(plan.config, registry, deps.net, inbound);
    default:
      return new SniCluster();
  }
}
