/** Priorities, panic, localities and zones. Envoy test/common/upstream/load_balancer_impl_test.cc has the same sums. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { priorityLoads } from "../../src/upstream/balancer/priority-loads.ts";
import { NO_LOCALITY_ROUTING } from "../support/plans.ts";
import { balanced, context, draws, host, hostSet, mixed, seededRandom, tally, type TestHost, zone } from "./support.ts";

const ROUND_ROBIN = { policy: "round-robin", slowStart: null } as const;
const RANDOM = { policy: "random" } as const;

/** [healthy, degraded, unhealthy] of each priority → loads to healthy, to degraded, who is in panic. */
const LOADS: readonly [
  string,
  readonly (readonly [number, number, number])[],
  number[],
  number[],
  boolean[],
  number?,
][] = [
  [
    "all healthy",
    [
      [2, 0, 0],
      [2, 0, 0],
    ],
    [100, 0],
    [0, 0],
    [false, false],
  ],
  [
    "72 % healthy are as good as all",
    [
      [72, 0, 28],
      [100, 0, 0],
    ],
    [100, 0],
    [0, 0],
    [false, false],
  ],
  [
    "below that, the rest spills over",
    [
      [50, 0, 50],
      [100, 0, 0],
    ],
    [70, 30],
    [0, 0],
    [false, false],
  ],
  [
    "into the third",
    [
      [25, 0, 75],
      [25, 0, 75],
      [100, 0, 0],
    ],
    [35, 35, 30],
    [0, 0, 0],
    [false, false, false],
  ],
  [
    "an empty first priority",
    [
      [0, 0, 0],
      [1, 0, 0],
    ],
    [0, 100],
    [0, 0],
    [false, false],
  ],
  [
    "degraded hosts take what healthy ones of any priority leave",
    [
      [1, 1, 2],
      [1, 1, 2],
    ],
    [35, 35],
    [30, 0],
    [false, false],
  ],
  [
    "too little in all: scaled up to 100, panic by priority",
    [
      [1, 0, 9],
      [2, 0, 8],
      [1, 0, 9],
    ],
    [35, 48, 17].map(() => 0),
    [0, 0, 0],
    [true, true, true],
  ],
  [
    "one of two in panic",
    [
      [5, 0, 95],
      [60, 0, 40],
    ],
    [8, 92],
    [0, 0],
    [true, false],
  ],
  [
    "nobody healthy: total panic, by the number of hosts",
    [
      [0, 0, 3],
      [0, 0, 1],
    ],
    [75, 25],
    [0, 0],
    [true, true],
  ],
  [
    "total panic, rounding goes to the first that has hosts",
    [
      [0, 0, 0],
      [0, 0, 1],
      [0, 0, 2],
    ],
    [0, 34, 66],
    [0, 0, 0],
    [true, true, true],
  ],
  [
    "no panic wanted: the first priority says no",
    [
      [0, 0, 3],
      [0, 0, 1],
    ],
    [100, 0],
    [0, 0],
    [false, false],
    0,
  ],
  ["no hosts at all", [[0, 0, 0]], [100], [0], [true]],
];

for (const [what, priorities, healthy, degraded, panic, threshold = 50] of LOADS) {
  test(`loads: ${what}`, () => {
    const sets = priorities.map(([good, half, bad]) => hostSet(mixed(good, half, bad)));
    const loads = priorityLoads(sets, threshold);
    assert.deepEqual(loads.panic, panic);
    if (healthy.some((each) => each > 0)) assert.deepEqual({ ...loads, panic: 0 }, { healthy, degraded, panic: 0 });
    assert.equal(
      [...loads.healthy, ...loads.degraded].reduce((a, b) => a + b),
      100,
    );
  });
}

test("loads: the overprovisioning factor, and health by weight", () => {
  const half = [host("a", { weight: 3 }), host("b", { weight: 1, health: "unhealthy" })];
  const spare = hostSet(mixed(1));
  const loads = (changes: Parameters<typeof hostSet>[1]): readonly number[] =>
    priorityLoads([hostSet(half, changes), spare], 50).healthy;
  assert.deepEqual(loads({}), [70, 30]);
  assert.deepEqual(loads({ overprovisioningFactor: 100 }), [50, 50]);
  assert.deepEqual(loads({ overprovisioningFactor: 200 }), [100, 0]);
  assert.deepEqual(loads({ weightedPriorityHealth: true, overprovisioningFactor: 100 }), [75, 25]);
});

test("loads: excluded hosts are not there", () => {
  const set = [...mixed(1), host("new", { health: "unhealthy", excluded: true })];
  assert.deepEqual(priorityLoads([hostSet(set), hostSet(mixed(1))], 50).healthy, [100, 0]);
});

test("priorities get their loads, by one draw in 1 … 100", () => {
  const { balancer } = balanced(ROUND_ROBIN, [mixed(1, 0, 1), [host("second")]]);
  assert.equal(balancer.choose(context(draws(0.695)))?.name, "healthy0");
  assert.equal(balancer.choose(context(draws(0.7)))?.name, "second");
});

test("panic uses everybody and counts; fail_traffic_on_panic uses nobody", () => {
  const random = seededRandom(3);
  const { balancer, stats } = balanced(RANDOM, [mixed(1, 0, 3)]);
  const counts = tally(balancer, 4_000, () => context(random));
  assert.equal(Object.keys(counts).length, 4);
  assert.equal(stats.lbHealthyPanic.value, 4_000);
  const failing = balanced(RANDOM, [mixed(1, 0, 3)], {
    localityRouting: { weighted: false, zoneAware: { ...NO_LOCALITY_ROUTING.zoneAware, failTrafficOnPanic: true } },
  });
  assert.equal(failing.balancer.choose(context(random)), null);
  assert.equal(failing.stats.lbHealthyPanic.value, 1);
});

