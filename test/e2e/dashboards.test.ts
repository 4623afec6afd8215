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
/** Scrapes and pushes do not see the same moments: what one has counted the other has counted within this time. */
const NEAR_SECONDS = 12;
/** What rates and quantiles are made of. */
const COUNTERS = [
  "istio_requests_total",
  "istio_request_duration_milliseconds_bucket",
  "istio_request_duration_milliseconds_sum",
  "istio_request_duration_milliseconds_count",
  "istio_request_bytes_bucket",
  "istio_response_bytes_bucket",
  "istio_response_bytes_sum",
] as const;

/** Of all series. */
function labelNames({ series }: Answer): Set<string> {
  return new Set(
    Object.keys(series).flatMap((key) => Array.from(key.matchAll(/(?:^|,)(\w+)="/g), ([, name]) => name!)),
  );
}

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

  // Not their values: a rate over two samples, and the more so its quantiles, depends on which two moments were scraped. Values follow from
  // the engine, which is Prometheus' (above), and from the counters (below).
  test("the control plane's own API answers every expression, with the labels of Prometheus'", async () => {
    const wrong: string[] = [];
    for (const { expression } of EXPRESSIONS.filter((each) => reasonFor(each.expression) === undefined)) {
      const own = await theirs(`http://${demo.http}`, askedOf(expression));
      const [ownLabels, labels] = [own, expected.get(expression)!].map(labelNames);
      if (own.status !== 200 || Object.keys(own.series).length === 0) wrong.push(`${expression}: ${own.kind}, nothing`);
      // A target of Prometheus' has labels of its own.
      else if (!labels!.has("instance") && !ownLabels!.isSubsetOf(labels!))
        wrong.push(`${expression}: labels ${[...ownLabels!].join(", ")}, not ${[...labels!].join(", ")}`);
    }
    assert.deepEqual(wrong, []);
  });

  test("what the control plane has counted, Prometheus counted some seconds before or after", async () => {
    const time = Number(at);
    for (const metric of COUNTERS) {
      const query = `sum by (reporter, source_workload, destination_service, response_code, connection_security_policy, le) (${metric})`;
      const own = await theirs(`http://${demo.http}`, askedOf(query));
      const range = { query, start: String(time - NEAR_SECONDS), end: String(time + NEAR_SECONDS), step: "1" };
      const around = await theirs(prometheus.url, { endpoint: "query_range", parameters: Object.entries(range) });
      assert.ok(Object.keys(own.series).length > 0, metric);
      // What is there at the beginning of that time we have as well; what begins during it perhaps not yet.
      const settled = Object.keys(around.series).filter((key) => around.series[key]![0]![0] === time - NEAR_SECONDS);
      assert.deepEqual(
        settled.filter((key) => !(key in own.series)),
        [],
      );
      for (const [key, points] of Object.entries(own.series)) {
        assert.ok(key in around.series, `${metric} ${key}: not in Prometheus`);
        const near = around.series[key]!.map(([, value]) => Number(value));
        const count = Number(points[0]![1]);
        const [low, high] = [near[0]!, near.at(-1)!];
        assert.ok(low <= count && count <= high, `${metric} ${key}: ${count}, not ${low} to ${high}`);
      }
    }
  });
});
