import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import type { NetContext } from "../net/context.ts";
import { NO_ENDPOINTS } from "../plan/compile-endpoints.ts";
import type {
  Assignment,
  ClusterPlan,
  EndpointPlan,
  ForwardingPlan,
  OriginalDstPlan,
  OutlierDetectionPlan,
  RoutingPriority,
} from "../plan/cluster-plan.ts";
import type { StatsRegistry } from "../stats/index.ts";
import { createBalancer } from "./balancer/create-balancer.ts";
import { HostSet } from "./balancer/host-set.ts";
import type { LoadBalancer, ProxyLocalities } from "./balancer/load-balancer.ts";
import { SubsetBalancer } from "./balancer/subset-balancer.ts";
import { ClusterStats, subsetStats } from "./cluster-stats.ts";
import { ClusterUse } from "./cluster-use.ts";
import type { DnsCaches } from "./dns/caches.ts";
import { ForwardingBalancer, endpointAt } from "./forwarding.ts";
import { HealthChecker } from "./health-check/checker.ts";
import { HealthFlag } from "./health-flags.ts";
import { Host, hostName } from "./host.ts";
import type { LoadBalancerContext } from "./load-balancer-context.ts";
import { OriginalDstBalancer } from "./original-dst.ts";
import { OutlierDetector, type OutlierEvents } from "./outlier/detector.ts";
import { OutlierStats } from "./outlier/stats.ts";
import { CONNECTS_AT_A_TIME, needsConnection, type PoolSource } from "./preconnect.ts";

/** What clusters share with each other. */
export interface ClusterDeps {
  readonly net: NetContext;
  readonly stats: StatsRegistry;
  /** [0, 1) */
  readonly random: () => number;
  /** Where the proxy itself is, "" if unknown. */
  readonly zone: string;
  /** Where ejections in a cluster are reported to; null: nowhere. */
  readonly outlierEvents: ((clusterName: string) => OutlierEvents) | null;
  readonly dnsCaches: DnsCaches;
  /** Whether this very process listens there: requests may not name it as their destination. */
  readonly isOwnPort: (address: string, port: number) => boolean;
  /** Asked when hosts change. */
  readonly localities: () => ProxyLocalities<Host>;
  /** Or the health of one. */
  readonly onHostsChanged: (cluster: Cluster) => void;
}

const CLEANUP_TIMER = 0;
const OUTLIER_TIMER = 1;

/** A cluster in force: its plan, its hosts with their connections, and the choice among them. */
export class Cluster implements TimerOwner {
  readonly plan: ClusterPlan;
  readonly stats: ClusterStats;
  /** Circuit breaker counts. */
  readonly use: ClusterUse;
  private readonly deps: ClusterDeps;
  private readonly balancer: LoadBalancer<Host>;
  /** The balancer, where it is of that kind. */
  private forwarding: ForwardingBalancer | null = null;
  private readonly hosts = new Map<string, Host>();
  /** Null: it detects none. */
  readonly outliers: OutlierDetector | null;
  private readonly checker: HealthChecker | null;
  /** Told once, when every host has been checked. */
  private onChecked: (() => void) | null = null;
  private readonly cleanup = new Timer(this, CLEANUP_TIMER);
  private readonly outlierInterval = new Timer(this, OUTLIER_TIMER);
  private assignment = NO_ENDPOINTS;
  private sets: readonly HostSet<Host>[] = [new HostSet<Host>([], NO_ENDPOINTS.policy)];

  constructor(plan: ClusterPlan, deps: ClusterDeps) {
    const { stats: registry, net } = deps;
    this.plan = plan;
    this.deps = deps;
    this.stats = new ClusterStats(registry, plan.statName, deps.zone);
    this.use = new ClusterUse(plan, this.stats, net, registry, deps.random);
    this.balancer = this.createBalancer();
    this.outliers = plan.outlierDetection === null ? null : this.createDetector(plan.outlierDetection);
    this.checker = this.createChecker();
    this.rebalance();
    this.forwarding?.start();
  }

