/** Copies of requests that go elsewhere. */
import { REFUSED } from "../harness/case.ts";
import type { ContractCase, JsonObject } from "../harness/case.ts";
import {
  answer,
  chunked,
  ended,
  gate,
  get,
  got,
  head,
  post,
  request,
  seen,
  stat,
  toCluster,
} from "../harness/steps.ts";

const CLUSTERS = { a: {}, m: {}, n: {} };

function mirrored(name: string, policies: readonly JsonObject[], parts: Partial<ContractCase> = {}): ContractCase {
  return {
    name,
    feature: "Mirroring: request_mirror_policies",
    routes: [toCluster("/", "a", { request_mirror_policies: policies })],
    clusters: CLUSTERS,
    upstreams: { a: answer(200, "a"), m: answer(200, "m"), n: answer(200, "n") },
    client: [get("/x?y=1", "x-a: 1"), got(1), seen("m", 1), stat("cluster.m.upstream_rq_200", 1)],
    ...parts,
  };
}

export const CASES: readonly ContractCase[] = [
  mirrored("a copy, whose host is marked", [{ cluster: "m" }]),
  mirrored("the mark goes before the port", [{ cluster: "m" }], {
    client: [get("/", "Host: a.test:8080"), got(1), seen("m", 1)],
  }),
  mirrored("without the mark", [{ cluster: "m", disable_shadow_host_suffix_append: true }]),
  mirrored("to two clusters", [{ cluster: "m" }, { cluster: "n" }], {
    client: [get(), got(1), seen("m", 1), seen("n", 1)],
  }),
  mirrored("the body goes along", [{ cluster: "m" }], { client: [post("hello"), got(1), seen("m", 1)] }),
  mirrored("a chunked body goes along", [{ cluster: "m" }], {
    client: [
      head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked") + chunked(["hello", "world"]),
      got(1),
      seen("m", "world"),
    ],
  }),
  mirrored("what the route does to the request, it does to the copy", [{ cluster: "m" }], {
    routes: [
      {
        ...toCluster("/x", "a", {
          request_mirror_policies: [{ cluster: "m" }],
          prefix_rewrite: "/new",
          host_rewrite_literal: "b.test",
        }),
        request_headers_to_add: [{ header: { key: "x-added", value: "yes" } }],
        request_headers_to_remove: ["x-a"],
      },
    ],
  }),
  mirrored("0 %", [{ cluster: "m", runtime_fraction: { default_value: { numerator: 0 } } }], {
    client: [get(), got(1), get(), got(2)],
    stats: ["cluster.m.upstream_rq_total"],
  }),
  mirrored("100 %", [{ cluster: "m", runtime_fraction: { default_value: { numerator: 100 } } }]),
  mirrored("by a header that names the cluster", [{ cluster_header: "x-mirror" }], {
    client: [get("/", "x-mirror: m"), got(1), seen("m", 1), get("/", "x-mirror: nobody"), got(2), get(), got(3)],
    stats: ["cluster.m.upstream_rq_total"],
  }),
  mirrored("of the virtual host", [], {
    routes: [toCluster("/", "a")],
    virtualHost: { request_mirror_policies: [{ cluster: "m" }] },
  }),
  mirrored("of the route configuration", [], {
    routes: [toCluster("/", "a")],
    routeConfig: { request_mirror_policies: [{ cluster: "m" }] },
  }),
  mirrored("of the route, which hides the virtual host's", [{ cluster: "n" }], {
    virtualHost: { request_mirror_policies: [{ cluster: "m" }] },
    client: [get(), got(1), seen("n", 1)],
    stats: ["cluster.m.upstream_rq_total"],
  }),
  mirrored("nobody waits for the copy's answer", [{ cluster: "m" }], {
    upstreams: { a: answer(200, "a"), m: { answers: [[gate("never")]] } },
    client: [get(), seen("m", 1), got(1), get(), got(2)],
  }),
  mirrored("nobody hears of a copy that fails", [{ cluster: "m" }], {
    upstreams: { a: answer(200, "a"), m: REFUSED },
    client: [get(), got(1), stat("cluster.m.upstream_rq_503", 1)],
    stats: ["cluster.m.upstream_cx_connect_fail"],
  }),
  mirrored("a copy's answer is counted", [{ cluster: "m" }], {
    upstreams: { a: answer(200, "a"), m: answer(500, "no") },
    client: [get(), got(1), stat("cluster.m.upstream_rq_500", 1)],
    stats: ["cluster.m.upstream_rq_5xx", "cluster.m.upstream_rq_completed", "cluster.a.upstream_rq_200"],
  }),
  mirrored("a copy times out as the route does", [{ cluster: "m" }], {
    routes: [toCluster("/", "a", { timeout: "1s", request_mirror_policies: [{ cluster: "m" }] })],
    upstreams: { a: answer(200, "a"), m: { answers: [[gate("never")]] } },
    client: [get(), got(1), stat("cluster.m.upstream_rq_timeout", 1)],
    stats: ["cluster.m.upstream_rq_504"],
  }),
  mirrored("the copy is sent while the request comes", [{ cluster: "m" }], {
    client: [
      head("POST / HTTP/1.1", "Host: a.test", "content-length: 10"),
      seen("m", "POST"),
      "hello",
      seen("m", "hello"),
      "world",
      got(1),
      seen("m", 1),
    ],
  }),
  mirrored("an answer to half a request ends the copy", [{ cluster: "m" }], {
    upstreams: { a: { answers: [answer(200, "a")], early: true }, m: answer(200, "m") },
    client: [head("POST / HTTP/1.1", "Host: a.test", "content-length: 10"), seen("m", "POST"), ended()],
    stats: ["cluster.m.upstream_rq_total"],
  }),
  mirrored("a body over the limit for retries", [{ cluster: "m" }], {
    virtualHost: { per_request_buffer_limit_bytes: 10 },
    client: [post("a body of more than ten bytes"), got(1), seen("m", 1)],
    stats: ["cluster.m.upstream_rq_total", "cluster.a.retry_or_shadow_abandoned"],
  }),
  mirrored("retries are not mirrored", [{ cluster: "m" }], {
    routes: [
      toCluster("/", "a", {
        request_mirror_policies: [{ cluster: "m" }],
        retry_policy: { retry_on: "5xx", retry_back_off: { base_interval: "0.001s", max_interval: "0.001s" } },
      }),
    ],
    upstreams: { a: { answers: [answer(503), answer(200, "a")] }, m: answer(200, "m") },
    client: [get(), got(1), seen("m", 1)],
    stats: ["cluster.m.upstream_rq_total"],
    mask: [[/x-envoy-expected-rq-timeout-ms: \d+/g, "x-envoy-expected-rq-timeout-ms: {rest}"]],
  }),
  mirrored("HEAD", [{ cluster: "m" }], {
    upstreams: { a: answer(200), m: answer(200) },
    client: [request("HEAD", "/"), got(1), seen("m", 1)],
  }),
  mirrored("a cluster that is not there", [{ cluster: "gone" }], {
    routeConfig: { validate_clusters: false },
    client: [get(), got(1)],
  }),
  mirrored("a cluster that is not there need not be", [{ cluster: "gone" }], { client: [get(), got(1)] }),
  { ...mirrored("a cluster and a header", [{ cluster: "m", cluster_header: "x-m" }]), client: [], refused: true },
  { ...mirrored("neither a cluster nor a header", [{}]), client: [], refused: true },
];
