import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import type { ClusterPlan } from "../../src/plan/cluster-plan.ts";
import type { TcpProxyPlan } from "../../src/plan/compile-tcp-proxy.ts";
import type { FilterChainPlan } from "../../src/plan/listener-plan.ts";
import { clusterPlan, endpoint, listenerPlan, managerPlan } from "../support/plans.ts";
import { type Backend, Proxy, startBackend, until } from "../support/proxy.ts";

const INFO = { name: "t", metadata: {}, filterChainName: "", filterChainMetadata: {} };

interface Options {
  readonly proxy?: Partial<TcpProxyPlan>;
  readonly cluster?: Partial<ClusterPlan>;
  readonly readIntoBuffers?: boolean;
  readonly bufferLimitBytes?: number;
}

let chains = 0;

function chainTo(proxy: Proxy, changes: Partial<TcpProxyPlan> = {}): FilterChainPlan {
  const plan: TcpProxyPlan = {
    statPrefix: "t",
    clusters: [{ cluster: proxy.plane.clusterRef("b"), weight: 1, metadataMatch: null }],
    totalWeight: 1,
    metadataMatch: null,
    idleTimeoutMs: 3_600_000,
    maxConnectAttempts: 1,
    backOff: null,
    maxDurationMs: 0,
    durationJitter: 0,
    hashesSourceIp: false,
    tunnel: null,
    accessLogs: [],
    logsOnStart: false,
    logsOnConnected: false,
    logIntervalMs: 0,
    ...changes,
  };
  return {
    name: "",
    filters: [],
    terminal: { kind: "tcp", proxy: plan },
    info: INFO,
    transportSocket: null,
    fingerprint: `tcp-${chains++}`,
  };
}

async function start(
  t: TestContext,
  clock: FakeClock,
  options: Options = {},
): Promise<{ proxy: Proxy; backend: Backend }> {
  const backend = await startBackend(t);
  backend.onData = ({ socket }, chunk) => void socket.write(chunk);
  const proxy = new Proxy(backend, clock, options.readIntoBuffers);
  const { plane } = proxy;
  plane.setCluster(clusterPlan("b", options.cluster));
  plane.setEndpoints("b", [endpoint(backend.port)]);
  const { bufferLimitBytes = 1_048_576 } = options;
  const listener = listenerPlan("l", managerPlan(null), { chains: [chainTo(proxy, options.proxy)], bufferLimitBytes });
  proxy.port = (await plane.setListener(listener)).port;
  t.after(async () => {
    await plane.close();
    assert.deepEqual(proxy.errors, []);
  });
  return { proxy, backend };
}

