import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { TlsClientTransport } from "../net/tls/client.ts";
import { SslStats } from "../net/tls/ssl-stats.ts";
import type { ClusterPlan } from "../plan/cluster-plan.ts";
import type { Metadata } from "../plan/format/stream-info.ts";
import type { UpstreamTlsPlan } from "../plan/tls-plan.ts";
import type { Counter, StatsRegistry } from "../stats/index.ts";

const NAMESPACE = "envoy.transport_socket_match";

interface Match {
  readonly match: JsonObject;
  readonly transport: TlsClientTransport | null;
  readonly total: Counter;
}

/**
 * The transport sockets of a cluster: one, unless endpoints' metadata chooses among several (Istio's `tlsMode`). Envoy
 * `source/common/upstream/transport_socket_match_impl.cc`.
 */
export class TransportSockets {
  private readonly fallback: TlsClientTransport | null;
  private readonly matches: readonly Match[];
  private readonly fallbackTotal: Counter | null;

  constructor(plan: ClusterPlan, registry: StatsRegistry, wallMs: () => number) {
    const prefix = `cluster.${plan.statName}.`;
    const transport = (socket: UpstreamTlsPlan | null): TlsClientTransport | null =>
      socket === null ? null : new TlsClientTransport(socket, new SslStats(registry, prefix, "client"), wallMs);
    const total = (name: string): Counter => registry.counter(`${prefix}${name}.total_match_count`);
    this.fallback = transport(plan.transportSocket);
    this.fallbackTotal = plan.transportSocketMatches.length === 0 ? null : total("default");
    this.matches = plan.transportSocketMatches.map(({ name, match, transportSocket }) => ({
      match,
      transport: transport(transportSocket),
      total: total(name),
    }));
  }

  /** Null: plain. */
  forEndpoint(metadata: Metadata): TlsClientTransport | null {
    if (this.fallbackTotal === null) return this.fallback;
    const own = metadata[NAMESPACE] ?? {};
    for (const { match, transport, total } of this.matches) {
      // cold: when endpoints come
      if (!Object.entries(match).every(([key, value]) => isSame(own[key], value))) continue;
      total.value++;
      return transport;
    }
    this.fallbackTotal.value++;
    return this.fallback;
  }
}

/** One of a list is enough (Envoy `Metadata::metadataLabelMatch`). */
function isSame(actual: JsonValue | undefined, wanted: JsonValue | undefined): boolean {
  if (actual === undefined || wanted === undefined) return false;
  if (Array.isArray(actual)) return actual.some((each) => isSame(each, wanted));
  // cold: when endpoints come
  return JSON.stringify(actual) === JSON.stringify(wanted);
}
