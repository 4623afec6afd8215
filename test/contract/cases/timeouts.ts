/** How long things may take, and what is answered when they took longer. */
import type { ContractCase } from "../harness/case.ts";
import { answer, elapse, ended, gate, get, got, head, open, post, request, seen, toCluster } from "../harness/steps.ts";

const HANGS = { a: { answers: [[gate("never")]] } };
const TRUSTING = {
  use_remote_address: true,
  internal_address_config: { cidr_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }] },
};
const MASK: NonNullable<ContractCase["mask"]> = [[/x-forwarded-for: .*/g, "x-forwarded-for: {peer}"]];
const GRPC = ["content-type: application/grpc"];
const INCOMPLETE = head("POST / HTTP/1.1", "Host: a.test", "content-length: 10");

function timed(feature: string, rows: Readonly<Record<string, Partial<ContractCase>>>): ContractCase[] {
  return Object.entries(rows).map(([name, parts]) => ({
    name,
    feature: `Timeouts: ${feature}`,
    client: [get(), got(1)],
    mask: MASK,
    ...parts,
  }));
}

const route = (fields: Parameters<typeof toCluster>[2]): Pick<ContractCase, "routes"> => ({
  routes: [toCluster("/", "a", fields)],
});

export const CASES: readonly ContractCase[] = [
  ...timed("route timeout", {
    "504": {
      ...route({ timeout: "0.2s" }),
      upstreams: HANGS,
      stats: ["cluster.a.upstream_rq_timeout", "cluster.a.upstream_rq_504"],
    },
    "the connection goes on": {
      ...route({ timeout: "0.2s" }),
      upstreams: { a: { answers: [[gate("never")], answer(200, "ok")] } },
      client: [get(), got(1), get(), got(2)],
    },
    "from the end of the request": {
      ...route({ timeout: "0.3s" }),
      client: [
        head("POST / HTTP/1.1", "Host: a.test", "content-length: 5"),
        seen("a", "POST"),
        elapse(500),
        "hello",
        got(1),
      ],
    },
    "in the middle of the answer": {
      ...route({ timeout: "0.3s" }),
      upstreams: { a: { answers: [[head("HTTP/1.1 200 OK", "content-length: 10") + "hello", gate("never")]] } },
      client: [get(), ended()],
      stats: ["cluster.a.upstream_rq_timeout", "http.in.downstream_rq_tx_reset"],
    },
    "0 is none": { ...route({ timeout: "0s" }) },
    "the upstream is told": { ...route({ timeout: "2.5s" }) },
    "the upstream is not told where envoy headers are suppressed": {
      ...route({ timeout: "2.5s" }),
      router: { suppress_envoy_headers: true },
    },
  }),
  ...timed("x-envoy headers", {
    "x-envoy-upstream-rq-timeout-ms from a trusted client": {
      manager: TRUSTING,
      upstreams: HANGS,
      client: [get("/", "x-envoy-upstream-rq-timeout-ms: 200"), got(1)],
    },
    "x-envoy-upstream-rq-timeout-ms from anybody": {
      client: [get("/", "x-envoy-upstream-rq-timeout-ms: 200"), got(1)],
    },
    "x-envoy-upstream-rq-timeout-ms that is no number": {
      manager: TRUSTING,
      client: [get("/", "x-envoy-upstream-rq-timeout-ms: soon"), got(1)],
    },
    "x-envoy-upstream-rq-per-try-timeout-ms": {
      manager: TRUSTING,
      upstreams: HANGS,
      client: [get("/", "x-envoy-upstream-rq-per-try-timeout-ms: 200"), got(1)],
      stats: ["cluster.a.upstream_rq_per_try_timeout", "cluster.a.upstream_rq_timeout"],
    },
    "x-envoy-upstream-rq-timeout-alt-response: 204": {
      manager: TRUSTING,
      ...route({ timeout: "0.2s" }),
      upstreams: HANGS,
      client: [get("/", "x-envoy-upstream-rq-timeout-alt-response: 1"), got(1)],
      stats: ["cluster.a.upstream_rq_204", "cluster.a.upstream_rq_504"],
    },
    "x-envoy-expected-rq-timeout-ms from a trusted client is replaced": {
      manager: TRUSTING,
      client: [get("/", "x-envoy-expected-rq-timeout-ms: 200"), got(1)],
    },
    "x-envoy-expected-rq-timeout-ms is respected": {
      manager: TRUSTING,
      router: { respect_expected_rq_timeout: true },
      upstreams: HANGS,
      client: [get("/", "x-envoy-expected-rq-timeout-ms: 200"), got(1)],
    },
  }),
  ...timed("gRPC", {
    "a local reply is trailers only": {
      ...route({ timeout: "0.2s" }),
      upstreams: HANGS,
      client: [get("/", ...GRPC), got(1)],
    },
    "grpc-timeout without max_grpc_timeout": { client: [get("/", ...GRPC, "grpc-timeout: 200m"), got(1)] },
    "grpc-timeout up to max_grpc_timeout": {
      ...route({ max_grpc_timeout: "2s" }),
      client: [
        get("/", ...GRPC, "grpc-timeout: 500m"),
        got(1),
        get("/", ...GRPC, "grpc-timeout: 5S"),
        got(2),
        get("/", ...GRPC),
        got(3),
        get(),
        got(4),
      ],
    },
    "max_grpc_timeout 0 takes anything": {
      ...route({ max_grpc_timeout: "0s" }),
      client: [
        get("/", ...GRPC, "grpc-timeout: 500m"),
        got(1),
        get("/", ...GRPC, "grpc-timeout: 1H"),
        got(2),
        get("/", ...GRPC),
        got(3),
      ],
    },
    grpc_timeout_offset: {
      ...route({ max_grpc_timeout: "10s", grpc_timeout_offset: "0.1s" }),
      client: [get("/", ...GRPC, "grpc-timeout: 500m"), got(1), get("/", ...GRPC, "grpc-timeout: 50m"), got(2)],
    },
    "units of grpc-timeout": {
      ...route({ max_grpc_timeout: "0s" }),
      client: ["1500000u", "2S", "3M", "99999999n", "7x", "-1S"].flatMap((value, i) => [
        get("/", ...GRPC, `grpc-timeout: ${value}`),
        got(i + 1),
      ]),
    },
    "max_stream_duration with grpc_timeout_header_max": {
      ...route({ max_stream_duration: { grpc_timeout_header_max: "0.3s" } }),
      upstreams: HANGS,
      client: [get("/", ...GRPC, "grpc-timeout: 5S"), got(1)],
    },
  }),
  ...timed("max_stream_duration", {
    "of the route": {
      ...route({ max_stream_duration: { max_stream_duration: "0.2s" } }),
      upstreams: HANGS,
      stats: ["http.in.downstream_rq_max_duration_reached"],
    },
    "of the route: the route's timeout does not count": {
      ...route({ timeout: "0.1s", max_stream_duration: { max_stream_duration: "0.4s" } }),
      upstreams: HANGS,
      stats: ["cluster.a.upstream_rq_timeout"],
    },
    "of the connection manager": {
      manager: { common_http_protocol_options: { max_stream_duration: "0.2s" } },
      upstreams: HANGS,
      stats: ["http.in.downstream_rq_max_duration_reached"],
    },
    "of the connection manager, and the request is incomplete": {
      manager: { common_http_protocol_options: { max_stream_duration: "0.2s" } },
      client: [INCOMPLETE, got(1)],
    },
    "of the route, 0: none, whatever the connection manager says": {
      manager: { common_http_protocol_options: { max_stream_duration: "0.2s" } },
      ...route({ max_stream_duration: { max_stream_duration: "0s" } }),
      upstreams: { a: { answers: [[gate("late"), answer(200, "ok")]] } },
      client: [get(), seen("a", 1), elapse(400), open("late"), got(1)],
    },
    "of the cluster": {
      clusters: {
        a: {
          typed_extension_protocol_options: {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
              "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
              common_http_protocol_options: { max_stream_duration: "0.2s" },
              explicit_http_config: { http_protocol_options: {} },
            },
          },
        },
      },
      upstreams: HANGS,
      stats: ["cluster.a.upstream_rq_max_duration_reached"],
    },
  }),
  ...timed("idle streams", {
    "the answer does not come": {
      manager: { stream_idle_timeout: "0.2s" },
      upstreams: HANGS,
      stats: ["http.in.downstream_rq_idle_timeout"],
    },
    "the rest of the request does not come": { manager: { stream_idle_timeout: "0.2s" }, client: [INCOMPLETE, got(1)] },
    "the rest of the answer does not come": {
      manager: { stream_idle_timeout: "0.2s" },
      upstreams: { a: { answers: [[head("HTTP/1.1 200 OK", "content-length: 10") + "hello", gate("never")]] } },
      client: [get(), ended()],
    },
    "idle_timeout of the route": { ...route({ idle_timeout: "0.2s" }), upstreams: HANGS },
    "idle_timeout of the route, 0: none": {
      manager: { stream_idle_timeout: "0.2s" },
      ...route({ idle_timeout: "0s" }),
      upstreams: { a: { answers: [[gate("late"), answer(200, "ok")]] } },
      client: [get(), seen("a", 1), elapse(400), open("late"), got(1)],
    },
    "a body that trickles is not idle": {
      manager: { stream_idle_timeout: "0.4s" },
      client: [INCOMPLETE, elapse(250), "hello", elapse(250), "world", got(1)],
    },
  }),
  ...timed("requests that do not come", {
    request_timeout: {
      manager: { request_timeout: "0.2s" },
      client: [INCOMPLETE, got(1)],
      stats: ["http.in.downstream_rq_timeout"],
    },
    "request_timeout does not count the answer": {
      manager: { request_timeout: "0.2s" },
      upstreams: { a: { answers: [[gate("late"), answer(200, "ok")]] } },
      client: [get(), seen("a", 1), elapse(400), open("late"), got(1)],
    },
    request_headers_timeout: {
      manager: { request_headers_timeout: "0.2s" },
      client: ["GET / HTTP/1.1\r\nHost: a.t", ended()],
      stats: ["http.in.downstream_rq_header_timeout"],
    },
    "idle_timeout of a connection": {
      manager: { common_http_protocol_options: { idle_timeout: "0.2s" } },
      client: [get(), got(1), ended()],
      stats: ["http.in.downstream_cx_idle_timeout"],
    },
    max_connection_duration: {
      manager: { common_http_protocol_options: { max_connection_duration: "0.2s" }, drain_timeout: "0.1s" },
      client: [get(), got(1), ended()],
      stats: ["http.in.downstream_cx_max_duration_reached"],
    },
    max_requests_per_connection: {
      manager: { common_http_protocol_options: { max_requests_per_connection: 2 } },
      client: [get(), got(1), get(), got(2), ended()],
      stats: ["http.in.downstream_cx_max_requests_reached"],
    },
  }),
  ...timed("100-continue", {
    "the route's timeout after a 100": {
      ...route({ timeout: "0.2s" }),
      upstreams: HANGS,
      client: [
        request("POST", "/", "expect: 100-continue", "content-length: 5"),
        got("100 Continue"),
        "hello",
        got("504"),
      ],
    },
    "a body without waiting": { client: [post("hello", "expect: 100-continue"), got("200")] },
  }),
];
