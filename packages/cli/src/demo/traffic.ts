/** Load on the demo: GET requests over kept-alive connections. What becomes of them is counted by the proxies. */
import { Agent, get } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { reason } from "../errors.ts";

/** Longer than any timeout of the services and the mesh. */
const TIMEOUT_MS = 20_000;

export interface Outcome {
  readonly sent: number;
  /** Requests that got no whole answer: the proxies may not have seen them. */
  readonly unanswered: number;
  /** Why the first of those failed. */
  readonly firstError: string | undefined;
}

export class Traffic {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true });
  #sent = 0;
  #unanswered = 0;
  #firstError: string | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  get outcome(): Outcome {
    return { sent: this.#sent, unanswered: this.#unanswered, firstError: this.#firstError };
  }

  /** Sends `count` requests, `concurrency` at a time. When aborted it sends no more and finishes those that are open. */
  async send(count: number, concurrency: number, signal: AbortSignal): Promise<void> {
    let left = count;
    const worker = async (): Promise<void> => {
      while (left > 0 && !signal.aborted) {
        left--;
        await this.#request();
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
  }

  /** Sends `rate` requests a second, whether or not earlier ones have been answered, until aborted; then as `send`. */
  async flow(rate: number, signal: AbortSignal): Promise<void> {
    const started = performance.now();
    const open = new Set<Promise<void>>();
    for (let i = 1; !signal.aborted; i++) {
      const request = this.#request().finally(() => open.delete(request));
      open.add(request);
      await delay(Math.max(0, started + (i * 1000) / rate - performance.now()));
    }
    await Promise.all(open);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #request(): Promise<void> {
    this.#sent++;
    try {
      await this.#exchange(AbortSignal.timeout(TIMEOUT_MS));
    } catch (error) {
      this.#unanswered++;
      this.#firstError ??= reason(error);
    }
  }

  #exchange(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const request = get(this.#url, { agent: this.#agent, signal }, (response) => {
        response.once("end", resolve);
        response.once("error", reject);
        response.once("aborted", () => reject(new Error("the answer was cut off")));
        response.resume();
      });
      request.once("error", reject);
    });
  }
}
