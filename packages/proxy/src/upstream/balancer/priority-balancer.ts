import type { LocalityRoutingPlan, LocalityPlan } from "../../plan/cluster-plan.ts";
import type { LbStats } from "../cluster-stats.ts";
import type { LoadBalancerContext } from "../load-balancer-context.ts";
import type { BalancedHost, Picker } from "./balanced-host.ts";
import type { HostSet, LocalityHosts } from "./host-set.ts";
import type { LoadBalancer, ProxyLocalities } from "./load-balancer.ts";
import {
  choosePriority,
  inPanic,
  isDegraded,
  priorityLoads,
  type PriorityLoads,
  priorityOf,
} from "./priority-loads.ts";
import { WeightedLocalities } from "./weighted-localities.ts";
import { ZoneRouting } from "./zone-routing.ts";

/** What a balancer of a cluster is made with. */
export interface BalancerOptions<H extends BalancedHost> {
  readonly localityRouting: LocalityRoutingPlan;
  readonly healthyPanicThreshold: number;
  readonly stats: LbStats;
  readonly createPicker: () => Picker<H>;
  /** A random 32-bit number. */
  readonly seed: number;
}

/**
 * Round robin, least request and random: first a priority, then perhaps a locality, then a host, each by its own rule.
 * Source: Envoy `source/extensions/load_balancing_policies/common/load_balancer_impl.cc`, ZoneAwareLoadBalancerBase.
 */
export class PriorityBalancer<H extends BalancedHost> implements LoadBalancer<H> {
  private readonly options: BalancerOptions<H>;
  private readonly priorities: PriorityState<H>[] = [];
  private readonly zone: ZoneRouting;
  private loads: PriorityLoads = { healthy: [100], degraded: [0], panic: [false] };
  private sets: readonly HostSet<H>[] = [];
  /** Too few of the proxies themselves are well: no time for fine tuning. */
  private proxiesInPanic = false;
  /** Who chooses where there is nothing but hosts to choose among, as nearly everywhere; else null. */
  private only: Picker<H> | null = null;
  /** Random numbers that what has been foreseen depends on, in their order: the choices to come use them. */
  private readonly stash: number[] = [];
  private healthyHosts = 0;
  private source: () => number = () => 0;
  private readonly drawStashed = (): number => this.stash.shift() ?? this.source();
  private readonly drawAhead = (): number => {
    const number = this.source();
    this.stash.push(number);
    return number;
  };

  constructor(options: BalancerOptions<H>) {
    this.options = options;
    this.zone = new ZoneRouting(options.stats);
  }

  update(sets: readonly HostSet<H>[], where: ProxyLocalities<H>): void {
    const { options, priorities } = this;
    this.sets = sets;
    this.stash.length = 0;
    this.healthyHosts = sets.reduce((sum, { healthy }) => sum + healthy.length, 0);
    this.loads = priorityLoads(sets, options.healthyPanicThreshold);
    sets.forEach((set, i) => {
      const state = (priorities[i] ??= new PriorityState(options));
      state.update(set, this.loads.panic[i], where.own, where.proxies !== null && i === 0);
    });
    priorities.length = sets.length;
    this.updateZone(sets[0], where);
    const [first] = priorities;
    this.only =
      sets.length === 1 && this.loads.healthy[0] === 100 && !this.loads.panic[0] && !first.weighted && !this.zone.routes
        ? first.healthy
        : null;
  }

  private updateZone(set: HostSet<H>, { own, proxies }: ProxyLocalities<H>): void {
    if (proxies === null) return;
    const { localityRouting, healthyPanicThreshold } = this.options;
    this.proxiesInPanic = inPanic(proxies, healthyPanicThreshold);
    this.zone.update(localityRouting.zoneAware, set, this.priorities[0].localities, proxies.byLocality(own), own);
  }

  choose(context: LoadBalancerContext<H>): H | null {
    const host = this.chooseOnce(context);
    let retries = context.hostSelectionRetries;
    if (retries === 0 || host === null) return host;
    // What is drawn last is taken, wanted or not.
    let last = host;
    while (retries-- > 0 && context.avoidsHost(last)) {
      const next = this.chooseOnce(context);
      if (next === null) return null;
      last = next;
    }
    return last;
  }

  /** Foreseen are as many as there are hosts that are well, at most. Source: Envoy, peekAnotherHost and tooManyPreconnects. */
  peek(context: LoadBalancerContext<H>): H | null {
    if (this.stash.length >= this.healthyHosts) return null;
    this.source = context.random;
    return this.chooseWith(context, this.drawAhead, true);
  }