  private createChecker(): HealthChecker | null {
    const { plan, deps } = this;
    if (plan.healthCheck === null) return null;
    return new HealthChecker(plan, plan.healthCheck, {
      ...deps,
      http2Stats: () => this.use.http2Stats,
      hasTraffic: () => this.stats.cxTotal.value > 0,
      onResult: (host, passed, changed) => this.onCheckResult(host, passed, changed),
    });
  }

  private onCheckResult(host: Host, passed: boolean, changed: boolean): void {
    if (changed && host.hasFlag(HealthFlag.FAILED_ACTIVE_HC)) {
      host.renewConnections();
      if (host.hasFlag(HealthFlag.PENDING_DYNAMIC_REMOVAL)) {
        this.hosts.delete(hostKey(host.plan));
        this.forgetHost(host);
        this.stats.membershipChange.value++;
      }
    } else if (passed && host.outlier !== null && !host.hasFlag(HealthFlag.FAILED_ACTIVE_HC)) {
      this.outliers?.onHealthy(host.outlier);
    }
    if (changed) this.rebalance();
    this.tellChecked();
  }

  /** Calls once every host has been checked for the first time; at once where nobody checks. */
  whenChecked(call: () => void): void {
    this.onChecked = call;
    this.tellChecked();
  }

  private tellChecked(): void {
    const { onChecked } = this;
    if (onChecked === null || this.checker?.allChecked === false) return;
    this.onChecked = null;
    // What the first checks have found out of hosts that failed them (Envoy `ClusterImplBase::finishInitialization`).
    if (this.checker !== null) this.rebalance();
    onChecked();
  }

  private createDetector(plan: OutlierDetectionPlan): OutlierDetector {
    const { stats, net, random, outlierEvents } = this.deps;
    this.armOutlierInterval(plan);
    return new OutlierDetector(plan, {
      stats: new OutlierStats(stats, this.plan.statName),
      clock: net.turn,
      random,
      onChange: () => this.rebalance(),
      events: outlierEvents === null ? null : outlierEvents(this.name),
    });
  }

  private armOutlierInterval({ intervalMs }: OutlierDetectionPlan): void {
    const { timers, turn } = this.deps.net;
    timers.arm(this.outlierInterval, turn.now, intervalMs);
  }

  private createBalancer(): LoadBalancer<Host> {
    const { plan, stats, deps } = this;
    const { balancer, localityRouting, healthyPanicThreshold } = plan;
    if (balancer.policy === "original-dst") {
      this.armCleanup(balancer);
      return new OriginalDstBalancer(
        balancer,
        (address, port) => (deps.isOwnPort(address, port) ? null : this.hostAt(address, port)),
        stats.originalDstHostInvalid,
      );
    }
    if (balancer.policy === "forwarding") return (this.forwarding = this.createForwarding(balancer));
    const { subsets } = plan;
    const options = {
      localityRouting:
        subsets === null || subsets.localityWeightAware ? localityRouting : { ...localityRouting, weighted: false },
      healthyPanicThreshold,
      stats,
      gauge: (name: string) => deps.stats.gauge(`cluster.${plan.statName}.${name}`),
      load: stats.rqActive,
      clock: deps.net.turn,
      random: deps.random,
    };
    if (subsets === null) return createBalancer<Host>(balancer, options);
    const create = (): LoadBalancer<Host> => createBalancer<Host>(balancer, options);
    return new SubsetBalancer<Host>(subsets, subsetStats(deps.stats, plan.statName), create);
  }

  private createForwarding({ cache }: ForwardingPlan): ForwardingBalancer {
    const hosts = {
      add: (key: string, endpoint: EndpointPlan) => this.addHost(key, endpoint),
      remove: (key: string) => this.removeHost(key),
    };
    const { dnsCaches, net, isOwnPort } = this.deps;
    return new ForwardingBalancer(dnsCaches.of(cache), hosts, { clock: net.turn, isOwnPort });
  }

  get name(): string {
    return this.plan.name;
  }