const WEIGHTED = { localityRouting: { ...NO_LOCALITY_ROUTING, weighted: true } };

function inZone(name: string, weight: number, count: number, unhealthy = 0): TestHost[] {
  return mixed(count, 0, unhealthy, { locality: zone(name, weight) }).map((each) => ({
    ...each,
    name: `${name}-${each.name}`,
  }));
}

function byZone(counts: Record<string, number>): Record<string, number> {
  const zones: Record<string, number> = {};
  for (const [name, count] of Object.entries(counts)) {
    const [key] = name.split("-");
    zones[key] = (zones[key] ?? 0) + count;
  }
  return zones;
}

test("weighted localities get their weights, however many hosts they have", () => {
  const { balancer } = balanced(ROUND_ROBIN, [[...inZone("a", 1, 5), ...inZone("b", 3, 1)]], WEIGHTED);
  assert.deepEqual(byZone(tally(balancer, 400, () => context(() => 0))), { a: 100, b: 300 });
});

test("a weighted locality with too few good hosts gets less: weight × min(1, 1.4 × healthy share)", () => {
  const { balancer } = balanced(ROUND_ROBIN, [[...inZone("a", 1, 1, 1), ...inZone("b", 1, 2)]], WEIGHTED);
  assert.deepEqual(byZone(tally(balancer, 340, () => context(() => 0))), { a: 140, b: 200 });
});

test("weighted localities: one of weight 0 gets nothing; without any weight localities do not matter", () => {
  const { balancer } = balanced(ROUND_ROBIN, [[...inZone("a", 0, 1), ...inZone("b", 1, 1)]], WEIGHTED);
  assert.deepEqual(byZone(tally(balancer, 10, () => context(() => 0))), { b: 10 });
  const none = balanced(ROUND_ROBIN, [[...inZone("a", 0, 1), ...inZone("b", 0, 1)]], WEIGHTED);
  assert.deepEqual(byZone(tally(none.balancer, 10, () => context(() => 0))), { a: 5, b: 5 });
});

const zoneAware = (
  upstream: TestHost[],
  proxies: TestHost[],
  changes: Partial<typeof NO_LOCALITY_ROUTING.zoneAware> = {},
) =>
  balanced(RANDOM, [upstream], {
    own: zone("a"),
    proxies,
    localityRouting: {
      weighted: false,
      zoneAware: { ...NO_LOCALITY_ROUTING.zoneAware, minClusterSize: 1, ...changes },
    },
  });

test("zone-aware: all stays in the zone where its share of the upstream is not below its share of the proxies", () => {
  const { balancer, stats } = zoneAware(
    [...inZone("a", 0, 2), ...inZone("b", 0, 2)],
    [...inZone("a", 0, 1), ...inZone("b", 0, 1)],
  );
  const random = seededRandom(5);
  assert.deepEqual(Object.keys(byZone(tally(balancer, 200, () => context(random)))), ["a"]);
  assert.equal(stats.lbZoneRoutingAllDirectly.value, 200);
  assert.equal(stats.lbRecalculateZoneStructures.value, 1);
});

test("zone-aware: what is too much for the zone goes where there is room", () => {
  // Proxies 50:50, upstream 25:75: half of what zone a wants stays.
  const { balancer, stats } = zoneAware(
    [...inZone("a", 0, 1), ...inZone("b", 0, 3)],
    [...inZone("a", 0, 1), ...inZone("b", 0, 1)],
  );
  const random = seededRandom(5);
  const zones = byZone(tally(balancer, 4_000, () => context(random)));
  assert.ok(Math.abs(zones["a"] - 2_000) < 150, JSON.stringify(zones));
  assert.equal(stats.lbZoneRoutingSampled.value, zones["a"]);
  assert.equal(stats.lbZoneRoutingCrossZone.value, zones["b"]);
});

test("zone-aware: not below the minimum cluster size, not in one zone, not if the proxy's zone has no proxies", () => {
  const two = [...inZone("a", 0, 1), ...inZone("b", 0, 1)];
  const random = seededRandom(5);
  const spread = (upstream: TestHost[], proxies: TestHost[], min = 1) => {
    const { balancer, stats } = zoneAware(upstream, proxies, { minClusterSize: min });
    return { zones: Object.keys(byZone(tally(balancer, 100, () => context(random)))).length, stats };
  };
  const small = spread(two, two, 6);
  assert.equal(small.zones, 2);
  assert.equal(small.stats.lbZoneClusterTooSmall.value, 1);
  const elsewhere = spread(two, [...inZone("b", 0, 1), ...inZone("c", 0, 1)]);
  assert.equal(elsewhere.zones, 2);
  assert.equal(elsewhere.stats.lbLocalClusterNotOk.value, 1);
  assert.equal(spread(two, inZone("a", 0, 2)).zones, 2);
});

test("zone-aware: routing_enabled is a share of the requests", () => {
  const two = [...inZone("a", 0, 1), ...inZone("b", 0, 1)];
  const { balancer } = zoneAware(two, two, { routingEnabled: 50 });
  const random = seededRandom(9);
  const zones = byZone(tally(balancer, 4_000, () => context(random)));
  assert.ok(Math.abs(zones["a"] - 3_000) < 150, JSON.stringify(zones));
});

test("a cluster of one good priority draws nothing to find it", () => {
  const { balancer } = balanced(ROUND_ROBIN, [mixed(2)]);
  assert.equal(balancer.choose(context(draws()))?.name, "healthy0");
});
