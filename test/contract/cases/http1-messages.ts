/** HTTP/1 as a conversation: versions, 100-continue, bodies and trailers, interim responses, connections that go on or end. */
import type { ContractCase, JsonObject, Step } from "../harness/case.ts";
import {
  answer,
  chunked,
  CLOSE,
  ended,
  finish,
  gate,
  get,
  got,
  head,
  open,
  post,
  request,
  seen,
  sees,
  stat,
} from "../harness/steps.ts";

type Row = readonly [name: string, client: readonly Step[], parts?: Partial<ContractCase>];

function cases(feature: string, rows: readonly Row[], common: Partial<ContractCase> = {}): ContractCase[] {
  return rows.map(([name, client, parts]) => ({
    name: `${feature}: ${name}`,
    feature: `HTTP/1.1 messages: ${feature}`,
    client,
    ...common,
    ...parts,
  }));
}

const http1 = (fields: JsonObject): Partial<ContractCase> => ({ manager: { http_protocol_options: fields } });
const HTTP10 = http1({ accept_http_10: true });
const TRAILERS = http1({ enable_trailers: true });
const CHUNKED = head("HTTP/1.1 200 OK", "transfer-encoding: chunked");
const EXPECT = head("POST / HTTP/1.1", "Host: a.test", "content-length: 5", "expect: 100-continue");

/** An upstream that accepts trailers towards the client. */
const UPSTREAM_TRAILERS = {
  clusters: {
    a: {
      typed_extension_protocol_options: {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
          "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
          explicit_http_config: { http_protocol_options: { enable_trailers: true } },
        },
      },
    },
  },
} satisfies Partial<ContractCase>;

const STATUSES = [
  200, 201, 202, 203, 205, 206, 207, 208, 226, 300, 301, 302, 303, 305, 306, 307, 308, 400, 401, 402, 403, 404, 405,
  406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424, 425, 426, 428, 429, 431, 451,
  499, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511, 520, 599,
];

