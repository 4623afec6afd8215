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
