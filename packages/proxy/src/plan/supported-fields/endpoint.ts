import type { SupportGroup } from "./message-support.ts";
import { NO_HEALTH_CHECKS, OPAQUE } from "./reasons.ts";

export const ENDPOINT: SupportGroup = {
  "envoy.config.endpoint.v3.ClusterLoadAssignment": { has: ["cluster_name", "endpoints", "policy"] },
  "envoy.config.endpoint.v3.ClusterLoadAssignment.Policy": {
    has: [],
    only: { overprovisioning_factor: [140], weighted_priority_health: [false] },
  },
  "envoy.config.endpoint.v3.LocalityLbEndpoints": {
    has: ["locality", "lb_endpoints", "priority"],
    ignored: {
      load_balancing_weight: "has an effect only with locality-weighted balancing, which is refused",
      metadata: OPAQUE,
      proximity: "Envoy does not use it either",
    },
  },
  "envoy.config.endpoint.v3.LbEndpoint": { has: ["endpoint", "health_status", "metadata", "load_balancing_weight"] },
  "envoy.config.endpoint.v3.Endpoint": {
    has: ["address", "hostname"],
    ignored: { health_check_config: NO_HEALTH_CHECKS },
  },
};
