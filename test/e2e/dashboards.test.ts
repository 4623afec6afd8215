/**
 * Istio's dashboards on the demo: a real Prometheus scrapes its proxies; every expression has series there and in the control plane's own
 * query API, or a reason (docs/reference/dashboards.md).
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Series } from "@tulle/telemetry/records";
import { EXPRESSIONS, reasonFor, withVariables } from "../dashboards/expressions.ts";
import { type Answer, type Asked, difference, ours, theirs } from "../promql/answers.ts";
import { MemorySource } from "../promql/memory-source.ts";
import { listeningPorts } from "../support/listening.ts";
import { type RunningPrometheus, startPrometheus } from "../support/prometheus.ts";
import { createConfigDir, routing } from "./support/bookinfo.ts";
import { type RunningDemo, startDemo } from "./support/demo.ts";

/** As often as proxies push to the control plane. */
const SCRAPE = "5s";
/** Longer than the window of the rates. */
const LOAD_MS = 45_000;
const PAUSE_MS = 20;
/** Scrapes and pushes do not see the same moments: values are as near as Prometheus' own are to each other within this time. */
const NEAR_SECONDS = 12;
const TOLERANCE = 0.25;

/** Admin endpoints of all proxies that the demo started. */
async function adminPorts(demo: RunningDemo): Promise<number[]> {
  const found: number[] = [];
  for (const port of demo.processes().flatMap(listeningPorts)) {
    const page = await fetch(`http://127.0.0.1:${port}/server_info`, { signal: AbortSignal.timeout(2000) }).then(
      (response) => (response.ok ? response.text() : ""),
      () => "",
    );
    if (page.includes('"version"') && page.includes('"state"')) found.push(port);
  }
  return found;
}

function configuration(admins: readonly number[], controlPlane: string): string {
  const targets = admins.map((port) => `"127.0.0.1:${port}"`).join(", ");
  return `
global: { scrape_interval: ${SCRAPE} }
scrape_configs:
  - job_name: proxies
    metrics_path: /stats/prometheus
    static_configs: [{ targets: [${targets}] }]
  - job_name: control-plane
    static_configs: [{ targets: ["${controlPlane}"], labels: { app: istiod } }]
`;
}

interface Raw {
  readonly data: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly values: readonly (readonly [number, string])[];
    }[];
  };
}

/** All that Prometheus has scraped of metrics that dashboards ask for. */
async function scraped(url: string, at: string): Promise<Series[]> {
  const query = '{__name__=~"istio_.*|pilot_.*|process_.*|envoy_cluster_upstream_cx_active|go_.*|container_.*"}[10m]';
  const body = new URLSearchParams({ query, time: at });
  const { data } = (await (await fetch(`${url}/api/v1/query`, { method: "POST", body })).json()) as Raw;
  return data.result.map(({ metric, values }) => ({
    labels: metric,
    times: Float64Array.from(values, ([time]) => Math.round(time * 1000)),
    values: Float64Array.from(values, ([, value]) => Number(value)),
  }));
}

describe("Istio's dashboards", () => {
  const config = createConfigDir(routing("virtual-service-reviews-90-10.yaml"));
  let demo: RunningDemo;
  let prometheus: RunningPrometheus;
  let at: string;
  /** What Prometheus answers, by expression. */
  const expected = new Map<string, Answer>();
  const askedOf = (expression: string): Asked => ({
    endpoint: "query",
    parameters: [
      ["query", withVariables(expression)],
      ["time", at],
    ],
  });

  before(async () => {
    demo = await startDemo(config.path);
    const admins = await adminPorts(demo);
    // Six workloads and the gateway.
    assert.equal(admins.length, 7);
    prometheus = await startPrometheus(configuration(admins, demo.http));
    const end = Date.now() + LOAD_MS;
    while (Date.now() < end) {
      await (await fetch(`${demo.ingress}/productpage`)).text();
      await delay(PAUSE_MS);
    }
    at = String(Math.floor(Date.now() / 1000) - NEAR_SECONDS);
    for (const { expression } of EXPRESSIONS)
      expected.set(expression, await theirs(prometheus.url, askedOf(expression)));
  });
  after(async () => {
    await prometheus?.stop();
    await demo?.finish();
    config.remove();
  });

  test("every expression has series in Prometheus, or a reason", () => {
    const wrong = EXPRESSIONS.filter(({ expression }) => {
      const { status, series } = expected.get(expression)!;
      const expects = reasonFor(expression) === undefined;
      return status !== 200 || Object.keys(series).length > 0 !== expects;
    });
    assert.deepEqual(wrong, []);
  });

  test("over the same samples our answers are Prometheus'", async () => {
    const source = new MemorySource(await scraped(prometheus.url, at));
    for (const { expression } of EXPRESSIONS) {
      const actual = ours(source, Number(at) * 1000, askedOf(expression));
      assert.equal(difference(expected.get(expression)!, actual), undefined, expression);
    }
  });

  test("the control plane's own API has the same series, and values within what a scrape misses", async () => {
    const wrong: string[] = [];
    const time = Number(at);
    for (const { expression } of EXPRESSIONS.filter((each) => reasonFor(each.expression) === undefined)) {
      const own = await theirs(`http://${demo.http}`, askedOf(expression));
      const around = await theirs(prometheus.url, {
        endpoint: "query_range",
        parameters: Object.entries({
          query: withVariables(expression),
          start: String(time - NEAR_SECONDS),
          end: String(time + NEAR_SECONDS),
          step: "1",
        }),
      });
      const found = Object.keys(own.series).length;
      if (found === 0) wrong.push(`${expression}: nothing`);
      // Series with the labels of a target have others there.
      if (/instance=/.test(Object.keys(around.series)[0] ?? "")) continue;
      for (const [key, points] of Object.entries(own.series)) {
        const near = (around.series[key] ?? [])
          .map(([, value]) => Number(value))
          .filter((value) => !Number.isNaN(value));
        const value = Number(points[0]![1]);
        if (near.length === 0 || Number.isNaN(value)) continue;
        const [low, high] = [Math.min(...near) * (1 - TOLERANCE), Math.max(...near) * (1 + TOLERANCE)];
        if (value < low - 0.05 || value > high + 0.05)
          wrong.push(`${expression} {${key}}: ${value}, not ${low} to ${high}`);
      }
    }
    assert.deepEqual(wrong, []);
  });

  test("what the control plane has counted, Prometheus counted some seconds before or after", async () => {
    const query = "sum by (reporter, source_workload, destination_service, response_code) (istio_requests_total)";
    const own = await theirs(`http://${demo.http}`, {
      endpoint: "query",
      parameters: [
        ["query", query],
        ["time", at],
      ],
    });
    const time = Number(at);
    const range = { query, start: String(time - NEAR_SECONDS), end: String(time + NEAR_SECONDS), step: "1" };
    const around = await theirs(prometheus.url, { endpoint: "query_range", parameters: Object.entries(range) });
    assert.deepEqual(Object.keys(own.series).toSorted(), Object.keys(around.series).toSorted());
    for (const [key, points] of Object.entries(own.series)) {
      const near = around.series[key]!.map(([, value]) => Number(value));
      const count = Number(points[0]![1]);
      assert.ok(near[0]! <= count && count <= near.at(-1)!, `${key}: ${count}, not ${near[0]} to ${near.at(-1)}`);
    }
  });
});
