import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { type TestContext, describe, it } from "node:test";
import { type ConnectionOptions, connect } from "node:tls";
import { GET, type Client, connectClient, startBackend, until } from "../support/proxy.ts";
import {
  downstreamTls,
  identity,
  pem,
  statsOf,
  tlsCertificate,
  tlsProxy,
  trusting,
  upstreamTls,
} from "../support/tls.ts";

const SERVER = downstreamTls(
  { tls_certificates: [tlsCertificate("server")], validation_context: trusting("ca") },
  { require_client_certificate: true },
);
const CLIENT = {
  tls_certificates: [tlsCertificate("client")],
  validation_context: trusting("ca", {
    match_typed_subject_alt_names: [
      { san_type: "URI", matcher: { exact: "spiffe://cluster.local/ns/default/sa/server" } },
    ],
  }),
};

/** Two proxies, mTLS between them. */
async function chain(t: TestContext, upstream = upstreamTls(CLIENT), perConnection = 1_000) {
  const backend = await startBackend(t);
  const near = await tlsProxy(t, { backend: backend.port, downstream: SERVER });
  const far = await tlsProxy(t, {
    backend: near.port,
    upstream,
    cluster: { max_requests_per_connection: perConnection },
  });
  return { backend, inbound: near.proxy, outbound: far.proxy, client: () => connectClient(t, far.port) };
}

describe("mutual TLS between two proxies", () => {
  it("carries requests on one connection", async (t) => {
    const { backend, inbound, outbound, client } = await chain(t);
    const one = await client();
    one.send(GET + GET);
    await until(() => one.statuses.length === 2);
    assert.deepEqual(one.statuses, [200, 200]);
    assert.equal(backend.requests, 2);
    assert.ok(backend.received.includes("x-forwarded-proto: http\r\n"));
    const [server, caller] = [await statsOf(inbound), await statsOf(outbound)];
    assert.equal(server.get("listener.l.ssl.handshake"), 1);
    assert.equal(server.get("listener.l.ssl.versions.TLSv1.2"), 1);
    assert.equal(caller.get("cluster.b.ssl.handshake"), 1);
    assert.equal(server.get("proxy_bug_total") ?? 0, 0);
  });

  it("long bodies arrive unchanged both ways", async (t) => {
    const { backend, client } = await chain(t);
    const body = randomBytes(3_000_001);
    const expected = createHash("sha256").update(body).digest("hex");
    backend.onData = (connection) => {
      if (!connection.received.includes(`\r\n\r\n`) || connection.received.length < body.length) return;
      connection.socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`);
      connection.socket.write(body);
    };
    const one = await client();
    one.send(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n`);
    one.socket.write(body);
    await until(() => one.received.length > body.length + 50 && complete(one, body.length));
    assert.equal(sha256(one.received.slice(one.received.indexOf("\r\n\r\n") + 4)), expected);
    assert.equal(sha256(backend.received.slice(backend.received.indexOf("\r\n\r\n") + 4)), expected);
  });

  it("a session is resumed, by ticket and in TLS 1.3 too, and its peer is verified again", async (t) => {
    for (const version of ["TLSv1_2", "TLSv1_3"]) {
      const { outbound, client } = await chain(
        t,
        upstreamTls({ ...CLIENT, tls_params: { tls_maximum_protocol_version: version } }),
        1,
      );
      for (let i = 0; i < 3; i++) {
        const one = await client();
        one.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        await until(() => one.ended);
        assert.deepEqual(one.statuses, [200]);
      }
      const stats = await statsOf(outbound);
      assert.equal(stats.get("cluster.b.ssl.handshake"), 3, version);
      assert.equal(stats.get("cluster.b.ssl.session_reused"), 2, version);
    }
  });
});

/** Nothing that such a client sends reaches the application. */
const WRONG_CLIENTS: readonly (readonly [name: string, counter: string])[] = [
  ["client-expired", "fail_verify_error"],
  ["client-future", "fail_verify_error"],
  ["client-untrusted", "fail_verify_error"],
  ["client-self", "fail_verify_error"],
  ["client-other-domain", "fail_verify_san"],
];

