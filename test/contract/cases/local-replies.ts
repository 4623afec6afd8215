/** What the proxy answers by itself. */
import type { ContractCase } from "../harness/case.ts";
import { REFUSED } from "../harness/case.ts";
import { get, request, toCluster } from "../harness/steps.ts";

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
    notBuilt: "access logs",
  },
  {
    name: "nothing listens",
    feature: "Local replies: upstream failures",
    upstreams: { a: REFUSED },
    client: [get()],
    stats: ["cluster.a.upstream_cx_connect_fail", "cluster.a.upstream_rq_503"],
  },
  { name: "no endpoint", feature: "Local replies: no endpoint", clusters: { a: { endpoints: [] } }, client: [get()] },
];
