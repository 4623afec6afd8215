/** A proxy that forwards where requests say does not forward to itself (docs/decisions/0032). */
import { DNS_CACHE } from "../support/plans.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { localAddress } from "../../src/net/local-address.ts";
import { reachesOwnPort } from "../../src/net/own-ports.ts";
import { startProxy, until } from "../support/proxy.ts";

test("whose port it is depends on where it is bound", () => {
  const loopback = [{ address: "127.0.0.1", port: 80 }];
  assert.ok(reachesOwnPort("127.0.0.1", 80, loopback));
  assert.ok(reachesOwnPort("::ffff:127.0.0.1", 80, loopback));
  assert.ok(reachesOwnPort("0.0.0.0", 80, loopback), "no address in particular is this machine");
  assert.ok(!reachesOwnPort("127.0.0.1", 81, loopback));
  assert.ok(!reachesOwnPort("192.0.2.1", 80, loopback));
  const everywhere = [{ address: "0.0.0.0", port: 80 }];
  assert.ok(reachesOwnPort("127.0.0.2", 80, everywhere));
  assert.ok(reachesOwnPort(localAddress(), 80, everywhere));
  assert.ok(!reachesOwnPort("192.0.2.1", 80, everywhere));
});

test("a request that names the proxy's own listener is refused, under whatever name; others pass", async (t) => {
  const proxy = await startProxy(t, {
    cluster: { discovery: "forwarding", balancer: { policy: "forwarding", cache: DNS_CACHE } },
  });
  const { port, backend } = proxy;
  for (const [host, status] of [
    [`127.0.0.1:${port}`, 503],
    [`localhost:${port}`, 503],
    [`0.0.0.0:${port}`, 503],
    [`127.0.0.1:${backend.port}`, 200],
  ] as const) {
    const client = await proxy.client(t);
    client.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await until(() => client.statuses.length === 1);
    assert.equal(client.statuses[0], status, host);
  }
  assert.equal(proxy.counter("http.test.downstream_rq_total"), 4);
  proxy.plane.reservePort({ address: "127.0.0.1", port: backend.port });
  const client = await proxy.client(t);
  client.send(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${backend.port}\r\n\r\n`);
  await until(() => client.statuses.length === 1);
  assert.equal(client.statuses[0], 503, "the admin endpoint's");
});
