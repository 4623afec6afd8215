import assert from "node:assert/strict";
import { test } from "node:test";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { ClusterLoadAssignmentSchema } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { compileEndpoints } from "../../src/plan/compile-endpoints.ts";
import type { ClusterPlan, EndpointPlan } from "../../src/plan/cluster-plan.ts";
import { Place, type Problem, throwProblems } from "../../src/plan/problems.ts";
import { clusterPlan, endpointAt, limitsOf } from "../support/plans.ts";
import { cluster, refusals } from "./support.ts";

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const options = (value: { [field: string]: JsonValue }): { [field: string]: JsonValue } => ({
  typed_extension_protocol_options: { [HTTP_OPTIONS]: { "@type": `type.googleapis.com/${HTTP_OPTIONS}`, ...value } },
});

const LB = "envoy.extensions.load_balancing_policies";
const typedPolicy = (type: string, value: { [field: string]: JsonValue }): { [field: string]: JsonValue } => ({
  load_balancing_policy: {
    policies: [
      { typed_extension_config: { name: "p", typed_config: { "@type": `type.googleapis.com/${type}`, ...value } } },
    ],
  },
});

test("an empty cluster has Envoy's defaults", () => {
  const { fingerprint, ...plan } = cluster({ name: "c" });
  assert.ok(fingerprint.length > 10);
  const { fingerprint: _, ...expected } = clusterPlan("c");
  assert.deepEqual(plan, expected);
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
    balancer: {
      policy: "least-request",
      choiceCount: 3,
      fullScan: false,
      activeRequestBias: { value: 1 },
      slowStart: null,
    },
    connectTimeoutMs: 250,
    bufferLimitBytes: 32768,
    maxRequestsPerConnection: 9,
    idleTimeoutMs: 60_000,
    maxResponseHeadersCount: 50,
    enableTrailers: false,
    headerCase: null,
    thresholds: [
      limitsOf({ maxConnections: 7, maxRequests: 8 }),
      limitsOf({ maxRequests: 1, retryBudget: { percent: 20, minConcurrency: 9 } }),
    ],
    healthyPanicThreshold: 0,
    service: { host: "b.ns.svc", name: "b", namespace: "ns" },
  };
  assert.deepEqual({ ...plan, ...expected }, plan);
});

const SLOW = {
  slow_start_window: "30s",
  aggression: { default_value: 2, runtime_key: "k" },
  min_weight_percent: { value: 5 },
};
const SLOW_PLAN = { windowMs: 30_000, aggression: { value: 2 }, minWeight: 0.05 };
const RING = {
  policy: "ring-hash",
  hashFunction: "murmur2",
  minRingSize: 5,
  maxRingSize: 7,
  useHostname: true,
  balanceFactor: 150,
} as const;
const LEAST = {
  policy: "least-request",
  choiceCount: 5,
  fullScan: false,
  activeRequestBias: { value: 0.5 },
  slowStart: SLOW_PLAN,
} as const;
const HASHING = { use_hostname_for_hashing: true, hash_balance_factor: 150 };

const BALANCERS: readonly [what: string, json: { [field: string]: JsonValue }, expected: ClusterPlan["balancer"]][] = [
  [
    "ROUND_ROBIN with slow start",
    { round_robin_lb_config: { slow_start_config: SLOW } },
    { policy: "round-robin", slowStart: SLOW_PLAN },
  ],
  [
    "LEAST_REQUEST",
    {
      lb_policy: "LEAST_REQUEST",
      least_request_lb_config: {
        choice_count: 5,
        active_request_bias: { default_value: 0.5, runtime_key: "k" },
        slow_start_config: SLOW,
      },
    },
    LEAST,
  ],
  [
    "RANDOM, with the configuration of another policy",
    { lb_policy: "RANDOM", maglev_lb_config: { table_size: 100 } },
    { policy: "random" },
  ],
  [
    "RING_HASH",
    {
      lb_policy: "RING_HASH",
      type: "STRICT_DNS",
      ring_hash_lb_config: { hash_function: "MURMUR_HASH_2", minimum_ring_size: 5, maximum_ring_size: 7 },
      common_lb_config: { consistent_hashing_lb_config: HASHING },
    },
    RING,
  ],
  ["MAGLEV", { lb_policy: "MAGLEV" }, { policy: "maglev", tableSize: 65_537, useHostname: false, balanceFactor: 0 }],
  [
    "ORIGINAL_DST",
    { type: "ORIGINAL_DST", lb_policy: "CLUSTER_PROVIDED", cleanup_interval: "1s" },
    { policy: "original-dst", metadata: null, header: "", port: 0, cleanupMs: 1_000 },
  ],
  [
    "ORIGINAL_DST by header",
    {
      type: "ORIGINAL_DST",
      lb_policy: "CLUSTER_PROVIDED",
      original_dst_lb_config: { use_http_header: true, upstream_port_override: 8080 },
    },
    { policy: "original-dst", metadata: null, header: "x-envoy-original-dst-host", port: 8080, cleanupMs: 5_000 },
  ],
  [
    "typed round robin",
    typedPolicy(`${LB}.round_robin.v3.RoundRobin`, { slow_start_config: SLOW }),
    { policy: "round-robin", slowStart: SLOW_PLAN },
  ],
  [
    "typed least request",
    typedPolicy(`${LB}.least_request.v3.LeastRequest`, { selection_method: "FULL_SCAN" }),
    { policy: "least-request", choiceCount: 2, fullScan: true, activeRequestBias: { value: 1 }, slowStart: null },
  ],
  [
    "typed ring hash",
    typedPolicy(`${LB}.ring_hash.v3.RingHash`, {
      hash_function: "MURMUR_HASH_2",
      minimum_ring_size: 5,
      maximum_ring_size: 7,
      consistent_hashing_lb_config: HASHING,
    }),
    RING,
  ],
  [
    "typed Maglev, which beats lb_policy",
    { lb_policy: "RANDOM", ...typedPolicy(`${LB}.maglev.v3.Maglev`, { table_size: 101 }) },
    { policy: "maglev", tableSize: 101, useHostname: false, balanceFactor: 0 },
  ],
];

