/** Requests to the host that they name: `envoy.filters.http.dynamic_forward_proxy` and its cluster. */
import type { ContractCase, DnsAnswer, JsonObject, Step } from "../harness/case.ts";
import {
  answer,
  asked,
  elapse,
  ended,
  gate,
  get,
  got,
  inTurn,
  open,
  post,
  reset,
  seen,
  send,
  stat,
  toCluster,
  typed,
} from "../harness/steps.ts";

/** c-ares, asking the case's name server. */
export const RESOLVER: JsonObject = {
  name: "envoy.network.dns_resolver.cares",
  typed_config: typed("extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig", {
    resolvers: [{ socket_address: { address: "127.0.0.1", port_value: "{port dns}" } }],
    dns_resolver_options: { no_default_search_domain: true },
  }),
};

const LOOPBACK: readonly DnsAnswer[] = [{ addresses: ["127.0.0.1"] }];

function cache(fields: JsonObject = {}): JsonObject {
  return {
    dns_cache_config: {
      name: "d",
      dns_lookup_family: "V4_ONLY",
      typed_dns_resolver_config: RESOLVER,
      ...fields,
    },
  };
}

interface Parts {
  /** Fields of the cache. */
  readonly cache?: JsonObject;
  /** Of the cluster. */
  readonly cluster?: JsonObject;
  readonly filters?: readonly JsonObject[];
  /** Of the filter's configuration. */
  readonly filter?: JsonObject;
}

export function forwarding({ cache: fields, cluster = {}, filters, filter = {} }: Parts = {}): Partial<ContractCase> {
  const config = typed("extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig", {
    ...cache(fields),
    ...filter,
  });
  return {
    clusters: {
      a: {
        type: null,
        load_assignment: null,
        lb_policy: "CLUSTER_PROVIDED",
        cluster_type: {
          name: "envoy.clusters.dynamic_forward_proxy",
          typed_config: typed("extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig", {
            ...cache(fields),
            allow_insecure_cluster_options: true,
          }),
        },
        ...cluster,
      },
    },
    filters: filters ?? [{ name: "dfp", typed_config: config }],
  };
}

const STATS = [
  "dns_cache.d.dns_query_attempt",
  "dns_cache.d.dns_query_success",
  "dns_cache.d.dns_query_failure",
  "dns_cache.d.dns_query_timeout",
  "dns_cache.d.host_added",
  "dns_cache.d.host_removed",
  "dns_cache.d.host_address_changed",
  "dns_cache.d.host_overflow",
  "dns_cache.d.num_hosts",
  "dns_cache.d.dns_rq_pending_overflow",
  "dns_cache.d.circuit_breakers.rq_pending_open",
  "dns_cache.d.circuit_breakers.rq_pending_remaining",
  "cluster.a.membership_total",
  "cluster.a.membership_change",
  "cluster.a.upstream_cx_none_healthy",
  "cluster.a.upstream_rq_total",
];

const LOG = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_HOST% %UPSTREAM_CLUSTER%";

type Row = Parts & Partial<ContractCase>;

function cases(feature: string, table: Readonly<Record<string, Row>>): ContractCase[] {
  return Object.entries(table).map(([name, row]) => ({
    name,
    feature: `Dynamic forward proxy: ${feature}`,
    ...forwarding(row),
    upstreams: { b: answer(200, "b") },
    dns: { "b.test A": LOOPBACK },
    client: [get("/", "Host: b.test:{port b}"), got(1)],
    stats: STATS,
    accessLog: LOG,
    ...partsOf(row),
  }));
}

const PER_ROUTE = "extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig";

function perRoute(config: JsonObject, action: JsonObject = {}): Partial<ContractCase> {
  return { routes: [toCluster("/", "a", action, { typed_per_filter_config: { dfp: typed(PER_ROUTE, config) } })] };
}

/** Requests in turn, each for a host. */
function to(...hosts: readonly string[]): readonly Step[] {
  return inTurn(...hosts.map((host) => get("/", `Host: ${host}`)));
}

const B = "b.test:{port b}";

function partsOf({ cache: _cache, cluster: _cluster, filters: _filters, filter: _filter, ...parts }: Row) {
  return parts;
}

