/** Which requests a route takes. Expectations were compared with Envoy 1.40 on the same configuration. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonValue } from "@bufbuild/protobuf";
import { type RequestInit, request, routeList } from "./support.ts";

const DIRECT = { direct_response: { status: 200 } };

/** Does a route with this match take the request? */
function takes(match: JsonValue, init: RequestInit, random = 0): boolean {
  return routeList({ match, ...DIRECT }).route(request(init), random) !== null;
}

const PATHS: readonly [match: JsonValue, path: string, expected: boolean][] = [
  [{ prefix: "/a" }, "/a", true],
  [{ prefix: "/a" }, "/ab?c", true],
  [{ prefix: "/a" }, "/b/a", false],
  [{ prefix: "/a?x" }, "/a?x=1", false],
  [{ path: "/exact" }, "/exact", true],
  [{ path: "/exact" }, "/exact?a=1", true],
  [{ path: "/exact" }, "/exact/", false],
  [{ path: "/exact" }, "/exactx", false],
  [{ path: "/Exact", case_sensitive: false }, "/eXACT?Q", true],
  [{ path: "/Exact" }, "/exact", false],
  [{ prefix: "/Pre", case_sensitive: false }, "/PREfix", true],
  [{ path_separated_prefix: "/sep" }, "/sep", true],
  [{ path_separated_prefix: "/sep" }, "/sep/", true],
  [{ path_separated_prefix: "/sep" }, "/sep/a", true],
  [{ path_separated_prefix: "/sep" }, "/sep?x", true],
  [{ path_separated_prefix: "/sep" }, "/sepx", false],
  [{ path_separated_prefix: "/Sep", case_sensitive: false }, "/SEP/x", true],
  [{ path_separated_prefix: "/Sep", case_sensitive: false }, "/SEPx", false],
  [{ safe_regex: { regex: "/re/[a-z]+" } }, "/re/abc?q=1", true],
  [{ safe_regex: { regex: "/re/[a-z]+" } }, "/re/ab1", false],
  [{ safe_regex: { regex: "/alt|/other" } }, "/other", true],
  [{ safe_regex: { regex: "/alt|/other" } }, "/alt/x", false],
  [{ safe_regex: { regex: "^/anch$" } }, "/anch", true],
  [{ safe_regex: { regex: "^/anch$" } }, "/anch/", false],
  [{ safe_regex: { regex: ".*\\.jpg" } }, "/x/y.jpg?z", true],
  [{ safe_regex: { regex: ".*\\.jpg" } }, "/x/yxjpg", false],
  [{ safe_regex: { regex: "/plus/.+" } }, "/plus/", false],
  [{ safe_regex: { regex: "/plus/.+" } }, "/plus/a", true],
];

for (const [match, path, expected] of PATHS) {
  test(`${JSON.stringify(match)} ${expected ? "takes" : "leaves"} ${path}`, () => {
    assert.equal(takes(match, { path }), expected);
  });
}

const HEADERS: readonly [matcher: { [field: string]: JsonValue }, value: string | undefined, expected: boolean][] = [
  [{ string_match: { exact: "v" } }, "v", true],
  [{ string_match: { exact: "v" } }, "V", false],
  [{ string_match: { exact: "v" } }, undefined, false],
  [{ string_match: { exact: "AbC", ignore_case: true } }, "aBc", true],
  [{ string_match: { prefix: "ab" } }, "abz", true],
  [{ string_match: { suffix: "yz" } }, "xyz", true],
  [{ string_match: { contains: "mid" } }, "amidb", true],
  [{ string_match: { safe_regex: { regex: "a+b" } } }, "aab", true],
  [{ string_match: { safe_regex: { regex: "a+b" } } }, "aabc", false],
  [{ string_match: { exact: "v" }, invert_match: true }, "w", true],
  [{ string_match: { exact: "v" }, invert_match: true }, "v", false],
  [{ string_match: { exact: "v" }, invert_match: true }, undefined, false],
  [{ string_match: { exact: "" }, treat_missing_header_as_empty: true }, undefined, true],
  [{ string_match: { exact: "z" }, treat_missing_header_as_empty: true, invert_match: true }, undefined, true],
  [{ string_match: { exact: "z" }, treat_missing_header_as_empty: true, invert_match: true }, "z", false],
  [{ present_match: true }, "", true],
  [{ present_match: true }, undefined, false],
  [{ present_match: false }, undefined, true],
  [{ present_match: false }, "x", false],
  [{ present_match: true, invert_match: true }, undefined, true],
  [{ present_match: true, invert_match: true }, "x", false],
  [{}, "x", true],
  [{}, undefined, false],
  [{ range_match: { start: "1", end: "10" } }, "1", true],
  [{ range_match: { start: "1", end: "10" } }, "9", true],
  [{ range_match: { start: "1", end: "10" } }, "10", false],
  [{ range_match: { start: "1", end: "10" } }, "9x", false],
  [{ range_match: { start: "-5", end: "10" } }, "-5", true],
  [{ range_match: { start: "1", end: "10" } }, "0005", true],
  [{ exact_match: "d" }, "d", true],
  [{ prefix_match: "d" }, "dx", true],
  [{ suffix_match: "d" }, "xd", true],
  [{ contains_match: "d" }, "xdx", true],
  [{ safe_regex_match: { regex: "d.d" } }, "d1d", true],
];

