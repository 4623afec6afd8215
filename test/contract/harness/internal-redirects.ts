/** What cases of internal redirects are made of: two virtual hosts, of which one follows. */
import type { Answer, ContractCase, JsonObject } from "./case.ts";
import { answer, got, request, typed, toCluster } from "./steps.ts";

export const COUNTS = [
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
export const LOG =
  "%REQ(:METHOD)% %REQ(:AUTHORITY)% %REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS% " +
  "in=%BYTES_RECEIVED% out=%BYTES_SENT% loc=%RESP(location)% url=%REQ(x-envoy-original-url)% " +
  "tries=%UPSTREAM_REQUEST_ATTEMPT_COUNT%";

/** What is left of the route's timeout. */
export const REST: NonNullable<ContractCase["mask"]> = [
  [/x-envoy-expected-rq-timeout-ms: 149\d\d/g, "x-envoy-expected-rq-timeout-ms: {rest}"],
];

export const OK = answer(200, "ok");
export const moved = (location: string, status = 302, ...lines: string[]): string =>
  answer(status, "moved", `location: ${location}`, ...lines);

export interface Following {
  readonly policy?: JsonObject;
  /** Of cluster `a`, which the first request goes to. */
  readonly a: readonly Answer[];
  readonly b?: readonly Answer[];
  readonly client?: ContractCase["client"];
  readonly more?: Partial<ContractCase>;
}

/** `a.test` is cluster `a`, whose route follows redirects; `b.test` is cluster `b`, whose route does not. */
export const hosts = (policy: JsonObject, action: JsonObject = {}): JsonObject[] => [
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

export const toA = (method = "GET", path = "/x?y=1", ...lines: string[]): string =>
  request(method, path, "Host: a.test", ...lines);

export function following(feature: string, rows: Readonly<Record<string, Following>>): ContractCase[] {
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

export const predicate = (name: string, config: JsonObject = {}): JsonObject => ({
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
export const ring = (policy: JsonObject): Partial<ContractCase> => ({
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
export const first = [request("GET", "/1", "Host: a.test"), got(1)];
export const TO = (n: number): string => moved(`http://a.test/${n}`);
