import type { Locality } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { HealthStatus } from "@tulle/xds/gen/envoy/config/core/v3/health_check_pb.js";
import type {
  Endpoint_HealthCheckConfig,
  LbEndpoint,
} from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_components_pb.js";
import type { ClusterLoadAssignment } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { type SocketAddress, readNamedAddress, readPipe, readSocketAddress } from "./address.ts";
import { filterMetadata } from "./metadata.ts";
import type {
  Assignment,
  ClusterPlan,
  EndpointCheckPlan,
  EndpointPlan,
  EndpointPolicy,
  LocalityPlan,
} from "./cluster-plan.ts";
import type { Place } from "./problems.ts";

/** EDS UNHEALTHY and TIMEOUT are one; UNKNOWN is healthy. Source: Envoy `source/common/upstream/upstream_impl.cc`, setEdsHealthFlag. */
export const HEALTH: Readonly<Record<number, EndpointPlan["health"]>> = {
  [HealthStatus.UNHEALTHY]: "unhealthy",
  [HealthStatus.DRAINING]: "draining",
  [HealthStatus.TIMEOUT]: "unhealthy",
  [HealthStatus.DEGRADED]: "degraded",
};

/** Envoy `kDefaultOverProvisioningFactor`: 1.4, in percent. */
const DEFAULT_OVERPROVISIONING = 140;

/** An endpoint that is said to be nowhere. */
export const NOWHERE: LocalityPlan = { region: "", zone: "", subZone: "", weight: 0 };
/** Of a cluster that has no assignment yet. */
export const NO_ENDPOINTS: Assignment = { endpoints: [], policy: compilePolicy(undefined) };

/**
 * All endpoints of an assignment. With DNS discovery `address` may be a name; otherwise it is an IP address.
 * The message must have passed `checkMessage`.
 */
export function compileEndpoints(
  message: ClusterLoadAssignment,
  discovery: ClusterPlan["discovery"],
  place: Place,
): Assignment {
  const byName = discovery === "strict-dns" || discovery === "logical-dns";
  const endpoints: EndpointPlan[] = [];
  message.endpoints.forEach((group, i) => {
    const at = place.item("endpoints", i);
    const locality = compileLocality(group.locality, group);
    group.lbEndpoints.forEach((endpoint, j) => {
      const plan = compileEndpoint(endpoint, group.priority, locality, byName, at.item("lb_endpoints", j));
      if (plan !== null) endpoints.push(plan);
    });
  });
  if (discovery === "logical-dns" && endpoints.length !== 1) {
    place.refuse("LOGICAL_DNS clusters must have a single locality_lb_endpoint and a single lb_endpoint");
  }
  return { endpoints, policy: compilePolicy(message.policy) };
}

function compilePolicy(policy: ClusterLoadAssignment["policy"]): EndpointPolicy {
  return {
    overprovisioningFactor: policy?.overprovisioningFactor ?? DEFAULT_OVERPROVISIONING,
    weightedPriorityHealth: policy?.weightedPriorityHealth ?? false,
  };
}

export function compileLocality(
  message: Locality | undefined,
  { loadBalancingWeight = 0 }: { readonly loadBalancingWeight?: number | undefined } = {},
): LocalityPlan {
  const { region = "", zone = "", subZone = "" } = message ?? {};
  return { region, zone, subZone, weight: loadBalancingWeight };
}

function compileEndpoint(
  message: LbEndpoint,
  priority: number,
  locality: LocalityPlan,
  byName: boolean,
  place: Place,
): EndpointPlan | null {
  if (message.hostIdentifier.case !== "endpoint") return null;
  const endpoint = message.hostIdentifier.value;
  const at = place.field("endpoint.address");
  const address: SocketAddress | null = byName
    ? readNamedAddress(endpoint.address, at)
    : (readPipe(endpoint.address) ?? readSocketAddress(endpoint.address, at));
  if (endpoint.address === undefined) at.refuse("value is required");
  if (address === null) return null;
  const metadata = message.metadata?.filterMetadata;
  const workload = metadata?.["istio"]?.["workload"];
  const hashKey = metadata?.["envoy.lb"]?.["hash_key"];
  return {
    address: address.address,
    addresses: [],
    port: address.port,
    // A name that is resolved is the endpoint's host name, unless it has another.
    hostname: endpoint.hostname === "" && byName ? address.address : endpoint.hostname,
    weight: message.loadBalancingWeight ?? 1,
    health: HEALTH[message.healthStatus] ?? "healthy",
    priority,
    locality,
    hashKey: typeof hashKey === "string" ? hashKey : "",
    canary: metadata?.["envoy.lb"]?.["canary"] === true,
    metadata: filterMetadata(message.metadata),
    workload: typeof workload === "string" ? workload : "",
    healthCheck: compileCheck(endpoint.healthCheckConfig, place.field("endpoint.health_check_config")),
  };
}

function compileCheck(message: Endpoint_HealthCheckConfig | undefined, place: Place): EndpointCheckPlan | null {
  if (message === undefined) return null;
  const { disableActiveHealthCheck: disabled, portValue, hostname } = message;
  const other = message.address === undefined ? null : readSocketAddress(message.address, place.field("address"));
  return { disabled, address: other?.address ?? "", port: portValue === 0 ? (other?.port ?? 0) : portValue, hostname };
}
