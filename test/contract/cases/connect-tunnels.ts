/** CONNECT and POST that end here: a tunnel to an endpoint of the cluster, which sees nothing of HTTP (`connect_config`). */
import { type ContractCase, type JsonObject, REFUSED, type Step } from "../harness/case.ts";
import {
  answer,
  chunked,
  CLOSE,
  elapse,
  ended,
  finish,
  FINISH,
  gate,
  get,
  got,
  header,
  open,
  pause,
  post,
  request,
  reset,
  RESET,
  resume,
  seen,
  sees,
  send,
  stat,
  toCluster,
} from "../harness/steps.ts";
import { forwarding } from "./dynamic-forward-proxy.ts";

const CONNECT = request("CONNECT", "b.test:443", "Host: b.test:443");

function tunnel(action: JsonObject = {}, upgrade: JsonObject = {}, more: JsonObject = {}): JsonObject {
  return {
    match: { connect_matcher: {} },
    route: {
      cluster: "a",
      upgrade_configs: [{ upgrade_type: "CONNECT", connect_config: {}, ...upgrade }],
      ...action,
    },
    ...more,
  };
}

function posting(config: JsonObject = { allow_post: true }): JsonObject {
  return toCluster("/", "a", { upgrade_configs: [{ upgrade_type: "CONNECT", connect_config: config }] });
}

/** More than sockets hold. */
const LONG = "0123456789".repeat(800_000);

const STATS = [
  "http.in.downstream_cx_upgrades_total",
  "http.in.downstream_cx_upgrades_active",
  "http.in.downstream_rq_2xx",
  "http.in.downstream_rq_5xx",
  "cluster.a.upstream_cx_total",
  "cluster.a.upstream_cx_active",
  "cluster.a.upstream_cx_http1_total",
  "cluster.a.upstream_cx_destroy",
  "cluster.a.upstream_cx_destroy_local",
  "cluster.a.upstream_cx_destroy_remote",
  "cluster.a.upstream_cx_destroy_with_active_rq",
  "cluster.a.upstream_cx_connect_fail",
  "cluster.a.upstream_cx_rx_bytes_total",
  "cluster.a.upstream_cx_tx_bytes_total",
  "cluster.a.upstream_cx_overflow",
  "cluster.a.upstream_rq_total",
  "cluster.a.upstream_rq_active",
  "cluster.a.upstream_rq_pending_total",
  "cluster.a.upstream_rq_pending_overflow",
  "cluster.a.upstream_rq_pending_failure_eject",
  "cluster.a.upstream_rq_200",
  "cluster.a.upstream_rq_503",
  "cluster.a.upstream_rq_completed",
  "cluster.a.upstream_rq_timeout",
  "cluster.a.upstream_rq_retry",
];

const LOG =
  "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_HOST% %BYTES_RECEIVED% %BYTES_SENT% " +
  "%UPSTREAM_WIRE_BYTES_SENT% %UPSTREAM_WIRE_BYTES_RECEIVED% %UPSTREAM_HEADER_BYTES_SENT% %UPSTREAM_HEADER_BYTES_RECEIVED% " +
  "%PROTOCOL% %UPSTREAM_PROTOCOL%";

/** The end of the request has been seen, too. */
const EOF: readonly Step[] = [seen("a", "hello"), elapse(30), open("eof")];

function cases(feature: string, table: Readonly<Record<string, Partial<ContractCase>>>): ContractCase[] {
  return Object.entries(table).map(([name, parts]) => ({
    name,
    feature: `Upgrades: ${feature}`,
    manager: { upgrade_configs: [{ upgrade_type: "CONNECT" }] },
    routes: [tunnel()],
    upstreams: { a: { answers: [[]], greeting: [sees("ping"), "pong", sees("bye"), CLOSE] } },
    client: [CONNECT, got("200 OK"), "ping", got("pong"), "bye", ended()],
    stats: STATS,
    accessLog: LOG,
    ...parts,
  }));
}

