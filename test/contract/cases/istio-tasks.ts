/** What Istio's documentation tasks show, and features together that its reference describes apart. */
import type { ContractCase } from "../harness/case.ts";
import { TO_V1, TO_V2, echo, rows } from "../harness/istio.ts";
import { RESET, answer, gate, get, got, open, seen, send, stat } from "../harness/steps.ts";

const V1 = "route: [{ destination: { host: echo, subset: v1 } }]";
const FAILS = { v1: { answers: [answer(503, "no"), answer(503, "no"), answer(200, "v1")] }, v2: answer(200, "v2") };

export const CASES: readonly ContractCase[] = [
  ...rows([
    {
      name: "request routing: a user goes to v2, everybody else to v1",
      feature: "tasks",
      http: `
  - match: [{ headers: { end-user: { exact: jason } } }]
    route: [{ destination: { host: echo, subset: v2 } }]
  - ${V1}`,
      requests: [
        { headers: ["end-user: jason"], expect: TO_V2 },
        { headers: ["end-user: Jason"], expect: TO_V1 },
        { headers: ["End-User: jason"], expect: TO_V2 },
        { expect: TO_V1 },
      ],
    },
    {
      name: "fault injection: abort for a user",
      feature: "tasks",
      http: `
  - match: [{ headers: { end-user: { exact: jason } } }]
    fault: { abort: { percentage: { value: 100.0 }, httpStatus: 500 } }
    ${V1}
  - ${V1}`,
      requests: [
        { headers: ["end-user: jason"], expect: { status: 500, body: "fault filter abort" } },
        { expect: TO_V1 },
      ],
    },
    {
      name: "fault injection: a delay longer than the timeout",
      feature: "tasks",
      http: `
  - fault: { delay: { percentage: { value: 100 }, fixedDelay: 0.3s } }
    timeout: 0.1s
    ${V1}`,
      requests: [{ expect: TO_V1 }],
    },
    {
      name: "fault abort is not retried",
      feature: "features together",
      http: `
  - fault: { abort: { percentage: { value: 100 }, httpStatus: 503 } }
    retries: { attempts: 3, retryOn: 5xx }
    ${V1}`,
      requests: [{ expect: { status: 503, body: "fault filter abort" } }],
    },
    {
      name: "fault: gRPC status",
      feature: "features together",
      http: `
  - fault: { abort: { percentage: { value: 100 }, grpcStatus: UNAVAILABLE } }
    ${V1}`,
      requests: [
        { headers: ["content-type: application/grpc"], expect: { status: 200, got: ["grpc-status: 14"] } },
        { expect: { status: 200, body: "fault filter abort" } },
      ],
    },
    {
      name: "cors and fault: Istio injects faults before it looks at origins",
      feature: "features together",
      http: `
  - corsPolicy: { allowOrigins: [{ exact: "http://a.test" }], allowMethods: [GET, PUT], allowHeaders: [x-a], exposeHeaders: [x-e], maxAge: 24h, allowCredentials: true }
    fault: { abort: { percentage: { value: 100 }, httpStatus: 418 } }
    ${V1}`,
      requests: [
        {
          headers: ["origin: http://a.test"],
          expect: { status: 418, notGot: ["access-control"] },
        },
        {
          method: "OPTIONS",
          headers: ["origin: http://a.test", "access-control-request-method: PUT"],
          expect: { status: 418, body: "fault filter abort" },
        },
      ],
    },
    {
      name: "retries and headers: an attempt's headers are the route's and the destination's",
      feature: "features together",
      http: `
  - headers: { request: { set: { x-r: route }, add: { x-l: route } }, response: { add: { x-o: route } } }
    retries: { attempts: 3, retryOn: "503" }
    timeout: 0s
    route:
    - destination: { host: echo, subset: v1 }
      headers: { request: { set: { x-d: dest }, add: { x-l: dest }, remove: [x-gone] }, response: { add: { x-o: dest }, remove: [x-up] } }`,
      requests: [
        {
          headers: ["x-gone: 1", "x-r: client"],
          expect: {
            status: 200,
            body: "v1",
            sent: ["x-r: route", "x-d: dest"],
            notSent: ["x-gone"],
            got: ["x-o: dest", "x-o: route"],
          },
        },
      ],
      with: { upstreams: FAILS },
    },
    {
      name: "rewrite and retries: the path is rewritten once",
      feature: "features together",
      http: `
  - match: [{ uri: { prefix: /api/ } }]
    rewrite: { uri: /, authority: inner.test }
    retries: { attempts: 3, retryOn: 5xx }
    timeout: 0s
    ${V1}`,
      requests: [{ path: "/api/x?y=/api/", expect: { status: 200, sent: ["GET /x?y=/api/", "inner.test"] } }],
      with: { upstreams: FAILS },
    },
    {
      name: "a rewrite by regex keeps the query",
      feature: "features together",
      http: `
  - match: [{ uri: { regex: "/v[0-9]+/.*" } }]
    rewrite: { uriRegexRewrite: { match: "^/v([0-9]+)/(.*)$", rewrite: '/\\2/\\1' } }
    ${V1}`,
      requests: [{ path: "/v7/a/b?c=d", expect: { status: 200, sent: ["GET /a/b/7?c=d"] } }],
    },
    {
      name: "a redirect beside a match of query parameters",
      feature: "features together",
      http: `
  - match: [{ uri: { exact: /old }, queryParams: { v: { exact: "1" } } }]
    redirect: { uri: /new, authority: other.test, redirectCode: 308, scheme: https }
  - ${V1}`,
      requests: [
        { path: "/old?v=1", expect: { status: 308, got: ["location: https://other.test/new"] } },
        { path: "/old?v=2", expect: TO_V1 },
      ],
    },
    {
      name: "a redirect that derives its port",
      feature: "features together",
      http: `
  - match: [{ uri: { prefix: /a } }]
    redirect: { derivePort: FROM_REQUEST_PORT, authority: other.test }
  - redirect: { port: 8443, scheme: https }`,
      requests: [
        { path: "/a", expect: { status: 301 } },
        { path: "/b?c", expect: { status: 301, got: ["location: https://echo:8443/b?c"] } },
      ],
    },
    {
      name: "a direct response with headers",
      feature: "features together",
      http: `
  - match: [{ uri: { prefix: /d } }]
    directResponse: { status: 503, body: { string: "down" } }
    headers: { response: { set: { retry-after: "10" } } }
  - ${V1}`,
      requests: [{ path: "/d", expect: { status: 503, body: "down", got: ["retry-after: 10"] } }, { expect: TO_V1 }],
    },
    {
      name: "ignoreUriCase with a prefix and a rewrite",
      feature: "features together",
      http: `
  - match: [{ uri: { prefix: /API }, ignoreUriCase: true }]
    rewrite: { uri: /x }
    ${V1}`,
      requests: [{ path: "/api/a", expect: { status: 200, sent: ["GET /x/a"] } }],
    },
    {
      name: "several conditions in one match, several matches in one route",
      feature: "features together",
      http: `
  - match:
    - uri: { prefix: /a }
      method: { exact: POST }
      headers: { x-a: { regex: "[0-9]+" } }
      withoutHeaders: { x-b: {} }
    - authority: { prefix: echo.other }
    route: [{ destination: { host: echo, subset: v2 } }]
  - ${V1}`,
      requests: [
        { method: "POST", path: "/a", headers: ["x-a: 12", "content-length: 0"], expect: TO_V2 },
        { method: "POST", path: "/a", headers: ["x-a: 12", "x-b: 1", "content-length: 0"], expect: TO_V1 },
        { method: "POST", path: "/a", headers: ["x-a: 1x", "content-length: 0"], expect: TO_V1 },
        { path: "/a", headers: ["x-a: 12"], expect: TO_V1 },
      ],
    },
    {
      name: "weights of 0 and 100",
      feature: "tasks",
      http: `
  - route:
    - { destination: { host: echo, subset: v1 }, weight: 0 }
    - { destination: { host: echo, subset: v2 }, weight: 100 }`,
      requests: [{ expect: TO_V2 }, { expect: TO_V2 }, { expect: TO_V2 }],
    },
    {
      name: "no route matches",
      feature: "features together",
      http: `
  - match: [{ uri: { exact: /only } }]
    ${V1}`,
      requests: [
        { path: "/only", expect: TO_V1 },
        { path: "/other", expect: { status: 404 } },
      ],
    },
    {
      name: "a subset that has no workload",
      feature: "features together",
      http: `
  - route: [{ destination: { host: echo, subset: nobody } }]`,
      requests: [{ expect: { status: 503, body: "no healthy upstream" } }],
    },
    {
      name: "a subset that no rule defines",
      feature: "features together",
      http: `
  - route: [{ destination: { host: echo, subset: v9 } }]`,
      requests: [{ expect: { status: 503 } }],
    },
    {
      name: "a timeout while the application is slow",
      feature: "tasks",
      http: `
  - timeout: 0.2s
    ${V1}`,
      requests: [{ expect: { status: 504, body: "upstream request timeout" } }],
      with: { upstreams: { v1: { answers: [[gate("never")]] }, v2: answer(200, "v2") } },
    },
    {
      name: "a try's timeout, then the retry",
      feature: "features together",
      http: `
  - timeout: 3s
    retries: { attempts: 2, perTryTimeout: 0.2s, retryOn: "gateway-error,reset" }
    ${V1}`,
      requests: [{ expect: TO_V1 }],
      with: {
        upstreams: { v1: { answers: [[gate("never")], answer(200, "v1")] }, v2: answer(200, "v2") },
      },
    },
    {
      name: "a reset once the request was sent is not retried by default",
      feature: "features together",
      http: `
  - timeout: 0s
    ${V1}`,
      requests: [{ expect: { status: 503 } }],
      with: { upstreams: { v1: { answers: [[RESET], answer(200, "v1")] }, v2: answer(200, "v2") } },
    },
    {
      name: "attempts: 0 turns the default off",
      feature: "features together",
      http: `
  - retries: { attempts: 0 }
    ${V1}`,
      requests: [{ expect: { status: 503 } }],
      with: { upstreams: { v1: { answers: [[RESET], answer(200, "v1")] }, v2: answer(200, "v2") } },
    },
    {
      name: "a mirror of retried requests gets one copy",
      feature: "features together",
      http: `
  - mirror: { host: echo, subset: v2 }
    mirrorPercentage: { value: 100 }
    retries: { attempts: 3, retryOn: 5xx }
    timeout: 0s
    ${V1}`,
      requests: [{ expect: TO_V1 }],
      with: {
        upstreams: FAILS,
        client: [get("/", "Host: echo"), got(1), seen("v2", 1)],
        stats: ["cluster.outbound|80|v2|echo.default.svc.cluster.local.upstream_rq_total"],
      },
    },
  ]),
  {
    name: "circuit breaking: one connection, one waiting request",
    feature: "DestinationRule: tasks",
    istio: echo(
      `
  - ${V1}`,
      `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: breaker }
spec:
  host: echo
  trafficPolicy:
    connectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1, maxRequestsPerConnection: 1 } }
    outlierDetection: { consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 3m, maxEjectionPercent: 100 }`,
    ),
    upstreams: { v1: { answers: [[gate("go"), answer(200, "v1")]] }, v2: answer(200, "v2") },
    client: [
      get("/1", "Host: echo"),
      seen("v1", 1),
      send("d", get("/2", "Host: echo")),
      stat("cluster.outbound|80|v1|echo.default.svc.cluster.local.upstream_rq_pending_active", 1),
      send("e", get("/3", "Host: echo")),
      got(1, "e"),
      open("go"),
      got(1),
      got(1, "d"),
    ],
  },
];
