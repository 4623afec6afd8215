/** gRPC through the proxy, both sides HTTP/2. */
import type { ContractCase } from "../harness/case.ts";
import { LOG, http2Cluster } from "../harness/http2/config.ts";
import {
  data,
  FLAG,
  grpcAnswer,
  grpcMessage,
  get2,
  head2,
  headers,
  lastData,
  open2,
  preface,
  resetStream,
  THIS_STREAM,
  trailers,
  answer2,
} from "../harness/http2/frames.ts";
import { CLOSE, gate, got, open, seen, sees, stat, toCluster, typed } from "../harness/steps.ts";
import { type Row, casesOf } from "../harness/rows.ts";

function cases(
  feature: string,
  rows: Readonly<Record<string, Row>>,
  parts: Partial<ContractCase> = {},
): ContractCase[] {
  return casesOf("gRPC", feature, rows, {
    accessLog: `${LOG} %GRPC_STATUS%`,
    clusters: { a: http2Cluster() },
    ...parts,
  });
}

const THIS = THIS_STREAM;
const GRPC = ["content-type: application/grpc", "te: trailers"];

/** A unary call. */
function call(stream = 1, ...lines: readonly string[]): string {
  return open2(stream, "POST", "/pkg.Service/Method", ...GRPC, ...lines) + lastData(stream, grpcMessage("ask"));
}

/** An answer that is its status. */
function statusOnly(status: number, ...lines: readonly string[]): string {
  const ends = FLAG.endHeaders | FLAG.endStream;
  return headers(THIS, [":status: 200", "content-type: application/grpc", `grpc-status: ${status}`, ...lines], ends);
}

const NEVER = gate("never");
const GRPC_STATS = {
  name: "envoy.filters.http.grpc_stats",
  typed_config: typed("extensions.filters.http.grpc_stats.v3.FilterConfig", {
    stats_for_all_methods: true,
    enable_upstream_stats: true,
  }),
};