export const CASES: readonly ContractCase[] = [
  ...cases("CONNECT that ends here", {
    "bytes both ways, until the upstream closes": {},
    "bytes that come with the request": { client: [CONNECT + "ping", got("pong"), "bye", ended()] },
    "the upstream speaks first": {
      upstreams: { a: { answers: [[]], greeting: ["hello", sees("bye"), CLOSE] } },
      client: [CONNECT, got("hello"), "bye", ended()],
    },
    "the upstream closes at once": {
      upstreams: { a: { answers: [[]], greeting: [CLOSE] } },
      client: [CONNECT, ended()],
    },
    "the upstream half-closes": {
      upstreams: { a: { answers: [[]], greeting: [sees("ping"), "pong", FINISH] } },
      client: [CONNECT, got("200 OK"), "ping", ended(), stat("cluster.a.upstream_cx_active", 0)],
    },
    "the upstream resets": {
      upstreams: { a: { answers: [[]], greeting: [sees("ping"), RESET] } },
      client: [CONNECT, got("200 OK"), "ping", ended()],
    },
    "the client half-closes": {
      upstreams: { a: { answers: [[]], greeting: [sees("ping"), "pong"] } },
      client: [CONNECT, got("200 OK"), "ping", got("pong"), finish(), ended(), stat("cluster.a.upstream_cx_active", 0)],
    },
    "the client resets": {
      upstreams: { a: { answers: [[]], greeting: [sees("ping"), "pong"] } },
      client: [CONNECT, got("200 OK"), "ping", got("pong"), reset(), stat("cluster.a.upstream_cx_active", 0)],
    },
    "nobody listens": { upstreams: { a: REFUSED }, client: [CONNECT, got(1), ended()] },
    "no endpoint": { clusters: { a: { endpoints: [] } }, client: [CONNECT, got(1), ended()] },
    "no cluster": { routes: [tunnel({ cluster: "none" })], client: [CONNECT, got(1), ended()] },
    "what is no route for CONNECT": { routes: [toCluster("/", "a")], client: [CONNECT, ended()] },
    "a GET passes the route by": {
      routes: [tunnel(), { match: { prefix: "/" }, direct_response: { status: 418 } }],
      client: [get(), got(1)],
    },
    "content-length 0": {
      client: [
        request("CONNECT", "b.test:443", "Host: b.test:443", "content-length: 0"),
        got("200 OK"),
        "ping",
        got("pong"),
        "bye",
        ended(),
      ],
    },
    "transfer-encoding": {
      client: [request("CONNECT", "b.test:443", "Host: b.test:443", "transfer-encoding: chunked"), got(1), ended()],
    },
    "an endpoint is connected to, whatever the request names": {
      client: [
        request("CONNECT", "other.test:1", "Host: other.test:1"),
        got("200 OK"),
        "ping",
        got("pong"),
        "bye",
        ended(),
      ],
    },
    "header operations": {
      routes: [
        tunnel(
          {},
          {},
          {
            response_headers_to_add: [header("x-a", "b"), header("content-length", "3")],
            request_headers_to_add: [header("x-c", "d")],
          },
        ),
      ],
    },
    "a connection serves one tunnel": {
      client: [
        CONNECT,
        got("200 OK"),
        "ping",
        got("pong"),
        "bye",
        ended(),
        send("d", CONNECT),
        got("200 OK", "d"),
        send("d", "ping"),
        got("pong", "d"),
        send("d", "bye"),
        ended("d"),
      ],
    },
    "an HTTP/1.0 client": {
      manager: { upgrade_configs: [{ upgrade_type: "CONNECT" }], http_protocol_options: { accept_http_10: true } },
      client: [
        "CONNECT b.test:443 HTTP/1.0\r\nHost: b.test:443\r\n\r\n",
        got("200 OK"),
        "ping",
        got("pong"),
        "bye",
        ended(),
      ],
    },
    "the route alone allows it": { manager: {} },
    "the route forbids it": {
      routes: [tunnel({}, { enabled: false })],
      client: [CONNECT, ended()],
    },
    "the connection manager forbids it, the route allows it": {
      manager: { upgrade_configs: [{ upgrade_type: "CONNECT", enabled: false }] },
    },
    "connect_config of another upgrade": {
      refused: true,
      routes: [toCluster("/", "a", { upgrade_configs: [{ upgrade_type: "websocket", connect_config: {} }] })],
    },
    "by weight": {
      routes: [
        {
          ...tunnel(),
          route: {
            weighted_clusters: { clusters: [{ name: "a", weight: 1 }] },
            upgrade_configs: [{ upgrade_type: "CONNECT", connect_config: {} }],
          },
        },
      ],
    },
    "to a named host": {
      ...forwarding(),
      dns: { "b.test A": [{ addresses: ["127.0.0.1"] }] },
      upstreams: { b: { answers: [[]], greeting: [sees("ping"), "pong", sees("bye"), CLOSE] } },
      client: [
        request("CONNECT", "b.test:{port b}", "Host: b.test:{port b}"),
        got("200 OK"),
        "ping",
        got("pong"),
        "bye",
        ended(),
      ],
    },
    "to a named host that is not there": {
      ...forwarding(),
      dns: {},
      client: [CONNECT, got(1), ended()],
    },
    "bytes wait for the name": {
      ...forwarding(),
      dns: { "b.test A": [{ addresses: ["127.0.0.1"], gate: "dns" }] },
      upstreams: { b: { answers: [[]], greeting: [sees("ping"), "pong", sees("bye"), CLOSE] } },
      client: [
        request("CONNECT", "b.test:{port b}", "Host: b.test:{port b}") + "ping",
        open("dns"),
        got("pong"),
        "bye",
        ended(),
      ],
    },
  }),
  ...cases("CONNECT that ends here: much at once", {
    "a long answer": {
      upstreams: { a: { answers: [[]], greeting: [sees("ping"), "x".repeat(300_000), CLOSE] } },
      client: [CONNECT, got("200 OK"), "ping", ended()],
      accessLog: "%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_SENT%",
      stats: ["cluster.a.upstream_cx_rx_bytes_total"],
    },
    "a long request": {
      upstreams: { a: { answers: [[]], greeting: [sees("end"), "done", CLOSE] } },
      client: [CONNECT, got("200 OK"), "x".repeat(300_000) + "end", ended()],
      accessLog: "%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED%",
      stats: ["cluster.a.upstream_cx_tx_bytes_total"],
    },
    "a client that does not read for a while": {
      upstreams: { a: { answers: [[]], greeting: [sees("ping"), LONG, CLOSE] } },
      client: [CONNECT, got("200 OK"), pause(), "ping", elapse(300), resume(), ended()],
      listener: { per_connection_buffer_limit_bytes: 65_536 },
      accessLog: "%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_SENT%",
      stats: ["cluster.a.upstream_cx_rx_bytes_total"],
    },
    "an upstream that does not read for a while": {
      upstreams: { a: { answers: [[]], deafUntil: "hears", greeting: [sees("end"), CLOSE] } },
      client: [CONNECT, got("200 OK"), LONG + "end", open("hears"), ended()],
      clusters: { a: { per_connection_buffer_limit_bytes: 65_536 } },
      accessLog: "%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED%",
      stats: ["cluster.a.upstream_cx_tx_bytes_total"],
    },
  }),
  ...cases("CONNECT that ends here: POST", {
    allow_post: {
      routes: [posting()],
      upstreams: { a: { answers: [[]], greeting: [sees("hello"), gate("eof"), "pong", FINISH] } },
      client: [post("hello"), ...EOF, got(1), stat("cluster.a.upstream_cx_active", 0)],
    },
    "allow_post, and the upstream goes on": {
      routes: [posting()],
      upstreams: { a: { answers: [[]], greeting: [sees("hello"), gate("eof"), "pong", gate("go"), "more", FINISH] } },
      client: [post("hello"), ...EOF, got("pong"), open("go"), got(1)],
    },
    "allow_post: chunks": {
      routes: [posting()],
      upstreams: { a: { answers: [[]], greeting: [sees("hello"), gate("eof"), "pong", FINISH] } },
      client: [request("POST", "/", "transfer-encoding: chunked") + chunked(["hel", "lo"]), ...EOF, got(1)],
    },
    "allow_post: trailers": {
      routes: [posting()],
      manager: { upgrade_configs: [{ upgrade_type: "CONNECT" }], http_protocol_options: { enable_trailers: true } },
      upstreams: { a: { answers: [[]], greeting: [sees("hello"), gate("eof"), "pong", FINISH] } },
      client: [request("POST", "/", "transfer-encoding: chunked") + chunked(["hello"], "x: y"), ...EOF, got(1)],
    },
    "allow_post: no body": {
      routes: [posting()],
      upstreams: { a: { answers: [[]], greeting: ["pong", FINISH] } },
      client: [request("POST", "/", "content-length: 0"), got(1)],
    },
    "allow_post: another request on the connection": {
      routes: [posting()],
      upstreams: { a: { answers: [[]], greeting: [sees("hello"), gate("eof"), "pong", FINISH] } },
      client: [post("hello"), ...EOF, got("pong"), got(1), post("hello"), got(2)],
    },
    "allow_post: GET is no tunnel": {
      routes: [posting()],
      upstreams: { a: answer(200, "a") },
      client: [get(), got(1)],
    },
    "without allow_post": {
      routes: [posting({})],
      upstreams: { a: answer(200, "a") },
      client: [post("hello"), ...EOF, got(1)],
    },
    "allow_post: CONNECT at a route that is not for it": { routes: [posting()], client: [CONNECT, ended()] },
    "allow_post: nobody listens": {
      routes: [posting()],
      upstreams: { a: REFUSED },
      client: [post("hello"), got(1)],
    },
    "allow_post: an upgrade": {
      routes: [posting()],
      upstreams: { a: answer(200, "a") },
      client: [request("POST", "/", "connection: upgrade", "upgrade: websocket"), got(1), ended()],
    },
  }),
  ...cases("CONNECT that ends here: time and limits", {
    "the route's timeout while connecting does not hold for the tunnel": {
      routes: [tunnel({ timeout: "0.2s" })],
      upstreams: { a: { answers: [[]], greeting: [sees("ping"), "pong", sees("bye"), CLOSE] } },
      client: [CONNECT, got("200 OK"), elapse(400), "ping", got("pong"), "bye", ended()],
    },
    "the route's idle timeout": {
      routes: [tunnel({ idle_timeout: "0.2s" })],
      client: [CONNECT, got("200 OK"), ended()],
    },
    "the idle timeout begins anew with each byte": {
      routes: [tunnel({ idle_timeout: "0.4s" })],
      client: [CONNECT, got("200 OK"), elapse(250), "ping", got("pong"), elapse(250), "bye", ended()],
    },
    "the connection manager's idle timeout": {
      manager: { upgrade_configs: [{ upgrade_type: "CONNECT" }], stream_idle_timeout: "0.2s" },
      client: [CONNECT, got("200 OK"), ended()],
    },
    max_stream_duration: {
      routes: [tunnel({ max_stream_duration: { max_stream_duration: "0.3s" } })],
      client: [CONNECT, got("200 OK"), ended()],
    },
    "the cluster's idle timeout": {
      clusters: { a: { common_http_protocol_options: { idle_timeout: "0.2s" } } },
      client: [CONNECT, got("200 OK"), elapse(400), "ping", got("pong"), "bye", ended()],
    },
    "the cluster's max_stream_duration": {
      clusters: { a: { common_http_protocol_options: { max_stream_duration: "0.2s" } } },
      client: [CONNECT, got("200 OK"), ended()],
    },
    "the cluster's max_connection_duration": {
      clusters: { a: { common_http_protocol_options: { max_connection_duration: "0.2s" } } },
      client: [CONNECT, got("200 OK"), elapse(400), "ping", got("pong"), "bye", ended()],
    },
    "a retry when nobody listens": {
      routes: [tunnel({ retry_policy: { retry_on: "connect-failure", num_retries: 1 } })],
      upstreams: { a: REFUSED },
      client: [CONNECT, got(1), ended()],
    },
    "a tunnel that is there is not tried again": {
      routes: [tunnel({ retry_policy: { retry_on: "5xx,reset,connect-failure", num_retries: 1 } })],
      upstreams: { a: { answers: [[]], greeting: [sees("ping"), RESET] } },
      client: [CONNECT, got("200 OK"), "ping", ended()],
    },
    max_requests: {
      clusters: { a: { circuit_breakers: { thresholds: [{ max_requests: 1 }] } } },
      client: [CONNECT, got("200 OK"), send("d", CONNECT), got(/ /, "d"), "ping", got("pong"), "bye", ended()],
      accessLog: "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_HOST%",
    },
    max_connections: {
      clusters: { a: { circuit_breakers: { thresholds: [{ max_connections: 1 }] } } },
      client: [
        CONNECT,
        got("200 OK"),
        send("d", CONNECT),
        stat("cluster.a.upstream_cx_overflow", 1),
        "ping",
        got("pong"),
        "bye",
        ended(),
        elapse(100),
      ],
      accessLog: "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_HOST%",
    },
    max_pending_requests: {
      clusters: { a: { circuit_breakers: { thresholds: [{ max_pending_requests: 0 }] } } },
      client: [CONNECT, got(1), ended()],
    },
    max_requests_per_connection: { clusters: { a: { max_requests_per_connection: 1 } } },
    "a connection manager that drains": {
      client: [
        CONNECT,
        got("200 OK"),
        { do: "admin", method: "POST", path: "/drain_listeners?graceful" },
        "ping",
        got("pong"),
        "bye",
        ended(),
      ],
    },
    "outlier detection": {
      clusters: {
        a: { outlier_detection: { consecutive_5xx: 1, consecutive_gateway_failure: 1, max_ejection_percent: 100 } },
      },
      upstreams: { a: REFUSED },
      client: [CONNECT, got(1), ended(), send("d", CONNECT), got(1, "d"), ended("d")],
      accessLog: "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_HOST%",
    },
    flush_log_on_tunnel_successfully_established: {
      manager: {
        upgrade_configs: [{ upgrade_type: "CONNECT" }],
        access_log_options: { flush_log_on_tunnel_successfully_established: true },
      },
      accessLog: "%ACCESS_LOG_TYPE% %RESPONSE_CODE%",
    },
  }),
];
