import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import { Turn } from "../../src/net/turn.ts";

/** An event loop whose rounds the test ends; connections that say what leaves them. */
class Loop {
  readonly written: string[] = [];
  readonly turn = new Turn(new FakeClock(), (run) => this.asked.push(run));
  private readonly asked: (() => void)[] = [];

  /** One callback that writes to one connection. */
  callback(name: string, long = false): void {
    this.turn.begin();
    this.turn.flushLater({ flush: () => this.written.push(name) });
    if (long) this.turn.flushSoon();
    this.turn.end();
  }

  round(...names: string[]): string[] {
    const before = this.written.length;
    for (const name of names) this.callback(name);
    const duringRound = this.written.slice(before);
    this.end();
    return duringRound;
  }

  end(): void {
    for (const run of this.asked.splice(0)) run();
  }

  /** One callback that writes to a connection that carries many messages at once. */
  shared(name: string, long = false): void {
    this.turn.begin();
    this.turn.touchShared();
    this.turn.flushShared({ flush: () => this.written.push(name) });
    if (long) this.turn.flushSoon();
    this.turn.end();
  }

  /** Rounds that bring one message each, until none waits. @returns how many messages left together */
  burst(names: readonly string[]): number {
    const before = this.written.length;
    for (const name of names) {
      this.shared(name);
      if (this.written.length > before) return this.written.length - before;
      this.end();
    }
    while (this.asked.length > 0) this.end();
    return this.written.length - before;
  }
}

const BUSY = ["a", "b", "c", "d", "e", "f", "g", "h"];

/** A loop whose rounds have had many turns for some time. */
function busyLoop(): Loop {
  const loop = new Loop();
  for (let i = 0; i < 50; i++) loop.round(...BUSY);
  return loop;
}

describe("a turn's output", () => {
  test("leaves when the turn ends, all at once", () => {
    const { turn, written } = new Loop();
    turn.begin();
    turn.begin();
    turn.flushLater({ flush: () => written.push("inner") });
    turn.end();
    assert.deepEqual(written, []);
    turn.end();
    assert.deepEqual(written, ["inner"]);
  });

  test("what is written while it leaves leaves with it", () => {
    const { turn, written } = new Loop();
    turn.begin();
    turn.flushLater({
      flush: () => {
        turn.begin();
        turn.flushLater({ flush: () => written.push("second") });
        turn.end();
        written.push("first");
      },
    });
    turn.end();
    assert.deepEqual(written, ["first", "second"]);
  });

  test("never waits where rounds have few turns", () => {
    const loop = new Loop();
    for (let i = 0; i < 200; i++) assert.deepEqual(loop.round("a", "b"), ["a", "b"]);
  });

  test("leaves at the end of the round where rounds have many", () => {
    const loop = busyLoop();
    assert.deepEqual(loop.round(...BUSY), []);
    assert.deepEqual(loop.written.slice(-BUSY.length), BUSY);
  });

  test("does not wait for the end of the round when it is long", () => {
    const loop = busyLoop();
    loop.callback("a");
    loop.callback("b", true);
    assert.deepEqual(loop.written.slice(-2), ["a", "b"]);
    loop.callback("c");
    assert.equal(loop.written.at(-1), "b");
    loop.end();
    assert.equal(loop.written.at(-1), "c");
  });

  test("waits no longer once rounds have few turns again", () => {
    const loop = busyLoop();
    for (let i = 0; i < 10; i++) loop.round("a");
    assert.deepEqual(loop.round("a"), ["a"]);
  });

  test("leaves at once where nobody tells of the ends of rounds", () => {
    const turn = new Turn(new FakeClock());
    let flushed = 0;
    for (let i = 0; i < 100; i++) {
      turn.begin();
      turn.flushLater({ flush: () => flushed++ });
      turn.end();
      assert.equal(flushed, i + 1);
    }
  });
});

describe("output of a connection that carries many messages", () => {
  /** Waiting was worth it for some time. */
  function waitingLoop(): Loop {
    const loop = new Loop();
    for (let i = 0; i < 127; i++) loop.burst(["a", "b"]);
    return loop;
  }

  test("leaves with its turn until a trial shows that more comes", () => {
    const loop = new Loop();
    for (let i = 0; i < 126; i++) assert.equal(loop.burst(["a"]), 1);
    assert.equal(loop.burst(["a", "b", "c"]), 3);
    assert.equal(loop.burst(["a", "b"]), 2);
  });

  test("waits for the next rounds as long as each brings more, but not for ever", () => {
    const loop = waitingLoop();
    const before = loop.written.length;
    for (const name of ["a", "b", "c", "d"]) {
      loop.shared(name);
      assert.equal(loop.written.length, before, name);
      loop.end();
    }
    assert.deepEqual(loop.written.slice(before), ["a", "b", "c", "d"]);
  });

  test("leaves at the end of a round that brought nothing", () => {
    const loop = waitingLoop();
    loop.shared("a");
    loop.end();
    const before = loop.written.length;
    loop.end();
    assert.deepEqual(loop.written.slice(before), ["a"]);
  });

  test("leaves at the end of the round that brought enough", () => {
    const loop = waitingLoop();
    const before = loop.written.length;
    for (const name of BUSY) loop.shared(name);
    assert.equal(loop.written.length, before);
    loop.end();
    assert.deepEqual(loop.written.slice(before), BUSY);
  });

  test("does not wait when it is long", () => {
    const loop = waitingLoop();
    loop.shared("a");
    loop.shared("b", true);
    assert.deepEqual(loop.written.slice(-2), ["a", "b"]);
  });

  test("waits no longer once waiting brings nothing", () => {
    const loop = waitingLoop();
    for (let i = 0; i < 40; i++) loop.burst(["a"]);
    loop.shared("b");
    assert.equal(loop.written.at(-1), "b");
  });

  test("does not keep that of others", () => {
    const loop = waitingLoop();
    loop.shared("a");
    loop.callback("own");
    assert.equal(loop.written.at(-1), "own");
  });

  test("leaves with its turn where nobody tells of the ends of rounds", () => {
    const turn = new Turn(new FakeClock());
    let flushed = 0;
    for (let i = 0; i < 300; i++) {
      turn.begin();
      turn.touchShared();
      turn.flushShared({ flush: () => flushed++ });
      turn.end();
      assert.equal(flushed, i + 1);
    }
  });
});
