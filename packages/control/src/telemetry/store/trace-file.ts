/** Traces in the file: one row each, and for each of its services one by which it is found. */
import type { SpanRecord } from "@tulle/telemetry/records";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { Connection, TelemetryDatabase } from "./database.ts";

export const TRACE_TABLES = `
CREATE TABLE IF NOT EXISTS traces (trace_id TEXT PRIMARY KEY, start_micros REAL NOT NULL, longest_micros REAL NOT NULL, error INTEGER NOT NULL,
  worth INTEGER NOT NULL, services TEXT NOT NULL, data BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS traces_by_worth ON traces (worth, start_micros);
CREATE INDEX IF NOT EXISTS traces_by_start ON traces (start_micros);
CREATE TABLE IF NOT EXISTS trace_services (service TEXT NOT NULL, start_micros REAL NOT NULL, trace_id TEXT NOT NULL,
  PRIMARY KEY (service, start_micros, trace_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS operations (service TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, seen_ms REAL NOT NULL,
  PRIMARY KEY (service, kind, name)) WITHOUT ROWID`;

/** How long a trace is kept, when not all can be: rising. */
export const WORTH = { ordinary: 0, slow: 1, error: 2 } as const;
export type Worth = (typeof WORTH)[keyof typeof WORTH];

export interface SettledTrace {
  readonly traceId: string;
  readonly spans: readonly SpanRecord[];
  readonly worth: Worth;
}

export interface SeenOperation {
  readonly service: string;
  readonly kind: SpanRecord["kind"];
  readonly name: string;
  readonly seenMs: number;
}

/** What can be told of a trace without reading its spans. */
interface Candidates {
  readonly service: string | undefined;
  readonly fromMicros: number;
  readonly toMicros: number;
  readonly longestAtLeast: number;
  readonly onlyErrors: boolean;
}

/** Of a row: a trace has at most 2,000 spans, of some KiB each if somebody means harm. */
const MAX_TRACE_BYTES = 64 * 1024 * 1024;
/** Of the file, for one trace: its row, what finds it, and what finds it by each of its services. (Measured by SQLite's dbstat, within 5 %) */
export const ROW_BYTES = "(length(data) + 2 * length(services) + 51 * json_array_length(services) + 147)";
/** How much of the file more than that may be in use. */
const PARTLY_EMPTY = 1.25;
/** Rows that one step of eviction deletes. */
const EVICTED = 200;

export class TraceFile {
  readonly #database: TelemetryDatabase;

  constructor(database: TelemetryDatabase) {
    this.#database = database;
  }

  /** A trace that is there already is replaced. False: nothing was written. */
  write(traces: readonly SettledTrace[], operations: readonly SeenOperation[]): boolean {
    return this.#database.write((connection) => {
      for (const trace of traces) writeTrace(connection, trace);
      for (const { service, kind, name, seenMs } of operations) {
        connection
          .prepare("INSERT OR REPLACE INTO operations (service, kind, name, seen_ms) VALUES (?, ?, ?, ?)")
          .run(service, kind, name, seenMs);
      }
    });
  }

  trace(traceId: string): readonly SpanRecord[] {
    return this.#database.read((connection) => readTrace(connection, traceId), []);
  }

  /** Newest first, for as long as the callback says true. */
  each(candidates: Candidates, onTrace: (traceId: string, spans: readonly SpanRecord[]) => boolean): void {
    const { service, fromMicros, toMicros, longestAtLeast, onlyErrors } = candidates;
    const join = service === undefined ? "" : "JOIN trace_services USING (trace_id, start_micros)";
    const where = service === undefined ? "" : "service = ? AND";
    const query = `SELECT trace_id AS id, data FROM traces ${join} WHERE ${where} start_micros >= ? AND start_micros <= ?
      AND longest_micros >= ? AND error >= ? ORDER BY start_micros DESC`;
    const values = [fromMicros, toMicros, longestAtLeast, onlyErrors ? 1 : 0];
    this.#database.read((connection) => {
      const rows = connection.prepare(query).iterate(...(service === undefined ? values : [service, ...values]));
      for (const row of rows) {
        if (!onTrace(String(row["id"]), decode(row["data"] as Uint8Array))) break;
      }
    }, undefined);
  }

  operations(): readonly SeenOperation[] {
    const rows = this.#database.read((connection) => connection.prepare("SELECT * FROM operations").all(), []);
    return rows.map((row) => ({
      service: String(row["service"]),
      kind: String(row["kind"]) as SpanRecord["kind"],
      name: String(row["name"]),
      seenMs: Number(row["seen_ms"]),
    }));
  }

  /** Of the file: rows, and what finds them. */
  bytes(): number {
    return this.#database.read(usedBytes, 0);
  }

  /**
   * Deletes what began before these times, µs, by worth; and of what is left, the least worth and the oldest, down to so many bytes of the file
   * (a quarter more where pages are partly empty).
   */
  drop(beforeMicros: Readonly<Record<Worth, number>>, maxBytes: number): void {
    this.#database.write((connection) => {
      const aged = connection.prepare(
        "SELECT trace_id, start_micros, services FROM traces WHERE worth = ? AND start_micros < ?",
      );
      for (const worth of Object.values(WORTH)) deleteRows(connection, aged.all(worth, beforeMicros[worth]));
      const operations = connection.prepare("DELETE FROM operations WHERE seen_ms < ?");
      operations.run(beforeMicros[WORTH.error] / 1000);
      this.#evict(connection, maxBytes);
    });
  }

  #evict(connection: Connection, maxBytes: number): void {
    const bytes = [0, 0, 0];
    for (const row of connection
      .prepare(`SELECT worth, total(${ROW_BYTES}) AS bytes FROM traces GROUP BY worth`)
      .all()) {
      bytes[Number(row["worth"])] = Number(row["bytes"]);
    }
    const all = bytes[0]! + bytes[1]! + bytes[2]!;
    if (all === 0) return;
    // What is deleted here and there leaves pages partly empty; too many of them cost traces.
    const factor = Math.max(1, usedBytes(connection) / (all * PARTLY_EMPTY));
    for (const worth of Object.values(WORTH)) bytes[worth]! *= factor;
    const oldest = connection.prepare(
      `SELECT trace_id, start_micros, services, ${ROW_BYTES} AS bytes FROM traces WHERE worth = ? ORDER BY start_micros LIMIT ?`,
    );
    while (bytes[0]! + bytes[1]! + bytes[2]! > maxBytes) {
      const worth = leastWorth(bytes, maxBytes);
      const rows = oldest.all(worth, EVICTED);
      if (rows.length === 0) break;
      deleteRows(connection, rows);
      bytes[worth]! -= factor * rows.reduce((sum, row) => sum + Number(row["bytes"]), 0);
    }
  }
}

