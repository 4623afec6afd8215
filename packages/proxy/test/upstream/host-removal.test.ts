/** Hosts that discovery no longer has, and that health checks find well (Envoy `BaseDynamicClusterImpl::updateDynamicHostList`). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HealthCheckPlan } from "../../src/plan/cluster-plan.ts";
import { GET, OK, startProxy, until } from "../support/proxy.ts";
import { endpoint } from "../support/plans.ts";

const CHECK: HealthCheckPlan = {
  timeoutMs: 1_000,
  intervalMs: 30,
  initialJitterMs: 0,
  intervalJitterMs: 0,
  intervalJitterPercent: 0,
  unhealthyThreshold: 1,
  healthyThreshold: 1,
  reuseConnection: true,
  noTrafficIntervalMs: 30,
  noTrafficHealthyIntervalMs: 30,
  unhealthyIntervalMs: 30,
  unhealthyEdgeIntervalMs: 30,
  healthyEdgeIntervalMs: 30,
  excludesNewHosts: false,
  removesHealthyHosts: false,
  probe: {
    protocol: "http",
    host: "",
    path: "/health",
    method: "GET",
    headers: [],
    http2: null,
    expected: [{ start: 200, end: 201 }],
    retriable: [],
  },
};

test("one that passes its checks stays until it fails one", async (t) => {
  const proxy = await startProxy(t, { cluster: { healthCheck: CHECK } });
  let well = true;
  proxy.backend.onData = ({ socket }, chunk) => {
    const failing = !well && chunk.includes("/health");
    socket.write(failing ? "HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n" : OK);
  };
  const members = (): number => proxy.gauge("cluster.b.membership_total");
  await until(() => proxy.gauge("cluster.b.membership_healthy") === 1);
  proxy.plane.setEndpoints("b", []);
  assert.equal(members(), 1);
  const client = await proxy.client(t);
  client.send(GET);
  await until(() => client.statuses.length === 1);
  assert.deepEqual(client.statuses, [200]);
  well = false;
  await until(() => members() === 0);
  client.send(GET);
  await until(() => client.statuses.length === 2);
  assert.deepEqual(client.statuses, [200, 503]);
});

test("one that comes back in time is as it was", async (t) => {
  const proxy = await startProxy(t, { cluster: { healthCheck: CHECK } });
  await until(() => proxy.gauge("cluster.b.membership_healthy") === 1);
  const changes = proxy.counter("cluster.b.membership_change");
  proxy.plane.setEndpoints("b", []);
  proxy.plane.setEndpoints("b", [endpoint(proxy.backend.port)]);
  assert.equal(proxy.counter("cluster.b.membership_change"), changes);
  assert.equal(proxy.gauge("cluster.b.membership_healthy"), 1);
});

test("ignore_health_on_host_removal: it goes at once", async (t) => {
  const proxy = await startProxy(t, { cluster: { healthCheck: { ...CHECK, removesHealthyHosts: true } } });
  await until(() => proxy.gauge("cluster.b.membership_healthy") === 1);
  proxy.plane.setEndpoints("b", []);
  assert.equal(proxy.gauge("cluster.b.membership_total"), 0);
});
