/** VirtualServices: retries and timeouts, Istio's defaults among them. */
import type { ContractCase } from "../harness/case.ts";
import { REFUSED } from "../harness/case.ts";
import { routed, rows, TO_V1, TO_V2 } from "../harness/istio.ts";
import type { Row } from "../harness/istio.ts";
import { answer, CLOSE, elapse, gate, get, got, head, open, request, RESET, seen } from "../harness/steps.ts";

/** Which of two endpoints is asked first is not fixed. */
const ATTEMPTS = [[/^x-envoy-attempt-count: \d$/, "x-envoy-attempt-count: {n}"]] as const;
const retrying = (fields: string): string => routed(`    retries: { ${fields} }`);
const hanging = { answers: [[gate("never")]] } as const;

/** With chance, a host that was tried before comes up five more times once in sixty-four. */
const ONE_AFTER_ANOTHER = `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo-balancing }
spec: { host: echo, trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } } }`;

/** The statuses that v1 answers one after another, the last one again and again. */
const statuses = (...codes: readonly number[]) => ({
  upstreams: { v1: { answers: codes.map((code) => answer(code, `a${code}`)) } },
});

const ROWS: readonly Row[] = [
  {
    name: "by default a connect failure goes to another endpoint, whatever the method",
    feature: "retries: defaults",
    http: "",
    requests: [
      { expect: TO_V2 },
      { method: "POST", headers: ["content-length: 0"], expect: TO_V2 },
      { method: "DELETE", expect: TO_V2 },
    ],
    with: { upstreams: { v1: REFUSED }, mask: ATTEMPTS },
  },
  {
    name: "the default holds in a route of a VirtualService too",
    feature: "retries: defaults",
    http: `
  - route: [{ destination: { host: echo } }]`,
    requests: [{ expect: TO_V2 }, { expect: TO_V2 }],
    with: { upstreams: { v1: REFUSED }, mask: ATTEMPTS },
  },
  {
    name: "by default a backend's 503 is not retried",
    feature: "retries: defaults",
    http: routed(""),
    requests: [{ expect: { status: 503, body: "a503" } }],
    with: { ...statuses(503, 200), stats: ["cluster.outbound|80|v1|echo.default.svc.cluster.local.upstream_rq_retry"] },
  },
  {
    name: "by default a reset after the request was sent is not retried",
    feature: "retries: defaults",
    http: routed(""),
    requests: [{ expect: { status: 503 } }],
    with: { upstreams: { v1: { answers: [[RESET], answer(200, "v1")] } } },
  },
  {
    name: "a connect failure of the only endpoint is tried three times",
    feature: "retries: defaults",
    http: routed(""),
    requests: [{ expect: { status: 503 } }],
    with: {
      upstreams: { v1: REFUSED },
      stats: ["cluster.outbound|80|v1|echo.default.svc.cluster.local.upstream_cx_connect_fail"],
    },
  },
  {
    name: "attempts: 0 switches retries off",
    feature: "retries: attempts",
    http: retrying("attempts: 0"),
    requests: [{ expect: { status: 503 } }],
    with: {
      upstreams: { v1: REFUSED },
      stats: ["cluster.outbound|80|v1|echo.default.svc.cluster.local.upstream_cx_connect_fail"],
    },
  },
  {
    name: "attempts: N is N + 1 tries, which the backend is told",
    feature: "retries: attempts",
    http: retrying("attempts: 3, retryOn: 5xx, backoff: 1ms"),
    requests: [
      {
        expect: {
          status: 500,
          body: "a500",
          sent: ["x-envoy-attempt-count: 4"],
          notSent: ["x-envoy-attempt-count: 5"],
        },
      },
    ],
    with: statuses(500),
  },
  {
    name: "retries end with the first answer that is good",
    feature: "retries: attempts",
    http: retrying("attempts: 3, retryOn: 5xx, backoff: 1ms"),
    requests: [
      {
        expect: {
          status: 200,
          body: "a200",
          sent: ["x-envoy-attempt-count: 2"],
          notSent: ["x-envoy-attempt-count: 3"],
        },
      },
    ],
    with: statuses(502, 200, 500),
  },
  {
    name: "the last answer is the client's, whatever it is",
    feature: "retries: attempts",
    http: retrying("attempts: 1, retryOn: 5xx, backoff: 1ms"),
    requests: [{ expect: { status: 501, body: "a501" } }],
    with: statuses(500, 501, 200),
  },
  {
    name: "without retryOn the conditions are the default ones",
    feature: "retries: retryOn",
    http: retrying("attempts: 2"),
    requests: [{ expect: { status: 503, body: "a503" } }],
    with: statuses(503, 200),
  },
  {
    name: "without retryOn a per-try timeout is not retried",
    feature: "retries: perTryTimeout",
    http: retrying("attempts: 2, perTryTimeout: 0.1s"),
    requests: [{ expect: { status: 504, body: "upstream request timeout" } }],
    with: { upstreams: { v1: hanging } },
  },
  {
    name: "a per-try timeout is retried as a gateway error",
    feature: "retries: perTryTimeout",
    http: retrying("attempts: 1, perTryTimeout: 0.2s, retryOn: gateway-error, backoff: 1ms"),
    requests: [{ expect: TO_V1 }],
    with: { upstreams: { v1: { answers: [[gate("never")], answer(200, "v1")] } } },
  },
  {
    name: "the timeout is of all tries together",
    feature: "timeout",
    http: routed(`    timeout: 0.5s
    retries: { attempts: 9, perTryTimeout: 0.2s, retryOn: gateway-error, backoff: 1ms }`),
    requests: [{ expect: { status: 504, body: "upstream request timeout" } }],
    with: {
      upstreams: { v1: hanging },
      mask: [[/^x-envoy-expected-rq-timeout-ms: \d{1,2}$/, "x-envoy-expected-rq-timeout-ms: {rest}"]],
    },
  },
  {
    name: "a client may not change timeouts and retries by x-envoy headers unless it is internal",
    feature: "timeout",
    http: routed(""),
    requests: [
      {
        headers: ["x-envoy-retry-on: 5xx", "x-envoy-max-retries: 5", "x-envoy-upstream-rq-timeout-ms: 100"],
        expect: { status: 500, body: "a500" },
      },
    ],
    with: statuses(500, 200),
  },
  {
    name: "without a timeout an answer is waited for",
    feature: "timeout",
    http: routed(""),
    requests: [],
    with: {
      client: [get("/", "Host: echo"), seen("v1", 1), elapse(300), open("go"), got(1)],
      expect: { answers: ["200 v1"] },
      upstreams: { v1: { answers: [[gate("go"), answer(200, "v1")]] } },
    },
  },
  ...[
    ["5xx", 500, true],
    ["5xx", 404, false],
    ["gateway-error", 502, true],
    ["gateway-error", 503, true],
    ["gateway-error", 504, true],
    ["gateway-error", 500, false],
    ["retriable-4xx", 409, true],
    ["retriable-4xx", 404, false],
    ["retriable-4xx", 429, false],
    ["429", 429, true],
    ["429", 503, false],
    ["retriable-status-codes,418", 418, true],
    ["connect-failure,503", 503, true],
    ["envoy-ratelimited", 429, false],
    ["reset", 503, false],
  ].map(([on, status, retried]): Row => ({
    name: `retryOn ${on}: ${status} ${retried ? "is retried" : "is not"}`,
    feature: "retries: retryOn",
    http: retrying(`attempts: 1, retryOn: "${on}", backoff: 1ms`),
    requests: [{ expect: retried ? { status: 200, body: "a200" } : { status: status as number, body: `a${status}` } }],
    with: statuses(status as number, 200),
  })),
  ...["5xx", "gateway-error", "reset"].map((on): Row => ({
    name: `retryOn ${on}: a reset after the request was sent is retried`,
    feature: "retries: retryOn",
    http: retrying(`attempts: 1, retryOn: ${on}, backoff: 1ms`),
    requests: [{ expect: TO_V1 }],
    with: { upstreams: { v1: { answers: [[RESET], answer(200, "v1")] } } },
  })),
  {
    name: "retryOn reset: a connection closed before the answer is retried",
    feature: "retries: retryOn",
    http: retrying("attempts: 1, retryOn: reset, backoff: 1ms"),
    requests: [{ expect: TO_V1 }],
    with: { upstreams: { v1: { answers: [[CLOSE], answer(200, "v1")] } } },
  },
  {
    name: "nothing is retried once the answer has begun",
    feature: "retries: retryOn",
    http: retrying("attempts: 1, retryOn: reset, backoff: 1ms"),
    requests: [],
    with: {
      client: [get("/", "Host: echo"), got("partial")],
      expect: { got: ["partial"] },
      upstreams: {
        v1: { answers: [[head("HTTP/1.1 200 OK", "content-length: 20") + "partial", RESET], answer(200, "v1")] },
      },
    },
  },
  {
    name: "gRPC: unavailable and cancelled are retried by default, other statuses are not",
    feature: "retries: defaults",
    http: routed(""),
    requests: [
      {
        path: "/unavailable",
        method: "POST",
        headers: ["content-type: application/grpc", "content-length: 0"],
        expect: { status: 200, got: ["x-try: 2"] },
      },
      {
        path: "/internal",
        method: "POST",
        headers: ["content-type: application/grpc", "content-length: 0"],
        expect: { status: 200, got: ["x-try: 3"] },
      },
    ],
    with: {
      upstreams: {
        v1: {
          answers: [
            answer(200, "", "grpc-status: 14", "x-try: 1"),
            answer(200, "", "grpc-status: 0", "x-try: 2"),
            answer(200, "", "grpc-status: 13", "x-try: 3"),
            answer(200, "", "grpc-status: 0", "x-try: 4"),
          ],
        },
      },
    },
  },
  {
    name: "a try that failed is followed by one at another endpoint",
    feature: "retries: retryIgnorePreviousHosts",
    http: `
  - route: [{ destination: { host: echo } }]
    retries: { attempts: 1, retryOn: 5xx, backoff: 1ms }`,
    more: ONE_AFTER_ANOTHER,
    requests: [500, 500, 500].map((status) => ({ expect: { status } })),
    with: { upstreams: { v1: answer(500), v2: answer(500) }, mask: ATTEMPTS },
  },
  {
    name: "a POST's body is sent again",
    feature: "retries: retryOn",
    http: retrying("attempts: 1, retryOn: 5xx, backoff: 1ms"),
    requests: [],
    with: {
      client: [request("POST", "/", "Host: echo", "content-length: 5") + "hello", got(1), seen("v1", 2)],
      expect: { answers: ["200 a200"], sent: ["hello"] },
      ...statuses(500, 200),
    },
  },
  {
    name: "grpc-timeout holds up to the route's timeout, also without one",
    feature: "timeout",
    http: routed(""),
    requests: [
      {
        method: "POST",
        headers: ["content-type: application/grpc", "grpc-timeout: 200m", "content-length: 0"],
        expect: { status: 200, got: ["grpc-status: 14", "grpc-message: upstream request timeout"] },
      },
    ],
    with: { upstreams: { v1: hanging } },
  },
  {
    name: "the route's timeout caps grpc-timeout",
    feature: "timeout",
    http: routed("    timeout: 0.2s"),
    requests: [
      {
        method: "POST",
        headers: ["content-type: application/grpc", "grpc-timeout: 100S", "content-length: 0"],
        expect: { status: 200, got: ["grpc-status: 14", "grpc-message: upstream request timeout"] },
      },
    ],
    with: { upstreams: { v1: hanging } },
  },
];

export const CASES: readonly ContractCase[] = rows(ROWS);
