/** Redirects that the proxy follows itself, in place of its client. */
import type { Answer, ContractCase, JsonObject } from "../harness/case.ts";
import {
  answer,
  chunked,
  ended,
  gate,
  got,
  head,
  header,
  open,
  request,
  seen,
  send,
  toCluster,
  typed,
} from "../harness/steps.ts";

const COUNTS = [
  "cluster.a.upstream_internal_redirect_succeeded_total",
  "cluster.a.upstream_internal_redirect_failed_total",
  "cluster.a.upstream_rq_total",
  "cluster.a.upstream_rq_302",
  "cluster.b.upstream_rq_total",
  "http.in.passthrough_internal_redirect_bad_location",
  "http.in.passthrough_internal_redirect_unsafe_scheme",
  "http.in.passthrough_internal_redirect_too_many_redirects",
  "http.in.passthrough_internal_redirect_no_route",
  "http.in.passthrough_internal_redirect_predicate",
  "http.in.downstream_rq_total",
  "http.in.downstream_rq_completed",
  "http.in.downstream_rq_2xx",
  "http.in.downstream_rq_3xx",
  "http.in.downstream_rq_rx_reset",
  "http.in.downstream_rq_tx_reset",
];
const LOG =
  "%REQ(:METHOD)% %REQ(:AUTHORITY)% %REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS% " +
  "in=%BYTES_RECEIVED% out=%BYTES_SENT% loc=%RESP(location)% url=%REQ(x-envoy-original-url)% " +
  "tries=%UPSTREAM_REQUEST_ATTEMPT_COUNT%";

const ROUTED = "%REQ(:SCHEME)% %ROUTE_NAME% %UPSTREAM_CLUSTER% %VIRTUAL_CLUSTER_NAME% %RESPONSE_CODE_DETAILS%";

/** What is left of the route's timeout. */
const REST: NonNullable<ContractCase["mask"]> = [
  [/x-envoy-expected-rq-timeout-ms: 149\d\d/g, "x-envoy-expected-rq-timeout-ms: {rest}"],
];

/** As `REST`, of attempts that follow so soon that a fast machine has nothing to take away. */
const REST_OR_ALL: NonNullable<ContractCase["mask"]> = [
  [/x-envoy-expected-rq-timeout-ms: 1(?:49\d\d|5000)/g, "x-envoy-expected-rq-timeout-ms: {rest}"],
];

const OK = answer(200, "ok");
const moved = (location: string, status = 302, ...lines: string[]): string =>
  answer(status, "moved", `location: ${location}`, ...lines);

interface Following {
  readonly policy?: JsonObject;
  /** Of cluster `a`, which the first request goes to. */
  readonly a: readonly Answer[];
  readonly b?: readonly Answer[];
  readonly client?: ContractCase["client"];
  readonly more?: Partial<ContractCase>;
}

/** `a.test` is cluster `a`, whose route follows redirects; `b.test` is cluster `b`, whose route does not. */
const hosts = (policy: JsonObject, action: JsonObject = {}): JsonObject[] => [
  {
    name: "va",
    domains: ["a.test", "a.test:8080"],
    routes: [{ ...toCluster("/", "a", { internal_redirect_policy: policy, ...action }), name: "ra" }],
  },
  {
    name: "vb",
    domains: ["b.test", "b.test:8080"],
    routes: [{ ...toCluster("/", "b"), name: "rb" }],
  },
];

const toA = (method = "GET", path = "/x?y=1", ...lines: string[]): string =>
  request(method, path, "Host: a.test", ...lines);

function following(feature: string, rows: Readonly<Record<string, Following>>): ContractCase[] {
  return Object.entries(rows).map(([name, { policy = {}, a, b = [OK], client = [toA(), got(1)], more = {} }]) => ({
    name: `${feature}: ${name}`,
    feature: `Internal redirects: ${feature}`,
    virtualHosts: hosts(policy),
    clusters: { a: {}, b: {} },
    upstreams: { a: { answers: a }, b: { answers: b } },
    client,
    stats: COUNTS,
    accessLog: LOG,
    mask: REST,
    ...more,
  }));
}

const nameOf = (virtualHost: JsonObject): string => {
  const { name } = virtualHost;
  return typeof name === "string" ? name : "";
};

