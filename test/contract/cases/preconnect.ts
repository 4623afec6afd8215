/** Connections that are opened before anybody needs them, and connections that clients do not share. */
import { type ContractCase, type JsonObject, REFUSED } from "../harness/case.ts";
import { chain, tcpProxy } from "../harness/filters.ts";
import { http2Cluster } from "../harness/http2/config.ts";
import { answer2 } from "../harness/http2/frames.ts";
import { type Differences, type Row, casesOf } from "../harness/rows.ts";
import {
  CLOSE,
  answer,
  close,
  elapse,
  endpoint,
  gate,
  get,
  got,
  open,
  seen,
  send,
  stat,
  toCluster,
} from "../harness/steps.ts";

const cx = (name: string, cluster = "a"): string => `cluster.${cluster}.upstream_cx_${name}`;
const STATS = [
  ...["total", "active", "overflow", "connect_fail", "destroy", "destroy_local", "destroy_remote"].map((name) =>
    cx(name),
  ),
  "cluster.a.upstream_rq_total",
  "cluster.a.upstream_rq_pending_total",
  "cluster.a.upstream_rq_cancelled",
];

/** Cluster `a`, so many connections for each request. */
const perHost = (ratio: number, fields: JsonObject = {}): Partial<ContractCase> => ({
  clusters: { a: { preconnect_policy: { per_upstream_preconnect_ratio: ratio }, ...fields } },
});
const predictive = (ratio: number, fields: JsonObject = {}): Partial<ContractCase> => ({
  clusters: {
    a: { preconnect_policy: { predictive_preconnect_ratio: ratio }, endpoints: ["a1", "a2"], ...fields },
  },
  // Round robin begins anywhere.
  mask: [
    [/a[123]$/g, "{a host}"],
    [/(?<=x-request-id: ).*/g, "{id}"],
  ],
});
const total = (count: number): ReturnType<typeof stat> => stat(cx("total"), count);
const HELD = { answers: [[gate("go"), answer(200, "ok")]] };
const SOON = elapse(60);

const ofHosts: Readonly<Record<string, Row>> = {
  "1.5": { client: [get(), got(1), total(2), SOON], ...perHost(1.5) },
  "1.0": { client: [get(), got(1), SOON], ...perHost(1) },
  "1.01": { client: [get(), got(1), total(2), SOON], ...perHost(1.01) },
  "2, request after request": { client: [get(), got(1), get(), got(2), get(), got(3), total(2), SOON], ...perHost(2) },
  "3": { client: [get(), got(1), total(3), SOON], ...perHost(3) },
  "1.5, two requests at a time": {
    client: [
      send("1", get("/1")),
      seen("a", 1),
      send("2", get("/2")),
      seen("a", 2),
      total(3),
      open("go"),
      got(1, "1"),
      got(1, "2"),
      SOON,
    ],
    upstreams: { a: HELD },
    ...perHost(1.5),
  },
  "2, three requests at a time": {
    client: [
      ...["1", "2", "3"].flatMap((on, i) => [send(on, get(`/${on}`)), seen("a", i + 1)]),
      total(6),
      open("go"),
      ...["1", "2", "3"].map((on) => got(1, on)),
      SOON,
    ],
    upstreams: { a: HELD },
    ...perHost(2),
  },
  "3, two requests at a time": {
    client: [
      send("1", get("/1")),
      seen("a", 1),
      send("2", get("/2")),
      seen("a", 2),
      total(6),
      open("go"),
      got(1, "1"),
      got(1, "2"),
      SOON,
    ],
    upstreams: { a: HELD },
    ...perHost(3),
  },
  "1.5, and the upstream closes after each": {
    client: [get(), got(1), stat(cx("active"), 1), get(), got(2), SOON],
    upstreams: { a: answer(200, "ok", "connection: close") },
    ...perHost(1.5),
  },
  "2, and the upstream closes what it has": {
    client: [get(), got(1), total(2), stat(cx("active"), 1), SOON, get(), got(2), SOON],
    upstreams: { a: { answers: [[answer(200, "ok"), CLOSE], answer(200, "again")] } },
    ...perHost(2),
  },
  "2, max_connections 1": {
    client: [get(), got(1), SOON],
    ...perHost(2, { circuit_breakers: { thresholds: [{ max_connections: 1 }] } }),
  },
  "2, max_connections 0": {
    client: [get(), got(1), SOON],
    ...perHost(2, { circuit_breakers: { thresholds: [{ max_connections: 0 }] } }),
  },
  "3, max_connections of a host 2": {
    client: [get(), got(1), SOON],
    ...perHost(3, { circuit_breakers: { per_host_thresholds: [{ max_connections: 2 }] } }),
  },
  "2, max_requests 0": {
    client: [get(), got(1), SOON],
    ...perHost(2, { circuit_breakers: { thresholds: [{ max_requests: 0 }] } }),
  },
  "2, max_requests_per_connection 1": {
    client: [get(), got(1), SOON, get(), got(2), SOON],
    ...perHost(2, { max_requests_per_connection: 1 }),
  },
  "3, nobody is there": {
    client: [get(), got(1), SOON],
    upstreams: { a: REFUSED },
    ...perHost(3),
  },
  "2, the host is unwell": {
    client: [get(), got(1), SOON],
    ...perHost(2, { endpoints: [endpoint("a", { health_status: "UNHEALTHY" })] }),
  },
  "2, the host is degraded": {
    client: [get(), got(1), SOON],
    ...perHost(2, { endpoints: [endpoint("a", { health_status: "DEGRADED" })] }),
  },
  "2, routes of priority HIGH": {
    client: [get("/high"), got(1), total(2), SOON],
    routes: [toCluster("/high", "a", { priority: "HIGH" })],
    ...perHost(2),
  },
  "3, HTTP/2": { client: [get(), got(1), SOON], upstreams: { a: answer2(200, "ok") }, ...perHost(3, http2Cluster()) },
  "2, HTTP/2 of one stream a connection": {
    client: [get(), got(1), total(2), SOON],
    upstreams: { a: answer2(200, "ok") },
    ...perHost(2, http2Cluster({ max_concurrent_streams: 1 })),
  },
  "1.5, HTTP/2 of two streams a connection": {
    client: [
      ...["1", "2"].flatMap((on, i) => [send(on, get(`/${on}`)), seen("a", i + 1)]),
      SOON,
      open("go"),
      got(1, "1"),
      got(1, "2"),
      SOON,
    ],
    upstreams: { a: { answers: [[gate("go"), answer2(200, "ok")]] } },
    ...perHost(1.5, http2Cluster({ max_concurrent_streams: 2 })),
  },
  "2, the client leaves": {
    client: [send("1", get()), seen("a", 1), total(2), close("1"), stat(cx("active"), 1), SOON],
    upstreams: { a: { answers: [[gate("never")]] } },
    ...perHost(2),
  },
  "2, TCP": {
    client: [
      "hello",
      got("hello"),
      total(2),
      close(),
      stat(cx("active"), 1),
      SOON,
      send("d", "again"),
      got("again", "d"),
      SOON,
    ],
    upstreams: { a: { answers: [""], greeting: "hello again" } },
    listener: { filter_chains: [chain({}, [tcpProxy("a")])] },
    ...perHost(2),
  },
  "below 1": { client: [], refused: true, ...perHost(0.9) },
  "above 3": { client: [], refused: true, ...perHost(3.1) },
};

