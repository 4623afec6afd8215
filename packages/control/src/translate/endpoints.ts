/** Who answers for a cluster. */
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { matchesLabels } from "@tulle/api";
import type { Labels } from "@tulle/api";
import { HealthStatus } from "@tulle/xds/gen/envoy/config/core/v3/health_check_pb.js";
import type { LbEndpointSchema } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_components_pb.js";
import { ClusterLoadAssignmentSchema } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import type { ClusterLoadAssignment } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import type { MeshEndpoint } from "../model/endpoints.ts";

/** Everything a load assignment is made of. */
export interface LoadAssignmentInput {
  readonly cluster: string;
  readonly endpoints: readonly MeshEndpoint[];
  /** Labels of the subset; undefined: all endpoints. */
  readonly labels: Labels | undefined;
}

export function translateLoadAssignment({ cluster, endpoints, labels }: LoadAssignmentInput): ClusterLoadAssignment {
  const members = endpoints.filter((endpoint) => matchesLabels(labels, endpoint.labels));
  const loadBalancingWeight = members.reduce((sum, { weight }) => sum + weight, 0);
  return create(ClusterLoadAssignmentSchema, {
    clusterName: cluster,
    // One group of unknown locality. gRPC refuses groups without locality and skips those without weight.
    endpoints:
      members.length === 0 ? [] : [{ locality: {}, loadBalancingWeight, lbEndpoints: members.map(lbEndpoint) }],
  });
}

function lbEndpoint({
  address,
  port,
  healthy,
  weight,
  workload,
}: MeshEndpoint): MessageInitShape<typeof LbEndpointSchema> {
  return {
    hostIdentifier: {
      case: "endpoint",
      value: {
        address: {
          address: { case: "socketAddress", value: { address, portSpecifier: { case: "portValue", value: port } } },
        },
      },
    },
    healthStatus: healthy ? HealthStatus.HEALTHY : HealthStatus.UNHEALTHY,
    loadBalancingWeight: weight,
    ...(workload === "" ? {} : { metadata: { filterMetadata: { istio: { workload } } } }),
  };
}
