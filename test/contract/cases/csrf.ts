/** The filter envoy.filters.http.csrf: requests that change something come from where they belong. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { get, inTurn, request, toCluster, typed } from "../harness/steps.ts";

const FEATURE = "CSRF filter: origins";
const TYPE = "extensions.filters.http.csrf.v3.CsrfPolicy";

const percent = (numerator: number): JsonObject => ({ default_value: { numerator, denominator: "HUNDRED" } });
const policy = (fields: JsonObject = {}): JsonObject => typed(TYPE, { filter_enabled: percent(100), ...fields });
const csrf = (fields: JsonObject = {}): Pick<ContractCase, "filters"> => ({
  filters: [{ name: "csrf", typed_config: policy(fields) }],
});
const STATS = ["missing_source_origin", "request_invalid", "request_valid"].map((name) => `http.in.csrf.${name}`);
const post = (...lines: readonly string[]): string => request("POST", "/", "content-length: 0", ...lines);

export const CASES: readonly ContractCase[] = [
  {
    name: "only what changes something is looked at",
    feature: FEATURE,
    ...csrf(),
    client: inTurn(
      ...["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH"].map((method) =>
        request(method, "/", "content-length: 0", "origin: http://evil.test"),
      ),
    ),
    stats: STATS,
    accessLog: "%REQ(:METHOD)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%",
  },
  {
    name: "the host itself, whatever the scheme",
    feature: FEATURE,
    ...csrf(),
    client: inTurn(
      post("origin: http://a.test"),
      post("origin: https://a.test"),
      post("origin: a.test"),
      post("origin: http://a.test/"),
      post("origin: http://A.test"),
    ),
    stats: STATS,
  },
  {
    name: "ports are part of it",
    feature: FEATURE,
    ...csrf(),
    client: inTurn(
      post("origin: http://a.test:80"),
      post("origin: https://a.test:443"),
      post("origin: http://a.test:8080"),
      "POST / HTTP/1.1\r\nhost: a.test:80\r\ncontent-length: 0\r\norigin: http://a.test\r\n\r\n",
      "POST / HTTP/1.1\r\nhost: a.test:8080\r\ncontent-length: 0\r\norigin: http://a.test:8080\r\n\r\n",
    ),
    stats: STATS,
  },
  {
    name: "the page it comes from, where there is no origin",
    feature: FEATURE,
    ...csrf(),
    client: inTurn(
      post("referer: http://a.test/page?x=y"),
      post("referer: http://evil.test/a.test"),
      post("origin: http://evil.test", "referer: http://a.test/"),
      post("origin: http://a.test", "referer: http://evil.test/"),
      post("origin: ", "referer: http://a.test/"),
      post(),
    ),
    stats: STATS,
  },
  {
    name: "origins that are none",
    feature: FEATURE,
    ...csrf(),
    client: inTurn(post("origin: null"), post("origin: http://"), post("origin: ://a.test"), post("origin: ftp://a.test"), post("origin: http://user@a.test"), post("origin: http://a.test", "origin: http://evil.test")), // prettier-ignore
    stats: STATS,
  },
  {
    name: "others that are let through",
    feature: FEATURE,
    ...csrf({ additional_origins: [{ exact: "b.test" }, { suffix: ".c.test" }, { safe_regex: { regex: "d.*:81" } }] }),
    client: inTurn(
      post("origin: http://b.test"),
      post("origin: http://b.test:80"),
      post("origin: https://x.c.test"),
      post("origin: http://d.test:81"),
      post("origin: http://e.test"),
    ),
    stats: STATS,
  },
  {
    name: "watching only",
    feature: FEATURE,
    ...csrf({ filter_enabled: percent(0), shadow_enabled: percent(100) }),
    client: inTurn(post("origin: http://evil.test"), post("origin: http://a.test"), post()),
    stats: STATS,
  },
  {
    name: "off",
    feature: FEATURE,
    ...csrf({ filter_enabled: percent(0) }),
    client: inTurn(post("origin: http://evil.test"), post()),
    stats: STATS,
  },
  {
    name: "routes have policies of their own",
    feature: FEATURE,
    ...csrf(),
    routes: [
      { ...toCluster("/off", "a"), typed_per_filter_config: { csrf: policy({ filter_enabled: percent(0) }) } },
      { ...toCluster("/more", "a"), typed_per_filter_config: { csrf: policy({ additional_origins: [{ exact: "b.test" }] }) } }, // prettier-ignore
      toCluster("/", "a"),
    ],
    client: inTurn(
      request("POST", "/off", "content-length: 0", "origin: http://b.test"),
      request("POST", "/more", "content-length: 0", "origin: http://b.test"),
      request("POST", "/", "content-length: 0", "origin: http://b.test"),
    ),
    stats: STATS,
  },
  {
    name: "the runtime has its say",
    feature: FEATURE,
    ...csrf({ filter_enabled: { default_value: { numerator: 100 }, runtime_key: "csrf.on" } }),
    bootstrap: { layered_runtime: { layers: [{ name: "s", static_layer: { "csrf.on": 0 } }] } },
    client: inTurn(post("origin: http://evil.test"), get()),
    stats: STATS,
  },
  {
    name: "it must say how many requests it is for",
    feature: "CSRF filter: what is refused",
    filters: [{ name: "csrf", typed_config: typed(TYPE) }],
    client: [],
    refused: true,
  },
];
