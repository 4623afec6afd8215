import type { AcceptedSocket } from "../net/accepted-socket.ts";
import { Acceptor } from "../net/acceptor.ts";
import { RAW_TRANSPORT } from "../net/downstream-transport.ts";
import type { ListenerPlan } from "../plan/listener-plan.ts";
import type { Counter, Gauge, Histogram, StatsRegistry } from "../stats/index.ts";
import { AccessLogs } from "./access-logs.ts";
import { ConnectionManagerStats } from "./connection-manager-stats.ts";
import { type ConnectionOwner, DownstreamConnection } from "./downstream-connection.ts";
import { FilterChain } from "./filters/filter-chain.ts";
import type { FilterRegistry } from "./filters/filter.ts";
import type { HttpContext, HttpRuntime } from "./runtime.ts";
import { ConnectionManagerTracing } from "./tracing.ts";

/** A bound listener: accepts connections and keeps track of them. */
export class Listener implements ConnectionOwner {
  plan: ListenerPlan;
  runtime: HttpRuntime;
  private readonly context: HttpContext;
  private readonly registry: StatsRegistry;
  private readonly filters: FilterRegistry;
  private readonly acceptor: Acceptor;
  private readonly connections = new Set<DownstreamConnection>();
  private readonly onEmpty: () => void;
  private readonly cxTotal: Counter;
  private readonly cxActive: Gauge;
  private readonly cxDestroy: Counter;
  private readonly cxLengthMs: Histogram;
  private draining = false;

  /** @param onEmpty called whenever the last connection has gone */
  constructor(
    context: HttpContext,
    plan: ListenerPlan,
    registry: StatsRegistry,
    filters: FilterRegistry,
    onEmpty: () => void,
    onError: (error: Error) => void,
  ) {
    this.context = context;
    this.plan = plan;
    this.registry = registry;
    this.filters = filters;
    this.onEmpty = onEmpty;
    this.runtime = this.makeRuntime(plan);
    const prefix = statPrefix(plan);
    this.cxTotal = registry.counter(`${prefix}downstream_cx_total`);
    this.cxActive = registry.gauge(`${prefix}downstream_cx_active`);
    this.cxDestroy = registry.counter(`${prefix}downstream_cx_destroy`);
    this.cxLengthMs = registry.histogram(`${prefix}downstream_cx_length_ms`);
    this.acceptor = new Acceptor((socket) => this.accept(socket), onError);
  }

  /** Rejects with the system's error. */
  listen(): Promise<{ address: string; port: number }> {
    return this.acceptor.listen(this.plan.address, this.plan.port);
  }

  get bound(): { address: string; port: number } {
    return this.acceptor.bound;
  }

  get connectionCount(): number {
    return this.connections.size;
  }

  get drainsWhenFailing(): boolean {
    return this.plan.drainsWhenFailing;
  }

  get bufferLimitBytes(): number {
    return this.plan.bufferLimitBytes;
  }

  /** New requests see the new plan; those in flight, and connections' codecs, keep what they started with. */
  update(plan: ListenerPlan): void {
    this.runtime = this.makeRuntime(plan);
    this.plan = plan;
  }

  stopAccepting(): void {
    this.acceptor.stop();
  }

  drain(): void {
    this.draining = true;
    const { turn } = this.context.net;
    turn.begin();
    for (const connection of this.connections) connection.drain();
    turn.end();
  }

  /** Closes every connection now. */
  destroy(): void {
    this.acceptor.stop();
    for (const connection of this.connections) connection.destroy();
  }

  onConnectionClosed(connection: DownstreamConnection, lengthMs: number): void {
    this.connections.delete(connection);
    this.cxActive.value--;
    this.cxDestroy.value++;
    this.cxLengthMs.record(lengthMs);
    if (this.connections.size === 0) this.onEmpty();
  }

  private accept(accepted: AcceptedSocket): void {
    const { net } = this.context;
    net.turn.begin();
    try {
      this.cxTotal.value++;
      this.cxActive.value++;
      const connection = new DownstreamConnection(this.context, this, RAW_TRANSPORT, accepted, null);
      this.connections.add(connection);
      if (this.draining) connection.drain();
    } catch (error) {
      accepted.destroy();
      net.reportBug(error);
    }
    net.turn.end();
  }

  private makeRuntime(plan: ListenerPlan): HttpRuntime {
    const manager = plan.connectionManager;
    return {
      plan: manager,
      stats: new ConnectionManagerStats(this.registry, manager.statPrefix, statPrefix(plan)),
      filters: new FilterChain(this.filters, manager.filters, {
        stats: this.registry,
        statPrefix: manager.statPrefix,
        direction: plan.direction,
        health: this.context.health,
        localCluster: this.context.localCluster,
        findCluster: (name) => this.context.findCluster(name),
        random: this.context.random,
        net: this.context.net,
        dnsCaches: this.context.dnsCaches,
      }),
      accessLogs:
        manager.accessLogs.length === 0
          ? null
          : new AccessLogs(manager.accessLogs, (path) => this.context.logs.open(path)),
      tracing:
        manager.tracing === null
          ? null
          : new ConnectionManagerTracing(
              manager.tracing,
              manager,
              plan.direction === "outbound",
              this.context.tracers,
              this.registry,
            ),
    };
  }
}

/** Envoy: `listener.127.0.0.1_8080.`; colons of IPv6 addresses become underscores, too. */
function statPrefix(plan: ListenerPlan): string {
  if (plan.statPrefix !== "") return `listener.${plan.statPrefix.replaceAll(":", "_")}.`;
  return `listener.${plan.address.replaceAll(":", "_")}_${plan.port}.`;
}
