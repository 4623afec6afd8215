import {
  HTTP_LABELS,
  type HttpLabel,
  REQUESTS_TOTAL,
  REQUEST_BYTES,
  REQUEST_DURATION,
  RESPONSE_BYTES,
  UNKNOWN,
  UNKNOWN_WORKLOAD,
  type Workload,
  parseWorkloadMetadata,
} from "@tulle/telemetry";
import { namespaceOf, principalOf } from "../../codec/x509/spiffe.ts";
import { GRPC_STATUS } from "../../codec/header-names.ts";
import type { MeshStatsConfig } from "../../plan/filters/mesh-stats.ts";
import type { TlsInfo } from "../../plan/request-views.ts";
import type { RoutePlan } from "../../plan/route-plan.ts";
import type { Counter, Histogram, StatsRegistry, Tags } from "../../stats/index.ts";
import type { Cluster } from "../../upstream/cluster.ts";
import type { Host } from "../../upstream/host.ts";
import type { Exchange } from "../exchange.ts";
import { shortFlags } from "../response-flags.ts";
import type { FilterContext, HttpFilter } from "./filter.ts";

/** The metrics of one combination of labels. */
class Series {
  readonly requests: Counter;
  readonly duration: Histogram;
  readonly requestBytes: Histogram;
  readonly responseBytes: Histogram;

  constructor(registry: StatsRegistry, tags: Tags) {
    this.requests = registry.counter(REQUESTS_TOTAL.name, tags);
    this.duration = registry.histogram(REQUEST_DURATION.name, tags);
    this.requestBytes = registry.histogram(REQUEST_BYTES.name, tags);
    this.responseBytes = registry.histogram(RESPONSE_BYTES.name, tags);
  }
}

/** The series of one destination, found by what differs from request to request. */
class Destination {
  /** By status, for plain HTTP without response flag: nearly every request. */
  readonly byStatus: (Series | undefined)[] = [];
  readonly others = new Map<string, Series>();
}

/** What came by one connection. */
class FromPeer {
  /** Who it is; null: it has not said yet. */
  readonly workload: Workload | null;
  /** Requests that reached the application. */
  readonly reached = new Destination();
  readonly others = new Destination();

  constructor(workload: Workload | null) {
    this.workload = workload;
  }
}

/**
 * `istio.stats`: Istio's standard metrics, labelled with the workloads at both ends. Labels are put together once for each
 * destination, status and flag; a request finds its four handles with one lookup by host.
 */
export class MeshStats implements HttpFilter {
  private readonly registry: StatsRegistry;
  private readonly local: Workload;
  private readonly inbound: boolean;
  private readonly byHost = new WeakMap<Host, Destination>();
  private readonly byCluster = new WeakMap<Cluster, Destination>();
  private readonly bySecuredHost = new WeakMap<Host, Destination>();
  private readonly nowhere = new Destination();
  private readonly blocked = new Destination();
  /** Of each connection that came with TLS. */
  private readonly byPeer = new WeakMap<TlsInfo, FromPeer>();

  constructor(config: MeshStatsConfig, context: FilterContext) {
    this.registry = context.stats;
    this.local = config.local;
    this.inbound = context.direction === "inbound";
  }

  onComplete(exchange: Exchange): void {
    const series = this.seriesOf(exchange);
    series.requests.value++;
    series.duration.record(exchange.context.net.turn.now - exchange.startedAt);
    series.requestBytes.record(exchange.bytesReceived);
    series.responseBytes.record(exchange.bytesSent);
  }

  private seriesOf(exchange: Exchange): Series {
    const { status, flags, isGrpc } = exchange;
    const destination = this.destinationOf(exchange);
    if (flags === 0 && !isGrpc) {
      return (destination.byStatus[status] ??= new Series(this.registry, this.tags(exchange, "")));
    }
    const grpcStatus = isGrpc ? exchange.response.headers.get(GRPC_STATUS) : "";
    const key = `${status} ${flags} ${isGrpc ? `grpc ${grpcStatus}` : ""}`;
    let series = destination.others.get(key);
    if (series === undefined) {
      destination.others.set(key, (series = new Series(this.registry, this.tags(exchange, grpcStatus))));
    }
    return series;
  }

