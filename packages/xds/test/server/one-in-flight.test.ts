import assert from "node:assert/strict";
import { it } from "node:test";
import type { ResourceView } from "../../src/resource.ts";
import { TYPE } from "../../src/type-url.ts";
import { DeltaPeer, summary } from "../support/delta-peer.ts";
import { cluster, listener, view } from "../support/resources.ts";

const worlds = (count: number): ResourceView[] => {
  const views = [view({ clusters: [cluster("a", "0")], listeners: [listener("l", "0")] })];
  for (let turn = 1; turn < count; turn += 1) {
    views.push(view({ clusters: [cluster("a", `${turn}`)], listeners: [listener("l", `${turn}`)] }, views.at(-1)));
  }
  return views;
};

it("a client that does not answer is sent nothing more, and afterwards only the newest", () => {
  const [first, ...later] = worlds(50);
  const peer = new DeltaPeer(first!);
  peer.subscribe(TYPE.cluster);
  const [response] = peer.read();
  for (const next of later) peer.stream.update(next);
  assert.deepEqual(peer.read(), []);
  peer.ack(response!);
  const rest = peer.drain();
  assert.equal(rest.length, 1);
  assert.equal(rest[0]!.resources[0]!.version, later.at(-1)!.set(TYPE.cluster)!.resources.get("a")!.version);
});

it("a push that has begun is finished before the pending one starts", () => {
  const [zero, one, two, three] = worlds(4);
  const peer = new DeltaPeer(zero!);
  peer.subscribe(TYPE.cluster);
  peer.subscribe(TYPE.listener);
  peer.drain();
  peer.stream.update(one!);
  peer.stream.update(two!);
  peer.stream.update(three!);
  const sent = peer.drain();
  assert.deepEqual(sent.map(summary), ["Cluster +a", "Listener +l", "Cluster +a", "Listener +l"]);
  const versions = sent.map((response) => response.systemVersionInfo);
  const version = (world: ResourceView, typeUrl: string) => world.set(typeUrl)!.version;
  assert.deepEqual(versions, [
    version(one!, TYPE.cluster),
    version(one!, TYPE.listener),
    version(three!, TYPE.cluster),
    version(three!, TYPE.listener),
  ]);
});

it("nothing is made for a transport that has not taken the last message", () => {
  const [first] = worlds(1);
  const peer = new DeltaPeer(first!);
  peer.stalled = true;
  peer.subscribe(TYPE.cluster);
  peer.subscribe(TYPE.listener);
  assert.equal(peer.sent.length, 1);
  peer.stream.written();
  assert.equal(peer.sent.length, 2);
});

it("a change that is taken back while the client is busy is never sent", () => {
  const [zero, one] = worlds(2);
  const peer = new DeltaPeer(zero!);
  peer.subscribe(TYPE.cluster);
  const [response] = peer.read();
  peer.stream.update(one!);
  peer.stream.update(zero!);
  peer.ack(response!);
  assert.deepEqual(peer.drain(), []);
});

it("the owner hears when a view has been delivered in full, once", () => {
  const synced: string[] = [];
  const [zero, one] = worlds(2);
  const peer = new DeltaPeer(zero!, { onSynced: (event) => synced.push(event.viewVersion) });
  peer.subscribe(TYPE.cluster);
  peer.subscribe(TYPE.listener);
  peer.drain();
  peer.stream.update(one!);
  assert.deepEqual(synced, [zero!.version]);
  peer.drain();
  assert.deepEqual(synced, [zero!.version, one!.version]);
});
