/** What becomes of path and host on the way to the upstream, and which cluster gets the request. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { get, got, head, toCluster } from "../harness/steps.ts";

type Row = readonly [name: string, action: JsonObject, target?: string, ...lines: string[]];

function cases(feature: string, rows: readonly Row[], match: JsonObject = { prefix: "/a" }): ContractCase[] {
  return rows.map(([name, action, target = "/a/b?c=d", ...lines]) => ({
    name: `${feature}: ${name}`,
    feature: `Route actions: ${feature}`,
    routes: [{ match, route: { cluster: "a", ...action } }],
    client: [get(target, ...lines)],
  }));
}

const regex = (pattern: string, substitution: string): JsonObject => ({ pattern: { regex: pattern }, substitution });
const regexRewrite = (pattern: string, substitution: string): JsonObject => ({
  regex_rewrite: regex(pattern, substitution),
});

/** Of these clusters the second exists under the name that a header gives. */
function byHeader(name: string, ...lines: string[]): ContractCase {
  return {
    name: `cluster_header: ${name}`,
    feature: "Route actions: cluster_header",
    routes: [{ match: { prefix: "/" }, route: { cluster_header: "x-to" } }],
    clusters: { a: {}, b: {} },
    client: [get("/", ...lines)],
  };
}

export const CASES: readonly ContractCase[] = [
  ...cases("prefix_rewrite", [
    ["keeps the rest and the query", { prefix_rewrite: "/new" }],
    ["the whole path", { prefix_rewrite: "/new" }, "/a"],
    ["to the root", { prefix_rewrite: "/" }],
    ["to the root, the whole path", { prefix_rewrite: "/" }, "/a?x"],
    ["in the middle of a segment", { prefix_rewrite: "/new" }, "/abc"],
    ["with a slash at the end", { prefix_rewrite: "/new/" }],
    ["with a query of its own", { prefix_rewrite: "/new?x=y" }, "/a"],
    ["the client's x-envoy-original-path", { prefix_rewrite: "/new" }, "/a", "x-envoy-original-path: /mine"],
    ["without a slash", { prefix_rewrite: "new" }],
    ["to the same", { prefix_rewrite: "/a" }],
  ]),
  ...cases("prefix_rewrite of path", [["replaces the path", { prefix_rewrite: "/new" }, "/a?c=d"]], { path: "/a" }),
  ...cases("prefix_rewrite of path_separated_prefix", [["keeps the rest", { prefix_rewrite: "/new" }]], {
    path_separated_prefix: "/a",
  }),
  ...cases("prefix_rewrite of safe_regex", [["replaces the path", { prefix_rewrite: "/new" }]], {
    safe_regex: { regex: "/a.*" },
  }),
  ...cases("prefix_rewrite of other letters", [["keeps the rest", { prefix_rewrite: "/new" }, "/A/b"]], {
    prefix: "/a",
    case_sensitive: false,
  }),
  ...cases("regex_rewrite", [
    ["groups", regexRewrite("/a/(.*)", "/\\1/z")],
    ["all that matches", regexRewrite("b", "xx"), "/a/b/b?b"],
    ["nothing matches", regexRewrite("z", "x")],
    ["group 0", regexRewrite("b", "<\\0>")],
    ["a backslash", regexRewrite("b", "\\\\")],
    ["an empty match", regexRewrite("x*", "-"), "/ab"],
    ["anchored", regexRewrite("^/a", "/new")],
    ["case of letters changed", regexRewrite("(?i)B", "x")],
    ["a group that does not take part", regexRewrite("(b)|(c)", "[\\1\\2]"), "/a/bc"],
    ["to no slash", regexRewrite(".*/", "")],
    ["everything away", regexRewrite(".*", "")],
    ["the query stays out", regexRewrite("d", "x")],
  ]),
  {
    name: "regex_rewrite: a group that is not there",
    feature: "Route actions: regex_rewrite",
    routes: [{ match: { prefix: "/" }, route: { cluster: "a", ...regexRewrite("(a)", "\\2") } }],
    client: [get("/abc")],
  },
  {
    name: "prefix_rewrite and regex_rewrite together are refused",
    feature: "Route actions: regex_rewrite",
    routes: [{ match: { prefix: "/" }, route: { cluster: "a", prefix_rewrite: "/b", ...regexRewrite("a", "b") } }],
    client: [],
    refused: true,
  },
  ...cases("host rewrites", [
    ["host_rewrite_literal", { host_rewrite_literal: "b.test" }],
    ["host_rewrite_literal with a port", { host_rewrite_literal: "b.test:8080" }],
    ["the client's x-envoy-original-host", { host_rewrite_literal: "b.test" }, "/a", "x-envoy-original-host: mine"],
    ["host_rewrite_header", { host_rewrite_header: "x-to" }, "/a", "x-to: b.test"],
    ["host_rewrite_header, none there", { host_rewrite_header: "x-to" }],
    ["host_rewrite_header, empty", { host_rewrite_header: "x-to" }, "/a", "x-to:"],
    ["host_rewrite_header, twice", { host_rewrite_header: "x-to" }, "/a", "x-to: b.test", "x-to: c.test"],
    ["host_rewrite_path_regex", { host_rewrite_path_regex: regex("^/a/([a-z]+).*$", "\\1.test") }],
    ["host_rewrite_path_regex that matches nothing", { host_rewrite_path_regex: regex("^/z$", "z.test") }],
    ["auto_host_rewrite of an address", { auto_host_rewrite: true }],
    ["append_x_forwarded_host", { host_rewrite_literal: "b.test", append_x_forwarded_host: true }],
    [
      "append_x_forwarded_host to what is there",
      { host_rewrite_literal: "b.test", append_x_forwarded_host: true },
      "/a",
      "x-forwarded-host: c.test",
    ],
    ["append_x_forwarded_host without a rewrite", { append_x_forwarded_host: true }],
    [
      "append_x_forwarded_host and host_rewrite_header, none there",
      { host_rewrite_header: "x-to", append_x_forwarded_host: true },
    ],
    ["an absolute form", { host_rewrite_literal: "b.test" }, "http://c.test/a"],
  ]),
  {
    name: "auto_host_rewrite of a host name",
    feature: "Route actions: host rewrites",
    routes: [toCluster("/", "a", { auto_host_rewrite: true, append_x_forwarded_host: true })],
    clusters: {
      a: {
        endpoints: [
          {
            endpoint: {
              address: { socket_address: { address: "127.0.0.1", port_value: "{port a}" } },
              hostname: "endpoint.test",
            },
          },
        ],
      },
    },
    client: [get(), got(1), get()],
  },
  byHeader("names one", "x-to: b"),
  byHeader("names another", "x-to: a"),
  byHeader("names none that there is", "x-to: c"),
  byHeader("is not there"),
  byHeader("is empty", "x-to:"),
  byHeader("is there twice", "x-to: a", "x-to: b"),
  ...[
    ["default", {}],
    ["NOT_FOUND", { cluster_not_found_response_code: "NOT_FOUND" }],
    ["INTERNAL_SERVER_ERROR", { cluster_not_found_response_code: "INTERNAL_SERVER_ERROR" }],
  ].map(([name, action]): ContractCase => ({
    name: `cluster_not_found_response_code: ${name as string}`,
    feature: "Route actions: cluster_not_found_response_code",
    routes: [toCluster("/", "missing", action as JsonObject)],
    client: [get()],
  })),
  {
    name: "validate_clusters refuses a cluster that is not there",
    feature: "Route actions: validate_clusters",
    routeConfig: { validate_clusters: true },
    routes: [toCluster("/", "missing")],
    client: [],
    refused: true,
  },
  {
    name: "weighted_clusters: headers and host of the one that is chosen",
    feature: "Route actions: weighted_clusters",
    routes: [
      {
        match: { prefix: "/" },
        request_headers_to_add: [{ header: { key: "x-route", value: "1" } }],
        response_headers_to_add: [{ header: { key: "x-route", value: "1" } }],
        route: {
          host_rewrite_literal: "route.test",
          weighted_clusters: {
            clusters: [
              { name: "a", weight: 0 },
              {
                name: "b",
                weight: 7,
                host_rewrite_literal: "weighted.test",
                request_headers_to_add: [{ header: { key: "x-cluster", value: "1" } }],
                request_headers_to_remove: ["x-gone"],
                response_headers_to_add: [{ header: { key: "x-cluster", value: "1" } }],
                response_headers_to_remove: ["content-type"],
              },
            ],
          },
        },
      },
    ],
    clusters: { a: {}, b: {} },
    client: [get("/", "x-gone: 1")],
  },
  {
    name: "weighted_clusters: a host for one cluster alone",
    feature: "Route actions: weighted_clusters",
    routes: [
      {
        match: { prefix: "/" },
        route: {
          append_x_forwarded_host: true,
          weighted_clusters: { clusters: [{ name: "a", weight: 1, host_rewrite_literal: "weighted.test" }] },
        },
      },
    ],
    client: [get()],
  },
  {
    name: "weighted_clusters: the one that is chosen is not there",
    feature: "Route actions: weighted_clusters",
    routes: [{ match: { prefix: "/" }, route: { weighted_clusters: { clusters: [{ name: "missing", weight: 1 }] } } }],
    client: [get()],
  },
  {
    name: "weighted_clusters: no weight at all is refused",
    feature: "Route actions: weighted_clusters",
    routes: [{ match: { prefix: "/" }, route: { weighted_clusters: { clusters: [{ name: "a", weight: 0 }] } } }],
    client: [],
    refused: true,
  },
  {
    name: "weighted_clusters: none is refused",
    feature: "Route actions: weighted_clusters",
    routes: [{ match: { prefix: "/" }, route: { weighted_clusters: { clusters: [] } } }],
    client: [],
    refused: true,
  },
  {
    name: "a route without an action is refused",
    feature: "Route actions: what is refused",
    routes: [{ match: { prefix: "/" } }],
    client: [],
    refused: true,
  },
  {
    name: "an absolute form: what the upstream gets",
    feature: "Route actions: absolute form",
    client: [head("GET http://b.test:81/x?y HTTP/1.1", "Host: a.test", "x-a: 1")],
  },
];
