/** The series of one sender: what it flushes, at which times, and when it, or one of them, is no more. */
import type { Exemplar, Labels } from "@tulle/telemetry/records";
import type { Samples, SealedBlock } from "./block.ts";
import { readSealed, readTrack, seal, Track } from "./block.ts";
import type { SealedPlace } from "./live-growth.ts";

/** Flushes in a block of 5 s, 10 minutes, and minutes in a coarse one, 2 hours. */
const BLOCK_FLUSHES = 120;
const COARSE_MS = 60_000;
/** Of a block's first flush, for senders that flush seldom. */
const BLOCK_MS = 10 * 60_000;
/** A series is named at least once a minute (docs/decisions/0040). */
const UNNAMED_MS = 90_000;
/** A sender is gone after three of its intervals, at least three of Envoy's. (`stats_flush_interval`, 5 s) */
const MISSED = 3;
const INTERVAL_MS = 5_000;
/** Beyond, PromQL would not look back so far. */
const LONGEST_INTERVAL_MS = 300_000;
/** Flushes that follow faster are one: whoever flushes each millisecond would fill a block each second. */
const MIN_INTERVAL_MS = 1_000;
const MAX_EXEMPLARS = 10;

export class KeptSeries {
  readonly id: number;
  readonly labels: Labels;
  readonly source: SourceSeries;
  /** When it was first and last named; ms since 1970. */
  firstMs: number;
  namedMs: number;
  /** It is in the file. */
  saved = false;
  fine: Track | undefined;
  coarse: Track | undefined;
  exemplars: Exemplar[] | undefined;
  /** Of whoever asks for its growth. */
  memo: unknown;
  sealedPlace: SealedPlace | undefined;

  constructor(id: number, labels: Labels, source: SourceSeries, nowMs: number) {
    this.id = id;
    this.labels = labels;
    this.source = source;
    this.firstMs = nowMs;
    this.namedMs = nowMs;
  }

  get heardMs(): number {
    return this.source.heardMs;
  }

  get isAlive(): boolean {
    return this.fine !== undefined && !Number.isNaN(this.fine.value);
  }
}

export type Tier = "fine" | "coarse";

export interface SourceOptions {
  /** Name of the sender. */
  readonly id: string;
  readonly onSealed: (source: SourceSeries, tier: Tier, block: SealedBlock) => void;
}

export class SourceSeries {
  readonly id: string;
  /** Every series of it that is known, the ended ones among them. */
  readonly series = new Set<KeptSeries>();
  /** Blocks of the last hour, in order. */
  readonly sealed: SealedBlock[] = [];
  fineTimes: number[] = [];
  coarseTimes: number[] = [];
  isAlive = false;
  /** Blocks of the last hour were dropped. */
  hasGaps = false;
  /** Something came since it was last written. */
  isDirty = false;
  lastFlushMs = 0;
  /** Its first flush, or the first after it had been gone. */
  heardMs = Infinity;
  readonly #options: SourceOptions;
  #intervalMs = INTERVAL_MS;
  #stamp = 0;

  constructor(options: SourceOptions) {
    this.id = options.id;
    this.#options = options;
  }

