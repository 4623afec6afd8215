/** What has brought down HTTP/2 servers, each by its name, against a proxy on real sockets or against its codec (test/attack/README.md). */
import assert from "node:assert/strict";
import { type TestContext, describe, it } from "node:test";
import { FakeClock } from "../../src/clock/fake-clock.ts";
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
} from "../support/http2-harness.ts";
import { http2Plan } from "../support/plans.ts";
import { type Proxy, startProxy, until } from "../support/proxy.ts";

const POST = { ":method": "POST" };
const HELLO = PREFACE + settings() + frame(4, 1, 0);
const connected = Http2ServerHarness.connected;

const repeated = (count: number, make: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => make(i)).join("");

/** Another client is served, and nothing is left of the first. */
async function assertServed(t: TestContext, proxy: Proxy): Promise<void> {
  proxy.backend.onData = ({ socket }) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  const neighbour = await proxy.client(t);
  neighbour.send(HELLO + headers(1, request()));
  await until(() => neighbour.received.endsWith("ok"));
  neighbour.socket.destroy();
  await until(() => proxy.gauge("http.test.downstream_rq_active") === 0 && proxy.gauge("http2.streams_active") === 0);
}

describe("a client that begins requests for nothing", () => {
  it("rapid reset (CVE-2023-44487)", async (t) => {
    const proxy = await startProxy(t);
    proxy.backend.onData = () => {};
    const client = await proxy.client(t);
    client.send(HELLO + repeated(5_000, (i) => headers(1 + 2 * i, request()) + resetStream(1 + 2 * i, 8)));
    await until(() => client.ended);
    assert.equal(proxy.counter("http.test.downstream_rq_too_many_premature_resets"), 1);
    assert.ok(proxy.counter("http.test.downstream_rq_http2_total") <= 500);
    await assertServed(t, proxy);
  });

  it("made to reset by us (MadeYouReset, CVE-2025-8671)", async (t) => {
    const proxy = await startProxy(t);
    proxy.backend.onData = () => {};
    const client = await proxy.client(t);
    const wrong = (id: number): string =>
      headers(id, request([["content-length", "9"]], POST), false) + data(id, "x", true);
    client.send(HELLO + repeated(5_000, (i) => wrong(1 + 2 * i)));
    await until(() => client.ended);
    assert.equal(proxy.counter("http.test.downstream_rq_too_many_premature_resets"), 1);
    assert.ok(proxy.counter("http.test.downstream_rq_http2_total") <= 500);
    await assertServed(t, proxy);
  });

  it("more at a time than it was allowed", () => {
    const server = connected({ maxConcurrentStreams: 10 });
    server.onRequest = () => {};
    server.feed(repeated(11, (i) => headers(1 + 2 * i, request())));
    assert.deepEqual([server.requests.length, server.broken], [10, "protocol"]);
    const early = new Http2ServerHarness({ maxConcurrentStreams: 10 });
    early.onRequest = () => {};
    early.feed(
      PREFACE,
      settings(),
      repeated(11, (i) => headers(1 + 2 * i, request())),
    );
    assert.equal(early.broken, null, "it may not have heard of the limit");
    assert.equal(early.sink.take().at(-1), "RST_STREAM#21 7");
  });
});

