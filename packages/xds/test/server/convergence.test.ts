/** Whatever the world does and in whatever order a client acknowledges: in the end it holds what it is to hold. */
import assert from "node:assert/strict";
import { it } from "node:test";
import * as fc from "fast-check";
import type { DeltaDiscoveryResponse } from "../../src/gen/envoy/service/discovery/v3/discovery_pb.js";
import type { ResourceView } from "../../src/resource.ts";
import { TYPE } from "../../src/type-url.ts";
import { DeltaPeer } from "../support/delta-peer.ts";
import { cluster, endpoints, route, view, virtualHost } from "../support/resources.ts";
import type { World } from "../support/resources.ts";

// What is tested must not depend on the day.
fc.configureGlobal({ seed: 20_261_129 });

const TYPES = [TYPE.cluster, TYPE.endpoints, TYPE.route, TYPE.virtualHost];
const names = ["a", "b", "c", "d"];
/** Name to content; a name that is missing has no resource. */
const content = fc.dictionary(fc.constantFrom(...names), fc.integer({ min: 0, max: 2 }), { maxKeys: 4 });
const world = fc
  .record({ clusters: content, endpoints: content, routes: content, hosts: content })
  .map(({ clusters, endpoints: assignments, routes, hosts }): World => ({
    clusters: Object.entries(clusters).map(([name, tag]) => cluster(name, `${tag}`)),
    endpoints: Object.entries(assignments).map(([name, tag]) => endpoints(name, tag)),
    routes: Object.entries(routes).map(([name, tag]) => route(name, `x-${tag}`)),
    virtualHosts: Object.entries(hosts).map(([name, tag]) => virtualHost(name < "c" ? "r" : "s", name, `x-${tag}`)),
  }));
const word = fc.constantFrom("*", ...names, "r/*", "s/*", "r/a.alias", "s/c");
const step = fc.oneof(
  fc.record({ do: fc.constant("push" as const), world }),
  fc.record({ do: fc.constant("subscribe" as const), type: fc.constantFrom(...TYPES), names: fc.array(word) }),
  fc.record({ do: fc.constant("unsubscribe" as const), type: fc.constantFrom(...TYPES), names: fc.array(word) }),
  fc.record({ do: fc.constant("answer" as const), refuse: fc.boolean() }),
  fc.record({ do: fc.constant("reconnect" as const) }),
);

/** What a client knows: it drops everything of a response that it refuses, or takes half of it, as Envoy does. */
class Client {
  readonly wanted = new Map<string, Set<string>>(TYPES.map((type) => [type, new Set()]));
  readonly held = new Map<string, Map<string, string>>(TYPES.map((type) => [type, new Map()]));
  peer: DeltaPeer;
  unanswered: DeltaDiscoveryResponse[] = [];

  constructor(initial: ResourceView) {
    this.peer = new DeltaPeer(initial);
  }

  subscribe(type: string, added: readonly string[]): void {
    const wanted = this.wanted.get(type)!;
    const first = wanted.size === 0;
    for (const name of added) wanted.add(name);
    if (added.length > 0 || !first) this.peer.subscribe(type, ...added);
  }

  unsubscribe(type: string, dropped: readonly string[]): void {
    const wanted = this.wanted.get(type)!;
    const known = dropped.filter((name) => wanted.delete(name));
    if (known.length === 0) return;
    for (const name of this.held.get(type)!.keys()) if (!this.wants(type, name)) this.held.get(type)!.delete(name);
    this.peer.request(type, { resourceNamesUnsubscribe: known });
  }

  wants(type: string, name: string): boolean {
    const wanted = this.wanted.get(type)!;
    const glob = type === TYPE.virtualHost && wanted.has(`${name.slice(0, name.lastIndexOf("/") + 1)}*`);
    return wanted.has("*") || wanted.has(name) || glob || wanted.has(`${name}.alias`);
  }

  answer(refuse: boolean): void {
    this.unanswered.push(...this.peer.read());
    const response = this.unanswered.shift();
    if (response === undefined) return;
    const held = this.held.get(response.typeUrl)!;
    response.resources.forEach((resource, place) => {
      if (refuse && place % 2 === 0) return;
      if (this.wants(response.typeUrl, resource.name)) held.set(resource.name, resource.version);
    });
    if (!refuse) for (const name of response.removedResources) held.delete(name);
    if (refuse) this.peer.nack(response, "no");
    else this.peer.ack(response);
  }

  reconnect(now: ResourceView): void {
    this.peer = new DeltaPeer(now);
    this.unanswered = [];
    for (const type of TYPES) {
      const wanted = [...this.wanted.get(type)!];
      if (wanted.length === 0) continue;
      const initialResourceVersions = Object.fromEntries(this.held.get(type)!);
      this.peer.request(type, { resourceNamesSubscribe: wanted, initialResourceVersions });
    }
  }

  drain(): void {
    for (let idle = false; !idle;) {
      this.peer.clock.advance(10_000);
      const before = this.peer.sent.length;
      this.unanswered.push(...this.peer.read());
      while (this.unanswered.length > 0) this.answer(false);
      idle = this.peer.sent.length === before;
      assert.ok(this.peer.sent.length < 1_000, "the server never stops sending");
    }
  }
}

it("a client of the incremental variant ends up with exactly what it subscribes to", () => {
  fc.assert(
    fc.property(world, fc.array(step, { maxLength: 30 }), (start, steps) => {
      let now = view(start);
      const client = new Client(now);
      for (const action of steps) {
        if (action.do === "push") client.peer.stream.update((now = view(action.world, now)));
        else if (action.do === "subscribe") client.subscribe(action.type, action.names);
        else if (action.do === "unsubscribe") client.unsubscribe(action.type, action.names);
        else if (action.do === "answer") client.answer(action.refuse);
        else client.reconnect(now);
      }
      client.drain();
      // What was refused is not sent again before something changes: so something does.
      for (const tag of ["p", "q"]) {
        const change = { clusters: [cluster("z", tag)], endpoints: [endpoints("z", tag === "p" ? 3 : 4)] };
        const rest = { routes: [route("z", `x-${tag}`)], virtualHosts: [virtualHost("r", "z", `x-${tag}`)] };
        const last = steps.findLast((action) => action.do === "push")?.world ?? start;
        now = view(
          {
            clusters: [...(last.clusters ?? []), ...change.clusters],
            endpoints: [...(last.endpoints ?? []), ...change.endpoints],
            routes: [...(last.routes ?? []), ...rest.routes],
            virtualHosts: [...(last.virtualHosts ?? []), ...rest.virtualHosts],
          },
          now,
        );
        client.peer.stream.update(now);
        client.drain();
      }
      for (const type of TYPES) {
        const expected = [...now.set(type)!.resources.values()].filter(({ name }) => client.wants(type, name));
        assert.deepEqual(
          Object.fromEntries(client.held.get(type)!),
          Object.fromEntries(expected.map(({ name, version }) => [name, version] as const)),
          type,
        );
      }
      for (const status of client.peer.stream.status()) {
        // Refused and nothing changed since for what is still subscribed to: that stays refused.
        if (client.wanted.get(status.typeUrl)!.size > 0)
          assert.match(status.state, /^(SYNCED|NACKED)$/, status.typeUrl);
      }
    }),
    { numRuns: 500 },
  );
});
