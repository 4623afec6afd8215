import { MersenneTwister } from "../../hash/mersenne-twister.ts";
import type { BalancedHost } from "./balanced-host.ts";
import type { HashTable, WeightedHost } from "./hash-table.ts";

/**
 * Consistent hashing with bounded loads (`hash_balance_factor`): a host that has more than its share of the requests in flight is
 * passed over for others, in an order that the hash decides. Source: Envoy
 * `source/extensions/load_balancing_policies/common/thread_aware_lb_impl.cc`, BoundedLoadHashingLoadBalancer.
 */
export class BoundedLoad<H extends BalancedHost> implements HashTable<H> {
  private readonly table: HashTable<H>;
  private readonly weighted: readonly WeightedHost<H>[];
  private readonly weights: ReadonlyMap<H, number>;
  /** In percent of the average: 100 allows no more than that. */
  private readonly factor: number;
  private readonly load: { readonly value: number };
  private readonly order: Uint32Array;

  /** @param load requests in flight in the whole cluster */
  constructor(
    table: HashTable<H>,
    weighted: readonly WeightedHost<H>[],
    factor: number,
    load: { readonly value: number },
  ) {
    this.table = table;
    this.weighted = weighted;
    this.weights = new Map(weighted.map((each) => [each.host, each.weight]));
    this.factor = factor;
    this.load = load;
    this.order = new Uint32Array(weighted.length);
  }

  find(high: number, low: number, attempt: number): H | null {
    const host = this.table.find(high, low, attempt);
    if (host === null) return null;
    let least = this.overload(host, this.weights.get(host) ?? 0);
    if (least <= 1) return host;
    const { order, weighted } = this;
    const n = order.length;
    for (let i = 0; i < n; i++) order[i] = i;
    twister.seed(low);
    let best = host;
    for (let i = 0; i < n; i++) {
      const j = i + uniform(n - i);
      const chosen = order[j];
      order[j] = order[i];
      order[i] = chosen;
      const other = weighted[chosen];
      if (other.host === host) continue;
      const overload = this.overload(other.host, other.weight);
      if (overload <= 1) return other.host;
      if (overload < least) {
        best = other.host;
        least = overload;
      }
    }
    return best;
  }

  /** Above 1: it has more than it may. */
  private overload(host: H, weight: number): number {
    const total = Math.floor(((this.load.value + 1) * this.factor + 99) / 100);
    return host.activeRequests / Math.max(1, Math.ceil(total * weight));
  }
}

const twister = new MersenneTwister();

/** Evenly in [0, k). */
function uniform(k: number): number {
  const width = Math.floor(0x100000000 / k);
  for (;;) {
    const drawn = Math.floor(twister.next() / width);
    if (drawn < k) return drawn;
  }
}
