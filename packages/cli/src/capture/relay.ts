/** Passes connections on, byte for byte: the way of a captured sidecar to its control plane leads over a socket in the file system. */
import { connect, createServer } from "node:net";
import type { NetConnectOpts, Server, Socket } from "node:net";

export interface Relay {
  /** 0 for a socket in the file system. */
  readonly port: number;
  close(): void;
}

/** Resolves when it accepts. */
export function relay(from: { path: string } | { host: string; port: number }, to: NetConnectOpts): Promise<Relay> {
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ ...to, allowHalfOpen: true });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(from, () => {
      server.off("error", reject);
      const address = server.address();
      resolve({
        port: address === null || typeof address === "string" ? 0 : address.port,
        close: () => {
          server.close();
          for (const socket of open) socket.destroy();
        },
      });
    });
  });
}