  /** How many hosts there are, as the gauges tell it. */
  get membership(): { readonly total: number; readonly healthy: number; readonly degraded: number } {
    const { membershipTotal, membershipHealthy, membershipDegraded } = this.stats;
    return { total: membershipTotal.value, healthy: membershipHealthy.value, degraded: membershipDegraded.value };
  }

  /** In configuration order; for admin and tests. */
  allHosts(): Iterable<Host> {
    return this.hosts.values();
  }

  currentAssignment(): Assignment {
    return this.assignment;
  }

  /** Of priority 0, as zone-aware routing of other clusters wants them if this is the proxies' own. */
  firstPriority(): HostSet<Host> {
    return this.sets[0];
  }

  /** Null if no host may be used, or no more of them. */
  chooseHost(context: LoadBalancerContext, priority: RoutingPriority): Host | null {
    const { wantedHost } = context;
    let host = wantedHost === null ? null : this.wanted(wantedHost.address);
    if (host === null && wantedHost?.strict !== true) host = this.balancer.choose(context);
    if (host === null) {
      if (context.awaited) return null;
      this.stats.cxNoneHealthy.value++;
      return null;
    }
    return host.pool(priority).canBeUsed() ? host : null;
  }

  /**
   * Opens connections to the hosts that will probably be chosen next; to be called before a request gets one of its own.
   * Source: Envoy `ClusterManagerImpl::maybePreconnect`.
   */
  preconnect(context: LoadBalancerContext, pools: PoolSource): void {
    const { preconnect } = this.plan;
    if (preconnect === null || preconnect.predictive === 1) return;
    const { predictive: ratio } = preconnect;
    const { rqPendingActive: pending, rqActive: active } = this.stats;
    for (let i = 0; i < CONNECTS_AT_A_TIME; i++) {
      if (!needsConnection(pending.value, active.value, this.use.room, ratio, 1)) return;
      const host = this.balancer.peek(context);
      if (host === null || !pools.poolOf(this, host).preconnect(ratio)) return;
    }
  }

  /** Null if there is none of that name, or it is in no state to be named. Source: Envoy `HostUtility::selectOverrideHost`. */
  private wanted(address: string): Host | null {
    const host = this.hosts.get(address) ?? null;
    return host !== null && this.plan.wantedHostHealth.has(host.namedHealth) ? host : null;
  }

  /** Hosts are told apart by addresses and port: those that stay keep their connections and counters. */
  setEndpoints(assignment: Assignment): void {
    this.assignment = assignment;
    const gone = new Map(this.hosts);
    /** Priorities whose hosts came or went. */
    const changed = new Set<number>();
    this.hosts.clear();
    for (const endpoint of assignment.endpoints) {
      const key = hostKey(endpoint);
      if (this.hosts.has(key)) continue;
      const known = gone.get(key);
      gone.delete(key);
      if (known !== undefined && known.priority !== endpoint.priority) changed.add(known.priority);
      if (known?.priority !== endpoint.priority) changed.add(endpoint.priority);
      known?.update(endpoint);
      this.hosts.set(key, known ?? this.createHost(endpoint));
    }
    for (const [key, host] of gone) {
      if (this.outlivesDiscovery(host)) {
        host.setFlag(HealthFlag.PENDING_DYNAMIC_REMOVAL, true);
        this.hosts.set(key, host);
        continue;
      }
      changed.add(host.priority);
      this.forgetHost(host);
    }
    this.stats.membershipChange.value += changed.size;
    this.rebalance();
    this.tellChecked();
  }

  /** Discovery may err: who passes checks stays until he fails one. Source: Envoy `BaseDynamicClusterImpl::updateDynamicHostList`. */
  private outlivesDiscovery(host: Host): boolean {
    const { healthCheck } = this.plan;
    return (
      healthCheck !== null &&
      !healthCheck.removesHealthyHosts &&
      host.isChecked &&
      !host.hasFlag(HealthFlag.FAILED_ACTIVE_HC) &&
      !host.hasFlag(HealthFlag.FAILED_EDS_HEALTH)
    );
  }