export const CASES: readonly ContractCase[] = [
  ...cases("calls", {
    unary: { client: [preface(), call(), got(1)], upstreams: { a: grpcAnswer(0, ["hello"]) } },
    "unary, an error in trailers": {
      client: [preface(), call(), got(1)],
      upstreams: { a: grpcAnswer(5, [], "grpc-message: none") },
    },
    "trailers only": { client: [preface(), call(), got(1)], upstreams: { a: statusOnly(14, "grpc-message: away") } },
    "trailers only, OK": { client: [preface(), call(), got(1)], upstreams: { a: statusOnly(0) } },
    "server streaming": {
      client: [preface(), call(), got("three"), open("go"), got(1)],
      upstreams: {
        a: {
          answers: [
            [
              head2(200, "content-type: application/grpc"),
              data(THIS, grpcMessage("one")),
              data(THIS, grpcMessage("two")),
              data(THIS, grpcMessage("three")),
              gate("go"),
              trailers(THIS, "grpc-status: 0"),
            ],
          ],
        },
      },
    },
    "client streaming": {
      client: [
        preface(),
        open2(1, "POST", "/pkg.Service/Method", ...GRPC),
        data(1, grpcMessage("one")),
        seen("a", "one"),
        data(1, grpcMessage("two")),
        lastData(1),
        got(1),
      ],
      upstreams: { a: grpcAnswer(0, ["hello"]) },
    },
    "both ways": {
      client: [
        preface(),
        open2(1, "POST", "/pkg.Service/Method", ...GRPC),
        data(1, grpcMessage("ping")),
        got("pong"),
        data(1, grpcMessage("bye")),
        lastData(1),
        got(1),
      ],
      upstreams: {
        a: {
          answers: [
            [
              head2(200, "content-type: application/grpc"),
              sees("ping"),
              data(THIS, grpcMessage("pong")),
              sees("bye"),
              trailers(THIS, "grpc-status: 0"),
            ],
          ],
          early: true,
        },
      },
    },
    "no upstream": { client: [preface(), call(), got(1)], upstreams: { a: { refused: true } } },
    "the upstream resets": { client: [preface(), call(), got(1)], upstreams: { a: resetStream(THIS, "CANCEL") } },
    "the upstream refuses": {
      client: [preface(), call(), got(1)],
      upstreams: { a: resetStream(THIS, "REFUSED_STREAM") },
    },
    "the upstream ends": { client: [preface(), call(), got(1)], upstreams: { a: { answers: [[CLOSE]] } } },
    "the upstream resets in the middle": {
      client: [preface(), call(), got("one"), open("go"), got(1)],
      upstreams: {
        a: {
          answers: [
            [
              head2(200, "content-type: application/grpc"),
              data(THIS, grpcMessage("one")),
              gate("go"),
              resetStream(THIS, "INTERNAL_ERROR"),
            ],
          ],
        },
      },
    },
    "the client cancels": {
      client: [preface(), call(), seen("a", "ask"), resetStream(1, "CANCEL"), stat("cluster.a.upstream_rq_active", 0)],
      upstreams: { a: { answers: [[NEVER]] } },
    },
    "HTTP 503 of the upstream": { client: [preface(), call(), got(1)], upstreams: { a: answer2(503, "bad") } },
    "no route": { client: [preface(), call(), got(1)], routes: [toCluster("/other", "a")] },
    "a direct response": {
      client: [preface(), call(), got(1)],
      routes: [{ match: { prefix: "/" }, direct_response: { status: 403, body: { inline_string: "no" } } }],
    },
    "application/grpc+proto": {
      client: [
        preface(),
        open2(1, "POST", "/pkg.Service/Method", "content-type: application/grpc+proto", "te: trailers") +
          lastData(1, grpcMessage("ask")),
        got(1),
      ],
      routes: [toCluster("/other", "a")],
    },
    "a route for gRPC only": {
      client: [preface(), call(), got(1), get2(3), got(2)],
      upstreams: { a: grpcAnswer(0, ["hello"]) },
      routes: [{ match: { prefix: "/", grpc: {} }, route: { cluster: "a" } }],
    },
    "a status in a response's head, and a body": {
      client: [preface(), call(), got(1)],
      upstreams: {
        a: head2(200, "content-type: application/grpc", "grpc-status: 0") + lastData(THIS, grpcMessage("x")),
      },
    },
  }),
  ...cases(
    "deadlines",
    {
      "grpc-timeout is passed on": {
        client: [preface(), call(1, "grpc-timeout: 10S"), got(1)],
        upstreams: { a: grpcAnswer(0) },
      },
      "a route timeout": {
        client: [preface(), call(), got(1)],
        routes: [toCluster("/", "a", { timeout: "0.1s" })],
        upstreams: { a: { answers: [[NEVER]] } },
      },
      "max_grpc_timeout 0: the client's": {
        client: [preface(), call(1, "grpc-timeout: 100m"), got(1)],
        routes: [toCluster("/", "a", { max_grpc_timeout: "0s" })],
        upstreams: { a: { answers: [[NEVER]] } },
      },
      "max_grpc_timeout is less": {
        client: [preface(), call(1, "grpc-timeout: 10S"), got(1)],
        routes: [toCluster("/", "a", { max_grpc_timeout: "0.1s" })],
        upstreams: { a: { answers: [[NEVER]] } },
      },
      "max_stream_duration: grpc_timeout_header_max": {
        client: [preface(), call(1, "grpc-timeout: 100m"), got(1)],
        routes: [toCluster("/", "a", { max_stream_duration: { grpc_timeout_header_max: "0s" } })],
        upstreams: { a: { answers: [[NEVER]] } },
      },
      "a timeout after the answer has begun": {
        client: [preface(), call(), got(1)],
        routes: [toCluster("/", "a", { timeout: "0.5s" })],
        upstreams: { a: { answers: [[head2(200, "content-type: application/grpc"), NEVER]] } },
      },
    },
    {
      mask: [
        [/grpc-timeout: \d+m$/, "grpc-timeout: {left}"],
        [/rq-timeout-ms: \d+$/, "rq-timeout-ms: {left}"],
      ],
    },
  ),
  ...cases(
    "retries",
    {
      ...Object.fromEntries(
        (
          [
            ["cancelled", 1],
            ["deadline-exceeded", 4],
            ["internal", 13],
            ["resource-exhausted", 8],
            ["unavailable", 14],
          ] as const
        ).map(([condition, status]) => [
          condition,
          {
            client: [preface(), call(), got(1)],
            upstreams: { a: { answers: [statusOnly(status), grpcAnswer(0, ["again"])] } },
            routes: [toCluster("/", "a", { retry_policy: { retry_on: condition } })],
          },
        ]),
      ),
      "unavailable is no other": {
        client: [preface(), call(), got(1)],
        upstreams: { a: { answers: [statusOnly(13), grpcAnswer(0, ["again"])] } },
        routes: [toCluster("/", "a", { retry_policy: { retry_on: "unavailable" } })],
      },
      "unavailable in trailers is too late": {
        client: [preface(), call(), got(1)],
        upstreams: { a: { answers: [grpcAnswer(14), grpcAnswer(0, ["again"])] } },
        routes: [toCluster("/", "a", { retry_policy: { retry_on: "unavailable" } })],
      },
      "unavailable asked for by the caller": {
        client: [preface(), call(1, "x-envoy-retry-grpc-on: unavailable", "x-envoy-max-retries: 1"), got(1)],
        upstreams: { a: { answers: [statusOnly(14), grpcAnswer(0, ["again"])] } },
      },
      "unavailable: a reset is none": {
        client: [preface(), call(), got(1)],
        upstreams: { a: { answers: [resetStream(THIS, "REFUSED_STREAM"), grpcAnswer(0, ["again"])] } },
        routes: [toCluster("/", "a", { retry_policy: { retry_on: "unavailable" } })],
      },
      "all in vain": {
        client: [preface(), call(), got(1)],
        upstreams: { a: statusOnly(14) },
        routes: [toCluster("/", "a", { retry_policy: { retry_on: "unavailable", num_retries: 2 } })],
      },
    },
    {
      stats: ["cluster.a.upstream_rq_retry", "cluster.a.upstream_rq_retry_success", "cluster.a.upstream_rq_total"],
      mask: [[/rq-timeout-ms: \d+$/, "rq-timeout-ms: {left}"]],
    },
  ),
  ...cases(
    "statistics",
    {
      success: { client: [preface(), call(), got(1)], upstreams: { a: grpcAnswer(0, ["one", "two"]) } },
      failure: { client: [preface(), call(), got(1)], upstreams: { a: grpcAnswer(5) } },
      "trailers only": { client: [preface(), call(), got(1)], upstreams: { a: statusOnly(14) } },
    },
    {
      filters: [GRPC_STATS],
      stats: ["success", "failure", "total", "0", "5", "14", "request_message_count", "response_message_count"].map(
        (name) => `cluster.a.grpc.pkg.Service.Method.${name}`,
      ),
    },
  ),
];
