/** What is counted, and under which names, where several things happen at once: statistics of clusters, connection managers, listeners. */
import type { ContractCase } from "../harness/case.ts";
import {
  CLOSE,
  RESET,
  answer,
  close,
  elapse,
  endpoint,
  ended,
  gate,
  get,
  got,
  head,
  inTurn,
  open,
  post,
  request,
  seen,
  stat,
  toCluster,
  typed,
} from "../harness/steps.ts";

const cluster = (...names: readonly string[]): string[] => names.map((name) => `cluster.a.${name}`);
const http = (...names: readonly string[]): string[] => names.map((name) => `http.in.${name}`);
const answers = (prefix: string, ...kinds: readonly string[]): string[] =>
  kinds.map((kind) => `${prefix}upstream_rq_${kind}`);

const ENDS = http(
  "downstream_rq_completed",
  "downstream_rq_1xx",
  "downstream_rq_2xx",
  "downstream_rq_4xx",
  "downstream_rq_5xx",
  "downstream_rq_rx_reset",
  "downstream_rq_tx_reset",
  "downstream_rq_response_before_rq_complete",
  "downstream_cx_destroy_active_rq",
  "downstream_cx_destroy_local_active_rq",
  "downstream_cx_destroy_remote_active_rq",
  "downstream_cx_drain_close",
  "rq_total",
);
const UPSTREAM_ENDS = cluster(
  "upstream_cx_destroy",
  "upstream_cx_destroy_local",
  "upstream_cx_destroy_remote",
  "upstream_cx_destroy_with_active_rq",
  "upstream_cx_destroy_local_with_active_rq",
  "upstream_cx_destroy_remote_with_active_rq",
  "upstream_cx_protocol_error",
  "upstream_cx_close_notify",
  "upstream_rq_active",
);
const INTERIM = cluster("upstream_rq_100", "upstream_rq_103", "upstream_rq_1xx", "upstream_rq_completed");
const LOG =
  "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_CLUSTER% %UPSTREAM_TRANSPORT_FAILURE_REASON%";
const RETRIES = { retry_policy: { retry_on: "5xx,reset,connect-failure", num_retries: 2 }, timeout: "0s" };
const ABORT = typed("extensions.filters.http.fault.v3.HTTPFault", {
  abort: { http_status: 503, percentage: { numerator: 100 } },
});
const inZone = (zone: string): Required<Pick<ContractCase, "clusters">>["clusters"] => ({
  a: {
    load_assignment: {
      cluster_name: "a",
      endpoints: [{ locality: { zone }, lb_endpoints: [endpoint("a")] }],
    },
  },
});

const all = (feature: string, cases: readonly Omit<ContractCase, "feature">[]): ContractCase[] =>
  cases.map((each) => ({ ...each, feature: `Statistics: ${feature}` }));

