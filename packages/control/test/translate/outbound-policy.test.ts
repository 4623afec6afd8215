/** Hosts that nobody knows, and hosts that are found by the request: one rule a test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { TYPE } from "@tulle/xds";
import { destinationRule, service, TestMesh } from "../support/mesh.ts";
import type { ProxyOptions, TestProxy } from "../support/mesh.ts";

const meshConfig = (text: string): string => `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "${text}" }`;

const sidecar = (spec: string): string => `
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: default }
spec: { ${spec} }`;

const REGISTRY_ONLY = "outboundTrafficPolicy: { mode: REGISTRY_ONLY }";
const ALLOW_ANY = "outboundTrafficPolicy: { mode: ALLOW_ANY }";

/** Of a port's listener; of the HTTP proxy, which takes CONNECT, too. */
type Kind = "port" | "proxy";

function catchAll(name: string, kind: Kind, action: (isConnect: boolean) => JsonObject): JsonObject {
  const requests = { name, match: { prefix: "/" }, ...action(false) };
  const connects = { name, match: { connect_matcher: {} }, ...action(true) };
  return {
    name,
    domains: ["*"],
    include_request_attempt_count: true,
    routes: kind === "proxy" ? [connects, requests] : [requests],
  };
}

const blockAll = (kind: Kind): JsonObject => catchAll("block_all", kind, () => ({ direct_response: { status: 502 } }));
const blocked = [blockAll("port"), blockAll("proxy")];

/** `connect`: what becomes of CONNECT. */
function allowAny(cluster: string, kind: Kind, connect: JsonObject): JsonObject {
  return catchAll("allow_any", kind, (isConnect) => ({
    route: {
      cluster,
      timeout: "0s",
      max_stream_duration: { max_stream_duration: "0s", grpc_timeout_header_max: "0s" },
      ...(isConnect ? { upgrade_configs: [{ upgrade_type: "CONNECT", ...connect }] } : {}),
    },
  }));
}

const passed = (["port", "proxy"] as const).map((kind) => allowAny("PassthroughCluster", kind, { connect_config: {} }));

function proxyOf(yaml: string, options: ProxyOptions = {}): TestProxy {
  return new TestMesh(service("reviews") + yaml).proxy(options);
}

/** The last virtual host of each outbound route configuration. */
function unknown(yaml: string): unknown[] {
  const proxy = proxyOf(yaml);
  return ["9080", "http_proxy"].map((routes) => Object.values(proxy.virtualHosts(routes)).at(-1));
}

function filters(proxy: TestProxy, listener: string): string[] {
  const [chain] = proxy.json(TYPE.listener, listener)["filter_chains"] as unknown as {
    filters: { typed_config: { http_filters: { name: string }[] } }[];
  }[];
  return chain!.filters[0]!.typed_config.http_filters.map(({ name }) => name);
}

const FORWARDING = "envoy.filters.http.dynamic_forward_proxy";

test("by default requests to unknown hosts go where they say", () => {
  assert.deepEqual(unknown(""), passed);
});

test("REGISTRY_ONLY of the mesh: they are answered 502", () => {
  assert.deepEqual(unknown(meshConfig(REGISTRY_ONLY)), blocked);
  assert.deepEqual(unknown(meshConfig("outboundTrafficPolicy: {}")), blocked, "the first of the enumeration");
});

test("a Sidecar's policy comes before the mesh's", () => {
  assert.deepEqual(unknown(sidecar(REGISTRY_ONLY)), blocked);
  assert.deepEqual(unknown(meshConfig(REGISTRY_ONLY) + sidecar(ALLOW_ANY))[0], passed[0]);
  assert.deepEqual(unknown(meshConfig(REGISTRY_ONLY) + sidecar('egress: [{ hosts: ["*/*"] }]'))[0], blocked[0]);
});

test("egressProxy: one destination for all that is unknown, which is asked to CONNECT, too", () => {
  const egress = `outboundTrafficPolicy: { mode: ALLOW_ANY, egressProxy: { host: proxy.shop.svc.cluster.local, subset: v1, port: { number: 3128 } } }`;
  assert.deepEqual(unknown(sidecar(egress)), [
    allowAny("outbound|3128|v1|proxy.shop.svc.cluster.local", "port", {}),
    allowAny("outbound|3128|v1|proxy.shop.svc.cluster.local", "proxy", {}),
  ]);
});

test("the clusters PassthroughCluster and BlackHoleCluster, by Istio's names", () => {
  const proxy = proxyOf("");
  assert.partialDeepStrictEqual(proxy.json(TYPE.cluster, "PassthroughCluster"), {
    cluster_type: { name: "envoy.clusters.dynamic_forward_proxy" },
    lb_policy: "CLUSTER_PROVIDED",
    connect_timeout: "10s",
    metadata: { filter_metadata: { istio: { services: [{ name: "PassthroughCluster" }] } } },
  });
  assert.deepEqual(proxy.json(TYPE.cluster, "BlackHoleCluster"), {
    name: "BlackHoleCluster",
    type: "STATIC",
    connect_timeout: "10s",
  });
});

