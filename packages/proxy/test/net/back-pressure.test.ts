import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GET, startProxy, until } from "../support/proxy.ts";

const MIB = 1_048_576;
const SIZE = 48 * MIB;

/** What one side may have taken from the other while nobody reads: our watermarks, plus what the kernel holds. */
const BOUND = 24 * MIB;

describe("back-pressure", () => {
  it(
    "a client that does not read stops the upstream, and gets every byte once it reads",
    { timeout: 120_000 },
    async (t) => {
      const proxy = await startProxy(t, { action: { timeoutMs: 0 } });
      let sent = 0;
      proxy.backend.onData = ({ socket }) => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${SIZE}\r\n\r\n`);
        const pump = (): void => {
          while (sent < SIZE) {
            sent += MIB;
            if (!socket.write(Buffer.alloc(MIB, sent / MIB))) {
              socket.once("drain", pump);
              return;
            }
          }
        };
        pump();
      };
      const client = await proxy.client(t);
      client.socket.removeAllListeners("data");
      client.socket.pause();
      client.send(GET);
      await until(() => proxy.counter("cluster.b.upstream_flow_control_paused_reading_total") > 0);
      const stuck = await settled(() => sent - (proxy.backend.connections[0]?.socket.writableLength ?? 0));
      assert.ok(stuck < BOUND, `${stuck} bytes were taken from the upstream while nobody read`);
      let received = 0;
      const seen = new Set<number>();
      client.socket.on("data", (chunk: Buffer) => {
        received += chunk.length;
        seen.add(chunk[chunk.length - 1]);
      });
      client.socket.resume();
      await until(
        () => received >= SIZE,
        () => String(received),
        30_000,
      );
      assert.ok(seen.has(SIZE / MIB), "the last mebibyte is the last");
      await until(() => proxy.gauge("http.test.downstream_rq_active") === 0);
    },
  );

  it(
    "an upstream that does not read stops the client, and gets every byte once it reads",
    { timeout: 120_000 },
    async (t) => {
      const proxy = await startProxy(t, { action: { timeoutMs: 0 } });
      let received = 0;
      let last = -1;
      let paused = false;
      proxy.backend.onData = ({ socket }, chunk) => {
        received += chunk.length;
        last = chunk[chunk.length - 1];
        if (!paused) {
          paused = true;
          socket.pause();
        }
      };
      const client = await proxy.client(t);
      client.send(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${SIZE}\r\n\r\n`);
      await until(() => paused);
      const { socket } = client;
      for (let sent = 0; sent < SIZE; sent += MIB) socket.write(Buffer.alloc(MIB, sent / MIB));
      const taken = await settled(() => SIZE - socket.writableLength);
      assert.ok(taken < BOUND, `${taken} bytes were taken from the client while nobody read`);
      const connection = proxy.backend.connections[0];
      // The transcript that the backend keeps would only cost memory here.
      connection.socket.removeAllListeners("data");
      connection.socket.on("data", (chunk: Buffer) => proxy.backend.onData(connection, chunk));
      connection.socket.resume();
      await until(
        () => received >= SIZE,
        () => String(received),
        30_000,
      );
      assert.equal(last, SIZE / MIB - 1);
    },
  );

  it("a tunnel carries bytes both ways at once, no faster than they are taken", { timeout: 120_000 }, async (t) => {
    const proxy = await startProxy(t, {
      action: { tunnels: "connect" },
      manager: { upgrades: new Map([["connect", true]]) },
    });
    let arrived = 0;
    proxy.backend.onData = ({ socket }, chunk) => {
      if (arrived === 0) {
        // Bytes for a client that reads nothing for now.
        for (let sent = 0; sent < SIZE; sent += MIB) socket.write(Buffer.alloc(MIB, 1));
      }
      arrived += chunk.length;
    };
    const client = await proxy.client(t);
    const { socket } = client;
    client.send("CONNECT b:1 HTTP/1.1\r\nHost: b:1\r\n\r\n");
    await until(() => client.received.includes("200 OK"));
    socket.removeAllListeners("data");
    socket.pause();
    for (let sent = 0; sent < SIZE; sent += MIB) socket.write(Buffer.alloc(MIB, 2));
    const backend = (): number => proxy.backend.connections[0].socket.writableLength;
    await until(() => arrived > 0);
    const taken = await settled(() => SIZE - backend());
    assert.ok(taken < BOUND, `${taken} bytes were taken from the upstream while nobody read`);
    // A client that is not read from has stopped, too: as with any exchange, what it cannot be answered it is not asked.
    let received = 0;
    socket.on("data", (chunk: Buffer) => (received += chunk.length));
    socket.resume();
    await until(
      () => received >= SIZE && arrived >= SIZE,
      () => `${received} and ${arrived}`,
      30_000,
    );
  });

  it("a body of many small chunks arrives unchanged through slow and fast phases", { timeout: 120_000 }, async (t) => {
    const proxy = await startProxy(t);
    const parts = Array.from({ length: 400 }, (_, i) =>
      String.fromCharCode(97 + (i % 26)).repeat(1 + ((i * 7919) % 9_000)),
    );
    proxy.backend.onData = ({ socket }) => {
      socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
      for (const part of parts) socket.write(`${part.length.toString(16)}\r\n${part}\r\n`);
      socket.write("0\r\n\r\n");
    };
    const client = await proxy.client(t);
    client.send(GET);
    await until(() => client.received.endsWith("\r\n0\r\n\r\n"));
    let body = client.received.slice(client.received.indexOf("\r\n\r\n") + 4);
    let decoded = "";
    for (;;) {
      const end = body.indexOf("\r\n");
      const size = Number.parseInt(body.slice(0, end), 16);
      if (size === 0) break;
      decoded += body.slice(end + 2, end + 2 + size);
      body = body.slice(end + 4 + size);
    }
    assert.equal(decoded, parts.join(""));
  });
});

/** The value once it has not changed for 150 ms. */
async function settled(value: () => number): Promise<number> {
  let before = -1;
  let since = performance.now();
  const deadline = since + 10_000;
  while (performance.now() - since < 150 && performance.now() < deadline) {
    const now = value();
    if (now !== before) {
      before = now;
      since = performance.now();
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return before;
}