/** Pages that are in use, but for what the other tables hold: each page of them would have to be read to know it better. */
function usedBytes(connection: Connection): number {
  const number = (sql: string): number => Number(connection.prepare(sql).get()!["n"]);
  const pages = number("SELECT page_count AS n FROM pragma_page_count()");
  const free = number("SELECT freelist_count AS n FROM pragma_freelist_count()");
  const size = number("SELECT page_size AS n FROM pragma_page_size()");
  const others = ["blocks", "requests"].map((table) => number(`SELECT total(length(data)) AS n FROM ${table}`));
  return (pages - free) * size - others.reduce((sum, bytes) => sum + bytes, 0);
}

/**
 * Of ordinary traces a fifth of the room is left for comparing with, slow ones have three tenths of it before errors give way: otherwise a
 * storm of errors would leave nothing else.
 */
function leastWorth([ordinary = 0, slow = 0, error = 0]: readonly number[], maxBytes: number): Worth {
  if (ordinary > maxBytes * 0.2 || slow + error === 0) return WORTH.ordinary;
  return slow > maxBytes * 0.3 || error === 0 ? WORTH.slow : WORTH.error;
}

function deleteRows(connection: Connection, rows: readonly Record<string, unknown>[]): void {
  const trace = connection.prepare("DELETE FROM traces WHERE trace_id = ?");
  const found = connection.prepare(
    "DELETE FROM trace_services WHERE service = ? AND start_micros = ? AND trace_id = ?",
  );
  for (const row of rows) {
    const traceId = row["trace_id"] as string;
    trace.run(traceId);
    for (const service of JSON.parse(row["services"] as string) as string[]) {
      found.run(service, row["start_micros"] as number, traceId);
    }
  }
}

function writeTrace(connection: Connection, { traceId, spans, worth }: SettledTrace): void {
  const before = connection
    .prepare("SELECT trace_id, start_micros, services FROM traces WHERE trace_id = ?")
    .all(traceId);
  deleteRows(connection, before);
  const services = [...new Set(spans.map(({ service }) => service))];
  const startMicros = spans.reduce((least, span) => Math.min(least, span.startMicros), Infinity);
  const longestMicros = spans.reduce((most, span) => Math.max(most, span.durationMicros), 0);
  const isError = spans.some(({ error }) => error) ? 1 : 0;
  const data = zstdCompressSync(JSON.stringify(spans));
  connection
    .prepare(
      "INSERT INTO traces (trace_id, start_micros, longest_micros, error, worth, services, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .run(traceId, startMicros, longestMicros, isError, worth, JSON.stringify(services), data);
  const found = connection.prepare(
    "INSERT OR REPLACE INTO trace_services (service, start_micros, trace_id) VALUES (?, ?, ?)",
  );
  for (const service of services) found.run(service, startMicros, traceId);
}

function readTrace(connection: Connection, traceId: string): readonly SpanRecord[] {
  const row = connection.prepare("SELECT data FROM traces WHERE trace_id = ?").get(traceId);
  return row === undefined ? [] : decode(row["data"] as Uint8Array);
}

/** None: this is no trace (the file may have been changed by others, or by a disk). */
function decode(data: Uint8Array): readonly SpanRecord[] {
  try {
    const text = zstdDecompressSync(data, { maxOutputLength: MAX_TRACE_BYTES }).toString("utf8");
    return JSON.parse(text) as readonly SpanRecord[];
  } catch {
    return [];
  }
}
