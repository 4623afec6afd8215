/** Where a Prometheus finds the proxies. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { proxyHandlers } from "../../src/http/proxies.ts";
import type { ApiContext, ApiRequest } from "../../src/http/handler.ts";

function groups(...nodes: readonly object[]): unknown {
  const context = { pusher: { proxies: () => nodes.map((node) => ({ node })) } } as unknown as ApiContext;
  return (proxyHandlers.scrapeTargets as (context: ApiContext, request: ApiRequest) => { json: unknown })(
    context,
    {} as ApiRequest,
  ).json;
}

const REVIEWS = {
  id: "sidecar~127.0.0.1~reviews-v2-abc.default~default.svc.cluster.local",
  namespace: "default",
  address: "127.0.0.1",
  labels: { app: "reviews", "team/name": "x" },
  metrics: { address: "127.0.0.1", port: 41_000 },
};

test("each proxy is a target with the labels of its workload; one that does not say where is none", () => {
  assert.deepEqual(groups(REVIEWS, { ...REVIEWS, metrics: undefined }), [
    {
      targets: ["127.0.0.1:41000"],
      labels: {
        app: "reviews",
        team_name: "x",
        __metrics_path__: "/stats/prometheus",
        namespace: "default",
        pod: "reviews-v2-abc",
      },
    },
  ]);
});

test("nobody sends a Prometheus elsewhere: neither by an address nor by labels", () => {
  assert.deepEqual(groups({ ...REVIEWS, metrics: { address: "10.9.9.9", port: 80 } }), []);
  const [group] = groups({ ...REVIEWS, labels: { __address__: "10.9.9.9", "--scheme--": "x" } }) as {
    labels: object;
  }[];
  assert.deepEqual(Object.keys(group!.labels), ["__metrics_path__", "namespace", "pod"]);
});
