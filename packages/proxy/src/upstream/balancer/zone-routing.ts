import type { ZoneAwarePlan } from "../../plan/cluster-plan.ts";
import type { ZoneStats } from "../cluster-stats.ts";
import type { BalancedHost } from "./balanced-host.ts";
import { type HostSet, type LocalityHosts, sameLocality } from "./host-set.ts";

const NONE = 0;
const DIRECT = 1;
const RESIDUAL = 2;

/**
 * Keeps requests in the proxy's own zone as far as the zone's share of the upstream hosts allows, given the zone's share of the
 * proxies: what is too much goes to zones with room. Only for priority 0. Percentages are in hundredths, as Envoy computes them.
 * Source: Envoy `load_balancer_impl.cc`, ZoneAwareLoadBalancerBase.
 */
export class ZoneRouting {
  private readonly stats: ZoneStats;
  private state = NONE;
  /** Hundredths of a percent of the requests that stay in the own zone. */
  private localShare = 0;
  /** Room of the localities, added up. */
  private readonly residual: number[] = [];

  constructor(stats: ZoneStats) {
    this.stats = stats;
  }

  get routes(): boolean {
    return this.state !== NONE;
  }

  /**
   * @param localities of the upstream cluster's priority 0, the own one first
   * @param proxies the local cluster: this proxy and its like; its localities likewise
   */
  update(
    plan: ZoneAwarePlan,
    upstream: HostSet<BalancedHost>,
    localities: readonly LocalityHosts<BalancedHost>[],
    proxies: readonly LocalityHosts<BalancedHost>[],
    own: LocalityHosts<BalancedHost>["locality"],
  ): void {
    this.stats.lbRecalculateZoneStructures.value++;
    this.state = NONE;
    if (localities.length < 2 || proxies.length < 2) return;
    if (!sameLocality(proxies[0].locality, own)) {
      this.stats.lbLocalClusterNotOk.value++;
      return;
    }
    if (upstream.healthy.length < plan.minClusterSize) {
      this.stats.lbZoneClusterTooSmall.value++;
      return;
    }
    const shares = sharesOf(localities, proxies);
    const hasOwn = sameLocality(localities[0].locality, own);
    if (hasOwn && shares[0].upstream > 0 && shares[0].upstream >= shares[0].local) {
      this.state = DIRECT;
      return;
    }
    this.state = RESIDUAL;
    this.localShare = hasOwn && shares[0].local > 0 ? Math.floor((shares[0].upstream * 10_000) / shares[0].local) : 0;
    this.residual.length = 0;
    let sum = 0;
    shares.forEach((share, i) => {
      if (!(i === 0 && hasOwn) && share.upstream > share.local) sum += share.upstream - share.local;
      this.residual.push(sum);
    });
  }

  /** Index of the locality that gets this request. */
  choose(random: () => number): number {
    const { stats, residual } = this;
    if (this.state === DIRECT) {
      stats.lbZoneRoutingAllDirectly.value++;
      return 0;
    }
    if (Math.floor(random() * 10_000) < this.localShare) {
      stats.lbZoneRoutingSampled.value++;
      return 0;
    }
    stats.lbZoneRoutingCrossZone.value++;
    const room = residual[residual.length - 1];
    if (room === 0) {
      stats.lbZoneNoCapacityLeft.value++;
      return Math.floor(random() * residual.length);
    }
    const threshold = Math.floor(random() * room);
    let i = 0;
    while (threshold >= residual[i]) i++;
    return i;
  }
}

/** Of each upstream locality: its part of the healthy upstream hosts, and of the healthy proxies; in hundredths of a percent. */
function sharesOf(
  localities: readonly LocalityHosts<BalancedHost>[],
  proxies: readonly LocalityHosts<BalancedHost>[],
): { readonly upstream: number; readonly local: number }[] {
  const upstreamTotal = localities.reduce((sum, each) => sum + each.healthy.length, 0);
  const localTotal = proxies.reduce((sum, each) => sum + each.healthy.length, 0);
  return localities.map((each) => {
    const count = each.healthy.length;
    if (count === 0) return { upstream: 0, local: 0 };
    const here = proxies.find((other) => sameLocality(other.locality, each.locality))?.healthy.length ?? 0;
    return {
      upstream: Math.floor((10_000 * count) / upstreamTotal),
      local: localTotal === 0 ? 0 : Math.floor((10_000 * here) / localTotal),
    };
  });
}
