/** Stats as text, JSON and Prometheus exposition; names and labels were compared with Envoy 1.40. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExpositionFormat } from "@tulle/telemetry/exposition";
import { ALL_STATS, bucketsOf, compileStats } from "../../src/plan/compile-stats.ts";
import { Place, type Problem } from "../../src/plan/problems.ts";
import { StatsConfigSchema } from "@tulle/xds/gen/envoy/config/metrics/v3/stats_pb.js";
import { fromJson } from "@bufbuild/protobuf";
import { StatsRegistry } from "../../src/stats/index.ts";
import { renderPrometheus } from "../../src/stats/prometheus.ts";
import { extractConfiguredTags, extractTags } from "../../src/stats/tag-extraction.ts";
import { renderJson, renderText } from "../../src/stats/text.ts";

const CLUSTERS = new Set(["b", "outbound|9080|v1|reviews.default.svc.cluster.local", "a.b", "a"]);

const TAGS: readonly [name: string, extracted: string, tags: string][] = [
  ["cluster.b.upstream_rq_total", "cluster.upstream_rq_total", "envoy_cluster_name=b"],
  ["cluster.b.upstream_rq_200", "cluster.upstream_rq", "envoy_response_code=200 envoy_cluster_name=b"],
  ["cluster.b.upstream_rq_2xx", "cluster.upstream_rq_xx", "envoy_response_code_class=2 envoy_cluster_name=b"],
  [
    "cluster.b.external.upstream_rq_200",
    "cluster.external.upstream_rq",
    "envoy_response_code=200 envoy_cluster_name=b",
  ],
  [
    "cluster.outbound|9080|v1|reviews.default.svc.cluster.local.upstream_cx_total",
    "cluster.upstream_cx_total",
    "envoy_cluster_name=outbound|9080|v1|reviews.default.svc.cluster.local",
  ],
  ["cluster.a.b.upstream_cx_total", "cluster.upstream_cx_total", "envoy_cluster_name=a.b"],
  ["cluster.a.bind_errors", "cluster.bind_errors", "envoy_cluster_name=a"],
  ["cluster.unknown.upstream_cx_total", "cluster.upstream_cx_total", "envoy_cluster_name=unknown"],
  [
    "http.in.downstream_rq_5xx",
    "http.downstream_rq_xx",
    "envoy_response_code_class=5 envoy_http_conn_manager_prefix=in",
  ],
  ["http.in.rq_total", "http.rq_total", "envoy_http_conn_manager_prefix=in"],
  [
    "listener.127.0.0.1_18080.downstream_cx_total",
    "listener.downstream_cx_total",
    "envoy_listener_address=127.0.0.1_18080",
  ],
  [
    "listener.L.ssl.certificate.ROOTCA.expiration_unix_time_seconds",
    "listener.L.ssl.certificate.expiration_unix_time_seconds",
    "envoy_tls_certificate=ROOTCA",
  ],
  [
    "cluster.a.ssl.certificate.kubernetes://x.y.expiration_unix_time_seconds",
    "cluster.ssl.certificate.expiration_unix_time_seconds",
    "envoy_tls_certificate=kubernetes://x.y envoy_cluster_name=a",
  ],
  ["listener.[__1]_80.downstream_cx_total", "listener.downstream_cx_total", "envoy_listener_address=[__1]_80"],
  [
    "listener.127.0.0.1_18080.http.in.downstream_rq_2xx",
    "listener.http.downstream_rq_xx",
    "envoy_response_code_class=2 envoy_http_conn_manager_prefix=in envoy_listener_address=127.0.0.1_18080",
  ],
  [
    "listener.admin.http.admin.downstream_rq_2xx",
    "listener.admin.http.downstream_rq_xx",
    "envoy_response_code_class=2 envoy_http_conn_manager_prefix=admin",
  ],
  ["cluster_manager.cluster_added", "cluster_manager.cluster_added", ""],
];

for (const [name, extracted, tags] of TAGS) {
  test(`tags of ${name}`, () => {
    const result = extractTags(name, CLUSTERS);
    assert.equal(result.name, extracted);
    assert.equal(result.tags.map((tag) => tag.join("=")).join(" "), tags);
  });
}

const ALL = {
  usedOnly: false,
  format: "text" as ExpositionFormat,
  filter: () => true,
  clusterNames: CLUSTERS,
  plan: ALL_STATS,
};

test("Prometheus: one TYPE line a name, series of a name together, empty braces without labels", () => {
  const stats = new StatsRegistry();
  stats.counter("cluster.b.upstream_rq_2xx").value = 3;
  stats.counter("cluster_manager.cluster_added").value = 2;
  stats.counter("cluster.a.upstream_rq_2xx").value = 1;
  stats.gauge("cluster.b.membership_total").value = 1;
  assert.equal(
    renderPrometheus(stats, ALL),
    `# TYPE envoy_cluster_manager_cluster_added counter
envoy_cluster_manager_cluster_added{} 2
# TYPE envoy_cluster_membership_total gauge
envoy_cluster_membership_total{envoy_cluster_name="b"} 1
# TYPE envoy_cluster_upstream_rq_xx counter
envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="b"} 3
envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="a"} 1
`,
  );
});

test("Prometheus: histograms are cumulative, end in +Inf, and have sum and count", () => {
  const stats = new StatsRegistry();
  const histogram = stats.histogram("cluster.b.upstream_rq_time");
  for (const value of [0.4, 3, 7, 4_000_000]) histogram.record(value);
  const lines = renderPrometheus(stats, ALL).split("\n");
  assert.equal(lines[0], "# TYPE envoy_cluster_upstream_rq_time histogram");
  assert.equal(lines[1], 'envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="b",le="0.5"} 1');
  assert.equal(lines[3], 'envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="b",le="5"} 2');
  assert.equal(lines[4], 'envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="b",le="10"} 3');
  assert.deepEqual(lines.slice(-4, -1), [
    'envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="b",le="+Inf"} 4',
    'envoy_cluster_upstream_rq_time_sum{envoy_cluster_name="b"} 4000010.4',
    'envoy_cluster_upstream_rq_time_count{envoy_cluster_name="b"} 4',
  ]);
});

test("Prometheus: istio metrics keep their name and labels, and label values are escaped", () => {
  const stats = new StatsRegistry();
  stats.counter("istio_requests_total", [
    ["reporter", "source"],
    ["source_app", 'a"b\\c\nd'],
  ]).value = 1;
  assert.equal(
    renderPrometheus(stats, ALL),
    '# TYPE istio_requests_total counter\nistio_requests_total{reporter="source",source_app="a\\"b\\\\c\\nd"} 1\n',
  );
});

test("buckets are those of the first setting that matches, in order", () => {
  const problems: Problem[] = [];
  const settings = [
    { match: { prefix: "cluster." }, bins: 20 },
    { match: { prefix: "cluster.a." }, buckets: [30, 7.5, 1000] },
    { match: { suffix: "_time" }, buckets: [1] },
  ];
  const plan = compileStats(
    fromJson(StatsConfigSchema, { histogramBucketSettings: settings }),
    new Place("", problems),
  );
  assert.deepEqual(problems, []);
  const stats = new StatsRegistry(null, bucketsOf(plan));
  for (const name of ["cluster.a.upstream_rq_time", "cluster.b.upstream_rq_time", "x"])
    stats.histogram(name).record(20);
  assert.deepEqual([...stats.histograms()].map((each) => [each.bounds, each.cumulative()]).slice(0, 2), [
    [
      [7.5, 30, 1000],
      [0, 1, 1],
    ],
    [[1], [0]],
  ]);
  assert.equal([...stats.histograms()][2]!.bounds.length, 19);
});

test("OpenMetrics: the same series, counters without _total of no known type, exemplars, and an end", () => {
  const stats = new StatsRegistry(null, () => [10, 100]);
  stats.counter("cluster.b.upstream_rq_2xx").value = 3;
  stats.counter("cluster.b.upstream_cx_total").value = 2;
  // Its family would be called as that of the counter below.
  stats.counter("cluster.b.upstream_rq_total").value = 3;
  stats.counter("cluster.b.upstream_rq_200").value = 3;
  const histogram = stats.histogram("istio_request_duration_milliseconds", [["reporter", "source"]]);
  for (const value of [4, 8, 90, 5_000]) histogram.record(value);
  histogram.exemplify(4, "0af7651916cd43dd8448eb211c80319c", 1_700_000_000_123);
  histogram.exemplify(8, "b7ad6b7169203331b7ad6b7169203331", 1_700_000_000_500);
  histogram.exemplify(5_000, "463ac35c9f6413ad", 1_700_000_001_000);
  assert.equal(
    renderPrometheus(stats, { ...ALL, format: "openmetrics" }),
    `# TYPE envoy_cluster_upstream_cx counter
envoy_cluster_upstream_cx_total{envoy_cluster_name="b"} 2
# TYPE envoy_cluster_upstream_rq unknown
envoy_cluster_upstream_rq{envoy_response_code="200",envoy_cluster_name="b"} 3
# TYPE envoy_cluster_upstream_rq_total unknown
envoy_cluster_upstream_rq_total{envoy_cluster_name="b"} 3
# TYPE envoy_cluster_upstream_rq_xx unknown
envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="b"} 3
# TYPE istio_request_duration_milliseconds histogram
istio_request_duration_milliseconds_bucket{reporter="source",le="10"} 2 # {trace_id="b7ad6b7169203331b7ad6b7169203331"} 8 1700000000.500
istio_request_duration_milliseconds_bucket{reporter="source",le="100"} 3
istio_request_duration_milliseconds_bucket{reporter="source",le="+Inf"} 4 # {trace_id="463ac35c9f6413ad"} 5000 1700000001.000
istio_request_duration_milliseconds_sum{reporter="source"} 5102
istio_request_duration_milliseconds_count{reporter="source"} 4
# EOF
`,
  );
});

test("usedonly leaves out what was never counted", () => {
  const stats = new StatsRegistry();
  stats.counter("a").value = 1;
  stats.counter("b");
  stats.gauge("c");
  stats.histogram("d");
  const selection = { usedOnly: true, filter: () => true, type: "All", histograms: "summary" } as const;
  assert.equal(renderText(stats, selection), "a: 1\n");
  assert.equal(renderPrometheus(stats, { ...ALL, usedOnly: true }), "# TYPE envoy_a counter\nenvoy_a{} 1\n");
});

test("text: counters and gauges by name, then histograms", () => {
  const stats = new StatsRegistry();
  stats.histogram("a.empty");
  stats.counter("b.counter").value = 2;
  stats.gauge("a.gauge").value = 1;
  stats.histogram("a.time").record(1);
  assert.deepEqual(
    renderText(stats, { usedOnly: false, filter: () => true, type: "All", histograms: "summary" }).split("\n"),
    [
      "a.gauge: 1",
      "b.counter: 2",
      "a.empty: No recorded values",
      "a.time: P0(nan,0.99) P25(nan,0.9925) P50(nan,0.995) P75(nan,0.9975) P90(nan,0.999) P95(nan,0.9995) P99(nan,0.9999) P99.5(nan,0.99995) P99.9(nan,0.99999) P100(nan,1)",
      "",
    ],
  );
});

test("JSON: rows, then the quantiles of all histograms", () => {
  const stats = new StatsRegistry();
  stats.counter("c").value = 2;
  stats.histogram("h").record(5);
  const { stats: rows } = JSON.parse(
    renderJson(stats, { usedOnly: false, filter: () => true, type: "All", histograms: "summary" }),
  ) as {
    stats: [
      { name: string; value: number },
      { histograms: { supported_quantiles: number[]; computed_quantiles: { name: string; values: unknown[] }[] } },
    ];
  };
  assert.deepEqual(rows[0], { name: "c", value: 2 });
  assert.deepEqual(rows[1].histograms.supported_quantiles, [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100]);
  assert.equal(rows[1].histograms.computed_quantiles[0].name, "h");
  assert.equal(rows[1].histograms.computed_quantiles[0].values.length, 10);
});

test("histograms by buckets and bins", () => {
  const stats = new StatsRegistry();
  for (const value of [0, 0.7, 3, 3, 2_000_000]) stats.histogram("h").record(value);
  stats.histogram("i");
  const shown = (histograms: "cumulative" | "disjoint" | "detailed"): string =>
    renderText(stats, { usedOnly: false, filter: () => true, type: "All", histograms });
  assert.equal(
    shown("cumulative"),
    "h: B0.5(0,1) B1(0,2) B5(0,4) B10(0,4) B25(0,4) B50(0,4) B100(0,4) B250(0,4) B500(0,4) B1000(0,4) B2500(0,4) B5000(0,4) " +
      "B10000(0,4) B30000(0,4) B60000(0,4) B300000(0,4) B600000(0,4) B1.8e+06(0,4) B3.6e+06(0,5)\ni: No recorded values\n",
  );
  assert.match(shown("disjoint"), /^h: B0\.5\(0,1\) B1\(0,1\) B5\(0,2\) B10\(0,0\) .* B3\.6e\+06\(0,1\)\n/);
  assert.match(
    shown("detailed"),
    /^h:\n {2}totals=0,0:1 0\.69,0\.01:1 2\.9,0\.1:2 1\.9e\+06,100000:1\n {2}intervals=\n {2}summary=P0/,
  );
  const json = (histograms: "cumulative" | "detailed"): unknown =>
    JSON.parse(renderJson(stats, { usedOnly: true, filter: () => true, type: "All", histograms }));
  assert.partialDeepStrictEqual(json("cumulative"), {
    stats: [{ histograms: [{ name: "h", buckets: [{ upper_bound: 0.5, interval: 0, cumulative: 1 }] }] }],
  });
  assert.partialDeepStrictEqual(json("detailed"), {
    stats: [{ histograms: { details: [{ name: "h", totals: [{ lower_bound: 0, width: 0, count: 1 }] }] } }],
  });
});

test("stats_tags: names and labels as the bootstrap says, compared with Envoy 1.40", () => {
  const problems: Problem[] = [];
  const config = fromJson(StatsConfigSchema, {
    use_all_default_tags: false,
    stats_tags: [
      { tag_name: "cluster_name", regex: "^cluster\\.((.+?(\\..+?\\.svc\\.cluster\\.local)?)\\.)" },
      { tag_name: "response_code", regex: "_rq(_(\\d{3}))$" },
      { tag_name: "listener_address", regex: "^listener\\.(((?:[_.[:digit:]]*|[_\\[\\]aAbB[:digit:]]*))\\.)" },
      { tag_name: "fixed", fixed_value: "x" },
    ],
  });
  const plan = compileStats(config, new Place("", problems));
  assert.deepEqual(problems, []);
  const shown = (name: string): string => {
    const found = extractConfiguredTags(name, CLUSTERS, plan);
    return `${found.name} ${found.tags.map(([tag, value]) => `${tag}=${value}`).join()}`;
  };
  assert.equal(
    shown("cluster.a.ns.svc.cluster.local.upstream_rq_503"),
    "cluster.upstream_rq response_code=503,fixed=x,cluster_name=a.ns.svc.cluster.local",
  );
  assert.equal(
    shown("listener.127.0.0.1_80.downstream_cx_total"),
    "listener.downstream_cx_total fixed=x,listener_address=127.0.0.1_80",
  );
});
