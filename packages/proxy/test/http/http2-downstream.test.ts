import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, type IncomingHttpHeaders, connect } from "node:http2";
import { type TestContext, describe, it } from "node:test";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import { type Proxy, type ProxyOptions, startProxy, until } from "../support/proxy.ts";
import { http2Plan } from "../support/plans.ts";
import {
  FrameSink,
  PREFACE,
  data,
  frame,
  headers,
  request,
  resetStream,
  settings,
  windowUpdate,
} from "../support/http2-harness.ts";

/** A client that nobody here wrote. */
async function session(t: TestContext, proxy: Proxy): Promise<ClientHttp2Session> {
  const client = connect(`http://127.0.0.1:${proxy.port}`);
  client.on("error", () => {});
  t.after(() => client.destroy());
  await once(client, "connect");
  return client;
}

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function ask(client: ClientHttp2Session, head: Record<string, string>, body = ""): Promise<Answer> {
  const stream = client.request({ ":path": "/", ...head }, { endStream: body === "" });
  if (body !== "") stream.end(body, "latin1");
  const [answer] = (await once(stream, "response")) as [IncomingHttpHeaders];
  let text = "";
  for await (const chunk of stream) text += (chunk as Buffer).toString("latin1");
  return { headers: answer, body: text };
}

/** Frames as they are. */
async function raw(t: TestContext, proxy: Proxy, ...frames: string[]) {
  const client = await proxy.client(t);
  const sink = new FrameSink();
  let taken = 0;
  client.send(PREFACE + settings() + frame(4, 1, 0) + frames.join(""));
  return {
    client,
    send: (...more: string[]): void => client.send(more.join("")),
    /** All frames there have been, settings left out. */
    frames: (): string[] => {
      sink.bytes = client.received.slice(taken);
      const found = sink.take().filter((line) => !line.startsWith("SETTINGS") && !line.startsWith("WINDOW_UPDATE"));
      taken = client.received.length;
      return found;
    },
  };
}

const echo = (proxy: Proxy): void => {
  proxy.backend.onData = ({ socket, received }) => {
    const [head, body = ""] = received.split(/\r\n\r\n(.*)/s);
    const length = /content-length: (\d+)/.exec(head);
    if (length !== null && body.length < Number(length[1])) return;
    if (head.includes("chunked") && !body.includes("0\r\n\r\n")) return;
    socket.end(
      `HTTP/1.1 200 OK\r\ncontent-length: ${received.length}\r\nconnection: close\r\n\r\n${received}`,
      "latin1",
    );
  };
};

const start = async (t: TestContext, options: ProxyOptions = {}): Promise<Proxy> => {
  const proxy = await startProxy(t, options);
  echo(proxy);
  return proxy;
};

