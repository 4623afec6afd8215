/** The ext_authz filter: another server is asked about every request. */
import type { ContractCase, JsonObject, Upstream } from "../harness/case.ts";
import { REFUSED } from "../harness/case.ts";
import {
  CLOSE,
  RESET,
  answer,
  chunked,
  ended,
  gate,
  get,
  got,
  head,
  header,
  inTurn,
  post,
  request,
  seen,
  send,
  stat,
  toCluster,
  typed,
} from "../harness/steps.ts";

const NAME = "envoy.filters.http.ext_authz";
const TYPE = "extensions.filters.http.ext_authz.v3.ExtAuthz";
const LOG = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.ext_authz)%";
const COUNTERS = ["ok", "denied", "error", "disabled", "failure_mode_allowed", "timeout", "invalid"];
const STATS = [
  ...COUNTERS.map((name) => `http.in.ext_authz.${name}`),
  ...["ok", "denied", "error", "failure_mode_allowed"].map((name) => `cluster.a.ext_authz.${name}`),
];

const ASKED = "External authorization: what is asked";
const ALLOWED = "External authorization: what is allowed";
const DENIED = "External authorization: what is denied";
const FAILED = "External authorization: failures";
const BODIES = "External authorization: bodies";
const ROUTES = "External authorization: routes";

const SERVER = { server_uri: { uri: "http://authz.test:9000", cluster: "authz", timeout: "5s" } } as const;

function filter(service: JsonObject, fields: JsonObject = {}): JsonObject {
  return { name: NAME, typed_config: typed(TYPE, { http_service: { ...SERVER, ...service }, ...fields }) };
}

/** Requests in turn, and what the server says to them. */
function asks(
  name: string,
  feature: string,
  authz: Upstream,
  requests: readonly string[],
  service: JsonObject = {},
  fields: JsonObject = {},
  more: Partial<ContractCase> = {},
): ContractCase {
  return {
    name,
    feature,
    filters: [filter(service, fields)],
    clusters: { a: {}, authz: {} },
    upstreams: { authz },
    client: inTurn(...requests),
    accessLog: LOG,
    stats: STATS,
    ...more,
  };
}

const exact = (...names: readonly string[]): JsonObject => ({
  patterns: names.map((each) => ({ exact: each, ignore_case: true })),
});
const prefix = (...names: readonly string[]): JsonObject => ({ patterns: names.map((each) => ({ prefix: each })) });
const OK = answer(200, "yes");
const NO = answer(403, "no");
const request_ = (fields: JsonObject): JsonObject => ({ authorization_request: fields });
const response = (fields: JsonObject): JsonObject => ({ authorization_response: fields });

function perRoute(fields: JsonObject): JsonObject {
  return {
    typed_per_filter_config: { [NAME]: typed("extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute", fields) },
  };
}

const percent = (numerator: number): JsonObject => ({ default_value: { numerator, denominator: "HUNDRED" } });

