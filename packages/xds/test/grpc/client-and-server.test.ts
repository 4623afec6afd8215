import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { create } from "@bufbuild/protobuf";
import { Client, credentials, status as Status } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { DISCOVERY_SERVICES } from "../../src/discovery-services.ts";
import { AdsClient } from "../../src/client/index.ts";
import type { AdsClientOptions } from "../../src/client/index.ts";
import { NodeSchema } from "../../src/gen/envoy/config/core/v3/base_pb.js";
import { DeltaDiscoveryRequestSchema } from "../../src/gen/envoy/service/discovery/v3/discovery_pb.js";
import { TYPE } from "../../src/type-url.ts";
import { AdsRefusal } from "../../src/server/index.ts";
import { AdsHost, Relay } from "../support/ads-host.ts";
import { RecordingWatcher } from "../support/client-sessions.ts";
import { eventually } from "../support/eventually.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { cluster, endpoints, view } from "../support/resources.ts";

const node = create(NodeSchema, { id: "sidecar~reviews", cluster: "reviews" });

for (const mode of ["delta", "sotw"] as const) {
  describe(`our client and our server, ${mode}`, () => {
    const first = view({ clusters: [cluster("a"), cluster("b")], endpoints: [endpoints("a"), endpoints("b")] });

    async function connected(more: Partial<AdsClientOptions> = {}) {
      const host = new AdsHost(first);
      await host.start();
      const relay = new Relay(() => host.port);
      await relay.start();
      const client = new AdsClient({ target: `127.0.0.1:${relay.port}`, node, mode, random: () => 0.1, ...more });
      after(() => {
        client.close();
        relay.stop();
        host.stop();
      });
      const clusters = new RecordingWatcher();
      const assignments = new RecordingWatcher();
      clusters.reject = ({ updated, removed }) => {
        client.unsubscribe(TYPE.endpoints, removed);
        client.subscribe(TYPE.endpoints, updated.keys(), assignments);
      };
      client.subscribe(TYPE.cluster, "*", clusters);
      client.start();
      const synced = () => {
        const types = host.ads.status()[0]?.types ?? [];
        return types.length === 2 && types.every((type) => type.state === "SYNCED");
      };
      await eventually("in sync", synced);
      return { host, relay, client, clusters, assignments, synced };
    }

    it("subscriptions that follow from a response leave in one message and everything arrives", async () => {
      const { host, client, clusters, assignments } = await connected();
      assert.equal(clusters.last, "+a +b");
      assert.equal(assignments.last, "+a +b");
      assert.equal(assignments.updates.length, 1);
      const [status] = host.ads.status();
      assert.equal(status!.nodeId, "sidecar~reviews");
      assert.equal(status!.nodeCluster, "reviews");
      assert.equal(status!.delta, mode === "delta");
      assert.match(status!.peer, /^127\.0\.0\.1:\d+$/);
      assert.deepEqual(client.controlPlane.connectedState, 1);
      assert.equal(client.stats(TYPE.cluster)!.versionText, first.set(TYPE.cluster)!.version);
    });

    it("a refusal reaches the server with its words, the repair takes it away", async () => {
      const { host, client, clusters, synced } = await connected();
      const accept = clusters.reject;
      clusters.reject = () => [{ name: "a", message: "lb_policy: no such policy" }];
      const second = view(
        { clusters: [cluster("a", "bad"), cluster("b")], endpoints: [endpoints("a"), endpoints("b")] },
        first,
      );
      host.push(second);
      const type = () => host.ads.status()[0]?.types.find(({ typeUrl }) => typeUrl === TYPE.cluster);
      await eventually("refused", () => type()?.state === "NACKED");
      const { level, message, node: who, type: what, reason } = host.logged.at(-1) ?? {};
      assert.deepEqual([level, message, who], ["warn", "configuration refused by a proxy", "sidecar~reviews"]);
      assert.equal(what, TYPE.cluster);
      assert.match(String(reason), /lb_policy: no such policy/);
      assert.equal(type()!.error?.message, "Error adding/updating cluster(s) a: lb_policy: no such policy");
      assert.equal(type()!.lastAckedVersion, first.set(TYPE.cluster)!.version);
      assert.equal(client.stats(TYPE.cluster)!.updateRejected, 1);
      assert.equal(client.stats(TYPE.cluster)!.versionText, first.set(TYPE.cluster)!.version);
      clusters.reject = accept;
      host.push(
        view({ clusters: [cluster("a", "good"), cluster("b")], endpoints: [endpoints("a"), endpoints("b")] }, second),
      );
      await eventually("in sync", synced);
      assert.equal(type()!.error, undefined);
    });

    it("after the connection was cut it comes back, and is sent what changed meanwhile", async () => {
      const connections: boolean[] = [];
      const { host, relay, client, clusters, assignments, synced } = await connected({
        onConnection: (connected) => connections.push(connected),
      });
      const responses = clusters.updates.length;
      relay.cut();
      await eventually("disconnected", () => connections.at(-1) === false);
      assert.equal(client.controlPlane.connectedState, 0);
      assert.equal(client.stats(TYPE.cluster)!.updateFailure, 1);
      host.push(view({ clusters: [cluster("a"), cluster("c")], endpoints: [endpoints("a"), endpoints("c")] }, first));
      await eventually(
        "told of the change",
        () => clusters.updates.length > responses && client.controlPlane.connectedState === 1,
      );
      await eventually("in sync", () => synced() && assignments.updates.some(({ updated }) => updated.has("c")));
      assert.ok(clusters.updates.slice(responses).some(({ removed }) => removed.includes("b")));
      const updated = clusters.updates.slice(responses).flatMap((update) => [...update.updated.keys()]);
      if (mode === "delta") assert.deepEqual(updated, ["c"], "only what it does not have");
      assert.equal(host.disconnected.length, 1);
      assert.equal(host.connections.length, 2);
    });

    it("how the workload is reaches the server at once, and again after a reconnect", async () => {
      const { host, relay, client, synced } = await connected();
      client.reportHealth(true);
      client.reportHealth(false, "readiness probe: 503");
      await eventually("reported", () => host.reports.length === 2);
      assert.deepEqual(host.reports, ["healthy", "readiness probe: 503"]);
      relay.cut();
      await eventually("reported again", () => host.reports.length === 3);
      assert.equal(host.reports[2], "readiness probe: 503");
      await eventually("in sync", synced);
      assert.equal(host.ads.status()[0]!.types.length, 2, "it is no subscription");
    });

    it("a server that forgot everything finds a client that has it all", async () => {
      const { host, clusters, assignments, synced } = await connected();
      host.stop();
      await host.restart();
      await eventually("in sync again", synced);
      if (mode === "delta") {
        assert.deepEqual(
          clusters.updates.slice(1).map(({ updated, removed }) => updated.size + removed.length),
          [0],
        );
        assert.equal(assignments.updates.length, 1);
      }
    });
  });
}

