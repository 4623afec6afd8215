import assert from "node:assert/strict";
import { test } from "node:test";
import { answerPrometheus } from "../../packages/control/src/telemetry/prometheus/api.ts";
import { startPrometheus } from "../support/prometheus.ts";
import { compare } from "./compare.ts";
import { DATA_END, makeData } from "./data.ts";
import { MemorySource } from "./memory-source.ts";

/** `npm run fuzz -- promql --runs N` does more. */
const QUERIES = 2000;

test(`${QUERIES} random queries are answered as a real Prometheus answers them`, async () => {
  const { differences, withSeries, refused } = await compare(QUERIES, 20_261_130);
  assert.deepEqual(differences, []);
  assert.ok(withSeries > QUERIES / 3 && refused > QUERIES / 50, `${withSeries} with series, ${refused} refused`);
});

const AT = String(DATA_END / 1000);
const RANGE = { start: String(DATA_END / 1000 - 600), end: AT, step: "60" };

/** Path and parameters; what is written there is compared to the letter. */
const REQUESTS: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ["series", { "match[]": 'requests_total{job="api"}' }],
  ["series", { "match[]": "missing" }],
  ["series", {}],
  ["series", { "match[]": '{job=~".*"}' }],
  ["labels", {}],
  ["labels", { "match[]": "job_info" }],
  ["labels", { start: "soon" }],
  ["label/job/values", {}],
  ["label/job/values", { "match[]": 'requests_total{job!="api"}' }],
  ["label/__name__/values", {}],
  ["label/nothing/values", {}],
  ["label/bad-name/values", {}],
  ["query", { query: "lonely", time: "yesterday" }],
  ["query", { query: "vector(1)", time: "2026-11-28T11:00:00Z" }],
  ["query", { query: "vector(1)", time: "2026-11-28T11:00:00.5+01:00" }],
  ["query", { query: "vector(1e21) or vector(1.5e-7) > 2", time: AT }],
  ["query", { query: "vector(0.0000001)", time: AT }],
  ["query", { query: "-vector(0)", time: AT }],
  ["query", { query: '"a\\"b"', time: AT }],
  ["query", { query: "1", time: `${AT}.25` }],
  ["query", { query: "", time: AT }],
  ["query", { query: "lonely", time: AT, timeout: "soon" }],
  ["query_range", { query: "vector(1)", ...RANGE }],
  ["query_range", { query: "time() > 1", ...RANGE }],
  ["query_range", { query: "lonely[5m]", ...RANGE }],
  ["query_range", { query: "1", ...RANGE, start: "" }],
  ["query_range", { query: "1", ...RANGE, start: AT, end: "1" }],
  ["query_range", { query: "1", ...RANGE, step: "0" }],
  ["query_range", { query: "1", ...RANGE, step: "a while" }],
  ["query_range", { query: "1", ...RANGE, step: "0.05" }],
  ["query_range", { query: "time()", ...RANGE, step: "1m30s" }],
  ["query_exemplars", { query: "lonely", start: AT, end: "1" }],
  ["query_exemplars", { query: "lonely", start: "1", end: AT }],
];

test("everything else of the API is answered as a real Prometheus answers it", async (t) => {
  const data = makeData(1);
  const prometheus = await startPrometheus();
  t.after(() => prometheus.stop());
  await prometheus.write(data);
  const source = new MemorySource(data);
  const expected: unknown[] = [];
  const actual: unknown[] = [];
  for (const [path, parameters] of REQUESTS) {
    const url = `${path}?${new URLSearchParams(parameters).toString()}`;
    const response = await fetch(`${prometheus.url}/api/v1/${url}`);
    expected.push({ url, status: response.status, body: await response.json() });
    const request = { path: path.split("/"), parameters: Object.entries(parameters) };
    const { status, text } = answerPrometheus({ source, now: () => DATA_END }, request);
    actual.push({ url, status, body: JSON.parse(text) });
  }
  assert.deepEqual(actual, expected);
});
