/**
 * The file that history is kept in (node:sqlite, WAL). Whatever happens to it costs history and nothing else: a file that is corrupt is
 * put aside and begun anew; while the disk is full, or the file cannot be written for another reason, `write` says false and tries again later.
 * Writers give it whole batches: each is one transaction.
 */
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { StatementSync } from "node:sqlite";
import type { Clock, Log } from "@tulle/xds";
import { REQUEST_TABLES } from "./request-file.ts";
import { SERIES_TABLES } from "./series-file.ts";
import { TRACE_TABLES } from "./trace-file.ts";

/** Of the tables of all stores together. A file of another version is put aside, too. */
const VERSION = 1;

/** Each store's tables, here so that a new file has all of them. An area adds its `CREATE TABLE IF NOT EXISTS …`. */
const TABLES: readonly string[] = [SERIES_TABLES, TRACE_TABLES, REQUEST_TABLES];

const RETRY_MS = 30_000;
/** (SQLite result codes: SQLITE_CORRUPT, SQLITE_NOTADB) */
const CORRUPT: ReadonlySet<number> = new Set([11, 26]);

export interface Connection {
  /** The statement stays prepared. */
  prepare(sql: string): StatementSync;
}

export interface DatabaseOptions {
  /** `:memory:` is none. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
}

export class TelemetryDatabase {
  readonly #options: DatabaseOptions;
  readonly #onNew = new Set<() => void>();
  #database: DatabaseSync | undefined;
  #statements = new Map<string, StatementSync>();
  #retryAt = 0;
  /** Why it is not written now; "" if it is. */
  failure = "";

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#try(() => this.#open());
  }

  /** A file was begun anew: nothing that was written is in it. */
  onNew(callback: () => void): void {
    this.#onNew.add(callback);
  }

  /** False: nothing was written, and what was to be is the caller's to keep or to forget. */
  write(change: (connection: Connection) => void): boolean {
    return this.#try(() => {
      const database = this.#open();
      database.exec("BEGIN IMMEDIATE");
      try {
        change(this.#connection);
        database.exec("COMMIT");
      } catch (error) {
        // A disk that is full has ended the transaction already.
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    });
  }

  /** `otherwise` if it cannot be read now. */
  read<T>(query: (connection: Connection) => T, otherwise: T): T {
    let result = otherwise;
    this.#try(() => {
      this.#open();
      result = query(this.#connection);
    });
    return result;
  }

  /** Gives back to the file system what deleted rows took. */
  shrink(): void {
    this.#try(() => this.#open().exec("PRAGMA incremental_vacuum(4000)"));
  }

  /** Of the file, without its log. */
  get bytes(): number {
    return this.read((connection) => {
      const { pages } = connection.prepare("SELECT page_count AS pages FROM pragma_page_count()").get() as Count;
      const { size } = connection.prepare("SELECT page_size AS size FROM pragma_page_size()").get() as Count;
      return pages! * size!;
    }, 0);
  }

  close(): void {
    this.#statements.clear();
    this.#database?.close();
    this.#database = undefined;
  }

  readonly #connection: Connection = {
    prepare: (sql) => {
      let statement = this.#statements.get(sql);
      if (statement === undefined) this.#statements.set(sql, (statement = this.#database!.prepare(sql)));
      return statement;
    },
  };

  #try(action: () => void): boolean {
    const { clock, log, path } = this.#options;
    if (clock.now() < this.#retryAt) return false;
    try {
      action();
      if (this.failure !== "") log("info", "telemetry is written again", { path });
      this.failure = "";
      return true;
    } catch (error) {
      const code = sqliteCode(error);
      if (code === undefined) throw error;
      if (CORRUPT.has(code)) {
        this.#putAside(error);
      } else {
        if (this.failure === "")
          log("error", "telemetry is kept in memory only: its file cannot be used", { path, error });
        this.failure = error instanceof Error ? error.message : String(error);
        this.#retryAt = clock.now() + RETRY_MS;
      }
      return false;
    }
  }

  #open(): DatabaseSync {
    if (this.#database !== undefined) return this.#database;
    const { path } = this.#options;
    if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true });
    const database = new DatabaseSync(path);
    try {
      // Deleted history is given back; what was committed survives a crash of this process, if not of the machine.
      database.exec("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
      database.exec("PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = -8192");
      const { version } = database.prepare("SELECT user_version AS version FROM pragma_user_version()").get() as Count;
      if (version !== 0 && version !== VERSION) throw new OtherVersion(`it is of version ${version}, not ${VERSION}`);
      database.exec(`${TABLES.join(";\n")}; PRAGMA user_version = ${VERSION}`);
    } catch (error) {
      database.close();
      throw error;
    }
    this.#database = database;
    return database;
  }

  #putAside(error: unknown): void {
    const { path, clock, log } = this.#options;
    this.#statements.clear();
    try {
      this.#database?.close();
    } catch (closing) {
      log("debug", "a corrupt file could not be closed in order", { path, error: closing });
    }
    this.#database = undefined;
    const aside = `${path}.broken-${clock.now()}`;
    for (const suffix of ["", "-wal", "-shm"]) {
      if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
    }
    log("error", "the file of telemetry cannot be read; it is put aside, and history begins anew", {
      path,
      aside,
      error,
    });
    if (this.#try(() => this.#open())) for (const tell of this.#onNew) tell();
  }
}

type Count = Readonly<Record<string, number>>;

class OtherVersion extends Error {
  readonly errcode = 26;
}

/** Undefined: not SQLite's error, nor the file system's. */
function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  // Extended codes have the primary one in their lowest byte.
  if ("errcode" in error && typeof error.errcode === "number") return error.errcode % 256;
  return "syscall" in error ? 0 : undefined;
}
