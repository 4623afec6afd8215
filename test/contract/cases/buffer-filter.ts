/** The buffer filter: requests wait until they are complete. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import {
  answer,
  chunked,
  elapse,
  ended,
  get,
  got,
  inTurn,
  post,
  request,
  seen,
  toCluster,
  typed,
} from "../harness/steps.ts";

const FEATURE = "Buffer filter: requests";
const NAME = "envoy.filters.http.buffer";

function buffer(fields: JsonObject = { max_request_bytes: 10 }): readonly JsonObject[] {
  return [{ name: NAME, typed_config: typed("extensions.filters.http.buffer.v3.Buffer", fields) }];
}

function ofRoute(fields: JsonObject): JsonObject {
  return { typed_per_filter_config: { [NAME]: typed("extensions.filters.http.buffer.v3.BufferPerRoute", fields) } };
}

const CHUNKED = request("POST", "/", "transfer-encoding: chunked");
const LOG = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_RECEIVED%";

export const CASES: readonly ContractCase[] = [
  {
    name: "a request is sent when it is complete",
    feature: FEATURE,
    filters: buffer(),
    upstreams: { a: { answers: [answer(200, "ok")], early: true } },
    client: [request("POST", "/", "content-length: 6"), elapse(60), "abc", elapse(60), "def", got(1)],
  },
  {
    name: "what is chunked gets a length",
    feature: FEATURE,
    filters: buffer(),
    client: inTurn(CHUNKED + chunked(["abc", "def"]), CHUNKED + chunked([])),
  },
  {
    name: "nothing to wait for",
    feature: FEATURE,
    filters: buffer(),
    client: inTurn(get(), post(""), post("abc"), request("HEAD", "/")),
  },
  {
    name: "more than may be is 413",
    feature: FEATURE,
    filters: buffer(),
    client: [post("0123456789"), got(1), post("0123456789a"), got(2), ended()],
    accessLog: LOG,
  },
  {
    name: "more than may be, in pieces",
    feature: FEATURE,
    filters: buffer(),
    client: [CHUNKED, "6\r\nabcdef\r\n", elapse(60), "6\r\nabcdef\r\n", got(1), ended()],
    accessLog: LOG,
  },
  {
    name: "more than may be, for gRPC",
    feature: FEATURE,
    filters: buffer(),
    client: [post("0123456789a", "content-type: application/grpc"), got(1), ended()],
  },
  {
    name: "with trailers",
    feature: FEATURE,
    filters: buffer(),
    manager: { http_protocol_options: { enable_trailers: true } },
    clusters: { a: { http_protocol_options: { enable_trailers: true } } },
    client: [CHUNKED + chunked(["abc"], "x-t: 1")],
  },
  {
    name: "a limit above the listener's",
    feature: FEATURE,
    filters: buffer({ max_request_bytes: 100_000 }),
    listener: { per_connection_buffer_limit_bytes: 1000 },
    client: [request("POST", "/", "content-length: 50000"), "x".repeat(25_000), elapse(50), "y".repeat(25_000), got(1)],
    mask: [[/^(x+)(y+)$/, "{body}"]],
  },
  {
    name: "routes have limits of their own, or none",
    feature: FEATURE,
    filters: buffer(),
    routes: [
      { ...toCluster("/own", "a"), ...ofRoute({ buffer: { max_request_bytes: 3 } }) },
      { ...toCluster("/off", "a"), ...ofRoute({ disabled: true }) },
      toCluster("/", "a"),
    ],
    client: [
      request("POST", "/off", "content-length: 20"),
      seen("a", "/off"),
      "x".repeat(20),
      got(1),
      request("POST", "/own", "content-length: 4") + "abcd",
      got(2),
      ended(),
    ],
  },
  {
    name: "retries have the whole request",
    feature: FEATURE,
    filters: buffer({ max_request_bytes: 1000 }),
    routes: [toCluster("/", "a", { retry_policy: { retry_on: "5xx" } })],
    upstreams: { a: { answers: [answer(503), answer(200, "ok")] } },
    client: [CHUNKED + chunked(["abc", "def"])],
    mask: [[/^(x-envoy-expected-rq-timeout-ms): \d+$/, "$1: {ms}"]],
  },
  {
    name: "refused: no limit",
    feature: FEATURE,
    filters: buffer({}),
    refused: true,
    client: [get()],
  },
  {
    name: "refused: a limit of nothing",
    feature: FEATURE,
    filters: buffer({ max_request_bytes: 0 }),
    refused: true,
    client: [get()],
  },
  {
    name: "refused: a route that says nothing",
    feature: FEATURE,
    filters: buffer(),
    routes: [{ ...toCluster("/", "a"), ...ofRoute({}) }],
    refused: true,
    client: [get()],
  },
];
