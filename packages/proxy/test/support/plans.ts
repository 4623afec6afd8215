/** Hand-made plans with Envoy's defaults, for tests that want no xDS. */
import { Slowness } from "../../src/plan/slowness.ts";
import { endpointAt } from "../../src/upstream/forwarding.ts";
import type { DnsCachePlan } from "../../src/plan/compile-dns-cache.ts";
import { HeaderClass } from "../../src/codec/header-names.ts";
import type {
  CircuitBreakerPlan,
  ClusterPlan,
  ClusterRef,
  EndpointPlan,
  LocalityRoutingPlan,
} from "../../src/plan/cluster-plan.ts";
import { FilterChainMatcher } from "../../src/plan/filter-chain-match.ts";
import type { Http2Plan } from "../../src/plan/http2-options.ts";
import type { FilterChainPlan, HttpConnectionManagerPlan, ListenerPlan } from "../../src/plan/listener-plan.ts";
import { Place } from "../../src/plan/problems.ts";
import type { RequestView } from "../../src/plan/request-views.ts";
import type { RouteAction, RetryPolicyPlan, RoutePlan, RouteTable } from "../../src/plan/route-plan.ts";

let fingerprints = 0;

/** Envoy's defaults. */
const DEFAULT_LIMITS: CircuitBreakerPlan = {
  maxConnections: 1024,
  maxPendingRequests: 1024,
  maxRequests: 1024,
  maxRetries: 3,
  maxConnectionPools: Infinity,
  maxConnectionsPerHost: Infinity,
  retryBudget: null,
  trackRemaining: false,
};

export function limitsOf(changes: Partial<CircuitBreakerPlan>): CircuitBreakerPlan {
  return { ...DEFAULT_LIMITS, ...changes };
}

/** Circuit breakers of priority DEFAULT. */
export function limits(changes: Partial<CircuitBreakerPlan>): Pick<ClusterPlan, "thresholds"> {
  return { thresholds: [limitsOf(changes), DEFAULT_LIMITS] };
}

/** Envoy's defaults; test/plan/cluster.test.ts holds them to what is compiled of an empty cluster. */
export function clusterPlan(name: string, changes: Partial<ClusterPlan> = {}): ClusterPlan {
  return {
    name,
    statName: name,
    discovery: "static",
    edsServiceName: "",
    balancer: { policy: "round-robin", slowStart: null },
    localityRouting: NO_LOCALITY_ROUTING,
    wantedHostHealth: new Set(["healthy", "degraded"]),
    subsets: null,
    protocol: "http1",
    http2: null,
    connectTimeoutMs: 5_000,
    bufferLimitBytes: 1_048_576,
    maxRequestsPerConnection: 0,
    preconnect: null,
    poolPerConnection: false,
    maxStreamDurationMs: 0,
    idleTimeoutMs: 3_600_000,
    maxResponseHeadersBytes: 81_920,
    maxResponseHeadersCount: 100,
    enableTrailers: false,
    headerCase: null,
    ...limits({}),
    maxConnectionDurationMs: 0,
    bindAddresses: [],
    tcpKeepaliveMs: -1,
    transportSocket: null,
    proxyHeader: null,
    transportSocketMatches: [],
    autoSni: null,
    outlierDetection: null,
    healthCheck: null,
    healthyPanicThreshold: 50,
    metadata: {},
    service: null,
    fingerprint: `cluster-${fingerprints++}`,
    ...changes,
  };
}

export const NO_LOCALITY_ROUTING: LocalityRoutingPlan = {
  weighted: false,
  zoneAware: { routingEnabled: 100, minClusterSize: 6, failTrafficOnPanic: false },
};

/** What dns_cache_config says when it says nothing but its name. */
export const DNS_CACHE: DnsCachePlan = {
  name: "d",
  family: "v4-only",
  refreshMs: 60_000,
  failure: null,
  minRefreshMs: 5_000,
  hostTtlMs: 300_000,
  maxHosts: 1024,
  queryTimeoutMs: 5_000,
  maxPendingRequests: 1024,
  resolver: null,
  preresolve: [],
};

export { endpointAt };