describe("our client", () => {
  it("tries again with back-off for as long as nobody answers", async () => {
    const clock = new ManualClock();
    const reasons: string[] = [];
    const client = new AdsClient({
      target: "127.0.0.1:1",
      node,
      clock,
      random: () => 0.5,
      onConnection: (_connected, reason) => reasons.push(reason),
    });
    after(() => client.close());
    client.subscribe(TYPE.cluster, "*", new RecordingWatcher());
    client.start();
    for (const [turn, delay] of [250, 500, 1_000].entries()) {
      await eventually("failed", () => reasons.length === turn + 1);
      assert.match(reasons[turn]!, /UNAVAILABLE.*ECONNREFUSED/);
      assert.ok(clock.waiting.includes(delay), `retries in ${delay} ms, not ${clock.waiting.join()}`);
      clock.advance(delay);
    }
    assert.equal(client.controlPlane.connectAttempts, 4);
  });

  it("gives those who wait their turn after the initial fetch timeout", () => {
    const clock = new ManualClock();
    const client = new AdsClient({ target: "127.0.0.1:1", node, clock });
    after(() => client.close());
    const watcher = new RecordingWatcher();
    client.subscribe(TYPE.endpoints, ["a"], watcher);
    clock.advance(1_000);
    client.subscribe(TYPE.endpoints, ["a", "b"], watcher);
    clock.advance(13_999);
    assert.deepEqual(watcher.timedOut, []);
    clock.advance(1);
    assert.deepEqual(watcher.timedOut, [["a"]]);
    clock.advance(1_000);
    assert.deepEqual(watcher.timedOut, [["a"], ["b"]]);
    assert.equal(client.stats(TYPE.endpoints)!.initFetchTimeout, 2);
  });

  it("holds back the subscriptions of a paused type until every pause is over", async () => {
    const host = new AdsHost(view({ endpoints: [endpoints("a"), endpoints("b")] }));
    await host.start();
    const client = new AdsClient({ target: `127.0.0.1:${host.port}`, node });
    after(() => {
      client.close();
      host.stop();
    });
    const watcher = new RecordingWatcher();
    const resumes = [client.pause([TYPE.endpoints]), client.pause([TYPE.endpoints])];
    client.subscribe(TYPE.endpoints, ["a"], watcher);
    client.subscribe(TYPE.cluster, "*", new RecordingWatcher());
    client.start();
    await eventually("clusters are subscribed to", () => host.ads.status()[0]?.types.length === 1);
    assert.equal(host.ads.status()[0]!.types[0]!.typeUrl, TYPE.cluster);
    resumes[0]!();
    resumes[0]!();
    client.subscribe(TYPE.endpoints, ["b"], watcher);
    resumes[1]!();
    await eventually("endpoints arrive", () => watcher.updates.length > 0);
    assert.equal(watcher.last, "+a +b");
  });

  it("has one watcher for a type", () => {
    const client = new AdsClient({ target: "127.0.0.1:1", node });
    after(() => client.close());
    client.subscribe(TYPE.endpoints, ["a"], new RecordingWatcher());
    assert.throws(() => client.subscribe(TYPE.endpoints, ["b"], new RecordingWatcher()), /another watcher/);
  });
});

