/** `upstream_bind_config`: where connections to endpoints come from. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bindAddressFor } from "../../src/upstream/bind-address.ts";
import { GET, startProxy, until } from "../support/proxy.ts";

test("connections come from the cluster's source address", async (t) => {
  const proxy = await startProxy(t, { cluster: { bindAddresses: ["127.0.0.6"] } });
  const client = await proxy.client(t);
  client.send(GET);
  await until(() => client.statuses.length === 1);
  assert.deepEqual(
    proxy.backend.connections.map(({ socket }) => socket.remoteAddress),
    ["127.0.0.6"],
  );
});

test("the source is the one of the endpoint's family, else the first", () => {
  assert.equal(bindAddressFor([], "10.0.0.1"), undefined);
  assert.equal(bindAddressFor(["127.0.0.6"], "10.0.0.1"), "127.0.0.6");
  assert.equal(bindAddressFor(["127.0.0.6", "::6"], "10.0.0.1"), "127.0.0.6");
  assert.equal(bindAddressFor(["127.0.0.6", "::6"], "fd00::1"), "::6");
  assert.equal(bindAddressFor(["127.0.0.6"], "fd00::1"), "127.0.0.6");
});
