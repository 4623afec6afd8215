import type { NetContext } from "../net/context.ts";
import type { ClusterPlan, EndpointPlan } from "../plan/plan.ts";
import type { StatsRegistry } from "../stats/index.ts";
import { type Balancer, createBalancer } from "./balancer/index.ts";
import { ClusterStats } from "./cluster-stats.ts";
import { ClusterUse } from "./cluster-use.ts";
import { Host, hostName } from "./host.ts";
import type { LoadBalancerContext } from "./load-balancer-context.ts";

/** Envoy `DefaultOverProvisioningFactor`: 1.4, in percent. */
const OVERPROVISIONING = 140;

/** A cluster in force: its plan, its hosts with their connections, and the choice among them. */
export class Cluster {
  readonly plan: ClusterPlan;
  readonly stats: ClusterStats;
  /** Circuit breaker counts. */
  readonly use: ClusterUse;
  private readonly hosts = new Map<string, Host>();
  private endpoints: readonly EndpointPlan[] = [];
  private healthy: Balancer<Host>;
  private degraded: Balancer<Host>;
  private everyone: Balancer<Host>;
  /** Percent of picks that go to healthy and to healthy or degraded hosts; the rest finds nobody. */
  private healthyLoad = 0;
  private availableLoad = 0;
  private panic = false;

  constructor(plan: ClusterPlan, net: NetContext, registry: StatsRegistry) {
    this.plan = plan;
    this.stats = new ClusterStats(registry, plan.statName);
    this.use = new ClusterUse(plan, this.stats, net, registry);
    this.healthy = this.degraded = this.everyone = createBalancer<Host>(plan.balancer, []);
  }

  get name(): string {
    return this.plan.name;
  }

  /** In configuration order; for admin and tests. */
  allHosts(): Iterable<Host> {
    return this.hosts.values();
  }

  currentEndpoints(): readonly EndpointPlan[] {
    return this.endpoints;
  }

  /** Null if no host may be used. */
  chooseHost(context: LoadBalancerContext): Host | null {
    const host = this.chooseOnce(context.random);
    let retries = context.hostSelectionRetries;
    if (retries === 0 || host === null) return host;
    // What is drawn last is taken, wanted or not. Source: Envoy `load_balancer_impl.cc`, ZoneAwareLoadBalancerBase::chooseHost.
    let last = host;
    while (retries-- > 0 && context.avoidsHost(last)) {
      const next = this.chooseOnce(context.random);
      if (next === null) return null;
      last = next;
    }
    return last;
  }

  private chooseOnce(random: () => number): Host | null {
    if (this.panic) {
      this.stats.lbHealthyPanic.value++;
      return this.everyone.pick(random);
    }
    if (this.healthyLoad === 100) return this.healthy.pick(random);
    const draw = random() * this.availableLoad;
    return draw < this.healthyLoad ? this.healthy.pick(random) : this.degraded.pick(random);
  }

  /** Hosts are told apart by address and port: those that stay keep their connections and counters. */
  setEndpoints(endpoints: readonly EndpointPlan[]): void {
    this.endpoints = endpoints;
    const gone = new Map(this.hosts);
    this.hosts.clear();
    for (const endpoint of endpoints) {
      const key = hostName(endpoint.address, endpoint.port);
      if (this.hosts.has(key)) continue;
      const known = gone.get(key);
      gone.delete(key);
      if (known === undefined) this.hosts.set(key, new Host(endpoint, this.use));
      else {
        known.update(endpoint);
        this.hosts.set(key, known);
      }
    }
    for (const host of gone.values()) host.drain();
    this.rebalance();
  }

  private rebalance(): void {
    const { plan, stats } = this;
    const all = [...this.hosts.values()];
    const healthy = all.filter((host) => host.health === "healthy");
    const degraded = all.filter((host) => host.health === "degraded");
    this.healthy = createBalancer(plan.balancer, healthy);
    this.degraded = createBalancer(plan.balancer, degraded);
    this.everyone = createBalancer(plan.balancer, all);
    // One priority: Envoy `LoadBalancerBase::recalculatePerPriorityState`.
    const total = Math.max(1, all.length);
    const healthyShare = Math.min(100, Math.floor((OVERPROVISIONING * healthy.length) / total));
    const degradedShare = Math.min(100 - healthyShare, Math.floor((OVERPROVISIONING * degraded.length) / total));
    this.healthyLoad = healthyShare;
    this.availableLoad = healthyShare + degradedShare;
    // What is left over goes to whom there is, in proportion; one kind alone takes it all.
    if (degradedShare === 0 && healthyShare > 0) this.healthyLoad = this.availableLoad = 100;
    const available = ((healthy.length + degraded.length) * 100) / total;
    this.panic = all.length > 0 && healthyShare + degradedShare < 100 && available < plan.healthyPanicThreshold;
    stats.membershipChange.value++;
    stats.membershipTotal.value = all.length;
    stats.membershipHealthy.value = healthy.length;
    stats.membershipDegraded.value = degraded.length;
  }

  /** The cluster is gone or replaced: idle connections close, requests in flight finish. */
  drain(): void {
    for (const host of this.hosts.values()) host.drain();
  }

  /** Closes every connection now. */
  destroy(): void {
    for (const host of this.hosts.values()) host.destroy();
  }
}
