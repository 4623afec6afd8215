/**
 * The plan: xDS messages compiled once, when configuration arrives, into immutable objects of fixed shape that the hot path reads.
 *
 * Everything that a request could make the proxy parse, look up by name or decide about an option is decided here. A new plan
 * replaces the old one by one assignment (`RouteConfigRef.current`, `ClusterRef.current`); exchanges in flight keep what they
 * started with. Defaults are Envoy's (docs: api-v3 protos), stated at each field. Times are milliseconds, 0 = disabled.
 */
import type { Cluster } from "../upstream/cluster.ts";
import type { StreamTest } from "./access-log-filters.ts";
import type { Format } from "./format/format.ts";
import type { ListenerInfo, Metadata } from "./format/stream-info.ts";
import type { LocalReplyPlan } from "./local-reply-config.ts";
import type { DnsCachePlan } from "./compile-dns-cache.ts";
import type { HashPolicy } from "./hash-policy.ts";
import type { AddressTest } from "./cidr.ts";
import type { RouteRateLimits } from "./rate-limits.ts";
import type { DecoratorPlan, RequestIdPlan, RouteTracingPlan, TracingPlan } from "./tracing-plan.ts";

/** What matchers, rewrites and header values may read of a request. Pseudo-headers are properties; names are lower-case. */
export interface RequestView {
  readonly method: string;
  /** Path and query as they will be forwarded (after normalisation). */
  readonly path: string;
  readonly authority: string;
  readonly scheme: string;
  /** The client's address as trusted proxies before us tell it; "" where it is the connection's peer. */
  readonly forwardedFor: string;
  /** Value of a header (lower-case name), repeated lines joined with ","; undefined if absent. */
  header(name: string): string | undefined;
  /** Whether one of a header's lines passes, each by itself; undefined if there is none. */
  someHeader(name: string, test: (value: string) => boolean): boolean | undefined;
}

/** A condition that a request meets or not. */
export interface RequestTest {
  matches(request: RequestView): boolean;
}

/** What matchers may read of a response. */
export interface ResponseView {
  readonly status: number;
  header(name: string): string | undefined;
  someHeader(name: string, test: (value: string) => boolean): boolean | undefined;
}

export interface ResponseTest {
  matches(response: ResponseView): boolean;
}

/** Connection facts that header values may name (`%DOWNSTREAM_REMOTE_ADDRESS%` …). */
export interface ConnectionView {
  /** `%CONNECTION_ID%` */
  readonly id: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** `10.0.0.1:80`, `[::1]:80`. */
  readonly remoteName: string;
  readonly localAddress: string;
  readonly localPort: number;
  readonly localName: string;
}

export interface ListenerPlan {
  readonly name: string;
  readonly address: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  /** Under which the listener counts; "" for its address. */
  readonly statPrefix: string;
  /** Envoy `traffic_direction`. */
  readonly direction: "unspecified" | "inbound" | "outbound";
  /** `drain_type` DEFAULT: connections end once this proxy is to fail its health checks, not only when the listener goes. */
  readonly drainsWhenFailing: boolean;
  /** `per_connection_buffer_limit_bytes`, default 1 MiB. High watermark; the low one is half of it. */
  readonly bufferLimitBytes: number;
  readonly connectionManager: HttpConnectionManagerPlan;
  /** Equal strings mean equal configuration: an unchanged listener is left alone. */
  readonly fingerprint: string;
}

/** Envoy `path_with_escaped_slashes_action`. */
export type EscapedSlashes = "keep" | "reject" | "unescape-and-redirect" | "unescape-and-forward";

