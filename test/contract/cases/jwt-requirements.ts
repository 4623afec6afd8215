/** The JWT filter: which requests need which tokens. */
import { token } from "../../support/tokens.ts";
import type { ContractCase, Json, JsonObject } from "../harness/case.ts";
import {
  BAD_P,
  BAD_Q,
  EXPIRED_P,
  GOOD,
  JWT_FILTER,
  LOG,
  P,
  PAIR,
  Q,
  STATS,
  STRANGE_P,
  STRANGE_Q,
  all,
  any,
  bearer,
  filter,
  named,
  needs,
  provider,
  requires,
} from "../harness/jwt.ts";
import { ended, get, header, inTurn, post, request, toCluster, typed } from "../harness/steps.ts";

const TREES = "JWT: requirements";
const RULES = "JWT: rules";

function tree(name: string, requirement: Json, ...requests: readonly string[]): ContractCase {
  return {
    name,
    feature: TREES,
    filters: requires(requirement, PAIR),
    client: inTurn(...requests),
    accessLog: LOG,
    stats: STATS,
  };
}

export const CASES: readonly ContractCase[] = [
  // Requirements.
  tree("any of two", any(named("p"), named("q")), get(), get("/", P), get("/", Q), get("/", P, Q), get("/", BAD_P, Q)),
  tree(
    "any of two: which failure is told",
    any(named("p"), named("q")),
    get("/", BAD_P),
    get("/", EXPIRED_P, BAD_Q),
    get("/", BAD_P, STRANGE_Q),
    get("/", STRANGE_P),
    get("/", STRANGE_Q),
    get("/", STRANGE_P, EXPIRED_P),
  ),
  tree("all of two", all(named("p"), named("q")), get(), get("/", P), get("/", Q), get("/", P, Q), get("/", P, BAD_Q)),
  tree(
    "allow_missing",
    { allow_missing: {} },
    get(),
    get("/", P),
    get("/", BAD_P),
    get("/", STRANGE_P),
    get("/", P, Q),
    get("/", P, BAD_Q),
    get("/", BAD_P, Q),
  ),
  tree(
    "allow_missing_or_failed",
    { allow_missing_or_failed: {} },
    get(),
    get("/", P),
    get("/", BAD_P),
    get("/", P, BAD_Q),
    get("/", STRANGE_P),
    get("/", "x-p: x"),
  ),
  tree(
    "any, or a missing token",
    any(named("p"), { allow_missing: {} }),
    get(),
    get("/", P),
    get("/", BAD_P),
    get("/", Q),
    get("/", BAD_Q),
    get("/", STRANGE_P),
  ),
  tree(
    "any, or a missing or failed token",
    any(named("p"), { allow_missing_or_failed: {} }),
    get(),
    get("/", P),
    get("/", BAD_P),
    get("/", BAD_Q),
  ),
  tree(
    "any of nothing but allow_missing",
    any({ allow_missing: {} }, { allow_missing: {} }),
    get(),
    get("/", P),
    get("/", BAD_P),
  ),
  tree(
    "all, one of which may be missing",
    all(named("p"), { allow_missing: {} }),
    get(),
    get("/", P),
    get("/", P, BAD_Q),
    get("/", Q),
  ),
  tree(
    "trees in trees",
    all(any(named("p"), named("q")), any(named("q"), { allow_missing: {} })),
    get("/", P),
    get("/", Q),
    get("/", P, BAD_Q),
    get(),
  ),
  tree("a requirement that asks for nothing", {}, get(), get("/", BAD_P)),
  {
    name: "provider_and_audiences: in place of the provider's",
    feature: TREES,
    filters: requires(
      { provider_and_audiences: { provider_name: "p", audiences: ["b"] } },
      { p: provider({ audiences: ["a"] }) },
    ),
    client: inTurn(get("/", bearer(token({ aud: "a" }))), get("/", bearer(token({ aud: "b" }))), get()),
    accessLog: LOG,
  },
  {
    name: "provider_and_audiences: none are the provider's",
    feature: TREES,
    filters: requires({ provider_and_audiences: { provider_name: "p" } }, { p: provider({ audiences: ["a"] }) }),
    client: inTurn(get("/", bearer(token({ aud: "a" }))), get("/", bearer(token({ aud: "b" })))),
    accessLog: LOG,
  },
  {
    name: "allow_missing: providers by issuer, and one that has none",
    feature: TREES,
    filters: requires(
      { allow_missing: {} },
      {
        p: provider({ payload_in_metadata: "p" }),
        any: provider({ issuer: "", payload_in_metadata: "any", audiences: ["a"] }),
      },
    ),
    client: inTurn(
      get("/", bearer(GOOD)),
      get("/", bearer(token({ iss: "https://third.test", aud: "a" }))),
      get("/", bearer(token({ iss: "https://third.test" }))),
      get("/", bearer(token({ iss: undefined, aud: "a" }))),
    ),
    accessLog: LOG,
  },
  {
    name: "a provider that there is not",
    feature: TREES,
    filters: requires(named("x"), PAIR),
    client: [],
    refused: true,
  },
  {
    name: "a requirement name that there is not",
    feature: RULES,
    filters: [filter({ providers: PAIR, rules: [{ match: { prefix: "/" }, requirement_name: "x" }] })],
    client: [],
    refused: true,
  },
  {
    name: "any of fewer than two",
    feature: TREES,
    filters: requires(any(named("p")), PAIR),
    client: [],
    refused: true,
  },

  // Rules.
  {
    name: "rules: the first that matches",
    feature: RULES,
    filters: [
      filter({
        providers: PAIR,
        requirement_map: { r: named("q") },
        rules: [
          { match: { prefix: "/open" } },
          { match: { path: "/exact" }, requires: named("p") },
          { match: { prefix: "/CASE", case_sensitive: false }, requires: named("p") },
          { match: { safe_regex: { regex: "/r/[0-9]+" } }, requires: named("p") },
          { match: { path_separated_prefix: "/sep" }, requires: named("p") },
          { match: { prefix: "/h", headers: [{ name: "x-a", string_match: { exact: "1" } }] }, requires: named("p") },
          {
            match: { prefix: "/q", query_parameters: [{ name: "a", string_match: { exact: "1" } }] },
            requires: named("p"),
          },
          { match: { prefix: "/named" }, requirement_name: "r" },
        ],
      }),
    ],
    client: inTurn(
      get("/open/x"),
      get("/exact"),
      get("/exact?a=b"),
      get("/exact/"),
      get("/case/x"),
      get("/r/12?x"),
      get("/r/12x"),
      get("/sep"),
      get("/sep/x"),
      get("/separate"),
      get("/h", "x-a: 1"),
      get("/h"),
      get("/q?a=1"),
      get("/q?a=2"),
      get("/named"),
      get("/named", Q),
      get("/other"),
    ),
    accessLog: LOG,
    stats: STATS,
  },
  {
    name: "rules: what matches by more than path, headers and parameters",
    feature: RULES,
    filters: [
      filter({
        providers: PAIR,
        rules: [
          { match: { prefix: "/grpc", grpc: {} }, requires: named("p") },
          { match: { prefix: "/never", runtime_fraction: { default_value: { numerator: 0 } } }, requires: named("p") },
          { match: { prefix: "/pre?x" }, requires: named("p") },
        ],
      }),
    ],
    client: inTurn(get("/grpc"), get("/never"), get("/pre?x=1"), get("/pre")),
    accessLog: LOG,
  },
  {
    name: "no rules: nothing is asked, and headers that claims go to are removed all the same",
    feature: RULES,
    filters: [
      filter({
        providers: {
          p: provider({
            forward_payload_header: "x-payload",
            claim_to_headers: [{ header_name: "x-sub", claim_name: "sub" }],
          }),
        },
      }),
    ],
    client: inTurn(get("/", bearer(GOOD), "x-payload: mine", "x-sub: mine", "x-mine: mine")),
    stats: STATS,
  },
  {
    name: "per route: disabled, named, wrongly named",
    feature: RULES,
    filters: [
      filter({
        providers: { ...PAIR, r: provider({ forward_payload_header: "x-payload" }) },
        requirement_map: { one: named("p"), two: named("q") },
        rules: [{ match: { prefix: "/" }, requires: named("p") }],
      }),
    ],
    routes: [
      toCluster("/off", "a", {}, perRoute({ disabled: true })),
      toCluster("/two", "a", {}, perRoute({ requirement_name: "two" })),
      toCluster("/wrong", "a", {}, perRoute({ requirement_name: "three four" })),
      toCluster("/", "a"),
    ],
    client: inTurn(get("/off", "x-payload: mine"), get("/two", P), get("/two", Q), get("/wrong", P, Q), get("/", P)),
    accessLog: LOG,
    stats: STATS,
  },
  {
    name: "strip_failure_response",
    feature: RULES,
    filters: [
      filter({
        providers: PAIR,
        rules: [{ match: { prefix: "/" }, requires: named("p") }],
        strip_failure_response: true,
      }),
    ],
    routes: [toCluster("/wrong", "a", {}, perRoute({ requirement_name: "x" })), toCluster("/", "a")],
    client: inTurn(get(), get("/", BAD_P), get("/wrong")),
    accessLog: LOG,
  },
  {
    name: "bypass_cors_preflight",
    feature: RULES,
    filters: needs({}, { bypass_cors_preflight: true }),
    client: inTurn(
      request("OPTIONS", "/", "origin: http://x.test", "access-control-request-method: GET"),
      request("OPTIONS", "/", "origin: http://x.test"),
      request("GET", "/", "origin: http://x.test", "access-control-request-method: GET"),
    ),
    stats: STATS,
  },
  {
    name: "a preflight without that",
    feature: RULES,
    filters: needs(),
    client: inTurn(request("OPTIONS", "/", "origin: http://x.test", "access-control-request-method: GET")),
    stats: STATS,
  },
  {
    name: "what is refused: realm, bodies, gRPC, HEAD",
    feature: RULES,
    filters: needs(),
    client: [
      ...inTurn(
        get(`/${"x".repeat(300)}?q=1`, "host: h.test:8080"),
        get("/", "x-forwarded-proto: https"),
        get("/", "x-envoy-original-path: /before"),
        request("HEAD", "/"),
        get("/", "content-type: application/grpc"),
      ),
      post("a body"),
      ended(),
    ],
    accessLog: LOG,
  },
  {
    name: "a route's own www-authenticate stays beside nothing",
    feature: RULES,
    filters: needs(),
    virtualHost: { response_headers_to_add: [header("www-authenticate", "mine")] },
    client: inTurn(get()),
  },
  {
    name: "no route",
    feature: RULES,
    filters: needs(),
    routes: [toCluster("/a", "a")],
    client: inTurn(get("/b"), get("/b", bearer(GOOD))),
    accessLog: LOG,
  },
  {
    name: "filter_state_rules: nothing is known, nothing is asked",
    feature: RULES,
    filters: [filter({ providers: PAIR, filter_state_rules: { name: "s", requires: { a: named("p") } } })],
    client: inTurn(get()),
    stats: STATS,
  },
  {
    name: "stat_prefix",
    feature: RULES,
    filters: needs({}, { stat_prefix: "mine" }),
    client: inTurn(get()),
    stats: ["http.in.jwt_authn.denied", "http.in.jwt_authn.mine.denied", "http.in.jwt_authn.mine_denied"],
  },
];

function perRoute(fields: JsonObject): JsonObject {
  return {
    typed_per_filter_config: { [JWT_FILTER]: typed("extensions.filters.http.jwt_authn.v3.PerRouteConfig", fields) },
  };
}
