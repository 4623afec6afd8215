/** Server-sent events. (HTML standard, "Server-sent events") */
import type { Clock } from "@tulle/xds";
import type { ServerResponse } from "node:http";

/**
 * Begins to send; the function that it returns is called when the client is gone. Events are values for JSON, with a name and an id
 * (which clients that come back name in `last-event-id`), or such JSON. `isBehind`: the client has not read what it was sent.
 */
export type EventSource = (
  send: (event: unknown, name?: string, id?: number) => void,
  isBehind: () => boolean,
  sendText: (json: string, name: string, id: number) => void,
) => () => void;

/** Proxies in between close what is silent for a minute. */
const KEEP_ALIVE_MS = 15_000;
/** Of events that a client has not read. It is cut off, and connects again when it reads on. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
const BEHIND_BYTES = 256 * 1024;

/** Throws what `events` throws, before anything is sent. */
export function sendEvents(response: ServerResponse, events: EventSource, clock: Clock): void {
  // Whoever asked has gone while the answer was made ready: nobody would say when to end.
  if (response.destroyed) return;
  response.setHeader("content-type", "text/event-stream");
  response.setHeader("cache-control", "no-store");
  let cancel = (): void => undefined;
  const keepAlive = (): void => {
    response.write(":\n\n");
    cancel = clock.after(KEEP_ALIVE_MS, keepAlive);
  };
  const sendText = (json: string, name?: string, id?: number): void => {
    // Looked at before: one event alone may be larger, and whoever reads gets it.
    if (response.writableLength > MAX_BUFFERED_BYTES) {
      response.destroy();
      return;
    }
    const head = `${id === undefined ? "" : `id: ${id}\n`}${name === undefined ? "" : `event: ${name}\n`}`;
    response.write(`${head}data: ${json}\n\n`);
  };
  const send = (event: unknown, name?: string, id?: number): void => sendText(JSON.stringify(event), name, id);
  const stop = events(send, () => response.writableLength > BEHIND_BYTES, sendText);
  response.flushHeaders();
  cancel = clock.after(KEEP_ALIVE_MS, keepAlive);
  response.once("close", () => {
    cancel();
    stop();
  });
}
