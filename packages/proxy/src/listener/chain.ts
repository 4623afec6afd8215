import { AccessLogs } from "../http/access-logs.ts";
import { ConnectionManagerStats } from "../http/connection-manager-stats.ts";
import { type ConnectionOwner, DownstreamConnection } from "../http/downstream-connection.ts";
import { FilterChain as HttpFilterChain } from "../http/filters/filter-chain.ts";
import type { FilterRegistry } from "../http/filters/filter.ts";
import type { HttpContext, HttpRuntime } from "../http/runtime.ts";
import { ConnectionManagerTracing } from "../http/tracing.ts";
import type { AcceptedConnection } from "../net/accepted-connection.ts";
import { type DownstreamTransport, RAW_TRANSPORT } from "../net/downstream-transport.ts";
import { TlsServerTransport } from "../net/tls/server.ts";
import { SslStats } from "../net/tls/ssl-stats.ts";
import type { ByteCounters, Transport, TransportHandler } from "../net/transport.ts";
import type { OverloadState } from "../overload/manager.ts";
import type { RuntimeRef } from "../plan/runtime-values.ts";
import type { TcpProxyPlan } from "../plan/compile-tcp-proxy.ts";
import type { FilterChainPlan, HttpConnectionManagerPlan, ListenerPlan } from "../plan/listener-plan.ts";
import { DirectResponseSession } from "../tcp/direct-response.ts";
import { ConnectionStream } from "../tcp/connection-stream.ts";
import { EchoSession } from "../tcp/echo.ts";
import type { NetworkFilter } from "../tcp/filters/network-filter.ts";
import { makeNetworkFilter } from "../tcp/filters/registry.ts";
import { FilteredConnection } from "../tcp/filtered-connection.ts";
import type { Session } from "../tcp/session.ts";
import { type TcpProxyRuntime, TcpProxySession } from "../tcp/tcp-proxy.ts";
import { TcpProxyStats } from "../tcp/tcp-proxy-stats.ts";
import { Http2CodecStats } from "../stats/http2-codec-stats.ts";
import type { StatsRegistry } from "../stats/index.ts";
import type { ListenerStats } from "./listener-stats.ts";

/** What the filter chains of a data plane share. */
export interface ChainDeps {
  readonly http: HttpContext;
  readonly registry: StatsRegistry;
  readonly httpFilters: FilterRegistry;
  /** Null: nobody looks whether there is enough of everything. */
  readonly overload: OverloadState | null;
  readonly connectionLimit: ConnectionLimit;
  /** The listener of an address, that exact one or all of its port. */
  findListener(address: string, port: number): ConnectionTaker | null;
}

/** How many connections all listeners have together, and may have; Infinity: as many as like. */
export interface ConnectionLimit {
  readonly max: RuntimeRef<number>;
  inUse(): number;
}

/** What the filter chains of a listener share. */
export interface ListenerParts {
  readonly plan: ListenerPlan;
  readonly stats: ListenerStats;
  /** Null: nothing is told of its connections. */
  readonly logs: AccessLogs | null;
}

/** A listener, as others see it that give it their connections. */
export interface ConnectionTaker {
  take(connection: AcceptedConnection): void;
}

/** A filter chain in force: what its connections go through, and those that there are. */
export class Chain implements ConnectionOwner {
  readonly plan: FilterChainPlan;
  readonly bufferLimitBytes: number;
  readonly drainsWhenFailing: boolean;
  private readonly transport: DownstreamTransport;
  private readonly start: (accepted: AcceptedConnection, stream: ConnectionStream | null) => Session;
  private readonly deps: ChainDeps;
  private readonly listener: ListenerParts;
  /** With what is told of each at its end; null: nothing is. */
  private readonly sessions = new Map<Session, ConnectionStream | null>();
  private readonly onEmpty: (chain: Chain) => void;
  /** Null: what its connections end at is not HTTP. */
  private httpFilters: HttpFilterChain | null = null;
  private draining = false;
  private readonly filters: readonly NetworkFilter[];
  /** What stands before the session that is being made, if anything does. */
  private opening: FilteredConnection | null = null;

  /** @param onEmpty called whenever the last connection has gone */
  constructor(plan: FilterChainPlan, listener: ListenerParts, deps: ChainDeps, onEmpty: (chain: Chain) => void) {
    this.plan = plan;
    this.deps = deps;
    this.listener = listener;
    this.onEmpty = onEmpty;
    this.bufferLimitBytes = listener.plan.bufferLimitBytes;
    this.drainsWhenFailing = listener.plan.drainsWhenFailing;
    this.filters = plan.filters.map((each) =>
      makeNetworkFilter(each, deps.http, deps.registry, listener.plan.direction === "inbound"),
    );
    this.transport = transportOf(plan, listener.stats, deps);
    this.start = this.terminal();
  }

  /** What its connections end at. */
  private terminal(): Chain["start"] {
    const { deps, listener } = this;
    const { terminal } = this.plan;
    const { net } = deps.http;
    switch (terminal.kind) {
      case "http": {
        const runtime = httpRuntime(terminal.manager, listener, deps);
        this.httpFilters = runtime.filters;
        return (accepted) => new DownstreamConnection(deps.http, this, runtime, accepted);
      }
      case "tcp": {
        const runtime = tcpRuntime(terminal.proxy, deps);
        return (accepted, stream) => new TcpProxySession(runtime, this, stream ?? this.streamOf(accepted));
      }
      case "echo":
        return (accepted) => new EchoSession(net, this, accepted);
      default:
        return (accepted) => new DirectResponseSession(net, this, accepted, terminal.response);
    }
  }

