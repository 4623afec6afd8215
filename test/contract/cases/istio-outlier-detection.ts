/** DestinationRules: outlierDetection. */
import type { ContractCase } from "../harness/case.ts";
import { REFUSED } from "../harness/case.ts";
import { answer, got, stat } from "../harness/steps.ts";
import { HELLO, cluster, type PolicyRow, policyCase } from "../harness/destination-rule.ts";

const EJECTED = stat(`${cluster()}.outlier_detection.ejections_active`, 1);
const EJECTIONS = [`${cluster()}.outlier_detection.ejections_active`];
const FAILING = { v1: answer(503, "failed") };
/** The one endpoint is ejected after the first request: there is nobody for the second. */
const EJECTED_AT_ONCE = { client: [HELLO, got(1), EJECTED, HELLO, got(2)], stats: EJECTIONS };
const STAYS = {
  client: [HELLO, got(1), HELLO, got(2), HELLO, got(3)],
  answers: ["503 failed", "503 failed", "503 failed"],
  stats: EJECTIONS,
};
const NOBODY = "503 no healthy upstream";

const OUTLIERS: readonly PolicyRow[] = [
  {
    name: "consecutive5xxErrors: the endpoint is left out",
    feature: "outlierDetection",
    policy: "outlierDetection: { consecutive5xxErrors: 1, maxEjectionPercent: 100 }",
    upstreams: FAILING,
    ...EJECTED_AT_ONCE,
    answers: ["503 failed", NOBODY],
  },
  {
    name: "consecutive5xxErrors: so many in a row",
    feature: "outlierDetection",
    policy: "outlierDetection: { consecutive5xxErrors: 2, maxEjectionPercent: 100 }",
    upstreams: { v1: { answers: [answer(500), answer(200), answer(500), answer(500)] } },
    client: [HELLO, got(1), HELLO, got(2), HELLO, got(3), HELLO, got(4), EJECTED, HELLO, got(5)],
    answers: ["500", "200", "500", "500", NOBODY],
  },
  {
    name: "consecutive5xxErrors: 0 switches it off",
    feature: "outlierDetection",
    policy: "outlierDetection: { consecutive5xxErrors: 0, maxEjectionPercent: 100 }",
    upstreams: FAILING,
    ...STAYS,
  },
  {
    name: "consecutiveGatewayErrors: 503 is one",
    feature: "outlierDetection",
    policy: "outlierDetection: { consecutive5xxErrors: 0, consecutiveGatewayErrors: 1, maxEjectionPercent: 100 }",
    upstreams: FAILING,
    ...EJECTED_AT_ONCE,
    answers: ["503 failed", NOBODY],
  },
  {
    name: "consecutiveGatewayErrors: 500 is none",
    feature: "outlierDetection",
    policy: "outlierDetection: { consecutive5xxErrors: 0, consecutiveGatewayErrors: 1, maxEjectionPercent: 100 }",
    upstreams: { v1: answer(500, "failed") },
    ...STAYS,
    answers: ["500 failed", "500 failed", "500 failed"],
  },
  {
    name: "outlierDetectionHttpErrorCodes: 429 is an error",
    feature: "outlierDetection",
    policy:
      "outlierDetection: { consecutive5xxErrors: 1, outlierDetectionHttpErrorCodes: [429], maxEjectionPercent: 100 }",
    upstreams: { v1: answer(429, "busy") },
    ...EJECTED_AT_ONCE,
    answers: ["429 busy", NOBODY],
  },
  {
    name: "outlierDetectionHttpErrorCodes: other codes are none",
    feature: "outlierDetection",
    policy:
      "outlierDetection: { consecutive5xxErrors: 1, outlierDetectionHttpErrorCodes: [429, 500], maxEjectionPercent: 100 }",
    upstreams: FAILING,
    ...STAYS,
  },
  {
    name: "minHealthPercent: with fewer well all get requests",
    feature: "outlierDetection",
    policy: "outlierDetection: { consecutive5xxErrors: 1, minHealthPercent: 50, maxEjectionPercent: 100 }",
    upstreams: FAILING,
    ...EJECTED_AT_ONCE,
    answers: ["503 failed", "503 failed"],
  },
  {
    name: "maxEjectionPercent: by default a tenth, which is nobody of one",
    feature: "outlierDetection",
    policy: "outlierDetection: { consecutive5xxErrors: 1 }",
    upstreams: FAILING,
    ...STAYS,
  },
  {
    name: "a refused connection is a 5xx",
    feature: "outlierDetection",
    policy: "outlierDetection: { consecutive5xxErrors: 1, maxEjectionPercent: 100 }",
    upstreams: { v1: REFUSED },
    ...EJECTED_AT_ONCE,
    answers: ["503", NOBODY],
    more: withoutRetries(),
  },
  {
    name: "splitExternalLocalOriginErrors: a refused connection counts apart",
    feature: "outlierDetection",
    policy:
      "outlierDetection: { consecutive5xxErrors: 0, splitExternalLocalOriginErrors: true, " +
      "consecutiveLocalOriginFailures: 1, maxEjectionPercent: 100 }",
    upstreams: { v1: REFUSED },
    ...EJECTED_AT_ONCE,
    answers: ["503", NOBODY],
    more: withoutRetries(),
  },
];

function withoutRetries(): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo }
spec:
  hosts: [echo]
  http: [{ retries: { attempts: 0 }, route: [{ destination: { host: echo } }] }]`;
}

export const CASES: readonly ContractCase[] = OUTLIERS.map(policyCase);
