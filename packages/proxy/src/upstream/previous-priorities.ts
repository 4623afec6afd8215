import type { BalancedHost } from "./balancer/balanced-host.ts";
import type { HostSet } from "./balancer/host-set.ts";
import {
  type Availability,
  type PriorityLoads,
  availability,
  distribute,
  isNobody,
} from "./balancer/priority-loads.ts";
import type { Host } from "./host.ts";
import type { RetryPriority } from "./load-balancer-context.ts";

/**
 * `envoy.retry_priorities.previous_priorities`: retries go to priorities that have not been tried, as far as there are any. Part of
 * one exchange. Source: Envoy `source/extensions/retry/priority/previous_priorities/previous_priorities.cc`.
 */
export class PreviousPriorities implements RetryPriority {
  /** So many attempts before the next priority is left out. */
  private readonly frequency: number;
  private readonly attempted: number[] = [];
  private readonly excluded: boolean[] = [];
  private loads: PriorityLoads | null = null;

  constructor(frequency: number) {
    this.frequency = frequency;
  }

  onAttempt(host: Host): void {
    this.attempted.push(host.priority);
  }

  adjust<H extends BalancedHost>(sets: readonly HostSet<H>[], original: PriorityLoads): PriorityLoads {
    const { attempted, excluded, frequency } = this;
    if (attempted.length < frequency) return original;
    if (attempted.length % frequency === 0) {
      for (const priority of attempted) excluded[priority] = true;
      this.loads = this.withoutExcluded(sets, original);
    }
    return this.loads ?? original;
  }

  /** Null if nobody is available anywhere. */
  private withoutExcluded<H extends BalancedHost>(
    sets: readonly HostSet<H>[],
    { panic }: PriorityLoads,
  ): PriorityLoads | null {
    const { excluded } = this;
    const all = availability(sets);
    const keep = (each: number, priority: number): number => (excluded[priority] ? 0 : each);
    let left: Availability = { healthy: all.healthy.map(keep), degraded: all.degraded.map(keep) };
    if (isNobody(left)) {
      // All have been tried: begin anew.
      excluded.length = 0;
      this.attempted.length = 0;
      left = all;
    }
    if (isNobody(left)) return null;
    return { ...distribute(left), panic };
  }
}
