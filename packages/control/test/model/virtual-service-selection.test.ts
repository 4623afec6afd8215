/** Which VirtualService a sidecar's host belongs to. (istio-api.md §1.1 rules 1 to 4 and §1.1b) */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { service, TestMesh, to, virtualService } from "../support/mesh.ts";
import type { ProxyOptions } from "../support/mesh.ts";

const REVIEWS = "reviews.default.svc.cluster.local:9080";
const subsetOf = (routes: JsonObject[]): string[] =>
  routes.map((route) => (route["route"] as { cluster: string }).cluster.split("|")[2]!);

function subsets(yaml: string, host = REVIEWS, proxy: ProxyOptions = {}): string[] {
  return subsetOf(new TestMesh(service("reviews") + yaml).proxy(proxy).routes(host));
}

test("a short host belongs to the namespace of the VirtualService, not of the client", () => {
  const rules = virtualService("reviews", { hosts: "reviews", http: to("v1"), namespace: "other" });
  assert.deepEqual(subsets(rules), [""]);
  const mesh = new TestMesh(service("reviews", "other") + rules);
  assert.deepEqual(subsetOf(mesh.proxy().routes("reviews.other.svc.cluster.local:9080")), ["v1"]);
});

test("a host with a dot is taken as it is: reviews.default names no service", () => {
  assert.deepEqual(subsets(virtualService("reviews", { hosts: "reviews.default", http: to("v1") })), [""]);
  const full = virtualService("reviews", { hosts: "Reviews.default.svc.cluster.local", http: to("v1") });
  assert.deepEqual(subsets(full), ["v1"]);
});

test("an exact host wins over a wildcard, a longer wildcard over a shorter one, whatever their age", () => {
  const wide = virtualService("wide", {
    hosts: '"*.cluster.local"',
    http: to("wide"),
    created: "2020-01-01T00:00:00Z",
  });
  const long = virtualService("long", { hosts: '"*.default.svc.cluster.local"', http: to("long") });
  const exact = virtualService("exact", { hosts: "reviews", http: to("exact"), created: "2026-01-01T00:00:00Z" });
  assert.deepEqual(subsets(wide), ["wide"]);
  assert.deepEqual(subsets(wide + long), ["long"]);
  assert.deepEqual(subsets(wide + long + exact), ["exact"]);
});

test("of two VirtualServices for a host the older wins, and nothing of the other is merged", () => {
  const young = virtualService("a", { hosts: "reviews", http: to("young"), created: "2026-02-01T00:00:00Z" });
  const old = virtualService("b", {
    hosts: "reviews.default.svc.cluster.local",
    namespace: "elsewhere",
    http: `[{ match: [{ uri: { prefix: /x } }], route: [{ destination: { host: reviews.default.svc.cluster.local, subset: old } }] }]`,
    created: "2026-01-01T00:00:00Z",
  });
  assert.deepEqual(subsets(young + old), ["old"]);
});

test("a VirtualService with nothing for a client is passed over for it: the next for the host counts, else the service's own route", () => {
  const forWeb = virtualService("a", {
    hosts: "reviews",
    http: "[{ match: [{ sourceLabels: { app: web } }], route: [{ destination: { host: reviews, subset: web } }] }]",
    created: "2026-01-01T00:00:00Z",
  });
  const forPort = virtualService("b", {
    hosts: "reviews",
    http: "[{ match: [{ port: 80 }], route: [{ destination: { host: reviews, subset: b } }] }]",
    created: "2026-02-01T00:00:00Z",
  });
  const forAll = virtualService("c", { hosts: '"*.default.svc.cluster.local"', http: to("wild") });
  assert.deepEqual(subsets(forWeb + forPort, REVIEWS, { labels: { app: "web" } }), ["web"]);
  assert.deepEqual(subsets(forWeb + forPort), [""]);
  assert.deepEqual(subsets(forWeb + forPort + forAll), ["wild"]);
});

