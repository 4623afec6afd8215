/** The overload manager as resources come and go; what clients see of it is in the contract suite (overload.ts). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import { TimerWheel } from "../../src/clock/timer-wheel.ts";
import { Turn } from "../../src/net/turn.ts";
import { OverloadManager } from "../../src/overload/manager.ts";
import { STOP_ACCEPTING_CONNECTIONS, STOP_ACCEPTING_REQUESTS } from "../../src/plan/compile-overload.ts";
import { StatsRegistry } from "../../src/stats/index.ts";

function managed(action: string, from: number, to: number) {
  const clock = new FakeClock();
  const turn = new Turn(clock);
  const timers = new TimerWheel(clock, (timer) => {
    turn.begin();
    timer.owner.onTimer(timer.kind);
    turn.end();
  });
  const heap = { bytes: 0 };
  const stats = new StatsRegistry();
  const seen = { accepting: 0 };
  turn.begin();
  const manager = new OverloadManager(
    {
      refreshMs: 100,
      monitors: [{ name: "heap", maxBytes: 1_000 }],
      maxConnections: Infinity,
      actions: [{ name: action, triggers: [{ monitor: "heap", from, to }] }],
    },
    { net: { turn, timers }, stats, heapBytes: () => heap.bytes, onAccepting: () => seen.accepting++ },
  );
  turn.end();
  const fillTo = (bytes: number): void => {
    heap.bytes = bytes;
    clock.advance(200);
  };
  return { manager, stats, seen, fillTo };
}

test("a threshold is all or nothing", () => {
  const { manager, stats, fillTo } = managed(STOP_ACCEPTING_REQUESTS, 0.9, 0.9);
  const active = stats.gauge(`overload.${STOP_ACCEPTING_REQUESTS}.active`);
  assert.equal(manager.state.stopAcceptingRequests, 0);
  fillTo(899);
  assert.deepEqual([manager.state.stopAcceptingRequests, active.value], [0, 0]);
  fillTo(900);
  assert.deepEqual([manager.state.stopAcceptingRequests, active.value], [1, 1]);
  assert.equal(stats.gauge("overload.heap.pressure").value, 90);
  fillTo(100);
  assert.deepEqual([manager.state.stopAcceptingRequests, active.value], [0, 0]);
});

test("a scaled trigger grows from its one value to the other", () => {
  const { manager, stats, fillTo } = managed(STOP_ACCEPTING_REQUESTS, 0.5, 1);
  const percent = stats.gauge(`overload.${STOP_ACCEPTING_REQUESTS}.scale_percent`);
  fillTo(500);
  assert.equal(percent.value, 0);
  fillTo(750);
  assert.equal(percent.value, 50);
  assert.equal(manager.state.stopAcceptingRequests, 0.5);
  fillTo(2_000);
  assert.equal(percent.value, 100);
});

test("who waits to be accepted hears when there is enough again", () => {
  const { seen, fillTo } = managed(STOP_ACCEPTING_CONNECTIONS, 0.9, 0.9);
  fillTo(950);
  fillTo(960);
  assert.equal(seen.accepting, 0);
  fillTo(100);
  assert.equal(seen.accepting, 1);
});
