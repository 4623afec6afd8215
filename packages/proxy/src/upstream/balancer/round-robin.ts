import type { BalancedHost } from "./balanced-host.ts";
import type { SlowStart } from "./slow-start.ts";
import { WeightedPicker } from "./weighted-picker.ts";

/** ROUND_ROBIN. Equal weights: one after the other from a random start; else earliest deadline first. */
export class RoundRobin<H extends BalancedHost> extends WeightedPicker<H> {
  /** Counts on whatever the hosts are: a changed set is no reason to begin anew. */
  private turn: number;

  constructor(seed: number, slowStart: SlowStart | null) {
    super(seed, slowStart);
    this.turn = seed;
  }

  pick(_random: () => number): H | null {
    const { hosts, scheduler } = this;
    const n = hosts.length;
    if (n === 0) return null;
    return scheduler === null ? hosts[this.turn++ % n] : this.earliest(scheduler);
  }

  protected weightOf(host: H): number {
    return host.weight;
  }
}
