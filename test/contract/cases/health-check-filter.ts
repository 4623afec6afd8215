/** The health check filter, the admin endpoint's /healthcheck, and what both tell others. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { admin, answer, elapse, ended, endpoint, finish, gate, get, got, head, inTurn, open, post, request, seen, send, stat, toCluster, typed } from "../harness/steps.ts"; // prettier-ignore

const FILTER = "Health check filter: answers";
const PASSING = "Health check filter: passed through";
const FAILING = "Health checks: /healthcheck/fail";
const IMMEDIATE = "Health checks: x-envoy-immediate-health-check-fail";

function filter(fields: JsonObject): readonly JsonObject[] {
  const config = typed("extensions.filters.http.health_check.v3.HealthCheck", { pass_through_mode: false, ...fields });
  return [{ name: "envoy.filters.http.health_check", typed_config: config }];
}

const PATH = { headers: [{ name: ":path", string_match: { exact: "/hc" } }] } as const;
const LOG = "%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%";
const FAIL = admin("/healthcheck/fail");
const OK = admin("/healthcheck/ok");

/** An active health check that is asked for once. */
const CHECKED = {
  health_checks: [
    { timeout: "1s", interval: "60s", no_traffic_interval: "60s", unhealthy_threshold: 3, healthy_threshold: 1, http_health_check: { path: "/hc" } }, // prettier-ignore
  ],
} as const;

