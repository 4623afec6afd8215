/** What a proxy's metrics service sends, as the series that a Prometheus would have. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PROXY, telemetryCore, NOW } from "../support/telemetry.ts";
import { counterFamily, histogramFamily } from "../support/proto.ts";

const TARGET = {
  app: "reviews",
  version: "v2",
  instance: "10.0.0.1:15020",
  job: "kubernetes-pods",
  namespace: "default",
  pod: "reviews-v2-abc",
};

test("names and labels are a scrape's: envoy_ before Envoy's names, nothing before Istio's, the target's labels win", () => {
  const { core } = telemetryCore();
  const message = Buffer.concat([
    counterFamily("cluster.upstream_rq_total", NOW, [{ "envoy.cluster_name": "outbound|9080||ratings" }, 5]),
    counterFamily("istiocustom.istio_requests_total", NOW, [{ reporter: "source", app: "mine", empty: "" }, 3]),
    counterFamily("istio_build", NOW, [{}, 1]),
  ]);
  assert.deepEqual(core.ingest("metrics", PROXY, message), { accepted: 3, refused: 0, reason: "" });
  assert.deepEqual(core.series.labelSets([], NOW - 1, NOW), [
    { __name__: "envoy_cluster_upstream_rq_total", envoy_cluster_name: "outbound|9080||ratings", ...TARGET },
    { __name__: "istio_requests_total", reporter: "source", exported_app: "mine", ...TARGET },
    { __name__: "istio_build", ...TARGET },
  ]);
});

test("histograms, of which a flush says what is new, become buckets, with one for everything, sum and count", () => {
  const { core, clock } = telemetryCore();
  const send = (count: number): void => {
    const histogram = {
      count,
      sum: count * 2.5,
      buckets: [
        [0.5, 0],
        [5, count - 1],
      ] as const,
    };
    core.ingest("metrics", PROXY, histogramFamily("istio_request_duration_milliseconds", clock.now(), {}, histogram));
  };
  send(3);
  clock.advance(5000);
  send(4);
  const found = core.series.select([], NOW - 1, clock.now());
  assert.deepEqual(
    found.map(({ labels, values }) => [labels["__name__"]!.replace(/.*_/, ""), labels["le"], [...values]]),
    [
      ["bucket", "0.5", [0, 0]],
      ["bucket", "5", [2, 5]],
      ["bucket", "+Inf", [3, 7]],
      ["sum", undefined, [7.5, 17.5]],
      ["count", undefined, [3, 7]],
    ],
  );
});
