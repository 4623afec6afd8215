/** Which virtual host an authority belongs to. Expectations were compared with Envoy 1.40. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonValue } from "@bufbuild/protobuf";
import { refusals, request, routes } from "./support.ts";

const host = (name: string, ...domains: string[]): { [field: string]: JsonValue } => ({
  name,
  domains,
  routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }],
});

const HOSTS = [
  host("any", "*"),
  host("exact", "exact.example", "PORT.example:8080"),
  host("suffix", "*.suf.example"),
  host("longer suffix", "*.a.suf.example", "*-x.dash.example"),
  host("prefix", "pre.*"),
  host("longer prefix", "pre.longer.*"),
  host("both", "pre.suf.example"),
];

const CASES: readonly [authority: string, expected: string][] = [
  ["exact.example", "exact"],
  ["EXACT.Example", "exact"],
  ["exact.example:80", "any"],
  ["port.example:8080", "exact"],
  ["port.example", "any"],
  ["x.suf.example", "suffix"],
  ["x.y.suf.example", "suffix"],
  [".suf.example", "any"],
  ["suf.example", "any"],
  ["b.a.suf.example", "longer suffix"],
  ["a.suf.example", "suffix"],
  ["y-x.dash.example", "longer suffix"],
  ["-x.dash.example", "any"],
  ["pre.com", "prefix"],
  ["pre.", "any"],
  ["pre.longer.com", "longer prefix"],
  ["PRE.longer.", "prefix"],
  ["pre.suf.example", "both"],
  ["pre.x.suf.example", "suffix"],
];

for (const [authority, expected] of CASES) {
  test(`${authority} belongs to "${expected}"`, () => {
    const table = routes({ name: "r", virtual_hosts: HOSTS });
    assert.equal(table.route(request({ authority }), 0)?.virtualHost, expected);
  });
}

test("without a matching virtual host there is no route", () => {
  const table = routes({ name: "r", virtual_hosts: [host("exact", "exact.example")] });
  assert.equal(table.route(request({ authority: "other.example" }), 0), null);
  assert.equal(table.route(request({ authority: "" }), 0), null);
});

test("ignore_port_in_host_matching leaves a port out, also of an IPv6 address", () => {
  const table = routes({
    name: "r",
    ignore_port_in_host_matching: true,
    virtual_hosts: [host("name", "exact.example"), host("v6", "[::1]")],
  });
  for (const [authority, expected] of [
    ["exact.example:8080", "name"],
    ["exact.example", "name"],
    ["[::1]:80", "v6"],
    ["[::1]", "v6"],
  ]) {
    assert.equal(table.route(request({ authority }), 0)?.virtualHost, expected, authority);
  }
});

test("ignore_path_parameters_in_path_matching leaves ;name=value out of each segment", () => {
  const config = (ignore: boolean): JsonValue => ({
    name: "r",
    ignore_path_parameters_in_path_matching: ignore,
    virtual_hosts: [
      { name: "v", domains: ["*"], routes: [{ match: { path: "/a/b" }, direct_response: { status: 200 } }] },
    ],
  });
  const path = "/a;x=1/b;y?q;z";
  assert.notEqual(routes(config(true)).route(request({ path }), 0), null);
  assert.equal(routes(config(false)).route(request({ path }), 0), null);
});

test("require_tls answers plain requests with a redirect to https, and lets TLS ones through", () => {
  const table = routes({ name: "r", virtual_hosts: [{ ...host("tls", "*"), require_tls: "ALL" }] });
  const plain = table.route(request({ authority: "tls.example:8080", path: "/p?q" }), 0);
  assert.equal(plain?.action.kind, "redirect");
  assert.ok(plain.action.kind === "redirect");
  assert.equal(plain.action.status, 301);
  assert.equal(
    plain.action.location(request({ authority: "tls.example:8080", path: "/p?q" })),
    "https://tls.example:8080/p?q",
  );
  const tls = table.route(request({ headers: { "x-forwarded-proto": "https" } }), 0);
  assert.equal(tls?.action.kind, "direct");
});

test("a domain may belong to one virtual host only", () => {
  assert.deepEqual(
    refusals(() => routes({ name: "r", virtual_hosts: [host("a", "*"), host("b", "*")] })),
    ["Only a single wildcard domain is permitted in route r"],
  );
  assert.deepEqual(
    refusals(() => routes({ name: "r", virtual_hosts: [host("a", "x.example"), host("b", "X.example")] })),
    ["Only unique values for domains are permitted. Duplicate entry of domain x.example in route r"],
  );
});
