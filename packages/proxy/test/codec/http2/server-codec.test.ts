import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type Fields,
  Http2ServerHarness,
  PREFACE,
  block,
  data,
  frame,
  headers,
  ping,
  request,
  resetStream,
  settings,
  u32,
  windowUpdate,
} from "../../support/http2-harness.ts";

const connected = Http2ServerHarness.connected;

describe("the HTTP/2 server codec", () => {
  it("says what it takes before anything has come, as Envoy does", () => {
    const server = new Http2ServerHarness();
    assert.deepEqual(server.sink.take(), ["SETTINGS#0 1:4096 8:0 3:1024 4:16777216", "WINDOW_UPDATE#0 25100289"]);
    server.feed(PREFACE, settings(3, 100));
    assert.deepEqual(server.sink.take(), ["SETTINGS+ACK#0"]);
  });

  it("answers a request", () => {
    const server = connected();
    server.onRequest = (seen) => seen.answer(200, "hello", [["content-type", "text/plain"]]);
    server.feed(headers(1, request([["x-a", "b"]])));
    assert.equal(server.requests[0].head, "GET http://h/\r\nx-a: b\r\n");
    assert.deepEqual(server.sink.take(), ["HEADERS#1 :status=200 content-type=text/plain", "DATA+ES#1 hello"]);
    assert.ok(server.codec.idle);
  });

  it("reads bodies and trailers, and writes them", () => {
    const server = connected();
    server.onRequest = (seen) => seen.answer(200, seen.body, [], [["grpc-status", "0"]]);
    server.feed(headers(1, request([], { ":method": "POST" }), false), data(1, "abc"), data(1, "def"));
    server.feed(headers(1, [["t", "v"]]));
    assert.equal(server.requests[0].body, "abcdef");
    assert.equal(server.requests[0].trailers, "t: v\r\n");
    assert.deepEqual(server.sink.take(), ["HEADERS#1 :status=200", "DATA#1 abcdef", "HEADERS+ES#1 grpc-status=0"]);
  });

  it("carries many exchanges at a time, answered in any order", () => {
    const server = connected();
    server.onRequest = () => {};
    server.feed([1, 3, 5].map((id) => headers(id, request([], { ":path": `/${id}` }))).join(""));
    for (const seen of server.requests.toReversed()) seen.answer(200, seen.request.path);
    assert.deepEqual(server.sink.take().filter((line) => line.startsWith("DATA")), ["DATA+ES#5 /5", "DATA+ES#3 /3", "DATA+ES#1 /1"]); // prettier-ignore
    assert.equal(server.stats.streamsActive.value, 0);
  });

  it("takes padding, priorities and CONTINUATION frames", () => {
    const server = connected();
    const bytes = block(request());
    server.feed(frame(1, 0x2d, 1, `\x03${u32(0)}\x10${bytes}\0\0\0`));
    server.feed(frame(1, 1, 3, bytes.slice(0, 5)), frame(9, 0, 3, bytes.slice(5, 6)), frame(9, 4, 3, bytes.slice(6)));
    server.feed(headers(5, request([], { ":method": "POST" }), false), frame(0, 9, 5, "\x03abc\0\0\0"));
    assert.deepEqual(server.requests.map(({ ended, body }) => [ended, body]), [[true, ""], [true, ""], [true, "abc"]]); // prettier-ignore
  });

  it("tells the client that the rest of a request is of no use once it has been answered", () => {
    const server = connected();
    server.feed(headers(1, request([], { ":method": "POST" }), false));
    server.requests[0].answer(403);
    assert.deepEqual(server.sink.take(), ["HEADERS+ES#1 :status=403", "RST_STREAM#1 0"]);
    server.feed(data(1, "late"), headers(1, [["t", "v"]]), resetStream(1, 8), windowUpdate(1, 1));
    assert.equal(server.broken, null);
  });

  it("says nothing of that where the rest has come with the beginning", () => {
    const server = connected();
    server.onHead = (seen) => seen.answer(403);
    server.feed(headers(1, request([], { ":method": "POST" }), false) + data(1, "x", true));
    assert.deepEqual([server.sink.take(), server.codec.idle], [["HEADERS+ES#1 :status=403"], true]);
    server.feed(headers(3, request([], { ":method": "POST" }), false) + data(3, "x"));
    assert.deepEqual(server.sink.take(), ["HEADERS+ES#3 :status=403", "RST_STREAM#3 0"]);
  });

  it("sends no body after HEAD, 204 and 304", () => {
    const server = connected();
    server.onRequest = (seen) => seen.answer(seen.request.path === "/" ? 200 : Number(seen.request.path.slice(1)), "x");
    server.feed(headers(1, request([], { ":method": "HEAD" })));
    server.feed(headers(3, request([], { ":path": "/204" })), headers(5, request([], { ":path": "/304" })));
    assert.deepEqual(server.sink.take(), ["HEADERS+ES#1 :status=200", "HEADERS+ES#3 :status=204", "HEADERS+ES#5 :status=304"]); // prettier-ignore
  });

  it("leaves out what is about a connection, and what says how long a body of chunks is", () => {
    const server = connected();
    const fields: Fields = [
      ["connection", "close"],
      ["keep-alive", "x"],
      ["transfer-encoding", "chunked"],
      ["x", "y"],
    ];
    server.onRequest = (seen) => seen.answer(200, "", fields);
    server.feed(headers(1, request()));
    assert.deepEqual(server.sink.take(), ["HEADERS+ES#1 :status=200 x=y"]);
  });

  it("joins cookies, and the lines of headers of which there is one", () => {
    const server = connected();
    server.feed(
      headers(
        1,
        request([
          ["cookie", "a=1"],
          ["accept", "x"],
          ["cookie", "b=2"],
          ["accept", "y"],
        ]),
      ),
    );
    assert.equal(server.requests[0].head, "GET http://h/\r\naccept: x,y\r\ncookie: a=1; b=2\r\n");
  });

  it("takes extended CONNECT for an upgrade, where that is allowed", () => {
    const fields: Fields = [[":protocol", "websocket"]];
    const server = connected({ allowConnect: true });
    server.onRequest = () => {};
    server.feed(headers(1, [...request([], { ":method": "CONNECT" }), ...fields], false));
    assert.match(
      server.requests[0].head,
      /^GET http:\/\/h\/ upgrade websocket\r\nupgrade: websocket\r\nconnection: upgrade\r\n/,
    );
    const { encoder } = server.requests[0];
    server.requests[0].answer(101, "", [], []);
    assert.ok(encoder !== null);
    const refused = connected();
    refused.feed(headers(1, [...request([], { ":method": "CONNECT" }), ...fields], false));
    assert.equal(refused.broken, "protocol");
  });

  it("drains: first it says so, then it takes nothing new, and what it has taken it answers", () => {
    const server = connected();
    server.onRequest = () => {};
    server.feed(headers(1, request()));
    server.codec.announceDrain();
    server.feed(headers(3, request()));
    server.codec.goAway();
    server.feed(headers(5, request()));
    assert.equal(server.requests.length, 2);
    for (const seen of server.requests) seen.answer(200);
    assert.deepEqual(server.sink.take(), [
      "GOAWAY#0 last=2147483647 code=0",
      "GOAWAY#0 last=3 code=0",
      "HEADERS+ES#1 :status=200",
      "HEADERS+ES#3 :status=200",
    ]);
  });

  it("answers pings", () => {
    assert.deepEqual(connected().feed(ping("abcdefgh")).sink.take(), ["PING+ACK#0 abcdefgh"]);
  });

  it("counts what crosses the wire for each stream", () => {
    const server = connected();
    server.onRequest = (seen) => seen.answer(200, "hello");
    server.feed(headers(1, request()));
    const { downstreamBytes } = server.requests[0];
    const bytes = 9 + block(request()).length;
    assert.equal(downstreamBytes.wireReceived, bytes);
    assert.equal(downstreamBytes.headerReceived, bytes);
    assert.equal(downstreamBytes.plainHeaderReceived, ":method".length + 3 + ":scheme".length + 4 + ":path".length + 1 + ":authority".length + 1); // prettier-ignore
    assert.equal(downstreamBytes.wireSent, 9 + 1 + 9 + 5);
    assert.equal(downstreamBytes.headerSent, 10);
  });
});

