/** Active health checks over gRPC, and over HTTP/2. The checks go to upstream `h`, requests to `a`; nothing panics, so that an unhealthy host shows as 503. */
import { type ContractCase, type JsonObject, REFUSED } from "../harness/case.ts";
import { http2Cluster } from "../harness/http2/config.ts";
import {
  answer2,
  data,
  frame,
  goaway,
  grpcAnswer,
  grpcMessage,
  head2,
  lastData,
  resetStream,
  THIS_STREAM,
  trailers,
} from "../harness/http2/frames.ts";
import { type Row, casesOf } from "../harness/rows.ts";
import { CLOSE, RESET, answer, endpoint, gate, get, got, header, seen, stat } from "../harness/steps.ts";

const NO_PANIC: JsonObject = { healthy_panic_threshold: { value: 0 } };

const check = (fields: JsonObject): JsonObject => ({
  timeout: "5s",
  interval: "60s",
  unhealthy_threshold: 2,
  healthy_threshold: 2,
  ...fields,
});
const grpc = (fields: JsonObject = {}): JsonObject => ({ grpc_health_check: fields });

/** @param config of the endpoint's checks, which go to `h` */
const checked = (
  fields: JsonObject,
  config: JsonObject = {},
  cluster: JsonObject = http2Cluster(),
): Pick<ContractCase, "clusters"> => ({
  clusters: {
    a: {
      endpoints: [
        endpoint("a", {
          endpoint: {
            address: { socket_address: { address: "127.0.0.1", port_value: "{port a}" } },
            health_check_config: { port_value: "{port h}", ...config },
          },
        }),
      ],
      health_checks: [check(fields)],
      common_lb_config: NO_PANIC,
      ...cluster,
    },
  },
});

const STATS = [
  "health_check.attempt",
  "health_check.success",
  "health_check.failure",
  "health_check.network_failure",
  "health_check.passive_failure",
  "health_check.healthy",
  "health_check.degraded",
  "membership_healthy",
].map((name) => `cluster.a.${name}`);

const SERVING = "\b\x01";
const NOT_SERVING = "\b\x02";
const SERVICE_UNKNOWN = "\b\x03";
const OK = grpcAnswer(0, [SERVING]);
const one = [get(), got(1)];
const FAST: JsonObject = { no_traffic_interval: "0.1s", no_traffic_healthy_interval: "0.1s" };
const after = (name: string, value: number) => [stat(`cluster.a.health_check.${name}`, value), ...one];
const HANGS = [gate("never")];

/** What `h` answers to each check. */
const answered = (h: NonNullable<ContractCase["upstreams"]>[string], fields: JsonObject = {}): Row => ({
  client: one,
  ...checked({ ...grpc(), ...fields }),
  upstreams: { h, a: answer2(200, "a") },
});

const REQUESTS: Readonly<Record<string, Row>> = {
  "of a cluster": answered(OK),
  service_name: { ...answered(OK), ...checked(grpc({ service_name: "echo.Echo" })) },
  "a long service_name": { ...answered(OK), ...checked(grpc({ service_name: "x".repeat(200) })) },
  authority: { ...answered(OK), ...checked(grpc({ authority: "check.test" })) },
  "the endpoint's hostname": {
    ...answered(OK),
    ...checked(grpc({ authority: "check.test" }), { hostname: "own.test" }),
  },
  initial_metadata: {
    ...answered(OK),
    ...checked(grpc({ initial_metadata: [header("X-One", "1"), header("x-two", "2"), header("x-two", "3")] })),
  },
  "initial_metadata that overwrites": {
    ...answered(OK),
    ...checked(
      grpc({
        initial_metadata: [
          header("user-agent", "mine", "OVERWRITE_IF_EXISTS_OR_ADD"),
          header("x-one", "1"),
          header("x-one", "2", "ADD_IF_ABSENT"),
        ],
      }),
    ),
  },
};

