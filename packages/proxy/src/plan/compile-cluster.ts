import type { TransportSocket } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { isIP } from "../ip-address.ts";
import type { TcpKeepalive } from "@tulle/xds/gen/envoy/config/core/v3/address_pb.js";
import { toBinary } from "@bufbuild/protobuf";
import {
  type Cluster,
  ClusterSchema,
  Cluster_DiscoveryType as Discovery,
  Cluster_LbPolicy as LbPolicy,
} from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { RoutingPriority } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { HealthStatus } from "@tulle/xds/gen/envoy/config/core/v3/health_check_pb.js";
import { statNameOf } from "../stats/index.ts";
import { type BalancerPlans, NO_ROUTING, compileBalancer } from "./compile-balancer.ts";
import { HEALTH } from "./compile-endpoints.ts";
import { DEFAULT_BUFFER_LIMIT_BYTES } from "./compile-listener.ts";
import { compileForwarding } from "./compile-forwarding.ts";
import { compileHeaderCase } from "./compile-header-case.ts";
import { compileHealthCheck } from "./compile-health-check.ts";
import { compileOutlierDetection } from "./compile-outlier-detection.ts";
import { milliseconds } from "./duration.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { compileUpstreamTls } from "./compile-tls.ts";
import { compileSubsets } from "./compile-subsets.ts";
import { compileProxyHeader } from "./proxy-header.ts";
import { filterMetadata } from "./metadata.ts";
import type { CircuitBreakerPlan, ClusterPlan, TransportSocketMatch } from "./cluster-plan.ts";
import type { Place } from "./problems.ts";
import { type ClusterContext, type UpstreamProtocol, compileUpstreamProtocol } from "./upstream-protocol.ts";

/** Sources: Envoy api/envoy/config/cluster/v3/{cluster,circuit_breaker}.proto, api/envoy/config/core/v3/protocol.proto. */
const DEFAULTS = {
  connectTimeoutMs: 5_000,
  idleTimeoutMs: 3_600_000,
  // Of HTTP/1 upstreams, as a running Envoy 1.40 counts it.
  maxResponseHeadersKb: 80,
  maxHeadersCount: 100,
  healthyPanicThreshold: 50,
  thresholds: { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024, maxRetries: 3 },
  retryBudget: { percent: 20, minConcurrency: 3 },
} as const;

const DISCOVERY: Readonly<Record<number, ClusterPlan["discovery"]>> = {
  [Discovery.STATIC]: "static",
  [Discovery.EDS]: "eds",
  [Discovery.STRICT_DNS]: "strict-dns",
  [Discovery.LOGICAL_DNS]: "logical-dns",
  [Discovery.ORIGINAL_DST]: "original-dst",
};

/** The message must have passed `checkMessage`; what is refused here is reported to `place`. */
export function compileCluster(message: Cluster, context: ClusterContext, place: Place): ClusterPlan {
  const { peerHttp2, ...plan } = compileAll(message, context, place);
  return isCarried(plan) ? { ...plan, protocol: "peer", http2: peerHttp2 } : plan;
}

/** Envoy's default: who sets no limit has this one. */
const USUAL_CONNECTIONS = 1_024;

/**
 * Whether HTTP/1.1 may go over HTTP/2 to a proxy of ours: its connections are those of a mesh (we show who we are), and nothing was said that
 * has a meaning for HTTP/1.1's connections only.
 */
function isCarried({ protocol, maxRequestsPerConnection, headerCase, thresholds, ...plan }: ClusterPlan): boolean {
  const sockets = [plan.transportSocket, ...plan.transportSocketMatches.map(({ transportSocket }) => transportSocket)];
  return (
    protocol === "http1" &&
    maxRequestsPerConnection === 0 &&
    headerCase === null &&
    plan.preconnect === null &&
    !plan.poolPerConnection &&
    thresholds.every(
      (each) => each.maxConnections >= USUAL_CONNECTIONS && each.maxConnectionsPerHost >= USUAL_CONNECTIONS,
    ) &&
    sockets.some((socket) => socket !== null && socket.certificates.length > 0)
  );
}

