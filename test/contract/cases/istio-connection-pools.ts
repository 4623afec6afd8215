/** DestinationRules: connectionPool and retryBudget. */
import type { ContractCase, Step } from "../harness/case.ts";
import { answer, gate, got, open, seen, send, stat } from "../harness/steps.ts";
import { HELLO, cluster, type PolicyRow, policyCase } from "../harness/destination-rule.ts";

const HANGING = { v1: { answers: [[gate("go"), answer(200, "v1")]] } } as const;

/** One request is under way, a second one comes. */
const SECOND_COMES: readonly Step[] = [HELLO, seen("v1", 1), send("d", HELLO)];

const POOLS: readonly PolicyRow[] = [
  {
    name: "http2MaxRequests: one more is refused",
    feature: "connectionPool",
    policy: "connectionPool: { http: { http2MaxRequests: 1 } }",
    upstreams: HANGING,
    client: [...SECOND_COMES, got(1, "d"), open("go"), got(1)],
    answers: ["200 v1", "503"],
    stats: [`${cluster()}.upstream_rq_pending_overflow`],
  },
  {
    name: "maxConnections: one more waits",
    feature: "connectionPool",
    policy: "connectionPool: { tcp: { maxConnections: 1 } }",
    upstreams: HANGING,
    client: [...SECOND_COMES, stat(`${cluster()}.upstream_rq_pending_active`, 1), open("go"), got(1), got(1, "d")],
    answers: ["200 v1", "200 v1"],
    stats: [`${cluster()}.upstream_cx_total`],
  },
  {
    name: "http1MaxPendingRequests: one more than may wait is refused",
    feature: "connectionPool",
    policy: "connectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1 } }",
    upstreams: HANGING,
    client: [
      ...SECOND_COMES,
      stat(`${cluster()}.upstream_rq_pending_active`, 1),
      send("e", HELLO),
      got(1, "e"),
      open("go"),
      got(1),
      got(1, "d"),
    ],
    answers: ["200 v1", "200 v1", "503"],
    stats: [`${cluster()}.upstream_rq_pending_overflow`, `${cluster()}.upstream_cx_total`],
  },
  {
    name: "maxRequestsPerConnection: 2",
    feature: "connectionPool",
    policy: "connectionPool: { http: { maxRequestsPerConnection: 2 } }",
    client: [HELLO, got(1), HELLO, got(2), HELLO, got(3)],
    answers: ["200 v1", "200 v1", "200 v1"],
    stats: [`${cluster()}.upstream_cx_total`],
  },
  ...(
    [
      ["http.idleTimeout", "http: { idleTimeout: 0.1s }"],
      ["tcp.idleTimeout", "tcp: { idleTimeout: 0.1s }"],
      ["http.idleTimeout comes before tcp.idleTimeout", "tcp: { idleTimeout: 60s }, http: { idleTimeout: 0.1s }"],
    ] as const
  ).map(([name, pool]): PolicyRow => ({
    name,
    feature: "connectionPool",
    policy: `connectionPool: { ${pool} }`,
    client: [HELLO, got(1), stat(`${cluster()}.upstream_cx_idle_timeout`, 1)],
    answers: ["200 v1"],
    stats: [`${cluster()}.upstream_cx_active`],
  })),
  {
    name: "tcp.maxConnectionDuration",
    feature: "connectionPool",
    policy: "connectionPool: { tcp: { maxConnectionDuration: 0.1s } }",
    client: [HELLO, got(1), stat(`${cluster()}.upstream_cx_max_duration_reached`, 1)],
    answers: ["200 v1"],
    stats: [`${cluster()}.upstream_cx_active`],
  },
  {
    name: "what circuit breakers leave can be seen",
    feature: "connectionPool",
    policy:
      "connectionPool: { tcp: { maxConnections: 7 }, " +
      "http: { http1MaxPendingRequests: 8, http2MaxRequests: 9, maxRetries: 10 } }",
    client: [HELLO, got(1)],
    answers: ["200 v1"],
    stats: ["cx", "pending", "rq", "retries"].map((what) => `${cluster()}.circuit_breakers.default.remaining_${what}`),
  },
  {
    name: "without limits there are none",
    feature: "connectionPool",
    policy: "loadBalancer: { simple: ROUND_ROBIN }",
    client: [HELLO, got(1)],
    answers: ["200 v1"],
    stats: ["cx", "pending", "rq", "retries"].map((what) => `${cluster()}.circuit_breakers.default.remaining_${what}`),
  },
  {
    name: "tcp.connectTimeout and keepalive",
    feature: "connectionPool",
    policy: "connectionPool: { tcp: { connectTimeout: 2s, tcpKeepalive: { probes: 3, time: 60s, interval: 10s } } }",
    client: [HELLO, got(1)],
    answers: ["200 v1"],
  },
  {
    name: "maxRetries: 1",
    feature: "connectionPool",
    policy: "connectionPool: { http: { maxRetries: 1 } }",
    upstreams: { v1: { answers: [answer(503), answer(200, "again")] } },
    client: [HELLO, got(1)],
    answers: ["200 again"],
    more: toRetry(),
    stats: [`${cluster()}.upstream_rq_retry`],
  },
  {
    name: "a retry budget allows its least",
    feature: "retryBudget",
    policy: "retryBudget: { percent: 0, minRetryConcurrency: 1 }",
    upstreams: { v1: { answers: [answer(503), answer(200, "again")] } },
    client: [HELLO, got(1)],
    answers: ["200 again"],
    more: toRetry(),
    stats: [`${cluster()}.upstream_rq_retry`, `${cluster()}.upstream_rq_retry_overflow`],
  },
];

function toRetry(): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo }
spec:
  hosts: [echo]
  http: [{ retries: { attempts: 2, retryOn: 5xx }, route: [{ destination: { host: echo } }] }]`;
}

export const CASES: readonly ContractCase[] = POOLS.map(policyCase);
