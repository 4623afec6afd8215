/** What a DestinationRule makes of a cluster: one rule a test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { TYPE } from "@tulle/xds";
import { destinationRule, service, TestMesh } from "../support/mesh.ts";

const HOST = "reviews.default.svc.cluster.local";
const TWO_PORTS = service("reviews", "default", "[{ name: http, port: 9080 }, { name: http-admin, port: 9081 }]");

interface Wanted {
  readonly subset?: string;
  readonly port?: number;
  readonly more?: string;
  readonly agent?: string;
}

function cluster(spec: string, { subset = "", port = 9080, more = "", agent = "envoy" }: Wanted = {}): JsonObject {
  const mesh = new TestMesh(TWO_PORTS + destinationRule("r", `{ host: reviews, ${spec} }`) + more);
  return mesh.proxy({ agent }).json(TYPE.cluster, `outbound|${port}|${subset}|${HOST}`);
}

function thresholds(json: JsonObject): JsonObject {
  return (json["circuit_breakers"] as { thresholds: JsonObject[] }).thresholds[0]!;
}

function httpOptions(json: JsonObject): JsonObject {
  const all = json["typed_extension_protocol_options"] as Record<string, JsonObject>;
  const { "@type": _, ...options } = all["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]!;
  return options;
}

function meshConfig(text: string): string {
  return `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "${text}" }`;
}

test("limits of connections and requests; what is left out or 0 is unlimited", () => {
  const pool =
    "connectionPool: { tcp: { maxConnections: 7 }, http: { http1MaxPendingRequests: 1, http2MaxRequests: 2, maxRetries: 0 } }";
  assert.deepEqual(thresholds(cluster(`trafficPolicy: { ${pool} }`)), {
    max_connections: 7,
    max_pending_requests: 1,
    max_requests: 2,
    max_retries: 4294967295,
    track_remaining: true,
  });
});

test("the connect timeout: the rule's, else the mesh's, else 10 s", () => {
  const pool = "trafficPolicy: { connectionPool: { tcp: { connectTimeout: 30ms } } }";
  assert.equal(cluster(pool, { more: meshConfig("connectTimeout: 3s") })["connect_timeout"], "0.030s");
  assert.equal(cluster("subsets: []", { more: meshConfig("connectTimeout: 3s") })["connect_timeout"], "3s");
  assert.equal(cluster("subsets: []")["connect_timeout"], "10s");
});

test("TCP keepalive: the rule's fields over the mesh's", () => {
  const keepalive = "trafficPolicy: { connectionPool: { tcp: { tcpKeepalive: { time: 7200s, probes: 3 } } } }";
  assert.deepEqual(
    cluster(keepalive, { more: meshConfig("tcpKeepalive: { interval: 75s, probes: 9 }") })[
      "upstream_connection_options"
    ],
    { tcp_keepalive: { keepalive_probes: 3, keepalive_time: 7200, keepalive_interval: 75 } },
  );
  assert.deepEqual(
    cluster("trafficPolicy: { connectionPool: { tcp: { tcpKeepalive: {} } } }")["upstream_connection_options"],
    {
      tcp_keepalive: {},
    },
  );
});

test("lifetimes of connections; HTTP's idle timeout comes before TCP's", () => {
  const pool =
    "connectionPool: { tcp: { maxConnectionDuration: 60s, idleTimeout: 5s }, http: { maxRequestsPerConnection: 4, idleTimeout: 3s } }";
  assert.deepEqual(httpOptions(cluster(`trafficPolicy: { ${pool} }`)), {
    common_http_protocol_options: {
      idle_timeout: "3s",
      max_connection_duration: "60s",
      max_requests_per_connection: 4,
    },
    explicit_http_config: { http_protocol_options: {} },
  });
  assert.deepEqual(
    httpOptions(cluster("trafficPolicy: { connectionPool: { tcp: { idleTimeout: 5s } } }"))[
      "common_http_protocol_options"
    ],
    { idle_timeout: "5s" },
  );
});

test("a destination may be spoken to in HTTP/2, by its rule or by the mesh's", () => {
  const http2 = { explicit_http_config: { http2_protocol_options: { max_concurrent_streams: 10 } } };
  const pool = (policy: string): string =>
    `trafficPolicy: { connectionPool: { http: { ${policy}, maxConcurrentStreams: 10 } } }`;
  const upgrade = meshConfig("h2UpgradePolicy: UPGRADE");
  assert.partialDeepStrictEqual(httpOptions(cluster(pool("h2UpgradePolicy: UPGRADE"))), http2);
  assert.partialDeepStrictEqual(httpOptions(cluster(pool("h2UpgradePolicy: DEFAULT"), { more: upgrade })), http2);
  assert.equal(
    cluster(pool("h2UpgradePolicy: DO_NOT_UPGRADE"), { more: upgrade })["typed_extension_protocol_options"],
    undefined,
  );
});

test("HTTP/2 keepalive pings", () => {
  const http = "{ h2UpgradePolicy: UPGRADE, http2KeepAlive: { interval: 10s, timeout: 2s } }";
  assert.deepEqual(httpOptions(cluster(`trafficPolicy: { connectionPool: { http: ${http} } }`)), {
    explicit_http_config: {
      http2_protocol_options: { connection_keepalive: { interval: "10s", timeout: "2s" } },
    },
  });
});

test("useClientProtocol: the destination is spoken to as the client speaks", () => {
  assert.deepEqual(httpOptions(cluster("trafficPolicy: { connectionPool: { http: { useClientProtocol: true } } }")), {
    use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: {} },
  });
});

test("outlier detection: unset fields are Envoy's defaults, success rates never eject", () => {
  assert.deepEqual(cluster("trafficPolicy: { outlierDetection: {} }")["outlier_detection"], {
    enforcing_success_rate: 0,
  });
});

test("outlier detection, all fields", () => {
  const outlier =
    "{ consecutive5xxErrors: 3, consecutiveGatewayErrors: 2, interval: 1s, baseEjectionTime: 3s, maxEjectionPercent: 100, minHealthPercent: 40, splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 6 }";
  const json = cluster(`trafficPolicy: { outlierDetection: ${outlier} }`);
  assert.deepEqual(json["outlier_detection"], {
    consecutive_5xx: 3,
    enforcing_consecutive_5xx: 100,
    consecutive_gateway_failure: 2,
    enforcing_consecutive_gateway_failure: 100,
    interval: "1s",
    base_ejection_time: "3s",
    max_ejection_percent: 100,
    enforcing_success_rate: 0,
    split_external_local_origin_errors: true,
    consecutive_local_origin_failure: 6,
    enforcing_consecutive_local_origin_failure: 100,
    enforcing_local_origin_success_rate: 0,
  });
  assert.deepEqual(json["common_lb_config"], { healthy_panic_threshold: { value: 40 } });
});

test("0 consecutive errors switch that detection off", () => {
  const json = cluster("trafficPolicy: { outlierDetection: { consecutive5xxErrors: 0, consecutiveGatewayErrors: 0 } }");
  assert.deepEqual(json["outlier_detection"], {
    consecutive_5xx: 0,
    enforcing_consecutive_5xx: 0,
    consecutive_gateway_failure: 0,
    enforcing_consecutive_gateway_failure: 0,
    enforcing_success_rate: 0,
  });
});

test("outlier detection by status codes replaces what counts as an error", () => {
  const status = (code: string): JsonObject => ({
    http_response_headers_match: { headers: [{ name: ":status", string_match: { exact: code } }] },
  });
  const matcher = (codes: string): unknown =>
    httpOptions(cluster(`trafficPolicy: { outlierDetection: { outlierDetectionHttpErrorCodes: ${codes} } }`))[
      "outlier_detection"
    ];
  assert.deepEqual(matcher("[429]"), { error_matcher: status("429") });
  assert.deepEqual(matcher("[429, 500]"), { error_matcher: { or_match: { rules: [status("429"), status("500")] } } });
});

test("the simple balancers, and LEAST_CONN as the old name of LEAST_REQUEST", () => {
  const policy = (simple: string): unknown =>
    cluster(`trafficPolicy: { loadBalancer: { simple: ${simple} } }`)["lb_policy"];
  assert.equal(policy("ROUND_ROBIN"), undefined, "the first value of the enumeration");
  assert.equal(policy("RANDOM"), "RANDOM");
  assert.equal(policy("LEAST_REQUEST"), "LEAST_REQUEST");
  assert.equal(policy("LEAST_CONN"), "LEAST_REQUEST");
  assert.equal(policy("UNSPECIFIED"), "LEAST_REQUEST");
});

test("consistent hashing: a ring of at least 1024 unless said otherwise, or Maglev's table", () => {
  const hash = (more: string): JsonObject =>
    cluster(`trafficPolicy: { loadBalancer: { consistentHash: { useSourceIp: true${more} } } }`);
  assert.partialDeepStrictEqual(hash(""), {
    lb_policy: "RING_HASH",
    ring_hash_lb_config: { minimum_ring_size: "1024" },
  });
  assert.partialDeepStrictEqual(hash(", ringHash: { minimumRingSize: 64 }"), {
    lb_policy: "RING_HASH",
    ring_hash_lb_config: { minimum_ring_size: "64" },
  });
  assert.partialDeepStrictEqual(hash(", minimumRingSize: 2048"), {
    ring_hash_lb_config: { minimum_ring_size: "2048" },
  });
  assert.partialDeepStrictEqual(hash(", maglev: { tableSize: 251 }"), {
    lb_policy: "MAGLEV",
    maglev_lb_config: { table_size: "251" },
  });
});

test("warm-up, for the balancers that have it", () => {
  const lb = (settings: string): JsonObject => cluster(`trafficPolicy: { loadBalancer: { ${settings} } }`);
  const config = {
    slow_start_config: {
      slow_start_window: "60s",
      aggression: { default_value: 2, runtime_key: "istio.warmup.aggression" },
      min_weight_percent: { value: 10 },
    },
  };
  const warmup = "warmup: { duration: 60s, aggression: 2 }";
  assert.deepEqual(lb(`simple: ROUND_ROBIN, ${warmup}`)["round_robin_lb_config"], config);
  assert.deepEqual(lb(warmup)["least_request_lb_config"], config);
  assert.deepEqual(lb("warmupDurationSecs: 30s")["least_request_lb_config"], {
    slow_start_config: { slow_start_window: "30s" },
  });
  assert.equal(lb(`simple: RANDOM, ${warmup}`)["least_request_lb_config"], undefined);
});

test("a retry budget", () => {
  assert.deepEqual(thresholds(cluster("trafficPolicy: { retryBudget: {} }"))["retry_budget"], {
    budget_percent: { value: 20 },
    min_retry_concurrency: 3,
  });
  assert.deepEqual(
    thresholds(cluster("trafficPolicy: { retryBudget: { percent: 12.5, minRetryConcurrency: 9 } }"))["retry_budget"],
    { budget_percent: { value: 12.5 }, min_retry_concurrency: 9 },
  );
});

test("a subset's blocks replace the rule's, one by one", () => {
  const spec =
    "trafficPolicy: { loadBalancer: { simple: RANDOM }, connectionPool: { tcp: { maxConnections: 1 } } }, subsets: [{ name: v1, trafficPolicy: { connectionPool: { http: { maxRetries: 2 } } } }]";
  const json = cluster(spec, { subset: "v1" });
  assert.equal(json["lb_policy"], "RANDOM");
  assert.partialDeepStrictEqual(thresholds(json), { max_connections: 4294967295, max_retries: 2 });
});

test("a port's settings stand for the whole level: what they leave out is the default", () => {
  const spec =
    "trafficPolicy: { outlierDetection: {}, loadBalancer: { simple: RANDOM }, retryBudget: {}, portLevelSettings: [{ port: { number: 9081 }, connectionPool: { tcp: { maxConnections: 3 } } }] }";
  const other = cluster(spec, { port: 9080 });
  assert.equal(other["lb_policy"], "RANDOM");
  assert.notEqual(other["outlier_detection"], undefined);
  const json = cluster(spec, { port: 9081 });
  assert.equal(json["lb_policy"], "LEAST_REQUEST");
  assert.equal(json["outlier_detection"], undefined);
  assert.equal(thresholds(json)["max_connections"], 3);
  assert.equal(thresholds(json)["retry_budget"], undefined);
});

test("a subset's port settings replace what the rule says for everything that ports have", () => {
  const spec =
    "trafficPolicy: { loadBalancer: { simple: RANDOM }, retryBudget: {} }, subsets: [{ name: v1, trafficPolicy: { portLevelSettings: [{ port: { number: 9080 }, connectionPool: { tcp: { maxConnections: 3 } } }] } }]";
  const json = cluster(spec, { subset: "v1" });
  assert.equal(json["lb_policy"], "LEAST_REQUEST");
  assert.equal(thresholds(json)["max_connections"], 3);
  assert.notEqual(thresholds(json)["retry_budget"], undefined);
});

test("the mesh's default policy is beneath every rule, block by block", () => {
  const more = meshConfig(
    "defaultTrafficPolicy: { connectionPool: { tcp: { maxConnections: 9 } }, outlierDetection: { consecutive5xxErrors: 2 } }",
  );
  const json = cluster("trafficPolicy: { connectionPool: { http: { maxRetries: 1 } } }", { more });
  assert.partialDeepStrictEqual(thresholds(json), { max_connections: 4294967295, max_retries: 1 });
  assert.partialDeepStrictEqual(json["outlier_detection"], { consecutive_5xx: 2 });
});

test("the receiving side has the limits of its service's rule, and no balancing", () => {
  const tulle = {
    inbound: [{ port: 9080, address: "127.0.0.1", bind_port: 41002, app_address: "127.0.0.2", app_port: 41003 }],
  };
  const rule = destinationRule(
    "r",
    "{ host: reviews, trafficPolicy: { outlierDetection: {}, connectionPool: { tcp: { maxConnections: 5, connectTimeout: 1s }, http: { maxRequestsPerConnection: 1, h2UpgradePolicy: UPGRADE } } } }",
  );
  const mesh = new TestMesh(service("reviews") + rule);
  const json = mesh.proxy({ tulle, labels: { app: "reviews" } }).json(TYPE.cluster, "inbound|9080||");
  assert.equal(thresholds(json)["max_connections"], 5);
  assert.equal(json["connect_timeout"], "1s");
  assert.equal(json["outlier_detection"], undefined);
  assert.deepEqual(httpOptions(json), {
    common_http_protocol_options: { max_requests_per_connection: 1 },
    explicit_http_config: { http_protocol_options: {} },
  });
});

test("objects without exportTo are exported as the mesh says", () => {
  const more = meshConfig("defaultServiceExportTo: [.]");
  const mesh = new TestMesh(service("reviews", "a") + more);
  assert.equal(mesh.proxy({ namespace: "a" }).names(TYPE.cluster).length, 1);
  assert.deepEqual(mesh.proxy({ namespace: "b" }).names(TYPE.cluster), []);
});

test("the PROXY protocol, in front of whatever transport there is", () => {
  const header = (json: JsonObject): JsonObject =>
    (json["transport_socket"] as JsonObject)["typed_config"] as JsonObject;
  const inner = (socket: JsonObject): unknown => (socket["transport_socket"] as JsonObject)["name"];
  const plain = header(cluster("trafficPolicy: { proxyProtocol: { version: V2 } }"));
  assert.deepEqual(plain["config"], { version: "V2" });
  assert.equal(inner(plain), "envoy.transport_sockets.raw_buffer");
  const tls = header(cluster("trafficPolicy: { proxyProtocol: {}, tls: { mode: SIMPLE } }"));
  assert.deepEqual(tls["config"], {});
  assert.equal(inner(tls), "envoy.transport_sockets.tls");
  const mesh = new TestMesh(
    TWO_PORTS + destinationRule("r", "{ host: reviews, trafficPolicy: { proxyProtocol: {} } }"),
  );
  const automatic = mesh.proxy({ secrets: "sds" }).json(TYPE.cluster, `outbound|9080||${HOST}`);
  assert.deepEqual(
    (automatic["transport_socket_matches"] as JsonObject[]).map((match) => inner(header(match))),
    ["envoy.transport_sockets.tls", "envoy.transport_sockets.raw_buffer"],
  );
  assert.equal(cluster("trafficPolicy: { proxyProtocol: {} }", { agent: "gRPC C++" })["transport_socket"], undefined);
});
