import assert from "node:assert/strict";
import { it } from "node:test";
import { TYPE } from "../../src/type-url.ts";
import { RequestBudget } from "../../src/server/request-budget.ts";
import { AdsRefusal } from "../../src/server/types.ts";
import { DeltaPeer } from "../support/delta-peer.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { cluster, endpoints, view } from "../support/resources.ts";
import { SotwPeer } from "../support/sotw-peer.ts";

const world = view({ clusters: [cluster("a")], endpoints: [endpoints("a")] });
/** google.rpc.Code */
const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;

const refusal = (code: number, message: RegExp) => (error: unknown) =>
  error instanceof AdsRefusal && error.code === code && message.test(error.message);

it("a request without a type is refused", () => {
  assert.throws(() => new DeltaPeer(world).subscribe("", "a"), refusal(INVALID_ARGUMENT, /type_url/));
});

it("a stream that subscribes to ever more types is ended", () => {
  const peer = new DeltaPeer(world);
  const flood = () => {
    for (let place = 0; place < 1_000; place += 1) peer.subscribe(`type.googleapis.com/made.up.Type${place}`, "x");
  };
  assert.throws(flood, refusal(RESOURCE_EXHAUSTED, /32 types/));
  assert.equal(peer.stream.status().length, 32);
});

it("a stream that subscribes to more names than any mesh has is ended", () => {
  const names = (from: number) => Array.from({ length: 60_000 }, (_, place) => `n${from + place}`);
  for (const peer of [new DeltaPeer(world), new SotwPeer(world)]) {
    peer.subscribe(TYPE.endpoints, ...names(0));
    assert.throws(
      () => peer.subscribe(TYPE.endpoints, ...names(0), ...names(60_000)),
      refusal(RESOURCE_EXHAUSTED, /names/),
    );
  }
});

it("asking over and over without acknowledging gets one response", () => {
  const peer = new DeltaPeer(world);
  for (let turn = 0; turn < 1_000; turn += 1) peer.subscribe(TYPE.endpoints, "a");
  assert.equal(peer.sent.length, 1);
});

it("unsubscribing from what was never subscribed to, and names that JavaScript knows, do no harm", () => {
  const peer = new DeltaPeer(world);
  const odd = ["__proto__", "constructor", "", "*", "/", "/*", "\u{10ffff}", "a".repeat(100_000)];
  peer.request(TYPE.virtualHost, { resourceNamesUnsubscribe: odd });
  peer.subscribe(TYPE.virtualHost, ...odd);
  const initialResourceVersions = Object.fromEntries(odd.map((name) => [name, "1"]));
  peer.request(TYPE.endpoints, { resourceNamesSubscribe: odd, resourceNamesUnsubscribe: odd, initialResourceVersions });
  const responses = peer.drain();
  assert.deepEqual(new Set(responses.map((response) => response.typeUrl)), new Set([TYPE.virtualHost, TYPE.endpoints]));
});

it("reading pauses for a client that sends more than its budget, until there is budget again", () => {
  const clock = new ManualClock();
  const budget = new RequestBudget(clock);
  for (let turn = 0; turn < 1_000; turn += 1) assert.equal(budget.spend(0), 0);
  const pause = budget.spend(0);
  assert.ok(pause > 0 && pause <= 5);
  clock.advance(1_000);
  assert.equal(budget.spend(0), 0);
  assert.ok(budget.spend(100_000) > 1_000, "names have their price");
});
