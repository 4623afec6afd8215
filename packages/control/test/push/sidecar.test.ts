/** Sidecars: what a client sees, and how much less it is sent. One rule a test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TYPE } from "@tulle/xds";
import { service, TestMesh, virtualService, workload } from "../support/mesh.ts";
import type { ProxyOptions, TestProxy } from "../support/mesh.ts";

function sidecar(spec: string, options: { name?: string; namespace?: string; created?: string } = {}): string {
  const { name = "default", namespace = "default", created } = options;
  return `
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: ${name}, namespace: ${namespace}${created === undefined ? "" : `, creationTimestamp: "${created}"`} }
spec: { ${spec} }`;
}

const egress = (...hosts: string[]): string => `egress: [{ hosts: [${hosts.map((host) => `"${host}"`).join(", ")}] }]`;

const SERVICES =
  service("reviews") +
  service("ratings") +
  service("cart", "shop") +
  service("db", "shop", "[{ name: http, port: 9080 }, { name: http-admin, port: 9081 }]");

/** `name.namespace:port` of the clusters that a client has. */
function seen(yaml: string, options: ProxyOptions = {}): string[] {
  return clusters(new TestMesh(SERVICES + yaml).proxy(options));
}

function clusters(proxy: TestProxy): string[] {
  return proxy.names(TYPE.cluster).map((name) => {
    const [, port, , host] = name.split("|");
    return `${host!.replace(".svc.cluster.local", "")}:${port}`;
  });
}

const ALL = ["cart.shop:9080", "db.shop:9080", "db.shop:9081", "ratings.default:9080", "reviews.default:9080"];

test("without a Sidecar a client sees everything; so it does with one that says nothing of egress", () => {
  assert.deepEqual(seen(""), ALL);
  assert.deepEqual(seen(sidecar("outboundTrafficPolicy: { mode: REGISTRY_ONLY }")), ALL);
});

test("egress hosts: namespace/*, ./*, */host and */*", () => {
  assert.deepEqual(seen(sidecar(egress("shop/*"))), ALL.slice(0, 3));
  assert.deepEqual(seen(sidecar(egress("./*"))), ALL.slice(3));
  assert.deepEqual(seen(sidecar(egress("./reviews.default.svc.cluster.local"))), ["reviews.default:9080"]);
  assert.deepEqual(seen(sidecar(egress("*/cart.shop.svc.cluster.local"))), ["cart.shop:9080"]);
  assert.deepEqual(seen(sidecar(egress("*/*.shop.svc.cluster.local"))), ALL.slice(0, 3));
  assert.deepEqual(seen(sidecar(egress("default/cart.shop.svc.cluster.local"))), []);
  assert.deepEqual(seen(sidecar(egress("*/*"))), ALL);
});

test("~/* imports nothing", () => {
  assert.deepEqual(seen(sidecar(egress("~/*"))), []);
});

test("an entry with ~ in front excludes, whatever else is imported", () => {
  assert.deepEqual(seen(sidecar(egress("*/*", "~shop/db.shop.svc.cluster.local"))), [ALL[0], ...ALL.slice(3)]);
  assert.deepEqual(seen(sidecar(egress("*/*", "~*/*.shop.svc.cluster.local"))), ALL.slice(3));
});

test("routes are for the same services, and the rest is unknown", () => {
  const hosts = Object.keys(
    new TestMesh(SERVICES + sidecar(egress("./reviews.default.svc.cluster.local"))).proxy().virtualHosts(),
  );
  assert.deepEqual(hosts, ["reviews.default.svc.cluster.local:9080", "allow_any"]);
});

test("one that selects the workload comes before the namespace's, that before the root namespace's", () => {
  const all =
    sidecar(`workloadSelector: { labels: { app: web } }, ${egress("./reviews.default.svc.cluster.local")}`, {
      name: "web",
    }) +
    sidecar(egress("./ratings.default.svc.cluster.local")) +
    sidecar(egress("shop/cart.shop.svc.cluster.local"), { namespace: "istio-system" });
  assert.deepEqual(seen(all, { labels: { app: "web" } }), ["reviews.default:9080"]);
  assert.deepEqual(seen(all), ["ratings.default:9080"]);
  assert.deepEqual(seen(all, { namespace: "other" }), ["cart.shop:9080"]);
});

