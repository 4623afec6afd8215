/** Single requests in the file: one row each. */
import type { KeptRequest } from "@tulle/telemetry/records";
import type { TelemetryDatabase } from "./database.ts";
import { parsed } from "./stored-json.ts";

export const REQUEST_TABLES = `
CREATE TABLE IF NOT EXISTS requests (id INTEGER PRIMARY KEY, start_ms REAL NOT NULL, notable INTEGER NOT NULL, request_id TEXT NOT NULL,
  trace_id TEXT NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS requests_by_start ON requests (start_ms);
CREATE INDEX IF NOT EXISTS requests_by_request ON requests (request_id);
CREATE INDEX IF NOT EXISTS requests_by_trace ON requests (trace_id)`;

/** What can be told of a request without reading it. */
interface Candidates {
  readonly fromMs: number;
  readonly toMs: number;
  readonly requestId: string | undefined;
  readonly traceId: string | undefined;
}

export class RequestFile {
  readonly #database: TelemetryDatabase;

  constructor(database: TelemetryDatabase) {
    this.#database = database;
  }

  lastId(): number {
    const row = this.#database.read(
      (connection) => connection.prepare("SELECT max(id) AS id FROM requests").get(),
      undefined,
    );
    return Number(row?.["id"] ?? 0);
  }

  /** False: nothing was written. */
  write(requests: readonly KeptRequest[]): boolean {
    return this.#database.write((connection) => {
      const insert = connection.prepare(
        "INSERT OR REPLACE INTO requests (id, start_ms, notable, request_id, trace_id, data) VALUES (?, ?, ?, ?, ?, ?)",
      );
      for (const request of requests) {
        const { id, startMs, notable, requestId, traceId } = request;
        insert.run(id, startMs, notable ? 1 : 0, requestId, traceId, JSON.stringify(request));
      }
    });
  }

  request(id: number): KeptRequest | undefined {
    const row = this.#database.read(
      (connection) => connection.prepare("SELECT data FROM requests WHERE id = ?").get(id),
      undefined,
    );
    return row === undefined ? undefined : decode(row);
  }

  /** Newest first, for as long as the callback says true. */
  each({ fromMs, toMs, requestId, traceId }: Candidates, onRequest: (request: KeptRequest) => boolean): void {
    const conditions = ["start_ms >= ? AND start_ms <= ?"];
    const values: (string | number)[] = [fromMs, toMs];
    if (requestId !== undefined) {
      conditions.push("request_id = ?");
      values.push(requestId);
    }
    if (traceId !== undefined) {
      conditions.push("trace_id = ?");
      values.push(traceId);
    }
    const query = `SELECT data FROM requests WHERE ${conditions.join(" AND ")} ORDER BY start_ms DESC`;
    this.#database.read((connection) => {
      for (const row of connection.prepare(query).iterate(...values)) {
        const request = decode(row);
        if (request !== undefined && !onRequest(request)) break;
      }
    }, undefined);
  }

  /** Deletes what began before these times, and of what is left the oldest, down to so many rows of each kind. */
  drop(beforeMs: { readonly notable: number; readonly others: number }, maxRows: number): void {
    this.#database.write((connection) => {
      const aged = connection.prepare("DELETE FROM requests WHERE notable = ? AND start_ms < ?");
      const beyond = connection.prepare(
        "DELETE FROM requests WHERE notable = ? AND id <= (SELECT id FROM requests WHERE notable = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
      );
      for (const [notable, before] of [
        [1, beforeMs.notable],
        [0, beforeMs.others],
      ] as const) {
        aged.run(notable, before);
        beyond.run(notable, notable, maxRows);
      }
    });
  }
}

/** Undefined: this is no request. */
function decode(row: Readonly<Record<string, unknown>>): KeptRequest | undefined {
  return parsed(row["data"]) as KeptRequest | undefined;
}
