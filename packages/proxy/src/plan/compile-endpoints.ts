import { HealthStatus } from "@tulle/xds/gen/envoy/config/core/v3/health_check_pb.js";
import type { ClusterLoadAssignment } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import type { LbEndpoint } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_components_pb.js";
import { type SocketAddress, readNamedAddress, readSocketAddress } from "./address.ts";
import type { ClusterPlan, EndpointPlan } from "./plan.ts";
import type { Place } from "./problems.ts";

/** EDS UNHEALTHY, DRAINING and TIMEOUT are all unhealthy; UNKNOWN is healthy. Source: Envoy `source/common/upstream/upstream_impl.cc`. */
const HEALTH: Readonly<Record<number, EndpointPlan["health"]>> = {
  [HealthStatus.UNHEALTHY]: "unhealthy",
  [HealthStatus.DRAINING]: "unhealthy",
  [HealthStatus.TIMEOUT]: "unhealthy",
  [HealthStatus.DEGRADED]: "degraded",
};

/**
 * All endpoints of an assignment, localities flattened. With DNS discovery `address` may be a name; otherwise it is an IP address.
 * The message must have passed `checkMessage`.
 */
export function compileEndpoints(
  message: ClusterLoadAssignment,
  discovery: ClusterPlan["discovery"],
  place: Place,
): readonly EndpointPlan[] {
  const byName = discovery === "strict-dns" || discovery === "logical-dns";
  const endpoints: EndpointPlan[] = [];
  const [firstLocality] = message.endpoints;
  message.endpoints.forEach((locality, i) => {
    const at = place.item("endpoints", i);
    if (locality.priority !== firstLocality.priority) {
      at.field("priority").refuse("more than one priority is not supported");
    }
    locality.lbEndpoints.forEach((endpoint, j) => {
      const plan = compileEndpoint(endpoint, byName, at.item("lb_endpoints", j));
      if (plan !== null) endpoints.push(plan);
    });
  });
  if (discovery === "logical-dns" && endpoints.length !== 1) {
    place.refuse("LOGICAL_DNS clusters must have a single locality_lb_endpoint and a single lb_endpoint");
  }
  return endpoints;
}

function compileEndpoint(message: LbEndpoint, byName: boolean, place: Place): EndpointPlan | null {
  if (message.hostIdentifier.case !== "endpoint") return null;
  const endpoint = message.hostIdentifier.value;
  const at = place.field("endpoint.address");
  const address: SocketAddress | null = byName
    ? readNamedAddress(endpoint.address, at)
    : readSocketAddress(endpoint.address, at);
  if (endpoint.address === undefined) at.refuse("value is required");
  if (address === null) return null;
  const workload = message.metadata?.filterMetadata["istio"]?.["workload"];
  return {
    address: address.address,
    port: address.port,
    // A name that is resolved is the endpoint's host name, unless it has another.
    hostname: endpoint.hostname === "" && byName ? address.address : endpoint.hostname,
    weight: message.loadBalancingWeight ?? 1,
    health: HEALTH[message.healthStatus] ?? "healthy",
    workload: typeof workload === "string" ? workload : "",
  };
}
