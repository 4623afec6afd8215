/** A service port, or a subset of it, as a cluster; and the application behind a sidecar. */
import { httpCarrier, portTraffic } from "../model/service.ts";
import type { Carried } from "./security/tls-context.ts";
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectionPoolSettings, PortProtocol } from "@tulle/api";
import {
  Cluster_DiscoveryType as DiscoveryType,
  Cluster_DnsLookupFamily as DnsLookupFamily,
  Cluster_LbPolicy as LbPolicy,
  ClusterSchema,
} from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { Cluster } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ApiVersion } from "@tulle/xds/gen/envoy/config/core/v3/config_source_pb.js";
import type { ClusterLoadAssignment } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import type { MergedDestinationRule, MergedSubset } from "../model/destination-rule.ts";
import type { MeshSettings } from "../model/mesh-settings.ts";
import { DEFAULT_MESH_SETTINGS } from "../model/mesh-settings.ts";
import type { Origin } from "../model/origin.ts";
import type { MeshService, ServicePort } from "../model/service.ts";
import type { EffectivePolicy } from "../model/traffic-policy.ts";
import { effectivePolicy } from "../model/traffic-policy.ts";
import type { InboundPort } from "../model/workload.ts";
import { connectionPool } from "./connection-pool.ts";
import type { Capabilities, Discovery } from "./data-plane.ts";
import { milliseconds } from "./durations.ts";
import { loadBalancer } from "./load-balancer.ts";
import { hasLocalityWeights, localityBalancing } from "./locality.ts";
import { FORWARDING, ORIGINAL_DESTINATION } from "./forwarding.ts";
import {
  BLACK_HOLE_CLUSTER,
  INBOUND_PASSTHROUGH_CLUSTER,
  inboundCluster,
  outboundCluster,
  PASSTHROUGH_CLUSTER,
} from "./names.ts";
import { originMetadata } from "./origin.ts";
import { outlierDetection } from "./outlier-detection.ts";
import { headerCase } from "./header-case.ts";
import { protocolOptions, speaksHttp2 } from "./protocol-options.ts";
import { clientTls } from "./security/client-tls.ts";
import { withProxyProtocol } from "./upstream-proxy-protocol.ts";

type ClusterInit = Exclude<MessageInitShape<typeof ClusterSchema>, Cluster>;

/** Everything an outbound cluster is made of. */
export interface OutboundClusterInput {
  readonly service: MeshService;
  readonly port: ServicePort;
  readonly rule: MergedDestinationRule | undefined;
  /** Undefined: the whole service. */
  readonly subset: MergedSubset | undefined;
  readonly mesh: MeshSettings;
  readonly capabilities: Capabilities;
  readonly discovery: Discovery;
  /** Where they are found by name: the names. Otherwise they come by themselves. */
  readonly assignment: ClusterLoadAssignment | undefined;
  /** The client's cluster for certificates; undefined: it has none. */
  readonly secrets: string | undefined;
  /** Who answers for the service: `namespace/account`. */
  readonly accounts: readonly string[];
  /** Whether the client is a gateway. */
  readonly atGateway: boolean;
  /** Its own name, for bytes to a port that carries HTTP as well, or for what is passed on. */
  readonly bytesName: string | undefined;
  /** Connections come as a client of the mesh made them, TLS and all. */
  readonly passedOn: boolean;
}

/** Undefined: the data plane has no way to. (istio/istio `cluster.go` convertResolution) */
export function discoveryOf(
  service: MeshService,
  { loadBalancer: settings }: EffectivePolicy,
  { discoveries }: Capabilities,
): Discovery | undefined {
  const byRequest = discoveries.has("by request") ? "by request" : undefined;
  const found = discoveries.has("original destination") ? "original destination" : byRequest;
  if (settings?.simple === "PASSTHROUGH" && found !== undefined) return found;
  switch (service.resolution) {
    case "static":
      return "eds";
    case "dns":
      if (discoveries.has("strict-dns")) return "strict-dns";
      // With a single name the two differ only in how many of its addresses are used.
      return service.endpoints.length === 1 && service.selector === undefined ? "logical-dns" : undefined;
    case "dns-round-robin":
      return "logical-dns";
    case "none":
      return found;
    default:
      return byRequest;
  }
}