test("a host that is no service is unknown to clients that nothing in its VirtualService is for", () => {
  const rule = virtualService("a", {
    hosts: "api.example",
    http: "[{ match: [{ sourceLabels: { app: web } }], route: [{ destination: { host: reviews } }] }]",
  });
  const mesh = new TestMesh(service("reviews") + rule);
  const known = (labels: Record<string, string>): boolean =>
    "api.example:80" in mesh.proxy({ labels }).virtualHosts("80");
  assert.deepEqual([known({ app: "web" }), known({})], [true, false]);
});

test("at equal age the name decides, then the namespace", () => {
  const rule = (name: string, namespace: string): string =>
    virtualService(name, {
      hosts: "reviews.default.svc.cluster.local",
      http: to(`${name}-${namespace}`, "reviews.default.svc.cluster.local"),
      namespace,
    });
  assert.deepEqual(subsets(rule("b", "a") + rule("a", "b")), ["a-b"]);
  assert.deepEqual(subsets(rule("a", "b") + rule("a", "a")), ["a-a"]);
});

test("exportTo hides a VirtualService from other namespaces, ~ from all", () => {
  const exported = (list: string): string =>
    virtualService("reviews", { hosts: "reviews", http: to("v1"), more: `exportTo: [${list}]` });
  const from = (list: string, namespace: string): string[] => subsets(exported(list), REVIEWS, { namespace });
  assert.deepEqual(from('"."', "default"), ["v1"]);
  assert.deepEqual(from('"."', "other"), [""]);
  assert.deepEqual(from("other", "other"), ["v1"]);
  assert.deepEqual(from("other", "default"), [""]);
  assert.deepEqual(from('"~"', "default"), [""]);
});

test("a namespace's own private VirtualService comes before older ones exported to it, those before public ones", () => {
  const rule = (name: string, namespace: string, exportTo: string, created: string): string =>
    virtualService(name, {
      hosts: "reviews.default.svc.cluster.local",
      namespace,
      http: to(name, "reviews.default.svc.cluster.local"),
      created,
      more: `exportTo: [${exportTo}]`,
    });
  const open = rule("open", "a", '"*"', "2020-01-01T00:00:00Z");
  const given = rule("given", "b", "c", "2021-01-01T00:00:00Z");
  const own = rule("own", "c", '"."', "2022-01-01T00:00:00Z");
  assert.deepEqual(subsets(open + given + own, REVIEWS, { namespace: "c" }), ["own"]);
  assert.deepEqual(subsets(open + given, REVIEWS, { namespace: "c" }), ["given"]);
  assert.deepEqual(subsets(open + given + own, REVIEWS, { namespace: "d" }), ["open"]);
});

test("a VirtualService that lists gateways without mesh does not apply to sidecars", () => {
  const bound = (gateways: string): string =>
    virtualService("reviews", { hosts: "reviews", http: to("v1"), more: `gateways: [${gateways}]` });
  assert.deepEqual(subsets(bound("edge")), [""]);
  assert.deepEqual(subsets(bound("edge, mesh")), ["v1"]);
});

test("a host that is no service exists on port 80 and behind the HTTP proxy", () => {
  const mesh = new TestMesh(service("reviews") + virtualService("api", { hosts: "api.example", http: to("v1") }));
  const proxy = mesh.proxy();
  assert.deepEqual(proxy.virtualHosts("80")["api.example:80"]?.["domains"], ["api.example"]);
  assert.equal(proxy.virtualHosts("9080")["api.example:80"], undefined);
  assert.deepEqual(proxy.virtualHosts("http_proxy")["api.example:80"]?.["domains"], ["api.example", "api.example:80"]);
});

test("a VirtualService without http routes leaves the service's own route in place", () => {
  const tcp = `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec: { hosts: [reviews], tcp: [{ route: [{ destination: { host: reviews } }] }] }`;
  assert.deepEqual(subsets(tcp), [""]);
});
