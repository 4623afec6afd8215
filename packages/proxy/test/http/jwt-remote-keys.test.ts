/** Keys of JWT providers that are fetched: when, how often, and what happens where they cannot be had. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import { TimerWheel } from "../../src/clock/timer-wheel.ts";
import { ReadBuffer } from "../../src/codec/read-buffer.ts";
import type { AsyncCallbacks } from "../../src/http/async-client.ts";
import { JwtAuthnStats } from "../../src/http/filters/jwt-authn.ts";
import { RemoteKeys } from "../../src/http/filters/jwt-remote-keys.ts";
import type { FilterContext } from "../../src/http/filters/filter.ts";
import type { KeySet } from "../../src/jwt/key-set.ts";
import { Turn } from "../../src/net/turn.ts";
import type { RemoteJwksPlan } from "../../src/plan/filters/jwt-provider.ts";
import { StatsRegistry } from "../../src/stats/index.ts";
import { jwk, jwks } from "../../../../test/support/tokens.ts";

const PLAN: RemoteJwksPlan = {
  uri: { cluster: "keys", authority: "keys.test", path: "/", timeoutMs: 1000 },
  cacheMs: 60_000,
  asyncFetch: null,
  retries: { count: 0, baseMs: 100, maxMs: 1000, perTryMs: 0 },
};
const SET = jwks(jwk("rsa"));

/** Fetches are answered by the test. */
class Bench {
  readonly clock = new FakeClock();
  readonly fetches: { readonly callbacks: AsyncCallbacks; readonly timeoutMs: number; cancelled: boolean }[] = [];
  readonly stats: JwtAuthnStats;
  readonly keys: RemoteKeys;
  readonly told: (KeySet | null)[] = [];
  newKeys = 0;
  private readonly turn = new Turn(this.clock);

  constructor(fields: Partial<RemoteJwksPlan> = {}) {
    const registry = new StatsRegistry();
    const timers = new TimerWheel(this.clock, (timer) => {
      this.turn.begin();
      timer.owner.onTimer(timer.kind);
      this.turn.end();
    });
    const context = {
      stats: registry,
      random: () => 0.5,
      net: { turn: this.turn, timers },
      findCluster: () => ({ name: "keys", current: {} }),
      client: {
        send: (_cluster: unknown, _head: unknown, _body: unknown, timeoutMs: number, callbacks: AsyncCallbacks) => {
          const fetch = { callbacks, timeoutMs, cancelled: false };
          this.fetches.push(fetch);
          return { cancel: () => (fetch.cancelled = true) };
        },
      },
    };
    this.stats = new JwtAuthnStats(registry, "jwt_authn.");
    this.keys = new RemoteKeys(
      { ...PLAN, ...fields },
      context as unknown as FilterContext,
      this.stats,
      () => this.newKeys++,
    );
  }

  wait(): void {
    this.within(() => this.keys.wait({ onKeys: (keys) => this.told.push(keys) }));
  }

  /** Of the last fetch. */
  answer(status: number, body = ""): void {
    const { callbacks } = this.fetches.at(-1)!;
    const buffer = new ReadBuffer(body.length);
    buffer.bytes.write(body, "latin1");
    this.within(() => {
      if (body !== "") callbacks.onData?.(buffer, 0, body.length);
      callbacks.onResponse(status);
    });
  }

  get current(): KeySet | null {
    return this.keys.current(this.clock.now());
  }

  within(act: () => void): void {
    this.turn.begin();
    act();
    this.turn.end();
  }
}

test("one fetch serves all that wait", () => {
  const bench = new Bench();
  bench.wait();
  bench.wait();
  bench.answer(200, SET);
  assert.equal(bench.fetches.length, 1);
  assert.deepEqual(
    bench.told.map((keys) => keys?.length),
    [1, 1],
  );
  assert.equal(bench.stats.fetchSuccess.value, 1);
});

test("keys are fetched again when they are too old, and not before", () => {
  const bench = new Bench();
  bench.wait();
  bench.answer(200, SET);
  bench.clock.advance(59_000);
  assert.notEqual(bench.current, null);
  bench.clock.advance(2_000);
  assert.equal(bench.current, null);
});

test("tokens that were good are forgotten when the keys are others, not when they are the same", () => {
  const bench = new Bench();
  for (const [set, times] of [
    [SET, 1],
    [SET, 1],
    [jwks(jwk("rsa2")), 2],
  ] as const) {
    bench.wait();
    bench.answer(200, set);
    assert.equal(bench.newKeys, times);
  }
});

