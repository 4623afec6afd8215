/** What is counted of a route (`stat_prefix`) and of a kind of requests to a virtual host (`virtual_clusters`). */
import { type ContractCase, type JsonObject, REFUSED } from "../harness/case.ts";
import { RESET, answer, get, got, head, inTurn, request, seen, toCluster } from "../harness/steps.ts";

const ROUTE = "Statistics: of a route";
const VIRTUAL = "Statistics: of virtual clusters";

const NAMES = ["upstream_rq_total", "upstream_rq_completed", "upstream_rq_200", "upstream_rq_2xx", "upstream_rq_503", "upstream_rq_504", "upstream_rq_5xx", "upstream_rq_timeout", "upstream_rq_retry", "upstream_rq_retry_success", "upstream_rq_retry_limit_exceeded", "upstream_rq_retry_overflow"]; // prettier-ignore

const counted = (...scopes: readonly string[]): readonly string[] =>
  scopes.flatMap((scope) => NAMES.map((name) => `${scope}.${name}`));

const OF_ROUTE = counted("vhost.v.route.shop");

function route(fields: JsonObject = {}, more: JsonObject = {}): JsonObject {
  return toCluster("/", "a", fields, { stat_prefix: "shop", ...more });
}

const READS = { name: "reads", headers: [{ name: ":method", string_match: { exact: "GET" } }] };
const ADMIN = {
  name: "admin",
  headers: [
    { name: ":path", string_match: { prefix: "/admin" } },
    { name: "x-user", present_match: true },
  ],
};

function virtual(name: string, parts: Partial<ContractCase>): ContractCase {
  return {
    name,
    feature: VIRTUAL,
    virtualHost: { virtual_clusters: [ADMIN, READS] },
    client: [get()],
    stats: counted("vhost.v.vcluster.admin", "vhost.v.vcluster.reads", "vhost.v.vcluster.other"),
    accessLog: "%VIRTUAL_CLUSTER_NAME%",
    ...parts,
  };
}

export const CASES: readonly ContractCase[] = [
  { name: "requests by status", feature: ROUTE, routes: [route()], upstreams: { a: { answers: [answer(200), answer(503)] } }, client: inTurn(get(), get()), stats: OF_ROUTE }, // prettier-ignore
  { name: "nothing yet", feature: ROUTE, routes: [toCluster("/a", "a"), route()], client: [get("/a")], stats: OF_ROUTE }, // prettier-ignore
  {
    name: "retries that succeed",
    feature: ROUTE,
    routes: [route({ timeout: "0s", retry_policy: { retry_on: "5xx" } })],
    upstreams: { a: { answers: [answer(503), answer(200)] } },
    client: [get(), got(1)],
    stats: OF_ROUTE,
  },
  {
    name: "retries that are too many",
    feature: ROUTE,
    routes: [route({ timeout: "0s", retry_policy: { retry_on: "5xx", num_retries: 1 } })],
    upstreams: { a: answer(503) },
    client: [get(), got(1)],
    stats: OF_ROUTE,
  },
  {
    name: "retries that the circuit breaker does not let through",
    feature: ROUTE,
    routes: [route({ timeout: "0s", retry_policy: { retry_on: "5xx", num_retries: 1 } })],
    clusters: { a: { circuit_breakers: { thresholds: [{ max_retries: 0 }] } } },
    upstreams: { a: answer(503) },
    client: [get(), got(1)],
    stats: OF_ROUTE,
  },
  {
    name: "a timeout",
    feature: ROUTE,
    routes: [route({ timeout: "0.2s" })],
    upstreams: { a: { answers: [[{ do: "gate", gate: "never" }]] } },
    client: [get(), got(1)],
    stats: OF_ROUTE,
  },
  { name: "a refused connection", feature: ROUTE, routes: [route()], upstreams: { a: REFUSED }, client: [get(), got(1)], stats: OF_ROUTE }, // prettier-ignore
  { name: "no healthy upstream", feature: ROUTE, routes: [route()], clusters: { a: { endpoints: [] } }, client: [get(), got(1)], stats: OF_ROUTE }, // prettier-ignore
  {
    name: "a reset after the answer has begun",
    feature: ROUTE,
    routes: [route()],
    upstreams: { a: { answers: [[head("HTTP/1.1 200 OK", "content-length: 5"), RESET]] } },
    client: [get(), seen("a", 1)],
    stats: OF_ROUTE,
  },
  {
    name: "no cluster, redirects and direct responses are nothing to it",
    feature: ROUTE,
    routes: [
      { match: { prefix: "/r" }, redirect: { path_redirect: "/" }, stat_prefix: "shop" },
      { match: { prefix: "/d" }, direct_response: { status: 200 }, stat_prefix: "shop" },
      { match: { prefix: "/" }, route: { cluster_header: "x-none" }, stat_prefix: "shop" },
    ],
    client: inTurn(get("/r"), get("/d"), get("/")),
    stats: OF_ROUTE,
  },
  {
    name: "names with colons and dots",
    feature: ROUTE,
    virtualHosts: [{ name: "shop.example:80", domains: ["*"], routes: [toCluster("/", "a", {}, { stat_prefix: "a:b.c" })] }], // prettier-ignore
    client: [get()],
    stats: ["vhost.shop.example_80.route.a_b.c.upstream_rq_total", "vhost.shop.example:80.route.a:b.c.upstream_rq_total", "vhost.shop.example:80.route.a:b.c.upstream_rq_200", "vhost.shop.example_80.route.a_b.c.upstream_rq_200"], // prettier-ignore
  },
  {
    name: "routes of one prefix count together",
    feature: ROUTE,
    routes: [toCluster("/a", "a", {}, { stat_prefix: "shop" }), route()],
    client: inTurn(get("/a"), get("/b")),
    stats: OF_ROUTE,
  },

  virtual("the first that matches", {
    client: inTurn(get("/admin", "x-user: u"), get("/admin"), request("PUT", "/", "content-length: 0"), get("/")),
  }),
  virtual("without any there is none", { virtualHost: {} }),
  virtual("as the request was before it is rewritten", {
    routes: [toCluster("/admin", "a", { prefix_rewrite: "/x" }), toCluster("/", "a", { prefix_rewrite: "/admin" })],
    client: inTurn(get("/admin", "x-user: u"), get("/", "x-user: u")),
  }),
  virtual("with a route's own", {
    routes: [route({ timeout: "0s", retry_policy: { retry_on: "5xx" } })],
    upstreams: { a: { answers: [answer(503), answer(200)] } },
    client: [get(), got(1)],
    stats: counted("vhost.v.vcluster.reads", "vhost.v.route.shop"),
  }),
  virtual("what no upstream is asked for", {
    routes: [
      { match: { prefix: "/d" }, direct_response: { status: 200 } },
      { match: { prefix: "/" }, route: { cluster_header: "x-none" } },
    ],
    client: inTurn(get("/d"), get("/")),
  }),
  virtual("refused: no headers", { virtualHost: { virtual_clusters: [{ name: "x" }] }, refused: true }),
  virtual("refused: no name", { virtualHost: { virtual_clusters: [{ headers: READS.headers }] }, refused: true }),
];
