/** Istio's TCP metrics. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TCP_LABELS, UNKNOWN_WORKLOAD } from "@tulle/telemetry";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import { TimerWheel } from "../../src/clock/timer-wheel.ts";
import { labelSetsOf } from "../../src/mesh-stats/label-sets.ts";
import { Turn } from "../../src/net/turn.ts";
import { compileMeshStats } from "../../src/plan/filters/mesh-stats.ts";
import { Place } from "../../src/plan/problems.ts";
import { StatsRegistry } from "../../src/stats/index.ts";
import type { FilteredConnectionView } from "../../src/tcp/filters/network-filter.ts";
import { NetworkMeshStats } from "../../src/tcp/filters/mesh-stats.ts";

const LOCAL = { ...UNKNOWN_WORKLOAD, name: "ratings-v1", namespace: "default" };
const TO_REDIS = {
  cluster: {
    name: "outbound|6379||redis",
    plan: { service: { host: "redis.default", name: "redis", namespace: "default" } },
  },
  host: { workload: "redis-v1;default;redis;v1;Kubernetes" },
};

function setUp() {
  const clock = new FakeClock();
  const turn = new Turn(clock);
  const timers = new TimerWheel(clock, (timer) => {
    turn.begin();
    timer.owner.onTimer(timer.kind);
    turn.end();
  });
  const stats = new StatsRegistry();
  const config = compileMeshStats(null, LOCAL, new Place("", []));
  const filter = new NetworkMeshStats(config, stats, { turn, timers }, false);
  const stream = {
    connection: { tls: null },
    upstreamInfo: null,
    cluster: null,
    host: null,
    responseFlags: "-",
    bytesSent: 0,
    bytesReceived: 0,
  };
  const connection = { stream } as unknown as FilteredConnectionView;
  filter.onConnection(connection);
  return {
    clock,
    stats,
    timers,
    stream: stream as unknown as Record<string, unknown>,
    close: () => filter.onClose(connection),
    seen: () =>
      Object.fromEntries(
        [...stats.counters()]
          .filter(({ value }) => value > 0)
          .map(({ name, value }) => [name.slice("istio_tcp_".length), value]),
      ),
    tags: () => Object.fromEntries([...stats.counters()].find(({ name }) => name.startsWith("istio_tcp"))!.tags),
  };
}

test("a connection is counted every 5 s once it is known where it goes, and at its end", () => {
  const { clock, stream, seen, close, tags, timers } = setUp();
  Object.assign(stream, { bytesReceived: 10 });
  clock.advance(5_100);
  assert.deepEqual(seen(), {});
  Object.assign(stream, TO_REDIS, { bytesSent: 100 });
  clock.advance(5_100);
  assert.deepEqual(seen(), { connections_opened_total: 1, received_bytes_total: 10, sent_bytes_total: 100 });
  Object.assign(stream, { bytesSent: 130 });
  close();
  assert.deepEqual(seen(), {
    connections_opened_total: 1,
    connections_closed_total: 1,
    received_bytes_total: 10,
    sent_bytes_total: 130,
  });
  assert.equal(timers.size, 0);
  const { reporter, source_workload, destination_workload, destination_service, request_protocol, response_flags } =
    tags();
  assert.deepEqual(
    [reporter, source_workload, destination_workload, destination_service, request_protocol, response_flags],
    ["source", "ratings-v1", "redis-v1", "redis.default", "tcp", "-"],
  );
  assert.deepEqual(Object.keys(tags()), [...TCP_LABELS]);
});

test("a connection that went nowhere is BlackHoleCluster's, with its flags", () => {
  const { stream, seen, close, tags } = setUp();
  Object.assign(stream, { responseFlags: "NC" });
  close();
  assert.deepEqual(seen(), { connections_opened_total: 1, connections_closed_total: 1 });
  assert.equal(tags()["destination_service_name"], "BlackHoleCluster");
  assert.equal(tags()["response_flags"], "NC");
});

test("sets of labels beyond 2,000 are counted as one of each reporter, and how often is seen", () => {
  const registry = new StatsRegistry();
  const sets = labelSetsOf(registry);
  const tags = (value: string) =>
    [
      ["reporter", "source"],
      ["x", value],
    ] as const;
  for (let i = 0; i < 2_000; i++) assert.deepEqual(sets.admit(tags(String(i))), tags(String(i)));
  assert.deepEqual(sets.admit(tags("new")), tags("overflow"));
  assert.deepEqual(sets.admit(tags("7")), tags("7"));
  assert.equal(registry.counter("mesh_stats.label_sets_overflow").value, 1);
});

test("an idle connection does not keep its series; its bytes count again from there", () => {
  const { clock, stream, seen, stats } = setUp();
  Object.assign(stream, TO_REDIS, { bytesSent: 100 });
  clock.advance(5_100);
  stats.evict();
  stats.evict();
  clock.advance(5_100);
  assert.deepEqual(seen(), {});
  Object.assign(stream, { bytesSent: 130 });
  clock.advance(5_100);
  assert.deepEqual(seen(), { sent_bytes_total: 30 });
});
