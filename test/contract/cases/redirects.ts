/** Redirects and direct responses. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { get, got, head, post, request } from "../harness/steps.ts";

type Row = readonly [name: string, redirect: JsonObject, target?: string, ...lines: string[]];

/** A redirect of everything under `/a`. */
function cases(feature: string, rows: readonly Row[], match: JsonObject = { prefix: "/a" }): ContractCase[] {
  return rows.map(([name, redirect, target = "/a/b?c=d", ...lines]) => ({
    name: `${feature}: ${name}`,
    feature: `Redirects: ${feature}`,
    routes: [{ match, redirect }],
    client: [get(target, ...lines)],
  }));
}

function direct(
  rows: readonly (readonly [name: string, response: JsonObject, more?: Partial<ContractCase>])[],
): ContractCase[] {
  return rows.map(([name, direct_response, more]) => ({
    name: `direct_response: ${name}`,
    feature: "Direct responses: direct_response",
    routes: [{ match: { prefix: "/" }, direct_response }],
    client: [get("/x?y")],
    ...more,
  }));
}

/** Envoy sends the body, which the client takes for the beginning of the next response. */
const BODILESS =
  "RFC 9112 §6.3: a response with status 204 or 304 has no body; the bytes would be read as the next response";

const text = (inline_string: string): JsonObject => ({ body: { inline_string } });

