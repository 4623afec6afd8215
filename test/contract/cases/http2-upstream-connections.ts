/** HTTP/2 towards upstreams: how streams and connections end, and what is sent again. */
import type { ContractCase } from "../harness/case.ts";
import { UPSTREAM_STATS, codecStats, http2Cluster } from "../harness/http2/config.ts";
import { answer2, data, frame, goaway, head2, headers, resetStream } from "../harness/http2/frames.ts";
import {
  CLOSE,
  endpoint,
  ended,
  finish,
  FINISH,
  gate,
  get,
  got,
  open,
  post,
  request,
  RESET,
  reset,
  seen,
  send,
  stat,
  toCluster,
} from "../harness/steps.ts";
import { type Differences } from "../harness/rows.ts";
import {
  NEVER,
  THIS,
  TIME_LEFT,
  WHILE_THE_FIRST_WAITS,
  a,
  early,
  retriedOn,
  upstreamCases,
} from "../harness/http2/upstream-cases.ts";

const BEHIND = {
  waived:
    "Envoy counts a protocol error when it closes a connection that it uses no more behind its last answer; nobody broke the protocol",
};

/** Cases that Tulle is not the same in. */
const DIFFERENT: Differences = {
  "ends: RST_STREAM NO_ERROR after the answer": { waived: "what comes for a stream that is over is not counted" },
  "ends: DATA before HEADERS": { waived: "it is counted as a message that breaks the rules" },
  "GOAWAY: a request under way goes on": BEHIND,
  "GOAWAY: twice: a warning, then for good": BEHIND,
  "streams and connections: max_requests_per_connection": BEHIND,
  "streams and connections: max_requests_per_connection 1, two at a time": BEHIND,
};

