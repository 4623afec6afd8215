import type { SupportGroup } from "./message-support.ts";
import { OPAQUE } from "./reasons.ts";

export const ENDPOINT: SupportGroup = {
  "envoy.config.endpoint.v3.ClusterLoadAssignment": { has: ["cluster_name", "endpoints", "policy"] },
  "envoy.config.endpoint.v3.ClusterLoadAssignment.Policy": {
    has: ["overprovisioning_factor", "weighted_priority_health"],
  },
  "envoy.config.endpoint.v3.LocalityLbEndpoints": {
    has: ["locality", "lb_endpoints", "priority", "load_balancing_weight"],
    ignored: {
      metadata: OPAQUE,
      proximity: "Envoy does not use it either",
    },
  },
  "envoy.config.endpoint.v3.LbEndpoint": { has: ["endpoint", "health_status", "metadata", "load_balancing_weight"] },
  "envoy.config.endpoint.v3.Endpoint": { has: ["address", "hostname", "health_check_config"] },
  "envoy.config.endpoint.v3.Endpoint.HealthCheckConfig": {
    has: ["port_value", "hostname", "address", "disable_active_health_check"],
  },
};