describe("a client that is not who it should be gets nowhere", () => {
  for (const [name, counter] of WRONG_CLIENTS) {
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      it(`${name}, ${maxVersion}`, async (t) => {
        const uri = { san_type: "URI", matcher: { prefix: "spiffe://cluster.local/" } };
        const backend = await startBackend(t);
        const { proxy, port } = await tlsProxy(t, {
          backend: backend.port,
          downstream: downstreamTls(
            {
              tls_certificates: [tlsCertificate("server")],
              validation_context: trusting("ca", { match_typed_subject_alt_names: [uri] }),
            },
            { require_client_certificate: true },
          ),
        });
        const received = await ask(t, port, { ...identity(name), maxVersion });
        assert.equal(received, "");
        assert.equal(backend.connections.length, 0);
        assert.equal((await statsOf(proxy)).get(`listener.l.ssl.${counter}`), 1);
      });
    }
  }

  it("none at all", async (t) => {
    const backend = await startBackend(t);
    const { proxy, port } = await tlsProxy(t, { backend: backend.port, downstream: SERVER });
    assert.equal(await ask(t, port, {}), "");
    assert.equal(backend.connections.length, 0);
    assert.equal((await statsOf(proxy)).get("listener.l.ssl.fail_verify_no_cert"), 1);
  });

  it("CVE-2026-47778: a name that ends with NUL for some", async (t) => {
    const backend = await startBackend(t);
    const matcher = { san_type: "DNS", matcher: { exact: "client.test" } };
    const { port } = await tlsProxy(t, {
      backend: backend.port,
      downstream: downstreamTls(
        {
          tls_certificates: [tlsCertificate("server")],
          validation_context: trusting("ca", { match_typed_subject_alt_names: [matcher] }),
        },
        { require_client_certificate: true },
      ),
    });
    assert.equal(await ask(t, port, identity("client-nul")), "");
    assert.ok((await ask(t, port, identity("client"))).startsWith("HTTP/1.1 200"));
    assert.equal(backend.requests, 1);
  });
});

it("who speaks no TLS gets no answer", async (t) => {
  const backend = await startBackend(t);
  const { proxy, port } = await tlsProxy(t, { backend: backend.port, downstream: SERVER });
  const client = await connectClient(t, port);
  client.send(GET);
  await until(() => client.ended);
  assert.equal(backend.connections.length, 0);
  assert.equal((await statsOf(proxy)).get("listener.l.ssl.connection_error"), 1);
});

it("handshakes are not done again on a connection, and who tries is not served again", async (t) => {
  const backend = await startBackend(t);
  const { proxy, port } = await tlsProxy(t, { backend: backend.port, downstream: SERVER });
  const socket = connect({
    port,
    host: "127.0.0.1",
    rejectUnauthorized: false,
    maxVersion: "TLSv1.2",
    ...identity("client"),
  });
  t.after(() => socket.destroy());
  let received = "";
  socket.on("data", (chunk) => (received += chunk.toString("latin1")));
  socket.on("error", () => {});
  socket.write(GET);
  await until(() => received.includes("200 OK"));
  const renewed = await new Promise<boolean>((resolve) => {
    socket.on("close", () => resolve(false));
    socket.renegotiate({}, (error) => resolve(error === null));
  });
  assert.equal(renewed, false);
  const stats = await statsOf(proxy);
  assert.equal(stats.get("listener.l.ssl.handshake"), 1);
  assert.equal(stats.get("http.in.downstream_cx_http1_total"), 1);
});

async function ask(t: TestContext, port: number, options: ConnectionOptions): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", ca: pem("ca.pem"), rejectUnauthorized: false, ...options });
  t.after(() => socket.destroy());
  let received = "";
  socket.on("data", (chunk) => (received += chunk.toString("latin1")));
  socket.on("error", () => {});
  socket.write("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  await new Promise((resolve) => socket.on("close", resolve));
  return received;
}

function complete(client: Client, length: number): boolean {
  return client.received.length >= client.received.indexOf("\r\n\r\n") + 4 + length;
}

function sha256(latin1: string): string {
  return createHash("sha256").update(latin1, "latin1").digest("hex");
}
