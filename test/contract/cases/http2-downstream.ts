/** HTTP/2 from clients, by prior knowledge; upstreams speak HTTP/1.1. */
import type { ContractCase, Step } from "../harness/case.ts";
import { DOWNSTREAM_STATS, LOG } from "../harness/http2/config.ts";
import {
  data,
  get2,
  goaway,
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
  admin,
  answer,
  chunked,
  CLOSE,
  ended,
  FINISH,
  finish,
  gate,
  get,
  got,
  head,
  open,
  RESET,
  seen,
  sees,
  send,
  stat,
  toCluster,
} from "../harness/steps.ts";
import { type Differences, type Row, casesOf } from "../harness/rows.ts";

function cases(
  feature: string,
  rows: Readonly<Record<string, Row>>,
  parts: Partial<ContractCase> = {},
): ContractCase[] {
  return casesOf("HTTP/2 from clients", feature, rows, { accessLog: LOG, ...parts }, DIFFERENT);
}

/** Requests on a new connection, then what there is to wait for. */
function on2(...steps: readonly Step[]): readonly Step[] {
  return [preface(), ...steps];
}

const CHUNKED = head("HTTP/1.1 200 X", "transfer-encoding: chunked");

/** Cases that Tulle is not the same in. */
const DIFFERENT: Differences = {
  "ends: the client cancels with NO_ERROR": {
    waived: "whatever the code, it is told that the client has reset the stream (DR)",
  },
  "ends: GOAWAY of a client, and another request": {
    waived: "the request is answered: GOAWAY speaks of streams that the proxy would open",
  },
};

