/** HTTPMatchRequest to Envoy's RouteMatch. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { service, TestMesh, virtualService } from "../support/mesh.ts";
import type { ProxyOptions } from "../support/mesh.ts";

const REVIEWS = "reviews.default.svc.cluster.local:9080";
const ROUTE = "route: [{ destination: { host: reviews } }]";

/** The matches of the routes that come of one list of HTTPMatchRequests. */
function matches(match: string, proxy: ProxyOptions = {}): unknown[] {
  const rules = virtualService("reviews", { hosts: "reviews", http: `[{ match: ${match}, ${ROUTE} }]` });
  return new TestMesh(service("reviews") + rules)
    .proxy(proxy)
    .routes(REVIEWS)
    .map((route) => route["match"]);
}

const cases: readonly { readonly name: string; readonly match: string; readonly expect: JsonObject }[] = [
  { name: "uri exact is the whole path", match: "{ uri: { exact: /a } }", expect: { path: "/a" } },
  { name: "uri prefix is a string prefix", match: "{ uri: { prefix: /a } }", expect: { prefix: "/a" } },
  { name: "uri regex", match: '{ uri: { regex: "/a/[0-9]+" } }', expect: { safe_regex: { regex: "/a/[0-9]+" } } },
  {
    name: "ignoreUriCase",
    match: "{ uri: { prefix: /a }, ignoreUriCase: true }",
    expect: { prefix: "/a", case_sensitive: false },
  },
  {
    name: "header forms: exact, prefix, regex, and presence for an empty matcher",
    match: '{ headers: { d: {}, c: { regex: "x+" }, b: { prefix: p }, A: { exact: e } } }',
    expect: {
      prefix: "/",
      headers: [
        { name: "a", string_match: { exact: "e" } },
        { name: "b", string_match: { prefix: "p" } },
        { name: "c", string_match: { safe_regex: { regex: "x+" } } },
        { name: "d", present_match: true },
      ],
    },
  },
  {
    name: "a regex that everything satisfies is presence",
    match: '{ headers: { a: { regex: ".*" } } }',
    expect: { prefix: "/", headers: [{ name: "a", present_match: true }] },
  },
  {
    name: "withoutHeaders inverts; a missing header counts as empty unless presence is meant",
    match: "{ withoutHeaders: { a: {}, b: { exact: v } } }",
    expect: {
      prefix: "/",
      headers: [
        { name: "a", present_match: true, invert_match: true },
        { name: "b", string_match: { exact: "v" }, invert_match: true, treat_missing_header_as_empty: true },
      ],
    },
  },
  {
    name: "scheme, method and authority are pseudo-headers",
    match: "{ scheme: { exact: https }, method: { exact: GET }, authority: { prefix: www } }",
    expect: {
      prefix: "/",
      headers: [
        { name: ":scheme", string_match: { exact: "https" } },
        { name: ":method", string_match: { exact: "GET" } },
        { name: ":authority", string_match: { prefix: "www" } },
      ],
    },
  },
  {
    name: "queryParams",
    match: '{ queryParams: { v: { exact: "2" }, debug: {}, r: { regex: "x+" } } }',
    expect: {
      prefix: "/",
      query_parameters: [
        { name: "debug", present_match: true },
        { name: "r", string_match: { safe_regex: { regex: "x+" } } },
        { name: "v", string_match: { exact: "2" } },
      ],
    },
  },
];

for (const { name, match, expect } of cases) {
  test(name, () => assert.deepEqual(matches(`[${match}]`), [expect]));
}

test("each match of a route is a route of its own, in order", () => {
  assert.deepEqual(matches("[{ uri: { prefix: /b } }, { uri: { prefix: /a } }]"), [{ prefix: "/b" }, { prefix: "/a" }]);
});

test("nothing after a match that takes everything is kept", () => {
  assert.deepEqual(matches("[{ uri: { prefix: / } }, { uri: { prefix: /a } }]"), [{ prefix: "/" }]);
  assert.equal(matches("[{ uri: { prefix: / }, headers: { a: {} } }, { uri: { prefix: /a } }]").length, 2);
});

test("port is decided when routes are made", () => {
  assert.deepEqual(matches("[{ port: 9080, uri: { prefix: /a } }, { port: 80, uri: { prefix: /b } }]"), [
    { prefix: "/a" },
  ]);
});

test("sourceLabels and sourceNamespace are decided for each client", () => {
  const match =
    "[{ sourceLabels: { app: web, tier: x }, uri: { prefix: /a } }, { sourceNamespace: shop, uri: { prefix: /b } }, { uri: { prefix: /c } }]";
  assert.deepEqual(matches(match, { labels: { app: "web", tier: "x", more: "y" } }), [
    { prefix: "/a" },
    { prefix: "/c" },
  ]);
  assert.deepEqual(matches(match, { labels: { app: "web" } }), [{ prefix: "/c" }]);
  assert.deepEqual(matches(match, { namespace: "shop" }), [{ prefix: "/b" }, { prefix: "/c" }]);
});
