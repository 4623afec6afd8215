import { type Hash64, modulo } from "../../hash/hash64.ts";
import type { LbStats } from "../cluster-stats.ts";
import type { LoadBalancerContext } from "../load-balancer-context.ts";
import type { BalancedHost } from "./balanced-host.ts";
import type { HashTable, WeightedHost } from "./hash-table.ts";
import type { HostSet, LocalityHosts } from "./host-set.ts";
import type { LoadBalancer } from "./load-balancer.ts";
import { choosePriority, priorityLoads, type PriorityLoads, priorityOf } from "./priority-loads.ts";

export interface HashBalancerOptions<H extends BalancedHost> {
  readonly createTable: (weighted: readonly WeightedHost<H>[]) => HashTable<H>;
  /** `locality_weighted_lb_config`: a host's weight is its part of its locality's. */
  readonly weightedLocalities: boolean;
  readonly healthyPanicThreshold: number;
  readonly stats: LbStats;
}

/**
 * RING_HASH and MAGLEV: the request's hash decides on the priority and on the host. Tables are made when hosts change.
 * Source: Envoy `source/extensions/load_balancing_policies/common/thread_aware_lb_impl.cc`.
 */
export class HashBalancer<H extends BalancedHost> implements LoadBalancer<H> {
  private readonly options: HashBalancerOptions<H>;
  private loads: PriorityLoads = { healthy: [100], degraded: [0], panic: [false] };
  private tables: readonly HashTable<H>[] = [];

  constructor(options: HashBalancerOptions<H>) {
    this.options = options;
  }

  update(sets: readonly HostSet<H>[]): void {
    const { createTable, healthyPanicThreshold, weightedLocalities } = this.options;
    const loads = priorityLoads(sets, healthyPanicThreshold);
    this.loads = loads;
    this.tables = sets.map((set, i) => {
      const all = loads.panic[i];
      return createTable(weightedLocalities ? byLocalityWeight(set, all) : partsOf(all ? set.hosts : set.healthy, 1));
    });
  }

  /** The next request may have any hash. */
  peek(): null {
    return null;
  }

  choose(context: LoadBalancerContext<H>): H | null {
    const { loads, tables } = this;
    if (!context.hashRequest(hash)) {
      hash.high = Math.floor(context.random() * 0x100000000);
      hash.low = Math.floor(context.random() * 0x100000000);
    }
    const { high, low } = hash;
    const priority = tables.length === 1 ? 0 : priorityOf(choosePriority(loads, modulo(high, low, 100) + 1));
    if (loads.panic[priority]) this.options.stats.lbHealthyPanic.value++;
    const table = tables[priority];
    const retries = context.hostSelectionRetries;
    for (let attempt = 0; ; attempt++) {
      const host = table.find(high, low, attempt);
      if (host === null || attempt >= retries || !context.avoidsHost(host)) return host;
    }
  }
}

const hash: Hash64 = { high: 0, low: 0 };

function partsOf<H extends BalancedHost>(hosts: readonly H[], whole: number): WeightedHost<H>[] {
  let sum = 0;
  for (const host of hosts) sum += host.weight;
  return hosts.map((host) => ({ host, weight: (host.weight * whole) / sum }));
}

/** A locality without a weight gets nothing: if none has one, nobody does. */
function byLocalityWeight<H extends BalancedHost>(set: HostSet<H>, all: boolean): readonly WeightedHost<H>[] {
  const localities = set.byLocality(null);
  const sum = localities.reduce((total, each) => total + each.locality.weight, 0);
  if (sum === 0) return [];
  const hostsOf = (each: LocalityHosts<H>): readonly H[] => (all ? each.hosts : each.healthy);
  return localities.flatMap((each) => partsOf(hostsOf(each), each.locality.weight / sum));
}
