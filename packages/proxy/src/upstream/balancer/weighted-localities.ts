import type { BalancedHost } from "./balanced-host.ts";
import { EdfScheduler } from "./edf-scheduler.ts";
import type { LocalityHosts } from "./host-set.ts";

/**
 * Localities in turn, by their weight as far as they can bear it: one with too few good hosts gets less. One schedule for healthy
 * hosts, another for degraded ones. Source: Envoy `source/extensions/load_balancing_policies/common/locality_wrr.cc`.
 */
export class WeightedLocalities {
  private readonly weights: readonly number[];
  /** The localities that have a turn, by the schedule's entries. */
  private readonly indexes: readonly number[];
  private readonly scheduler: EdfScheduler | null;

  /** @param good which of a locality's hosts this is about */
  constructor(
    localities: readonly LocalityHosts<BalancedHost>[],
    good: "healthy" | "degraded",
    overprovisioningFactor: number,
    seed: number,
  ) {
    const indexes: number[] = [];
    const weights: number[] = [];
    localities.forEach((each, i) => {
      const count = each.hosts.length - each.excluded;
      const share = count <= 0 ? 0 : Math.min(1, ((overprovisioningFactor / 100) * each[good].length) / count);
      const weight = each.locality.weight * share;
      if (weight <= 0) return;
      indexes.push(i);
      weights.push(weight);
    });
    this.indexes = indexes;
    this.weights = weights;
    this.scheduler = indexes.length === 0 ? null : new EdfScheduler(weights, seed);
  }

  /** Index of the locality whose turn it is; -1 if none has a weight. */
  next(): number {
    const { scheduler } = this;
    if (scheduler === null) return -1;
    const entry = scheduler.peek();
    scheduler.reschedule(this.weights[entry]);
    return this.indexes[entry];
  }
}
