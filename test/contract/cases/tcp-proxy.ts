/** TCP: what goes through, how connections end on either side, what is counted and logged. */
import { type ContractCase, type JsonObject, REFUSED } from "../harness/case.ts";
import { TLS_INSPECTOR, answers, chain, clientHello, fileLog, listenerFilter, tcpProxy } from "../harness/filters.ts";
import {
  CLOSE,
  FINISH,
  RESET,
  close,
  elapse,
  ended,
  endpoint,
  finish,
  gate,
  got,
  open,
  pause,
  reset,
  resume,
  seen,
  sees,
  stat,
} from "../harness/steps.ts";

const CONNECT = { do: "connect", on: "c", listener: "l" } as const;

const LOG =
  "%RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_HOST% %UPSTREAM_CLUSTER% %UPSTREAM_TRANSPORT_FAILURE_REASON% " +
  "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %ACCESS_LOG_TYPE% %PROTOCOL% " +
  "%UPSTREAM_WIRE_BYTES_SENT% %UPSTREAM_WIRE_BYTES_RECEIVED% %DOWNSTREAM_WIRE_BYTES_SENT% %DOWNSTREAM_WIRE_BYTES_RECEIVED%";

const CLUSTER_STATS = [
  "upstream_cx_total",
  "upstream_cx_active",
  "upstream_cx_connect_fail",
  "upstream_cx_connect_timeout",
  "upstream_cx_destroy",
  "upstream_cx_destroy_local",
  "upstream_cx_destroy_remote",
  "upstream_cx_destroy_with_active_rq",
  "upstream_cx_destroy_local_with_active_rq",
  "upstream_cx_destroy_remote_with_active_rq",
  "upstream_cx_connect_attempts_exceeded",
  "upstream_cx_none_healthy",
  "upstream_cx_overflow",
  "upstream_cx_rx_bytes_total",
  "upstream_cx_tx_bytes_total",
  "upstream_rq_total",
  "upstream_rq_active",
  "upstream_rq_pending_total",
  "upstream_rq_pending_overflow",
  "upstream_rq_pending_failure_eject",
  "upstream_rq_cancelled",
].map((name) => `cluster.a.${name}`);

const PROXY_STATS = [
  "downstream_cx_total",
  "downstream_cx_no_route",
  "downstream_cx_rx_bytes_total",
  "downstream_cx_tx_bytes_total",
  "idle_timeout",
  "max_downstream_connection_duration",
].map((name) => `tcp.t.${name}`);

type Parts = Omit<ContractCase, "name" | "feature" | "listener"> & {
  readonly proxy?: JsonObject;
  readonly to?: string | null;
};

function tcp(name: string, feature: string, { proxy = {}, to = "a", ...parts }: Parts): ContractCase {
  return {
    name,
    feature: `TCP proxy: ${feature}`,
    listener: {
      filter_chains: [chain({}, [tcpProxy(to, { access_log: [fileLog(LOG)], ...proxy })])],
      stat_prefix: "s",
    },
    stats: [...CLUSTER_STATS, ...PROXY_STATS, "listener.s.downstream_cx_total", "listener.s.downstream_cx_destroy"],
    ...parts,
  };
}

/** Says hello to whoever comes. */
const GREETS = { greeting: ["hello"], answers: ["unused"] } as const;
/** Hears what is said, and does the rest. */
const hears = (text: string, ...then: readonly (string | { do: "close" | "reset" | "finish" })[]) => ({
  greeting: [sees(text), ...then],
  answers: ["unused"],
});

/** Each when the one before is over, its line included. */
const THREE_IN_TURN = ["c", "d", "e"].flatMap((on, i) => [
  { ...CONNECT, on },
  ended(on),
  stat("listener.s.downstream_cx_destroy", i + 1),
]);

const LIMITS = (limits: JsonObject): JsonObject => ({ circuit_breakers: { thresholds: [limits] } });