  private destinationOf(exchange: Exchange): Destination {
    const { cluster, host, route } = exchange;
    if (this.inbound) {
      const tls = exchange.connection?.tls ?? null;
      if (tls !== null) return this.destinationOfPeer(tls, host !== null);
    }
    if (host !== null) {
      const known = this.inbound || exchange.upstreamInfo?.tls == null ? this.byHost : this.bySecuredHost;
      let destination = known.get(host);
      if (destination === undefined) known.set(host, (destination = new Destination()));
      return destination;
    }
    if (cluster === null) return isBlocked(route) ? this.blocked : this.nowhere;
    let destination = this.byCluster.get(cluster);
    if (destination === undefined) this.byCluster.set(cluster, (destination = new Destination()));
    return destination;
  }

  private destinationOfPeer(tls: TlsInfo, reached: boolean): Destination {
    let from = this.byPeer.get(tls);
    if (from === undefined || from.workload !== tls.peerWorkload) {
      this.byPeer.set(tls, (from = new FromPeer(tls.peerWorkload)));
    }
    return reached ? from.reached : from.others;
  }

  private tags(exchange: Exchange, grpcStatus: string): Tags {
    const { cluster, host, route, status, flags, isGrpc } = exchange;
    const tls = this.inbound ? (exchange.connection?.tls ?? null) : (exchange.upstreamInfo?.tls ?? null);
    const [peer, own] = [principalOf(tls?.peer), principalOf(tls?.local)];
    const other = this.inbound ? (tls?.peerWorkload ?? UNKNOWN_WORKLOAD) : parseWorkloadMetadata(host?.workload ?? "");
    const [source, destination] = this.inbound ? [other, this.local] : [this.local, other];
    // What a certificate says counts more than what somebody says. (istio/proxy `istio_stats.cc`)
    const peerNamespace = namespaceOf(peer) || other.namespace;
    const service = cluster?.plan.service ?? null;
    const values: Record<HttpLabel, string> = {
      reporter: this.inbound ? "destination" : "source",
      source_workload: source.name,
      source_canonical_service: source.canonicalName,
      source_canonical_revision: source.canonicalRevision,
      source_workload_namespace: this.inbound ? peerNamespace : source.namespace,
      source_principal: named(this.inbound ? peer : own),
      source_app: source.app,
      source_version: source.version,
      source_cluster: source.cluster,
      destination_workload: destination.name,
      destination_workload_namespace: this.inbound ? destination.namespace : peerNamespace,
      destination_principal: named(this.inbound ? own : peer),
      destination_app: destination.app,
      destination_version: destination.version,
      destination_service: named(service?.host),
      destination_canonical_service: destination.canonicalName,
      destination_canonical_revision: destination.canonicalRevision,
      destination_service_name: service?.name ?? (isBlocked(route) ? BLACK_HOLE : UNKNOWN),
      destination_service_namespace: named(service?.namespace),
      destination_cluster: destination.cluster,
      request_protocol: isGrpc ? "grpc" : "http",
      response_code: String(status),
      grpc_response_status: grpcStatus,
      response_flags: shortFlags(flags),
      // Clients do not tell: it is the server that asks for certificates.
      connection_security_policy: this.inbound ? (tls?.peer == null ? "none" : "mutual_tls") : UNKNOWN,
    };
    return HTTP_LABELS.map((label) => [label, values[label]] as const);
  }
}

/** What metrics call the destination of requests to hosts that the mesh does not know. (istio/proxy `istio_stats.cc`) */
const BLACK_HOLE = "BlackHoleCluster";

/** By the name of the route that istiod makes for them. */
function isBlocked(route: RoutePlan | null): boolean {
  return route?.name === "block_all";
}

/** Where unknown hosts go has a name, and nothing else. */
function named(text: string | undefined): string {
  return text === undefined || text === "" ? UNKNOWN : text;
}