for (const [what, json, expected] of BALANCERS) {
  test(`balancer: ${what}`, () => assert.deepEqual(cluster({ name: "c", ...json }).balancer, expected));
}

test("localities: weighted or by zone, said in either way", () => {
  const zoneAware = { routing_enabled: { value: 30 }, min_cluster_size: 2, fail_traffic_on_panic: true };
  const expected = { weighted: false, zoneAware: { routingEnabled: 30, minClusterSize: 2, failTrafficOnPanic: true } };
  const routing = (json: { [field: string]: JsonValue }) => cluster({ name: "c", ...json }).localityRouting;
  assert.deepEqual(routing({ common_lb_config: { zone_aware_lb_config: zoneAware } }), expected);
  const typed = (config: JsonValue) => typedPolicy(`${LB}.random.v3.Random`, { locality_lb_config: config });
  assert.deepEqual(routing(typed({ zone_aware_lb_config: zoneAware })), expected);
  assert.equal(routing({ common_lb_config: { locality_weighted_lb_config: {} } }).weighted, true);
  assert.equal(routing(typed({ locality_weighted_lb_config: {} })).weighted, true);
});

test("equal messages have equal fingerprints, different ones different", () => {
  assert.equal(cluster({ name: "c" }).fingerprint, cluster({ name: "c" }).fingerprint);
  assert.notEqual(cluster({ name: "c" }).fingerprint, cluster({ name: "c", lb_policy: "RANDOM" }).fingerprint);
});

const REFUSED: readonly [what: string, json: JsonValue, expected: RegExp][] = [
  [
    "a policy that is to come from elsewhere and does not",
    { name: "c", lb_policy: "LOAD_BALANCING_POLICY_CONFIG" },
    /^cluster: field load_balancing_policy need to be set/,
  ],
  [
    "a Maglev table of no prime",
    { name: "c", lb_policy: "MAGLEV", maglev_lb_config: { table_size: 100 } },
    /^maglev_lb_config\.table_size: The table size of maglev must be prime number/,
  ],
  [
    "a ring that is too small for itself",
    { name: "c", lb_policy: "RING_HASH", ring_hash_lb_config: { minimum_ring_size: 9, maximum_ring_size: 8 } },
    /^ring_hash_lb_config: ring hash: minimum_ring_size \(9\) > maximum_ring_size \(8\)/,
  ],
  [
    "an original destination that somebody else is to choose",
    { name: "c", type: "ORIGINAL_DST" },
    /^lb_policy: cluster: LB policy ROUND_ROBIN is not valid for Cluster type ORIGINAL_DST/,
  ],
  [
    "a provided balancer that nobody provides",
    { name: "c", lb_policy: "CLUSTER_PROVIDED" },
    /^cluster manager: cluster provided LB specified but cluster 'c' did not provide one/,
  ],
  [
    "a typed policy that we lack",
    { name: "c", ...typedPolicy("envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer", {}) },
    /^load_balancing_policy\.policies\[0\]\.typed_extension_config: p \(.*RawBuffer\) is not supported/,
  ],
  [
    "a typed policy and the locality configuration of the other way",
    { name: "c", ...typedPolicy(`${LB}.random.v3.Random`, {}), common_lb_config: { locality_weighted_lb_config: {} } },
    /^common_lb_config: cluster: load_balancing_policy cannot be combined with partial fields/,
  ],
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
    "a protocol that the handshake is to choose, without a handshake",
    { name: "c", ...options({ auto_config: { http2_protocol_options: {} } }) },
    /^typed_extension_protocol_options.*auto_config: needs a transport socket/,
  ],
  [
    "health checks by gRPC without HTTP/2",
    {
      name: "c",
      health_checks: [
        { timeout: "1s", interval: "1s", unhealthy_threshold: 1, healthy_threshold: 1, grpc_health_check: {} },
      ],
    },
    /^health_checks\[0\]\.grpc_health_check: cluster must support HTTP\/2 for gRPC healthchecking$/,
  ],
  [
    "two source addresses of one family",
    {
      name: "c",
      upstream_bind_config: {
        source_address: { address: "127.0.0.6", port_value: 0 },
        extra_source_addresses: [{ address: { address: "127.0.0.7", port_value: 0 } }],
      },
    },
    /^upstream_bind_config: Cluster c's upstream binding config has two same IP version source addresses\./,
  ],
  [
    "further source addresses without a first",
    {
      name: "c",
      upstream_bind_config: { extra_source_addresses: [{ address: { address: "::6", port_value: 0 } }] },
    },
    /^upstream_bind_config: Cluster c's upstream binding config has extra\/additional source addresses but no source_address\./,
  ],
  [
    "a source address that is none",
    { name: "c", upstream_bind_config: { source_address: { address: "nope", port_value: 0 } } },
    /^upstream_bind_config: malformed IP address: nope$/,
  ],
  [
    "options that only listeners have",
    { name: "c", ...options({ explicit_http_config: { http_protocol_options: { allow_chunked_length: true } } }) },
    /allow_chunked_length: is not supported for a cluster$/,
  ],
  [
    "a limit of pools, and pools for each client",
    {
      name: "c",
      connection_pool_per_downstream_connection: true,
      circuit_breakers: { thresholds: [{ max_connection_pools: 1 }] },
    },
    /^circuit_breakers.thresholds\[0\].max_connection_pools: is not supported together with connection_pool_per/,
  ],
];

