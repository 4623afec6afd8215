/** Series in the file: who they are, and their blocks of both tiers. */
import type { Labels } from "@tulle/telemetry/records";
import type { SealedBlock } from "./block.ts";
import { decodeBlock, encodeBlock } from "./block.ts";
import type { Connection, TelemetryDatabase } from "./database.ts";
import { parsed } from "./stored-json.ts";
import type { KeptSeries, SourceSeries, Tier } from "./source-series.ts";

export const SERIES_TABLES = `
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, source TEXT NOT NULL, labels TEXT NOT NULL, first_ms REAL NOT NULL, named_ms REAL NOT NULL);
CREATE TABLE IF NOT EXISTS blocks (tier INTEGER NOT NULL, source TEXT NOT NULL, start_ms REAL NOT NULL, end_ms REAL NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY (tier, source, start_ms));
CREATE INDEX IF NOT EXISTS blocks_by_end ON blocks (tier, end_ms)`;

const TIERS: Readonly<Record<Tier, number>> = { fine: 0, coarse: 1 };
/** Blocks of hours ago that queries ask for again and again, decoded. */
const CACHED_BLOCKS = 64;

export interface SavedSeries {
  readonly id: number;
  readonly source: string;
  readonly labels: Labels;
  readonly firstMs: number;
  readonly namedMs: number;
}

export interface PendingBlock {
  readonly source: string;
  readonly tier: Tier;
  readonly block: SealedBlock;
}

export class SeriesFile {
  readonly #database: TelemetryDatabase;
  readonly #cache = new Map<string, SealedBlock>();

  constructor(database: TelemetryDatabase) {
    this.#database = database;
  }

  /** A series is written when it is new: it was last named before its sender's last block ended, at the latest. */
  series(): readonly SavedSeries[] {
    const rows = this.#database.read(
      (connection) =>
        connection
          .prepare(
            `SELECT id, source, labels, first_ms, max(named_ms, coalesce(heard_ms, 0)) AS named_ms FROM series
             LEFT JOIN (SELECT source, max(end_ms) AS heard_ms FROM blocks GROUP BY source) USING (source)`,
          )
          .all(),
      [],
    );
    return rows.flatMap((row) => {
      const labels = parsed(row["labels"]) as Labels | undefined;
      if (labels === undefined) return [];
      return [
        {
          id: Number(row["id"]),
          source: String(row["source"]),
          labels,
          firstMs: Number(row["first_ms"]),
          namedMs: Number(row["named_ms"]),
        },
      ];
    });
  }

  /** Fine blocks that end after `sinceMs`, in order. */
  fineBlocks(sinceMs: number): readonly PendingBlock[] {
    const rows = this.#database.read(
      (connection) =>
        connection
          .prepare("SELECT source, data FROM blocks WHERE tier = 0 AND end_ms > ? ORDER BY start_ms")
          .all(sinceMs),
      [],
    );
    return rows.flatMap((row) => {
      const block = decodeBlock(row["data"] as Uint8Array);
      return block === undefined ? [] : [{ source: String(row["source"]), tier: "fine" as const, block }];
    });
  }

  /** Of one sender, those that overlap the time, in order. */
  coarseBlocks(source: string, fromMs: number, toMs: number): readonly SealedBlock[] {
    const starts = this.#database.read(
      (connection) =>
        connection
          .prepare(
            "SELECT start_ms FROM blocks WHERE tier = 1 AND source = ? AND end_ms > ? AND start_ms <= ? ORDER BY start_ms",
          )
          .all(source, fromMs, toMs),
      [],
    );
    return starts.flatMap((row) => this.#coarseBlock(source, Number(row["start_ms"])) ?? []);
  }

  /** In one transaction. Blocks of a sender that begin at the same time replace each other. False: nothing was written. */
  write(series: readonly KeptSeries[], blocks: readonly PendingBlock[]): boolean {
    const isWritten = this.#database.write((connection) => {
      for (const each of series) writeSeries(connection, each);
      for (const each of blocks) writeBlock(connection, each);
    });
    if (isWritten) {
      for (const each of series) each.saved = true;
      for (const { source, block } of blocks) this.#cache.delete(`${block.times[0]} ${source}`);
    }
    return isWritten;
  }

  /** Everything before these times; and of what is left the oldest, down to so many bytes. */
  drop(fineBeforeMs: number, coarseBeforeMs: number, maxBytes: number): void {
    this.#database.write((connection) => {
      connection.prepare("DELETE FROM blocks WHERE tier = 0 AND end_ms <= ?").run(fineBeforeMs);
      connection.prepare("DELETE FROM blocks WHERE tier = 1 AND end_ms <= ?").run(coarseBeforeMs);
      const { bytes } = connection.prepare("SELECT total(length(data)) AS bytes FROM blocks").get() as {
        bytes: number;
      };
      let over = bytes - maxBytes;
      if (over <= 0) return;
      const oldest = "SELECT rowid AS id, length(data) AS bytes FROM blocks ORDER BY end_ms";
      const ids: number[] = [];
      for (const row of connection.prepare(oldest).all()) {
        if (over <= 0) break;
        over -= Number(row["bytes"]);
        ids.push(Number(row["id"]));
      }
      for (const id of ids) connection.prepare("DELETE FROM blocks WHERE rowid = ?").run(id);
    });
  }

  forget(series: readonly KeptSeries[]): void {
    this.#database.write((connection) => {
      for (const { id } of series) connection.prepare("DELETE FROM series WHERE id = ?").run(id);
    });
  }

  #coarseBlock(source: string, startMs: number): SealedBlock | undefined {
    const key = `${startMs} ${source}`;
    let block = this.#cache.get(key);
    if (block !== undefined) return block;
    const row = this.#database.read(
      (connection) =>
        connection
          .prepare("SELECT data FROM blocks WHERE tier = 1 AND source = ? AND start_ms = ?")
          .get(source, startMs),
      undefined,
    );
    block = row === undefined ? undefined : decodeBlock(row["data"] as Uint8Array);
    if (block === undefined) return undefined;
    if (this.#cache.size >= CACHED_BLOCKS) this.#cache.delete(this.#cache.keys().next().value!);
    this.#cache.set(key, block);
    return block;
  }
}

function writeSeries(connection: Connection, { id, source, labels, firstMs, namedMs }: KeptSeries): void {
  connection
    .prepare("INSERT OR REPLACE INTO series (id, source, labels, first_ms, named_ms) VALUES (?, ?, ?, ?, ?)")
    .run(id, source.id, JSON.stringify(labels), firstMs, namedMs);
}

function writeBlock(connection: Connection, { source, tier, block }: PendingBlock): void {
  const { times } = block;
  connection
    .prepare("INSERT OR REPLACE INTO blocks (tier, source, start_ms, end_ms, data) VALUES (?, ?, ?, ?, ?)")
    .run(TIERS[tier], source, times[0]!, times.at(-1)!, encodeBlock(block));
}

/** What a source has that the file has not, or not as it is now. */
export function openBlocks(source: SourceSeries, tiers: readonly Tier[]): PendingBlock[] {
  return tiers.flatMap((tier) => {
    const block = source.open(tier);
    return block === undefined ? [] : [{ source: source.id, tier, block }];
  });
}
