/** The gRPC statistics filter. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { REFUSED } from "../harness/case.ts";
import { answer, chunked, get, head, inTurn, request, toCluster, typed } from "../harness/steps.ts";

const GRPC = "content-type: application/grpc";
const STATE = "%FILTER_STATE(envoy.filters.http.grpc_stats:PLAIN)%";

function grpcStats(fields: JsonObject): readonly JsonObject[] {
  const config = typed("extensions.filters.http.grpc_stats.v3.FilterConfig", fields);
  return [{ name: "envoy.filters.http.grpc_stats", typed_config: config }];
}

function message(length: number): string {
  return `\0\0\0\0${String.fromCharCode(length)}${"x".repeat(length)}`;
}

function call(path: string, body: string, type = GRPC): string {
  return request("POST", path, type, `content-length: ${body.length}`) + body;
}

function counted(prefix: string, status = "0"): readonly string[] {
  return [status, "success", "failure", "total", "request_message_count", "response_message_count"].map(
    (name) => `${prefix}.${name}`,
  );
}

const trailersOnly = (status: string): string => answer(200, "", GRPC, `grpc-status: ${status}`);
const ALL = "cluster.a.grpc";
const METHOD = "cluster.a.grpc.pkg.Svc.Do";

export const CASES: readonly ContractCase[] = [
  {
    name: "plain HTTP is not counted",
    feature: "gRPC statistics: messages",
    filters: grpcStats({ emit_filter_state: true, stats_for_all_methods: false }),
    client: inTurn(get(), call("/pkg.Svc/Do", "x", "content-type: text/plain")),
    stats: counted(ALL),
    accessLog: STATE,
  },
  {
    name: "messages and statuses, over HTTP/1, too",
    feature: "gRPC statistics: messages",
    filters: grpcStats({ emit_filter_state: true }),
    upstreams: { a: trailersOnly("0") },
    client: inTurn(call("/pkg.Svc/Do", message(5) + message(1) + message(0))),
    stats: counted(ALL),
    accessLog: STATE,
  },
  {
    name: "messages of responses",
    feature: "gRPC statistics: messages",
    filters: grpcStats({ emit_filter_state: true }),
    upstreams: {
      a:
        head("HTTP/1.1 200 OK", GRPC, "grpc-status: 4", "transfer-encoding: chunked") +
        chunked([message(3), message(2)]),
    },
    client: inTurn(call("/pkg.Svc/Do", message(1))),
    stats: counted(ALL, "4"),
    accessLog: STATE,
  },
  {
    name: "a message counts when it begins",
    feature: "gRPC statistics: messages",
    filters: grpcStats({}),
    upstreams: { a: trailersOnly("0") },
    client: inTurn(call("/s/m", `${message(1)}\0\0`), call("/s/m", `${message(2)}\0\0\0\0\x05ab`)),
    stats: counted(ALL),
  },
  {
    name: "every method",
    feature: "gRPC statistics: methods",
    filters: grpcStats({ stats_for_all_methods: true }),
    upstreams: { a: trailersOnly("0") },
    client: inTurn(
      ...["/pkg.Svc/Do", "/pkg.Svc/Do?q=1", "/noslash", "/a/b/c", "/", "/x.Y/"].map((path) => call(path, message(1))),
    ),
    stats: [...counted(METHOD), ...counted(ALL)],
  },
  {
    name: "every method, dots of services replaced",
    feature: "gRPC statistics: methods",
    filters: grpcStats({ stats_for_all_methods: true, replace_dots_in_grpc_service_name: true }),
    upstreams: { a: trailersOnly("0") },
    client: inTurn(call("/pkg.sub.Svc/Do.It", message(1))),
    stats: counted("cluster.a.grpc.pkg_sub_Svc.Do.It"),
  },
  {
    name: "an allowlist: the others are counted together",
    feature: "gRPC statistics: methods",
    filters: grpcStats({
      individual_method_stats_allowlist: { services: [{ name: "pkg.Svc", method_names: ["Do"] }] },
    }),
    upstreams: { a: trailersOnly("0") },
    client: inTurn(
      call("/pkg.Svc/Do", message(1)),
      call("/pkg.Svc/Nope", message(1)),
      call("/pkg.Else/Do", message(1)),
    ),
    stats: [...counted(METHOD), ...counted(ALL)],
  },
  {
    name: "answers without a gRPC status are not counted",
    feature: "gRPC statistics: statuses",
    filters: grpcStats({}),
    upstreams: { a: { answers: [answer(503), answer(404, "hi")] } },
    client: inTurn(call("/s/m", message(1)), call("/s/m", message(1))),
    stats: counted(ALL),
  },
  {
    name: "the proxy's own answers for a cluster are",
    feature: "gRPC statistics: statuses",
    filters: grpcStats({}),
    upstreams: { a: REFUSED },
    client: inTurn(call("/s/m", message(1))),
    stats: counted(ALL, "14"),
  },
  {
    name: "direct responses are of no cluster",
    feature: "gRPC statistics: statuses",
    filters: grpcStats({}),
    routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }],
    client: inTurn(get("/s/m", GRPC)),
    stats: counted(ALL, "2"),
  },
  {
    name: "which content types are gRPC",
    feature: "gRPC statistics: messages",
    filters: grpcStats({}),
    upstreams: { a: trailersOnly("0") },
    client: inTurn(
      ...["application/grpc-web", "application/grpc+json", "application/grpc; x=1", "APPLICATION/GRPC"].map((type) =>
        call("/s/m", message(1), `content-type: ${type}`),
      ),
    ),
    stats: counted(ALL),
  },
  {
    name: "by the weighted cluster that was chosen",
    feature: "gRPC statistics: methods",
    filters: grpcStats({}),
    clusters: { a: {}, b: {} },
    routes: [
      { match: { prefix: "/w" }, route: { weighted_clusters: { clusters: [{ name: "b", weight: 1 }] } } },
      toCluster("/", "a"),
    ],
    upstreams: { a: trailersOnly("0"), b: trailersOnly("0") },
    client: inTurn(call("/w/m", message(1))),
    stats: [...counted("cluster.b.grpc"), ...counted(ALL)],
  },
];
