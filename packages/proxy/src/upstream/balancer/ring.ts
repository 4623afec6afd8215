import type { Hash64 } from "../../hash/hash64.ts";
import { murmurHash2 } from "../../hash/murmur-hash2.ts";
import { xxHash64 } from "../../hash/xx-hash64.ts";
import type { RingHashPlan } from "../../plan/cluster-plan.ts";
import type { Gauge } from "../../stats/index.ts";
import type { BalancedHost } from "./balanced-host.ts";
import type { HashTable, WeightedHost } from "./hash-table.ts";

export interface RingHashStats {
  readonly size: Gauge;
  readonly minHashesPerHost: Gauge;
  readonly maxHashesPerHost: Gauge;
}

/**
 * RING_HASH (ketama): each host stands at many places of a ring, and a hash belongs to the next one.
 * Source: Envoy `source/extensions/load_balancing_policies/ring_hash/ring_hash_lb.cc`.
 */
export class Ring<H extends BalancedHost> implements HashTable<H> {
  private readonly hosts: readonly H[];
  /** The places in order of their hashes, each in two halves, and which host stands there. */
  private readonly high: Uint32Array;
  private readonly low: Uint32Array;
  private readonly entries: Uint32Array;

  constructor(plan: RingHashPlan, weighted: readonly WeightedHost<H>[], stats: RingHashStats) {
    this.hosts = weighted.map((each) => each.host);
    const least = weighted.reduce((min, each) => Math.min(min, each.weight), 1);
    // The least host gets a whole number of places, unless that makes too many of them.
    const scale = Math.min(Math.ceil(least * plan.minRingSize) / least, plan.maxRingSize);
    const size = weighted.length === 0 ? 0 : Math.ceil(scale);
    const places: { high: number; low: number; host: number }[] = [];
    const hash: Hash64 = { high: 0, low: 0 };
    const hashText = plan.hashFunction === "murmur2" ? murmurHash2 : xxHash64;
    let target = 0;
    let fewest = size;
    let most = 0;
    weighted.forEach(({ host, weight }, i) => {
      target += scale * weight;
      const before = places.length;
      while (places.length < target) {
        hash.high = 0;
        hash.low = 0;
        hashText(`${host.hashKey}_${places.length - before}`, hash);
        places.push({ high: hash.high, low: hash.low, host: i });
      }
      fewest = Math.min(fewest, places.length - before);
      most = Math.max(most, places.length - before);
    });
    places.sort((a, b) => a.high - b.high || a.low - b.low);
    this.high = Uint32Array.from(places, (place) => place.high);
    this.low = Uint32Array.from(places, (place) => place.low);
    this.entries = Uint32Array.from(places, (place) => place.host);
    if (weighted.length === 0) return;
    stats.size.value = size;
    stats.minHashesPerHost.value = fewest;
    stats.maxHashesPerHost.value = most;
  }

  find(high: number, low: number, attempt: number): H | null {
    const { entries } = this;
    const n = entries.length;
    if (n === 0) return null;
    let from = 0;
    let to = n;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const difference = this.high[middle] - high || this.low[middle] - low;
      if (difference < 0) from = middle + 1;
      else to = middle;
    }
    return this.hosts[entries[((from === n ? 0 : from) + attempt) % n]];
  }
}
