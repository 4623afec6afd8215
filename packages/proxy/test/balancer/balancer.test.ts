/** Round robin, least request and random within one priority. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { LeastRequestPlan } from "../../src/plan/cluster-plan.ts";
import { type Balanced, balanced, context, draws, host, hosts, hostSet, seededRandom, tally } from "./support.ts";
import { NOWHERE } from "../../src/plan/compile-endpoints.ts";

// What is tested must not depend on the day.
fc.configureGlobal({ seed: 20_261_129 });

const ROUND_ROBIN = { policy: "round-robin", slowStart: null } as const;
const LEAST_REQUEST: LeastRequestPlan = {
  policy: "least-request",
  choiceCount: 2,
  fullScan: false,
  activeRequestBias: { value: 1 },
  slowStart: null,
};
const RANDOM = { policy: "random" } as const;
const ZERO = context(() => 0);

function names({ balancer }: Balanced, count: number): (string | undefined)[] {
  return Array.from({ length: count }, () => balancer.choose(ZERO)?.name);
}

test("no host: every policy gives null", () => {
  for (const plan of [ROUND_ROBIN, LEAST_REQUEST, RANDOM])
    assert.equal(balanced(plan, [[]]).balancer.choose(ZERO), null);
});

test("round robin with equal weights goes in strict order from a random start", () => {
  const order = names(balanced(ROUND_ROBIN, [hosts(3, 3, 3, 3)], { seed: 2 / 0x100000000 }), 9);
  assert.deepEqual(order, ["h2", "h3", "h0", "h1", "h2", "h3", "h0", "h1", "h2"]);
});

test("round robin goes on where it was when hosts change", () => {
  const { balancer } = balanced(ROUND_ROBIN, [hosts(1, 1, 1)]);
  assert.equal(balancer.choose(ZERO)?.name, "h0");
  assert.equal(balancer.choose(ZERO)?.name, "h1");
  balancer.update([hostSet(hosts(1, 1, 1, 1))], { own: NOWHERE, proxies: null });
  assert.equal(balancer.choose(ZERO)?.name, "h2");
});

test("round robin with weights 1..128 gives every host exactly its weight over the sum of weights", () => {
  const set = hosts(...Array.from({ length: 128 }, (_, i) => i + 1));
  const counts = tally(balanced(ROUND_ROBIN, [set]).balancer, (128 * 129) / 2, () => ZERO);
  for (const each of set) assert.equal(counts[each.name], each.weight, each.name);
});

test("round robin with unequal weights spreads a heavy host out and breaks ties first in, first out", () => {
  const order = names(balanced(ROUND_ROBIN, [hosts(1, 2, 1)]), 8);
  // Deadlines: h1 0.5; h0 1, h2 1 (put in before h1's second), h1 1; then the same again.
  assert.deepEqual(order, ["h1", "h0", "h2", "h1", "h1", "h0", "h2", "h1"]);
});

test("a changed weight counts from the host's next turn on", () => {
  const set = [host("a"), host("b", { weight: 3 })];
  const { balancer } = balanced(ROUND_ROBIN, [set]);
  tally(balancer, 8, () => ZERO);
  set[0].weight = 3;
  const { a } = tally(balancer, 400, () => ZERO);
  assert.ok(Math.abs(a - 200) <= 2, `a was picked ${a} times of 400`);
});

test("least request takes the less loaded of two draws", () => {
  const set = hosts(1, 1, 1, 1);
  set[1].activeRequests = 5;
  set[2].activeRequests = 4;
  const { balancer } = balanced(LEAST_REQUEST, [set]);
  assert.equal(balancer.choose(context(draws(0.25, 0.5)))?.name, "h2");
  assert.equal(balancer.choose(context(draws(0.5, 0.25)))?.name, "h2");
});

test("least request keeps the first of two equally loaded, and draws with replacement", () => {
  const set = hosts(1, 1, 1, 1);
  const { balancer } = balanced(LEAST_REQUEST, [set]);
  assert.equal(balancer.choose(context(draws(0.75, 0.25)))?.name, "h3");
  set[3].activeRequests = 9;
  assert.equal(balancer.choose(context(draws(0.75, 0.75)))?.name, "h3");
});

test("least request honours choice_count", () => {
  const set = hosts(1, 1, 1, 1);
  set[0].activeRequests = 3;
  set[1].activeRequests = 2;
  set[2].activeRequests = 1;
  const { balancer } = balanced({ ...LEAST_REQUEST, choiceCount: 4 }, [set]);
  assert.equal(balancer.choose(context(draws(0, 0.25, 0.5, 0.5)))?.name, "h2");
});

test("least request with a full scan finds the least loaded, and any of those that tie", () => {
  const set = hosts(1, 1, 1, 1);
  for (const each of set) each.activeRequests = 5;
  set[2].activeRequests = 1;
  const { balancer } = balanced({ ...LEAST_REQUEST, fullScan: true }, [set]);
  assert.equal(balancer.choose(ZERO)?.name, "h2");
  set[0].activeRequests = 1;
  const counts = tally(balancer, 4_000, () => context(random));
  assert.ok(Math.abs(counts["h0"] - 2_000) < 150, JSON.stringify(counts));
  assert.equal(counts["h0"] + counts["h2"], 4_000);
});

const random = seededRandom(7);

test("least request with unequal weights shares by weight / (active + 1)^bias", () => {
  const share = (activeRequestBias: number): number => {
    const set = hosts(1, 3);
    set[1].activeRequests = 2;
    const { balancer } = balanced({ ...LEAST_REQUEST, activeRequestBias: { value: activeRequestBias } }, [set]);
    return tally(balancer, 400, () => ZERO)["h0"];
  };
  assert.equal(share(1), 200);
  assert.equal(share(0), 100);
  assert.equal(share(2), 300);
});

test("random ignores weights", () => {
  const { balancer } = balanced(RANDOM, [hosts(1, 100)]);
  assert.equal(balancer.choose(context(draws(0.49)))?.name, "h0");
  assert.equal(balancer.choose(context(draws(0.5)))?.name, "h1");
});

test("a retry that avoids hosts draws again, so often and no more, and then takes what it gets", () => {
  const { balancer } = balanced(ROUND_ROBIN, [hosts(1, 1, 1)]);
  const asked: string[] = [];
  const avoiding = (retries: number, avoided: readonly string[]) =>
    context(() => 0, {
      hostSelectionRetries: retries,
      avoidsHost: ({ name }) => {
        asked.push(name);
        return avoided.includes(name);
      },
    });
  assert.equal(balancer.choose(avoiding(3, ["h0", "h1"]))?.name, "h2");
  assert.deepEqual(asked, ["h0", "h1", "h2"]);
  assert.equal(balancer.choose(avoiding(1, ["h0", "h1"]))?.name, "h1");
});

test("property: earliest deadline first gives any weights their share, whatever the random start", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 0, max: 0xffffffff }),
      (weights, start) => {
        const set = hosts(...weights);
        const sum = weights.reduce((a, b) => a + b, 0);
        const counts = tally(balanced(ROUND_ROBIN, [set], { seed: start / 0x100000000 }).balancer, sum, () => ZERO);
        // A shifted window over an exact schedule differs by at most one turn a host; a far start adds what floats round away.
        for (const each of set) assert.ok(Math.abs((counts[each.name] ?? 0) - each.weight) <= 2);
      },
    ),
    { numRuns: 60 },
  );
});

test("what is foreseen is chosen: round robin, by weights, at random", () => {
  const cases = [
    [ROUND_ROBIN, hosts(1, 1, 1)],
    [ROUND_ROBIN, hosts(1, 2, 3)],
    [LEAST_REQUEST, hosts(1, 2, 3)],
    [RANDOM, hosts(1, 1, 1, 1, 1, 1)],
  ] as const;
  for (const [plan, set] of cases) {
    const { balancer } = balanced(plan, [set]);
    const one = context(seededRandom(7));
    balancer.choose(one);
    const foreseen = [balancer.peek(one), balancer.peek(one), balancer.peek(one)];
    assert.ok(foreseen.every((each) => each !== null));
    assert.deepEqual([balancer.choose(one), balancer.choose(one), balancer.choose(one)], foreseen, plan.policy);
    assert.notEqual(balancer.peek(one), null, "what has been chosen may be followed by more");
  }
});

test("no more is foreseen than there are hosts that are well, and nothing of the least loaded", () => {
  const { balancer } = balanced(ROUND_ROBIN, [hosts(1, 1)]);
  assert.deepEqual([balancer.peek(ZERO)?.name, balancer.peek(ZERO)?.name, balancer.peek(ZERO)], ["h0", "h1", null]);
  balancer.update([hostSet(hosts(1, 1))], { own: NOWHERE, proxies: null });
  assert.equal(balancer.peek(ZERO)?.name, "h0", "changed hosts: nothing has been foreseen of them");
  assert.equal(balanced(LEAST_REQUEST, [hosts(1, 1)]).balancer.peek(ZERO), null);
});