const ANSWERS: Readonly<Record<string, Row>> = {
  SERVING: answered(OK),
  NOT_SERVING: answered(grpcAnswer(0, [NOT_SERVING])),
  SERVICE_UNKNOWN: answered(grpcAnswer(0, [SERVICE_UNKNOWN])),
  "an empty message": answered(grpcAnswer(0, [""])),
  "no message": answered(grpcAnswer(0, [])),
  "SERVING, and a status that is not OK": answered(grpcAnswer(2, [SERVING])),
  "a status without a message": answered(grpcAnswer(14, [])),
  "a status at once": answered(answer2(200, "", "content-type: application/grpc", "grpc-status: 12")),
  "two messages": answered(grpcAnswer(0, [SERVING, SERVING])),
  "an empty message before it": answered(grpcAnswer(0, ["", SERVING])),
  "a message that is none": answered(grpcAnswer(0, ["\xff\xff\xff"])),
  "a compressed message": answered(
    head2(200, "content-type: application/grpc") +
      data(THIS_STREAM, grpcMessage(SERVING).replace(/^\0/, "\x01")) +
      trailers(THIS_STREAM, "grpc-status: 0"),
  ),
  "part of a message": answered(
    head2(200, "content-type: application/grpc") +
      data(THIS_STREAM, grpcMessage(SERVING).slice(0, 6)) +
      trailers(THIS_STREAM, "grpc-status: 0"),
  ),
  "a message in two frames": answered(
    head2(200, "content-type: application/grpc") +
      data(THIS_STREAM, grpcMessage(SERVING).slice(0, 3)) +
      data(THIS_STREAM, grpcMessage(SERVING).slice(3)) +
      trailers(THIS_STREAM, "grpc-status: 0"),
  ),
  "no trailers": answered(head2(200, "content-type: application/grpc") + lastData(THIS_STREAM, grpcMessage(SERVING))),
  "trailers without a status": answered(
    head2(200, "content-type: application/grpc") +
      data(THIS_STREAM, grpcMessage(SERVING)) +
      trailers(THIS_STREAM, "x-a: 1"),
  ),
  "another content type": answered(answer2(200, "hello", "content-type: text/plain")),
  "application/grpc+proto": answered(
    head2(200, "content-type: application/grpc+proto") +
      data(THIS_STREAM, grpcMessage(SERVING)) +
      trailers(THIS_STREAM, "grpc-status: 0"),
  ),
  "503": answered(answer2(503, "no")),
  "404 and its status": answered(
    head2(404, "content-type: application/grpc") + data(THIS_STREAM, "") + trailers(THIS_STREAM, "grpc-status: 0"),
  ),
  "the stream is reset": answered({ answers: [resetStream(THIS_STREAM, "REFUSED_STREAM")] }),
  "the connection closes": answered({ answers: [[CLOSE]] }),
  "the connection is reset": answered({ answers: [[RESET]] }),
  "the connection goes away, then SERVING": answered({ answers: [goaway(1) + OK] }),
  "the connection goes away for an error, then SERVING": answered({
    answers: [goaway(1, "INTERNAL_ERROR") + OK],
  }),
  "the connection goes away, the check is not looked at": answered({ answers: [goaway(0)] }),
  "nobody is there": answered(REFUSED),
  "no answer in time": answered({ answers: [HANGS] }, { timeout: "0.2s" }),
  "half an answer in time": answered(
    { answers: [[head2(200, "content-type: application/grpc"), gate("never")]] },
    { timeout: "0.2s" },
  ),
  "bytes that are no frames": answered({ answers: [frame(0, 0, 0, "xyz")] }),
};

