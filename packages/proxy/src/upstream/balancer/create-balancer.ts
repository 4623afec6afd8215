import type { LocalityRoutingPlan, MaglevPlan, RingHashPlan } from "../../plan/cluster-plan.ts";
import type { Gauge } from "../../stats/index.ts";
import type { LbStats } from "../cluster-stats.ts";
import type { BalancedHost, Picker } from "./balanced-host.ts";
import { BoundedLoad } from "./bounded-load.ts";
import { HashBalancer } from "./hash-balancer.ts";
import type { HashTable, WeightedHost } from "./hash-table.ts";
import { LeastRequest } from "./least-request.ts";
import type { LoadBalancer, SetBalancerPlan } from "./load-balancer.ts";
import { MaglevTable } from "./maglev-table.ts";
import { PriorityBalancer } from "./priority-balancer.ts";
import { Random } from "./random.ts";
import { Ring } from "./ring.ts";
import { RoundRobin } from "./round-robin.ts";
import { SlowStart } from "./slow-start.ts";

export interface BalancerDeps {
  readonly localityRouting: LocalityRoutingPlan;
  readonly healthyPanicThreshold: number;
  readonly stats: LbStats;
  /** Of the cluster, by the rest of its name. */
  readonly gauge: (name: string) => Gauge;
  /** Requests in flight in the whole cluster. */
  readonly load: { readonly value: number };
  readonly clock: { readonly now: number };
  /** [0, 1) */
  readonly random: () => number;
}

/** The balancer of a policy. Pure: hosts, time and randomness come in, a host goes out. */
export function createBalancer<H extends BalancedHost>(plan: SetBalancerPlan, deps: BalancerDeps): LoadBalancer<H> {
  const { healthyPanicThreshold, localityRouting, stats } = deps;
  if (plan.policy === "ring-hash" || plan.policy === "maglev") {
    const createTable = tableFactory<H>(plan, deps);
    return new HashBalancer({
      createTable,
      weightedLocalities: localityRouting.weighted,
      healthyPanicThreshold,
      stats,
    });
  }
  const seed = Math.floor(deps.random() * 0x100000000);
  const slowStart =
    plan.policy === "random" || plan.slowStart === null ? null : new SlowStart(plan.slowStart, deps.clock);
  const createPicker = (): Picker<H> => {
    if (plan.policy === "random") return new Random();
    return plan.policy === "round-robin" ? new RoundRobin(seed, slowStart) : new LeastRequest(plan, seed, slowStart);
  };
  return new PriorityBalancer({ localityRouting, healthyPanicThreshold, stats, createPicker, seed });
}

function tableFactory<H extends BalancedHost>(
  plan: RingHashPlan | MaglevPlan,
  { gauge, load }: BalancerDeps,
): (weighted: readonly WeightedHost<H>[]) => HashTable<H> {
  const bound = (table: HashTable<H>, weighted: readonly WeightedHost<H>[]): HashTable<H> =>
    plan.balanceFactor === 0 ? table : new BoundedLoad(table, weighted, plan.balanceFactor, load);
  if (plan.policy === "ring-hash") {
    const stats = {
      size: gauge("ring_hash_lb.size"),
      minHashesPerHost: gauge("ring_hash_lb.min_hashes_per_host"),
      maxHashesPerHost: gauge("ring_hash_lb.max_hashes_per_host"),
    };
    return (weighted) => bound(new Ring(plan, weighted, stats), weighted);
  }
  const stats = {
    minEntriesPerHost: gauge("maglev_lb.min_entries_per_host"),
    maxEntriesPerHost: gauge("maglev_lb.max_entries_per_host"),
  };
  return (weighted) => bound(new MaglevTable(plan.tableSize, weighted, stats), weighted);
}
