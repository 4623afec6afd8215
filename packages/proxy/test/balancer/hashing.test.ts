/** Ring hash and Maglev: Envoy's own vectors (test/common/upstream/{ring_hash,maglev}_lb_test.cc), weights, bounded loads. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MaglevPlan, RingHashPlan } from "../../src/plan/cluster-plan.ts";
import { balanced, context, hashed, host, mixed, seededRandom, tally, type TestHost, zone } from "./support.ts";
import { NO_LOCALITY_ROUTING } from "../support/plans.ts";

const RING: RingHashPlan = {
  policy: "ring-hash",
  hashFunction: "xx",
  minRingSize: 12,
  maxRingSize: 8_388_608,
  useHostname: false,
  balanceFactor: 0,
};
const MAGLEV: MaglevPlan = { policy: "maglev", tableSize: 7, useHostname: false, balanceFactor: 0 };
const ADDRESSES = [90, 91, 92, 93, 94, 95].map((port) => `127.0.0.1:${port}`);
const six = (): TestHost[] => ADDRESSES.map((name) => host(name));
const port = (each: TestHost | null): number => Number(each?.name.split(":").at(-1));

test("the ring has Envoy's places", () => {
  const { balancer, gauges } = balanced(RING, [six()]);
  const places: readonly (readonly [bigint, number])[] = [
    [833437586790550860n, 94],
    [928266305478181108n, 92],
    [1033482794131418490n, 90],
    [3551244743356806947n, 95],
    [3851675632748031481n, 93],
    [5583722120771150861n, 91],
    [6311230543546372928n, 91],
    [7700377290971790572n, 93],
    [13144177310400110813n, 95],
    [13444792449719432967n, 92],
    [15516499411664133160n, 94],
    [16117243373044804889n, 90],
  ];
  for (const [i, [place, expected]] of places.entries()) {
    assert.equal(port(balancer.choose(hashed(place))), expected);
    assert.equal(port(balancer.choose(hashed(place + 1n))), places[(i + 1) % places.length][1]);
  }
  assert.equal(port(balancer.choose(hashed(0n))), 94);
  assert.equal(port(balancer.choose(hashed((1n << 64n) - 1n))), 94);
  assert.equal(gauges.get("ring_hash_lb.size")?.value, 12);
  assert.equal(gauges.get("ring_hash_lb.min_hashes_per_host")?.value, 2);
  assert.equal(gauges.get("ring_hash_lb.max_hashes_per_host")?.value, 2);
});

test("a retry moves on around the ring", () => {
  const { balancer } = balanced(RING, [six()]);
  const avoided = new Set<number>();
  const retry = hashed(0n, { hostSelectionRetries: 4, avoidsHost: (each) => avoided.has(port(each)) });
  const order: number[] = [];
  for (let i = 0; i < 5; i++) {
    const chosen = port(balancer.choose(retry));
    order.push(chosen);
    avoided.add(chosen);
  }
  assert.deepEqual(order, [94, 92, 90, 95, 93]);
});

test("the ring gives hosts places by their weight, and no more than the maximum", () => {
  const weighted = [host("a", { weight: 1 }), host("b", { weight: 3 })];
  const { gauges } = balanced({ ...RING, minRingSize: 1024 }, [weighted]);
  assert.equal(gauges.get("ring_hash_lb.min_hashes_per_host")?.value, 256);
  assert.equal(gauges.get("ring_hash_lb.max_hashes_per_host")?.value, 768);
  const small = balanced({ ...RING, minRingSize: 3, maxRingSize: 5 }, [six()]);
  assert.equal(small.gauges.get("ring_hash_lb.size")?.value, 5);
  assert.equal(small.gauges.get("ring_hash_lb.min_hashes_per_host")?.value, 0);
});

test("the Maglev table has Envoy's places", () => {
  const { balancer, gauges } = balanced(MAGLEV, [six()]);
  const table = [0n, 1n, 2n, 3n, 4n, 5n, 6n].map((hash) => port(balancer.choose(hashed(hash))));
  assert.deepEqual(table, [92, 94, 90, 91, 95, 90, 93]);
  assert.equal(gauges.get("maglev_lb.min_entries_per_host")?.value, 1);
  assert.equal(gauges.get("maglev_lb.max_entries_per_host")?.value, 2);
});

test("Maglev tables by host name", () => {
  const { balancer } = balanced(MAGLEV, [[90, 91, 92, 93, 94, 95].map((name) => host(String(name)))]);
  const table = [0n, 1n, 2n, 3n, 4n, 5n, 6n].map((hash) => port(balancer.choose(hashed(hash))));
  assert.deepEqual(table, [92, 95, 90, 93, 94, 91, 90]);
});

test("Maglev tables do not depend on the order of the endpoints", () => {
  const { balancer } = balanced(MAGLEV, [six().reverse()]);
  const table = [0n, 1n, 2n, 3n, 4n, 5n, 6n].map((hash) => port(balancer.choose(hashed(hash))));
  assert.deepEqual(table, [92, 94, 90, 91, 95, 90, 93]);
});

test("Maglev with weights", () => {
  const { balancer } = balanced({ ...MAGLEV, tableSize: 17 }, [
    [host("127.0.0.1:90", { weight: 1 }), host("127.0.0.1:91", { weight: 2 })],
  ]);
  const table = Array.from({ length: 17 }, (_, i) => port(balancer.choose(hashed(BigInt(i)))));
  assert.deepEqual(table, [91, 90, 90, 91, 90, 91, 91, 90, 91, 91, 91, 91, 91, 90, 91, 90, 91]);
});

test("Maglev with the weights of localities: a locality of weight 1 and one of weight 2, each of one host", () => {
  const set = [host("127.0.0.1:90", { locality: zone("a", 1) }), host("127.0.0.1:91", { locality: zone("b", 2) })];
  const { balancer } = balanced({ ...MAGLEV, tableSize: 17 }, [set], {
    localityRouting: { ...NO_LOCALITY_ROUTING, weighted: true },
  });
  const table = Array.from({ length: 17 }, (_, i) => port(balancer.choose(hashed(BigInt(i)))));
  assert.deepEqual(table, [91, 90, 90, 91, 90, 91, 91, 90, 91, 91, 91, 91, 91, 90, 91, 90, 91]);
});

test("weighted localities without any weight have no hosts for hashing", () => {
  const { balancer } = balanced(MAGLEV, [six()], { localityRouting: { ...NO_LOCALITY_ROUTING, weighted: true } });
  assert.equal(balancer.choose(hashed(1n)), null);
});

test("a Maglev retry goes elsewhere: hash ^= 2^64 - attempt", () => {
  const { balancer } = balanced(MAGLEV, [six()]);
  const seen: number[] = [];
  const retry = hashed(0n, {
    hostSelectionRetries: 2,
    avoidsHost: (each) => {
      seen.push(port(each));
      return true;
    },
  });
  const table = [92, 94, 90, 91, 95, 90, 93];
  const at = (hash: bigint): number => table[Number(hash % 7n)];
  assert.equal(port(balancer.choose(retry)), at((1n << 64n) - 2n));
  assert.deepEqual(seen, [at(0n), at((1n << 64n) - 1n)]);
});

test("without a hash hosts are random, by their share of the table", () => {
  const { balancer } = balanced({ ...MAGLEV, tableSize: 65_537 }, [[host("a"), host("b", { weight: 3 })]]);
  const random = seededRandom(1);
  const counts = tally(balancer, 8_000, () => context(random));
  assert.ok(Math.abs(counts["a"] - 2_000) < 150, JSON.stringify(counts));
});

test("the hash decides on the priority, too", () => {
  const first = mixed(1, 0, 1, { hashKey: "x" });
  const { balancer } = balanced(MAGLEV, [first, [host("second")]]);
  // Priority 0 bears 70 %, the rest goes to priority 1.
  assert.equal(balancer.choose(hashed(69n))?.name, "healthy0");
  assert.equal(balancer.choose(hashed(70n))?.name, "second");
});

test("in panic unhealthy hosts are in the table", () => {
  const { balancer, stats } = balanced(RING, [mixed(1, 0, 5)]);
  const names = new Set<string | undefined>();
  for (let i = 0n; i < 64n; i++) names.add(balancer.choose(hashed(i << 58n))?.name);
  assert.ok(names.size > 1);
  assert.equal(stats.lbHealthyPanic.value, 64);
});

test("bounded loads: a host with more than its share is passed over, always in the same order for a hash", () => {
  const set = six();
  const load = { value: 0 };
  const { balancer } = balanced({ ...RING, balanceFactor: 100 }, [set], { load });
  const wanted = balancer.choose(hashed(0n))!;
  assert.equal(port(wanted), 94);
  wanted.activeRequests = 3;
  load.value = 3;
  const other = balancer.choose(hashed(0n))!;
  assert.notEqual(other, wanted);
  assert.equal(balancer.choose(hashed(0n)), other);
  // Everybody has too much: the least overloaded.
  for (const each of set) each.activeRequests = 9;
  set[3].activeRequests = 8;
  load.value = 0;
  assert.equal(balancer.choose(hashed(0n)), set[3]);
});