export interface HttpConnectionManagerPlan {
  readonly statPrefix: string;
  /** `server_name`, default "envoy". */
  readonly serverName: string;
  readonly serverHeader: "overwrite" | "append-if-absent" | "pass-through";
  readonly useRemoteAddress: boolean;
  readonly xffNumTrustedHops: number;
  readonly skipXffAppend: boolean;
  /** `internal_address_config`: who may steer the proxy by x-envoy headers; null = nobody. */
  readonly isInternal: AddressTest | null;
  /** `append_x_forwarded_port`. */
  readonly appendXForwardedPort: boolean;
  /** `scheme_header_transformation`, "" for none. */
  readonly schemeToOverwrite: string;
  /** Header classes (codec/header-names.ts) that are removed from every request, whoever sends it. */
  readonly neverAccepted: number;
  /** `add_user_agent`: what requests say about this proxy; null = nothing. */
  readonly userAgent: { readonly cluster: string; readonly node: string } | null;
  readonly via: string;
  /** `generate_request_id`, default true. */
  readonly generateRequestId: boolean;
  readonly requestIds: RequestIdPlan;
  readonly preserveExternalRequestId: boolean;
  readonly alwaysSetRequestIdInResponse: boolean;
  readonly normalizePath: boolean;
  readonly mergeSlashes: boolean;
  readonly escapedSlashes: EscapedSlashes;
  readonly stripPort: "none" | "matching" | "any";
  readonly stripTrailingHostDot: boolean;
  readonly headersWithUnderscores: "allow" | "reject" | "drop";
  /** `http_protocol_options.accept_http_10`. */
  readonly acceptHttp10: boolean;
  readonly defaultHostForHttp10: string;
  readonly enableTrailers: boolean;
  /** `header_key_format.proper_case_words`. */
  readonly properCase: boolean;
  /** `allow_absolute_url`, default true. */
  readonly allowAbsoluteUrl: boolean;
  readonly refusesHttpsUrl: boolean;
  readonly allowChunkedLength: boolean;
  readonly proxy100Continue: boolean;
  /** `max_request_headers_kb` × 1024, default 60 KiB. */
  readonly maxRequestHeadersBytes: number;
  /** `max_headers_count`, default 100. */
  readonly maxRequestHeadersCount: number;
  /** 0 = no limit. */
  readonly maxRequestsPerConnection: number;
  /** Default 1 h. */
  readonly idleTimeoutMs: number;
  readonly maxConnectionDurationMs: number;
  /** Default 5 min. */
  readonly streamIdleTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly requestHeadersTimeoutMs: number;
  readonly maxStreamDurationMs: number;
  /** Default 5 s. */
  readonly drainTimeoutMs: number;
  /** Default 1 s. */
  readonly delayedCloseTimeoutMs: number;
  /** Router: `suppress_envoy_headers`. */
  readonly suppressEnvoyHeaders: boolean;
  /** Router: `respect_expected_rq_timeout`. */
  readonly respectExpectedRqTimeout: boolean;
  readonly listener: ListenerInfo;
  /** Null: local replies are as they are. */
  readonly localReplies: LocalReplyPlan | null;
  readonly accessLogs: readonly AccessLogPlan[];
  /** Whether there is a line for a request that has just been routed, too; for a tunnel that has just been opened. */
  readonly logsNewRequests: boolean;
  readonly logsNewTunnels: boolean;
  /** And one every so often while it goes on; 0 = never. */
  readonly accessLogIntervalMs: number;
  /** Null: requests are not traced. */
  readonly tracing: TracingPlan | null;
  readonly routes: RouteConfigRef;
  /** `upgrade_configs`: lower-case protocol → allowed, where the route says nothing. */
  readonly upgrades: ReadonlyMap<string, boolean>;
  /** HTTP filters in configuration order, the router left out. */
  readonly filters: readonly HttpFilterPlan[];
}

export interface AccessLogPlan {
  /** `/dev/stdout` and `/dev/stderr` are the proxy's own, whatever they are. */
  readonly path: string;
  readonly format: Format;
  /** Null: every stream is logged. */
  readonly filter: StreamTest | null;
}

/** A filter before the router: `typeName` selects the implementation in http/filters, `config` is what its compile step made. */
export interface HttpFilterPlan {
  readonly name: string;
  /** Message type of its configuration. */
  readonly typeName: string;
  /** `HttpFilter.disabled`: off unless a route switches it on. */
  readonly disabled: boolean;
  readonly config: unknown;
}

/** What a route says for one filter. */
export interface RouteFilterConfig {
  /** Message type of `config`: a filter of another type does not see it. "" if there is none. */
  readonly typeName: string;
  readonly disabled: boolean;
  readonly config: unknown;
}

/** By filter name, the levels of a route merged. */
export type FilterConfigs = ReadonlyMap<string, RouteFilterConfig>;

/** A listener's hold on its route configuration; RDS and VHDS swap `current`. Null = not delivered: 404, `route_configuration_not_found`. */
export interface RouteConfigRef {
  readonly name: string;
  current: RouteTable | null;
}

export interface RouteTable {
  readonly name: string;
  /** `ignore_path_parameters_in_path_matching`, for filters that match paths. */
  readonly ignoresPathParameters: boolean;
  /** There is but one virtual host, and it takes all: nobody asks for the Host. */
  readonly takesAll: boolean;
  /**
   * The route for a request, or null (404, `route_not_found`). `random` is 64 bits' worth in [0, 1): runtime fractions and weights
   * use it. `require_tls` and the like appear as redirect routes.
   */
  route(request: RequestView, random: number): RoutePlan | null;
}

