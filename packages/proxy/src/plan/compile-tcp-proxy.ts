import type { TcpProxy } from "@tulle/xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import type { ClusterRef } from "./cluster-plan.ts";
import { compileAccessLogs } from "./compile-access-log.ts";
import { type TunnelPlan, compileTunnel } from "./compile-tunnel.ts";
import { milliseconds } from "./duration.ts";
import { LB_NAMESPACE, type MetadataMatch, compileMetadataMatch, mergeMatches } from "./metadata-match.ts";
import type { AccessLogPlan } from "./listener-plan.ts";
import type { Place } from "./problems.ts";

export interface TcpProxyPlan {
  readonly statPrefix: string;
  readonly clusters: readonly TcpTarget[];
  readonly totalWeight: number;
  /** Which hosts of a cluster with subsets, where something else than this configuration names the cluster. */
  readonly metadataMatch: MetadataMatch | null;
  /** Without a byte in either direction; default 1 h, 0 = never. */
  readonly idleTimeoutMs: number;
  /** Default 1. */
  readonly maxConnectAttempts: number;
  /** Null: the next attempt follows at once. */
  readonly backOff: { readonly baseMs: number; readonly maxMs: number } | null;
  /** 0 = no limit. */
  readonly maxDurationMs: number;
  /** Part of it that is added at random at most. */
  readonly durationJitter: number;
  /** `hash_policy: source_ip` */
  readonly hashesSourceIp: boolean;
  /** Null: an upstream gets nothing but what the client says. */
  readonly tunnel: TunnelPlan | null;
  readonly accessLogs: readonly AccessLogPlan[];
  readonly logsOnStart: boolean;
  readonly logsOnConnected: boolean;
  /** 0 = only at the end. */
  readonly logIntervalMs: number;
}

interface TcpTarget {
  readonly cluster: ClusterRef;
  readonly weight: number;
  readonly metadataMatch: MetadataMatch | null;
}

/** Source: Envoy tcp_proxy.proto. */
const DEFAULT_IDLE_TIMEOUT_MS = 3_600_000;

/** Source: Envoy config/core/v3/backoff.proto: ten times the base. */
const MAX_BACK_OFF_FACTOR = 10;

export function compileTcpProxy(
  message: TcpProxy,
  clusterRef: (name: string) => ClusterRef,
  place: Place,
): TcpProxyPlan {
  const { clusterSpecifier: specifier, accessLogOptions: options } = message;
  const metadataMatch = compileMetadataMatch(message.metadataMatch);
  const clusters =
    specifier.case === "weightedClusters"
      ? specifier.value.clusters.map(({ name, weight, metadataMatch: own }) => ({
          cluster: clusterRef(name),
          weight,
          metadataMatch: mergeMatches(metadataMatch, own?.filterMetadata[LB_NAMESPACE]),
        }))
      : [{ cluster: clusterRef(specifier.value ?? ""), weight: 1, metadataMatch }];
  const base = milliseconds(message.backoffOptions?.baseInterval, 0);
  const max = milliseconds(message.backoffOptions?.maxInterval, base * MAX_BACK_OFF_FACTOR);
  if (max < base) place.field("backoff_options").refuse("max_interval must be greater or equal to base_interval");
  return {
    statPrefix: message.statPrefix,
    clusters,
    metadataMatch,
    totalWeight: clusters.reduce((sum, { weight }) => sum + weight, 0),
    idleTimeoutMs: milliseconds(message.idleTimeout, DEFAULT_IDLE_TIMEOUT_MS),
    maxConnectAttempts: message.maxConnectAttempts ?? 1,
    backOff: message.backoffOptions === undefined ? null : { baseMs: base, maxMs: max },
    maxDurationMs: milliseconds(message.maxDownstreamConnectionDuration, 0),
    durationJitter: (message.maxDownstreamConnectionDurationJitterPercentage?.value ?? 0) / 100,
    hashesSourceIp: message.hashPolicy.some(({ policySpecifier }) => policySpecifier.case === "sourceIp"),
    tunnel: compileTunnel(message.tunnelingConfig, place.field("tunneling_config")),
    accessLogs: compileAccessLogs(message.accessLog, (i) => place.item("access_log", i)),
    logsOnStart: options?.flushAccessLogOnStart ?? false,
    logsOnConnected: options?.flushAccessLogOnConnected ?? message.flushAccessLogOnConnected,
    logIntervalMs: milliseconds(options?.accessLogFlushInterval ?? message.accessLogFlushInterval, 0),
  };
}
