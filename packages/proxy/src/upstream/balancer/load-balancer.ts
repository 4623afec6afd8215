import type { BalancerPlan, LocalityPlan } from "../../plan/cluster-plan.ts";
import type { LoadBalancerContext } from "../load-balancer-context.ts";
import type { BalancedHost } from "./balanced-host.ts";
import type { HostSet } from "./host-set.ts";

/** Where the proxies of a mesh are: what zone-aware routing compares a cluster with. */
export interface ProxyLocalities<H extends BalancedHost> {
  readonly own: LocalityPlan;
  /** `local_cluster_name`: this proxy and its like, priority 0; null: not known. */
  readonly proxies: HostSet<H> | null;
}

/** Chooses among the hosts of a cluster. */
export interface LoadBalancer<H extends BalancedHost> {
  /** The hosts, or the health of one, have changed. By priority; at least one. Not on the hot path. */
  update(sets: readonly HostSet<H>[], where: ProxyLocalities<H>): void;
  /** Null if no host may be used. */
  choose(context: LoadBalancerContext<H>): H | null;
  /** Who will probably be chosen by the call of `choose` after those that have been foreseen; null: nobody knows. */
  peek(context: LoadBalancerContext<H>): H | null;
}

/** Policies that choose among the hosts given to them; the others make their own. */
export type SetBalancerPlan = Exclude<BalancerPlan, { readonly policy: "original-dst" | "forwarding" }>;
