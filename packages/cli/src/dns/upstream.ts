/** Asks DNS servers what the mesh does not know. */
import { createSocket } from "node:dgram";
import { connect, isIP } from "node:net";
import type { Address } from "../options.ts";

/** As long as resolvers wait for one server. (resolv.conf(5), `timeout`) */
const TIMEOUT_MS = 5000;

export type Transport = "udp" | "tcp";

/** The answer of the first server that gives one; undefined if none does in time. */
export async function ask(
  servers: readonly Address[],
  query: Buffer,
  transport: Transport,
): Promise<Buffer | undefined> {
  for (const server of servers) {
    const found = transport === "udp" ? await overUdp(server, query) : await overTcp(server, query);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What comes from somebody else, or answers another question, is no answer. */
function overUdp({ host, port }: Address, query: Buffer): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIP(host) === 6 ? "udp6" : "udp4");
    const end = (answer: Buffer | undefined): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on("error", () => undefined);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => end(undefined), TIMEOUT_MS);
    socket.on("error", () => end(undefined));
    // Connected, so that the kernel tells of refusals and of nobody else's packets.
    socket.connect(port, host, () => socket.send(query));
    socket.on("message", (message) => {
      if (message.length >= 2 && message.readUInt16BE(0) === query.readUInt16BE(0)) end(message);
    });
  });
}

function overTcp({ host, port }: Address, query: Buffer): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const reader = new TcpMessages();
    const end = (answer: Buffer | undefined): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(TIMEOUT_MS, () => end(undefined));
    socket.on("error", () => end(undefined));
    socket.on("end", () => end(undefined));
    socket.on("connect", () => socket.write(framed(query)));
    socket.on("data", (bytes) => {
      const [message] = reader.read(bytes);
      if (message !== undefined) end(message);
    });
  });
}

/** Over TCP a message comes after its length. (RFC 1035 §4.2.2) */
export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

export class TcpMessages {
  #pending = Buffer.alloc(0);

  /** Messages that are complete with these bytes. */
  read(bytes: Buffer): readonly Buffer[] {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    const messages: Buffer[] = [];
    while (this.#pending.length >= 2) {
      const end = 2 + this.#pending.readUInt16BE(0);
      if (this.#pending.length < end) break;
      messages.push(Buffer.from(this.#pending.subarray(2, end)));
      this.#pending = this.#pending.subarray(end);
    }
    return messages;
  }
}
