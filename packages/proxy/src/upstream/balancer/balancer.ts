/** What a balancer needs to know of a host. Both are read at each pick, so they may change in place. */
export interface BalancedHost {
  /** ≥ 1. */
  readonly weight: number;
  readonly activeRequests: number;
}

/** Chooses a host. Made for one set of hosts; a changed set gets a new balancer. */
export interface Balancer<H extends BalancedHost> {
  /** `random` gives [0, 1). Null if there is no host. */
  pick(random: () => number): H | null;
}

export function equalWeights(hosts: readonly BalancedHost[]): boolean {
  for (let i = 1; i < hosts.length; i++) if (hosts[i].weight !== hosts[0].weight) return false;
  return true;
}
