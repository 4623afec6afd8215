import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type BalancedHost, createBalancer } from "../../src/upstream/balancer/index.ts";

interface Host extends BalancedHost {
  readonly name: string;
  activeRequests: number;
}

function hosts(...weights: number[]): Host[] {
  return weights.map((weight, i) => ({ name: `h${i}`, weight, activeRequests: 0 }));
}

/** Gives the listed numbers in turn, then fails: a balancer must not draw more than it needs. */
function draws(...values: number[]): () => number {
  let at = 0;
  return () => {
    assert.ok(at < values.length, "more random numbers drawn than expected");
    return values[at++];
  };
}

const ROUND_ROBIN = { policy: "round-robin", choiceCount: 2 } as const;
const LEAST_REQUEST = { policy: "least-request", choiceCount: 2 } as const;
const RANDOM = { policy: "random", choiceCount: 2 } as const;

test("no host: every policy gives null", () => {
  for (const plan of [ROUND_ROBIN, LEAST_REQUEST, RANDOM])
    assert.equal(
      createBalancer(plan, []).pick(() => 0),
      null,
    );
});

test("round robin with equal weights goes in strict order from a random start, drawn once", () => {
  const balancer = createBalancer(ROUND_ROBIN, hosts(3, 3, 3, 3));
  const random = draws(0.5);
  const order = Array.from({ length: 9 }, () => balancer.pick(random)?.name);
  assert.deepEqual(order, ["h2", "h3", "h0", "h1", "h2", "h3", "h0", "h1", "h2"]);
});

test("round robin with weights 1..128 gives every host exactly its weight over the sum of weights", () => {
  const set = hosts(...Array.from({ length: 128 }, (_, i) => i + 1));
  const balancer = createBalancer(ROUND_ROBIN, set);
  const sum = (128 * 129) / 2;
  const counts = new Map<string, number>();
  for (let i = 0; i < sum; i++) {
    const host = balancer.pick(() => 0)!;
    counts.set(host.name, (counts.get(host.name) ?? 0) + 1);
  }
  for (const host of set) assert.equal(counts.get(host.name), host.weight, host.name);
});

test("round robin with unequal weights spreads a heavy host out and breaks ties first in, first out", () => {
  const balancer = createBalancer(ROUND_ROBIN, hosts(1, 2, 1));
  const order = Array.from({ length: 8 }, () => balancer.pick(() => 0)?.name);
  // Deadlines: h1 0.5; h0 1, h2 1 (put in before h1's second), h1 1; then the same again.
  assert.deepEqual(order, ["h1", "h0", "h2", "h1", "h1", "h0", "h2", "h1"]);
});

test("round robin with unequal weights skips a random number of turns at first, so that proxies do not march in step", () => {
  const plain = createBalancer(ROUND_ROBIN, hosts(1, 2, 1));
  const skipped = createBalancer(ROUND_ROBIN, hosts(1, 2, 1));
  const expected = Array.from({ length: 10 }, () => plain.pick(() => 0)?.name).slice(2);
  const random = draws(0.9);
  assert.deepEqual(
    Array.from({ length: 8 }, () => skipped.pick(random)?.name),
    expected,
  );
});

test("a changed weight counts from the host's next turn on", () => {
  const set = [
    { name: "a", weight: 1, activeRequests: 0 },
    { name: "b", weight: 3, activeRequests: 0 },
  ];
  const balancer = createBalancer(ROUND_ROBIN, set);
  for (let i = 0; i < 8; i++) balancer.pick(() => 0);
  set[0].weight = 3;
  const counts = { a: 0, b: 0 };
  for (let i = 0; i < 400; i++) counts[balancer.pick(() => 0)!.name as "a" | "b"]++;
  assert.ok(Math.abs(counts.a - 200) <= 2, `a was picked ${counts.a} times of 400`);
});

test("least request takes the less loaded of two draws", () => {
  const set = hosts(1, 1, 1, 1);
  set[1].activeRequests = 5;
  set[2].activeRequests = 4;
  assert.equal(createBalancer(LEAST_REQUEST, set).pick(draws(0.25, 0.5))?.name, "h2");
  assert.equal(createBalancer(LEAST_REQUEST, set).pick(draws(0.5, 0.25))?.name, "h2");
});

test("least request keeps the first of two equally loaded, and draws with replacement", () => {
  const set = hosts(1, 1, 1, 1);
  assert.equal(createBalancer(LEAST_REQUEST, set).pick(draws(0.75, 0.25))?.name, "h3");
  set[3].activeRequests = 9;
  assert.equal(createBalancer(LEAST_REQUEST, set).pick(draws(0.75, 0.75))?.name, "h3");
});

test("least request honours choice_count", () => {
  const set = hosts(1, 1, 1, 1);
  set[0].activeRequests = 3;
  set[1].activeRequests = 2;
  set[2].activeRequests = 1;
  const plan = { policy: "least-request", choiceCount: 4 } as const;
  assert.equal(createBalancer(plan, set).pick(draws(0, 0.25, 0.5, 0.5))?.name, "h2");
});

test("least request with unequal weights shares by weight / (active + 1)", () => {
  const set = hosts(1, 3);
  set[1].activeRequests = 2;
  const balancer = createBalancer(LEAST_REQUEST, set);
  const counts = [0, 0];
  for (let i = 0; i < 300; i++) counts[balancer.pick(() => 0) === set[0] ? 0 : 1]++;
  assert.deepEqual(counts, [150, 150]);
});

test("random ignores weights", () => {
  const set = hosts(1, 100);
  assert.equal(createBalancer(RANDOM, set).pick(draws(0.49))?.name, "h0");
  assert.equal(createBalancer(RANDOM, set).pick(draws(0.5))?.name, "h1");
});

test("property: earliest deadline first gives any weights their share, whatever the random start", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 40 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (weights, start) => {
        const set = hosts(...weights);
        const balancer = createBalancer(ROUND_ROBIN, set);
        const sum = weights.reduce((a, b) => a + b, 0);
        const counts = new Map<string, number>(set.map((host) => [host.name, 0]));
        for (let i = 0; i < sum; i++) {
          const { name } = balancer.pick(() => start)!;
          counts.set(name, counts.get(name)! + 1);
        }
        // A shifted window over an exact schedule differs by at most one turn a host.
        for (const host of set) assert.ok(Math.abs(counts.get(host.name)! - host.weight) <= 1);
      },
    ),
    { numRuns: 60 },
  );
});
