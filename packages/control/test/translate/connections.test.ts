/** Filter chains for connections that are not read as HTTP: by the names that TLS clients ask for, and by addresses. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { TYPE } from "@tulle/xds";
import type { TestProxy } from "../support/mesh.ts";
import { meshConfig, TestMesh } from "../support/mesh.ts";

function entry(name: string, host: string, ports: string, more = "resolution: NONE"): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec: { hosts: ["${host}"], ports: [${ports}], ${more} }`;
}

function rule(fields: string, name = "rule"): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name} }
spec: { ${fields} }`;
}

const TLS = "{ number: 443, name: tls, protocol: TLS }";
const HTTPS = "{ number: 443, name: https, protocol: HTTPS }";

function captured(yaml: string): TestProxy {
  const metadata = { INTERCEPTION_MODE: "REDIRECT", INSTANCE_IPS: "10.0.0.1" };
  return new TestMesh(yaml).proxy({ tulle: {}, metadata });
}

/** What each chain asks for, and where it leads. */
function chains(proxy: TestProxy, name: string): readonly string[] {
  const listener = proxy.json(TYPE.listener, name);
  const text = (chain: JsonObject, fallback: string): string => {
    const match = (chain["filter_chain_match"] ?? {}) as Record<string, unknown>;
    const ranges = (field: string): string[] =>
      ((match[field] ?? []) as { address_prefix: string; prefix_len: number }[]).map(
        (range) => `${range.address_prefix}/${range.prefix_len}`,
      );
    const asked = [
      ...((match["server_names"] ?? []) as string[]),
      ...ranges("prefix_ranges"),
      ...ranges("source_prefix_ranges").map((range) => `from ${range}`),
      ...((match["application_protocols"] ?? []) as string[]).slice(0, 1),
    ];
    const config = (chain["filters"] as JsonObject[]).at(-1)!["typed_config"] as JsonObject;
    const weighted = config["weighted_clusters"] as { clusters: { name: string; weight: number }[] } | undefined;
    const to =
      config["cluster"] ??
      weighted?.clusters.map((cluster) => `${cluster.weight} ${cluster.name}`).join(" + ") ??
      "HTTP";
    return `${asked.join(" ") || fallback} -> ${to as string}`;
  };
  const last = listener["default_filter_chain"] as JsonObject | undefined;
  return [
    ...((listener["filter_chains"] ?? []) as JsonObject[]).map((chain) => text(chain, "any")),
    ...(last === undefined ? [] : [text(last, "else")]),
  ];
}

function inspectors(proxy: TestProxy, name: string): readonly string[] {
  const filters = (proxy.json(TYPE.listener, name)["listener_filters"] ?? []) as { name: string }[];
  return filters.map((filter) => filter.name.replace("envoy.filters.listener.", ""));
}