test("the passthrough cluster has the limits of the mesh's default policy", () => {
  const mesh = meshConfig("defaultTrafficPolicy: { connectionPool: { tcp: { maxConnections: 3 } } }");
  const json = proxyOf(mesh).json(TYPE.cluster, "PassthroughCluster");
  assert.partialDeepStrictEqual(json["circuit_breakers"], { thresholds: [{ max_connections: 3 }] });
});

test("only listeners whose requests may go where they say look hosts up", () => {
  assert.ok(filters(proxyOf(""), "127.0.0.1_15001").includes(FORWARDING));
  assert.ok(!filters(proxyOf(meshConfig(REGISTRY_ONLY)), "127.0.0.1_15001").includes(FORWARDING));
});

const entry = (spec: string): string => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: wild }
spec: { hosts: ["*.wild.example"], ports: [{ number: 80, name: http, protocol: HTTP }], ${spec} }`;

test("resolution NONE and DYNAMIC_DNS: the host of each request is looked up", () => {
  for (const resolution of ["NONE", "DYNAMIC_DNS"]) {
    const proxy = proxyOf(entry(`resolution: ${resolution}`) + meshConfig(REGISTRY_ONLY));
    const json = proxy.json(TYPE.cluster, "outbound|80||*.wild.example");
    assert.partialDeepStrictEqual(json, {
      cluster_type: { name: "envoy.clusters.dynamic_forward_proxy" },
      lb_policy: "CLUSTER_PROVIDED",
    });
    assert.equal(json["load_assignment"], undefined);
    assert.equal(json["eds_cluster_config"], undefined);
    assert.ok(filters(proxy, "127.0.0.1_15001").includes(FORWARDING));
  }
});

test("a DestinationRule's limits hold for those hosts too, its balancer does not", () => {
  const rule = destinationRule(
    "r",
    '{ host: "*.wild.example", trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN, warmup: { duration: 1s } }, connectionPool: { tcp: { maxConnections: 3 } }, outlierDetection: {} } }',
  );
  const json = proxyOf(entry("resolution: NONE") + rule).json(TYPE.cluster, "outbound|80||*.wild.example");
  assert.equal(json["lb_policy"], "CLUSTER_PROVIDED");
  assert.equal(json["round_robin_lb_config"], undefined);
  assert.partialDeepStrictEqual(json["circuit_breakers"], { thresholds: [{ max_connections: 3 }] });
  assert.notEqual(json["outlier_detection"], undefined);
});

test("loadBalancer.simple PASSTHROUGH: the host that the request names is taken as it is", () => {
  const rule = destinationRule("r", "{ host: reviews, trafficPolicy: { loadBalancer: { simple: PASSTHROUGH } } }");
  const proxy = proxyOf(rule);
  const json = proxy.json(TYPE.cluster, "outbound|9080||reviews.default.svc.cluster.local");
  assert.equal(json["lb_policy"], "CLUSTER_PROVIDED");
  assert.deepEqual(proxy.names(TYPE.endpoints), []);
});

test("an egress gateway looks hosts up where something asks for it", () => {
  const gateway = `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec: { servers: [{ port: { number: 8080, name: http, protocol: HTTP }, hosts: ["*"] }] }`;
  const router: ProxyOptions = { type: "router", tulle: {} };
  const closed = meshConfig(REGISTRY_ONLY) + gateway;
  assert.ok(!filters(proxyOf(closed, router), "0.0.0.0_8080").includes(FORWARDING));
  assert.ok(filters(proxyOf(closed + entry("resolution: NONE"), router), "0.0.0.0_8080").includes(FORWARDING));
});

test("gRPC clients, which ask for services only, get none of it", () => {
  const grpc = proxyOf(entry("resolution: NONE"), { agent: "gRPC Node Pure JS" });
  assert.deepEqual(
    [...grpc.view.set(TYPE.cluster)!.resources.keys()],
    ["outbound|9080||reviews.default.svc.cluster.local"],
  );
});

test("path normalisation and what proxies say of themselves are for the mesh to say", () => {
  const manager = (text: string): JsonObject => {
    const [chain] = proxyOf(meshConfig(text)).json(TYPE.listener, "127.0.0.1_15001")["filter_chains"] as unknown as {
      filters: { typed_config: JsonObject }[];
    }[];
    return chain!.filters[0]!.typed_config;
  };
  assert.equal(manager("pathNormalization: { normalization: NONE }")["normalize_path"], false);
  assert.partialDeepStrictEqual(manager("pathNormalization: { normalization: MERGE_SLASHES }"), {
    normalize_path: true,
    merge_slashes: true,
  });
  assert.partialDeepStrictEqual(manager("pathNormalization: { normalization: DECODE_AND_MERGE_SLASHES }"), {
    normalize_path: true,
    merge_slashes: true,
    path_with_escaped_slashes_action: "UNESCAPE_AND_FORWARD",
  });
  assert.equal(
    manager("defaultConfig: { proxyHeaders: { requestId: { disabled: true } } }")["generate_request_id"],
    false,
  );
  assert.equal(
    manager("defaultConfig: { proxyHeaders: { server: { disabled: true } } }")["server_header_transformation"],
    "PASS_THROUGH",
  );
});