const predicate = (name: string, config: JsonObject = {}): JsonObject => ({
  name: `envoy.internal_redirect_predicates.${name}`,
  typed_config: typed(
    `extensions.internal_redirect.${name}.v3.${
      { previous_routes: "PreviousRoutesConfig", allow_listed_routes: "AllowListedRoutesConfig" }[name] ??
      "SafeCrossSchemeConfig"
    }`,
    config,
  ),
});

/** Every route follows: /1, /2 and /3 are named so, and go to `a`, `b` and `c`. */
const ring = (policy: JsonObject): Partial<ContractCase> => ({
  virtualHosts: [
    {
      name: "v",
      domains: ["*"],
      routes: [
        { ...toCluster("/1", "a", { internal_redirect_policy: policy }), name: "r1" },
        { ...toCluster("/2", "b", { internal_redirect_policy: policy }), name: "r2" },
        { ...toCluster("/3", "c", { internal_redirect_policy: policy }), name: "r3" },
      ],
    },
  ],
  clusters: { a: {}, b: {}, c: {} },
});
const first = [request("GET", "/1", "Host: a.test"), got(1)];
const TO = (n: number): string => moved(`http://a.test/${n}`);

const TRUSTING = {
  use_remote_address: true,
  internal_address_config: { cidr_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }] },
};
const HTTPS = { scheme_header_transformation: { scheme_to_overwrite: "https" } };

