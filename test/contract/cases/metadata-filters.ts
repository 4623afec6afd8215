/** Filters that make dynamic metadata: of headers and cookies, of what the configuration says. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { answer, endpoint, get, inTurn, toCluster, typed } from "../harness/steps.ts";

const HEADERS = "Metadata filters: header_to_metadata";
const SET = "Metadata filters: set_metadata";
const REFUSED = "Metadata filters: what is refused";

const H2M = "extensions.filters.http.header_to_metadata.v3.Config";
const toMetadata = (fields: JsonObject): JsonObject => ({ name: "h2m", typed_config: typed(H2M, fields) });
const requestRules = (...request_rules: readonly JsonObject[]): JsonObject => toMetadata({ request_rules });
const setMetadata = (fields: JsonObject, name = "set"): JsonObject => ({
  name,
  typed_config: typed("extensions.filters.http.set_metadata.v3.Config", fields),
});

const DEFAULT_NAMESPACE = "%DYNAMIC_METADATA(envoy.filters.http.header_to_metadata)%";
const log = (...namespaces: readonly string[]): string =>
  namespaces.map((namespace) => `%DYNAMIC_METADATA(${namespace})%`).join(" ");
const present = (header: string, on_header_present: JsonObject, more: JsonObject = {}): JsonObject => ({
  header,
  on_header_present,
  ...more,
});

const subset = (name: string, version: string): JsonObject =>
  endpoint(name, { metadata: { filter_metadata: { "envoy.lb": { version } } } });
const VERSIONS: ContractCase["clusters"] = {
  a: {
    endpoints: [subset("v1", "1"), subset("v2", "2")],
    lb_subset_config: { subset_selectors: [{ keys: ["version"] }] },
  },
};

function refused(name: string, rule: JsonObject): ContractCase {
  return { name, feature: REFUSED, filters: [requestRules(rule)], client: [], refused: true };
}

export const CASES: readonly ContractCase[] = [
  {
    name: "a header's value",
    feature: HEADERS,
    filters: [requestRules(present("X-Version", { metadata_namespace: "ns", key: "version" }))],
    client: inTurn(get("/", "x-version: 1"), get(), get("/", "x-version:"), get("/", "x-version: 1", "x-version: 2")),
    accessLog: `${log("ns")} %REQ(X-VERSION)%`,
  },
  {
    name: "the filter's own namespace, where none is named",
    feature: HEADERS,
    filters: [requestRules(present("x", { key: "k" }))],
    client: inTurn(get("/", "x: 1")),
    accessLog: DEFAULT_NAMESPACE,
  },
  {
    name: "a value of the rule's, and what holds where there is no header",
    feature: HEADERS,
    filters: [
      requestRules({
        header: "x",
        on_header_present: { metadata_namespace: "ns", key: "k", value: "there" },
        on_header_missing: { metadata_namespace: "ns", key: "k", value: "not there" },
      }),
    ],
    client: inTurn(get("/", "x: 1"), get(), get("/", "x:")),
    accessLog: log("ns"),
  },
  {
    name: "removed, or not",
    feature: HEADERS,
    filters: [
      requestRules(
        present("x", { metadata_namespace: "ns", key: "x" }, { remove: true }),
        present("y", { metadata_namespace: "ns", key: "y" }),
        present("x", { metadata_namespace: "ns", key: "again" }),
      ),
    ],
    client: inTurn(get("/", "x: 1", "y: 2")),
    accessLog: log("ns"),
  },
  {
    name: "types of values",
    feature: HEADERS,
    filters: [
      requestRules(
        present("n", { metadata_namespace: "ns", key: "n", type: "NUMBER" }),
        present("s", { metadata_namespace: "ns", key: "s", type: "STRING" }),
      ),
    ],
    client: inTurn(
      get("/", "n: 12", "s: 12"),
      get("/", "n: -1.5e3"),
      get("/", "n: twelve"),
      get("/", "n: 1x"),
      get("/", "n: 0x10"),
      get("/", "n: +3"),
    ),
    accessLog: log("ns"),
  },
  {
    name: "base64",
    feature: HEADERS,
    filters: [requestRules(present("b", { metadata_namespace: "ns", key: "b", encode: "BASE64" }))],
    client: inTurn(
      get("/", "b: YWJj"),
      get("/", "b: YWI="),
      get("/", "b: YWI"),
      get("/", "b: !!"),
      get("/", "b: YQ=="),
    ),
    accessLog: log("ns"),
  },
  {
    name: "a value in protobuf",
    feature: HEADERS,
    filters: [
      requestRules(present("p", { metadata_namespace: "ns", key: "p", encode: "BASE64", type: "PROTOBUF_VALUE" })),
    ],
    // A string "ab", the number 1, true, and nonsense.
    client: inTurn(get("/", "p: GgJhYg=="), get("/", "p: EQAAAAAAAPA/"), get("/", "p: IAE="), get("/", "p: /////w==")),
    accessLog: log("ns"),
  },
  {
    name: "rewritten by a regular expression",
    feature: HEADERS,
    filters: [
      requestRules(
        present(":path", {
          metadata_namespace: "ns",
          key: "first",
          regex_value_rewrite: {
            pattern: { google_re2: {}, regex: "^/(cluster[\\d\\w-]+)/?.*$" },
            substitution: "\\1",
          },
        }),
      ),
    ],
    client: inTurn(get("/cluster-prod-001/"), get("/cluster-x/y"), get("/other"), get("/")),
    accessLog: log("ns"),
  },
  {
    name: "pseudo-headers and the host",
    feature: HEADERS,
    filters: [
      requestRules(
        present(":method", { metadata_namespace: "ns", key: "method" }),
        present(":authority", { metadata_namespace: "ns", key: "authority" }),
        present("host", { metadata_namespace: "ns", key: "host" }),
      ),
    ],
    client: inTurn(get("/x")),
    accessLog: log("ns"),
  },
  {
    name: "cookies",
    feature: HEADERS,
    filters: [
      requestRules({
        cookie: "v",
        on_header_present: { metadata_namespace: "ns", key: "v" },
        on_header_missing: { metadata_namespace: "ns", key: "v", value: "none" },
      }),
    ],
    client: inTurn(
      get("/", "cookie: v=1"),
      get("/", "cookie: a=b; v=2; c=d"),
      get("/", "cookie: a=b", "cookie: v=3"),
      get("/", "cookie: vv=1"),
      get("/", "cookie: v="),
      get("/", 'cookie: v="q"'),
      get(),
    ),
    accessLog: log("ns"),
  },
  {
    name: "several rules to one namespace, later ones over earlier ones",
    feature: HEADERS,
    filters: [
      requestRules(
        present("x", { metadata_namespace: "ns", key: "k" }),
        present("y", { metadata_namespace: "ns", key: "k" }),
        present("y", { metadata_namespace: "other", key: "k" }),
      ),
    ],
    client: inTurn(get("/", "x: 1", "y: 2"), get("/", "x: 1")),
    accessLog: log("ns", "other"),
  },
  {
    name: "of responses, which it may take from them",
    feature: HEADERS,
    filters: [
      toMetadata({
        response_rules: [
          present("x-secret", { metadata_namespace: "ns", key: "secret" }, { remove: true }),
          { header: "x-none", on_header_missing: { metadata_namespace: "ns", key: "none", value: "yes" } },
          present(":status", { metadata_namespace: "ns", key: "status" }),
        ],
      }),
    ],
    upstreams: { a: answer(200, "x", "x-secret: 1") },
    client: inTurn(get()),
    accessLog: log("ns"),
  },
  {
    name: "of local replies, too",
    feature: HEADERS,
    filters: [toMetadata({ response_rules: [present(":status", { metadata_namespace: "ns", key: "status" })] })],
    routes: [{ match: { prefix: "/" }, direct_response: { status: 418 } }],
    client: inTurn(get()),
    accessLog: log("ns"),
  },
  {
    name: "a route's rules in place of the filter's",
    feature: HEADERS,
    filters: [requestRules(present("x", { metadata_namespace: "ns", key: "filter" }))],
    routes: [
      {
        ...toCluster("/own", "a"),
        typed_per_filter_config: {
          h2m: typed(H2M, { request_rules: [present("x", { metadata_namespace: "ns", key: "route" })] }),
        },
      },
      toCluster("/", "a"),
    ],
    client: inTurn(get("/own", "x: 1"), get("/", "x: 1")),
    accessLog: log("ns"),
  },
  {
    name: "a long value is left out",
    feature: HEADERS,
    filters: [requestRules(present("x", { metadata_namespace: "ns", key: "k" }))],
    client: inTurn(get("/", `x: ${"v".repeat(8191)}`), get("/", `x: ${"v".repeat(8192)}`)),
    accessLog: log("ns"),
  },
  {
    name: "envoy.lb: which subset a request goes to",
    feature: HEADERS,
    filters: [
      requestRules({
        header: "x-version",
        on_header_present: { metadata_namespace: "envoy.lb", key: "version" },
        on_header_missing: { metadata_namespace: "envoy.lb", key: "version", value: "2" },
      }),
    ],
    clusters: VERSIONS,
    client: inTurn(get("/", "x-version: 1"), get(), get("/", "x-version: 9")),
  },
  {
    name: "envoy.lb over the route's metadata_match",
    feature: HEADERS,
    filters: [requestRules(present("x-version", { metadata_namespace: "envoy.lb", key: "version" }))],
    clusters: VERSIONS,
    routes: [
      {
        match: { prefix: "/" },
        route: { cluster: "a", metadata_match: { filter_metadata: { "envoy.lb": { version: "1" } } } },
      },
    ],
    client: inTurn(get("/", "x-version: 2"), get()),
  },
  {
    name: "envoy.lb with a key that the route did not ask for",
    feature: HEADERS,
    filters: [requestRules(present("x-other", { metadata_namespace: "envoy.lb", key: "other" }))],
    clusters: VERSIONS,
    routes: [
      {
        match: { prefix: "/" },
        route: { cluster: "a", metadata_match: { filter_metadata: { "envoy.lb": { version: "1" } } } },
      },
    ],
    client: inTurn(get("/", "x-other: 2"), get()),
  },
  refused("neither a header nor a cookie", { on_header_present: { key: "k" } }),
  refused("a header and a cookie", { header: "x", cookie: "x", on_header_present: { key: "k" } }),
  refused("neither present nor missing", { header: "x" }),
  refused("missing, without a value", { header: "x", on_header_missing: { key: "k" } }),
  refused("a value and a rewrite", {
    header: "x",
    on_header_present: { key: "k", value: "v", regex_value_rewrite: { pattern: { regex: "x" }, substitution: "y" } },
  }),
  refused("cookies cannot be removed", { cookie: "x", on_header_present: { key: "k" }, remove: true }),
  {
    name: "a route that has no rules",
    feature: REFUSED,
    filters: [requestRules(present("x", { key: "k" }))],
    routes: [{ ...toCluster("/", "a"), typed_per_filter_config: { h2m: typed(H2M) } }],
    client: [],
    refused: true,
  },
  {
    name: "a response rule that is wrong",
    feature: REFUSED,
    filters: [toMetadata({ response_rules: [{ header: "x" }] })],
    client: [],
    refused: true,
  },
  {
    name: "a rewrite where there is no header",
    feature: HEADERS,
    filters: [
      requestRules({
        header: "x",
        on_header_missing: {
          metadata_namespace: "ns",
          key: "k",
          value: "v",
        },
      }),
    ],
    client: inTurn(get("/", "x: 1"), get()),
    accessLog: log("ns"),
  },

  {
    name: "what the configuration says",
    feature: SET,
    filters: [
      setMetadata({
        metadata: [
          { metadata_namespace: "one", value: { a: "x", b: 1, c: true, d: { e: ["f"] } } },
          { metadata_namespace: "two", value: { a: null } },
        ],
      }),
    ],
    client: inTurn(get(), get()),
    accessLog: log("one", "two"),
    stats: ["http.in.set_metadata.overwrite_denied"],
  },
  {
    name: "what is there stays",
    feature: SET,
    filters: [
      setMetadata({
        metadata: [
          { metadata_namespace: "ns", value: { a: 1 } },
          { metadata_namespace: "ns", value: { a: 2, b: 2 } },
        ],
      }),
    ],
    client: inTurn(get()),
    accessLog: log("ns"),
    stats: ["http.in.set_metadata.overwrite_denied"],
  },
  {
    name: "allow_overwrite: structs are merged, lists are joined, values replaced",
    feature: SET,
    filters: [
      setMetadata({
        metadata: [
          {
            metadata_namespace: "ns",
            value: { a: 1, s: { x: 1, y: { z: [1] } }, l: [1], t: "t", n: null, k: { v: 1 } },
          },
          {
            metadata_namespace: "ns",
            allow_overwrite: true,
            value: { a: 2, s: { x: 2, y: { z: [2], w: 3 } }, l: [2, 3], t: 4, n: "x", k: [1], new: true },
          },
        ],
      }),
    ],
    client: inTurn(get()),
    accessLog: log("ns"),
    stats: ["http.in.set_metadata.overwrite_denied"],
  },
  {
    name: "over what another filter has found",
    feature: SET,
    filters: [
      requestRules(present("x", { metadata_namespace: "ns", key: "x" })),
      setMetadata({ metadata: [{ metadata_namespace: "ns", value: { x: "set" } }] }),
      setMetadata({ metadata: [{ metadata_namespace: "ns", value: { y: "set" }, allow_overwrite: true }] }, "set2"),
    ],
    client: inTurn(get("/", "x: 1"), get()),
    accessLog: log("ns"),
    stats: ["http.in.set_metadata.overwrite_denied"],
  },
  {
    name: "the older fields",
    feature: SET,
    filters: [setMetadata({ metadata_namespace: "old", value: { a: 1 } })],
    client: inTurn(get()),
    accessLog: log("old"),
  },
  {
    name: "envoy.lb: which subset all requests go to",
    feature: SET,
    filters: [setMetadata({ metadata: [{ metadata_namespace: "envoy.lb", value: { version: "2" } }] })],
    clusters: VERSIONS,
    client: inTurn(get(), get()),
  },
  {
    name: "a namespace must have a name",
    feature: REFUSED,
    filters: [setMetadata({ metadata: [{ value: { a: 1 } }] })],
    client: [],
    refused: true,
  },
];
