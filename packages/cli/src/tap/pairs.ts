/** Both ends tell of one request: the client's proxy and the server's. What they tell is one line. */
import type { KeptRequest } from "@tulle/telemetry/records";

/** One of them may be missing: it has no proxy, or left it out. */
export interface TappedRequest {
  readonly source?: KeptRequest;
  readonly destination?: KeptRequest;
}

/** How long the other end's is waited for: proxies gather entries for a quarter of a second. */
export const PAIR_MS = 600;

interface Waiting {
  readonly request: KeptRequest;
  readonly key: string;
  readonly sinceMs: number;
}

/** Pure: times are passed in. */
export class Pairs {
  readonly #waiting: Waiting[] = [];

  /** What is whole with it, if it is. */
  add(request: KeptRequest, nowMs: number): TappedRequest | undefined {
    const key = keyOf(request);
    if (key === undefined) return { [request.reporter]: request };
    const at = this.#waiting.findIndex(
      (waiting) => waiting.key === key && waiting.request.reporter !== request.reporter,
    );
    if (at < 0) {
      this.#waiting.push({ request, key, sinceMs: nowMs });
      return undefined;
    }
    const [other] = this.#waiting.splice(at, 1);
    return { [request.reporter]: request, [other!.request.reporter]: other!.request };
  }

  /** Those that have waited for long enough, or all; the oldest first. */
  due(nowMs: number): readonly TappedRequest[] {
    const waited = this.#waiting.findIndex(({ sinceMs }) => nowMs - sinceMs < PAIR_MS);
    const due = this.#waiting.splice(0, waited < 0 ? this.#waiting.length : waited);
    return due.map(({ request }) => ({ [request.reporter]: request }));
  }
}

/** All hops of a trace have one request id: what is asked of whom tells them apart. Undefined: nothing does. */
function keyOf({ requestId, method, path, destination }: KeptRequest): string | undefined {
  return requestId === "" ? undefined : [requestId, method, path, destination.service].join(" ");
}