describe("a TCP proxy", () => {
  for (const readIntoBuffers of [true, false]) {
    it(`carries bytes both ways${readIntoBuffers ? "" : ", read by events"}`, async (t) => {
      const { proxy } = await start(t, new FakeClock(), { readIntoBuffers });
      const client = await proxy.client(t);
      const text = "x".repeat(3_000_000);
      client.send(text);
      await until(() => client.received.length === text.length);
      client.socket.end();
      await until(() => client.ended);
      await until(() => proxy.gauge("cluster.b.upstream_cx_active") === 0);
      assert.equal(proxy.counter("tcp.t.downstream_cx_rx_bytes_total"), text.length);
    });
  }

  it("holds no more than the watermarks allow of what nobody reads", async (t) => {
    const limit = 65_536;
    const { proxy, backend } = await start(t, new FakeClock(), {
      bufferLimitBytes: limit,
      cluster: { bufferLimitBytes: limit },
    });
    backend.onData = ({ socket }) => void socket.write("y".repeat(20_000_000));
    const client = await proxy.client(t);
    client.socket.pause();
    client.send("go");
    await until(() => proxy.counter("cluster.b.upstream_flow_control_paused_reading_total") > 0);
    // What the kernel's buffers take, and a few reads.
    assert.ok(proxy.counter("cluster.b.upstream_cx_rx_bytes_total") < 12_000_000);
    client.socket.resume();
    await until(() => client.received.length === 20_000_000);
  });

  it("ends connections that are idle for too long, and counts from the last byte", async (t) => {
    const clock = new FakeClock();
    const { proxy, backend } = await start(t, clock, { proxy: { idleTimeoutMs: 1_000 } });
    const client = await proxy.client(t);
    await until(() => backend.connections.length === 1);
    client.send("a");
    await until(() => client.received === "a");
    clock.advance(900);
    client.send("b");
    await until(() => client.received === "ab");
    clock.advance(900);
    assert.equal(client.ended, false);
    clock.advance(200);
    await until(() => client.ended && backend.connections[0].closed);
    assert.equal(proxy.counter("tcp.t.idle_timeout"), 1);
  });

  it("gives up what does not connect in time, and tries again as often as it may", async (t) => {
    const clock = new FakeClock();
    const { proxy } = await start(t, clock, { proxy: { maxConnectAttempts: 2 }, cluster: { connectTimeoutMs: 100 } });
    // TEST-NET-1 (RFC 5737): nobody answers, or the kernel says so at once, which is a failure all the same.
    proxy.plane.setEndpoints("b", [{ ...endpoint(9), address: "192.0.2.1" }]);
    const client = await proxy.client(t);
    await until(() => {
      clock.advance(120);
      return client.ended;
    });
    assert.equal(proxy.counter("cluster.b.upstream_cx_connect_attempts_exceeded"), 1);
    assert.equal(proxy.counter("cluster.b.upstream_cx_connect_fail"), 2);
  });

  it("takes back the connection that it has asked for when the client has gone", async (t) => {
    const { proxy } = await start(t, new FakeClock());
    proxy.plane.setEndpoints("b", [{ ...endpoint(9), address: "192.0.2.1" }]);
    const client = await proxy.client(t);
    await until(() => proxy.counter("cluster.b.upstream_cx_total") === 1);
    client.socket.resetAndDestroy();
    await proxy.plane.close();
    assert.equal(proxy.gauge("cluster.b.upstream_rq_pending_active"), 0);
  });

  it("takes an HTTP proxy's chunks for what they are, where it is asked by POST", async (t) => {
    const tunnel = { hostname: { format: () => "b.test:1" }, postPath: "/", headers: [] };
    const { proxy, backend } = await start(t, new FakeClock(), {
      proxy: { tunnel: { ...tunnel, keepsHeaders: false, keepsTrailers: false } },
    });
    // Envoy 1.40 crashes.
    backend.onData = ({ socket }, chunk) =>
      void socket.write(
        chunk.toString().startsWith("POST / ")
          ? "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
          : "4\r\npong\r\n",
      );
    const client = await proxy.client(t);
    client.send("ping");
    await until(() => client.received === "pong");
    assert.match(
      backend.connections[0].received,
      /^POST \/ HTTP\/1\.1\r\nhost: b\.test:1\r\n.*\r\n\r\n4\r\nping\r\n$/s,
    );
    client.socket.end();
    await until(() => client.ended && backend.connections[0].ended);
    assert.ok(backend.connections[0].received.endsWith("0\r\n\r\n"));
    await until(() => proxy.gauge("cluster.b.upstream_rq_active") === 0);
  });

  it("lets connections of a chain that is gone go on for Envoy's drain time", async (t) => {
    const clock = new FakeClock();
    const { proxy } = await start(t, clock);
    const client = await proxy.client(t);
    client.send("a");
    await until(() => client.received === "a");
    const [listener] = proxy.plane.listeners();
    await proxy.plane.setListener({ ...listener.plan, chains: [chainTo(proxy)], fingerprint: "other" });
    client.send("b");
    await until(() => client.received === "ab");
    clock.advance(599_000);
    client.send("c");
    await until(() => client.received === "abc");
    clock.advance(2_000);
    await until(() => client.ended);
  });
});
