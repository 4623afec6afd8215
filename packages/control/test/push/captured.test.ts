/** What a workload gets whose connections are captured (INTERCEPTION_MODE REDIRECT or TPROXY). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { TYPE } from "@tulle/xds";
import type { ProxyOptions, TestProxy } from "../support/mesh.ts";
import { TestMesh } from "../support/mesh.ts";

const SERVICES = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec: { clusterIP: 10.96.0.1, ports: [ { name: http, port: 80 }, { name: grpc, port: 9000 } ] }
---
apiVersion: v1
kind: Service
metadata: { name: redis, namespace: default }
spec: { ports: [ { name: tcp-redis, port: 6379 }, { name: dns, port: 53, protocol: UDP } ] }
---
apiVersion: v1
kind: Service
metadata: { name: legacy, namespace: default }
spec: { clusterIP: 10.96.0.3, clusterIPs: [ 10.96.0.3, "fd00:96::3" ], ports: [ { port: 8000 } ] }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: far, namespace: default }
spec: { hosts: [ far.example ], ports: [ { number: 5000, name: tcp, protocol: TCP } ], resolution: NONE }
`;

function captured(
  options: ProxyOptions & { readonly mode?: string; readonly addresses?: string } = {},
  yaml = SERVICES,
) {
  const { mode = "REDIRECT", addresses = "10.0.0.1" } = options;
  const metadata = { INTERCEPTION_MODE: mode, INSTANCE_IPS: addresses };
  return new TestMesh(yaml).proxy({ tulle: {}, metadata, ...options });
}

function listener(proxy: TestProxy, name: string): JsonObject {
  return proxy.json(TYPE.listener, name);
}

/** What each chain matches, and the cluster or route configuration that it leads to. */
function chains(json: JsonObject): readonly string[] {
  const text = (chain: JsonObject, isDefault: boolean): string => {
    const match = (chain["filter_chain_match"] ?? {}) as {
      destination_port?: number;
      application_protocols?: string[];
    };
    const filter = (chain["filters"] as JsonObject[]).at(-1);
    const config = filter!["typed_config"] as {
      cluster?: string;
      rds?: { route_config_name: string };
      route_config?: { name: string };
    };
    const to = config.cluster ?? config.rds?.route_config_name ?? config.route_config?.name;
    const on = [match.destination_port, ...(match.application_protocols ?? [])].filter((part) => part !== undefined);
    return `${isDefault ? "else" : on.join(" ") || "any"} -> ${to}`;
  };
  const last = json["default_filter_chain"] as JsonObject | undefined;
  return [
    ...((json["filter_chains"] ?? []) as JsonObject[]).map((chain) => text(chain, false)),
    ...(last === undefined ? [] : [text(last, true)]),
  ];
}

