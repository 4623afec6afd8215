import type { BalancedHost, Balancer } from "./balancer.ts";

/** RANDOM: every host alike, weights ignored, as Envoy does. */
export class Random<H extends BalancedHost> implements Balancer<H> {
  private readonly hosts: readonly H[];

  constructor(hosts: readonly H[]) {
    this.hosts = hosts;
  }

  pick(random: () => number): H | null {
    const n = this.hosts.length;
    return n === 0 ? null : this.hosts[Math.floor(random() * n)];
  }
}
