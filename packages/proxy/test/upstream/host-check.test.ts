import assert from "node:assert/strict";
import { test } from "node:test";
import type { Timer } from "../../src/clock/timer-wheel.ts";
import { StatsRegistry } from "../../src/stats/index.ts";
import { HostCheck } from "../../src/upstream/health-check/host-check.ts";
import { HealthCheckStats } from "../../src/upstream/health-check/stats.ts";
import { HealthFlag } from "../../src/upstream/health-flags.ts";

const PLAN = {
  timeoutMs: 1_000,
  intervalMs: 10_000,
  initialJitterMs: 0,
  intervalJitterMs: 0,
  intervalJitterPercent: 0,
  unhealthyThreshold: 2,
  healthyThreshold: 2,
  reuseConnection: true,
  noTrafficIntervalMs: 60_000,
  noTrafficHealthyIntervalMs: 90_000,
  unhealthyIntervalMs: 20_000,
  unhealthyEdgeIntervalMs: 3_000,
  healthyEdgeIntervalMs: 4_000,
  excludesNewHosts: false,
  removesHealthyHosts: false,
  probe: { protocol: "tcp", send: "", receive: [] },
} as const;

function checkedHost(traffic = true, plan: { readonly initialJitterMs?: number } = {}) {
  const flags = new Set<HealthFlag>([HealthFlag.FAILED_ACTIVE_HC]);
  const armed: number[] = [];
  const results: string[] = [];
  const host = {
    lastPassedAt: Number.NaN,
    hasFlag: (flag: HealthFlag) => flags.has(flag),
    setFlag: (flag: HealthFlag, on: boolean) => void (on ? flags.add(flag) : flags.delete(flag)),
  };
  const stats = new HealthCheckStats(new StatsRegistry(), "a");
  const check = new HostCheck(
    host,
    { ...PLAN, ...plan },
    {
      stats,
      now: () => 7,
      arm: (_timer: Timer, delayMs: number) => void armed.push(delayMs),
      disarm: () => {},
      random: () => 0.5,
      hasTraffic: () => traffic,
      connect: () => ({ closed: false, probe: () => {}, giveUp: () => {}, close: () => {} }),
      onResult: (passed, changed) => void results.push(`${passed} ${changed}`),
    },
  );
  return { check, flags, armed, results, stats, failed: () => flags.has(HealthFlag.FAILED_ACTIVE_HC) };
}

test("the first success counts at once, later ones at the threshold", () => {
  const { check, failed, results } = checkedHost();
  check.start();
  check.onPassed(false);
  assert.equal(failed(), false);
  check.onFailed("answer");
  assert.equal(failed(), true);
  check.onPassed(false);
  assert.equal(failed(), true);
  check.onPassed(false);
  assert.equal(failed(), false);
  assert.deepEqual(results, ["true true", "false true", "true false", "true true"]);
});

test("failures of the network and retriable ones count at the threshold", () => {
  const { check, failed } = checkedHost();
  check.onPassed(false);
  check.onFailed("network");
  assert.equal(failed(), false);
  check.onFailed("retriable");
  assert.equal(failed(), true);
});

test("intervals follow what is thought of the host", () => {
  const { check, armed } = checkedHost();
  check.onPassed(false);
  check.onFailed("network");
  check.onFailed("network");
  check.onPassed(false);
  check.onPassed(false);
  assert.deepEqual(armed, [10_000, 3_000, 20_000, 4_000, 10_000]);
});

test("a cluster without traffic is checked less often", () => {
  const { check, armed } = checkedHost(false);
  check.onPassed(false);
  check.onFailed("answer");
  assert.deepEqual(armed, [90_000, 60_000]);
});

test("a timeout is marked on a host that has failed", () => {
  const { check, flags, stats } = checkedHost();
  check.onFailed("timeout");
  assert.equal(flags.has(HealthFlag.ACTIVE_HC_TIMEOUT), true);
  assert.equal(stats.networkFailure.value, 1);
  check.onFailed("answer");
  assert.equal(flags.has(HealthFlag.ACTIVE_HC_TIMEOUT), false);
});

test("a host that is removed no longer counts as healthy", () => {
  const { check, stats } = checkedHost();
  check.onPassed(true);
  assert.deepEqual([stats.healthy.value, stats.degraded.value], [1, 1]);
  check.stop();
  assert.deepEqual([stats.healthy.value, stats.degraded.value], [0, 0]);
});

test("the initial jitter delays only the first check", () => {
  const { check, armed, stats } = checkedHost(true, { initialJitterMs: 100 });
  check.start();
  assert.deepEqual([armed[0], stats.attempt.value], [50, 0]);
});
