/** The RBAC filter by a tree of matchers. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { get, inTurn, typed } from "../harness/steps.ts";

const STATS = ["allowed", "denied", "shadow_allowed", "shadow_denied"].map((name) => `http.in.rbac.${name}`);
const LOG =
  "%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.rbac)% %DYNAMIC_METADATA(envoy.common)%";
const NETWORK = "extensions.matching.common_inputs.network.v3";

const extension = (type: string, fields: JsonObject = {}): JsonObject => ({
  name: "x",
  typed_config: typed(type, fields),
});
const action = (name: string, what: string): JsonObject => ({
  action: extension("config.rbac.v3.Action", { name, action: what }),
});
const header = (header_name: string): JsonObject =>
  extension("type.matcher.v3.HttpRequestHeaderMatchInput", { header_name });
const single = (input: JsonObject, value_match: JsonObject): JsonObject => ({
  single_predicate: { input, value_match },
});
const list = (...matchers: readonly (readonly [predicate: JsonObject, on_match: JsonObject])[]): JsonObject => ({
  matcher_list: { matchers: matchers.map(([predicate, on_match]) => ({ predicate, on_match })) },
});
/** Of the xDS API's own types. */
const ranges = (...range_matchers: readonly JsonObject[]): JsonObject => ({
  name: "x",
  typed_config: { "@type": "type.googleapis.com/xds.type.matcher.v3.IPMatcher", range_matchers },
});
const range = (address_prefix: string, prefix_len: number): JsonObject => ({ address_prefix, prefix_len });

const decided = (name: string, matcher: JsonObject, field = "matcher", more: JsonObject = {}): ContractCase => ({
  name,
  feature: "RBAC: matcher",
  filters: [
    {
      name: "envoy.filters.http.rbac",
      typed_config: typed("extensions.filters.http.rbac.v3.RBAC", {
        [field]: matcher,
        track_per_rule_stats: true,
        ...more,
      }),
    },
  ],
  client: inTurn(
    get("/a"),
    get("/b", "x-a: 1"),
    get("/c", "x-a: 2", "x-a: 3"),
    get("/d", "referer: https://docs.test/x"),
  ),
  stats: STATS,
  accessLog: LOG,
});

const X = header("x-a");
const PATH = header(":path");

export const CASES: readonly ContractCase[] = [
  decided("a header that must match", {
    ...list([
      { not_matcher: single(header("referer"), { safe_regex: { google_re2: {}, regex: "https?://docs.*" } }) },
      action("no", "DENY"),
    ]),
    on_no_match: action("rest", "ALLOW"),
  }),
  decided("what matches nothing is denied", list([single(X, { exact: "1" }), action("one", "ALLOW")])),
  decided("repeated headers are one value", list([single(X, { exact: "2,3" }), action("both", "ALLOW")])),
  decided("LOG allows, and says so to logs", {
    ...list([single(X, { exact: "1" }), action("logged", "LOG")]),
    on_no_match: action("rest", "ALLOW"),
  }),
  decided(
    "pseudo-headers",
    list(
      [single(PATH, { prefix: "/a" }), action("path", "ALLOW")],
      [single(header(":method"), { exact: "get", ignore_case: true }), action("method", "DENY")],
    ),
  ),
  decided(
    "and, or",
    list(
      [
        { and_matcher: { predicate: [single(X, { exact: "1" }), single(PATH, { suffix: "b" })] } },
        action("and", "ALLOW"),
      ],
      [
        { or_matcher: { predicate: [single(X, { exact: "2,3" }), single(header("referer"), { contains: "docs" })] } },
        action("or", "ALLOW"),
      ],
    ),
  ),
  decided(
    "a nested matcher",
    list(
      [
        single(X, { safe_regex: { google_re2: {}, regex: ".*" } }),
        {
          matcher: {
            ...list([single(X, { exact: "1" }), action("in", "ALLOW")]),
            on_no_match: action("not-in", "DENY"),
          },
        },
      ],
      [single(PATH, { prefix: "/" }), action("out", "ALLOW")],
    ),
  ),
  decided(
    "a nested matcher that does not match",
    list(
      [
        single(X, { safe_regex: { google_re2: {}, regex: ".*" } }),
        { matcher: list([single(X, { exact: "1" }), action("in", "ALLOW")]) },
      ],
      [single(PATH, { prefix: "/c" }), action("out", "ALLOW")],
    ),
  ),
  decided("a map of values", {
    matcher_tree: {
      input: X,
      exact_match_map: { map: { "1": action("one", "ALLOW"), "2,3": action("more", "DENY") } },
    },
    on_no_match: action("rest", "ALLOW"),
  }),
  decided("a map of prefixes: the longest counts", {
    matcher_tree: {
      input: PATH,
      prefix_match_map: {
        map: {
          "/": action("root", "ALLOW"),
          "/b": action("b", "DENY"),
          "/c": { matcher: list([single(X, { exact: "none" }), action("in", "DENY")]) },
        },
      },
    },
  }),
  decided("the listener's port", {
    matcher_tree: {
      input: extension(`${NETWORK}.DestinationPortInput`),
      prefix_match_map: { map: { "": action("any", "ALLOW") } },
    },
  }),
  decided(
    "a set of addresses",
    list([
      {
        single_predicate: {
          input: extension(`${NETWORK}.SourceIPInput`),
          custom_match: extension("extensions.matching.input_matchers.ip.v3.Ip", {
            cidr_ranges: [range("127.0.0.0", 8)],
            stat_prefix: "s",
          }),
        },
      },
      action("loopback", "ALLOW"),
    ]),
  ),
  decided("a tree of addresses: the narrowest range counts", {
    matcher_tree: {
      input: extension(`${NETWORK}.DirectSourceIPInput`),
      custom_match: ranges(
        { ranges: [range("127.0.0.0", 8)], on_match: action("wide", "DENY") },
        { ranges: [range("127.0.0.1", 32)], on_match: action("narrow", "ALLOW") },
      ),
    },
  }),
  decided(
    "the listener's address",
    list([single(extension(`${NETWORK}.DestinationIPInput`), { exact: "127.0.0.1" }), action("local", "ALLOW")]),
  ),
  decided(
    "no server name without TLS",
    list([single(extension(`${NETWORK}.ServerNameInput`), { exact: "" }), action("unnamed", "ALLOW")]),
  ),
  decided("in the shadow", list([single(X, { exact: "1" }), action("one", "ALLOW")]), "shadow_matcher"),
  decided("beside rules", { on_no_match: action("all", "DENY") }, "matcher", {
    rules: { policies: { p: { permissions: [{ any: true }], principals: [{ any: true }] } } },
  }),
  decided("empty", {}),
  {
    ...decided("a prefix that is empty is refused", list([single(X, { prefix: "" }), action("one", "ALLOW")])),
    client: [],
    refused: true,
  },
  {
    ...decided(
      "a regex without its engine is refused",
      list([single(X, { safe_regex: { regex: "a" } }), action("one", "ALLOW")]),
    ),
    client: [],
    refused: true,
  },
];