export const CASES: readonly ContractCase[] = [
  ...cases("parts of the URL", [
    ["host", { host_redirect: "b.test" }],
    ["host with a port", { host_redirect: "b.test:8080" }],
    ["port", { port_redirect: 8443 }],
    ["port in place of a port", { port_redirect: 8443 }, "/a", "Host: a.test:80"],
    ["port with an IPv6 host", { port_redirect: 8443 }, "/a", "Host: [::1]:80"],
    ["https", { https_redirect: true }],
    ["https drops port 80", { https_redirect: true }, "/a", "Host: a.test:80"],
    ["https keeps another port", { https_redirect: true }, "/a", "Host: a.test:8080"],
    ["https where it is https already", { https_redirect: true }, "/a", "x-forwarded-proto: https"],
    ["https_redirect false", { https_redirect: false }],
    ["scheme", { scheme_redirect: "ftp" }],
    ["scheme http drops port 443", { scheme_redirect: "http" }, "/a", "Host: a.test:443", "x-forwarded-proto: https"],
    ["scheme http keeps port 443 where the scheme was http", { scheme_redirect: "http" }, "/a", "Host: a.test:443"],
    ["host and port", { host_redirect: "b.test", port_redirect: 1 }],
    ["host with a port, and port", { host_redirect: "b.test:2", port_redirect: 1 }],
    ["nothing at all", {}],
    [
      "everything",
      { https_redirect: true, host_redirect: "b.test", port_redirect: 1, path_redirect: "/z", response_code: "FOUND" },
    ],
    ["an IPv6 host", { https_redirect: true }, "/a", "Host: [::1]"],
    ["an IPv6 host with port 80", { https_redirect: true }, "/a", "Host: [::1]:80"],
  ]),
  ...cases("path", [
    ["path_redirect keeps the query", { path_redirect: "/new" }],
    ["path_redirect with a query of its own", { path_redirect: "/new?x=y" }],
    ["path_redirect with an empty query of its own", { path_redirect: "/new?" }],
    ["path_redirect and strip_query", { path_redirect: "/new", strip_query: true }],
    ["path_redirect with a query and strip_query", { path_redirect: "/new?x=y", strip_query: true }],
    ["path_redirect without a slash", { path_redirect: "new" }],
    ["strip_query alone", { strip_query: true }],
    ["strip_query without a query", { strip_query: true }, "/a/b"],
    ["prefix_rewrite", { prefix_rewrite: "/new" }],
    ["prefix_rewrite and strip_query", { prefix_rewrite: "/new", strip_query: true }],
    ["prefix_rewrite to the root", { prefix_rewrite: "/" }],
    ["prefix_rewrite of the whole path", { prefix_rewrite: "/new" }, "/a"],
    ["prefix_rewrite in the middle of a segment", { prefix_rewrite: "/new" }, "/abc"],
    ["regex_rewrite", { regex_rewrite: { pattern: { regex: "/a/(.*)" }, substitution: "/\\1/z" } }],
    [
      "regex_rewrite of all that matches",
      { regex_rewrite: { pattern: { regex: "b" }, substitution: "x" } },
      "/a/bbb?b",
    ],
    ["regex_rewrite that matches nothing", { regex_rewrite: { pattern: { regex: "z" }, substitution: "x" } }],
    ["regex_rewrite to nothing", { regex_rewrite: { pattern: { regex: ".*" }, substitution: "" } }],
    ["regex_rewrite to no slash", { regex_rewrite: { pattern: { regex: ".*/" }, substitution: "" } }],
    [
      "regex_rewrite with a group that is not there",
      { regex_rewrite: { pattern: { regex: "b" }, substitution: "\\1" } },
    ],
    ["prefix_rewrite without a slash", { prefix_rewrite: "new" }],
    ["an empty path_redirect", { path_redirect: "" }],
    ["an absolute form", { path_redirect: "/new" }, "http://b.test/a?q"],
  ]),
  ...cases("path of other matches", [["prefix_rewrite", { prefix_rewrite: "/new" }, "/a?c"]], { path: "/a" }),
  ...cases("path of a regex match", [["prefix_rewrite", { prefix_rewrite: "/new" }]], {
    safe_regex: { regex: "/a/.*" },
  }),
  ...cases("path of a separated prefix", [["prefix_rewrite", { prefix_rewrite: "/new" }]], {
    path_separated_prefix: "/a",
  }),
  ...cases("path of a prefix in other letters", [["prefix_rewrite", { prefix_rewrite: "/new" }, "/A/b"]], {
    prefix: "/a",
    case_sensitive: false,
  }),
  ...cases(
    "response_code",
    ["MOVED_PERMANENTLY", "FOUND", "SEE_OTHER", "TEMPORARY_REDIRECT", "PERMANENT_REDIRECT"].map((response_code) => [
      response_code,
      { response_code, path_redirect: "/new" },
    ]),
  ),
  {
    name: "a redirect of a POST closes while the body is not there",
    feature: "Redirects: methods",
    routes: [{ match: { prefix: "/" }, redirect: { path_redirect: "/new" } }],
    client: [head("POST / HTTP/1.1", "Host: a.test", "content-length: 5"), got(1)],
  },
  {
    name: "a redirect of a complete POST",
    feature: "Redirects: methods",
    routes: [{ match: { prefix: "/" }, redirect: { path_redirect: "/new" } }],
    client: [post("hello"), got(1)],
  },
  {
    name: "a redirect of a HEAD",
    feature: "Redirects: methods",
    routes: [{ match: { prefix: "/" }, redirect: { path_redirect: "/new" } }],
    client: [request("HEAD", "/"), got(1)],
  },
  {
    name: "a redirect of a gRPC request",
    feature: "Redirects: methods",
    routes: [{ match: { prefix: "/" }, redirect: { path_redirect: "/new" } }],
    client: [request("POST", "/", "content-type: application/grpc", "content-length: 0"), got(1)],
  },
  ...direct([
    ["200 without a body", { status: 200 }],
    ["204", { status: 204 }],
    ["204 with a body", { status: 204, ...text("hi") }, { waived: BODILESS }],
    ["304 with a body", { status: 304, ...text("hi") }, { waived: BODILESS }],
    ["201 names the resource", { status: 201 }],
    ["302 names the resource", { status: 302 }],
    ["404 with a body", { status: 404, ...text("gone") }],
    ["503", { status: 503, ...text("closed") }],
    ["an unusual status", { status: 299, ...text("hm") }],
    ["599", { status: 599 }],
    ["an empty body", { status: 200, ...text("") }],
    ["bytes", { status: 200, body: { inline_bytes: "aGVsbG8=" } }],
    ["text that is not ASCII", { status: 200, ...text("grüße") }],
    ["HEAD", { status: 200, ...text("hi") }, { client: [request("HEAD", "/")] }],
    [
      "a gRPC client",
      { status: 403, ...text("no") },
      { client: [request("POST", "/", "content-type: application/grpc", "content-length: 0")] },
    ],
    [
      "a gRPC client and 200",
      { status: 200, ...text("yes") },
      { client: [request("POST", "/", "content-type: application/grpc", "content-length: 0")] },
    ],
    [
      "a gRPC client and a body to escape",
      { status: 500, ...text("50% ü\n") },
      { client: [request("POST", "/", "content-type: application/grpc", "content-length: 0")] },
    ],
    [
      "two requests on a connection",
      { status: 200, ...text("hi") },
      { client: [get(), got(1), get(), got(2)], stats: ["http.in.downstream_rq_2xx", "http.in.rq_direct_response"] },
    ],
    ["the longest body", { status: 200, ...text("x".repeat(4096)) }],
    ["a body that is too long", { status: 200, ...text("x".repeat(4097)) }, { client: [], refused: true }],
    [
      "a body as long as max_direct_response_body_size_bytes",
      { status: 200, ...text("x".repeat(5000)) },
      { routeConfig: { max_direct_response_body_size_bytes: 5000 } },
    ],
    ["a status below 200", { status: 199 }, { client: [], refused: true }],
    ["a status of 600", { status: 600 }, { client: [], refused: true }],
    ["no status", {}, { client: [], refused: true }],
  ]),
];
