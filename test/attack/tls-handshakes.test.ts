/** Handshakes that do not end, are not meant, or are done for their cost: bounded in time, and alone in it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { duplexPair } from "node:stream";
import { connect as connectTls } from "node:tls";
import { describe, it, type TestContext } from "node:test";
import { type Target, startTarget } from "./support/target.ts";

/** Long enough for a good one among a hundred others on a slow machine. */
const HANDSHAKE_MS = 1_500;
const pem = (file: string): string => readFileSync(new URL(`../support/certificates/${file}`, import.meta.url), "utf8");

async function tlsTarget(t: TestContext): Promise<Target> {
  const tls_certificates = [
    { certificate_chain: { inline_string: pem("server.pem") }, private_key: { inline_string: pem("server.key") } },
  ];
  const transport_socket = {
    name: "tls",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
      common_tls_context: { tls_certificates },
    },
  };
  const target = await startTarget(
    {},
    undefined,
    {},
    {},
    {
      transport_socket,
      transport_socket_connect_timeout: `${HANDSHAKE_MS / 1000}s`,
    },
  );
  t.after(() => target.close());
  return target;
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  // RST is how some of them end.
  socket.on("error", () => {});
  socket.resume();
  await once(socket, "connect");
  return socket;
}

/** Without the time-out of these tests none of them would be ended: a machine may take its time. */
async function allEnd(sockets: readonly Socket[]): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!sockets.every((socket) => socket.closed || socket.readableEnded)) {
    assert.ok(performance.now() < deadline, "not all were ended in time");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function assertServesTls({ port, backend }: Target): Promise<void> {
  backend.takeBytes();
  const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
  socket.write("GET /canary HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  assert.match(text, /^HTTP\/1\.1 200 /);
  assert.equal(backend.take().length, 1);
}

/** The first flight of a client that then says nothing. */
function hello(): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const [near, far] = duplexPair();
    far.once("data", (bytes: Buffer) => {
      resolve(bytes);
      near.destroy();
    });
    connectTls({ socket: near, servername: "server.test" }).on("error", reject);
  });
}

describe("TLS handshakes that never end", () => {
  for (const [name, bytes] of Object.entries({
    nothing: async () => Buffer.alloc(0),
    "half a hello": async () => (await hello()).subarray(0, 60),
    "a whole hello, and no answer to ours": hello,
    "a hello and garbage": async () => Buffer.concat([await hello(), Buffer.alloc(300, 0x17)]),
  })) {
    it(`slow clients, idle TLS handshake: 100 that say ${name} are closed in time, and others are served meanwhile`, async (t) => {
      const target = await tlsTarget(t);
      const said = await bytes();
      const sockets = await Promise.all(Array.from({ length: 100 }, () => open(target.port)));
      for (const socket of sockets) socket.write(said);
      await assertServesTls(target);
      await allEnd(sockets);
      await assertServesTls(target);
    });
  }

  it("slow clients, idle TLS handshake: a byte now and then does not put the end off", async (t) => {
    const target = await tlsTarget(t);
    const socket = await open(target.port);
    const bytes = await hello();
    let said = 0;
    for (; said < bytes.length && !socket.closed && !socket.readableEnded; said++) {
      socket.write(bytes.subarray(said, said + 1));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.ok(said < bytes.length, "it was ended while it still had something to say");
    await assertServesTls(target);
  });

  it("slow clients, idle TLS handshake: one that has ended is not counted as idle", async (t) => {
    const target = await tlsTarget(t);
    const socket = connectTls({ port: target.port, host: "127.0.0.1", rejectUnauthorized: false });
    await once(socket, "secureConnect");
    await new Promise((resolve) => setTimeout(resolve, 2 * HANDSHAKE_MS));
    assert.equal(socket.readableEnded, false);
    socket.destroy();
  });
});
