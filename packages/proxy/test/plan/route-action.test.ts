/** What a route does with a request. Expectations were compared with Envoy 1.40. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonValue } from "@bufbuild/protobuf";
import type { RedirectAction, RouteAction } from "../../src/plan/route-plan.ts";
import { type RequestInit, refusals, request, routeList, routes } from "./support.ts";

function forward(match: JsonValue, route: { [field: string]: JsonValue }): RouteAction {
  const plan = routeList({ match, route: { cluster: "b", ...route } }).route(request(), 0);
  return (plan ?? routeList({ match: { prefix: "/" }, route: { cluster: "b", ...route } }).route(request(), 0))!
    .action as RouteAction;
}

/** The action of a route whatever the request. */
function actionFor(match: JsonValue, path: string, action: { [field: string]: JsonValue }): RouteAction {
  return routeList({ match, ...action }).route(request({ path }), 0)!.action as RouteAction;
}

const REWRITES: readonly [match: JsonValue, route: { [field: string]: JsonValue }, path: string, expected: string][] = [
  [{ prefix: "/old" }, { prefix_rewrite: "/new" }, "/old/x?y=1", "/new/x?y=1"],
  [{ prefix: "/old" }, { prefix_rewrite: "/" }, "/old/x", "//x"],
  [{ path: "/old" }, { prefix_rewrite: "/new" }, "/old?y", "/new?y"],
  [{ safe_regex: { regex: "/old/.*" } }, { prefix_rewrite: "/new" }, "/old/abc?y", "/new?y"],
  [{ path_separated_prefix: "/old" }, { prefix_rewrite: "/new" }, "/old/x?y", "/new/x?y"],
  [{ path_separated_prefix: "/old" }, { prefix_rewrite: "/new" }, "/old", "/new"],
  [{ prefix: "/OLD", case_sensitive: false }, { prefix_rewrite: "/new" }, "/old/x", "/new/x"],
  [{ prefix: "/" }, regexRewrite("/(\\d+)", "/n\\1"), "/12/34?n=/5", "/n12/n34?n=/5"],
  [{ prefix: "/" }, regexRewrite("^/(\\w+)/(\\w+)", "/\\2/\\1"), "/a/b/c", "/b/a/c"],
  [{ prefix: "/" }, regexRewrite("x", "\\\\$1\\0"), "/axa", "/a\\$1xa"],
  [{ prefix: "/" }, regexRewrite("nothing", "x"), "/a?nothing", "/a?nothing"],
];

function regexRewrite(regex: string, substitution: string): { [field: string]: JsonValue } {
  return { regex_rewrite: { pattern: { regex }, substitution } };
}

for (const [match, route, path, expected] of REWRITES) {
  test(`${JSON.stringify(match)} with ${JSON.stringify(route)} makes ${path} to ${expected}`, () => {
    const action = actionFor(match, path, { route: { cluster: "b", ...route } });
    assert.equal(action.rewritePath?.(path), expected);
  });
}

test("a route without a rewrite has none to call", () => {
  const action = forward({ prefix: "/" }, {});
  assert.deepEqual([action.rewritePath, action.rewriteHost, action.autoHostRewrite], [null, null, false]);
});

const HOSTS: readonly [route: { [field: string]: JsonValue }, init: RequestInit, expected: string][] = [
  [{ host_rewrite_literal: "lit.example" }, {}, "lit.example"],
  [{ host_rewrite_header: "x-h" }, { headers: { "x-h": "from.header" } }, "from.header"],
  [{ host_rewrite_header: "x-h" }, {}, ""],
  [{ host_rewrite_header: "x-h" }, { headers: { "x-h": "" } }, ""],
  [
    { host_rewrite_path_regex: { pattern: { regex: "^/host/(.+)$" }, substitution: "\\1" } },
    { path: "/host/b.example?q" },
    "b.example",
  ],
];

for (const [route, init, expected] of HOSTS) {
  test(`${JSON.stringify(route)} makes the authority ${expected === "" ? "none" : expected}`, () => {
    assert.equal(forward({ prefix: "/" }, route).rewriteHost?.(request(init)), expected);
  });
}

test("timeouts: 15 s by default, 0 disables, a fraction of a millisecond is not 0; the idle timeout is inherited", () => {
  assert.equal(forward({ prefix: "/" }, {}).timeoutMs, 15_000);
  assert.equal(forward({ prefix: "/" }, { timeout: "0s" }).timeoutMs, 0);
  assert.equal(forward({ prefix: "/" }, { timeout: "0.0001s" }).timeoutMs, 1);
  assert.equal(forward({ prefix: "/" }, { timeout: "1.5s" }).timeoutMs, 1500);
  assert.equal(forward({ prefix: "/" }, {}).idleTimeoutMs, -1);
  assert.equal(forward({ prefix: "/" }, { idle_timeout: "0s" }).idleTimeoutMs, 0);
});

test("weighted clusters keep order, weights, header operations and host rewrites", () => {
  const action = actionFor({ prefix: "/" }, "/", {
    route: {
      weighted_clusters: {
        clusters: [
          { name: "v1", weight: 90, host_rewrite_literal: "v1.example" },
          { name: "v2", weight: 10, request_headers_to_add: [{ header: { key: "X-V", value: "2" } }] },
          { name: "v3", weight: 0 },
        ],
      },
    },
  });
  assert.equal(action.totalWeight, 100);
  assert.deepEqual(
    action.clusters.map((each) => [each.cluster.name, each.weight]),
    [
      ["v1", 90],
      ["v2", 10],
      ["v3", 0],
    ],
  );
  assert.equal(action.clusters[0].rewriteHost, "v1.example");
  assert.deepEqual(action.clusters[1].requestHeaders, [
    { op: "append", name: "x-v", value: "2", format: null, keepEmpty: false, together: 0 },
  ]);
});

