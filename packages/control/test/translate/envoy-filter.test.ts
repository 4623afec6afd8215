/** EnvoyFilters: which patches are for whom, and what they match. What proxies make of them: test/contract/cases/istio-envoy-filters.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { TYPE } from "@tulle/xds";
import { mergeInto } from "../../src/translate/envoy-filter/merge.ts";
import { service, TestMesh } from "../support/mesh.ts";

const REVIEWS = "outbound|9080||reviews.default.svc.cluster.local";
const LUA = '{ name: lua, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua } }';
const HCM =
  "filter: { name: envoy.filters.network.http_connection_manager, subFilter: { name: envoy.filters.http.router } }";

function filter(name: string, patches: string, spec = "", namespace = "default", year = 2026): string {
  return `
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: ${name}, namespace: ${namespace}, creationTimestamp: "${year}-01-01T00:00:00Z" }
spec: { ${spec} configPatches: [${patches}] }`;
}

const cluster = (value: string, match = ""): string =>
  `{ applyTo: CLUSTER, match: { ${match} }, patch: { operation: MERGE, value: ${value} } }`;
const named = (name: string): string => cluster(`{ alt_stat_name: ${name} }`);

function statName(yaml: string, proxy: Parameters<TestMesh["proxy"]>[0] = {}): unknown {
  return new TestMesh(service("reviews") + yaml).proxy(proxy).json(TYPE.cluster, REVIEWS)["alt_stat_name"];
}

function statuses(yaml: string): string[] {
  return new TestMesh(service("reviews") + yaml)
    .status("EnvoyFilter", "f")
    .map(({ type, field, message }) => `${type}${field === undefined ? "" : ` ${field}`}: ${message}`);
}

function httpFilters(yaml: string, proxy: Parameters<TestMesh["proxy"]>[0] = {}): unknown[] {
  const own = new TestMesh(service("reviews") + yaml).proxy(proxy);
  const listener = own.json(TYPE.listener, "127.0.0.1_19080") as { filter_chains: { filters: JsonObject[] }[] };
  const [first] = listener.filter_chains[0]!.filters;
  const { http_filters: filters } = first!["typed_config"] as unknown as { http_filters: { name: string }[] };
  return filters.map(({ name }) => name);
}

test("patches are for the workloads of the namespace that the selector names; the root namespace's for all", () => {
  const selected = filter("f", named("mine"), "workloadSelector: { labels: { app: web } },");
  assert.equal(statName(selected), undefined);
  assert.equal(statName(selected, { labels: { app: "web" } }), "mine");
  assert.equal(statName(selected, { labels: { app: "web" }, namespace: "shop" }), undefined);
  assert.equal(statName(filter("f", named("all"), "", "istio-system"), { namespace: "shop" }), "all");
});

test("by priority, then the root namespace's, then the older, then in order: what comes last has the last word", () => {
  assert.equal(statName(filter("f", `${named("a")}, ${named("b")}`)), "b");
  assert.equal(
    statName(filter("a", named("root"), "", "istio-system", 2026) + filter("b", named("own"), "", "default", 2020)),
    "own",
  );
  assert.equal(statName(filter("b", named("older"), "", "default", 2020) + filter("a", named("younger"))), "younger");
  const late = filter("a", named("late"), "priority: 1,", "istio-system", 2020);
  assert.equal(statName(late + filter("b", named("own"), "priority: 0,")), "late");
});

test("a version and metadata of proxies", () => {
  const of = (proxy: string): string => filter("f", cluster("{ alt_stat_name: it }", `proxy: { ${proxy} }`));
  const is128 = { metadata: { ISTIO_VERSION: "1.28.1" } };
  assert.equal(statName(of('proxyVersion: "^1\\\\.28.*"'), is128), "it");
  assert.equal(statName(of('proxyVersion: "^1\\\\.27.*"'), is128), undefined);
  assert.equal(statName(of('proxyVersion: "^1\\\\.28.*"')), undefined);
  assert.equal(statName(of("metadata: { FLAVOUR: mild }"), { metadata: { FLAVOUR: "mild" } }), "it");
  assert.equal(statName(of("metadata: { FLAVOUR: mild }"), { metadata: { FLAVOUR: "hot" } }), undefined);
});

test("clusters by service, port and subset; by name alone where there is one", () => {
  const of = (match: string): unknown =>
    statName(filter("f", cluster("{ alt_stat_name: it }", `cluster: { ${match} }`)));
  assert.equal(of("service: reviews.default.svc.cluster.local"), "it");
  assert.equal(of("service: reviews"), undefined);
  assert.equal(of("portNumber: 9080"), "it");
  assert.equal(of("portNumber: 9081"), undefined);
  assert.equal(of("subset: v1"), undefined);
  assert.equal(of(`name: "${REVIEWS}", portNumber: 1`), "it");
  assert.equal(statName(filter("f", cluster("{ alt_stat_name: it }", "context: GATEWAY"))), undefined);
});

test("a cluster is added once, to those that send, and never in place of another", () => {
  const added = (context: string): string =>
    filter(
      "f",
      `{ applyTo: CLUSTER, match: { ${context} }, patch: { operation: ADD, value: { name: "mine|", type: STATIC } } }`,
    );
  const names = (yaml: string, type: "sidecar" | "router"): readonly string[] =>
    new TestMesh(service("reviews") + yaml).proxy({ type }).names(TYPE.cluster);
  assert.ok(names(added(""), "sidecar").includes("mine|"));
  assert.ok(names(added(""), "router").includes("mine|"));
  assert.ok(!names(added("context: GATEWAY"), "sidecar").includes("mine|"));
  const twice = filter(
    "g",
    `{ applyTo: CLUSTER, patch: { operation: ADD, value: { name: "${REVIEWS}", alt_stat_name: other } } }`,
  );
  assert.equal(statName(twice), undefined);
});

test("of what is added by one name the first holds: listeners, clusters and virtual hosts", () => {
  const add = (applyTo: string, value: string): string =>
    `{ applyTo: ${applyTo}, patch: { operation: ADD, value: ${value} } }`;
  const added = [
    add("CLUSTER", '{ name: "mine|", alt_stat_name: first }'),
    add("CLUSTER", '{ name: "mine|", alt_stat_name: second }'),
    add("LISTENER", "{ name: mine, stat_prefix: first }"),
    add("LISTENER", "{ name: mine, stat_prefix: second }"),
    add("LISTENER", "{ stat_prefix: nameless }"),
    add("VIRTUAL_HOST", "{ name: mine, domains: [first.test] }"),
    add("VIRTUAL_HOST", "{ name: mine, domains: [second.test] }"),
  ].join(", ");
  const own = new TestMesh(service("reviews") + filter("f", added)).proxy({ agent: "tulle" });
  assert.equal(own.json(TYPE.cluster, "mine|")["alt_stat_name"], "first");
  assert.equal(own.json(TYPE.listener, "mine")["stat_prefix"], "first");
  assert.deepEqual(own.json(TYPE.virtualHost, "9080/mine")["domains"], ["first.test"]);
});

test("filters that Tulle's own proxy has not are for Envoys only", () => {
  const lua = filter(
    "f",
    `{ applyTo: HTTP_FILTER, match: { listener: { filterChain: { ${HCM} } } }, patch: { operation: INSERT_BEFORE, value: ${LUA} } }`,
  );
  assert.ok(httpFilters(lua).includes("lua"));
  assert.ok(!httpFilters(lua, { agent: "tulle" }).includes("lua"));
});

test("a value that says what nobody knows is told of, and not applied", () => {
  assert.deepEqual(statuses(filter("f", cluster("{ no_such_field: 1 }"))), [
    'Invalid spec.configPatches[0]: the value is not applied: cannot decode message envoy.config.cluster.v3.Cluster from JSON: key "no_such_field" is unknown',
  ]);
  const typed = '{ name: x, typed_config: { "@type": type.googleapis.com/acme.v1.Nothing } }';
  assert.match(
    statuses(filter("f", `{ applyTo: NETWORK_FILTER, patch: { operation: ADD, value: ${typed} } }`))[0]!,
    /^Invalid spec\.configPatches\[0\]: the value is not applied: nothing is known of the type acme\.v1\.Nothing$/,
  );
  const extension = "{ applyTo: EXTENSION_CONFIG, patch: { operation: ADD, value: { name: x } } }";
  assert.deepEqual(statuses(filter("f", extension)), [
    "NotYetApplied spec.configPatches[0]: patches of EXTENSION_CONFIG",
  ]);
  const lists = "{ applyTo: HTTP_FILTER, patch: { operation: MERGE_AND_REPLACE_LIST, value: { name: x } } }";
  assert.deepEqual(statuses(filter("f", lists)), [
    "Ignored spec.configPatches[0]: MERGE_AND_REPLACE_LIST does nothing to HTTP_FILTER",
  ]);
  assert.deepEqual(statuses(filter("f", named("a"))), ["Ignored: no registered workload is one that it is for"]);
});

test("what is sent stays the same object while neither the mesh nor the patches change, and proxies share what is patched", () => {
  const mesh = new TestMesh(service("reviews") + filter("f", named("mine")));
  const [a, b] = [mesh.proxy({ name: "a" }), mesh.proxy({ name: "b" })];
  const before = a.view;
  mesh.change(service("other"));
  mesh.change(filter("f", named("mine")));
  assert.equal(a.resource(TYPE.cluster, REVIEWS), b.resource(TYPE.cluster, REVIEWS));
  assert.equal(a.resource(TYPE.cluster, REVIEWS), before.set(TYPE.cluster)?.resources.get(REVIEWS));
  assert.equal(a.view, a.view);
  mesh.change(filter("f", named("another")));
  assert.equal(a.json(TYPE.cluster, REVIEWS)["alt_stat_name"], "another");
  // What one proxy's patches make of a resource is nobody else's.
  assert.equal(mesh.proxy({ namespace: "shop" }).json(TYPE.cluster, REVIEWS)["alt_stat_name"], undefined);
});

test("MERGE: lists grow, maps and messages are merged, durations and wrappers are replaced", () => {
  const target = create(ClusterSchema, {
    name: "a",
    connectTimeout: { seconds: 5n, nanos: 7 },
    respectDnsTtl: true,
    perConnectionBufferLimitBytes: 10,
    circuitBreakers: { thresholds: [{ maxRequests: 1 }] },
    metadata: { filterMetadata: { a: { x: 1 }, b: { y: 1 } } },
    loadAssignment: { clusterName: "a" },
  });
  const source = create(ClusterSchema, {
    connectTimeout: { seconds: 1n },
    perConnectionBufferLimitBytes: 0,
    circuitBreakers: { thresholds: [{ maxRequests: 2 }] },
    metadata: { filterMetadata: { b: { z: 2 } } },
    clusterDiscoveryType: { case: "type", value: 0 },
  });
  mergeInto(ClusterSchema, target, source, false);
  assert.equal(target.name, "a");
  assert.equal(target.connectTimeout?.nanos, 0);
  assert.equal(target.perConnectionBufferLimitBytes, 0);
  assert.deepEqual(
    target.circuitBreakers?.thresholds.map(({ maxRequests }) => maxRequests),
    [1, 2],
  );
  assert.deepEqual(target.metadata?.filterMetadata, { a: { x: 1 }, b: { z: 2 } });
  assert.equal(target.loadAssignment?.clusterName, "a");
  mergeInto(ClusterSchema, target, source, true);
  assert.deepEqual(
    target.circuitBreakers?.thresholds.map(({ maxRequests }) => maxRequests),
    [2],
  );
  // The patch is as it was.
  assert.equal(source.circuitBreakers?.thresholds.length, 1);
  assert.deepEqual(source.metadata?.filterMetadata, { b: { z: 2 } });
});
