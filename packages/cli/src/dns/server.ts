/** A DNS server beside a captured program: names of the mesh it answers itself, all others the machine's servers do. */
import { createSocket } from "node:dgram";
import type { Socket as UdpSocket } from "node:dgram";
import { createServer, isIP } from "node:net";
import type { Server, Socket } from "node:net";
import type { Address } from "../options.ts";
import type { MeshNames } from "./mesh-names.ts";
import { answer, failure, RCODE, readQuestion, TYPE_A, TYPE_AAAA } from "./message.ts";
import { ask, framed, TcpMessages } from "./upstream.ts";
import type { Transport } from "./upstream.ts";

/** How long a client may keep an address of the mesh. (istio/istio `pkg/dns/client/dns.go` defaultTTLInSeconds) */
const TTL_SECONDS = 30;
/** A client that asks nothing over TCP. */
const IDLE_MS = 10_000;
/** So many more ports are tried where any will do. */
const OTHER_PORTS = 10;

export class DnsServer {
  /** Undefined: nothing is known yet, or ever. */
  names: MeshNames | undefined;
  readonly #servers: readonly Address[];
  readonly #udp: UdpSocket[] = [];
  readonly #tcp: Server[] = [];
  readonly #connections = new Set<Socket>();

  /** @param servers whom to ask for names that are not the mesh's */
  constructor(servers: readonly Address[]) {
    this.#servers = servers;
  }

  /** Port 0 takes a free one, the same over UDP and TCP. Resolves with the port. */
  async listen({ host, port }: Address): Promise<number> {
    for (let others = OTHER_PORTS; ; others--) {
      const udp = await this.#listenToDatagrams(host, port);
      const bound = udp.address().port;
      try {
        await this.#listenToConnections(host, bound);
        this.#udp.push(udp);
        return bound;
      } catch (error) {
        udp.close();
        // The port that the system gave for datagrams is somebody's for TCP.
        if (port !== 0 || others === 0 || (error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      }
    }
  }

  async #listenToDatagrams(host: string, port: number): Promise<UdpSocket> {
    const type = isIP(host) === 6 ? "udp6" : "udp4";
    const udp = createSocket({ type, ...(type === "udp6" ? { ipv6Only: true } : {}) });
    await new Promise<void>((resolve, reject) => {
      udp.once("error", reject);
      udp.bind(port, host, () => {
        udp.off("error", reject);
        resolve();
      });
    });
    udp.on("error", () => undefined); // an answer that could not be delivered
    udp.on("message", (query, peer) => {
      void this.#answer(query, "udp").then((reply) => udp.send(reply, peer.port, peer.address));
    });
    return udp;
  }

  async #listenToConnections(host: string, port: number): Promise<void> {
    const tcp = createServer((socket) => this.#serve(socket));
    await new Promise<void>((resolve, reject) => {
      tcp.once("error", reject);
      tcp.listen({ host, port, ipv6Only: isIP(host) === 6 }, () => {
        tcp.off("error", reject);
        resolve();
      });
    });
    this.#tcp.push(tcp);
  }

  close(): void {
    for (const socket of this.#udp) socket.close();
    for (const server of this.#tcp) server.close();
    for (const socket of this.#connections) socket.destroy();
  }

  #serve(socket: Socket): void {
    const reader = new TcpMessages();
    this.#connections.add(socket);
    socket.on("close", () => this.#connections.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on("data", (bytes) => {
      for (const query of reader.read(bytes)) {
        void this.#answer(query, "tcp").then((reply) => socket.write(framed(reply)));
      }
    });
  }

  async #answer(query: Buffer, transport: Transport): Promise<Buffer> {
    const question = readQuestion(query);
    if (question !== undefined && this.names?.has(question.name) === true) {
      const family = question.type === TYPE_A ? 4 : question.type === TYPE_AAAA ? 6 : undefined;
      // A name of the mesh has addresses and nothing else.
      const addresses = family === undefined ? [] : (this.names.find(question.name, family) ?? []);
      return answer(query, question, addresses, TTL_SECONDS);
    }
    if (query.length < 12) return failure(Buffer.alloc(12), RCODE.formatError);
    return (await ask(this.#servers, query, transport)) ?? failure(query, RCODE.serverFailure);
  }
}