export const CASES: readonly ContractCase[] = [
  ...cases("HTTP/1.0", [
    ["refused by default, with a body", [head("POST / HTTP/1.0", "Host: a.test", "content-length: 2")]],
    ["refused by default, keep-alive", [head("GET / HTTP/1.0", "Host: a.test", "connection: keep-alive")]],
  ]),
  ...cases(
    "HTTP/1.0 accepted",
    [
      ["GET", [head("GET / HTTP/1.0", "Host: a.test")]],
      ["keep-alive", [head("GET / HTTP/1.0", "Host: a.test", "connection: keep-alive"), got(1)]],
      [
        "keep-alive, twice",
        [
          head("GET / HTTP/1.0", "Host: a.test", "connection: keep-alive"),
          got(1),
          head("GET /2 HTTP/1.0", "Host: a.test", "connection: keep-alive"),
          got(2),
        ],
      ],
      ["connection: close", [head("GET / HTTP/1.0", "Host: a.test", "connection: close")]],
      ["no Host", [head("GET / HTTP/1.0")]],
      ["a body with a length", [`${head("POST / HTTP/1.0", "Host: a.test", "content-length: 2")}ok`]],
      [
        "expect: 100-continue",
        [`${head("POST / HTTP/1.0", "Host: a.test", "content-length: 2", "expect: 100-continue")}ok`],
      ],
      [
        "a chunked answer",
        [head("GET / HTTP/1.0", "Host: a.test")],
        { upstreams: { a: CHUNKED + chunked(["hello"]) } },
      ],
      [
        "a chunked answer, keep-alive",
        [head("GET / HTTP/1.0", "Host: a.test", "connection: keep-alive")],
        { upstreams: { a: CHUNKED + chunked(["hello"]) } },
      ],
      ["HEAD", [head("HEAD / HTTP/1.0", "Host: a.test")]],
      ["a local reply", [head("GET / HTTP/1.0", "Host: a.test")], { routes: [] }],
      [
        "a local reply, keep-alive",
        [head("GET / HTTP/1.0", "Host: a.test", "connection: keep-alive"), got(1)],
        { routes: [] },
      ],
      [
        "HTTP/1.1 on the same connection",
        [head("GET / HTTP/1.0", "Host: a.test", "connection: keep-alive"), got(1), get(), got(2)],
      ],
      ["an absolute form", [head("GET http://b.test/x HTTP/1.0")]],
      [
        "an interim answer is kept back",
        [head("GET / HTTP/1.0", "Host: a.test")],
        { upstreams: { a: head("HTTP/1.1 103 X", "link: a") + answer(200, "ok") } },
      ],
      [
        "a direct response, keep-alive",
        [head("GET / HTTP/1.0", "Host: a.test", "connection: keep-alive"), got(1)],
        { routes: [{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: "hi" } } }] },
      ],
      [
        "no healthy upstream, keep-alive",
        [head("GET / HTTP/1.0", "Host: a.test", "connection: keep-alive"), got(1)],
        { clusters: { a: { endpoints: [] } } },
      ],
      ...[
        ["204", head("HTTP/1.1 204 X")],
        ["304", head("HTTP/1.1 304 X")],
      ].map(([name, bytes]): Row => [
        `${name!}, keep-alive`,
        [head("GET / HTTP/1.0", "Host: a.test", "connection: keep-alive"), ended()],
        { upstreams: { a: { answers: [[bytes!, gate("end"), CLOSE]] } } },
      ]),
      [
        "an empty body, keep-alive",
        [head("GET / HTTP/1.0", "Host: a.test", "connection: keep-alive"), got(1)],
        { upstreams: { a: answer(200) } },
      ],
      [
        "a body until the close, keep-alive",
        [head("GET / HTTP/1.0", "Host: a.test", "connection: keep-alive"), got("hi"), open("end"), ended()],
        { upstreams: { a: { answers: [[`${head("HTTP/1.1 200 X")}hi`, gate("end"), CLOSE]] } } },
      ],
      [
        "HEAD without a length, keep-alive",
        [head("HEAD / HTTP/1.0", "Host: a.test", "connection: keep-alive"), ended()],
        { upstreams: { a: head("HTTP/1.1 200 X") } },
      ],
      ["HTTP/1.2", [head("GET / HTTP/1.2", "Host: a.test"), ended()]],
      ["HTTP/1.2, keep-alive", [head("GET / HTTP/1.2", "Host: a.test", "connection: keep-alive"), got(1)]],
      ["HTTP/2.0", [head("GET / HTTP/2.0", "Host: a.test"), ended()]],
      [
        "HTTP/0.9",
        ["GET /\r\n\r\n", ended()],
        {
          waived:
            "a request without a version is refused as too old (426) whether or not HTTP/1.0 is accepted; Envoy misses its Host (400)",
        },
      ],
    ],
    HTTP10,
  ),
  ...cases(
    "default_host_for_http_10",
    [
      ["used where there is no Host", [head("GET / HTTP/1.0")]],
      ["not used where there is one", [head("GET / HTTP/1.0", "Host: a.test")]],
      ["not used for HTTP/1.1", [head("GET / HTTP/1.1")]],
    ],
    http1({ accept_http_10: true, default_host_for_http_10: "default.test" }),
  ),
  ...cases("100-continue", [
    ["answered at once, and the body goes on", [EXPECT, got("100 Continue"), "hello", got(1)]],
    ["the body comes with it", [`${EXPECT}hello`, got(1)]],
    ["in capitals", [head("POST / HTTP/1.1", "Host: a.test", "content-length: 0", "Expect: 100-Continue")]],
    ["something else", [head("POST / HTTP/1.1", "Host: a.test", "content-length: 0", "expect: something")]],
    ["a list", [head("POST / HTTP/1.1", "Host: a.test", "content-length: 0", "expect: 100-continue, x")]],
    ["a GET", [get("/", "expect: 100-continue")]],
    ["no route", [EXPECT, got(1)], { routes: [] }],
    [
      "chunked",
      [
        head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked", "expect: 100-continue"),
        got("100 Continue"),
        chunked(["hello"]),
        got(1),
      ],
    ],
    [
      "an upstream that says 100 by itself",
      [`${EXPECT}hello`, got(1)],
      { upstreams: { a: head("HTTP/1.1 100 Continue") + answer(200, "ok") } },
    ],
    ["a refused request", [head("POST / HTTP/1.1", "Host: a/b", "content-length: 5", "expect: 100-continue"), got(1)]],
  ]),
  ...cases(
    "proxy_100_continue",
    [
      [
        "the upstream says it",
        [EXPECT, got("100 Continue"), "hello", got(1)],
        {
          upstreams: {
            a: { answers: [[head("HTTP/1.1 100 Continue"), sees("hello"), answer(200, "ok")]], early: true },
          },
        },
      ],
      [
        "the upstream answers without it",
        [EXPECT, got(1)],
        { upstreams: { a: { answers: [answer(417, "no")], early: true } } },
      ],
      [
        "the client does not ask",
        [post("hello"), got(1)],
        { upstreams: { a: head("HTTP/1.1 100 Continue") + answer(200, "ok") } },
      ],
      [
        "the upstream says it twice",
        [EXPECT, got("100 Continue"), "hello", got(1)],
        {
          upstreams: {
            a: {
              answers: [
                [head("HTTP/1.1 100 Continue") + head("HTTP/1.1 100 Continue"), sees("hello"), answer(200, "ok")],
              ],
              early: true,
            },
          },
        },
      ],
      [
        "the upstream has headers in it",
        [EXPECT, got("100 Continue"), "hello", got(1)],
        {
          upstreams: {
            a: { answers: [[head("HTTP/1.1 100 Continue", "x-a: 1"), sees("hello"), answer(200, "ok")]], early: true },
          },
        },
      ],
      ["no route", [EXPECT, got(1)], { routes: [] }],
    ],
    { manager: { proxy_100_continue: true } },
  ),
  ...cases("interim responses", [
    ["103", [get()], { upstreams: { a: head("HTTP/1.1 103 Early Hints", "link: a") + answer(200, "ok") } }],
    ["102", [get()], { upstreams: { a: head("HTTP/1.1 102 X") + answer(200, "ok") } }],
    [
      "several",
      [get()],
      { upstreams: { a: head("HTTP/1.1 103 X", "link: a") + head("HTTP/1.1 103 X", "link: b") + answer(200, "ok") } },
    ],
    [
      "one with a length",
      [get()],
      { upstreams: { a: head("HTTP/1.1 103 X", "content-length: 0") + answer(200, "ok") } },
    ],
    ["one, and nothing after it", [get()], { upstreams: { a: { answers: [[head("HTTP/1.1 103 X"), CLOSE]] } } }],
    [
      "101 without an upgrade",
      [get(), got("HTTP/1.1")],
      {
        upstreams: { a: { answers: [[head("HTTP/1.1 101 X", "upgrade: x"), gate("never")]] } },
        waived:
          "a client that did not ask for another protocol would wait for it; Envoy passes the 101 on without its headers",
      },
    ],
  ]),
  ...cases("responses without a body", [
    [
      "HEAD with a length",
      [request("HEAD", "/"), got(1), get(), got(2)],
      { upstreams: { a: { answers: [head("HTTP/1.1 200 OK", "content-length: 5"), answer(200, "ok")] } } },
    ],
    [
      "HEAD chunked",
      [request("HEAD", "/"), got(1), get(), got(2)],
      { upstreams: { a: { answers: [CHUNKED, answer(200, "ok")] } } },
    ],
    [
      "HEAD without either",
      [request("HEAD", "/"), got(1), get(), got(2)],
      { upstreams: { a: { answers: [head("HTTP/1.1 200 OK"), answer(200, "ok")] } } },
    ],
    [
      "HEAD with a length of 0",
      [request("HEAD", "/"), got(1)],
      { upstreams: { a: head("HTTP/1.1 200 OK", "content-length: 0") } },
    ],
    ["HEAD and 404", [request("HEAD", "/"), got(1)], { upstreams: { a: head("HTTP/1.1 404 X", "content-length: 9") } }],
    [
      "204",
      [get(), got(1), get(), got(2)],
      { upstreams: { a: { answers: [head("HTTP/1.1 204 X"), answer(200, "ok")] } } },
    ],
    ["204 with a length of 0", [get(), got(1)], { upstreams: { a: head("HTTP/1.1 204 X", "content-length: 0") } }],
    ["204 with a length", [get(), got(1)], { upstreams: { a: head("HTTP/1.1 204 X", "content-length: 5") } }],
    ["204 chunked", [get(), got(1)], { upstreams: { a: head("HTTP/1.1 204 X", "transfer-encoding: chunked") } }],
    [
      "304",
      [get(), got(1), get(), got(2)],
      { upstreams: { a: { answers: [head("HTTP/1.1 304 X", 'etag: "a"'), answer(200, "ok")] } } },
    ],
    [
      "304 with a length",
      [get(), got(1), get(), got(2)],
      { upstreams: { a: { answers: [head("HTTP/1.1 304 X", "content-length: 100"), answer(200, "ok")] } } },
    ],
    [
      "304 chunked",
      [get(), got(1), get(), got(2)],
      { upstreams: { a: { answers: [head("HTTP/1.1 304 X", "transfer-encoding: chunked"), answer(200, "ok")] } } },
    ],
    ["205 with a body", [get(), got(1)], { upstreams: { a: answer(205, "hello") } }],
    ["200 with a length of 0", [get(), got(1)], { upstreams: { a: answer(200, "") } }],
  ]),
  ...cases("trailers", [
    [
      "of a request, by default",
      [head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked") + chunked(["hello"], "x-t: 1")],
    ],
    [
      "of a request, accepted from the client",
      [head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked") + chunked(["hello"], "x-t: 1")],
      TRAILERS,
    ],
    [
      "of a request, on both sides",
      [head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked") + chunked(["hello"], "x-t: 1", "X-U:  2")],
      { ...TRAILERS, ...UPSTREAM_TRAILERS },
    ],
    [
      "of a request without data, on both sides",
      [head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked") + chunked([], "x-t: 1")],
      { ...TRAILERS, ...UPSTREAM_TRAILERS },
    ],
    [
      "of a request, twice the same",
      [head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked") + chunked(["hello"], "x-t: 1", "x-t: 2")],
      { ...TRAILERS, ...UPSTREAM_TRAILERS },
    ],
    [
      "of a request, with a name that frames",
      [head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked") + chunked(["hello"], "content-length: 1")],
      { ...TRAILERS, ...UPSTREAM_TRAILERS },
    ],
    [
      "of a request, malformed",
      [head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked") + chunked(["hello"], "x t: 1")],
      { ...TRAILERS, ...UPSTREAM_TRAILERS },
    ],
    ["of a response, by default", [get()], { upstreams: { a: CHUNKED + chunked(["hello"], "x-t: 1") } }],
    [
      "of a response, on both sides",
      [get(), got(1)],
      { ...TRAILERS, ...UPSTREAM_TRAILERS, upstreams: { a: CHUNKED + chunked(["hello"], "x-t: 1") } },
    ],
    [
      "of a response, announced",
      [get(), got(1)],
      {
        ...TRAILERS,
        ...UPSTREAM_TRAILERS,
        upstreams: {
          a: head("HTTP/1.1 200 OK", "trailer: x-t", "transfer-encoding: chunked") + chunked(["hello"], "x-t: 1"),
        },
      },
    ],
    [
      "of a response to HEAD",
      [request("HEAD", "/"), got(1)],
      { ...TRAILERS, ...UPSTREAM_TRAILERS, upstreams: { a: CHUNKED } },
    ],
    [
      "of a gRPC response",
      [request("POST", "/", "content-type: application/grpc", "te: trailers", "content-length: 0"), got(1)],
      {
        ...TRAILERS,
        ...UPSTREAM_TRAILERS,
        upstreams: {
          a:
            head("HTTP/1.1 200 OK", "content-type: application/grpc", "transfer-encoding: chunked") +
            chunked(["\0\0\0\0\0"], "grpc-status: 0"),
        },
      },
    ],
  ]),
  ...cases("chunks", [
    [
      "upper-case size",
      [head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked") + "A\r\n0123456789\r\n0\r\n\r\n"],
    ],
    [
      "extensions of every kind",
      [
        head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked") +
          '2;a\r\nab\r\n2 ; b="c;d"\r\ncd\r\n0;e=f\r\n\r\n',
      ],
    ],
    [
      "white space after the size",
      [head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked") + "2 \r\nab\r\n0 \r\n\r\n"],
    ],
    [
      "a long extension",
      [
        head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked") +
          `2;${"x".repeat(4000)}\r\nab\r\n0\r\n\r\n`,
      ],
    ],
    [
      "many small ones",
      [
        head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked") +
          chunked("abcdefghijklmnopqrstuvwxyz".split("")),
      ],
    ],
    ["none but the last", [head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked") + "0\r\n\r\n"]],
    [
      "every byte on its own",
      [head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked"), ..."5\r\nhello\r\n0\r\n\r\n".split("")],
    ],
    [
      "one after the other, as they come",
      [
        head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked"),
        "2\r\nab\r\n",
        seen("a", "ab"),
        "2\r\ncd\r\n",
        seen("a", "cd"),
        "0\r\n\r\n",
        got(1),
      ],
      { exactChunks: true },
    ],
    [
      "of a response, one after the other",
      [get(), got("ab"), open("go"), got(1)],
      {
        exactChunks: true,
        upstreams: { a: { answers: [[`${CHUNKED}2\r\nab\r\n`, gate("go"), "2\r\ncd\r\n0\r\n\r\n"]] } },
      },
    ],
    [
      "of a response, with extensions",
      [get(), got(1)],
      { exactChunks: true, upstreams: { a: `${CHUNKED}2;a=b\r\nab\r\n0\r\n\r\n` } },
    ],
    [
      "data is missing before the next size",
      [head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked") + "5\r\nabc\r\n0\r\n\r\n", finish()],
    ],
    [
      "a size that is no number",
      [head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked") + "zz\r\nab\r\n0\r\n\r\n"],
    ],
    [
      "a negative size",
      [head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked") + "-1\r\nab\r\n0\r\n\r\n"],
    ],
    [
      "a bad size after a good chunk",
      [
        head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked"),
        "2\r\nab\r\n",
        seen("a", "ab"),
        "zz\r\n",
        got(1),
      ],
    ],
    ["a response with a bad size", [get()], { upstreams: { a: { answers: [`${CHUNKED}zz\r\nab\r\n0\r\n\r\n`] } } }],
    [
      "a response with a bad size after a good chunk",
      [get(), got("ab"), open("go"), ended()],
      { upstreams: { a: { answers: [[`${CHUNKED}2\r\nab\r\n`, gate("go"), "zz\r\n"]] } } },
    ],
  ]),
  ...cases("pipelining", [
    [
      "answers come in order",
      [get("/1") + get("/2") + get("/3"), seen("a", "/1"), open("go"), got(3)],
      { upstreams: { a: { answers: [[gate("go"), answer(200, "1")], answer(200, "2"), answer(200, "3")] } } },
    ],
    ["a POST and a GET", [post("hello") + get("/2"), got(2)]],
    [
      "a chunked POST and a GET",
      [head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked") + chunked(["ab"]) + get("/2"), got(2)],
    ],
    ["nothing is answered after connection: close", [get("/1", "connection: close") + get("/2")]],
    [
      "two local replies",
      [get("/no") + get("/no"), got(2)],
      { routes: [{ match: { prefix: "/no" }, direct_response: { status: 403 } }] },
    ],
    [
      "a local reply after a forwarded request",
      [get("/1") + get("/no"), got(2)],
      {
        routes: [
          { match: { prefix: "/no" }, direct_response: { status: 403 } },
          { match: { prefix: "/" }, route: { cluster: "a" } },
        ],
      },
    ],
    [
      "a local reply before a forwarded request",
      [get("/no") + get("/2"), got(2)],
      {
        routes: [
          { match: { prefix: "/no" }, direct_response: { status: 403 } },
          { match: { prefix: "/" }, route: { cluster: "a" } },
        ],
      },
    ],
    [
      "a local reply among others",
      [get("/1") + get("/no") + get("/3"), got(2)],
      {
        routes: [
          { match: { prefix: "/no" }, direct_response: { status: 403 } },
          { match: { prefix: "/" }, route: { cluster: "a" } },
        ],
        waived:
          "every pipelined request is answered; Envoy answers none that comes behind a local reply behind another request, and closes",
      },
    ],
    ["a bad request after a good one", [get("/1") + "GET / HTTP/1.1\r\nx y: z\r\n\r\n", got(2)]],
    ["an empty line between requests", [`${get("/1")}\r\n${get("/2")}`, got(2)]],
    ["a request in pieces after another", [`${get("/1")}GET /2 HT`, got(1), "TP/1.1\r\nHost: a.test\r\n\r\n", got(2)]],
    [
      "half-close after three",
      [get("/1") + get("/2") + get("/3"), seen("a", "/1"), finish(), ended()],
      { upstreams: { a: { answers: [[gate("never")]] } } },
    ],
  ]),
  ...cases("keep-alive", [
    ["connection: close among others", [get("/", "connection: x-a, close")]],
    ["Connection: CLOSE", [get("/", "Connection: CLOSE")]],
    [
      "the upstream closes: the client's connection stays",
      [get(), got(1), stat("cluster.a.upstream_cx_active", 0), get(), got(2)],
      { upstreams: { a: { answers: [[answer(200, "1"), CLOSE], answer(200, "2")] } } },
    ],
    [
      "the upstream says close and stays",
      [get(), got(1), get(), got(2)],
      { upstreams: { a: { answers: [answer(200, "1", "connection: close"), answer(200, "2")] } } },
    ],
    [
      "the upstream's keep-alive is not the client's",
      [get(), got(1)],
      { upstreams: { a: answer(200, "1", "connection: keep-alive", "keep-alive: timeout=1") } },
    ],
    [
      "an HTTP/1.0 upstream is not asked again",
      [get(), got(1), get(), got(2)],
      { upstreams: { a: { answers: ["HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n1", answer(200, "2")] } } },
    ],
    [
      "an HTTP/1.0 upstream that keeps alive",
      [get(), got(1), get(), got(2)],
      {
        upstreams: {
          a: { answers: ["HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\n1", answer(200, "2")] },
        },
      },
    ],
    [
      "max_requests_per_connection of clients",
      [get(), got(1), get(), got(2), ended()],
      {
        manager: { common_http_protocol_options: { max_requests_per_connection: 2 } },
        stats: ["http.in.downstream_cx_max_requests_reached"],
      },
    ],
    ["a client that half-closes after an answer", [get(), got(1), finish(), ended()]],
    [
      "a client that half-closes, and the upstream takes its time",
      [get(), seen("a", 1), finish(), ended()],
      { upstreams: { a: { answers: [[gate("never")]] } } },
    ],
  ]),
  ...cases("reason phrases", [
    [
      "of every status",
      STATUSES.flatMap((_, index) => [get(), got(index + 1)]),
      { upstreams: { a: { answers: STATUSES.map((status) => answer(status)) } } },
    ],
    ["an empty one of the upstream", [get()], { upstreams: { a: head("HTTP/1.1 200", "content-length: 0") } }],
    ["an empty one after a space", [get()], { upstreams: { a: head("HTTP/1.1 200 ", "content-length: 0") } }],
    [
      "a long one of the upstream",
      [get()],
      { upstreams: { a: head(`HTTP/1.1 200 ${"very ".repeat(100)}good`, "content-length: 0") } },
    ],
  ]),
];
