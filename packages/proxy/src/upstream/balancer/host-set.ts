import type { EndpointPolicy, LocalityPlan } from "../../plan/cluster-plan.ts";
import type { BalancedHost } from "./balanced-host.ts";

/** The hosts of one locality, within a priority. */
export interface LocalityHosts<H> {
  readonly locality: LocalityPlan;
  readonly hosts: readonly H[];
  readonly healthy: readonly H[];
  readonly degraded: readonly H[];
  /** How many of `hosts` are of no account. */
  readonly excluded: number;
}

/** The hosts of one priority, sorted by health. Immutable: any change makes a new one. Source: Envoy `HostSetImpl`. */
export class HostSet<H extends BalancedHost> {
  readonly hosts: readonly H[];
  readonly healthy: readonly H[];
  readonly degraded: readonly H[];
  readonly excluded: readonly H[];
  readonly policy: EndpointPolicy;

  constructor(hosts: readonly H[], policy: EndpointPolicy) {
    const sorted = sortByHealth(hosts);
    this.hosts = hosts;
    this.healthy = sorted.healthy;
    this.degraded = sorted.degraded;
    this.excluded = sorted.excluded;
    this.policy = policy;
  }

  /**
   * By locality: the proxy's own first, then by region, zone and sub-zone. Only who routes by locality asks.
   * @param own null if the proxy does not know where it is
   */
  byLocality(own: LocalityPlan | null): readonly LocalityHosts<H>[] {
    const groups = new Map<string, { locality: LocalityPlan; hosts: H[] }>();
    for (const host of this.hosts) {
      const key = localityKey(host.locality);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { locality: host.locality, hosts: [host] });
      else group.hosts.push(host);
    }
    const first = own === null ? "" : localityKey(own);
    return [...groups]
      .sort(([a], [b]) => (a === b ? 0 : a === first || (b !== first && a < b) ? -1 : 1))
      .map(([, { locality, hosts }]) => {
        const { healthy, degraded, excluded } = sortByHealth(hosts);
        return { locality, hosts, healthy, degraded, excluded: excluded.length };
      });
  }
}

export function sameLocality(a: LocalityPlan, b: LocalityPlan): boolean {
  return a.region === b.region && a.zone === b.zone && a.subZone === b.subZone;
}

/** Compares as (region, zone, sub-zone) do. */
function localityKey({ region, zone, subZone }: LocalityPlan): string {
  return `${region}\u0000${zone}\u0000${subZone}`;
}

function sortByHealth<H extends BalancedHost>(hosts: readonly H[]): { healthy: H[]; degraded: H[]; excluded: H[] } {
  const healthy: H[] = [];
  const degraded: H[] = [];
  const excluded: H[] = [];
  for (const host of hosts) {
    if (host.health === "healthy") healthy.push(host);
    else if (host.health === "degraded") degraded.push(host);
    if (host.excluded) excluded.push(host);
  }
  return { healthy, degraded, excluded };
}
