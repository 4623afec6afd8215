/** Where a listener takes connections. */
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { GET, startProxy, until } from "../support/proxy.ts";

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
  // Addresses that no other program on this machine has ports of.
  const [first, second] = ["127.77.0.1", "127.77.0.2"];
  const taken = createServer().listen(0, second);
  await once(taken, "listening");
  t.after(() => taken.close());
  const { port } = taken.address() as { port: number };
  const listener = { address: first, port, additionalAddresses: [{ address: second, port }] };
  await assert.rejects(startProxy(t, { listener }), { code: "EADDRINUSE" });
  await assert.rejects(once(connect({ port, host: first }), "connect"), { code: "ECONNREFUSED" });
});

test("an IPv6 address takes no IPv4", async (t) => {
  const proxy = await startProxy(t, { listener: { address: "::", port: 0 } });
  // Refused, unless another program has this port of IPv4.
  const stranger = connect({ port: proxy.port, host: "127.0.0.1" });
  t.after(() => stranger.destroy());
  await Promise.race([once(stranger, "connect"), once(stranger, "close")]).catch(() => undefined);
  const socket = connect({ port: proxy.port, host: "::1" });
  t.after(() => socket.destroy());
  let received = "";
  socket.on("data", (chunk: Buffer) => (received += chunk.toString()));
  socket.write(GET);
  await until(() => received.includes("200 OK"));
  assert.equal(proxy.counter("http.test.downstream_cx_total"), 1);
});
