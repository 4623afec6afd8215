/** Command operators: which there are, and what they say. Every expectation was seen with Envoy 1.40. */
import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { FormatError } from "../../../src/plan/format/command.ts";
import { compileJsonFormat, compileTextFormat } from "../../../src/plan/format/format.ts";
import type { StreamInfo } from "../../../src/plan/format/stream-info.ts";
import { type StreamOptions, streamInfo } from "../../support/stream-info.ts";

const OPTIONS = { omitEmpty: false, extensions: new Set<string>() };

function text(format: string, stream: StreamInfo = streamInfo()): string {
  return compileTextFormat(Buffer.from(format).toString("latin1"), OPTIONS).format(stream);
}

function json(format: string, stream: StreamInfo = streamInfo()): unknown {
  const line = compileJsonFormat({ v: format }, OPTIONS).format(stream);
  return (JSON.parse(Buffer.from(line, "latin1").toString("utf8")) as { v: unknown }).v;
}

const REFUSED: readonly (readonly [format: string, message: string])[] = [
  ["%FOO%", "Not supported field in StreamInfo: FOO"],
  ["%REQUEST_TRAILER(x)%", "Not supported field in StreamInfo: REQUEST_TRAILER"],
  ["%REQ_WITHOUT_QUERY(:PATH)%", "Not supported field in StreamInfo: REQ_WITHOUT_QUERY"],
  ["%req(a)%", "Incorrect configuration: %req(a)%. Couldn't find valid command at position 0"],
  ["abc%", "Incorrect configuration: abc%. Couldn't find valid command at position 3"],
  ["%%%", "Incorrect configuration: %%%. Couldn't find valid command at position 2"],
  ["100% sure", "Incorrect configuration: 100% sure. Couldn't find valid command at position 3"],
  ["%REQ(A):99999999999999999999999%", "Incorrect configuration: %REQ(A):99999999999999999999999%. Couldn't find valid command at position 0"],
  ["%REQ%", "REQ requires parameters"],
  ["%REQ():3%", "REQ requires parameters"],
  ["%REQ(a?b?c)%", "More than 1 alternative header specified in token: a?b?c"],
  ["%REQ(a b)%", "Invalid header configuration. Format string contains invalid characters."],
  ["%REQ(a:b)%", "Invalid header configuration. Format string contains invalid characters."],
  ["%PROTOCOL(x)%", "PROTOCOL does not take any parameters or length"],
  ["%PROTOCOL:3%", "PROTOCOL does not take any parameters or length"],
  ["%GRPC_STATUS:3%", "GRPC_STATUS does not allow length to be specified."],
  ["%GRPC_STATUS(x)%", "GrpcStatusFormatter only supports CAMEL_STRING, SNAKE_STRING or NUMBER. Got: x"],
  ["%PATH(x)%", "Invalid PATH option: 'x', only 'WQ'/'NQ' are allowed"],
  ["%PATH(WQ:FOO)%", "Invalid PATH option: 'FOO', only 'ORIG'/'PATH'/'ORIG_OR_PATH' are allowed"],
  ["%QUERY_PARAMS(x)%", "Invalid QUERY_PARAMS option: 'x', only 'ORIG'/'DECODED' are allowed"],
  ["%REQUESTED_SERVER_NAME(x)%", "Invalid REQUESTED_SERVER_NAME option: 'x', only 'SNI_ONLY'/'SNI_FIRST'/'HOST_FIRST' are allowed"],
  ["%REQUESTED_SERVER_NAME(SNI_FIRST:x)%", "Invalid REQUESTED_SERVER_NAME option: 'x', only 'ORIG_OR_HOST'/'HOST'/'ORIG' are allowed"],
  ["%COMMON_DURATION(DS_RX_BEG)%", "Invalid common duration configuration: DS_RX_BEG."],
  ["%COMMON_DURATION(DS_RX_BEG:DS_RX_END:s)%", "Invalid common duration precision: s."],
  ["%COMMON_DURATION(x):3%", "COMMON_DURATION does not allow length to be specified."],
  ["%START_TIME(%n)%", "Invalid header configuration. Format string contains newline."],
  ["%START_TIME(%En)%", "Invalid header configuration. Format string contains newline."],
  ["%START_TIME(%Q)%", "time format: %Q is not supported"],
  ["%METADATA(CONNECTION:a)%", "CONNECTION is not supported type of metadata"],
  ["%METADATA%", " is not supported type of metadata"],
  ["%CLUSTER_METADATA(a):3%", "CLUSTER_METADATA does not allow length to be specified."],
  ["%FILTER_STATE%", "Invalid filter state configuration, key cannot be empty."],
  ["%FILTER_STATE(a:FOO)%", "Invalid filter state serialize type, only support PLAIN/TYPED/FIELD."],
  ["%FILTER_STATE(a:FIELD)%", "Invalid filter state serialize type, FIELD should be used with the field name."],
  ["%FILTER_STATE(a:PLAIN:b)%", "Invalid filter state serialize type, FIELD should be used with the field name."],
  ["%ENVIRONMENT()%", "ENVIRONMENT requires parameters"],
  ["%XFCC_VALUE%", "XFCC_VALUE command requires a subcommand"],
  ["%XFCC_VALUE(x)%", "XFCC_VALUE command does not support subcommand: x"],
  ["%COALESCE%", "COALESCE requires parameters"],
  ['%COALESCE({"a":1})%', "COALESCE: JSON configuration must contain 'operators' array"],
  ['%COALESCE({"operators":[]})%', "COALESCE: 'operators' array must not be empty"],
  ['%COALESCE({"operators":["FOO"]})%', "COALESCE: failed to parse operator at index 0: unknown command: 'FOO'"],
  ['%COALESCE({"operators":["REQ"]})%', "COALESCE: failed to parse operator at index 0: REQ requires parameters"],
  ['%COALESCE({"operators":[1]})%', "COALESCE: failed to parse operator at index 0: operator entry must be either a string (command name) or an object with 'command' field"],
  ['%COALESCE({"operators":[{"command":"REQ","param":"x","max_length":0}]})%', "COALESCE: failed to parse operator at index 0: 'max_length' must be a positive integer"],
  ["%DOWNSTREAM_CX_RTT%", "%DOWNSTREAM_CX_RTT% is not supported: the runtime does not tell the round-trip time of a connection"],
]; // prettier-ignore

