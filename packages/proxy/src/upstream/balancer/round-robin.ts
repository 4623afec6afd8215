import { type BalancedHost, type Picker, equalWeights } from "./balanced-host.ts";
import { EdfScheduler } from "./edf-scheduler.ts";
import type { SlowStart } from "./slow-start.ts";

/** ROUND_ROBIN. Equal weights: one after the other from a random start; else earliest deadline first. */
export class RoundRobin<H extends BalancedHost> implements Picker<H> {
  private readonly seed: number;
  private readonly slowStart: SlowStart | null;
  private hosts: readonly H[] = [];
  private scheduler: EdfScheduler | null = null;
  /** Counts on whatever the hosts are: a changed set is no reason to begin anew. */
  private turn: number;

  /** @param seed a random 32-bit number: proxies that got the same endpoints must not all start with the same one */
  constructor(seed: number, slowStart: SlowStart | null) {
    this.seed = seed;
    this.slowStart = slowStart;
    this.turn = seed;
  }

  setHosts(hosts: readonly H[]): void {
    const { slowStart } = this;
    this.hosts = hosts;
    slowStart?.note(hosts);
    const plain = hosts.length <= 1 || (equalWeights(hosts) && (slowStart === null || slowStart.over));
    this.scheduler = plain
      ? null
      : new EdfScheduler(
          hosts.map((host) => this.weightOf(host)),
          this.seed,
        );
  }

  pick(_random: () => number): H | null {
    const { hosts, scheduler } = this;
    const n = hosts.length;
    if (n === 0) return null;
    if (scheduler === null) return hosts[this.turn++ % n];
    const host = hosts[scheduler.peek()];
    scheduler.reschedule(this.weightOf(host));
    return host;
  }

  private weightOf(host: H): number {
    const { slowStart } = this;
    return slowStart === null || slowStart.over ? host.weight : host.weight * slowStart.factor(host);
  }
}