test("of several that could, the oldest", () => {
  const two =
    sidecar(egress("./reviews.default.svc.cluster.local"), { name: "a", created: "2026-01-02T00:00:00Z" }) +
    sidecar(egress("./ratings.default.svc.cluster.local"), { name: "b", created: "2026-01-01T00:00:00Z" });
  assert.deepEqual(seen(two), ["ratings.default:9080"]);
});

test("a root namespace's Sidecar: . is the client's own namespace", () => {
  assert.deepEqual(seen(sidecar(egress("./*"), { namespace: "istio-system" }), { namespace: "shop" }), ALL.slice(0, 3));
});

test("gateways see everything", () => {
  assert.deepEqual(seen(sidecar(egress("./reviews.default.svc.cluster.local")), { type: "router", tulle: {} }), ALL);
});

test("what imported rules lead to is imported too, only the ports that they name", () => {
  const rule = virtualService("reviews", {
    hosts: "reviews",
    http: "[{ route: [{ destination: { host: db.shop.svc.cluster.local, port: { number: 9081 } } }], mirror: { host: ratings } }]",
  });
  assert.deepEqual(seen(rule + sidecar(egress("./reviews.default.svc.cluster.local"))), [
    "db.shop:9081",
    "ratings.default:9080",
    "reviews.default:9080",
  ]);
});

test("a rule of another namespace is imported by that namespace, not by its host's", () => {
  const rule = virtualService("reviews", {
    hosts: "reviews.default.svc.cluster.local",
    namespace: "shop",
    http: "[{ fault: { abort: { httpStatus: 418, percentage: { value: 100 } } }, route: [{ destination: { host: reviews.default.svc.cluster.local } }] }]",
  });
  const faulty = (hosts: string[]): boolean => {
    const proxy = new TestMesh(SERVICES + rule + sidecar(egress(...hosts))).proxy();
    const [route] = proxy.routes("reviews.default.svc.cluster.local:9080");
    return route!["typed_per_filter_config"] !== undefined;
  };
  assert.equal(faulty(["./*"]), false);
  assert.equal(faulty(["./*", "shop/*"]), true);
});

const PORTS =
  'egress: [{ port: { number: 9080, protocol: HTTP, name: http }, hosts: ["./reviews.default.svc.cluster.local"] }, { hosts: ["shop/*"] }]';

test("an egress listener with a port decides about that port alone", () => {
  const proxy = new TestMesh(SERVICES + sidecar(PORTS)).proxy();
  assert.deepEqual(Object.keys(proxy.virtualHosts("9080")), ["reviews.default.svc.cluster.local:9080", "allow_any"]);
  assert.deepEqual(Object.keys(proxy.virtualHosts("http_proxy")), [
    "cart.shop.svc.cluster.local:9080",
    "db.shop.svc.cluster.local:9080",
    "db.shop.svc.cluster.local:9081",
    "allow_any",
  ]);
  assert.deepEqual(clusters(proxy), [...ALL.slice(0, 3), "reviews.default:9080"]);
});

test("of a service that only a listener with a port imports, only that port is seen", () => {
  assert.deepEqual(
    seen(sidecar('egress: [{ port: { number: 9081, protocol: HTTP, name: http }, hosts: ["shop/*"] }]')),
    ["db.shop:9081"],
  );
});

const LISTENERS = ["127.0.0.1_15001", "127.0.0.1_19080", "127.0.0.1_10080"];

