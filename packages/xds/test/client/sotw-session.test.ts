import assert from "node:assert/strict";
import { it } from "node:test";
import { TYPE } from "../../src/type-url.ts";
import { SotwClient } from "../support/client-sessions.ts";
import { cluster, endpoints, listener } from "../support/resources.ts";

it("an accepted response is acknowledged with its version and nonce", () => {
  const client = new SotwClient();
  client.subscription(TYPE.cluster, "*");
  client.respond(TYPE.cluster, "1", [cluster("a"), cluster("b")]);
  assert.equal(client.watcher.last, "+a +b");
  assert.deepEqual(client.requests, [
    { typeUrl: TYPE.cluster, versionInfo: "", resourceNames: [], responseNonce: "" },
    { typeUrl: TYPE.cluster, versionInfo: "1", resourceNames: [], responseNonce: "n-1" },
  ]);
});

it("a refused response is answered with the old version, the new nonce and the reasons", () => {
  const client = new SotwClient();
  client.subscription(TYPE.cluster, "*");
  client.respond(TYPE.cluster, "1", [cluster("a")]);
  client.watcher.reject = () => [{ name: "a", message: "no" }];
  client.respond(TYPE.cluster, "2", [cluster("a", "bad")]);
  assert.deepEqual(client.requests.at(-1), {
    typeUrl: TYPE.cluster,
    versionInfo: "1",
    resourceNames: [],
    responseNonce: "n-2",
    errorDetail: { code: 13, message: "Error adding/updating cluster(s) a: no" },
  });
});

it("clusters and listeners that a response does not hold have gone; endpoints have not", () => {
  const client = new SotwClient();
  client.subscription(TYPE.cluster, "*");
  client.respond(TYPE.cluster, "1", [cluster("a"), cluster("b")]);
  client.respond(TYPE.cluster, "2", [cluster("b")]);
  assert.equal(client.watcher.last, "+b -a");
  client.subscription(TYPE.endpoints, "a", "b");
  client.respond(TYPE.endpoints, "1", [endpoints("a"), endpoints("b")]);
  client.respond(TYPE.endpoints, "2", [endpoints("b", 1)]);
  assert.equal(client.watcher.last, "+b");
});

it("a listener that was asked for by name and is not in the answer does not exist", () => {
  const client = new SotwClient();
  const subscription = client.subscription(TYPE.listener, "l", "nowhere");
  client.respond(TYPE.listener, "1", [listener("l")]);
  assert.equal(client.watcher.last, "+l -nowhere");
  assert.equal(subscription.awaited.size, 0);
});

it("a change of names is sent with the last version and nonce, and on a new stream without nonce", () => {
  const client = new SotwClient();
  client.subscription(TYPE.endpoints, "a");
  client.respond(TYPE.endpoints, "1", [endpoints("a")]);
  client.subscription(TYPE.endpoints, "b");
  const expected = { typeUrl: TYPE.endpoints, versionInfo: "1", resourceNames: ["a", "b"] };
  assert.deepEqual(client.requests.at(-1), { ...expected, responseNonce: "n-1" });
  client.connect();
  client.session.request(client.subscriptions.get(TYPE.endpoints)!);
  assert.deepEqual(client.requests, [{ ...expected, responseNonce: "" }]);
});
