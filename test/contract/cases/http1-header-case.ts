/** Names of headers in proper case, and other options of connections that a peer may see. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { answer, chunked, get, got, head, request, stat, typed } from "../harness/steps.ts";

const PROPER = { header_key_format: { proper_case_words: {} } };
const preserved = (config: JsonObject = {}): JsonObject => ({
  header_key_format: {
    stateful_formatter: {
      name: "preserve_case",
      typed_config: typed("extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig", config),
    },
  },
});
const PROPER_OTHERS = { formatter_type_on_envoy_headers: "PROPER_CASE" };
/** Names that a client library of its own taste writes. */
const REQUEST = ["x-ONE-two: 1", "USER-Agent: t", "X-Two: 2", "x-tWO: 3", "CONTENT-length: 3"];
const ANSWER = answer(200, "x", "X-bACK: 1", "ETag: q", "x-back: 2", "SERVER: b");
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
const preserving = "HTTP/1.1 messages: preserve_case";

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
    name: "as it came: from clients",
    feature: preserving,
    manager: { http_protocol_options: preserved() },
    client: [request("POST", "/", ...REQUEST) + "abc", got(1)],
    upstreams: { a: ANSWER },
  },
  {
    name: "as it came: from clients, what the proxy adds in proper case",
    feature: preserving,
    manager: { http_protocol_options: preserved(PROPER_OTHERS) },
    client: [request("POST", "/", ...REQUEST) + "abc", got(1)],
    upstreams: { a: ANSWER },
  },
  {
    name: "as it came: from upstreams",
    feature: preserving,
    clusters: upstream(preserved()),
    client: [request("POST", "/", ...REQUEST) + "abc", got(1)],
    upstreams: { a: ANSWER },
  },
  {
    name: "as it came: from upstreams, what the proxy adds in proper case",
    feature: preserving,
    clusters: upstream(preserved(PROPER_OTHERS)),
    client: [get("/", "X-Request: 1"), got(1)],
    upstreams: { a: ANSWER },
  },
  {
    name: "as it came: the reason phrase",
    feature: preserving,
    clusters: upstream(preserved({ forward_reason_phrase: true })),
    client: [get(), got(1)],
    upstreams: { a: "HTTP/1.1 200 So Be It\r\nContent-Length: 1\r\n\r\nx" },
  },
  {
    name: "as it came: no reason phrase",
    feature: preserving,
    clusters: upstream(preserved({ forward_reason_phrase: true })),
    client: [get(), got(1)],
    upstreams: { a: "HTTP/1.1 404 \r\nContent-Length: 1\r\n\r\nx" },
  },
  {
    name: "as it came: a reason phrase that nobody wants",
    feature: preserving,
    clusters: upstream(preserved()),
    client: [get(), got(1)],
    upstreams: { a: "HTTP/1.1 200 So Be It\r\nContent-Length: 1\r\n\r\nx" },
  },
  {
    name: "as it came: both ways, chunks and trailers",
    feature: preserving,
    manager: { http_protocol_options: { ...preserved(), enable_trailers: true } },
    clusters: upstream({ ...preserved(), enable_trailers: true }),
    client: [request("POST", "/", "Transfer-Encoding: chunked") + chunked(["abc"], "X-End: 1"), got(1)],
    upstreams: { a: head("HTTP/1.1 200 OK", "Transfer-ENCODING: chunked") + chunked(["abc"], "X-Back-End: 1") },
  },
  {
    name: "as it came: a local reply",
    feature: preserving,
    manager: { http_protocol_options: preserved(PROPER_OTHERS) },
    routes: [{ match: { prefix: "/" }, direct_response: { status: 404, body: { inline_string: "none" } } }],
    client: [get("/", "Connection: close"), got(1)],
  },
  {
    name: "as it came: 100 Continue",
    feature: preserving,
    manager: { http_protocol_options: preserved() },
    clusters: upstream(preserved()),
    client: [request("POST", "/", "Content-Length: 3", "Expect: 100-continue"), got("100 Continue"), "abc", got(1)],
    upstreams: { a: ANSWER },
  },
  {
    name: "as it came: headers that routes add, set and remove",
    feature: preserving,
    manager: { http_protocol_options: preserved() },
    clusters: upstream(preserved()),
    routes: [
      {
        match: { prefix: "/" },
        route: { cluster: "a" },
        request_headers_to_add: [
          { header: { key: "X-Two", value: "new" }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" },
          { header: { key: "X-New", value: "n" } },
        ],
        request_headers_to_remove: ["x-one-two"],
        response_headers_to_add: [{ header: { key: "X-Out", value: "o" } }],
      },
    ],
    client: [get("/", ...REQUEST.slice(0, 3)), got(1)],
    upstreams: { a: ANSWER },
  },
  {
    name: "as it came: two requests of one connection have their own names",
    feature: preserving,
    manager: { http_protocol_options: preserved() },
    client: [get("/1", "X-One: 1") + get("/2", "x-one: 1"), got(2)],
    upstreams: { a: ANSWER + answer(200) },
  },
  {
    name: "as it came: a head in pieces",
    feature: preserving,
    manager: { http_protocol_options: preserved() },
    client: ["GET / HTTP/1.1\r\nHOST: h\r\nX-Fi", "RST: 1\r\nX-Sec", "ond: 2\r\n\r\n", got(1)],
  },
  {
    name: "as it came: a folded line",
    feature: preserving,
    manager: { http_protocol_options: preserved() },
    client: ["GET / HTTP/1.1\r\nHost: h\r\nX-First: 1\r\n Y-Not: 2\r\nX-Second: 2\r\n\r\n", got(1)],
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
