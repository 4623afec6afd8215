/** Virtual hosts: which there are, under which names. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TYPE } from "@tulle/xds";
import { service, TestMesh, to, virtualService } from "../support/mesh.ts";

const HOST = "reviews.default.svc.cluster.local";

test("a service without VirtualService: everything goes to it", () => {
  assert.deepEqual(new TestMesh(service("reviews")).proxy().virtualHosts()[`${HOST}:9080`], {
    name: `${HOST}:9080`,
    domains: [HOST, `${HOST}.`, "reviews.default", "reviews.default.svc", "reviews"],
    routes: [
      {
        name: "default",
        match: { prefix: "/" },
        route: {
          cluster: `outbound|9080||${HOST}`,
          timeout: "0s",
          max_grpc_timeout: "0s",
          retry_policy: {
            retry_on: "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
            num_retries: 2,
            host_selection_retry_max_attempts: "5",
            retry_host_predicate: [
              {
                name: "envoy.retry_host_predicates.previous_hosts",
                typed_config: {
                  "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
                },
              },
            ],
          },
        },
        decorator: { operation: `${HOST}:9080/*` },
        metadata: {
          filter_metadata: {
            "tulle.origin": {
              kind: "Service",
              namespace: "default",
              name: "reviews",
              field: "",
              file: "mesh.yaml",
              line: 3,
            },
          },
        },
      },
    ],
    include_request_attempt_count: true,
    metadata: {
      filter_metadata: {
        "tulle.origin": {
          kind: "Service",
          namespace: "default",
          name: "reviews",
          field: "",
          file: "mesh.yaml",
          line: 3,
        },
      },
    },
  });
});

test("every route says which rule it comes from", () => {
  const yaml = service("reviews") + virtualService("canary", { hosts: "reviews", http: to("v1") });
  const host = new TestMesh(yaml).proxy().virtualHosts()[`${HOST}:9080`] as { routes: { metadata: unknown }[] };
  assert.deepEqual(host.routes[0]!.metadata, {
    filter_metadata: {
      "tulle.origin": {
        kind: "VirtualService",
        namespace: "default",
        name: "canary",
        field: "spec.http[0]",
        file: "mesh.yaml",
        line: 8,
      },
    },
  });
});

test("the short name belongs to the client's own namespace", () => {
  const mesh = new TestMesh(service("reviews") + service("reviews", "other"));
  const domains = (namespace: string, owner: string): unknown =>
    mesh.proxy({ namespace }).virtualHosts()[`reviews.${owner}.svc.cluster.local:9080`]?.["domains"];
  const names = (owner: string): string[] => [
    `reviews.${owner}.svc.cluster.local`,
    `reviews.${owner}.svc.cluster.local.`,
    `reviews.${owner}`,
    `reviews.${owner}.svc`,
  ];
  assert.deepEqual(domains("other", "other"), [...names("other"), "reviews"]);
  assert.deepEqual(domains("other", "default"), names("default"));
});

test("behind a listener for one port, hosts are matched without their port and only services with it are there", () => {
  const mesh = new TestMesh(service("reviews") + service("other", "default", "[{ name: http, port: 8000 }]"));
  const routes = mesh.proxy().json(TYPE.route, "9080");
  assert.equal(routes["ignore_port_in_host_matching"], true);
  assert.deepEqual(Object.keys(mesh.proxy().virtualHosts("9080")), [`${HOST}:9080`, "allow_any"]);
});

test("behind the HTTP proxy every port is there; a name without port means port 80, else the only port", () => {
  const yaml =
    service("one", "default", "[{ name: http, port: 9080 }]") +
    service("two", "default", "[{ name: http, port: 80 }, { name: http-b, port: 8080 }]") +
    service("three", "default", "[{ name: http, port: 8080 }, { name: http-b, port: 8081 }]");
  const hosts = new TestMesh(yaml).proxy().virtualHosts("http_proxy");
  const owner = (domain: string): string | undefined =>
    Object.keys(hosts).find((name) => (hosts[name]!["domains"] as string[]).includes(domain));
  assert.equal(owner("one"), "one.default.svc.cluster.local:9080");
  assert.equal(owner("one:9080"), "one.default.svc.cluster.local:9080");
  assert.equal(owner("one:80"), undefined);
  assert.equal(owner("two"), "two.default.svc.cluster.local:80");
  assert.equal(owner("two.default.svc:8080"), "two.default.svc.cluster.local:8080");
  assert.equal(owner("three"), undefined);
  assert.equal(owner("three:8081"), "three.default.svc.cluster.local:8081");
});

test("no domain is in two virtual hosts: a full name comes before a short one, a service before another host", () => {
  const entry = `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: clash }
spec: { hosts: [reviews.default], ports: [{ number: 9080, name: http, protocol: HTTP }], resolution: STATIC, endpoints: [{ address: 10.0.0.1 }] }`;
  const rule = virtualService("clash", { hosts: "reviews.default.svc", http: to("v1") });
  for (const routes of ["9080", "80", "http_proxy"]) {
    const hosts = Object.values(new TestMesh(service("reviews") + entry + rule).proxy().virtualHosts(routes));
    const domains = hosts.flatMap((host) => host["domains"] as string[]);
    assert.equal(new Set(domains).size, domains.length);
  }
  const hosts = new TestMesh(service("reviews") + entry).proxy().virtualHosts("9080");
  assert.deepEqual(hosts["reviews.default:9080"]?.["domains"], ["reviews.default"]);
});

test("a service of another namespace is there only if it is exported", () => {
  const hidden = service("hidden", "other").replace(
    "name: hidden,",
    'name: hidden, annotations: { networking.istio.io/exportTo: "." },',
  );
  const mesh = new TestMesh(hidden);
  assert.equal(mesh.proxy().virtualHosts()["hidden.other.svc.cluster.local:9080"], undefined);
  assert.ok(mesh.proxy({ namespace: "other" }).virtualHosts()["hidden.other.svc.cluster.local:9080"] !== undefined);
});

test("our own proxy gets virtual hosts as resources of their own over delta, and inside the configuration otherwise", () => {
  const mesh = new TestMesh(service("reviews"));
  const delta = mesh.proxy({ agent: "tulle" });
  assert.deepEqual(delta.names(TYPE.virtualHost), [
    `http_proxy/${HOST}:9080`,
    "http_proxy/allow_any",
    `9080/${HOST}:9080`,
    "9080/allow_any",
    "80/allow_any",
  ]);
  assert.deepEqual(delta.json(TYPE.route, "9080")["vhds"], { config_source: { ads: {}, resource_api_version: "V3" } });
  assert.equal(delta.json(TYPE.route, "9080")["virtual_hosts"], undefined);
  assert.equal(delta.json(TYPE.virtualHost, `9080/${HOST}:9080`)["name"], `${HOST}:9080`);

  const whole = mesh.proxy({ agent: "tulle", delta: false });
  assert.deepEqual(whole.names(TYPE.virtualHost), []);
  assert.deepEqual(Object.keys(whole.virtualHosts()), [`${HOST}:9080`, "allow_any"]);
});

test("a port that is not HTTP has no virtual host and no cluster", () => {
  const yaml = service(
    "db",
    "default",
    "[{ name: mysql, port: 3306 }, { name: tcp-x, port: 9000 }, { name: http, port: 9080 }]",
  );
  const proxy = new TestMesh(yaml).proxy();
  assert.deepEqual(proxy.names(TYPE.cluster), ["outbound|9080||db.default.svc.cluster.local"]);
  assert.deepEqual(Object.keys(proxy.virtualHosts("http_proxy")), ["db.default.svc.cluster.local:9080", "allow_any"]);
});
