/** DestinationRules: how a service's endpoints are used. */
import type { ContractCase, IstioParts, Step, Upstream } from "../harness/case.ts";
import { REFUSED } from "../harness/case.ts";
import { service } from "../harness/istio.ts";
import { answer, gate, get, got, open, seen, send, stat } from "../harness/steps.ts";

const HOST = "echo.default.svc.cluster.local";
const HELLO = get("/", "Host: echo");
const ONLY_V1 = { v1: { labels: { app: "echo", version: "v1" } } };

function cluster(subset = ""): string {
  return `cluster.outbound|80|${subset}|${HOST}`;
}

interface Rule {
  readonly name?: string;
  readonly namespace?: string;
  readonly created?: string;
  readonly spec: string;
}

function rule({ name = "echo", namespace = "default", created = "2026-01-01T00:00:00Z", spec }: Rule): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name}, namespace: ${namespace}, creationTimestamp: "${created}" }
spec: { ${spec} }`;
}

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

const inheritance = INHERITANCE.map(([name, rules, applies, subset]): ContractCase => ({
  name,
  feature: "DestinationRule: which policy holds",
  istio: {
    yaml: service("echo", "echo") + rules + (subset === undefined ? "" : toSubset(subset)),
    workloads: ONLY_V1,
  },
  client: [HELLO, got(1), HELLO, got(2), stat(`${cluster(subset)}.upstream_cx_total`, applies ? 2 : 1)],
  expect: { answers: ["200 v1", "200 v1"] },
}));

interface Row {
  readonly name: string;
  readonly feature: string;
  /** `trafficPolicy`. */
  readonly policy: string;
  readonly client: readonly Step[];
  readonly answers: readonly string[];
  readonly upstreams?: Readonly<Record<string, Upstream>>;
  readonly workloads?: IstioParts["workloads"];
  readonly proxy?: IstioParts["proxy"];
  readonly stats?: readonly string[];
  readonly more?: string;
}

function policyCase({
  name,
  feature,
  policy,
  answers,
  workloads = ONLY_V1,
  more = "",
  proxy,
  ...rest
}: Row): ContractCase {
  return {
    name,
    feature: `DestinationRule: ${feature}`,
    istio: {
      yaml: service("echo", "echo") + rule({ spec: `host: echo, trafficPolicy: { ${policy} }` }) + more,
      workloads,
      ...(proxy === undefined ? {} : { proxy }),
    },
    expect: { answers },
    ...rest,
  };
}

const HANGING = { v1: { answers: [[gate("go"), answer(200, "v1")]] } } as const;

/** One request is under way, a second one comes. */
const SECOND_COMES: readonly Step[] = [HELLO, seen("v1", 1), send("d", HELLO)];

const POOLS: readonly Row[] = [
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
  ).map(([name, pool]): Row => ({
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

const BOTH = { v1: answer(200, "x"), v2: answer(200, "x") };
const TWO = {
  v1: { labels: { app: "echo", version: "v1" } },
  v2: { labels: { app: "echo", version: "v2" } },
};

const BALANCERS: readonly Row[] = [
  {
    name: "ROUND_ROBIN: in turn",
    feature: "loadBalancer.simple",
    policy: "loadBalancer: { simple: ROUND_ROBIN }",
    workloads: TWO,
    upstreams: BOTH,
    client: [HELLO, got(1), HELLO, got(2), HELLO, got(3), HELLO, got(4), seen("v1", 2), seen("v2", 2)],
    answers: ["200 x", "200 x", "200 x", "200 x"],
  },
  ...["RANDOM", "LEAST_REQUEST", "LEAST_CONN", "UNSPECIFIED"].map((simple): Row => ({
    name: simple,
    feature: "loadBalancer.simple",
    policy: `loadBalancer: { simple: ${simple} }`,
    client: [HELLO, got(1), HELLO, got(2)],
    answers: ["200 v1", "200 v1"],
  })),
  {
    name: "warmup: a service's first endpoints get all",
    feature: "loadBalancer.warmup",
    policy: "loadBalancer: { simple: ROUND_ROBIN, warmup: { duration: 10s, minimumPercent: 20, aggression: 2 } }",
    client: [HELLO, got(1), HELLO, got(2)],
    answers: ["200 v1", "200 v1"],
  },
  {
    name: "warmupDurationSecs",
    feature: "loadBalancer.warmup",
    policy: "loadBalancer: { simple: LEAST_REQUEST, warmupDurationSecs: 10s }",
    client: [HELLO, got(1)],
    answers: ["200 v1"],
  },
];

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

const OUTLIERS: readonly Row[] = [
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

function at(region: string, zone = "z", labels: Readonly<Record<string, string>> = {}) {
  return { labels: { app: "echo", ...labels }, node: { locality: { region, zone } } };
}

const HERE = { node: { locality: { region: "r1", zone: "z" } } };
const WITH_OUTLIERS = "outlierDetection: { consecutive5xxErrors: 5 }";
const FOUR = [HELLO, got(1), HELLO, got(2), HELLO, got(3), HELLO, got(4)];
const all = (name: string) => Array.from({ length: 4 }, () => `200 ${name}`);
const NEAR_AND_FAR = { near: at("r1"), far: at("r2") };
const EVENLY = {
  workloads: NEAR_AND_FAR,
  upstreams: { near: answer(200, "x"), far: answer(200, "x") },
  client: [...FOUR, seen("near", 2), seen("far", 2)],
  answers: all("x"),
};

const LOCALITIES: readonly Row[] = [
  {
    name: "the client's own region first",
    feature: "localityLbSetting",
    policy: WITH_OUTLIERS,
    workloads: NEAR_AND_FAR,
    proxy: HERE,
    client: FOUR,
    answers: all("near"),
  },
  {
    name: "the client's own zone first",
    feature: "localityLbSetting",
    policy: WITH_OUTLIERS,
    workloads: { near: at("r1", "z"), far: at("r1", "y") },
    proxy: HERE,
    client: FOUR,
    answers: all("near"),
  },
  {
    name: "another region if there is nobody in this",
    feature: "localityLbSetting",
    policy: WITH_OUTLIERS,
    workloads: { far: at("r2") },
    proxy: HERE,
    client: FOUR,
    answers: all("far"),
  },
  {
    name: "without outlier detection all regions alike",
    feature: "localityLbSetting",
    policy: "loadBalancer: { simple: ROUND_ROBIN }",
    proxy: HERE,
    ...EVENLY,
  },
  {
    name: "enabled: false",
    feature: "localityLbSetting",
    policy: `loadBalancer: { simple: ROUND_ROBIN, localityLbSetting: { enabled: false } }, ${WITH_OUTLIERS}`,
    proxy: HERE,
    ...EVENLY,
  },
  {
    name: "a client that is nowhere",
    feature: "localityLbSetting",
    policy: `loadBalancer: { simple: ROUND_ROBIN }, ${WITH_OUTLIERS}`,
    ...EVENLY,
  },
  {
    name: "failover: this region comes next",
    feature: "localityLbSetting",
    policy: `loadBalancer: { localityLbSetting: { failover: [{ from: r1, to: r3 }] } }, ${WITH_OUTLIERS}`,
    workloads: { r2: at("r2"), r3: at("r3") },
    proxy: HERE,
    client: FOUR,
    answers: all("r3"),
  },
  {
    name: "failoverPriority: endpoints with the client's label first",
    feature: "localityLbSetting",
    policy: `loadBalancer: { localityLbSetting: { failoverPriority: [tier] } }, ${WITH_OUTLIERS}`,
    workloads: { mine: at("r2", "z", { tier: "gold" }), other: at("r1", "z", { tier: "lead" }) },
    proxy: { labels: { app: "client", tier: "gold" }, ...HERE },
    client: FOUR,
    answers: all("mine"),
  },
  {
    name: "failoverPriority: endpoints with a label's value first",
    feature: "localityLbSetting",
    policy: `loadBalancer: { localityLbSetting: { failoverPriority: ["tier=lead"] } }, ${WITH_OUTLIERS}`,
    workloads: { gold: at("r1", "z", { tier: "gold" }), lead: at("r2", "z", { tier: "lead" }) },
    proxy: HERE,
    client: FOUR,
    answers: all("lead"),
  },
  {
    name: "distribute: all to another region",
    feature: "localityLbSetting",
    policy:
      'loadBalancer: { localityLbSetting: { distribute: [{ from: "r1/*", to: { "r2/*": 100 } }] } }, ' + WITH_OUTLIERS,
    workloads: NEAR_AND_FAR,
    proxy: HERE,
    client: FOUR,
    answers: all("far"),
  },
  {
    name: "distribute: another region's rule is not for this client",
    feature: "localityLbSetting",
    policy:
      'loadBalancer: { localityLbSetting: { distribute: [{ from: "r9/*", to: { "r2/*": 100 } }] } }, ' + WITH_OUTLIERS,
    workloads: { near: at("r1") },
    proxy: HERE,
    client: FOUR,
    answers: all("near"),
  },
];

export const CASES: readonly ContractCase[] = [
  ...inheritance,
  ...[...POOLS, ...BALANCERS, ...OUTLIERS, ...LOCALITIES].map(policyCase),
];
