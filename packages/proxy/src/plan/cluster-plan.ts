/** The plan of a cluster (see route-plan.ts for what a plan is): balancing, limits, health and endpoints. */
import type { Http2Options } from "../codec/http2/options.ts";
import type { HeaderCase } from "../codec/http1/header-case.ts";
import type { Http2Plan } from "./http2-options.ts";
import type { JsonObject } from "@bufbuild/protobuf";
import type { Cluster } from "../upstream/cluster.ts";
import type { DnsCachePlan } from "./compile-dns-cache.ts";
import type { Metadata } from "./format/stream-info.ts";
import type { RuntimeRef } from "./runtime-values.ts";
import type { ResponseTest } from "./request-views.ts";
import type { ProxyHeaderPlan } from "./proxy-header.ts";
import type { UpstreamTlsPlan } from "./tls-plan.ts";

/** A route's hold on a cluster, by name; null until the cluster is there (503 NC). One ref per name for the whole proxy. */
export interface ClusterRef {
  readonly name: string;
  current: Cluster | null;
}

/** CDS message, compiled. Endpoints come apart (EDS, DNS, or the cluster's own `load_assignment`). */
export interface ClusterPlan {
  readonly name: string;
  /** `alt_stat_name` or the name. */
  readonly statName: string;
  readonly discovery: "static" | "eds" | "strict-dns" | "logical-dns" | "original-dst" | "forwarding";
  /** EDS service name ("" = the cluster's name). */
  readonly edsServiceName: string;
  readonly balancer: BalancerPlan;
  readonly localityRouting: LocalityRoutingPlan;
  /** `override_host_status`: of what health a host may be that a request names (stateful sessions). */
  readonly wantedHostHealth: ReadonlySet<EndpointPlan["health"]>;
  /** Null: all hosts are as good as each other. */
  readonly subsets: SubsetPlan | null;
  /**
   * What its connections speak. `alpn`: what the handshake comes to; `downstream`: what the client speaks; `peer`: HTTP/1.1, carried
   * over HTTP/2 where the other end is a proxy of ours.
   */
  readonly protocol: "http1" | "http2" | "alpn" | "downstream" | "peer";
  /** Null: none of them ever speaks it. */
  readonly http2: Http2Plan | null;
  /** Default 5 s. */
  readonly connectTimeoutMs: number;
  readonly bufferLimitBytes: number;
  /** 0 = no limit. */
  readonly maxRequestsPerConnection: number;
  /** Upstream `idle_timeout`, default 1 h. */
  readonly idleTimeoutMs: number;
  readonly maxConnectionDurationMs: number;
  /** `upstream_bind_config`: where its connections come from, an address for each family; empty: the kernel chooses. */
  readonly bindAddresses: readonly string[];
  /** `tcp_keepalive`: how long a connection is idle before the kernel asks whether it is still there. 0 = its default, -1 = it never does. */
  readonly tcpKeepaliveMs: number;
  /** `max_stream_duration` of `common_http_protocol_options`; 0 = none. */
  readonly maxStreamDurationMs: number;
  /** Of HTTP/1.1: `max_response_headers_kb` × 1024, default 80 KiB; `max_headers_count`, default 100. */
  readonly maxResponseHeadersBytes: number;
  readonly maxResponseHeadersCount: number;
  /** `enable_trailers` of the HTTP/1 options. */
  readonly enableTrailers: boolean;
  /** `header_key_format`. */
  readonly headerCase: HeaderCase;
  /** `preconnect_policy`; null: connections are opened when they are needed. */
  readonly preconnect: PreconnectPlan | null;
  /** `connection_pool_per_downstream_connection`: clients' connections share none. */
  readonly poolPerConnection: boolean;
  /** By routing priority. */
  readonly thresholds: readonly [CircuitBreakerPlan, CircuitBreakerPlan];
  readonly outlierDetection: OutlierDetectionPlan | null;
  readonly healthCheck: HealthCheckPlan | null;
  /** In percent; default 50, 0 = never panic. */
  readonly healthyPanicThreshold: number;
  /** Null: connections are plain. */
  readonly transportSocket: UpstreamTlsPlan | null;
  /** What connections begin with; null: with what is said on them. */
  readonly proxyHeader: ProxyHeaderPlan | null;
  /** `transport_socket_matches`, in their order: the first that an endpoint's metadata meets holds for it. */
  readonly transportSocketMatches: readonly TransportSocketMatch[];
  /** Null: a request has no say in it. */
  readonly autoSni: AutoSniPlan | null;
  readonly metadata: Metadata;
  /** Istio's `filter_metadata.istio.services[0]`, for mesh metrics. */
  readonly service: { readonly host: string; readonly name: string; readonly namespace: string } | null;
  readonly fingerprint: string;
}