for (const [what, json, expected] of REFUSED) {
  test(`refused: ${what}`, () => {
    const found = refusals(() => cluster(json));
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(found[0], expected);
  });
}

test("source addresses of both families arrive in the plan", () => {
  const json = {
    name: "c",
    upstream_bind_config: {
      source_address: { address: "127.0.0.6", port_value: 0 },
      extra_source_addresses: [{ address: { address: "::6", port_value: 0 } }],
    },
  };
  assert.deepEqual(cluster(json).bindAddresses, ["127.0.0.6", "::6"]);
});

test("what connections speak", () => {
  const http2 = { http2_protocol_options: { max_concurrent_streams: 5 } };
  assert.equal(cluster({ name: "c" }).protocol, "http1");
  const explicit = cluster({ name: "c", ...options({ explicit_http_config: http2 }) });
  assert.equal(explicit.protocol, "http2");
  assert.equal(explicit.http2?.maxConcurrentStreams, 5);
  assert.equal(cluster({ name: "c", ...http2 }).protocol, "http2");
  const { protocol, http2: plan } = cluster({ name: "c", ...options({ use_downstream_protocol_config: {} }) });
  assert.equal(protocol, "downstream");
  assert.equal(plan?.maxConcurrentStreams, 1024);
});

function endpoints(json: JsonValue, discovery: ClusterPlan["discovery"] = "eds"): readonly EndpointPlan[] {
  const problems: Problem[] = [];
  const plan = compileEndpoints(fromJson(ClusterLoadAssignmentSchema, json), discovery, new Place("", problems));
  throwProblems(problems);
  return plan.endpoints;
}

const at = (address: string, port: number): { [field: string]: JsonValue } => ({
  endpoint: { address: { socket_address: { address, port_value: port } } },
});

test("endpoints of all localities are one list, each with all that is said of it", () => {
  const plan = endpoints({
    cluster_name: "c",
    endpoints: [
      {
        locality: { zone: "a" },
        load_balancing_weight: 5,
        lb_endpoints: [
          { ...at("10.0.0.1", 80), load_balancing_weight: 3, health_status: "DEGRADED" },
          { ...at("10.0.0.2", 80), health_status: "DRAINING" },
        ],
      },
      {
        locality: { zone: "b" },
        priority: 1,
        lb_endpoints: [
          {
            endpoint: { address: { socket_address: { address: "::1", port_value: 81 } }, hostname: "h" },
            metadata: {
              filter_metadata: { istio: { workload: "w;ns;svc;v1;k" }, "envoy.lb": { hash_key: "k", canary: true } },
            },
          },
        ],
      },
    ],
  });
  const a = { region: "", zone: "a", subZone: "", weight: 5 };
  const b = { region: "", zone: "b", subZone: "", weight: 0 };
  assert.deepEqual(plan, [
    { ...endpointAt("10.0.0.1", 80), weight: 3, health: "degraded", locality: a },
    { ...endpointAt("10.0.0.2", 80), health: "draining", locality: a },
    {
      ...endpointAt("::1", 81),
      hostname: "h",
      priority: 1,
      locality: b,
      hashKey: "k",
      canary: true,
      metadata: { istio: { workload: "w;ns;svc;v1;k" }, "envoy.lb": { hash_key: "k", canary: true } },
      workload: "w;ns;svc;v1;k",
    },
  ]);
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
