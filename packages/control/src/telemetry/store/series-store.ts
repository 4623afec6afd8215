/**
 * Series: at the resolution of their flushes (5 s) for more than an hour, which is in memory, and by the minute for days, in the file.
 * Memory is bounded by the number of series and the bytes of blocks; what is beyond is refused, counted, and told.
 */
import type { Exemplar, LabelMatcher, Labels, Series, SeriesExemplars, SeriesSource } from "@tulle/telemetry/records";
import type { Clock } from "@tulle/xds";
import { readSealed, Samples, sizeOf } from "./block.ts";
import type { SealedBlock } from "./block.ts";
import type { TelemetryDatabase } from "./database.ts";
import { growSealed, Growth, growTrack, stretchOf } from "./growth.ts";
import { growLive, liveStretch } from "./live-growth.ts";
import type { LiveStretch } from "./live-growth.ts";
import type { Stretch } from "./growth.ts";
import { labelTest } from "./label-match.ts";
import type { Refusals } from "./refusals.ts";
import { openBlocks, SeriesFile } from "./series-file.ts";
import type { PendingBlock } from "./series-file.ts";
import { labelsRefusal, SERIES_LIMITS } from "./series-limits.ts";
import { KeptSeries, overlaps, SourceSeries } from "./source-series.ts";
import type { Tier } from "./source-series.ts";

/** One value of one series. */
export interface Sample {
  /** With `__name__`. */
  readonly labels: Labels;
  readonly value: number;
}

export interface SeriesStoreOptions {
  readonly database: TelemetryDatabase;
  readonly refusals: Refusals;
  readonly clock: Clock;
}

export interface SeriesStatus {
  readonly series: number;
  readonly alive: number;
  readonly sources: number;
  /** Of blocks that are sealed, in memory. */
  readonly blockBytes: number;
}

const FINE_MS = 75 * 60_000;
const COARSE_MS = 48 * 3_600_000;
const MAX_FILE_BYTES = 256 * 1024 * 1024;
/** Of sealed blocks in memory; beyond, the oldest are dropped and their time is answered by the minute. */
const MAX_BLOCK_BYTES = 96 * 1024 * 1024;
/** Open coarse blocks are written so often; fine ones each time. */
const COARSE_EVERY = 10;

/** A sender, and how its series are found again: by what identifies them in its messages. */
interface Source {
  readonly series: SourceSeries;
  readonly byKey: Map<number | string, readonly KeptSeries[]>;
  /** Those that the file had, by their labels as text. */
  readonly restored: Map<string, KeptSeries>;
  /** Of labels that it was the first to have. */
  characters: number;
}

export class SeriesStore implements SeriesSource {
  readonly #clock: Clock;
  readonly #refusals: Refusals;
  readonly #file: SeriesFile;
  readonly #sources = new Map<string, Source>();
  /** By `__name__`. */
  readonly #byName = new Map<string, Set<KeptSeries>>();
  readonly #texts = new Map<string, string>();
  #characters = 0;
  /** Sealed, and not yet written. */
  #pending: PendingBlock[] = [];
  #count = 0;
  #lastId = 0;
  #writes = 0;