describe("a format is refused", () => {
  for (const [format, message] of REFUSED) {
    it(format, () => assert.throws(() => text(format), new FormatError(message)));
  }
});

const headers = { "x-rep": ["one", "two"], "x-multi": "m1", "x-empty": "", "x-envoy-original-path": "/rw/x?a=1" };
const REQUEST: StreamOptions = { path: "/new/x%20y?a=1%202&b&c=%C3%A9t+e&a=3", authority: "h.com:80", headers };

/** Format, text, JSON value. */
const HEADERS: readonly (readonly [format: string, text: string, json: unknown])[] = [
  ["%REQ(x-rep)%", "one", "one"],
  ["%REQUEST_HEADER(X-Rep)%", "one", "one"],
  ["%STREAM_INFO_REQ(X-Rep)%", "one", "one"],
  ["%REQ(x-rep):2%", "on", "on"],
  ["%REQ(x-rep):0%", "", ""],
  ["%REQ(x-none)%", "-", null],
  ["%REQ(x-none?x-rep)%", "one", "one"],
  ["%REQ(x-empty)%", "", ""],
  ["%REQ(x-empty?x-rep)%", "", ""],
  ["%REQ(?x-rep)%", "one", "one"],
  ["%REQ(x-none?)%", "-", null],
  ["%REQ(:METHOD)% %REQ(:SCHEME)% %REQ(:AUTHORITY)%", "GET http h.com:80", "GET http h.com:80"],
  ["%REQ(host)%", "h.com:80", "h.com:80"],
  ["%REQ(:protocol)%", "-", null],
  ["%RESP(:STATUS)%", "200", "200"],
  ["%RESP(:STATUS):1%", "2", "2"],
  ["%RESPONSE_HEADER(x-r)%", "1", "1"],
  ["%TRAILER(x-t)%", "tt", "tt"],
  ["%RESPONSE_TRAILER(x-none?x-t):1%", "t", "t"],
  ["%PATH%", "/rw/x?a=1", "/rw/x?a=1"],
  ["%PATH(NQ)%", "/rw/x", "/rw/x"],
  ["%PATH(NQ:PATH)%", "/new/x%20y", "/new/x%20y"],
  ["%PATH(WQ:ORIG)%", "/rw/x?a=1", "/rw/x?a=1"],
  ["%PATH():3%", "/rw", "/rw"],
  ["%QUERY_PARAM(a)%", "1 2", "1 2"],
  ["%QUERY_PARAM(b)%", "", ""],
  ["%QUERY_PARAM(z)%", "-", null],
  ["%QUERY_PARAM(c)%", "\u00c3\u00a9t+e", "ét+e"],
  ["%QUERY_PARAMS%", "a=1%202&b&c=%C3%A9t+e&a=3", "a=1%202&b&c=%C3%A9t+e&a=3"],
  ["%QUERY_PARAMS(DECODED):3%", "a=1", "a=1"],
  ["%REQUESTED_SERVER_NAME%", "-", null],
  ["%REQUESTED_SERVER_NAME(HOST_FIRST)%", "h.com:80", "h.com:80"],
  ["%REQUESTED_SERVER_NAME(SNI_FIRST:ORIG)%", "-", null],
  ["a %REQ(x-none)% b %REQ(x-multi)% %%", "a - b m1 %", "a - b m1 %"],
  ["%REQ(x-rep)%%REQ(x-rep)%", "oneone", "oneone"],
  ["%GRPC_STATUS%", "-", null],
  ["%STREAM_ID%", "-", null],
  ["%PROTOCOL()%", "HTTP/1.1", "HTTP/1.1"],
  ["%REQUEST_HEADERS_BYTES%", "142", 142],
  ["%RESPONSE_HEADERS_BYTES%", "14", 14],
  ["%RESPONSE_TRAILERS_BYTES%", "5", 5],
];