describe("a captured workload", () => {
  test("services without an address are told apart by name; other names go where they were going", () => {
    const proxy = captured(entry("wiki", "*.wiki.test", TLS) + entry("shop", "shop.test", HTTPS));
    assert.deepEqual(chains(proxy, "0.0.0.0_443"), [
      "*.wiki.test -> outbound|443||*.wiki.test",
      "shop.test -> outbound|443||shop.test",
      "else -> PassthroughCluster",
    ]);
    assert.deepEqual(inspectors(proxy, "0.0.0.0_443"), ["tls_inspector"]);
  });

  test("a service with an address needs no name", () => {
    const proxy = captured(
      entry("db", "db.test", TLS, "resolution: STATIC, addresses: [10.9.0.1], endpoints: [{ address: 10.9.0.2 }]"),
    );
    assert.deepEqual(chains(proxy, "10.9.0.1_443"), ["any -> outbound|443||db.test"]);
    assert.deepEqual(inspectors(proxy, "10.9.0.1_443"), []);
  });

  test("a rule's names are the only ones at a service's address", () => {
    const proxy = captured(
      entry("db", "db.test", TLS, "resolution: STATIC, addresses: [10.9.0.1], endpoints: [{ address: 10.9.0.2 }]") +
        rule(
          "hosts: [db.test], tls: [{ match: [{ sniHosts: [db.test] }], route: [{ destination: { host: other.test } }] }]",
        ),
    );
    assert.deepEqual(chains(proxy, "10.9.0.1_443"), ["db.test -> outbound|443||other.test"]);
  });

  test("HTTP, TLS and bytes on one port", () => {
    const proxy = captured(
      entry("web", "web.test", "{ number: 443, name: http, protocol: HTTP }") +
        entry("wiki", "*.wiki.test", TLS) +
        entry("raw", "raw.test", "{ number: 443, name: tcp, protocol: TCP }"),
    );
    assert.deepEqual(chains(proxy, "0.0.0.0_443"), [
      "*.wiki.test -> outbound|443||*.wiki.test",
      "http/1.0 -> HTTP",
      "else -> outbound|443||raw.test",
    ]);
    assert.deepEqual(inspectors(proxy, "0.0.0.0_443"), ["tls_inspector", "http_inspector"]);
  });

  test("of services whose names are the same the first has them", () => {
    const to = (host: string): string =>
      `tls: [{ match: [{ sniHosts: ["*.wiki.test"] }], route: [{ destination: { host: ${host} } }] }]`;
    const proxy = captured(
      entry("a", "a.wiki.test", TLS) +
        entry("b", "b.wiki.test", TLS) +
        rule(`hosts: ["*.wiki.test"], ${to("a.wiki.test")}`),
    );
    assert.deepEqual(chains(proxy, "0.0.0.0_443"), [
      "*.wiki.test -> outbound|443||a.wiki.test",
      "else -> PassthroughCluster",
    ]);
  });
});

describe("a local port of a service", () => {
  function local(yaml: string, more: { readonly labels?: Record<string, string> } = {}): readonly string[] {
    const outbound = [{ port: 443, address: "127.0.0.1", bind_port: 10443, service: "db.test" }];
    return chains(new TestMesh(yaml).proxy({ ...more, tulle: { outbound } }), "127.0.0.1_10443");
  }
  const DB = entry("db", "db.test", "{ number: 443, name: tcp, protocol: TCP }", "resolution: DNS");
  const tcp = (routes: string): string => rule(`hosts: [db.test], tcp: [${routes}]`);

  test("conditions on addresses, then what is left", () => {
    assert.deepEqual(
      local(
        DB +
          tcp(
            "{ match: [{ destinationSubnets: [10.1.2.3/8, fd00::/16] }], route: [{ destination: { host: a.test } }] }, { match: [{ sourceSubnet: 10.0.0.1 }], route: [{ destination: { host: b.test } }] }",
          ),
      ),
      [
        "10.1.2.3/8 fd00::/16 -> outbound|443||a.test",
        "from 10.0.0.1/32 -> outbound|443||b.test",
        "else -> outbound|443||db.test",
      ],
    );
  });

  test("Envoy would refuse two chains for the same addresses: the first has them", () => {
    assert.deepEqual(
      local(
        DB +
          tcp(
            "{ match: [{ destinationSubnets: [10.1.0.0/8] }], route: [{ destination: { host: a.test } }] }, { match: [{ destinationSubnets: [10.2.0.0/8, 11.0.0.0/8] }], route: [{ destination: { host: b.test } }] }",
          ),
      ),
      ["10.1.0.0/8 -> outbound|443||a.test", "11.0.0.0/8 -> outbound|443||b.test", "else -> outbound|443||db.test"],
    );
  });

  test("a destination with a single port is reached there, whatever the port of the connection", () => {
    const routed = tcp("{ route: [{ destination: { host: one.test } }] }");
    assert.deepEqual(local(DB + entry("one", "one.test", "{ number: 1, name: tcp, protocol: TCP }") + routed), [
      "any -> outbound|1||one.test",
    ]);
  });

  test("all conditions of a match have to hold, those on gateways too", () => {
    const routed = tcp(
      "{ match: [{ gateways: [mesh], sourceLabels: { app: a } }], route: [{ destination: { host: a.test } }] }",
    );
    assert.deepEqual(local(DB + routed), ["any -> outbound|443||db.test"]);
    assert.deepEqual(local(DB + routed, { labels: { app: "a" } }), ["any -> outbound|443||a.test"]);
  });
});

