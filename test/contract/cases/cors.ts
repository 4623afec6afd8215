/** The CORS filter. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { REFUSED } from "../harness/case.ts";
import { answer, get, head, header, inTurn, request, toCluster, typed } from "../harness/steps.ts";

const NAME = "envoy.filters.http.cors";
const FILTERS = [{ name: NAME, typed_config: typed("extensions.filters.http.cors.v3.Cors") }];
const STATS = ["http.in.cors.origin_valid", "http.in.cors.origin_invalid"];

/** `typed_per_filter_config` of whatever has one. */
function policy(fields: JsonObject): JsonObject {
  return { typed_per_filter_config: { [NAME]: typed("extensions.filters.http.cors.v3.CorsPolicy", fields) } };
}

function routed(fields: JsonObject): readonly JsonObject[] {
  return [toCluster("/", "a", {}, policy(fields))];
}

const SOME = { allow_origin_string_match: [{ exact: "http://a.test" }, { prefix: "http://pre" }] };
const ALL = {
  ...SOME,
  allow_methods: "GET,POST",
  allow_headers: "x-a,x-b",
  expose_headers: "x-e",
  max_age: "600",
  allow_credentials: true,
};
const ORIGIN = "origin: http://a.test";
const OTHER = "origin: http://b.test";
const PERCENT = (numerator: number): JsonObject => ({ default_value: { numerator } });

function preflight(...lines: readonly string[]): string {
  return request("OPTIONS", "/", ...lines, "access-control-request-method: GET");
}

