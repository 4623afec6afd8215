import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { TlsClientTransport } from "../net/tls/client.ts";
import { SslStats } from "../net/tls/ssl-stats.ts";
import type { ClusterPlan } from "../plan/cluster-plan.ts";
import type { Metadata } from "../plan/format/stream-info.ts";
import type { ProxyHeaderPlan } from "../plan/proxy-header.ts";
import type { Counter, StatsRegistry } from "../stats/index.ts";

type SocketPlan = Pick<ClusterPlan, "transportSocket" | "proxyHeader">;

const NAMESPACE = "envoy.transport_socket_match";

/** How an endpoint is spoken to. */
export interface EndpointTransport {
  /** Null: plainly. */
  readonly tls: TlsClientTransport | null;
  readonly proxyHeader: ProxyHeaderPlan | null;
}

interface Match {
  readonly match: JsonObject;
  readonly transport: EndpointTransport;
  readonly total: Counter;
}

/**
 * The transport sockets of a cluster: one, unless endpoints' metadata chooses among several (Istio's `tlsMode`). Envoy
 * `source/common/upstream/transport_socket_match_impl.cc`.
 */
export class TransportSockets {
  private readonly fallback: EndpointTransport;
  private readonly matches: readonly Match[];
  private readonly fallbackTotal: Counter | null;

  constructor(plan: ClusterPlan, registry: StatsRegistry, wallMs: () => number) {
    const prefix = `cluster.${plan.statName}.`;
    const transport = ({ transportSocket, proxyHeader }: SocketPlan): EndpointTransport => {
      const stats = (): SslStats => new SslStats(registry, prefix, "client");
      const tls = transportSocket === null ? null : new TlsClientTransport(transportSocket, stats(), wallMs);
      return { tls, proxyHeader };
    };
    const total = (name: string): Counter => registry.counter(`${prefix}${name}.total_match_count`);
    this.fallback = transport(plan);
    this.fallbackTotal = plan.transportSocketMatches.length === 0 ? null : total("default");
    this.matches = plan.transportSocketMatches.map((each) => ({
      match: each.match,
      transport: transport(each),
      total: total(each.name),
    }));
  }

  forEndpoint(metadata: Metadata): EndpointTransport {
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