describe("outbound listeners of a captured workload", () => {
  test("there is one for each port that carries HTTP, and for each address and port of other services", () => {
    const proxy = captured();
    const auto = autoAddress(proxy, "redis.default.svc.cluster.local");
    assert.match(auto, /^240\.240\./);
    assert.deepEqual(proxy.names(TYPE.listener).toSorted(), [
      "0.0.0.0_5000",
      "0.0.0.0_80",
      "0.0.0.0_9000",
      "10.96.0.3_8000",
      `${auto}_6379`,
      "virtualInbound",
      "virtualOutbound",
    ]);
  });

  test("what nobody listens for goes where it was going, and to the proxy itself nowhere", () => {
    const outbound = listener(captured(), "virtualOutbound");
    assert.equal(outbound["use_original_dst"], true);
    assert.equal(outbound["transparent"], undefined);
    assert.deepEqual(chains(outbound), ["15001 -> BlackHoleCluster", "any -> PassthroughCluster"]);
    assert.equal(captured().json(TYPE.cluster, "PassthroughCluster")["type"], "ORIGINAL_DST");
  });

  test("HTTP is known by its Host header at any address; what is no HTTP goes on", () => {
    const http = listener(captured(), "0.0.0.0_80");
    assert.equal(http["bind_to_port"], false);
    assert.deepEqual(chains(http), ["http/1.0 http/1.1 h2c -> 80", "else -> PassthroughCluster"]);
    assert.deepEqual(http["listener_filters_timeout"], "0s");
  });

  test("bytes go to the service that the address is of; unnamed ports are looked at for HTTP", () => {
    const proxy = captured();
    const redis = listener(proxy, `${autoAddress(proxy, "redis.default.svc.cluster.local")}_6379`);
    assert.deepEqual(chains(redis), ["any -> outbound|6379||redis.default.svc.cluster.local"]);
    assert.equal(redis["listener_filters"], undefined);
    assert.deepEqual(chains(listener(proxy, "10.96.0.3_8000")), [
      "http/1.0 http/1.1 h2c -> 8000",
      "else -> outbound|8000||legacy.default.svc.cluster.local",
    ]);
  });

  test("with certificates, servers of ports that may carry both are told whether HTTP comes", () => {
    const proxy = captured({ tulle: { secrets: "sds" } });
    assert.deepEqual(chains(listener(proxy, "10.96.0.3_8000")), [
      "http/1.0 http/1.1 h2c -> 8000",
      "else -> outbound|8000|~tcp|legacy.default.svc.cluster.local",
    ]);
    const alpn = (cluster: string): string =>
      /"alpn_protocols":(\[.*?\])/.exec(JSON.stringify(proxy.json(TYPE.cluster, cluster)))![1]!;
    const http = "outbound|8000||legacy.default.svc.cluster.local";
    const bytes = "outbound|8000|~tcp|legacy.default.svc.cluster.local";
    assert.equal(alpn(http), '["istio-http/1.1","istio","http/1.1"]');
    assert.equal(alpn(bytes), '["istio"]');
    assert.equal(alpn("outbound|6379||redis.default.svc.cluster.local"), '["istio"]');
    // Their endpoints are the same, and come once.
    const eds = proxy.json(TYPE.cluster, bytes)["eds_cluster_config"] as JsonObject;
    assert.equal(eds["service_name"], http);
    assert.ok(!proxy.names(TYPE.endpoints).includes(bytes));
  });

  test("a service without resolution is reached at the address that the client has", () => {
    const proxy = captured();
    assert.deepEqual(chains(listener(proxy, "0.0.0.0_5000")), ["any -> outbound|5000||far.example"]);
    assert.equal(proxy.json(TYPE.cluster, "outbound|5000||far.example")["type"], "ORIGINAL_DST");
  });

  test("REGISTRY_ONLY: what nobody knows goes nowhere", () => {
    const registryOnly = `${SERVICES}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: default, namespace: default }
spec: { outboundTrafficPolicy: { mode: REGISTRY_ONLY } }
`;
    const proxy = captured({}, registryOnly);
    assert.deepEqual(chains(listener(proxy, "virtualOutbound")), [
      "15001 -> BlackHoleCluster",
      "any -> BlackHoleCluster",
    ]);
    assert.deepEqual(chains(listener(proxy, "0.0.0.0_80")), [
      "http/1.0 http/1.1 h2c -> 80",
      "else -> BlackHoleCluster",
    ]);
  });

  test("of both families with IPv6; transparent with TPROXY", () => {
    const proxy = captured({ mode: "TPROXY", addresses: "10.0.0.1,fd00::1" });
    const outbound = listener(proxy, "virtualOutbound");
    assert.equal(outbound["transparent"], true);
    assert.deepEqual(outbound["additional_addresses"], [
      { address: { socket_address: { address: "::", port_value: 15001 } } },
    ]);
    assert.equal(listener(proxy, "virtualInbound")["transparent"], true);
    assert.ok(proxy.names(TYPE.listener).includes("[fd00:96::3]_8000"));
  });

  test("routes of all HTTP ports come with them", () => {
    assert.deepEqual(captured().names(TYPE.route), ["80", "8000", "9000"]);
  });

  test("without INTERCEPTION_MODE there are none", () => {
    const free = captured({ mode: "NONE" });
    assert.deepEqual(free.names(TYPE.listener), []);
    assert.deepEqual(free.names(TYPE.nameTable), []);
  });
});

