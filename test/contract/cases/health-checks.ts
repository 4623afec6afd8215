/** Active health checks. The checks go to upstream `h`, requests to `a`; nothing panics, so that an unhealthy host shows as 503. */
import { type ContractCase, type JsonObject, REFUSED } from "../harness/case.ts";
import { CLOSE, RESET, answer, chunked, endpoint, gate, get, got, head, seen, stat } from "../harness/steps.ts";

const HTTP: JsonObject = { http_health_check: { path: "/health" } };
const http = (fields: JsonObject): JsonObject => ({ http_health_check: { path: "/health", ...fields } });
const tcp = (fields: JsonObject): JsonObject => ({ tcp_health_check: fields });
const NO_PANIC: JsonObject = { healthy_panic_threshold: { value: 0 } };

/** One check; the next would come when the case is over, unless the case says otherwise. */
const check = (fields: JsonObject): JsonObject => ({
  timeout: "5s",
  interval: "60s",
  unhealthy_threshold: 2,
  healthy_threshold: 2,
  ...fields,
});

/** An endpoint that is checked at `h`. */
const host = (config: JsonObject = {}): JsonObject => {
  const address = { socket_address: { address: "127.0.0.1", port_value: "{port a}" } };
  return { endpoint: { address, health_check_config: { port_value: "{port h}", ...config } } };
};