export function endpoint(port: number, changes: Partial<EndpointPlan> = {}): EndpointPlan {
  return { ...endpointAt("127.0.0.1", port), ...changes };
}

export function retryPolicy(changes: Partial<RetryPolicyPlan> = {}): RetryPolicyPlan {
  return {
    retryOn: 0,
    numRetries: 1,
    perTryTimeoutMs: 0,
    perTryIdleTimeoutMs: 0,
    retriableStatusCodes: [],
    retriableHeaders: [],
    retriableRequestHeaders: [],
    backOffBaseMs: 1,
    backOffMaxMs: 1,
    rateLimited: null,
    avoid: null,
    hostSelectionMaxAttempts: 1,
    previousPrioritiesFrequency: 0,
    ...changes,
  };
}

export function forwardTo(cluster: ClusterRef, changes: Partial<RouteAction> = {}): RouteAction {
  return {
    kind: "forward",
    clusters: [
      {
        cluster,
        clusterHeader: "",
        weight: 1,
        requestHeaders: [],
        responseHeaders: [],
        rewriteHost: "",
        metadataMatch: null,
        filterConfigs: null,
      },
    ],
    totalWeight: 1,
    runtimeWeights: null,
    drawHeader: "",
    clusterHeader: "",
    clusterNotFoundStatus: 503,
    timeoutMs: 15_000,
    idleTimeoutMs: -1,
    rewritePath: null,
    rewriteHost: null,
    autoHostRewrite: false,
    appendXForwardedHost: false,
    priority: 0,
    metadataMatch: null,
    hashPolicy: null,
    retryPolicy: null,
    hedgesOnPerTryTimeout: false,
    mirrors: [],
    internalRedirects: null,
    maxStreamDurationMs: -1,
    grpcTimeoutHeaderMaxMs: -1,
    grpcTimeoutHeaderOffsetMs: 0,
    maxGrpcTimeoutMs: -1,
    grpcTimeoutOffsetMs: 0,
    rateLimits: null,
    upgrades: null,
    tunnels: "none",
    ...changes,
  };
}

export function routePlan(action: RoutePlan["action"], changes: Partial<RoutePlan> = {}): RoutePlan {
  return {
    name: "",
    virtualHost: "",
    metadata: {},
    virtualHostMetadata: {},
    action,
    requestHeaders: [],
    responseHeaders: [],
    filterConfigs: null,
    attemptCountInRequest: false,
    attemptCountInResponse: false,
    isTimeoutRetryHeader: false,
    requestBufferLimitBytes: -1,
    tracing: null,
    counting: null,
    decorator: null,
    slowness: new Slowness(),
    ...changes,
  };
}

/** First route whose prefix and host fit. */
export function prefixTable(routes: readonly { prefix: string; host?: string; route: RoutePlan }[]): RouteTable {
  return {
    name: "test",
    takesAll: true,
    ignoresPathParameters: false,
    route(request: RequestView) {
      for (const { prefix, host, route } of routes) {
        if (host !== undefined && host !== request.authority) continue;
        if (request.path.startsWith(prefix)) return route;
      }
      return null;
    },
  };
}

/** Envoy's defaults; test/plan/http2-options.test.ts holds them to what is compiled. */
export function http2Plan(changes: Partial<Http2Plan> = {}): Http2Plan {
  return {
    hpackTableSize: 4_096,
    maxConcurrentStreams: 1_024,
    streamWindow: 16 * 1024 * 1024,
    streamBufferBytes: 1_048_576,
    connectionWindow: 24 * 1024 * 1024,
    allowConnect: false,
    maxOutboundFrames: 10_000,
    maxOutboundControlFrames: 1_000,
    maxEmptyFrames: 1,
    maxPriorityFramesPerStream: 100,
    maxWindowUpdatesPerData: 10,
    streamErrorOnInvalidMessage: false,
    maxHeadersBytes: 61_440,
    maxHeadersCount: 100,
    headersWithUnderscores: "allow",
    customSettings: [],
    keepalive: null,
    ...changes,
  };
}