export const CASES: readonly ContractCase[] = [
  ...upstreamCases(
    "ends",
    {
      ...Object.fromEntries(
        (
          [
            "NO_ERROR",
            "PROTOCOL_ERROR",
            "INTERNAL_ERROR",
            "REFUSED_STREAM",
            "CANCEL",
            "ENHANCE_YOUR_CALM",
            "HTTP_1_1_REQUIRED",
          ] as const
        ).map((code) => [
          `RST_STREAM ${code} before the answer`,
          { client: [get(), got(1)], upstreams: a(resetStream(THIS, code)) },
        ]),
      ),
      "RST_STREAM NO_ERROR after the answer": {
        client: [request("POST", "/", "content-length: 5") + "he", got(1)],
        upstreams: early([answer2(200, "early") + resetStream(THIS, "NO_ERROR")]),
      },
      "RST_STREAM in the middle of the answer": {
        client: [get(), got("half"), open("go"), ended()],
        upstreams: a([head2(200) + data(THIS, "half"), gate("go"), resetStream(THIS, "INTERNAL_ERROR")]),
      },
      "the upstream closes before the answer": { client: [get(), got(1)], upstreams: a([CLOSE]) },
      "the upstream resets the connection before the answer": { client: [get(), got(1)], upstreams: a([RESET]) },
      "the upstream closes in the middle of the answer": {
        client: [get(), got("half"), open("go"), ended()],
        upstreams: a([head2(200) + data(THIS, "half"), gate("go"), CLOSE]),
      },
      "the upstream half-closes": { client: [get(), got(1)], upstreams: a([FINISH]) },
      "the client closes before the answer": {
        client: [get(), seen("a", "GET"), { do: "close", on: "c" }, stat("cluster.a.upstream_rq_active", 0)],
        upstreams: a([NEVER]),
      },
      "the client half-closes before the answer": {
        client: [get(), seen("a", "GET"), finish(), stat("cluster.a.upstream_rq_active", 0)],
        upstreams: a([NEVER]),
      },
      "the client resets in the middle of the answer": {
        client: [get(), got("half"), reset(), stat("cluster.a.upstream_rq_active", 0)],
        upstreams: a([head2(200) + data(THIS, "half"), NEVER]),
      },
      "a timeout": {
        client: [get(), got(1)],
        upstreams: a([NEVER]),
        routes: [toCluster("/", "a", { timeout: "0.1s" })],
      },
      "a timeout in the middle of the answer": {
        client: [get(), ended()],
        upstreams: a([head2(200) + data(THIS, "half"), NEVER]),
        routes: [toCluster("/", "a", { timeout: "0.2s" })],
      },
      "the answer comes before the request is over": {
        client: [request("POST", "/", "content-length: 5") + "he", got(1)],
        upstreams: early(answer2(200, "early")),
      },
      "one of two is reset, the other goes on": {
        client: [get("/1"), seen("a", "/1"), send("d", get("/2")), seen("a", "/2"), open("go"), got(1), got(1, "d")],
        upstreams: early([gate("go"), resetStream(THIS, "INTERNAL_ERROR")], [gate("go"), answer2(200, "good")]),
      },
      nonsense: {
        client: [get(), got(1)],
        upstreams: { a: { answers: [""], greeting: "nonsense, and more than nine bytes of it" } },
      },
      "HTTP/1.1": {
        client: [get(), got(1)],
        upstreams: { a: { answers: [""], greeting: "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n" } },
      },
      "a frame of HEADERS on a stream that is not there": {
        client: [get(), got(1)],
        upstreams: a(headers(7, [":status: 200"])),
      },
      "DATA before HEADERS": { client: [get(), got(1)], upstreams: a(data(THIS, "x")) },
      "HEADERS after the end": {
        client: [get(), got(1), get(), got(2)],
        upstreams: a(answer2(200, "x") + headers(THIS, [":status: 200"])),
      },
      PUSH_PROMISE: { client: [get(), got(1)], upstreams: a(frame(5, 4, THIS, "\0\0\0\x02\x82")) },
      "nobody listens": { client: [get(), got(1)], upstreams: { a: { refused: true } } },
    },
    { stats: [...UPSTREAM_STATS, ...codecStats("cluster.a", "rx_reset", "tx_reset", "rx_messaging_error")] },
    DIFFERENT,
  ),
  ...upstreamCases(
    "GOAWAY",
    {
      "before any request: the next connection": {
        client: [get("/1"), got(1), stat("cluster.a.upstream_cx_close_notify", 1), get("/2"), got(2)],
        upstreams: a(answer2(200, "x") + goaway(1)),
      },
      "a request under way goes on": {
        client: [
          get("/1"),
          seen("a", "/1"),
          stat("cluster.a.upstream_cx_close_notify", 1),
          send("d", get("/2")),
          got(1, "d"),
          open("go"),
          got(1),
        ],
        upstreams: early([goaway(1), gate("go"), answer2(200, "first")], answer2(200, "second")),
      },
      "that did not see the request": {
        client: [get("/1"), got(1)],
        upstreams: early([goaway(0)]),
      },
      "that did not see the request, retried": {
        client: [get("/1"), got(1)],
        upstreams: early([goaway(0)], answer2(200, "again")),
        mask: TIME_LEFT,
        routes: [toCluster("/", "a", { retry_policy: { retry_on: "refused-stream" } })],
      },
      "with an error": {
        client: [get("/1"), got(1), get("/2"), got(2)],
        upstreams: a(answer2(200, "x") + goaway(1, "ENHANCE_YOUR_CALM", "too many")),
      },
      "twice: a warning, then for good": {
        client: [get("/1"), seen("a", "/1"), stat("cluster.a.upstream_cx_close_notify", 1), open("go"), got(1)],
        upstreams: early([goaway(0x7fff_ffff), gate("go"), goaway(1) + answer2(200, "x")]),
      },
    },
    { stats: [...UPSTREAM_STATS, ...codecStats("cluster.a", "goaway_sent", "rx_reset", "tx_reset")] },
    DIFFERENT,
  ),
  ...upstreamCases(
    "streams and connections",
    {
      "max_concurrent_streams of the upstream": {
        client: [get("/0"), got(1), get("/1"), seen("a", "/1"), ...WHILE_THE_FIRST_WAITS, got(2), got(1, "d")],
        upstreams: {
          a: {
            answers: [answer2(200, "x"), [gate("go"), answer2(200, "x")]],
            early: true,
            http2: { settings: { maxConcurrentStreams: 1 } },
          },
        },
      },
      "max_concurrent_streams of the cluster": {
        client: [get("/1"), seen("a", "/1"), send("d", get("/2")), seen("a", "/2"), open("go"), got(1), got(1, "d")],
        upstreams: early([gate("go"), answer2(200, "x")]),
        clusters: { a: http2Cluster({ max_concurrent_streams: 1 }) },
      },
      max_requests_per_connection: {
        client: [get("/1"), got(1), get("/2"), got(2), get("/3"), got(3)],
        clusters: { a: http2Cluster({}, { common_http_protocol_options: { max_requests_per_connection: 2 } }) },
      },
      "max_requests_per_connection 1, two at a time": {
        client: [get("/1"), seen("a", "/1"), send("d", get("/2")), seen("a", "/2"), open("go"), got(1), got(1, "d")],
        upstreams: early([gate("go"), answer2(200, "x")]),
        clusters: { a: http2Cluster({}, { common_http_protocol_options: { max_requests_per_connection: 1 } }) },
      },
      idle_timeout: {
        client: [get("/1"), got(1), stat("cluster.a.upstream_cx_idle_timeout", 1)],
        clusters: { a: http2Cluster({}, { common_http_protocol_options: { idle_timeout: "0.1s" } }) },
      },
      max_connection_duration: {
        client: [get("/1"), got(1), stat("cluster.a.upstream_cx_max_duration_reached", 1), get("/2"), got(2)],
        clusters: { a: http2Cluster({}, { common_http_protocol_options: { max_connection_duration: "0.1s" } }) },
      },
      max_stream_duration: {
        client: [get("/1"), got(1)],
        upstreams: a([NEVER]),
        clusters: { a: http2Cluster({}, { common_http_protocol_options: { max_stream_duration: "0.1s" } }) },
      },
      "circuit breaker: max_requests": {
        client: [get("/1"), seen("a", "/1"), send("d", get("/2")), got(1, "d"), open("go"), got(1)],
        upstreams: early([gate("go"), answer2(200, "x")]),
        clusters: { a: { ...http2Cluster(), circuit_breakers: { thresholds: [{ max_requests: 1 }] } } },
      },
      "circuit breaker: max_connections": {
        client: [get("/1"), seen("a", "/1"), send("d", get("/2")), seen("a", "/2"), open("go"), got(1), got(1, "d")],
        upstreams: early([gate("go"), answer2(200, "x")]),
        clusters: { a: { ...http2Cluster(), circuit_breakers: { thresholds: [{ max_connections: 1 }] } } },
      },
      "circuit breaker: max_connections, and streams to be waited for": {
        client: [
          get("/1"),
          seen("a", "/1"),
          send("d", get("/2")),
          stat("cluster.a.upstream_rq_pending_active", 1),
          open("go"),
          got(1),
          got(1, "d"),
        ],
        upstreams: early([gate("go"), answer2(200, "x")]),
        clusters: {
          a: {
            ...http2Cluster({ max_concurrent_streams: 1 }),
            circuit_breakers: { thresholds: [{ max_connections: 1 }] },
          },
        },
      },
      "circuit breaker: max_pending_requests 0": {
        client: [get("/1"), got(1)],
        clusters: { a: { ...http2Cluster(), circuit_breakers: { thresholds: [{ max_pending_requests: 0 }] } } },
      },
      "circuit breaker: max_pending_requests, while streams are to be waited for": {
        client: [
          get("/1"),
          seen("a", "/1"),
          send("d", get("/2")),
          stat("cluster.a.upstream_rq_pending_active", 1),
          send("e", get("/3")),
          got(1, "e"),
          open("go"),
          got(1),
          got(1, "d"),
        ],
        upstreams: early([gate("go"), answer2(200, "x")]),
        clusters: {
          a: {
            ...http2Cluster({ max_concurrent_streams: 1 }),
            circuit_breakers: { thresholds: [{ max_connections: 1, max_pending_requests: 1 }] },
          },
        },
      },
      "keepalive pings": {
        client: [get("/1"), got(1), seen("a", "PING")],
        clusters: {
          a: http2Cluster({
            connection_keepalive: { interval: "0.7s", timeout: "0.5s", interval_jitter: { value: 0 } },
          }),
        },
      },
      "keepalive pings that are not answered": {
        client: [get("/1"), got(1)],
        upstreams: { a: { answers: [[NEVER]], early: true, http2: { byHand: ["pings"] } } },
        clusters: { a: http2Cluster({ connection_keepalive: { interval: "0.1s", timeout: "0.1s" } }) },
      },
    },
    {
      stats: [
        ...UPSTREAM_STATS,
        "cluster.a.upstream_rq_pending_total",
        "cluster.a.upstream_rq_pending_active",
        "cluster.a.upstream_rq_pending_overflow",
        "cluster.a.upstream_cx_overflow",
        "cluster.a.upstream_rq_cancelled",
        ...codecStats("cluster.a", "keepalive_timeout", "streams_active", "pending_send_bytes"),
      ],
    },
    DIFFERENT,
  ),
  ...upstreamCases(
    "retries",
    {
      "refused-stream": retriedOn("refused-stream", resetStream(THIS, "REFUSED_STREAM")),
      "refused-stream is no other reset": retriedOn("refused-stream", resetStream(THIS, "INTERNAL_ERROR")),
      reset: retriedOn("reset", resetStream(THIS, "INTERNAL_ERROR")),
      "reset includes refused-stream": retriedOn("reset", resetStream(THIS, "REFUSED_STREAM")),
      "reset: the connection ends": retriedOn("reset", [CLOSE]),
      "reset-before-request": retriedOn("reset-before-request", resetStream(THIS, "REFUSED_STREAM")),
      "connect-failure is no reset": retriedOn("connect-failure", resetStream(THIS, "REFUSED_STREAM")),
      "http3-post-connect-failure beside it": retriedOn("reset", resetStream(THIS, "HTTP_1_1_REQUIRED")),
      "5xx": retriedOn("5xx", answer2(503, "bad")),
      "5xx, whose body goes on": retriedOn("5xx", [head2(503) + data(THIS, "bad"), NEVER]),
      "a POST": {
        client: [post("hello"), got(1)],
        upstreams: a(resetStream(THIS, "REFUSED_STREAM"), answer2(200, "again")),
        routes: [toCluster("/", "a", { retry_policy: { retry_on: "refused-stream" } })],
      },
      "per-try timeout": {
        client: [get(), got(1)],
        upstreams: a([NEVER], answer2(200, "again")),
        routes: [toCluster("/", "a", { retry_policy: { retry_on: "5xx", per_try_timeout: "0.6s" } })],
      },
      "the next host": {
        client: [get(), got(1)],
        upstreams: {
          a1: { answers: [resetStream(THIS, "REFUSED_STREAM")] },
          a2: { answers: [resetStream(THIS, "REFUSED_STREAM")] },
        },
        clusters: { a: { ...http2Cluster(), endpoints: [endpoint("a1"), endpoint("a2")] } },
        routes: [
          toCluster("/", "a", {
            retry_policy: {
              retry_on: "refused-stream",
              retry_host_predicate: [
                {
                  name: "p",
                  typed_config: {
                    "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
                  },
                },
              ],
            },
          }),
        ],
      },
    },
    {
      stats: [...UPSTREAM_STATS, "cluster.a.upstream_rq_retry", "cluster.a.upstream_rq_retry_success"],
      mask: TIME_LEFT,
    },
  ),
];
