/** Which DestinationRules apply to a client and a service. (istio-api.md §1.1 rules 8 to 10) */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TYPE } from "@tulle/xds";
import { destinationRule, service, TestMesh } from "../support/mesh.ts";
import type { ProxyOptions } from "../support/mesh.ts";

const HOST = "reviews.default.svc.cluster.local";
const rule = (name: string, namespace: string, more = "", created?: string): string =>
  destinationRule(name, `{ host: ${HOST}, subsets: [{ name: ${name}, labels: { v: x } }]${more} }`, namespace, created);

/** Names of the subsets that the client has clusters for. */
function subsets(yaml: string, proxy: ProxyOptions = {}): string[] {
  const names = new TestMesh(service("reviews") + yaml).proxy(proxy).names(TYPE.cluster);
  return names.map((name) => name.split("|")[2]!).filter((subset) => subset !== "");
}

function policy(yaml: string, subset = "", port = 9080, ports?: string): string {
  const json = new TestMesh(service("reviews", "default", ports) + yaml)
    .proxy()
    .json(TYPE.cluster, `outbound|${port}|${subset}|${HOST}`);
  return (json["lb_policy"] as string | undefined) ?? "ROUND_ROBIN";
}

test("the client's namespace comes before the service's, that before the root namespace, and nothing is inherited", () => {
  const all = rule("client", "shop") + rule("service", "default") + rule("root", "istio-system");
  assert.deepEqual(subsets(all, { namespace: "shop" }), ["client"]);
  assert.deepEqual(subsets(all, { namespace: "other" }), ["service"]);
  assert.deepEqual(subsets(rule("root", "istio-system"), { namespace: "other" }), ["root"]);
});

test("a rule that its namespace keeps to itself is not used by clients elsewhere", () => {
  const own = rule("service", "default", ', exportTo: ["."]');
  assert.deepEqual(subsets(own, { namespace: "default" }), ["service"]);
  assert.deepEqual(subsets(own + rule("root", "istio-system"), { namespace: "other" }), ["root"]);
});

test("a client in the root namespace takes only that namespace's private rules first", () => {
  const rules = rule("root", "istio-system") + rule("service", "default");
  assert.deepEqual(subsets(rules, { namespace: "istio-system" }), ["service"]);
  const own = rule("root", "istio-system", ', exportTo: ["."]') + rule("service", "default");
  assert.deepEqual(subsets(own, { namespace: "istio-system" }), ["root"]);
});

test("the most specific host wins within a namespace", () => {
  const wide = destinationRule("wide", '{ host: "*.svc.cluster.local", subsets: [{ name: wide }] }');
  assert.deepEqual(subsets(wide), ["wide"]);
  assert.deepEqual(subsets(wide + rule("exact", "default")), ["exact"]);
});

test("two rules for one host merge: subsets together, the first definition of a name, the first policy whole", () => {
  const first = destinationRule(
    "a",
    "{ host: reviews, subsets: [{ name: v1, labels: { version: first } }] }",
    "default",
    "2026-01-01T00:00:00Z",
  );
  const second = destinationRule(
    "b",
    "{ host: reviews, trafficPolicy: { loadBalancer: { simple: RANDOM } }, subsets: [{ name: v1, labels: { version: second } }, { name: v2, labels: { version: v2 } }] }",
    "default",
    "2026-02-01T00:00:00Z",
  );
  assert.deepEqual(subsets(first + second), ["v1", "v2"]);
  assert.equal(policy(first + second), "RANDOM");
  const merged = new TestMesh(service("reviews") + first + second).snapshot.destinationRuleIndex;
  const { serviceByHost } = new TestMesh(service("reviews")).snapshot;
  const found = merged.find(serviceByHost.get(HOST)!, "default", {});
  assert.deepEqual(
    found?.subsets.map(({ subset }) => subset.labels),
    [{ version: "first" }, { version: "v2" }],
  );
});

test("rules that are exported to different namespaces do not merge", () => {
  const own = rule("own", "default", ', exportTo: ["."]', "2026-01-01T00:00:00Z");
  const open = rule("open", "default", "", "2026-02-01T00:00:00Z");
  assert.deepEqual(subsets(own + open), ["own"]);
  assert.deepEqual(subsets(own + open, { namespace: "other" }), ["open"]);
});

test("a rule with a workload selector is for those clients of its own namespace only, and before the others", () => {
  const selecting = rule("jobs", "default", ", workloadSelector: { matchLabels: { app: job } }");
  const rules = rule("all", "default", "", "2020-01-01T00:00:00Z") + selecting;
  assert.deepEqual(subsets(rules, { labels: { app: "job" } }), ["jobs"]);
  assert.deepEqual(subsets(rules, { labels: { app: "web" } }), ["all"]);
  assert.deepEqual(subsets(selecting, { namespace: "other", labels: { app: "job" } }), []);
});

test("least request is the default, LEAST_CONN its old name, and simple selects the others", () => {
  const simple = (value: string): string =>
    destinationRule("r", `{ host: reviews, trafficPolicy: { loadBalancer: { simple: ${value} } } }`);
  assert.equal(policy(""), "LEAST_REQUEST");
  assert.equal(policy(simple("LEAST_CONN")), "LEAST_REQUEST");
  assert.equal(policy(simple("UNSPECIFIED")), "LEAST_REQUEST");
  assert.equal(policy(simple("ROUND_ROBIN")), "ROUND_ROBIN");
  assert.equal(policy(simple("RANDOM")), "RANDOM");
});

test("a subset's block overrides the rule's", () => {
  const yaml = destinationRule(
    "r",
    "{ host: reviews, trafficPolicy: { loadBalancer: { simple: RANDOM } }, subsets: [{ name: v1 }, { name: v2, trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } } }] }",
  );
  assert.equal(policy(yaml, "v1"), "RANDOM");
  assert.equal(policy(yaml, "v2"), "ROUND_ROBIN");
});

test("a port's settings stand for the whole of its level: what they leave out is the default", () => {
  const ports = "[{ name: http, port: 9080 }, { name: http-b, port: 9081 }, { name: http-c, port: 9082 }]";
  const yaml = destinationRule(
    "r",
    `{ host: reviews, trafficPolicy: { loadBalancer: { simple: RANDOM }, portLevelSettings: [
      { port: { number: 9081 }, loadBalancer: { simple: ROUND_ROBIN } }, { port: { number: 9082 }, connectionPool: { tcp: { maxConnections: 1 } } }] } }`,
  );
  assert.equal(policy(yaml, "", 9080, ports), "RANDOM");
  assert.equal(policy(yaml, "", 9081, ports), "ROUND_ROBIN");
  assert.equal(policy(yaml, "", 9082, ports), "LEAST_REQUEST");
});