test("an egress listener with bind, or without capture, is opened; one for captured connections is not", () => {
  const opened = (listener: string): string[] =>
    new TestMesh(
      SERVICES + sidecar(`egress: [{ port: { number: 7000, protocol: HTTP, name: http }, ${listener}hosts: ["*/*"] }]`),
    )
      .proxy()
      .names(TYPE.listener);
  assert.deepEqual(opened("bind: 127.0.0.2, "), [...LISTENERS, "127.0.0.2_7000"]);
  assert.deepEqual(opened("captureMode: NONE, "), [...LISTENERS, "127.0.0.1_7000"]);
  assert.deepEqual(opened(""), LISTENERS);
});

test("a place that the proxy listens at already stays its own", () => {
  const yaml = sidecar(
    'egress: [{ port: { number: 15001, protocol: HTTP, name: http }, captureMode: NONE, hosts: ["*/*"] }]',
  );
  assert.deepEqual(new TestMesh(SERVICES + yaml).proxy().names(TYPE.listener), LISTENERS);
});

test("an egress listener that is an HTTP proxy has all ports behind it", () => {
  const yaml = sidecar(
    'egress: [{ port: { number: 8888, protocol: HTTP_PROXY, name: proxy }, captureMode: NONE, hosts: ["shop/*"] }, { hosts: ["./*"] }]',
  );
  const proxy = new TestMesh(SERVICES + yaml).proxy();
  assert.deepEqual(proxy.virtualHosts("8888")["db.shop.svc.cluster.local:9081"]!["domains"]!, [
    "db.shop.svc.cluster.local:9081",
    "db.shop.svc.cluster.local.:9081",
    "db.shop:9081",
    "db.shop.svc:9081",
  ]);
  assert.equal(proxy.json(TYPE.route, "8888")["ignore_port_in_host_matching"], undefined);
});

const INBOUND = {
  inbound: [{ port: 9080, address: "127.0.0.1", bind_port: 41002, app_address: "127.0.0.1", app_port: 41003 }],
};

function addressOf(proxy: TestProxy, cluster: string): unknown {
  const json = proxy.json(TYPE.cluster, cluster) as unknown as {
    load_assignment: {
      endpoints: {
        lb_endpoints: { endpoint: { address: { socket_address: { address: string; port_value: number } } } }[];
      }[];
    };
  };
  const { address, port_value: port } =
    json.load_assignment.endpoints[0]!.lb_endpoints[0]!.endpoint.address.socket_address;
  return `${address}:${port}`;
}

test("an ingress listener says where the application is", () => {
  const yaml = sidecar(
    "ingress: [{ port: { number: 9080, protocol: HTTP, name: http }, defaultEndpoint: 127.0.0.1:8080 }]",
  );
  const proxy = new TestMesh(SERVICES + yaml).proxy({ tulle: INBOUND });
  assert.equal(addressOf(proxy, "inbound|9080||"), "127.0.0.1:8080");
  assert.deepEqual(proxy.names(TYPE.listener), ["127.0.0.1_41002"]);
});

test("an ingress listener for another port is added, for the proxy and for those who call it", () => {
  const yaml = sidecar(
    "ingress: [{ port: { number: 9081, protocol: HTTP, name: http }, bind: 127.0.0.1, defaultEndpoint: 0.0.0.0:8081 }]",
    { namespace: "shop" },
  );
  const mesh = new TestMesh(SERVICES + yaml, [
    workload("db-1", { namespace: "shop", labels: { app: "db" }, address: "127.0.0.9" }),
  ]);
  const proxy = mesh.proxy({ namespace: "shop", tulle: INBOUND });
  assert.deepEqual(proxy.names(TYPE.listener), ["127.0.0.1_41002", "127.0.0.1_9081"]);
  assert.equal(addressOf(proxy, "inbound|9081||"), "10.0.0.1:8081", "the workload's own address");
  assert.partialDeepStrictEqual(mesh.proxy().json(TYPE.endpoints, "outbound|9081||db.shop.svc.cluster.local"), {
    endpoints: [
      { lb_endpoints: [{ endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: 9081 } } } }] },
    ],
  });
});

