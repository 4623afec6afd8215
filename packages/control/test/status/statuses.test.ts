/** What became of every object. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ObjectStatus } from "../../src/status/object-status.ts";
import { destinationRule, service, TestMesh, to, virtualService, workload } from "../support/mesh.ts";

const SUBSETS = destinationRule("reviews", "{ host: reviews, subsets: [{ name: v1 }, { name: v2 }] }");

function text({ type, field, message, by }: ObjectStatus): string {
  return `${type}${field === undefined ? "" : ` ${field}`}: ${message}${by === undefined ? "" : ` [${by}]`}`;
}
function statuses(yaml: string, kind = "VirtualService", name = "reviews", namespace = "default"): string[] {
  return new TestMesh(service("reviews") + SUBSETS + yaml).status(kind, name, namespace).map(text);
}

test("in force", () => {
  assert.deepEqual(statuses(virtualService("reviews", { hosts: "reviews", http: to("v1") })), [
    "InForce spec.hosts[0]: routes HTTP for reviews.default.svc.cluster.local",
  ]);
});

test("shadowed by an older VirtualService for the host, which is named", () => {
  const older = virtualService("older", { hosts: "reviews", http: to("v1"), created: "2020-01-01T00:00:00Z" });
  assert.deepEqual(statuses(older + virtualService("reviews", { hosts: "reviews", http: to("v1") })), [
    "Shadowed spec.hosts[0]: reviews.default.svc.cluster.local is routed by an older VirtualService; rules for one host are not merged [VirtualService default/older]",
  ]);
});

test("a host with a dot that is only a short name is ignored, with the name to write", () => {
  assert.deepEqual(statuses(virtualService("reviews", { hosts: "reviews.default", http: to("v1") })), [
    "Ignored spec.hosts[0]: reviews.default has a dot, so it is taken as a full name, which no service has; write reviews.default.svc.cluster.local",
  ]);
});

test("a host that is no service is in force on port 80", () => {
  assert.deepEqual(statuses(virtualService("reviews", { hosts: "api.example", http: to("v1") })), [
    "InForce spec.hosts[0]: no service is called api.example: it applies to requests for that host on port 80",
  ]);
});

test("what cannot work is said: destination, port and subset that do not exist", () => {
  const http =
    "[{ match: [{ uri: { prefix: /x } }], route: [{ destination: { host: nobody } }] }, { route: [{ destination: { host: reviews, subset: v9, port: { number: 1 } } }] }]";
  assert.deepEqual(statuses(virtualService("reviews", { hosts: "reviews", http })).slice(1), [
    "Invalid spec.http[0].route[0].destination.host: no service is called nobody.default.svc.cluster.local: requests get 503",
    "Invalid spec.http[1].route[0].destination.port: reviews.default.svc.cluster.local has no port 1, only 9080: requests get 503",
    "Invalid spec.http[1].route[0].destination.subset: no DestinationRule gives reviews.default.svc.cluster.local a subset v9: requests get 503; there are v1, v2",
  ]);
});

test("what can never be reached or has no effect is said, by its path", () => {
  const http = `[
    { match: [{ uri: { prefix: /a }, gateways: [edge] }], route: [{ destination: { host: reviews } }] },
    { headers: { request: { set: { Host: a.example } } }, rewrite: { authority: b.example }, route: [{ destination: { host: reviews } }] },
    { match: [{ uri: { prefix: /b } }], route: [{ destination: { host: reviews } }] }]`;
  assert.deepEqual(statuses(virtualService("reviews", { hosts: "reviews", http })).slice(1), [
    "Ignored spec.http[0].match[0].gateways: the VirtualService is not bound to default/edge; this match never holds",
    "Ignored spec.http[1].headers.request.set.Host: has no effect: the authority is already set by rewrite.authority",
    "Ignored spec.http[2]: is never reached: http[1] before it takes everything",
  ]);
});

test("a header value with a command that no proxy has is said to be sent as text", () => {
  const http = `[{ headers: { request: { set: { x-a: "%NOTHING%", x-b: "%PROTOCOL%" } } }, route: [{ destination: { host: reviews } }] }]`;
  assert.deepEqual(statuses(virtualService("reviews", { hosts: "reviews", http })).slice(1), [
    'Invalid spec.http[0].headers.request.set.x-a: "%NOTHING%" has a command that proxies do not have; it is sent as it is written',
  ]);
});

test("a short form with a dot as destination is not expanded; the full name is offered", () => {
  assert.deepEqual(
    statuses(virtualService("reviews", { hosts: "reviews", http: to("v1", "reviews.default") })).slice(1),
    [
      "Invalid spec.http[0].route[0].destination.host: no service is called reviews.default: requests get 503; did you mean reviews.default.svc.cluster.local?",
    ],
  );
});

test("all that a VirtualService may say of HTTP is applied", () => {
  const http = `[{
    match: [{ uri: { prefix: /a }, statPrefix: a }], retries: { attempts: 2, retryRemoteLocalities: true }, fault: { abort: { httpStatus: 500, percentage: { value: 1 } } },
    mirror: { host: reviews }, mirrorPercentage: { value: 5 }, corsPolicy: { allowMethods: [GET] }, route: [{ destination: { host: reviews } }]
  }, { mirrors: [{ destination: { host: reviews } }], route: [{ destination: { host: reviews } }] }]`;
  const found = statuses(virtualService("reviews", { hosts: "reviews", http })).filter((line) =>
    line.startsWith("NotYetApplied"),
  );
  assert.deepEqual(found, []);
});

test("bound to a gateway: hosts that it has not, and whose proxies route", () => {
  const gateway = `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec: { servers: [{ port: { number: 8080, name: http, protocol: HTTP }, hosts: ["*.example", "elsewhere/b.test"] }] }`;
  const bound = (hosts: string, more = ""): string =>
    gateway + virtualService("reviews", { hosts, http: to("v1"), more: `gateways: [edge${more}` });
  const at = "InForce spec.gateways[0]: routes HTTP at Gateway default/edge, port 8080";
  assert.deepEqual(statuses(bound("a.example, b.test", "]")), [
    at,
    "Ignored spec.hosts[1]: no server of its gateways admits it",
  ]);
  assert.deepEqual(statuses(bound("a.example", "], exportTo: [., shop]")), [
    `${at}, by proxies in default, shop alone`,
  ]);
  assert.equal(
    statuses(bound("a.example, b.test", ", mesh]")).some((line) => line.includes("admits")),
    false,
  );
});

test("bound to a gateway: in force there, or ignored because there is none, or because it does not admit the host", () => {
  const gateway = `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec: { servers: [{ port: { number: 8080, name: http, protocol: HTTP }, hosts: [a.example] }, { port: { number: 8443, name: https, protocol: HTTPS }, hosts: [b.example], tls: { mode: PASSTHROUGH } }] }`;
  const bound = (host: string, name = "edge"): string =>
    gateway + virtualService("reviews", { hosts: host, http: to("v1"), more: `gateways: [${name}]` });
  assert.deepEqual(statuses(bound("a.example")), [
    "InForce spec.gateways[0]: routes HTTP at Gateway default/edge, port 8080",
  ]);
  assert.deepEqual(statuses(bound("a.example", "none")), [
    "Ignored spec.gateways[0]: there is no Gateway default/none",
  ]);
  assert.deepEqual(statuses(bound("c.example")), [
    "Ignored spec.gateways[0]: no server of Gateway default/edge admits c.example from namespace default",
  ]);
  assert.deepEqual(statuses(bound("b.example")), [
    "Ignored spec.gateways[0]: no server of Gateway default/edge for these hosts reads requests",
  ]);
  assert.deepEqual(statuses(bound("a.example"), "Gateway", "edge"), [
    "InForce spec.servers[0]: port 8080 serves 1 VirtualService",
    "InForce spec.servers[1]: no VirtualService with tls routes is bound to it: port 8443 takes none of its connections",
  ]);
});

test("a match on claims of tokens says that nobody verifies tokens there, unless somebody does", () => {
  const yaml = `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec: { selector: { istio: edge }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec:
  hosts: [a.example]
  gateways: [edge]
  http:
  - match: [{ headers: { "@request.auth.claims.a": { exact: b } } }, { withoutHeaders: { "@request.auth.claims[c]": {} } }]
    route: [{ destination: { host: reviews } }]`;
  const authentication = (label: string): string => `
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: tokens }
spec: { selector: { matchLabels: { istio: ${label} } }, jwtRules: [{ issuer: x, jwksUri: "https://x.test/keys" }] }`;
  const inForce = "InForce spec.gateways[0]: routes HTTP at Gateway default/edge, port 80";
  const nobody = "no RequestAuthentication is for the proxies of Gateway default/edge, so no request there has claims";
  assert.deepEqual(statuses(service("reviews") + yaml + authentication("other")), [
    inForce,
    `Ignored spec.http[0].match[0].headers["@request.auth.claims.a"]: ${nobody}; this never holds`,
    `Ignored spec.http[0].match[1].withoutHeaders["@request.auth.claims[c]"]: ${nobody}; this always holds`,
  ]);
  assert.deepEqual(statuses(service("reviews") + yaml + authentication("edge")), [inForce]);
});

test("a DestinationRule: in force, without a service, or shadowed in part by an older one for the host", () => {
  assert.deepEqual(statuses("", "DestinationRule"), ["InForce: applies to reviews.default.svc.cluster.local"]);
  assert.deepEqual(statuses(destinationRule("x", "{ host: nobody }"), "DestinationRule", "x"), [
    "Ignored spec.host: no service is called nobody.default.svc.cluster.local",
  ]);
  const later = destinationRule(
    "x",
    "{ host: reviews, trafficPolicy: { loadBalancer: { simple: RANDOM } }, subsets: [{ name: v1 }, { name: v3 }] }",
    "default",
    "2026-12-01T00:00:00Z",
  );
  assert.deepEqual(statuses(later, "DestinationRule", "x"), [
    "InForce: applies to reviews.default.svc.cluster.local",
    "Shadowed spec.subsets[0]: subset v1 is defined before [DestinationRule default/reviews]",
  ]);
});

test("fields of a DestinationRule that are not applied yet, wherever a policy may stand", () => {
  const yaml = destinationRule(
    "x",
    `{ host: reviews, trafficPolicy: { tls: { mode: ISTIO_MUTUAL }, proxyProtocol: {}, connectionPool: { http: { h2UpgradePolicy: UPGRADE } },
      portLevelSettings: [{ port: { number: 9080 }, tls: { mode: DISABLE }, connectionPool: { tcp: { maxConnections: 1 } } }] },
      subsets: [{ name: a, trafficPolicy: { loadBalancer: { zoneAwareLbSetting: {} } } }] }`,
  );
  const found = statuses(yaml, "DestinationRule", "x").filter((line) => line.startsWith("NotYetApplied"));
  assert.deepEqual(found, [
    "NotYetApplied spec.subsets[0].trafficPolicy.loadBalancer.zoneAwareLbSetting: zone-aware load balancing",
  ]);
});

test("MeshConfig: in force, with the settings that are not applied; elsewhere than in the root namespace it is ignored", () => {
  const settings = (namespace: string): string => `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: ${namespace} }
data: { mesh: "{ connectTimeout: 1s, enablePrometheusMerge: true }" }`;
  assert.deepEqual(statuses(settings("istio-system"), "ConfigMap", "istio", "istio-system"), [
    "InForce: settings of the whole mesh",
    "NotYetApplied data.mesh.enablePrometheusMerge: this setting",
  ]);
  assert.deepEqual(statuses(settings("default"), "ConfigMap", "istio"), [
    "Ignored data.mesh: the mesh has its settings in namespace istio-system",
  ]);
});

test("a Service says how many endpoints it has, which ports are carried how, and who does not listen there", () => {
  const yaml = service(
    "db",
    "default",
    "[{ name: http, port: 80, targetPort: 8080 }, { name: mysql, port: 3306 }, { name: grpc, port: 9090 }, { name: dns, port: 53, protocol: UDP }]",
  );
  const mesh = new TestMesh(yaml, [workload("db-1", { labels: { app: "db" }, port: 9090 })]);
  assert.deepEqual(mesh.status("Service", "db").map(text), [
    "InForce: db.default.svc.cluster.local has 1 endpoint",
    "InForce spec.ports[1]: port 3306 is MYSQL: connections are carried, captured or by --upstream",
    "Ignored spec.ports[3]: port 53 is UDP, which a mesh does not carry",
    "Invalid spec.ports[0]: db-1 does not listen on target port 8080",
    "Invalid spec.ports[1]: db-1 does not listen on target port 3306",
    "Invalid spec.ports[3]: db-1 does not listen on target port 53",
  ]);
});

test("a ServiceEntry says how its hosts are found, and which ports are carried how", () => {
  const entry = (resolution: string): string => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: google }
spec: { hosts: [www.googleapis.com], ports: [{ number: 80, name: http, protocol: HTTP }, { number: 443, name: https, protocol: HTTPS }], resolution: ${resolution}, location: MESH_EXTERNAL }`;
  assert.deepEqual(statuses(entry("DNS"), "ServiceEntry", "google"), [
    "InForce: www.googleapis.com is looked up in DNS",
    "InForce spec.ports[1]: port 443 is HTTPS: connections are carried, captured or by --upstream",
  ]);
});

test("a WorkloadEntry: an endpoint of what selects it, or of nothing; a WorkloadGroup counts its members", () => {
  const entry = (labels: string): string => `
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: vm }
spec: { address: 10.0.0.1, labels: ${labels} }`;
  assert.deepEqual(statuses(entry("{ app: reviews }"), "WorkloadEntry", "vm"), [
    "InForce: is an endpoint of reviews.default.svc.cluster.local",
  ]);
  assert.deepEqual(statuses(entry("{ app: nobody }"), "WorkloadEntry", "vm"), [
    "Ignored: no Service and no ServiceEntry of its namespace selects it by its labels",
  ]);
  const group =
    "\n---\napiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: { name: vms }\nspec: { template: { serviceAccount: vm }, probe: { tcpSocket: { port: 80 } } }";
  assert.deepEqual(statuses(group, "WorkloadGroup", "vms"), [
    "InForce: 0 workloads have registered as its members",
    "NotYetApplied spec.probe: probes; a workload is as healthy as its proxy says",
  ]);
});

test("kinds of mesh configuration that are not applied say so; other kinds are not needed", () => {
  const plugin =
    "\n---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: { name: p }\nspec: { url: oci://registry.test/p }";
  assert.deepEqual(statuses(plugin, "WasmPlugin", "p"), ["NotYetApplied: objects of kind WasmPlugin"]);
  const account = "\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: { name: a }";
  assert.deepEqual(statuses(account, "ServiceAccount", "a"), [
    "Ignored: the mesh needs nothing from a ServiceAccount here",
  ]);
});