/** Two pairs of ids in the second request would mean that it began a trace of its own. */
const IDS: NonNullable<ContractCase["mask"]> = [
  [/x-b3-(traceid|spanid|parentspanid): [0-9a-f]+/g, "x-b3-$1: {hex}"],
  [/traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}/g, "traceparent: 00-{trace}-{span}"],
  [/\[\{.*$/s, "{spans}"],
];
const zipkin = (sampling: number, fields: JsonObject = {}): Partial<ContractCase> => ({
  manager: {
    tracing: {
      random_sampling: { value: sampling },
      provider: {
        name: "zipkin",
        typed_config: typed("config.trace.v3.ZipkinConfig", {
          collector_cluster: "z",
          collector_endpoint: "/api/v2/spans",
          collector_endpoint_version: "HTTP_JSON",
        }),
      },
      ...fields,
    },
  },
  clusters: { a: {}, b: {}, z: {} },
  mask: [...REST, ...IDS],
  stats: [...COUNTS, "http.in.tracing.random_sampling", "http.in.tracing.not_traceable", "tracing.zipkin.spans_sent"],
});
const traced: Readonly<Record<string, Following>> = Object.fromEntries(
  [
    ["traced", zipkin(100)] as const,
    ["not sampled", zipkin(0)] as const,
    ["traced, with spans of attempts", zipkin(100, { spawn_upstream_span: true })] as const,
  ].map(([name, parts]) => [
    name,
    {
      a: [moved("http://b.test/z")],
      more: { ...parts, upstreams: { a: { answers: [moved("http://b.test/z")] }, b: OK, z: answer(202) } },
    },
  ]),
);

export const CASES: readonly ContractCase[] = [
  ...following("which are followed", {
    "302 to another host": { a: [moved("http://b.test/z?q=2")] },
    "302 to the same host": { a: [moved("http://a.test/z"), OK] },
    "without a policy none is": {
      a: [moved("http://b.test/z")],
      more: { virtualHosts: hosts({}, { internal_redirect_policy: null }) },
    },
    "301 is not, by default": { a: [moved("http://b.test/z", 301)] },
    "301 where it is named": { policy: { redirect_response_codes: [301] }, a: [moved("http://b.test/z", 301)] },
    "302 where only 301 is named": { policy: { redirect_response_codes: [301] }, a: [moved("http://b.test/z")] },
    "303 where it is named": { policy: { redirect_response_codes: [303] }, a: [moved("http://b.test/z", 303)] },
    "307 where it is named": { policy: { redirect_response_codes: [307] }, a: [moved("http://b.test/z", 307)] },
    "308 where it is named": { policy: { redirect_response_codes: [308] }, a: [moved("http://b.test/z", 308)] },
    "300 cannot be named": { policy: { redirect_response_codes: [300] }, a: [moved("http://b.test/z", 300)] },
    "200 cannot be named": { policy: { redirect_response_codes: [200, 302] }, a: [moved("http://b.test/z", 200)] },
    "more than five codes": {
      policy: { redirect_response_codes: [301, 302, 303, 307, 308, 200] },
      a: [OK],
      more: { refused: true, client: [] },
    },
    "a HEAD request": { a: [head("HTTP/1.1 302 Found", "location: http://b.test/z")], client: [toA("HEAD"), got(1)] },
    "its body is thrown away, and the connection with it": {
      a: [[head("HTTP/1.1 302 Found", "location: http://b.test/z", "content-length: 100"), "beginning", gate("never")]],
    },
    "a chunked body": {
      a: [
        `${head("HTTP/1.1 302 Found", "location: http://b.test/z", "transfer-encoding: chunked")}${chunked(["abc"])}`,
      ],
    },
    "the connection is used again": {
      a: [moved("http://a.test/z"), OK, OK],
      client: [toA(), got(1), toA("GET", "/again"), got(2)],
    },
    "the destination's answer is no redirect": { a: [moved("http://b.test/z")], b: [answer(503, "no")] },
    "to a route that redirects": {
      a: [moved("http://b.test/z")],
      more: {
        virtualHosts: [
          ...hosts({}).slice(0, 1),
          {
            name: "vb",
            domains: ["b.test"],
            routes: [{ match: { prefix: "/" }, redirect: { host_redirect: "c.test" }, name: "rb" }],
          },
        ],
      },
    },
    "to a route that answers by itself": {
      a: [moved("http://b.test/z")],
      more: {
        virtualHosts: [
          ...hosts({}).slice(0, 1),
          {
            name: "vb",
            domains: ["b.test"],
            routes: [
              { match: { prefix: "/" }, direct_response: { status: 418, body: { inline_string: "tea" } }, name: "rb" },
            ],
          },
        ],
      },
    },
    "to a cluster that is not there": {
      a: [moved("http://b.test/z")],
      more: {
        virtualHosts: [...hosts({}).slice(0, 1), { name: "vb", domains: ["b.test"], routes: [toCluster("/", "gone")] }],
      },
    },
    "while the next request waits": { a: [moved("http://b.test/z"), OK], client: [toA() + toA("GET", "/2"), got(2)] },
  }),

  ...following("locations", {
    none: { a: [answer(302, "moved")] },
    empty: { a: [answer(302, "moved", "location: ")] },
    "a path": { a: [moved("/z")] },
    "a relative path": { a: [moved("z")] },
    "without a scheme": { a: [moved("//b.test/z")] },
    "a scheme of another kind": { a: [moved("ftp://b.test/z")] },
    "a scheme in capitals": { a: [moved("HTTP://b.test/z")] },
    "nothing but a host": { a: [moved("http://b.test")] },
    "a host with a query": { a: [moved("http://b.test?q=1")] },
    "a port": { a: [moved("http://b.test:8080/z")] },
    "the default port": {
      a: [moved("http://b.test:80/z")],
      more: { routeConfig: { ignore_port_in_host_matching: true } },
    },
    "a host in capitals": { a: [moved("http://B.Test/z")] },
    "user information": { a: [moved("http://u:p@b.test/z")] },
    "a fragment": { a: [moved("http://b.test/z?q=1#part")] },
    "a fragment without a path": { a: [moved("http://b.test#part")] },
    "dots in the path": { a: [moved("http://b.test/w/../z")] },
    "dots in the path, normalized": { a: [moved("http://b.test/w/../z")], more: { manager: { normalize_path: true } } },
    escapes: { a: [moved("http://b.test/%41%2fz")] },
    "a space": { a: [moved("http://b.test/a b")] },
    "beyond ASCII": { a: [moved("http://b.test/\xc3\xa9")] },
    "an IPv6 host": { a: [moved("http://[::1]:8080/z")] },
    "no host": { a: [moved("http:///z")] },
    "a port that is none": { a: [moved("http://b.test:x/z")] },
    "two of them": { a: [answer(302, "", "location: http://b.test/1", "location: http://b.test/2")] },
    "spaces around it": { a: [answer(302, "", "location:   http://b.test/1  ")] },
    "a host that no virtual host has": { a: [moved("http://c.test/z")] },
  }),

  ...following("schemes", {
    "https from http": { a: [moved("https://b.test/z")] },
    "https from http, allowed": { policy: { allow_cross_scheme_redirect: true }, a: [moved("https://b.test/z")] },
    "http from https": { a: [moved("http://b.test/z")], more: { manager: HTTPS } },
    "https from https": { a: [moved("https://b.test/z")], more: { manager: HTTPS } },
    "http from https, allowed": {
      policy: { allow_cross_scheme_redirect: true },
      a: [moved("http://b.test/z")],
      more: { manager: HTTPS },
    },
    "by x-forwarded-proto": {
      a: [moved("https://b.test/z")],
      client: [toA("GET", "/x", "x-forwarded-proto: https"), got(1)],
    },
    "safe_cross_scheme takes what does not change": {
      policy: { allow_cross_scheme_redirect: true, predicates: [predicate("safe_cross_scheme")] },
      a: [moved("http://b.test/z")],
    },
    "safe_cross_scheme takes http from https": {
      policy: { allow_cross_scheme_redirect: true, predicates: [predicate("safe_cross_scheme")] },
      a: [moved("http://b.test/z")],
      more: { manager: HTTPS },
    },
    "safe_cross_scheme refuses https from http": {
      policy: { allow_cross_scheme_redirect: true, predicates: [predicate("safe_cross_scheme")] },
      a: [moved("https://b.test/z")],
    },
  }),

  ...following("how many", {
    "one, by default": { a: [TO(2)], b: [TO(3)], client: first, more: ring({}) },
    none: { policy: { max_internal_redirects: 0 }, a: [moved("http://b.test/z")] },
    two: {
      a: [TO(2)],
      b: [TO(3)],
      client: first,
      more: {
        ...ring({ max_internal_redirects: 2 }),
        upstreams: { a: { answers: [TO(2)] }, b: { answers: [TO(3)] }, c: OK },
      },
    },
    "a loop": { a: [TO(2)], b: [TO(1)], client: first, more: ring({ max_internal_redirects: 5 }) },
    "the second route's limit counts": {
      a: [TO(2)],
      b: [TO(3)],
      client: first,
      more: {
        virtualHosts: [
          {
            name: "v",
            domains: ["*"],
            routes: [
              { ...toCluster("/1", "a", { internal_redirect_policy: { max_internal_redirects: 9 } }), name: "r1" },
              { ...toCluster("/2", "b", { internal_redirect_policy: { max_internal_redirects: 1 } }), name: "r2" },
              { ...toCluster("/3", "a"), name: "r3" },
            ],
          },
        ],
      },
    },
    "each request has its own count": {
      a: [moved("http://a.test/z"), OK, moved("http://a.test/z"), OK],
      client: [toA(), got(1), toA(), got(2)],
    },
  }),

  ...following("predicates", {
    "previous_routes: another route": {
      a: [TO(2)],
      b: [OK],
      client: first,
      more: ring({ max_internal_redirects: 5, predicates: [predicate("previous_routes")] }),
    },
    "previous_routes: not the same route twice": {
      a: [TO(2)],
      b: [TO(1)],
      client: first,
      more: ring({ max_internal_redirects: 5, predicates: [predicate("previous_routes")] }),
    },
    "previous_routes: the same route, by itself": {
      policy: { max_internal_redirects: 5, predicates: [predicate("previous_routes")] },
      a: [moved("http://a.test/z"), moved("http://a.test/w"), OK],
    },
    "allow_listed_routes: listed": {
      a: [TO(2)],
      b: [OK],
      client: first,
      more: ring({ predicates: [predicate("allow_listed_routes", { allowed_route_names: ["r2"] })] }),
    },
    "allow_listed_routes: not listed": {
      a: [TO(2)],
      b: [OK],
      client: first,
      more: ring({ predicates: [predicate("allow_listed_routes", { allowed_route_names: ["r3"] })] }),
    },
    "allow_listed_routes: empty": {
      a: [TO(2)],
      client: first,
      more: ring({ predicates: [predicate("allow_listed_routes")] }),
    },
    "several: all must agree": {
      a: [TO(2)],
      b: [TO(1)],
      client: first,
      more: ring({
        max_internal_redirects: 5,
        predicates: [
          predicate("allow_listed_routes", { allowed_route_names: ["r1", "r2"] }),
          predicate("previous_routes"),
        ],
      }),
    },
    "one that is not known": {
      policy: {
        predicates: [
          { name: "x", typed_config: typed("extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate") },
        ],
      },
      a: [OK],
      more: { refused: true, client: [] },
    },
    "by name only": {
      policy: { predicates: [{ name: "envoy.internal_redirect_predicates.previous_routes" }] },
      a: [OK],
      more: { refused: true, client: [] },
    },
  }),

  ...following("the request", {
    "a body is sent again": {
      policy: { redirect_response_codes: [307] },
      a: [moved("http://b.test/z", 307)],
      client: [toA("POST", "/x", "content-length: 5") + "hello", got(1)],
    },
    "302 keeps the method": {
      a: [moved("http://b.test/z")],
      client: [toA("POST", "/x", "content-length: 5") + "hello", got(1)],
    },
    "303 makes it a GET without a body": {
      policy: { redirect_response_codes: [303] },
      a: [moved("http://b.test/z", 303)],
      client: [toA("POST", "/x", "content-length: 5", "content-type: text/plain") + "hello", got(1)],
    },
    "303 leaves HEAD": {
      policy: { redirect_response_codes: [303] },
      a: [head("HTTP/1.1 303 See Other", "location: http://b.test/z")],
      client: [toA("HEAD"), got(1)],
    },
    "303 of a DELETE": {
      policy: { redirect_response_codes: [303] },
      a: [moved("http://b.test/z", 303)],
      client: [toA("DELETE"), got(1)],
    },
    "303 of a chunked body": {
      policy: { redirect_response_codes: [303] },
      a: [moved("http://b.test/z", 303)],
      client: [toA("POST", "/x", "transfer-encoding: chunked") + chunked(["abc", "de"]), got(1)],
    },
    "a chunked body": {
      a: [moved("http://b.test/z")],
      client: [toA("POST", "/x", "transfer-encoding: chunked") + chunked(["abc", "de"]), got(1)],
    },
    trailers: {
      a: [moved("http://b.test/z")],
      client: [toA("POST", "/x", "transfer-encoding: chunked") + chunked(["abc", "de"], "x-t: 1"), got(1)],
    },
    "trailers, allowed": {
      a: [moved("http://b.test/z")],
      client: [toA("POST", "/x", "transfer-encoding: chunked") + chunked(["abc", "de"], "x-t: 1"), got(1)],
      more: { manager: { http_protocol_options: { enable_trailers: true } } },
    },
    "an answer before all of it is there is not followed": {
      a: [moved("http://b.test/z")],
      client: [send("c", toA("POST", "/x", "content-length: 10") + "hello"), ended()],
      more: { upstreams: { a: { early: true, answers: [moved("http://b.test/z")] }, b: OK } },
    },
    "a body that is longer than is kept is not followed": {
      a: [moved("http://b.test/z")],
      client: [toA("POST", "/x", "content-length: 20") + "x".repeat(20), got(1)],
      more: {
        virtualHosts: hosts({}).map((each) => ({ ...each, per_request_buffer_limit_bytes: 10 })),
      },
    },
    "a long body": {
      a: [moved("http://b.test/z")],
      client: [toA("POST", "/x", "content-length: 50000") + "x".repeat(50_000), got(1)],
    },
    "with Expect: 100-continue": {
      a: [moved("http://b.test/z")],
      client: [
        send("c", toA("POST", "/x", "content-length: 5", "expect: 100-continue")),
        got("100"),
        send("c", "hello"),
        got("ok"),
      ],
    },
    "a CONNECT": {
      a: [moved("http://b.test/z")],
      client: [send("c", head("CONNECT a.test:8080 HTTP/1.1", "Host: a.test:8080"))],
      more: {
        manager: { upgrade_configs: [{ upgrade_type: "CONNECT" }] },
        virtualHosts: [
          {
            name: "va",
            domains: ["*"],
            routes: [{ match: { connect_matcher: {} }, route: { cluster: "a", internal_redirect_policy: {} } }],
          },
        ],
      },
    },
    "an upgrade": {
      a: [moved("http://b.test/z")],
      client: [send("c", toA("GET", "/x", "connection: upgrade", "upgrade: websocket")), ended()],
      more: {
        stats: [...COUNTS, "cluster.a.upstream_rq_completed", "cluster.a.upstream_rq_3xx"],
        manager: { upgrade_configs: [{ upgrade_type: "websocket" }] },
      },
    },
  }),

  ...following("headers", {
    "what the first route has added stays": {
      a: [moved("http://b.test/z")],
      more: {
        virtualHosts: hosts({}).map((each) => ({
          ...each,
          request_headers_to_add: [header("x-of", nameOf(each))],
          response_headers_to_add: [header("x-by", nameOf(each))],
        })),
      },
    },
    "what the first route has removed is gone": {
      a: [moved("http://b.test/z")],
      client: [toA("GET", "/x", "x-a: 1"), got(1)],
      more: {
        virtualHosts: hosts({}).map((each, i) => (i === 0 ? { ...each, request_headers_to_remove: ["x-a"] } : each)),
      },
    },
    "rewritten path and host": {
      a: [moved("http://b.test/z")],
      more: { virtualHosts: hosts({}, { prefix_rewrite: "/p/", host_rewrite_literal: "w.test" }) },
    },
    "the destination's rewrites": {
      a: [moved("http://b.test/z")],
      more: {
        virtualHosts: [
          ...hosts({}).slice(0, 1),
          {
            name: "vb",
            domains: ["b.test"],
            routes: [toCluster("/", "b", { prefix_rewrite: "/p/", host_rewrite_literal: "w.test" })],
          },
        ],
      },
    },
    "x-forwarded-for once": {
      a: [moved("http://b.test/z")],
      more: { manager: TRUSTING, mask: [[/x-forwarded-for: .*/g, "x-forwarded-for: {peer}"]] },
    },
    "x-request-id stays": { a: [moved("http://b.test/z")], client: [toA("GET", "/x", "x-request-id: 1-2"), got(1)] },
    "via once": { a: [moved("http://b.test/z")], more: { manager: { via: "tulle" } } },
    "attempt counts": {
      a: [moved("http://b.test/z")],
      more: {
        virtualHosts: hosts({}).map((each) => ({
          ...each,
          include_request_attempt_count: true,
          include_attempt_count_in_response: true,
        })),
      },
    },
    "x-envoy-upstream-rq-timeout-ms holds for the first destination": {
      a: [moved("http://b.test/z")],
      client: [toA("GET", "/x", "x-envoy-upstream-rq-timeout-ms: 7000"), got(1)],
      more: { manager: TRUSTING, mask: [[/x-forwarded-for: .*/g, "x-forwarded-for: {peer}"]] },
    },
    "a client's x-envoy-original-url": {
      a: [moved("http://b.test/z")],
      client: [toA("GET", "/x", "x-envoy-original-url: http://e/"), got(1)],
    },
    "copied from the redirect": {
      policy: { response_headers_to_copy: ["x-b", "x-c"] },
      a: [moved("http://b.test/z", 302, "x-b: 1", "x-c: 2", "x-d: 3")],
    },
    "copied in place of the request's": {
      policy: { response_headers_to_copy: ["x-b"] },
      a: [moved("http://b.test/z", 302, "x-b: 1")],
      client: [toA("GET", "/x", "x-b: old"), got(1)],
    },
    "copied: two lines": {
      policy: { response_headers_to_copy: ["X-B"] },
      a: [moved("http://b.test/z", 302, "x-b: 1", "x-b: 2")],
    },
    "copied: what is not there is taken away": {
      policy: { response_headers_to_copy: ["x-b", "x-e"] },
      a: [moved("http://b.test/z")],
      client: [toA("GET", "/x", "x-b: old"), got(1)],
    },
    "copied: nothing where it is not followed": {
      policy: { response_headers_to_copy: ["x-b"], predicates: [predicate("allow_listed_routes")] },
      a: [moved("http://b.test/z", 302, "x-b: 1")],
      client: [toA("GET", "/x", "x-b: old"), got(1)],
    },
    "copied: the same name twice": {
      policy: { response_headers_to_copy: ["x-b", "x-b"] },
      a: [OK],
      more: { refused: true, client: [] },
    },
    "copied: no header name": {
      policy: { response_headers_to_copy: ["x\nb"] },
      a: [OK],
      more: { refused: true, client: [] },
    },
    "copied: a pseudo-header": {
      policy: { response_headers_to_copy: [":path"] },
      a: [OK],
      more: { refused: true, client: [] },
    },
    "copied: the host": {
      policy: { response_headers_to_copy: ["host"] },
      a: [OK],
      more: { refused: true, client: [] },
    },
    "what matches on headers": {
      policy: { response_headers_to_copy: ["x-b"] },
      a: [moved("http://b.test/z", 302, "x-b: 1")],
      more: {
        virtualHosts: [
          ...hosts({ response_headers_to_copy: ["x-b"] }).slice(0, 1),
          {
            name: "vb",
            domains: ["b.test"],
            routes: [
              {
                match: { prefix: "/", headers: [{ name: "x-b", string_match: { exact: "1" } }] },
                route: { cluster: "b" },
                name: "r1",
              },
              { match: { prefix: "/" }, direct_response: { status: 404 }, name: "r2" },
            ],
          },
        ],
      },
    },
  }),

  ...following("with other features", {
    "retries before": {
      a: [answer(503, "no"), moved("http://b.test/z")],
      more: {
        mask: REST_OR_ALL,
        virtualHosts: hosts({}, { retry_policy: { retry_on: "5xx", retry_back_off: { base_interval: "0.001s" } } }),
      },
    },
    "retries after": {
      a: [moved("http://b.test/z")],
      b: [answer(503, "no"), OK],
      more: {
        mask: REST_OR_ALL,
        virtualHosts: [
          ...hosts({}).slice(0, 1),
          {
            name: "vb",
            domains: ["b.test"],
            routes: [
              toCluster("/", "b", { retry_policy: { retry_on: "5xx", retry_back_off: { base_interval: "0.001s" } } }),
            ],
          },
        ],
      },
    },
    "a redirect that is to be retried": {
      a: [moved("http://b.test/z"), OK],
      more: {
        mask: REST_OR_ALL,
        virtualHosts: hosts(
          {},
          {
            retry_policy: {
              retry_on: "retriable-status-codes",
              retriable_status_codes: [302],
              retry_back_off: { base_interval: "0.001s" },
            },
          },
        ),
      },
    },
    "a mirror gets both": {
      a: [moved("http://b.test/z")],
      client: [toA(), got(1), seen("m", 1)],
      more: {
        clusters: { a: {}, b: {}, m: {} },
        virtualHosts: hosts({}, { request_mirror_policies: [{ cluster: "m" }] }),
        upstreams: { a: { answers: [moved("http://b.test/z")] }, b: OK, m: OK },
      },
    },
    "cors, header_mutation and fault see both requests": {
      a: [moved("http://b.test/z")],
      more: {
        filters: [
          {
            name: "mutation",
            typed_config: typed("extensions.filters.http.header_mutation.v3.HeaderMutation", {
              mutations: {
                request_mutations: [{ append: header("x-seen", "%REQ(:AUTHORITY)%") }],
                response_mutations: [{ append: header("x-done", "%RESPONSE_CODE%") }],
              },
            }),
          },
        ],
      },
    },
    "rate limits count both requests": {
      a: [moved("http://b.test/z")],
      more: {
        filters: [
          {
            name: "limit",
            typed_config: typed("extensions.filters.http.local_ratelimit.v3.LocalRateLimit", {
              stat_prefix: "rl",
              token_bucket: { max_tokens: 1, fill_interval: "3600s" },
              filter_enabled: { default_value: { numerator: 100 } },
              filter_enforced: { default_value: { numerator: 100 } },
            }),
          },
        ],
        stats: [...COUNTS, "rl.http_local_rate_limit.ok", "rl.http_local_rate_limit.rate_limited"],
      },
    },
    "max_requests_per_connection counts both": {
      a: [moved("http://b.test/z"), OK],
      client: [toA(), ended()],
      more: { manager: { common_http_protocol_options: { max_requests_per_connection: 2 } } },
    },
    "the second destination is not there": {
      a: [moved("http://b.test/z")],
      more: { upstreams: { a: { answers: [moved("http://b.test/z")] }, b: { refused: true } } },
    },
    "the second takes too long": {
      a: [moved("http://b.test/z")],
      b: [[gate("never")]],
      more: {
        virtualHosts: [
          ...hosts({}).slice(0, 1),
          { name: "vb", domains: ["b.test"], routes: [toCluster("/", "b", { timeout: "0.1s" })] },
        ],
      },
    },
    "the client leaves meanwhile": {
      a: [moved("http://b.test/z")],
      b: [[gate("never")]],
      client: [send("c", toA()), seen("b", 1), { do: "close", on: "c" }],
    },
    "connection: close from the client": {
      a: [moved("http://b.test/z")],
      client: [toA("GET", "/x", "connection: close"), ended()],
    },
    "HTTP/1.0": {
      a: [moved("http://b.test/z")],
      client: [send("c", head("GET /x HTTP/1.0", "Host: a.test")), ended()],
      more: { manager: { http_protocol_options: { accept_http_10: true } } },
    },
    "absolute form": {
      a: [moved("http://b.test/z")],
      client: [send("c", head("GET http://a.test/x HTTP/1.1", "Host: e")), got(1)],
    },
    "a weighted cluster's destination": {
      a: [moved("http://b.test/z")],
      more: {
        virtualHosts: [
          ...hosts({}).slice(0, 1),
          {
            name: "vb",
            domains: ["b.test"],
            routes: [
              {
                match: { prefix: "/" },
                route: {
                  weighted_clusters: {
                    clusters: [{ name: "b", weight: 1, request_headers_to_add: [header("x-w", "1")] }],
                  },
                },
              },
            ],
          },
        ],
      },
    },
    "the field of old": {
      a: [TO(2)],
      b: [TO(3)],
      client: first,
      more: {
        virtualHosts: [
          {
            name: "v",
            domains: ["*"],
            routes: [
              {
                ...toCluster("/1", "a", {
                  internal_redirect_action: "HANDLE_INTERNAL_REDIRECT",
                  max_internal_redirects: 2,
                }),
                name: "r1",
              },
              { ...toCluster("/2", "b", { internal_redirect_action: "HANDLE_INTERNAL_REDIRECT" }), name: "r2" },
              { ...toCluster("/3", "a"), name: "r3" },
            ],
          },
        ],
      },
    },
    "virtual clusters count both": {
      a: [moved("http://b.test/z")],
      more: {
        virtualHosts: hosts({}).map((each) => ({
          ...each,
          virtual_clusters: [{ name: "all", headers: [{ name: ":path", string_match: { prefix: "/" } }] }],
        })),
        stats: [...COUNTS, "vhost.va.vcluster.all.upstream_rq_302", "vhost.vb.vcluster.all.upstream_rq_200"],
      },
    },
    ...traced,
    "access log: the route is the next one's": { a: [moved("http://b.test/z")], more: { accessLog: ROUTED } },
    "access log: a redirect that is not followed is its own route's": {
      policy: { predicates: [predicate("allow_listed_routes")] },
      a: [moved("http://b.test/z")],
      more: {
        accessLog: ROUTED,
        waived: "Envoy names the route that was not taken, and the scheme twice: here it is the one that has answered",
      },
    },
    "a body, to a route that answers by itself": {
      a: [moved("http://b.test/z")],
      client: [toA("POST", "/x", "content-length: 5") + "hello" + toA("GET", "/2"), got(2)],
      more: {
        virtualHosts: [
          ...hosts({}).slice(0, 1),
          { name: "vb", domains: ["b.test"], routes: [{ match: { prefix: "/" }, direct_response: { status: 418 } }] },
        ],
        upstreams: { a: { answers: [moved("http://b.test/z"), OK] } },
      },
    },
    "a filter that waits for the body": {
      a: [moved("http://b.test/z")],
      client: [toA("POST", "/x", "content-length: 5") + "hello", got(1)],
      more: {
        filters: [
          {
            name: "buffer",
            typed_config: typed("extensions.filters.http.buffer.v3.Buffer", { max_request_bytes: 100 }),
          },
        ],
      },
    },
    "access log at the start of requests": {
      a: [moved("http://b.test/z")],
      more: {
        manager: {
          access_log_options: { flush_access_log_on_new_request: true },
        },
        accessLog: `%ACCESS_LOG_TYPE% ${LOG}`,
      },
    },
    "a response that has begun with 103": {
      a: [[head("HTTP/1.1 103 Early Hints", "link: </a>"), moved("http://b.test/z")]],
    },
    "a second redirect is the client's, as it came": {
      a: [TO(2)],
      b: [moved("http://a.test/3", 302, "x-k: v")],
      client: first,
      more: ring({}),
    },
    "posted with open()": {
      a: [[gate("go"), moved("http://b.test/z")]],
      client: [
        send("c", `POST /x HTTP/1.1\r\nHost: a.test\r\ncontent-length: 6\r\n\r\nhel`),
        seen("a", "hel"),
        send("c", "lo!"),
        seen("a", "lo!"),
        open("go"),
        got(1),
      ],
    },
  }),
];