const ofClusters: Readonly<Record<string, Row>> = {
  "1.5, round robin": { client: [get(), got(1), total(2), SOON, get(), got(2), SOON], ...predictive(1.5) },
  "1.0, round robin": { client: [get(), got(1), SOON, get(), got(2), SOON], ...predictive(1) },
  "3, round robin over two": { client: [get(), got(1), total(2), SOON, get(), got(2), SOON], ...predictive(3) },
  "3, round robin over three": {
    client: [get(), got(1), total(3), SOON, get(), got(2), get(), got(3), SOON],
    ...predictive(3, { endpoints: ["a1", "a2", "a3"] }),
  },
  "2, round robin over three": {
    client: [get(), got(1), total(3), SOON, get(), got(2), SOON, get(), got(3), SOON],
    ...predictive(2, { endpoints: ["a1", "a2", "a3"] }),
  },
  "2, one host": { client: [get(), got(1), SOON, get(), got(2), SOON], ...predictive(2, { endpoints: ["a"] }) },
  "3, one host": { client: [get(), got(1), SOON], ...predictive(3, { endpoints: ["a"] }) },
  "2, and of each host 2": {
    client: [get(), got(1), SOON, get(), got(2), SOON],
    ...predictive(2),
    clusters: {
      a: {
        preconnect_policy: { predictive_preconnect_ratio: 2, per_upstream_preconnect_ratio: 2 },
        endpoints: ["a1", "a2"],
      },
    },
  },
  "2, random, one host": {
    client: [get(), got(1), SOON],
    ...predictive(2, { lb_policy: "RANDOM", endpoints: ["a"] }),
  },
  "3, random, one host": {
    client: [get(), got(1), SOON],
    ...predictive(3, { lb_policy: "RANDOM", endpoints: ["a"] }),
  },
  "2, least request": {
    client: [get(), got(1), SOON],
    ...predictive(2, { lb_policy: "LEAST_REQUEST", endpoints: ["a"] }),
  },
  "2, ring hash": { client: [get(), got(1), SOON], ...predictive(2, { lb_policy: "RING_HASH", endpoints: ["a"] }) },
  "2, maglev": { client: [get(), got(1), SOON], ...predictive(2, { lb_policy: "MAGLEV", endpoints: ["a"] }) },
  "2, subsets": {
    client: [get(), got(1), SOON],
    ...predictive(2, { lb_subset_config: { fallback_policy: "ANY_ENDPOINT" }, endpoints: ["a"] }),
  },
  "3, everybody is unwell": {
    client: [get(), got(1), SOON],
    ...predictive(3, { endpoints: [endpoint("a", { health_status: "UNHEALTHY" })] }),
  },
  "3, max_connections 1": {
    client: [get(), got(1), SOON, get(), got(2), SOON],
    ...predictive(3, { circuit_breakers: { thresholds: [{ max_connections: 1 }] } }),
  },
  "2, HTTP/2": {
    client: [get(), got(1), SOON, get(), got(2), SOON],
    upstreams: { a1: answer2(200, "ok"), a2: answer2(200, "ok") },
    ...predictive(2, http2Cluster()),
  },
  "2, after requests of another cluster": {
    client: [
      ...["1", "2", "3"].flatMap((on, i) => [send(on, get("/b")), seen("b", i + 1)]),
      open("go"),
      ...["1", "2", "3"].map((on) => got(1, on)),
      get(),
      got(1),
      SOON,
      get(),
      got(2),
      SOON,
    ],
    routes: [toCluster("/b", "b"), toCluster("/", "a")],
    upstreams: { b: HELD },
    ...predictive(2),
    clusters: { ...predictive(2).clusters, b: {} },
  },
  "2, TCP": {
    client: ["hello", got("hello"), SOON, close(), SOON, send("d", "again"), got("again", "d"), SOON],
    upstreams: { a: { answers: [""], greeting: "hello again" } },
    listener: { filter_chains: [chain({}, [tcpProxy("a")])] },
    ...predictive(2, { endpoints: ["a"] }),
  },
  "below 1": { client: [], refused: true, ...predictive(0.9) },
  "above 3": { client: [], refused: true, ...predictive(3.1) },
};