/** The same without the filter. */
function unfiltered(table: Readonly<Record<string, Row>>): ContractCase[] {
  const rows = Object.entries(table).map(([name, row]) => [`without the filter: ${name}`, { filters: [], ...row }]);
  return cases("without the filter", Object.fromEntries(rows) as Readonly<Record<string, Row>>);
}

export const CASES: readonly ContractCase[] = [
  ...cases("hosts", {
    "the request's host is resolved": {},
    "another request finds it in the cache": { client: to(B, B) },
    "another port is another host": { client: to(B, "b.test:1") },
    // An address that nobody can connect to: on others something may listen on port 80.
    "without a port 80": {
      dns: { "b.test A": [{ addresses: ["255.255.255.255"] }] },
      client: to("b.test", "b.test:80"),
      accessLog: "%RESPONSE_CODE% %RESPONSE_FLAGS% %UPSTREAM_HOST% %UPSTREAM_CLUSTER%",
    },
    "case counts": { client: to(B, "B.Test:{port b}"), dns: { "b.test A": LOOPBACK } },
    "a dot at the end": { client: to("b.test.:{port b}") },
    "an IPv4 address": { client: to("127.0.0.1:{port b}") },
    "an IPv6 address": { client: to("[::1]:1") },
    localhost: { client: to("localhost:{port b}") },
    "an absolute target": { client: [get("http://b.test:{port b}/x", "Host: other.test"), got(1)] },
    "a port that is none": { client: to("b.test:99999") },
    "port 0": { client: to("b.test:0") },
    "an empty host": { client: [...to(""), ended()] },
    "a long name": { client: to(`${"x".repeat(64)}.test`) },
    "an underscore": { client: to("a_b.test:{port b}"), dns: { "a_b.test A": LOOPBACK } },
    "the body waits for the lookup": {
      dns: { "b.test A": [{ addresses: ["127.0.0.1"], gate: "dns" }] },
      client: [post("hello", `Host: ${B}`), asked("b.test A"), open("dns"), got(1)],
    },
    "requests wait for one lookup": {
      dns: { "b.test A": [{ addresses: ["127.0.0.1"], gate: "dns" }] },
      client: [
        get("/1", `Host: ${B}`),
        asked("b.test A"),
        send("d", get("/2", `Host: ${B}`)),
        stat("http.in.downstream_rq_active", 2),
        open("dns"),
        got(1),
        got(1, "d"),
      ],
      accessLog: "%RESPONSE_CODE%",
    },
    "the client goes while its request waits": {
      dns: { "b.test A": [{ addresses: ["127.0.0.1"], gate: "dns" }] },
      client: [
        get("/1", `Host: ${B}`),
        asked("b.test A"),
        reset(),
        stat("http.in.downstream_rq_active", 0),
        open("dns"),
        send("d", get("/2", `Host: ${B}`)),
        got(1, "d"),
      ],
    },
    "an upstream that refuses": { client: to("c.test:1"), dns: { "c.test A": LOOPBACK } },
    "a retry": {
      client: to("c.test:1"),
      dns: { "c.test A": LOOPBACK },
      routes: [toCluster("/", "a", { retry_policy: { retry_on: "connect-failure", num_retries: 1 } })],
    },
    "a keep-alive connection is used again": { client: to(B, B), stats: ["cluster.a.upstream_cx_total"] },
    "several addresses: the first": {
      dns: { "b.test A": [{ addresses: ["127.0.0.1", "127.0.0.2"] }] },
      client: to(B, B, B),
    },
    "several addresses, of which the first refuses": {
      dns: { "b.test A": [{ addresses: ["127.0.0.2", "127.0.0.1"] }] },
      client: to(B),
    },
    preresolve_hostnames: {
      cache: { preresolve_hostnames: [{ address: "b.test", port_value: "{port b}" }] },
      client: [asked("b.test A"), stat("dns_cache.d.num_hosts", 1), ...to(B)],
    },
  }),
  ...cases("routes", {
    host_rewrite_literal: { client: to("x.test"), ...perRoute({ host_rewrite_literal: B }) },
    host_rewrite_header: {
      client: [get("/", "Host: x.test", `x-to: ${B}`, "x-to: c.test"), got(1)],
      ...perRoute({ host_rewrite_header: "X-To" }),
    },
    "host_rewrite_header: the header is not there": { ...perRoute({ host_rewrite_header: "X-To" }) },
    "host_rewrite_literal and the route's": {
      client: to("x.test"),
      ...perRoute({ host_rewrite_literal: B }, { host_rewrite_literal: "y.test" }),
    },
    "the route's host_rewrite_literal comes after the lookup": {
      routes: [toCluster("/", "a", { host_rewrite_literal: "y.test" })],
    },
    auto_host_rewrite: { routes: [toCluster("/", "a", { auto_host_rewrite: true })] },
    "the filter is off for the route": {
      routes: [
        toCluster(
          "/",
          "a",
          {},
          {
            typed_per_filter_config: { dfp: typed("config.route.v3.FilterConfig", { disabled: true }) },
          },
        ),
      ],
    },
    "of a host that another route's filter has resolved": {
      routes: [
        toCluster(
          "/off",
          "a",
          {},
          {
            typed_per_filter_config: { dfp: typed("config.route.v3.FilterConfig", { disabled: true }) },
          },
        ),
        toCluster("/", "a"),
      ],
      client: [...to(B), get("/off", `Host: ${B}`), got(2)],
    },
    "a cluster that is not there": { routes: [toCluster("/", "none")] },
    "a direct response": { routes: [{ match: { prefix: "/" }, direct_response: { status: 418 } }] },
    "no route": { routes: [toCluster("/other", "a")] },
    "by cluster_header": {
      routes: [{ match: { prefix: "/" }, route: { cluster_header: "x-cluster" } }],
      client: [get("/", `Host: ${B}`, "x-cluster: a"), got(1)],
    },
  }),
  ...unfiltered({
    "the cluster looks the host up": {},
    "a name that is not there": { client: to("c.test", "c.test") },
    SERVFAIL: { client: to("c.test"), dns: { "c.test A": ["SERVFAIL"] } },
    "the body waits": {
      dns: { "b.test A": [{ addresses: ["127.0.0.1"], gate: "dns" }] },
      client: [post("hello", `Host: ${B}`), asked("b.test A"), open("dns"), got(1)],
    },
    "the client goes while its request waits": {
      dns: { "b.test A": [{ addresses: ["127.0.0.1"], gate: "dns" }] },
      client: [
        get("/1", `Host: ${B}`),
        asked("b.test A"),
        reset(),
        stat("http.in.downstream_rq_active", 0),
        open("dns"),
        send("d", get("/2", `Host: ${B}`)),
        got(1, "d"),
      ],
    },
    "an empty host": { client: to("") },
    max_hosts: { cache: { max_hosts: 1 }, client: to(B, "c.test", B) },
    dns_cache_circuit_breaker: { cache: { dns_cache_circuit_breaker: { max_pending_requests: 0 } } },
    "a timeout of the route does not run while the name is looked up": {
      routes: [toCluster("/", "a", { timeout: "0.2s" })],
      dns: { "b.test A": [{ addresses: ["127.0.0.1"], gate: "dns" }] },
      client: [get("/", `Host: ${B}`), asked("b.test A"), elapse(400), open("dns"), got(1)],
    },
    "a retry": {
      client: to("c.test:1"),
      dns: { "c.test A": LOOPBACK },
      routes: [toCluster("/", "a", { retry_policy: { retry_on: "connect-failure", num_retries: 1 } })],
    },
    "a request that fails is not tried again": {
      client: to("c.test:1"),
      routes: [toCluster("/", "a", { retry_policy: { retry_on: "5xx,connect-failure,reset", num_retries: 1 } })],
    },
  }),
  ...cases("failures", {
    NXDOMAIN: { client: to("c.test") },
    "NXDOMAIN once more": { client: to("c.test", "c.test") },
    "a name without an address": { client: to("c.test"), dns: { "c.test A": [{ addresses: [] }] } },
    SERVFAIL: { client: to("c.test"), dns: { "c.test A": ["SERVFAIL"] } },
    REFUSED: { client: to("c.test"), dns: { "c.test A": ["REFUSED"] } },
    dns_query_timeout: {
      cache: { dns_query_timeout: "0.3s" },
      client: to("c.test"),
      dns: { "c.test A": ["SILENCE"] },
    },
    gRPC: { client: [get("/", "Host: c.test", "content-type: application/grpc"), got(1)] },
    "dns_refresh_rate: a name that was not there is asked for again": {
      cache: { dns_refresh_rate: "1s" },
      client: [...to(B), asked("b.test A", 2), stat("cluster.a.membership_total", 1), get("/", `Host: ${B}`), got(2)],
      dns: { "b.test A": ["NXDOMAIN", ...LOOPBACK] },
    },
    dns_failure_refresh_rate: {
      cache: { dns_failure_refresh_rate: { base_interval: "0.2s", max_interval: "0.2s" }, dns_query_timeout: "0.2s" },
      client: [...to(B), asked("b.test A", 2), stat("cluster.a.membership_total", 1), get("/", `Host: ${B}`), got(2)],
      dns: { "b.test A": ["SILENCE", ...LOOPBACK] },
    },
    "an address is kept when a lookup fails": {
      cache: { dns_min_refresh_rate: "1s", dns_query_timeout: "0.2s" },
      client: [...to(B), stat("dns_cache.d.dns_query_failure", 1), get("/", `Host: ${B}`), got(2)],
      dns: { "b.test A": [{ addresses: ["127.0.0.1"], ttl: 1 }, "SILENCE"] },
    },
    "an address is kept when the name is gone": {
      cache: { dns_min_refresh_rate: "1s" },
      client: [...to(B), stat("dns_cache.d.dns_query_success", 2), get("/", `Host: ${B}`), got(2)],
      dns: { "b.test A": [{ addresses: ["127.0.0.1"], ttl: 1 }, "NXDOMAIN"] },
    },
  }),
  ...cases("refresh", {
    "dns_min_refresh_rate holds where the time to live is shorter": {
      cache: { dns_min_refresh_rate: "1s" },
      client: [...to(B), stat("dns_cache.d.dns_query_success", 2)],
      dns: {
        "b.test A": [
          { addresses: ["127.0.0.1"], ttl: 0 },
          { addresses: ["127.0.0.1"], ttl: 60 },
        ],
      },
    },
    "the time to live": {
      cache: { dns_min_refresh_rate: "1s", dns_refresh_rate: "1s" },
      client: [...to(B), elapse(1500)],
      dns: { "b.test A": [{ addresses: ["127.0.0.1"], ttl: 3 }] },
    },
    "another address: open connections stay": {
      cache: { dns_min_refresh_rate: "1s" },
      client: [...to(B), stat("dns_cache.d.host_address_changed", 2), get("/", `Host: ${B}`), got(2)],
      dns: {
        "b.test A": [
          { addresses: ["127.0.0.1"], ttl: 1 },
          { addresses: ["127.0.0.2"], ttl: 60 },
        ],
      },
    },
    "another address: new connections go there": {
      cache: { dns_min_refresh_rate: "1s" },
      cluster: { max_requests_per_connection: 1 },
      client: [...to(B), stat("dns_cache.d.host_address_changed", 2), get("/", `Host: ${B}`), got(2)],
      dns: {
        "b.test A": [
          { addresses: ["127.0.0.1"], ttl: 1 },
          { addresses: ["127.0.0.2"], ttl: 60 },
        ],
      },
    },
    host_ttl: {
      cache: { dns_min_refresh_rate: "1s", host_ttl: "0.5s" },
      client: [...to(B), stat("dns_cache.d.num_hosts", 0), stat("cluster.a.membership_total", 0)],
      dns: { "b.test A": [{ addresses: ["127.0.0.1"], ttl: 1 }] },
    },
    "host_ttl, and the host is asked for again": {
      cache: { dns_min_refresh_rate: "1s", host_ttl: "0.5s" },
      client: [...to(B), stat("dns_cache.d.num_hosts", 0), get("/", `Host: ${B}`), got(2)],
      dns: { "b.test A": [{ addresses: ["127.0.0.1"], ttl: 1 }, { addresses: ["127.0.0.1"] }] },
    },
  }),
  ...cases("limits", {
    max_hosts: { cache: { max_hosts: 1 }, client: to(B, "c.test", B) },
    "dns_cache_circuit_breaker: max_pending_requests": {
      cache: { dns_cache_circuit_breaker: { max_pending_requests: 1 } },
      dns: { "b.test A": [{ addresses: ["127.0.0.1"], gate: "dns" }] },
      client: [
        get("/1", `Host: ${B}`),
        asked("b.test A"),
        stat("dns_cache.d.circuit_breakers.rq_pending_open", 1),
        send("d", get("/2", `Host: ${B}`)),
        got(1, "d"),
        open("dns"),
        got(1),
      ],
    },
    "dns_cache_circuit_breaker: 0 pending requests": {
      cache: { dns_cache_circuit_breaker: { max_pending_requests: 0 } },
    },
    "circuit breakers of the cluster": {
      cluster: { circuit_breakers: { thresholds: [{ max_requests: 1 }] } },
      upstreams: { b: { answers: [[gate("go"), answer(200, "b")]] } },
      client: [
        get("/1", `Host: ${B}`),
        seen("b", 1),
        send("d", get("/2", `Host: ${B}`)),
        got(1, "d"),
        open("go"),
        got(1),
      ],
    },
  }),
  ...cases("families", {
    V6_ONLY: {
      cache: { dns_lookup_family: "V6_ONLY" },
      client: to("c.test:1"),
      dns: { "c.test A": LOOPBACK, "c.test AAAA": [{ addresses: ["::1"] }] },
    },
    "V6_ONLY, and there is only IPv4": {
      cache: { dns_lookup_family: "V6_ONLY" },
      client: to("c.test:1"),
      dns: { "c.test A": LOOPBACK },
    },
    "AUTO: IPv6 first": {
      cache: { dns_lookup_family: "AUTO" },
      client: to("c.test:1"),
      dns: { "c.test A": LOOPBACK, "c.test AAAA": [{ addresses: ["::1"] }] },
    },
    "AUTO: IPv4 where there is no IPv6": { cache: { dns_lookup_family: "AUTO" } },
    V4_PREFERRED: {
      cache: { dns_lookup_family: "V4_PREFERRED" },
      client: to("c.test:1"),
      dns: { "c.test A": LOOPBACK, "c.test AAAA": [{ addresses: ["::1"] }] },
    },
    "V4_PREFERRED: IPv6 where there is no IPv4": {
      cache: { dns_lookup_family: "V4_PREFERRED" },
      client: to("c.test:1"),
      dns: { "c.test AAAA": [{ addresses: ["::1"] }] },
    },
    ALL: {
      cache: { dns_lookup_family: "ALL" },
      dns: { "b.test A": LOOPBACK, "b.test AAAA": [{ addresses: ["::1"] }] },
    },
  }),
  ...cases("configuration", {
    "caches of one name that differ": {
      refused: true,
      filter: { dns_cache_config: { name: "d", dns_lookup_family: "V6_ONLY" } },
    },
    "another load balancing policy": { refused: true, cluster: { lb_policy: "ROUND_ROBIN" } },
    endpoints: { cluster: { load_assignment: { cluster_name: "a", endpoints: [] } } },
    "a cache without a name": { refused: true, cache: { name: "" } },
    "max_hosts 0": { refused: true, cache: { max_hosts: 0 } },
    "dns_min_refresh_rate below a second": { refused: true, cache: { dns_min_refresh_rate: "0.5s" } },
    "more preresolve_hostnames than max_hosts": {
      refused: true,
      cache: {
        max_hosts: 1,
        preresolve_hostnames: [
          { address: "b.test", port_value: 1 },
          { address: "c.test", port_value: 1 },
        ],
      },
    },
    "a name server that is no IP address": {
      refused: true,
      cache: {
        typed_dns_resolver_config: {
          name: "envoy.network.dns_resolver.cares",
          typed_config: typed("extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig", {
            resolvers: [{ socket_address: { address: "ns.test", port_value: 53 } }],
          }),
        },
      },
    },
  }),
];
