/** A snapshot shares with the one before it whatever did not change. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { destinationRule, service, TestMesh, to, virtualService, workload } from "../support/mesh.ts";

const YAML =
  service("a") +
  service("b") +
  virtualService("a", { hosts: "a", http: to("v1", "a") }) +
  destinationRule("b", "{ host: b }");

test("a changed VirtualService leaves services, endpoints and the other rules as they were", () => {
  const mesh = new TestMesh(YAML, [workload("a", { labels: { app: "a" } })]);
  const before = mesh.snapshot;
  mesh.change(virtualService("a", { hosts: "a", http: to("v2", "a") }));
  assert.notEqual(mesh.snapshot.virtualServices, before.virtualServices);
  assert.equal(mesh.snapshot.services, before.services);
  assert.equal(mesh.snapshot.serviceByHost, before.serviceByHost);
  assert.equal(mesh.snapshot.endpoints, before.endpoints);
  assert.equal(mesh.snapshot.destinationRuleIndex, before.destinationRuleIndex);
});

test("a new workload leaves services and rules, and the endpoints of services that do not select it", () => {
  const first = workload("a", { labels: { app: "a" } });
  const mesh = new TestMesh(YAML, [first]);
  const before = mesh.snapshot;
  mesh.register([first, workload("b", { labels: { app: "b" }, bindPort: 1002 })]);
  const endpoints = (host: string) => [before.endpoints.get(host), mesh.snapshot.endpoints.get(host)];
  assert.equal(mesh.snapshot.services, before.services);
  assert.equal(mesh.snapshot.virtualServices, before.virtualServices);
  const [a, sameA] = endpoints("a.default.svc.cluster.local");
  assert.ok(a !== undefined && a === sameA);
  const [b, otherB] = endpoints("b.default.svc.cluster.local");
  assert.notEqual(b, otherB);
});

test("an implicit service stays the same while its workloads come and go", () => {
  const one = workload("one", { service: "cart" });
  const mesh = new TestMesh(service("a"), [one]);
  const before = mesh.snapshot.serviceByHost.get("cart.default.svc.cluster.local");
  mesh.register([one, workload("two", { service: "cart", bindPort: 1002 })]);
  assert.ok(before !== undefined);
  assert.equal(mesh.snapshot.serviceByHost.get("cart.default.svc.cluster.local"), before);
});

test("of two objects with one host the Service wins over the ServiceEntry, and the loser is known", () => {
  const entry = `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: a }
spec: { hosts: [a.default.svc.cluster.local], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: STATIC, endpoints: [{ address: 10.0.0.1 }] }`;
  const mesh = new TestMesh(entry + service("a"));
  assert.equal(mesh.snapshot.serviceByHost.get("a.default.svc.cluster.local")?.origin.kind, "Service");
  assert.deepEqual(mesh.status("ServiceEntry", "a"), [
    {
      type: "Shadowed",
      message: "a.default.svc.cluster.local is described by another object",
      by: "Service default/a",
    },
  ]);
});