describe("headers", () => {
  const stream = streamInfo({ ...REQUEST, responseHeaders: { "x-r": "1" }, trailers: { "x-t": "tt" } });
  for (const [format, expected, value] of HEADERS) {
    it(format, () => {
      assert.equal(text(format, stream), expected);
      assert.deepEqual(json(format, stream), value);
    });
  }

  it("are none of a request whose head was malformed", () => {
    const stream = streamInfo(REQUEST, { requestHeadDone: false });
    assert.equal(
      text("%REQ(:METHOD)% %REQ(x-rep)% %PATH% %REQUEST_HEADERS_BYTES% %PROTOCOL%", stream),
      "- - - 0 HTTP/1.1",
    );
  });
});

test("queries are decoded as Envoy decodes them", () => {
  const decoded = (path: string): string => text("%QUERY_PARAM(a)% %QUERY_PARAMS(DECODED)%", streamInfo({ path }));
  assert.equal(decoded("/?a=%41%zz"), "A%zz a=Azz");
  assert.equal(decoded("/?a=%4z"), "%4z a=4z");
  assert.equal(decoded("/?a=%4"), "%4 a=%4");
  assert.equal(decoded("/?a=%"), "% a=%");
  assert.equal(decoded("/?a=%2b+"), "++ a=++");
  assert.equal(decoded("/?%61=1?a=2#f"), "1?a=2#f a=1?a=2#f");
  assert.equal(decoded("/?a=%7e%2f%22%25"), '~/"% a=~/%22%');
  assert.equal(decoded("/?"), "- ");
  assert.equal(decoded("/"), "- -");
});

test("what has no value over plain TCP is empty", () => {
  for (const name of [
    "DOWNSTREAM_TLS_VERSION",
    "UPSTREAM_PEER_URI_SAN",
    "CONNECTION_TERMINATION_DETAILS",
    "TRACE_ID",
    "ROUNDTRIP_DURATION",
  ]) {
    assert.equal(text(`%${name}%`), "-", name);
    assert.equal(json(`%${name}%`), null, name);
  }
});

