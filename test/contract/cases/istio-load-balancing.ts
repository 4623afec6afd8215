/** DestinationRules: loadBalancer, and localities. */
import type { ContractCase } from "../harness/case.ts";
import { answer, got, seen } from "../harness/steps.ts";
import { HELLO, type PolicyRow, policyCase } from "../harness/destination-rule.ts";

const BOTH = { v1: answer(200, "x"), v2: answer(200, "x") };
const TWO = {
  v1: { labels: { app: "echo", version: "v1" } },
  v2: { labels: { app: "echo", version: "v2" } },
};

const BALANCERS: readonly PolicyRow[] = [
  {
    name: "ROUND_ROBIN: in turn",
    feature: "loadBalancer.simple",
    policy: "loadBalancer: { simple: ROUND_ROBIN }",
    workloads: TWO,
    upstreams: BOTH,
    client: [HELLO, got(1), HELLO, got(2), HELLO, got(3), HELLO, got(4), seen("v1", 2), seen("v2", 2)],
    answers: ["200 x", "200 x", "200 x", "200 x"],
  },
  ...["RANDOM", "LEAST_REQUEST", "LEAST_CONN", "UNSPECIFIED"].map((simple): PolicyRow => ({
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

const LOCALITIES: readonly PolicyRow[] = [
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

export const CASES: readonly ContractCase[] = [...BALANCERS, ...LOCALITIES].map(policyCase);
