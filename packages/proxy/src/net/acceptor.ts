import { type Server, type Socket, createServer } from "node:net";

/** A listening TCP port. */
export class Acceptor {
  private readonly server: Server;
  private readonly onError: (error: Error) => void;
  private address = "";
  private port = 0;

  /**
   * @param onAccept gets paused sockets
   * @param onError what goes wrong once it listens (too many open files …)
   * @param keepaliveMs until the first TCP keepalive of a connection, 0 = as the system has it; -1: none
   */
  constructor(onAccept: (socket: Socket) => void, onError: (error: Error) => void, keepaliveMs: number) {
    const kept = keepaliveMs < 0 ? {} : { keepAlive: true, keepAliveInitialDelay: keepaliveMs };
    this.server = createServer({ noDelay: true, pauseOnConnect: true, allowHalfOpen: true, ...kept }, onAccept);
    this.onError = onError;
  }

  /**
   * Port 0 lets the kernel choose; a descriptor listens already, whatever the address. An IPv6 address takes no IPv4, as Envoy's without
   * `ipv4_compat`. Rejects with the system's error (EADDRINUSE, EACCES …).
   */
  listen(address: string, port: number, fd?: number): Promise<{ address: string; port: number }> {
    const place = fd === undefined ? { host: address, port, ipv6Only: address.includes(":") } : { fd };
    return new Promise((resolve, reject) => {
      const { server } = this;
      server.once("error", reject);
      server.listen({ ...place, backlog: 4096 }, () => {
        server.removeListener("error", reject);
        server.on("error", this.onError);
        const bound = server.address();
        if (bound !== null && typeof bound !== "string") {
          this.address = bound.address;
          this.port = bound.port;
        }
        resolve({ address: this.address, port: this.port });
      });
    });
  }

  get bound(): { address: string; port: number } {
    return { address: this.address, port: this.port };
  }

  /** No new connections; those accepted live on. */
  stop(): void {
    if (this.server.listening) this.server.close();
  }
}