export function translateOutboundCluster(input: OutboundClusterInput): Cluster {
  const { service, port, rule, subset, mesh, capabilities } = input;
  const name = outboundCluster(port.number, subset?.subset.name ?? "", service.host);
  const policy = effectivePolicy(rule, subset, port.number, mesh.config.defaultTrafficPolicy);
  const outlier = capabilities.clusterFeatures.has("outlier detection") ? policy.outlierDetection : undefined;
  const balancing = capabilities.clusterFeatures.has("localities") ? localityBalancing(policy, mesh) : undefined;
  const protocol = {
    protocol: port.protocol,
    pool: policy.connectionPool,
    outlierDetection: outlier,
    mesh,
    http1: headerCase(mesh),
    capabilities,
  };
  // Hosts that requests name have said nothing of themselves.
  const sockets =
    input.discovery === "by request" || input.passedOn
      ? {}
      : clientTls({
          service,
          port: port.number,
          subset: subset?.subset.name ?? "",
          settings: policy.tls,
          mesh,
          secrets: input.secrets,
          accounts: input.accounts,
          carries: carried(input, speaksHttp2(protocol)),
          mayHaveCredentials: input.atGateway || rule?.rules[0]?.selector !== undefined,
        });
  return create(ClusterSchema, {
    name: input.bytesName ?? name,
    // gRPC clients refuse what they do not know.
    ...(capabilities.apiListeners || input.passedOn ? sockets : withProxyProtocol(policy.proxyProtocol, sockets)),
    ...loadBalancer(policy.loadBalancer, capabilities),
    ...endpointSource(name, input),
    ...connectionPool({ pool: policy.connectionPool, retryBudget: policy.retryBudget, mesh, capabilities }),
    ...(outlier === undefined ? {} : { outlierDetection: outlierDetection(outlier) }),
    // By default unhealthy endpoints get nothing, however many they are.
    commonLbConfig: {
      healthyPanicThreshold: { value: outlier?.minHealthPercent ?? 0 },
      ...(balancing !== undefined && hasLocalityWeights(balancing)
        ? { localityConfigSpecifier: { case: "localityWeightedLbConfig", value: {} } }
        : {}),
    },
    typedExtensionProtocolOptions: protocolOptions(protocol),
    metadata: clusterMetadata(service, port, rule, subset),
  });
}

function carried({ port, bytesName, capabilities }: OutboundClusterInput, http2: boolean): Carried {
  if (bytesName !== undefined || portTraffic(port, capabilities.carriers) === "tcp") return "bytes";
  return http2 ? "http2" : "http1";
}

function endpointSource(name: string, { discovery, assignment, mesh }: OutboundClusterInput): ClusterInit {
  if (discovery === "by request") return { ...FORWARDING, lbConfig: { case: undefined } };
  if (discovery === "original destination") return { ...ORIGINAL_DESTINATION, lbConfig: { case: undefined } };
  if (discovery === "eds" || assignment === undefined) {
    return {
      clusterDiscoveryType: { case: "type", value: DiscoveryType.EDS },
      edsClusterConfig: {
        edsConfig: { configSourceSpecifier: { case: "ads", value: {} }, resourceApiVersion: ApiVersion.V3 },
        serviceName: name,
      },
    };
  }
  return {
    clusterDiscoveryType: {
      case: "type",
      value: discovery === "strict-dns" ? DiscoveryType.STRICT_DNS : DiscoveryType.LOGICAL_DNS,
    },
    loadAssignment: assignment,
    dnsLookupFamily: DnsLookupFamily.V4_PREFERRED,
    // Where a name has no time to live, and after a failure.
    dnsRefreshRate: milliseconds(mesh.dnsRefreshMs),
    respectDnsTtl: true,
  };
}

interface FixedClusterInput {
  readonly mesh: MeshSettings;
  readonly capabilities: Capabilities;
}

/** For requests to hosts that nobody knows. (istio/istio `cluster_builder.go` buildDefaultPassthroughCluster) */
export function passthroughCluster({ mesh, capabilities }: FixedClusterInput): Cluster {
  const pool = mesh.config.defaultTrafficPolicy?.connectionPool ?? {};
  const asTheClient = { ...pool, http: { ...pool.http, useClientProtocol: true } };
  return create(ClusterSchema, {
    name: PASSTHROUGH_CLUSTER,
    ...(capabilities.captured ? ORIGINAL_DESTINATION : FORWARDING),
    ...connectionPool({ pool, retryBudget: undefined, mesh, capabilities }),
    typedExtensionProtocolOptions: protocolOptions({
      protocol: "AUTO",
      pool: asTheClient,
      outlierDetection: undefined,
      mesh,
      http1: headerCase(mesh),
      capabilities,
    }),
    // What metrics call the destination.
    metadata: { filterMetadata: { istio: { services: [{ name: PASSTHROUGH_CLUSTER }] } } },
  });
}

/** What arrives for the application at a port that nobody has said anything of. (buildInboundPassthroughCluster) */
export function inboundPassthroughCluster(
  { mesh, capabilities }: FixedClusterInput,
  families: readonly (4 | 6)[],
): Cluster {
  return create(ClusterSchema, {
    name: INBOUND_PASSTHROUGH_CLUSTER,
    ...ORIGINAL_DESTINATION,
    ...connectionPool({ pool: undefined, retryBudget: undefined, mesh, capabilities }),
    upstreamBindConfig: fromPassthrough(families),
    metadata: { filterMetadata: { istio: { services: [{ name: INBOUND_PASSTHROUGH_CLUSTER }] } } },
  });
}

