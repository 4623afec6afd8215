/** What the connection manager does to the headers of responses. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { answer, get, header, request } from "../harness/steps.ts";

type Row = readonly [name: string, manager: JsonObject, ...lines: string[]];

/** The upstream answers with these header lines, through a connection manager with these fields. */
function cases(feature: string, rows: readonly Row[]): ContractCase[] {
  return rows.map(([name, manager, ...lines]) => ({
    name: `${feature}: ${name}`,
    feature: `Response headers: ${feature}`,
    manager,
    upstreams: { a: answer(200, "ok", ...lines) },
    client: [get("/", "x-request-id: mine")],
  }));
}

export const CASES: readonly ContractCase[] = [
  ...cases("server", [
    ["overwritten by default", {}, "server: other"],
    ["overwritten in place", {}, "server: other", "x-b: 1"],
    ["server_name", { server_name: "tulle" }, "server: other"],
    ["APPEND_IF_ABSENT keeps one", { server_header_transformation: "APPEND_IF_ABSENT" }, "server: other"],
    ["APPEND_IF_ABSENT adds one", { server_header_transformation: "APPEND_IF_ABSENT" }],
    ["PASS_THROUGH keeps one", { server_header_transformation: "PASS_THROUGH" }, "server: other"],
    ["PASS_THROUGH adds none", { server_header_transformation: "PASS_THROUGH" }],
    ["two of them", {}, "server: one", "server: two"],
    ["two of them pass", { server_header_transformation: "PASS_THROUGH" }, "server: one", "server: two"],
  ]),
  ...cases("date", [
    ["the upstream's stays", {}, "date: Sun, 06 Nov 1994 08:49:37 GMT"],
    ["nonsense stays", {}, "date: now"],
    ["an empty one", {}, "date:"],
  ]),
  ...cases("hop-by-hop", [
    ["connection: close", {}, "connection: close"],
    ["connection: keep-alive", {}, "connection: keep-alive", "keep-alive: timeout=5"],
    ["nominated headers stay", {}, "connection: x-a", "x-a: 1"],
    ["proxy-connection", {}, "proxy-connection: keep-alive"],
    ["upgrade", {}, "upgrade: h2c", "connection: upgrade"],
    ["te, trailer and proxy-authenticate stay", {}, "te: trailers", "trailer: x-t", "proxy-authenticate: Basic"],
  ]),
  ...cases("lines that Envoy joins", [
    ["cache-control twice", {}, "cache-control: no-cache", "cache-control: private"],
    ["vary twice", {}, "vary: a", "vary: b"],
    ["set-cookie twice", {}, "set-cookie: a=1", "set-cookie: b=2"],
    ["location twice", {}, "location: /a", "location: /b"],
    ["etag twice", {}, 'etag: "a"', 'etag: "b"'],
    ["access-control-allow-origin twice", {}, "access-control-allow-origin: a", "access-control-allow-origin: b"],
    ["www-authenticate twice", {}, "www-authenticate: a", "www-authenticate: b"],
    ["an unknown header twice", {}, "x-a: 1", "x-b: 2", "x-a: 3"],
    ["via twice", {}, "via: 1.1 a", "via: 1.1 b"],
    ["content-type twice", {}, "content-type: a/b", "content-type: c/d"],
    ["grpc-status twice", {}, "grpc-status: 0", "grpc-status: 1"],
  ]),
  ...cases("via", [
    ["added", { via: "tulle" }],
    ["appended", { via: "tulle" }, "via: 1.1 other"],
  ]),
  ...cases("lines", [
    ["names in capitals", {}, "X-Upper: A", "Content-Type: Text/Plain"],
    ["white space around values", {}, "x-a: \t 1 \t"],
    ["an empty value", {}, "x-a:"],
    ["obs-text", {}, "x-a: caf\xe9"],
    [
      "x-envoy headers of the upstream",
      {},
      "x-envoy-upstream-service-time: 7",
      "x-envoy-decorator-operation: o",
      "x-envoy-a: 1",
    ],
    ["x-request-id of the upstream", {}, "x-request-id: theirs"],
    [
      "x-request-id of the upstream, and the client's is to be told",
      { always_set_request_id_in_response: true },
      "x-request-id: theirs",
    ],
    ["x-envoy-degraded", {}, "x-envoy-degraded: true"],
    ["x-envoy-immediate-health-check-fail", {}, "x-envoy-immediate-health-check-fail: true"],
  ]),
  {
    name: "suppress_envoy_headers",
    feature: "Response headers: suppress_envoy_headers",
    router: { suppress_envoy_headers: true },
    client: [get()],
  },
  {
    name: "suppress_envoy_headers in a local reply",
    feature: "Response headers: suppress_envoy_headers",
    router: { suppress_envoy_headers: true },
    clusters: { a: { endpoints: [], circuit_breakers: { thresholds: [{ max_requests: 0 }] } } },
    client: [get()],
  },
  {
    name: "server and via in a local reply",
    feature: "Response headers: local replies",
    manager: { server_name: "tulle", via: "tulle" },
    routes: [],
    client: [get()],
  },
  {
    name: "PASS_THROUGH in a local reply",
    feature: "Response headers: local replies",
    manager: { server_header_transformation: "PASS_THROUGH" },
    routes: [],
    client: [get()],
  },
  {
    name: "header mutations of the route in a direct response",
    feature: "Response headers: local replies",
    routes: [
      {
        match: { prefix: "/" },
        direct_response: { status: 200, body: { inline_string: "hi" } },
        response_headers_to_add: [
          header("content-type", "text/html", "OVERWRITE_IF_EXISTS_OR_ADD"),
          header("x-a", "1"),
        ],
        response_headers_to_remove: ["server", "content-length"],
      },
    ],
    client: [get()],
  },
  {
    name: "header mutations of the route where no host is healthy",
    feature: "Response headers: local replies",
    routes: [{ match: { prefix: "/" }, route: { cluster: "a" }, response_headers_to_add: [header("x-a", "1")] }],
    clusters: { a: { endpoints: [] } },
    client: [get()],
  },
  {
    name: "header mutations of the virtual host where no route matches",
    feature: "Response headers: local replies",
    virtualHost: { routes: [], response_headers_to_add: [header("x-a", "1")] },
    client: [get()],
  },
  {
    name: "a HEAD request to a direct response",
    feature: "Response headers: local replies",
    routes: [{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: "hi" } } }],
    client: [request("HEAD", "/")],
  },
];
