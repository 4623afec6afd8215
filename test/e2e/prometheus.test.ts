/**
 * deploy/prometheus on the demo, as the guide says: a real Prometheus finds all proxies, what the dashboards in deploy/grafana ask has series, and
 * from the slowest requests exemplars lead to their traces, there and in the control plane's own API.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { DASHBOARDS } from "../../scripts/dashboards.ts";
import { type RunningPrometheus, startPrometheus } from "../support/prometheus.ts";
import { createConfigDir } from "./support/bookinfo.ts";
import { type RunningDemo, startDemo } from "./support/demo.ts";

const CONFIGURATION = readFileSync(new URL("../../deploy/prometheus/prometheus.yaml", import.meta.url), "utf8");
/** Six workloads and the gateway. */
const PROXIES = 7;
const WITHIN_MS = 90_000;

/** So that there is something that fails, and something that is slow. */
const FAULTS = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ratings }
spec:
  hosts: [ratings]
  http:
  - fault:
      abort: { httpStatus: 500, percentage: { value: 20 } }
      delay: { fixedDelay: 300ms, percentage: { value: 10 } }
    route:
    - destination: { host: ratings, subset: v1 }
`;

/** Bookinfo has no service that is not read as HTTP, and no server that fails: faults are the client's. */
const WITHOUT_SERIES = /istio_tcp_|reporter="destination".*5\.\./;

interface Answer<T> {
  readonly status: string;
  readonly data: T;
}

interface Exemplars {
  readonly seriesLabels: Readonly<Record<string, string>>;
  readonly exemplars: readonly { readonly labels: { readonly trace_id: string }; readonly value: string }[];
}

interface Trace {
  readonly data: readonly { readonly spans: readonly { readonly duration: number }[] }[];
}

async function get<T>(url: string, path: string, parameters: Readonly<Record<string, string>>): Promise<T> {
  const response = await fetch(`${url}${path}?${new URLSearchParams(parameters).toString()}`);
  return (await response.json()) as T;
}

/** Until it has one; its last error is thrown when time is over. */
async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  const end = Date.now() + WITHIN_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    await delay(500);
  }
}

/** What the fault delays. */
const SLOW =
  'istio_request_duration_milliseconds_bucket{reporter="source", destination_service_name="ratings", le="500"}';

describe("deploy/prometheus on the demo", () => {
  const config = createConfigDir(FAULTS);
  const leaving = new AbortController();
  let demo: RunningDemo;
  let prometheus: RunningPrometheus;
  let load: Promise<void>;

  before(async () => {
    demo = await startDemo(config.path);
    prometheus = await startPrometheus(CONFIGURATION.replaceAll("127.0.0.1:15014", demo.http), ["exemplar-storage"]);
    load = (async () => {
      while (!leaving.signal.aborted) {
        await (await fetch(`${demo.ingress}/productpage`)).text();
        await delay(20);
      }
    })();
  });
  after(async () => {
    leaving.abort();
    await load;
    await prometheus?.stop();
    await demo?.finish();
    config.remove();
  });

  interface Targets {
    readonly activeTargets: readonly {
      readonly health: string;
      readonly lastError: string;
      readonly scrapePool: string;
    }[];
  }

  test("every proxy and the control plane are scraped without an error", async () => {
    await eventually(async () => {
      const { data } = await get<Answer<Targets>>(prometheus.url, "/api/v1/targets", {});
      const up = data.activeTargets.filter(({ health, lastError }) => health === "up" && lastError === "");
      assert.deepEqual(up.map(({ scrapePool }) => scrapePool).toSorted(), [
        "istiod",
        ...Array.from({ length: PROXIES }, () => "kubernetes-pods"),
      ]);
    });
  });

  for (const [name, url] of [
    ["Prometheus", () => prometheus.url],
    ["the control plane", () => `http://${demo.http}`],
  ] as const) {
    test(`what our dashboards ask has series in ${name}`, async () => {
      const expressions = DASHBOARDS.flatMap(({ rows }) => rows.flatMap(({ panels }) => panels))
        .flatMap(({ targets }) => targets.map(([, expression]) => expression))
        .filter((expression) => !WITHOUT_SERIES.test(expression));
      await eventually(async () => {
        const empty: string[] = [];
        for (const expression of expressions) {
          const query = expression
            .replaceAll("$__rate_interval", "1m")
            .replaceAll(/\$(service|namespace|workload)/g, ".*");
          const { data } = await get<Answer<{ result: unknown[] }>>(url(), "/api/v1/query", { query });
          if (data.result.length === 0) empty.push(query);
        }
        assert.deepEqual(empty, []);
      });
    });

    test(`an exemplar in ${name} leads from the slowest to a trace`, async () => {
      await eventually(async () => {
        const now = Date.now() / 1000;
        const { data } = await get<Answer<readonly Exemplars[]>>(url(), "/api/v1/query_exemplars", {
          query: `histogram_quantile(0.99, sum by (le) (rate(${SLOW}[1m])))`,
          start: String(now - 600),
          end: String(now),
        });
        const found = data.find(({ exemplars }) => exemplars.length > 0);
        assert.ok(found !== undefined, JSON.stringify(data));
        const { labels, value } = found.exemplars.at(-1)!;
        assert.ok(Number(value) > 250 && Number(value) <= 500, value);
        const trace = await get<Trace>(`http://${demo.http}`, `/api/traces/${labels.trace_id}`, {});
        const durations = trace.data[0]!.spans.map(({ duration }) => duration / 1000);
        assert.ok(
          durations.some((ms) => Math.abs(ms - Number(value)) < 20),
          `${value} ms is none of ${durations.join(", ")}`,
        );
      });
    });
  }
});
