/** Server-sent events to whoever reads, and to whoever does not. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { EventSource } from "../../src/http/event-stream.ts";
import { sendEvents } from "../../src/http/event-stream.ts";
import { ManualClock } from "../support/manual-clock.ts";

/** More than is kept for whoever does not read. */
const LARGE = JSON.stringify("x".repeat(6 * 1024 * 1024));

async function served(events: EventSource, use: (response: Promise<Response>) => Promise<void>): Promise<void> {
  const server = createServer((_, response) => sendEvents(response, events, new ManualClock(0)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await use(fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("one event may be larger than what is kept for who does not read: the graph of a large mesh", async () => {
  let ended = false;
  const events: EventSource = (_, __, sendText) => {
    sendText(LARGE, "graph", 7);
    return () => (ended = true);
  };
  await served(events, async (response) => {
    let text = "";
    for await (const chunk of (await response).body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.endsWith("\n\n")) break;
    }
    assert.equal(text, `id: 7\nevent: graph\ndata: ${LARGE}\n\n`);
    assert.equal(ended, false);
  });
});

test("who does not read is cut off", async () => {
  let stopped = (): void => undefined;
  const isStopped = new Promise<void>((resolve) => (stopped = resolve));
  const events: EventSource = (send) => {
    for (let event = 0; event < 4; event++) send(LARGE);
    return stopped;
  };
  // Before or after its head: he is not waited for.
  await served(events, async (response) => {
    await Promise.allSettled([response, isStopped]);
  });
});
