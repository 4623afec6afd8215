/** Asks a Node process for a full garbage collection, by its inspector (Chrome DevTools Protocol). */
import { BenchError } from "../errors.ts";

const REPLY_MS = 10_000;

export class Inspector {
  readonly #socket: WebSocket;
  #nextId = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** @param port of `node --inspect` on this machine */
  static async open(port: number): Promise<Inspector> {
    const answer = await fetch(`http://127.0.0.1:${port}/json/list`);
    const [target] = (await answer.json()) as { webSocketDebuggerUrl: string }[];
    if (target === undefined) throw new BenchError("the inspector has no target");
    const socket = new WebSocket(target.webSocketDebuggerUrl);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", () => reject(new BenchError("the inspector does not answer")));
    });
    return new Inspector(socket);
  }

  /** Resolves when all that nobody refers to is gone. */
  async collect(): Promise<void> {
    const id = this.#nextId++;
    const done = Promise.withResolvers<void>();
    const timer = setTimeout(() => done.reject(new BenchError("no garbage collection in time")), REPLY_MS);
    const listen = ({ data }: MessageEvent): void => {
      if ((JSON.parse(String(data)) as { id?: number }).id === id) done.resolve();
    };
    this.#socket.addEventListener("message", listen);
    this.#socket.send(JSON.stringify({ id, method: "HeapProfiler.collectGarbage" }));
    try {
      await done.promise;
    } finally {
      clearTimeout(timer);
      this.#socket.removeEventListener("message", listen);
    }
  }

  close(): void {
    this.#socket.close();
  }
}