export interface RoutePlan {
  /** `Route.name`, "" if none. */
  readonly name: string;
  readonly virtualHost: string;
  readonly metadata: Metadata;
  readonly virtualHostMetadata: Metadata;
  readonly action: RouteAction | RedirectAction | DirectResponseAction;
  /** In order of application (weighted cluster's come on top, see WeightedClusterPlan). */
  readonly requestHeaders: readonly HeaderMutation[];
  readonly responseHeaders: readonly HeaderMutation[];
  /** Null if no level has any. */
  readonly filterConfigs: FilterConfigs | null;
  /** `include_request_attempt_count`, `include_attempt_count_in_response`, `include_is_timeout_retry_header` of the virtual host. */
  readonly attemptCountInRequest: boolean;
  readonly attemptCountInResponse: boolean;
  readonly isTimeoutRetryHeader: boolean;
  /** How much of a body is kept for another attempt; -1 = the listener's buffer limit. */
  readonly requestBufferLimitBytes: number;
  /** Null: the connection manager's tracing holds as it is. */
  readonly tracing: RouteTracingPlan | null;
  readonly decorator: DecoratorPlan | null;
}

export interface RouteAction {
  readonly kind: "forward";
  /** One entry for a plain `cluster`. Pick by `random` × totalWeight. */
  readonly clusters: readonly WeightedClusterPlan[];
  readonly totalWeight: number;
  /** `cluster_header` (lower-case): the request header that names the cluster; "" if unused. */
  readonly clusterHeader: string;
  /** `cluster_not_found_response_code`, default 503. */
  readonly clusterNotFoundStatus: number;
  /** Route `timeout`, default 15 s. */
  readonly timeoutMs: number;
  /** Route `idle_timeout`; -1 = inherit the connection manager's stream idle timeout. */
  readonly idleTimeoutMs: number;
  /** New path for a path (query included), null or "" = unchanged. Sets x-envoy-original-path. */
  readonly rewritePath: ((path: string) => string) | null;
  /** New authority, null or "" = unchanged. */
  readonly rewriteHost: ((request: RequestView) => string) | null;
  /** `auto_host_rewrite`: the chosen endpoint's hostname replaces the authority. */
  readonly autoHostRewrite: boolean;
  readonly appendXForwardedHost: boolean;
  readonly priority: RoutingPriority;
  /** Null: nothing of a request decides on its host. */
  readonly hashPolicy: HashPolicy | null;
  /** The route's, else the virtual host's; null = none. */
  readonly retryPolicy: RetryPolicyPlan | null;
  /** `hedge_policy.hedge_on_per_try_timeout`: a slow attempt goes on beside the next one. */
  readonly hedgesOnPerTryTimeout: boolean;
  readonly mirrors: readonly MirrorPlan[];
  /** `max_stream_duration.max_stream_duration`; 0 = none, -1 = the connection manager's. */
  readonly maxStreamDurationMs: number;
  /** The most that `grpc-timeout` may make of that (0 = anything); -1: the header is not looked at. */
  readonly grpcTimeoutHeaderMaxMs: number;
  readonly grpcTimeoutHeaderOffsetMs: number;
  /** The most that `grpc-timeout` may ask for (0 = anything); -1: the header is not looked at. */
  readonly maxGrpcTimeoutMs: number;
  readonly grpcTimeoutOffsetMs: number;
  /** Null: neither the route nor its virtual host has any. */
  readonly rateLimits: RouteRateLimits | null;
  /** `upgrade_configs`: lower-case protocol → allowed; null = the connection manager decides alone. */
  readonly upgrades: ReadonlyMap<string, boolean> | null;
  /** `connect_config`: requests whose HTTP ends here. */
  readonly tunnels: "none" | "connect" | "connect-and-post";
}

export interface RetryPolicyPlan {
  /** Conditions, `RetryOn` bits. */
  readonly retryOn: number;
  readonly numRetries: number;
  /** 0 = none. */
  readonly perTryTimeoutMs: number;
  readonly perTryIdleTimeoutMs: number;
  readonly retriableStatusCodes: readonly number[];
  readonly retriableHeaders: readonly ResponseTest[];
  /** Where there are any, one must match for the request to be retried at all. */
  readonly retriableRequestHeaders: readonly RequestTest[];
  readonly backOffBaseMs: number;
  readonly backOffMaxMs: number;
  readonly rateLimited: RateLimitedBackOff | null;
  /** `envoy.retry_priorities.previous_priorities`: so many attempts before its priority is left out; 0 = it never is. */
  readonly previousPrioritiesFrequency: number;
  /** `envoy.retry_host_predicates.previous_hosts`. */
  readonly avoidPreviousHosts: boolean;
  /** How often another host is picked because the first was tried before. */
  readonly hostSelectionMaxAttempts: number;
}

