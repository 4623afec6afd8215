import type { BalancedHost } from "./balanced-host.ts";
import type { SlowStart } from "./slow-start.ts";
import { WeightedPicker } from "./weighted-picker.ts";

/** ROUND_ROBIN. Equal weights: one after the other from a random start; else earliest deadline first. */
export class RoundRobin<H extends BalancedHost> extends WeightedPicker<H> {
  /** Counts on whatever the hosts are: a changed set is no reason to begin anew. */
  private turn: number;
  /** So many turns have been foreseen. */
  private ahead = 0;

  constructor(seed: number, slowStart: SlowStart | null) {
    super(seed, slowStart);
    this.turn = seed;
  }

  override setHosts(hosts: readonly H[]): void {
    super.setHosts(hosts);
    this.ahead = 0;
  }

  pick(_random: () => number): H | null {
    const { hosts, scheduler } = this;
    const n = hosts.length;
    if (n === 0) return null;
    if (scheduler !== null) return this.earliest(scheduler);
    if (this.ahead > 0) this.ahead--;
    return hosts[this.turn++ % n];
  }

  peek(_random: () => number): H | null {
    const { hosts, scheduler } = this;
    const n = hosts.length;
    if (n === 0) return null;
    return scheduler === null ? hosts[(this.turn + this.ahead++) % n] : this.foresee(scheduler);
  }

  protected weightOf(host: H): number {
    return host.weight;
  }
}