test("DestinationRules say how long connections may be, and that clients stay where they are", () => {
  const config = (route: string): JsonObject => {
    const yaml = `${entry("db", "db.test", TLS, "resolution: DNS")}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: db }
spec:
  host: db.test
  trafficPolicy: { connectionPool: { tcp: { idleTimeout: 5s, maxConnectionDuration: 1m } } }
  subsets: [{ name: same, trafficPolicy: { loadBalancer: { consistentHash: { useSourceIp: true } } } }]`;
    const outbound = [{ port: 443, address: "127.0.0.1", bind_port: 10443, service: "db.test" }];
    const proxy = new TestMesh(yaml + route).proxy({ tulle: { outbound } });
    const [chain] = proxy.json(TYPE.listener, "127.0.0.1_10443")["filter_chains"] as JsonObject[];
    return (chain!["filters"] as JsonObject[])[0]!["typed_config"] as JsonObject;
  };
  assert.equal(config("")["idle_timeout"], "5s");
  assert.equal(config("")["max_downstream_connection_duration"], "60s");
  assert.equal(config("")["hash_policy"], undefined);
  const subset = rule(
    'hosts: [db.test], tls: [{ match: [{ sniHosts: ["db.test"] }], route: [{ destination: { host: db.test, subset: same } }] }]',
  );
  assert.deepEqual(config(subset)["hash_policy"], [{ source_ip: {} }]);
});

test("connections are logged as requests are", () => {
  const yaml = entry("db", "db.test", TLS) + meshConfig("accessLogFile: /dev/stdout");
  const { default_filter_chain: rest, filter_chains: own } = captured(yaml).json(TYPE.listener, "0.0.0.0_443");
  for (const chain of [rest as JsonObject, ...(own as JsonObject[])]) {
    const config = (chain["filters"] as JsonObject[])[0]!["typed_config"] as JsonObject;
    assert.equal((config["access_log"] as JsonObject[]).length, 1);
  }
});