  private chooseOnce(context: LoadBalancerContext<H>): H | null {
    if (this.stash.length === 0) {
      if (this.only !== null) return this.only.pick(context.random);
      return this.chooseWith(context, context.random, false);
    }
    this.source = context.random;
    return this.chooseWith(context, this.drawStashed, false);
  }

  /** @param draw random numbers, of which the first is for the priority */
  private chooseWith(context: LoadBalancerContext<H>, draw: () => number, ahead: boolean): H | null {
    const { random } = context;
    const ofPriority = draw();
    if (this.only !== null) return pickFrom(this.only, draw, ahead);
    const { stats, localityRouting } = this.options;
    const { zoneAware } = localityRouting;
    const loads = context.retryPriority === null ? this.loads : context.retryPriority.adjust(this.sets, this.loads);
    const choice = choosePriority(loads, Math.floor(ofPriority * 100) + 1);
    const priority = priorityOf(choice);
    const degraded = isDegraded(choice);
    const state = this.priorities[priority];
    if (this.loads.panic[priority]) {
      stats.lbHealthyPanic.value++;
      return zoneAware.failTrafficOnPanic ? null : pickFrom(state.everyone, draw, ahead);
    }
    const whole = degraded ? state.degraded : state.healthy;
    if (localityRouting.weighted) {
      const locality = degraded ? state.nextDegradedLocality() : state.nextHealthyLocality();
      if (locality >= 0) return pickFrom(state.pickerOf(locality, degraded), draw, ahead);
    }
    if (priority > 0 || !this.zone.routes || random() * 100 >= zoneAware.routingEnabled) {
      return pickFrom(whole, draw, ahead);
    }
    if (this.proxiesInPanic) {
      stats.lbLocalClusterNotOk.value++;
      return zoneAware.failTrafficOnPanic ? null : pickFrom(whole, draw, ahead);
    }
    return pickFrom(state.pickerOf(this.zone.choose(random), degraded), draw, ahead);
  }
}

function pickFrom<H extends BalancedHost>(picker: Picker<H>, draw: () => number, ahead: boolean): H | null {
  return ahead ? picker.peek(draw) : picker.pick(draw);
}

/** The pickers of one priority. They live as long as the priority does: a changed set of hosts is no reason to begin anew. */
class PriorityState<H extends BalancedHost> {
  readonly healthy: Picker<H>;
  readonly degraded: Picker<H>;
  /** In panic. */
  readonly everyone: Picker<H>;
  localities: readonly LocalityHosts<H>[] = [];
  private readonly options: BalancerOptions<H>;
  private readonly healthyIn: Picker<H>[] = [];
  private readonly degradedIn: Picker<H>[] = [];
  private healthyTurns: WeightedLocalities | null = null;
  private degradedTurns: WeightedLocalities | null = null;

  constructor(options: BalancerOptions<H>) {
    this.options = options;
    this.healthy = options.createPicker();
    this.degraded = options.createPicker();
    this.everyone = options.createPicker();
  }

  /** Whether localities take turns. */
  get weighted(): boolean {
    return this.healthyTurns !== null;
  }

  update(set: HostSet<H>, panic: boolean, own: LocalityPlan, byZone: boolean): void {
    const { localityRouting, createPicker, seed } = this.options;
    this.healthy.setHosts(set.healthy);
    this.degraded.setHosts(set.degraded);
    if (panic) this.everyone.setHosts(set.hosts);
    if (!localityRouting.weighted && !byZone) return;
    const localities = set.byLocality(own);
    this.localities = localities;
    localities.forEach((each, i) => {
      (this.healthyIn[i] ??= createPicker()).setHosts(each.healthy);
      (this.degradedIn[i] ??= createPicker()).setHosts(each.degraded);
    });
    if (!localityRouting.weighted) return;
    const { overprovisioningFactor } = set.policy;
    this.healthyTurns = new WeightedLocalities(localities, "healthy", overprovisioningFactor, seed);
    this.degradedTurns = new WeightedLocalities(localities, "degraded", overprovisioningFactor, seed);
  }

  nextHealthyLocality(): number {
    return this.healthyTurns === null ? -1 : this.healthyTurns.next();
  }

  nextDegradedLocality(): number {
    return this.degradedTurns === null ? -1 : this.degradedTurns.next();
  }

  pickerOf(locality: number, degraded: boolean): Picker<H> {
    return (degraded ? this.degradedIn : this.healthyIn)[locality];
  }
}
