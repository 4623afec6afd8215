/** Where a listener takes connections. */
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { GET, connectClient, startProxy, until } from "../support/proxy.ts";

test("additional addresses are listened at as well, over IPv4 and IPv6 at one port", async (t) => {
  const free = createServer().listen(0, "127.0.0.1");
  await once(free, "listening");
  const { port } = free.address() as { port: number };
  free.close();
  await once(free, "close");
  const listener = { address: "0.0.0.0", port, additionalAddresses: [{ address: "::", port }] };
  const proxy = await startProxy(t, { listener });
  for (const host of ["127.0.0.1", "::1"]) {
    const socket = connect({ port, host, allowHalfOpen: true });
    t.after(() => socket.destroy());
    let received = "";
    socket.on("data", (chunk: Buffer) => (received += chunk.toString()));
    socket.write(GET);
    await until(() => received.includes("200 OK"));
  }
  assert.equal(proxy.backend.requests, 2);
});

test("if one address cannot be had, none is kept", async (t) => {
  const taken = createServer().listen(0, "127.0.0.2");
  await once(taken, "listening");
  t.after(() => taken.close());
  const { port } = taken.address() as { port: number };
  const listener = { address: "127.0.0.1", port, additionalAddresses: [{ address: "127.0.0.2", port }] };
  await assert.rejects(startProxy(t, { listener }), { code: "EADDRINUSE" });
  await assert.rejects(connectClient(t, port), { code: "ECONNREFUSED" });
});

test("an IPv6 address takes no IPv4", async (t) => {
  const proxy = await startProxy(t, { listener: { address: "::", port: 0 } });
  await assert.rejects(connectClient(t, proxy.port), { code: "ECONNREFUSED" });
});