  private createHost(endpoint: EndpointPlan): Host {
    const host = new Host(endpoint, this.use);
    if (this.outliers !== null) host.outlier = this.outliers.add(host);
    if (this.checker !== null && host.isChecked) {
      host.setFlag(HealthFlag.FAILED_ACTIVE_HC, true);
      host.setFlag(HealthFlag.PENDING_ACTIVE_HC, this.plan.healthCheck?.excludesNewHosts === true);
      this.checker.add(host);
    }
    return host;
  }

  private forgetHost(host: Host): void {
    if (host.outlier !== null) this.outliers?.remove(host.outlier);
    this.checker?.remove(host);
    host.drain();
  }

  /** ORIGINAL_DST: whoever is asked for is there. */
  private hostAt(address: string, port: number): Host {
    const key = hostName(address, port);
    let host = this.hosts.get(key);
    if (host === undefined) {
      host = this.addHost(key, endpointAt(address, port));
    }
    host.asked = true;
    return host;
  }

  private addHost(key: string, endpoint: EndpointPlan): Host {
    const host = this.createHost(endpoint);
    this.hosts.set(key, host);
    this.stats.membershipChange.value++;
    this.rebalance();
    return host;
  }

  private removeHost(key: string): void {
    const host = this.hosts.get(key);
    if (host === undefined) return;
    this.hosts.delete(key);
    this.forgetHost(host);
    this.stats.membershipChange.value++;
    this.rebalance();
  }

  private armCleanup({ cleanupMs }: OriginalDstPlan): void {
    const { timers, turn } = this.deps.net;
    timers.arm(this.cleanup, turn.now, cleanupMs);
  }

  onTimer(kind: number): void {
    if (kind === OUTLIER_TIMER) this.checkOutliers();
    else this.cleanUp();
  }

  private checkOutliers(): void {
    const { outliers } = this;
    if (outliers === null) return;
    outliers.onInterval();
    this.armOutlierInterval(outliers.plan);
  }

  /** ORIGINAL_DST: forgets hosts that nobody has asked for in a whole interval, and that have no connections. */
  private cleanUp(): void {
    const { balancer } = this.plan;
    if (balancer.policy !== "original-dst") return;
    const before = this.hosts.size;
    for (const [key, host] of this.hosts) {
      if (host.asked) host.asked = false;
      else if (host.activeConnections === 0) {
        this.hosts.delete(key);
        this.forgetHost(host);
      }
    }
    if (this.hosts.size < before) {
      this.stats.membershipChange.value++;
      this.rebalance();
    }
    this.armCleanup(balancer);
  }

  /** Hosts have changed, or the health of one. */
  rebalance(): void {
    const { policy } = this.assignment;
    const byPriority: Host[][] = [[]];
    for (const host of this.hosts.values()) {
      while (byPriority.length <= host.priority) byPriority.push([]);
      byPriority[host.priority].push(host);
    }
    this.sets = byPriority.map((hosts) => new HostSet(hosts, policy));
    this.balancer.update(this.sets, this.deps.localities());
    this.countMembers();
    this.deps.onHostsChanged(this);
  }

  private countMembers(): void {
    const { stats, sets } = this;
    const count = (kind: "hosts" | "healthy" | "degraded" | "excluded"): number =>
      sets.reduce((sum, set) => sum + set[kind].length, 0);
    stats.membershipTotal.value = count("hosts");
    stats.membershipHealthy.value = count("healthy");
    stats.membershipDegraded.value = count("degraded");
    stats.membershipExcluded.value = count("excluded");
  }

  /** The cluster is gone or replaced: idle connections close, requests in flight finish. */
  drain(): void {
    this.stop();
    for (const host of this.hosts.values()) host.drain();
  }

  /** Closes every connection now. */
  destroy(): void {
    this.stop();
    for (const host of this.hosts.values()) host.destroy();
  }

  private stop(): void {
    const { timers } = this.deps.net;
    timers.disarm(this.cleanup);
    this.forwarding?.stop();
    timers.disarm(this.outlierInterval);
    this.outliers?.close();
    this.checker?.close();
  }
}

function hostKey({ address, addresses, port }: EndpointPlan): string {
  return addresses.length === 0 ? hostName(address, port) : `${addresses.join()}:${port}`;
}
