/** When issuers of tokens are asked where their keys are, and what is known then. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { IssuerDiscovery } from "../../src/source/issuers/issuer-discovery.ts";
import { atEnd } from "../support/at-end.ts";
import { temporaryFolder } from "../support/directory.ts";
import { eventually } from "../support/eventually.ts";
import { ManualClock } from "../support/manual-clock.ts";

const ISSUER = "https://issuer.test";
const KEYS = "https://issuer.test/keys";
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

function start(t: TestContext, stateDir = temporaryFolder(t), clock = new ManualClock()) {
  const asked: string[] = [];
  const world = { answer: (): Promise<string> => Promise.resolve(JSON.stringify({ jwks_uri: KEYS })), changes: 0 };
  const discovery = new IssuerDiscovery({
    stateDir,
    get: (url) => {
      asked.push(url);
      return world.answer();
    },
    onChange: () => world.changes++,
    clock,
    log: () => undefined,
  });
  atEnd(t, () => discovery.close());
  const want = (...issuers: readonly string[]): void =>
    discovery.want(new Map(issuers.map((issuer) => [issuer, 5 * SECOND])));
  /** Until that many answers have been taken in. */
  const asking = async (count: number): Promise<void> => {
    await eventually(() => assert.equal(asked.length, count));
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { discovery, world, asked, want, asking, clock, stateDir };
}

test("an issuer is asked once, whatever else changes", async (t) => {
  const { discovery, world, asked, want, asking } = start(t);
  want(ISSUER);
  want(ISSUER);
  await asking(1);
  want(ISSUER);
  assert.deepEqual(asked, [`${ISSUER}/.well-known/openid-configuration`]);
  assert.deepEqual(discovery.found.get(ISSUER), { jwksUri: KEYS, problem: undefined });
  assert.equal(world.changes, 1);
});

test("a slash at the end of an issuer is not doubled", async (t) => {
  const { asked, want, asking } = start(t);
  want(`${ISSUER}/realms/a/`);
  await asking(1);
  assert.deepEqual(asked, [`${ISSUER}/realms/a/.well-known/openid-configuration`]);
});

test("it is asked again after 20 minutes; only what is new is told", async (t) => {
  const { discovery, world, want, asking, clock } = start(t);
  want(ISSUER);
  await asking(1);
  clock.advance(20 * MINUTE);
  await asking(2);
  assert.equal(world.changes, 1);
  world.answer = () => Promise.resolve(JSON.stringify({ jwks_uri: `${KEYS}2` }));
  clock.advance(20 * MINUTE);
  await asking(3);
  assert.equal(discovery.found.get(ISSUER)?.jwksUri, `${KEYS}2`);
  assert.equal(world.changes, 2);
});

test("one that fails is asked again after 1, 2, 4 seconds, at the longest 5 minutes", async (t) => {
  const { discovery, world, want, asking, clock } = start(t);
  world.answer = () => Promise.reject(new Error("refused"));
  want(ISSUER);
  await asking(1);
  assert.deepEqual(discovery.found.get(ISSUER), { jwksUri: undefined, problem: "refused" });
  let asked = 1;
  for (const seconds of [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]) {
    clock.advance(seconds * SECOND - 1);
    await asking(asked);
    clock.advance(1);
    await asking(++asked);
  }
  world.answer = () => Promise.resolve(JSON.stringify({ jwks_uri: KEYS }));
  clock.advance(5 * MINUTE);
  await asking(++asked);
  assert.deepEqual(discovery.found.get(ISSUER), { jwksUri: KEYS, problem: undefined });
});

test("what it has said is good for a week without its saying it again", async (t) => {
  const { discovery, world, want, asking, clock } = start(t);
  want(ISSUER);
  await asking(1);
  world.answer = () => Promise.reject(new Error("gone"));
  clock.advance(20 * MINUTE);
  await asking(2);
  assert.deepEqual(discovery.found.get(ISSUER), { jwksUri: KEYS, problem: "gone" });
  // Only the last of these is late enough.
  clock.advance(7 * 24 * 60 * MINUTE - 21 * MINUTE);
  await asking(3);
  assert.equal(discovery.found.get(ISSUER)?.jwksUri, KEYS);
  clock.advance(10 * MINUTE);
  await asking(4);
  assert.deepEqual(discovery.found.get(ISSUER), { jwksUri: undefined, problem: "gone" });
});

test("after a restart what was known is known at once", async (t) => {
  const first = start(t);
  first.want(ISSUER);
  await first.asking(1);
  await first.discovery.close();
  const second = start(t, first.stateDir, first.clock);
  second.world.answer = () => Promise.reject(new Error("away"));
  await second.discovery.load();
  second.want(ISSUER);
  assert.equal(second.discovery.found.get(ISSUER)?.jwksUri, KEYS);
  await second.asking(1);
  assert.deepEqual(second.discovery.found.get(ISSUER), { jwksUri: KEYS, problem: "away" });
});

test("one that no rule has any more is forgotten, and not asked again", async (t) => {
  const { discovery, want, asking, clock } = start(t);
  want(ISSUER, "https://other.test");
  await asking(2);
  want(ISSUER);
  assert.deepEqual([...discovery.found.keys()], [ISSUER]);
  clock.advance(20 * MINUTE);
  await asking(3);
});

test("an answer that takes too long is given up", async (t) => {
  const clock = new ManualClock();
  let late: AbortSignal | undefined;
  const discovery = new IssuerDiscovery({
    stateDir: temporaryFolder(t),
    get: (_, signal) => {
      late = signal;
      return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("late"))));
    },
    onChange: () => undefined,
    clock,
    log: () => undefined,
  });
  atEnd(t, () => discovery.close());
  discovery.want(new Map([[ISSUER, 3 * SECOND]]));
  clock.advance(3 * SECOND - 1);
  assert.equal(late?.aborted, false);
  clock.advance(1);
  await eventually(() => assert.equal(discovery.found.get(ISSUER)?.problem, "late"));
});

for (const [name, text] of Object.entries({
  "what is no JSON": "<html>",
  "no object": "null",
  "no keys": "{}",
  "keys that are no text": '{"jwks_uri": 1}',
  "keys that are no URL": '{"jwks_uri": "keys"}',
  "keys in a file": '{"jwks_uri": "file:///etc/passwd"}',
})) {
  test(`an answer that cannot be used: ${name}`, async (t) => {
    const { discovery, world, want, asking } = start(t);
    world.answer = () => Promise.resolve(text);
    want(ISSUER);
    await asking(1);
    assert.equal(discovery.found.get(ISSUER)?.jwksUri, undefined);
    assert.match(discovery.found.get(ISSUER)?.problem ?? "", /^what it says of itself (is no JSON|has no jwks_uri)/);
  });
}