export const CASES: readonly ContractCase[] = [
  {
    name: "no policy: nothing happens",
    feature: "CORS: policies",
    filters: FILTERS,
    client: inTurn(get("/", ORIGIN), preflight(ORIGIN)),
    stats: STATS,
  },
  {
    name: "an allowed origin is told",
    feature: "CORS: origins",
    filters: FILTERS,
    routes: routed(SOME),
    client: inTurn(get(), get("/", ORIGIN), get("/", "origin: http://prefixed"), get("/", OTHER)),
    stats: STATS,
  },
  {
    name: "an origin is matched as it is written",
    feature: "CORS: origins",
    filters: FILTERS,
    routes: routed(SOME),
    client: inTurn(get("/", "origin: HTTP://A.test"), get("/", ORIGIN, OTHER), get("/", "origin:")),
    stats: STATS,
  },
  {
    name: "matchers: suffix, contains, regex, ignoring case",
    feature: "CORS: origins",
    filters: FILTERS,
    routes: routed({
      allow_origin_string_match: [
        { suffix: ".suffix" },
        { contains: "middle" },
        { safe_regex: { regex: "http://[0-9]+" } },
        { exact: "http://CASE", ignore_case: true },
      ],
    }),
    client: inTurn(
      ...["x.suffix", "a-middle-b", "http://12", "http://12a", "http://case"].map((o) => get("/", `origin: ${o}`)),
    ),
    stats: STATS,
  },
  {
    name: "a star allows everybody, and the origin is told by name",
    feature: "CORS: origins",
    filters: FILTERS,
    routes: routed({ allow_origin_string_match: [{ exact: "*" }] }),
    client: inTurn(get("/", ORIGIN), preflight(OTHER)),
    stats: STATS,
  },
  {
    name: "no origins: nobody is allowed",
    feature: "CORS: origins",
    filters: FILTERS,
    routes: routed({}),
    client: inTurn(get("/", ORIGIN), preflight(ORIGIN)),
    stats: STATS,
  },
  {
    name: "a preflight is answered, with all headers of the policy",
    feature: "CORS: preflight",
    filters: FILTERS,
    routes: routed(ALL),
    client: inTurn(preflight(ORIGIN), preflight(ORIGIN, "access-control-request-headers: x-z")),
    stats: STATS,
    accessLog: "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%",
  },
  {
    name: "a preflight's answer has what the policy says and no more",
    feature: "CORS: preflight",
    filters: FILTERS,
    routes: routed(SOME),
    client: inTurn(preflight(ORIGIN)),
  },
  {
    name: "a preflight's answer does not get the route's headers",
    feature: "CORS: preflight",
    filters: FILTERS,
    routes: [toCluster("/", "a", {}, { ...policy(ALL), response_headers_to_add: [header("x-route", "r")] })],
    client: inTurn(preflight(ORIGIN), get("/", ORIGIN)),
  },
  {
    name: "what is no preflight: no method asked for, or not OPTIONS",
    feature: "CORS: preflight",
    filters: FILTERS,
    routes: routed(ALL),
    client: inTurn(
      request("OPTIONS", "/", ORIGIN),
      request("OPTIONS", "/", ORIGIN, "access-control-request-method:"),
      request("OPTIONS", "/", "access-control-request-method: GET"),
      get("/", ORIGIN, "access-control-request-method: GET"),
    ),
    stats: STATS,
  },
  {
    name: "a preflight of another origin goes to the upstream",
    feature: "CORS: preflight",
    filters: FILTERS,
    routes: routed(ALL),
    client: inTurn(preflight(OTHER)),
    stats: STATS,
  },
  {
    name: "forward_not_matching_preflights: false answers without an origin",
    feature: "CORS: preflight",
    filters: FILTERS,
    routes: routed({ ...ALL, allow_private_network_access: true, forward_not_matching_preflights: false }),
    client: inTurn(
      preflight(OTHER),
      preflight(OTHER, "access-control-request-private-network: true"),
      preflight(ORIGIN),
      get("/", OTHER),
    ),
    stats: STATS,
  },
  {
    name: "a response gets the origin, credentials, and what is exposed",
    feature: "CORS: responses",
    filters: FILTERS,
    routes: routed(ALL),
    client: inTurn(get("/", ORIGIN)),
  },
  {
    name: "the upstream's own headers are replaced in place",
    feature: "CORS: responses",
    filters: FILTERS,
    routes: routed(ALL),
    upstreams: {
      a: answer(
        200,
        "",
        "access-control-allow-origin: *",
        "access-control-allow-credentials: false",
        "access-control-expose-headers: up",
        "access-control-allow-methods: PUT",
      ),
    },
    client: inTurn(get("/", ORIGIN), get("/", OTHER)),
  },
  {
    name: "local replies get them, too",
    feature: "CORS: responses",
    filters: FILTERS,
    routes: routed(ALL),
    upstreams: { a: REFUSED },
    client: inTurn(get("/", ORIGIN), get("/", ORIGIN, "content-type: application/grpc")),
  },
  {
    name: "credentials that are not allowed are not mentioned",
    feature: "CORS: responses",
    filters: FILTERS,
    routes: routed({ ...ALL, allow_credentials: false }),
    client: inTurn(get("/", ORIGIN), preflight(ORIGIN)),
  },
  {
    name: "private network access, asked for with exactly true",
    feature: "CORS: private network access",
    filters: FILTERS,
    routes: routed({ ...ALL, allow_private_network_access: true }),
    client: inTurn(
      ...["true", "TRUE", "false"].map((v) => preflight(ORIGIN, `access-control-request-private-network: ${v}`)),
      preflight(ORIGIN),
      get("/", ORIGIN, "access-control-request-private-network: true"),
    ),
  },
  {
    name: "private network access that is not allowed",
    feature: "CORS: private network access",
    filters: FILTERS,
    routes: routed({ ...ALL, allow_private_network_access: false }),
    client: inTurn(preflight(ORIGIN, "access-control-request-private-network: true")),
  },
  {
    name: "filter_enabled 0 %",
    feature: "CORS: fractions",
    filters: FILTERS,
    routes: routed({ ...ALL, filter_enabled: PERCENT(0) }),
    client: inTurn(get("/", ORIGIN), preflight(ORIGIN)),
    stats: STATS,
  },
  {
    name: "shadow_enabled counts only",
    feature: "CORS: fractions",
    filters: FILTERS,
    routes: routed({
      ...ALL,
      filter_enabled: PERCENT(0),
      shadow_enabled: PERCENT(100),
      forward_not_matching_preflights: false,
    }),
    client: inTurn(get("/", ORIGIN), get("/", OTHER), preflight(ORIGIN), preflight(OTHER)),
    stats: STATS,
  },
  {
    name: "shadow_enabled alone does not switch the filter off",
    feature: "CORS: fractions",
    filters: FILTERS,
    routes: routed({ ...ALL, shadow_enabled: PERCENT(100) }),
    client: inTurn(get("/", ORIGIN), preflight(ORIGIN)),
    stats: STATS,
  },
  {
    name: "redirects, direct responses and what finds no route are left alone",
    feature: "CORS: policies",
    filters: FILTERS,
    virtualHost: policy(ALL),
    routes: [
      { match: { prefix: "/direct" }, direct_response: { status: 200, body: { inline_string: "x" } }, ...policy(ALL) },
      { match: { prefix: "/away" }, redirect: { path_redirect: "/to" }, ...policy(ALL) },
    ],
    client: inTurn(
      get("/direct", ORIGIN),
      get("/away", ORIGIN),
      get("/none", ORIGIN),
      request("OPTIONS", "/direct", ORIGIN, "access-control-request-method: GET"),
    ),
    stats: STATS,
  },
  {
    name: "each field is that of the most specific level that has it",
    feature: "CORS: policies",
    filters: FILTERS,
    routeConfig: policy({ ...ALL, max_age: "1" }),
    virtualHost: policy({ allow_origin_string_match: [{ suffix: "vhost" }], max_age: "2" }),
    routes: [
      toCluster("/own", "a", {}, policy({ ...SOME, max_age: "3", allow_credentials: false })),
      toCluster("/", "a"),
    ],
    client: inTurn(
      head("OPTIONS /own HTTP/1.1", "Host: a.test", ORIGIN, "access-control-request-method: GET"),
      preflight("origin: http://xvhost"),
      preflight(ORIGIN),
    ),
  },
  {
    name: "a weighted cluster's policy is the most specific one",
    feature: "CORS: policies",
    filters: FILTERS,
    routes: [
      {
        match: { prefix: "/" },
        route: {
          weighted_clusters: {
            clusters: [{ name: "a", weight: 1, ...policy({ max_age: "9", allow_methods: "PUT" }) }],
          },
        },
        ...policy({ ...SOME, max_age: "3" }),
      },
    ],
    client: inTurn(preflight(ORIGIN)),
  },
  {
    name: "a level that switches the filter off hides the less specific ones",
    feature: "CORS: policies",
    filters: FILTERS,
    virtualHost: policy(ALL),
    routes: [
      toCluster(
        "/off",
        "a",
        {},
        { typed_per_filter_config: { [NAME]: typed("config.route.v3.FilterConfig", { disabled: true }) } },
      ),
      toCluster("/", "a"),
    ],
    client: inTurn(get("/off", ORIGIN), get("/", ORIGIN)),
  },
  {
    name: "a wrapper without a configuration is refused",
    feature: "CORS: policies",
    filters: FILTERS,
    routes: [toCluster("/", "a", {}, { typed_per_filter_config: { [NAME]: typed("config.route.v3.FilterConfig") } })],
    client: [],
    refused: true,
  },
  {
    name: "policies are found by the filter's name, whatever it is",
    feature: "CORS: policies",
    filters: [{ name: "mine", typed_config: typed("extensions.filters.http.cors.v3.Cors") }],
    routes: [
      toCluster(
        "/",
        "a",
        {},
        {
          typed_per_filter_config: {
            mine: typed("extensions.filters.http.cors.v3.CorsPolicy", { ...SOME, max_age: "1" }),
            [NAME]: typed("extensions.filters.http.cors.v3.CorsPolicy", { ...SOME, max_age: "2" }),
          },
        },
      ),
    ],
    client: inTurn(preflight(ORIGIN)),
  },
  {
    name: "a filter that a route does not mention can be off until a route switches it on",
    feature: "CORS: policies",
    filters: [{ ...FILTERS[0], disabled: true }],
    virtualHost: policy(ALL),
    routes: [toCluster("/", "a")],
    client: inTurn(get("/", ORIGIN)),
  },
];
