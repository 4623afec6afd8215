/** A service port, or a subset of it, as a cluster; and the application behind a sidecar. */
import { create, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { TrafficPolicy } from "@tulle/api";
import {
  Cluster_DiscoveryType as DiscoveryType,
  Cluster_LbPolicy as LbPolicy,
  ClusterSchema,
} from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { Cluster } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ApiVersion } from "@tulle/xds/gen/envoy/config/core/v3/config_source_pb.js";
import { HttpProtocolOptionsSchema } from "@tulle/xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import type { MergedDestinationRule, MergedSubset } from "../model/destination-rule.ts";
import type { Origin } from "../model/origin.ts";
import type { MeshService, ServicePort } from "../model/service.ts";
import { httpCarrier } from "../model/service.ts";
import type { InboundPort } from "../model/workload.ts";
import type { Capabilities } from "./data-plane.ts";
import { milliseconds } from "./durations.ts";
import { inboundCluster, outboundCluster } from "./names.ts";
import { originMetadata } from "./origin.ts";

/** Istio's `MeshConfig.connectTimeout`. (istio/istio `pkg/config/mesh/mesh.go`) */
const CONNECT_TIMEOUT_MS = 10_000;
/** Istio's circuit breakers do not break unless a DestinationRule says so. (`cluster_traffic_policy.go` getDefaultCircuitBreakerThresholds) */
const UNLIMITED = 4_294_967_295;

/** Everything an outbound cluster is made of. */
export interface OutboundClusterInput {
  readonly service: MeshService;
  readonly port: ServicePort;
  readonly rule: MergedDestinationRule | undefined;
  /** Undefined: the whole service. */
  readonly subset: MergedSubset | undefined;
  readonly capabilities: Capabilities;
}

export function translateOutboundCluster({ service, port, rule, subset, capabilities }: OutboundClusterInput): Cluster {
  const name = outboundCluster(port.number, subset?.subset.name ?? "", service.host);
  const balancer = balancerOf(rule, subset, port.number);
  return create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: "type", value: DiscoveryType.EDS },
    edsClusterConfig: {
      edsConfig: { configSourceSpecifier: { case: "ads", value: {} }, resourceApiVersion: ApiVersion.V3 },
      serviceName: name,
    },
    connectTimeout: milliseconds(CONNECT_TIMEOUT_MS),
    lbPolicy: capabilities.allBalancers ? balancer : LbPolicy.ROUND_ROBIN,
    circuitBreakers: { thresholds: [noLimits] },
    // Istio's default minHealthPercent: unhealthy endpoints get nothing, however many they are.
    commonLbConfig: { healthyPanicThreshold: { value: 0 } },
    typedExtensionProtocolOptions: protocolOptions(port),
    metadata: clusterMetadata(service, port, rule, subset),
  });
}

const noLimits = {
  maxConnections: UNLIMITED,
  maxPendingRequests: UNLIMITED,
  maxRequests: UNLIMITED,
  maxRetries: UNLIMITED,
};

/** The more special policy's block wins; a port's block stands for the whole of its level. (istio-api rule 10) */
function balancerOf(rule: MergedDestinationRule | undefined, subset: MergedSubset | undefined, port: number): LbPolicy {
  const settings = loadBalancerAt(subset?.subset.trafficPolicy, port) ?? loadBalancerAt(rule?.trafficPolicy, port);
  switch (settings?.simple) {
    case "ROUND_ROBIN":
      return LbPolicy.ROUND_ROBIN;
    case "RANDOM":
      return LbPolicy.RANDOM;
    default:
      return LbPolicy.LEAST_REQUEST;
  }
}

function loadBalancerAt(policy: TrafficPolicy | undefined, port: number): TrafficPolicy["loadBalancer"] {
  const atPort = policy?.portLevelSettings?.find((settings) => settings.port?.number === port);
  // What the port's settings leave out is Istio's default, not what the destination's say.
  return atPort === undefined ? policy?.loadBalancer : (atPort.loadBalancer ?? {});
}

const HTTP_PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

function protocolOptions({ protocol }: ServicePort): Record<string, Any> {
  if (httpCarrier(protocol) !== "http2") return {};
  return { [HTTP_PROTOCOL_OPTIONS]: http2Options() };
}

function http2Options(): Any {
  const options = create(HttpProtocolOptionsSchema, {
    upstreamProtocolOptions: {
      case: "explicitHttpConfig",
      value: { protocolConfig: { case: "http2ProtocolOptions", value: {} } },
    },
  });
  return create(AnySchema, {
    typeUrl: `type.googleapis.com/${HTTP_PROTOCOL_OPTIONS}`,
    value: toBinary(HttpProtocolOptionsSchema, options),
  });
}

/** Istio's `services` tells proxies which service to count requests for. */
function clusterMetadata(
  service: MeshService,
  port: ServicePort,
  rule: MergedDestinationRule | undefined,
  subset: MergedSubset | undefined,
): Cluster["metadata"] {
  const { host, name, namespace } = service;
  const istio = {
    services: [{ host, name, namespace }],
    ...(subset === undefined ? {} : { subset: subset.subset.name }),
  };
  if (subset !== undefined) return originMetadata(subset.origin, `spec.subsets[${subset.index}]`, { istio });
  if (rule?.trafficPolicy !== undefined) return originMetadata(rule.origin, "spec.trafficPolicy", { istio });
  const index = service.ports.indexOf(port);
  return originMetadata(service.origin, service.implicit ? "" : `spec.ports[${index}]`, { istio });
}

/** Everything an inbound cluster is made of. */
export interface InboundClusterInput {
  readonly inbound: InboundPort;
  /** Services whose requests arrive there. */
  readonly services: readonly Pick<MeshService, "host" | "name" | "namespace">[];
  readonly origin: Origin;
}

/** The application's port behind its own sidecar. */
export function translateInboundCluster({ inbound, services, origin }: InboundClusterInput): Cluster {
  const name = inboundCluster(inbound.port);
  return create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: "type", value: DiscoveryType.STATIC },
    connectTimeout: milliseconds(CONNECT_TIMEOUT_MS),
    lbPolicy: LbPolicy.ROUND_ROBIN,
    circuitBreakers: { thresholds: [noLimits] },
    loadAssignment: {
      clusterName: name,
      endpoints: [
        { lbEndpoints: [{ hostIdentifier: { case: "endpoint", value: { address: applicationAddress(inbound) } } }] },
      ],
    },
    metadata: originMetadata(origin, "", {
      istio: { services: services.map(({ host, name, namespace }) => ({ host, name, namespace })) },
    }),
  });
}

function applicationAddress({ appAddress, appPort }: InboundPort) {
  const value = { address: appAddress, portSpecifier: { case: "portValue" as const, value: appPort } };
  return { address: { case: "socketAddress" as const, value } };
}
