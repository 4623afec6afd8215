import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { resourceSet, resourceView } from "../../src/resource.ts";
import { TYPE } from "../../src/type-url.ts";
import { DeltaPeer, summary } from "../support/delta-peer.ts";
import { cluster, endpoints, listener, view, virtualHost } from "../support/resources.ts";

describe("a delta subscription", () => {
  it("to clusters or listeners without names gets all, later what changed", () => {
    const first = view({ clusters: [cluster("a"), cluster("b")] });
    const peer = new DeltaPeer(first);
    peer.subscribe(TYPE.cluster);
    assert.deepEqual(peer.drain().map(summary), ["Cluster +a +b"]);
    peer.stream.update(view({ clusters: [cluster("a", "x"), cluster("c")] }, first));
    assert.deepEqual(peer.drain().map(summary), ["Cluster +a +c -b"]);
  });

  it("to endpoints without names gets nothing: the wildcard has to be said", () => {
    const peer = new DeltaPeer(view({ endpoints: [endpoints("a")] }));
    peer.subscribe(TYPE.endpoints);
    assert.deepEqual(peer.drain(), []);
    peer.subscribe(TYPE.endpoints, "*");
    assert.deepEqual(peer.drain().map(summary), ["ClusterLoadAssignment +a"]);
  });

  it("to everything is answered even if there is nothing", () => {
    const peer = new DeltaPeer(view({}));
    peer.subscribe(TYPE.listener);
    assert.deepEqual(peer.drain().map(summary), ["Listener"]);
  });

  it("to names gets these, and hears of those that do not exist until they do", () => {
    const first = view({ endpoints: [endpoints("a"), endpoints("b")] });
    const peer = new DeltaPeer(first);
    peer.subscribe(TYPE.endpoints, "a", "nowhere");
    assert.deepEqual(peer.drain().map(summary), ["ClusterLoadAssignment +a -nowhere"]);
    peer.stream.update(view({ endpoints: [endpoints("a"), endpoints("b", 1), endpoints("nowhere")] }, first));
    assert.deepEqual(peer.drain().map(summary), ["ClusterLoadAssignment +nowhere"]);
  });

  it("that is taken back gets no more, and starts afresh when it is made again", () => {
    const first = view({ endpoints: [endpoints("a")] });
    const peer = new DeltaPeer(first);
    peer.subscribe(TYPE.endpoints, "a");
    peer.drain();
    peer.request(TYPE.endpoints, { resourceNamesUnsubscribe: ["a"] });
    peer.stream.update(view({ endpoints: [endpoints("a", 1)] }, first));
    assert.deepEqual(peer.drain(), []);
    peer.subscribe(TYPE.endpoints, "a");
    peer.subscribe(TYPE.endpoints, "a");
    assert.deepEqual(peer.drain().map(summary), ["ClusterLoadAssignment +a", "ClusterLoadAssignment +a"]);
  });

  it("to a name that is taken back under a wildcard hears of it again", () => {
    const peer = new DeltaPeer(view({ clusters: [cluster("a"), cluster("b")] }));
    peer.subscribe(TYPE.cluster, "*", "a");
    peer.drain();
    peer.request(TYPE.cluster, { resourceNamesUnsubscribe: ["a"] });
    assert.deepEqual(peer.drain().map(summary), ["Cluster +a"]);
  });

  it("to all virtual hosts of a route configuration gets those, and no others", () => {
    const hosts = [virtualHost("http.8080", "reviews"), virtualHost("http.8080", "ratings")];
    const first = view({ virtualHosts: [...hosts, virtualHost("http.9090", "details")] });
    const peer = new DeltaPeer(first);
    peer.subscribe(TYPE.virtualHost, "http.8080/*");
    assert.deepEqual(peer.drain().map(summary), ["VirtualHost +http.8080/reviews +http.8080/ratings"]);
    const others = [virtualHost("http.9090", "details", "x-changed"), virtualHost("http.8080", "details")];
    peer.stream.update(view({ virtualHosts: [hosts[0]!, ...others] }, first));
    assert.deepEqual(peer.drain().map(summary), ["VirtualHost +http.8080/details -http.8080/ratings"]);
  });

  it("to virtual hosts of which there are none is told so", () => {
    const peer = new DeltaPeer(view({ virtualHosts: [] }));
    peer.subscribe(TYPE.virtualHost, "http.8080/*");
    assert.deepEqual(peer.drain().map(summary), ["VirtualHost -http.8080/*"]);
  });

  it("by an alias gets the resource under its name, with the alias", () => {
    const first = view({ virtualHosts: [virtualHost("r", "reviews"), virtualHost("r", "ratings")] });
    const peer = new DeltaPeer(first);
    peer.subscribe(TYPE.virtualHost, "r/reviews.alias");
    const [response] = peer.drain();
    assert.equal(summary(response!), "VirtualHost +r/reviews");
    assert.deepEqual(response!.resources[0]!.aliases, ["r/reviews.alias"]);
    peer.stream.update(
      view({ virtualHosts: [virtualHost("r", "reviews", "x-new"), virtualHost("r", "ratings")] }, first),
    );
    assert.deepEqual(peer.drain().map(summary), ["VirtualHost +r/reviews"]);
  });

  it("by a name outside the set finds what the view resolves, and follows it", () => {
    const set = resourceSet(TYPE.listener, [listener("in")]);
    const resolving = (tag: string) =>
      resourceView([set], (_typeUrl, name) => (name.startsWith("xds:") ? listener(name, tag) : undefined));
    const peer = new DeltaPeer(resolving("one"));
    peer.subscribe(TYPE.listener, "*", "xds:echo");
    assert.deepEqual(peer.drain().map(summary), ["Listener +in +xds:echo"]);
    peer.stream.update(resolving("one"));
    assert.deepEqual(peer.drain(), [], "resolved to the same again");
    peer.stream.update(resolving("two"));
    assert.deepEqual(peer.drain().map(summary), ["Listener +xds:echo"]);
    peer.stream.update(resourceView([set]));
    assert.deepEqual(peer.drain().map(summary), ["Listener -xds:echo"]);
  });

  it("survives that a name leaves the set and is resolved instead", () => {
    const resolve = (_typeUrl: string, name: string) => listener(name, "resolved");
    const peer = new DeltaPeer(resourceView([resourceSet(TYPE.listener, [listener("a", "set")])], resolve));
    peer.subscribe(TYPE.listener, "a");
    peer.drain();
    peer.stream.update(resourceView([resourceSet(TYPE.listener, [])], resolve));
    assert.deepEqual(peer.drain().map(summary), ["Listener +a"]);
    peer.stream.update(resourceView([resourceSet(TYPE.listener, [])]));
    assert.deepEqual(peer.drain().map(summary), ["Listener -a"]);
  });

  it("to a type that nobody serves is answered, not refused", () => {
    const peer = new DeltaPeer(view({ clusters: [cluster("a")] }));
    for (const type of ["type.googleapis.com/one.Unknown", "type.googleapis.com/another.Unknown"]) {
      peer.subscribe(type, "x");
      const [response] = peer.drain();
      assert.equal(response!.typeUrl, type);
      assert.deepEqual(response!.removedResources, ["x"]);
    }
  });
});

