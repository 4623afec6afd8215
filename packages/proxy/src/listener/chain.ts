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
import type { FilterChainPlan, HttpConnectionManagerPlan, ListenerPlan } from "../plan/listener-plan.ts";
import type { StatsRegistry } from "../stats/index.ts";
import type { ListenerStats } from "./listener-stats.ts";

/** What the filter chains of a data plane share. */
export interface ChainDeps {
  readonly http: HttpContext;
  readonly registry: StatsRegistry;
  readonly httpFilters: FilterRegistry;
}

/** A connection of a filter chain, whatever is spoken on it. */
export interface Session {
  drain(): void;
  destroy(): void;
}

/** A filter chain in force: what its connections go through, and those that there are. */
export class Chain implements ConnectionOwner {
  readonly plan: FilterChainPlan;
  readonly runtime: HttpRuntime;
  readonly transport: DownstreamTransport;
  readonly bufferLimitBytes: number;
  readonly drainsWhenFailing: boolean;
  private readonly deps: ChainDeps;
  private readonly stats: ListenerStats;
  private readonly sessions = new Set<Session>();
  private readonly onEmpty: (chain: Chain) => void;
  private draining = false;

  /** @param onEmpty called whenever the last connection has gone */
  constructor(
    plan: FilterChainPlan,
    listener: ListenerPlan,
    stats: ListenerStats,
    deps: ChainDeps,
    onEmpty: (chain: Chain) => void,
  ) {
    this.plan = plan;
    this.deps = deps;
    this.stats = stats;
    this.onEmpty = onEmpty;
    this.bufferLimitBytes = listener.bufferLimitBytes;
    this.drainsWhenFailing = listener.drainsWhenFailing;
    this.transport = transportOf(plan, stats, deps);
    this.runtime = httpRuntime(plan.terminal.manager, listener, stats, deps);
  }

  get connectionCount(): number {
    return this.sessions.size;
  }

  /** Takes a connection. */
  open(accepted: AcceptedConnection): void {
    const { stats } = this;
    stats.cxTotal.value++;
    stats.cxActive.value++;
    const session = new DownstreamConnection(this.deps.http, this, accepted);
    this.sessions.add(session);
    if (this.draining) session.drain();
  }

  /** No more connections are expected; those that there are end when it does no harm. */
  drain(): void {
    this.draining = true;
    for (const session of this.sessions) session.drain();
  }

  /** Closes every connection now. */
  destroy(): void {
    for (const session of this.sessions) session.destroy();
  }

  onConnectionClosed(session: Session, lengthMs: number): void {
    this.sessions.delete(session);
    this.stats.cxActive.value--;
    this.stats.cxDestroy.value++;
    this.stats.cxLengthMs.record(lengthMs);
    if (this.sessions.size === 0) this.onEmpty(this);
  }
}

function transportOf(
  { transportSocket }: FilterChainPlan,
  { prefix }: ListenerStats,
  { registry, http }: ChainDeps,
): DownstreamTransport {
  if (transportSocket === null) return RAW_TRANSPORT;
  return new TlsServerTransport(transportSocket, new SslStats(registry, prefix, "server"), () => http.net.wallMs());
}

function httpRuntime(
  plan: HttpConnectionManagerPlan,
  { direction }: ListenerPlan,
  { prefix }: ListenerStats,
  { http, registry, httpFilters }: ChainDeps,
): HttpRuntime {
  const { statPrefix, filters, accessLogs, tracing } = plan;
  return {
    plan,
    stats: new ConnectionManagerStats(registry, statPrefix, prefix),
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
    }),
    accessLogs: accessLogs.length === 0 ? null : new AccessLogs(accessLogs, (path) => http.logs.open(path)),
    tracing:
      tracing === null
        ? null
        : new ConnectionManagerTracing(tracing, plan, direction === "outbound", http.tracers, registry),
  };
}