/** For how many requests there are connections, for each that is there. */
export interface PreconnectPlan {
  /** `per_upstream_preconnect_ratio`, default 1. */
  readonly perHost: number;
  /** `predictive_preconnect_ratio`, over all hosts, default 1. */
  readonly predictive: number;
}

/** What a request's host has to say of the TLS connection that it goes by (`upstream_http_protocol_options`). */
export interface AutoSniPlan {
  /** `auto_sni`: it is the SNI. */
  readonly sni: boolean;
  /** `auto_san_validation`: it must be a name of the server's certificate. */
  readonly names: boolean;
  /** `override_auto_sni_header`, lower-case: this header stands for the host where there is one; "" for none. */
  readonly header: string;
}

export interface TransportSocketMatch {
  readonly name: string;
  /** All of these must be in the endpoint's `envoy.transport_socket_match` metadata. */
  readonly match: JsonObject;
  readonly transportSocket: UpstreamTlsPlan | null;
  readonly proxyHeader: ProxyHeaderPlan | null;
}

export type BalancerPlan =
  | RoundRobinPlan
  | LeastRequestPlan
  | RandomPlan
  | RingHashPlan
  | MaglevPlan
  | OriginalDstPlan
  | ForwardingPlan;

interface RoundRobinPlan {
  readonly policy: "round-robin";
  readonly slowStart: SlowStartPlan | null;
}

export interface LeastRequestPlan {
  readonly policy: "least-request";
  /** Default 2. */
  readonly choiceCount: number;
  /** `selection_method: FULL_SCAN`. */
  readonly fullScan: boolean;
  /** Default 1. */
  readonly activeRequestBias: RuntimeRef<number>;
  readonly slowStart: SlowStartPlan | null;
}

interface RandomPlan {
  readonly policy: "random";
}

export interface RingHashPlan extends ConsistentHashingPlan {
  readonly policy: "ring-hash";
  readonly hashFunction: "xx" | "murmur2";
  /** Defaults 1024 and 8 Mi. */
  readonly minRingSize: number;
  readonly maxRingSize: number;
}

export interface MaglevPlan extends ConsistentHashingPlan {
  readonly policy: "maglev";
  /** A prime, default 65537. */
  readonly tableSize: number;
}

export interface ConsistentHashingPlan {
  /** `use_hostname_for_hashing`. */
  readonly useHostname: boolean;
  /** `hash_balance_factor` in percent, 0 = loads are not bounded. */
  readonly balanceFactor: number;
}

/** The request or its connection says where it goes. */
export interface OriginalDstPlan {
  readonly policy: "original-dst";
  /** Header that names the destination (lower-case); "" = none does. */
  readonly header: string;
  /** `metadata_key`: where dynamic metadata names it, which comes before the header; null = nowhere. */
  readonly metadata: { readonly namespace: string; readonly path: readonly string[] } | null;
  /** `upstream_port_override`, 0 = the destination's port. */
  readonly port: number;
  /** `cleanup_interval`, default 5 s. */
  readonly cleanupMs: number;
}

/** Requests go to the host that they name (`envoy.clusters.dynamic_forward_proxy`). */
export interface ForwardingPlan {
  readonly policy: "forwarding";
  readonly cache: DnsCachePlan;
}

