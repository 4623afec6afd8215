/** Which hosts a gateway serves, and by which VirtualServices. (istio-api.md §1.1 rule 5, §1.4) */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { TYPE } from "@tulle/xds";
import { service, TestMesh, virtualService } from "../support/mesh.ts";
import type { TestProxy } from "../support/mesh.ts";

const gateway = (
  hosts: string,
  options: { name?: string; protocol?: string; port?: number; more?: string; selector?: string } = {},
): string => `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: ${options.name ?? "edge"} }
spec:
  selector: ${options.selector ?? "{ istio: ingressgateway }"}
  servers: [{ port: { number: ${options.port ?? 8080}, name: http, protocol: ${options.protocol ?? "HTTP"} }, hosts: [${hosts}]${options.more ?? ""} }]`;

const bound = (name: string, hosts: string, http: string, namespace = "default", created?: string): string =>
  virtualService(name, {
    hosts,
    http,
    namespace,
    more: "gateways: [default/edge]",
    ...(created === undefined ? {} : { created }),
  });

const route = (prefix: string | undefined, cluster: string): string =>
  `{ ${prefix === undefined ? "" : `match: [{ uri: { prefix: ${prefix} } }], `}route: [{ destination: { host: ${cluster}.default.svc.cluster.local, port: { number: 9080 } } }] }`;

function router(yaml: string, tulle: JsonObject = {}): TestProxy {
  return new TestMesh(service("a") + service("b") + yaml).proxy({
    type: "router",
    labels: { istio: "ingressgateway" },
    tulle,
  });
}

function hosts(proxy: TestProxy): string[] {
  return Object.keys(proxy.virtualHosts("http.8080")).sort();
}

test("the narrower of the server's and the VirtualService's host is served", () => {
  assert.deepEqual(hosts(router(gateway('"*"') + bound("a", "a.example", `[${route(undefined, "a")}]`))), [
    "a.example:8080",
    "blackhole:8080",
  ]);
  assert.deepEqual(hosts(router(gateway("a.example") + bound("a", '"*"', `[${route(undefined, "a")}]`))), [
    "a.example:8080",
    "blackhole:8080",
  ]);
  assert.deepEqual(hosts(router(gateway('"*"') + bound("a", '"*"', `[${route(undefined, "a")}]`))), ["*:8080"]);
  assert.deepEqual(hosts(router(gateway("a.example") + bound("a", "b.example", `[${route(undefined, "a")}]`))), [
    "blackhole:8080",
  ]);
});

test("a server's ns/host admits VirtualServices of that namespace only, ./host those of the gateway's own", () => {
  const from = (server: string, namespace: string): string[] =>
    hosts(router(gateway(`"${server}"`) + bound("a", "a.example", `[${route(undefined, "a")}]`, namespace)));
  assert.deepEqual(from("shop/*", "shop"), ["a.example:8080", "blackhole:8080"]);
  assert.deepEqual(from("shop/*", "default"), ["blackhole:8080"]);
  assert.deepEqual(from("./*", "default"), ["a.example:8080", "blackhole:8080"]);
  assert.deepEqual(from("./*", "shop"), ["blackhole:8080"]);
  assert.deepEqual(from("*/*", "shop"), ["a.example:8080", "blackhole:8080"]);
});

test("VirtualServices bound to one host are merged by age, with routes that match everything last", () => {
  const yaml =
    gateway('"*"') +
    bound("young", "a.example", `[${route("/young", "b")}]`, "default", "2026-02-01T00:00:00Z") +
    bound("old", "a.example", `[${route("/old", "a")}, ${route(undefined, "a")}]`, "default", "2026-01-01T00:00:00Z");
  const routes = router(yaml).routes("a.example:8080", "http.8080");
  assert.deepEqual(
    routes.map(({ match }) => (match as JsonObject)["prefix"]),
    ["/old", "/young", "/"],
  );
});

test("a gateway without VirtualService answers 404: a virtual host without routes", () => {
  assert.deepEqual(router(gateway('"*"')).virtualHosts("http.8080")["blackhole:8080"], {
    name: "blackhole:8080",
    domains: ["*"],
  });
});

