import assert from "node:assert/strict";
import { Socket } from "node:net";
import { describe, it } from "node:test";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import { clusterPlan, endpoint, limits } from "../support/plans.ts";
import { GET, OK, startBackend, startProxy, until } from "../support/proxy.ts";

const BODY_OF_RESET = "upstream connect error or disconnect/reset before headers. reset reason: ";

describe("the connection pool", () => {
  it("opens a connection for each request at a time, and reuses the last one used", async (t) => {
    const proxy = await startProxy(t);
    const held: (() => void)[] = [];
    proxy.backend.onData = (connection) => void held.push(() => connection.socket.write(OK));
    const [a, b] = [await proxy.client(t), await proxy.client(t)];
    a.send(GET);
    await until(() => held.length === 1);
    b.send(GET);
    await until(() => held.length === 2);
    assert.equal(proxy.backend.connections.length, 2);
    held[0]();
    await until(() => a.statuses.length === 1);
    held[1]();
    await until(() => b.statuses.length === 1);
    const before = proxy.backend.connections.map((connection) => connection.received.length);
    a.send(GET);
    await until(() => held.length === 3);
    assert.equal(proxy.backend.connections[0].received.length, before[0]);
    assert.ok(proxy.backend.connections[1].received.length > before[1], "the second was used last");
  });

  it("queues requests beyond the connection limit, and refuses them beyond the queue limit", async (t) => {
    const proxy = await startProxy(t, {
      cluster: limits({ maxConnections: 1, maxPendingRequests: 1, maxRequests: 1024 }),
    });
    const held: (() => void)[] = [];
    proxy.backend.onData = (connection) => void held.push(() => connection.socket.write(OK));
    const clients = [await proxy.client(t), await proxy.client(t), await proxy.client(t)];
    clients[0].send(GET);
    await until(() => held.length === 1);
    clients[1].send(GET);
    await until(() => proxy.gauge("cluster.b.upstream_rq_pending_active") === 1);
    clients[2].send(GET);
    await until(() => clients[2].statuses[0] === 503);
    assert.match(clients[2].received, /\r\nx-envoy-overloaded: true\r\n/);
    assert.ok(clients[2].received.endsWith(`${BODY_OF_RESET}overflow`));
    held[0]();
    await until(() => held.length === 2);
    held[1]();
    await until(() => clients[1].statuses[0] === 200);
    assert.equal(proxy.backend.connections.length, 1);
    assert.equal(proxy.counter("cluster.b.upstream_rq_pending_overflow"), 1);
    assert.ok(proxy.counter("cluster.b.upstream_cx_overflow") >= 1);
  });

  it("refuses requests beyond max_requests", async (t) => {
    const proxy = await startProxy(t, {
      cluster: limits({ maxConnections: 9, maxPendingRequests: 9, maxRequests: 1 }),
    });
    proxy.backend.onData = () => {};
    const [a, b] = [await proxy.client(t), await proxy.client(t)];
    a.send(GET);
    await until(() => proxy.backend.requests === 1);
    b.send(GET);
    await until(() => b.statuses[0] === 503);
    assert.equal(proxy.counter("cluster.b.upstream_rq_active_overflow"), 1);
  });

  it("takes a request out of the queue when its client goes", async (t) => {
    const proxy = await startProxy(t, {
      cluster: limits({ maxConnections: 1, maxPendingRequests: 9, maxRequests: 9 }),
    });
    const held: (() => void)[] = [];
    proxy.backend.onData = (connection) => void held.push(() => connection.socket.write(OK));
    const [a, b] = [await proxy.client(t), await proxy.client(t)];
    a.send(GET);
    await until(() => held.length === 1);
    b.send(GET);
    await until(() => proxy.gauge("cluster.b.upstream_rq_pending_active") === 1);
    b.socket.destroy();
    await until(() => proxy.gauge("cluster.b.upstream_rq_pending_active") === 0);
    held[0]();
    await until(() => a.statuses.length === 1);
    assert.equal(proxy.backend.requests, 1);
  });

  it("answers 503 UF when the upstream refuses", async (t) => {
    const proxy = await startProxy(t);
    proxy.plane.setEndpoints("b", [endpoint(1)]);
    const client = await proxy.client(t);
    client.send(GET);
    await until(() => client.statuses.length === 1);
    assert.ok(client.received.endsWith(`${BODY_OF_RESET}remote connection failure`));
    assert.equal(proxy.counter("cluster.b.upstream_cx_connect_fail"), 1);
    assert.equal(proxy.gauge("cluster.b.upstream_cx_active"), 0);
  });

  it("answers 503 UF when the upstream does not answer the connect, all that wait for it together", async (t) => {
    const clock = new FakeClock();
    const proxy = await startProxy(t, { clock, cluster: { connectTimeoutMs: 1_000 } });
    (proxy.plane as unknown as { net: { connect: () => Socket } }).net.connect = () => new Socket();
    const clients = [await proxy.client(t), await proxy.client(t)];
    for (const client of clients) client.send(GET);
    await until(() => proxy.gauge("cluster.b.upstream_rq_pending_active") === 2);
    clock.advance(1_020);
    for (const client of clients) await until(() => client.received.endsWith(`${BODY_OF_RESET}connection timeout`));
    assert.ok(proxy.counter("cluster.b.upstream_cx_connect_timeout") >= 1);
    await until(() => proxy.gauge("cluster.b.upstream_cx_active") === 0);
  });

  it("answers 503 UH when there is no host, or no healthy one and no panic", async (t) => {
    const proxy = await startProxy(t, { cluster: { healthyPanicThreshold: 0 } });
    const client = await proxy.client(t);
    proxy.plane.setEndpoints("b", [endpoint(proxy.backend.port, { health: "unhealthy" })]);
    client.send(GET);
    await until(() => client.received.endsWith("no healthy upstream"));
    proxy.plane.setEndpoints("b", []);
    client.send(GET);
    await until(() => client.statuses.length === 2);
    assert.deepEqual(client.statuses, [503, 503]);
  });

  it("uses unhealthy hosts in panic", async (t) => {
    const proxy = await startProxy(t);
    proxy.plane.setEndpoints("b", [endpoint(proxy.backend.port, { health: "unhealthy" })]);
    const client = await proxy.client(t);
    client.send(GET);
    await until(() => client.statuses[0] === 200);
    assert.equal(proxy.counter("cluster.b.lb_healthy_panic"), 1);
  });

  it("closes an idle connection on which bytes come, and one that the upstream closes", async (t) => {
    const proxy = await startProxy(t);
    const client = await proxy.client(t);
    client.send(GET);
    await until(() => client.statuses.length === 1);
    proxy.backend.connections[0].socket.write("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison");
    await until(() => proxy.gauge("cluster.b.upstream_cx_active") === 0);
    client.send(GET);
    await until(() => client.statuses.length === 2);
    proxy.backend.connections[1].socket.end();
    await until(() => proxy.gauge("cluster.b.upstream_cx_active") === 0);
    client.send(GET);
    await until(() => client.statuses.length === 3);
    assert.deepEqual(client.statuses, [200, 200, 200]);
    assert.equal(client.received.includes("poison"), false);
    assert.equal(proxy.backend.connections.length, 3);
  });

  it("closes connections after max requests and after the idle timeout", async (t) => {
    const clock = new FakeClock();
    const proxy = await startProxy(t, { clock, cluster: { maxRequestsPerConnection: 2, idleTimeoutMs: 10_000 } });
    const client = await proxy.client(t);
    for (let i = 1; i <= 3; i++) {
      client.send(GET);
      await until(() => client.statuses.length === i);
    }
    assert.equal(proxy.backend.connections.length, 2);
    assert.equal(proxy.counter("cluster.b.upstream_cx_max_requests"), 1);
    clock.advance(10_100);
    await until(() => proxy.gauge("cluster.b.upstream_cx_active") === 0);
    assert.equal(proxy.counter("cluster.b.upstream_cx_idle_timeout"), 1);
  });

  it("does not try again and again, ahead of need, to connect to a host that refuses", async (t) => {
    const proxy = await startProxy(t, { cluster: { preconnect: { perHost: 3, predictive: 1 } } });
    const held: (() => void)[] = [];
    proxy.backend.onData = (connection) => void held.push(() => connection.socket.write(OK));
    const client = await proxy.client(t);
    client.send(GET);
    await until(() => held.length === 1 && proxy.gauge("cluster.b.upstream_cx_active") === 3);
    proxy.backend.refuse();
    for (const { socket, received } of proxy.backend.connections) if (received.length === 0) socket.destroy();
    await until(() => proxy.gauge("cluster.b.upstream_cx_active") === 1);
    const other = await proxy.client(t);
    other.send(GET);
    await until(() => other.statuses.length === 1);
    assert.deepEqual(other.statuses, [503]);
    const failed = proxy.counter("cluster.b.upstream_cx_connect_fail");
    assert.ok(failed > 0 && failed <= 3, `${failed} failed`);
    held[0]();
    await until(() => client.statuses.length === 1);
    assert.equal(proxy.counter("cluster.b.upstream_cx_connect_fail"), failed);
  });

  it("keeps connections of clients apart, and forgets pools that have none", async (t) => {
    const proxy = await startProxy(t, { cluster: { poolPerConnection: true, idleTimeoutMs: 50 } });
    const [a, b] = [await proxy.client(t), await proxy.client(t)];
    for (const each of [a, b]) {
      each.send(GET);
      await until(() => each.statuses.length === 1);
    }
    assert.equal(proxy.backend.connections.length, 2, "one for each client");
    await until(() => proxy.gauge("cluster.b.upstream_cx_active") === 0);
    a.send(GET);
    await until(() => a.statuses.length === 2);
    assert.equal(proxy.backend.connections.length, 3);
  });
});

