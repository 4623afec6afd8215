/** How requests are shared among hosts that are all well: by policy, weight, locality and zone. */
import type { ContractCase, JsonObject, Step, UpstreamScript } from "../harness/case.ts";
import { answer, endpoint, gate, get, got, header, open, send, stat, toCluster, typed } from "../harness/steps.ts";

const weighted = (name: string, load_balancing_weight: number, fields: JsonObject = {}): JsonObject =>
  endpoint(name, { load_balancing_weight, ...fields });

/** By one of the typed policies. */
const policy = (name: string, type: string, fields: JsonObject = {}): JsonObject => ({
  load_balancing_policy: {
    policies: [
      {
        typed_extension_config: {
          name: `envoy.load_balancing_policies.${name}`,
          typed_config: typed(`extensions.load_balancing_policies.${name}.v3.${type}`, fields),
        },
      },
    ],
  },
});

/** The same request so often: order does not matter then, numbers do. Answers are alike, too. */
const times = (count: number): Step[] => [...Array.from({ length: count }, () => get()), got(count)];
const SAME = answer(200, "ok");
const same = (...names: string[]): Pick<ContractCase, "upstreams"> => ({
  upstreams: Object.fromEntries(names.map((name) => [name, SAME])),
});
const held = (...names: string[]): Pick<ContractCase, "upstreams"> => {
  const script: UpstreamScript = { answers: [[gate("go"), SAME]] };
  return { upstreams: Object.fromEntries(names.map((name) => [name, script])) };
};
/** Several clients at once, each waiting for its answer until all have asked. */
const together = (count: number): Step[] => {
  const clients = Array.from({ length: count }, (_, i) => `c${i}`);
  return [
    ...clients.flatMap((on, i): Step[] => [send(on, get()), stat("cluster.a.upstream_rq_active", i + 1)]),
    open("go"),
    ...clients.map((on) => got(1, on)),
  ];
};

const locality = (zone: string, lb_endpoints: readonly JsonObject[], fields: JsonObject = {}): JsonObject => ({
  locality: { region: "r", zone },
  lb_endpoints,
  ...fields,
});
const assignment = (...endpoints: JsonObject[]): JsonObject => ({
  load_assignment: { cluster_name: "a", endpoints },
});

/** The proxy is in zone `here`, with others of its kind in the zones given. */
const among = (...zones: string[]): JsonObject => ({
  name: "proxies",
  type: "STATIC",
  load_assignment: {
    cluster_name: "proxies",
    endpoints: zones.map((zone, i) =>
      locality(zone, [{ endpoint: { address: { socket_address: { address: "127.0.0.9", port_value: 9000 + i } } } }]),
    ),
  },
});
const HERE: JsonObject = {
  node: { id: "n", cluster: "c", locality: { region: "r", zone: "here" } },
  cluster_manager: { local_cluster_name: "proxies" },
};
/** How often structures are computed depends on threads and start-up; what comes of them does not. */
const ZONE_STATS = ["lb_zone_routing_all_directly", "lb_zone_routing_sampled", "lb_zone_routing_cross_zone"].map(
  (name) => `cluster.a.${name}`,
);

const originalDst = (config: JsonObject): Pick<ContractCase, "clusters"> => ({
  clusters: {
    a: { type: "ORIGINAL_DST", lb_policy: "CLUSTER_PROVIDED", load_assignment: null, original_dst_lb_config: config },
  },
});
/** The route names the destination, since only it knows the port. */
const destination = (key: string, value: string): Pick<ContractCase, "routes"> => ({
  routes: [toCluster("/", "a", {}, { request_headers_to_add: [header(key, value, "OVERWRITE_IF_EXISTS_OR_ADD")] })],
});