/** `lb_subset_config`: requests ask for hosts with certain `envoy.lb` metadata. */
export interface SubsetPlan {
  /** Where there are no such hosts. */
  readonly fallback: "none" | "any" | "default";
  /** The metadata of its hosts; values as `valueText`. */
  readonly defaultSubset: readonly (readonly [name: string, text: string])[];
  readonly selectors: readonly SubsetSelectorPlan[];
  /** Otherwise localities have no weights within a subset. */
  readonly localityWeightAware: boolean;
  readonly scaleLocalityWeight: boolean;
  /** Any host before none. */
  readonly panicModeAny: boolean;
  /** A host with a list of values has each of them. */
  readonly listAsAny: boolean;
  /** `metadata_fallback_policy`: what a request asks for may have alternatives. */
  readonly fallbackList: boolean;
}

export interface SubsetSelectorPlan {
  /** Sorted. */
  readonly keys: readonly string[];
  readonly fallback: "as the cluster" | "none" | "any" | "default" | "keys";
  readonly fallbackKeys: ReadonlySet<string>;
  readonly singleHost: boolean;
}

export interface SlowStartPlan {
  readonly windowMs: number;
  /** Default 1. */
  readonly aggression: RuntimeRef<number>;
  /** Part of the weight at least, default 0.1. */
  readonly minWeight: number;
}

export interface LocalityRoutingPlan {
  /** `locality_weighted_lb_config`. */
  readonly weighted: boolean;
  /** Has an effect where the bootstrap names the proxies' own cluster, but for panic. */
  readonly zoneAware: ZoneAwarePlan;
}

export interface ZoneAwarePlan {
  /** In percent, default 100. */
  readonly routingEnabled: number;
  /** Default 6. */
  readonly minClusterSize: number;
  readonly failTrafficOnPanic: boolean;
}

/** `health_checks` and what else says how a cluster's hosts are checked; Envoy's defaults at each. */
export interface HealthCheckPlan {
  readonly timeoutMs: number;
  readonly intervalMs: number;
  readonly initialJitterMs: number;
  readonly intervalJitterMs: number;
  readonly intervalJitterPercent: number;
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
  readonly reuseConnection: boolean;
  readonly noTrafficIntervalMs: number;
  readonly noTrafficHealthyIntervalMs: number;
  readonly unhealthyIntervalMs: number;
  readonly unhealthyEdgeIntervalMs: number;
  readonly healthyEdgeIntervalMs: number;
  /** `ignore_new_hosts_until_first_hc`: new hosts do not count before their first result. */
  readonly excludesNewHosts: boolean;
  /** `ignore_health_on_host_removal`: hosts that discovery no longer has go even if they are well. */
  readonly removesHealthyHosts: boolean;
  readonly probe: HttpProbePlan | GrpcProbePlan | TcpProbePlan;
}

export interface HttpProbePlan {
  readonly protocol: "http";
  /** "" = the cluster's name. */
  readonly host: string;
  readonly path: string;
  readonly method: string;
  readonly headers: ProbeHeaders;
  /** Null: it is sent over HTTP/1.1. */
  readonly http2: Http2Options | null;
  readonly expected: readonly StatusRange[];
  readonly retriable: readonly StatusRange[];
}

export interface GrpcProbePlan {
  readonly protocol: "grpc";
  /** `authority`; "" = the cluster's name. */
  readonly host: string;
  readonly headers: ProbeHeaders;
  readonly http2: Http2Options;
  /** Of the request: a HealthCheckRequest as gRPC frames it. */
  readonly body: Uint8Array;
}

/** All of them, in their order. */
export type ProbeHeaders = readonly (readonly [name: string, value: string])[];

/** `end` is the first that is not in it. */
export interface StatusRange {
  readonly start: number;
  readonly end: number;
}

/** Latin1 texts. */
export interface TcpProbePlan {
  readonly protocol: "tcp";
  readonly send: string;
  /** Empty: a connection is enough. */
  readonly receive: readonly string[];
}

/** An endpoint's `health_check_config`; "" and 0 where it says nothing. */
export interface EndpointCheckPlan {
  readonly disabled: boolean;
  readonly address: string;
  readonly port: number;
  readonly hostname: string;
}