for (const [matcher, value, expected] of HEADERS) {
  test(`header ${value === undefined ? "absent" : JSON.stringify(value)} ${expected ? "meets" : "fails"} ${JSON.stringify(matcher)}`, () => {
    const headers: Record<string, string> = value === undefined ? {} : { "x-h": value };
    assert.equal(takes({ prefix: "/", headers: [{ name: "X-H", ...matcher }] }, { headers }), expected);
  });
}

test("pseudo-headers and host are matched like headers", () => {
  const init = { method: "DELETE", path: "/p?q", authority: "a.example:80", scheme: "https" };
  for (const [name, exact] of [
    [":method", "DELETE"],
    [":path", "/p?q"],
    [":authority", "a.example:80"],
    ["host", "a.example:80"],
    [":scheme", "https"],
  ]) {
    assert.equal(takes({ prefix: "/", headers: [{ name, string_match: { exact } }] }, init), true, name);
    assert.equal(takes({ prefix: "/", headers: [{ name, string_match: { exact: "other" } }] }, init), false, name);
  }
});

test("all conditions of a route must hold", () => {
  const match = {
    prefix: "/a",
    headers: [
      { name: "x", string_match: { exact: "1" } },
      { name: "y", present_match: true },
    ],
    query_parameters: [{ name: "q", string_match: { exact: "1" } }],
  };
  assert.equal(takes(match, { path: "/a?q=1", headers: { x: "1", y: "" } }), true);
  assert.equal(takes(match, { path: "/a?q=1", headers: { x: "1" } }), false);
  assert.equal(takes(match, { path: "/a?q=2", headers: { x: "1", y: "" } }), false);
});

const QUERIES: readonly [matcher: JsonValue, path: string, expected: boolean][] = [
  [{ name: "a", string_match: { exact: "1" } }, "/?a=1", true],
  [{ name: "a", string_match: { exact: "1" } }, "/?x&a=1", true],
  [{ name: "a", string_match: { exact: "1" } }, "/?a=2&a=1", false],
  [{ name: "a", string_match: { exact: "1" } }, "/?ba=1", false],
  [{ name: "a", string_match: { exact: "1" } }, "/", false],
  [{ name: "b", present_match: true }, "/?b", true],
  [{ name: "b", present_match: true }, "/?bb", false],
  [{ name: "b", present_match: false }, "/?b=", false],
  [{ name: "b", present_match: false }, "/?c", true],
  [{ name: "b" }, "/?a&b=2", true],
];

for (const [matcher, path, expected] of QUERIES) {
  test(`query of ${path} ${expected ? "meets" : "fails"} ${JSON.stringify(matcher)}`, () => {
    assert.equal(takes({ prefix: "/", query_parameters: [matcher] }, { path }), expected);
  });
}

test("grpc: the content type is application/grpc, alone or with a subtype", () => {
  for (const [type, expected] of [
    ["application/grpc", true],
    ["application/grpc+proto", true],
    ["application/grpcx", false],
    ["text/plain", false],
  ] as const) {
    assert.equal(takes({ prefix: "/", grpc: {} }, { headers: { "content-type": type } }), expected, type);
  }
  assert.equal(takes({ prefix: "/", grpc: {} }, {}), false);
});

test("runtime_fraction takes its share, independently of what the same draw decides about weights", () => {
  const table = routeList(
    { match: { prefix: "/", runtime_fraction: { default_value: { numerator: 25 } } }, ...DIRECT },
    {
      match: { prefix: "/" },
      route: {
        weighted_clusters: {
          clusters: [
            { name: "a", weight: 1 },
            { name: "b", weight: 1 },
          ],
        },
      },
    },
  );
  let direct = 0;
  let lower = 0;
  const draws = 20_000;
  for (let i = 0; i < draws; i++) {
    const random = (i * 0.6180339887498949) % 1;
    if (table.route(request(), random)?.action.kind === "direct") direct++;
    else if (random < 0.5) lower++;
  }
  assert.ok(Math.abs(direct / draws - 0.25) < 0.01, `${direct} of ${draws}`);
  assert.ok(Math.abs(lower / (draws - direct) - 0.5) < 0.02, `${lower} of the rest are in the lower half`);
});

test("the first route that matches wins, whatever comes after", () => {
  const table = routeList(
    { name: "first", match: { prefix: "/a" }, ...DIRECT },
    { name: "second", match: { path: "/a/b" }, ...DIRECT },
    { name: "last", match: { prefix: "/" }, ...DIRECT },
  );
  assert.equal(table.route(request({ path: "/a/b" }), 0)?.name, "first");
  assert.equal(table.route(request({ path: "/b" }), 0)?.name, "last");
});

test("a regex that RE2 does not take is refused with RE2's words and its path", () => {
  assert.throws(
    () => routeList({ match: { safe_regex: { regex: "(a" } }, ...DIRECT }),
    /virtual_hosts\[0\]\.routes\[0\]\.match\.safe_regex: .*missing closing \)/,
  );
});
