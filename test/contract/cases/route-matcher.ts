/** Virtual hosts that choose their routes by a tree of matchers. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { get, inTurn, toCluster, typed } from "../harness/steps.ts";

const LOG = "%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %ROUTE_NAME%";
const extension = (type: string, fields: JsonObject = {}): JsonObject => ({
  name: "x",
  typed_config: typed(type, fields),
});
const answered = (name: string, match: JsonObject = { prefix: "/" }): JsonObject => ({
  name,
  match,
  direct_response: { status: 200, body: { inline_string: name } },
});
const route = (name: string, match?: JsonObject): JsonObject => ({
  action: extension("config.route.v3.Route", answered(name, match)),
});
const routes = (...list: readonly JsonObject[]): JsonObject => ({
  action: extension("config.route.v3.RouteList", { routes: list }),
});
const header = (header_name: string): JsonObject =>
  extension("type.matcher.v3.HttpRequestHeaderMatchInput", { header_name });
const single = (input: JsonObject, value_match: JsonObject): JsonObject => ({
  single_predicate: { input, value_match },
});
const list = (...matchers: readonly (readonly [JsonObject, JsonObject])[]): JsonObject => ({
  matcher_list: { matchers: matchers.map(([predicate, on_match]) => ({ predicate, on_match })) },
});
const tree = (input: JsonObject, kind: string, map: JsonObject): JsonObject => ({
  matcher_tree: { input, [kind]: { map } },
});

const X = header("x-a");
const PATH = header(":path");

const matched = (name: string, matcher: JsonObject, more: Partial<ContractCase> = {}): ContractCase => ({
  name,
  feature: "Virtual host matcher: trees",
  virtualHost: { routes: [], matcher },
  client: inTurn(get("/a"), get("/a/b", "x-a: 1"), get("/b?q=1", "x-a: 2", "x-a: 3"), get("/ab/c", "x-a: long-value")),
  accessLog: LOG,
  ...more,
});
const refused = (name: string, matcher: JsonObject, more: JsonObject = {}): ContractCase => ({
  name,
  feature: "Virtual host matcher: what is refused",
  virtualHost: { routes: [], matcher, ...more },
  client: [],
  refused: true,
});

export const CASES: readonly ContractCase[] = [
  matched(
    "exact_match_map by a header",
    tree(X, "exact_match_map", { "1": route("one"), "2,3": route("two"), "4": route("four") }),
  ),
  matched(
    "exact_match_map by the path, which has its query",
    tree(PATH, "exact_match_map", { "/a": route("a"), "/b": route("b"), "/a/b": route("ab") }),
  ),
  matched(
    "prefix_match_map: the longest",
    tree(PATH, "prefix_match_map", { "/": route("root"), "/a": route("a"), "/a/": route("a/"), "/b": route("b") }),
  ),
  matched(
    "prefix_match_map: a shorter one where nothing comes of the longest",
    tree(PATH, "prefix_match_map", {
      "/a": route("a"),
      "/a/": { matcher: tree(X, "exact_match_map", { "9": route("nine") }) },
    }),
  ),
  matched(
    "prefix_match_map: the match of the route holds, too",
    tree(PATH, "prefix_match_map", { "/a": route("a", { path: "/a" }), "/": route("root") }),
  ),
  matched("exact_match_map and on_no_match", {
    ...tree(X, "exact_match_map", { "1": route("one") }),
    on_no_match: route("none"),
  }),
  matched(
    "matcher_list: the first that matches",
    list(
      [single(X, { exact: "1" }), route("one")],
      [single(X, { prefix: "long" }), route("long")],
      [single(PATH, { prefix: "/a" }), route("a")],
    ),
  ),
  matched(
    "matcher_list: all kinds of text",
    list(
      [single(X, { safe_regex: { google_re2: {}, regex: "[0-9]" } }), route("digit")],
      [single(X, { suffix: "value" }), route("suffix")],
      [single(X, { contains: "," }), route("contains")],
    ),
  ),
  matched(
    "matcher_list: and, or, not",
    list(
      [{ and_matcher: { predicate: [single(PATH, { prefix: "/a" }), single(X, { exact: "1" })] } }, route("both")],
      [
        {
          not_matcher: { or_matcher: { predicate: [single(X, { exact: "1" }), single(X, { prefix: "2" })] } },
        } as JsonObject,
        route("neither"),
      ],
    ),
  ),
  matched("a list of routes", {
    on_no_match: routes(
      answered("first", { path: "/a" }),
      answered("second", { prefix: "/a" }),
      answered("third", { prefix: "/b", headers: [{ name: "x-a", present_match: true }] }),
    ),
    ...tree(X, "exact_match_map", { "long-value": routes(answered("none", { path: "/nothing" })) }),
  }),
  matched("nested", {
    ...tree(X, "exact_match_map", {
      "1": { matcher: { ...tree(PATH, "prefix_match_map", { "/a/": route("1a") }), on_no_match: route("1") } },
    }),
    on_no_match: { matcher: list([single(PATH, { prefix: "/b" }), route("b")]) },
  }),
  matched("nothing matches", tree(X, "exact_match_map", { "9": route("nine") })),
  matched("a pseudo-header", tree(header(":authority"), "exact_match_map", { a: route("a"), "b.test": route("b") }), {
    client: inTurn(get("/", "Host: b.test"), get("/", "Host: B.test"), get("/", "Host: c.test")),
  }),
  matched(
    "a route that forwards, with headers of the virtual host",
    {
      on_no_match: { action: extension("config.route.v3.Route", toCluster("/", "a", { prefix_rewrite: "/z/" })) },
      ...tree(X, "exact_match_map", { "9": route("nine") }),
    },
    {
      virtualHost: {
        routes: [],
        request_headers_to_add: [{ header: { key: "x-v", value: "1" } }],
        matcher: {
          ...tree(X, "exact_match_map", { "9": route("nine") }),
          on_no_match: { action: extension("config.route.v3.Route", toCluster("/", "a", { prefix_rewrite: "/z" })) },
        },
      },
      client: inTurn(get("/a")),
    },
  ),
  refused("routes beside it", tree(X, "exact_match_map", { "1": route("one") }), { routes: [answered("other")] }),
  refused(
    "a query parameter is no input",
    tree(extension("type.matcher.v3.HttpRequestQueryParamMatchInput", { query_param: "q" }), "exact_match_map", {
      "1": route("one"),
    }),
  ),
  refused(
    "an address is no input",
    tree(extension("extensions.matching.common_inputs.network.v3.SourceIPInput"), "exact_match_map", {
      "1": route("one"),
    }),
  ),
  refused(
    "what RBAC does is no action",
    tree(X, "exact_match_map", { "1": { action: extension("config.rbac.v3.Action", { name: "a", action: "ALLOW" }) } }),
  ),
  refused("an empty map", tree(X, "exact_match_map", {})),
  refused("an empty list", { matcher_list: { matchers: [] } }),
  refused(
    "a route that is none",
    tree(X, "exact_match_map", { "1": { action: extension("config.route.v3.Route", { name: "a" }) } }),
  ),
];