export const CASES: readonly ContractCase[] = [
  asks("allowed, then denied", ASKED, { answers: [OK, NO] }, [get("/a?b=c", "x-a: 1"), get("/d")]),
  asks("what the server is told by itself", ASKED, OK, [
    request("POST", "/p?q=1", "authorization: Basic YTpi", "cookie: a=b", "x-a: 1", "content-length: 2") + "hi",
  ]),
  asks("path_prefix", ASKED, OK, [get("/a?b=c"), request("OPTIONS", "/x")], { path_prefix: "/check" }),
  asks("path_override", ASKED, OK, [get("/a?b=c")], { path_override: "/fixed" }),
  asks("a prefix that is no path", ASKED, OK, [], { path_prefix: "check" }, {}, { refused: true, client: [] }),
  asks(
    "path_prefix and path_override",
    ASKED,
    OK,
    [],
    { path_prefix: "/c", path_override: "/o" },
    {},
    { refused: true, client: [] },
  ),
  asks(
    "allowed_headers of the filter",
    ASKED,
    OK,
    [get("/", "x-a: 1", "x-b: 2", "X-A: again"), get("/", "y-c: 3"), get("/", "authorization: s")],
    {},
    {
      allowed_headers: prefix("x-a", "y-"),
    },
  ),
  asks(
    "allowed_headers of the request",
    ASKED,
    OK,
    [get("/", "x-a: 1", "x-b: 2"), get("/", "authorization: s")],
    request_({ allowed_headers: exact("X-A") }),
  ),
  asks(
    "disallowed_headers",
    ASKED,
    OK,
    [get("/", "x-a: 1", "x-b: 2", "authorization: s")],
    {},
    {
      allowed_headers: prefix("x-a", "x-b"),
      disallowed_headers: exact("x-b", "authorization"),
    },
  ),
  asks(
    "headers_to_add",
    ASKED,
    OK,
    [get("/", "x-a: 1")],
    request_({
      headers_to_add: [
        { key: "x-added", value: "v" },
        { key: "x-client", value: "%REQ(x-a)%" },
      ],
    }),
  ),
  asks("the timeout is in the request", ASKED, OK, [get()], { server_uri: { ...SERVER.server_uri, timeout: "0.25s" } }),

  // Allowed.
  asks(
    "allowed_upstream_headers: set, and only those",
    ALLOWED,
    answer(200, "", "x-user: alice", "x-other: o", "x-twice: 1", "x-twice: 2", "content-type: text/x"),
    [get("/", "x-user: mallory", "x-twice: 0"), get()],
    response({ allowed_upstream_headers: exact("x-user", "x-twice", "content-type") }),
  ),
  asks(
    "allowed_upstream_headers_to_append",
    ALLOWED,
    answer(200, "", "x-groups: a", "x-groups: b", "x-new: n"),
    [get("/", "x-groups: z"), get()],
    response({ allowed_upstream_headers_to_append: exact("x-groups", "x-new") }),
  ),
  asks("nothing is passed on unless it is named", ALLOWED, answer(200, "", "x-user: alice", "set-cookie: a=b"), [
    get(),
  ]),
  asks(
    "x-envoy-auth-headers-to-remove",
    ALLOWED,
    answer(200, "", "x-envoy-auth-headers-to-remove: x-a, X-B ,:path,host,x-c", "x-envoy-auth-headers-to-remove: x-d"),
    [get("/p", "x-a: 1", "x-b: 2", "x-c: 3", "x-d: 4", "x-e: 5")],
  ),
  asks(
    "allowed_client_headers_on_success",
    ALLOWED,
    answer(200, "", "set-cookie: a=b", "set-cookie: c=d", "x-other: o", "server: s"),
    [get()],
    response({ allowed_client_headers_on_success: exact("set-cookie", "server") }),
    {},
    {
      upstreams: {
        authz: answer(200, "", "set-cookie: a=b", "set-cookie: c=d", "x-other: o"),
        a: answer(200, "a", "set-cookie: mine=1"),
      },
    },
  ),
  asks(
    "dynamic_metadata_from_headers",
    ALLOWED,
    { answers: [answer(200, "", "x-meta-a: 1", "x-meta-b: two", "x-other: o"), answer(403, "", "x-meta-a: 1")] },
    [get(), get()],
    response({ dynamic_metadata_from_headers: prefix("x-meta-") }),
    {},
    { mask: [[/"ext_authz_duration":\d+/, '"ext_authz_duration":{ms}']] },
  ),
  asks(
    "other answers of success are none",
    ALLOWED,
    { answers: [answer(201), answer(204), head("HTTP/1.1 302 Found", "location: /login", "content-length: 0")] },
    [get(), get(), get()],
  ),
  {
    ...asks(
      "clear_route_cache: what the server says chooses the route",
      ALLOWED,
      { answers: [answer(200, "", "x-tier: gold"), answer(200), answer(200, "", "x-tier: gold")] },
      [get("/"), get("/", "x-tier: gold"), get("/")],
      response({ allowed_upstream_headers: exact("x-tier") }),
      { clear_route_cache: true },
    ),
    clusters: { a: {}, gold: {}, authz: {} },
    routes: [
      {
        match: { prefix: "/", headers: [{ name: "x-tier", string_match: { exact: "gold" } }] },
        route: { cluster: "gold" },
      },
      toCluster("/", "a"),
    ],
  },
  {
    ...asks(
      "without clear_route_cache the route stays",
      ALLOWED,
      answer(200, "", "x-tier: gold"),
      [get("/")],
      response({ allowed_upstream_headers: exact("x-tier") }),
    ),
    clusters: { a: {}, gold: {}, authz: {} },
    routes: [
      {
        match: { prefix: "/", headers: [{ name: "x-tier", string_match: { exact: "gold" } }] },
        route: { cluster: "gold" },
      },
      toCluster("/", "a"),
    ],
  },

  // Denied.
  asks(
    "denied: status, body and headers are the server's",
    DENIED,
    {
      answers: [
        answer(
          401,
          "who are you",
          "www-authenticate: Basic",
          "x-why: y",
          "content-type: text/html",
          "set-cookie: a=b",
          "set-cookie: c=d",
        ),
        answer(404),
        answer(429, "slow"),
        head("HTTP/1.1 302 Found", "location: /login", "content-length: 0"),
      ],
    },
    [get(), get(), get(), get()],
  ),
  asks(
    "denied: allowed_client_headers",
    DENIED,
    answer(401, "who", "www-authenticate: Basic", "x-why: y", "x-other: o", "content-type: text/html", "location: /l"),
    [get()],
    response({ allowed_client_headers: exact("x-why") }),
  ),
  asks(
    "denied: headers that are this proxy's own",
    DENIED,
    answer(
      403,
      "no",
      "date: then",
      "server: theirs",
      "connection: x-hop",
      "x-hop: 1",
      "x-envoy-upstream-service-time: 7",
      "x-request-id: r",
      "vary: *",
    ),
    [get()],
  ),
  asks(
    "allowed: the whole of what the server says",
    ALLOWED,
    answer(200, "no", "date: then", "server: theirs", "x-hop: 1", "x-request-id: r", "host: evil.test", "vary: *"),
    [get()],
    response({
      allowed_upstream_headers: exact("date", "server", "x-hop", "x-request-id", "vary"),
      allowed_client_headers_on_success: exact("date", "server", "x-hop"),
    }),
  ),
  {
    ...asks(
      "CVE class: where a request ends is not for the server to say",
      ALLOWED,
      answer(200, "abc"),
      [request("POST", "/", "content-length: 5") + "hello"],
      response({ allowed_upstream_headers: exact("content-length") }),
    ),
    stats: ["http.in.ext_authz.ok"],
    accessLog: "%RESPONSE_CODE_DETAILS%",
    waived: "Envoy takes the server's content-length, and the body no longer fits",
  },
  asks("denied: gRPC", DENIED, answer(403, "no"), [request("HEAD", "/"), get("/", "content-type: application/grpc")]),
  asks(
    "denied: headers of the route, too",
    DENIED,
    answer(403, "no", "x-route: server"),
    [get()],
    {},
    {},
    { virtualHost: { response_headers_to_add: [header("x-route", "route")] } },
  ),
  asks(
    "denied: the cluster is charged",
    DENIED,
    NO,
    [get(), get()],
    {},
    {},
    {
      stats: [
        "cluster.a.upstream_rq_403",
        "cluster.a.upstream_rq_4xx",
        "cluster.a.upstream_rq_completed",
        "cluster.a.internal.upstream_rq_403",
        "cluster.a.external.upstream_rq_403",
        "cluster.authz.upstream_rq_403",
      ],
    },
  ),
  asks(
    "denied: the cluster is not charged",
    DENIED,
    NO,
    [get()],
    {},
    { charge_cluster_response_stats: false },
    {
      stats: ["cluster.a.upstream_rq_403", "cluster.a.upstream_rq_4xx", "cluster.a.ext_authz.denied"],
    },
  ),
  asks(
    "denied: max_denied_response_body_bytes",
    DENIED,
    answer(403, "0123456789"),
    [get()],
    {},
    { max_denied_response_body_bytes: 4 },
  ),
  asks(
    "denied: in chunks, with trailers",
    DENIED,
    head("HTTP/1.1 403 X", "transfer-encoding: chunked") + chunked(["ab", "cd"], "x-t: 1"),
    [get()],
  ),

  // Failures.
  ...(
    [
      ["500", answer(500, "oops", "x-a: b")],
      ["503", answer(503)],
      ["nobody there", REFUSED],
      ["closed", { answers: [[CLOSE]] }],
      ["reset", { answers: [[RESET]] }],
      ["half an answer", { answers: [[head("HTTP/1.1 200 OK", "content-length: 10"), "abc", CLOSE]] }],
    ] as const
  ).map(([name, authz]) => asks(`failure: ${name}`, FAILED, authz, [get()])),
  asks("failure: too late", FAILED, { answers: [[gate("never")]] }, [get()], {
    server_uri: { ...SERVER.server_uri, timeout: "0.2s" },
  }),
  asks(
    "failure: no such cluster",
    FAILED,
    OK,
    [],
    { server_uri: { ...SERVER.server_uri, cluster: "nowhere" } },
    {},
    { client: inTurn(get()) },
  ),
  asks("failure_mode_allow", FAILED, { answers: [answer(500), OK] }, [get(), get()], {}, { failure_mode_allow: true }),
  asks(
    "failure_mode_allow_header_add",
    FAILED,
    { answers: [answer(500), OK, answer(503)] },
    [get(), get(), get("/", "x-envoy-auth-failure-mode-allowed: mine")],
    {},
    {
      failure_mode_allow: true,
      failure_mode_allow_header_add: true,
    },
  ),
  asks("failure_mode_allow: a denial is no failure", FAILED, NO, [get()], {}, { failure_mode_allow: true }),
  asks("status_on_error", FAILED, answer(500), [get()], {}, { status_on_error: { code: "ServiceUnavailable" } }),
  {
    ...asks("the client goes while the server is asked", FAILED, { answers: [[gate("never")]] }, []),
    client: [
      get(),
      seen("authz", 1),
      { do: "reset", on: "c" },
      stat("http.in.downstream_rq_active", 0),
      send("d", get("/", "x-d: 1")),
      seen("authz", 2),
    ],
    accessLog: "%RESPONSE_CODE% %RESPONSE_FLAGS%",
    stats: STATS,
  },

  // Bodies.
  asks(
    "with_request_body: the body goes along",
    BODIES,
    OK,
    [post("hello"), get()],
    {},
    { with_request_body: { max_request_bytes: 100 } },
  ),
  asks(
    "with_request_body: in chunks",
    BODIES,
    OK,
    [request("POST", "/", "transfer-encoding: chunked") + chunked(["ab", "cd"], "x-t: 1")],
    {},
    {
      with_request_body: { max_request_bytes: 100 },
    },
  ),
  asks(
    "with_request_body: too long",
    BODIES,
    OK,
    [post("x".repeat(101))],
    {},
    { with_request_body: { max_request_bytes: 100 } },
    { client: [post("x".repeat(101)), ended()] },
  ),
  asks(
    "with_request_body: exactly as long",
    BODIES,
    OK,
    [post("x".repeat(100))],
    {},
    { with_request_body: { max_request_bytes: 100 } },
  ),
  asks(
    "with_request_body: the beginning of it",
    BODIES,
    OK,
    [post("x".repeat(10), "x-n: 1"), post("y".repeat(30))],
    {},
    { with_request_body: { max_request_bytes: 20, allow_partial_message: true } },
  ),
  asks(
    "with_request_body: the rest comes while the server is asked",
    BODIES,
    OK,
    [],
    {},
    { with_request_body: { max_request_bytes: 4, allow_partial_message: true } },
    {
      client: [request("POST", "/", "content-length: 8") + "abcd", seen("authz", 1), "efgh", got(1)],
    },
  ),
  asks("with_request_body: denied", BODIES, NO, [post("hello")], {}, { with_request_body: { max_request_bytes: 100 } }),
  asks(
    "with_request_body: bytes of any kind",
    BODIES,
    OK,
    [post("\u0000\u00ff\u00fe")],
    {},
    {
      with_request_body: { max_request_bytes: 100, pack_as_bytes: true },
    },
  ),
  asks(
    "with_request_body: an upgrade has none",
    BODIES,
    OK,
    [get("/", "connection: upgrade", "upgrade: websocket")],
    {},
    { with_request_body: { max_request_bytes: 100 } },
    {
      client: [get("/", "connection: upgrade", "upgrade: websocket"), ended()],
      manager: { upgrade_configs: [{ upgrade_type: "websocket" }] },
    },
  ),
  asks("a body waits for the answer", BODIES, OK, [post("hello")]),
  asks(
    "a body that is denied is not waited for",
    BODIES,
    NO,
    [],
    {},
    {},
    {
      client: [request("POST", "/", "content-length: 100") + "abc", ended()],
    },
  ),

  // Routes.
  {
    ...asks("per route: disabled, and others", ROUTES, NO, [get("/off"), get("/on"), get("/")]),
    routes: [
      toCluster("/off", "a", {}, perRoute({ disabled: true })),
      toCluster("/on", "a", {}, perRoute({ check_settings: { context_extensions: { a: "b" } } })),
      toCluster("/", "a"),
    ],
  },
  {
    ...asks(
      "per route: without a body, with one of its own",
      ROUTES,
      OK,
      ["/none", "/own", "/"].map((path) => request("POST", path, "content-length: 5") + "hello"),
      {},
      { with_request_body: { max_request_bytes: 100 } },
    ),
    routes: [
      toCluster("/none", "a", {}, perRoute({ check_settings: { disable_request_body_buffering: true } })),
      toCluster(
        "/own",
        "a",
        {},
        perRoute({ check_settings: { with_request_body: { max_request_bytes: 3, allow_partial_message: true } } }),
      ),
      toCluster("/", "a"),
    ],
  },
  {
    ...asks("per route: another server", ROUTES, OK, [get("/other"), get("/")]),
    clusters: { a: {}, authz: {}, other: {} },
    upstreams: { authz: OK, other: NO },
    routes: [
      toCluster(
        "/other",
        "a",
        {},
        perRoute({
          check_settings: {
            http_service: { server_uri: { uri: "http://other.test", cluster: "other", timeout: "5s" } },
          },
        }),
      ),
      toCluster("/", "a"),
    ],
  },
  asks("no route: nobody is asked", ROUTES, NO, [get("/x")], {}, {}, { routes: [toCluster("/a", "a")] }),
  asks(
    "a redirect is asked about, too",
    ROUTES,
    NO,
    [get("/x")],
    {},
    {},
    {
      routes: [{ match: { prefix: "/" }, redirect: { path_redirect: "/y" } }],
    },
  ),
  asks("filter_enabled: for none", ROUTES, NO, [get()], {}, { filter_enabled: percent(0) }),
  asks(
    "filter_enabled: for none, and those are denied",
    ROUTES,
    OK,
    [get()],
    {},
    {
      filter_enabled: percent(0),
      deny_at_disable: { default_value: true, runtime_key: "k" },
      status_on_error: { code: "Unauthorized" },
    },
  ),
  {
    ...asks(
      "filter_enabled_metadata",
      ROUTES,
      NO,
      [get()],
      {},
      {
        filter_enabled_metadata: { filter: "x", path: [{ key: "k" }], value: { string_match: { exact: "v" } } },
      },
    ),
  },
  {
    ...asks("filter_enabled_metadata: of the JWT filter", ROUTES, NO, [get()]),
    filters: [
      {
        name: "envoy.filters.http.rbac",
        typed_config: typed("extensions.filters.http.rbac.v3.RBAC", {
          shadow_rules: {
            action: "DENY",
            policies: { p: { permissions: [{ any: true }], principals: [{ any: true }] } },
          },
          shadow_rules_stat_prefix: "istio_ext_authz_",
        }),
      },
      filter(
        {},
        {
          filter_enabled_metadata: {
            filter: "envoy.filters.http.rbac",
            path: [{ key: "istio_ext_authz_shadow_effective_policy_id" }],
            value: { string_match: { prefix: "p" } },
          },
        },
      ),
    ],
  },
  asks(
    "stat_prefix",
    ROUTES,
    NO,
    [get()],
    {},
    { stat_prefix: "mine" },
    {
      stats: ["http.in.ext_authz.mine.denied", "http.in.ext_authz.denied"],
    },
  ),
];
