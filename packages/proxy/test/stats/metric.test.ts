import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { DEFAULT_BUCKETS, StatsRegistry } from "../../src/stats/index.ts";

// What is tested must not depend on the day.
fc.configureGlobal({ seed: 20_261_129 });

test("the same name and tags give the same handle; other tags another", () => {
  const stats = new StatsRegistry();
  assert.equal(stats.counter("a.b"), stats.counter("a.b"));
  const x = stats.counter("istio_requests_total", [["reporter", "source"]]);
  assert.equal(x, stats.counter("istio_requests_total", [["reporter", "source"]]));
  assert.notEqual(x, stats.counter("istio_requests_total", [["reporter", "destination"]]));
});

test("removing by name forgets exactly the metrics named, of all kinds", () => {
  const stats = new StatsRegistry();
  stats.counter("cluster.b.upstream_rq_total");
  stats.gauge("cluster.b.upstream_cx_active");
  stats.histogram("cluster.b.upstream_rq_time");
  stats.counter("cluster.b2.upstream_rq_total");
  stats.remove((name) => name.startsWith("cluster.b."));
  assert.deepEqual(
    [...stats.counters()].map((counter) => counter.name),
    ["cluster.b2.upstream_rq_total"],
  );
  assert.deepEqual([...stats.gauges(), ...stats.histograms()], []);
});

test("reset zeroes counters and histograms and leaves gauges", () => {
  const stats = new StatsRegistry();
  stats.counter("c").value = 3;
  stats.gauge("g").value = 4;
  stats.histogram("h").record(12);
  stats.resetCounters();
  assert.equal(stats.counter("c").value, 0);
  assert.equal(stats.gauge("g").value, 4);
  assert.deepEqual([stats.histogram("h").count, stats.histogram("h").sum], [0, 0]);
});

test("a bucket counts the values up to and including its bound", () => {
  const histogram = new StatsRegistry().histogram("h");
  for (const value of [0, 0.5, 0.51, 1, 1.01, 5, 25, 25.1, 3_600_000, 3_600_001]) histogram.record(value);
  const byBound = Object.fromEntries(histogram.cumulative(DEFAULT_BUCKETS).map((n, i) => [DEFAULT_BUCKETS[i], n]));
  assert.deepEqual(
    { "0.5": 2, "1": 4, "5": 6, "25": 7, "50": 8, "3600000": 9 },
    Object.fromEntries(Object.entries(byBound).filter(([k]) => ["0.5", "1", "5", "25", "50", "3600000"].includes(k))),
  );
  assert.equal(histogram.count, 10);
});

test("negative and NaN values count as zero", () => {
  const histogram = new StatsRegistry().histogram("h");
  histogram.record(-1);
  histogram.record(Number.NaN);
  assert.deepEqual([histogram.count, histogram.sum, histogram.cumulative([0.5])[0]], [2, 0, 2]);
});

test("what has come since a histogram was reset is all of it, however much that is", () => {
  const histogram = new StatsRegistry().histogram("h");
  histogram.record(700);
  const before = histogram.copy();
  histogram.reset();
  histogram.record(0);
  histogram.record(0);
  const came = histogram.since(before);
  assert.deepEqual([came.count, came.quantile(1)], [2, 0]);
});

test("property: bucket counts are exact, quantiles are within one significant-digit bin", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1, maxLength: 200 }), (values) => {
      const histogram = new StatsRegistry().histogram("h");
      for (const value of values) histogram.record(value);
      assert.deepEqual(
        histogram.cumulative(DEFAULT_BUCKETS),
        DEFAULT_BUCKETS.map((bound) => values.filter((value) => value <= bound).length),
      );
      const sorted = values.toSorted((a, b) => a - b);
      for (const q of [0.25, 0.5, 0.9, 0.99, 1]) {
        const exact = sorted[Math.ceil(q * sorted.length) - 1];
        assert.ok(
          Math.abs(histogram.quantile(q) - exact) <= exact * 0.1 + 0.1,
          `q ${q}: ${histogram.quantile(q)} for ${exact}`,
        );
      }
    }),
    { numRuns: 100 },
  );
});