/** Envoy's defaults; test/plan/listener.test.ts holds them to what is compiled of a bare connection manager. */
export function managerPlan(
  table: RouteTable | null,
  changes: Partial<HttpConnectionManagerPlan> = {},
): HttpConnectionManagerPlan {
  return {
    statPrefix: "test",
    localReplies: null,
    accessLogs: [],
    logsNewRequests: false,
    logsNewTunnels: false,
    accessLogIntervalMs: 0,
    listener: { name: "test", metadata: {}, filterChainName: "", filterChainMetadata: {} },
    serverName: "envoy",
    serverHeader: "overwrite",
    useRemoteAddress: false,
    addressDetectors: null,
    earlyMutations: null,
    xffNumTrustedHops: 0,
    skipXffAppend: false,
    appendXForwardedPort: false,
    schemeToOverwrite: "",
    clientCertificate: null,
    peerMetadata: null,
    neverAccepted: HeaderClass.neverFromPeer | HeaderClass.clientCertificate,
    userAgent: null,
    isInternal: null,
    via: "",
    generateRequestId: true,
    requestIds: { packTraceReason: true, useForTraceSampling: true },
    tracing: null,
    preserveExternalRequestId: false,
    alwaysSetRequestIdInResponse: false,
    normalizePath: false,
    mergeSlashes: false,
    escapedSlashes: "keep",
    stripPort: "none",
    stripTrailingHostDot: false,
    headersWithUnderscores: "allow",
    codecType: "auto",
    http2: http2Plan(),
    acceptHttp10: false,
    defaultHostForHttp10: "",
    enableTrailers: false,
    headerCase: null,
    allowAbsoluteUrl: true,
    refusesHttpsUrl: false,
    allowChunkedLength: false,
    proxy100Continue: false,
    maxRequestHeadersBytes: 61_440,
    maxRequestHeadersCount: 100,
    maxRequestsPerConnection: 0,
    idleTimeoutMs: 3_600_000,
    maxConnectionDurationMs: 0,
    streamIdleTimeoutMs: 300_000,
    requestTimeoutMs: 0,
    requestHeadersTimeoutMs: 0,
    maxStreamDurationMs: 0,
    drainTimeoutMs: 5_000,
    delayedCloseTimeoutMs: 1_000,
    tellsOverload: false,
    suppressEnvoyHeaders: false,
    respectExpectedRqTimeout: false,
    routes: { name: "test", current: table },
    upgrades: new Map(),
    filters: [],
    ...changes,
  };
}

/** A chain of nothing but a connection manager. */
export function managerChain(manager: HttpConnectionManagerPlan): FilterChainPlan {
  return {
    name: "",
    filters: [],
    terminal: { kind: "http", manager },
    transportSocket: null,
    info: manager.listener,
    fingerprint: `chain-${fingerprints++}`,
  };
}

/** The connection manager of a listener's first chain. */
export function managerOf({ chains: [chain] }: ListenerPlan): HttpConnectionManagerPlan {
  if (chain.terminal.kind !== "http") throw new TypeError("not HTTP");
  return chain.terminal.manager;
}

/** Every connection takes the first chain. */
export function takesFirst(): FilterChainMatcher {
  const matcher = new FilterChainMatcher();
  matcher.add(undefined, 0, new Place("", []));
  return matcher;
}

export function listenerPlan(
  name: string,
  connectionManager: HttpConnectionManagerPlan,
  changes: Partial<ListenerPlan> = {},
): ListenerPlan {
  return {
    name,
    address: "127.0.0.1",
    port: 0,
    connectionLimit: { value: Infinity },
    ignoresGlobalLimit: false,
    bypassesOverload: false,
    drainsWhenFailing: true,
    statPrefix: "",
    direction: "unspecified",
    bufferLimitBytes: 1_048_576,
    bindsToPort: true,
    additionalAddresses: [],
    transparent: false,
    accepted: { keepaliveMs: -1 },
    usesOriginalDst: false,
    listenerFilters: [],
    listenerFiltersTimeoutMs: 15_000,
    continuesAfterTimeout: false,
    accessLogs: [],
    info: connectionManager.listener,
    chains: [managerChain(connectionManager)],
    matcher: takesFirst(),
    defaultChain: -1,
    ownFingerprint: name,
    fingerprint: `listener-${fingerprints++}`,
    ...changes,
  };
}