/** `outlier_detection`; Envoy's defaults at each. Percentages are whole numbers. */
export interface OutlierDetectionPlan {
  /** 10 s. */
  readonly intervalMs: number;
  /** 30 s. */
  readonly baseEjectionMs: number;
  /** 300 s, or the base if that is longer. */
  readonly maxEjectionMs: number;
  /** 0. */
  readonly maxEjectionJitterMs: number;
  /** 10 %. */
  readonly maxEjectionPercent: number;
  /** false. */
  readonly alwaysEjectOneHost: boolean;
  /** false: what fails on our side counts as a status of the host's. */
  readonly splitLocalOrigin: boolean;
  /** true. */
  readonly healthCheckUnejects: boolean;
  /** 5, 5, 5; 0 never happens. */
  readonly consecutive5xx: number;
  readonly consecutiveGatewayFailure: number;
  readonly consecutiveLocalOriginFailure: number;
  /** 5 hosts, 100 requests, 1.9. */
  readonly successRate: { readonly minHosts: number; readonly minRequests: number; readonly stdevFactor: number };
  /** 5 hosts, 50 requests, 85 %. */
  readonly failurePercentage: { readonly minHosts: number; readonly minRequests: number; readonly threshold: number };
  /** How many of 100 detections have consequences. */
  readonly enforcing: Readonly<Record<EjectionType, number>>;
  /** Which responses are errors, in place of 5xx; null: 5xx are. */
  readonly errorMatcher: ResponseTest | null;
}

/** Envoy `OutlierEjectionType` (`envoy/data/cluster/v3/outlier_detection_event.proto`). */
export type EjectionType =
  | "CONSECUTIVE_5XX"
  | "CONSECUTIVE_GATEWAY_FAILURE"
  | "SUCCESS_RATE"
  | "CONSECUTIVE_LOCAL_ORIGIN_FAILURE"
  | "SUCCESS_RATE_LOCAL_ORIGIN"
  | "FAILURE_PERCENTAGE"
  | "FAILURE_PERCENTAGE_LOCAL_ORIGIN";

/** Envoy `RoutingPriority`: 0 = DEFAULT, 1 = HIGH. Each has circuit breakers and connections of its own. */
export type RoutingPriority = 0 | 1;

/** Envoy's defaults 1024, 1024, 1024, 3. */
export interface CircuitBreakerPlan {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
  /** Default no limit, both. */
  readonly maxConnectionPools: number;
  readonly maxConnectionsPerHost: number;
  /** In place of `maxRetries`. */
  readonly retryBudget: RetryBudgetPlan | null;
  /** `track_remaining`: gauges of what is left. */
  readonly trackRemaining: boolean;
}

/** Of the requests under way and waiting; defaults 20 % and 3. */
export interface RetryBudgetPlan {
  readonly percent: number;
  readonly minConcurrency: number;
}

/** Where an endpoint is; endpoints of a place share one. */
export interface LocalityPlan {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  /** `load_balancing_weight`, 0 if none. */
  readonly weight: number;
}

/** What an assignment says of all its endpoints. */
export interface EndpointPolicy {
  /** In percent, default 140. */
  readonly overprovisioningFactor: number;
  /** A priority's health is that of its hosts by weight, not by number. */
  readonly weightedPriorityHealth: boolean;
}

/** A ClusterLoadAssignment, compiled. */
export interface Assignment {
  readonly endpoints: readonly EndpointPlan[];
  readonly policy: EndpointPolicy;
}

export interface EndpointPlan {
  readonly address: string;
  /** All addresses of a name that is one endpoint, `address` first: they are tried in turn. Empty: there is one. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly hostname: string;
  /** ≥ 1, default 1. */
  readonly weight: number;
  readonly health: "healthy" | "degraded" | "unhealthy" | "draining";
  /** 0 is asked first. */
  readonly priority: number;
  readonly locality: LocalityPlan;
  /** `envoy.lb` metadata: `hash_key` ("" if absent) and `canary`. */
  readonly hashKey: string;
  readonly canary: boolean;
  readonly metadata: Metadata;
  /** Istio's `filter_metadata.istio.workload`, raw; "" if absent. */
  readonly workload: string;
  /** Null: it is checked as its cluster is. */
  readonly healthCheck: EndpointCheckPlan | null;
}
