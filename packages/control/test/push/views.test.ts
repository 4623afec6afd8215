/** A change costs what changed: everything else stays the same object, for all proxies of a class. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResourceView, TypeUrl } from "@tulle/xds";
import { TYPE } from "@tulle/xds";
import { destinationRule, service, TestMesh, to, virtualService, workload } from "../support/mesh.ts";

const split = (v1: number): string =>
  virtualService("reviews", {
    hosts: "reviews",
    http: `[{ route: [{ destination: { host: reviews, subset: v1 }, weight: ${v1} }, { destination: { host: reviews, subset: v2 }, weight: ${100 - v1} }] }]`,
  });
const SERVICES = service("reviews") + service("ratings") + service("details");
const YAML =
  SERVICES + split(90) + destinationRule("reviews", "{ host: reviews, subsets: [{ name: v1 }, { name: v2 }] }");

/** Names of resources of a type that a proxy would be sent anew. */
function changed(before: ResourceView, after: ResourceView, typeUrl: TypeUrl): string[] {
  const old = before.set(typeUrl)?.resources;
  return [...(after.set(typeUrl)?.resources ?? [])]
    .filter(([name, { version }]) => old?.get(name)?.version !== version)
    .map(([name]) => name);
}

test("proxies of one class share their sets", () => {
  const mesh = new TestMesh(YAML);
  const [one, two] = ["a", "b"].map((name) => mesh.proxy({ agent: "tulle", name }).view) as [
    ResourceView,
    ResourceView,
  ];
  for (const type of [TYPE.cluster, TYPE.endpoints, TYPE.route, TYPE.virtualHost] as const) {
    assert.ok(one.set(type) !== undefined);
    assert.equal(one.set(type), two.set(type));
  }
});

test("proxies of other namespaces share the resources that are the same for them", () => {
  const mesh = new TestMesh(YAML);
  const one = mesh.proxy({ namespace: "a" }).view;
  const two = mesh.proxy({ namespace: "b" }).view;
  for (const type of [TYPE.cluster, TYPE.endpoints] as const) {
    const others = two.set(type)!.resources;
    for (const [name, resource] of one.set(type)!.resources) assert.equal(others.get(name), resource);
  }
});

test("a changed weight changes one virtual host in each route configuration, and nothing else", () => {
  const mesh = new TestMesh(YAML);
  const proxy = mesh.proxy({ agent: "tulle" });
  const before = proxy.view;
  mesh.change(split(80));
  const after = proxy.view;
  assert.deepEqual(changed(before, after, TYPE.virtualHost), [
    "http_proxy/reviews.default.svc.cluster.local:9080",
    "9080/reviews.default.svc.cluster.local:9080",
  ]);
  for (const type of [TYPE.cluster, TYPE.endpoints, TYPE.listener, TYPE.route] as const) {
    assert.equal(after.set(type), before.set(type));
  }
});

test("a changed weight is one route configuration for Envoy", () => {
  const mesh = new TestMesh(YAML);
  const proxy = mesh.proxy();
  const before = proxy.view;
  mesh.change(split(80));
  assert.deepEqual(changed(before, proxy.view, TYPE.route), ["http_proxy", "9080"]);
});

test("a new endpoint changes one load assignment, and nothing else", () => {
  const mesh = new TestMesh(YAML);
  const proxy = mesh.proxy({ agent: "tulle" });
  const before = proxy.view;
  mesh.register([workload("ratings-v1", { labels: { app: "ratings" } })]);
  const after = proxy.view;
  assert.deepEqual(changed(before, after, TYPE.endpoints), ["outbound|9080||ratings.default.svc.cluster.local"]);
  for (const type of [TYPE.cluster, TYPE.listener, TYPE.route, TYPE.virtualHost] as const) {
    assert.equal(after.set(type), before.set(type));
  }
});

test("an object that concerns no proxy leaves the view itself as it was", () => {
  const mesh = new TestMesh(YAML);
  const proxy = mesh.proxy({ agent: "tulle" });
  const before = proxy.view;
  mesh.change("{ apiVersion: v1, kind: ConfigMap, metadata: { name: x } }");
  assert.equal(proxy.view, before);
});

test("a service that only one namespace sees changes nothing for the others", () => {
  const hidden = service("hidden", "a").replace(
    "name: hidden,",
    'name: hidden, annotations: { networking.istio.io/exportTo: "." },',
  );
  const mesh = new TestMesh(YAML);
  const inside = mesh.proxy({ namespace: "a" });
  const outside = mesh.proxy({ namespace: "b" });
  const before = { inside: inside.view, outside: outside.view };
  mesh.change(hidden);
  assert.equal(outside.view, before.outside);
  assert.notEqual(inside.view, before.inside);
});

test("clients share routes unless a rule asks who they are", () => {
  const asking = virtualService("ratings", {
    hosts: "ratings",
    http: `[{ match: [{ sourceLabels: { app: web } }], route: [{ destination: { host: ratings } }] }]`,
  });
  const mesh = new TestMesh(YAML + asking);
  const web = mesh.proxy({ agent: "tulle", labels: { app: "web", version: "v1" } }).view;
  const same = mesh.proxy({ agent: "tulle", labels: { app: "web", version: "v2" } }).view;
  const other = mesh.proxy({ agent: "tulle", labels: { app: "job" } }).view;
  assert.equal(web.set(TYPE.virtualHost), same.set(TYPE.virtualHost));
  assert.deepEqual(changed(web, other, TYPE.virtualHost), [
    "http_proxy/ratings.default.svc.cluster.local:9080",
    "9080/ratings.default.svc.cluster.local:9080",
  ]);
});

test("versions come from the content: a control plane that starts anew sends nothing that a proxy already has", () => {
  const versions = (): [string, string][] =>
    [TYPE.cluster, TYPE.endpoints, TYPE.listener, TYPE.route, TYPE.virtualHost].flatMap((type) =>
      [...(new TestMesh(YAML).proxy({ agent: "tulle" }).view.set(type)?.resources.values() ?? [])].map(
        ({ name, version }): [string, string] => [name, version],
      ),
    );
  assert.ok(versions().length > 10);
  assert.deepEqual(versions(), versions());
});

test("a destination's ports are part of what its routes are made of", () => {
  const mesh = new TestMesh(SERVICES + virtualService("reviews", { hosts: "reviews", http: to("v1", "ratings") }));
  const proxy = mesh.proxy();
  const cluster = (): unknown =>
    (proxy.routes("reviews.default.svc.cluster.local:9080")[0]!["route"] as Record<string, unknown>)["cluster"];
  assert.equal(cluster(), "outbound|9080|v1|ratings.default.svc.cluster.local");
  mesh.change(service("ratings", "default", "[{ name: http, port: 8000 }]"));
  assert.equal(cluster(), "outbound|8000|v1|ratings.default.svc.cluster.local");
});

test("a gateway's own sets are shared too while nothing of them changes", () => {
  const gateway = `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec: { servers: [{ port: { number: 8080, name: http, protocol: HTTP }, hosts: ["*"] }] }`;
  const bound = (subset: string): string =>
    virtualService("edge", { hosts: '"*"', http: to(subset), more: "gateways: [edge]" });
  const mesh = new TestMesh(YAML + gateway + bound("v1"));
  const router = mesh.proxy({ type: "router", agent: "tulle", tulle: {} });
  const before = router.view;
  mesh.change(split(80));
  assert.equal(router.view, before);
  mesh.change(bound("v2"));
  assert.deepEqual(changed(before, router.view, TYPE.virtualHost), ["http.8080/*:8080"]);
});