/**
 * Connections to the application come from these addresses: by them the kernel's rules tell them from connections that the proxy makes
 * for clients on the same machine. (`pilot/pkg/networking/core/cluster.go` InboundPassthroughBindIpv4, InboundPassthroughBindIpv6)
 */
function fromPassthrough(families: readonly (4 | 6)[]): NonNullable<ClusterInit["upstreamBindConfig"]> {
  const [sourceAddress, ...more] = families.map((family) => ({
    address: family === 4 ? "127.0.0.6" : "::6",
    portSpecifier: { case: "portValue" as const, value: 0 },
  }));
  return {
    ...(sourceAddress === undefined ? {} : { sourceAddress }),
    extraSourceAddresses: more.map((address) => ({ address })),
  };
}

/** (buildBlackHoleCluster) */
export function blackHoleCluster({ mesh }: FixedClusterInput): Cluster {
  return create(ClusterSchema, {
    name: BLACK_HOLE_CLUSTER,
    clusterDiscoveryType: { case: "type", value: DiscoveryType.STATIC },
    connectTimeout: milliseconds(mesh.connectTimeoutMs),
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
    ...(service.external ? { external: true } : {}),
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
  /** What the application speaks. */
  readonly protocol: PortProtocol;
  /** Services whose requests arrive there. */
  readonly services: readonly Pick<MeshService, "host" | "name" | "namespace">[];
  readonly origin: Origin;
  /** Limits that the receiving side has as well, so that they hold for all its clients together. */
  readonly pool: ConnectionPoolSettings | undefined;
  readonly mesh: MeshSettings;
  readonly capabilities: Capabilities;
  /** Of a captured workload: the families of its addresses. The application gets connections where they were made to. */
  readonly captured?: readonly (4 | 6)[] | undefined;
}

/** The application's port behind its own sidecar. */
export function translateInboundCluster(input: InboundClusterInput): Cluster {
  const { inbound, protocol, services, origin, pool, mesh, capabilities, captured } = input;
  const name = inboundCluster(inbound.port);
  // Where nobody has said it: what the client speaks.
  const useClientProtocol = protocol === "AUTO" || pool?.http?.useClientProtocol === true;
  return create(ClusterSchema, {
    name,
    ...(captured === undefined ? inboundEndpoint(name, inbound) : capturedEndpoint(name, inbound, captured)),
    ...connectionPool({ pool, retryBudget: undefined, mesh, capabilities }),
    typedExtensionProtocolOptions: protocolOptions({
      protocol: httpCarrier(protocol) === undefined ? "HTTP" : protocol,
      // Only clients choose to upgrade.
      pool: withoutUpgrade(pool, useClientProtocol),
      outlierDetection: undefined,
      mesh: DEFAULT_MESH_SETTINGS,
      http1: headerCase(mesh),
      capabilities,
    }),
    metadata: originMetadata(origin, "", {
      istio: { services: services.map(({ host, name, namespace }) => ({ host, name, namespace })) },
    }),
  });
}

/** The application is where connections were made to, unless a Sidecar has said that it is elsewhere. */
function capturedEndpoint(name: string, inbound: InboundPort, families: readonly (4 | 6)[]): ClusterInit {
  const { address, bindPort, appAddress, appPort } = inbound;
  const upstreamBindConfig = fromPassthrough(families);
  if (appAddress === address && appPort === bindPort) return { ...ORIGINAL_DESTINATION, upstreamBindConfig };
  const isLoopback = appAddress === "::1" || appAddress.startsWith("127.");
  return { ...inboundEndpoint(name, inbound), ...(isLoopback ? {} : { upstreamBindConfig }) };
}

function inboundEndpoint(name: string, inbound: InboundPort): ClusterInit {
  return {
    clusterDiscoveryType: { case: "type", value: DiscoveryType.STATIC },
    lbPolicy: LbPolicy.ROUND_ROBIN,
    loadAssignment: {
      clusterName: name,
      endpoints: [
        { lbEndpoints: [{ hostIdentifier: { case: "endpoint", value: { address: applicationAddress(inbound) } } }] },
      ],
    },
  };
}

function withoutUpgrade(pool: ConnectionPoolSettings | undefined, useClientProtocol: boolean): ConnectionPoolSettings {
  return { ...pool, http: { ...pool?.http, h2UpgradePolicy: "DO_NOT_UPGRADE", useClientProtocol } };
}

function applicationAddress({ appAddress, appPort }: InboundPort) {
  const value = { address: appAddress, portSpecifier: { case: "portValue" as const, value: appPort } };
  return { address: { case: "socketAddress" as const, value } };
}