function compileAll(
  message: Cluster,
  context: ClusterContext,
  place: Place,
): ClusterPlan & Pick<UpstreamProtocol, "peerHttp2"> {
  const discovery = compileDiscovery(message, place);
  checkPerHostThresholds(message, place);
  const {
    common: http,
    http1,
    http2,
    peerHttp2,
    errorMatcher,
    autoSni,
    protocol,
  } = compileUpstreamProtocol(message, place);
  return {
    peerHttp2,
    name: message.name,
    statName: statNameOf(message.altStatName === "" ? message.name : message.altStatName),
    discovery,
    edsServiceName: message.edsClusterConfig?.serviceName ?? "",
    ...(compileOwnBalancer(message, context, place) ?? compileBalancer(message, place)),
    wantedHostHealth: compileWantedHealth(message, place),
    subsets: compileSubsets(message, place),
    protocol,
    http2,
    connectTimeoutMs: milliseconds(message.connectTimeout, DEFAULTS.connectTimeoutMs),
    bufferLimitBytes: message.perConnectionBufferLimitBytes ?? DEFAULT_BUFFER_LIMIT_BYTES,
    maxRequestsPerConnection: http?.maxRequestsPerConnection ?? message.maxRequestsPerConnection ?? 0,
    maxStreamDurationMs: milliseconds(http?.maxStreamDuration, 0),
    idleTimeoutMs: milliseconds(http?.idleTimeout, DEFAULTS.idleTimeoutMs),
    maxConnectionDurationMs: milliseconds(http?.maxConnectionDuration, 0),
    bindAddresses: compileBindAddresses(message, place.field("upstream_bind_config")),
    tcpKeepaliveMs: tcpKeepalive(message.upstreamConnectionOptions?.tcpKeepalive),
    maxResponseHeadersBytes: (http?.maxResponseHeadersKb ?? DEFAULTS.maxResponseHeadersKb) * 1024,
    maxResponseHeadersCount: http?.maxHeadersCount ?? DEFAULTS.maxHeadersCount,
    enableTrailers: http1?.enableTrailers ?? false,
    headerCase: compileHeaderCase(http1),
    preconnect: compilePreconnect(message),
    poolPerConnection: compilePoolPerConnection(message, place),
    thresholds: [compileThresholds(message, RoutingPriority.DEFAULT), compileThresholds(message, RoutingPriority.HIGH)],
    outlierDetection: compileOutlierDetection(message.outlierDetection, errorMatcher, place.field("outlier_detection")),
    healthCheck: compileHealthCheck(message, http2, place),
    // Whole percents, as Envoy rounds them.
    healthyPanicThreshold: Math.round(
      message.commonLbConfig?.healthyPanicThreshold?.value ?? DEFAULTS.healthyPanicThreshold,
    ),
    ...compileTransportSocket(message.transportSocket, context, place.field("transport_socket")),
    autoSni,
    transportSocketMatches: compileTransportSocketMatches(message, context, place),
    metadata: filterMetadata(message.metadata),
    service: istioService(message),
    fingerprint: fingerprintOf(toBinary(ClusterSchema, message)),
  };
}

/** Names are those of their statistics, and each has one. */
function compileTransportSocketMatches(
  message: Cluster,
  context: ClusterContext,
  place: Place,
): readonly TransportSocketMatch[] {
  return message.transportSocketMatches.map(({ name, match = {}, transportSocket }, i) => {
    const at = place.item("transport_socket_matches", i).field("transport_socket");
    return { name, match, ...compileTransportSocket(transportSocket, context, at) };
  });
}

function compileTransportSocket(
  socket: TransportSocket | undefined,
  { secrets }: ClusterContext,
  place: Place,
): Pick<ClusterPlan, "transportSocket" | "proxyHeader"> {
  const { header, socket: inner, place: at } = compileProxyHeader(socket, place);
  return { transportSocket: compileUpstreamTls(inner, secrets, at), proxyHeader: header };
}

