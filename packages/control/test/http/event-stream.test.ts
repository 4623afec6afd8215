/** Server-sent events over a real connection. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { sendEvents } from "../../src/http/event-stream.ts";
import { atEnd } from "../support/at-end.ts";
import { ManualClock } from "../support/manual-clock.ts";

test("a client that has gone before its events begin is subscribed to nothing", async (t) => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(t, () => void server.close());
  const client = get({ port: (server.address() as AddressInfo).port });
  client.on("error", () => undefined);
  const [, response] = await once(server, "request");
  client.destroy();
  await once(response, "close");
  let subscribed = 0;
  sendEvents(response, () => (subscribed++, () => undefined), new ManualClock());
  assert.equal(subscribed, 0);
});

test("where there is nothing to subscribe to nothing is sent: the answer can still say so", async (t) => {
  const server = createServer((_, response) => {
    const refuses = (): never => {
      throw new Error("switched off");
    };
    assert.throws(() => sendEvents(response, refuses, new ManualClock()), /switched off/);
    response.writeHead(503, { "content-type": "application/json" }).end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(t, () => void server.close());
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  assert.deepEqual([response.status, response.headers.get("content-type")], [503, "application/json"]);
  await response.text();
});
