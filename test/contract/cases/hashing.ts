/** Consistent hashing: what of a request is hashed, and where the hash sends it. Hosts have hash keys, since their ports vary. */
import { type ContractCase, type Json, type JsonObject, REFUSED, type Step } from "../harness/case.ts";
import { answer, endpoint, gate, get, got, open, send, stat, toCluster, typed } from "../harness/steps.ts";

const NAMES = ["h0", "h1", "h2", "h3", "h4", "h5"];

const keyed = (name: string, fields: JsonObject = {}, key: Json = name): JsonObject =>
  endpoint(name, { metadata: { filter_metadata: { "envoy.lb": { hash_key: key } } }, ...fields });

/** Six hosts behind a ring. */
const ring = (fields: JsonObject = {}): Pick<ContractCase, "clusters"> => ({
  clusters: { a: { lb_policy: "RING_HASH", endpoints: NAMES.map((name) => keyed(name)), ...fields } },
});
const maglev = (fields: JsonObject = {}): Pick<ContractCase, "clusters"> => ring({ lb_policy: "MAGLEV", ...fields });

/** Everything to `a`, by these hash policies. */
const by = (...hash_policy: JsonObject[]): Pick<ContractCase, "routes"> => ({
  routes: [toCluster("/", "a", { hash_policy })],
});
const header = (header_name: string, more: JsonObject = {}): JsonObject => ({ header: { header_name, ...more } });
const cookie = (fields: JsonObject = {}): JsonObject => ({ cookie: { name: "c", ...fields } });
const query = (name: string): JsonObject => ({ query_parameter: { name } });
const FIXED = header(":method");

const xs = (...values: string[]): string[] => values.map((value) => get("/", `x: ${value}`));
const LEFT: ContractCase["mask"] = [[/(?<=expected-rq-timeout-ms: )1[345]\d{3}/g, "{left}"]];
const COOKIE: ContractCase["mask"] = [[/="[0-9a-f]{16}"/, '="{hash}"']];

