/** DestinationRules: which of several policies holds. */
import type { ContractCase } from "../harness/case.ts";
import { service } from "../harness/istio.ts";
import { got, stat } from "../harness/steps.ts";
import { HOST, HELLO, ONLY_V1, cluster, rule } from "../harness/destination-rule.ts";

/** Everything to a subset. */
function toSubset(subset: string): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo }
spec: { hosts: [echo], http: [{ route: [{ destination: { host: echo, subset: ${subset} } }] }] }`;
}

const POLICY_ONCE = "connectionPool: { http: { maxRequestsPerConnection: 1 } }";
const SUBSET = "{ name: v1, labels: { version: v1 } }";

/**
 * Which of several policies holds: where `maxRequestsPerConnection: 1` does, two requests take two connections.
 */
const INHERITANCE: readonly (readonly [name: string, rules: string, applies: boolean, subset?: string])[] = [
  ["without a rule a connection is used again", "", false],
  ["a rule's policy", rule({ spec: `host: echo, trafficPolicy: { ${POLICY_ONCE} }` }), true],
  ["a rule by the full name", rule({ spec: `host: ${HOST}, trafficPolicy: { ${POLICY_ONCE} }` }), true],
  [
    "a rule by a wildcard",
    rule({ spec: `host: "*.default.svc.cluster.local", trafficPolicy: { ${POLICY_ONCE} }` }),
    true,
  ],
  ["a rule for another host", rule({ spec: `host: other, trafficPolicy: { ${POLICY_ONCE} }` }), false],
  [
    "the exact host comes before a wildcard",
    rule({ name: "a", spec: `host: "*.default.svc.cluster.local", trafficPolicy: { ${POLICY_ONCE} }` }) +
      rule({ name: "b", spec: "host: echo" }),
    false,
  ],
  [
    "a subset inherits the policy",
    rule({ spec: `host: echo, trafficPolicy: { ${POLICY_ONCE} }, subsets: [${SUBSET}]` }),
    true,
    "v1",
  ],
  [
    "a subset inherits the blocks that it does not have",
    rule({
      spec:
        `host: echo, trafficPolicy: { ${POLICY_ONCE} }, ` +
        "subsets: [{ name: v1, labels: { version: v1 }, trafficPolicy: { loadBalancer: { simple: RANDOM } } }]",
    }),
    true,
    "v1",
  ],
  [
    "a subset's block replaces the whole block",
    rule({
      spec:
        `host: echo, trafficPolicy: { ${POLICY_ONCE} }, ` +
        "subsets: [{ name: v1, labels: { version: v1 }, trafficPolicy: { connectionPool: { tcp: { maxConnections: 5 } } } }]",
    }),
    false,
    "v1",
  ],
  [
    "a subset's policy is not its service's",
    rule({ spec: `host: echo, subsets: [{ name: v1, labels: { version: v1 }, trafficPolicy: { ${POLICY_ONCE} } }]` }),
    false,
  ],
  [
    "a port's settings",
    rule({ spec: `host: echo, trafficPolicy: { portLevelSettings: [{ port: { number: 80 }, ${POLICY_ONCE} }] }` }),
    true,
  ],
  [
    "another port's settings",
    rule({ spec: `host: echo, trafficPolicy: { portLevelSettings: [{ port: { number: 81 }, ${POLICY_ONCE} }] }` }),
    false,
  ],
  [
    "a port's settings replace all others",
    rule({
      spec:
        `host: echo, trafficPolicy: { ${POLICY_ONCE}, ` +
        "portLevelSettings: [{ port: { number: 80 }, loadBalancer: { simple: RANDOM } }] }",
    }),
    false,
  ],
  [
    "a subset inherits a port's settings",
    rule({
      spec:
        `host: echo, trafficPolicy: { portLevelSettings: [{ port: { number: 80 }, ${POLICY_ONCE} }] }, ` +
        `subsets: [${SUBSET}]`,
    }),
    true,
    "v1",
  ],
  [
    "a subset's settings of a port",
    rule({
      spec:
        "host: echo, subsets: [{ name: v1, labels: { version: v1 }, trafficPolicy: { portLevelSettings: " +
        `[{ port: { number: 80 }, ${POLICY_ONCE} }] } }]`,
    }),
    true,
    "v1",
  ],
  [
    "the oldest rule's policy holds",
    rule({
      name: "a",
      created: "2021-01-01T00:00:00Z",
      spec: "host: echo, trafficPolicy: { loadBalancer: { simple: RANDOM } }",
    }) + rule({ name: "b", created: "2020-01-01T00:00:00Z", spec: `host: echo, trafficPolicy: { ${POLICY_ONCE} }` }),
    true,
  ],
  [
    "a later rule's subsets are added",
    rule({ name: "a", spec: `host: echo, trafficPolicy: { ${POLICY_ONCE} }` }) +
      rule({ name: "b", spec: `host: echo, subsets: [${SUBSET}]` }),
    true,
    "v1",
  ],
  [
    "a rule for clients with other labels",
    rule({ spec: `host: echo, workloadSelector: { matchLabels: { app: other } }, trafficPolicy: { ${POLICY_ONCE} }` }),
    false,
  ],
  [
    "a rule for clients with these labels",
    rule({ spec: `host: echo, workloadSelector: { matchLabels: { app: client } }, trafficPolicy: { ${POLICY_ONCE} }` }),
    true,
  ],
  [
    "a rule exported to nobody",
    rule({ spec: `host: echo, exportTo: ["~"], trafficPolicy: { ${POLICY_ONCE} }` }),
    false,
  ],
  [
    "a rule of a namespace that is neither the client's nor the service's",
    rule({ namespace: "shop", spec: `host: ${HOST}, trafficPolicy: { ${POLICY_ONCE} }` }),
    false,
  ],
  [
    "a rule of the root namespace",
    rule({ namespace: "istio-system", spec: `host: ${HOST}, trafficPolicy: { ${POLICY_ONCE} }` }),
    true,
  ],
  [
    "the client's namespace comes before the root namespace",
    rule({ namespace: "istio-system", spec: `host: ${HOST}, trafficPolicy: { ${POLICY_ONCE} }` }) +
      rule({ spec: "host: echo, trafficPolicy: { loadBalancer: { simple: RANDOM } }" }),
    false,
  ],
];

export const CASES: readonly ContractCase[] = INHERITANCE.map(([name, rules, applies, subset]): ContractCase => ({
  name,
  feature: "DestinationRule: which policy holds",
  istio: {
    yaml: service("echo", "echo") + rules + (subset === undefined ? "" : toSubset(subset)),
    workloads: ONLY_V1,
  },
  client: [HELLO, got(1), HELLO, got(2), stat(`${cluster(subset)}.upstream_cx_total`, applies ? 2 : 1)],
  expect: { answers: ["200 v1", "200 v1"] },
}));
