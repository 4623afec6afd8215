import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import { withFlag } from "../../src/http/response-flags.ts";
import { Turn } from "../../src/net/turn.ts";
import { Slowness } from "../../src/plan/slowness.ts";
import type { TailSamplerPlan } from "../../src/plan/tracing-plan.ts";
import { StatsRegistry } from "../../src/stats/index.ts";
import { TailSampler } from "../../src/tracing/tail-sampler.ts";
import { streamInfo } from "../support/stream-info.ts";
import { forwardTo, routePlan } from "../support/plans.ts";

const PLAN: TailSamplerPlan = {
  kind: "tail",
  minTracesPerSecond: 10,
  maxKeptPerSecond: 1,
  slowQuantile: 0,
  slowThresholdMs: 50,
};

class Bench {
  readonly clock = new FakeClock();
  readonly turn = new Turn(this.clock);
  readonly stats = new StatsRegistry();
  readonly sampler: TailSampler;

  constructor(changes: Partial<TailSamplerPlan> = {}) {
    const counter = (name: string) => this.stats.counter(name);
    this.sampler = new TailSampler({ ...PLAN, ...changes }, this.turn, counter("kept"), counter("over"));
  }

  /** Time passes, and another turn begins. */
  wait(ms: number): void {
    this.clock.advance(ms);
    this.turn.begin();
    this.turn.end();
  }

  /** What is looked at of an exchange that began so long ago. */
  ended(ms: number, changes: Partial<Exchange> = {}): Exchange {
    const exchange: Partial<Exchange> = {
      status: 200,
      flags: 0,
      isGrpc: false,
      route: ROUTE,
      startedAt: this.turn.now - ms,
      switchesProtocol: false,
      ...changes,
    };
    return exchange as Exchange;
  }
}

const ROUTE = routePlan(forwardTo({ name: "c", current: null }));

test("what there is little of is sampled whole", () => {
  const { sampler } = new Bench();
  assert.deepEqual(Array.from({ length: 12 }, () => sampler.samplesRoot(false)), [...Array<boolean>(10).fill(true), false, false]); // prettier-ignore
});

test("under load the share that was wanted is all: what it has chosen counts", () => {
  const bench = new Bench();
  let sampled = 0;
  // 2,000 a second for ten seconds, of which every hundredth is wanted.
  for (let i = 0; i < 20_000; i++) {
    if (i % 2 === 0) bench.wait(1);
    if (bench.sampler.samplesRoot(i % 100 === 0)) sampled++;
  }
  assert.ok(sampled >= 200 && sampled <= 212, `${sampled}`);
});

test("errors are kept: no answer, 5xx, response flags; a delay that was asked for is none", () => {
  const bench = new Bench();
  const keeps = (changes: Partial<Exchange>): boolean => bench.sampler.keeps(bench.ended(1, changes));
  assert.equal(keeps({}), false);
  assert.equal(keeps({ status: 404 }), false);
  assert.equal(keeps({ flags: withFlag(0, "DI") }), false);
  assert.equal(keeps({ status: 0 }), true);
  assert.equal(keeps({ status: 503 }), true);
  assert.equal(keeps({ flags: withFlag(0, "DC") }), true);
  assert.equal(keeps({ flags: withFlag(withFlag(0, "DI"), "UF") }), true);
});

test("a gRPC error is one, in headers and in trailers", () => {
  const bench = new Bench();
  const keeps = (headers: string, trailers: string): boolean => {
    const { response, responseTrailers } = streamInfo({
      responseHeaders: headers === "" ? {} : { "grpc-status": headers },
      ...(trailers === "" ? {} : { trailers: { "grpc-status": trailers } }),
    });
    return bench.sampler.keeps(bench.ended(1, { isGrpc: true, response, responseTrailers } as Partial<Exchange>));
  };
  assert.deepEqual([keeps("", ""), keeps("0", ""), keeps("14", "")], [false, false, true]);
  assert.deepEqual([keeps("", "0"), keeps("", "5"), keeps("", "13")], [false, false, true]);
});

test("the budget: bursts of ten seconds' worth, half of it for errors alone", () => {
  const bench = new Bench();
  const slow = (): boolean => bench.sampler.keeps(bench.ended(50));
  const failed = (): boolean => bench.sampler.keeps(bench.ended(1, { status: 500 }));
  const count = (keeps: () => boolean): number => Array.from({ length: 20 }, keeps).filter(Boolean).length;
  assert.equal(count(slow), 5);
  assert.equal(count(failed), 5);
  bench.wait(2_000);
  assert.equal(count(failed), 2);
  assert.equal(bench.stats.counter("kept").value, 12);
  assert.equal(bench.stats.counter("over").value, 48);
});

test("budgets of less than one a second are kept to, and not nothing", () => {
  const bench = new Bench({ minTracesPerSecond: 0.1, maxKeptPerSecond: 0.1 });
  let roots = 0;
  let slow = 0;
  for (let second = 0; second < 100; second++) {
    bench.wait(1_000);
    for (let i = 0; i < 10; i++) if (bench.sampler.samplesRoot(false)) roots++;
    if (bench.sampler.keeps(bench.ended(50))) slow++;
  }
  assert.ok(roots >= 10 && roots <= 11 && slow >= 10 && slow <= 11, `${roots} ${slow}`);
  const none = new Bench({ minTracesPerSecond: 0, maxKeptPerSecond: 0 });
  none.wait(60_000);
  assert.equal(none.sampler.samplesRoot(false) || none.sampler.keeps(none.ended(50)), false);
});

test("a tunnel is never slow", () => {
  const bench = new Bench();
  assert.equal(bench.sampler.keeps(bench.ended(60_000, { switchesProtocol: true })), false);
});

test("slow by quantile: the limit follows what a route's requests take, up and down", () => {
  const slowness = new Slowness();
  // 1 to 100 ms, shuffled by a step that has no factor in common with 100.
  const share = (requests: number, scale: number): number => {
    let slow = 0;
    for (let i = 0; i < requests; i++) if (slowness.isSlow((((i * 37) % 100) + 1) * scale, 0.95)) slow++;
    return slow / requests;
  };
  const near = (found: number): void => assert.ok(Math.abs(found - 0.05) < 0.015, `${found}`);
  share(2_000, 1);
  near(share(20_000, 1));
  share(5_000, 10);
  near(share(20_000, 10));
  share(5_000, 1);
  near(share(20_000, 1));
});

test("nothing below a millisecond is slow, nor are the first requests", () => {
  const slowness = new Slowness();
  assert.equal(slowness.isSlow(10_000, 0.99), false);
  const fast = new Slowness();
  for (let i = 0; i < 1_000; i++) assert.equal(fast.isSlow((i % 10) / 20, 0.9), false);
});