describe("addresses", () => {
  it("have a port or not", () => {
    const one = (name: string): string => text(`%${name}%`);
    assert.equal(one("DOWNSTREAM_REMOTE_ADDRESS"), "10.1.2.3:40123");
    assert.equal(one("DOWNSTREAM_LOCAL_ADDRESS"), "[::1]:8080");
    assert.equal(one("DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT"), "::1");
    assert.equal(json("%DOWNSTREAM_REMOTE_PORT%"), 40123);
    assert.equal(one("UPSTREAM_HOST"), "10.9.9.9:80");
    assert.equal(one("UPSTREAM_REMOTE_ADDRESS"), "-");
  });

  it("are cut to a prefix", () => {
    const cut = (prefix: string): string => text(`%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(${prefix})%`);
    assert.deepEqual(["8", "24", "33", "0", "x", "-1"].map(cut), [
      "10.0.0.0/8", "10.1.2.0/24", "10.1.2.3/32", "0.0.0.0/0", "10.1.2.3", "10.1.2.3",
    ]); // prettier-ignore
    assert.equal(text("%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(64)%"), "::/64");
  });

  it("come from x-forwarded-for without a port", () => {
    const stream = streamInfo();
    stream.request.forwardedFor = "2001:DB8::1";
    assert.equal(text("%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_PORT%", stream), "[2001:db8::1]:0 0");
    assert.equal(text("%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%", stream), "10.1.2.3");
  });

  it("of a host give way to its name", () => {
    const host = { name: "10.9.9.9:80", address: "10.9.9.9", port: 80, hostname: "up.example:99", metadata: {} };
    const stream = streamInfo({}, { host });
    assert.equal(
      text("%UPSTREAM_HOST% %UPSTREAM_HOST_NAME% %UPSTREAM_HOST_NAME_WITHOUT_PORT%", stream),
      "10.9.9.9:80 up.example:99 up.example",
    );
  });
});

describe("metadata", () => {
  const ns = { s: 'str"ing', n: 1.5, b: true, l: [1, "a", null], o: { k: "v", a: 2 }, null: null };
  const stream = streamInfo(
    {},
    { route: { name: "", metadata: { ns }, virtualHostMetadata: {} }, dynamicMetadata: { ns: { u: "é" } } },
  );
  const cases: readonly (readonly [string, string, unknown])[] = [
    ["%METADATA(ROUTE:ns:s)%", 'str"ing', 'str"ing'],
    ["%METADATA(ROUTE:ns:s):2%", "st", "st"],
    ["%METADATA(ROUTE:ns:n)%", "1.5", 1.5],
    ["%METADATA(ROUTE:ns:b)%", "true", true],
    ["%METADATA(ROUTE:ns:l)%", '[1,"a",null]', [1, "a", null]],
    ["%METADATA(ROUTE:ns:o)%", '{"a":2,"k":"v"}', { a: 2, k: "v" }],
    ["%METADATA(ROUTE:ns:o:k)%", "v", "v"],
    ["%METADATA(ROUTE:ns:null)%", "-", null],
    ["%METADATA(ROUTE:ns:nope:k)%", "-", null],
    ["%METADATA(ROUTE:toString)%", "-", null],
    ["%METADATA(VIRTUAL_HOST:ns)%", "-", null],
    ["%DYNAMIC_METADATA(ns:u)%", "\u00c3\u00a9", "é"],
    ["%CLUSTER_METADATA(ns)%", "-", null],
    ["%FILTER_STATE(k)%", "-", null],
  ];
  for (const [format, expected, value] of cases) {
    it(format, () => {
      assert.equal(text(format, stream), expected);
      assert.deepEqual(json(format, stream), value);
    });
  }
});

test("filter state is shown in three ways", () => {
  const object = {
    asText: () => "plain",
    asJson: () => ({ b: 1, a: 2 }),
    field: (name: string) => (name === "n" ? 5 : undefined),
    typeName: "t",
    encode: () => new Uint8Array(),
  };
  const stream = streamInfo({}, { filterStateObjects: new Map([["k", object]]) });
  assert.equal(
    text("%FILTER_STATE(k)% %FILTER_STATE(k:PLAIN):2% %FILTER_STATE(k:FIELD:n)% %FILTER_STATE(k:FIELD:x)%", stream),
    '{"a":2,"b":1} pl 5 -',
  );
  assert.deepEqual(
    [json("%FILTER_STATE(k)%", stream), json("%FILTER_STATE(k:FIELD:n)%", stream)],
    [{ a: 2, b: 1 }, "5"],
  );
});

