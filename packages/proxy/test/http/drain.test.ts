import assert from "node:assert/strict";
import { connect } from "node:net";
import { once } from "node:events";
import { describe, it } from "node:test";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import { listenerPlan, managerChain, managerOf } from "../support/plans.ts";
import { GET, OK, startProxy, until } from "../support/proxy.ts";

describe("draining", () => {
  it("finishes what is going on, says connection: close, and takes no new connection", async (t) => {
    const clock = new FakeClock();
    const proxy = await startProxy(t, { clock });
    const held: (() => void)[] = [];
    proxy.backend.onData = (connection) => void held.push(() => connection.socket.write(OK));
    const [busy, idle] = [await proxy.client(t), await proxy.client(t)];
    busy.send(GET);
    await until(() => held.length === 1);
    await until(() => proxy.gauge("http.test.downstream_cx_active") === 2);
    proxy.plane.startDraining();
    const late = connect({ port: proxy.port, host: "127.0.0.1" });
    const [error] = (await once(late, "error")) as [NodeJS.ErrnoException];
    assert.equal(error.code, "ECONNREFUSED");
    held[0]();
    await until(() => busy.ended);
    assert.match(busy.received, /^HTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n\r\nhi$/);
    // The request that an idle keep-alive connection had on its way is answered.
    idle.send(GET);
    await until(() => held.length === 2);
    held[1]();
    await until(() => idle.ended);
    assert.deepEqual(idle.statuses, [200]);
    await proxy.plane.drained();
  });

  it("closes idle connections after the drain timeout", async (t) => {
    const clock = new FakeClock();
    const proxy = await startProxy(t, { clock, manager: { drainTimeoutMs: 3_000 } });
    const idle = await proxy.client(t);
    await until(() => proxy.gauge("http.test.downstream_cx_active") === 1);
    proxy.plane.startDraining();
    let drained = false;
    const done = proxy.plane.drained().then(() => {
      drained = true;
    });
    clock.advance(2_900);
    assert.equal(drained, false);
    clock.advance(200);
    await done;
    await until(() => idle.ended);
  });

  it("a removed listener drains while another serves", async (t) => {
    const proxy = await startProxy(t);
    const held: (() => void)[] = [];
    proxy.backend.onData = (connection) => void held.push(() => connection.socket.write(OK));
    const [listener] = proxy.plane.listeners();
    const other = await proxy.plane.setListener(listenerPlan("other", managerOf(listener.plan)));
    const client = await proxy.client(t);
    client.send(GET);
    await until(() => held.length === 1);
    proxy.plane.removeListener("l");
    held[0]();
    await until(() => client.ended);
    assert.match(client.received, /connection: close/);
    const again = connect({ port: other.port, host: "127.0.0.1" });
    await once(again, "connect");
    again.destroy();
    assert.equal([...proxy.plane.listeners()].length, 1);
  });

  it("an updated listener keeps its socket; connections of the chains that have changed drain", async (t) => {
    const proxy = await startProxy(t);
    const client = await proxy.client(t);
    client.send(GET);
    await until(() => client.statuses.length === 1);
    const [listener] = proxy.plane.listeners();
    const changed = { ...managerOf(listener.plan), serverName: "new" };
    const bound = await proxy.plane.setListener(listenerPlan("l", changed));
    assert.equal(bound.port, proxy.port);
    const fresh = await proxy.client(t);
    fresh.send(GET);
    await until(() => fresh.statuses.length === 1);
    assert.match(fresh.received, /server: new/);
    assert.doesNotMatch(fresh.received, /connection: close/);
    client.send(GET);
    await until(() => client.ended);
    assert.match(client.received, /server: envoy[^]*server: envoy[^]*connection: close/);
    assert.equal([...proxy.plane.listeners()][0].connectionCount, 1);
  });

  it("chains that stay as they are keep their connections, unless something of the listener itself changes", async (t) => {
    const proxy = await startProxy(t);
    const client = await proxy.client(t);
    client.send(GET);
    await until(() => client.statuses.length === 1);
    const [listener] = proxy.plane.listeners();
    const [chain] = listener.plan.chains;
    const added = managerChain(managerOf(listener.plan));
    await proxy.plane.setListener({ ...listener.plan, chains: [chain, added], fingerprint: "with another" });
    client.send(GET);
    await until(() => client.statuses.length === 2);
    assert.doesNotMatch(client.received, /connection: close/);
    await proxy.plane.setListener({ ...listener.plan, ownFingerprint: "changed", fingerprint: "changed" });
    client.send(GET);
    await until(() => client.ended);
    assert.match(client.received, /connection: close/);
  });

  it("a listener whose port is taken is refused, and what was there stays", async (t) => {
    const proxy = await startProxy(t);
    const [listener] = proxy.plane.listeners();
    await assert.rejects(
      proxy.plane.setListener(listenerPlan("twin", managerOf(listener.plan), { port: proxy.port })),
      { code: "EADDRINUSE" },
    );
    const client = await proxy.client(t);
    client.send(GET);
    await until(() => client.statuses[0] === 200);
  });
});