describe("inbound listeners of a captured workload", () => {
  const inbound = (port: number, protocol: string): JsonObject => ({
    port,
    protocol,
    address: "10.0.0.1",
    bind_port: port,
    app_port: port,
  });
  const tulle = { service: "web", inbound: [inbound(8080, "http"), inbound(6379, "tcp"), inbound(7000, "auto")] };

  test("a chain for each port by its protocol, the rest to the application as it is", () => {
    const arriving = listener(captured({ tulle }), "virtualInbound");
    assert.deepEqual(chains(arriving), [
      "15006 -> BlackHoleCluster",
      "8080 -> inbound|8080||",
      "6379 -> inbound|6379||",
      "7000 http/1.0 http/1.1 h2c -> inbound|7000||",
      "7000 -> inbound|7000||",
      "any -> InboundPassthroughCluster",
    ]);
    assert.equal(arriving["continue_on_listener_filters_timeout"], true);
  });

  test("STRICT: nothing gets around mutual TLS, neither at ports that are known nor at others", () => {
    const yaml = `${SERVICES}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: default }
spec: { mtls: { mode: STRICT } }
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: own, namespace: default }
spec: { selector: { matchLabels: { app: own } }, mtls: { mode: STRICT }, portLevelMtls: { 9999: { mode: DISABLE } } }
`;
    const plain = (labels: Record<string, string>): readonly unknown[] => {
      const arriving = listener(captured({ tulle: { ...tulle, secrets: "sds" }, labels }, yaml), "virtualInbound");
      assert.equal(arriving["default_filter_chain"], undefined);
      return (arriving["filter_chains"] as JsonObject[])
        .filter((chain) => chain["transport_socket"] === undefined)
        .map((chain) => (chain["filter_chain_match"] as JsonObject)["destination_port"]);
    };
    assert.deepEqual(plain({}), [15006]);
    assert.deepEqual(plain({ app: "own" }), [15006, 9999]);
  });

  test("HTTP is looked for only where nothing is known: servers may speak first elsewhere", () => {
    const [original, inspector] = listener(captured({ tulle }), "virtualInbound")["listener_filters"] as JsonObject[];
    assert.equal(original!["name"], "envoy.filters.listener.original_dst");
    assert.deepEqual(inspector!["filter_disabled"], {
      or_match: {
        rules: [
          { destination_port_range: { start: 8080, end: 8081 } },
          { destination_port_range: { start: 6379, end: 6380 } },
        ],
      },
    });
  });

  test("an application that a Sidecar has put elsewhere is reached there", () => {
    const sidecar = `${SERVICES}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: own, namespace: default }
spec:
  ingress:
    - { port: { number: 8080, protocol: HTTP, name: http }, defaultEndpoint: "127.0.0.1:3000" }
    - { port: { number: 6379, protocol: TCP, name: tcp }, defaultEndpoint: "0.0.0.0:6379" }
`;
    const proxy = captured({ tulle }, sidecar);
    const moved = proxy.json(TYPE.cluster, "inbound|8080||");
    assert.equal(moved["type"], "STATIC");
    assert.match(JSON.stringify(moved["load_assignment"]), /"address":"127\.0\.0\.1","port_value":3000/);
    assert.equal(moved["upstream_bind_config"], undefined);
    assert.equal(proxy.json(TYPE.cluster, "inbound|6379||")["type"], "ORIGINAL_DST");
  });

  test("connections to the application come from the address that is not captured", () => {
    const proxy = captured({ tulle, addresses: "10.0.0.1,fd00::1" });
    const cluster = proxy.json(TYPE.cluster, "inbound|6379||");
    assert.equal(cluster["type"], "ORIGINAL_DST");
    assert.deepEqual(cluster["upstream_bind_config"], {
      source_address: { address: "127.0.0.6", port_value: 0 },
      extra_source_addresses: [{ address: { address: "::6", port_value: 0 } }],
    });
  });
});

describe("addresses of services that have none", () => {
  test("stay what they are when services come and go, and after a restart", () => {
    const redis = "redis.default.svc.cluster.local";
    const mesh = new TestMesh(SERVICES);
    const before = mesh.snapshot.autoAddresses.get(redis);
    mesh.change(`
apiVersion: v1
kind: Service
metadata: { name: another, namespace: default }
spec: { ports: [ { name: tcp, port: 1 } ] }
`);
    assert.equal(mesh.snapshot.autoAddresses.get(redis), before);
    assert.deepEqual(new TestMesh(SERVICES).snapshot.autoAddresses.get(redis), before);
    assert.match(before!.v6, /^2001:2::f0f0:/);
  });

  test("no two services have one", () => {
    const yaml = Array.from(
      { length: 600 },
      (_, i) => `apiVersion: v1\nkind: Service\nmetadata: { name: s${i} }\nspec: { ports: [ { port: 1 } ] }\n`,
    ).join("---\n");
    const { autoAddresses } = new TestMesh(yaml).snapshot;
    assert.equal(new Set([...autoAddresses.values()].map(({ v4 }) => v4)).size, 600);
    assert.equal(new Set([...autoAddresses.values()].map(({ v6 }) => v6)).size, 600);
  });
});

test("the table of names has every service's addresses", () => {
  const proxy = captured();
  const { table } = proxy.json(TYPE.nameTable, "names") as { table: Record<string, JsonObject> };
  assert.deepEqual(table["legacy.default.svc.cluster.local"], {
    ips: ["10.96.0.3", "fd00:96::3"],
    registry: "Kubernetes",
    shortname: "legacy",
    namespace: "default",
  });
  assert.equal(table["far.example"], undefined);
});

function autoAddress(proxy: TestProxy, host: string): string {
  const { table } = proxy.json(TYPE.nameTable, "names") as { table: Record<string, { ips: string[] }> };
  return table[host]!.ips[0]!;
}