describe("our server", () => {
  const speak = (port: number) => {
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    const { path, requestSerialize, responseDeserialize } = DISCOVERY_SERVICES.ads.delta;
    const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    const ended = new Promise<ServiceError>((resolve) => call.once("error", resolve));
    after(() => {
      call.cancel();
      client.close();
    });
    return { call, ended };
  };

  it("refuses a stream with the source's status and words", async () => {
    const host = new AdsHost(view({}));
    host.connect = () => {
      throw new AdsRefusal(Status.PERMISSION_DENIED, "namespace default may not connect");
    };
    await host.start();
    after(() => host.stop());
    const { call, ended } = speak(host.port);
    call.write(create(DeltaDiscoveryRequestSchema, { node, typeUrl: TYPE.cluster }));
    const error = await ended;
    assert.equal(error.code, Status.PERMISSION_DENIED);
    assert.equal(error.details, "namespace default may not connect");
    assert.deepEqual(host.disconnected, [], "it had not been accepted");
  });

  it("refuses a stream that does not say who it is", async () => {
    const host = new AdsHost(view({}));
    await host.start();
    after(() => host.stop());
    const { call, ended } = speak(host.port);
    call.write(create(DeltaDiscoveryRequestSchema, { typeUrl: TYPE.cluster }));
    assert.equal((await ended).code, Status.INVALID_ARGUMENT);
  });

  it("ends a stream that breaks the rules, and goes on serving the others", async () => {
    const host = new AdsHost(view({ clusters: [cluster("a")] }));
    await host.start();
    after(() => host.stop());
    const { call, ended } = speak(host.port);
    call.write(create(DeltaDiscoveryRequestSchema, { node, typeUrl: TYPE.cluster }));
    call.write(create(DeltaDiscoveryRequestSchema, { typeUrl: "" }));
    assert.equal((await ended).code, Status.INVALID_ARGUMENT);
    await eventually("it is forgotten", () => host.disconnected.length === 1);
    const other = speak(host.port);
    other.call.write(create(DeltaDiscoveryRequestSchema, { node, typeUrl: TYPE.cluster }));
    await new Promise((resolve) => other.call.once("data", resolve));
  });

  it("stops reading from a client that floods it with requests, until it may send again", async () => {
    const clock = new ManualClock();
    const host = new AdsHost(view({ clusters: [cluster("a")] }), {}, clock);
    await host.start();
    after(() => host.stop());
    const { call } = speak(host.port);
    const names = Array.from({ length: 1_500 }, (_, place) => `n${place}`);
    for (const name of names) {
      call.write(
        create(DeltaDiscoveryRequestSchema, { node, typeUrl: TYPE.endpoints, resourceNamesSubscribe: [name] }),
      );
    }
    const read = () => Number(host.ads.status()[0]?.types[0]?.subscribed ?? 0);
    await eventually("the budget is spent", () => read() >= 990);
    const other = speak(host.port);
    other.call.write(create(DeltaDiscoveryRequestSchema, { node, typeUrl: TYPE.cluster }));
    await new Promise((resolve) => other.call.once("data", resolve));
    assert.ok(read() < 1_100, `${read()} requests were read`);
    await eventually("all is read in the end", () => {
      clock.advance(100);
      return read() === names.length;
    });
  });

  it("survives bytes that are no request", async () => {
    const host = new AdsHost(view({ clusters: [cluster("a")] }));
    await host.start();
    const client = new Client(`127.0.0.1:${host.port}`, credentials.createInsecure());
    after(() => {
      client.close();
      host.stop();
    });
    const call = client.makeBidiStreamRequest(
      DISCOVERY_SERVICES.ads.delta.path,
      (bytes: Buffer) => bytes,
      (bytes) => bytes,
    );
    const ended = new Promise<ServiceError>((resolve) => call.once("error", resolve));
    call.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    assert.equal((await ended).code, Status.INTERNAL);
    assert.deepEqual(host.ads.status(), []);
  });
});