const checked = (
  fields: JsonObject,
  more: JsonObject = {},
  config: JsonObject = {},
): Pick<ContractCase, "clusters"> => ({
  clusters: { a: { endpoints: [host(config)], health_checks: [check(fields)], common_lb_config: NO_PANIC, ...more } },
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
  "membership_degraded",
  "membership_excluded",
].map((name) => `cluster.a.${name}`);

const OK = answer(200, "h");
const HANGS = [gate("never")];
const one = [get(), got(1)];
const FAST: JsonObject = { no_traffic_interval: "0.1s" };
const after = (name: string, value: number) => [stat(`cluster.a.health_check.${name}`, value), ...one];

export const CASES: readonly ContractCase[] = [
  { name: "a check that passes", feature: "Health checks: HTTP", ...checked(HTTP), client: one, stats: STATS },
  {
    name: "a check that is answered with 503",
    feature: "Health checks: HTTP",
    ...checked(HTTP),
    upstreams: { h: answer(503) },
    client: one,
    stats: STATS,
  },
  {
    name: "nobody listens",
    feature: "Health checks: HTTP",
    ...checked(HTTP),
    upstreams: { h: REFUSED },
    client: one,
    stats: STATS,
  },
  {
    name: "no answer in time",
    feature: "Health checks: timeout",
    ...checked({ ...HTTP, timeout: "0.2s" }),
    upstreams: { h: { answers: [HANGS] } },
    client: one,
    stats: STATS,
  },
  {
    name: "the connection is reset",
    feature: "Health checks: HTTP",
    ...checked(HTTP),
    upstreams: { h: { answers: [[RESET]] } },
    client: one,
    stats: STATS,
  },
  {
    name: "the connection closes instead of an answer",
    feature: "Health checks: HTTP",
    ...checked(HTTP),
    upstreams: { h: { answers: [[CLOSE]] } },
    client: one,
    stats: STATS,
  },
  {
    name: "the answer is no HTTP",
    feature: "Health checks: HTTP",
    ...checked(HTTP),
    upstreams: { h: "hello\r\n\r\n" },
    client: one,
    stats: STATS,
  },
  {
    name: "an answer in chunks",
    feature: "Health checks: HTTP",
    ...checked(HTTP),
    upstreams: { h: head("HTTP/1.1 200 OK", "transfer-encoding: chunked") + chunked(["fine"]) },
    client: one,
    stats: STATS,
  },
  {
    name: "204 is not expected",
    feature: "Health checks: expected_statuses",
    ...checked(HTTP),
    upstreams: { h: head("HTTP/1.1 204 No Content") },
    client: one,
    stats: STATS,
  },
  {
    name: "204 is expected",
    feature: "Health checks: expected_statuses",
    ...checked(http({ expected_statuses: [{ start: 204, end: 205 }] })),
    upstreams: { h: head("HTTP/1.1 204 No Content") },
    client: one,
    stats: STATS,
  },
  {
    name: "where others are expected, 200 is not",
    feature: "Health checks: expected_statuses",
    ...checked(http({ expected_statuses: [{ start: 201, end: 300 }] })),
    client: one,
    stats: STATS,
  },
  {
    name: "the host of the check",
    feature: "Health checks: the request",
    ...checked(http({ host: "check.test" })),
    client: one,
  },
  {
    name: "the endpoint's hostname for checks",
    feature: "Health checks: the request",
    ...checked(http({ host: "check.test" }), {}, { hostname: "own.test" }),
    client: one,
  },
  {
    name: "method and headers",
    feature: "Health checks: the request",
    ...checked(
      http({
        method: "HEAD",
        request_headers_to_add: [{ header: { key: "X-One", value: "1" } }, { header: { key: "x-two", value: "2" } }],
      }),
    ),
    upstreams: { h: head("HTTP/1.1 200 OK") },
    client: one,
  },
  {
    name: "OPTIONS",
    feature: "Health checks: the request",
    ...checked(http({ method: "OPTIONS" })),
    client: one,
  },
  {
    name: "a status that is not retriable fails at once",
    feature: "Health checks: thresholds",
    ...checked({ ...HTTP, no_traffic_healthy_interval: "0.1s" }),
    upstreams: { h: { answers: [OK, answer(503)] } },
    client: after("failure", 1),
    stats: STATS,
  },
  {
    name: "a retriable one fails at the threshold",
    feature: "Health checks: retriable_statuses",
    ...checked({ ...http({ retriable_statuses: [{ start: 503, end: 504 }] }), ...FAST }),
    upstreams: { h: { answers: [OK, answer(503), answer(503), HANGS] } },
    client: [...after("failure", 2), seen("h", 4)],
    stats: STATS,
  },
  {
    name: "a retriable one before the threshold",
    feature: "Health checks: retriable_statuses",
    ...checked({
      ...http({ retriable_statuses: [{ start: 503, end: 504 }] }),
      no_traffic_healthy_interval: "0.1s",
    }),
    upstreams: { h: { answers: [OK, answer(503)] } },
    client: after("failure", 1),
    stats: STATS,
  },
  {
    name: "resets fail at the threshold",
    feature: "Health checks: thresholds",
    ...checked({ ...HTTP, ...FAST }),
    upstreams: { h: { answers: [OK, [RESET], [RESET], HANGS] } },
    client: [...after("failure", 2), seen("h", 4)],
    stats: STATS,
  },
  {
    name: "a success between them begins the count anew",
    feature: "Health checks: thresholds",
    ...checked({ ...HTTP, ...FAST }),
    upstreams: { h: { answers: [OK, [RESET], OK, [RESET], OK, HANGS] } },
    client: [...after("success", 3), seen("h", 6)],
    stats: STATS,
  },
  {
    name: "who has failed is healthy at the threshold",
    feature: "Health checks: thresholds",
    ...checked({ ...HTTP, ...FAST }),
    upstreams: { h: { answers: [answer(503), OK, OK, HANGS] } },
    client: [...after("healthy", 1), seen("h", 4)],
    stats: STATS,
  },
  {
    name: "and not before",
    feature: "Health checks: thresholds",
    ...checked({ ...HTTP, ...FAST }),
    upstreams: { h: { answers: [answer(503), OK, HANGS] } },
    client: [...after("success", 1), seen("h", 3)],
    stats: STATS,
  },
  {
    name: "connections are used again",
    feature: "Health checks: reuse_connection",
    ...checked({ ...HTTP, ...FAST }),
    upstreams: { h: { answers: [OK, OK, HANGS] } },
    client: [...after("success", 2), seen("h", 3)],
  },
  {
    name: "or are not",
    feature: "Health checks: reuse_connection",
    ...checked({ ...HTTP, ...FAST, reuse_connection: false }),
    upstreams: { h: { answers: [OK, OK, HANGS] } },
    client: [...after("success", 2), seen("h", 3)],
  },
  {
    name: "the host wants its connection closed",
    feature: "Health checks: reuse_connection",
    ...checked({ ...HTTP, ...FAST }),
    upstreams: { h: { answers: [answer(200, "h", "connection: close"), HANGS] } },
    client: [...after("success", 1), seen("h", 2)],
  },
  {
    name: "a host that says it is degraded",
    feature: "Health checks: x-envoy-degraded",
    ...checked(HTTP),
    upstreams: { h: answer(200, "h", "x-envoy-degraded: 1") },
    client: one,
    stats: STATS,
  },
  {
    name: "and then no more",
    feature: "Health checks: x-envoy-degraded",
    ...checked({ ...HTTP, ...FAST }),
    upstreams: { h: { answers: [answer(200, "h", "x-envoy-degraded: 1"), OK, HANGS] } },
    client: [...after("success", 2), seen("h", 3)],
    stats: STATS,
  },
  {
    name: "an endpoint that is not to be checked",
    feature: "Health checks: endpoints",
    ...checked(HTTP, {}, { disable_active_health_check: true }),
    client: one,
    stats: STATS,
  },
  {
    name: "one of two fails",
    feature: "Health checks: endpoints",
    clusters: {
      a: {
        endpoints: [host(), endpoint("b")],
        health_checks: [check(HTTP)],
        common_lb_config: NO_PANIC,
      },
    },
    upstreams: { h: answer(500) },
    client: [get(), get(), get(), got(3)],
    stats: STATS,
  },
  {
    name: "new hosts do not count until they are checked",
    feature: "Health checks: ignore_new_hosts_until_first_hc",
    ...checked(HTTP, { common_lb_config: { ...NO_PANIC, ignore_new_hosts_until_first_hc: true } }),
    upstreams: { h: answer(503) },
    client: one,
    stats: STATS,
  },
  { name: "a connection is enough", feature: "Health checks: TCP", ...checked(tcp({})), client: one, stats: STATS },
  {
    name: "no connection",
    feature: "Health checks: TCP",
    ...checked(tcp({})),
    upstreams: { h: REFUSED },
    client: one,
    stats: STATS,
  },
  {
    name: "bytes are sent and expected",
    feature: "Health checks: TCP",
    // GET / and 200
    ...checked(
      tcp({ send: { text: Buffer.from(get()).toString("hex") }, receive: [{ text: "323030" }, { text: "68" }] }),
    ),
    client: one,
    stats: STATS,
  },
  {
    name: "they do not come",
    feature: "Health checks: TCP",
    ...checked({
      ...tcp({ send: { text: Buffer.from(get()).toString("hex") }, receive: [{ text: "7a7a7a" }] }),
      timeout: "0.2s",
    }),
    client: one,
    stats: STATS,
  },
  {
    name: "they come in another order",
    feature: "Health checks: TCP",
    ...checked({
      ...tcp({
        send: { text: Buffer.from(get()).toString("hex") },
        receive: [{ text: "0d0a0d0a" }, { text: "323030" }],
      }),
      timeout: "0.2s",
    }),
    client: one,
    stats: STATS,
  },
  ...(
    [
      ["a status range that is empty", http({ expected_statuses: [{ start: 300, end: 200 }] })],
      ["a status range below 100", http({ expected_statuses: [{ start: 0, end: 200 }] })],
      ["a status range above 600", http({ retriable_statuses: [{ start: 300, end: 900 }] })],
      ["a payload that is no hexadecimal", tcp({ send: { text: "zz" } })],
      ["a path that is empty", http({ path: "" })],
      ["gRPC without HTTP/2", { grpc_health_check: {} }],
      ["no threshold", { ...HTTP, unhealthy_threshold: null }],
    ] as const
  ).map(([name, fields]): ContractCase => ({
    name: `${name} is refused`,
    feature: "Health checks: what is refused",
    ...checked(fields as JsonObject),
    client: [],
    refused: true,
  })),
];
