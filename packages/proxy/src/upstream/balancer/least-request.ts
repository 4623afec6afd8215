import { type BalancedHost, type Balancer, equalWeights } from "./balancer.ts";
import { EdfScheduler } from "./edf-scheduler.ts";

/**
 * LEAST_REQUEST. Equal weights: the least loaded of `choiceCount` random hosts, drawn with replacement, the first of equals.
 * Else earliest deadline first with weight / (active requests + 1), i.e. `active_request_bias` 1.
 */
export class LeastRequest<H extends BalancedHost> implements Balancer<H> {
  private readonly hosts: readonly H[];
  private readonly choiceCount: number;
  private readonly scheduler: EdfScheduler | null;
  private started = false;

  constructor(hosts: readonly H[], choiceCount: number) {
    this.hosts = hosts;
    this.choiceCount = choiceCount;
    this.scheduler = equalWeights(hosts) ? null : new EdfScheduler(hosts.map(effectiveWeight));
  }

  pick(random: () => number): H | null {
    const { hosts, scheduler } = this;
    const n = hosts.length;
    if (n === 0) return null;
    if (scheduler === null) {
      let best = hosts[Math.floor(random() * n)];
      for (let choice = 1; choice < this.choiceCount; choice++) {
        const other = hosts[Math.floor(random() * n)];
        if (other.activeRequests < best.activeRequests) best = other;
      }
      return best;
    }
    if (!this.started) {
      this.started = true;
      for (let skip = Math.floor(random() * n); skip > 0; skip--) this.take(scheduler);
    }
    return this.take(scheduler);
  }

  private take(scheduler: EdfScheduler): H {
    const host = this.hosts[scheduler.peek()];
    scheduler.reschedule(effectiveWeight(host));
    return host;
  }
}

function effectiveWeight(host: BalancedHost): number {
  return host.weight / (host.activeRequests + 1);
}
