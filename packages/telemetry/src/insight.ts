/**
 * What the numbers mean: the answers of `/api/v1/{graph,graph/stream,edges,slow,overview,services,workloads}`, for the console and the CLI.
 * Names come from labels and tags that somebody sent: they are data, never markup. Times are ms since 1970, durations ms, shares 0 to 1;
 * what cannot be told is null, never 0.
 */

/** An object of the configuration that is the reason for something, and where it is written. */
export interface ObjectRef {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Relative to the configuration directory; absent if it comes from no file. */
  readonly file?: string;
  /** Where it starts, from 1. */
  readonly line?: number;
  /** The part of it: `http[0].fault.delay`. */
  readonly field?: string;
}

/** Kiali's states, worst first; `idle`: nothing was asked, so nothing is known. */
export type Health = "failure" | "degraded" | "not-ready" | "healthy" | "idle";

export interface HealthReport {
  readonly state: Health;
  /** Why, in a sentence each; none for healthy and idle. */
  readonly reasons: readonly string[];
}

/** HTTP and gRPC requests in a window. */
export interface RequestStats {
  readonly requests: number;
  readonly rps: number;
  /** Answered with 5xx, with a gRPC status that is an error, or not at all. */
  readonly failed: number;
  readonly errorShare: number;
  /** Answered with 4xx. */
  readonly clientErrors: number;
  /** HTTP status, `-` for no answer, `grpc-14` for a gRPC status that is an error → requests. */
  readonly byCode: Readonly<Record<string, number>>;
  /** Envoy's short response flags → requests; those without any are left out. */
  readonly byFlags: Readonly<Record<string, number>>;
  readonly latency: Latency;
  readonly requestBytesPerSecond: number;
  readonly responseBytesPerSecond: number;
}

