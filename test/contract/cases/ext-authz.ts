/** The ext_authz filter: another server is asked about every request. */
import type { ContractCase } from "../harness/case.ts";
import { REFUSED } from "../harness/case.ts";
import {
  CLOSE,
  RESET,
  answer,
  chunked,
  gate,
  get,
  head,
  header,
  inTurn,
  request,
  seen,
  send,
  stat,
  toCluster,
} from "../harness/steps.ts";
import {
  STATS,
  ASKED,
  ALLOWED,
  DENIED,
  FAILED,
  SERVER,
  asks,
  exact,
  prefix,
  OK,
  NO,
  request_,
  response,
} from "../harness/ext-authz.ts";

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
];
