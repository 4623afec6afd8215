/** Names that requests ask for: who waits for them, how often they are looked up, when they are forgotten. */
import { DNS_CACHE } from "../support/plans.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import { TimerWheel } from "../../src/clock/timer-wheel.ts";
import type { NetContext } from "../../src/net/context.ts";
import { Turn } from "../../src/net/turn.ts";
import type { DnsCachePlan } from "../../src/plan/compile-dns-cache.ts";
import { StatsRegistry } from "../../src/stats/index.ts";
import { type CachedName, DnsCache, type NameWaiter } from "../../src/upstream/dns/cache.ts";
import { type Resolution, ResolveError } from "../../src/upstream/dns/resolve.ts";

class Waiter implements NameWaiter {
  waitsFor: CachedName | null = null;
  nextWaiter: NameWaiter | null = null;
  previousWaiter: NameWaiter | null = null;
  readonly told: string[];
  private readonly label: string;

  constructor(label: string, told: string[]) {
    this.label = label;
    this.told = told;
  }

  onNameKnown({ addresses, details }: CachedName): void {
    this.told.push(`${this.label}: ${addresses.join() || details}`);
  }
}

function harness(changes: Partial<DnsCachePlan> = {}) {
  const clock = new FakeClock();
  const turn = new Turn(clock);
  const timers = new TimerWheel(clock, (timer) => {
    turn.begin();
    timer.owner.onTimer(timer.kind);
    turn.end();
  });
  const asked: string[] = [];
  const answers: ((answer: Resolution | Error) => void)[] = [];
  const stats = new StatsRegistry();
  const cache = new DnsCache(
    { ...DNS_CACHE, ...changes },
    {
      net: { turn, timers, reportBug: (error: unknown) => assert.fail(String(error)) } as unknown as NetContext,
      random: () => 0.5,
      stats,
      resolve: (name) =>
        new Promise((resolve, reject) => {
          asked.push(name);
          answers.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
        }),
    },
  );
  const told: string[] = [];
  const wait = (label: string, authority = "a.test"): Waiter => {
    const name = cache.load(authority);
    assert.ok(name !== null);
    const waiter = new Waiter(label, told);
    cache.wait(waiter, name);
    return waiter;
  };
  const answer = async (of: number, addresses: readonly string[] | Error, ttlMs = 60_000): Promise<void> => {
    answers[of](addresses instanceof Error ? addresses : { addresses, ttlMs, details: "none" });
    await new Promise((done) => setImmediate(done));
  };
  const open = (): number => stats.gauge("dns_cache.d.circuit_breakers.rq_pending_open").value;
  return { cache, clock, asked, told, wait, answer, open, stats };
}

test("the last who came is told first; who has gone is not told", async () => {
  const { asked, told, wait, answer, cache } = harness();
  wait("1");
  const gone = wait("2");
  wait("3");
  const first = wait("4");
  cache.stopWaiting(gone);
  cache.stopWaiting(first);
  assert.deepEqual(asked, ["a.test"]);
  await answer(0, ["10.0.0.1"]);
  assert.deepEqual(told, ["3: 10.0.0.1", "1: 10.0.0.1"]);
});

test("a circuit breaker counts those who wait", async () => {
  const { wait, answer, open, cache } = harness({ maxPendingRequests: 2 });
  const one = wait("1");
  wait("2");
  assert.equal(cache.mayWait(), false);
  assert.equal(open(), 1);
  cache.stopWaiting(one);
  assert.equal(cache.mayWait(), true);
  await answer(0, ["10.0.0.1"]);
  assert.equal(open(), 0);
});

test("an answer that comes after the timeout is not heard", async () => {
  const { clock, told, wait, answer, cache } = harness();
  wait("1");
  clock.advance(5_020);
  assert.deepEqual(told, ["1: dns_resolution_failure{resolve_timeout}"]);
  await answer(0, ["10.0.0.1"]);
  assert.deepEqual(cache.find("a.test")?.addresses, []);
});

test("an address stays when later lookups fail or find nothing", async () => {
  const { clock, wait, answer, cache } = harness();
  wait("1");
  await answer(0, ["10.0.0.1"], 5_000);
  clock.advance(5_020);
  await answer(1, new ResolveError("cares_failure:x"));
  assert.deepEqual(cache.find("a.test")?.addresses, ["10.0.0.1"]);
  clock.advance(60_020);
  await answer(2, []);
  assert.deepEqual(cache.find("a.test")?.addresses, ["10.0.0.1"]);
});

test("a name that nobody asks for is forgotten at its next refresh, and its hosts with it", async () => {
  const { clock, wait, answer, cache, asked } = harness({ hostTtlMs: 7_000 });
  const heard: string[] = [];
  cache.attach({
    onAddress: ({ key, addresses }) => heard.push(`${key} ${addresses.join()}`),
    onForgotten: ({ key }) => heard.push(`${key} gone`),
  });
  wait("1");
  await answer(0, ["10.0.0.1"], 5_000);
  clock.advance(5_020);
  await answer(1, ["10.0.0.2"], 5_000);
  clock.advance(5_020);
  assert.deepEqual(heard, ["a.test:80 10.0.0.1", "a.test:80 10.0.0.2", "a.test:80 gone"]);
  assert.equal(asked.length, 2);
  assert.equal(cache.find("a.test"), undefined);
});

test("failures wait longer and longer", async () => {
  const { clock, wait, answer, asked } = harness({ failure: { baseMs: 1_000, maxMs: 3_000 } });
  wait("1");
  await answer(0, new ResolveError("x"));
  for (const [i, ms] of [750, 1_500, 2_250, 2_250].entries()) {
    clock.advance(ms - 20);
    assert.equal(asked.length, 1 + i);
    clock.advance(40);
    assert.equal(asked.length, 2 + i);
    await answer(1 + i, new ResolveError("x"));
  }
});

test("a name on its way does not count as there when there are too many", () => {
  const { wait, cache } = harness({ maxHosts: 1 });
  wait("1");
  assert.equal(cache.load("a.test"), null);
});
