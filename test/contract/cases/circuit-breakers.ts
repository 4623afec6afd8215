/** Circuit breakers, the connection pools that they limit, and what connections are used for. */
import type { ContractCase, JsonObject, Step, UpstreamScript } from "../harness/case.ts";
import {
  CLOSE,
  answer,
  close,
  endpoint,
  gate,
  get,
  got,
  head,
  open,
  seen,
  send,
  stat,
  toCluster,
  typed,
} from "../harness/steps.ts";

const limited = (thresholds: JsonObject, fields: JsonObject = {}): Pick<ContractCase, "clusters"> => ({
  clusters: { a: { circuit_breakers: { thresholds: [thresholds] }, ...fields } },
});

const options = (common: JsonObject): JsonObject => ({
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
      "extensions.upstreams.http.v3.HttpProtocolOptions",
      {
        explicit_http_config: { http_protocol_options: {} },
        common_http_protocol_options: common,
      },
    ),
  },
});

const s = (name: string): string => `cluster.a.${name}`;
const OVERFLOWS = [
  "upstream_rq_total",
  "upstream_rq_pending_total",
  "upstream_rq_pending_overflow",
  "upstream_rq_active_overflow",
  "upstream_cx_overflow",
  "upstream_cx_pool_overflow",
  "upstream_rq_retry_overflow",
  "upstream_rq_503",
  "upstream_cx_total",
].map(s);
const gauges = (priority = "default"): string[] =>
  ["cx_open", "cx_pool_open", "rq_open", "rq_pending_open", "rq_retry_open"].map((name) =>
    s(`circuit_breakers.${priority}.${name}`),
  );
const remaining = ["cx", "cx_pools", "pending", "rq", "retries"].map((name) =>
  s(`circuit_breakers.default.remaining_${name}`),
);

/** Holds every answer until `go`. */
const HELD: UpstreamScript = { answers: [[gate("go"), answer(200, "ok")]] };
/** Another client's request, once the one before it has got to where it should be. */
const also = (on: string, ...steps: readonly Step[]): Step[] => [send(on, get(`/${on}`)), ...steps];
const active = (count: number): Step => stat(s("upstream_rq_active"), count);
const pending = (count: number): Step => stat(s("upstream_rq_pending_active"), count);

