/** When a request is tried again, where, how often, and what the upstream hears of it. */
import { REFUSED } from "../harness/case.ts";
import type { Answer, ContractCase, JsonObject, Upstream } from "../harness/case.ts";
import {
  answer,
  chunked,
  CLOSE,
  elapse,
  ended,
  gate,
  get,
  got,
  head,
  open,
  post,
  RESET,
  seen,
  stat,
  toCluster,
} from "../harness/steps.ts";

/** No waiting where the case is not about it. */
const AT_ONCE = { retry_back_off: { base_interval: "0.001s", max_interval: "0.001s" } };
const COUNTS = [
  "cluster.a.upstream_rq_total",
  "cluster.a.upstream_rq_retry",
  "cluster.a.upstream_rq_retry_success",
  "cluster.a.upstream_rq_retry_limit_exceeded",
  "cluster.a.upstream_rq_retry_overflow",
  "cluster.a.upstream_rq_rx_reset",
  "cluster.a.upstream_rq_tx_reset",
];
const TRUSTING = {
  use_remote_address: true,
  internal_address_config: { cidr_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }] },
};
/** What is left of the route's timeout; who asked. */
const MASK: NonNullable<ContractCase["mask"]> = [
  [/x-envoy-expected-rq-timeout-ms: \d+/g, "x-envoy-expected-rq-timeout-ms: {rest}"],
  [/x-forwarded-for: .*/g, "x-forwarded-for: {peer}"],
];

interface Retrying {
  readonly policy: JsonObject;
  readonly answers: readonly Answer[];
  readonly client?: ContractCase["client"];
  readonly more?: Partial<ContractCase>;
}

function retrying(feature: string, rows: Readonly<Record<string, Retrying>>): ContractCase[] {
  return Object.entries(rows).map(([name, { policy, answers, client = [get(), got(1)], more = {} }]) => ({
    name,
    feature: `Retries: ${feature}`,
    routes: [toCluster("/", "a", { retry_policy: { ...AT_ONCE, ...policy } })],
    upstreams: { a: { answers } },
    client,
    stats: COUNTS,
    ...more,
  }));
}

const OK = answer(200, "ok");
const conditions = (retry_on: string, status: number, ...lines: string[]): Retrying => ({
  policy: { retry_on },
  answers: [answer(status, "bad", ...lines), OK],
});

/** Two hosts, one after the other: which of them is first is chance, so the first answer each is what counts. */
const twoHosts = (
  policy: JsonObject,
  a1: Upstream,
  a2: Upstream,
): Pick<ContractCase, "routes" | "clusters" | "upstreams"> => ({
  routes: [toCluster("/", "a", { retry_policy: { ...AT_ONCE, ...policy } })],
  clusters: { a: { lb_policy: "ROUND_ROBIN", endpoints: ["a1", "a2"] } },
  upstreams: { a1, a2 },
});

const PREVIOUS_HOSTS = {
  retry_host_predicate: [
    {
      name: "envoy.retry_host_predicates.previous_hosts",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
      },
    },
  ],
  host_selection_retry_max_attempts: 5,
};