describe("frames that cost the sender little", () => {
  const floods: Readonly<Record<string, readonly [bytes: string, stat: string]>> = {
    "PRIORITY (resource loop, CVE-2019-9513)": [repeated(200, () => frame(2, 0, 1, `${u32(0)}\x10`)), "priorityFlood"],
    "empty DATA (CVE-2019-9518)": [
      headers(1, request([], POST), false) + repeated(2, () => data(1, "")),
      "emptyFramesFlood",
    ],
    "DATA of padding only (CVE-2019-9518)": [headers(1, request([], POST), false) + repeated(2, () => frame(0, 8, 1, "\x02\0\0")), "emptyFramesFlood"], // prettier-ignore
    "empty CONTINUATION (CVE-2019-9518, CVE-2024-30255)": [frame(1, 1, 1, block(request())) + repeated(2, () => frame(9, 0, 1, "")), "emptyFramesFlood"], // prettier-ignore
    WINDOW_UPDATE: [repeated(6, () => windowUpdate(0, 1)), "windowUpdateFlood"],
  };
  for (const [name, [bytes, stat]] of Object.entries(floods)) {
    it(name, () => {
      const server = connected().feed(bytes);
      assert.equal(server.broken, "flood");
      assert.equal(server.stats[stat as "priorityFlood"].value, 1);
      assert.match(server.sink.take().at(-1) ?? "", /^GOAWAY#0 last=\d code=11$/);
      assert.ok(server.codec.idle);
    });
  }

  const answered: Readonly<Record<string, readonly [make: (i: number) => string, stat: string]>> = {
    "PING (CVE-2019-9512)": [() => ping(), "outboundControlFlood"],
    "SETTINGS (CVE-2019-9515)": [() => settings(), "outboundControlFlood"],
    "requests that we reset (CVE-2019-9514)": [
      (i) => headers(1 + 2 * i, request([["X", "y"]])),
      "outboundControlFlood",
    ],
    "requests whose answers nobody reads (CVE-2019-9517)": [(i) => headers(1 + 2 * i, request()), "outboundFlood"],
  };
  for (const [name, [make, stat]] of Object.entries(answered)) {
    it(`${name}, from a client that does not read`, () => {
      const server = connected({ streamErrorOnInvalidMessage: true });
      server.sink.stalled = true;
      let sent = 0;
      for (; server.broken === null && sent < 20_000; sent++) server.feed(make(sent));
      assert.equal(server.broken, "flood");
      assert.equal(server.stats[stat as "outboundFlood"].value, 1);
      assert.ok(sent <= (stat === "outboundFlood" ? 10_200 : 1_020), String(sent));
    });
    it(`${name}, from one that does: as many as it likes`, () => {
      const server = connected({ streamErrorOnInvalidMessage: true });
      for (let i = 0; i < 20_000; i++) server.feed(make(i));
      assert.equal(server.broken, null);
    });
  }

  it("a PING flood on a socket costs what the kernel holds, and no more", async (t) => {
    const proxy = await startProxy(t);
    const client = await proxy.client(t);
    client.socket.pause();
    client.send(HELLO);
    const pings = ping().repeat(10_000);
    let sent = 0;
    client.socket.on("drain", () => (sent += pings.length));
    await until(() => {
      if (!client.socket.destroyed && client.socket.writableLength < 1_000_000) client.send(pings);
      return proxy.counter("http2.outbound_control_flood") === 1;
    });
    // Nor does it stay until somebody reads.
    await until(() => proxy.gauge("http.test.downstream_cx_active") === 0);
    client.socket.destroy();
    await assertServed(t, proxy);
  });
});

describe("header blocks", () => {
  it("CONTINUATION without end (CVE-2024-30255, CVE-2024-27316)", () => {
    const server = connected();
    server.feed(frame(1, 1, 1, block(request())));
    let frames = 0;
    for (; server.broken === null && frames < 10_000; frames++) server.feed(frame(9, 0, 1, "\x82"));
    assert.deepEqual([server.broken, frames], ["flood", 513]);
    const large = connected().feed(frame(1, 1, 1, block(request())));
    for (frames = 0; large.broken === null; frames++) large.feed(frame(9, 0, 1, "\x82".repeat(16_384)));
    assert.ok(frames <= 8, `${frames} of 16 KiB`);
  });

  it("HPACK bomb (CVE-2016-6581): one large entry, a thousand times", () => {
    const server = connected();
    server.feed(headers(1, request()));
    const bomb = `\x40\x01k\x7f\xa1\x1e${"v".repeat(4_000)}` + "\xbe".repeat(12_000);
    const before = process.memoryUsage().heapUsed;
    for (let i = 1; i < 20; i++) server.feed(frame(1, 5, 1 + 2 * i, block(request()) + bomb));
    assert.ok(process.memoryUsage().heapUsed - before < 64 * 1_048_576);
    assert.equal(server.stats.headersTooLarge.value, 19);
    assert.equal(server.requests[5].reset?.details, "http2.header_list_size_too_large");
    assert.equal(server.broken, null);
    server.feed(headers(41, request()));
    assert.equal(server.requests.at(-1)?.ended, true, "the tables are still in step");
  });

  it("headers and trailers larger than allowed", () => {
    const large: Fields = [["x", "v".repeat(62_000)]];
    const bytes = block(request(large));
    const server = connected();
    let fed = frame(1, 1, 1, bytes.slice(0, 16_000));
    for (let at = 16_000; at < bytes.length; at += 16_000) {
      fed += frame(9, at + 16_000 >= bytes.length ? 4 : 0, 1, bytes.slice(at, at + 16_000));
    }
    server.feed(fed);
    assert.equal(server.requests[0].reset?.details, "http2.header_list_size_too_large");
    const many: Fields = Array.from({ length: 101 }, (_, i) => [`t-${i}`, "v"]);
    const trailing = connected().feed(headers(1, request([], POST), false), headers(1, many));
    assert.equal(trailing.requests[0].reset?.details, "http2.too_many_headers");
  });

  it("a Host beside :authority counts, though it is dropped (CVE-2026-73550)", () => {
    const fields: Fields = [...Array.from({ length: 96 }, (_, i) => [`x-${i}`, "v"] as const), ["host", "h"]];
    assert.equal(connected().feed(headers(1, request(fields))).requests[0].reset?.details, "http2.too_many_headers");
  });

  it("each crumb of a cookie counts (CVE-2026-47774)", () => {
    const crumbs = (count: number): Fields => Array.from({ length: count }, (_, i) => ["cookie", `c${i}=1`]);
    const server = connected().feed(headers(1, request(crumbs(96))), headers(3, request(crumbs(97))));
    assert.deepEqual(server.requests.map(({ ended, reset }) => ended || reset?.details), [true, "http2.too_many_headers"]); // prettier-ignore
  });

  it("one of which only the beginning comes is given up after a while", async (t) => {
    const clock = new FakeClock();
    const proxy = await startProxy(t, { clock, manager: { requestHeadersTimeoutMs: 1_000 } });
    const client = await proxy.client(t);
    client.send(HELLO + frame(1, 1, 1, block(request())));
    await until(() => proxy.gauge("http.test.downstream_rq_active") === 1);
    clock.advance(1_100);
    await until(() => proxy.gauge("http.test.downstream_rq_active") === 0);
    assert.equal(proxy.counter("http.test.downstream_rq_header_timeout"), 1);
    client.send(frame(9, 4, 1, "") + headers(3, request()));
    await until(() => client.received.endsWith("hi"));
  });
});

describe("smuggling by way of HTTP/1.1 upstreams", () => {
  const bad: Readonly<Record<string, string>> = {
    "CR LF in a value": headers(1, request([["x", "a\r\ntransfer-encoding: chunked"]], POST), false),
    "LF in a value": headers(1, request([["x", "a\nhost: other"]])),
    "NUL in a value (CVE-2019-9900)": headers(1, request([["x", "a\0"]])),
    "CR LF in a name": headers(1, request([["x\r\ny", "z"]])),
    "a colon in a name": headers(1, request([["x: y\r\nz", "z"]])),
    "a space in a name": headers(1, request([["transfer-encoding ", "chunked"]])),
    "CR LF in :path": headers(1, request([], { ":path": "/ HTTP/1.1\r\nhost: x\r\n\r\nGET /evil" })),
    "a space in :path": headers(1, request([], { ":path": "/ HTTP/1.1" })),
    "CR LF in :method": headers(1, request([], { ":method": "GET / HTTP/1.1\r\nx: y\r\n" })),
    "a space in :method": headers(1, request([], { ":method": "GET /evil" })),
    "CR LF in :authority": headers(1, request([], { ":authority": "h\r\nx: y" })),
    "CR LF in :scheme": headers(1, request([], { ":scheme": "http\r\nx: y" })),
    "transfer-encoding": headers(1, request([["transfer-encoding", "chunked"]], POST), false),
    "transfer-encoding, identity": headers(1, request([["transfer-encoding", "identity"]], POST), false),
    connection: headers(1, request([["connection", "transfer-encoding"]])),
    "upgrade: h2c": headers(1, request([["upgrade", "h2c"]])),
    "http2-settings with upgrade": headers(1, request([["upgrade", "h2c"], ["http2-settings", "x"]])), // prettier-ignore
    "content-length twice": headers(1, request([["content-length", "0"], ["content-length", "30"]], POST), false), // prettier-ignore
    "content-length with a sign": headers(1, request([["content-length", "+0"]], POST), false),
    "content-length in hexadecimal": headers(1, request([["content-length", "0x5"]], POST), false),
    "content-length of a request that is over": headers(1, request([["content-length", "30"]], POST)),
    "a pseudo-header twice": headers(1, request([[":path", "/other"]])),
    "two hosts": headers(1, [...request().filter(([name]) => name !== ":authority"), ["host", "a"], ["host", "b"]]),
    ":protocol where it is not allowed": headers(
      1,
      [...request([], { ":method": "CONNECT" }), [":protocol", "websocket"]],
      false,
    ),
  };
  for (const [name, bytes] of Object.entries(bad)) {
    it(name, async (t) => {
      const proxy = await startProxy(t);
      const client = await proxy.client(t);
      client.send(HELLO + bytes + data(1, "GET /evil HTTP/1.1\r\nhost: h\r\n\r\n", true));
      await until(() => client.ended);
      assert.equal(proxy.backend.received, "");
      assert.equal(proxy.counter("http.test.downstream_cx_protocol_error"), 1);
    });
  }

  it("DATA beyond content-length never follows the request (H2.CL)", async (t) => {
    const proxy = await startProxy(t);
    proxy.backend.onData = () => {};
    const client = await proxy.client(t);
    const evil = "GET /evil HTTP/1.1\r\nhost: h\r\n\r\n";
    client.send(HELLO + headers(1, request([["content-length", "0"]], POST), false) + data(1, evil, true));
    client.send(headers(3, request([["content-length", "3"]], POST), false) + data(3, `abc${evil}`, true));
    await until(() => proxy.gauge("http.test.downstream_rq_active") === 0 && proxy.counter("http2.tx_reset") === 2);
    // Whoever comes next has a connection with nothing on it that is not his.
    client.send(headers(5, request([], { ":path": "/good" })));
    await until(() => proxy.backend.received.includes("/good"));
    assert.doesNotMatch(proxy.backend.received, /evil/);
  });
});

describe("streams that are in no state for what comes", () => {
  it("trailers without END_STREAM (CVE-2026-73513)", () => {
    const server = connected().feed(headers(1, request([], POST), false), headers(1, [["t", "v"]], false));
    assert.deepEqual([server.broken, server.requests[0].ended], ["protocol", false]);
  });

  it("HEADERS and DATA after END_STREAM", () => {
    for (const late of [headers(1, [["t", "v"]]), data(1, "x")]) {
      const server = connected();
      server.onRequest = () => {};
      server.feed(headers(1, request()), late);
      assert.equal(server.broken, "protocol");
    }
  });

  it("resets while much is buffered leave nothing behind", async (t) => {
    const proxy = await startProxy(t);
    const body = "x".repeat(200_000);
    proxy.backend.onData = ({ socket }) =>
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    const client = await proxy.client(t);
    client.send(PREFACE + settings(4, 0) + frame(4, 1, 0) + repeated(20, (i) => headers(1 + 2 * i, request())));
    await until(() => proxy.gauge("http2.pending_send_bytes") === 20 * body.length);
    client.send(repeated(20, (i) => resetStream(1 + 2 * i, 8)));
    await until(() => proxy.gauge("http2.pending_send_bytes") === 0);
    await assertServed(t, proxy);
  });

  it("windows of nothing hold one stream's buffer each, and not more", async (t) => {
    const proxy = await startProxy(t, { manager: { http2: http2Plan({ streamBufferBytes: 65_536 }) } });
    proxy.backend.onData = ({ socket }) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n");
      socket.write(Buffer.alloc(5_000_000));
    };
    const client = await proxy.client(t);
    client.send(PREFACE + settings(4, 0) + frame(4, 1, 0) + repeated(10, (i) => headers(1 + 2 * i, request())));
    let last = -1;
    let quiet = 0;
    await until(() => {
      const waiting = proxy.gauge("http2.pending_send_bytes");
      quiet = waiting > 0 && waiting === last ? quiet + 1 : 0;
      last = waiting;
      return quiet > 50;
    });
    assert.ok(last < 10 * (65_536 + 4 * 262_144), String(last));
    client.socket.destroy();
    await until(() => proxy.gauge("http2.pending_send_bytes") === 0);
  });
});