export const CASES: readonly ContractCase[] = [
  {
    name: "a header decides on the host of a ring",
    feature: "Hashing: ring hash",
    ...ring(),
    ...by(header("x")),
    client: xs("a", "b", "c", "d", "e", "f", "a"),
    stats: ["cluster.a.ring_hash_lb.size", "cluster.a.ring_hash_lb.min_hashes_per_host", "cluster.a.lb_healthy_panic"],
  },
  {
    name: "a header decides on the place of a Maglev table",
    feature: "Hashing: Maglev",
    ...maglev(),
    ...by(header("x")),
    client: xs("a", "b", "c", "d", "e", "f", "a"),
    stats: ["cluster.a.maglev_lb.min_entries_per_host", "cluster.a.maglev_lb.max_entries_per_host"],
  },
  {
    name: "a small Maglev table",
    feature: "Hashing: Maglev",
    ...maglev({ maglev_lb_config: { table_size: 7 } }),
    ...by(header("x")),
    client: xs("a", "b", "c", "d"),
    stats: ["cluster.a.maglev_lb.min_entries_per_host", "cluster.a.maglev_lb.max_entries_per_host"],
  },
  {
    name: "a ring by MurmurHash 2",
    feature: "Hashing: ring hash",
    ...ring({ ring_hash_lb_config: { hash_function: "MURMUR_HASH_2", minimum_ring_size: 64 } }),
    ...by(header("x")),
    client: xs("a", "b", "c", "d"),
    stats: ["cluster.a.ring_hash_lb.size", "cluster.a.ring_hash_lb.max_hashes_per_host"],
  },
  {
    name: "a ring that is too small for its hosts",
    feature: "Hashing: ring hash",
    ...ring({ ring_hash_lb_config: { minimum_ring_size: 2, maximum_ring_size: 4 } }),
    ...by(header("x")),
    client: xs("a", "b", "c", "d"),
    stats: ["cluster.a.ring_hash_lb.size", "cluster.a.ring_hash_lb.min_hashes_per_host"],
  },
  {
    name: "hosts have places on the ring by weight",
    feature: "Hashing: weights",
    ...ring({ endpoints: [keyed("h0", { load_balancing_weight: 1 }), keyed("h1", { load_balancing_weight: 9 })] }),
    ...by(header("x")),
    client: xs("a", "b", "c", "d", "e", "f"),
    stats: ["cluster.a.ring_hash_lb.min_hashes_per_host", "cluster.a.ring_hash_lb.max_hashes_per_host"],
  },
  {
    name: "hosts have places in the Maglev table by weight",
    feature: "Hashing: weights",
    ...maglev({ endpoints: [keyed("h0", { load_balancing_weight: 1 }), keyed("h1", { load_balancing_weight: 9 })] }),
    ...by(header("x")),
    client: xs("a", "b", "c", "d", "e", "f"),
    stats: ["cluster.a.maglev_lb.min_entries_per_host", "cluster.a.maglev_lb.max_entries_per_host"],
  },
  {
    name: "localities' weights count in the Maglev table",
    feature: "Hashing: weights",
    clusters: {
      a: {
        lb_policy: "MAGLEV",
        common_lb_config: { locality_weighted_lb_config: {} },
        load_assignment: {
          cluster_name: "a",
          endpoints: [
            { locality: { zone: "x" }, load_balancing_weight: 1, lb_endpoints: [keyed("h0"), keyed("h1")] },
            { locality: { zone: "y" }, load_balancing_weight: 3, lb_endpoints: [keyed("h2")] },
          ],
        },
      },
    },
    ...by(header("x")),
    client: xs("a", "b", "c", "d", "e", "f"),
    stats: ["cluster.a.maglev_lb.min_entries_per_host", "cluster.a.maglev_lb.max_entries_per_host"],
  },
  {
    name: "a hash key that is no text is none",
    feature: "Hashing: hash_key metadata",
    ...ring({ endpoints: [keyed("h0", {}, 7)] }),
    ...by(header("x")),
    client: xs("a"),
  },
  {
    name: "host names of a static cluster are not hashed",
    feature: "Hashing: use_hostname_for_hashing",
    ...maglev({ common_lb_config: { consistent_hashing_lb_config: { use_hostname_for_hashing: true } } }),
    client: [],
    refused: true,
  },
  {
    name: "host names are hashed",
    feature: "Hashing: use_hostname_for_hashing",
    ...maglev({
      type: "STRICT_DNS",
      dns_lookup_family: "V4_ONLY",
      common_lb_config: { consistent_hashing_lb_config: { use_hostname_for_hashing: true } },
      endpoints: NAMES.map((name) => ({
        endpoint: {
          address: { socket_address: { address: "localhost", port_value: `{port ${name}}` } },
          hostname: `${name}.test`,
        },
      })),
    }),
    ...by(header("x")),
    client: xs("a", "b", "c", "d"),
  },
  {
    name: "by load_balancing_policy: ring hash",
    feature: "Hashing: typed policies",
    ...ring({
      load_balancing_policy: {
        policies: [
          {
            typed_extension_config: {
              name: "p",
              typed_config: typed("extensions.load_balancing_policies.ring_hash.v3.RingHash", {
                hash_function: "MURMUR_HASH_2",
                minimum_ring_size: 128,
              }),
            },
          },
        ],
      },
    }),
    ...by(header("x")),
    client: xs("a", "b", "c"),
    stats: ["cluster.a.ring_hash_lb.size"],
  },
  {
    name: "by load_balancing_policy: Maglev",
    feature: "Hashing: typed policies",
    ...ring({
      load_balancing_policy: {
        policies: [
          {
            typed_extension_config: {
              name: "p",
              typed_config: typed("extensions.load_balancing_policies.maglev.v3.Maglev", { table_size: 101 }),
            },
          },
        ],
      },
    }),
    ...by(header("x")),
    client: xs("a", "b", "c"),
    stats: ["cluster.a.maglev_lb.min_entries_per_host"],
  },

  // What is hashed.
  {
    name: "several lines of a header count in any order",
    feature: "Hashing: header",
    ...ring(),
    ...by(header("x")),
    client: [get("/", "x: foo", "x: bar"), get("/", "x: bar", "x: foo"), get("/", "x: foo,bar"), get("/", "x: bar")],
  },
  {
    name: "header values keep their case, names do not",
    feature: "Hashing: header",
    ...ring(),
    ...by(header("X-Thing")),
    client: [get("/", "x-thing: A"), get("/", "X-THING: a")],
  },
  {
    name: "an empty header is one",
    feature: "Hashing: header",
    ...ring(),
    ...by(header("x"), FIXED),
    client: [get("/", "x:"), get()],
  },
  {
    name: "a header is rewritten before it is hashed",
    feature: "Hashing: header",
    ...ring(),
    ...by(header("x", { regex_rewrite: { pattern: { regex: "^user-([^.]+).*$" }, substitution: "\\1" } })),
    client: xs("user-1.a", "user-1.b", "user-2.a", "1"),
  },
  {
    name: "pseudo-headers",
    feature: "Hashing: header",
    ...ring(),
    routes: [
      toCluster("/path", "a", { hash_policy: [header(":path")] }),
      toCluster("/authority", "a", { hash_policy: [header(":authority")] }),
      toCluster("/host", "a", { hash_policy: [header("host")] }),
      toCluster("/scheme", "a", { hash_policy: [header(":scheme")] }),
    ],
    client: ["/path/1", "/path/2", "/authority", "/host", "/scheme"].map((path) => get(path)),
  },
  {
    name: "what the route does to the request comes later, or does it",
    feature: "Hashing: header",
    ...ring(),
    routes: [
      toCluster(
        "/",
        "a",
        {
          hash_policy: [header("x"), header(":path"), header(":authority")],
          prefix_rewrite: "/new/",
          host_rewrite_literal: "new",
        },
        { request_headers_to_add: [{ header: { key: "x", value: "added" } }] },
      ),
    ],
    client: [get("/"), get("/new/"), get("/", "x: added"), get("/new/", "host: new", "x: added")],
  },
  {
    name: "two policies: the first is rotated",
    feature: "Hashing: several policies",
    ...ring(),
    ...by(header("x"), header("y")),
    client: [
      get("/", "x: foo", "y: bar"),
      get("/", "x: bar", "y: foo"),
      get("/", "x: foo", "y: foo"),
      get("/", "x: foo"),
      get("/", "y: foo"),
    ],
  },
  {
    name: "a terminal policy ends it, if there is a hash",
    feature: "Hashing: several policies",
    ...ring(),
    ...by({ ...header("x"), terminal: true }, { ...header("y"), terminal: true }, header("z")),
    client: [
      get("/", "x: foo", "y: 1", "z: 2"),
      get("/", "y: foo", "z: 3"),
      get("/", "z: foo"),
      get("/", "x: foo", "y: 5"),
    ],
  },
  {
    name: "query parameters",
    feature: "Hashing: query parameter",
    ...ring(),
    ...by(query("q"), FIXED),
    client: ["/?q=1", "/?q=1&q=2", "/?qq=1&q=2", "/?q", "/?q=", "/?q=%31", "/", "/?Q=1", "/?a&q=1#f"].map((path) =>
      get(path),
    ),
  },
  {
    name: "the client's address, without its port",
    feature: "Hashing: source IP",
    ...ring(),
    ...by({ connection_properties: { source_ip: true } }),
    client: [get(), got(1), send("d", get()), got(1, "d")],
  },
  {
    name: "the client's address is the one that x-forwarded-for has",
    feature: "Hashing: source IP",
    ...ring(),
    ...by({ connection_properties: { source_ip: true } }),
    client: ["1.2.3.4", "1.2.3.4, 5.6.7.8", "::1", "2001:DB8::0001", "unknown"].map((value) =>
      get("/", `x-forwarded-for: ${value}`),
    ),
  },
  {
    name: "source_ip: false is nothing",
    feature: "Hashing: source IP",
    ...ring(),
    ...by({ connection_properties: { source_ip: false } }, FIXED),
    client: [get()],
  },
  {
    name: "cookies",
    feature: "Hashing: cookie",
    ...ring(),
    ...by(cookie(), FIXED),
    client: ["c=1", 'c="1"', "a=b; c=1", "cc=2;c=1", "c=", "c", "a=b", "C=1", "c=1; c=2", "c= 1", 'c="', "c=a=b"].map(
      (value) => get("/", `cookie: ${value}`),
    ),
  },
  {
    name: "a cookie in the second line",
    feature: "Hashing: cookie",
    ...ring(),
    ...by(cookie(), FIXED),
    client: [get("/", "cookie: a=b", "cookie: c=1")],
  },
  {
    name: "a cookie is made, for as long as it lives",
    feature: "Hashing: cookies that are made",
    clusters: { a: { lb_policy: "RING_HASH" } },
    ...by(cookie({ ttl: "60s", path: "/p", attributes: [{ name: "SameSite", value: "Strict" }, { name: "Secure" }] })),
    client: [get(), get("/", "cookie: c=known"), get("/", "cookie: other=1")],
    mask: COOKIE,
  },
  {
    name: "a cookie for the session",
    feature: "Hashing: cookies that are made",
    clusters: { a: { lb_policy: "RING_HASH" } },
    ...by(cookie({ ttl: "0s" })),
    client: [get()],
    mask: COOKIE,
  },
  {
    name: "a cookie for half a second",
    feature: "Hashing: cookies that are made",
    clusters: { a: { lb_policy: "RING_HASH" } },
    ...by(cookie({ ttl: "0.5s" })),
    client: [get()],
    mask: COOKIE,
  },
  {
    name: "where a cookie stands among the headers of the answer",
    feature: "Hashing: cookies that are made",
    clusters: { a: { lb_policy: "RING_HASH" } },
    routes: [
      toCluster(
        "/",
        "a",
        { hash_policy: [cookie({ ttl: "60s" })] },
        { response_headers_to_add: [{ header: { key: "x", value: "1" } }] },
      ),
    ],
    upstreams: { a: answer(200, "ok", "set-cookie: own=1", "y: 2") },
    client: [get()],
    mask: COOKIE,
  },
  {
    name: "no cookie is made where nothing is hashed",
    feature: "Hashing: cookies that are made",
    ...by(cookie({ ttl: "60s" })),
    client: [get()],
  },
  {
    name: "a terminal policy before it: no cookie is made",
    feature: "Hashing: cookies that are made",
    clusters: { a: { lb_policy: "MAGLEV" } },
    ...by({ ...header("x"), terminal: true }, cookie({ ttl: "60s" })),
    client: [get("/", "x: 1"), get()],
    mask: COOKIE,
  },
  {
    name: "a cookie and a retry",
    feature: "Hashing: cookies that are made",
    clusters: { a: { lb_policy: "RING_HASH" } },
    routes: [toCluster("/", "a", { hash_policy: [cookie({ ttl: "60s" })], retry_policy: { retry_on: "5xx" } })],
    upstreams: { a: { answers: [answer(503), answer(200, "ok")] } },
    client: [get()],
    mask: [...LEFT, ...COOKIE],
  },
  {
    name: "a cookie and no upstream",
    feature: "Hashing: cookies that are made",
    clusters: { a: { lb_policy: "RING_HASH" } },
    ...by(cookie({ ttl: "60s" })),
    upstreams: { a: REFUSED },
    client: [get()],
    mask: COOKIE,
  },

  // Where it leads.
  {
    name: "an unhealthy host is not on the ring",
    feature: "Hashing: health",
    ...ring({ endpoints: NAMES.map((name, i) => keyed(name, i === 5 ? { health_status: "UNHEALTHY" } : {})) }),
    ...by(header("x")),
    client: xs("a", "b", "c", "d", "e", "f"),
    stats: ["cluster.a.membership_healthy", "cluster.a.lb_healthy_panic"],
  },
  {
    name: "in panic everybody is on the ring",
    feature: "Hashing: health",
    ...ring({ endpoints: NAMES.map((name, i) => keyed(name, i > 1 ? { health_status: "UNHEALTHY" } : {})) }),
    ...by(header("x")),
    client: xs("a", "b", "c", "d", "e", "f"),
    stats: ["cluster.a.membership_healthy", "cluster.a.lb_healthy_panic"],
  },
  {
    name: "degraded hosts are not on the ring: who is sent to them finds nobody",
    feature: "Hashing: health",
    ...ring({ endpoints: NAMES.map((name, i) => keyed(name, i > 1 ? { health_status: "DEGRADED" } : {})) }),
    ...by(header("x")),
    client: xs("a", "b", "c", "d", "e", "f"),
    stats: ["cluster.a.membership_degraded", "cluster.a.lb_healthy_panic", "cluster.a.upstream_cx_none_healthy"],
  },
  {
    name: "the hash decides on the priority",
    feature: "Hashing: priorities",
    clusters: {
      a: {
        lb_policy: "MAGLEV",
        load_assignment: {
          cluster_name: "a",
          endpoints: [
            { lb_endpoints: [keyed("h0"), keyed("h1", { health_status: "UNHEALTHY" })] },
            { priority: 1, lb_endpoints: [keyed("h2")] },
          ],
        },
      },
    },
    ...by(header("x")),
    client: xs("a", "b", "c", "d", "e", "f", "g", "h"),
  },
  {
    name: "a retry that avoids its host goes on around the ring",
    feature: "Hashing: retries",
    ...ring(),
    routes: [
      toCluster("/", "a", {
        hash_policy: [header("x")],
        retry_policy: {
          retry_on: "5xx",
          num_retries: 2,
          retry_host_predicate: [
            {
              name: "envoy.retry_host_predicates.previous_hosts",
              typed_config: typed("extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
            },
          ],
          host_selection_retry_max_attempts: 5,
        },
      }),
    ],
    upstreams: Object.fromEntries(NAMES.map((name) => [name, answer(503, name)])),
    client: xs("a", "b"),
    mask: LEFT,
  },
  {
    name: "a retry that avoids its host goes elsewhere in the Maglev table",
    feature: "Hashing: retries",
    ...maglev(),
    routes: [
      toCluster("/", "a", {
        hash_policy: [header("x")],
        retry_policy: {
          retry_on: "5xx",
          num_retries: 2,
          retry_host_predicate: [
            {
              name: "envoy.retry_host_predicates.previous_hosts",
              typed_config: typed("extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
            },
          ],
          host_selection_retry_max_attempts: 5,
        },
      }),
    ],
    upstreams: Object.fromEntries(NAMES.map((name) => [name, answer(503, name)])),
    client: xs("a", "b"),
    mask: LEFT,
  },
  {
    name: "bounded loads: who has too much is passed over, in an order that the hash decides",
    feature: "Hashing: hash_balance_factor",
    ...ring({ common_lb_config: { consistent_hashing_lb_config: { hash_balance_factor: 100 } } }),
    ...by(header("x")),
    upstreams: Object.fromEntries(NAMES.map((name) => [name, { answers: [[gate("go"), answer(200, name)]] }])),
    client: [
      ...["1", "2", "3", "4"].flatMap((on): Step[] => [
        send(on, get("/", "x: a")),
        stat("cluster.a.upstream_rq_active", Number(on)),
      ]),
      open("go"),
      ...["1", "2", "3", "4"].map((on) => got(1, on)),
    ],
    stats: ["cluster.a.upstream_rq_total"],
  },
];