test("a gateway workload opens the servers of the Gateways that select it, and no others", () => {
  const yaml = gateway('"*"') + gateway('"*"', { name: "other", port: 8081, selector: "{ istio: egress }" });
  assert.deepEqual(router(yaml).names(TYPE.listener), ["0.0.0.0_8080"]);
  const anyone = gateway('"*"', { name: "any", port: 8082, selector: "{}" });
  assert.deepEqual(router(yaml + anyone).names(TYPE.listener), ["0.0.0.0_8082", "0.0.0.0_8080"]);
});

test("servers that pass TLS on and TCP servers are not opened", () => {
  const yaml = gateway('"*"', { protocol: "HTTPS", port: 8443, more: ", tls: { mode: PASSTHROUGH }" });
  assert.deepEqual(router(yaml).names(TYPE.listener), []);
});

test("the port is bound where the workload wants it, else at its Service's target port, else at its own number", () => {
  const address = (proxy: TestProxy): unknown =>
    (proxy.json(TYPE.listener, "0.0.0.0_80")["address"] as JsonObject)["socket_address"];
  const yaml = gateway('"*"', { port: 80 });
  const asked = router(yaml, { gateway_ports: { "80": { address: "127.0.0.1", port: 18080 } } });
  assert.deepEqual(address(asked), { address: "127.0.0.1", port_value: 18080 });
  assert.deepEqual(address(router(yaml)), { address: "0.0.0.0", port_value: 80 });
  const own = `
---
apiVersion: v1
kind: Service
metadata: { name: ingress }
spec: { selector: { istio: ingressgateway }, ports: [{ name: http, port: 80, targetPort: 8000 }] }`;
  assert.deepEqual(address(router(yaml + own)), { address: "0.0.0.0", port_value: 8000 });
});

test("httpsRedirect redirects every request of the server's hosts", () => {
  const yaml =
    gateway("a.example", { more: ", tls: { httpsRedirect: true }" }) +
    bound("a", "a.example", `[${route(undefined, "a")}]`);
  assert.equal(router(yaml).virtualHosts("http.8080")["a.example:8080"]?.["require_tls"], "ALL");
});

test("a match may be for one gateway only", () => {
  const yaml =
    gateway('"*"') +
    virtualService("a", {
      hosts: "a",
      more: "gateways: [edge, mesh]",
      http: `[{ match: [{ uri: { prefix: /edge }, gateways: [edge] }, { uri: { prefix: /mesh }, gateways: [mesh] }], route: [{ destination: { host: a } }] }]`,
    });
  const prefixes = (routes: JsonObject[]): unknown[] => routes.map(({ match }) => (match as JsonObject)["prefix"]);
  assert.deepEqual(prefixes(router(yaml).routes("a.default.svc.cluster.local:8080", "http.8080")), ["/edge"]);
  const sidecar = new TestMesh(service("a") + yaml).proxy();
  assert.deepEqual(prefixes(sidecar.routes("a.default.svc.cluster.local:9080")), ["/mesh"]);
});

test("a match on claims of tokens is on what the JWT filter has found", () => {
  const match =
    '[{ headers: { "@request.auth.claims.sub": { exact: a } }, withoutHeaders: { "@request.auth.claims[b][c]": {} } }]';
  const http = `[{ match: ${match}, route: [{ destination: { host: a.default.svc.cluster.local } }] }]`;
  const [route] = router(gateway('"*"') + bound("a", "a.example", http)).routes("a.example:8080", "http.8080");
  const text = { string_match: { exact: "a" } };
  assert.deepEqual(route?.["match"], {
    prefix: "/",
    dynamic_metadata: [
      {
        filter: "envoy.filters.http.jwt_authn",
        path: [{ key: "payload" }, { key: "sub" }],
        value: { or_match: { value_matchers: [{ list_match: { one_of: text } }, text] } },
      },
      {
        filter: "envoy.filters.http.jwt_authn",
        path: [{ key: "payload" }, { key: "b" }, { key: "c" }],
        value: { present_match: true },
        invert: true,
      },
    ],
  });
});
