import assert from "node:assert/strict";
import { test } from "node:test";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { ClusterLoadAssignmentSchema } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { compileEndpoints } from "../../src/plan/compile-endpoints.ts";
import type { ClusterPlan, EndpointPlan } from "../../src/plan/plan.ts";
import { Place, type Problem, throwProblems } from "../../src/plan/problems.ts";
import { limits, limitsOf } from "../support/plans.ts";
import { cluster, refusals } from "./support.ts";

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const options = (value: { [field: string]: JsonValue }): { [field: string]: JsonValue } => ({
  typed_extension_protocol_options: { [HTTP_OPTIONS]: { "@type": `type.googleapis.com/${HTTP_OPTIONS}`, ...value } },
});

test("an empty cluster has Envoy's defaults", () => {
  const { fingerprint, ...plan } = cluster({ name: "c" });
  assert.ok(fingerprint.length > 10);
  assert.deepEqual(plan, {
    name: "c",
    statName: "c",
    discovery: "static",
    edsServiceName: "",
    balancer: { policy: "round-robin", choiceCount: 2 },
    connectTimeoutMs: 5000,
    bufferLimitBytes: 1024 * 1024,
    maxRequestsPerConnection: 0,
    maxStreamDurationMs: 0,
    idleTimeoutMs: 3_600_000,
    maxResponseHeadersBytes: 61_440,
    maxResponseHeadersCount: 100,
    ...limits({}),
    healthyPanicThreshold: 50,
    service: null,
  });
});

test("everything that is set arrives in the plan", () => {
  const plan = cluster({
    name: "outbound|80||b",
    alt_stat_name: "b",
    type: "EDS",
    eds_cluster_config: { eds_config: { ads: {} }, service_name: "svc" },
    connect_timeout: "0.25s",
    lb_policy: "LEAST_REQUEST",
    least_request_lb_config: { choice_count: 3 },
    per_connection_buffer_limit_bytes: 32768,
    common_lb_config: { healthy_panic_threshold: { value: 0 } },
    circuit_breakers: {
      thresholds: [
        { priority: "HIGH", max_requests: 1, retry_budget: { min_retry_concurrency: 9 } },
        { max_connections: 7, max_requests: 8 },
      ],
    },
    metadata: { filter_metadata: { istio: { services: [{ host: "b.ns.svc", name: "b", namespace: "ns" }] } } },
    ...options({
      common_http_protocol_options: { idle_timeout: "60s", max_requests_per_connection: 9, max_headers_count: 50 },
      explicit_http_config: { http_protocol_options: {} },
    }),
  });
  const expected: Partial<ClusterPlan> = {
    statName: "b",
    discovery: "eds",
    edsServiceName: "svc",
    balancer: { policy: "least-request", choiceCount: 3 },
    connectTimeoutMs: 250,
    bufferLimitBytes: 32768,
    maxRequestsPerConnection: 9,
    idleTimeoutMs: 60_000,
    maxResponseHeadersCount: 50,
    thresholds: [
      limitsOf({ maxConnections: 7, maxRequests: 8 }),
      limitsOf({ maxRequests: 1, retryBudget: { percent: 20, minConcurrency: 9 } }),
    ],
    healthyPanicThreshold: 0,
    service: { host: "b.ns.svc", name: "b", namespace: "ns" },
  };
  assert.deepEqual({ ...plan, ...expected }, plan);
});

test("equal messages have equal fingerprints, different ones different", () => {
  assert.equal(cluster({ name: "c" }).fingerprint, cluster({ name: "c" }).fingerprint);
  assert.notEqual(cluster({ name: "c" }).fingerprint, cluster({ name: "c", lb_policy: "RANDOM" }).fingerprint);
});

