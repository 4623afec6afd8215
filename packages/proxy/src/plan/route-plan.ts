/**
 * The plan: xDS messages compiled once, when configuration arrives, into immutable objects of fixed shape that the hot path reads.
 *
 * Everything that a request could make the proxy parse, look up by name or decide about an option is decided here. A new plan
 * replaces the old one by one assignment (`RouteConfigRef.current`, `ClusterRef.current`); exchanges in flight keep what they
 * started with. Defaults are Envoy's (docs: api-v3 protos), stated at each field. Times are milliseconds, 0 = disabled.
 */
import type { ClusterRef, RoutingPriority } from "./cluster-plan.ts";
import type { Format } from "./format/format.ts";
import type { Metadata } from "./format/stream-info.ts";
import type { HashPolicy } from "./hash-policy.ts";
import type { FilterConfigs } from "./listener-plan.ts";
import type { MetadataMatch } from "./metadata-match.ts";
import type { RouteRateLimits } from "./rate-limits.ts";
import type { RuntimeFraction, RuntimeRef } from "./runtime-values.ts";
import type { RequestTest, RequestView, ResponseTest } from "./request-views.ts";
import type { RouteCounting } from "./virtual-clusters.ts";
import type { Slowness } from "./slowness.ts";
import type { DecoratorPlan, RouteTracingPlan } from "./tracing-plan.ts";

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
  /** Null: only its cluster counts a request. */
  readonly counting: RouteCounting | null;
  readonly decorator: DecoratorPlan | null;
  /** The one thing in it that changes: how long its requests take. */
  readonly slowness: Slowness;
}

export interface RouteAction {
  readonly kind: "forward";
  /** One entry for a plain `cluster`. Pick by `random` × totalWeight. */
  readonly clusters: readonly WeightedClusterPlan[];
  readonly totalWeight: number;
  /** `runtime_key_prefix`: the weights of the clusters as they are now; null: as configured. */
  readonly runtimeWeights: readonly RuntimeRef<number>[] | null;
  /** `weighted_clusters.header_name` (lower-case): the request header whose number chooses in place of chance; "" if unused. */
  readonly drawHeader: string;
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
  /** Which hosts of a cluster with subsets; null: any. */
  readonly metadataMatch: MetadataMatch | null;
  /** Null: nothing of a request decides on its host. */
  readonly hashPolicy: HashPolicy | null;
  /** The route's, else the virtual host's; null = none. */
  readonly retryPolicy: RetryPolicyPlan | null;
  /** `hedge_policy.hedge_on_per_try_timeout`: a slow attempt goes on beside the next one. */
  readonly hedgesOnPerTryTimeout: boolean;
  readonly mirrors: readonly MirrorPlan[];
  /** Null: redirects are the client's. */
  readonly internalRedirects: InternalRedirectPlan | null;
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
  /** `retry_host_predicate`: which hosts another attempt does not go to; null: all are as good as each other. */
  readonly avoid: AvoidedHosts | null;
  /** How often another host is picked because the first was tried before. */
  readonly hostSelectionMaxAttempts: number;
}

/** `envoy.retry_host_predicates.…` */
export interface AvoidedHosts {
  /** `previous_hosts` */
  readonly previous: boolean;
  /** `omit_canary_hosts` */
  readonly canaries: boolean;
  /** `omit_host_metadata`; null: whatever they have. */
  readonly having: ((metadata: Metadata) => boolean) | null;
}

/** Response headers that say when to try again. */
export interface RateLimitedBackOff {
  readonly headers: readonly { readonly name: string; readonly format: "seconds" | "unix-timestamp" }[];
  readonly maxMs: number;
}

/** `internal_redirect_policy`: which redirects are followed in place of the client. */
export interface InternalRedirectPlan {
  readonly statuses: readonly number[];
  /** Of one request, whichever routes they came to. */
  readonly max: number;
  readonly allowsOtherScheme: boolean;
  /** All of them must agree with the route that a redirect leads to. */
  readonly predicates: readonly RedirectPredicate[];
  /** Lower-case; headers of the redirect for the request that follows it. */
  readonly copiedHeaders: readonly string[];
}

/** `allow_listed_routes`: by their names; `previous_routes`: from this route to each other but once; `safe_cross_scheme`: never from http to https. */
export type RedirectPredicate =
  | { readonly kind: "allow-listed-routes"; readonly names: ReadonlySet<string> }
  | { readonly kind: "previous-routes" }
  | { readonly kind: "safe-cross-scheme" };

/** Where a copy of the request goes. */
export interface MirrorPlan {
  /** Null: the cluster that the request header `clusterHeader` names. */
  readonly cluster: ClusterRef | null;
  readonly clusterHeader: string;
  readonly fraction: RuntimeFraction;
  /** The host gets `-shadow`. */
  readonly appendShadow: boolean;
  /** `trace_sampled`: whether the copy's span is reported; null: if the request's is. */
  readonly traceSampled: boolean | null;
}

export interface WeightedClusterPlan {
  /** Not there (`NO_CLUSTER`) where `clusterHeader` names it. */
  readonly cluster: ClusterRef;
  /** `cluster_header` (lower-case); "" if unused. */
  readonly clusterHeader: string;
  readonly weight: number;
  readonly requestHeaders: readonly HeaderMutation[];
  readonly responseHeaders: readonly HeaderMutation[];
  /** "" for none. */
  readonly rewriteHost: string;
  /** Merged with the route's; null: the route's hold. */
  readonly filterConfigs: FilterConfigs | null;
  /** Likewise. */
  readonly metadataMatch: MetadataMatch | null;
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