  constructor({ database, refusals, clock }: SeriesStoreOptions) {
    this.#clock = clock;
    this.#refusals = refusals;
    this.#file = new SeriesFile(database);
    database.onNew(() => {
      for (const series of this.#all()) series.saved = false;
    });
    this.#restore();
  }

  /** What `source` has counted by `timeMs`, which is later than the last time. */
  append(source: string, timeMs: number, samples: Iterable<Sample>): void {
    const flush = this.flush(source, timeMs);
    for (const { labels, value } of samples) {
      const [series] = flush.find(keyOf(labels)) ?? flush.add(keyOf(labels), [labels]);
      if (series !== undefined) flush.set(series, value);
    }
  }

  /**
   * The same for many samples whose labels need not be read each time: by a key that tells them apart within the source.
   * `stamp`: the source's own time, by which several messages are one flush; 0: each is one.
   */
  flush(sourceId: string, timeMs: number, stamp = 0): Flush {
    const source = this.#source(sourceId);
    source.series.flush(timeMs, stamp);
    return {
      find: (key) => source.byKey.get(key),
      add: (key, labels) => {
        const refusal = this.#refusal(source, labels);
        if (refusal !== undefined) this.#refusals.count("series", refusal, sourceId, labels.length);
        const added = refusal === undefined ? labels.map((each) => this.#series(source, each)) : [];
        // Also what is refused, so that it is not looked at each time.
        if (source.byKey.size < SERIES_LIMITS.ofOne) source.byKey.set(key, added);
        return added;
      },
      set: (series, value) => source.series.set(series, value),
      increase: (series, by) => source.series.increase(series, by),
      exemplar: (series, exemplar) => source.series.exemplar(series, exemplar),
    };
  }

  select(matchers: readonly LabelMatcher[], fromMs: number, toMs: number): readonly Series[] {
    const found: Series[] = [];
    const samples = new Samples();
    for (const series of this.#matching(matchers, fromMs, toMs)) {
      this.#read(series, fromMs, toMs, samples);
      if (samples.length > 0) found.push({ labels: series.labels, ...samples.take() });
    }
    return found;
  }

  /**
   * Growth in (fromMs, toMs] of all series of these names that have a sample in (afterMs, toMs]; `growth` is that of the call, and to be read
   * before the next one. `firstValue` is of those that began after fromMs.
   */
  growth(names: readonly string[], stretch: GrowthStretch, tell: (series: KeptSeries, growth: Growth) => void): void {
    const { afterMs, fromMs, toMs } = stretch;
    const growth = new Growth();
    const isOld = afterMs < this.#clock.now() - FINE_MS;
    const stretches = new Map<SourceSeries, SourceStretches>();
    // Of one name the series of a sender follow each other.
    let last: SourceSeries | undefined;
    let known: SourceStretches | undefined;
    for (const name of names) {
      for (const series of this.#byName.get(name) ?? []) {
        const { source } = series;
        const lastMs = series.isAlive ? source.lastFlushMs : series.namedMs;
        if (series.firstMs > toMs || lastMs <= afterMs) continue;
        growth.begin(fromMs);
        if (isOld || source.hasGaps) this.#growByMinute(series, stretch, growth);
        else {
          if (source !== last) known = stretches.get((last = source));
          if (known === undefined) stretches.set(source, (known = stretchesOf(source, stretch)));
          if (known.live !== undefined && growLive(series, known.live, growth)) {
            tell(series, growth);
            continue;
          }
          for (const [block, flushes] of known.sealed) growSealed(block, flushes, series.id, growth);
          if (series.fine !== undefined) growTrack(source.fineTimes, series.fine, known.open, growth);
        }
        if (growth.firstMs >= 0) tell(series, growth);
      }
    }
  }

  /** Where not all of it is in memory. */
  #growByMinute(series: KeptSeries, { afterMs, toMs }: GrowthStretch, into: Growth): void {
    const samples = new Samples();
    this.#read(series, afterMs, toMs, samples);
    const { times, values } = samples.take();
    for (let i = 0; i < times.length; i++) into.sample(times[i]!, values[i]!);
  }

  labelSets(matchers: readonly LabelMatcher[], fromMs: number, toMs: number): readonly Labels[] {
    return this.#matching(matchers, fromMs, toMs).map(({ labels }) => labels);
  }

  exemplars(matchers: readonly LabelMatcher[], fromMs: number, toMs: number): readonly SeriesExemplars[] {
    return this.#matching(matchers, fromMs, toMs).flatMap(({ labels, exemplars = [] }) => {
      const within = exemplars.filter(({ timeMs }) => timeMs > fromMs && timeMs <= toMs);
      return within.length === 0 ? [] : [{ labels, exemplars: within }];
    });
  }

  status(): SeriesStatus {
    const sources = [...this.#sources.values()].map(({ series }) => series);
    return {
      series: this.#count,
      alive: this.#all().filter(({ isAlive }) => isAlive).length,
      sources: sources.filter(({ isAlive }) => isAlive).length,
      blockBytes: sum(sources.flatMap(({ sealed }) => sealed.map(sizeOf))),
    };
  }

  /** Ends senders that are gone; to be called every few seconds. */
  check(): void {
    for (const { series } of this.#sources.values()) series.check(this.#clock.now());
  }

  /** To the file, what came since the last time. */
  write(isLast = false): void {
    const tiers: readonly Tier[] = isLast || this.#writes++ % COARSE_EVERY === 0 ? ["fine", "coarse"] : ["fine"];
    const dirty = [...this.#sources.values()].map(({ series }) => series).filter(({ isDirty }) => isDirty);
    const fresh = this.#all().filter(({ saved }) => !saved);
    const blocks = [...this.#pending, ...dirty.flatMap((source) => openBlocks(source, tiers))];
    if (blocks.length === 0 || !this.#file.write(fresh, blocks)) return;
    this.#pending = [];
    for (const source of dirty) source.isDirty = false;
  }

  /** Forgets what is too old or too much; to be called every minute. */
  retain(): void {
    const now = this.#clock.now();
    for (const { series } of this.#sources.values()) {
      while (series.sealed.length > 0 && series.sealed[0]!.times.at(-1)! < now - FINE_MS) series.sealed.shift();
    }
    this.#dropBlocks();
    this.#forget(now);
    this.#file.drop(now - FINE_MS, now - COARSE_MS, MAX_FILE_BYTES);
  }

  #dropBlocks(): void {
    let over = this.status().blockBytes - MAX_BLOCK_BYTES;
    while (over > 0) {
      const sources = [...this.#sources.values()].filter(({ series }) => series.sealed.length > 0);
      const [oldest] = sources.sort((a, b) => a.series.sealed[0]!.times[0]! - b.series.sealed[0]!.times[0]!);
      if (oldest === undefined) break;
      const block = oldest.series.sealed.shift()!;
      oldest.series.hasGaps = true;
      over -= sizeOf(block);
      this.#refusals.count(
        "blocks",
        "the memory for blocks of 5 s is used up: older ones are kept by the minute",
        oldest.series.id,
      );
    }
    // While the file cannot be written.
    let pending = sum(this.#pending.map(({ block }) => sizeOf(block)));
    while (pending > MAX_BLOCK_BYTES) pending -= sizeOf(this.#pending.shift()!.block);
  }

  /** Series that ended before everything that is kept, and those that ended longest ago if there are nearly too many. */
  #forget(now: number): void {
    const ended = this.#all()
      .filter((series) => !series.isAlive)
      .sort((a, b) => a.namedMs - b.namedMs);
    const excess = this.#count - SERIES_LIMITS.all * 0.9;
    const forgotten = ended.filter(({ namedMs }, index) => index < excess || namedMs < now - COARSE_MS);
    if (forgotten.length === 0) return;
    const gone = new Set(forgotten);
    for (const series of forgotten) {
      series.source.series.delete(series);
      this.#byName.get(series.labels["__name__"]!)?.delete(series);
    }
    this.#count -= forgotten.length;
    for (const [id, source] of this.#sources) {
      for (const [key, series] of source.byKey) if (series.some((each) => gone.has(each))) source.byKey.delete(key);
      for (const [key, series] of source.restored) if (gone.has(series)) source.restored.delete(key);
      if (source.series.series.size === 0 && !source.series.isAlive) this.#sources.delete(id);
    }
    for (const [name, series] of this.#byName) if (series.size === 0) this.#byName.delete(name);
    this.#recountTexts();
    this.#file.forget(forgotten);
  }

  #source(id: string): Source {
    let source = this.#sources.get(id);
    if (source === undefined) {
      const series = new SourceSeries({
        id,
        onSealed: (sealedOf, tier, block) => this.#pending.push({ source: sealedOf.id, tier, block }),
      });
      this.#sources.set(id, (source = { series, byKey: new Map(), restored: new Map(), characters: 0 }));
    }
    return source;
  }

  #series(source: Source, labels: Labels): KeptSeries {
    const restored = source.restored.size === 0 ? undefined : source.restored.get(keyOf(labels));
    return restored ?? this.#keep(source, ++this.#lastId, labels, source.series.lastFlushMs);
  }

  #refusal({ series: { series }, characters }: Source, labels: readonly Labels[]): string | undefined {
    if (characters > SERIES_LIMITS.textOfOne)
      return `more than ${SERIES_LIMITS.textOfOne} characters in labels of one sender`;
    if (this.#characters > SERIES_LIMITS.textOfAll) return `more than ${SERIES_LIMITS.textOfAll} characters in labels`;
    if (series.size + labels.length > SERIES_LIMITS.ofOne)
      return `more than ${SERIES_LIMITS.ofOne} series of one sender`;
    if (this.#count + labels.length > SERIES_LIMITS.all) return `more than ${SERIES_LIMITS.all} series`;
    for (const each of labels) {
      const refusal = labelsRefusal(each);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  #keep(source: Source, id: number, labels: Labels, nowMs: number): KeptSeries {
    const series = new KeptSeries(id, this.#shared(labels, source), source.series, nowMs);
    source.series.series.add(series);
    const name = labels["__name__"] ?? "";
    let named = this.#byName.get(name);
    if (named === undefined) this.#byName.set(name, (named = new Set()));
    named.add(series);
    this.#count++;
    return series;
  }

  /** Labels whose texts are shared with other series': a mesh has few, and they came as new text each time. */
  #shared(labels: Labels, source: Source): Labels {
    const shared: Record<string, string> = {};
    for (const name in labels) shared[this.#text(name, source)] = this.#text(labels[name]!, source);
    return shared;
  }

  #text(text: string, source: Source): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    this.#texts.set(text, text);
    this.#characters += text.length;
    source.characters += text.length;
    return text;
  }

  /** Texts of series that were forgotten are no longer held. */
  #recountTexts(): void {
    this.#texts.clear();
    this.#characters = 0;
    for (const source of this.#sources.values()) {
      source.characters = 0;
      for (const { labels } of source.series.series) this.#shared(labels, source);
    }
  }

  #matching(matchers: readonly LabelMatcher[], fromMs: number, toMs: number): readonly KeptSeries[] {
    const matches = labelTest(matchers);
    const name = matchers.find(({ name, op }) => name === "__name__" && op === "=")?.value;
    const candidates = name === undefined ? this.#all() : [...(this.#byName.get(name) ?? [])];
    return candidates.filter((series) => {
      const lastMs = series.isAlive ? series.source.lastFlushMs : series.namedMs;
      return series.firstMs <= toMs && lastMs > fromMs && matches(series.labels);
    });
  }

  /** By the minute before what is in memory, by the flush from there on. */
  #read(series: KeptSeries, fromMs: number, toMs: number, into: Samples): void {
    const { source } = series;
    const fineSince = source.sealed[0]?.times[0] ?? source.fineTimes[0] ?? Infinity;
    if (fromMs < fineSince) {
      const until = Math.min(toMs, fineSince - 1);
      for (const block of this.#coarse(source, fromMs, until)) readSealed(block, series.id, fromMs, until, into);
      source.readCoarse(series, fromMs, until, into);
    }
    source.read(series, fromMs, toMs, into);
  }

  #coarse(source: SourceSeries, fromMs: number, toMs: number): readonly SealedBlock[] {
    const pending = this.#pending.filter((each) => each.source === source.id && each.tier === "coarse");
    const unwritten = pending.map(({ block }) => block).filter(({ times }) => overlaps(times, fromMs, toMs));
    const open = new Set([source.coarseTimes[0], ...unwritten.map(({ times }) => times[0])]);
    const written = this.#file.coarseBlocks(source.id, fromMs, toMs).filter(({ times }) => !open.has(times[0]));
    return [...written, ...unwritten];
  }

  #restore(): void {
    for (const { id, source: name, labels, firstMs, namedMs } of this.#file.series()) {
      const source = this.#source(name);
      const series = this.#keep(source, id, labels, firstMs);
      series.namedMs = namedMs;
      series.saved = true;
      source.restored.set(keyOf(labels), series);
      this.#lastId = Math.max(this.#lastId, id);
    }
    for (const { source, block } of this.#file.fineBlocks(this.#clock.now() - FINE_MS)) {
      const { series } = this.#source(source);
      series.sealed.push(block);
      series.lastFlushMs = Math.max(series.lastFlushMs, block.times.at(-1)!);
    }
  }

  #all(): KeptSeries[] {
    return [...this.#sources.values()].flatMap(({ series }) => [...series.series]);
  }
}

interface SourceStretches {
  readonly sealed: readonly (readonly [block: SealedBlock, flushes: Stretch])[];
  readonly open: Stretch;
  readonly live: LiveStretch | undefined;
}

/** Shorter ones are asked for now and then, beside one that is asked for at each tick. */
const REMEMBERED_MS = 60_000;

function stretchesOf(source: SourceSeries, { afterMs, fromMs, toMs }: GrowthStretch): SourceStretches {
  const sealed = source.sealed
    .filter(({ times }) => overlaps(times, afterMs, toMs))
    .map((block) => [block, stretchOf(block.times, afterMs, toMs)] as const);
  const open = stretchOf(source.fineTimes, afterMs, toMs);
  const live = liveStretch(source, sealed, open, fromMs, toMs - fromMs >= REMEMBERED_MS);
  return { sealed, open, live };
}

/** Growth is counted in (fromMs, toMs], from what was there since `afterMs`. */
export interface GrowthStretch {
  readonly afterMs: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** One sender's samples of one time. */
export interface Flush {
  /** Undefined: never seen; empty: refused. */
  find(key: number | string): readonly KeptSeries[] | undefined;
  /** All of them are kept, or none. */
  add(key: number | string, labels: readonly Labels[]): readonly KeptSeries[];
  set(series: KeptSeries, value: number): void;
  /** For senders that say what has come since their last flush. */
  increase(series: KeptSeries, by: number): void;
  exemplar(series: KeptSeries, exemplar: Exemplar): void;
}

function keyOf(labels: Labels): string {
  return Object.keys(labels)
    .sort()
    .map((name) => `${name}=${labels[name]}`)
    .join("\n");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
