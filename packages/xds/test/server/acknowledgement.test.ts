import assert from "node:assert/strict";
import { it } from "node:test";
import { TYPE } from "../../src/type-url.ts";
import type { AdsEvents } from "../../src/server/types.ts";
import { DeltaPeer, summary } from "../support/delta-peer.ts";
import { cluster, route, view } from "../support/resources.ts";

it("an accepted response is noted with its version and the time it took", () => {
  const events: unknown[] = [];
  const world = view({ clusters: [cluster("a")] });
  const peer = new DeltaPeer(world, { onAck: (event) => events.push(event) });
  peer.subscribe(TYPE.cluster);
  const [response] = peer.read();
  assert.equal(peer.stream.status()[0]!.state, "STALE");
  peer.clock.advance(12);
  peer.ack(response!);
  const { version } = world.set(TYPE.cluster)!;
  assert.deepEqual(events, [{ streamId: "ads-1", typeUrl: TYPE.cluster, version, nonce: "1", tookMs: 12 }]);
  const [status] = peer.stream.status();
  assert.equal(status!.state, "SYNCED");
  assert.equal(status!.lastAckedVersion, version);
  assert.equal(status!.lastAckedAt, peer.clock.now());
  assert.equal(status!.lastSentAt, peer.clock.now() - 12);
  assert.equal(status!.bytesSent, peer.sent[0]!.body.length + peer.sent[0]!.tail.length);
});

it("a refusal keeps the client's words and the old version until a later response is accepted", () => {
  const refused: Parameters<NonNullable<AdsEvents["onNack"]>>[0][] = [];
  const first = view({ clusters: [cluster("a")] });
  const peer = new DeltaPeer(first, { onNack: (event) => refused.push(event) });
  peer.subscribe(TYPE.cluster);
  peer.drain();
  const second = view({ clusters: [cluster("a", "bad")] }, first);
  peer.stream.update(second);
  peer.nack(peer.read()[0]!, "a: no such thing");
  const [status] = peer.stream.status();
  assert.equal(status!.state, "NACKED");
  assert.equal(status!.lastSentVersion, second.set(TYPE.cluster)!.version);
  assert.equal(status!.lastAckedVersion, first.set(TYPE.cluster)!.version);
  assert.deepEqual(
    { message: status!.error?.message, code: status!.error?.code, nonce: status!.error?.nonce },
    { message: "a: no such thing", code: 13, nonce: "2" },
  );
  assert.equal(refused[0]?.error, status!.error);

  const third = view({ clusters: [cluster("a", "good")] }, second);
  peer.stream.update(third);
  peer.drain();
  assert.equal(peer.stream.status()[0]!.error, undefined);
  assert.equal(peer.stream.status()[0]!.state, "SYNCED");
});

it("what was refused is not sent again before something changes, and then all of it is", () => {
  const first = view({ clusters: [cluster("a")], routes: [route("r")] });
  const peer = new DeltaPeer(first);
  peer.subscribe(TYPE.cluster);
  peer.drain();
  const second = view({ clusters: [cluster("a", "bad"), cluster("new")], routes: [route("r")] }, first);
  peer.stream.update(second);
  peer.nack(peer.read()[0]!, "a");
  peer.stream.update(second);
  const clusters = [cluster("a", "bad"), cluster("new")];
  const third = view({ clusters, routes: [route("r", "x-changed")] }, second);
  peer.stream.update(third);
  assert.deepEqual(peer.read(), [], "no cluster has changed");
  peer.stream.update(view({ clusters: [cluster("a", "bad"), cluster("b")] }, third));
  // `new` may have been accepted with the rest refused: the client has to hear that it has gone.
  assert.deepEqual(peer.drain().map(summary), ["Cluster +b +a -new"]);
});

it("an answer to a response other than the last is ignored, but the subscriptions in it count", () => {
  const peer = new DeltaPeer(view({ clusters: [cluster("a"), cluster("b")] }));
  peer.subscribe(TYPE.cluster, "a");
  const [response] = peer.read();
  for (const responseNonce of ["0", "2", "bogus", "\u0000"]) {
    peer.request(TYPE.cluster, { responseNonce, errorDetail: { code: 13, message: "x" } });
  }
  assert.equal(peer.stream.status()[0]!.state, "STALE");
  assert.equal(peer.stream.status()[0]!.nacks, 0);
  peer.request(TYPE.cluster, { responseNonce: "bogus", resourceNamesSubscribe: ["b"] });
  assert.deepEqual(peer.read(), [], "one response of a type at a time");
  peer.ack(response!);
  assert.deepEqual(peer.drain().map(summary), ["Cluster +b"]);
});

it("nonces of a stream never repeat", () => {
  let world = view({ clusters: [cluster("a")] });
  const peer = new DeltaPeer(world);
  peer.subscribe(TYPE.cluster);
  for (let turn = 0; turn < 5; turn += 1)
    peer.stream.update((world = view({ clusters: [cluster("a", `${turn % 2}`)] }, world)));
  peer.drain();
  const nonces = peer.sent.map((response) => response.nonce);
  assert.equal(new Set(nonces).size, nonces.length);
});
