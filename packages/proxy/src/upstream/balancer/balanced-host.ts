import type { LocalityPlan } from "../../plan/cluster-plan.ts";
import type { Health } from "../health-flags.ts";

/** What balancers need to know of a host. Weight and load are read at each pick, so they may change in place. */
export interface BalancedHost {
  /** ≥ 1. */
  readonly weight: number;
  /** Requests that have a connection. */
  readonly activeRequests: number;
  readonly health: Health;
  /** Not counted among the hosts that there are. */
  readonly excluded: boolean;
  readonly locality: LocalityPlan;
  /** What consistent hashing knows it by. */
  readonly hashKey: string;
  /** When it was last found healthy: by a health check, else when it first was there. NaN: not yet. */
  lastPassedAt: number;
}

/** Chooses one of a set of hosts that are all as good as each other. Given a changed set, it goes on where it was. */
export interface Picker<H> {
  setHosts(hosts: readonly H[]): void;
  /** Null if there is no host. @param random gives [0, 1) */
  pick(random: () => number): H | null;
  /** The pick after those that have been foreseen; null if it cannot be known. */
  peek(random: () => number): H | null;
}

export function equalWeights(hosts: readonly { readonly weight: number }[]): boolean {
  for (let i = 1; i < hosts.length; i++) if (hosts[i].weight !== hosts[0].weight) return false;
  return true;
}
