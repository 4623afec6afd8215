import assert from "node:assert/strict";
import { test } from "node:test";
import { NOWHERE } from "../../src/plan/compile-endpoints.ts";
import { balanced, context, host, hostSet, hosts, tally } from "./support.ts";

const plan = (aggression = 1) =>
  ({
    policy: "round-robin",
    slowStart: { windowMs: 10_000, aggression: { value: aggression }, minWeight: 0.1 },
  }) as const;
const ZERO = context(() => 0);

/** A host that comes to two old ones; how many of 1,000 requests it gets after so long. */
function share(afterMs: number, aggression = 1): number {
  const old = hosts(1, 1);
  const { balancer, clock } = balanced(plan(aggression), [old]);
  clock.now = 60_000;
  const fresh = host("fresh");
  balancer.update([hostSet([...old, fresh])], { own: NOWHERE, proxies: null });
  clock.now += afterMs;
  // The schedule still has the weights of its making; one round takes the new ones up.
  tally(balancer, 30, () => ZERO);
  return tally(balancer, 2_100, () => ZERO)["fresh"];
}

test("a new host gets a tenth of its weight at first, then as much as its age is of the window", () => {
  assert.ok(Math.abs(share(0) - 100) <= 5, `${share(0)}`);
  assert.ok(Math.abs(share(5_000) - 420) <= 5, `${share(5_000)}`);
  assert.ok(Math.abs(share(10_001) - 700) <= 2, `${share(10_001)}`);
});

test("aggression bends the curve: 0.5 squares the age, 2 takes its root", () => {
  assert.ok(Math.abs(share(5_000, 0.5) - (2_100 * 0.25) / 2.25) <= 5, `${share(5_000, 0.5)}`);
  assert.ok(Math.abs(share(2_500, 2) - (2_100 * 0.5) / 2.5) <= 5, `${share(2_500, 2)}`);
});

test("hosts of the first set start slowly together, in equal shares", () => {
  const { balancer } = balanced(plan(), [hosts(1, 1)]);
  assert.deepEqual(
    tally(balancer, 10, () => ZERO),
    { h0: 5, h1: 5 },
  );
});
