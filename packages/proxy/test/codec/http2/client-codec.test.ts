import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ResponseHead } from "../../../src/codec/messages.ts";
import {
  type Fields,
  Http2ClientHarness,
  PREFACE,
  SeenResponse,
  data,
  frame,
  headers,
  ping,
  resetStream,
  settings,
  u32,
  windowUpdate,
} from "../../support/http2-harness.ts";

const connected = Http2ClientHarness.connected;
const status = (code: number, more: Fields = []): Fields => [[":status", String(code)], ...more];

describe("the HTTP/2 client codec", () => {
  it("begins with the preface and what it takes, as Envoy does", () => {
    const client = new Http2ClientHarness();
    assert.ok(client.sink.bytes.startsWith(PREFACE));
    assert.deepEqual(client.sink.take(), ["SETTINGS#0 2:0 1:4096 8:0 3:1024 4:16777216", "WINDOW_UPDATE#0 25100289"]);
    client.feed(settings(3, 7));
    assert.deepEqual([client.events, client.codec.maxStreams], [["settings"], 7]);
  });

  it("sends requests, and reads their responses in any order", () => {
    const client = connected();
    const first = client.request({ path: "/1" });
    const second = client.request({ path: "/2", method: "POST" }, "body");
    assert.deepEqual(client.sink.take(), [
      "HEADERS+ES#1 :method=GET :scheme=http :authority=h :path=/1",
      "HEADERS#3 :method=POST :scheme=http :authority=h :path=/2",
      "DATA+ES#3 body",
    ]);
    assert.equal(client.codec.activeStreams, 2);
    client.feed(headers(3, status(200), false), data(3, "ab"), headers(3, [["grpc-status", "0"]]));
    client.feed(headers(1, status(404, [["x", "y"]])));
    assert.deepEqual(
      [second.seen.head, second.seen.body, second.seen.trailers],
      ["200\r\n", "ab", "grpc-status: 0\r\n"],
    );
    assert.deepEqual([first.seen.head, first.seen.ended], ["404\r\nx: y\r\n", true]);
    assert.deepEqual([client.events, client.codec.activeStreams], [["end", "end"], 0]);
  });

  it("passes interim responses on, the first one as wanted", () => {
    const client = connected();
    const { seen } = client.request();
    client.feed(
      headers(1, status(100), false),
      headers(1, status(103, [["link", "a"]]), false),
      headers(1, status(199), false),
    );
    client.feed(headers(1, status(200)));
    assert.deepEqual([seen.interim, seen.head], [[100, 103], "200\r\n"]);
  });

  it("makes of an upgrade an extended CONNECT, and of its acceptance a 101", () => {
    const client = connected();
    const fields: Fields = [["upgrade", "websocket"], ["connection", "upgrade"], ["content-length", "0"], ["x", "y"]]; // prettier-ignore
    const { seen } = client.request({ upgrade: "websocket", path: "/ws" }, null, fields);
    assert.deepEqual(client.sink.take(), [
      "HEADERS#1 :method=CONNECT :protocol=websocket :scheme=http :authority=h :path=/ws x=y",
    ]);
    client.feed(headers(1, status(200), false));
    assert.equal(seen.head, "101\r\nupgrade: websocket\r\nconnection: upgrade\r\n");
  });

  it("sends CONNECT without scheme and path", () => {
    const client = connected();
    client.request({ method: "CONNECT", authority: "h:1" }, null);
    assert.deepEqual(client.sink.take(), ["HEADERS#1 :method=CONNECT :authority=h:1"]);
  });

  it("takes no length seriously of HEAD, 204 and 304, and no body", () => {
    const client = connected();
    const head = client.request({ method: "HEAD" });
    client.feed(headers(1, status(200, [["content-length", "5"]])));
    assert.deepEqual([head.seen.ended, head.seen.reset], [true, ""]);
    const other = client.request();
    client.feed(headers(3, status(304, [["content-length", "5"]]), false), data(3, "x"));
    assert.equal(other.seen.reset, "protocol error");
  });

  it("is done with a request that is answered before it is over", () => {
    const client = connected();
    const { seen, encoder } = client.request({ method: "POST" }, null);
    client.sink.take();
    client.feed(headers(1, status(403)));
    assert.ok(seen.ended);
    assert.deepEqual([client.events, client.sink.take()], [["cut"], ["RST_STREAM#1 2"]]);
    encoder.encodeTrailers(new ResponseHead().headers);
    assert.deepEqual(client.sink.take(), []);
  });

  it("takes requests back", () => {
    const client = connected();
    const { seen, encoder } = client.request();
    client.sink.take();
    encoder.cancel();
    assert.deepEqual([client.sink.take(), client.codec.activeStreams], [["RST_STREAM#1 2"], 0]);
    client.feed(headers(1, status(200)));
    assert.deepEqual([seen.head, seen.reset], ["", ""]);
    client.codec.start(new SeenResponse(), false).cancel();
    assert.deepEqual([client.sink.take(), client.codec.activeStreams], [[], 0]);
  });

  it("counts against the peer's windows, and tells who writes too much", () => {
    const client = connected({ streamBufferBytes: 10 }, 4, 3);
    const { seen } = client.request({ method: "POST" }, "0123456789");
    assert.deepEqual(client.sink.take().at(-1), "DATA#1 012");
    client.feed(windowUpdate(1, 100));
    assert.deepEqual(client.sink.take(), ["DATA+ES#1 3456789"]);
    assert.equal(seen.above, 0);
    client.codec.onTransportAboveWatermark();
    const later = client.request({ method: "POST" }, null);
    assert.deepEqual([seen.above, later.seen.above], [1, 1]);
    client.codec.onTransportBelowWatermark();
    assert.deepEqual([seen.above, later.seen.above], [0, 0]);
  });

  it("asks for signs of life", () => {
    const client = connected();
    client.codec.ping();
    assert.match(client.sink.take()[0], /^PING#0/);
    client.feed(frame(6, 1, 0, "\0\0\0\0tull"), ping("12345678"));
    assert.deepEqual([client.events, client.sink.take()], [["pong"], ["PING+ACK#0 12345678"]]);
  });
});

describe("a request ends", () => {
  it("when the peer resets it, for what reason it says", () => {
    const client = connected();
    const seen = [8, 7, 10, 0].map((code, i) => {
      const { seen: each } = client.request();
      client.feed(resetStream(1 + 2 * i, code));
      return each.reset;
    });
    assert.deepEqual(seen, ["remote reset", "remote refused stream reset", "remote error with CONNECT request", "remote reset"]); // prettier-ignore
  });

  it("when the peer goes, unless it has begun with it", () => {
    const client = connected();
    const [first, second] = [client.request(), client.request()];
    client.feed(frame(7, 0, 0, u32(1) + u32(0)));
    assert.equal(client.codec.draining, true);
    assert.deepEqual([first.seen.reset, second.seen.reset], ["", "remote refused stream reset"]);
    client.feed(headers(1, status(200)));
    assert.ok(first.seen.ended);
    assert.deepEqual(client.events, ["goaway true", "end", "end"]);
  });

  it("when the connection ends", () => {
    const client = connected();
    const { seen } = client.request();
    assert.equal(client.codec.receiveEnd(), false);
    assert.deepEqual([seen.reset, client.codec.activeStreams], ["connection termination", 0]);
  });

  it("as a protocol error, when the peer breaks the protocol, and so do the others", () => {
    const wrong: Readonly<Record<string, string>> = {
      "no status": headers(1, [["x", "y"]]),
      "a status of two digits": headers(1, [[":status", "20"]]),
      "101": headers(1, status(101), false),
      "a bad name": headers(1, status(200, [["X", "y"]])),
      connection: headers(1, status(200, [["connection", "close"]])),
      "a request's pseudo-header": headers(1, status(200, [[":path", "/"]])),
      "204 with a length": headers(1, status(204, [["content-length", "5"]])),
      "a length and no body": headers(1, status(200, [["content-length", "5"]])),
      "DATA before HEADERS": data(1, "x"),
      "an interim response that ends": headers(1, status(100)),
      "a response to nothing": headers(7, status(200)),
      "a stream of the server": headers(2, status(200)),
      "trailers that do not end": headers(1, status(200), false) + headers(1, [["t", "v"]], false),
      push: frame(5, 4, 1, u32(2)),
    };
    for (const [name, bytes] of Object.entries(wrong)) {
      const client = connected();
      const [first, second] = [client.request(), client.request()];
      client.feed(bytes);
      assert.deepEqual([first.seen.reset, second.seen.reset], ["protocol error", "protocol error"], name);
      assert.equal(client.events[0], "broken", name);
      assert.equal(client.codec.draining, true);
    }
  });

  it("by itself, where malformed messages cost only their stream", () => {
    const client = connected({ streamErrorOnInvalidMessage: true });
    const [first, second] = [client.request(), client.request()];
    client.sink.take();
    client.feed(headers(1, [["x", "y"]]), headers(3, status(200)));
    assert.deepEqual([first.seen.reset, second.seen.ended], ["protocol error", true]);
    assert.deepEqual(client.sink.take(), ["RST_STREAM#1 1"]);
  });

  it("by itself, when its response has too many headers", () => {
    const client = connected({ maxHeadersCount: 2 });
    const { seen } = client.request();
    client.sink.take();
    client.feed(headers(1, status(200, [["a", "b"], ["c", "d"]]))); // prettier-ignore
    assert.deepEqual([seen.reset, client.sink.take()], ["remote reset", ["RST_STREAM#1 2"]]);
  });
});