const ALL: readonly ContractCase[] = [
  ...retrying("conditions on statuses", {
    "5xx: 500": conditions("5xx", 500),
    "5xx: 599": conditions("5xx", 599),
    "5xx: not 499": conditions("5xx", 499),
    "gateway-error: 502": conditions("gateway-error", 502),
    "gateway-error: 504": conditions("gateway-error", 504),
    "gateway-error: not 500": conditions("gateway-error", 500),
    "retriable-4xx: 409": conditions("retriable-4xx", 409),
    "retriable-4xx: not 404": conditions("retriable-4xx", 404),
    "retriable-status-codes without codes: nothing": conditions("retriable-status-codes", 503),
    "retriable-status-codes": {
      policy: { retry_on: "retriable-status-codes", retriable_status_codes: [418, 503] },
      answers: [answer(418), answer(503), OK],
    },
    "codes without the condition: nothing": {
      policy: { retry_on: "reset", retriable_status_codes: [503] },
      answers: [answer(503, "bad"), OK],
    },
    "several conditions": conditions("connect-failure,retriable-4xx, gateway-error", 503),
    "a condition that nobody knows is ignored": conditions("nonsense,5xx", 503),
    "envoy-ratelimited": conditions("envoy-ratelimited", 429, "x-envoy-ratelimited: true"),
    "an answer that says it is rate limited is not tried again under 5xx": conditions(
      "5xx",
      503,
      "x-envoy-ratelimited: true",
    ),
    "no policy at all": { policy: {}, answers: [answer(503, "bad"), OK] },
  }),
  ...retrying("conditions on headers", {
    "retriable-headers": {
      policy: {
        retry_on: "retriable-headers",
        retriable_headers: [{ name: "x-again", string_match: { exact: "yes" } }],
      },
      answers: [answer(200, "bad", "x-again: yes"), answer(200, "good", "x-again: no")],
    },
    "retriable-headers: :status": {
      policy: {
        retry_on: "retriable-headers",
        retriable_headers: [{ name: ":status", string_match: { exact: "201" } }],
      },
      answers: [answer(201, "bad"), OK],
    },
    "retriable_request_headers: the request has none of them": {
      policy: { retry_on: "5xx", retriable_request_headers: [{ name: "x-may", present_match: true }] },
      answers: [answer(503, "bad"), OK],
    },
    "retriable_request_headers: it has": {
      policy: { retry_on: "5xx", retriable_request_headers: [{ name: "x-may", present_match: true }] },
      answers: [answer(503, "bad"), OK],
      client: [get("/", "x-may: 1"), got(1)],
    },
  }),
  ...retrying("gRPC conditions", {
    "unavailable, in the head": conditions("unavailable", 200, "grpc-status: 14", "content-type: application/grpc"),
    cancelled: conditions("cancelled", 200, "grpc-status: 1"),
    "deadline-exceeded": conditions("deadline-exceeded", 200, "grpc-status: 4"),
    "resource-exhausted": conditions("resource-exhausted", 200, "grpc-status: 8"),
    internal: conditions("internal", 200, "grpc-status: 13"),
    "another status": conditions("unavailable,internal", 200, "grpc-status: 2"),
  }),
  ...retrying("conditions on resets", {
    "reset: the upstream closes without an answer": { policy: { retry_on: "reset" }, answers: [[CLOSE], OK] },
    "reset: the upstream resets": { policy: { retry_on: "reset" }, answers: [[RESET], OK] },
    "5xx: the upstream closes without an answer": { policy: { retry_on: "5xx" }, answers: [[CLOSE], OK] },
    "gateway-error: the upstream closes without an answer": {
      policy: { retry_on: "gateway-error" },
      answers: [[CLOSE], OK],
    },
    "connect-failure: not after the request was sent": {
      policy: { retry_on: "connect-failure" },
      answers: [[CLOSE], OK],
    },
    "reset-before-request: not after the request was sent": {
      policy: { retry_on: "reset-before-request" },
      answers: [[CLOSE], OK],
    },
    "garbage counts as a reset": { policy: { retry_on: "reset" }, answers: ["NONSENSE\r\n\r\n", OK] },
    "not once the answer has begun": {
      policy: { retry_on: "5xx,reset" },
      answers: [[head("HTTP/1.1 200 OK", "content-length: 5") + "he", CLOSE], OK],
      client: [get(), ended()],
    },
  }),
  {
    name: "connect-failure: the other host is asked, with previous_hosts",
    feature: "Retries: connect failures",
    ...twoHosts({ retry_on: "connect-failure", num_retries: 3, ...PREVIOUS_HOSTS }, OK, REFUSED),
    client: [get(), got(1), get(), got(2), get(), got(3)],
  },
  {
    name: "connect-failure: a POST with its body",
    feature: "Retries: connect failures",
    ...twoHosts({ retry_on: "connect-failure", num_retries: 3, ...PREVIOUS_HOSTS }, OK, REFUSED),
    client: [post("hello"), got(1), post("world"), got(2)],
  },
  {
    name: "reset-before-request: a connect failure is before the request",
    feature: "Retries: connect failures",
    ...twoHosts({ retry_on: "reset-before-request", num_retries: 3, ...PREVIOUS_HOSTS }, OK, REFUSED),
    client: [get(), got(1), get(), got(2)],
  },
  {
    name: "nobody listens anywhere: the last failure is told",
    feature: "Retries: connect failures",
    routes: [toCluster("/", "a", { retry_policy: { ...AT_ONCE, retry_on: "connect-failure", num_retries: 2 } })],
    upstreams: { a: REFUSED },
    client: [get(), got(1)],
    stats: [...COUNTS, "cluster.a.upstream_cx_connect_fail", "cluster.a.upstream_rq_503"],
  },
  ...retrying("how often", {
    "num_retries 1 is the default": { policy: { retry_on: "5xx" }, answers: [answer(500, "1"), answer(501, "2"), OK] },
    "num_retries 3": {
      policy: { retry_on: "5xx", num_retries: 3 },
      answers: [answer(500), answer(500), answer(500), OK],
    },
    "num_retries 0": { policy: { retry_on: "5xx", num_retries: 0 }, answers: [answer(500, "bad"), OK] },
    "the last answer is the client's": {
      policy: { retry_on: "5xx", num_retries: 2 },
      answers: [answer(500, "1"), answer(501, "2"), answer(502, "3", "x-last: yes")],
      more: {
        stats: [...COUNTS, "cluster.a.upstream_rq_500", "cluster.a.upstream_rq_502", "cluster.a.retry.upstream_rq_500"],
      },
    },
    "the last reset is the client's": {
      policy: { retry_on: "reset", num_retries: 2 },
      answers: [[CLOSE]],
    },
    "the connection of an answer that is not taken is used again": {
      policy: { retry_on: "5xx" },
      answers: [answer(500, "bad"), OK],
      more: { stats: ["cluster.a.upstream_cx_total", "cluster.a.upstream_cx_active"] },
    },
    "an answer that goes on is cut off": {
      policy: { retry_on: "5xx" },
      answers: [[head("HTTP/1.1 500 X", "content-length: 10") + "bad", gate("never")], OK],
      more: { stats: ["cluster.a.upstream_cx_total"] },
    },
  }),
  ...retrying("the request's body", {
    "a body is sent again": {
      policy: { retry_on: "5xx" },
      answers: [answer(500), OK],
      client: [post("hello"), got(1)],
    },
    "a chunked body is sent again": {
      policy: { retry_on: "5xx" },
      answers: [answer(500), OK],
      client: [
        head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked") + chunked(["hello", "world"]),
        got(1),
      ],
    },
    "a body that comes in pieces is sent again as a whole": {
      policy: { retry_on: "5xx" },
      answers: [answer(500), OK],
      client: [
        head("POST / HTTP/1.1", "Host: a.test", "content-length: 10"),
        seen("a", "POST"),
        "hello",
        seen("a", "hello"),
        "world",
        got(1),
      ],
    },
    "a body over the limit is sent once": {
      policy: { retry_on: "5xx" },
      answers: [answer(500, "bad"), OK],
      client: [post("x".repeat(2000)), got(1)],
      more: {
        virtualHost: { per_request_buffer_limit_bytes: 1000 },
        stats: [...COUNTS, "cluster.a.retry_or_shadow_abandoned"],
      },
    },
  }),
  ...retrying("back-off", {
    "rate-limited: retry-after in seconds": {
      policy: {
        retry_on: "5xx",
        rate_limited_retry_back_off: {
          reset_headers: [{ name: "Retry-After", format: "SECONDS" }],
          max_interval: "2s",
        },
      },
      answers: [answer(503, "bad", "retry-after: 1"), OK],
      more: {
        stats: [
          ...COUNTS,
          "cluster.a.upstream_rq_retry_backoff_ratelimited",
          "cluster.a.upstream_rq_retry_backoff_exponential",
        ],
      },
    },
    "rate-limited: more than the most": {
      policy: {
        retry_on: "5xx",
        rate_limited_retry_back_off: {
          reset_headers: [{ name: "Retry-After", format: "SECONDS" }],
          max_interval: "2s",
        },
      },
      answers: [answer(503, "bad", "retry-after: 100"), OK],
      more: {
        stats: [
          ...COUNTS,
          "cluster.a.upstream_rq_retry_backoff_ratelimited",
          "cluster.a.upstream_rq_retry_backoff_exponential",
        ],
      },
    },
    "exponential is counted": {
      policy: { retry_on: "5xx", num_retries: 3 },
      answers: [answer(503), answer(503), OK],
      more: { stats: ["cluster.a.upstream_rq_retry_backoff_exponential"] },
    },
  }),
  ...["retry_policy of the virtual host", "retry_policy of the route hides the virtual host's"].map(
    (name, i): ContractCase => ({
      name,
      feature: "Retries: levels",
      routes: [toCluster("/", "a", i === 0 ? {} : { retry_policy: { retry_on: "retriable-4xx" } })],
      virtualHost: { retry_policy: { ...AT_ONCE, retry_on: "5xx" } },
      upstreams: { a: { answers: [answer(503, "bad"), OK] } },
      client: [get(), got(1)],
      stats: COUNTS,
    }),
  ),
  {
    name: "attempt counts in request and response",
    feature: "Retries: headers",
    routes: [toCluster("/", "a", { retry_policy: { ...AT_ONCE, retry_on: "5xx", num_retries: 2 } })],
    virtualHost: { include_request_attempt_count: true, include_attempt_count_in_response: true },
    upstreams: { a: { answers: [answer(500), answer(500), OK] } },
    client: [get(), got(1), get("/again", "x-envoy-attempt-count: 7"), got(2)],
  },
  {
    name: "x-envoy-is-timeout-retry",
    feature: "Retries: headers",
    routes: [
      toCluster("/", "a", { retry_policy: { ...AT_ONCE, retry_on: "5xx", num_retries: 2, per_try_timeout: "0.1s" } }),
    ],
    virtualHost: { include_is_timeout_retry_header: true, include_request_attempt_count: true },
    upstreams: { a: { answers: [[gate("never")], answer(500), OK] } },
    client: [get(), got(1)],
  },
  {
    name: "per_try_timeout: the next attempt",
    feature: "Retries: per_try_timeout",
    routes: [toCluster("/", "a", { retry_policy: { ...AT_ONCE, retry_on: "5xx", per_try_timeout: "0.2s" } })],
    upstreams: { a: { answers: [[gate("never")], OK] } },
    client: [get(), got(1)],
    stats: [
      ...COUNTS,
      "cluster.a.upstream_rq_per_try_timeout",
      "cluster.a.upstream_rq_timeout",
      "cluster.a.upstream_rq_tx_reset",
    ],
  },
  {
    name: "per_try_timeout: none is left",
    feature: "Retries: per_try_timeout",
    routes: [toCluster("/", "a", { retry_policy: { ...AT_ONCE, retry_on: "reset", per_try_timeout: "0.1s" } })],
    upstreams: { a: { answers: [[gate("never")]] } },
    client: [get(), got(1)],
    stats: [...COUNTS, "cluster.a.upstream_rq_per_try_timeout", "cluster.a.upstream_rq_504"],
  },
  {
    name: "per_try_timeout: conditions that do not say so do not try again",
    feature: "Retries: per_try_timeout",
    routes: [
      toCluster("/", "a", { retry_policy: { ...AT_ONCE, retry_on: "connect-failure", per_try_timeout: "0.1s" } }),
    ],
    upstreams: { a: { answers: [[gate("never")]] } },
    client: [get(), got(1)],
    stats: [...COUNTS, "cluster.a.upstream_rq_per_try_timeout"],
  },
  {
    name: "per_try_timeout runs from the end of the request",
    feature: "Retries: per_try_timeout",
    routes: [toCluster("/", "a", { retry_policy: { ...AT_ONCE, retry_on: "5xx", per_try_timeout: "0.2s" } })],
    upstreams: { a: { answers: [OK] } },
    client: [
      head("POST / HTTP/1.1", "Host: a.test", "content-length: 5"),
      seen("a", "POST"),
      elapse(400),
      "hello",
      got(1),
    ],
    stats: ["cluster.a.upstream_rq_per_try_timeout"],
  },
  {
    name: "per_try_timeout that is longer than the route's is none",
    feature: "Retries: per_try_timeout",
    routes: [
      toCluster("/", "a", { timeout: "0.2s", retry_policy: { ...AT_ONCE, retry_on: "5xx", per_try_timeout: "0.3s" } }),
    ],
    upstreams: { a: { answers: [[gate("never")]] } },
    client: [get(), got(1)],
    stats: [...COUNTS, "cluster.a.upstream_rq_per_try_timeout", "cluster.a.upstream_rq_timeout"],
  },
  {
    name: "per_try_idle_timeout: the next attempt",
    feature: "Retries: per_try_idle_timeout",
    routes: [toCluster("/", "a", { retry_policy: { ...AT_ONCE, retry_on: "5xx", per_try_idle_timeout: "0.2s" } })],
    upstreams: { a: { answers: [[gate("never")], OK] } },
    client: [get(), got(1)],
    stats: [...COUNTS, "cluster.a.upstream_rq_per_try_idle_timeout", "cluster.a.upstream_rq_per_try_timeout"],
  },
  {
    name: "the route's timeout covers all attempts",
    feature: "Retries: route timeout",
    routes: [toCluster("/", "a", { timeout: "0.3s", retry_policy: { ...AT_ONCE, retry_on: "5xx", num_retries: 5 } })],
    upstreams: { a: { answers: [answer(500), answer(500), [gate("never")]] } },
    client: [get(), got(1)],
    stats: [...COUNTS, "cluster.a.upstream_rq_timeout"],
  },
  {
    name: "the circuit breaker for retries",
    feature: "Retries: circuit breaker",
    routes: [toCluster("/", "a", { retry_policy: { ...AT_ONCE, retry_on: "5xx" } })],
    clusters: { a: { circuit_breakers: { thresholds: [{ max_retries: 0 }] } } },
    upstreams: { a: { answers: [answer(503, "bad"), OK] } },
    client: [get(), got(1)],
    stats: COUNTS,
  },
  ...(
    [
      ["x-envoy-retry-on", ["x-envoy-retry-on: 5xx"], [answer(503), OK]],
      ["x-envoy-retry-grpc-on", ["x-envoy-retry-grpc-on: unavailable"], [answer(200, "bad", "grpc-status: 14"), OK]],
      [
        "x-envoy-max-retries",
        ["x-envoy-retry-on: 5xx", "x-envoy-max-retries: 3"],
        [answer(503), answer(503), answer(503), OK],
      ],
      ["x-envoy-max-retries: 0", ["x-envoy-retry-on: 5xx", "x-envoy-max-retries: 0"], [answer(503, "bad"), OK]],
      [
        "x-envoy-retriable-status-codes",
        ["x-envoy-retry-on: retriable-status-codes", "x-envoy-retriable-status-codes: 404,418"],
        [answer(404), OK],
      ],
      [
        "x-envoy-retriable-header-names",
        ["x-envoy-retry-on: retriable-headers", "x-envoy-retriable-header-names: x-a,X-B"],
        [answer(200, "bad", "x-b: 1"), OK],
      ],
    ] as const
  ).map(([name, lines, answers]): ContractCase => ({
    name: `${name}, from a trusted client`,
    feature: "Retries: x-envoy headers",
    manager: TRUSTING,
    upstreams: { a: { answers } },
    client: [get("/", ...lines), got(1)],
    stats: COUNTS,
  })),
  {
    name: "x-envoy-retry-on, from anybody: removed",
    feature: "Retries: x-envoy headers",
    upstreams: { a: { answers: [answer(503, "bad"), OK] } },
    client: [get("/", "x-envoy-retry-on: 5xx", "x-envoy-max-retries: 3"), got(1)],
    stats: COUNTS,
  },
  {
    name: "hedging: the slow attempt and the next one, the next one answers",
    feature: "Retries: hedging",
    routes: [
      toCluster("/", "a", {
        hedge_policy: { hedge_on_per_try_timeout: true },
        retry_policy: { ...AT_ONCE, retry_on: "5xx", per_try_timeout: "0.2s" },
      }),
    ],
    upstreams: { a: { answers: [[gate("never")], OK] } },
    client: [get(), got(1)],
    stats: [...COUNTS, "cluster.a.upstream_rq_per_try_timeout"],
  },
  {
    name: "hedging: the slow attempt answers after all",
    feature: "Retries: hedging",
    routes: [
      toCluster("/", "a", {
        hedge_policy: { hedge_on_per_try_timeout: true },
        retry_policy: { ...AT_ONCE, retry_on: "5xx", per_try_timeout: "0.2s" },
      }),
    ],
    upstreams: { a: { answers: [[gate("slow"), answer(200, "slow")], [gate("never")]] } },
    client: [get(), seen("a", 2), open("slow"), got(1)],
    stats: [...COUNTS, "cluster.a.upstream_rq_per_try_timeout"],
  },
  {
    name: "hedging: a bad answer waits for the other attempt",
    feature: "Retries: hedging",
    routes: [
      toCluster("/", "a", {
        hedge_policy: { hedge_on_per_try_timeout: true },
        retry_policy: { ...AT_ONCE, retry_on: "5xx", per_try_timeout: "0.2s" },
      }),
    ],
    upstreams: { a: { answers: [[gate("slow"), answer(200, "slow")], answer(500, "bad")] } },
    client: [get(), stat("cluster.a.upstream_rq_retry", 1), seen("a", 2), elapse(100), open("slow"), got(1)],
    stats: [...COUNTS, "cluster.a.upstream_rq_200", "cluster.a.upstream_rq_500"],
  },
];

export const CASES: readonly ContractCase[] = ALL.map((each) => ({ ...each, mask: MASK }));