export const CASES: readonly ContractCase[] = [
  tcp("bytes both ways", "bytes", {
    upstreams: { a: hears("ping", "pong") },
    client: ["ping", got("pong"), close()],
  }),
  tcp("a server that speaks first", "bytes", { upstreams: { a: GREETS }, client: [CONNECT, got("hello"), close()] }),
  tcp("many segments", "bytes", {
    upstreams: { a: hears("end", "done") },
    client: [..."segments".split(""), "end", got("done"), close()],
  }),
  tcp("what looks like HTTP", "bytes", {
    upstreams: { a: "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" },
    client: ["GET / HTTP/1.1\r\nhost: a\r\n\r\n", got("200"), close()],
  }),
  tcp("three megabytes up", "bytes", {
    upstreams: { a: hears("end", "done") },
    client: ["x".repeat(3_000_000), "end", got("done"), close()],
  }),
  tcp("three megabytes down", "bytes", {
    upstreams: { a: hears("go", "y".repeat(3_000_000), "end") },
    client: ["go", got("end"), close()],
  }),
  tcp("three megabytes to a client that does not read for a while", "back-pressure", {
    upstreams: { a: hears("go", "y".repeat(3_000_000), "end") },
    client: ["go", pause(), elapse(200), resume(), got("end"), close()],
  }),
  tcp("three megabytes to an upstream that does not read for a while", "back-pressure", {
    upstreams: { a: { ...hears("end", "done"), deafUntil: "now" } },
    client: ["x".repeat(3_000_000), elapse(200), open("now"), "end", got("done"), close()],
  }),
  tcp("the client ends, and the upstream answers then", "half-close", {
    upstreams: { a: hears("ping", gate("finished") as never, "pong", CLOSE as never) },
    client: ["ping", finish(), elapse(100), open("finished"), got("pong"), ended()],
  }),
  tcp("the upstream ends, and the client goes on", "half-close", {
    upstreams: { a: { greeting: ["hello", FINISH, sees("more")], answers: ["unused"] } },
    client: [CONNECT, got("hello"), elapse(100), "more", seen("a", "more"), finish()],
  }),
  tcp("the client ends at once", "half-close", {
    upstreams: { a: GREETS },
    client: [CONNECT, finish(), got("hello"), close()],
  }),
  tcp("both end", "half-close", {
    upstreams: { a: { greeting: [sees("ping"), FINISH], answers: ["unused"] } },
    client: ["ping", elapse(50), finish(), ended()],
  }),
  tcp("the client ends what the upstream has ended", "half-close", {
    upstreams: { a: { greeting: ["bye", FINISH], answers: ["unused"] } },
    client: [CONNECT, got("bye"), ended(), finish(), stat("cluster.a.upstream_cx_active", 0)],
  }),
  tcp("the client closes", "ends", {
    upstreams: { a: GREETS },
    client: [CONNECT, got("hello"), close(), stat("cluster.a.upstream_cx_active", 0)],
  }),
  tcp("the client resets", "ends", {
    upstreams: { a: GREETS },
    client: [CONNECT, got("hello"), reset(), stat("cluster.a.upstream_cx_active", 0)],
  }),
  tcp("the upstream closes", "ends", {
    upstreams: { a: { greeting: ["bye", CLOSE], answers: ["unused"] } },
    client: [CONNECT, got("bye"), ended(), finish(), stat("cluster.a.upstream_cx_active", 0)],
  }),
  tcp("the upstream resets", "ends", {
    upstreams: { a: { greeting: [sees("x"), RESET], answers: ["unused"] } },
    client: ["x", ended(), stat("cluster.a.upstream_cx_active", 0)],
  }),
  tcp("the upstream says something and closes while the client sends", "ends", {
    upstreams: { a: { greeting: [sees("x"), "no", CLOSE], answers: ["unused"] } },
    client: ["x", got("no"), ended(), close()],
  }),
  tcp("nobody listens", "connecting", { upstreams: { a: REFUSED }, client: [CONNECT, ended()] }),
  tcp("nobody listens, three times", "connecting", {
    upstreams: { a: REFUSED },
    proxy: { max_connect_attempts: 3 },
    client: [CONNECT, ended()],
  }),
  tcp("the second host answers", "connecting", {
    clusters: { a: { endpoints: ["a1", "a2"], lb_policy: "ROUND_ROBIN" } },
    upstreams: { a1: REFUSED, a2: GREETS },
    proxy: { max_connect_attempts: 2, access_log: [] },
    client: [CONNECT, got("hello"), close(), { ...CONNECT, on: "d" }, got("hello", "d"), close("d")],
    stats: ["tcp.t.downstream_cx_total"],
  }),
  tcp("nobody listens, with time between attempts", "connecting", {
    upstreams: { a: REFUSED },
    proxy: { max_connect_attempts: 3, backoff_options: { base_interval: "0.01s", max_interval: "0.02s" } },
    client: [CONNECT, ended()],
  }),
  tcp("no such cluster", "connecting", { to: "b", client: [CONNECT, ended()] }),
  tcp("no endpoint", "connecting", { clusters: { a: { endpoints: [] } }, client: [CONNECT, ended()] }),
  tcp("no healthy endpoint", "connecting", {
    clusters: {
      a: {
        endpoints: [endpoint("a", { health_status: "UNHEALTHY" })],
        common_lb_config: { healthy_panic_threshold: { value: 0 } },
      },
    },
    client: [CONNECT, ended()],
  }),
  tcp("so many connections at a time", "circuit breakers", {
    clusters: { a: LIMITS({ max_connections: 1 }) },
    upstreams: { a: GREETS },
    client: [
      CONNECT,
      got("hello"),
      { ...CONNECT, on: "d" },
      ended("d"),
      close(),
      stat("cluster.a.upstream_cx_active", 0),
      { ...CONNECT, on: "e" },
      got("hello", "e"),
      close("e"),
    ],
  }),
  tcp("nobody may wait", "circuit breakers", {
    clusters: { a: LIMITS({ max_pending_requests: 0 }) },
    upstreams: { a: GREETS },
    client: [CONNECT, ended()],
  }),
  tcp("limits of requests are none of connections", "circuit breakers", {
    clusters: { a: LIMITS({ max_requests: 0 }) },
    upstreams: { a: GREETS },
    client: [CONNECT, got("hello"), close()],
  }),
  tcp("nothing is said for a while", "idle_timeout", {
    upstreams: { a: GREETS },
    proxy: { idle_timeout: "0.2s" },
    client: [CONNECT, got("hello"), ended(), stat("cluster.a.upstream_cx_active", 0)],
  }),
  tcp("something is said now and then", "idle_timeout", {
    upstreams: { a: hears("xxxx", "done") },
    proxy: { idle_timeout: "0.5s" },
    client: ["x", elapse(300), "x", elapse(300), "x", elapse(300), "x", got("done"), ended()],
  }),
  tcp("never", "idle_timeout", {
    upstreams: { a: GREETS },
    proxy: { idle_timeout: "0s" },
    client: [CONNECT, got("hello"), elapse(300), close()],
  }),
  tcp("so long and no longer", "max_downstream_connection_duration", {
    upstreams: { a: GREETS },
    proxy: { max_downstream_connection_duration: "0.3s" },
    client: [CONNECT, got("hello"), ended(), stat("cluster.a.upstream_cx_active", 0)],
  }),
  tcp("by weight", "weighted_clusters", {
    to: null,
    proxy: {
      weighted_clusters: {
        clusters: [
          { name: "a", weight: 1_000_000 },
          { name: "b", weight: 1 },
        ],
      },
    },
    clusters: { a: {}, b: {} },
    upstreams: { a: GREETS },
    client: [CONNECT, got("hello"), close()],
  }),
  tcp("by weight, to a cluster that there is not", "weighted_clusters", {
    to: null,
    proxy: { weighted_clusters: { clusters: [{ name: "nobody", weight: 1 }] } },
    client: [CONNECT, ended()],
  }),
  tcp("who has connected", "hash_policy", {
    proxy: { hash_policy: [{ source_ip: {} }] },
    clusters: {
      a: {
        endpoints: ["a1", "a2", "a3"].map((name) => ({
          ...endpoint(name),
          metadata: { filter_metadata: { "envoy.lb": { hash_key: name } } },
        })),
        lb_policy: "RING_HASH",
      },
    },
    upstreams: Object.fromEntries(["a1", "a2", "a3"].map((name) => [name, { greeting: [name], answers: ["unused"] }])),
    client: [
      CONNECT,
      { ...CONNECT, on: "d" },
      { ...CONNECT, on: "e" },
      got(/a\d/),
      got(/a\d/, "d"),
      got(/a\d/, "e"),
      close(),
      close("d"),
      close("e"),
    ],
    stats: [],
  }),
  tcp("one line when it is there, one every so often", "access_log_options", {
    upstreams: { a: GREETS },
    proxy: {
      access_log_options: {
        flush_access_log_on_connected: true,
        flush_access_log_on_start: true,
        access_log_flush_interval: "0.3s",
      },
    },
    client: [CONNECT, got("hello"), elapse(400), close()],
  }),
  tcp("one line when it is there, in the old field", "access_log_options", {
    upstreams: { a: GREETS },
    proxy: { flush_access_log_on_connected: true },
    client: [CONNECT, got("hello"), close()],
  }),
  tcp("no line when it does not come about", "access_log_options", {
    upstreams: { a: REFUSED },
    proxy: { access_log_options: { flush_access_log_on_connected: true } },
    client: [CONNECT, ended()],
  }),
  tcp("who fails to connect is ejected", "outlier detection", {
    clusters: {
      a: {
        endpoints: ["a"],
        outlier_detection: { consecutive_5xx: 2, max_ejection_percent: 100 },
        common_lb_config: { healthy_panic_threshold: { value: 0 } },
      },
    },
    upstreams: { a: REFUSED },
    client: THREE_IN_TURN,
    stats: ["cluster.a.outlier_detection.ejections_active", "cluster.a.upstream_cx_none_healthy"],
  }),
  tcp("who fails to connect is ejected, by what is ours", "outlier detection", {
    clusters: {
      a: {
        endpoints: ["a"],
        outlier_detection: {
          consecutive_local_origin_failure: 2,
          split_external_local_origin_errors: true,
          enforcing_consecutive_local_origin_failure: 100,
          max_ejection_percent: 100,
        },
        common_lb_config: { healthy_panic_threshold: { value: 0 } },
      },
    },
    upstreams: { a: REFUSED },
    client: THREE_IN_TURN,
    stats: [
      "cluster.a.outlier_detection.ejections_active",
      "cluster.a.outlier_detection.ejections_enforced_consecutive_local_origin_failure",
    ],
  }),
  tcp("an upstream that resets is not taken for unwell", "outlier detection", {
    clusters: { a: { endpoints: ["a"], outlier_detection: { consecutive_5xx: 1, max_ejection_percent: 100 } } },
    upstreams: { a: { greeting: [sees("x"), RESET], answers: ["unused"] } },
    client: ["x", ended()],
    stats: ["cluster.a.outlier_detection.ejections_active"],
  }),
  {
    name: "times, addresses and names in a log",
    feature: "TCP proxy: access logs",
    listener: {
      name: "l",
      filter_chains: [
        chain(
          {},
          [
            tcpProxy("a", {
              access_log: [
                fileLog(
                  "%UPSTREAM_REMOTE_ADDRESS% %UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %REQUESTED_SERVER_NAME% " +
                    "%ROUTE_NAME% %FILTER_CHAIN_NAME% %LISTENER_NAME% %REQ(X)% %RESP(X)% %REQUEST_HEADER(:METHOD)% %UPSTREAM_CLUSTER_RAW% %VIRTUAL_CLUSTER_NAME% %UPSTREAM_PROTOCOL% " +
                    "%STREAM_ID% %GRPC_STATUS% %RESPONSE_FLAGS_LONG% %REQUEST_DURATION% %RESPONSE_TX_DURATION% %PATH% %UPSTREAM_DETECTED_CLOSE_TYPE% %DOWNSTREAM_DETECTED_CLOSE_TYPE% " +
                    "%UPSTREAM_LOCAL_CLOSE_REASON% %DOWNSTREAM_LOCAL_CLOSE_REASON% %UPSTREAM_HOST_NAME% %DYNAMIC_METADATA(x)% %CLUSTER_METADATA(x)% %TRACE_ID%",
                ),
              ],
            }),
          ],
          { name: "chain" },
        ),
      ],
    },
    upstreams: { a: GREETS },
    client: [CONNECT, got("hello"), close()],
  },
  {
    name: "the server name that was asked for",
    feature: "TCP proxy: access logs",
    listener: {
      listener_filters: [TLS_INSPECTOR],
      connection_balance_config: { exact_balance: {} },
      tcp_backlog_size: 100,
      filter_chains: [
        chain({}, [
          tcpProxy("a", {
            access_log: [
              fileLog("%REQUESTED_SERVER_NAME% %REQUESTED_SERVER_NAME(SNI_FIRST)% %REQUESTED_SERVER_NAME(HOST_FIRST)%"),
            ],
          }),
        ]),
      ],
    },
    upstreams: { a: GREETS },
    client: [clientHello({ serverName: "A.test" }), got("hello"), close()],
  },
  {
    name: "what a listener logs of a connection",
    feature: "TCP proxy: access logs",
    listener: { access_log: [fileLog(LOG)], filter_chains: [chain({}, [tcpProxy("a")])] },
    upstreams: { a: hears("ping", "pong!") },
    client: ["ping", got("pong!"), close()],
  },
  {
    name: "what a listener logs of a connection with HTTP",
    feature: "TCP proxy: access logs",
    listener: { access_log: [fileLog(LOG)], filter_chains: [chain({}, [answers("web")])] },
    client: ["GET / HTTP/1.1\r\nhost: a\r\n\r\n", got(1), close()],
  },
  {
    name: "a connection that was redirected goes where it was to go",
    feature: "TCP proxy: ORIGINAL_DST",
    listener: {
      listener_filters: [listenerFilter("proxy_protocol", "ProxyProtocol")],
      filter_chains: [chain({}, [tcpProxy("a", { access_log: [fileLog(LOG)] })])],
    },
    clusters: {
      a: { type: "ORIGINAL_DST", lb_policy: "CLUSTER_PROVIDED", load_assignment: null, endpoints: [] } as never,
    },
    upstreams: { b: GREETS },
    client: ["PROXY TCP4 10.0.0.1 127.0.0.1 1000 {port b}\r\n", got("hello"), close()],
  },
  {
    name: "a connection that was not redirected goes nowhere",
    feature: "TCP proxy: ORIGINAL_DST",
    listener: { filter_chains: [chain({}, [tcpProxy("a", { access_log: [fileLog(LOG)] })])] },
    clusters: {
      a: { type: "ORIGINAL_DST", lb_policy: "CLUSTER_PROVIDED", load_assignment: null, endpoints: [] } as never,
    },
    client: [CONNECT, ended()],
  },
  ...(
    [
      ["no cluster", tcpProxy(null)],
      ["no prefix of counters", tcpProxy("a", { stat_prefix: "" })],
      ["weights without clusters", tcpProxy(null, { weighted_clusters: { clusters: [] } })],
      ["a weight of nothing", tcpProxy(null, { weighted_clusters: { clusters: [{ name: "a", weight: 0 }] } })],
      ["no attempt", tcpProxy("a", { max_connect_attempts: 0 })],
      ["two hash policies", tcpProxy("a", { hash_policy: [{ source_ip: {} }, { source_ip: {} }] })],
      ["a duration of less than a millisecond", tcpProxy("a", { max_downstream_connection_duration: "0.0001s" })],
      [
        "times between attempts that become shorter",
        tcpProxy("a", { backoff_options: { base_interval: "2s", max_interval: "1s" } }),
      ],
    ] as const
  ).map(([name, filter]): ContractCase => ({
    name,
    feature: "TCP proxy: what is refused",
    listener: { filter_chains: [chain({}, [filter])] },
    refused: true,
    client: [],
  })),
];