export const CASES: readonly ContractCase[] = [
  ...all("responses by origin", [
    {
      name: "external requests",
      client: inTurn(get("/1"), get("/2")),
      upstreams: { a: { answers: [answer(200, "x"), answer(404)] } },
      stats: [
        ...answers("cluster.a.", "200", "2xx", "404", "4xx", "completed"),
        ...answers("cluster.a.external.", "200", "2xx", "404", "4xx", "completed"),
        ...answers("cluster.a.internal.", "200", "completed"),
      ],
    },
    {
      name: "internal requests",
      manager: {
        use_remote_address: true,
        internal_address_config: { cidr_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }] },
      },
      client: [get(), got(1)],
      stats: [...answers("cluster.a.external.", "200"), ...answers("cluster.a.internal.", "200", "2xx", "completed")],
    },
    {
      name: "copies are internal",
      routes: [toCluster("/", "a", { request_mirror_policies: [{ cluster: "b" }] })],
      clusters: { a: {}, b: {} },
      client: [get(), got(1), stat("cluster.b.internal.upstream_rq_200", 1)],
      stats: [
        ...answers("cluster.b.external.", "200"),
        "cluster.b.internal.upstream_rq_2xx",
        "http.async-client.rq_total",
      ],
    },
    {
      name: "no healthy upstream",
      clusters: { a: { endpoints: [] } },
      client: [get(), got(1)],
      stats: answers("cluster.a.external.", "503", "5xx", "completed"),
    },
    {
      name: "retried answers",
      routes: [toCluster("/", "a", RETRIES)],
      upstreams: { a: { answers: [answer(503), answer(200)] } },
      client: [get(), got(1)],
      stats: [
        ...answers("cluster.a.external.", "200", "503", "completed"),
        ...answers("cluster.a.retry.", "503", "5xx", "completed"),
      ],
    },
    {
      name: "canaries",
      clusters: {
        a: { endpoints: [endpoint("a", { metadata: { filter_metadata: { "envoy.lb": { canary: true } } } })] },
      },
      client: [get(), got(1)],
      stats: answers("cluster.a.canary.", "200", "2xx", "completed"),
    },
    {
      name: "zones",
      bootstrap: { node: { id: "n", cluster: "c", locality: { zone: "here" } } },
      clusters: inZone("there"),
      client: [get(), got(1)],
      stats: answers("cluster.a.zone.here.there.", "200", "2xx", "completed"),
    },
    {
      name: "zones, the proxy's unknown",
      clusters: inZone("there"),
      client: [get(), got(1)],
      stats: answers("cluster.a.zone..there.", "200"),
    },
  ]),
  ...all("the router", [
    {
      name: "redirects are direct responses",
      routes: [
        { match: { prefix: "/r" }, redirect: { path_redirect: "/x" } },
        { match: { prefix: "/d" }, direct_response: { status: 200 } },
      ],
      client: inTurn(get("/r"), get("/d"), get("/none")),
      stats: http("rq_redirect", "rq_direct_response", "no_route", "rq_total"),
    },
    {
      name: "requests that a filter answers do not reach it",
      filters: [{ name: "envoy.filters.http.fault", typed_config: ABORT }],
      client: [get(), got(1)],
      stats: http("rq_total", "downstream_rq_total", "downstream_rq_5xx"),
      accessLog: LOG,
    },
  ]),
  ...all("bytes", [
    {
      name: "are counted as they come and go",
      client: [post("hello"), got(1)],
      upstreams: { a: answer(200, "world") },
      stats: http("downstream_cx_rx_bytes_total"),
    },
    {
      name: "of upstreams",
      client: [get(), got(1)],
      upstreams: { a: answer(200, "world") },
      stats: cluster("upstream_cx_rx_bytes_total"),
    },
  ]),
  ...all("requests that do not end well", [
    {
      name: "the client leaves",
      upstreams: { a: { answers: [[gate("never")]] } },
      client: [get(), seen("a", 1), close(), stat("http.in.downstream_cx_destroy", 1)],
      stats: [...ENDS, ...UPSTREAM_ENDS],
      accessLog: LOG,
    },
    {
      name: "an answer before the end of the request",
      upstreams: { a: { early: true, answers: [answer(200, "early")] } },
      client: [request("POST", "/", "content-length: 10"), got(1), ended()],
      stats: [...ENDS, ...UPSTREAM_ENDS],
    },
    {
      name: "a refusal before the end of the request",
      client: [request("POST", "/", "content-length: 10", "transfer-encoding: gzip"), ended()],
      stats: ENDS,
    },
    {
      name: "a codec error",
      client: ["GET / HTTP/1.1\r\nhost : x\r\n\r\n", ended()],
      stats: ENDS,
    },
    {
      name: "a response that is cut short",
      upstreams: { a: { answers: [[head("HTTP/1.1 200 OK", "content-length: 10"), CLOSE]] } },
      client: [get(), ended()],
      stats: [...ENDS, ...UPSTREAM_ENDS],
      accessLog: LOG,
    },
    {
      name: "a response that is reset",
      upstreams: { a: { answers: [[head("HTTP/1.1 200 OK", "content-length: 10"), RESET]] } },
      client: [get(), ended()],
      stats: [...ENDS, ...UPSTREAM_ENDS],
      accessLog: LOG,
    },
    {
      name: "a head that is reset",
      upstreams: { a: { answers: [["HTTP/1.1 200 OK\r\ncont", RESET]] } },
      client: [get(), got(1)],
      stats: [...ENDS, ...UPSTREAM_ENDS],
      accessLog: LOG,
    },
    {
      name: "a reset instead of a response",
      upstreams: { a: { answers: [[RESET]] } },
      client: [get(), got(1)],
      stats: [...ENDS, ...UPSTREAM_ENDS],
      accessLog: LOG,
    },
    {
      name: "a reset that ends a response until the end",
      upstreams: { a: { answers: [[head("HTTP/1.1 200 OK"), "abc", RESET]] } },
      client: [get(), got(1), stat("cluster.a.upstream_cx_destroy", 1)],
      stats: [...ENDS, ...UPSTREAM_ENDS],
      accessLog: LOG,
    },
    {
      name: "a tunnel whose client leaves",
      manager: { upgrade_configs: [{ upgrade_type: "websocket" }] },
      upstreams: {
        a: { answers: [[head("HTTP/1.1 101 X", "connection: upgrade", "upgrade: websocket"), gate("never")]] },
      },
      client: [
        get("/", "connection: upgrade", "upgrade: websocket"),
        got("HTTP/1.1 101"),
        close(),
        stat("http.in.downstream_cx_destroy", 1),
      ],
      stats: [...ENDS, ...UPSTREAM_ENDS],
    },
    {
      name: "an upstream that says it closes",
      upstreams: { a: answer(200, "x", "connection: close") },
      client: [get(), got(1), stat("cluster.a.upstream_cx_destroy", 1)],
      stats: cluster("upstream_cx_close_notify", "upstream_cx_destroy_with_active_rq"),
    },
    {
      name: "an idle connection is no drained one",
      manager: { common_http_protocol_options: { idle_timeout: "0.2s" }, drain_timeout: "0.1s" },
      client: [get(), got(1), stat("http.in.downstream_cx_idle_timeout", 1)],
      stats: http("downstream_cx_drain_close"),
    },
  ]),
  ...all("interim responses", [
    {
      name: "103",
      upstreams: { a: head("HTTP/1.1 103 X") + answer(200, "x") },
      client: [get(), got(1)],
      stats: [...INTERIM, ...ENDS],
    },
    {
      name: "110 is none of Envoy's",
      upstreams: { a: head("HTTP/1.1 110 X") + answer(200, "x") },
      client: [get(), got(1)],
      stats: [...INTERIM, ...cluster("upstream_rq_110")],
    },
    {
      name: "nothing is tried again after one",
      routes: [toCluster("/", "a", RETRIES)],
      upstreams: { a: { answers: [head("HTTP/1.1 103 X") + answer(503), answer(200)] } },
      client: [get(), got(1)],
      stats: cluster("upstream_rq_retry", "upstream_rq_103", "upstream_rq_503"),
    },
    {
      name: "100 of the proxy's own",
      client: [request("POST", "/", "content-length: 3", "expect: 100-continue"), got("100 Continue"), "abc", got(1)],
      stats: [...INTERIM, ...ENDS],
    },
    {
      name: "100 that is passed on",
      manager: { proxy_100_continue: true },
      upstreams: { a: { early: true, answers: [[head("HTTP/1.1 100 Continue"), gate("body"), answer(200)]] } },
      client: [
        request("POST", "/", "content-length: 3", "expect: 100-continue"),
        got("100 Continue"),
        "abc",
        open("body"),
        got(1),
      ],
      stats: [...INTERIM, ...ENDS],
    },
  ]),
  ...all("the codec", [
    {
      name: "names with underscores, dropped",
      manager: { common_http_protocol_options: { headers_with_underscores_action: "DROP_HEADER" } },
      client: [get("/", "x_y: 1", "a_b: 2"), got(1)],
      stats: ["http1.dropped_headers_with_underscores", "http1.requests_rejected_with_underscores_in_headers"],
    },
    {
      name: "names with underscores, refused",
      manager: { common_http_protocol_options: { headers_with_underscores_action: "REJECT_REQUEST" } },
      client: [get("/", "x_y: 1", "a_b: 2"), ended()],
      stats: ["http1.dropped_headers_with_underscores", "http1.requests_rejected_with_underscores_in_headers"],
    },
    {
      name: "an absolute form that is not allowed is no path",
      manager: { http_protocol_options: { allow_absolute_url: false } },
      client: [`GET http://a.test/x HTTP/1.1\r\nhost: a.test\r\n\r\n`, got(1)],
      stats: http("downstream_rq_non_relative_path"),
      accessLog: LOG,
    },
  ]),
  ...all("logs", [
    {
      name: "of pipelined requests come in the order of the requests",
      routes: [{ match: { prefix: "/d" }, direct_response: { status: 200 } }, toCluster("/", "a")],
      client: [get("/d1") + get("/1") + get("/d2"), got(3), elapse(50)],
      accessLog: "%REQ(:PATH)%",
    },
    {
      name: "the transport failure is the last attempt's",
      routes: [toCluster("/", "a", RETRIES)],
      clusters: { a: { endpoints: ["b1", { ...endpoint("b2") }] } },
      upstreams: { b1: answer(200, "x"), b2: { refused: true } },
      client: inTurn(get("/1"), get("/2")),
      accessLog: "%RESPONSE_CODE% %UPSTREAM_TRANSPORT_FAILURE_REASON%",
    },
  ]),
];