  /** Values that are set from now on are of this time. `stamp`: the sender's own time; messages with the same one are one flush. */
  flush(nowMs: number, stamp: number): void {
    if (nowMs < this.lastFlushMs - INTERVAL_MS) this.#goBack(nowMs);
    const since = nowMs - this.lastFlushMs;
    const isSame = this.isAlive && ((stamp !== 0 && stamp === this.#stamp) || since < MIN_INTERVAL_MS);
    if (isSame) return;
    // Also of one that was taken for gone, because it flushes seldom.
    if (since <= LONGEST_INTERVAL_MS) this.#intervalMs = since;
    this.#stamp = stamp;
    if (!this.isAlive) this.heardMs = nowMs;
    this.isAlive = true;
    this.#advance(nowMs);
  }

  set(series: KeptSeries, value: number): void {
    const index = this.fineTimes.length - 1;
    series.namedMs = this.lastFlushMs;
    if (series.fine === undefined) series.fine = new Track(index, value);
    else series.fine.set(index, value);
  }

  /** What has come since its last flush: the first, or the first after it had ended, begins at 0. */
  increase(series: KeptSeries, by: number): void {
    this.set(series, (series.isAlive ? series.fine!.value : 0) + by);
  }

  exemplar(series: KeptSeries, exemplar: Exemplar): void {
    const kept = (series.exemplars ??= []);
    const last = kept.at(-1);
    // It comes again with each flush until there is a newer one.
    if (last !== undefined && last.timeMs >= exemplar.timeMs) return;
    kept.push(exemplar);
    if (kept.length > MAX_EXEMPLARS) kept.shift();
  }

  /** Ends it if it should have flushed long ago. */
  check(nowMs: number): void {
    const missedMs = MISSED * Math.max(this.#intervalMs, INTERVAL_MS);
    if (this.isAlive && nowMs - this.lastFlushMs > missedMs) this.#end();
  }

  /** Samples with `fromMs` < time ≤ `toMs` that are in memory. */
  read(series: KeptSeries, fromMs: number, toMs: number, into: Samples): void {
    for (const block of this.sealed) {
      if (overlaps(block.times, fromMs, toMs)) readSealed(block, series.id, fromMs, toMs, into);
    }
    if (series.fine !== undefined) readTrack(this.fineTimes, series.fine, fromMs, toMs, into);
  }

  readCoarse(series: KeptSeries, fromMs: number, toMs: number, into: Samples): void {
    if (series.coarse !== undefined) readTrack(this.coarseTimes, series.coarse, fromMs, toMs, into);
  }

  /** As it would be sealed now; undefined if it is empty. */
  open(tier: Tier): SealedBlock | undefined {
    const times = tier === "fine" ? this.fineTimes : this.coarseTimes;
    if (times.length === 0) return undefined;
    const tracks: (readonly [number, Track])[] = [];
    for (const series of this.series) {
      const track = series[tier];
      if (track !== undefined) tracks.push([series.id, track]);
    }
    return seal(times, tracks);
  }

  #advance(timeMs: number): void {
    if (Math.floor(timeMs / COARSE_MS) > Math.floor(this.lastFlushMs / COARSE_MS)) this.#endMinute();
    const first = this.fineTimes[0] ?? timeMs;
    if (this.fineTimes.length >= BLOCK_FLUSHES || timeMs - first >= BLOCK_MS) this.#seal("fine");
    this.fineTimes.push(timeMs);
    this.lastFlushMs = timeMs;
    this.isDirty = true;
  }

  /** The last flush of a minute is the minute's value. */
  #endMinute(): void {
    const timeMs = this.fineTimes.at(-1);
    if (timeMs === undefined || timeMs === this.coarseTimes.at(-1)) return;
    if (this.coarseTimes.length >= BLOCK_FLUSHES) this.#seal("coarse");
    this.coarseTimes.push(timeMs);
    const index = this.coarseTimes.length - 1;
    for (const series of this.series) {
      const { fine } = series;
      if (fine === undefined) continue;
      if (timeMs - series.namedMs > UNNAMED_MS) fine.set(this.fineTimes.length - 1, Number.NaN);
      if (series.coarse !== undefined) series.coarse.set(index, fine.value);
      else if (!Number.isNaN(fine.value)) series.coarse = new Track(index, fine.value);
    }
  }

  #end(): void {
    this.#advance(this.lastFlushMs + this.#intervalMs);
    for (const series of this.series) if (series.isAlive) this.set(series, Number.NaN);
    this.#endMinute();
    this.#seal("fine");
    this.#seal("coarse");
    this.isAlive = false;
  }

  /** The clock was set back: what was told of a time that is yet to come makes room for what will be. */
  #goBack(nowMs: number): void {
    if (this.isAlive) this.#end();
    while (this.sealed.length > 0 && this.sealed.at(-1)!.times.at(-1)! > nowMs) this.sealed.pop();
    for (const series of this.series) series.firstMs = Math.min(series.firstMs, nowMs);
    this.lastFlushMs = nowMs - INTERVAL_MS;
  }

  #seal(tier: Tier): void {
    const block = this.open(tier);
    if (block === undefined) return;
    for (const series of this.series) {
      const track = series[tier];
      if (track === undefined) continue;
      series[tier] = Number.isNaN(track.value) ? undefined : new Track(0, track.value);
    }
    if (tier === "fine") {
      this.fineTimes = [];
      this.sealed.push(block);
    } else {
      this.coarseTimes = [];
    }
    this.#options.onSealed(this, tier, block);
  }
}

export function overlaps(times: ArrayLike<number>, fromMs: number, toMs: number): boolean {
  return times.length > 0 && times[0]! <= toMs && times[times.length - 1]! > fromMs;
}