test("a fetch that nobody waits for any more is taken back", () => {
  const bench = new Bench();
  const waiter = { onKeys: () => {} };
  bench.within(() => bench.keys.wait(waiter));
  bench.within(() => bench.keys.stopWaiting(waiter));
  assert.equal(bench.fetches[0]?.cancelled, true);
  bench.wait();
  assert.equal(bench.fetches.length, 2);
});

test("after a failure the next one that waits brings about another fetch", () => {
  const bench = new Bench();
  bench.wait();
  bench.answer(500);
  bench.wait();
  bench.answer(200, SET);
  assert.deepEqual(
    bench.told.map((keys) => keys?.length),
    [undefined, 1],
  );
  assert.equal(bench.stats.fetchFailed.value, 1);
});

test("retries wait ever longer, with jitter, and end where the time does", () => {
  const bench = new Bench({ retries: { count: 10, baseMs: 100, maxMs: 1000, perTryMs: 400 } });
  bench.wait();
  assert.equal(bench.fetches[0]?.timeoutMs, 400);
  bench.answer(503);
  bench.clock.advance(40);
  assert.equal(bench.fetches.length, 1);
  bench.clock.advance(20);
  assert.equal(bench.fetches.length, 2);
  bench.answer(503);
  bench.clock.advance(110);
  assert.equal(bench.fetches.length, 3);
  bench.within(() => bench.fetches[2]?.callbacks.onReset());
  bench.clock.advance(210);
  assert.equal(bench.fetches.length, 4);
  // 400 ms more would be too late.
  bench.answer(503);
  bench.clock.advance(230);
  bench.answer(503);
  assert.deepEqual(bench.told, [null]);
});

test("what no server has decided is not tried again: 404, keys that are none", () => {
  for (const [status, body] of [
    [404, ""],
    [200, "{}"],
    [200, ""],
  ] as const) {
    const bench = new Bench({ retries: { count: 10, baseMs: 100, maxMs: 1000, perTryMs: 0 } });
    bench.wait();
    bench.answer(status, body);
    assert.deepEqual(bench.told, [null]);
  }
});

test("a set without end is not read to its end", () => {
  const bench = new Bench();
  bench.wait();
  const buffer = new ReadBuffer(8 * 1024 * 1024);
  const fetch = bench.fetches[0]!;
  for (let i = 0; i < 5; i++) bench.within(() => fetch.callbacks.onData?.(buffer, 0, buffer.bytes.length));
  assert.equal(fetch.cancelled, true);
  bench.within(() => fetch.callbacks.onCancel?.());
  assert.deepEqual(bench.told, [null]);
});

test("beforehand: ready when the first fetch is over, however it ended; then again and again", () => {
  const bench = new Bench({ asyncFetch: { fastListener: false, failedRefetchMs: 1000 } });
  let ready = 0;
  bench.within(() => bench.keys.start(() => ready++));
  assert.equal(ready, 0);
  bench.answer(500);
  assert.equal(ready, 1);
  bench.clock.advance(1020);
  assert.equal(bench.fetches.length, 2);
  bench.answer(200, SET);
  // Five seconds before they are too old; they never are, for want of better ones.
  bench.clock.advance(54_000);
  assert.equal(bench.fetches.length, 2);
  bench.clock.advance(1_100);
  assert.equal(bench.fetches.length, 3);
  bench.answer(500);
  bench.clock.advance(20_000);
  assert.notEqual(bench.current, null);
  assert.equal(ready, 1);
});

test("beforehand: a fast listener waits for nothing", () => {
  const bench = new Bench({ asyncFetch: { fastListener: true, failedRefetchMs: 1000 } });
  let ready = 0;
  bench.within(() => bench.keys.start(() => ready++));
  assert.equal(ready, 1);
  assert.equal(bench.fetches.length, 1);
});

test("a configuration that is gone fetches nothing more", () => {
  const bench = new Bench({ asyncFetch: { fastListener: true, failedRefetchMs: 1000 } });
  bench.within(() => bench.keys.start(() => {}));
  bench.answer(200, SET);
  bench.keys.stop();
  bench.clock.advance(200_000);
  assert.equal(bench.fetches.length, 1);
});
