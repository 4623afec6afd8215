import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { canRewrap } from "../../src/net/accepted-socket.ts";
import { GET, startProxy, until } from "../support/proxy.ts";

const SIZE = 3_000_001;

describe("sockets", () => {
  it("the self-test passes on this runtime", async () => {
    assert.equal(await canRewrap(), true);
  });

  for (const readIntoBuffers of [true, false]) {
    describe(readIntoBuffers ? "reading into buffers" : "reading by events", () => {
      it("requests and responses pass", async (t) => {
        const proxy = await startProxy(t, { readIntoBuffers });
        const client = await proxy.client(t);
        client.send(GET + GET);
        await until(() => client.statuses.length === 2);
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
        await until(() => client.statuses.length === 3);
        assert.ok(proxy.backend.received.endsWith("5\r\nhello\r\n0\r\n\r\n"));
      });

      it("a long response arrives unchanged, and the next one too", async (t) => {
        const proxy = await startProxy(t, { readIntoBuffers });
        const body = randomBytes(SIZE);
        proxy.backend.onData = ({ socket }) => {
          socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${SIZE}\r\n\r\n`);
          socket.write(body);
        };
        const client = await proxy.client(t);
        const expected = hash(body);
        for (let i = 0; i < 3; i++) {
          client.received = "";
          client.send(GET);
          await until(() => client.received.length >= SIZE + 100 || endsComplete(client.received));
          const start = client.received.indexOf("\r\n\r\n") + 4;
          assert.equal(hash(Buffer.from(client.received.slice(start), "latin1")), expected);
        }
        assert.equal(proxy.backend.connections.length, 1);
      });

      it("a long request arrives unchanged, sized and chunked", async (t) => {
        const proxy = await startProxy(t, { readIntoBuffers });
        const body = randomBytes(SIZE);
        const expected = hash(body);
        proxy.backend.onData = (connection) => {
          const { received } = connection;
          const sized = received.includes("content-length: ") && received.endsWith(body.toString("latin1", SIZE - 50));
          if (sized || received.endsWith("\r\n0\r\n\r\n"))
            connection.socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        };
        const client = await proxy.client(t);
        client.send(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${SIZE}\r\n\r\n`);
        client.socket.write(body);
        await until(() => client.statuses.length === 1);
        const [connection] = proxy.backend.connections;
        assert.equal(hash(Buffer.from(connection.received.slice(-SIZE), "latin1")), expected);
        connection.received = "";
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (let at = 0; at < SIZE; at += 200_000) {
          const piece = body.subarray(at, at + 200_000);
          client.send(`${piece.length.toString(16)}\r\n`);
          client.socket.write(piece);
          client.send("\r\n");
        }
        client.send("0\r\n\r\n");
        await until(() => client.statuses.length === 2);
        assert.equal(hash(Buffer.from(unchunked(connection.received), "latin1")), expected);
      });
    });
  }
});

function hash(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function endsComplete(received: string): boolean {
  const start = received.indexOf("\r\n\r\n");
  return start >= 0 && received.length - start - 4 >= SIZE;
}

function unchunked(message: string): string {
  let at = message.indexOf("\r\n\r\n") + 4;
  let body = "";
  for (;;) {
    const line = message.indexOf("\r\n", at);
    const size = Number.parseInt(message.slice(at, line), 16);
    if (size === 0) return body;
    body += message.slice(line + 2, line + 2 + size);
    at = line + 4 + size;
  }
}