/** Interpolated within the histogram's buckets; null without requests. */
export interface Latency {
  readonly meanMs: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

export interface TcpStats {
  /** Towards the client, and from it. */
  readonly sentBytesPerSecond: number;
  readonly receivedBytesPerSecond: number;
  readonly openedPerSecond: number;
  readonly closedPerSecond: number;
}

/** gRPC messages, where a stream's are counted. */
export interface MessageStats {
  readonly requestsPerSecond: number;
  readonly responsesPerSecond: number;
}

export interface MutualTls {
  /** Of what a destination has counted; `unknown`: it counts nothing. */
  readonly state: "all" | "some" | "none" | "unknown";
  readonly share: number | null;
}

export type GraphType = "versionedApp" | "app" | "service" | "workload";

export type BadgeKind =
  | "virtual-service"
  | "shifting"
  | "tcp-shifting"
  | "fault"
  | "mirror"
  | "timeout"
  | "retries"
  | "circuit-breaker"
  | "fallback"
  | "rate-limit"
  | "missing-sidecar"
  | "gateway";

export interface Badge {
  readonly kind: BadgeKind;
  /** `90 % v1, 10 % v3`, `delay 300 ms for 100 %`. */
  readonly text: string;
  readonly objects: readonly ObjectRef[];
}

export type NodeKind =
  | "service"
  | "app"
  | "workload"
  | "namespace"
  /** A service outside the mesh, or a host that no object describes. */
  | "external"
  /** Somebody without a proxy, named as well as it can be. */
  | "outside";

export interface GraphNode {
  /** Stable across refreshes, whatever the traffic. */
  readonly id: string;
  readonly kind: NodeKind;
  /** What to show. */
  readonly name: string;
  /** "" outside the mesh. */
  readonly namespace: string;
  readonly app: string;
  readonly service: string;
  readonly workload: string;
  readonly version: string;
  /** The namespace of a collapsed node: how many nodes it stands for; else 1. */
  readonly members: number;
  /** An ingress or egress gateway. */
  readonly isGateway: boolean;
  /** Nobody in the mesh calls it. */
  readonly isRoot: boolean;
  readonly in: NodeTraffic;
  readonly out: NodeTraffic;
  readonly health: HealthReport;
  readonly badges: readonly Badge[];
  /** Time that it adds itself to the requests that enter the mesh; null: not known. */
  readonly contribution: { readonly msPerRequest: number; readonly share: number } | null;
}

export interface NodeTraffic {
  readonly rps: number;
  readonly errorShare: number;
  readonly tcpBytesPerSecond: number;
}

export interface GraphEdge {
  readonly id: string;
  /** Ids of nodes. */
  readonly source: string;
  readonly target: string;
  readonly protocols: readonly ("http" | "grpc" | "tcp")[];
  readonly http: RequestStats | null;
  readonly grpc: RequestStats | null;
  readonly messages: MessageStats | null;
  readonly tcp: TcpStats | null;
  /** Of all requests, as each side has measured them: the difference is network, queues, retries and faults. */
  readonly latency: { readonly source: Latency; readonly destination: Latency };
  /** Share of what the source sends that goes here. */
  readonly shareOfSource: number;
  readonly mtls: MutualTls;
  /** SPIFFE ids; "" unknown. */
  readonly sourcePrincipal: string;
  readonly destinationPrincipal: string;
  readonly health: HealthReport;
  /** Of requests that are mirrored: nobody waits for them, and no node's rate has them. */
  readonly isCopies: boolean;
}

export interface GraphTotals {
  readonly rps: number;
  readonly errorShare: number;
  readonly mtlsShare: number | null;
  /** Left out of the graph: what health checks of the platform ask for. */
  readonly probes: { readonly requests: number; readonly rps: number };
  /** Rates are over the time from then on: the beginning of the window, or when counting began. */
  readonly since: number;
}

export interface Graph {
  readonly rev: number;
  readonly at: number;
  readonly windowSeconds: number;
  readonly type: GraphType;
  /** Namespaces that are one node each. */
  readonly collapsed: readonly string[];
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly totals: GraphTotals;
  /** Why it is empty, and what to do; "" if it is not. */
  readonly emptyBecause: string;
}

/**
 * `GET /api/v1/graph/stream`: `event: graph` with a Graph first and after a gap that is too large, then `event: delta`. The SSE `id` of each
 * is its `rev`. A delta is what changed since the event before: upserts are whole nodes and edges.
 */
export interface GraphDelta {
  readonly rev: number;
  readonly at: number;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly removedNodes: readonly string[];
  readonly removedEdges: readonly string[];
  readonly totals: GraphTotals;
  readonly emptyBecause: string;
}

/** `GET /api/v1/edges`: like the graph's edges, with who they are between spelt out. */
export interface EdgeRow extends Omit<GraphEdge, "id" | "source" | "target" | "health" | "isCopies"> {
  readonly from: Party;
  readonly to: Party;
  readonly health: HealthReport;
}

export interface Party {
  readonly namespace: string;
  /** Service, or workload where there is none. */
  readonly name: string;
  readonly workload: string;
  readonly version: string;
}

export interface EdgesAnswer {
  readonly at: number;
  readonly windowSeconds: number;
  /** Rates are over the time from then on (GraphTotals). */
  readonly since: number;
  readonly edges: readonly EdgeRow[];
}

/** Where time is spent. `service`: in it; `fault`: a delay that a route injects; `network`: between two proxies; `retries`: attempts that failed, and waiting between them. */
export type DelayKind = "service" | "fault" | "network" | "retries";

/** Of the requests that enter the mesh. */
export interface Spent {
  /** Averaged over all of them, whether they came there or not. */
  readonly msPerRequest: number;
  /** Averaged over those calls that came there. */
  readonly msPerCall: number;
  /** Of the time that requests take. */
  readonly share: number;
  readonly calls: number;
}

/** One place where time goes. */
export interface SlowRow {
  readonly kind: DelayKind;
  readonly namespace: string;
  readonly service: string;
  /** "" if it is not known. */
  readonly version: string;
  /** Name of the route, or method and path where it has none; "" for all of them. */
  readonly route: string;
  /** Who calls, for `fault`, `network` and `retries`; null for all. */
  readonly from: Party | null;
  readonly now: Spent;
  /** In the window before; null: it was not called. */
  readonly before: Spent | null;
  /** In the last seconds of the window (`recentSeconds`), as far as there was anything; what is new shows here first. */
  readonly recent: Spent | null;
  /** `recent` or `now` against `before`, ms per request. */
  readonly changeMs: number;
  /** What in the configuration makes it so. */
  readonly because: readonly ObjectRef[];
  /** Traces that show it, the slowest first. */
  readonly traceIds: readonly string[];
}

export interface SlowAnswer {
  readonly at: number;
  readonly windowSeconds: number;
  readonly recentSeconds: number;
  /** From critical paths of traces, or, where there are too few, from the histograms of both sides of each call. */
  readonly basis: "traces" | "metrics" | "nothing";
  /** Traces of the window that are representative, and those kept because they were slow or failed (evidence only). */
  readonly traces: { readonly sampled: number; readonly kept: number };
  /** Requests that entered the mesh, and how long they took. */
  readonly requests: { readonly now: RequestsTaken; readonly before: RequestsTaken | null };
  /** One sentence with the numbers; what to do if nothing is known. */
  readonly headline: string;
  /** Index in `rows` of what the headline names; null if nothing stands out. */
  readonly culprit: number | null;
  /** The most time first. */
  readonly rows: readonly SlowRow[];
}

export interface RequestsTaken {
  readonly count: number;
  readonly meanMs: number | null;
}

/** The critical path of one trace: `GET /api/v1/slow/{traceId}`. The durations add up to the root's. */
export interface CriticalPath {
  readonly traceId: string;
  readonly rootSpanId: string;
  readonly durationMs: number;
  /** In the order of time. */
  readonly sections: readonly PathSection[];
}

export interface PathSection {
  readonly spanId: string;
  readonly kind: DelayKind;
  readonly namespace: string;
  readonly service: string;
  readonly version: string;
  readonly route: string;
  readonly startMicros: number;
  readonly durationMicros: number;
}

export interface NamespaceSummary {
  readonly namespace: string;
  readonly health: HealthReport;
  readonly services: number;
  readonly workloads: number;
  readonly rps: number;
  readonly errorShare: number;
  readonly p95Ms: number | null;
  readonly mtls: MutualTls;
}

/** Something that is worse, or better, than it was. */
export interface Mover {
  readonly namespace: string;
  readonly service: string;
  readonly version: string;
  readonly what: "slower" | "faster" | "more-errors" | "fewer-errors";
  /** p95 in ms, or the share of errors. */
  readonly before: number;
  readonly now: number;
}

/** What is changed now, on purpose. */
export interface ActiveChange {
  readonly kind: "fault" | "mirror" | "shifting" | "tcp-shifting";
  /** Of the service that it is about. */
  readonly host: string;
  readonly text: string;
  readonly object: ObjectRef;
  /** From label or annotation `tulle.dev/temporary-until`; null: until somebody takes it away. */
  readonly until: number | null;
}

export interface CertificateEnd {
  readonly what: "root" | "intermediate" | "workload" | "gateway";
  readonly name: string;
  readonly notAfter: number;
  readonly daysLeft: number;
}

export interface ConfigProblem {
  readonly severity: "error" | "warning";
  readonly object: ObjectRef;
  readonly message: string;
}

export interface ProxySync {
  readonly id: string;
  readonly workload: string;
  readonly namespace: string;
  readonly state: "SYNCED" | "STALE" | "NACKED";
  readonly error: string;
}

export interface Overview {
  readonly at: number;
  readonly windowSeconds: number;
  /** Rates are over the time from then on (GraphTotals). */
  readonly since: number;
  /** What it is compared with: the window before, or that of an hour ago. */
  readonly comparedWithAt: number;
  readonly namespaces: readonly NamespaceSummary[];
  readonly movers: readonly Mover[];
  readonly slow: SlowAnswer;
  readonly mtls: MutualTls & { readonly plain: readonly EdgeRow[] };
  /** Those that end first; of workloads, which renew theirs, only if one is late. */
  readonly certificates: readonly CertificateEnd[];
  readonly active: readonly ActiveChange[];
  readonly problems: readonly ConfigProblem[];
  /** Those that are not in sync; how many are. */
  readonly proxies: { readonly total: number; readonly synced: number; readonly late: readonly ProxySync[] };
  readonly emptyBecause: string;
}

export interface GoldenSignals {
  readonly http: RequestStats | null;
  readonly tcp: TcpStats | null;
  readonly mtls: MutualTls;
  readonly health: HealthReport;
}

export interface ServiceSummary extends GoldenSignals {
  readonly namespace: string;
  readonly name: string;
  /** "" for a service that only traffic tells of. */
  readonly host: string;
  readonly external: boolean;
  readonly versions: readonly string[];
  readonly badges: readonly Badge[];
}

/** `GET /api/v1/services?ns=&at=&window=` */
export interface ServicesAnswer {
  readonly at: number;
  readonly windowSeconds: number;
  /** Rates are over the time from then on (GraphTotals). */
  readonly since: number;
  readonly services: readonly ServiceSummary[];
}

export interface VersionStats extends GoldenSignals {
  readonly version: string;
  readonly workloads: readonly string[];
  /** Of the service's requests. */
  readonly share: number;
}

/** From spans: metrics know no routes. Of the traces that were sampled. */
export interface RouteStats {
  /** Name of the route, or method and path. */
  readonly route: string;
  readonly version: string;
  readonly spans: number;
  readonly errorShare: number;
  readonly latency: Latency;
  /** Its own time, on the critical path. */
  readonly selfMs: number | null;
}

/** `GET /api/v1/services/{ns}/{name}` */
export interface ServiceDetail extends ServiceSummary {
  readonly at: number;
  readonly windowSeconds: number;
  /** Rates are over the time from then on (GraphTotals). */
  readonly since: number;
  readonly ports: readonly { readonly number: number; readonly name: string; readonly protocol: string }[];
  readonly byVersion: readonly VersionStats[];
  readonly routes: readonly RouteStats[];
  readonly callers: readonly EdgeRow[];
  readonly callees: readonly EdgeRow[];
  readonly objects: readonly ObjectRef[];
}

export interface WorkloadSummary extends GoldenSignals {
  readonly namespace: string;
  readonly name: string;
  readonly app: string;
  readonly version: string;
  /** That it is behind. */
  readonly services: readonly { readonly namespace: string; readonly name: string }[];
  readonly isGateway: boolean;
  /** Instances that registered, and those that are healthy and connected. */
  readonly instances: number;
  readonly ready: number;
  readonly badges: readonly Badge[];
}

/** `GET /api/v1/workloads/stats?ns=&at=&window=` */
export interface WorkloadsAnswer {
  readonly at: number;
  readonly windowSeconds: number;
  /** Rates are over the time from then on (GraphTotals). */
  readonly since: number;
  readonly workloads: readonly WorkloadSummary[];
}

/** `GET /api/v1/workloads/stats/{ns}/{name}` */
export interface WorkloadDetail extends WorkloadSummary {
  readonly at: number;
  readonly windowSeconds: number;
  /** Rates are over the time from then on (GraphTotals). */
  readonly since: number;
  readonly proxies: readonly ProxySync[];
  readonly callers: readonly EdgeRow[];
  readonly callees: readonly EdgeRow[];
  readonly objects: readonly ObjectRef[];
}

/** `GET /api/v1/access?ns=`: who may call whom, as far as policies say so of identities alone. */
export interface AccessAnswer {
  /** The last one is whoever calls in plaintext, with nothing proved: no namespace, no account. */
  readonly callers: readonly AccessCaller[];
  readonly servers: readonly AccessServer[];
  /** By caller, then by server. */
  readonly cells: readonly (readonly AccessCell[])[];
  /** Callers and servers that are left out: there are too many for one table. */
  readonly omitted: number;
}

export interface AccessCaller {
  readonly namespace: string;
  readonly account: string;
  /** Who runs under this account. */
  readonly workloads: readonly string[];
}

export interface AccessServer {
  readonly namespace: string;
  readonly workload: string;
  /** Of its PeerAuthentication. */
  readonly mode: "STRICT" | "PERMISSIVE" | "DISABLE";
}

export interface AccessCell {
  /** `depends`: on path, method, token or address of the request. */
  readonly verdict: "allowed" | "denied" | "depends";
  /** What makes it so; none: no policy says anything. */
  readonly by: readonly ObjectRef[];
}
