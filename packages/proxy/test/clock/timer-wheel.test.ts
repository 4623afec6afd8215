import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import { Timer, TimerWheel } from "../../src/clock/timer-wheel.ts";

function setUp(): {
  clock: FakeClock;
  wheel: TimerWheel;
  fired: [kind: number, at: number][];
  timer: (kind: number) => Timer;
} {
  const clock = new FakeClock();
  const fired: [number, number][] = [];
  const wheel = new TimerWheel(clock, (timer) => timer.owner.onTimer(timer.kind));
  const owner = { onTimer: (kind: number) => void fired.push([kind, clock.now() - 1_000]) };
  return { clock, wheel, fired, timer: (kind) => new Timer(owner, kind) };
}

describe("the timer wheel", () => {
  it("fires never early and at most a tick late, in order of ticks", () => {
    const { clock, wheel, fired, timer } = setUp();
    for (const ms of [5, 10, 11, 99, 100, 250, 40_950, 41_000, 90_000]) wheel.arm(timer(ms), clock.now(), ms);
    clock.advance(100_000);
    assert.deepEqual(
      fired.map(([ms]) => Math.ceil(ms / 10)),
      [1, 1, 2, 10, 10, 25, 4_095, 4_100, 9_000],
    );
    for (const [ms, at] of fired) assert.ok(at >= ms && at < ms + 20, `${ms} at ${at}`);
    assert.equal(wheel.size, 0);
  });

  it("forgets what is disarmed, and arms anew", () => {
    const { clock, wheel, fired, timer } = setUp();
    const [a, b, c] = [timer(1), timer(2), timer(3)];
    for (const each of [a, b, c]) wheel.arm(each, clock.now(), 50);
    wheel.disarm(b);
    wheel.disarm(b);
    wheel.arm(c, clock.now(), 500);
    clock.advance(200);
    assert.deepEqual(
      fired.map(([kind]) => kind),
      [1],
    );
    clock.advance(400);
    assert.deepEqual(
      fired.map(([kind]) => kind),
      [1, 3],
    );
    assert.equal(a.armed || b.armed || c.armed, false);
  });

  it("lets a timer arm and disarm others while it fires", () => {
    const clock = new FakeClock();
    const order: string[] = [];
    const wheel = new TimerWheel(clock, (timer) => timer.owner.onTimer(timer.kind));
    const silent = new Timer({ onTimer: () => order.push("silent") }, 0);
    const later = new Timer({ onTimer: () => order.push("later") }, 0);
    const first = new Timer(
      {
        onTimer: () => {
          order.push("first");
          wheel.disarm(silent);
          wheel.arm(later, clock.now(), 0);
        },
      },
      0,
    );
    wheel.arm(silent, clock.now(), 30);
    wheel.arm(first, clock.now(), 30);
    clock.advance(1_000);
    assert.deepEqual(order, ["first", "later"]);
  });

  it("keeps no timer of the clock while nothing is armed", () => {
    const { clock, wheel, timer } = setUp();
    let scheduled = 0;
    const counting = {
      now: () => clock.now(),
      wallMs: () => 0,
      schedule: (ms: number, run: () => void) => {
        scheduled++;
        return clock.schedule(ms, run);
      },
    };
    const quiet = new TimerWheel(counting, (due) => due.owner.onTimer(due.kind));
    const only = timer(1);
    quiet.arm(only, clock.now(), 20);
    clock.advance(50);
    const before = scheduled;
    clock.advance(60_000);
    assert.equal(scheduled, before);
    assert.equal(wheel.size, 0);
  });

  it("survives a long sleep of the process", () => {
    const { clock, wheel, fired, timer } = setUp();
    for (let ms = 10; ms < 1_000; ms += 10) wheel.arm(timer(ms), clock.now(), ms);
    clock.advance(600_000);
    assert.equal(fired.length, 99);
  });
});