export const CASES: readonly ContractCase[] = [
  {
    name: "requests that match are answered, others go on",
    feature: FILTER,
    filters: filter(PATH),
    client: inTurn(get("/hc"), get("/hc?a"), get("/x"), request("HEAD", "/hc"), post("hello")),
    accessLog: LOG,
    stats: ["http.in.downstream_rq_2xx", "http.in.downstream_rq_total", "http.in.downstream_rq_completed"],
  },
  {
    name: "after the body of the request",
    feature: FILTER,
    filters: filter(PATH),
    client: [
      request("POST", "/hc", "content-length: 5"),
      elapse(50),
      "hello",
      got(1),
      request("POST", "/hc", "transfer-encoding: chunked"),
      "3\r\nabc\r\n0\r\n\r\n",
    ],
  },
  {
    name: "all of several conditions",
    feature: FILTER,
    filters: filter({ headers: [...PATH.headers, { name: "x-hc" }] }),
    client: inTurn(get("/hc"), get("/hc", "x-hc: 1")),
  },
  {
    name: "without conditions every request",
    feature: FILTER,
    filters: filter({}),
    client: inTurn(get("/hc"), get("/")),
  },
  {
    name: "whether or not there is a route",
    feature: FILTER,
    filters: filter(PATH),
    routes: [toCluster("/x", "a")],
    client: inTurn(get("/hc"), get("/none")),
  },
  {
    name: "503 once it is to fail, until it is not",
    feature: FILTER,
    filters: filter(PATH),
    client: [get("/hc"), got(1), FAIL, send("d", get("/hc")), ended("d"), OK, send("e", get("/hc")), got(1, "e")],
    accessLog: LOG,
    stats: ["http.in.downstream_rq_5xx", "http.in.downstream_cx_drain_close"],
  },
  {
    name: "routes and logs of other filters",
    feature: FILTER,
    filters: filter(PATH),
    routes: [toCluster("/", "a", {}, { response_headers_to_add: [{ header: { key: "x-route", value: "r" } }] })],
    client: inTurn(get("/hc"), get("/x")),
  },
  {
    name: "not_health_check_filter",
    feature: FILTER,
    filters: filter(PATH),
    manager: {
      access_log: [
        {
          name: "file",
          filter: { not_health_check_filter: {} },
          typed_config: typed("extensions.access_loggers.file.v3.FileAccessLog", {
            path: "{log}",
            log_format: { text_format_source: { inline_string: `${LOG}\n` } },
          }),
        },
      ],
    },
    client: inTurn(get("/hc"), get("/x")),
  },
  {
    name: "for gRPC clients",
    feature: FILTER,
    filters: filter(PATH),
    client: [get("/hc", "content-type: application/grpc"), got(1), FAIL, send("d", get("/hc", "content-type: application/grpc")), ended("d")], // prettier-ignore
  },
  {
    name: "passed through: the upstream answers, and the answer says who was checked",
    feature: PASSING,
    filters: filter({ pass_through_mode: true, ...PATH }),
    upstreams: { a: answer(200, "up") },
    client: [get("/hc"), got(1), get("/x"), got(2), FAIL, send("d", get("/hc")), ended("d"), send("e", get("/x")), ended("e")], // prettier-ignore
    accessLog: LOG,
    stats: ["http.in.downstream_rq_2xx", "cluster.a.upstream_rq_200"],
  },
  {
    name: "passed through with a cache: one answer serves many",
    feature: PASSING,
    filters: filter({ pass_through_mode: true, cache_time: "60s", ...PATH }),
    upstreams: { a: answer(418, "up", "x-envoy-degraded: 1") },
    client: inTurn(get("/hc"), get("/hc"), get("/x")),
    accessLog: LOG,
  },
  {
    name: "a cache that has ended",
    feature: PASSING,
    filters: filter({ pass_through_mode: true, cache_time: "0.1s", ...PATH }),
    upstreams: { a: { answers: [answer(200, "1"), answer(500, "2"), answer(200, "3")] } },
    client: [...inTurn(get("/hc"), get("/hc")), elapse(200), get("/hc"), got(3)],
  },
  {
    name: "refused: a cache of what is not passed through",
    feature: PASSING,
    filters: filter({ cache_time: "60s", ...PATH }),
    refused: true,
    client: [get()],
  },
  {
    name: "refused: neither passed through nor not",
    feature: FILTER,
    filters: [{ name: "hc", typed_config: typed("extensions.filters.http.health_check.v3.HealthCheck", PATH) }],
    refused: true,
    client: [get()],
  },
  ...[
    ["enough healthy hosts", { a: { value: 50 } }, [{}, { health_status: "UNHEALTHY" }]],
    ["too few healthy hosts", { a: { value: 51 } }, [{}, { health_status: "UNHEALTHY" }]],
    ["degraded ones count", { a: { value: 100 } }, [{}, { health_status: "DEGRADED" }]],
    ["no such cluster", { b: { value: 1 } }, [{}]],
    ["no hosts", { a: { value: 1 } }, []],
    ["no hosts, none wanted", { a: { value: 0 } }, []],
  ].map(([name, wanted, hosts]): ContractCase => ({
    name: `cluster_min_healthy_percentages: ${name as string}`,
    feature: "Health check filter: cluster_min_healthy_percentages",
    filters: filter({ cluster_min_healthy_percentages: wanted as JsonObject, ...PATH }),
    clusters: { a: { endpoints: (hosts as JsonObject[]).map((each, i) => endpoint(`a${i}`, each)) } },
    client: [get("/hc")],
    accessLog: LOG,
  })),
  {
    name: "every answer closes its connection, and tells others at once",
    feature: FAILING,
    filters: filter(PATH),
    upstreams: { a: { answers: [[gate("go"), answer(200, "1")], answer(200, "2")] } },
    client: [get(), seen("a", 1), FAIL, open("go"), got(1), ended(), send("d", get()), got(1, "d"), ended("d")],
    stats: ["http.in.downstream_cx_drain_close", "server.live"],
  },
  {
    name: "without the filter nobody is told",
    feature: FAILING,
    routes: [{ match: { prefix: "/d" }, direct_response: { status: 200 } }, toCluster("/", "a")],
    client: [FAIL, send("c", get()), got(1), ended(), send("d", get("/d")), ended("d")],
    stats: ["http.in.downstream_cx_drain_close", "server.live"],
  },
  {
    name: "and /healthcheck/ok takes it back for connections that have not answered",
    feature: FAILING,
    client: [get("/1"), got(1), FAIL, OK, get("/2"), got(2)],
    stats: ["http.in.downstream_cx_drain_close", "server.live"],
  },
  {
    name: "a listener that drains for changes alone goes on",
    feature: FAILING,
    listener: { drain_type: "MODIFY_ONLY" },
    client: [FAIL, send("c", get()), got(1), get(), got(2)],
  },
  {
    name: "an idle connection stays open",
    feature: FAILING,
    client: [get("/1"), got(1), FAIL, elapse(100), get("/2"), got(2), ended()],
  },
  {
    name: "upgrades go on",
    feature: FAILING,
    manager: { upgrade_configs: [{ upgrade_type: "websocket" }] },
    upstreams: { a: { answers: [[head("HTTP/1.1 101 X", "connection: upgrade", "upgrade: websocket"), "hello"]], early: true } }, // prettier-ignore
    client: [FAIL, send("c", get("/", "connection: upgrade", "upgrade: websocket")), got("hello"), finish()],
  },
  {
    name: "a host that says so in an answer is not used, until a check passes",
    feature: IMMEDIATE,
    clusters: { a: { lb_policy: "ROUND_ROBIN", ...CHECKED } },
    upstreams: { a: { answers: [answer(200), answer(200, "1", "x-envoy-immediate-health-check-fail: true"), answer(200, "2")] } }, // prettier-ignore
    client: [stat("cluster.a.membership_healthy", 1), get("/1"), got(1), stat("cluster.a.membership_healthy", 0), elapse(50), get("/2"), got(2)], // prettier-ignore
    stats: ["cluster.a.membership_healthy", "cluster.a.membership_excluded", "cluster.a.health_check.passive_failure", "cluster.a.health_check.failure", "cluster.a.health_check.healthy", "cluster.a.lb_healthy_panic"], // prettier-ignore
    accessLog: LOG,
  },
  {
    name: "one of two: the other is left, without panic",
    feature: IMMEDIATE,
    clusters: {
      a: {
        lb_policy: "ROUND_ROBIN",
        endpoints: ["a1", "a2"],
        common_lb_config: { update_merge_window: "0s" },
        ...CHECKED,
      },
    },
    upstreams: {
      a1: { answers: [answer(200), answer(200, "1", "x-envoy-immediate-health-check-fail: true")] },
      a2: { answers: [answer(200), answer(200, "1", "x-envoy-immediate-health-check-fail: true")] },
    },
    client: [
      stat("cluster.a.membership_healthy", 2),
      get("/1"),
      got(1),
      stat("cluster.a.membership_healthy", 1),
      elapse(50),
      get("/2"),
      got(2),
      stat("cluster.a.membership_healthy", 0),
    ],
    stats: ["cluster.a.membership_healthy", "cluster.a.membership_excluded", "cluster.a.health_check.passive_failure", "cluster.a.lb_healthy_panic"], // prettier-ignore
    mask: [
      [/^GET \/\d/, "GET /n"],
      [/\{id \d\}/, "{id}"],
    ],
  },
  {
    name: "without active checks it means nothing",
    feature: IMMEDIATE,
    upstreams: { a: answer(200, "1", "x-envoy-immediate-health-check-fail: true") },
    client: inTurn(get(), get()),
    stats: ["cluster.a.membership_healthy", "cluster.a.membership_excluded"],
  },
  {
    name: "a check that fails with it takes the host out of the count",
    feature: IMMEDIATE,
    clusters: { a: { ...CHECKED } },
    upstreams: { a: answer(503, "", "x-envoy-immediate-health-check-fail: true") },
    client: [stat("cluster.a.health_check.failure", 1), get(), got(1)],
    stats: ["cluster.a.membership_healthy", "cluster.a.membership_excluded", "cluster.a.health_check.passive_failure", "cluster.a.health_check.failure"], // prettier-ignore
  },
  {
    name: "a check that fails without it does not",
    feature: IMMEDIATE,
    clusters: { a: { ...CHECKED } },
    upstreams: { a: answer(503) },
    client: [stat("cluster.a.health_check.failure", 1), get(), got(1)],
    stats: ["cluster.a.membership_healthy", "cluster.a.membership_excluded", "cluster.a.lb_healthy_panic"],
  },
  {
    name: "a check that passes puts it back",
    feature: IMMEDIATE,
    clusters: { a: { health_checks: [{ ...CHECKED.health_checks[0], no_traffic_interval: "0.2s", no_traffic_healthy_interval: "60s" }] } }, // prettier-ignore
    upstreams: { a: { answers: [answer(503, "", "x-envoy-immediate-health-check-fail: true"), answer(200)] } },
    client: [stat("cluster.a.health_check.failure", 1), stat("cluster.a.membership_healthy", 1)],
    stats: ["cluster.a.membership_healthy", "cluster.a.membership_excluded"],
  },
];
