import assert from "node:assert/strict";
import { test } from "node:test";
import { Debounce } from "../../src/push/debounce.ts";
import { ManualClock } from "../support/manual-clock.ts";

function started(): { clock: ManualClock; debounce: Debounce; runs: number[] } {
  const clock = new ManualClock(0);
  const runs: number[] = [];
  return { clock, debounce: new Debounce(clock, () => runs.push(clock.now()), 100), runs };
}

test("the first change runs at once, but not within the call", () => {
  const { clock, debounce, runs } = started();
  debounce.call();
  assert.deepEqual(runs, []);
  clock.advance(0);
  assert.deepEqual(runs, [0]);
});

test("pending from the call to its run, and no longer", () => {
  const { clock, debounce } = started();
  assert.equal(debounce.pending, false);
  debounce.call();
  assert.equal(debounce.pending, true);
  clock.advance(0);
  assert.equal(debounce.pending, false);
  debounce.call();
  assert.equal(debounce.pending, true);
  clock.advance(100);
  assert.equal(debounce.pending, false);
});

test("changes in the quiet time run together when it is over, and start another", () => {
  const { clock, debounce, runs } = started();
  debounce.call();
  clock.advance(10);
  debounce.call();
  clock.advance(50);
  debounce.call();
  clock.advance(39);
  assert.deepEqual(runs, [0]);
  clock.advance(1);
  assert.deepEqual(runs, [0, 100]);
  debounce.call();
  clock.advance(99);
  assert.deepEqual(runs, [0, 100]);
  clock.advance(1);
  assert.deepEqual(runs, [0, 100, 200]);
});

test("after a quiet time without changes the next one runs at once again", () => {
  const { clock, debounce, runs } = started();
  debounce.call();
  clock.advance(500);
  debounce.call();
  clock.advance(0);
  assert.deepEqual(runs, [0, 500]);
});

test("a steady stream of changes runs once in each period", () => {
  const { clock, debounce, runs } = started();
  for (let at = 0; at < 1000; at += 5) {
    debounce.call();
    clock.advance(5);
  }
  assert.deepEqual(runs, [0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
});

test("a change during a run is not lost", () => {
  const clock = new ManualClock(0);
  let runs = 0;
  const debounce: Debounce = new Debounce(clock, () => (++runs === 1 ? debounce.call() : undefined), 100);
  debounce.call();
  clock.advance(100);
  assert.equal(runs, 2);
});

test("nothing runs once it is closed", () => {
  const { clock, debounce, runs } = started();
  debounce.call();
  debounce.close();
  debounce.call();
  clock.advance(1000);
  assert.deepEqual(runs, []);
});