/** Response headers that say when to try again. */
export interface RateLimitedBackOff {
  readonly headers: readonly { readonly name: string; readonly format: "seconds" | "unix-timestamp" }[];
  readonly maxMs: number;
}

/** Where a copy of the request goes. */
export interface MirrorPlan {
  /** Null: the cluster that the request header `clusterHeader` names. */
  readonly cluster: ClusterRef | null;
  readonly clusterHeader: string;
  /** In [0, 1]. */
  readonly fraction: number;
  /** The host gets `-shadow`. */
  readonly appendShadow: boolean;
  /** `trace_sampled`: whether the copy's span is reported; null: if the request's is. */
  readonly traceSampled: boolean | null;
}

export interface WeightedClusterPlan {
  readonly cluster: ClusterRef;
  readonly weight: number;
  readonly requestHeaders: readonly HeaderMutation[];
  readonly responseHeaders: readonly HeaderMutation[];
  /** "" for none. */
  readonly rewriteHost: string;
  /** Merged with the route's; null: the route's hold. */
  readonly filterConfigs: FilterConfigs | null;
}

export interface RedirectAction {
  readonly kind: "redirect";
  readonly status: number;
  /** What becomes of the request's own path, which logs tell; null if nothing does. */
  readonly rewritePath: ((path: string) => string) | null;
  /** Of the request as it came. */
  location(request: RequestView): string;
}

export interface DirectResponseAction {
  readonly kind: "direct";
  readonly status: number;
  /** latin1 text of the body bytes. */
  readonly body: string;
}

/** One step; a list is applied in order. Names are lower-case. */
export type HeaderMutation =
  | { readonly op: "remove"; readonly name: string }
  | {
      readonly op: "append" | "add-if-absent" | "overwrite" | "overwrite-if-exists";
      readonly name: string;
      /** The literal value, or null if `format` must be asked. */
      readonly value: string | null;
      readonly format: Format | null;
      readonly keepEmpty: boolean;
      /** So many from this one on are evaluated before any of them is applied; 0: each as it comes. */
      readonly together: number;
    };

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
  /** Default 5 s. */
  readonly connectTimeoutMs: number;
  readonly bufferLimitBytes: number;
  /** 0 = no limit. */
  readonly maxRequestsPerConnection: number;
  /** Upstream `idle_timeout`, default 1 h. */
  readonly idleTimeoutMs: number;
  readonly maxConnectionDurationMs: number;
  /** `tcp_keepalive`: how long a connection is idle before the kernel asks whether it is still there. 0 = its default, -1 = it never does. */
  readonly tcpKeepaliveMs: number;
  /** `max_stream_duration` of `common_http_protocol_options`; 0 = none. */
  readonly maxStreamDurationMs: number;
  /** `max_response_headers_kb` × 1024, default 80 KiB; `max_headers_count`, default 100. */
  readonly maxResponseHeadersBytes: number;
  readonly maxResponseHeadersCount: number;
  /** `enable_trailers` of the HTTP/1 options. */
  readonly enableTrailers: boolean;
  /** `header_key_format.proper_case_words`. */
  readonly properCase: boolean;
  /** By routing priority. */
  readonly thresholds: readonly [CircuitBreakerPlan, CircuitBreakerPlan];
  readonly outlierDetection: OutlierDetectionPlan | null;
  readonly healthCheck: HealthCheckPlan | null;
  /** In percent; default 50, 0 = never panic. */
  readonly healthyPanicThreshold: number;
  readonly metadata: Metadata;
  /** Istio's `filter_metadata.istio.services[0]`, for mesh metrics. */
  readonly service: { readonly host: string; readonly name: string; readonly namespace: string } | null;
  readonly fingerprint: string;
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
  readonly activeRequestBias: number;
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

export interface SlowStartPlan {
  readonly windowMs: number;
  /** Default 1. */
  readonly aggression: number;
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
  readonly probe: HttpProbePlan | TcpProbePlan;
}

export interface HttpProbePlan {
  readonly protocol: "http";
  /** "" = the cluster's name. */
  readonly host: string;
  readonly path: string;
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly expected: readonly StatusRange[];
  readonly retriable: readonly StatusRange[];
}

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
