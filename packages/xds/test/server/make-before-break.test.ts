import assert from "node:assert/strict";
import { it } from "node:test";
import type { ResourceView } from "../../src/resource.ts";
import { TYPE } from "../../src/type-url.ts";
import { DeltaPeer, summary } from "../support/delta-peer.ts";
import { cluster, endpoints, listener, route, view, virtualHost } from "../support/resources.ts";

const old = view({
  clusters: [cluster("old")],
  endpoints: [endpoints("old")],
  listeners: [listener("l", "old")],
  routes: [route("r", "x-old")],
  virtualHosts: [virtualHost("r", "h", "x-old")],
});
const fresh = view(
  {
    clusters: [cluster("new")],
    endpoints: [endpoints("new")],
    listeners: [listener("l", "new")],
    routes: [route("r", "x-new")],
    virtualHosts: [virtualHost("r", "h", "x-new")],
  },
  old,
);

/** In sync with `start`, having subscribed in an order of its own. */
function connected(start: ResourceView): DeltaPeer {
  const peer = new DeltaPeer(start);
  peer.subscribe(TYPE.virtualHost, "r/*");
  peer.subscribe(TYPE.route, "r");
  peer.subscribe(TYPE.listener);
  peer.subscribe(TYPE.cluster);
  peer.subscribe(TYPE.endpoints, "old");
  peer.drain();
  return peer;
}

it("clusters go first, then endpoints, listeners, routes, virtual hosts; removals last", () => {
  const peer = connected(old);
  peer.stream.update(fresh);
  const order: string[] = [];
  for (let batch = peer.read(); batch.length > 0; batch = peer.read()) {
    for (const response of batch) {
      order.push(summary(response));
      if (response.typeUrl === TYPE.cluster && response.resources.length > 0) peer.subscribe(TYPE.endpoints, "new");
      peer.ack(response);
    }
  }
  assert.deepEqual(order, [
    "Cluster +new",
    "ClusterLoadAssignment +new",
    "Listener +l",
    "RouteConfiguration +r",
    "VirtualHost +r/h",
    "Cluster -old",
    "ClusterLoadAssignment -old",
  ]);
});

it("routes wait for the subscription to a new cluster's endpoints, also after the clusters are acknowledged", () => {
  const peer = connected(old);
  peer.stream.update(fresh);
  assert.deepEqual(peer.drain().map(summary), ["Cluster +new"]);
  peer.subscribe(TYPE.endpoints, "new");
  assert.deepEqual(peer.read().map(summary), ["ClusterLoadAssignment +new"]);
});

it("they do not wait for ever", () => {
  const peer = connected(old);
  peer.stream.update(fresh);
  peer.drain();
  peer.clock.advance(999);
  assert.deepEqual(peer.drain(), []);
  peer.clock.advance(1);
  assert.equal(summary(peer.drain()[0]!), "Listener +l");
});

it("they do not wait at all when the clusters are refused", () => {
  const peer = connected(old);
  peer.stream.update(fresh);
  peer.nack(peer.read()[0]!, "no");
  assert.equal(summary(peer.drain()[0]!), "Listener +l");
});

it("each type is sent when the one before is answered", () => {
  const start = view({ clusters: [cluster("a")], listeners: [listener("l")], routes: [route("r")] });
  const peer = new DeltaPeer(start);
  peer.subscribe(TYPE.cluster);
  peer.subscribe(TYPE.listener);
  peer.subscribe(TYPE.route, "r");
  peer.drain();
  peer.stream.update(
    view({ clusters: [cluster("a", "x")], listeners: [listener("l", "x")], routes: [route("r", "x-y")] }),
  );
  const [clusters, ...none] = peer.read();
  assert.deepEqual([summary(clusters!), ...none], ["Cluster +a"]);
  peer.ack(clusters!);
  assert.deepEqual(peer.read().map(summary), ["Listener +l"]);
});

it("removals that nothing else depends on need no message of their own", () => {
  const peer = connected(old);
  peer.stream.update(
    view(
      {
        clusters: [cluster("other")],
        endpoints: [endpoints("old")],
        listeners: [listener("l", "old")],
        routes: [route("r", "x-old")],
        virtualHosts: [virtualHost("r", "h", "x-old")],
      },
      old,
    ),
  );
  assert.deepEqual(peer.drain().map(summary), ["Cluster +other -old"]);
});

it("endpoints of a changed cluster are sent again, while its acknowledgement is kept back", () => {
  const start = view({ clusters: [cluster("a")], endpoints: [endpoints("a"), endpoints("b")], routes: [route("r")] });
  const peer = new DeltaPeer(start);
  peer.subscribe(TYPE.cluster);
  peer.subscribe(TYPE.endpoints, "a", "b");
  peer.subscribe(TYPE.route, "r");
  peer.drain();
  const world = {
    clusters: [cluster("a", "x")],
    endpoints: [endpoints("a"), endpoints("b")],
    routes: [route("r", "x-n")],
  };
  peer.stream.update(view(world, start));
  const [clusters, assignment, ...none] = peer.read();
  assert.deepEqual([clusters!, assignment!, ...none].map(summary), ["Cluster +a", "ClusterLoadAssignment +a"]);
  peer.ack(assignment!);
  assert.deepEqual(peer.read(), [], "the cluster is not warm yet");
  peer.ack(clusters!);
  assert.deepEqual(peer.drain().map(summary), ["RouteConfiguration +r"]);
});