describe("a client of HTTP/2", () => {
  it("is answered by an upstream of HTTP/1.1", async (t) => {
    const proxy = await start(t);
    const client = await session(t, proxy);
    const { headers: answer, body } = await ask(client, { ":path": "/a?b", "x-a": "y", cookie: "a=1; b=2" });
    assert.equal(answer[":status"], 200);
    assert.equal(answer.connection, undefined);
    assert.match(body, /^GET \/a\?b HTTP\/1\.1\r\nhost: 127\.0\.0\.1:\d+\r\nx-a: y\r\ncookie: a=1; b=2\r\n/);
    assert.match(body, /x-forwarded-proto: http\r\n/);
    assert.doesNotMatch(body, /transfer-encoding|connection/);
    const posted = await ask(client, { ":method": "POST", "content-length": "5" }, "hello");
    assert.match(posted.body, /^POST [^]*content-length: 5\r\n[^]*\r\n\r\nhello$/);
    const chunked = await ask(client, { ":method": "POST" }, "hello");
    assert.match(chunked.body, /transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/);
    assert.equal(proxy.counter("http.test.downstream_cx_http2_total"), 1);
    assert.equal(proxy.counter("http.test.downstream_rq_http2_total"), 3);
    assert.equal(proxy.counter("http.test.downstream_cx_http1_total"), 0);
  });

  it("has many requests at a time, of a body that is longer than all windows", async (t) => {
    const proxy = await start(t);
    const client = await session(t, proxy);
    const body = "0123456789".repeat(30_000);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        ask(client, { ":method": "POST", ":path": `/${i}`, "content-length": String(body.length) }, body),
      ),
    );
    for (const [i, answer] of answers.entries()) {
      assert.ok(answer.body.startsWith(`POST /${i} `));
      assert.ok(answer.body.endsWith(body));
    }
    await until(() => proxy.gauge("http2.streams_active") === 0);
    assert.equal(proxy.gauge("http2.pending_send_bytes"), 0);
  });

  it("is told apart from HTTP/1 by its first bytes, wherever reads cut them", async (t) => {
    const proxy = await start(t);
    const bytes = PREFACE + settings() + headers(1, request());
    const http2 = await proxy.client(t);
    for (const byte of bytes) {
      http2.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => http2.received.includes("x-forwarded-proto"));
    const http1 = await proxy.client(t);
    http1.send("P");
    await until(() => proxy.counter("http.test.downstream_cx_rx_bytes_total") > bytes.length);
    http1.send("OST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n");
    await until(() => http1.statuses.length === 1);
    assert.equal(proxy.counter("http.test.downstream_cx_http1_total"), 1);
    assert.equal(proxy.counter("http.test.downstream_cx_http2_total"), 1);
  });

  it("alone is served where the codec is HTTP/2, and not where it is HTTP/1", async (t) => {
    const only = await start(t, { manager: { codecType: "http2" } });
    const client = await only.client(t);
    client.send("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
    await until(() => client.ended);
    assert.doesNotMatch(client.received, /HTTP\/1/);
    const never = await start(t, { manager: { codecType: "http1" } });
    const http2 = await never.client(t);
    http2.send(PREFACE);
    await until(() => http2.ended);
    assert.deepEqual(http2.statuses, [400]);
  });

  it("hears of trailers, and sends them", async (t) => {
    const proxy = await start(t, { manager: { enableTrailers: true }, cluster: { enableTrailers: true } });
    proxy.backend.onData = ({ socket, received }) => {
      if (!received.includes("0\r\n")) return;
      socket.write(
        `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nseen: ${received.includes("t: v\r\n")}\r\n\r\n`,
      );
    };
    const { frames } = await raw(
      t,
      proxy,
      headers(1, request([], { ":method": "POST" }), false),
      data(1, "x"),
      headers(1, [["t", "v"]]),
    );
    const all: string[] = [];
    await until(() => all.push(...frames()) > 0 && all.some((line) => line.startsWith("HEADERS+ES")));
    assert.deepEqual(all.slice(1), ["DATA#1 hi", "HEADERS+ES#1 seen=true"]);
  });

  it("may upgrade by extended CONNECT", async (t) => {
    const proxy = await start(t, {
      manager: { upgrades: new Map([["websocket", true]]), http2: http2Plan({ allowConnect: true }) },
    });
    proxy.backend.onData = ({ socket, received }, chunk) => {
      if (received.endsWith("\r\n\r\n")) {
        socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n");
      } else socket.write(chunk.toString("latin1").toUpperCase());
    };
    const connected = [...request([], { ":method": "CONNECT" }), [":protocol", "websocket"]] as const;
    const { frames, send } = await raw(t, proxy, headers(1, connected, false));
    const all: string[] = [];
    await until(() => all.push(...frames()) > 0);
    assert.match(all[0], /^HEADERS#1 :status=200 (?!.*upgrade)/);
    assert.match(
      proxy.backend.received,
      /^GET \/ HTTP\/1\.1\r\nhost: h\r\n[^]*upgrade: websocket\r\nconnection: upgrade\r\n/,
    );
    send(data(1, "hello"));
    await until(() => all.push(...frames()) > 1);
    assert.equal(all[1], "DATA#1 HELLO");
    // Who asks for what there is not is told so, and that the connection ends.
    const other = [...request([], { ":method": "CONNECT" }), [":protocol", "other"]] as const;
    send(headers(3, other, false));
    await until(() => all.push(...frames()) > 4);
    assert.deepEqual(all.slice(2, 3), ["GOAWAY#0 last=2147483647 code=0"]);
    assert.match(all[3], /^HEADERS\+ES#3 :status=403/);
    assert.equal(all[4], "RST_STREAM#3 0");
  });

  it("of gRPC hears of failures as gRPC does: 200, and trailers only", async (t) => {
    const proxy = await start(t);
    proxy.plane.setEndpoints("b", []);
    const fields = [["content-type", "application/grpc"], ["te", "trailers"]] as const; // prettier-ignore
    const { frames } = await raw(
      t,
      proxy,
      headers(1, request(fields, { ":method": "POST" }), false),
      data(1, "\0\0\0\0\0", true),
    );
    const all: string[] = [];
    await until(() => all.push(...frames()) > 0);
    assert.match(
      all[0],
      /^HEADERS\+ES#1 :status=200 content-type=application\/grpc grpc-status=14 grpc-message=no healthy upstream/,
    );
  });
});

describe("the end of a request over HTTP/2", () => {
  it("reaches the upstream when the client resets it", async (t) => {
    const proxy = await start(t);
    proxy.backend.onData = () => {};
    const { send } = await raw(t, proxy, headers(1, request()));
    await until(() => proxy.backend.requests === 1);
    send(resetStream(1, 8));
    await until(() => proxy.backend.connections[0].ended);
    assert.equal(proxy.counter("http.test.downstream_rq_rx_reset"), 1);
    assert.equal(proxy.counter("http2.rx_reset"), 1);
    await until(() => proxy.gauge("http.test.downstream_rq_active") === 0);
  });

  it("is a reset when the upstream breaks off in the middle", async (t) => {
    const proxy = await start(t);
    proxy.backend.onData = ({ socket }) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc", () => socket.destroy());
    };
    const { frames } = await raw(t, proxy, headers(1, request()));
    const all: string[] = [];
    await until(() => all.push(...frames()) > 0 && all.some((line) => line.startsWith("RST_STREAM")));
    assert.deepEqual(all.slice(1), ["DATA#1 abc", "RST_STREAM#1 2"]);
  });

  it("costs the others nothing, unless it is the connection's", async (t) => {
    const proxy = await start(t);
    const held: (() => void)[] = [];
    proxy.backend.onData = ({ socket }) =>
      void held.push(() => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    const { send, frames, client } = await raw(t, proxy, headers(1, request()), headers(3, request()));
    await until(() => held.length === 2);
    send(resetStream(1, 8));
    held[1]();
    held[0]();
    const all: string[] = [];
    await until(() => all.push(...frames()) > 0);
    assert.match(all[0], /^HEADERS\+ES#\d :status=200/);
    send(headers(5, request()));
    await until(() => held.length === 3);
    send(headers(7, request([["X", "y"]])));
    await until(() => client.ended);
    all.push(...frames());
    assert.match(all.at(-1) ?? "", /^GOAWAY#0 last=7 code=1$/);
    assert.equal(proxy.counter("http.test.downstream_cx_protocol_error"), 1);
    await until(() => proxy.gauge("http.test.downstream_rq_active") === 0);
    assert.equal(proxy.counter("http.test.downstream_rq_rx_reset"), 3);
  });
});

describe("a connection of HTTP/2 ends", () => {
  it("by a drain: says so, waits, takes nothing new, and closes after the last response", async (t) => {
    const clock = new FakeClock();
    const proxy = await start(t, { clock, manager: { drainTimeoutMs: 5_000, delayedCloseTimeoutMs: 1_000 } });
    const held: (() => void)[] = [];
    proxy.backend.onData = ({ socket }) =>
      void held.push(() => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    const { send, frames, client } = await raw(t, proxy, headers(1, request()));
    await until(() => held.length === 1);
    proxy.plane.startDraining();
    const all: string[] = [];
    await until(() => all.push(...frames()) > 0);
    assert.deepEqual(all.splice(0), ["GOAWAY#0 last=2147483647 code=0"]);
    send(headers(3, request()));
    await until(() => held.length === 2);
    clock.advance(5_000);
    await until(() => all.push(...frames()) > 0);
    assert.deepEqual(all.splice(0), ["GOAWAY#0 last=3 code=0"]);
    for (const answer of held) answer();
    await until(() => all.push(...frames()) >= 2);
    await until(() => proxy.gauge("http.test.downstream_rq_active") === 0);
    assert.equal(client.ended, false);
    clock.advance(1_000);
    await until(() => client.ended);
    await proxy.plane.drained();
  });

  it("when it has been idle for too long, or there for too long: it is drained", async (t) => {
    for (const manager of [{ idleTimeoutMs: 10_000 }, { maxConnectionDurationMs: 10_000 }]) {
      const clock = new FakeClock();
      const proxy = await start(t, { clock, manager: { ...manager, drainTimeoutMs: 1_000 } });
      const { frames, client } = await raw(t, proxy, headers(1, request()));
      const all: string[] = [];
      await until(() => all.push(...frames()) > 0 && all.some((line) => line.startsWith("DATA+ES")));
      await until(() => proxy.gauge("http.test.downstream_rq_active") === 0);
      all.length = 0;
      clock.advance(10_000);
      await until(() => all.push(...frames()) > 0);
      clock.advance(1_000);
      await until(() => all.push(...frames()) > 1);
      assert.deepEqual(all, ["GOAWAY#0 last=2147483647 code=0", "GOAWAY#0 last=1 code=0"]);
      clock.advance(1_000);
      await until(() => client.ended);
    }
  });

  it("after so many requests", async (t) => {
    const proxy = await start(t, { manager: { maxRequestsPerConnection: 2 } });
    const { frames } = await raw(t, proxy, headers(1, request()), headers(3, request()));
    const all: string[] = [];
    await until(() => all.push(...frames()) > 0 && all.filter((line) => line.startsWith("DATA+ES")).length === 2);
    assert.equal(all.filter((line) => line === "GOAWAY#0 last=2147483647 code=0").length, 1);
    assert.equal(proxy.counter("http.test.downstream_cx_max_requests_reached"), 1);
  });

  it("when nobody answers its PINGs", async (t) => {
    const clock = new FakeClock();
    const keepalive = { intervalMs: 1_000, jitterPercent: 0, timeoutMs: 500, idleIntervalMs: 0 };
    const http2 = http2Plan({ keepalive });
    const careful = await start(t, { clock, manager: { http2 } });
    const { frames, client, send } = await raw(t, careful);
    await until(() => careful.gauge("http.test.downstream_cx_http2_active") === 1);
    clock.advance(1_000);
    const all: string[] = [];
    await until(() => all.push(...frames()) > 0);
    assert.match(all[0], /^PING#0/);
    send(frame(6, 1, 0, "\0\0\0\0tull"));
    await until(() => careful.counter("http.test.downstream_cx_rx_bytes_total") > 24 + 9 + 9);
    clock.advance(600);
    assert.equal(client.ended, false);
    clock.advance(400);
    await until(() => all.push(...frames()) > 1);
    clock.advance(500);
    await until(() => client.ended);
    assert.equal(careful.counter("http2.keepalive_timeout"), 1);
  });
});

describe("back-pressure over HTTP/2", () => {
  it("stops an upstream whose client has no window, on that stream alone", async (t) => {
    const proxy = await start(t, { cluster: { bufferLimitBytes: 65_536 } });
    let written = 0;
    proxy.backend.onData = ({ socket, received }) => {
      if (received.startsWith("GET /small")) {
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        return;
      }
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n");
      const chunk = Buffer.alloc(65_536);
      const more = (): void => {
        while (written < 100_000_000) {
          written += chunk.length;
          if (!socket.write(chunk)) return;
        }
      };
      socket.on("drain", more);
      more();
    };
    const { send, frames } = await raw(t, proxy, headers(1, request()));
    await until(() => proxy.gauge("http2.pending_send_bytes") > 1_048_576);
    let before = -1;
    await until(() => {
      const same = before === written;
      before = written;
      return same;
    });
    assert.ok(proxy.gauge("http2.pending_send_bytes") < 2_500_000, String(proxy.gauge("http2.pending_send_bytes")));
    const all: string[] = [];
    frames();
    send(windowUpdate(0, 1_000_000), headers(3, request([], { ":path": "/small" })));
    await until(() => all.push(...frames()) > 0 && all.some((line) => line === "DATA+ES#3 ok"));
    send(resetStream(1, 8));
    await until(() => proxy.gauge("http2.pending_send_bytes") === 0);
  });

  it("gives up on a response that nobody takes", async (t) => {
    const clock = new FakeClock();
    const proxy = await start(t, { clock, manager: { streamIdleTimeoutMs: 5_000 } });
    proxy.backend.onData = ({ socket }) =>
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n${"x".repeat(100_000)}`);
    const { frames } = await raw(t, proxy, headers(1, request()));
    await until(() => proxy.gauge("http.test.downstream_rq_active") === 0 && proxy.backend.requests === 1);
    assert.ok(proxy.gauge("http2.pending_send_bytes") > 0);
    clock.advance(5_100);
    const all: string[] = [];
    await until(() => all.push(...frames()) > 0 && all.some((line) => line.startsWith("RST_STREAM#1")));
    assert.equal(proxy.counter("http2.tx_flush_timeout"), 1);
    assert.equal(proxy.gauge("http2.pending_send_bytes"), 0);
  });
});
