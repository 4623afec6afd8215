/** HTTP/2 towards upstreams: messages. Clients speak HTTP/1.1, but for the last. */
import { type ContractCase, REFUSED } from "../harness/case.ts";
import { UPSTREAM_STATS, http2Cluster, httpOptions } from "../harness/http2/config.ts";
import {
  answer2,
  data,
  get2,
  head2,
  headers,
  lastData,
  open2,
  post2,
  preface,
  request2,
  resetStream,
  trailers,
} from "../harness/http2/frames.ts";
import {
  answer,
  chunked,
  CLOSE,
  ended,
  gate,
  get,
  got,
  head,
  open,
  post,
  request,
  seen,
  sees,
  send,
  stat,
  toCluster,
} from "../harness/steps.ts";
import { type Differences } from "../harness/rows.ts";
import { CHUNKED_POST, NEVER, THIS, a, early, upstreamCases } from "../harness/http2/upstream-cases.ts";

/** Cases that Tulle is not the same in. */
const DIFFERENT: Differences = {
  "HTTP/2 clients: the answer comes before the request is over, with RST_STREAM NO_ERROR": {
    waived: "what comes for a stream that is over is not counted",
  },
};

export const CASES: readonly ContractCase[] = [
  ...upstreamCases(
    "access logs",
    {
      "of clients of HTTP/1.1": { client: [get(), got(1)] },
      "of clients of HTTP/2": { client: [preface(), get2(1), got(1)] },
      "an upstream of HTTP/1.1": { client: [preface(), get2(1), got(1)], clusters: { a: {} } },
      "nobody answers": { client: [get(), got(1)], upstreams: { a: REFUSED } },
    },
    { accessLog: "%PROTOCOL% %UPSTREAM_PROTOCOL%" },
  ),
  ...upstreamCases("messages", {
    GET: { client: [get("/x?y", "x-a: 1"), got(1)], stats: UPSTREAM_STATS },
    "settings and windows": { client: [get(), got(1)], exactFrames: true },
    POST: { client: [post("hello"), got(1)] },
    "an empty POST": { client: [post(""), got(1)] },
    "a chunked request": { client: [CHUNKED_POST + chunked(["hello"]), got(1)] },
    "trailers of a request": { client: [CHUNKED_POST + chunked(["hello"], "x-t: 1"), got(1)] },
    "trailers of a request, where the listener has them": {
      client: [CHUNKED_POST + chunked(["hello"], "x-t: 1"), got(1)],
      manager: { http_protocol_options: { enable_trailers: true } },
    },
    "a response without a content-length": { client: [get(), got(1)], upstreams: a(answer2(200, "hello")) },
    "a response that is a head": { client: [get(), got(1)], upstreams: a(answer2(200)) },
    "a response of two pieces": {
      client: [get(), got(1)],
      upstreams: a([head2(200), data(THIS, "hello "), lastData(THIS, "there")]),
    },
    "trailers of a response": {
      client: [get(), got(1)],
      upstreams: a(head2(200) + data(THIS, "hi") + trailers(THIS, "x-t: 1")),
    },
    "trailers of a response, where the listener has them": {
      client: [get(), got(1)],
      upstreams: a(head2(200) + data(THIS, "hi") + trailers(THIS, "x-t: 1")),
      manager: { http_protocol_options: { enable_trailers: true } },
    },
    "trailers without a body": { client: [get(), got(1)], upstreams: a(head2(200) + trailers(THIS, "x-t: 1")) },
    "trailers after a body with a content-length": {
      client: [get(), got(1)],
      upstreams: a(head2(200, "content-length: 2") + data(THIS, "hi") + trailers(THIS, "x-t: 1")),
    },
    HEAD: { client: [request("HEAD", "/"), got(1)], upstreams: a(answer2(200, "", "content-length: 5")) },
    "HEAD without a content-length": { client: [request("HEAD", "/"), got(1)], upstreams: a(answer2(200)) },
    204: { client: [get(), got(1)], upstreams: a(answer2(204)) },
    "304 with a content-length": { client: [get(), got(1)], upstreams: a(answer2(304, "", "content-length: 5")) },
    "OPTIONS *": { client: [request("OPTIONS", "*"), got(1)] },
    "HTTP/1.0 clients": {
      client: [head("GET / HTTP/1.0", "Host: a.test"), ended()],
      manager: { http_protocol_options: { accept_http_10: true } },
      upstreams: a(answer2(200, "hello")),
    },
    "requests one after another": { client: [get("/1"), got(1), get("/2"), got(2)], stats: UPSTREAM_STATS },
    "two requests on one connection": {
      client: [get("/1"), seen("a", "/1"), send("d", get("/2")), seen("a", "/2"), open("go"), got(1), got(1, "d")],
      upstreams: early([gate("go"), answer2(200, "x")]),
      stats: UPSTREAM_STATS,
    },
    "a long request": { client: [post("y".repeat(200_000)), got(1)], upstreams: a(answer2(200, "done")) },
    "a long response": {
      client: [get(), got(1)],
      upstreams: a(
        head2(200) + Array.from({ length: 20 }, () => data(THIS, "x".repeat(10_000))).join("") + lastData(THIS),
      ),
    },
    "1xx from the upstream": { client: [get(), got(1)], upstreams: a(head2(103, "link: x") + answer2(200, "x")) },
    "100 for who expects it": {
      client: [request("POST", "/", "expect: 100-continue", "content-length: 2"), got("100"), "hi", got(1)],
      upstreams: early([head2(100), sees("hi"), answer2(200, "x")]),
      manager: { proxy_100_continue: true },
    },
    "https asked for": { client: [get("/", "x-forwarded-proto: https"), got(1)] },
    "a body for GET": { client: [request("GET", "/", "content-length: 2") + "hi", got(1)] },
  }),
  ...upstreamCases("headers", {
    "headers of a connection": {
      client: [get("/", "connection: keep-alive, x-b", "keep-alive: 5", "proxy-connection: x", "x-b: 1"), got(1)],
    },
    "te: trailers": { client: [get("/", "te: trailers"), got(1)] },
    "te: gzip": { client: [get("/", "te: gzip"), got(1)] },
    "te: trailers, named by connection": { client: [get("/", "connection: te", "te: trailers"), got(1)] },
    "names in upper case": { client: [get("/", "X-Upper: 1"), got(1)] },
    "one cookie header": { client: [get("/", "cookie: a=1; b=2"), got(1)] },
    "two cookie headers": { client: [get("/", "cookie: a=1", "x: y", "cookie: b=2"), got(1)] },
    "host rewritten": { client: [get(), got(1)], routes: [toCluster("/", "a", { host_rewrite_literal: "b.test" })] },
    "a header twice": { client: [get("/", "x: 1", "x: 2"), got(1)] },
    "an empty value": { client: [get("/", "x:"), got(1)] },
    "set-cookie twice": {
      client: [get(), got(1)],
      upstreams: a(answer2(200, "x", "set-cookie: a=1", "set-cookie: b=2")),
    },
    "connection of the upstream": { client: [get(), got(1)], upstreams: a(answer2(200, "x", "connection: close")) },
    "transfer-encoding of the upstream": {
      client: [get(), got(1)],
      upstreams: a(answer2(200, "x", "transfer-encoding: chunked")),
    },
    "keep-alive of the upstream": { client: [get(), got(1)], upstreams: a(answer2(200, "x", "keep-alive: 5")) },
    "no :status": { client: [get(), got(1)], upstreams: a(headers(THIS, ["x: y"], 5)) },
    "a :status that is no number": { client: [get(), got(1)], upstreams: a(headers(THIS, [":status: x"], 5)) },
    "a :status of four digits": { client: [get(), got(1)], upstreams: a(headers(THIS, [":status: 2000"], 5)) },
    "a :status twice": { client: [get(), got(1)], upstreams: a(headers(THIS, [":status: 200", ":status: 200"], 5)) },
    "a request's pseudo-header": {
      client: [get(), got(1)],
      upstreams: a(headers(THIS, [":status: 200", ":path: /"], 5)),
    },
    "a pseudo-header after others": {
      client: [get(), got(1)],
      upstreams: a(headers(THIS, ["x: y", ":status: 200"], 5)),
    },
    "a pseudo-header in trailers": {
      client: [get(), ended()],
      upstreams: a(head2(200) + data(THIS, "x") + trailers(THIS, ":status: 200")),
    },
    "a name in upper case from the upstream": { client: [get(), got(1)], upstreams: a(answer2(200, "x", "X-A: 1")) },
    "a line feed in a value": { client: [get(), got(1)], upstreams: a(answer2(200, "x", "x: a\nb")) },
    "101 from the upstream": { client: [get(), got(1)], upstreams: a(answer2(101)) },
    "a content-length that is more than the body": {
      client: [get(), ended()],
      upstreams: a(answer2(200, "hello", "content-length: 7")),
    },
    "a content-length that is less than the body": {
      client: [get(), ended()],
      upstreams: a(answer2(200, "hello", "content-length: 3")),
    },
    "many headers": {
      client: [get(), got(1)],
      upstreams: a(answer2(200, "x", ...Array.from({ length: 110 }, (_, i) => `x-${i}: y`))),
    },
    "a stream error is enough, where that is wanted": {
      client: [get(), got(1)],
      upstreams: a(answer2(200, "x", "X-A: 1")),
      clusters: { a: http2Cluster({ override_stream_error_on_invalid_http_message: true }) },
      stats: UPSTREAM_STATS,
    },
  }),
  ...upstreamCases("fields", {
    "the cluster's own http2_protocol_options": {
      client: [get(), got(1)],
      clusters: { a: { http2_protocol_options: {} } },
    },
    "use_downstream_protocol_config: HTTP/1.1": {
      client: [get(), got(1)],
      clusters: {
        a: httpOptions({ use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: {} } }),
      },
      stats: UPSTREAM_STATS,
    },
    "use_downstream_protocol_config: HTTP/2": {
      client: [preface(), get2(1), got(1)],
      clusters: {
        a: httpOptions({ use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: {} } }),
      },
      stats: UPSTREAM_STATS,
    },
    "use_downstream_protocol_config: both, pools of their own": {
      client: [preface(), get2(1), got(1), send("d", get()), got(1, "d")],
      clusters: {
        a: httpOptions({ use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: {} } }),
      },
      stats: UPSTREAM_STATS,
    },
    "use_downstream_protocol_config without HTTP/2": {
      client: [preface(), get2(1), got(1)],
      clusters: { a: httpOptions({ use_downstream_protocol_config: { http_protocol_options: {} } }) },
      stats: UPSTREAM_STATS,
    },
    "use_downstream_protocol_config without HTTP/1.1": {
      client: [get(), got(1)],
      clusters: { a: httpOptions({ use_downstream_protocol_config: { http2_protocol_options: {} } }) },
      stats: UPSTREAM_STATS,
    },
    "initial windows": {
      client: [get(), got(1)],
      exactFrames: true,
      clusters: { a: http2Cluster({ initial_stream_window_size: 65_535, initial_connection_window_size: 65_535 }) },
    },
    "max_concurrent_streams and hpack_table_size": {
      client: [get(), got(1)],
      exactFrames: true,
      clusters: { a: http2Cluster({ max_concurrent_streams: 10, hpack_table_size: 8192 }) },
    },
    allow_connect: {
      client: [get(), got(1)],
      exactFrames: true,
      clusters: { a: http2Cluster({ allow_connect: true }) },
    },
    custom_settings_parameters: {
      client: [get(), got(1)],
      exactFrames: true,
      clusters: { a: http2Cluster({ custom_settings_parameters: [{ identifier: 10, value: 5 }] }) },
    },
    "the peer's table of 0": {
      client: [get("/1"), got(1), get("/2"), got(2)],
      upstreams: { a: { answers: [answer2(200, "x")], http2: { settings: { headerTableSize: 0 } } } },
    },
    "the peer's frames of 16 KiB": {
      client: [post("y".repeat(40_000)), got(1)],
      upstreams: { a: { answers: [answer2(200, "x")] } },
      exactChunks: true,
    },
  }),
  ...upstreamCases(
    "HTTP/2 clients",
    {
      GET: { client: [preface(), get2(1, "/x", "x-a: 1"), got(1)] },
      POST: { client: [preface(), post2(1, "hello", "content-length: 5"), got(1)] },
      "a body in pieces": {
        client: [preface(), open2(1, "POST", "/"), data(1, "he"), data(1, "llo"), lastData(1), got(1)],
      },
      "trailers both ways": {
        client: [preface(), open2(1, "POST", "/"), data(1, "hello"), trailers(1, "x-t: 1"), got(1)],
        upstreams: a(head2(200) + data(THIS, "hi") + trailers(THIS, "x-t: 2")),
      },
      "trailers without a body": { client: [preface(), open2(1, "POST", "/"), trailers(1, "x-t: 1"), got(1)] },
      HEAD: {
        client: [preface(), request2(1, "HEAD", "/"), got(1)],
        upstreams: a(answer2(200, "", "content-length: 5")),
      },
      "te: trailers": { client: [preface(), get2(1, "/", "te: trailers"), got(1)] },
      "cookies in crumbs": { client: [preface(), get2(1, "/", "cookie: a=1", "cookie: b=2"), got(1)] },
      "two streams": {
        client: [preface(), get2(1, "/1") + get2(3, "/3"), got(2)],
        upstreams: a(answer2(200, "x")),
        stats: UPSTREAM_STATS,
      },
      "the upstream resets": { client: [preface(), get2(1), got(1)], upstreams: a(resetStream(THIS, "CANCEL")) },
      "the upstream resets in the middle": {
        client: [preface(), get2(1), got("half"), open("go"), got(1)],
        upstreams: a([head2(200) + data(THIS, "half"), gate("go"), resetStream(THIS, "INTERNAL_ERROR")]),
      },
      "the upstream resets in the middle, with CANCEL": {
        client: [preface(), get2(1), got("half"), open("go"), got(1)],
        upstreams: a([head2(200) + data(THIS, "half"), gate("go"), resetStream(THIS, "CANCEL")]),
      },
      "the upstream ends in the middle": {
        client: [preface(), get2(1), got("half"), open("go"), got(1)],
        upstreams: a([head2(200) + data(THIS, "half"), gate("go"), CLOSE]),
      },
      "the client resets": {
        client: [
          preface(),
          get2(1),
          seen("a", "GET"),
          resetStream(1, "CANCEL"),
          stat("cluster.a.upstream_rq_active", 0),
        ],
        upstreams: a([NEVER]),
      },
      "the client resets with INTERNAL_ERROR": {
        client: [
          preface(),
          get2(1),
          seen("a", "GET"),
          resetStream(1, "INTERNAL_ERROR"),
          stat("cluster.a.upstream_rq_active", 0),
        ],
        upstreams: a([NEVER]),
      },
      "the answer comes before the request is over": {
        client: [preface(), open2(1, "POST", "/") + data(1, "half"), got(1)],
        upstreams: early(answer2(200, "early")),
      },
      "the answer comes before the request is over, with RST_STREAM NO_ERROR": {
        client: [preface(), open2(1, "POST", "/") + data(1, "half"), got(1)],
        upstreams: early([answer2(200, "early") + resetStream(THIS, "NO_ERROR")]),
      },
      "a response of HTTP/1.1 in between": {
        client: [preface(), get2(1, "/a"), got(1), get2(3, "/b"), got(2)],
        clusters: { a: http2Cluster(), b: {} },
        routes: [toCluster("/a", "a"), toCluster("/b", "b")],
        upstreams: { b: answer(200, "b", "connection: close") },
      },
    },
    { stats: ["http2.rx_reset", "http2.tx_reset", "cluster.a.http2.rx_reset", "cluster.a.http2.tx_reset"] },
    DIFFERENT,
  ),
  {
    name: "fields: auto_config on a plain cluster",
    feature: "HTTP/2 to upstreams: fields",
    refused: true,
    clusters: { a: httpOptions({ auto_config: { http_protocol_options: {}, http2_protocol_options: {} } }) },
    client: [],
  },
];
