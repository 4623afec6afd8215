/** The kinds of data plane we serve, and what each can be sent. */
import { Cluster_LbPolicy as LbPolicy } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { HttpCarrier } from "../model/service.ts";
import { STANDARD_METRICS, type WorkloadMetrics } from "../model/telemetry-metrics.ts";
import { rememberByObject } from "../model/sharing.ts";

export type DataPlane = "tulle" | "envoy" | "grpc";

/** Parts of clusters and assignments that not every data plane takes. */
export type ClusterFeature =
  | "outlier detection"
  /** Statuses that count as errors, in place of 5xx. */
  | "outlier detection by status codes"
  | "warm-up"
  /** Priorities, and weights of localities. */
  | "localities"
  | "retry budgets"
  /** Retry budgets that count requests over a while. */
  | "retry budgets of intervals"
  | "TCP keepalive"
  | "maximum connection duration"
  /** Gauges of what circuit breakers leave. */
  | "remaining gauges";

/** Parts of routes and connection managers that not every data plane takes. */
type HttpFeature =
  /** Retries go to another priority than before. */
  | "retry priorities"
  /** Counts of single routes. */
  | "route statistics"
  | "access logs"
  /** Logs only what a CEL expression is true of. */
  | "access log filters"
  /** With all that Envoy knows of a request. */
  | "all attributes in access log filters"
  | "rate limits"
  | "tracing"
  /** Takes from its node who it is, and decides at the end of requests as well. (packages/xds/proto/tulle/tracers) */
  | "traces by node"
  /** Single requests within budgets, in a log of our own. */
  | "request log";

/** What it can be told of identities. */
type SecurityFeature =
  /** RBAC. */
  | "authorization"
  /** CUSTOM policies. */
  | "external authorization"
  /** By authorizers that speak gRPC, of connections that are not read as HTTP as well. */
  | "external authorization by gRPC"
  /** Of connections that are not read as HTTP. */
  | "network authorization"
  /** RequestAuthentications. */
  | "tokens"
  | "mutual TLS";

/** `mesh_stats` are the standard metrics, in Istio's filter that has no published proto. */
export type HttpFilterKind =
  | "grpc_stats"
  | "fault"
  | "cors"
  | "mesh_stats"
  | "dynamic_forward_proxy"
  | "fallback"
  | "stateful_session"
  | "custom_response";

export interface Capabilities {
  /** Tells sets of capabilities apart. */
  readonly id: string;
  /** Its workload's connections are captured: they go where their addresses say, unless a listener knows better. */
  readonly captured: boolean;
  /** Takes each virtual host as a resource of its own instead of inside its RouteConfiguration. */
  readonly virtualHostDiscovery: boolean;
  /** Asks for listeners by service name and opens no ports. */
  readonly apiListeners: boolean;
  /** How it can talk to endpoints. */
  readonly carriers: readonly HttpCarrier[];
  /** HTTP filters that it has, in the order that they run in. */
  readonly httpFilters: readonly HttpFilterKind[];
  /** Protocols that a connection may be upgraded to. */
  readonly upgrades: readonly string[];
  /** Takes a route's timeout from `max_stream_duration`, as gRPC clients do. */
  readonly maxStreamDuration: boolean;
  /** In place of any other it gets LEAST_REQUEST if it has that, else ROUND_ROBIN. */
  readonly balancers: ReadonlySet<LbPolicy>;
  readonly clusterFeatures: ReadonlySet<ClusterFeature>;
  /** How it can find the endpoints of a cluster. */
  readonly discoveries: ReadonlySet<Discovery>;
  readonly httpFeatures: ReadonlySet<HttpFeature>;
  readonly security: ReadonlySet<SecurityFeature>;
  /** Which of the standard metrics its workload has. */
  readonly metrics: WorkloadMetrics;
}

/**
 * `eds`: they are told; the next look names up, those of the cluster or the one in each request; `original destination`: the client has
 * found one itself.
 */
export type Discovery = "eds" | "strict-dns" | "logical-dns" | "by request" | "original destination";

const { ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH, MAGLEV } = LbPolicy;

const ALL_SECURITY: ReadonlySet<SecurityFeature> = new Set([
  "authorization",
  "external authorization",
  "external authorization by gRPC",
  "network authorization",
  "tokens",
  "mutual TLS",
]);

// What Envoy and our own proxy both have.
const BALANCERS = new Set([ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH, MAGLEV]);
const DISCOVERIES: Capabilities["discoveries"] = new Set(["eds", "strict-dns", "logical-dns", "by request"]);
const CLUSTER_FEATURES: readonly ClusterFeature[] = [
  "outlier detection",
  "outlier detection by status codes",
  "warm-up",
  "localities",
  "retry budgets",
  "TCP keepalive",
  "maximum connection duration",
  "remaining gauges",
];

