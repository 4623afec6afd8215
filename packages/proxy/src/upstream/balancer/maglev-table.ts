import { type Hash64, modulo } from "../../hash/hash64.ts";
import { xxHash64 } from "../../hash/xx-hash64.ts";
import type { Gauge } from "../../stats/index.ts";
import type { BalancedHost } from "./balanced-host.ts";
import type { HashTable, WeightedHost } from "./hash-table.ts";

export interface MaglevStats {
  readonly minEntriesPerHost: Gauge;
  readonly maxEntriesPerHost: Gauge;
}

/**
 * MAGLEV: a table that the hosts fill in turns, each in an order of its own.
 * Source: Envoy `source/extensions/load_balancing_policies/maglev/maglev_lb.cc`, after "Maglev: A Fast and Reliable Software Network
 * Load Balancer" (NSDI 2016), listing 1.
 */
export class MaglevTable<H extends BalancedHost> implements HashTable<H> {
  private readonly hosts: readonly H[];
  private readonly table: Uint32Array;

  /** @param size a prime */
  constructor(size: number, weighted: readonly WeightedHost<H>[], stats: MaglevStats) {
    // In order of their keys: which host is asked first must not depend on the order of the configuration.
    const sorted = [...weighted].sort((a, b) => compareBytes(a.host.hashKey, b.host.hashKey));
    this.hosts = sorted.map((each) => each.host);
    this.table = new Uint32Array(sorted.length === 0 ? 0 : size).fill(FREE);
    if (sorted.length === 0) return;
    const counts = this.fill(sorted, size);
    stats.minEntriesPerHost.value = counts.reduce((min, count) => Math.min(min, count), size);
    stats.maxEntriesPerHost.value = counts.reduce((max, count) => Math.max(max, count), 0);
  }

  /** Returns how many places each host has. */
  private fill(sorted: readonly WeightedHost<H>[], size: number): Uint32Array {
    const { table } = this;
    const n = sorted.length;
    const heaviest = sorted.reduce((max, each) => Math.max(max, each.weight), 0);
    const weights = Float64Array.from(sorted, (each) => each.weight);
    const next = Uint32Array.from(sorted, (each) => remainder(each.host.hashKey, 0, size));
    const skip = Uint32Array.from(sorted, (each) => remainder(each.host.hashKey, 1, size - 1) + 1);
    const targets = new Float64Array(n);
    const counts = new Uint32Array(n);
    let filled = 0;
    for (let iteration = 1; filled < size; iteration++) {
      for (let i = 0; i < n && filled < size; i++) {
        // The heaviest has a turn each time; one with a third of its weight, every third time.
        if (iteration * weights[i] < targets[i]) continue;
        targets[i] += heaviest;
        let place = next[i];
        while (table[place] !== FREE) place = (place + skip[i]) % size;
        table[place] = i;
        next[i] = (place + skip[i]) % size;
        counts[i]++;
        filled++;
      }
    }
    return counts;
  }

  find(high: number, low: number, attempt: number): H | null {
    const { table } = this;
    if (table.length === 0) return null;
    // hash ^= 2^64 - attempt: nearly all bits, so that attempts do not gather at one host.
    const place =
      attempt === 0 ? modulo(high, low, table.length) : modulo(~high >>> 0, (low ^ -attempt) >>> 0, table.length);
    return this.hosts[table[place]];
  }
}

const FREE = 0xffffffff;
const hash: Hash64 = { high: 0, low: 0 };

function remainder(key: string, seed: number, divisor: number): number {
  hash.high = 0;
  hash.low = seed;
  xxHash64(key, hash);
  return modulo(hash.high, hash.low, divisor);
}

function compareBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
