import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { countEdges, edgesBetween } from "../src/demo/edges.ts";
import { parseSamples } from "../src/metrics/prometheus.ts";

function page(reviewsV1: number, failed: number): string {
  const edge = `source_canonical_service="productpage",destination_canonical_service="reviews",destination_version="v1"`;
  const total = reviewsV1 + failed;
  return `# TYPE istio_requests_total counter
istio_requests_total{reporter="source",${edge},response_code="200"} ${reviewsV1}
istio_requests_total{reporter="source",${edge},response_code="503"} ${failed}
istio_requests_total{reporter="destination",${edge},response_code="200"} 77
# TYPE istio_request_duration_milliseconds histogram
istio_request_duration_milliseconds_bucket{reporter="source",${edge},response_code="200",le="1"} 0
istio_request_duration_milliseconds_bucket{reporter="source",${edge},response_code="200",le="5"} ${total}
istio_request_duration_milliseconds_bucket{reporter="source",${edge},response_code="200",le="+Inf"} ${total}
istio_request_duration_milliseconds_sum{reporter="source",${edge},response_code="200"} 12
envoy_cluster_upstream_rq_total{envoy_cluster_name="x"} 5
`;
}

describe("edges", () => {
  test("are what the calling proxies counted between two times", () => {
    const edges = edgesBetween(countEdges([page(10, 0)]), countEdges([page(30, 2)]));
    assert.deepEqual(edges, [
      {
        from: "productpage",
        to: "reviews",
        version: "v1",
        requests: 22,
        failed: 2,
        mutualTls: false,
        p50Ms: 3,
        p99Ms: 4.96,
      },
    ]);
  });

  test("a request without a route has failed, a service's own 404 has not", () => {
    const labels = (flags: string): string =>
      `reporter="source",source_app="gw",response_code="404",response_flags="${flags}"`;
    const text = `istio_requests_total{${labels("NR")}} 3\nistio_requests_total{${labels("-")}} 4\n`;
    const [edge] = edgesBetween(countEdges([]), countEdges([text]));
    assert.deepEqual([edge?.requests, edge?.failed], [7, 3]);
  });

  test("add up what several proxies counted", () => {
    const [edge] = edgesBetween(countEdges([]), countEdges([page(1, 0), page(2, 1)]));
    assert.equal(edge?.requests, 4);
    assert.equal(edge?.failed, 1);
  });

  test("are mutual TLS where everybody who was reached has shown who he is", () => {
    const line = (principal: string, code: number, count: number): string =>
      `istio_requests_total{reporter="source",source_canonical_service="a",destination_canonical_service="b",destination_version="v1",destination_principal="${principal}",response_code="${code}"} ${count}`;
    const of = (...lines: string[]): boolean | undefined =>
      edgesBetween(new Map(), countEdges([lines.join("\n")]))[0]?.mutualTls;
    assert.equal(of(line("spiffe://a/ns/b/sa/c", 200, 2)), true);
    assert.equal(of(line("spiffe://a/ns/b/sa/c", 200, 2), line("unknown", 503, 1)), true);
    assert.equal(of(line("spiffe://a/ns/b/sa/c", 200, 2), line("unknown", 200, 1)), false);
    assert.equal(of(line("unknown", 200, 1)), false);
  });

  test("without new requests are left out, as is a proxy that began again", () => {
    assert.deepEqual(edgesBetween(countEdges([page(10, 0)]), countEdges([page(10, 0)])), []);
    assert.deepEqual(edgesBetween(countEdges([page(10, 0)]), countEdges([page(1, 0)])), []);
  });

  test("name the service where a request met no workload, and count no answer as failed", () => {
    const text = `istio_requests_total{reporter="source",source_canonical_service="unknown",source_app="unknown",source_workload="productpage-v1",destination_canonical_service="unknown",destination_service_name="reviews",destination_version="unknown",destination_canonical_revision="unknown",response_code="0"} 3\n`;
    const [edge] = edgesBetween(new Map(), countEdges([text]));
    assert.deepEqual(edge, {
      from: "productpage-v1",
      to: "reviews",
      version: "unknown",
      requests: 3,
      failed: 3,
      mutualTls: false,
      p50Ms: undefined,
      p99Ms: undefined,
    });
  });

  test("are sorted by caller, called and version", () => {
    const line = (from: string, to: string, version: string): string =>
      `istio_requests_total{reporter="source",source_canonical_service="${from}",destination_canonical_service="${to}",destination_version="${version}",response_code="200"} 1`;
    const text = [line("b", "x", "v2"), line("b", "x", "v1"), line("a", "z", "v1")].join("\n");
    const order = edgesBetween(new Map(), countEdges([text])).map(({ from, version }) => from + version);
    assert.deepEqual(order, ["av1", "bv1", "bv2"]);
  });
});

test("Prometheus samples are read with escaped labels, infinities and without labels", () => {
  const text = 'a{x="1\\"2\\\\3\\n4",y="{,}="} +Inf\na 3e2\nb{} 1\n';
  assert.deepEqual(parseSamples(text, new Set(["a"])), [
    { name: "a", labels: { x: '1"2\\3\n4', y: "{,}=" }, value: Infinity },
    { name: "a", labels: {}, value: 300 },
  ]);
});