describe("when endpoints change", () => {
  it("hosts that stay keep their connections, hosts that go finish their requests", async (t) => {
    const proxy = await startProxy(t);
    const second = await startBackend(t);
    const held: (() => void)[] = [];
    const client = await proxy.client(t);
    client.send(GET);
    await until(() => client.statuses.length === 1);
    const [cluster] = proxy.plane.clusters();
    const [host] = cluster.allHosts();
    proxy.plane.setEndpoints("b", [endpoint(proxy.backend.port, { weight: 5 }), endpoint(second.port)]);
    assert.equal([...cluster.allHosts()][0], host);
    assert.equal(host.weight, 5);
    assert.equal(host.activeConnections, 1);
    proxy.backend.onData = (connection) => void held.push(() => connection.socket.write(OK));
    proxy.plane.setEndpoints("b", [endpoint(proxy.backend.port)]);
    client.send(GET);
    await until(() => held.length === 1);
    proxy.plane.setEndpoints("b", [endpoint(second.port)]);
    held[0]();
    await until(() => client.statuses.length === 2);
    await until(() => proxy.backend.connections.every((connection) => connection.ended));
    client.send(GET);
    await until(() => second.requests === 1);
    assert.deepEqual(client.statuses.slice(0, 2), [200, 200]);
  });

  it("a replaced cluster keeps its endpoints, and requests in flight finish", async (t) => {
    const proxy = await startProxy(t);
    const held: (() => void)[] = [];
    proxy.backend.onData = (connection) => void held.push(() => connection.socket.write(OK));
    const client = await proxy.client(t);
    client.send(GET);
    await until(() => held.length === 1);
    proxy.plane.setCluster(clusterPlan("b", { connectTimeoutMs: 1_234 }));
    held[0]();
    await until(() => client.statuses[0] === 200);
    client.send(GET);
    await until(() => held.length === 2);
    held[1]();
    await until(() => client.statuses.length === 2);
    assert.equal(proxy.backend.connections.length, 2);
    proxy.plane.removeCluster("b");
    client.send(GET);
    await until(() => client.statuses[2] === 503);
  });
});