export const CASES: readonly ContractCase[] = [
  {
    name: "max_requests: one more than it allows is refused",
    feature: "Circuit breakers: max_requests",
    ...limited({ max_requests: 1 }),
    upstreams: { a: HELD },
    client: [...also("1", active(1)), ...also("2", got(1, "2")), open("go"), got(1, "1")],
    stats: [...OVERFLOWS, ...gauges()],
  },
  {
    name: "max_requests: with a connection at hand",
    feature: "Circuit breakers: max_requests",
    ...limited({ max_requests: 1 }),
    upstreams: {
      a: {
        answers: [
          [gate("one"), answer(200, "1")],
          [gate("go"), answer(200, "2")],
        ],
      },
    },
    client: [
      ...also("1", active(1)),
      open("one"),
      got(1, "1"),
      ...also("1", seen("a", 2)),
      ...also("2", got(1, "2")),
      open("go"),
      got(2, "1"),
    ],
    stats: [...OVERFLOWS, ...gauges()],
  },
  {
    name: "max_requests: 0 refuses everything",
    feature: "Circuit breakers: max_requests",
    ...limited({ max_requests: 0 }),
    client: [get(), got(1)],
    stats: [...OVERFLOWS, ...gauges()],
  },
  {
    name: "the gauge says when no more are taken",
    feature: "Circuit breakers: gauges",
    ...limited({ max_requests: 1, track_remaining: true }),
    upstreams: { a: { answers: [[gate("never")]] } },
    client: [...also("1", active(1), seen("a", 1))],
    stats: [...gauges(), ...remaining],
  },
  {
    name: "gauges of what remains, at rest",
    feature: "Circuit breakers: gauges",
    ...limited({ track_remaining: true, max_connections: 5, max_pending_requests: 6, max_requests: 7, max_retries: 8 }),
    client: [get(), got(1)],
    stats: [...gauges(), ...remaining],
  },
  {
    name: "with a budget nobody knows what remains",
    feature: "Circuit breakers: gauges",
    ...limited({ track_remaining: true, max_retries: 8, retry_budget: {} }),
    client: [get(), got(1)],
    stats: remaining,
  },
  {
    name: "max_connections: a request waits for the connection",
    feature: "Circuit breakers: max_connections",
    ...limited({ max_connections: 1 }),
    upstreams: { a: HELD },
    client: [...also("1", active(1)), ...also("2", pending(1)), open("go"), got(1, "1"), got(1, "2")],
    stats: [...OVERFLOWS, ...gauges()],
  },
  {
    name: "max_connections: a host without any gets one all the same",
    feature: "Circuit breakers: max_connections",
    ...limited({ max_connections: 1 }, { endpoints: ["a1", "a2"] }),
    upstreams: { a1: HELD, a2: HELD },
    client: [...also("1", active(1)), ...also("2", active(2)), open("go"), got(1, "1"), got(1, "2")],
    stats: [...OVERFLOWS, ...gauges()],
    mask: [[/\/[12] HTTP/g, "/{1 or 2} HTTP"]],
  },
  {
    name: "max_connections of a host",
    feature: "Circuit breakers: per_host_thresholds",
    clusters: { a: { circuit_breakers: { per_host_thresholds: [{ max_connections: 1 }] } } },
    upstreams: { a: HELD },
    client: [...also("1", active(1)), ...also("2", pending(1)), open("go"), got(1, "1"), got(1, "2")],
    stats: [...OVERFLOWS, ...gauges()],
  },
  {
    name: "a host has no other limits",
    feature: "Circuit breakers: per_host_thresholds",
    clusters: { a: { circuit_breakers: { per_host_thresholds: [{ max_requests: 1 }] } } },
    client: [],
    refused: true,
  },
  {
    name: "max_pending_requests: one more than may wait is refused",
    feature: "Circuit breakers: max_pending_requests",
    ...limited({ max_connections: 1, max_pending_requests: 1 }),
    upstreams: { a: HELD },
    client: [
      ...also("1", active(1)),
      ...also("2", pending(1)),
      ...also("3", got(1, "3")),
      open("go"),
      got(1, "1"),
      got(1, "2"),
    ],
    stats: [...OVERFLOWS, ...gauges()],
  },
  {
    name: "max_pending_requests: 0 lets nobody wait for a connection",
    feature: "Circuit breakers: max_pending_requests",
    ...limited({ max_pending_requests: 0 }),
    client: [get(), got(1)],
    stats: [...OVERFLOWS, ...gauges()],
  },
  {
    name: "waiting requests are served in the order in which they came",
    feature: "Connection pools: HTTP/1.1",
    ...limited({ max_connections: 1 }),
    upstreams: { a: HELD },
    client: [
      ...also("1", active(1)),
      ...also("2", pending(1)),
      ...also("3", pending(2)),
      open("go"),
      got(1, "1"),
      got(1, "2"),
      got(1, "3"),
    ],
    stats: OVERFLOWS,
  },
  {
    name: "who waits and leaves gives its place up",
    feature: "Connection pools: HTTP/1.1",
    ...limited({ max_connections: 1 }),
    upstreams: { a: HELD },
    client: [
      ...also("1", active(1)),
      ...also("2", pending(1)),
      close("2"),
      pending(0),
      ...also("3", pending(1)),
      open("go"),
      got(1, "1"),
      got(1, "3"),
    ],
    stats: [...OVERFLOWS, s("upstream_rq_cancelled")],
  },
  {
    name: "max_retries: 0",
    feature: "Circuit breakers: max_retries",
    routes: [toCluster("/", "a", { retry_policy: { retry_on: "5xx" } })],
    ...limited({ max_retries: 0 }),
    upstreams: { a: answer(503, "no") },
    client: [get(), got(1)],
    stats: [...OVERFLOWS, ...gauges(), s("upstream_rq_retry")],
  },
  {
    name: "a retry budget: what it allows at least",
    feature: "Circuit breakers: retry_budget",
    routes: [toCluster("/", "a", { retry_policy: { retry_on: "5xx" } })],
    ...limited({ max_retries: 0, retry_budget: { budget_percent: { value: 0 }, min_retry_concurrency: 1 } }),
    upstreams: { a: { answers: [answer(503, "no"), answer(200, "yes")] } },
    client: [get(), got(1)],
    stats: [...OVERFLOWS, ...gauges(), s("upstream_rq_retry")],
    mask: [[/(?<=expected-rq-timeout-ms: )\d+/g, "{left}"]],
  },
  {
    name: "a retry budget: a share of what is under way, rounded down",
    feature: "Circuit breakers: retry_budget",
    routes: [toCluster("/", "a", { retry_policy: { retry_on: "5xx" } })],
    ...limited({ retry_budget: { budget_percent: { value: 99 }, min_retry_concurrency: 0 } }),
    upstreams: { a: answer(503, "no") },
    client: [get(), got(1)],
    stats: [...OVERFLOWS, s("upstream_rq_retry")],
  },
  {
    name: "routes of priority HIGH have limits of their own",
    feature: "Circuit breakers: priorities",
    routes: [toCluster("/high", "a", { priority: "HIGH" }), toCluster("/", "a")],
    clusters: {
      a: { circuit_breakers: { thresholds: [{ max_requests: 0 }, { priority: "HIGH", max_requests: 1 }] } },
    },
    upstreams: { a: HELD },
    client: [
      send("1", get("/high")),
      active(1),
      send("2", get("/high")),
      got(1, "2"),
      send("3", get("/")),
      got(1, "3"),
      open("go"),
      got(1, "1"),
    ],
    stats: [...OVERFLOWS, ...gauges(), ...gauges("high")],
  },
  {
    name: "and connections of their own",
    feature: "Circuit breakers: priorities",
    routes: [toCluster("/high", "a", { priority: "HIGH" }), toCluster("/", "a")],
    client: [get("/high"), got(1), get("/"), got(2), get("/high"), got(3)],
    stats: OVERFLOWS,
  },
  {
    name: "the first thresholds of a priority hold",
    feature: "Circuit breakers: priorities",
    clusters: { a: { circuit_breakers: { thresholds: [{ max_requests: 0 }, { max_requests: 9 }] } } },
    client: [get(), got(1)],
    stats: OVERFLOWS,
  },
  {
    name: "max_connection_pools: no host more than that",
    feature: "Circuit breakers: max_connection_pools",
    routes: [
      toCluster("/one", "a", { priority: "HIGH" }),
      toCluster("/", "a", { hash_policy: [{ header: { header_name: "x" } }] }),
    ],
    clusters: {
      a: {
        lb_policy: "MAGLEV",
        maglev_lb_config: { table_size: 7 },
        circuit_breakers: { thresholds: [{ max_connection_pools: 1 }] },
        endpoints: ["a1", "a2"].map((name) =>
          endpoint(name, { metadata: { filter_metadata: { "envoy.lb": { hash_key: name } } } }),
        ),
      },
    },
    upstreams: { a1: HELD, a2: HELD },
    client: [
      send("1", get("/", "x: 0")),
      active(1),
      send("2", get("/", "x: 2")),
      got(1, "2"),
      send("3", get("/", "x: 3")),
      active(2),
      send("4", get("/", "x: 4")),
      active(3),
      open("go"),
      got(1, "1"),
      got(1, "3"),
      got(1, "4"),
    ],
    stats: [...OVERFLOWS, ...gauges(), s("upstream_cx_none_healthy")],
  },

  // What connections are used for.
  {
    name: "max_requests_per_connection of the protocol options",
    feature: "Connection pools: max_requests_per_connection",
    clusters: { a: options({ max_requests_per_connection: 2 }) },
    client: [get("/1"), got(1), get("/2"), got(2), get("/3"), got(3)],
    stats: [s("upstream_cx_total"), s("upstream_cx_max_requests"), s("upstream_cx_destroy_local")],
  },
  {
    name: "max_requests_per_connection of the cluster",
    feature: "Connection pools: max_requests_per_connection",
    clusters: { a: { max_requests_per_connection: 1 } },
    client: [get("/1"), got(1), get("/2"), got(2)],
    stats: [s("upstream_cx_total"), s("upstream_cx_max_requests"), s("upstream_cx_destroy_local")],
  },
  {
    name: "idle_timeout",
    feature: "Connection pools: idle_timeout",
    clusters: { a: options({ idle_timeout: "0.1s" }) },
    client: [get(), got(1), stat(s("upstream_cx_idle_timeout"), 1), stat(s("upstream_cx_active"), 0), get(), got(2)],
    stats: [s("upstream_cx_total"), s("upstream_cx_destroy_local"), s("upstream_cx_destroy_remote")],
  },
  {
    name: "max_connection_duration: an idle connection closes",
    feature: "Connection pools: max_connection_duration",
    clusters: { a: options({ max_connection_duration: "0.1s" }) },
    client: [
      get(),
      got(1),
      stat(s("upstream_cx_max_duration_reached"), 1),
      stat(s("upstream_cx_active"), 0),
      get(),
      got(2),
    ],
    stats: [s("upstream_cx_total"), s("upstream_cx_destroy_local")],
  },
  {
    name: "max_connection_duration: a busy one after its request",
    feature: "Connection pools: max_connection_duration",
    clusters: { a: options({ max_connection_duration: "0.1s" }) },
    upstreams: { a: HELD },
    client: [
      get(),
      stat(s("upstream_cx_max_duration_reached"), 1),
      open("go"),
      got(1),
      stat(s("upstream_cx_active"), 0),
      get(),
      got(2),
    ],
    stats: [s("upstream_cx_destroy_local"), s("upstream_cx_destroy_with_active_rq")],
  },
  {
    name: "the upstream closes: with a request under way, and without",
    feature: "Connection pools: stats",
    upstreams: { a: { answers: [[answer(200, "ok"), CLOSE], [CLOSE]] } },
    client: [get(), got(1), stat(s("upstream_cx_active"), 0), get(), got(2)],
    stats: [
      "upstream_cx_total",
      "upstream_cx_http1_total",
      "upstream_cx_destroy",
      "upstream_cx_destroy_local",
      "upstream_cx_destroy_remote",
      "upstream_cx_destroy_with_active_rq",
      "upstream_cx_destroy_local_with_active_rq",
      "upstream_cx_destroy_remote_with_active_rq",
      "upstream_rq_total",
      "upstream_rq_completed",
      "upstream_rq_rx_reset",
    ].map(s),
  },
  {
    name: "a client leaves while its request is under way",
    feature: "Connection pools: stats",
    upstreams: { a: { answers: [[gate("never")]] } },
    client: [send("x", get()), seen("a", 1), close("x"), stat(s("upstream_cx_active"), 0)],
    stats: [
      "upstream_cx_destroy",
      "upstream_cx_destroy_local",
      "upstream_cx_destroy_remote",
      "upstream_cx_destroy_with_active_rq",
      "upstream_cx_destroy_local_with_active_rq",
      "upstream_rq_tx_reset",
      "upstream_rq_cancelled",
    ].map(s),
  },
  {
    name: "an upstream that says connection: close",
    feature: "Connection pools: HTTP/1.1",
    upstreams: { a: answer(200, "ok", "connection: close") },
    client: [get(), got(1), get(), got(2)],
    stats: [s("upstream_cx_total"), s("upstream_cx_destroy_local")],
  },
  {
    name: "an upstream of HTTP/1.0",
    feature: "Connection pools: HTTP/1.1",
    upstreams: { a: head("HTTP/1.0 200 OK", "content-length: 0") },
    client: [get(), got(1), get(), got(2)],
    stats: [s("upstream_cx_total")],
  },
  {
    name: "the connection used last is used first",
    feature: "Connection pools: HTTP/1.1",
    upstreams: {
      a: {
        answers: [[gate("one"), answer(200, "1")], [gate("two"), answer(200, "2")], answer(200, "3")],
      },
    },
    client: [
      ...also("1", seen("a", 1)),
      ...also("2", seen("a", 2)),
      open("two"),
      got(1, "2"),
      open("one"),
      got(1, "1"),
      ...also("3", got(1, "3")),
    ],
    stats: [s("upstream_cx_total")],
  },
];
