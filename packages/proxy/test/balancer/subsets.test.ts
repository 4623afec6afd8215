/** Subsets as hosts come and go; what requests get is in the contract suite (subsets.ts). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import type { SubsetPlan } from "../../src/plan/cluster-plan.ts";
import type { Metadata } from "../../src/plan/format/stream-info.ts";
import { NOWHERE } from "../../src/plan/compile-endpoints.ts";
import { MetadataMatch } from "../../src/plan/metadata-match.ts";
import { Counter, Gauge } from "../../src/stats/metric.ts";
import { SubsetBalancer, type SubsetStats } from "../../src/upstream/balancer/subset-balancer.ts";
import { type TestHost, balanced, context, host, hostSet } from "./support.ts";

const WHERE = { own: NOWHERE, proxies: null };

const PLAN: SubsetPlan = {
  fallback: "none",
  defaultSubset: [],
  selectors: [{ keys: ["version"], fallback: "as the cluster", fallbackKeys: new Set(), singleHost: false }],
  localityWeightAware: false,
  scaleLocalityWeight: false,
  panicModeAny: false,
  listAsAny: false,
  fallbackList: false,
};

type Tagged = TestHost & { readonly metadata: Metadata };

const tagged = (name: string, fields: JsonObject): Tagged => ({ ...host(name), metadata: { "envoy.lb": fields } });

function subsets(plan: Partial<SubsetPlan>, hosts: readonly Tagged[]) {
  const counter = (): Counter => new Counter("c", []);
  const gauge = (): Gauge => new Gauge("g", []);
  const stats: SubsetStats = {
    active: gauge(),
    created: counter(),
    removed: counter(),
    selected: counter(),
    fallback: counter(),
    fallbackPanic: counter(),
    singleHostDuplicate: gauge(),
  };
  const create = () => balanced({ policy: "round-robin", slowStart: null }, [[]]).balancer as never;
  const balancer = new SubsetBalancer<Tagged>({ ...PLAN, ...plan }, stats, create);
  const update = (list: readonly Tagged[]): void => balancer.update([hostSet(list) as never], WHERE);
  update(hosts);
  const choose = (fields: JsonObject): string =>
    balancer.choose(context(() => 0, { metadataMatch: MetadataMatch.of(fields) }) as never)?.name ?? "nobody";
  return { stats, update, choose };
}

const counts = ({ active, created, removed }: SubsetStats): readonly number[] => [
  active.value,
  created.value,
  removed.value,
];

test("subsets come with their first host and go with their last", () => {
  const one = tagged("one", { version: "1" });
  const { stats, update, choose } = subsets({}, [one, tagged("two", { version: "2" })]);
  assert.deepEqual(counts(stats), [2, 2, 0]);
  update([one, tagged("uno", { version: "1" })]);
  assert.deepEqual(counts(stats), [1, 2, 1]);
  assert.equal(choose({ version: "2" }), "nobody");
  update([tagged("two", { version: "2" })]);
  assert.deepEqual(counts(stats), [1, 3, 2]);
  assert.equal(choose({ version: "2" }), "two");
});

test("a subset whose hosts change goes on where it was", () => {
  const [one, uno, eins] = ["one", "uno", "eins"].map((name) => tagged(name, { version: "1" }));
  const { update, choose } = subsets({}, [one, uno]);
  assert.equal(choose({ version: "1" }), "one");
  update([one, uno, eins]);
  assert.equal(choose({ version: "1" }), "uno");
  assert.equal(choose({ version: "1" }), "eins");
});

test("of hosts with the same value the first is the one of its subset, until it goes", () => {
  const selectors = [{ keys: ["id"], fallback: "none", fallbackKeys: new Set<string>(), singleHost: true }] as const;
  const [one, uno] = [tagged("one", { id: 1 }), tagged("uno", { id: 1 })];
  const { stats, update, choose } = subsets({ selectors }, [one, uno]);
  assert.equal(choose({ id: 1 }), "one");
  assert.equal(stats.singleHostDuplicate.value, 1);
  update([uno]);
  assert.equal(choose({ id: 1 }), "uno");
  assert.equal(stats.singleHostDuplicate.value, 0);
  assert.deepEqual(counts(stats), [1, 1, 0]);
});
