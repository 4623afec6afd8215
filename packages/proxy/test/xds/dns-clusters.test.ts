/** STRICT_DNS and LOGICAL_DNS: endpoints follow what names resolve to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import type { EndpointPlan } from "../../src/plan/cluster-plan.ts";
import { DnsCacheConfigs } from "../../src/plan/compile-dns-cache.ts";
import { Place } from "../../src/plan/problems.ts";
import { StatsRegistry } from "../../src/stats/index.ts";
import type { Resolution } from "../../src/upstream/dns/resolve.ts";
import { ClusterSet, prepareCluster } from "../../src/xds/cluster-set.ts";
import { recordingLog } from "./support.ts";
import { NO_SECRETS } from "../support/secrets.ts";

/** A cluster set over names that the test resolves by hand. */
function harness() {
  const clock = new FakeClock();
  const asked: string[] = [];
  const pending: { name: string; resolve: (r: Resolution) => void; reject: (e: Error) => void }[] = [];
  const endpoints = new Map<string, readonly EndpointPlan[]>();
  const { log, lines } = recordingLog();
  const set = new ClusterSet({
    dataPlane: {
      setCluster: (plan) => void endpoints.set(plan.name, []),
      tryCluster: () => assert.fail("no cluster has health checks"),
      setEndpoints: (name, list) => void endpoints.set(name, list),
      removeCluster: (name) => void endpoints.delete(name),
    },
    clock,
    random: () => 0.5,
    resolvers: () => (name) =>
      new Promise((resolve, reject) => {
        asked.push(name);
        pending.push({ name, resolve, reject });
      }),
    stats: new StatsRegistry(),
    log,
    endpoints: { watch: () => {}, unwatch: () => {} },
    secrets: NO_SECRETS,
  });
  const apply = (json: JsonValue, dynamic = true): void => {
    set.apply(
      prepareCluster(
        fromJson(ClusterSchema, json),
        { dnsCaches: new DnsCacheConfigs(), secrets: NO_SECRETS },
        new Place("", []),
      ),
      dynamic,
    );
  };
  const answer = async (name: string, result: readonly string[] | Error, ttlMs = 0): Promise<void> => {
    const index = pending.findIndex((each) => each.name === name);
    assert.ok(index >= 0, `${name} is not being resolved`);
    const [{ resolve, reject }] = pending.splice(index, 1);
    if (result instanceof Error) reject(result);
    else resolve({ addresses: result, ttlMs, details: "" });
    await new Promise((done) => setImmediate(done));
  };
  const shown = (name: string): string[] | undefined =>
    endpoints.get(name)?.map((each) => `${each.address}:${each.port}`);
  return { set, clock, asked, lines, apply, answer, shown };
}

function dnsCluster(type: string, names: readonly string[], more: { [field: string]: JsonValue } = {}): JsonValue {
  const endpoint = (address: string): JsonValue => ({
    endpoint: { address: { socket_address: { address, port_value: 80 } } },
  });
  return {
    name: "d",
    type,
    load_assignment: { cluster_name: "d", endpoints: [{ lb_endpoints: names.map(endpoint) }] },
    ...more,
  };
}

test("STRICT_DNS: every address is an endpoint; the cluster is there after each name's first answer", async () => {
  const { set, apply, answer, shown } = harness();
  apply(dnsCluster("STRICT_DNS", ["a", "b"]));
  assert.ok(set.isWarming("d"));
  await answer("a", ["10.0.0.1", "10.0.0.2"]);
  assert.equal(shown("d"), undefined);
  await answer("b", ["10.0.0.3"]);
  assert.deepEqual(shown("d"), ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]);
  assert.ok(!set.isWarming("d"));
});

test("LOGICAL_DNS: the first address is the endpoint", async () => {
  const { apply, answer, shown } = harness();
  apply(dnsCluster("LOGICAL_DNS", ["a"]));
  await answer("a", ["10.0.0.1", "10.0.0.2"]);
  assert.deepEqual(shown("d"), ["10.0.0.1:80"]);
});

test("names are resolved again every dns_refresh_rate", async () => {
  const { clock, asked, apply, answer, shown } = harness();
  apply(dnsCluster("STRICT_DNS", ["a"], { dns_refresh_rate: "2s" }));
  await answer("a", ["10.0.0.1"]);
  clock.advance(1_999);
  assert.deepEqual(asked, ["a"]);
  clock.advance(1);
  assert.deepEqual(asked, ["a", "a"]);
  await answer("a", ["10.0.0.9"]);
  assert.deepEqual(shown("d"), ["10.0.0.9:80"]);
});

test("respect_dns_ttl: the record's time to live decides", async () => {
  const { clock, asked, apply, answer } = harness();
  apply(dnsCluster("STRICT_DNS", ["a"], { respect_dns_ttl: true }));
  await answer("a", ["10.0.0.1"], 30_000);
  clock.advance(29_999);
  assert.equal(asked.length, 1);
  clock.advance(1);
  assert.equal(asked.length, 2);
});

test("a failure keeps what is known, and is tried again with growing waits", async () => {
  const { clock, asked, lines, apply, answer, shown } = harness();
  apply(dnsCluster("STRICT_DNS", ["a"], { dns_failure_refresh_rate: { base_interval: "1s", max_interval: "3s" } }));
  await answer("a", ["10.0.0.1"]);
  clock.advance(5_000);
  await answer("a", new Error("ENOTFOUND"));
  assert.deepEqual(shown("d"), ["10.0.0.1:80"]);
  assert.match(lines.join(""), /cannot resolve an endpoint's name cluster=d name=a/);
  // With a draw of 0.5 three quarters of 1 s, 2 s, then 3 s at most.
  for (const [i, wait] of [750, 1500, 2250, 2250].entries()) {
    clock.advance(wait - 1);
    assert.equal(asked.length, 2 + i);
    clock.advance(1);
    assert.equal(asked.length, 3 + i);
    await answer("a", new Error("ENOTFOUND"));
  }
});

test("a name that never resolves does not keep the cluster away", async () => {
  const { apply, answer, shown } = harness();
  apply(dnsCluster("STRICT_DNS", ["a"]));
  await answer("a", new Error("ENOTFOUND"));
  assert.deepEqual(shown("d"), []);
});

test("a changed cluster serves with the old endpoints until the new names are resolved", async () => {
  const { apply, answer, shown, clock, asked } = harness();
  apply(dnsCluster("STRICT_DNS", ["a"]));
  await answer("a", ["10.0.0.1"]);
  apply(dnsCluster("STRICT_DNS", ["b"]));
  assert.deepEqual(shown("d"), ["10.0.0.1:80"]);
  await answer("b", ["10.0.0.2"]);
  assert.deepEqual(shown("d"), ["10.0.0.2:80"]);
  clock.advance(5_000);
  assert.deepEqual(asked, ["a", "b", "b"]);
});

test("a removed cluster's names are not resolved any more", async () => {
  const { set, clock, asked, apply, answer } = harness();
  apply(dnsCluster("STRICT_DNS", ["a"]));
  await answer("a", ["10.0.0.1"]);
  set.remove("d");
  clock.advance(60_000);
  assert.deepEqual(asked, ["a"]);
});