describe("servers of a gateway", () => {
  const gateway = (...servers: readonly string[]): string => `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec: { selector: { istio: gw }, servers: [${servers.join(", ")}] }`;
  const server = (fields: string, name = "a"): string =>
    `{ port: { number: 443, name: ${name}, protocol: TLS }, hosts: ["*"], ${fields} }`;
  const edge = (yaml: string): TestProxy =>
    new TestMesh(yaml).proxy({ type: "router", labels: { istio: "gw" }, tulle: {} });
  const tls = rule(
    "hosts: [a.test], gateways: [edge], tls: [{ match: [{ sniHosts: [a.test], destinationSubnets: [10.0.0.0/8] }], route: [{ destination: { host: a.test } }] }]",
  );

  test("TLS that is passed on needs a rule", () => {
    assert.deepEqual(edge(gateway(server("tls: { mode: PASSTHROUGH }"))).names(TYPE.listener), []);
    const bound = edge(gateway(server("tls: { mode: PASSTHROUGH }")) + tls);
    assert.deepEqual(chains(bound, "0.0.0.0_443"), ["a.test -> outbound|443||a.test"]);
    assert.deepEqual(bound.names(TYPE.route), []);
  });

  test("AUTO_PASSTHROUGH passes on what clients of the mesh ask for, subset by subset", () => {
    const yaml =
      gateway(
        `{ port: { number: 443, name: tls, protocol: TLS }, hosts: ["*.local"], tls: { mode: AUTO_PASSTHROUGH } }`,
      ) +
      `
---
apiVersion: v1
kind: Service
metadata: { name: echo }
spec: { selector: { app: echo }, ports: [{ name: http, port: 80 }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo }
spec:
  host: echo
  trafficPolicy: { tls: { mode: ISTIO_MUTUAL } }
  subsets: [{ name: v1, labels: { version: v1 } }]` +
      entry("wiki", "wiki.local", HTTPS, "resolution: DNS, location: MESH_EXTERNAL") +
      entry("elsewhere", "other.test", HTTPS, "resolution: DNS, location: MESH_INTERNAL");
    const proxy = edge(yaml);
    assert.deepEqual(chains(proxy, "0.0.0.0_443"), [
      "outbound_.80_._.echo.default.svc.cluster.local istio-peer-exchange -> outbound_.80_._.echo.default.svc.cluster.local",
      "outbound_.80_.v1_.echo.default.svc.cluster.local istio-peer-exchange -> outbound_.80_.v1_.echo.default.svc.cluster.local",
    ]);
    const cluster = proxy.json(TYPE.cluster, "outbound_.80_.v1_.echo.default.svc.cluster.local");
    assert.equal(cluster["transport_socket"], undefined);
    assert.equal(cluster["transport_socket_matches"], undefined);
    const { service_name: service } = cluster["eds_cluster_config"] as { service_name: string };
    assert.equal(service, "outbound|80|v1|echo.default.svc.cluster.local");
    assert.ok(proxy.names(TYPE.endpoints).includes(service));
    assert.deepEqual(
      new TestMesh(yaml).status("Gateway", "edge").map(({ type, field }) => `${type} ${field}`),
      ["InForce spec.servers[0]"],
    );
  });

  test("clusters of what is no HTTP come only where some server passes bytes on", () => {
    const db = entry("db", "db.test", "{ number: 443, name: tcp, protocol: TCP }", "resolution: DNS");
    assert.deepEqual(edge(db).names(TYPE.cluster), []);
    assert.deepEqual(edge(db + gateway(server("tls: { mode: PASSTHROUGH }"))).names(TYPE.cluster), [
      "outbound|443||db.test",
    ]);
  });

  test("an address of its own", () => {
    const http = (bind: string, name: string): string =>
      `{ port: { number: 80, name: ${name}, protocol: HTTP }, hosts: ["*"]${bind === "" ? "" : `, bind: ${bind}`} }`;
    const proxy = edge(gateway(http("", "a"), http("10.0.0.9", "b")));
    assert.deepEqual(proxy.names(TYPE.listener), ["0.0.0.0_80", "10.0.0.9_80"]);
    assert.deepEqual(proxy.names(TYPE.route), ["http.80", "http.80.10.0.0.9"]);
    assert.deepEqual(proxy.json(TYPE.listener, "10.0.0.9_80")["address"], {
      socket_address: { address: "10.0.0.9", port_value: 80 },
    });
  });
});

test("a bound port of which nobody has said what it speaks carries HTTP and bytes", () => {
  const inbound = (protocol: string): JsonObject => {
    const tulle = { inbound: [{ port: 7000, protocol, address: "127.0.0.1", bind_port: 17000, app_port: 7000 }] };
    return new TestMesh(meshConfig("protocolDetectionTimeout: 2s"))
      .proxy({ tulle, secrets: "sds" })
      .json(TYPE.listener, "127.0.0.1_17000");
  };
  const auto = inbound("auto");
  assert.deepEqual(
    (auto["listener_filters"] as { name: string }[]).map(({ name }) => name.split(".").at(-1)),
    ["tls_inspector", "http_inspector"],
  );
  assert.equal(auto["listener_filters_timeout"], "2s");
  assert.equal((auto["filter_chains"] as JsonObject[]).length, 5);
  assert.equal((inbound("http")["filter_chains"] as JsonObject[]).length, 2);
  assert.equal(inbound("http")["listener_filters_timeout"], undefined);
});