test("COALESCE takes the first that has a value, an empty one too", () => {
  const coalesce = (operators: unknown, limit = ""): string => `%COALESCE(${JSON.stringify({ operators })})${limit}%`;
  const stream = streamInfo({ headers: { "x-e": "", "x-l": "abcdef" } });
  const request = (param: string, max?: number): unknown => ({
    command: "REQ",
    param,
    ...(max === undefined ? {} : { max_length: max }),
  });
  assert.equal(text(coalesce([request("x-none"), request("x-e"), "PROTOCOL"]), stream), "");
  assert.equal(text(coalesce(["REQUESTED_SERVER_NAME"]), stream), "-");
  assert.equal(text(coalesce([request("x-l", 4)], ":2"), stream), "ab");
  assert.equal(json(coalesce(["RESPONSE_CODE"], ":1"), stream), 200);
  assert.equal(text(coalesce(["RESPONSE_CODE"], ":1"), stream), "2");
});

describe("durations", () => {
  const upstreamInfo = {
    connected: true, connectionId: 9, protocol: "HTTP/1.1" as const, hostName: "10.0.0.1:80", tls: null, localName: "10.1.1.1:5", localAddress: "10.1.1.1", localPort: 5, connectStartedAt: 1_001, connectedAt: 1_003,
    poolStartedAt: 1_001, poolReadyAt: 1_003.5, firstSentAt: 1_003.5, firstReceivedAt: 1_020.25, firstBodyReceivedAt: 1_021,
  }; // prettier-ignore
  const stream = streamInfo({}, { upstreamInfo });

  it("are whole milliseconds between two points", () => {
    const format =
      "%REQUEST_DURATION% %REQUEST_TX_DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION% %DURATION% %UPSTREAM_CONNECTION_POOL_READY_DURATION%";
    assert.equal(text(format, stream), "1 3 20 10 30 2");
  });

  it("are as fine as is asked for, and nothing if a point was not reached or the order is wrong", () => {
    assert.equal(json("%COMMON_DURATION(US_CX_BEG:US_RX_BEG:us)%", stream), 19_250);
    assert.equal(json("%COMMON_DURATION(DS_RX_BEG:US_RX_BODY_BEG:ns)%", stream), 21_000_000);
    assert.equal(
      text(
        "%COMMON_DURATION(DS_TX_END:DS_RX_BEG)% %COMMON_DURATION(FOO:DS_TX_END)% %COMMON_DURATION(DS_RX_BEG:US_HS_END)%",
        stream,
      ),
      "- - -",
    );
    const cut = streamInfo({}, { upstreamInfo, responseEndedAt: 0 });
    assert.equal(
      text("%COMMON_DURATION(DS_RX_BEG:DS_TX_END)% %COMMON_DURATION(DS_RX_BEG:US_RX_END)% %RESPONSE_TX_DURATION%", cut),
      "- - -",
    );
  });
});

test("gRPC status comes from trailers, headers, or the HTTP status, for gRPC requests only", () => {
  const grpc = (options: StreamOptions): string =>
    text("%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS_NUMBER%", streamInfo(options, { isGrpc: true }));
  assert.equal(
    grpc({ responseHeaders: { "grpc-status": "5" }, trailers: { "grpc-status": "7" } }),
    "PermissionDenied PERMISSION_DENIED 7",
  );
  assert.equal(grpc({ responseHeaders: { "grpc-status": "5" } }), "NotFound NOT_FOUND 5");
  assert.equal(grpc({ responseHeaders: { "grpc-status": "99" } }), "99 99 99");
  assert.equal(grpc({ responseHeaders: { "grpc-status": "abc" } }), "-1 -1 -1");
  assert.equal(grpc({}), "Unknown UNKNOWN 2");
  assert.equal(grpc({ status: 503 }), "Unavailable UNAVAILABLE 14");
});

test("a command that goes wrong says nothing, in text and in JSON, and is told of", () => {
  const bugs: unknown[] = [];
  const broken = streamInfo({}, { reportBug: (error) => bugs.push(error) });
  Object.defineProperty(broken, "connection", {
    get() {
      throw new TypeError("no connection");
    },
  });
  assert.equal(text("%REQ(:PATH)% %DOWNSTREAM_LOCAL_ADDRESS% %RESPONSE_CODE%", broken), "/ - 200");
  assert.equal(json("%DOWNSTREAM_LOCAL_ADDRESS%", broken), null);
  assert.equal(json("a %DOWNSTREAM_LOCAL_ADDRESS%", broken), "a -");
  assert.equal(bugs.length, 3);
});
