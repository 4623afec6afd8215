/** VirtualServices: faults. */
import { rows, TO_V1 } from "../harness/istio.ts";
import type { Row } from "../harness/istio.ts";
import type { ContractCase } from "../harness/case.ts";
import { answer, gate, get, got } from "../harness/steps.ts";

const ALWAYS = "percentage: { value: 100 }";
const NEVER = "percentage: { value: 0 }";
const faulty = (fault: string, more = ""): string => `
  - route: [{ destination: { host: echo, subset: v1 } }]
    fault: { ${fault} }${more}`;

const ROWS: readonly Row[] = [
  {
    name: "an abort by HTTP status",
    feature: "fault: abort",
    http: faulty(`abort: { httpStatus: 418, ${ALWAYS} }`),
    requests: [{ expect: { status: 418, body: "fault filter abort" } }],
    with: { stats: ["cluster.outbound|80|v1|echo.default.svc.cluster.local.upstream_rq_total"] },
  },
  {
    name: "an abort without percentage, or of 0, never happens",
    feature: "fault: abort",
    http: `
  - match: [{ uri: { prefix: /none } }]
    route: [{ destination: { host: echo, subset: v1 } }]
    fault: { abort: { httpStatus: 500 } }
  - route: [{ destination: { host: echo, subset: v1 } }]
    fault: { abort: { httpStatus: 500, ${NEVER} } }`,
    requests: [
      { path: "/none", expect: TO_V1 },
      { path: "/zero", expect: TO_V1 },
    ],
  },
  {
    name: "an abort by gRPC status, to a gRPC client and to another",
    feature: "fault: abort",
    http: faulty(`abort: { grpcStatus: UNAVAILABLE, ${ALWAYS} }`),
    requests: [
      { expect: { status: 200, body: "fault filter abort", got: ["grpc-status: 14"] } },
      {
        method: "POST",
        headers: ["content-type: application/grpc", "content-length: 0"],
        expect: { status: 200, got: ["grpc-status: 14"] },
      },
    ],
  },
  {
    name: "an HTTP abort to a gRPC client",
    feature: "fault: abort",
    http: faulty(`abort: { httpStatus: 503, ${ALWAYS} }`),
    requests: [
      {
        method: "POST",
        headers: ["content-type: application/grpc", "content-length: 0"],
        expect: { status: 200, got: ["grpc-status: 14"] },
      },
    ],
  },
  {
    name: "an abort is not retried",
    feature: "fault: abort",
    http: faulty(`abort: { httpStatus: 503, ${ALWAYS} }`, "\n    retries: { attempts: 3, retryOn: 5xx }"),
    requests: [{ expect: { status: 503, body: "fault filter abort" } }],
  },
  {
    name: "an abort has the route's response headers",
    feature: "fault: abort",
    http: faulty(`abort: { httpStatus: 503, ${ALWAYS} }`, "\n    headers: { response: { set: { x-a: v } } }"),
    requests: [{ expect: { status: 503, got: ["x-a: v"] } }],
  },
  {
    name: "a delay",
    feature: "fault: delay",
    http: faulty(`delay: { fixedDelay: 0.1s, ${ALWAYS} }`),
    requests: [{ expect: TO_V1 }],
  },
  {
    name: "the route's timeout does not count an injected delay",
    feature: "fault: delay",
    http: faulty(`delay: { fixedDelay: 0.4s, ${ALWAYS} }`, "\n    timeout: 0.2s"),
    requests: [{ expect: TO_V1 }],
  },
  {
    name: "after a delay the timeout counts as ever",
    feature: "fault: delay",
    http: faulty(`delay: { fixedDelay: 0.1s, ${ALWAYS} }`, "\n    timeout: 0.2s"),
    requests: [{ expect: { status: 504, body: "upstream request timeout" } }],
    with: { upstreams: { v1: { answers: [[gate("never")]] } } },
  },
  {
    name: "a delay without percentage, or with the old percent of 0, never happens",
    feature: "fault: delay",
    http: `
  - match: [{ uri: { prefix: /none } }]
    route: [{ destination: { host: echo, subset: v1 } }]
    fault: { delay: { fixedDelay: 60s } }
  - route: [{ destination: { host: echo, subset: v1 } }]
    fault: { delay: { fixedDelay: 60s, percent: 0 } }`,
    requests: [
      { path: "/none", expect: TO_V1 },
      { path: "/zero", expect: TO_V1 },
    ],
  },
  {
    name: "a delay and an abort",
    feature: "fault",
    http: faulty(`delay: { fixedDelay: 0.1s, ${ALWAYS} }, abort: { httpStatus: 500, ${ALWAYS} }`),
    requests: [{ expect: { status: 500, body: "fault filter abort" } }],
  },
  {
    name: "clients cannot ask for faults by headers",
    feature: "fault",
    http: faulty(`abort: { httpStatus: 500, ${NEVER} }`),
    requests: [
      {
        headers: ["x-envoy-fault-abort-request: 418", "x-envoy-fault-abort-request-percentage: 100"],
        expect: TO_V1,
      },
    ],
  },
  {
    name: "each route has its own fault, or none",
    feature: "fault",
    http: `
  - match: [{ headers: { end-user: { exact: jason } } }]
    route: [{ destination: { host: echo, subset: v1 } }]
    fault: { abort: { httpStatus: 500, ${ALWAYS} } }
  - route: [{ destination: { host: echo, subset: v1 } }]`,
    requests: [
      { headers: ["end-user: jason"], expect: { status: 500, body: "fault filter abort" } },
      { expect: TO_V1 },
    ],
  },
  {
    name: "what is aborted is not mirrored",
    feature: "fault",
    http: faulty(`abort: { httpStatus: 500, ${ALWAYS} }`, "\n    mirror: { host: echo, subset: v2 }"),
    requests: [{ expect: { status: 500 } }],
    with: { upstreams: { v1: answer(200, "v1"), v2: answer(200, "v2") } },
  },
  {
    name: "a body that comes during a delay is forwarded after it",
    feature: "fault: delay",
    http: faulty(`delay: { fixedDelay: 0.1s, ${ALWAYS} }`),
    requests: [],
    with: {
      client: [
        `POST / HTTP/1.1\r\nHost: echo\r\ncontent-length: 5\r\n\r\n`,
        "hello",
        got(1),
        get("/", "Host: echo"),
        got(2),
      ],
      expect: { answers: ["200 v1", "200 v1"], sent: ["hello"] },
    },
  },
];

export const CASES: readonly ContractCase[] = rows(ROWS);
