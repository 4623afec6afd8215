/** TCP through an HTTP proxy: CONNECT and POST towards upstreams (`tunneling_config` of tcp_proxy). */
import { type ContractCase, type JsonObject, REFUSED } from "../harness/case.ts";
import { TLS_INSPECTOR, chain, clientHello, fileLog, tcpProxy } from "../harness/filters.ts";
import { http2Cluster } from "../harness/http2/config.ts";
import { data, goaway, head2, lastData, resetStream, THIS_STREAM, trailers } from "../harness/http2/frames.ts";
import {
  CLOSE,
  FINISH,
  RESET,
  answer,
  close,
  elapse,
  ended,
  finish,
  gate,
  got,
  head,
  header,
  open,
  pause,
  reset,
  resume,
  seen,
  sees,
  send,
  stat,
} from "../harness/steps.ts";

const CONNECT = { do: "connect", on: "c", listener: "l" } as const;

const LOG =
  "%RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_HOST% %UPSTREAM_CLUSTER% %UPSTREAM_TRANSPORT_FAILURE_REASON% " +
  "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %PROTOCOL% %UPSTREAM_PROTOCOL% " +
  "%DOWNSTREAM_WIRE_BYTES_SENT% %DOWNSTREAM_WIRE_BYTES_RECEIVED%";

const STATS = [
  ...[
    "upstream_cx_total",
    "upstream_cx_http1_total",
    "upstream_cx_http2_total",
    "upstream_cx_active",
    "upstream_cx_connect_fail",
    "upstream_cx_destroy",
    "upstream_cx_destroy_local",
    "upstream_cx_destroy_remote",
    "upstream_cx_destroy_with_active_rq",
    "upstream_cx_destroy_local_with_active_rq",
    "upstream_cx_destroy_remote_with_active_rq",
    "upstream_cx_connect_attempts_exceeded",
    "upstream_cx_protocol_error",
    "upstream_cx_overflow",
    "upstream_cx_none_healthy",
    "upstream_rq_total",
    "upstream_rq_active",
    "upstream_rq_200",
    "upstream_rq_completed",
    "upstream_rq_tx_reset",
    "upstream_rq_rx_reset",
    "upstream_rq_pending_total",
    "upstream_rq_pending_overflow",
    "upstream_rq_pending_failure_eject",
    "upstream_rq_cancelled",
  ].map((name) => `cluster.a.${name}`),
  "tcp.t.downstream_cx_total",
  "tcp.t.downstream_cx_no_route",
  "tcp.t.idle_timeout",
  "listener.s.downstream_cx_destroy",
];

type Parts = Partial<ContractCase> & { readonly tunnel?: JsonObject; readonly proxy?: JsonObject };

function cases(
  feature: string,
  table: Readonly<Record<string, Parts>>,
  common: Partial<ContractCase> = {},
): ContractCase[] {
  return Object.entries(table).map(([row, { tunnel = {}, proxy = {}, listener = {}, ...parts }]) => ({
    name: `${feature}: ${row}`,
    feature: `TCP through an HTTP proxy: ${feature}`,
    listener: {
      ...listener,
      filter_chains: [
        chain({}, [
          tcpProxy("a", {
            access_log: [fileLog(LOG)],
            tunneling_config: { hostname: "b.test:443", ...tunnel },
            ...proxy,
          }),
        ]),
      ],
      stat_prefix: "s",
    },
    stats: STATS,
    client: ["ping", got("pong"), close()],
    ...common,
    ...parts,
  }));
}

const OK = head("HTTP/1.1 200 OK");
type Script = readonly (string | ReturnType<typeof gate>)[];

const a = (...answers: readonly Script[]) => ({ a: { answers, early: true as const } });
const ONE = "HTTP/1.1 CONNECT";
const TWO = "HTTP/2 CONNECT";
const WITH_HTTP2 = { clusters: { a: http2Cluster() } };
const OK2 = head2(200);
const say = (text: string): string => data(THIS_STREAM, text);
/** More than sockets hold. */
const LONG = "0123456789".repeat(300_000);

