/** What the proxy answers by itself. */
import type { ContractCase } from "../harness/case.ts";
import { REFUSED } from "../harness/case.ts";
import { ended, get, header, request, toCluster } from "../harness/steps.ts";

const NO_ROUTE = { virtualHost: { domains: ["elsewhere.test"] } } satisfies Partial<ContractCase>;

export const CASES: readonly ContractCase[] = [
  { name: "no route", feature: "Local replies: no route", ...NO_ROUTE, client: [get()] },
  { name: "no route, HEAD", feature: "Local replies: no route", ...NO_ROUTE, client: [request("HEAD", "/")] },
  {
    name: "no route, gRPC",
    feature: "Local replies: no route",
    ...NO_ROUTE,
    client: [request("POST", "/", "content-type: application/grpc")],
  },
  {
    name: "redirect",
    feature: "Local replies: redirect",
    routes: [
      { match: { prefix: "/" }, redirect: { host_redirect: "c.test", path_redirect: "/to", strip_query: true } },
    ],
    client: [get("/x?x=1")],
  },
  {
    name: "direct response",
    feature: "Local replies: direct response",
    routes: [{ match: { prefix: "/" }, direct_response: { status: 418, body: { inline_string: "teapot" } } }],
    client: [get()],
  },
  {
    name: "no such cluster",
    feature: "Local replies: no cluster",
    routes: [toCluster("/", "missing")],
    client: [get()],
    accessLog: "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%",
  },
  {
    name: "nothing listens",
    feature: "Local replies: upstream failures",
    upstreams: { a: REFUSED },
    client: [get()],
    stats: ["cluster.a.upstream_cx_connect_fail", "cluster.a.upstream_rq_503"],
  },
  { name: "no endpoint", feature: "Local replies: no endpoint", clusters: { a: { endpoints: [] } }, client: [get()] },
  {
    name: "the route's headers come before the body's",
    feature: "Local replies: headers",
    routes: [toCluster("/", "a", {}, { response_headers_to_add: [header("x-route", "r")] })],
    upstreams: { a: REFUSED },
    client: [get(), get("/", "content-type: application/grpc")],
  },
  {
    name: "the content type of the route's headers is kept, but for gRPC",
    feature: "Local replies: headers",
    routes: [
      toCluster("/", "a", {}, { response_headers_to_add: [header("content-type", "x/y"), header("x-last", "1")] }),
    ],
    upstreams: { a: REFUSED },
    client: [get(), get("/", "content-type: application/grpc")],
  },
  {
    name: "a weighted cluster's headers come before its route's",
    feature: "Local replies: headers",
    routes: [
      {
        match: { prefix: "/" },
        route: {
          weighted_clusters: {
            clusters: [{ name: "a", weight: 1, response_headers_to_add: [header("x-cluster", "c")] }],
          },
        },
        response_headers_to_add: [header("x-route", "r")],
      },
    ],
    upstreams: { a: REFUSED },
    client: [get()],
  },
  {
    name: "a redirect's location comes before the route's headers, these before the body's",
    feature: "Local replies: headers",
    routes: [
      {
        match: { prefix: "/made" },
        direct_response: { status: 201, body: { inline_string: "made" } },
        response_headers_to_add: [header("x-route", "r")],
      },
      {
        match: { prefix: "/" },
        redirect: { path_redirect: "/to" },
        response_headers_to_add: [header("x-route", "r")],
      },
    ],
    client: [get("/made"), get("/away")],
  },
  {
    name: "an overloaded cluster's header comes after the route's",
    feature: "Local replies: headers",
    routes: [toCluster("/", "a", {}, { response_headers_to_add: [header("x-route", "r")] })],
    clusters: { a: { circuit_breakers: { thresholds: [{ max_pending_requests: 0, max_connections: 0 }] } } },
    client: [get()],
  },
  {
    name: "400 ends the connection, whoever gives it",
    feature: "Local replies: headers",
    routes: [{ match: { prefix: "/" }, direct_response: { status: 400, body: { inline_string: "bad" } } }],
    client: [get(), ended()],
  },
  {
    name: "an upstream's 400 does not",
    feature: "Local replies: headers",
    upstreams: { a: "HTTP/1.1 400 X\r\ncontent-length: 0\r\n\r\n" },
    client: [get(), get()],
  },
];