describe("flow control", () => {
  it("sends what the windows allow, and the rest when they grow", () => {
    const server = connected({}, 4, 5);
    server.onRequest = (seen) => seen.answer(200, "0123456789", [], [["t", "v"]]);
    server.feed(headers(1, request()));
    assert.deepEqual(server.sink.take(), ["HEADERS#1 :status=200", "DATA#1 01234"]);
    assert.equal(server.flushing.length, 1);
    assert.equal(server.stats.pendingSendBytes.value, 5);
    server.feed(windowUpdate(1, 3));
    assert.deepEqual(server.sink.take(), ["DATA#1 567"]);
    server.feed(settings(4, 100));
    assert.deepEqual(server.sink.take(), ["DATA#1 89", "HEADERS+ES#1 t=v", "SETTINGS+ACK#0"]);
    assert.equal(server.stats.pendingSendBytes.value, 0);
  });

  it("shares the connection's window among streams, a frame each in turn", () => {
    const server = connected({}, 4, 1_000_000);
    server.onRequest = (seen) => seen.answer(200, seen.request.path[1].repeat(60_000));
    server.feed(headers(1, request([], { ":path": "/a" })), headers(3, request([], { ":path": "/b" })));
    assert.equal(server.sink.take().length, 7, "all of the first, and what is left of the window");
    const third = headers(5, request([], { ":path": "/c" }));
    server.feed(third, windowUpdate(0, 40_000));
    const order = server.sink.take().map((line) => line.slice(0, 9).replace("+ES", "").trim());
    assert.deepEqual(order.slice(0, 4), ["HEADERS#5", "DATA#3 bb", "DATA#5 cc", "DATA#3 bb"]);
    server.feed(windowUpdate(0, 100_000));
    assert.ok(server.codec.idle);
  });

  it("tells who writes that it waits, and that it does not any more", () => {
    const server = connected({ streamBufferBytes: 1_000 }, 4, 0);
    server.onRequest = () => {};
    server.feed(headers(1, request()));
    const [seen] = server.requests;
    seen.answer(200, "x".repeat(900), [], [["t", "v"]]);
    const open = connected({ streamBufferBytes: 1_000 }, 4, 0);
    open.onRequest = () => {};
    open.feed(headers(1, request()));
    const [long] = open.requests;
    long.encoder.encodeText("x".repeat(1_001), false);
    assert.deepEqual([long.above, long.encoder.aboveWatermark], [1, true]);
    open.codec.onTransportAboveWatermark();
    open.feed(windowUpdate(1, 600));
    assert.equal(long.above, 1, "the transport has too much as well");
    open.codec.onTransportBelowWatermark();
    assert.deepEqual([long.above, long.encoder.aboveWatermark], [0, false]);
  });

  it("gives windows back in large pieces, and only for what was consumed", () => {
    const server = connected({ streamWindow: 65_536, connectionWindow: 131_072 });
    server.onRequest = () => {};
    server.feed(headers(1, request([], { ":method": "POST" }), false));
    const { encoder } = server.requests[0];
    encoder.pauseRequest();
    for (let i = 0; i < 3; i++) server.feed(data(1, "x".repeat(16_000)));
    assert.deepEqual(server.sink.take(), []);
    encoder.resumeRequest();
    assert.deepEqual(server.sink.take(), ["WINDOW_UPDATE#1 48000"]);
    server.feed(data(1, "x".repeat(16_000)), data(1, "x".repeat(16_000)));
    assert.deepEqual(server.sink.take(), ["WINDOW_UPDATE#0 80000"]);
  });

  it("gives the connection's window back when a stream goes that nobody read", () => {
    const server = connected({ streamWindow: 65_536, connectionWindow: 65_536 });
    server.onRequest = () => {};
    server.feed(headers(1, request([], { ":method": "POST" }), false));
    server.requests[0].encoder.pauseRequest();
    for (let i = 0; i < 3; i++) server.feed(data(1, "x".repeat(16_000)));
    server.feed(resetStream(1, 8));
    assert.deepEqual(server.sink.take(), ["WINDOW_UPDATE#0 48000"]);
  });

  it("counts padding as consumed", () => {
    const server = connected({ streamWindow: 65_536, connectionWindow: 65_536 });
    server.onRequest = () => {};
    server.feed(headers(1, request([], { ":method": "POST" }), false));
    for (let i = 0; i < 128; i++) server.feed(frame(0, 8, 1, `\xffx${"\0".repeat(255)}`));
    assert.equal(server.requests[0].body.length, 128);
    assert.deepEqual(server.sink.take(), ["WINDOW_UPDATE#0 32896", "WINDOW_UPDATE#1 32896"]);
  });
});