const COURSES: Readonly<Record<string, Row>> = {
  "NOT_SERVING counts at once": {
    ...answered({ answers: [OK, grpcAnswer(0, [NOT_SERVING]), HANGS] }, FAST),
    client: [...after("failure", 1), seen("h", 2)],
  },
  "resets count at the threshold": {
    ...answered({ answers: [OK, resetStream(THIS_STREAM), resetStream(THIS_STREAM), HANGS] }, FAST),
    client: after("failure", 2),
  },
  "a timeout counts at the threshold": {
    ...answered({ answers: [OK, HANGS] }, { no_traffic_healthy_interval: "0.1s", timeout: "0.2s" }),
    client: after("failure", 1),
  },
  "checks share a connection": {
    ...answered({ answers: [OK, OK, OK, HANGS] }, FAST),
    client: after("attempt", 4),
  },
  "or do not": {
    ...answered({ answers: [OK, OK, HANGS] }, { ...FAST, reuse_connection: false }),
    client: after("attempt", 3),
  },
  "a connection that has gone away is not used again": {
    ...answered({ answers: [OK + goaway(1), OK, HANGS] }, FAST),
    client: after("attempt", 3),
  },
  "after a wrong answer the connection is used again": {
    ...answered({ answers: [answer2(200, "x"), OK, HANGS] }, FAST),
    client: after("attempt", 3),
  },
  "unhealthy, then healthy at the threshold": {
    ...answered({ answers: [grpcAnswer(0, [NOT_SERVING]), OK, OK, HANGS] }, FAST),
    client: after("success", 2),
  },
};

const REFUSALS: Readonly<Record<string, Row>> = {
  "a cluster of HTTP/1.1": { client: [], refused: true, ...checked(grpc(), {}, {}) },
};

const http = (fields: JsonObject = {}): JsonObject => ({
  http_health_check: { path: "/health", codec_client_type: "HTTP2", ...fields },
});
const over2 = (h: NonNullable<ContractCase["upstreams"]>[string], fields: JsonObject = {}): Row => ({
  client: one,
  ...checked({ ...http(), ...fields }),
  upstreams: { h, a: answer2(200, "a") },
});
const HTTP2: Readonly<Record<string, Row>> = {
  "200": over2(answer2(200, "h")),
  "503": over2(answer2(503, "h")),
  "204 without a body": over2(answer2(204)),
  "host, method and headers": {
    ...over2(answer2(200)),
    ...checked(http({ host: "check.test", method: "HEAD", request_headers_to_add: [header("X-One", "1")] })),
  },
  "a cluster of HTTP/1.1": {
    ...over2(answer2(200, "h")),
    ...checked(http(), {}, {}),
    upstreams: { h: answer2(200, "h"), a: answer(200, "a") },
  },
  trailers: over2(head2(200) + data(THIS_STREAM, "x") + trailers(THIS_STREAM, "x-a: 1")),
  "the stream is reset": over2({ answers: [resetStream(THIS_STREAM)] }),
  "the connection closes": over2({ answers: [[CLOSE]] }),
  "checks share a connection": {
    ...over2({ answers: [answer2(200), answer2(200), HANGS] }, FAST),
    client: after("attempt", 3),
  },
  "or do not": {
    ...over2({ answers: [answer2(200), answer2(200), HANGS] }, { ...FAST, reuse_connection: false }),
    client: after("attempt", 3),
  },
  "the connection goes away, then 200": over2({ answers: [goaway(1) + answer2(200, "h")] }),
  "a connection that has gone away is not used again": {
    ...over2({ answers: [answer2(200) + goaway(1), answer2(200), HANGS] }, FAST),
    client: after("attempt", 3),
  },
  "no answer in time": over2({ answers: [HANGS] }, { timeout: "0.2s" }),
  "x-envoy-degraded": over2(answer2(200, "h", "x-envoy-degraded: 1")),
};

export const CASES: readonly ContractCase[] = [
  ...casesOf("Health checks", "gRPC: the request", REQUESTS, {}),
  ...casesOf("Health checks", "gRPC: answers", ANSWERS, { stats: STATS }),
  ...casesOf("Health checks", "gRPC: from check to check", COURSES, { stats: STATS }),
  ...casesOf("Health checks", "gRPC: refused", REFUSALS, {}),
  ...casesOf("Health checks", "HTTP/2", HTTP2, { stats: STATS }),
];