export const CASES: readonly ContractCase[] = [
  {
    name: "round robin asks everybody in turn",
    feature: "Balancing: ROUND_ROBIN",
    clusters: { a: { endpoints: ["a1", "a2", "a3"] } },
    ...same("a1", "a2", "a3"),
    client: times(6),
  },
  {
    name: "round robin by weight",
    feature: "Balancing: ROUND_ROBIN",
    clusters: { a: { endpoints: [weighted("a1", 1), weighted("a2", 3)] } },
    ...same("a1", "a2"),
    client: times(8),
  },
  {
    name: "by load_balancing_policy: round robin",
    feature: "Balancing: typed policies",
    clusters: {
      a: { endpoints: [weighted("a1", 1), weighted("a2", 2)], ...policy("round_robin", "RoundRobin") },
    },
    ...same("a1", "a2"),
    client: times(6),
  },
  {
    name: "least request, all of them looked at",
    feature: "Balancing: LEAST_REQUEST",
    clusters: {
      a: {
        endpoints: ["a1", "a2", "a3"],
        ...policy("least_request", "LeastRequest", { selection_method: "FULL_SCAN" }),
      },
    },
    ...held("a1", "a2", "a3"),
    client: together(6),
  },
  {
    name: "least request by weight: busy hosts count for less",
    feature: "Balancing: LEAST_REQUEST",
    clusters: { a: { lb_policy: "LEAST_REQUEST", endpoints: [weighted("a1", 1), weighted("a2", 1000)] } },
    ...held("a1", "a2"),
    client: together(1),
  },
  {
    name: "least request without regard to load: active_request_bias 0",
    feature: "Balancing: LEAST_REQUEST",
    clusters: {
      a: {
        lb_policy: "LEAST_REQUEST",
        least_request_lb_config: { active_request_bias: { default_value: 0, runtime_key: "x" } },
        endpoints: [weighted("a1", 1), weighted("a2", 3)],
      },
    },
    ...held("a1", "a2"),
    client: together(4),
  },
  {
    name: "choice_count: 1",
    feature: "Balancing: LEAST_REQUEST",
    clusters: { a: { lb_policy: "LEAST_REQUEST", least_request_lb_config: { choice_count: 1 } } },
    client: [],
    refused: true,
  },
  {
    name: "random",
    feature: "Balancing: RANDOM",
    clusters: { a: { lb_policy: "RANDOM" } },
    client: times(2),
  },
  {
    name: "by load_balancing_policy: random",
    feature: "Balancing: typed policies",
    clusters: { a: policy("random", "Random") },
    client: times(2),
  },
  {
    name: "a policy that is to come from elsewhere and does not",
    feature: "Balancing: typed policies",
    clusters: { a: { lb_policy: "LOAD_BALANCING_POLICY_CONFIG" } },
    client: [],
    refused: true,
  },
  {
    name: "load_balancing_policy beside the older way to say where requests go",
    feature: "Balancing: typed policies",
    clusters: { a: { ...policy("random", "Random"), common_lb_config: { locality_weighted_lb_config: {} } } },
    client: [],
    refused: true,
  },
  {
    name: "a slow start does not keep a lone host from anything",
    feature: "Balancing: slow start",
    clusters: { a: { round_robin_lb_config: { slow_start_config: { slow_start_window: "60s" } } } },
    client: times(2),
  },
  {
    name: "hosts that start together share alike",
    feature: "Balancing: slow start",
    clusters: {
      a: {
        endpoints: ["a1", "a2"],
        round_robin_lb_config: { slow_start_config: { slow_start_window: "60s" } },
      },
    },
    ...same("a1", "a2"),
    client: times(4),
  },

  {
    name: "localities by weight, however many hosts they have",
    feature: "Balancing: locality weights",
    clusters: {
      a: {
        common_lb_config: { locality_weighted_lb_config: {} },
        ...assignment(
          locality("x", [endpoint("x1"), endpoint("x2")], { load_balancing_weight: 1 }),
          locality("y", [endpoint("y1")], { load_balancing_weight: 2 }),
        ),
      },
    },
    ...same("x1", "x2", "y1"),
    client: times(6),
  },
  {
    name: "a locality with too few good hosts gets less",
    feature: "Balancing: locality weights",
    clusters: {
      a: {
        common_lb_config: { locality_weighted_lb_config: {} },
        ...assignment(
          locality("x", [endpoint("x1"), endpoint("x2", { health_status: "UNHEALTHY" })], { load_balancing_weight: 1 }),
          locality("y", [endpoint("y1"), endpoint("y2")], { load_balancing_weight: 1 }),
        ),
      },
    },
    ...same("x1", "y1", "y2"),
    client: times(17),
  },
  {
    name: "a locality without a weight gets nothing",
    feature: "Balancing: locality weights",
    clusters: {
      a: {
        common_lb_config: { locality_weighted_lb_config: {} },
        ...assignment(locality("x", [endpoint("x1")]), locality("y", [endpoint("y1")], { load_balancing_weight: 1 })),
      },
    },
    client: times(3),
  },
  {
    name: "no locality has a weight: they do not matter",
    feature: "Balancing: locality weights",
    clusters: {
      a: {
        common_lb_config: { locality_weighted_lb_config: {} },
        ...assignment(locality("x", [endpoint("x1")]), locality("y", [endpoint("y1")])),
      },
    },
    ...same("x1", "y1"),
    client: times(4),
  },
  {
    name: "weights of localities that nobody asked for",
    feature: "Balancing: locality weights",
    clusters: {
      a: assignment(
        locality("x", [endpoint("x1")], { load_balancing_weight: 1 }),
        locality("y", [endpoint("y1")], { load_balancing_weight: 9 }),
      ),
    },
    ...same("x1", "y1"),
    client: times(4),
  },
  {
    name: "by load_balancing_policy: locality weights",
    feature: "Balancing: locality weights",
    clusters: {
      a: {
        ...policy("round_robin", "RoundRobin", { locality_lb_config: { locality_weighted_lb_config: {} } }),
        ...assignment(
          locality("x", [endpoint("x1")], { load_balancing_weight: 1 }),
          locality("y", [endpoint("y1")], { load_balancing_weight: 3 }),
        ),
      },
    },
    ...same("x1", "y1"),
    client: times(8),
  },
  {
    name: "degraded hosts of localities by weight",
    feature: "Balancing: locality weights",
    clusters: {
      a: {
        common_lb_config: { locality_weighted_lb_config: {} },
        ...assignment(
          locality("x", [endpoint("x1", { health_status: "DEGRADED" })], { load_balancing_weight: 1 }),
          locality("y", [endpoint("y1", { health_status: "DEGRADED" })], { load_balancing_weight: 3 }),
        ),
      },
    },
    ...same("x1", "y1"),
    client: times(8),
  },

  {
    name: "requests stay in the proxy's zone",
    feature: "Balancing: zones",
    bootstrap: HERE,
    clusters: {
      a: {
        common_lb_config: { zone_aware_lb_config: { min_cluster_size: 2 } },
        ...assignment(locality("here", [endpoint("h1")]), locality("there", [endpoint("t1")])),
      },
      proxies: among("here", "there"),
    },
    client: times(4),
    stats: ZONE_STATS,
  },
  {
    name: "by default only with six hosts and more",
    feature: "Balancing: zones",
    bootstrap: HERE,
    clusters: {
      a: assignment(locality("here", [endpoint("h1")]), locality("there", [endpoint("t1")])),
      proxies: among("here", "there"),
    },
    ...same("h1", "t1"),
    client: times(4),
    stats: ZONE_STATS,
  },
  {
    name: "no hosts in the proxy's zone: elsewhere",
    feature: "Balancing: zones",
    bootstrap: HERE,
    clusters: {
      a: {
        common_lb_config: { zone_aware_lb_config: { min_cluster_size: 2 } },
        ...assignment(
          locality("there", [endpoint("t1")]),
          locality("yonder", [endpoint("y1", { health_status: "UNHEALTHY" })]),
        ),
      },
      proxies: among("here", "there"),
    },
    client: times(2),
    stats: ZONE_STATS,
  },
  {
    name: "no proxies in the proxy's zone: no zones",
    feature: "Balancing: zones",
    bootstrap: HERE,
    clusters: {
      a: {
        common_lb_config: { zone_aware_lb_config: { min_cluster_size: 2 } },
        ...assignment(locality("here", [endpoint("h1")]), locality("there", [endpoint("t1")])),
      },
      proxies: among("there", "yonder"),
    },
    ...same("h1", "t1"),
    client: times(4),
    stats: ZONE_STATS,
  },
  {
    name: "routing_enabled: 0 %",
    feature: "Balancing: zones",
    bootstrap: HERE,
    clusters: {
      a: {
        common_lb_config: { zone_aware_lb_config: { min_cluster_size: 2, routing_enabled: { value: 0 } } },
        ...assignment(locality("here", [endpoint("h1")]), locality("there", [endpoint("t1")])),
      },
      proxies: among("here", "there"),
    },
    ...same("h1", "t1"),
    client: times(4),
    stats: ZONE_STATS,
  },
  {
    name: "by load_balancing_policy: zones",
    feature: "Balancing: zones",
    bootstrap: HERE,
    clusters: {
      a: {
        ...policy("least_request", "LeastRequest", {
          locality_lb_config: { zone_aware_lb_config: { min_cluster_size: 1 } },
        }),
        ...assignment(locality("here", [endpoint("h1")]), locality("there", [endpoint("t1")])),
      },
      proxies: among("here", "there"),
    },
    client: times(4),
    stats: ZONE_STATS,
  },
  {
    name: "a local cluster that is not there",
    feature: "Balancing: zones",
    bootstrap: { cluster_manager: { local_cluster_name: "nobody" } },
    client: [],
    refused: true,
  },

  {
    name: "the request names its destination",
    feature: "Balancing: original destination",
    ...originalDst({ use_http_header: true }),
    ...destination("x-envoy-original-dst-host", "127.0.0.1:{port b}"),
    upstreams: { b: answer(200, "b") },
    client: times(2),
    stats: [
      "cluster.a.membership_total",
      "cluster.a.membership_healthy",
      "cluster.a.original_dst_host_invalid",
      "cluster.a.upstream_cx_total",
    ],
  },
  {
    name: "by a header of one's own",
    feature: "Balancing: original destination",
    ...originalDst({ use_http_header: true, http_header_name: "X-To" }),
    ...destination("x-to", "127.0.0.1:{port b}"),
    upstreams: { b: answer(200, "b") },
    client: times(1),
  },
  {
    name: "with a port that the cluster says",
    feature: "Balancing: original destination",
    ...originalDst({ use_http_header: true, upstream_port_override: "{port b}" }),
    ...destination("x-envoy-original-dst-host", "127.0.0.1:1"),
    upstreams: { b: answer(200, "b") },
    client: times(1),
  },
  ...["127.0.0.1", "127.0.0.1:99999", "127.0.0.1:x", "a.test:80", "[::1", "::1:80", "127.0.0.1:0", ""].map(
    (value): ContractCase => ({
      name: `not a destination: ${value === "" ? "nothing" : value}`,
      feature: "Balancing: original destination",
      ...originalDst({ use_http_header: true }),
      client: [get("/", `x-envoy-original-dst-host: ${value}`), got(1)],
      stats: [
        "cluster.a.membership_total",
        "cluster.a.original_dst_host_invalid",
        "cluster.a.upstream_cx_none_healthy",
      ],
    }),
  ),
  {
    name: "no destination",
    feature: "Balancing: original destination",
    ...originalDst({ use_http_header: true }),
    client: [get(), got(1)],
    stats: ["cluster.a.membership_total", "cluster.a.original_dst_host_invalid", "cluster.a.upstream_cx_none_healthy"],
  },
  {
    name: "a header that the cluster does not ask for",
    feature: "Balancing: original destination",
    ...originalDst({}),
    client: [get("/", "x-envoy-original-dst-host: 127.0.0.1:80"), got(1)],
    stats: ["cluster.a.original_dst_host_invalid", "cluster.a.upstream_cx_none_healthy"],
  },
  ...Object.entries<readonly [value: string, header: string]>({
    "metadata names the destination": ["127.0.0.1:{port b}", ""],
    "metadata comes before the header": ["127.0.0.1:{port b}", "127.0.0.1:1"],
    "metadata that is no destination": ["b.test:80", "127.0.0.1:{port b}"],
  }).map(([name, [value, header]]): ContractCase => ({
    name,
    feature: "Balancing: original destination",
    ...originalDst({ use_http_header: true, metadata_key: { key: "fault", path: [{ key: "to" }, { key: "b" }] } }),
    filters: [
      {
        name: "fault",
        typed_config: typed("extensions.filters.http.fault.v3.HTTPFault", {
          delay: { fixed_delay: "0.01s", percentage: { numerator: 100 } },
          filter_metadata: { to: { b: value } },
        }),
      },
    ],
    upstreams: { b: answer(200, "b") },
    client: [get("/", ...(header === "" ? [] : [`x-envoy-original-dst-host: ${header}`])), got(1)],
    stats: ["cluster.a.membership_total", "cluster.a.original_dst_host_invalid"],
  })),
  {
    name: "cleanup_interval: a destination that nobody asks for is forgotten",
    feature: "Balancing: original destination",
    clusters: {
      a: {
        type: "ORIGINAL_DST",
        lb_policy: "CLUSTER_PROVIDED",
        load_assignment: null,
        original_dst_lb_config: { use_http_header: true },
        cleanup_interval: "0.4s",
        max_requests_per_connection: 1,
      },
    },
    upstreams: { b: answer(200, "b") },
    client: [
      get("/", "x-envoy-original-dst-host: 127.0.0.1:{port b}"),
      got(1),
      stat("cluster.a.membership_total", 1),
      stat("cluster.a.membership_total", 0),
      get("/", "x-envoy-original-dst-host: 127.0.0.1:{port b}"),
      got(2),
    ],
    stats: ["cluster.a.upstream_cx_total"],
  },
  {
    name: "an original destination by another policy",
    feature: "Balancing: original destination",
    clusters: { a: { type: "ORIGINAL_DST", load_assignment: null } },
    client: [],
    refused: true,
  },
];
