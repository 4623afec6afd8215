/** Growth of counters is what their samples say, wherever in the store they are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Growth } from "../../src/telemetry/store/growth.ts";
import { TelemetryDatabase } from "../../src/telemetry/store/database.ts";
import { Refusals } from "../../src/telemetry/store/refusals.ts";
import { SeriesStore } from "../../src/telemetry/store/series-store.ts";
import { ManualClock } from "../support/manual-clock.ts";

/** mulberry32 */
function randoms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test("growth read from changes is growth from sample to sample, over random counters and windows", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = randoms(seed);
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    const database = new TelemetryDatabase({ path: ":memory:", clock, log: () => undefined });
    const store = new SeriesStore({ database, refusals: new Refusals(() => clock.now()), clock });
    const values = Array.from({ length: 12 }, () => 0);
    // More than two blocks of ten minutes.
    for (let flush = 0; flush < 300; flush++) {
      clock.advance(4_000 + Math.floor(random() * 2_000));
      // Some come later, some pause until they have ended, some begin again at 0 or count in fractions.
      const samples = values.flatMap((value, i) => {
        if (flush < i * 10 || (i % 4 === 1 && flush % 100 > 60)) return [];
        if (random() < 0.1 * i)
          values[i] = i % 3 === 2 && random() < 0.02 ? 0 : value + Math.floor(random() * 9) / (i % 2 === 0 ? 1 : 8);
        return [{ labels: { __name__: "a", i: String(i) }, value: values[i]! }];
      });
      store.append("one", clock.now(), samples);
      if (flush % 7 === 0) store.check();
      if (flush < 30 || random() > 0.3) continue;
      // Until now, as whoever watches asks, or until some time before.
      const toMs = clock.now() - (random() < 0.6 ? 0 : Math.floor(random() * 300_000));
      const fromMs = toMs - 1_000 - Math.floor(random() * 700_000);
      const afterMs = fromMs - 75_000;
      const told = new Map<string, unknown>();
      store.growth(["a", "b"], { afterMs, fromMs, toMs }, ({ labels }, { firstMs, firstValue, sum }) =>
        told.set(labels["i"]!, [firstMs, firstMs > fromMs ? firstValue : "", sum.toFixed(6)]),
      );
      const expected = new Map<string, unknown>();
      for (const { labels, times, values: samplesOf } of store.select(
        [{ name: "__name__", op: "=", value: "a" }],
        afterMs,
        toMs,
      )) {
        const growth = new Growth();
        growth.begin(fromMs);
        for (const [i, timeMs] of times.entries()) growth.sample(timeMs, samplesOf[i]!);
        const { firstMs, firstValue, sum } = growth;
        expected.set(labels["i"]!, [firstMs, firstMs > fromMs ? firstValue : "", sum.toFixed(6)]);
      }
      assert.deepEqual(
        Object.fromEntries(told),
        Object.fromEntries(expected),
        `seed ${seed}, flush ${flush}, after ${afterMs} from ${fromMs} to ${toMs}`,
      );
    }
    database.close();
  }
});