export const CASES: readonly ContractCase[] = [
  ...cases(ONE, {
    "bytes both ways": { upstreams: a([OK, sees("ping"), "pong"]) },
    "bytes with the answer": {
      upstreams: a([OK + "hello", sees("ping"), "pong"]),
      client: ["ping", got("pong"), close()],
    },
    "the server speaks first": { upstreams: a([OK, "hello"]), client: [CONNECT, got("hello"), close()] },
    "the client waits for the answer": {
      upstreams: a([gate("go"), OK, sees("ping"), "pong"]),
      client: ["ping", seen("a", "CONNECT"), elapse(50), open("go"), got("pong"), close()],
    },
    "an interim response before": { upstreams: a([head("HTTP/1.1 100 Continue"), OK, sees("ping"), "pong"]) },
    "201": { upstreams: a([head("HTTP/1.1 201 Created"), sees("ping"), "pong"]) },
    "204": { upstreams: a([head("HTTP/1.1 204 None"), sees("ping"), "pong"]) },
    "200 with a content-length": {
      upstreams: a([head("HTTP/1.1 200 OK", "content-length: 2"), sees("ping"), "pong"]),
    },
    "200 with chunks": {
      upstreams: a([head("HTTP/1.1 200 OK", "transfer-encoding: chunked"), sees("ping"), "pong"]),
    },
    "200 with connection close": {
      upstreams: a([head("HTTP/1.1 200 OK", "connection: close"), sees("ping"), "pong"]),
    },
    "HTTP/1.0 200": { upstreams: a([head("HTTP/1.0 200 OK"), sees("ping"), "pong"]) },
    "403": { upstreams: a([answer(403, "no")]), client: [CONNECT, ended()] },
    "407 without a length": { upstreams: a([head("HTTP/1.1 407 X"), "no", CLOSE]), client: [CONNECT, ended()] },
    "503 and the next attempt is taken": {
      proxy: { max_connect_attempts: 3 },
      upstreams: a([answer(503)], [answer(502, "x")], [OK, sees("ping"), "pong"]),
    },
    "attempts run out": {
      proxy: { max_connect_attempts: 2 },
      upstreams: a([answer(503)]),
      client: [CONNECT, ended()],
    },
    "301": { upstreams: a([answer(301, "", "location: /x")]), client: [CONNECT, ended()] },
    "no HTTP": { upstreams: a(["nonsense\r\n\r\n"]), client: [CONNECT, ended()] },
    "half a head, then the end": { upstreams: a(["HTTP/1.1 200 OK\r\nx: ", CLOSE]), client: [CONNECT, ended()] },
    "no answer, closed": { upstreams: a([CLOSE]), client: [CONNECT, ended()] },
    "no answer, closed, two attempts": {
      proxy: { max_connect_attempts: 2 },
      upstreams: a([CLOSE], [OK, sees("ping"), "pong"]),
    },
    "no answer, reset": { upstreams: a([RESET]), client: [CONNECT, ended()] },
    "nobody listens": { upstreams: { a: REFUSED }, client: [CONNECT, ended()] },
    "nobody listens, two attempts": {
      proxy: { max_connect_attempts: 2 },
      upstreams: { a: REFUSED },
      client: [CONNECT, ended()],
    },
    "no endpoint": { clusters: { a: { endpoints: [] } }, client: [CONNECT, ended()] },
    "no cluster": { proxy: { cluster: "none" }, client: [CONNECT, ended()] },
    "no connection left": {
      clusters: { a: { circuit_breakers: { thresholds: [{ max_connections: 0 }] } } },
      client: [CONNECT, ended()],
    },
    "no request left": {
      clusters: { a: { circuit_breakers: { thresholds: [{ max_requests: 0 }] } } },
      upstreams: a([OK, sees("ping"), "pong"]),
      client: [CONNECT, ended()],
    },
    "no place in the queue": {
      clusters: { a: { circuit_breakers: { thresholds: [{ max_pending_requests: 0 }] } } },
      client: [CONNECT, ended()],
    },
    "the client ends": {
      upstreams: a([OK, sees("ping"), "pong"]),
      client: ["ping", got("pong"), finish(), ended()],
    },
    "the client ends before the answer": {
      upstreams: a([sees("CONNECT"), gate("go"), OK]),
      client: ["ping", seen("a", "CONNECT"), finish(), elapse(60), open("go"), ended()],
    },
    "the client ends, and the upstream could answer then": {
      upstreams: a([OK, sees("ping"), gate("go"), "pong", CLOSE]),
      client: ["ping", seen("a", "ping"), finish(), ended()],
    },
    "the client closes": {
      upstreams: a([OK, sees("ping"), "pong"]),
      client: ["ping", got("pong"), close(), stat("cluster.a.upstream_cx_active", 0)],
    },
    "the client resets": {
      upstreams: a([OK, sees("ping"), "pong"]),
      client: ["ping", got("pong"), reset(), stat("cluster.a.upstream_cx_active", 0)],
    },
    "the client closes before the answer": {
      upstreams: a([sees("CONNECT"), gate("never")]),
      client: ["ping", seen("a", "CONNECT"), close(), elapse(60)],
    },
    "the client resets before the answer": {
      upstreams: a([sees("CONNECT"), gate("never")]),
      client: ["ping", seen("a", "CONNECT"), reset(), elapse(60)],
    },
    "the upstream closes": { upstreams: a([OK, sees("ping"), "pong", CLOSE]), client: ["ping", got("pong"), ended()] },
    "the upstream ends": {
      upstreams: a([OK, sees("ping"), "pong", FINISH]),
      client: ["ping", got("pong"), ended()],
    },
    "the upstream resets": { upstreams: a([OK, sees("ping"), RESET]), client: ["ping", ended()] },
    "a second connection has a tunnel of its own": {
      upstreams: a([OK, sees("ping"), "pong"]),
      client: ["ping", got("pong"), { ...CONNECT, on: "d" }, send("d", "ping"), got("pong", "d"), close(), close("d")],
    },
    "three megabytes up": {
      upstreams: a([OK, sees("end"), "done"]),
      client: [LONG, "end", got("done"), close()],
      mask: [[/(0123456789){300000}/, "{long}"]],
    },
    "three megabytes down, slowly read": {
      upstreams: a([OK, sees("go"), LONG, "end"]),
      client: ["go", pause(), elapse(200), resume(), got("end"), close()],
      mask: [[/(0123456789){300000}/, "{long}"]],
    },
    idle: {
      proxy: { idle_timeout: "1s" },
      upstreams: a([OK, sees("ping"), "pong"]),
      client: ["ping", got("pong"), ended()],
    },
    "idle before the answer": {
      proxy: { idle_timeout: "0.4s" },
      upstreams: a([sees("CONNECT"), gate("never")]),
      client: [CONNECT, ended()],
    },
  }),
  ...cases(
    TWO,
    {
      "bytes both ways": { upstreams: a([OK2, sees("ping"), say("pong")]) },
      "the server speaks first": { upstreams: a([OK2 + say("hello")]), client: [CONNECT, got("hello"), close()] },
      "the client waits for the answer": {
        upstreams: a([gate("go"), OK2, sees("ping"), say("pong")]),
        client: ["ping", seen("a", "CONNECT"), elapse(50), open("go"), got("pong"), close()],
      },
      "an interim response before": { upstreams: a([head2(100) + OK2, sees("ping"), say("pong")]) },
      "201": { upstreams: a([head2(201), sees("ping"), say("pong")]), client: [CONNECT, ended()] },
      "200 with a content-length": { upstreams: a([head2(200, "content-length: 2"), sees("ping"), say("pong")]) },
      "403": { upstreams: a([answer(403, "no")]), client: [CONNECT, ended()] },
      "503 and the next attempt is taken": {
        proxy: { max_connect_attempts: 3 },
        upstreams: a([answer(503)], [answer(502, "x")], [OK2, sees("ping"), say("pong")]),
      },
      "the stream is reset": { upstreams: a([resetStream(THIS_STREAM, "CONNECT_ERROR")]), client: [CONNECT, ended()] },
      "the stream is reset, two attempts": {
        proxy: { max_connect_attempts: 2 },
        upstreams: a([resetStream(THIS_STREAM, "CONNECT_ERROR")], [OK2, sees("ping"), say("pong")]),
      },
      "the stream is refused, two attempts": {
        proxy: { max_connect_attempts: 2 },
        upstreams: a([resetStream(THIS_STREAM, "REFUSED_STREAM")], [OK2, sees("ping"), say("pong")]),
      },
      "200, and the stream is over": { upstreams: a([answer(200)]), client: [CONNECT, finish(), ended()] },
      "nobody listens": { upstreams: { a: REFUSED }, client: [CONNECT, ended()] },
      "the client ends": {
        upstreams: a([OK2, sees("ping"), say("pong")]),
        client: ["ping", got("pong"), finish(), elapse(40), close()],
      },
      "the client ends, and the upstream answers then": {
        upstreams: a([OK2, sees("ping"), gate("go"), say("pong"), lastData(THIS_STREAM)]),
        client: ["ping", seen("a", "ping"), finish(), elapse(60), open("go"), got("pong"), ended()],
      },
      "the client closes": {
        upstreams: a([OK2, sees("ping"), say("pong")]),
        client: ["ping", got("pong"), close(), elapse(60)],
      },
      "the client resets": {
        upstreams: a([OK2, sees("ping"), say("pong")]),
        client: ["ping", got("pong"), reset(), stat("cluster.a.upstream_rq_active", 0)],
      },
      "the client resets before the answer": {
        upstreams: a([sees("CONNECT"), gate("never")]),
        client: ["ping", seen("a", "CONNECT"), reset(), elapse(60)],
      },
      "the upstream ends the stream": {
        upstreams: a([OK2, sees("ping"), say("pong"), lastData(THIS_STREAM), sees("more")]),
        client: ["ping", got("pong"), elapse(60), "more", seen("a", "more"), finish(), ended()],
      },
      "the upstream ends with trailers": {
        upstreams: a([OK2, sees("ping"), say("pong"), trailers(THIS_STREAM, "x: y")]),
        client: ["ping", got("pong"), elapse(60), finish(), ended()],
      },
      "the upstream resets the stream": {
        upstreams: a([OK2, sees("ping"), resetStream(THIS_STREAM, "CONNECT_ERROR")]),
        client: ["ping", ended()],
      },
      "the connection breaks": {
        stats: STATS.filter((name) => !name.endsWith("failure_eject")),
        upstreams: a([OK2, sees("ping"), CLOSE]),
        client: ["ping", ended()],
      },
      "the connection is told to go": {
        stats: STATS.filter((name) => !name.endsWith("protocol_error")),
        upstreams: a([OK2, sees("ping"), goaway(1), say("pong"), lastData(THIS_STREAM)]),
        client: ["ping", got("pong"), finish(), ended()],
      },
      "two tunnels share a connection": {
        upstreams: a([OK2, sees("ping"), say("pong")]),
        client: [
          "ping",
          got("pong"),
          send("d", "ping"),
          got("pong", "d"),
          reset(),
          reset("d"),
          stat("cluster.a.upstream_rq_active", 0),
        ],
      },
      "three megabytes up": {
        upstreams: a([OK2, sees("end"), say("done")]),
        client: [LONG, "end", got("done"), close()],
        mask: [[/(0123456789){300000}/, "{long}"]],
      },
    },
    WITH_HTTP2,
  ),
  ...cases("POST over HTTP/1.1", {
    "bytes both ways": { tunnel: { use_post: true }, upstreams: a([OK, sees("ping"), "pong"]) },
    "with a path": { tunnel: { use_post: true, post_path: "/tunnel?x" }, upstreams: a([OK, sees("ping"), "pong"]) },
    "with a length": {
      tunnel: { use_post: true },
      upstreams: a([head("HTTP/1.1 200 OK", "content-length: 4"), sees("ping"), "pong"]),
      client: ["ping", got("pong"), elapse(50)],
      waived:
        "The answer to a POST ends where it says that it does. Envoy 1.40 takes what follows for part of the tunnel, and crashes where the answer is chunked",
    },
    "403": { tunnel: { use_post: true }, upstreams: a([answer(403, "no")]), client: [CONNECT, ended()] },
    "the client ends": {
      tunnel: { use_post: true },
      upstreams: a([OK, sees("ping"), "pong", sees("0\r\n\r\n"), CLOSE]),
      client: ["ping", got("pong"), finish(), ended()],
    },
  }),
  ...cases(
    "POST over HTTP/2",
    {
      "bytes both ways": { tunnel: { use_post: true }, upstreams: a([OK2, sees("ping"), say("pong")]) },
      "with a path": {
        tunnel: { use_post: true, post_path: "/tunnel?x" },
        upstreams: a([OK2, sees("ping"), say("pong")]),
      },
      "403": { tunnel: { use_post: true }, upstreams: a([answer(403, "no")]), client: [CONNECT, ended()] },
      "the client ends": {
        tunnel: { use_post: true },
        upstreams: a([OK2, sees("ping"), say("pong"), gate("go"), lastData(THIS_STREAM)]),
        client: ["ping", got("pong"), finish(), elapse(40), open("go"), ended()],
      },
    },
    WITH_HTTP2,
  ),
  ...cases("the request", {
    "a host by SNI": {
      listener: { listener_filters: [TLS_INSPECTOR] },
      tunnel: { hostname: "%REQUESTED_SERVER_NAME%:443" },
      upstreams: a([OK, sees("a.test"), "pong"]),
      client: [clientHello({ serverName: "a.test" }), got("pong"), close()],
    },
    "a host by SNI, without one": {
      tunnel: { hostname: "%REQUESTED_SERVER_NAME%:443" },
      upstreams: a([OK, sees("ping"), "pong"]),
    },
    "a host by metadata": {
      tunnel: { hostname: "%DYNAMIC_METADATA(tunnel:address)%" },
      upstreams: a([OK, sees("ping"), "pong"]),
    },
    "a host that is an IPv6 address": { tunnel: { hostname: "[::1]:443" }, upstreams: a([OK, sees("ping"), "pong"]) },
    "a host without a port": { tunnel: { hostname: "b.test" }, upstreams: a([OK, sees("ping"), "pong"]) },
    "a host of percents": { tunnel: { hostname: "b%%.test" }, upstreams: a([OK, sees("ping"), "pong"]) },
    "headers added": {
      tunnel: {
        headers_to_add: [
          header("x-a", "1"),
          header("X-B", "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"),
          header("x-a", "2", "APPEND_IF_EXISTS_OR_ADD"),
          header("x-c", "%UPSTREAM_CLUSTER%"),
          header("x-d", ""),
          header("x-e", "%REQ(:authority)%", "OVERWRITE_IF_EXISTS_OR_ADD"),
          header("x-f", "%REQ(x-a)%"),
          header("x-g", "%REQUESTED_SERVER_NAME%"),
          header("x-h", "%PROTOCOL%"),
          header("x-i", "x", "OVERWRITE_IF_EXISTS"),
        ],
      },
      upstreams: a([OK, sees("ping"), "pong"]),
    },
    credentials: {
      tunnel: { headers_to_add: [header("Proxy-Authorization", "Basic YTpi")] },
      upstreams: a([OK, sees("ping"), "pong"]),
    },
    "headers that HTTP/1.1 frames by": {
      tunnel: { headers_to_add: [header("content-length", "3"), header("connection", "close"), header("te", "x")] },
      upstreams: a([OK, sees("ping"), "pong"]),
    },
    "a request id": {
      tunnel: { headers_to_add: [header("x-request-id", "%STREAM_ID%")] },
      upstreams: a([OK, sees("ping"), "pong"]),
      mask: [[/x-request-id: [-0-9a-f]+/, "x-request-id: {id}"]],
    },
  }),
  ...cases("the response", {
    "headers are propagated, and can be logged": {
      tunnel: { propagate_response_headers: true },
      proxy: {
        access_log: [
          fileLog("%FILTER_STATE(envoy.tcp_proxy.propagate_response_headers:TYPED)% %RESPONSE_CODE% %RESP(x-a)%"),
        ],
      },
      upstreams: a([head("HTTP/1.1 200 OK", "x-a: 1"), sees("ping"), "pong"]),
    },
    "trailers are propagated, and can be logged": {
      ...WITH_HTTP2,
      tunnel: { propagate_response_trailers: true },
      proxy: { access_log: [fileLog("%FILTER_STATE(envoy.tcp_proxy.propagate_response_trailers:TYPED)%")] },
      upstreams: a([OK2, sees("ping"), say("pong"), trailers(THIS_STREAM, "x: y")]),
      client: ["ping", got("pong"), elapse(60), finish(), ended()],
    },
  }),
  ...cases("what is counted", {
    "bytes on the wire": {
      proxy: { access_log: [fileLog("%UPSTREAM_WIRE_BYTES_SENT% %UPSTREAM_WIRE_BYTES_RECEIVED%")] },
      upstreams: a([OK, sees("ping"), "pong"]),
      waived:
        "Envoy counts what goes through a tunnel twice, as bytes of the tunnel and as what the HTTP/1.1 connection has sent",
    },
  }),
  ...cases("configuration", {
    "no hostname": { tunnel: { hostname: "" }, refused: true, client: [] },
    "a command that there is none of": { tunnel: { hostname: "%NONE%" }, refused: true, client: [] },
    "a path without POST": { tunnel: { post_path: "/x" }, refused: true, client: [] },
    "the authority as a header": { tunnel: { headers_to_add: [header(":authority", "x")] }, refused: true, client: [] },
    "host as a header": { tunnel: { headers_to_add: [header("host", "x")] }, refused: true, client: [] },
  }),
  ...cases("attempts", {
    "back-off between attempts": {
      proxy: { max_connect_attempts: 2, backoff_options: { base_interval: "0.01s" } },
      upstreams: a([answer(503)], [OK, sees("ping"), "pong"]),
    },
  }),
];
