import { type BalancedHost, type Balancer, equalWeights } from "./balancer.ts";
import { EdfScheduler } from "./edf-scheduler.ts";

/** ROUND_ROBIN. Equal weights: one after the other from a random start; else earliest deadline first. */
export class RoundRobin<H extends BalancedHost> implements Balancer<H> {
  private readonly hosts: readonly H[];
  private readonly scheduler: EdfScheduler | null;
  /** -1 until the first pick has chosen the start. */
  private next = -1;

  constructor(hosts: readonly H[]) {
    this.hosts = hosts;
    this.scheduler = equalWeights(hosts) ? null : new EdfScheduler(hosts.map((host) => host.weight));
  }

  pick(random: () => number): H | null {
    const { hosts, scheduler } = this;
    const n = hosts.length;
    if (n === 0) return null;
    if (scheduler === null) {
      if (this.next < 0) this.next = Math.floor(random() * n);
      const host = hosts[this.next];
      this.next = this.next + 1 === n ? 0 : this.next + 1;
      return host;
    }
    if (this.next < 0) {
      // Proxies that got the same endpoints at the same time must not all start with the same one.
      this.next = 0;
      for (let skip = Math.floor(random() * n); skip > 0; skip--) this.take(scheduler);
    }
    return this.take(scheduler);
  }

  private take(scheduler: EdfScheduler): H {
    const host = this.hosts[scheduler.peek()];
    scheduler.reschedule(host.weight);
    return host;
  }
}
