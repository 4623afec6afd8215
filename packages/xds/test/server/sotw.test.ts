import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { resourceSet, resourceView } from "../../src/resource.ts";
import { TYPE } from "../../src/type-url.ts";
import { cluster, endpoints, listener, route, view } from "../support/resources.ts";
import { SotwPeer, summary } from "../support/sotw-peer.ts";

describe("a state-of-the-world subscription", () => {
  it("to clusters without names gets all of them whenever one changes", () => {
    const first = view({ clusters: [cluster("a"), cluster("b")] });
    const peer = new SotwPeer(first);
    peer.subscribe(TYPE.cluster);
    const [response] = peer.drain();
    assert.equal(summary(response!), "Cluster a b");
    assert.equal(response!.versionInfo, first.set(TYPE.cluster)!.version);
    peer.stream.update(view({ clusters: [cluster("a", "x"), cluster("b"), cluster("c")] }, first));
    assert.deepEqual(peer.drain().map(summary), ["Cluster a b c"]);
  });

  it("is answered even if there is nothing, for what is sent in full", () => {
    const peer = new SotwPeer(view({}));
    peer.subscribe(TYPE.listener);
    assert.deepEqual(peer.drain().map(summary), ["Listener"]);
    peer.subscribe(TYPE.route, "nowhere");
    assert.deepEqual(peer.drain(), []);
  });

  it("to endpoints by name gets these, and later only those that changed", () => {
    const first = view({ endpoints: [endpoints("a"), endpoints("b"), endpoints("c")] });
    const peer = new SotwPeer(first);
    peer.subscribe(TYPE.endpoints, "a", "b");
    assert.deepEqual(peer.drain().map(summary), ["ClusterLoadAssignment a b"]);
    peer.stream.update(view({ endpoints: [endpoints("a"), endpoints("b", 1), endpoints("c", 1)] }, first));
    assert.deepEqual(peer.drain().map(summary), ["ClusterLoadAssignment b"]);
  });

  it("that grows is answered with all names, one that shrinks with nothing", () => {
    const peer = new SotwPeer(view({ endpoints: [endpoints("a"), endpoints("b")] }));
    peer.subscribe(TYPE.endpoints, "a");
    peer.drain();
    peer.subscribe(TYPE.endpoints, "a", "b");
    assert.deepEqual(peer.drain().map(summary), ["ClusterLoadAssignment a b"]);
    peer.subscribe(TYPE.endpoints, "b");
    assert.deepEqual(peer.drain(), []);
  });

  it("that is repeated as it was is answered again: a cluster warms", () => {
    const peer = new SotwPeer(view({ endpoints: [endpoints("a"), endpoints("b")] }));
    peer.subscribe(TYPE.endpoints, "a", "b");
    peer.drain();
    peer.subscribe(TYPE.endpoints, "a", "b");
    assert.deepEqual(peer.drain().map(summary), ["ClusterLoadAssignment a b"]);
  });

  it("to listeners by name gets those that exist, in full, resolved ones included", () => {
    const set = resourceSet(TYPE.listener, [listener("l"), listener("other")]);
    const resolve = (_typeUrl: string, name: string) => (name === "echo" ? listener(name) : undefined);
    const peer = new SotwPeer(resourceView([set], resolve));
    peer.subscribe(TYPE.listener, "echo", "l", "nowhere");
    assert.deepEqual(peer.drain().map(summary), ["Listener echo l"]);
    peer.stream.update(resourceView([resourceSet(TYPE.listener, [listener("l", "x")])], resolve));
    assert.deepEqual(peer.drain().map(summary), ["Listener echo l"]);
    peer.stream.update(resourceView([resourceSet(TYPE.listener, [])]));
    assert.deepEqual(peer.drain().map(summary), ["Listener"]);
  });

  it("hears of a route that did not exist when it comes", () => {
    const first = view({ routes: [] });
    const peer = new SotwPeer(first);
    peer.subscribe(TYPE.route, "r");
    assert.deepEqual(peer.drain(), []);
    peer.stream.update(view({ routes: [route("r")] }, first));
    assert.deepEqual(peer.drain().map(summary), ["RouteConfiguration r"]);
  });
});

it("a request with the nonce of an earlier response is ignored as a whole", () => {
  const first = view({ endpoints: [endpoints("a"), endpoints("b")] });
  const peer = new SotwPeer(first);
  peer.subscribe(TYPE.endpoints, "a");
  const [one] = peer.drain();
  peer.stream.update(view({ endpoints: [endpoints("a", 1), endpoints("b")] }, first));
  peer.read();
  peer.stream.receive({ typeUrl: TYPE.endpoints, resourceNames: ["a", "b"], responseNonce: one!.nonce });
  assert.equal(peer.stream.status()[0]!.subscribed, 1);
  assert.equal(peer.stream.status()[0]!.state, "STALE");
});

it("a refused response is kept as an error and not repeated", () => {
  const first = view({ clusters: [cluster("a")] });
  const peer = new SotwPeer(first);
  peer.subscribe(TYPE.cluster);
  peer.drain();
  peer.stream.update(view({ clusters: [cluster("a", "bad")] }, first));
  peer.nack(peer.read()[0]!, "a: bad");
  assert.deepEqual(peer.read(), []);
  const [status] = peer.stream.status();
  assert.equal(status!.state, "NACKED");
  assert.equal(status!.error?.message, "a: bad");
  assert.equal(status!.lastAckedVersion, first.set(TYPE.cluster)!.version);
});

it("a cluster that goes stays in the list until the routes have been replaced", () => {
  const first = view({ clusters: [cluster("old"), cluster("kept")], routes: [route("r")] });
  const peer = new SotwPeer(first);
  peer.subscribe(TYPE.cluster);
  peer.subscribe(TYPE.route, "r");
  peer.drain();
  const second = view({ clusters: [cluster("new"), cluster("kept")], routes: [route("r", "x-new")] }, first);
  peer.stream.update(second);
  assert.deepEqual(peer.drain().map(summary), ["Cluster old new kept", "RouteConfiguration r", "Cluster new kept"]);
  peer.stream.update(view({ clusters: [cluster("kept")], routes: [route("r", "x-newer")] }, second));
  assert.deepEqual(peer.drain().map(summary), ["RouteConfiguration r", "Cluster kept"]);
});

it("all proxies in step share one body", () => {
  const first = view({ clusters: [cluster("a"), cluster("b")] });
  const peers = [new SotwPeer(first), new SotwPeer(first)];
  const second = view({ clusters: [cluster("a", "x"), cluster("b")] }, first);
  for (const peer of peers) {
    peer.subscribe(TYPE.cluster);
    peer.drain();
    peer.stream.update(second);
  }
  assert.equal(peers[0]!.sent.length, 2);
  peers[0]!.sent.forEach(({ body }, place) => assert.equal(body, peers[1]!.sent[place]!.body));
});