  get secure(): boolean {
    return this.transport.secure;
  }

  get connectionCount(): number {
    return this.sessions.size;
  }

  /** To be called once, before connections come. @param onReady what its filters need from elsewhere is there */
  prepare(onReady: () => void): void {
    if (this.httpFilters === null) onReady();
    else this.httpFilters.start(onReady);
  }

  /** Its filters need nothing more from elsewhere, but for the requests that there are. */
  stop(): void {
    this.httpFilters?.stop();
  }

  /** Takes a connection. */
  open(accepted: AcceptedConnection): void {
    const { stats, logs } = this.listener;
    const { filters } = this;
    stats.cxTotal.value++;
    stats.cxActive.value++;
    const stream = logs === null && filters.length === 0 ? null : this.streamOf(accepted);
    const filtered =
      stream === null || filters.length === 0
        ? null
        : new FilteredConnection(filters, stream, this.deps.http.net, this.bufferLimitBytes);
    this.opening = filtered;
    const session = this.start(accepted, stream);
    this.opening = null;
    this.sessions.set(session, stream);
    (filtered ?? session).begin();
    if (this.draining) session.drain();
  }

  private streamOf(accepted: AcceptedConnection): ConnectionStream {
    return new ConnectionStream(this.deps.http, accepted, this.plan.info);
  }

  /** No more connections are expected; those that there are end when it does no harm. */
  drain(): void {
    this.draining = true;
    for (const session of this.sessions.keys()) session.drain();
  }

  /** Closes every connection now. */
  destroy(): void {
    for (const session of this.sessions.keys()) session.destroy();
  }

  private logClosed(stream: ConnectionStream): void {
    const { kind } = this.plan.terminal;
    // A TCP proxy has counted and said more.
    if (kind !== "tcp") {
      stream.bytesReceived = stream.connection.bytesRead;
      stream.bytesSent = stream.connection.bytesWritten;
    }
    stream.carriesHttp = kind === "http";
    this.listener.logs?.write(stream, "NotSet");
  }

  openTransport(accepted: AcceptedConnection, session: Session & TransportHandler, counters: ByteCounters): Transport {
    const { net } = this.deps.http;
    const { socket, early } = accepted;
    this.opening?.guard(session);
    const handler = this.opening ?? session;
    const transport = this.transport.open(net, socket, early, handler, counters, this.bufferLimitBytes);
    accepted.opened(transport);
    this.opening?.opened(transport);
    return transport;
  }

  onConnectionClosed(session: Session, lengthMs: number): void {
    const { stats } = this.listener;
    const stream = this.sessions.get(session) ?? null;
    this.sessions.delete(session);
    stats.cxActive.value--;
    stats.cxDestroy.value++;
    stats.cxLengthMs.record(lengthMs);
    if (stream !== null && this.listener.logs !== null) this.logClosed(stream);
    if (this.sessions.size === 0) this.onEmpty(this);
  }
}

function transportOf(
  { transportSocket, terminal }: FilterChainPlan,
  { prefix, handshakeTimeout }: ListenerStats,
  { registry, http }: ChainDeps,
): DownstreamTransport {
  if (transportSocket === null) return RAW_TRANSPORT;
  const stats = new SslStats(registry, prefix, "server");
  const takesPeers =
    transportSocket.validation !== null &&
    terminal.kind === "http" &&
    terminal.manager.codecType === "auto" &&
    terminal.manager.headerCase === null;
  return new TlsServerTransport(transportSocket, stats, handshakeTimeout, () => http.net.wallMs(), takesPeers);
}

function tcpRuntime(plan: TcpProxyPlan, { http, registry }: ChainDeps): TcpProxyRuntime {
  const { accessLogs } = plan;
  return {
    plan,
    stats: new TcpProxyStats(registry, plan.statPrefix),
    logs: accessLogs.length === 0 ? null : new AccessLogs(accessLogs, http.logs),
    net: http.net,
    random: http.random,
    findCluster: (name) => http.findCluster(name)?.current ?? null,
  };
}

function httpRuntime(
  plan: HttpConnectionManagerPlan,
  { plan: { direction, bypassesOverload }, stats: { prefix } }: ListenerParts,
  { http, registry, httpFilters, overload }: ChainDeps,
): HttpRuntime {
  const { statPrefix, filters, accessLogs, tracing } = plan;
  return {
    plan,
    stats: new ConnectionManagerStats(registry, statPrefix, prefix),
    http2Stats: new Http2CodecStats(registry, ""),
    overload: bypassesOverload ? null : overload,
    filters: new HttpFilterChain(httpFilters, filters, {
      stats: registry,
      statPrefix,
      direction,
      health: http.health,
      localCluster: http.localCluster,
      findCluster: (name) => http.findCluster(name),
      random: http.random,
      net: http.net,
      dnsCaches: http.dnsCaches,
      client: http.client,
    }),
    accessLogs: accessLogs.length === 0 ? null : new AccessLogs(accessLogs, http.logs),
    tracing:
      tracing === null
        ? null
        : new ConnectionManagerTracing(tracing, plan, direction === "outbound", http.tracers, registry),
  };
}
