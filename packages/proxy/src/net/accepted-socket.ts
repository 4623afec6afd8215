import { type OnReadOpts, Socket, connect, createServer } from "node:net";

export type AcceptedSocket = Socket;

/** Makes the socket of a connection, given how it must read (`undefined` where only 'data' events are possible). */
export type OpenSocket = (onread: OnReadOpts | undefined) => Socket;

/**
 * Gives an accepted socket `onread`, which node:net offers for outgoing connections only (3–6 µs a request, see
 * docs/decisions/0011-sockets.md): its handle moves to a new Socket. The handle is not public API: `canRewrap` finds out at
 * start-up whether the runtime takes it, and if not, sockets are read by 'data' events behind the same interface.
 */
export function rewrap(accepted: Socket, onread: OnReadOpts): Socket {
  const holder = accepted as unknown as { _handle: object | null };
  const handle = holder._handle;
  holder._handle = null;
  // Without its handle this only settles the server's connection count.
  accepted.destroy();
  return new Socket({
    handle,
    readable: true,
    writable: true,
    allowHalfOpen: true,
    onread,
  } as ConstructorParameters<typeof Socket>[0]);
}

/** Sends a few bytes through a rewrapped socket, both ways. */
export async function canRewrap(): Promise<boolean> {
  const server = createServer({ pauseOnConnect: true, noDelay: true });
  try {
    return await new Promise<boolean>((resolve) => {
      const buffer = Buffer.alloc(16);
      server.on("error", () => resolve(false));
      server.on("connection", (accepted) => {
        try {
          const socket = rewrap(accepted, {
            buffer,
            callback: (length) => {
              socket.end(buffer.toString("latin1", 0, length));
              return true;
            },
          });
          socket.on("error", () => resolve(false));
          socket.resume();
        } catch {
          resolve(false);
        }
      });
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        if (address === null || typeof address === "string") {
          resolve(false);
          return;
        }
        const client = connect(address.port, "127.0.0.1", () => client.write("ping"));
        client.setTimeout(2_000, () => {
          client.destroy();
          resolve(false);
        });
        client.on("data", (echo) => {
          client.destroy();
          resolve(echo.toString("latin1") === "ping");
        });
        client.on("error", () => resolve(false));
      });
    });
  } finally {
    server.close();
  }
}