/** Of a cluster type that is an extension; null if it is none. */
function compileOwnBalancer(message: Cluster, { dnsCaches }: ClusterContext, place: Place): BalancerPlans | null {
  const { clusterDiscoveryType: type } = message;
  if (type.case !== "clusterType") return null;
  const cache = compileForwarding(message, type.value, dnsCaches, place);
  return cache === null ? null : { balancer: { policy: "forwarding", cache }, localityRouting: NO_ROUTING };
}

function compileDiscovery(message: Cluster, place: Place): ClusterPlan["discovery"] {
  if (message.clusterDiscoveryType.case === "clusterType") return "forwarding";
  const type = message.clusterDiscoveryType.case === "type" ? message.clusterDiscoveryType.value : Discovery.STATIC;
  const discovery = DISCOVERY[type];
  if (discovery === undefined) {
    place.field("type").refuse(`${enumName(Discovery, type)} is not supported`);
    return "static";
  }
  if (discovery === "original-dst") checkOriginalDst(message, place);
  if (discovery === "eds" && message.edsClusterConfig === undefined) {
    place.refuse("cannot create an EDS cluster without an EDS config");
  }
  if (discovery === "eds" && message.loadAssignment !== undefined) {
    place.field("load_assignment").refuse("an EDS cluster cannot have a load_assignment");
  }
  if (discovery !== "eds" && message.edsClusterConfig !== undefined) {
    place.field("eds_cluster_config").refuse("cannot be set on a cluster that is not of type EDS");
  }
  return discovery;
}

/** Envoy's words (`source/extensions/clusters/original_dst/original_dst_cluster.cc`). */
function checkOriginalDst(message: Cluster, place: Place): void {
  if (message.lbPolicy !== LbPolicy.CLUSTER_PROVIDED) {
    place
      .field("lb_policy")
      .refuse(
        `cluster: LB policy ${enumName(LbPolicy, message.lbPolicy)} is not valid for Cluster type ORIGINAL_DST. ` +
          "Only 'CLUSTER_PROVIDED' is allowed with cluster type 'ORIGINAL_DST'",
      );
  }
  if (message.loadAssignment !== undefined) {
    place.field("load_assignment").refuse("ORIGINAL_DST clusters must have no load assignment configured");
  }
}

const WELL_ENOUGH: ClusterPlan["wantedHostHealth"] = new Set(["healthy", "degraded"]);

/** Endpoints of unknown health and of good health are one. */
function compileWantedHealth({ commonLbConfig }: Cluster, place: Place): ClusterPlan["wantedHostHealth"] {
  const statuses = commonLbConfig?.overrideHostStatus?.statuses;
  if (statuses === undefined) return WELL_ENOUGH;
  if (statuses.includes(HealthStatus.UNKNOWN) !== statuses.includes(HealthStatus.HEALTHY)) {
    place
      .field("common_lb_config.override_host_status")
      .refuse("UNKNOWN and HEALTHY are one: both have to be there, or neither");
  }
  return new Set(statuses.map((status) => HEALTH[status] ?? "healthy"));
}

/** Envoy has one limit of a host's. */
function checkPerHostThresholds({ circuitBreakers }: Cluster, place: Place): void {
  circuitBreakers?.perHostThresholds.forEach((each, i) => {
    const { maxPendingRequests, maxRequests, maxRetries, maxConnectionPools, retryBudget, trackRemaining } = each;
    const others = [maxPendingRequests, maxRequests, maxRetries, maxConnectionPools, retryBudget];
    if (trackRemaining || others.some((other) => other !== undefined)) {
      place.field("circuit_breakers").item("per_host_thresholds", i).refuse("Unsupported field in per_host_thresholds");
    }
  });
}

