/** The filter envoy.filters.http.stateful_session: a client stays with the host that served it first. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { answer, endpoint, get, inTurn, toCluster, typed } from "../harness/steps.ts";

const COOKIE = "Stateful session: cookie";
const HEADER = "Stateful session: header";
const ROUTES = "Stateful session: routes";
const REFUSED = "Stateful session: what is refused";

const STATE = "extensions.http.stateful_session";
const SESSION = "extensions.filters.http.stateful_session.v3.StatefulSession";
const PER_ROUTE = "extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute";
const cookieState = (cookie: JsonObject): JsonObject => ({
  name: "envoy.http.stateful_session.cookie",
  typed_config: typed(`${STATE}.cookie.v3.CookieBasedSessionState`, { cookie }),
});
const headerState = (name: string): JsonObject => ({
  name: "envoy.http.stateful_session.header",
  typed_config: typed(`${STATE}.header.v3.HeaderBasedSessionState`, { name }),
});
const session = (session_state: JsonObject | null, fields: JsonObject = {}): Pick<ContractCase, "filters"> => ({
  filters: [
    {
      name: "session",
      typed_config: typed(SESSION, { ...(session_state === null ? {} : { session_state }), ...fields }),
    },
  ],
});

/** An address in base64, with a port that varies; a cookie has a time, too. */
const MASK: ContractCase["mask"] = [
  [/s="[^"]*"/g, 's="{cookie}"'],
  [/[A-Za-z0-9+/]{19,}={0,2}/g, "{address}"],
];
const THREE: Partial<ContractCase> = {
  clusters: { a: { lb_policy: "ROUND_ROBIN", endpoints: ["a1", "a2", "a3"] } },
  mask: MASK,
};
const DOWN: Partial<ContractCase> = {
  clusters: {
    a: {
      endpoints: [endpoint("a1", { health_status: "UNHEALTHY" }), "a2", endpoint("a3", { health_status: "DRAINING" })],
    },
  },
  mask: MASK,
};
const LOG = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%";

