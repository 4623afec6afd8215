/** How many connections and requests a cluster may have, and for how long. (`cluster_traffic_policy.go` applyConnectionPool) */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectionPoolSettings, TcpKeepalive, TrafficPolicy } from "@tulle/api";
import { parseDuration } from "@tulle/api";
import type { CircuitBreakers_ThresholdsSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/circuit_breaker_pb.js";
import type { ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { HttpProtocolOptionsSchema } from "@tulle/xds/gen/envoy/config/core/v3/protocol_pb.js";
import type { MeshSettings } from "../model/mesh-settings.ts";
import type { Capabilities } from "./data-plane.ts";
import { fromText, milliseconds } from "./durations.ts";

type ClusterInit = Exclude<MessageInitShape<typeof ClusterSchema>, { $typeName: string }>;

/** Istio's circuit breakers do not break unless a rule says so. (getDefaultCircuitBreakerThresholds) */
const UNLIMITED = 4_294_967_295;
/** (applyRetryBudget) */
const RETRY_BUDGET = { percent: 20, minRetryConcurrency: 3 };

export interface ConnectionPoolInput {
  readonly pool: ConnectionPoolSettings | undefined;
  readonly retryBudget: TrafficPolicy["retryBudget"];
  readonly mesh: MeshSettings;
  readonly capabilities: Capabilities;
}

/** A limit of 0 means that there is none: Istio cannot tell it from one that is not set. */
export function connectionPool({
  pool,
  retryBudget,
  mesh,
  capabilities: { clusterFeatures },
}: ConnectionPoolInput): Pick<ClusterInit, "connectTimeout" | "circuitBreakers" | "upstreamConnectionOptions"> {
  const { tcp, http } = pool ?? {};
  const thresholds: MessageInitShape<typeof CircuitBreakers_ThresholdsSchema> = {
    maxConnections: tcp?.maxConnections || UNLIMITED,
    maxPendingRequests: http?.http1MaxPendingRequests || UNLIMITED,
    maxRequests: http?.http2MaxRequests || UNLIMITED,
    maxRetries: http?.maxRetries || UNLIMITED,
    ...(clusterFeatures.has("remaining gauges") ? { trackRemaining: true } : {}),
    ...(clusterFeatures.has("retry budgets") ? budget(retryBudget, clusterFeatures) : {}),
  };
  const keepalive = clusterFeatures.has("TCP keepalive")
    ? tcpKeepalive(mesh.config.tcpKeepalive, tcp?.tcpKeepalive)
    : {};
  return {
    connectTimeout:
      tcp?.connectTimeout === undefined ? milliseconds(mesh.connectTimeoutMs) : fromText(tcp.connectTimeout),
    circuitBreakers: { thresholds: [thresholds] },
    ...keepalive,
  };
}

function budget(
  settings: TrafficPolicy["retryBudget"],
  features: Capabilities["clusterFeatures"],
): MessageInitShape<typeof CircuitBreakers_ThresholdsSchema> {
  if (settings === undefined) return {};
  const { percent = RETRY_BUDGET.percent, minRetryConcurrency } = settings;
  const budgetInterval = features.has("retry budgets of intervals") ? settings.budgetInterval : undefined;
  return {
    retryBudget: {
      budgetPercent: { value: percent },
      minRetryConcurrency: minRetryConcurrency || RETRY_BUDGET.minRetryConcurrency,
      ...(budgetInterval === undefined ? {} : { budgetInterval: fromText(budgetInterval) }),
    },
  };
}

/** The rule's fields before the mesh's. (applyTCPKeepalive) */
function tcpKeepalive(
  mesh: TcpKeepalive | undefined,
  rule: TcpKeepalive | undefined,
): Pick<ClusterInit, "upstreamConnectionOptions"> {
  if (mesh === undefined && rule === undefined) return {};
  const { probes = 0, time, interval } = { ...mesh, ...rule };
  return {
    upstreamConnectionOptions: {
      tcpKeepalive: {
        ...(probes === 0 ? {} : { keepaliveProbes: probes }),
        ...(time === undefined ? {} : { keepaliveTime: seconds(time) }),
        ...(interval === undefined ? {} : { keepaliveInterval: seconds(interval) }),
      },
    },
  };
}

function seconds(text: string): number {
  return Math.trunc((parseDuration(text) ?? 0) / 1000);
}

/** What holds whatever the HTTP version is; undefined if nothing is said. */
export function commonHttpOptions(
  pool: ConnectionPoolSettings | undefined,
  { clusterFeatures }: Capabilities,
): MessageInitShape<typeof HttpProtocolOptionsSchema> | undefined {
  const { tcp, http } = pool ?? {};
  const idleTimeout = http?.idleTimeout ?? tcp?.idleTimeout;
  const maxRequestsPerConnection = http?.maxRequestsPerConnection ?? 0;
  const duration = clusterFeatures.has("maximum connection duration") ? tcp?.maxConnectionDuration : undefined;
  if (idleTimeout === undefined && maxRequestsPerConnection === 0 && duration === undefined) return undefined;
  return {
    ...(idleTimeout === undefined ? {} : { idleTimeout: fromText(idleTimeout) }),
    ...(maxRequestsPerConnection === 0 ? {} : { maxRequestsPerConnection }),
    ...(duration === undefined ? {} : { maxConnectionDuration: fromText(duration) }),
  };
}