/** The first of a priority holds. */
function compileThresholds(message: Cluster, priority: RoutingPriority): CircuitBreakerPlan {
  const found = message.circuitBreakers?.thresholds.find((each) => each.priority === priority);
  const { thresholds, retryBudget } = DEFAULTS;
  const budget = found?.retryBudget;
  const perHost = message.circuitBreakers?.perHostThresholds.find((each) => each.priority === priority);
  return {
    maxConnections: found?.maxConnections ?? thresholds.maxConnections,
    maxPendingRequests: found?.maxPendingRequests ?? thresholds.maxPendingRequests,
    maxRequests: found?.maxRequests ?? thresholds.maxRequests,
    maxRetries: found?.maxRetries ?? thresholds.maxRetries,
    maxConnectionPools: found?.maxConnectionPools ?? Infinity,
    maxConnectionsPerHost: perHost?.maxConnections ?? Infinity,
    // One that says nothing is none.
    retryBudget:
      budget?.budgetPercent === undefined && budget?.minRetryConcurrency === undefined
        ? null
        : {
            percent: budget.budgetPercent?.value ?? retryBudget.percent,
            minConcurrency: budget.minRetryConcurrency ?? retryBudget.minConcurrency,
          },
    trackRemaining: found?.trackRemaining ?? false,
  };
}

function compilePreconnect({ preconnectPolicy }: Cluster): ClusterPlan["preconnect"] {
  const perHost = preconnectPolicy?.perUpstreamPreconnectRatio ?? 1;
  const predictive = preconnectPolicy?.predictivePreconnectRatio ?? 1;
  return perHost > 1 || predictive > 1 ? { perHost, predictive } : null;
}

function compilePoolPerConnection(message: Cluster, place: Place): boolean {
  const own = message.connectionPoolPerDownstreamConnection;
  message.circuitBreakers?.thresholds.forEach(({ maxConnectionPools }, i) => {
    if (!own || maxConnectionPools === undefined) return;
    const at = place.field("circuit_breakers").item("thresholds", i).field("max_connection_pools");
    // Envoy 1.40 takes it, and ends as soon as the limit is reached.
    at.refuse("is not supported together with connection_pool_per_downstream_connection");
  });
  return own;
}

/** Istio's `filter_metadata.istio.services[0]`. */
function istioService(message: Cluster): ClusterPlan["service"] {
  const services = message.metadata?.filterMetadata["istio"]?.["services"];
  const first = Array.isArray(services) ? services[0] : undefined;
  if (typeof first !== "object" || first === null || Array.isArray(first)) return null;
  const text = (key: string): string => (typeof first[key] === "string" ? first[key] : "");
  return { host: text("host"), name: text("name"), namespace: text("namespace") };
}

function enumName(values: Readonly<Record<number, string>>, value: number): string {
  return values[value] ?? String(value);
}

/** Envoy's words (`source/common/upstream/upstream_impl.cc` parseBindConfig). Port 0 is any. */
function compileBindAddresses({ name, upstreamBindConfig: config }: Cluster, place: Place): readonly string[] {
  const { sourceAddress, extraSourceAddresses: extra = [] } = config ?? {};
  const whose = `Cluster ${name}'s upstream binding config`;
  if (sourceAddress === undefined) {
    if (extra.length > 0) {
      place.refuse(
        `${whose} has extra/additional source addresses but no source_address. ` +
          "Extra/additional addresses cannot be specified if source_address is not set.",
      );
    }
    return [];
  }
  if (extra.length > 1) {
    place.refuse(
      `${whose} has more than one extra/additional source addresses. Only one extra/additional source can be supported ` +
        "in BindConfig's extra_source_addresses/additional_source_addresses field",
    );
  }
  const sources = [sourceAddress, ...extra.flatMap(({ address }) => address ?? [])];
  for (const { address, portSpecifier } of sources) {
    if (isIP(address) === 0) place.refuse(`malformed IP address: ${address}`);
    if (portSpecifier.case !== "portValue" || portSpecifier.value !== 0) {
      place.refuse("a source port is not supported: all connections would have the same");
    }
  }
  const addresses = sources.map(({ address }) => address);
  if (addresses.length === 2 && isIP(addresses[0]) === isIP(addresses[1])) {
    place.refuse(
      `${whose} has two same IP version source addresses. Only two different IP version source addresses can be supported ` +
        "in BindConfig's source_address and extra_source_addresses/additional_source_addresses fields",
    );
  }
  return addresses;
}

function tcpKeepalive(options: TcpKeepalive | undefined): number {
  return options === undefined ? -1 : (options.keepaliveTime ?? 0) * 1000;
}
