/** Random configurations and requests: Envoy and Tulle do the same. `npm run fuzz -- differential` goes on for as long as one likes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { differential } from "./differential.ts";

/** Exchanges of each. */
const RUNS = 1_000;
/** Fixed, and each configuration has the next one: what is tested must not depend on the day. New seeds are for the command. */
const SEEDS = [1, 100_001];

for (const seed of SEEDS) {
  test(`differential fuzzing, seed ${seed}: nothing found`, async (context) => {
    const shown: string[] = [];
    const { exchanges, configurations } = await differential({
      seed,
      seconds: Infinity,
      runs: RUNS,
      maxFound: 3,
      reduceMs: 20_000,
      tell: (line) => shown.push(line),
    });
    context.diagnostic(`seed ${seed}: ${exchanges} exchanges with ${configurations} configurations`);
    assert.deepEqual(shown, [], shown.join("\n"));
    assert.ok(exchanges >= RUNS, `only ${exchanges} exchanges`);
  });
}
