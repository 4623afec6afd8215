/** Who answers for a cluster. */
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { matchesLabels } from "@tulle/api";
import type { Labels } from "@tulle/api";
import { HealthStatus } from "@tulle/xds/gen/envoy/config/core/v3/health_check_pb.js";
import type {
  LbEndpointSchema,
  LocalityLbEndpointsSchema,
} from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_components_pb.js";
import { ClusterLoadAssignmentSchema } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import type { ClusterLoadAssignment } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import type { MeshEndpoint } from "../model/endpoints.ts";
import { splitLocality } from "../model/locality.ts";
import { TAKES_MUTUAL_TLS, TRANSPORT_SOCKET_METADATA } from "./security/client-tls.ts";
import type { EndpointGroup, LocalityBalancing } from "./locality.ts";
import { balanceLocalities, groupByLocality } from "./locality.ts";

/** Everything a load assignment is made of. */
export interface LoadAssignmentInput {
  readonly cluster: string;
  readonly endpoints: readonly MeshEndpoint[];
  /** Labels of the subset; undefined: all endpoints. */
  readonly labels: Labels | undefined;
  /** Where panic may set in, endpoints that are known to be unhealthy must not be there to get requests then. */
  readonly withUnhealthy: boolean;
  /** Whether the data plane knows places. */
  readonly localities: boolean;
  /** Undefined: all places are alike. */
  readonly balancing: LocalityBalancing | undefined;
  /** The client's; "" where it makes no difference. */
  readonly locality: string;
  /** Values of the client's labels by which endpoints are ranked. */
  readonly ranking: readonly string[];
}

export function translateLoadAssignment(input: LoadAssignmentInput): ClusterLoadAssignment {
  return create(ClusterLoadAssignmentSchema, {
    clusterName: input.cluster,
    endpoints: groupsOf(input).map(localityEndpoints),
  });
}

function groupsOf(input: LoadAssignmentInput): readonly EndpointGroup[] {
  const { endpoints, labels, withUnhealthy, localities, balancing, locality, ranking } = input;
  const members = endpoints.filter((one) => matchesLabels(labels, one.labels) && (withUnhealthy || one.healthy));
  if (!localities) return groupByLocality(members.map((one) => ({ ...one, locality: "" })));
  const groups = groupByLocality(members);
  return balancing === undefined ? groups : balanceLocalities(groups, balancing, locality, ranking);
}

/** gRPC refuses groups without locality and skips those without weight. */
function localityEndpoints({
  locality,
  priority,
  weight,
  endpoints,
}: EndpointGroup): MessageInitShape<typeof LocalityLbEndpointsSchema> {
  const [region, zone, subZone] = splitLocality(locality);
  return {
    locality: { region, zone, subZone },
    priority,
    loadBalancingWeight: weight,
    lbEndpoints: endpoints.map(lbEndpoint),
  };
}

function lbEndpoint({
  address,
  port,
  healthy,
  weight,
  workload,
  mutualTls,
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
    ...(workload === "" && !mutualTls
      ? {}
      : {
          metadata: {
            filterMetadata: {
              ...(workload === "" ? {} : { istio: { workload } }),
              ...(mutualTls ? { [TRANSPORT_SOCKET_METADATA]: TAKES_MUTUAL_TLS } : {}),
            },
          },
        }),
  };
}