describe("a message that is wrong ends the connection, as in Envoy", () => {
  const cases: Readonly<Record<string, readonly [bytes: string, details: string]>> = {
    "an upper-case name": [headers(1, request([["X", "y"]])), "http2.invalid.header.field"],
    "a name with a space": [headers(1, request([["x y", "z"]])), "http2.invalid.header.field"],
    "an empty name": [headers(1, request([["", "z"]])), "http2.invalid.header.field"],
    "a name with a colon": [headers(1, request([["x:", "z"]])), "http2.invalid.header.field"],
    "NUL in a value": [headers(1, request([["x", "a\0"]])), "http2.invalid.header.field"],
    "CR in a value": [headers(1, request([["x", "a\rb"]])), "http2.invalid.header.field"],
    "LF in a value": [headers(1, request([["x", "a\nb"]])), "http2.invalid.header.field"],
    connection: [headers(1, request([["connection", "close"]])), "http2.invalid.header.field"],
    "keep-alive": [headers(1, request([["keep-alive", "x"]])), "http2.invalid.header.field"],
    "proxy-connection": [headers(1, request([["proxy-connection", "x"]])), "http2.invalid.header.field"],
    "transfer-encoding": [headers(1, request([["transfer-encoding", "chunked"]])), "http2.invalid.header.field"],
    upgrade: [headers(1, request([["upgrade", "h2c"]])), "http2.invalid.header.field"],
    "te that is not trailers": [headers(1, request([["te", "gzip"]])), "http2.invalid.header.field"],
    "two hosts": [headers(1, request([["host", "a"], ["host", "b"]])), "http2.invalid.header.field"],
    "a pseudo-header twice": [headers(1, request([[":path", "/x"]])), "http2.invalid.header.field"],
    "a pseudo-header after others": [headers(1, [["a", "b"], ...request()]), "http2.invalid.header.field"],
    "a pseudo-header that there is not": [headers(1, [[":foo", "b"], ...request()]), "http2.invalid.header.field"],
    ":status in a request": [headers(1, [[":status", "200"], ...request()]), "http2.invalid.header.field"],
    "an empty method": [headers(1, request([], { ":method": "" })), "http2.invalid.header.field"],
    "a method with a space": [headers(1, request([], { ":method": "GET /x" })), "http2.invalid.header.field"],
    "an empty path": [headers(1, request([], { ":path": "" })), "http2.invalid.header.field"],
    "a path with a space": [headers(1, request([], { ":path": "/a HTTP/1.1" })), "http2.invalid.header.field"],
    "a path that is none": [headers(1, request([], { ":path": "a" })), "http2.violation.of.messaging.rule"],
    "* for GET": [headers(1, request([], { ":path": "*" })), "http2.violation.of.messaging.rule"],
    "a URL for a path": [headers(1, request([], { ":path": "http://x/" })), "http2.violation.of.messaging.rule"],
    "an empty authority": [headers(1, request([], { ":authority": "" })), "http2.invalid.header.field"],
    "an authority with a slash": [headers(1, request([], { ":authority": "h/x" })), "http2.invalid.header.field"],
    "an authority with user information": [headers(1, request([], { ":authority": "u@h" })), "http2.invalid.header.field"],
    "a scheme with a space": [headers(1, request([], { ":scheme": "h ttp" })), "http2.invalid.header.field"],
    "no path": [headers(1, request().filter(([name]) => name !== ":path")), "http2.violation.of.messaging.rule"],
    "no method": [headers(1, request().filter(([name]) => name !== ":method")), "http2.violation.of.messaging.rule"],
    "no scheme": [headers(1, request().filter(([name]) => name !== ":scheme")), "http2.violation.of.messaging.rule"],
    "no authority": [headers(1, request().filter(([name]) => name !== ":authority")), "http2.violation.of.messaging.rule"],
    "CONNECT with a path": [headers(1, request([], { ":method": "CONNECT" }), false), "http2.violation.of.messaging.rule"],
    ":protocol": [headers(1, [...request(), [":protocol", "x"]]), "http2.invalid.header.field"],
    "content-length twice": [headers(1, request([["content-length", "3"], ["content-length", "3"]]), false), "http2.invalid.header.field"],
    "content-length +3": [headers(1, request([["content-length", "+3"]]), false), "http2.invalid.header.field"],
    "content-length 3, 3": [headers(1, request([["content-length", "3, 3"]]), false), "http2.invalid.header.field"],
    "content-length without a body": [headers(1, request([["content-length", "3"]])), "http2.violation.of.messaging.rule"],
    "trailers without END_STREAM": [headers(1, request(), false) + headers(1, [["t", "v"]], false), "http2.violation.of.messaging.rule"],
    "a pseudo-header in trailers": [headers(1, request(), false) + headers(1, [[":path", "/"]]), "http2.invalid.header.field"],
    "trailers before the promised length": [
      headers(1, request([["content-length", "3"]]), false) + data(1, "a") + headers(1, [["t", "v"]]), "http2.violation.of.messaging.rule",
    ],
  }; // prettier-ignore
  for (const [name, [bytes, details]] of Object.entries(cases)) {
    it(name, () => {
      const server = connected().feed(bytes);
      assert.deepEqual(server.requests[0].reset, { details, cause: "protocol" });
      assert.equal(server.broken, "protocol");
      assert.match(server.sink.take().at(-1) ?? "", /^GOAWAY#0 last=1 code=1/);
      assert.equal(server.requests[0].ended, false);
      assert.ok(server.codec.idle);
    });
    it(`${name}: only the stream, where it is configured so`, () => {
      const server = connected({ streamErrorOnInvalidMessage: true }).feed(bytes);
      assert.deepEqual(server.requests[0].reset, { details, cause: "protocol" });
      assert.deepEqual([server.broken, server.sink.take()], [null, ["RST_STREAM#1 1"]]);
      server.feed(headers(3, request()));
      assert.deepEqual(server.sink.take(), ["HEADERS+ES#3 :status=200"]);
    });
  }
});

describe("what costs a request only its stream", () => {
  it("DATA that is not what content-length says", () => {
    for (const body of [data(1, "abc", true), data(1, "abcdef")]) {
      const server = connected();
      server.feed(headers(1, request([["content-length", "5"]]), false), body);
      assert.deepEqual(server.sink.take(), ["RST_STREAM#1 1"]);
      assert.deepEqual(server.requests[0].reset, { details: "http2.remote_reset", cause: "protocol" });
      assert.equal(server.requests[0].ended, false);
      assert.equal(server.broken, null);
    }
  });

  it("a reset by the client", () => {
    const server = connected();
    server.feed(headers(1, request(), false), resetStream(1, 8), data(1, "late"));
    assert.deepEqual(server.requests[0].reset, { details: "http2.remote_reset", cause: "client" });
    assert.equal(server.stats.rxReset.value, 1);
  });

  it("more headers than allowed, the four of every request included", () => {
    const fields = (count: number): Fields => Array.from({ length: count }, (_, i) => [`x-${i}`, "v"]);
    const server = connected().feed(headers(1, request(fields(96))), headers(3, request(fields(97))));
    assert.deepEqual(server.sink.take(), ["HEADERS+ES#1 :status=200", "RST_STREAM#3 2"]);
    assert.deepEqual(server.requests[1].reset, { details: "http2.too_many_headers", cause: "client" });
  });

  it("an underscore in a name", () => {
    const fields: Fields = [
      ["x_a", "b"],
      ["x-c", "d"],
    ];
    const dropping = connected({ headersWithUnderscores: "drop" }).feed(headers(1, request(fields)));
    assert.equal(dropping.requests[0].head, "GET http://h/\r\nx-c: d\r\n");
    const refusing = connected({ headersWithUnderscores: "reject" }).feed(headers(1, request(fields)));
    assert.equal(refusing.requests[0].reset?.details, "http2.unexpected_underscore");
    assert.deepEqual([dropping.underscores, refusing.underscores], [1, 1]);
  });

  it("a Host beside :authority is dropped; alone it is the authority", () => {
    const server = connected();
    server.feed(headers(1, request([["host", "other"]])));
    server.feed(headers(3, [...request().filter(([name]) => name !== ":authority"), ["host", "a"]]));
    assert.deepEqual(server.requests.map(({ head }) => head), ["GET http://h/\r\n", "GET http://a/\r\n"]); // prettier-ignore
  });
});

describe("what breaks the protocol", () => {
  const cases: Readonly<Record<string, readonly [bytes: string, code: number]>> = {
    "a frame longer than 16 KiB": [frame(0, 0, 1, "", 16_385), 6],
    "a header block that cannot be decoded": [frame(1, 5, 1, "\xff\xff\xff\xff\xff\xff"), 9],
    "a stream id of the server": [headers(2, request()), 1],
    "stream 0": [headers(0, request()), 1],
    "DATA of an idle stream": [data(1, "x"), 1],
    "DATA of stream 0": [data(0, "x"), 1],
    "DATA after END_STREAM": [headers(1, request([], { ":path": "/wait" })) + data(1, "x"), 5],
    "HEADERS after END_STREAM": [headers(1, request([], { ":path": "/wait" })) + headers(1, [["t", "v"]]), 5],
    "RST_STREAM of an idle stream": [resetStream(1, 8), 1],
    "RST_STREAM of 3 octets": [frame(3, 0, 1, "abc"), 6],
    "WINDOW_UPDATE of nothing": [windowUpdate(0, 0), 1],
    "WINDOW_UPDATE of nothing on a stream": [headers(1, request([], { ":path": "/wait" })) + windowUpdate(1, 0), 1],
    "WINDOW_UPDATE beyond 2^31 - 1": [windowUpdate(0, 0x7fffffff), 3],
    "WINDOW_UPDATE beyond 2^31 - 1 on a stream": [headers(1, request([], { ":path": "/wait" })) + windowUpdate(1, 0x7fffffff), 3], // prettier-ignore
    "WINDOW_UPDATE of an idle stream": [windowUpdate(1, 1), 1],
    "WINDOW_UPDATE of 3 octets": [frame(8, 0, 0, "abc"), 6],
    "PING of 7 octets": [ping("1234567"), 6],
    "PING on a stream": [frame(6, 0, 1, "12345678"), 1],
    "SETTINGS of 5 octets": [frame(4, 0, 0, "12345"), 6],
    "SETTINGS on a stream": [frame(4, 0, 1), 1],
    "an acknowledgement with settings": [frame(4, 1, 0, "123456"), 6],
    "ENABLE_PUSH 2": [settings(2, 2), 1],
    "INITIAL_WINDOW_SIZE beyond 2^31 - 1": [settings(4, 0x80000000), 3],
    "MAX_FRAME_SIZE below 16 KiB": [settings(5, 100), 1],
    "MAX_FRAME_SIZE of 16 MiB": [settings(5, 16_777_216), 1],
    "33 settings": [settings(...Array.from({ length: 66 }, () => 99)), 11],
    PUSH_PROMISE: [frame(5, 4, 1, u32(2)), 1],
    "PRIORITY of 3 octets": [frame(2, 0, 1, "abc"), 6],
    "CONTINUATION without HEADERS": [frame(9, 4, 1, block(request())), 1],
    "another frame in a header block": [frame(1, 1, 1, block(request())) + ping(), 1],
    "CONTINUATION of another stream": [frame(1, 1, 1, "") + frame(9, 4, 3, ""), 1],
    "DATA in a header block": [frame(1, 1, 1, block(request())) + data(1, ""), 1],
    "padding longer than HEADERS": [frame(1, 13, 1, `\xff${block(request())}`), 1],
    "padding longer than DATA": [headers(1, request([], { ":path": "/wait" }), false) + frame(0, 9, 1, "\xffabc"), 1],
    "padding of an empty frame": [headers(1, request([], { ":path": "/wait" }), false) + frame(0, 9, 1, ""), 1],
    "a stream that depends on itself": [frame(1, 0x25, 1, `${u32(1)}\x10${block(request())}`), 1],
    "GOAWAY of 4 octets": [frame(7, 0, 0, "abcd"), 6],
    "a window of an initial size that would overflow": [
      headers(1, request([], { ":path": "/wait" })) + windowUpdate(1, 0x7fff0000) + settings(4, 0x7fffffff), 3,
    ],
  }; // prettier-ignore
  for (const [name, [bytes, code]] of Object.entries(cases)) {
    it(name, () => {
      const server = connected({ streamWindow: 65_535, connectionWindow: 65_535 });
      server.onRequest = () => {};
      server.feed(bytes);
      assert.match(server.sink.take().at(-1) ?? "", new RegExp(`^GOAWAY#0 last=\\d code=${code}$`));
      assert.notEqual(server.broken, null);
      for (const { reset } of server.requests) assert.equal(reset?.cause, "protocol");
    });
  }

  it("more DATA than the window", () => {
    const server = connected({ streamWindow: 65_535, connectionWindow: 65_535 });
    server.feed(headers(1, request(), false));
    server.requests[0].encoder.pauseRequest();
    server.feed(data(1, "x".repeat(16_384)).repeat(4));
    assert.match(server.sink.take().at(-1) ?? "", /^GOAWAY#0 last=1 code=3/);
    assert.equal(server.broken, "protocol");
  });

  it("another frame than SETTINGS first", () => {
    for (const first of [headers(1, request()), ping(), frame(4, 1, 0), data(1, "")]) {
      const server = new Http2ServerHarness().feed(PREFACE, first);
      assert.match(server.sink.take().at(-1) ?? "", /^GOAWAY#0 last=0 code=1/);
    }
  });

  it("a preface that is none", () => {
    const server = new Http2ServerHarness().feed("PRI * HTTP/2.0\r\n\r\nSX");
    assert.equal(server.broken, "protocol");
  });

  it("and nothing that comes after it is looked at", () => {
    const server = connected().feed(data(0, "x") + headers(1, request()));
    server.feed(headers(3, request()));
    assert.equal(server.requests.length, 0);
  });
});

describe("what is ignored", () => {
  it("frames of no known type, settings of no known meaning, priorities, GOAWAY of a client, frames of streams that are over", () => {
    const server = connected();
    server.feed(
      frame(0x2a, 0xff, 7, "abc"),
      settings(99, 1),
      frame(2, 0, 1, `${u32(0)}\x10`),
      frame(7, 0, 0, u32(0) + u32(0)),
    );
    server.feed(headers(5, request()), headers(3, request()), resetStream(1, 8));
    assert.equal(server.broken, null);
    assert.equal(server.requests.length, 1);
  });
});
