import assert from "node:assert/strict";
import { it } from "node:test";
import { TYPE } from "../../src/type-url.ts";
import { DeltaClient } from "../support/client-sessions.ts";
import { cluster, endpoints, listener, virtualHost } from "../support/resources.ts";

it("a wildcard is asked for without names, names with them", () => {
  const client = new DeltaClient();
  client.subscription(TYPE.cluster, "*");
  client.subscription(TYPE.endpoints, "a", "b");
  client.subscription(TYPE.virtualHost, "*");
  assert.deepEqual(
    client.requests.map((request) => request.resourceNamesSubscribe),
    [[], ["a", "b"], ["*"]],
  );
});

it("a response is delivered and acknowledged with its nonce", () => {
  const client = new DeltaClient();
  const { held, stats } = client.subscription(TYPE.cluster, "*");
  const a = cluster("a");
  client.respond(TYPE.cluster, [a], { removedResources: ["b"], nonce: "17" });
  assert.equal(client.watcher.last, "+a -b");
  assert.deepEqual(client.requests[1], {
    typeUrl: TYPE.cluster,
    responseNonce: "17",
    resourceNamesSubscribe: [],
    resourceNamesUnsubscribe: [],
  });
  assert.deepEqual([...held], [["a", a.version]]);
  assert.deepEqual(
    { ...stats },
    {
      updateAttempt: 2,
      updateSuccess: 1,
      updateFailure: 0,
      updateRejected: 0,
      initFetchTimeout: 0,
      versionText: "v",
      updateTime: client.clock.now(),
    },
  );
});

it("what the watcher rejects is refused by name and reason, and the old version stays", () => {
  const client = new DeltaClient();
  const { held, stats } = client.subscription(TYPE.cluster, "*");
  const [a, b] = [cluster("a"), cluster("b")];
  client.respond(TYPE.cluster, [a, b]);
  client.watcher.reject = () => [{ name: "a", message: "connect_timeout: must be positive" }];
  const better = cluster("b", "better");
  client.respond(TYPE.cluster, [cluster("a", "bad"), better]);
  const { errorDetail } = client.requests.at(-1)!;
  assert.equal(errorDetail?.code, 13);
  assert.equal(errorDetail?.message, "Error adding/updating cluster(s) a: connect_timeout: must be positive");
  assert.deepEqual(
    [...held],
    [
      ["a", a.version],
      ["b", better.version],
    ],
  );
  assert.equal(stats.updateRejected, 1);
});

it("a watcher that throws refuses all of it", () => {
  const client = new DeltaClient();
  const { held } = client.subscription(TYPE.listener, "*");
  client.watcher.reject = () => {
    throw new Error("out of ports");
  };
  client.respond(TYPE.listener, [listener("a"), listener("b")]);
  assert.equal(
    client.requests.at(-1)!.errorDetail?.message,
    "Error adding/updating listener(s) a: out of ports, b: out of ports",
  );
  assert.equal(held.size, 0);
});

it("a resource of another type, and one that comes twice, are refused; the rest is delivered", () => {
  const client = new DeltaClient();
  client.subscription(TYPE.cluster, "*");
  client.respond(TYPE.cluster, [cluster("a"), cluster("twice"), cluster("twice", "x"), listener("l")]);
  assert.equal(client.watcher.last, "+a");
  const message = client.requests.at(-1)!.errorDetail?.message ?? "";
  assert.match(message, /twice: duplicate/);
  assert.match(message, /l: its type is .*Listener, not .*Cluster/);
});

it("what was not asked for is not delivered, but acknowledged", () => {
  const client = new DeltaClient();
  client.subscription(TYPE.endpoints, "a");
  client.respond(TYPE.endpoints, [endpoints("a"), endpoints("b")], { removedResources: ["c"] });
  assert.equal(client.watcher.last, "+a");
  assert.equal(client.requests.at(-1)!.errorDetail, undefined);
  client.respond(TYPE.listener, [listener("l")]);
  assert.equal(client.requests.length, 2, "never subscribed to: no answer");
});

it("virtual hosts of a subscribed route configuration, and resources by alias, are what was asked for", () => {
  const client = new DeltaClient();
  client.subscription(TYPE.virtualHost, "r/*", "s/b.alias");
  client.respond(TYPE.virtualHost, [virtualHost("r", "a"), virtualHost("s", "b"), virtualHost("s", "c")]);
  assert.equal(client.watcher.last, "+r/a +s/b");
  assert.equal(client.subscriptions.get(TYPE.virtualHost)!.awaited.size, 0);
});

it("changed subscriptions are sent as differences", () => {
  const client = new DeltaClient();
  const subscription = client.subscription(TYPE.endpoints, "a", "b");
  subscription.delete(["a"]);
  client.subscription(TYPE.endpoints, "c");
  assert.deepEqual(client.requests[1]!.resourceNamesSubscribe, ["c"]);
  assert.deepEqual(client.requests[1]!.resourceNamesUnsubscribe, ["a"]);
  client.session.request(subscription);
  assert.equal(client.requests.length, 2, "nothing new");
});

it("a name that is dropped and wanted again in one turn is asked for again, as it has been forgotten", () => {
  const client = new DeltaClient();
  const subscription = client.subscription(TYPE.endpoints, "a");
  client.respond(TYPE.endpoints, [endpoints("a")]);
  subscription.delete(["a"]);
  assert.equal(subscription.held.size, 0);
  client.subscription(TYPE.endpoints, "a");
  assert.deepEqual(client.requests.at(-1)!.resourceNamesSubscribe, ["a"]);
});

it("on a new stream the server is told what is held, in the order of first subscription", () => {
  const client = new DeltaClient();
  client.subscription(TYPE.cluster, "*");
  client.subscription(TYPE.endpoints, "a", "b");
  const a = cluster("a");
  client.respond(TYPE.cluster, [a]);
  client.connect();
  for (const subscription of client.subscriptions.values()) client.session.request(subscription);
  assert.deepEqual(client.requests, [
    { typeUrl: TYPE.cluster, responseNonce: "", resourceNamesSubscribe: [], initialResourceVersions: { a: a.version } },
    { typeUrl: TYPE.endpoints, responseNonce: "", resourceNamesSubscribe: ["a", "b"], initialResourceVersions: {} },
  ]);
});

it("while a type is paused its responses are acknowledged, but its subscriptions wait", () => {
  const client = new DeltaClient();
  const subscription = client.subscription(TYPE.endpoints, "a");
  subscription.paused = 1;
  subscription.add(["b"]);
  client.respond(TYPE.endpoints, [endpoints("a")]);
  assert.deepEqual(client.requests[1], { typeUrl: TYPE.endpoints, responseNonce: "n" });
  subscription.paused = 0;
  client.session.request(subscription);
  assert.deepEqual(client.requests[2]!.resourceNamesSubscribe, ["b"]);
});

it("a refusal that would be longer than Envoy's is cut like Envoy's", () => {
  const client = new DeltaClient();
  client.subscription(TYPE.cluster, "*");
  client.watcher.reject = ({ updated }) => [...updated.keys()].map((name) => ({ name, message: "x".repeat(100) }));
  client.respond(
    TYPE.cluster,
    Array.from({ length: 100 }, (_, place) => cluster(`c${place}`)),
  );
  const message = client.requests.at(-1)!.errorDetail?.message ?? "";
  assert.equal(message.length, 4_096 + "...(truncated)".length);
});
