import {
  HTTP_LABELS,
  PROBES,
  REQUEST_BYTES,
  REQUEST_DURATION,
  REQUEST_MESSAGES_TOTAL,
  REQUESTS_TOTAL,
  RESPONSE_BYTES,
  RESPONSE_MESSAGES_TOTAL,
  UNKNOWN,
  type Workload,
} from "@tulle/telemetry";
import { USER_AGENT } from "../../codec/header-names.ts";
import type { ReadBuffer } from "../../codec/read-buffer.ts";
import { MetricMaker, valuesKey } from "../../mesh-stats/changed-tags.ts";
import { countBuild } from "../../mesh-stats/build.ts";
import { BLACK_HOLE, endLabels, inOrder } from "../../mesh-stats/labels.ts";
import { statedGrpcStatus } from "../../plan/format/headers.ts";
import type { MeshStatsConfig } from "../../plan/filters/mesh-stats.ts";
import type { TlsInfo } from "../../plan/request-views.ts";
import type { RoutePlan } from "../../plan/route-plan.ts";
import type { Counter, Histogram, StatsRegistry, Tags } from "../../stats/index.ts";
import type { Cluster } from "../../upstream/cluster.ts";
import type { Host } from "../../upstream/host.ts";
import type { Exchange } from "../exchange.ts";
import { shortFlags } from "../response-flags.ts";
import { CONTINUE, type FilterContext, type FilterStatus, type HttpFilter } from "./filter.ts";
import { GrpcFrames } from "../../codec/grpc/frames.ts";

/** The metrics of one combination of labels; null: a Telemetry has switched it off. */
class Series {
  readonly requests: Counter | null;
  readonly duration: Histogram | null;
  readonly requestBytes: Histogram | null;
  readonly responseBytes: Histogram | null;
  /** Of gRPC. */
  readonly requestMessages: Counter | null;
  readonly responseMessages: Counter | null;

  constructor(make: MetricMaker, isGrpc: boolean) {
    this.requests = make.counter(REQUESTS_TOTAL);
    this.duration = make.histogram(REQUEST_DURATION);
    this.requestBytes = make.histogram(REQUEST_BYTES);
    this.responseBytes = make.histogram(RESPONSE_BYTES);
    this.requestMessages = isGrpc ? make.counter(REQUEST_MESSAGES_TOTAL) : null;
    this.responseMessages = isGrpc ? make.counter(RESPONSE_MESSAGES_TOTAL) : null;
  }
}

/** Messages of one gRPC request. */
class GrpcMessages {
  readonly request = new GrpcFrames();
  readonly response = new GrpcFrames();
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

/** What was found once. */
class KnownSeries {
  readonly byHost = new WeakMap<Host, Destination>();
  readonly byCluster = new WeakMap<Cluster, Destination>();
  readonly bySecuredHost = new WeakMap<Host, Destination>();
  readonly nowhere = new Destination();
  readonly blocked = new Destination();
  /** Of each connection that came with TLS. */
  readonly byPeer = new WeakMap<TlsInfo, FromPeer>();
}

/**
 * `istio.stats`: Istio's standard metrics, labelled with the workloads at both ends. Labels are put together once for each
 * destination, status and flag; a request finds its four handles with one lookup by host.
 */
export class MeshStats implements HttpFilter {
  private readonly registry: StatsRegistry;
  private readonly config: MeshStatsConfig;
  private readonly inbound: boolean;
  private readonly probes: Counter;
  private known = new KnownSeries();
  /** Of the registry, when `known` was made. */
  private generation: number;

  constructor(config: MeshStatsConfig, context: FilterContext) {
    this.registry = context.stats;
    this.config = config;
    this.inbound = context.direction === "inbound";
    this.generation = this.registry.generation;
    this.probes = this.registry.counter(PROBES);
    countBuild(this.registry);
  }

  onRequest(exchange: Exchange): FilterStatus {
    if (exchange.isGrpc) exchange.filters.keepState(this, new GrpcMessages());
    return CONTINUE;
  }

  onRequestData(exchange: Exchange, buffer: ReadBuffer, start: number, end: number): FilterStatus {
    if (exchange.isGrpc) this.messagesOf(exchange)?.request.read(buffer, start, end);
    return CONTINUE;
  }

  onResponseData(exchange: Exchange, buffer: ReadBuffer, start: number, end: number): FilterStatus {
    if (exchange.isGrpc) this.messagesOf(exchange)?.response.read(buffer, start, end);
    return CONTINUE;
  }

  private messagesOf(exchange: Exchange): GrpcMessages | undefined {
    return exchange.filters.stateOf(this) as GrpcMessages | undefined;
  }

