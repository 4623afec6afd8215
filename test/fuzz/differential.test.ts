/** Random configurations and requests: Envoy and Tulle do the same. `npm run fuzz -- differential` goes on for as long as one likes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { differential } from "./differential.ts";

const SECONDS = 12;
const FIXED_SEED = 1;

for (const seed of [FIXED_SEED, Date.now() % 1_000_000_007]) {
  test(`differential fuzzing, ${seed === FIXED_SEED ? "a fixed seed" : "a fresh one"}: nothing found`, async (context) => {
    const shown: string[] = [];
    const { exchanges, configurations } = await differential({
      seed,
      seconds: SECONDS,
      runs: Infinity,
      maxFound: 3,
      reduceMs: 20_000,
      tell: (line) => shown.push(line),
    });
    context.diagnostic(`seed ${seed}: ${exchanges} exchanges with ${configurations} configurations`);
    assert.deepEqual(shown, [], shown.join("\n"));
    assert.ok(exchanges > 500, `only ${exchanges} exchanges`);
  });
}