export const CAPABILITIES: Readonly<Record<DataPlane, Capabilities>> = {
  tulle: {
    id: "tulle",
    captured: false,
    virtualHostDiscovery: true,
    apiListeners: false,
    carriers: ["http1", "http2"],
    httpFilters: ["fault", "cors", "mesh_stats", "fallback", "dynamic_forward_proxy"],
    upgrades: ["websocket"],
    maxStreamDuration: false,
    balancers: BALANCERS,
    clusterFeatures: new Set(CLUSTER_FEATURES),
    discoveries: DISCOVERIES,
    httpFeatures: new Set([
      "retry priorities",
      "route statistics",
      "access logs",
      "access log filters",
      "rate limits",
      "tracing",
      "traces by node",
      "request log",
    ]),
    security: ALL_SECURITY,
    metrics: STANDARD_METRICS,
  },
  envoy: {
    id: "envoy",
    captured: false,
    virtualHostDiscovery: false,
    apiListeners: false,
    carriers: ["http1", "http2"],
    httpFilters: ["grpc_stats", "custom_response", "fault", "cors", "dynamic_forward_proxy"],
    upgrades: ["websocket"],
    maxStreamDuration: false,
    balancers: BALANCERS,
    clusterFeatures: new Set([...CLUSTER_FEATURES, "retry budgets of intervals"]),
    discoveries: DISCOVERIES,
    httpFeatures: new Set([
      "retry priorities",
      "route statistics",
      "access logs",
      "access log filters",
      "all attributes in access log filters",
      "rate limits",
      "tracing",
    ]),
    security: ALL_SECURITY,
    metrics: STANDARD_METRICS,
  },
  grpc: {
    id: "grpc",
    captured: false,
    virtualHostDiscovery: false,
    apiListeners: true,
    carriers: ["http1", "http2"],
    // It refuses filters that it does not know. (@grpc/grpc-js-xds http-filter/)
    httpFilters: ["fault"],
    upgrades: [],
    maxStreamDuration: true,
    // By Envoy's old enum it takes no others. (@grpc/grpc-js-xds cluster-resource-type.ts)
    balancers: new Set([ROUND_ROBIN, RING_HASH]),
    clusterFeatures: new Set(["outlier detection", "localities"]),
    discoveries: new Set(["eds", "logical-dns"]),
    httpFeatures: new Set(),
    security: new Set(),
    metrics: STANDARD_METRICS,
  },
};

/** Virtual hosts cannot be resources of their own in the state-of-the-world protocol. (Envoy docs, "VHDS") */
const TULLE_STATE_OF_THE_WORLD: Capabilities = { ...CAPABILITIES.tulle, id: "tulle-sotw", virtualHostDiscovery: false };

/** @param captured whether it gets connections by redirection */
export function capabilitiesOf(dataPlane: DataPlane, delta: boolean, captured: boolean): Capabilities {
  const free = dataPlane === "tulle" && !delta ? TULLE_STATE_OF_THE_WORLD : CAPABILITIES[dataPlane];
  return captured ? whereCaptured(free) : free;
}

const whereCaptured = rememberByObject((free: Capabilities): Capabilities => ({
  ...free,
  id: `${free.id}-captured`,
  captured: true,
  discoveries: new Set([...free.discoveries, "original destination"]),
}));

/** What is the same for all that are told the same of their metrics. */
const measured = new WeakMap<Capabilities, Map<string, Capabilities>>();

/** The same with the metrics that Telemetries give a workload. */
export function withMetrics(capabilities: Capabilities, metrics: WorkloadMetrics): Capabilities {
  if (metrics === STANDARD_METRICS) return capabilities;
  const key = JSON.stringify(metrics);
  let known = measured.get(capabilities);
  if (known === undefined) measured.set(capabilities, (known = new Map()));
  let own = known.get(key);
  if (own === undefined) known.set(key, (own = { ...capabilities, id: `${capabilities.id} ${key}`, metrics }));
  return own;
}

/** The same with the filter that keeps clients with endpoints, which nobody needs where no service asks for it. */
export const withSessions = rememberByObject((free: Capabilities): Capabilities => ({
  ...free,
  id: `${free.id} sessions`,
  httpFilters: free.apiListeners ? free.httpFilters : [...free.httpFilters, "stateful_session"],
}));

/** By the node's `user_agent_name`. A client that does not say what it is gets what Envoy gets. */
export function dataPlaneOf(userAgentName: string): DataPlane {
  if (userAgentName === "tulle") return "tulle";
  return userAgentName.startsWith("gRPC") || userAgentName.startsWith("grpc-") ? "grpc" : "envoy";
}
