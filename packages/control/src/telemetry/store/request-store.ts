/** Single requests: the latest in memory, all within bounds in the file, those that went wrong for longest. */
import type { Clock } from "@tulle/xds";
import type { KeptRequest } from "@tulle/telemetry/records";
import type { NewRequest } from "../ingest/requests.ts";
import type { TelemetryDatabase } from "./database.ts";
import { RequestFile } from "./request-file.ts";
import { type RequestFilter, matches } from "./request-filter.ts";

export interface RequestSearch extends RequestFilter {
  /** Begun in this time; ms since 1970. */
  readonly fromMs: number;
  readonly toMs: number;
  /** The newest so many. */
  readonly limit: number;
}

/** About 1 KiB each. */
const MAX_RECENT = 4_096;
/** Of those that wait for a file that cannot be written. */
const MAX_UNWRITTEN = 16_384;
const HOUR_MS = 3_600_000;
const KEPT_MS = { notable: 7 * 24 * HOUR_MS, others: 6 * HOUR_MS };
/** Of each kind in the file: some 100 MB together. */
const MAX_ROWS = 50_000;

export class RequestStore {
  readonly #clock: Clock;
  readonly #file: RequestFile;
  readonly #listeners = new Set<(requests: readonly KeptRequest[]) => void>();
  /** The oldest first; what is not in the file yet is among them, or was never worth it. */
  #recent: KeptRequest[] = [];
  #unwritten: KeptRequest[] = [];
  #lastId: number;

  constructor(database: TelemetryDatabase, clock: Clock) {
    this.#clock = clock;
    this.#file = new RequestFile(database);
    this.#lastId = this.#file.lastId();
  }

  add(found: readonly NewRequest[]): void {
    if (found.length === 0) return;
    const requests = found.map((request): KeptRequest => ({ id: ++this.#lastId, ...request }));
    this.#recent.push(...requests);
    // Cut in halves, so that it is seldom.
    if (this.#recent.length > 2 * MAX_RECENT) this.#recent = this.#recent.slice(-MAX_RECENT);
    this.#unwritten.push(...requests);
    if (this.#unwritten.length > 2 * MAX_UNWRITTEN) this.#unwritten = this.#unwritten.slice(-MAX_UNWRITTEN);
    for (const listener of this.#listeners) listener(requests);
  }

  /** Calls back with requests as they come; the function that it returns ends that. */
  onAdded(listener: (requests: readonly KeptRequest[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  request(id: number): KeptRequest | undefined {
    return this.#inMemory().get(id) ?? this.#file.request(id);
  }

  /** Newest first. */
  search({ fromMs, toMs, limit, ...filter }: RequestSearch): readonly KeptRequest[] {
    const memory = this.#inMemory();
    const wanted = (request: KeptRequest): boolean =>
      request.startMs >= fromMs && request.startMs <= toMs && matches(request, filter);
    const found = [...memory.values()].filter(wanted);
    const { requestId, traceId } = filter;
    let fromFile = 0;
    this.#file.each({ fromMs, toMs, requestId, traceId }, (request) => {
      if (!memory.has(request.id) && wanted(request)) {
        found.push(request);
        fromFile++;
      }
      return fromFile < limit;
    });
    return found.sort((a, b) => b.startMs - a.startMs || b.id - a.id).slice(0, limit);
  }

  write(): void {
    if (this.#unwritten.length > 0 && this.#file.write(this.#unwritten)) this.#unwritten = [];
  }

  retain(): void {
    const now = this.#clock.now();
    this.#file.drop({ notable: now - KEPT_MS.notable, others: now - KEPT_MS.others }, MAX_ROWS);
  }

  #inMemory(): ReadonlyMap<number, KeptRequest> {
    return new Map([...this.#unwritten, ...this.#recent].map((request) => [request.id, request]));
  }
}
