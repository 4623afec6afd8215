import assert from "node:assert/strict";
import { test } from "node:test";
import type { Series, SeriesSource } from "@tulle/telemetry/records";
import { DEFAULT_LIMITS, instantQuery, rangeQuery } from "../../../src/telemetry/promql/engine.ts";

const TIMES = Float64Array.from({ length: 100 }, (_, index) => index * 1000);
const SERIES: readonly Series[] = Array.from({ length: 100 }, (_, index) => ({
  labels: { __name__: "up", instance: `i${index}` },
  times: TIMES,
  values: TIMES,
}));
const source: SeriesSource = { select: () => SERIES, labelSets: () => [], exemplars: () => [] };

test("a query that reads more samples than it may is ended", () => {
  const engine = { source, limits: { ...DEFAULT_LIMITS, maxSamples: 9_000 }, now: () => 0 };
  assert.throws(() => instantQuery(engine, "sum(rate(up[1m]))", 99_000), /would load too many samples into memory/);
  assert.equal(instantQuery({ ...engine, limits: DEFAULT_LIMITS }, "sum(up)", 99_000).type, "vector");
});

test("a query that takes longer than it may is ended", () => {
  let now = 0;
  const engine = { source, limits: { ...DEFAULT_LIMITS, timeoutMs: 100 }, now: () => (now += 1) };
  const nested = `${"max_over_time(".repeat(8)}up${"[10h:1s])".repeat(8)}`;
  assert.throws(() => instantQuery(engine, nested, 99_000), /query (timed out in|processing would load)/);
});

test("steps of subqueries count even where there are no series", () => {
  const empty: SeriesSource = { select: () => [], labelSets: () => [], exemplars: () => [] };
  const engine = { source: empty, limits: DEFAULT_LIMITS, now: () => 0 };
  assert.throws(() => instantQuery(engine, "sum_over_time(vector(1)[1y:1ms])", 99_000), /too many samples/);
});

test("labels that a query names may be anything", () => {
  const engine = { source, limits: DEFAULT_LIMITS, now: () => 0 };
  const query = 'sum by (__proto__) (label_replace(up, "__proto__", "$1", "instance", "(i1).*"))';
  const result = rangeQuery(engine, query, { startMs: 99_000, endMs: 99_000, stepMs: 1 });
  assert.ok(result.type === "matrix");
  assert.deepEqual(
    new Set(result.series.map(({ labels }) => JSON.stringify(labels))),
    new Set(["{}", '{"__proto__":"i1"}']),
  );
});

test("series of count_values count, since there are as many as values", () => {
  const engine = { source, limits: { ...DEFAULT_LIMITS, maxSamples: 40_000 }, now: () => 0 };
  const range = { startMs: 0, endMs: 99_000, stepMs: 1000 };
  assert.throws(() => rangeQuery(engine, 'count_values("v", up + time())', range), /too many samples/);
  assert.doesNotThrow(() => rangeQuery(engine, "count(up + time())", range));
});

test("what would be too much is not begun", () => {
  const engine = { source, limits: { ...DEFAULT_LIMITS, maxSamples: 1_000_000 }, now: () => 0 };
  const range = { startMs: 0, endMs: 11_000_000, stepMs: 1000 };
  assert.throws(() => rangeQuery(engine, "rate(up[5m])", range), /too many samples/);
});

test("a duration that is longer than Prometheus can count is refused, and a long one takes no time", () => {
  const engine = { source, limits: DEFAULT_LIMITS, now: () => 0 };
  for (const query of ["rate(up[293y])", "up offset 99999999999y", "max_over_time(up[1m:99999999999999999999y])"]) {
    assert.throws(() => instantQuery(engine, query, 99_000), /parse error: duration out of range/, query);
  }
  assert.equal(instantQuery(engine, "rate(up[292y])", 99_000).type, "vector");
});
