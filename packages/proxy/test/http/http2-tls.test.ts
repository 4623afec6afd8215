import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:http2";
import { describe, it } from "node:test";
import { connect as connectTls } from "node:tls";
import { startBackend, until } from "../support/proxy.ts";
import { downstreamTls, statsOf, tlsCertificate, tlsProxy } from "../support/tls.ts";

const SERVER = downstreamTls({ tls_certificates: [tlsCertificate("server")], alpn_protocols: ["h2", "http/1.1"] });

describe("HTTP/2 over TLS", () => {
  it("is what ALPN has agreed upon, and long bodies arrive unchanged both ways", async (t) => {
    const backend = await startBackend(t);
    const body = randomBytes(2_000_003);
    backend.onData = (connection, chunk) => {
      // What has come is sent back at once.
      if (connection.received.length === chunk.length) {
        connection.socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`);
        connection.socket.write(chunk.subarray(chunk.indexOf("\r\n\r\n") + 4));
      } else connection.socket.write(chunk);
    };
    const { proxy, port } = await tlsProxy(t, { backend: backend.port, downstream: SERVER });
    const client = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    t.after(() => client.destroy());
    await once(client, "connect");
    assert.equal(client.alpnProtocol, "h2");
    const streams = [1, 2].map(() => {
      const stream = client.request({ ":method": "POST", "content-length": String(body.length) });
      stream.end(body);
      return stream;
    });
    for (const stream of streams) {
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      assert.ok(Buffer.concat(chunks).equals(body));
    }
    const stats = await statsOf(proxy);
    assert.equal(stats.get("http.in.downstream_cx_http2_total"), 1);
    assert.equal(stats.get("http2.pending_send_bytes"), 0);
    assert.equal(stats.get("http2.streams_active"), 0);
  });

  it("is not, where the client says http/1.1, whatever its first bytes are", async (t) => {
    const backend = await startBackend(t);
    const { port } = await tlsProxy(t, { backend: backend.port, downstream: SERVER });
    const client = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] });
    t.after(() => client.destroy());
    let received = "";
    client.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
    client.on("error", () => {});
    await once(client, "secureConnect");
    client.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    await until(() => received.startsWith("HTTP/1.1 400"));
  });
});
