/** `lb_subset_config`: routes ask for hosts with certain metadata. */
import type { ContractCase } from "../harness/case.ts";
import { answer, endpoint, get, inTurn, typed } from "../harness/steps.ts";
import {
  CHOICE,
  VALUES,
  LOCALITIES,
  lb,
  host,
  asks,
  STATS,
  LOG,
  selector,
  subsets,
  BY_VERSION,
  BY_BOTH,
  refused,
} from "../harness/subsets.ts";

export const CASES: readonly ContractCase[] = [
  {
    name: "a route goes to the hosts that have what it asks for",
    feature: CHOICE,
    ...subsets(BY_VERSION),
    ...asks({ version: "1" }, { version: "2" }, { version: "3" }, { version: "2" }),
    stats: STATS,
  },
  {
    name: "what no host has: no host",
    feature: CHOICE,
    ...subsets(BY_VERSION),
    ...asks({ version: "9" }, { other: "1" }, {}, null),
    stats: [...STATS, "cluster.a.upstream_cx_none_healthy"],
    accessLog: LOG,
  },
  {
    name: "keys must be those of a selector, all of them and no more",
    feature: CHOICE,
    ...subsets(BY_BOTH),
    ...asks(
      { version: "1" },
      { stage: "prod" },
      { stage: "prod", version: "1" },
      { version: "2", stage: "prod" },
      { stage: "canary", version: "1" },
      { stage: "prod", version: "1", more: "x" },
    ),
    stats: STATS,
    accessLog: LOG,
  },
  {
    name: "hosts that lack a key of a selector are in none of its subsets",
    feature: CHOICE,
    ...subsets(BY_BOTH, [host("v1", { version: "1" }), host("v2", { stage: "prod" }), "plain"]),
    ...asks({ version: "1" }, { stage: "prod", version: "1" }),
    stats: STATS,
    accessLog: LOG,
  },
  {
    name: "without selectors metadata of routes is of no account",
    feature: CHOICE,
    ...subsets({ fallback_policy: "DEFAULT_SUBSET", default_subset: { version: "2" } }, ["a"]),
    ...asks({ version: "2" }, null),
  },
  {
    name: "a cluster without subsets takes no notice",
    feature: CHOICE,
    clusters: { a: {} },
    ...asks({ version: "2" }),
  },
  {
    name: "a subset's hosts take turns",
    feature: CHOICE,
    ...subsets(BY_VERSION, [host("v1", { version: "1" }), host("w1", { version: "1" }), host("v2", { version: "2" })]),
    upstreams: { v1: answer(200, "same"), w1: answer(200, "same"), v2: answer(200, "v2") },
    routes: [{ match: { prefix: "/" }, route: { cluster: "a", metadata_match: lb({ version: "1" }) } }],
    client: inTurn(get(), get(), get(), get()),
    stats: STATS,
  },
  {
    name: "weighted clusters add to what the route asks for, and theirs holds",
    feature: CHOICE,
    ...subsets(BY_BOTH),
    routes: [
      {
        match: { path: "/own" },
        route: { weighted_clusters: { clusters: [{ name: "a", weight: 1, metadata_match: lb({ version: "2" }) }] } },
      },
      {
        match: { path: "/both" },
        route: {
          metadata_match: lb({ version: "1", stage: "prod" }),
          weighted_clusters: { clusters: [{ name: "a", weight: 1, metadata_match: lb({ version: "2" }) }] },
        },
      },
      {
        match: { path: "/route" },
        route: { metadata_match: lb({ version: "1" }), weighted_clusters: { clusters: [{ name: "a", weight: 1 }] } },
      },
      {
        match: { path: "/other" },
        route: {
          metadata_match: lb({ version: "1" }),
          weighted_clusters: {
            clusters: [{ name: "a", weight: 1, metadata_match: { filter_metadata: { other: { version: "2" } } } }],
          },
        },
      },
    ],
    client: inTurn(get("/own"), get("/both"), get("/route"), get("/other")),
  },
  {
    name: "other metadata than envoy.lb is not looked at",
    feature: CHOICE,
    ...subsets({ ...BY_VERSION, fallback_policy: "ANY_ENDPOINT" }, [
      endpoint("v1", { metadata: { filter_metadata: { other: { version: "1" } } } }),
    ]),
    ...asks({ version: "1" }),
    stats: STATS,
  },
  {
    name: "where requests are sent again, it is to the subset",
    feature: CHOICE,
    ...subsets(BY_VERSION, [host("v1", { version: "1" }), host("v2", { version: "2" })]),
    upstreams: { v1: { answers: [answer(503), answer(200, "again")] }, v2: answer(200, "wrong") },
    routes: [
      {
        match: { prefix: "/" },
        route: { cluster: "a", timeout: "0s", metadata_match: lb({ version: "1" }), retry_policy: { retry_on: "5xx" } },
      },
    ],
    client: inTurn(get()),
    stats: STATS,
  },
  {
    name: "a subset whose hosts are unwell panics by itself",
    feature: CHOICE,
    ...subsets(BY_VERSION, [
      host("v1", { version: "1" }, { health_status: "UNHEALTHY" }),
      host("v2", { version: "2" }),
      host("v3", { version: "3" }),
    ]),
    ...asks({ version: "1" }, { version: "2" }),
    stats: [...STATS, "cluster.a.lb_healthy_panic"],
  },
  {
    name: "a subset whose hosts are unwell, where nobody panics",
    feature: CHOICE,
    clusters: {
      a: {
        endpoints: [host("v1", { version: "1" }, { health_status: "UNHEALTHY" }), host("v2", { version: "2" })],
        lb_subset_config: { ...BY_VERSION, fallback_policy: "ANY_ENDPOINT" },
        common_lb_config: { healthy_panic_threshold: { value: 0 } },
      },
    },
    ...asks({ version: "1" }, { version: "2" }),
    stats: [...STATS, "cluster.a.lb_healthy_panic"],
    accessLog: LOG,
  },
  {
    name: "connections that carry no HTTP ask as well",
    feature: CHOICE,
    ...subsets(BY_VERSION),
    listener: {
      filter_chains: [
        {
          filters: [
            {
              name: "tcp",
              typed_config: typed("extensions.filters.network.tcp_proxy.v3.TcpProxy", {
                stat_prefix: "t",
                cluster: "a",
                metadata_match: lb({ version: "2" }),
              }),
            },
          ],
        },
      ],
    },
    client: inTurn(get()),
    stats: STATS,
  },
  {
    name: "connections that carry no HTTP, to weighted clusters",
    feature: CHOICE,
    ...subsets(BY_BOTH),
    listener: {
      filter_chains: [
        {
          filters: [
            {
              name: "tcp",
              typed_config: typed("extensions.filters.network.tcp_proxy.v3.TcpProxy", {
                stat_prefix: "t",
                metadata_match: lb({ version: "2", stage: "canary" }),
                weighted_clusters: { clusters: [{ name: "a", weight: 1, metadata_match: lb({ version: "3" }) }] },
              }),
            },
          ],
        },
      ],
    },
    client: inTurn(get()),
    stats: STATS,
  },
  {
    name: "values are of a kind: text is no number",
    feature: VALUES,
    ...subsets({ ...BY_VERSION, fallback_policy: "NO_FALLBACK" }, [
      host("number", { version: 1 }),
      host("text", { version: "1" }),
      host("truth", { version: true }),
      host("struct", { version: { x: 1, y: "z" } }),
      host("list", { version: ["1", 2] }),
      host("null", { version: null }),
    ]),
    ...asks(
      { version: 1 },
      { version: "1" },
      { version: true },
      { version: { y: "z", x: 1 } },
      { version: ["1", 2] },
      { version: [2, "1"] },
      { version: null },
      { version: false },
      { version: 1.5 },
    ),
    stats: STATS,
    accessLog: LOG,
  },
  {
    name: "list_as_any: a host may have several values",
    feature: VALUES,
    ...subsets({ ...BY_VERSION, list_as_any: true }, [
      host("both", { version: ["1", "2"] }),
      host("three", { version: "3" }),
      host("empty", { version: [] }),
    ]),
    ...asks({ version: "1" }, { version: "2" }, { version: "3" }, { version: ["1", "2"] }, { version: [] }),
    stats: STATS,
    accessLog: LOG,
  },
  {
    name: "list_as_any: of several keys, each with each",
    feature: VALUES,
    ...subsets({ subset_selectors: [selector(["version", "stage"])], list_as_any: true }, [
      host("both", { version: ["1", "2"], stage: ["x", "y"] }),
    ]),
    ...asks({ version: "1", stage: "x" }, { version: "2", stage: "y" }, { version: "1", stage: "y" }, { version: "1", stage: "z" }), // prettier-ignore
    stats: STATS,
    accessLog: LOG,
  },
  {
    name: "list_as_any: the default subset, too",
    feature: VALUES,
    ...subsets(
      { ...BY_VERSION, list_as_any: true, fallback_policy: "DEFAULT_SUBSET", default_subset: { stage: "y" } },
      [host("x", { version: "1", stage: ["x"] }), host("y", { version: "1", stage: ["x", "y"] })],
    ),
    ...asks({ version: "9" }),
    stats: STATS,
  },
  {
    name: "lists as they are where list_as_any is not set",
    feature: VALUES,
    ...subsets({ ...BY_VERSION, fallback_policy: "DEFAULT_SUBSET", default_subset: { stage: ["x", "y"] } }, [
      host("x", { version: "1", stage: ["x"] }),
      host("y", { version: "1", stage: ["x", "y"] }),
    ]),
    ...asks({ version: "9" }),
    stats: STATS,
  },
  {
    name: "single_host_per_subset",
    feature: VALUES,
    ...subsets({ subset_selectors: [selector(["id"], { single_host_per_subset: true })] }, [
      host("one", { id: "1" }),
      host("two", { id: "2" }),
      "plain",
    ]),
    ...asks({ id: "1" }, { id: "2" }, { id: "3" }, { id: "1" }),
    stats: [...STATS, "cluster.a.lb_subsets_single_host_per_subset_duplicate"],
    accessLog: LOG,
  },
  {
    name: "single_host_per_subset: of several with the same value it is one; its health is of no account",
    feature: VALUES,
    ...subsets({ subset_selectors: [selector(["id"], { single_host_per_subset: true })] }, [
      host("one", { id: "1" }, { health_status: "UNHEALTHY" }),
      host("uno", { id: "1" }),
      host("two", { id: "2" }, { health_status: "UNHEALTHY" }),
    ]),
    ...asks({ id: "2" }, { id: "2" }, { id: "1" }),
    stats: [...STATS, "cluster.a.lb_subsets_single_host_per_subset_duplicate", "cluster.a.lb_healthy_panic"],
    accessLog: LOG,
  },
  {
    name: "values of routes that are the same number",
    feature: VALUES,
    ...subsets(BY_VERSION, [host("one", { version: 1.0 }), host("big", { version: 1e21 })]),
    ...asks({ version: 1 }, { version: 1e21 }),
    stats: STATS,
  },

  {
    name: "priorities: a subset's hosts of the first that has any",
    feature: LOCALITIES,
    clusters: {
      a: {
        load_assignment: {
          cluster_name: "a",
          endpoints: [
            { priority: 0, lb_endpoints: [host("first", { version: "1" })] },
            { priority: 1, lb_endpoints: [host("second", { version: "2" }), host("other", { version: "1" })] },
          ],
        },
        lb_subset_config: BY_VERSION,
      },
    },
    ...asks({ version: "1" }, { version: "2" }, { version: "1" }),
    stats: STATS,
  },
  ...[true, false].map((aware): ContractCase => ({
    name: `localities with weights, locality_weight_aware ${aware}`,
    feature: LOCALITIES,
    clusters: {
      a: {
        load_assignment: {
          cluster_name: "a",
          endpoints: [
            {
              locality: { zone: "x" },
              load_balancing_weight: 1,
              lb_endpoints: [host("x1", { version: "1" }), host("x2", { version: "2" })],
            },
            {
              locality: { zone: "y" },
              load_balancing_weight: 3,
              lb_endpoints: [host("y1", { version: "1" }), host("y2", { version: "2" })],
            },
          ],
        },
        common_lb_config: { locality_weighted_lb_config: {} },
        lb_subset_config: { ...BY_VERSION, locality_weight_aware: aware },
      },
    },
    routes: [{ match: { prefix: "/" }, route: { cluster: "a", metadata_match: lb({ version: "1" }) } }],
    upstreams: { x1: answer(200, "same"), y1: answer(200, "same") },
    client: inTurn(...Array.from({ length: 8 }, () => get())),
    stats: STATS,
  })),
  {
    name: "scale_locality_weight: by how many of a locality's hosts are in the subset",
    feature: LOCALITIES,
    clusters: {
      a: {
        load_assignment: {
          cluster_name: "a",
          endpoints: [
            {
              locality: { zone: "x" },
              load_balancing_weight: 4,
              lb_endpoints: [
                host("x1", { version: "1" }),
                host("x2", { version: "2" }),
                host("x3", { version: "2" }),
                host("x4", { version: "2" }),
              ],
            },
            { locality: { zone: "y" }, load_balancing_weight: 3, lb_endpoints: [host("y1", { version: "1" })] },
          ],
        },
        common_lb_config: { locality_weighted_lb_config: {} },
        lb_subset_config: { ...BY_VERSION, locality_weight_aware: true, scale_locality_weight: true },
      },
    },
    routes: [{ match: { prefix: "/" }, route: { cluster: "a", metadata_match: lb({ version: "1" }) } }],
    upstreams: { x1: answer(200, "same"), y1: answer(200, "same") },
    client: inTurn(...Array.from({ length: 8 }, () => get())),
    stats: STATS,
  },
  {
    name: "consistent hashing within a subset",
    feature: LOCALITIES,
    clusters: {
      a: {
        lb_policy: "RING_HASH",
        endpoints: [host("v1", { version: "1" }), host("v2", { version: "2" })],
        lb_subset_config: BY_VERSION,
      },
    },
    routes: [
      {
        match: { prefix: "/" },
        route: {
          cluster: "a",
          metadata_match: lb({ version: "1" }),
          hash_policy: [{ header: { header_name: "x" } }],
        },
      },
    ],
    client: inTurn(get("/", "x: 1"), get("/", "x: 2"), get("/", "x: 3")),
    stats: STATS,
  },
  refused("subsets of a cluster whose requests say where they go", BY_VERSION, {
    clusters: {
      a: { type: "ORIGINAL_DST", lb_policy: "CLUSTER_PROVIDED", load_assignment: null, lb_subset_config: BY_VERSION },
    },
  }),
  refused("keys for a fallback that is none", {
    subset_selectors: [selector(["version"], { fallback_keys_subset: ["version"] })],
  }),
  {
    name: "single_host_per_subset with two keys",
    feature: VALUES,
    ...subsets({ subset_selectors: [selector(["id", "x"], { single_host_per_subset: true })] }, [
      host("one", { id: "1", x: "1" }),
      host("uno", { id: "1", x: "1" }),
    ]),
    ...asks({ id: "1", x: "1" }, { id: "1", x: "1" }, { id: "1", x: "2" }),
    stats: [...STATS, "cluster.a.lb_subsets_single_host_per_subset_duplicate"],
    accessLog: LOG,
  },
];