describe("a client that comes back", () => {
  const now = view({ endpoints: [endpoints("same"), endpoints("changed", 1)], clusters: [cluster("a")] });
  const version = (name: string) => now.set(TYPE.endpoints)!.resources.get(name)!.version;

  it("gets only what differs from what it holds, and removals", () => {
    const peer = new DeltaPeer(now);
    peer.request(TYPE.endpoints, {
      resourceNamesSubscribe: ["same", "changed", "gone"],
      initialResourceVersions: { same: version("same"), changed: "old", gone: "old" },
    });
    assert.deepEqual(peer.drain().map(summary), ["ClusterLoadAssignment +changed", "ClusterLoadAssignment -gone"]);
  });

  it("hears nothing by name, and an empty answer to a wildcard, if nothing differs", () => {
    const peer = new DeltaPeer(now);
    const held = { same: version("same"), changed: version("changed") };
    peer.request(TYPE.endpoints, { resourceNamesSubscribe: ["same", "changed"], initialResourceVersions: held });
    assert.deepEqual(peer.drain(), []);
    assert.equal(peer.stream.status()[0]!.state, "SYNCED");
    const again = new DeltaPeer(now);
    again.request(TYPE.endpoints, { resourceNamesSubscribe: ["*"], initialResourceVersions: held });
    assert.deepEqual(again.drain().map(summary), ["ClusterLoadAssignment"]);
  });

  it("keeps a cluster that has gone until it has the routes that no longer need it", () => {
    const first = view({ clusters: [cluster("new")], listeners: [listener("l")] });
    const peer = new DeltaPeer(first);
    peer.request(TYPE.cluster, { initialResourceVersions: { old: "1" } });
    peer.request(TYPE.listener, { initialResourceVersions: { l: "1" } });
    assert.deepEqual(peer.drain().map(summary), ["Cluster +new", "Listener +l", "Cluster -old"]);
  });

  it("with changed clusters gets their endpoints although it holds them", () => {
    const world = view({ clusters: [cluster("a", "new")], endpoints: [endpoints("a")] });
    const peer = new DeltaPeer(world);
    peer.request(TYPE.cluster, { initialResourceVersions: { a: "old" } });
    const held = { a: world.set(TYPE.endpoints)!.resources.get("a")!.version };
    peer.request(TYPE.endpoints, { resourceNamesSubscribe: ["a"], initialResourceVersions: held });
    assert.deepEqual(peer.drain().map(summary), ["Cluster +a", "ClusterLoadAssignment +a"]);
  });
});