  onComplete(exchange: Exchange): void {
    if (this.inbound && exchange.connection?.tls == null && isProbe(exchange)) {
      this.probes.value++;
      return;
    }
    const series = this.seriesOf(exchange);
    const { bytesReceived, bytesSent, startedAt, trace } = exchange;
    const { now } = exchange.context.net.turn;
    if (series.requests !== null) series.requests.value++;
    series.duration?.record(now - startedAt);
    series.requestBytes?.record(bytesReceived);
    series.responseBytes?.record(bytesSent);
    // Tracing has decided by now which requests are kept.
    if (trace.span !== null) {
      const { traceId } = trace.context;
      const timeMs = trace.wallOffsetMs + now;
      series.duration?.exemplify(now - startedAt, traceId, timeMs);
      series.requestBytes?.exemplify(bytesReceived, traceId, timeMs);
      series.responseBytes?.exemplify(bytesSent, traceId, timeMs);
    }
    if (!exchange.isGrpc) return;
    const messages = this.messagesOf(exchange);
    if (messages === undefined) return;
    if (series.requestMessages !== null) series.requestMessages.value += messages.request.count;
    if (series.responseMessages !== null) series.responseMessages.value += messages.response.count;
  }

  private seriesOf(exchange: Exchange): Series {
    const { status, flags, isGrpc } = exchange;
    const { generation } = this.registry;
    if (generation !== this.generation) {
      this.generation = generation;
      this.known = new KnownSeries();
    }
    const destination = this.destinationOf(exchange);
    const isPlain = this.config.expressions.length === 0;
    if (flags === 0 && !isGrpc && isPlain) return (destination.byStatus[status] ??= this.make(exchange, ""));
    const grpcStatus = isGrpc ? grpcStatusOf(exchange) : "";
    const values = isPlain ? "" : valuesKey(this.config, exchange);
    const key = `${status} ${flags} ${isGrpc ? `grpc ${grpcStatus}` : ""} ${values}`;
    const { others } = destination;
    let series = others.get(key);
    if (series === undefined) {
      // What it is counted as is found again; somebody may make up ever new ones.
      if (others.size >= MAX_OTHERS) others.clear();
      others.set(key, (series = this.make(exchange, grpcStatus)));
    }
    return series;
  }

  private make(exchange: Exchange, grpcStatus: string): Series {
    const tags = this.tags(exchange, grpcStatus);
    return new Series(new MetricMaker(this.config, this.registry, tags, exchange), exchange.isGrpc);
  }

  private destinationOf(exchange: Exchange): Destination {
    const { cluster, host, route } = exchange;
    const { known } = this;
    if (this.inbound) {
      const tls = exchange.connection?.tls ?? null;
      if (tls !== null) return this.destinationOfPeer(tls, host !== null);
    }
    if (host !== null) {
      const byHost = this.inbound || exchange.upstreamInfo?.tls == null ? known.byHost : known.bySecuredHost;
      let destination = byHost.get(host);
      if (destination === undefined) byHost.set(host, (destination = new Destination()));
      return destination;
    }
    if (cluster === null) return isBlocked(route) ? known.blocked : known.nowhere;
    let destination = known.byCluster.get(cluster);
    if (destination === undefined) known.byCluster.set(cluster, (destination = new Destination()));
    return destination;
  }

  private destinationOfPeer(tls: TlsInfo, reached: boolean): Destination {
    const { byPeer } = this.known;
    let from = byPeer.get(tls);
    if (from === undefined || from.workload !== tls.peerWorkload) {
      byPeer.set(tls, (from = new FromPeer(tls.peerWorkload)));
    }
    return reached ? from.reached : from.others;
  }

  private tags(exchange: Exchange, grpcStatus: string): Tags {
    const { cluster, host, route, status, flags, isGrpc } = exchange;
    const tls = this.inbound ? (exchange.connection?.tls ?? null) : (exchange.upstreamInfo?.tls ?? null);
    const ends = {
      inbound: this.inbound,
      local: this.config.local,
      tls,
      cluster,
      host,
      nameless: isBlocked(route) ? BLACK_HOLE : UNKNOWN,
    };
    return inOrder(HTTP_LABELS, {
      ...endLabels(ends),
      request_protocol: isGrpc ? "grpc" : "http",
      response_code: String(status),
      grpc_response_status: grpcStatus,
      response_flags: shortFlags(flags),
    });
  }
}

/** Combinations of status, flags and what expressions say that one destination remembers. */
const MAX_OTHERS = 1_000;

/** Numbers that gRPC may have; the peer can say anything. */
const GRPC_STATUS_NUMBER = /^\d{1,3}$/;

function grpcStatusOf(exchange: Exchange): string {
  const text = statedGrpcStatus(exchange) ?? "";
  return GRPC_STATUS_NUMBER.test(text) ? text : "";
}

/**
 * What asks in plaintext whether the application is well: Istio has kubelets ask its agent instead, so that no proxy counts them. (istio/istio
 * `pkg/kube/inject/app_probe.go`; the names are Kubernetes' and Envoy's)
 */
function isProbe({ request: { headers } }: Exchange): boolean {
  if (!headers.has(USER_AGENT)) return false;
  const agent = headers.get(USER_AGENT);
  return agent.startsWith("kube-probe/") || agent === "Envoy/HC";
}

/** By the name of the route that istiod makes for them. */
function isBlocked(route: RoutePlan | null): boolean {
  return route?.name === "block_all";
}