export const CASES: readonly ContractCase[] = [
  {
    name: "a header tells which host it was",
    feature: HEADER,
    ...session(headerState("X-Session")),
    mask: MASK,
    client: inTurn(get()),
  },
  {
    name: "a host that the header names",
    feature: HEADER,
    ...session(headerState("x-session")),
    ...THREE,
    client: inTurn(
      get("/", "x-session: {session a2}"),
      get("/", "x-session: {session a2}"),
      get("/", "x-session: {session a3}"),
      get("/", "x-session: {session a1}"),
    ),
  },
  {
    name: "what is no host of the cluster, or no address at all",
    feature: HEADER,
    ...session(headerState("x-session")),
    mask: MASK,
    client: inTurn(get("/", "x-session: MTI3LjAuMC4xOjE="), get("/", "x-session: ???"), get("/", "x-session:")),
  },
  {
    name: "a host that is unwell",
    feature: HEADER,
    ...session(headerState("x-session")),
    ...DOWN,
    client: inTurn(get("/", "x-session: {session a1}"), get("/", "x-session: {session a3}")),
  },
  {
    name: "strict: that host or none",
    feature: HEADER,
    ...session(headerState("x-session"), { strict: true }),
    ...DOWN,
    client: inTurn(
      get("/", "x-session: {session a1}"),
      get("/", "x-session: {session a2}"),
      get("/", "x-session: MTI3LjAuMC4xOjE="),
      get(),
    ),
    accessLog: LOG,
    stats: ["cluster.a.upstream_cx_none_healthy"],
  },
  {
    name: "which hosts may be named: override_host_status",
    feature: HEADER,
    ...session(headerState("x-session")),
    clusters: {
      a: {
        endpoints: [endpoint("a1", { health_status: "DRAINING" }), "a2"],
        common_lb_config: { override_host_status: { statuses: ["DRAINING"] } },
      },
    },
    mask: MASK,
    client: inTurn(get("/", "x-session: {session a1}")),
  },
  {
    name: "another attempt may go elsewhere",
    feature: HEADER,
    ...session(headerState("x-session")),
    clusters: { a: { endpoints: ["a1", "a2"] } },
    upstreams: { a1: answer(503, "no"), a2: answer(200, "yes") },
    routes: [
      {
        match: { prefix: "/" },
        route: {
          cluster: "a",
          timeout: "0s",
          retry_policy: {
            retry_on: "5xx",
            host_selection_retry_max_attempts: 10,
            retry_host_predicate: [
              {
                name: "envoy.retry_host_predicates.previous_hosts",
                typed_config: typed("extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
              },
            ],
          },
        },
      },
    ],
    mask: MASK,
    client: inTurn(get("/", "x-session: {session a1}")),
  },
  {
    name: "local replies have no host",
    feature: HEADER,
    ...session(headerState("x-session")),
    routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }],
    client: inTurn(get()),
  },
  {
    name: "a cookie, with all that is said of it",
    feature: COOKIE,
    ...session(cookieState({ name: "s", ttl: "120s", path: "/" })),
    mask: MASK,
    client: inTurn(get()),
  },
  {
    name: "a cookie for as long as the browser is open",
    feature: COOKIE,
    ...session(cookieState({ name: "s" })),
    mask: MASK,
    client: inTurn(get()),
  },
  {
    name: "a host that the cookie names",
    feature: COOKIE,
    ...session(cookieState({ name: "s" })),
    ...THREE,
    client: inTurn(
      get("/", "cookie: s={session a2}"),
      get("/", "cookie: a=b; s={cookie a3}"),
      get("/", 'cookie: s="{cookie a1}"'),
      get("/", "cookie: s={cookie a2}"),
    ),
  },
  {
    name: "cookies that name nobody",
    feature: COOKIE,
    ...session(cookieState({ name: "s" })),
    mask: MASK,
    client: inTurn(get("/", "cookie: s="), get("/", "cookie: s=???"), get("/", "cookie: s=MTI3LjAuMC4xOjE="), get("/", "cookie: t={cookie a}")), // prettier-ignore
  },
  {
    name: "paths that the cookie is not for",
    feature: COOKIE,
    ...session(cookieState({ name: "s", path: "/in" })),
    mask: MASK,
    client: inTurn(get("/in"), get("/in/x"), get("/inside"), get("/out"), get("/in?x")),
  },
  {
    name: "a path that ends with a slash",
    feature: COOKIE,
    ...session(cookieState({ name: "s", path: "/in/" })),
    mask: MASK,
    client: inTurn(get("/in"), get("/in/"), get("/in/x"), get("/inside")),
  },
  {
    name: "a route without sessions, and one with its own",
    feature: ROUTES,
    ...session(headerState("x-session")),
    routes: [
      { ...toCluster("/off", "a"), typed_per_filter_config: { session: typed(PER_ROUTE, { disabled: true }) } },
      {
        ...toCluster("/own", "a"),
        typed_per_filter_config: {
          session: typed(PER_ROUTE, { stateful_session: { session_state: headerState("x-own") } }),
        },
      },
      {
        ...toCluster("/none", "a"),
        typed_per_filter_config: { session: typed(PER_ROUTE, { stateful_session: {} }) },
      },
      toCluster("/", "a"),
    ],
    mask: MASK,
    client: inTurn(get("/off"), get("/own"), get("/none"), get("/")),
  },
  {
    name: "a filter that says nothing leaves it to routes",
    feature: ROUTES,
    ...session(null),
    routes: [
      {
        ...toCluster("/own", "a"),
        typed_per_filter_config: {
          session: typed(PER_ROUTE, { stateful_session: { session_state: headerState("x-own") } }),
        },
      },
      toCluster("/", "a"),
    ],
    mask: MASK,
    client: inTurn(get("/own"), get("/")),
  },
  {
    name: "a cookie without a name",
    feature: REFUSED,
    ...session(cookieState({ name: "" })),
    client: [],
    refused: true,
  },
  { name: "a header without a name", feature: REFUSED, ...session(headerState("")), client: [], refused: true },
  {
    name: "a state that is none",
    feature: REFUSED,
    ...session({ name: "x", typed_config: typed("extensions.filters.http.router.v3.Router") }),
    client: [],
    refused: true,
  },
];
