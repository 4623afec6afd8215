/** One page of an application's metrics and its proxy's, whatever becomes of either. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, describe, test } from "node:test";
import { CONTENT_TYPE, preferredFormat } from "@tulle/telemetry/exposition";
import { merge, problemOf } from "../../src/metrics/exposition.ts";
import { MergedMetrics } from "../../src/metrics/merged-metrics.ts";
import type { MetricsPlace } from "../../src/metrics/merged-metrics.ts";
import { serveMerged } from "../../src/metrics/merged-server.ts";

const closers: (() => void)[] = [];
after(() => closers.forEach((close) => close()));

async function source(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<MetricsPlace> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { host: "127.0.0.1", port: (server.address() as AddressInfo).port, path: "/metrics" };
}

/** Has both formats. */
const both = (name: string): Promise<MetricsPlace> =>
  source((request, response) => {
    const format = preferredFormat(request.headers.accept ?? "");
    response.setHeader("content-type", CONTENT_TYPE[format]);
    response.end(`${name} 1\n${format === "openmetrics" ? "# EOF\n" : ""}`);
  });

const only = (text: string, type: string = CONTENT_TYPE.text): Promise<MetricsPlace> =>
  source((_, response) => {
    response.setHeader("content-type", type);
    response.end(text);
  });

function merged(proxy: MetricsPlace, application?: MetricsPlace): { metrics: MergedMetrics; failures: string[] } {
  const failures: string[] = [];
  const onFailure = (whose: string, reason: string): void => void failures.push(`${whose}: ${reason}`);
  return { metrics: new MergedMetrics({ proxy, application, onFailure }), failures };
}

const samples = (text: string): string[] =>
  text.split("\n").filter((line) => line !== "" && !line.startsWith("# TYPE"));
const counted = (scrapes: number, envoy: number, application: number): string[] => [
  `istio_agent_scrapes_total ${scrapes}`,
  `istio_agent_scrape_failures_total{type="envoy"} ${envoy}`,
  `istio_agent_scrape_failures_total{type="application"} ${application}`,
];

describe("merged metrics", () => {
  test("are OpenMetrics where everybody has that and the scraper wants it, with one end", async () => {
    const { metrics } = merged(await both("p"), await both("a"));
    const page = await metrics.page("openmetrics");
    assert.equal(page.format, "openmetrics");
    assert.deepEqual(samples(page.text), ["p 1", "a 1", ...counted(1, 0, 0), "# EOF"]);
    assert.deepEqual(samples((await metrics.page("text")).text), ["p 1", "a 1", ...counted(2, 0, 0)]);
  });

  test("are text where the application, or the proxy, has nothing else", async () => {
    for (const [proxy, application] of [
      [await both("p"), await only("a 1")],
      [await only("p 1\n"), await both("a")],
    ] as const) {
      const page = await merged(proxy, application).metrics.page("openmetrics");
      assert.equal(page.format, "text");
      assert.deepEqual(samples(page.text), ["p 1", "a 1", ...counted(1, 0, 0)]);
    }
  });

  const BROKEN: readonly (readonly [what: string, place: () => Promise<MetricsPlace>, reason: RegExp])[] = [
    ["is down", () => Promise.resolve({ host: "127.0.0.1", port: 1, path: "/" }), /ECONNREFUSED/],
    ["answers 500", () => source((_, response) => response.writeHead(500).end()), /answered 500/],
    ["answers with a page of HTML", () => only("<html>", "text/html"), /text\/html/],
    ["answers with what is no metrics", () => only("a 1\nhello\n"), /"hello" is no sample/],
    ["breaks off", () => only("a 1\n", CONTENT_TYPE.openmetrics), /does not end with # EOF/],
    ["hangs", () => source(() => undefined), /no whole answer within 225 ms/],
    ["hangs in its body", () => source((_, response) => response.write("a 1\n")), /no whole answer within 225 ms/],
    ["answers without end", () => source(endless), /more than 16777216 bytes/],
  ];
  for (const [what, place, reason] of BROKEN) {
    test(`an application that ${what} is left out and counted`, async () => {
      const { metrics, failures } = merged(await both("p"), await place());
      const timeoutMs = what.startsWith("hangs") ? 300 : 20_000;
      assert.deepEqual(samples((await metrics.page("openmetrics", timeoutMs)).text), [
        "p 1",
        ...counted(1, 0, 1),
        "# EOF",
      ]);
      assert.match(failures.join(), reason);
    });
  }

  test("without the proxy there are the application's, and it is told once", async () => {
    const { metrics, failures } = merged({ host: "127.0.0.1", port: 1, path: "/" }, await only("a 1\n"));
    await metrics.page("text");
    assert.deepEqual(samples((await metrics.page("text")).text), ["a 1", ...counted(2, 2, 0)]);
    assert.equal(failures.length, 1);
  });

  test("are served with the type that was asked for, and readiness beside them", async () => {
    const { host, port } = await both("p");
    const bind = await source(() => undefined);
    closers.pop()!();
    const server = await serveMerged({ bind, option: "--scrape-port", proxy: { host, port }, application: undefined });
    closers.push(() => server.close());
    const get = (path: string, accept = "*/*"): Promise<Response> =>
      fetch(`http://127.0.0.1:${bind.port}${path}`, { headers: { accept } });
    assert.equal((await get("/healthz/ready")).status, 503);
    server.ready();
    assert.equal((await get("/healthz/ready")).status, 200);
    assert.equal((await get("/")).status, 404);
    for (const [accept, format] of [
      ["*/*", "text"],
      ["application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "openmetrics"],
    ] as const) {
      const response = await get("/stats/prometheus", accept);
      assert.equal(response.headers.get("content-type"), CONTENT_TYPE[format]);
      assert.match(await response.text(), /^p 1\n/);
    }
  });
});

function endless(_: IncomingMessage, response: ServerResponse): void {
  response.setHeader("content-type", CONTENT_TYPE.text);
  const line = "a 1\n".repeat(16_384);
  const more = (): void => {
    while (!response.destroyed && response.write(line));
  };
  response.on("drain", more);
  more();
}

const LINES: readonly (readonly [line: string, good: boolean])[] = [
  ["a 1", true],
  ['a{b="c"} 1 1700000000000', true],
  ['a_bucket{le="1"} 1 # {trace_id="x"} 0.5 1700000000.1', true],
  ['{"a.b",c="d"} NaN', true],
  ["# anything", true],
  ["a{} +Inf\r", true],
  ["a", false],
  ["1 a", false],
  ["a{ 1", false],
];
for (const [line, good] of LINES) {
  test(`${JSON.stringify(line)} is ${good ? "a line" : "none"}`, () => {
    assert.equal(problemOf(`${line}\n`, "text") === undefined, good);
  });
}

test("what has no end of line gets one", () => {
  assert.equal(merge(["a 1", "", "b 1\n"], "text"), "a 1\nb 1\n");
  assert.equal(merge(["a 1\n# EOF", "b 1\n# EOF\n"], "openmetrics"), "a 1\nb 1\n# EOF\n");
});
