import assert from "node:assert/strict";
import { it } from "node:test";
import { TYPE } from "../../src/type-url.ts";
import { DeltaPeer, decodeDelta } from "../support/delta-peer.ts";
import { cluster, endpoints, view, virtualHost } from "../support/resources.ts";

const SERVICES = 1_000;
const PROXIES = 10;
const names = Array.from({ length: SERVICES }, (_, place) => `service-${place}.default.svc.cluster.local`);
const clusters = names.map((name) => cluster(name));
const assignments = names.map((name) => endpoints(name));
const hosts = names.map((name) => virtualHost("http.8080", name));

function fleet(): DeltaPeer[] {
  const start = view({ clusters, endpoints: assignments, virtualHosts: hosts });
  return Array.from({ length: PROXIES }, () => {
    const peer = new DeltaPeer(start);
    peer.subscribe(TYPE.cluster);
    peer.subscribe(TYPE.virtualHost, "http.8080/*");
    peer.subscribe(TYPE.endpoints, ...names);
    peer.drain();
    return peer;
  });
}

it("the first answers are encoded once for all proxies", () => {
  const bodies = fleet().map((peer) => peer.sent.map((response) => response.body));
  for (const sent of bodies) {
    assert.equal(sent.length, 3);
    sent.forEach((body, place) => assert.equal(body, bodies[0]![place]));
  }
});

it("one changed virtual host costs each proxy its own bytes and no more, the same Buffer for all", () => {
  const proxies = fleet();
  const before = proxies.map((peer) => peer.sent.length);
  const changed = [virtualHost("http.8080", names[500]!, "x-weight-changed"), ...hosts.toSpliced(500, 1)];
  const start = proxies[0]!.stream.target;
  const next = view({ clusters, endpoints: assignments, virtualHosts: changed }, start);
  for (const peer of proxies) peer.stream.update(next);
  const sent = proxies.map((peer, place) => peer.sent.slice(before[place]));
  for (const [response, ...more] of sent) {
    assert.deepEqual(more, []);
    assert.equal(response!.body, sent[0]![0]!.body);
    assert.ok(response!.body.length + response!.tail.length <= 4_096);
    const decoded = decodeDelta(response!);
    assert.deepEqual(
      decoded.resources.map(({ name }) => name),
      [`http.8080/${names[500]}`],
    );
  }
});

it("a changed endpoint of a service that some subscribe to is encoded once for those", () => {
  const start = view({ endpoints: assignments });
  const proxies = [names.slice(0, 10), names.slice(5, 15), names.slice(20, 30)].map((subscribed) => {
    const peer = new DeltaPeer(start);
    peer.subscribe(TYPE.endpoints, ...subscribed);
    peer.drain();
    return peer;
  });
  const next = view({ endpoints: [endpoints(names[7]!, 1), ...assignments.toSpliced(7, 1)] }, start);
  for (const peer of proxies) peer.stream.update(next);
  const [one, two, three] = proxies.map((peer) => peer.sent.slice(1));
  assert.equal(one!.length, 1);
  assert.equal(one![0]!.body, two![0]!.body);
  assert.deepEqual(three, []);
});

it("an unchanged world, built anew, is recognised and costs nothing", () => {
  const [peer] = fleet();
  const before = peer!.sent.length;
  peer!.stream.update(
    view(
      { clusters: names.map((name) => cluster(name)), endpoints: assignments, virtualHosts: hosts },
      peer!.stream.target,
    ),
  );
  assert.equal(peer!.sent.length, before);
});
