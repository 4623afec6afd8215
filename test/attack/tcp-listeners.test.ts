/** Connections that never say enough, or say too much before anybody knows what they are: bounded in time and memory, and alone in it. */
import assert from "node:assert/strict";
import { type Socket, connect } from "node:net";
import { once } from "node:events";
import { describe, it, type TestContext } from "node:test";
import { type Target, startTarget } from "./support/target.ts";

const EXTENSIONS = "type.googleapis.com/envoy.extensions.filters";

function listenerFilter(folder: string, message: string): object {
  return { name: folder, typed_config: { "@type": `${EXTENSIONS}.listener.${folder}.v3.${message}` } };
}

const TLS_INSPECTOR = listenerFilter("tls_inspector", "TlsInspector");
const PROXY_PROTOCOL = listenerFilter("proxy_protocol", "ProxyProtocol");

function tcpTo(cluster: string, fields: object = {}): object {
  const typed_config = { "@type": `${EXTENSIONS}.network.tcp_proxy.v3.TcpProxy`, stat_prefix: "t", cluster, ...fields };
  return { filters: [{ name: "tcp", typed_config }] };
}

async function target(t: TestContext, listener: object): Promise<Target> {
  const started = await startTarget({}, undefined, {}, { listener_filters_timeout: "0.4s", ...listener });
  t.after(() => started.close());
  return started;
}

async function open(port: number, bytes = ""): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  // RST is how some of them end.
  socket.on("error", () => {});
  socket.resume();
  await once(socket, "connect");
  if (bytes !== "") socket.write(bytes, "latin1");
  return socket;
}

async function allEnd(sockets: readonly Socket[], ms = 30_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!sockets.every((socket) => socket.closed || socket.readableEnded)) {
    assert.ok(performance.now() < deadline, "not all were ended in time");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("listeners that look at what comes", () => {
  for (const [name, bytes] of [
    ["nothing", ""],
    ["half a TLS hello", "\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03"],
    ["an empty record now and then", "\x16\x03\x01\x00\x00"],
  ] as const) {
    it(`slow clients, idle TLS handshake: 200 that say ${name} are closed in time`, async (t) => {
      const { port, backend } = await target(t, { listener_filters: [TLS_INSPECTOR] });
      await allEnd(await Promise.all(Array.from({ length: 200 }, () => open(port, bytes))));
      assert.equal(backend.takeBytes(), "");
    });
  }

  it("amplification: a hello that says it goes on for ever is given up at 16 KiB", async (t) => {
    const { port } = await target(t, { listener_filters: [TLS_INSPECTOR], listener_filters_timeout: "0s" });
    const socket = await open(port, "\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03");
    for (let i = 0; i < 17 && !socket.closed; i++) {
      socket.write("\x00".repeat(1_024));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await allEnd([socket]);
  });

  it("amplification: records of one byte cost no more than their number", async (t) => {
    const { port } = await target(t, { listener_filters: [TLS_INSPECTOR], listener_filters_timeout: "0s" });
    const began = process.cpuUsage();
    const socket = await open(port, "\x16\x03\x01\x00\x01\x01\x16\x03\x01\x00\x01\x00\x16\x03\x01\x00\x02\x3f\xff");
    for (let i = 0; i < 4_000 && !socket.closed; i++) socket.write("\x16\x03\x01\x00\x01\x00", "latin1");
    await allEnd([socket]);
    const { user, system } = process.cpuUsage(began);
    assert.ok((user + system) / 1e6 < 4, `${(user + system) / 1e6} s of CPU`);
  });

  it("a PROXY header that does not end is given up at its longest", async (t) => {
    const { port, backend } = await target(t, { listener_filters: [PROXY_PROTOCOL], listener_filters_timeout: "0s" });
    await allEnd([await open(port, `PROXY TCP4 ${"1".repeat(200)}`)]);
    assert.equal(backend.takeBytes(), "");
  });

  it("smuggling: what follows a refused PROXY header is no request", async (t) => {
    const { port, backend } = await target(t, { listener_filters: [PROXY_PROTOCOL] });
    await allEnd([await open(port, "PROXY TCP4 a b 1 2\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n")]);
    assert.equal(backend.takeBytes(), "");
  });

  it("CVE-2026-47778 class: a name with a NUL in it is no server name", async (t) => {
    const named = { ...tcpTo("b"), filter_chain_match: { server_names: ["a.test"] } };
    const { port, backend } = await target(t, { listener_filters: [TLS_INSPECTOR], filter_chains: [named] });
    const name = "a.test\0.evil";
    const extension = `\0\0\0${String.fromCharCode(name.length + 5)}\0${String.fromCharCode(name.length + 3)}\0\0${String.fromCharCode(name.length)}${name}`;
    const body = `\x03\x03${"r".repeat(32)}\0\0\x02\xc0\x2b\x01\0\0${String.fromCharCode(extension.length)}${extension}`;
    const hello = `\x16\x03\x01\0${String.fromCharCode(body.length + 4)}\x01\0\0${String.fromCharCode(body.length)}${body}`;
    await allEnd([await open(port, hello)]);
    assert.equal(backend.takeBytes(), "");
  });

  it("half-close and hold: 200 that have said their last word end with the idle timeout", async (t) => {
    const { port } = await target(t, { filter_chains: [tcpTo("b", { idle_timeout: "0.4s" })] });
    const sockets = await Promise.all(Array.from({ length: 200 }, () => open(port, "x")));
    for (const socket of sockets) socket.end();
    await allEnd(sockets);
  });
});
