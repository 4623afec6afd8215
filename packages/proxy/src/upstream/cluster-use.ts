import type { NetContext } from "../net/context.ts";
import type { ClusterPlan, RoutingPriority } from "../plan/cluster-plan.ts";
import { Http2CodecStats } from "../stats/http2-codec-stats.ts";
import type { StatsRegistry } from "../stats/index.ts";
import { CircuitBreakers } from "./circuit-breakers.ts";
import { TransportSockets } from "./transport-sockets.ts";
import type { ClusterStats } from "./cluster-stats.ts";
import type { Host } from "./host.ts";
import type { Resource } from "./resource.ts";

/** What a cluster's pools and connections share: its plan, its metrics, and the counts that its circuit breakers limit. */
export class ClusterUse {
  readonly plan: ClusterPlan;
  readonly stats: ClusterStats;
  readonly net: NetContext;
  readonly transports: TransportSockets;
  /** [0, 1) */
  readonly random: () => number;
  /** Of all priorities. */
  connections = 0;
  /** How many more requests its connections can take, open or being opened; kept where some are opened ahead of need. */
  room = 0;
  private readonly breakers: readonly [CircuitBreakers, CircuitBreakers];
  private readonly registry: StatsRegistry;
  private madeHttp2Stats: Http2CodecStats | null = null;

  constructor(plan: ClusterPlan, stats: ClusterStats, net: NetContext, registry: StatsRegistry, random: () => number) {
    this.plan = plan;
    this.stats = stats;
    this.net = net;
    this.registry = registry;
    this.random = random;
    this.transports = new TransportSockets(plan, registry, () => net.wallMs());
    const prefix = `cluster.${plan.statName}.circuit_breakers`;
    this.breakers = [
      new CircuitBreakers(plan.thresholds[0], registry, `${prefix}.default.`),
      new CircuitBreakers(plan.thresholds[1], registry, `${prefix}.high.`),
    ];
  }

  /** Made with the first connection that speaks it. */
  get http2Stats(): Http2CodecStats {
    return (this.madeHttp2Stats ??= new Http2CodecStats(this.registry, `cluster.${this.plan.statName}.`));
  }

  /** A connection is being opened. @param breaker counts those of its priority */
  countOpened(host: Host, breaker: Resource): void {
    const { stats } = this;
    this.connections++;
    breaker.inc();
    stats.cxTotal.value++;
    stats.cxActive.value++;
    host.activeConnections++;
    host.connectionsTotal++;
  }

  /** And is gone. @param requests that were sent on it */
  countClosed(
    host: Host,
    breaker: Resource,
    byUs: boolean,
    connected: boolean,
    openedAt: number,
    requests: number,
  ): void {
    const { stats } = this;
    this.connections--;
    breaker.dec();
    host.activeConnections--;
    stats.cxActive.value--;
    stats.cxDestroy.value++;
    if (byUs) stats.cxDestroyLocal.value++;
    else stats.cxDestroyRemote.value++;
    stats.cxLengthMs.record(this.net.turn.now - openedAt);
    stats.rqPerCx.record(requests);
    if (connected) return;
    stats.cxConnectFail.value++;
    host.connectFailures++;
  }

  /** A connection closes while requests are under way. */
  countCut(byUs: boolean): void {
    const { stats } = this;
    stats.cxDestroyWithActiveRq.value++;
    if (byUs) stats.cxDestroyLocalWithActiveRq.value++;
    else stats.cxDestroyRemoteWithActiveRq.value++;
  }

  of(priority: RoutingPriority): CircuitBreakers {
    return this.breakers[priority];
  }

  /** A retry's place under the circuit breaker, or false. What has been taken goes back by `releaseRetry`. */
  tryRetry(priority: RoutingPriority): boolean {
    return this.breakers[priority].retries.tryTake();
  }

  releaseRetry(priority: RoutingPriority): void {
    this.breakers[priority].retries.release();
  }
}