test("weights that sum to zero are refused", () => {
  const clusters = [{ name: "a", weight: 0 }];
  assert.deepEqual(
    refusals(() => routeList({ match: { prefix: "/" }, route: { weighted_clusters: { clusters } } })),
    [
      "virtual_hosts[0].routes[0].route.weighted_clusters: Sum of weights in the weighted_cluster must be greater than 0.",
    ],
  );
});

test("cluster_header names the header in lower case; a missing cluster's status can be chosen", () => {
  const action = actionFor({ prefix: "/" }, "/", {
    route: { cluster_header: "X-Cluster", cluster_not_found_response_code: "NOT_FOUND" },
  });
  assert.deepEqual([action.clusterHeader, action.clusters, action.clusterNotFoundStatus], ["x-cluster", [], 404]);
  assert.equal(forward({ prefix: "/" }, {}).clusterNotFoundStatus, 503);
});

test("an inline route configuration may not name clusters that are not there, RDS may", () => {
  const config = {
    name: "r",
    virtual_hosts: [{ name: "v", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "nope" } }] }],
  };
  assert.deepEqual(
    refusals(() => routes(config, { knownClusters: ["b"], validateClusters: true })),
    ["virtual_hosts[0].routes[0].route.cluster: route: unknown cluster 'nope'"],
  );
  assert.deepEqual(
    refusals(() => routes(config, { knownClusters: ["b"] })),
    [],
  );
  assert.deepEqual(
    refusals(() => routes({ ...config, validate_clusters: false }, { knownClusters: ["b"], validateClusters: true })),
    [],
  );
});

const REDIRECTS: readonly [redirect: JsonValue, init: RequestInit, expected: string][] = [
  [{ https_redirect: true }, { path: "/x?y" }, "https://a.example/x?y"],
  [
    { https_redirect: true },
    { authority: "a.example:80", headers: { "x-forwarded-proto": "http" } },
    "https://a.example/",
  ],
  [
    { https_redirect: true },
    { authority: "a.example:8080", headers: { "x-forwarded-proto": "http" } },
    "https://a.example:8080/",
  ],
  [{ https_redirect: true }, { authority: "[::1]:80", headers: { "x-forwarded-proto": "http" } }, "https://[::1]/"],
  [{ port_redirect: 8443, scheme_redirect: "https" }, { authority: "a.example:80" }, "https://a.example:8443/"],
  [{ port_redirect: 8443 }, { authority: "[::1]" }, "http://[::1]:8443/"],
  [{ host_redirect: "new.example", path_redirect: "/p" }, { path: "/x?y=1" }, "http://new.example/p?y=1"],
  [{ path_redirect: "/p?z=1" }, { path: "/x?y=1" }, "http://a.example/p?z=1"],
  [{ path_redirect: "/p?z=1", strip_query: true }, { path: "/x?y=1" }, "http://a.example/p?z=1"],
  [{ path_redirect: "/p", strip_query: true }, { path: "/x?y=1" }, "http://a.example/p"],
  [{ prefix_rewrite: "/new/" }, { path: "/x?y=1" }, "http://a.example/new/x?y=1"],
  [{ prefix_rewrite: "/new/", strip_query: true }, { path: "/x?y=1" }, "http://a.example/new/x"],
  [
    { regex_rewrite: { pattern: { regex: "^/(\\w+)/(\\w+)" }, substitution: "/\\2/\\1" } },
    { path: "/a/b?c" },
    "http://a.example/b/a?c",
  ],
  [{ strip_query: true }, { path: "/x?y=1", authority: "a.example:80" }, "http://a.example:80/x"],
];

for (const [redirect, init, expected] of REDIRECTS) {
  test(`redirect ${JSON.stringify(redirect)} of ${init.authority ?? ""}${init.path ?? "/"} goes to ${expected}`, () => {
    const view = request(init);
    const plan = routeList({ match: { prefix: "/" }, redirect }).route(view, 0);
    assert.equal((plan!.action as RedirectAction).location(view), expected);
  });
}

test("redirects are 301 unless they say otherwise", () => {
  for (const [code, status] of [
    [undefined, 301],
    ["FOUND", 302],
    ["SEE_OTHER", 303],
    ["TEMPORARY_REDIRECT", 307],
    ["PERMANENT_REDIRECT", 308],
  ] as const) {
    const redirect = code === undefined ? {} : { response_code: code };
    const plan = routeList({ match: { prefix: "/" }, redirect }).route(request(), 0);
    assert.equal((plan!.action as RedirectAction).status, status);
  }
});

test("a direct response holds its bytes as latin1 text", () => {
  const plan = routeList({
    match: { prefix: "/" },
    direct_response: { status: 418, body: { inline_string: "tée" } },
  }).route(request(), 0);
  assert.deepEqual(plan?.action, { kind: "direct", status: 418, body: Buffer.from("tée").toString("latin1") });
});

test("a direct response body over the limit is refused", () => {
  assert.deepEqual(
    refusals(() =>
      routeList({
        match: { prefix: "/" },
        direct_response: { status: 200, body: { inline_string: "x".repeat(5000) } },
      }),
    ),
    ["virtual_hosts[0].routes[0].direct_response.body: response body size is 5000 bytes; maximum is 4096"],
  );
});