const own = (fields: JsonObject = {}): Partial<ContractCase> => ({
  clusters: { a: { connection_pool_per_downstream_connection: true, ...fields } },
});
const ofConnections: Readonly<Record<string, Row>> = {
  "requests of one connection share": { client: [get(), got(1), get(), got(2)], ...own() },
  "those of two do not": {
    client: [
      send("1", get("/1")),
      got(1, "1"),
      send("2", get("/2")),
      got(1, "2"),
      send("1", get("/1")),
      got(2, "1"),
      SOON,
    ],
    ...own(),
  },
  "a connection ends, and what was opened for it": {
    client: [send("1", get()), got(1, "1"), close("1"), SOON, send("2", get()), got(1, "2"), SOON],
    ...own(),
  },
  "without it": {
    client: [send("1", get()), got(1, "1"), close("1"), SOON, send("2", get()), got(1, "2"), SOON],
  },
  "a connection ends while its request is under way": {
    client: [send("1", get()), seen("a", 1), close("1"), SOON, send("2", get()), SOON],
    upstreams: { a: { answers: [[gate("never")]] } },
    ...own(),
  },
  "HTTP/2": {
    client: [send("1", get("/1")), got(1, "1"), send("2", get("/2")), got(1, "2"), SOON],
    upstreams: { a: answer2(200, "ok") },
    ...own(http2Cluster()),
  },
  "max_connections 1": {
    client: [send("1", get("/1")), got(1, "1"), send("2", get("/2")), got(1, "2"), SOON],
    ...own({ circuit_breakers: { thresholds: [{ max_connections: 1 }] } }),
  },
  TCP: {
    client: ["hello", got("hello"), SOON],
    upstreams: { a: { answers: [""], greeting: "hello" } },
    listener: { filter_chains: [chain({}, [tcpProxy("a")])] },
    ...own(),
  },
  "a retry": {
    client: [get(), got(1)],
    routes: [toCluster("/", "a", { retry_policy: { retry_on: "5xx" } })],
    upstreams: { a: { answers: [answer(503, "no"), answer(200, "yes")] } },
    mask: [[/(?<=expected-rq-timeout-ms: )\d+/g, "{left}"]],
    ...own(),
  },
};

const EARLY =
  "a connection says hello once it is open, so that its limits are known when it is needed; Envoy's with its first request";

/** In which Tulle is not the same. */
const DIFFERENT: Differences = {
  "per_upstream_preconnect_ratio: 2, HTTP/2 of one stream a connection": { waived: EARLY },
  "per_upstream_preconnect_ratio: 1.5, HTTP/2 of two streams a connection": { waived: EARLY },
  "predictive_preconnect_ratio: 2, after requests of another cluster": {
    waived: "what other clusters have open is no reason not to: Envoy counts the connections of all clusters together",
  },
};

export const CASES: readonly ContractCase[] = [
  ...casesOf("Preconnect", "per_upstream_preconnect_ratio", ofHosts, { stats: STATS }, DIFFERENT),
  ...casesOf("Preconnect", "predictive_preconnect_ratio", ofClusters, { stats: STATS }, DIFFERENT),
  ...casesOf("Connection pools", "connection_pool_per_downstream_connection", ofConnections, {
    stats: [...STATS, cx("pool_overflow")],
  }),
];