export const CASES: readonly ContractCase[] = [
  ...cases("messages", {
    GET: { client: on2(get2(1, "/x?y", "x-a: 1"), got(1)), stats: DOWNSTREAM_STATS },
    POST: { client: on2(post2(1, "hello", "content-length: 5"), got(1)) },
    "POST without a content-length": { client: on2(post2(1, "hello"), got(1)) },
    "POST in pieces": { client: on2(open2(1, "POST", "/"), data(1, "he"), data(1, "llo"), lastData(1), got(1)) },
    "an empty body": { client: on2(open2(1, "POST", "/"), lastData(1), got(1)) },
    "POST that ends with its head": { client: on2(request2(1, "POST", "/"), got(1)) },
    "GET with a body": { client: on2(open2(1, "GET", "/"), lastData(1, "body"), got(1)) },
    "trailers of a request": { client: on2(open2(1, "POST", "/"), data(1, "hello"), trailers(1, "x-t: 1"), got(1)) },
    "trailers without a body": { client: on2(open2(1, "POST", "/"), trailers(1, "x-t: 1"), got(1)) },
    "trailers of a request, where the upstream may have them": {
      client: on2(open2(1, "POST", "/"), data(1, "hello"), trailers(1, "x-t: 1"), got(1)),
      clusters: { a: { http_protocol_options: { enable_trailers: true } } },
    },
    "trailers of a response": { client: on2(get2(1), got(1)), upstreams: { a: CHUNKED + chunked(["hi"], "x-t: 1") } },
    "trailers of a response, which the upstream may have": {
      client: on2(get2(1), got(1)),
      upstreams: { a: CHUNKED + chunked(["hi"], "x-t: 1") },
      clusters: { a: { http_protocol_options: { enable_trailers: true } } },
    },
    "trailers without a body, which the upstream may have": {
      client: on2(get2(1), got(1)),
      upstreams: { a: CHUNKED + chunked([], "x-t: 1") },
      clusters: { a: { http_protocol_options: { enable_trailers: true } } },
    },
    "a chunked response": {
      client: on2(get2(1), got(1)),
      upstreams: { a: CHUNKED + chunked(["hello", " ", "there"]) },
    },
    "a response until the upstream closes": {
      client: on2(get2(1), got(1)),
      upstreams: { a: { answers: [[head("HTTP/1.1 200 X"), "until the end", CLOSE]] } },
    },
    "an empty response": { client: on2(get2(1), got(1)), upstreams: { a: answer(200) } },
    HEAD: {
      client: on2(request2(1, "HEAD", "/"), got(1)),
      upstreams: { a: head("HTTP/1.1 200 X", "content-length: 5") },
    },
    "HEAD, chunked": { client: on2(request2(1, "HEAD", "/"), got(1)), upstreams: { a: CHUNKED } },
    204: { client: on2(get2(1), got(1)), upstreams: { a: head("HTTP/1.1 204 X") } },
    "304 with a content-length": {
      client: on2(get2(1), got(1)),
      upstreams: { a: head("HTTP/1.1 304 X", "content-length: 5", "etag: x") },
    },
    "205": { client: on2(get2(1), got(1)), upstreams: { a: answer(205) } },
    "OPTIONS *": { client: on2(request2(1, "OPTIONS", "*"), got(1)) },
    "a method of one's own": { client: on2(request2(1, "BREW", "/pot"), got(1)) },
    "several streams, answered in another order": {
      client: on2(get2(1, "/1"), seen("a", 1), get2(3, "/3"), got(1), open("go"), got(2)),
      upstreams: { a: { answers: [[gate("go"), answer(200, "first")], answer(200, "second")] } },
    },
    "three streams in one segment": {
      client: on2(get2(1, "/1") + get2(3, "/3") + get2(5, "/5"), got(3)),
      upstreams: { a: answer(200, "same") },
      accessLog: "%PROTOCOL%",
    },
    "two connections": {
      client: [preface(), get2(1), got(1), send("d", preface() + get2(1)), got(1, "d")],
      stats: DOWNSTREAM_STATS,
    },
    "HTTP/1.1 goes on beside it": {
      client: [preface(), get2(1), got(1), send("d", get()), got(1, "d")],
      stats: DOWNSTREAM_STATS,
    },
    "a long response": { client: on2(get2(1), got(1)), upstreams: { a: answer(200, "x".repeat(200_000)) } },
    "a long request": {
      client: on2(
        open2(1, "POST", "/"),
        ...Array.from({ length: 10 }, () => data(1, "y".repeat(16_000))),
        lastData(1),
        got(1),
      ),
      upstreams: { a: answer(200, "done") },
    },
    "1xx from the upstream": {
      client: on2(get2(1), got(1)),
      upstreams: { a: { answers: [[head("HTTP/1.1 103 Early Hints", "link: x"), answer(200, "x")]] } },
    },
    "expect: 100-continue": {
      client: on2(open2(1, "POST", "/", "expect: 100-continue"), got(":status: 100"), lastData(1, "body"), got(1)),
    },
    "expect: 100-continue, passed on": {
      client: on2(open2(1, "POST", "/", "expect: 100-continue"), got(":status: 100"), lastData(1, "body"), got(1)),
      manager: { proxy_100_continue: true },
      upstreams: { a: { answers: [[head("HTTP/1.1 100 Continue"), sees("body"), answer(200, "x")]], early: true } },
    },
  }),
  ...cases("headers", {
    "connection: close of the upstream is its connection's": {
      client: on2(get2(1), got(1)),
      upstreams: { a: answer(200, "x", "connection: close", "keep-alive: 5", "proxy-connection: x") },
    },
    "transfer-encoding of a request": { client: on2(open2(1, "POST", "/", "transfer-encoding: chunked"), got(1)) },
    "connection in a request": { client: on2(get2(1, "/", "connection: keep-alive"), got(1)) },
    "keep-alive in a request": { client: on2(get2(1, "/", "keep-alive: 5"), got(1)) },
    "proxy-connection in a request": { client: on2(get2(1, "/", "proxy-connection: close"), got(1)) },
    "upgrade in a request": { client: on2(get2(1, "/", "upgrade: websocket"), got(1)) },
    "te: trailers": { client: on2(get2(1, "/", "te: trailers"), got(1)) },
    "te: gzip": { client: on2(get2(1, "/", "te: gzip"), got(1)) },
    "te: trailers, gzip": { client: on2(get2(1, "/", "te: trailers, gzip"), got(1)) },
    "host beside :authority": { client: on2(get2(1, "/", "host: b.test"), got(1)) },
    "host that is :authority": { client: on2(get2(1, "/", "host: a.test"), got(1)) },
    "host and no :authority": {
      client: on2(headers(1, [":method: GET", ":scheme: http", ":path: /", "host: b.test"], 5), got(1)),
    },
    "neither host nor :authority": {
      client: on2(headers(1, [":method: GET", ":scheme: http", ":path: /"], 5), got(1)),
    },
    "an empty :authority": { client: on2(get2(1, "/", ":authority: "), got(1)) },
    "no :path": { client: on2(headers(1, [":method: GET", ":scheme: http", ":authority: a.test"], 5), got(1)) },
    "an empty :path": { client: on2(get2(1, "", "x: y"), got(1)) },
    "a :path that is no path": { client: on2(get2(1, "x", "x: y"), got(1)) },
    "a :path with a fragment": { client: on2(get2(1, "/x#y"), got(1)) },
    "a :path with a space": { client: on2(get2(1, "/x y"), got(1)) },
    "a :path in absolute form": { client: on2(get2(1, "http://b.test/x"), got(1)) },
    "no :method": { client: on2(headers(1, [":path: /", ":scheme: http", ":authority: a.test"], 5), got(1)) },
    "a :method with a space": { client: on2(request2(1, "GE T", "/"), got(1)) },
    "no :scheme": { client: on2(headers(1, [":method: GET", ":path: /", ":authority: a.test"], 5), got(1)) },
    ":scheme https on a plain connection": { client: on2(get2(1, "/", ":scheme: https"), got(1)) },
    "a :scheme of one's own": { client: on2(get2(1, "/", ":scheme: ftp"), got(1)) },
    "a pseudo-header twice": {
      client: on2(
        headers(1, [":method: GET", ":path: /", ":path: /b", ":scheme: http", ":authority: a.test"], 5),
        got(1),
      ),
    },
    "an unknown pseudo-header": { client: on2(get2(1, "/", ":x: y"), got(1)) },
    "a response's pseudo-header": { client: on2(get2(1, "/", ":status: 200"), got(1)) },
    "a pseudo-header after others": {
      client: on2(headers(1, [":method: GET", ":path: /", ":scheme: http", "x: y", ":authority: a.test"], 5), got(1)),
    },
    "a pseudo-header in trailers": {
      client: on2(open2(1, "POST", "/"), data(1, "x"), trailers(1, ":path: /"), got(1)),
    },
    "a name in upper case": { client: on2(get2(1, "/", "X-A: 1"), got(1)) },
    "a name with a space": { client: on2(get2(1, "/", "x a: 1"), got(1)) },
    "an empty name": { client: on2(get2(1, "/", ": 1"), got(1)) },
    "an underscore in a name": { client: on2(get2(1, "/", "x_a: 1"), got(1)) },
    "an underscore that is refused": {
      client: on2(get2(1, "/", "x_a: 1"), got(1)),
      manager: { common_http_protocol_options: { headers_with_underscores_action: "REJECT_REQUEST" } },
      stats: ["http2.requests_rejected_with_underscores_in_headers"],
    },
    "an underscore that is dropped": {
      client: on2(get2(1, "/", "x_a: 1"), got(1)),
      manager: { common_http_protocol_options: { headers_with_underscores_action: "DROP_HEADER" } },
      stats: ["http2.dropped_headers_with_underscores"],
    },
    "a line feed in a value": { client: on2(get2(1, "/", "x: a\nb"), got(1)) },
    "a carriage return in a value": { client: on2(get2(1, "/", "x: a\rb"), got(1)) },
    "a zero byte in a value": { client: on2(get2(1, "/", "x: a\0b"), got(1)) },
    "a byte of the upper half in a value": { client: on2(get2(1, "/", "x: a\xe9b"), got(1)) },
    "white space around a value": { client: on2(get2(1, "/", "x:  a "), got(1)) },
    "an empty value": { client: on2(get2(1, "/", "x: "), got(1)) },
    "a header twice": { client: on2(get2(1, "/", "x: 1", "x: 2"), got(1)) },
    "cookies in crumbs": { client: on2(get2(1, "/", "cookie: a=1", "x: y", "cookie: b=2", "cookie: c=3"), got(1)) },
    "one cookie header": { client: on2(get2(1, "/", "cookie: a=1; b=2"), got(1)) },
    "set-cookie twice": {
      client: on2(get2(1), got(1)),
      upstreams: { a: answer(200, "x", "set-cookie: a=1", "set-cookie: b=2") },
    },
    "a content-length that is more than the body": { client: on2(post2(1, "hello", "content-length: 7"), got(1)) },
    "a content-length that is less than the body": { client: on2(post2(1, "hello", "content-length: 3"), got(1)) },
    "a content-length, and no body": { client: on2(request2(1, "POST", "/", "content-length: 3"), got(1)) },
    "two content-lengths": { client: on2(post2(1, "hello", "content-length: 5", "content-length: 5"), got(1)) },
    "two content-lengths that differ": {
      client: on2(post2(1, "hello", "content-length: 5", "content-length: 6"), got(1)),
    },
    "a content-length that is no number": { client: on2(post2(1, "hello", "content-length: x"), got(1)) },
    "a content-length of 0, and no body": { client: on2(request2(1, "POST", "/", "content-length: 0"), got(1)) },
    "many headers": {
      client: on2(get2(1, "/", ...Array.from({ length: 110 }, (_, i) => `x-${i}: y`)), got(1)),
    },
    "long headers": { client: on2(get2(1, "/", `x: ${"y".repeat(10_000)}`), got(1)) },
    "names of the upstream in upper case": {
      client: on2(get2(1), got(1)),
      upstreams: { a: answer(200, "x", "X-Upper: 1") },
    },
    priority: { client: on2(get2(1, "/", "priority: u=1"), got(1)) },
    "x-forwarded-proto": { client: on2(get2(1, "/", "x-forwarded-proto: https"), got(1)) },
  }),
  ...cases(
    "answers of the proxy",
    {
      404: { client: on2(get2(1, "/none"), got(1)), routes: [toCluster("/x", "a")] },
      "404 before the body": { client: on2(open2(1, "POST", "/none"), got(1)), routes: [toCluster("/x", "a")] },
      "a redirect": {
        client: on2(get2(1), got(1)),
        routes: [{ match: { prefix: "/" }, redirect: { host_redirect: "b.test" } }],
      },
      "503 as nobody listens": { client: on2(get2(1), got(1)), upstreams: { a: { refused: true } } },
      "503 as the upstream closes": { client: on2(get2(1), got(1)), upstreams: { a: { answers: [[CLOSE]] } } },
      "503 as the upstream resets": { client: on2(get2(1), got(1)), upstreams: { a: { answers: [[RESET]] } } },
      "502 as the upstream talks nonsense": { client: on2(get2(1), got(1)), upstreams: { a: "nonsense\r\n\r\n" } },
      "504": {
        client: on2(get2(1), got(1)),
        routes: [toCluster("/", "a", { timeout: "0.05s" })],
        upstreams: { a: { answers: [[gate("never")]] } },
      },
      "gRPC: 404": {
        client: on2(post2(1, "", "content-type: application/grpc"), got(1)),
        routes: [toCluster("/x", "a")],
      },
      "gRPC: no upstream": {
        client: on2(post2(1, "", "content-type: application/grpc"), got(1)),
        upstreams: { a: { refused: true } },
      },
      "a direct response with a body": {
        client: on2(get2(1), got(1)),
        routes: [{ match: { prefix: "/" }, direct_response: { status: 418, body: { inline_string: "tea" } } }],
      },
      "a direct response to HEAD": {
        client: on2(request2(1, "HEAD", "/"), got(1)),
        routes: [{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: "tea" } } }],
      },
      "a direct response before the body, which comes then": {
        client: on2(open2(1, "POST", "/"), got(":status: 200"), lastData(1, "late"), get2(3), got(2)),
        routes: [{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: "tea" } } }],
      },
    },
    { stats: ["http.in.downstream_rq_4xx", "http.in.downstream_rq_5xx"] },
  ),
  ...cases(
    "ends",
    {
      "the upstream closes in the middle of its answer": {
        client: on2(get2(1), got(1)),
        upstreams: { a: { answers: [[head("HTTP/1.1 200 X", "content-length: 10"), "half", CLOSE]] } },
      },
      "the upstream resets in the middle of its answer": {
        client: on2(get2(1), got("half"), open("go"), got(1)),
        upstreams: { a: { answers: [[head("HTTP/1.1 200 X", "content-length: 10"), "half", gate("go"), RESET]] } },
      },
      "the upstream breaks off a chunked answer": {
        client: on2(get2(1), got(1)),
        upstreams: { a: { answers: [[CHUNKED, "5\r\nhello\r\n", FINISH]] } },
      },
      "the client cancels before the answer": {
        client: on2(get2(1), seen("a", 1), resetStream(1, "CANCEL"), stat("cluster.a.upstream_cx_active", 0)),
        upstreams: { a: { answers: [[gate("never")]] } },
      },
      "the client cancels with NO_ERROR": {
        client: on2(get2(1), seen("a", 1), resetStream(1, "NO_ERROR"), stat("cluster.a.upstream_cx_active", 0)),
        upstreams: { a: { answers: [[gate("never")]] } },
      },
      "the client refuses": {
        client: on2(get2(1), seen("a", 1), resetStream(1, "REFUSED_STREAM"), stat("cluster.a.upstream_cx_active", 0)),
        upstreams: { a: { answers: [[gate("never")]] } },
      },
      "the client cancels in the middle of its request": {
        client: on2(
          open2(1, "POST", "/") + data(1, "half"),
          seen("a", "half"),
          resetStream(1),
          stat("cluster.a.upstream_cx_active", 0),
        ),
      },
      "the client cancels in the middle of the answer": {
        client: on2(get2(1), got("half"), resetStream(1), stat("cluster.a.upstream_cx_active", 0)),
        upstreams: { a: { answers: [[head("HTTP/1.1 200 X", "content-length: 10"), "half", gate("never")]] } },
      },
      "the client cancels one of two": {
        client: on2(get2(1, "/1"), seen("a", 1), get2(3, "/3"), seen("a", 2), resetStream(1), open("go"), got(1)),
        upstreams: { a: { answers: [[gate("never")], [gate("go"), answer(200, "second")]] } },
      },
      "the client closes": {
        client: on2(get2(1), seen("a", 1), { do: "close", on: "c" }, stat("cluster.a.upstream_cx_active", 0)),
        upstreams: { a: { answers: [[gate("never")]] } },
      },
      "the client half-closes": {
        client: on2(get2(1), seen("a", 1), finish(), stat("cluster.a.upstream_cx_active", 0)),
        upstreams: { a: { answers: [[gate("never")]] } },
      },
      "the client says GOAWAY": {
        client: on2(get2(1), seen("a", 1), goaway(0), open("go"), got(1)),
        upstreams: { a: { answers: [[gate("go"), answer(200, "x")]] } },
      },
      "GOAWAY of a client, and another request": { client: on2(goaway(0), get2(1)) },
      "the answer comes before the request is over": {
        client: on2(open2(1, "POST", "/"), data(1, "half"), got(1)),
        upstreams: { a: { answers: [[sees("half"), answer(200, "early")]], early: true } },
      },
      "the answer comes before the request is over, which goes on": {
        client: on2(open2(1, "POST", "/"), data(1, "half"), got(1), lastData(1, "late"), get2(3), got(2)),
        upstreams: { a: { answers: [[sees("half"), answer(200, "early")], answer(200, "second")], early: true } },
      },
    },
    {
      stats: [
        ...DOWNSTREAM_STATS,
        "cluster.a.upstream_rq_active",
        "http2.rx_reset",
        "http2.tx_reset",
        "http2.goaway_sent",
      ],
    },
  ),
  ...cases("timeouts and drains", {
    "idle_timeout of the connection": {
      client: on2(get2(1), got(1), ended()),
      manager: { common_http_protocol_options: { idle_timeout: "0.1s" } },
      stats: ["http.in.downstream_cx_idle_timeout"],
    },
    "idle_timeout before any request": {
      client: on2(ended()),
      manager: { common_http_protocol_options: { idle_timeout: "0.1s" } },
      stats: ["http.in.downstream_cx_idle_timeout"],
    },
    stream_idle_timeout: {
      client: on2(open2(1, "POST", "/"), got(1)),
      manager: { stream_idle_timeout: "0.1s" },
      stats: ["http.in.downstream_rq_idle_timeout"],
    },
    request_timeout: {
      client: on2(open2(1, "POST", "/"), got(1)),
      manager: { request_timeout: "0.1s" },
      stats: ["http.in.downstream_rq_timeout"],
    },
    max_stream_duration: {
      client: on2(get2(1), got(1)),
      manager: { common_http_protocol_options: { max_stream_duration: "0.1s" } },
      upstreams: { a: { answers: [[gate("never")]] } },
      stats: ["http.in.downstream_rq_max_duration_reached"],
    },
    "max_stream_duration in the middle of the answer": {
      client: on2(get2(1), got(1)),
      manager: { common_http_protocol_options: { max_stream_duration: "0.15s" } },
      upstreams: { a: { answers: [[head("HTTP/1.1 200 X", "content-length: 10"), "half", gate("never")]] } },
      stats: ["http.in.downstream_rq_max_duration_reached"],
    },
    max_connection_duration: {
      client: on2(get2(1), got(1), ended()),
      manager: { common_http_protocol_options: { max_connection_duration: "0.1s" }, drain_timeout: "0.1s" },
      stats: ["http.in.downstream_cx_max_duration_reached"],
    },
    max_requests_per_connection: {
      client: on2(get2(1), got(1), get2(3), got(2), ended()),
      manager: { common_http_protocol_options: { max_requests_per_connection: 2 }, drain_timeout: "0.1s" },
      stats: ["http.in.downstream_cx_max_requests_reached"],
    },
    draining: {
      client: on2(get2(1), got(1), admin("/healthcheck/fail"), get2(3), got(2), got("GOAWAY")),
      manager: { drain_timeout: "0.1s" },
      bootstrap: {},
      stats: ["http.in.downstream_cx_drain_close"],
    },
  }),
];
