/** Buckets over time; who takes of which is in test/contract/cases/local-rate-limit.ts. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import { LocalRateLimiter } from "../../src/http/filters/local-rate-limiter.ts";
import { TokenBucket } from "../../src/token-bucket.ts";
import type { DescriptorPlan, LocalRateLimitPlan, TokenBucketPlan } from "../../src/plan/filters/local-rate-limit.ts";
import type { RateLimitPlan } from "../../src/plan/rate-limits.ts";
import { streamInfo } from "../support/stream-info.ts";

const perSecond = (maxTokens: number, tokens: number): TokenBucketPlan => ({ maxTokens, tokensPerMs: tokens / 1000 });

/** How many of these tries, one every so often, get a token. */
function taken(bucket: TokenBucket, clock: FakeClock, tries: number, everyMs: number): number {
  let count = 0;
  for (let i = 0; i < tries; i++) {
    if (bucket.take(1, clock.now())) count++;
    clock.advance(everyMs);
  }
  return count;
}

describe("a token bucket", () => {
  test("is full at first, and gives no more than it has", () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket(perSecond(3, 1), clock.now());
    assert.equal(taken(bucket, clock, 5, 0), 3);
    assert.equal(bucket.remaining(clock.now()), 0);
  });

  test("fills all the time, not by the interval, and loses no fraction", () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket(perSecond(2, 10), clock.now());
    assert.ok(bucket.take(2, clock.now()));
    clock.advance(99);
    assert.ok(!bucket.take(1, clock.now()));
    clock.advance(1);
    assert.ok(bucket.take(1, clock.now()));
    // A try every 25 ms: the failed ones between must not cost what has come in.
    assert.equal(taken(bucket, clock, 101, 25), 25);
  });

  test("holds no more than its maximum, however long nobody asks", () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket(perSecond(2, 1), clock.now());
    clock.advance(3_600_000);
    assert.equal(bucket.remaining(clock.now()), 2);
    assert.equal(taken(bucket, clock, 5, 0), 2);
  });

  test("gives several at once or none", () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket(perSecond(5, 1), clock.now());
    assert.ok(bucket.take(3, clock.now()));
    assert.ok(!bucket.take(3, clock.now()));
    assert.equal(bucket.remaining(clock.now()), 2);
    clock.advance(1_000);
    assert.ok(bucket.take(3, clock.now()));
  });

  test("tells the whole seconds until the next one", () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket(perSecond(1, 0.1), clock.now());
    assert.equal(bucket.secondsToNext(clock.now()), 0);
    bucket.take(1, clock.now());
    assert.equal(bucket.secondsToNext(clock.now()), 10);
    clock.advance(1);
    assert.equal(bucket.secondsToNext(clock.now()), 10);
    clock.advance(9_500);
    assert.equal(bucket.secondsToNext(clock.now()), 1);
    clock.advance(499);
    assert.equal(bucket.secondsToNext(clock.now()), 0);
  });
});

const describedAs = (...entries: readonly string[]): RateLimitPlan => ({
  stage: 0,
  hits: () => 1,
  describe: () => entries,
});

const ALL = { numerator: 1, denominator: 1, share: 1, overridden: false };

function limiter(
  clock: FakeClock,
  descriptors: readonly DescriptorPlan[],
  bucket: TokenBucketPlan | null = null,
): LocalRateLimiter {
  const plan: LocalRateLimitPlan = {
    statPrefix: "p",
    status: 429,
    enabled: ALL,
    enforced: ALL,
    bucket,
    alwaysConsumesDefault: true,
    descriptors,
    limits: null,
    stage: 0,
    virtualHostLimits: "override",
    maxDynamicDescriptors: 2,
    perConnection: false,
    responseHeaders: [],
    notEnforcedHeaders: [],
    rateLimitHeaders: false,
    retryAfter: false,
    resourceExhausted: false,
  };
  return new LocalRateLimiter(plan, clock.now());
}

const stream = streamInfo();

describe("the buckets of a configuration", () => {
  test("what the slowest refuses costs the others nothing", () => {
    const clock = new FakeClock();
    const slow: DescriptorPlan = { entries: [{ key: "a", value: "1" }], bucket: perSecond(1, 0.001), shadow: false };
    const fast: DescriptorPlan = { entries: [{ key: "b", value: "1" }], bucket: perSecond(2, 1), shadow: false };
    const all = limiter(clock, [fast, slow], perSecond(100, 1));
    const both = [describedAs("b", "1"), describedAs("a", "1")];
    assert.ok(all.decide(stream, both, [], clock.now()).allowed);
    for (let i = 0; i < 5; i++) assert.ok(!all.decide(stream, both, [], clock.now()).allowed);
    const verdict = all.decide(stream, [describedAs("b", "1")], [], clock.now());
    assert.deepEqual([verdict.allowed, verdict.bucket?.remaining(clock.now())], [true, 0]);
    assert.equal(all.decide(stream, [], [], clock.now()).bucket?.remaining(clock.now()), 97);
  });

  test("a bucket that was forgotten is full again when its value comes back", () => {
    const clock = new FakeClock();
    const any: DescriptorPlan = { entries: [{ key: "u", value: "" }], bucket: perSecond(1, 0.001), shadow: false };
    const all = limiter(clock, [any]);
    const ask = (user: string): boolean => all.decide(stream, [describedAs("u", user)], [], clock.now()).allowed;
    assert.deepEqual(["a", "b", "a", "c", "a", "b"].map(ask), [true, true, false, true, false, true]);
  });

  test("names and values that only look alike have buckets of their own", () => {
    const clock = new FakeClock();
    const any: DescriptorPlan = {
      entries: [
        { key: "k", value: "" },
        { key: "l", value: "" },
      ],
      bucket: perSecond(1, 0.001),
      shadow: false,
    };
    const all = limiter(clock, [any]);
    assert.ok(all.decide(stream, [describedAs("k", "1:l", "l", "2")], [], clock.now()).allowed);
    assert.ok(all.decide(stream, [describedAs("k", "1", "l", ":l2")], [], clock.now()).allowed);
  });
});
