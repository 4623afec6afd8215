/** Opens mutual TLS connections: as fast as they are answered, or to be kept. */
import { readFileSync } from "node:fs";
import { type SecureContext, type TLSSocket, connect, createSecureContext } from "node:tls";
import type { FromClient, ToClient } from "./messages.ts";

/** How many connections that are to be kept are opened at a time. */
const OPENING = 16;

let port = 0;
let request = "";
let secureContext: SecureContext | undefined;
const held: TLSSocket[] = [];

process.on("message", (message: ToClient) => void answer(message));
process.on("disconnect", () => process.exit());

async function answer(message: ToClient): Promise<void> {
  const startedAt = performance.now();
  const done = { connections: 0, failed: 0 };
  if (message.type === "identity") {
    port = message.port;
    request = `GET ${message.path} HTTP/1.1\r\nhost: server\r\n\r\n`;
    const [cert, key, ca] = [message.certificate, message.key, message.authority].map((file) => readFileSync(file));
    secureContext = createSecureContext({ cert: cert!, key: key!, ca: ca! });
  } else if (message.type === "handshakes") {
    const until = startedAt + message.ms;
    await inParallel(message.concurrency, async () => {
      while (performance.now() < until) (await exchange())?.destroy();
    });
  } else if (message.type === "hold") {
    let left = message.connections;
    await inParallel(OPENING, async () => {
      while (left-- > 0) {
        const socket = await exchange();
        if (socket !== undefined) held.push(socket);
      }
    });
  } else {
    for (const socket of held) socket.destroy();
    held.length = 0;
  }
  process.send?.({ ...done, ms: performance.now() - startedAt } satisfies FromClient);

  /** One connection, one request; undefined if it was not answered 200. No session is offered: the handshake is a full one. */
  function exchange(): Promise<TLSSocket | undefined> {
    return new Promise((resolve) => {
      // Without noDelay the end of the handshake waits for an acknowledgement.
      const options = { host: "127.0.0.1", port, secureContext, noDelay: true, checkServerIdentity: () => undefined };
      const socket = connect({ ...options, ALPNProtocols: ["http/1.1"] }, () => socket.write(request));
      const finish = (ok: boolean): void => {
        if (ok) done.connections++;
        else done.failed++;
        resolve(ok ? socket : undefined);
      };
      socket.once("data", (head: Buffer) => finish(head.toString("latin1", 0, 12) === "HTTP/1.1 200"));
      socket.once("error", () => finish(false));
    });
  }
}

async function inParallel(count: number, work: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: count }, work));
}