const REFUSED: readonly [what: string, json: JsonValue, expected: RegExp][] = [
  ["balancing that we lack", { name: "c", lb_policy: "RING_HASH" }, /^lb_policy: RING_HASH is not supported \(only/],
  ["discovery that we lack", { name: "c", type: "ORIGINAL_DST" }, /^type: ORIGINAL_DST is not supported \(only/],
  [
    "an EDS cluster without a source",
    { name: "c", type: "EDS" },
    /^cannot create an EDS cluster without an EDS config/,
  ],
  [
    "endpoint discovery on a static cluster",
    { name: "c", eds_cluster_config: { eds_config: { ads: {} } } },
    /^eds_cluster_config: /,
  ],
  [
    "HTTP/2 to ordinary clusters",
    { name: "c", ...options({ explicit_http_config: { http2_protocol_options: {} } }) },
    /^typed_extension_protocol_options.*explicit_http_config\.http2_protocol_options: HTTP\/2 is supported only for/,
  ],
  [
    "HTTP/2 the old way",
    { name: "c", http2_protocol_options: {} },
    /^http2_protocol_options: HTTP\/2 is supported only for/,
  ],
  [
    "TLS",
    {
      name: "c",
      transport_socket: {
        name: "tls",
        typed_config: {
          "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
          type_url: "x/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        },
      },
    },
    /^transport_socket: tls \(x\/envoy.*UpstreamTlsContext\) is not supported$/,
  ],
  [
    "health checks",
    {
      name: "c",
      health_checks: [
        { timeout: "1s", interval: "1s", unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {} },
      ],
    },
    /^health_checks: is not supported$/,
  ],
  [
    "options that only listeners have",
    { name: "c", ...options({ explicit_http_config: { http_protocol_options: { enable_trailers: true } } }) },
    /enable_trailers: is not supported for a cluster$/,
  ],
];

for (const [what, json, expected] of REFUSED) {
  test(`refused: ${what}`, () => {
    const found = refusals(() => cluster(json));
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(found[0], expected);
  });
}

test("the management server's cluster may speak HTTP/2", () => {
  const json = { name: "ads", ...options({ explicit_http_config: { http2_protocol_options: {} } }) };
  assert.equal(cluster(json, "ads").name, "ads");
});

function endpoints(json: JsonValue, discovery: ClusterPlan["discovery"] = "eds"): readonly EndpointPlan[] {
  const problems: Problem[] = [];
  const plan = compileEndpoints(fromJson(ClusterLoadAssignmentSchema, json), discovery, new Place("", problems));
  throwProblems(problems);
  return plan;
}

const at = (address: string, port: number): { [field: string]: JsonValue } => ({
  endpoint: { address: { socket_address: { address, port_value: port } } },
});

test("endpoints of all localities are flattened, with weight, health, host name and workload", () => {
  const plan = endpoints({
    cluster_name: "c",
    endpoints: [
      {
        locality: { zone: "a" },
        lb_endpoints: [
          { ...at("10.0.0.1", 80), load_balancing_weight: 3, health_status: "DEGRADED" },
          { ...at("10.0.0.2", 80), health_status: "DRAINING" },
        ],
      },
      {
        locality: { zone: "b" },
        lb_endpoints: [
          {
            endpoint: { address: { socket_address: { address: "::1", port_value: 81 } }, hostname: "h" },
            metadata: { filter_metadata: { istio: { workload: "w;ns;svc;v1;k" } } },
          },
        ],
      },
    ],
  });
  assert.deepEqual(plan, [
    { address: "10.0.0.1", port: 80, hostname: "", weight: 3, health: "degraded", workload: "" },
    { address: "10.0.0.2", port: 80, hostname: "", weight: 1, health: "unhealthy", workload: "" },
    { address: "::1", port: 81, hostname: "h", weight: 1, health: "healthy", workload: "w;ns;svc;v1;k" },
  ]);
});

test("several priorities are refused", () => {
  const json = {
    cluster_name: "c",
    endpoints: [{ lb_endpoints: [at("10.0.0.1", 80)] }, { priority: 1, lb_endpoints: [at("10.0.0.2", 80)] }],
  };
  assert.deepEqual(
    refusals(() => endpoints(json)),
    ["endpoints[1].priority: more than one priority is not supported"],
  );
});

test("a host name is an address only where it is resolved", () => {
  const json = { cluster_name: "c", endpoints: [{ lb_endpoints: [at("b.example", 80)] }] };
  assert.match(refusals(() => endpoints(json, "static")).join(), /malformed IP address: b\.example\. Consider setting/);
  assert.deepEqual(
    endpoints(json, "strict-dns").map(({ address, hostname }) => [address, hostname]),
    [["b.example", "b.example"]],
  );
});

test("LOGICAL_DNS has one endpoint", () => {
  const json = { cluster_name: "c", endpoints: [{ lb_endpoints: [at("a.example", 80), at("b.example", 80)] }] };
  assert.match(
    refusals(() => endpoints(json, "logical-dns")).join(),
    /must have a single locality_lb_endpoint and a single/,
  );
});