test("limits of inbound requests: the listener's, else the Sidecar's, else the DestinationRule's", () => {
  const limit = (spec: string): unknown => {
    const proxy = new TestMesh(SERVICES + sidecar(spec)).proxy({ tulle: INBOUND, labels: { app: "reviews" } });
    const json = proxy.json(TYPE.cluster, "inbound|9080||") as unknown as {
      circuit_breakers: { thresholds: { max_connections: number }[] };
    };
    return json.circuit_breakers.thresholds[0]!.max_connections;
  };
  const whole = "inboundConnectionPool: { tcp: { maxConnections: 2 } }";
  assert.equal(limit(whole), 2);
  assert.equal(
    limit(
      `${whole}, ingress: [{ port: { number: 9080, protocol: HTTP, name: http }, connectionPool: { tcp: { maxConnections: 1 } } }]`,
    ),
    1,
  );
});

test("a scope shrinks what a client is sent: resources and bytes", () => {
  const many = Array.from({ length: 100 }, (_, index) => service(`s${index}`, `ns${index % 10}`)).join("");
  const sent = (yaml: string): { resources: number; bytes: number } => {
    const view = new TestMesh(many + yaml).proxy({ namespace: "ns1", agent: "tulle" }).view;
    const all = [TYPE.cluster, TYPE.endpoints, TYPE.route, TYPE.virtualHost].flatMap((type) => [
      ...(view.set(type)?.resources.values() ?? []),
    ]);
    return { resources: all.length, bytes: all.reduce((sum, { any }) => sum + any.length, 0) };
  };
  const whole = sent("");
  const scoped = sent(sidecar(egress("./*"), { namespace: "ns1" }));
  assert.ok(whole.resources > 400, JSON.stringify(whole));
  assert.ok(scoped.resources < whole.resources / 8, JSON.stringify(scoped));
  assert.ok(scoped.bytes < whole.bytes / 8, JSON.stringify({ whole, scoped }));
});

test("a client's virtual hosts, by themselves, are those of its scope", () => {
  const proxy = new TestMesh(SERVICES + sidecar(egress("shop/cart.shop.svc.cluster.local"))).proxy({ agent: "tulle" });
  assert.deepEqual(proxy.names(TYPE.virtualHost), [
    "http_proxy/cart.shop.svc.cluster.local:9080",
    "http_proxy/allow_any",
    "9080/cart.shop.svc.cluster.local:9080",
    "9080/allow_any",
    "80/allow_any",
  ]);
});

test("clients of one scope share their sets, clients of different scopes the resources", () => {
  const mesh = new TestMesh(SERVICES + sidecar(`workloadSelector: { labels: { app: web } }, ${egress("./*")}`));
  const [one, two, other] = [
    mesh.proxy({ labels: { app: "web" }, name: "one" }),
    mesh.proxy({ labels: { app: "web" }, name: "two" }),
    mesh.proxy({ name: "three" }),
  ];
  for (const type of [TYPE.cluster, TYPE.endpoints, TYPE.route] as const) {
    assert.equal(one!.view.set(type), two!.view.set(type));
    assert.notEqual(one!.view.set(type), other!.view.set(type));
  }
  const name = "outbound|9080||reviews.default.svc.cluster.local";
  assert.equal(one!.resource(TYPE.cluster, name), other!.resource(TYPE.cluster, name));
});

test("a change outside its scope leaves a client's view as it was", () => {
  const mesh = new TestMesh(SERVICES + sidecar(egress("./*")));
  const proxy = mesh.proxy({ agent: "tulle" });
  const before = proxy.view;
  const changes = [
    () => mesh.change(service("new", "shop")),
    () =>
      mesh.change(
        virtualService("cart", {
          hosts: "cart",
          namespace: "shop",
          http: "[{ route: [{ destination: { host: cart } }] }]",
        }),
      ),
    () => mesh.register([workload("cart-1", { namespace: "shop", labels: { app: "cart" } })]),
  ];
  for (const change of changes) {
    change();
    assert.equal(proxy.view, before);
  }
});
