/** `tulle demo --once`: what scripts get, and that nothing stays behind. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { createConfigDir, routing } from "./support/bookinfo.ts";
import type { DemoResult } from "./support/demo.ts";
import { eventually, startTulle } from "./support/tulle.ts";

/** At 90/10 and 3,000 requests 3.5 % on either side are 6.4 standard deviations: one in some ten thousand million goes beyond. */
const REQUESTS = 3000;
const TOLERANCE = 0.035;

describe("tulle demo --once --json", () => {
  const config = createConfigDir(routing("virtual-service-reviews-90-10.yaml"));
  after(() => config.remove());
  const demo = startTulle([
    "demo",
    "--once",
    "--json",
    "--port",
    "0",
    "--requests",
    `${REQUESTS}`,
    "--config",
    config.path,
  ]);
  const result = demo.ended.then(({ stdout, stderr, code }) => {
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as DemoResult;
  });

  test("sends that many requests and none fails", async () => {
    const { requests, failed, ingress } = await result;
    assert.equal(requests, REQUESTS);
    assert.equal(failed, 0);
    assert.match(ingress, /^http:\/\/127\.0\.0\.1:\d+$/);
  });

  test("tells who called whom, with latencies in order", async () => {
    const { edges } = await result;
    const calls = new Map(edges.map((edge) => [`${edge.from} ${edge.to} ${edge.version}`, edge]));
    assert.equal(calls.get("istio-ingressgateway productpage v1")?.requests, REQUESTS);
    assert.equal(calls.get("productpage details v1")?.requests, REQUESTS);
    assert.equal(calls.get("reviews ratings v1")?.requests, calls.get("productpage reviews v2")?.requests);
    for (const { p50Ms, p99Ms, failed } of edges) {
      assert.equal(failed, 0);
      assert.ok(p50Ms !== undefined && p99Ms !== undefined && p50Ms > 0 && p99Ms >= p50Ms);
    }
  });

  test("splits reviews as virtual-service-reviews-90-10.yaml says", async () => {
    const reviews = (await result).edges.filter(({ from, to }) => from === "productpage" && to === "reviews");
    assert.deepEqual(
      reviews.map(({ version }) => version),
      ["v1", "v2"],
    );
    const share = reviews[0]!.requests / REQUESTS;
    assert.ok(Math.abs(share - 0.9) <= TOLERANCE, `v1 got ${share * 100} %`);
    assert.equal(reviews[0]!.requests + reviews[1]!.requests, REQUESTS);
  });

  test("leaves no process behind", async () => {
    await result;
    await eventually("no process", 60_000, () => demo.processes().length === 0);
  });
});
