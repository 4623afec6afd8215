/** Workloads come with their proxies' connections and go a grace period after them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import type { JsonObject } from "@bufbuild/protobuf";
import { NodeSchema } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { readNode } from "../../src/source/registration/node.ts";
import type { ProxyNode } from "../../src/source/registration/node.ts";
import { RECONNECT_MS, WorkloadRegistry } from "../../src/source/registration/registry.ts";
import { ManualClock } from "../support/manual-clock.ts";

const GRACE = 10_000;

function start(): { clock: ManualClock; registry: WorkloadRegistry; changes: () => number } {
  const clock = new ManualClock();
  let changes = 0;
  const registry = new WorkloadRegistry({ clock, gracePeriodMs: GRACE, onChange: () => changes++ });
  return { clock, registry, changes: () => changes };
}

function node(name: string, tulle: JsonObject = {}, labels: JsonObject = { app: name }): ProxyNode {
  const inbound = [{ port: 9080, address: "127.0.0.1", bind_port: 1001, app_port: 1002 }];
  return readNode(
    create(NodeSchema, {
      id: `sidecar~127.0.0.1~${name}.default~default.svc.cluster.local`,
      metadata: { LABELS: labels, TULLE: { inbound, ...tulle } },
    }),
  );
}

const names = (registry: WorkloadRegistry): string[] => registry.workloads.map(({ name }) => name);

test("a proxy that takes requests registers its workload; a mere client does not", () => {
  const { registry, changes } = start();
  registry.connect("s1", node("a"));
  registry.connect("s2", node("client", { inbound: [] }));
  assert.deepEqual(names(registry), ["a"]);
  assert.equal(changes(), 1);
});

test("a workload outlives its connection by the grace period, no longer", () => {
  const { clock, registry, changes } = start();
  registry.connect("s1", node("a"));
  registry.disconnect("s1");
  clock.advance(GRACE - 1);
  assert.deepEqual(names(registry), ["a"]);
  assert.equal(registry.list()[0]?.connected, false);
  assert.equal(changes(), 1);
  clock.advance(1);
  assert.deepEqual(names(registry), []);
  assert.equal(changes(), 2);
});

test("a proxy that comes back in time changes nothing: the same workload, no removal, no new registration", () => {
  const { clock, registry, changes } = start();
  registry.connect("s1", node("a"));
  const [before] = registry.workloads;
  registry.disconnect("s1");
  clock.advance(GRACE - 1);
  registry.connect("s2", node("a"));
  clock.advance(10 * GRACE);
  assert.equal(registry.workloads[0], before);
  assert.equal(changes(), 1);
});

test("a new connection of the same node replaces the old one, whichever ends first", () => {
  const { clock, registry } = start();
  registry.connect("s1", node("a"));
  registry.connect("s2", node("a", {}, { app: "a", version: "v2" }));
  assert.equal(registry.workloads[0]?.labels["version"], "v2");
  registry.disconnect("s1");
  clock.advance(10 * GRACE);
  assert.deepEqual(names(registry), ["a"]);
  registry.disconnect("s2");
  clock.advance(GRACE);
  assert.deepEqual(names(registry), []);
});

test("a proxy that reports health is unhealthy until it does, and keeps its health when it comes back", () => {
  const { registry } = start();
  registry.connect("s1", node("a", { health: "reported" }));
  assert.equal(registry.workloads[0]?.healthy, false);
  assert.equal(registry.workloads[0]?.healthMessage, "has not reported its health yet");
  registry.health("s1", true, "");
  assert.equal(registry.workloads[0]?.healthy, true);
  registry.disconnect("s1");
  registry.connect("s2", node("a", { health: "reported" }));
  assert.equal(registry.workloads[0]?.healthy, true);
  registry.health("s2", false, "connection refused");
  assert.deepEqual(
    [registry.workloads[0]?.healthy, registry.workloads[0]?.healthMessage],
    [false, "connection refused"],
  );
});

test("the same health again is no change; health of nobody is nothing", () => {
  const { registry, changes } = start();
  registry.connect("s1", node("a"));
  registry.health("s1", true, "");
  registry.health("s9", false, "x");
  assert.equal(changes(), 1);
});

test("a workload that said it is unhealthy is not waited for: one that stops in order is gone at once", () => {
  const { registry } = start();
  registry.connect("s1", node("a"));
  registry.health("s1", false, "stopping");
  registry.disconnect("s1");
  assert.deepEqual(names(registry), []);
});

test("workloads of the run before stay long enough for their proxies to come back", () => {
  const first = start();
  first.registry.connect("s1", node("a"));
  first.registry.connect("s2", node("b"));
  const saved = first.registry.workloads;

  const { clock, registry, changes } = start();
  registry.restore(saved);
  assert.deepEqual(names(registry), ["a", "b"]);
  clock.advance(GRACE + RECONNECT_MS - 1);
  registry.connect("s1", node("a"));
  assert.equal(registry.workloads[0], saved[0]);
  assert.equal(changes(), 0);
  clock.advance(1);
  assert.deepEqual(names(registry), ["a"]);
});
