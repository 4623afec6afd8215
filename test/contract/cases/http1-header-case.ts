/** Names of headers in proper case, and other options of connections that a peer may see. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { answer, chunked, get, got, head, request, stat, typed } from "../harness/steps.ts";

const PROPER = { header_key_format: { proper_case_words: {} } };
const upstream = (options: JsonObject): ContractCase["clusters"] & {} => ({
  a: {
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
        "extensions.upstreams.http.v3.HttpProtocolOptions",
        { explicit_http_config: { http_protocol_options: options } },
      ),
    },
  },
});
const feature = "HTTP/1.1 messages: header_key_format";

export const CASES: readonly ContractCase[] = [
  {
    name: "to clients",
    feature,
    manager: { http_protocol_options: PROPER },
    client: [get("/", "x-request: 1"), got(1)],
    upstreams: { a: answer(200, "x", "x-one-two: a-b", "etag: q", "x_y.z$w: 1", "x-1a: 2", "WWW-authenticate: Basic") },
  },
  {
    name: "to clients: a local reply, and the end of the connection",
    feature,
    manager: { http_protocol_options: PROPER },
    routes: [{ match: { prefix: "/" }, direct_response: { status: 404, body: { inline_string: "none" } } }],
    client: [get("/", "connection: close"), got(1)],
  },
  {
    name: "to clients: chunks and trailers",
    feature,
    manager: { http_protocol_options: { ...PROPER, enable_trailers: true } },
    clusters: upstream({ enable_trailers: true }),
    client: [get(), got(1)],
    upstreams: { a: head("HTTP/1.1 200 OK", "transfer-encoding: chunked") + chunked(["abc"], "x-end: 1") },
  },
  {
    name: "to clients: 100 Continue",
    feature,
    manager: { http_protocol_options: PROPER },
    client: [request("POST", "/", "content-length: 3", "expect: 100-continue"), got("100 Continue"), "abc", got(1)],
  },
  {
    name: "to upstreams",
    feature,
    clusters: upstream(PROPER),
    client: [get("/", "x-one-two: 1", "user-agent: t"), got(1)],
    upstreams: { a: answer(200, "x", "x-back: 1") },
  },
  {
    name: "to upstreams: chunks",
    feature,
    clusters: upstream(PROPER),
    client: [request("POST", "/", "transfer-encoding: chunked") + chunked(["abc"]), got(1)],
  },
  {
    name: "tcp_keepalive is nothing that a peer sees",
    feature: "Connection pools: tcp_keepalive",
    clusters: { a: { upstream_connection_options: { tcp_keepalive: { keepalive_time: 300, keepalive_probes: 3 } } } },
    client: [get(), got(1)],
  },
  {
    name: "a listener counts under its stat_prefix",
    feature: "Statistics: listeners",
    listener: { stat_prefix: "edge:1" },
    client: [get(), got(1), stat("listener.edge_1.downstream_cx_total", 1)],
    stats: ["listener.edge_1.downstream_cx_active", "listener.edge_1.http.in.downstream_rq_2xx"],
  },
  {
    name: "HTTP/2 options are accepted beside HTTP/1",
    feature: "HTTP/1.1 messages: options of HTTP/2",
    manager: { http2_protocol_options: { max_concurrent_streams: 100, initial_stream_window_size: 65536 } },
    client: [get(), got(1)],
  },
];
