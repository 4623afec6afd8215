/**
 * Traces: put together from the spans that proxies and applications send, found by id or by what they are about. A trace to which nothing
 * was added for some seconds is settled: it goes to the file, from which it comes back if something is added after all.
 */
import type { SpanRecord } from "@tulle/telemetry/records";
import type { Clock } from "@tulle/xds";
import type { TelemetryDatabase } from "./database.ts";
import { Operations } from "./operations.ts";
import type { Refusals } from "./refusals.ts";
import { Slowest } from "./slowest.ts";
import { MAX_BYTES, MAX_SPANS, SpanSet } from "./span-set.ts";
import type { SettledTrace, Worth } from "./trace-file.ts";
import { TraceFile, WORTH } from "./trace-file.ts";

export interface TraceSearch {
  readonly service?: string;
  readonly operation?: string;
  /** All of these on one span; `error` = `true` also finds spans that are marked so. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Of the span that satisfies the rest. */
  readonly minDurationMicros?: number;
  readonly maxDurationMicros?: number;
  /** Begun in this time; µs since 1970. */
  readonly fromMicros: number;
  readonly toMicros: number;
  /** The newest so many. */
  readonly limit: number;
}

export interface Trace {
  readonly traceId: string;
  /** In the order in which they began. */
  readonly spans: readonly SpanRecord[];
}

export interface TraceStatus {
  /** That are not settled yet. */
  readonly open: number;
  readonly openBytes: number;
  readonly taken: number;
}

export interface TraceStoreOptions {
  readonly database: TelemetryDatabase;
  readonly refusals: Refusals;
  readonly clock: Clock;
}

interface Open {
  readonly traceId: string;
  readonly set: SpanSet;
  readonly sinceMs: number;
  addedMs: number;
  startMicros: number;
}

/** Proxies send their spans within a second or two, applications within five. (OpenTelemetry's batch processor) */
const QUIET_MS = 6_000;
/** A trace to which something is always added is written all the same. */
const OPEN_MS = 60_000;
const MAX_OPEN_BYTES = 32 * 1024 * 1024;
const MAX_FILE_BYTES = 256 * 1024 * 1024;
const DAY_MS = 86_400_000;
/** By worth. */
const KEPT_MS: Readonly<Record<Worth, number>> = {
  [WORTH.ordinary]: DAY_MS,
  [WORTH.slow]: 3 * DAY_MS,
  [WORTH.error]: 3 * DAY_MS,
};
/** Traces that one search reads: 80 µs each. */
const MAX_READ = 2_500;

export class TraceStore {
  readonly #clock: Clock;
  readonly #refusals: Refusals;
  readonly #file: TraceFile;
  readonly #operations = new Operations();
  readonly #slowest = new Slowest();
  readonly #open = new Map<string, Open>();
  readonly #onAdded = new Set<(spans: readonly SpanRecord[]) => void>();
  readonly #onSettled = new Set<(trace: Trace) => void>();
  #openBytes = 0;
  #taken = 0;

  constructor({ database, refusals, clock }: TraceStoreOptions) {
    this.#clock = clock;
    this.#refusals = refusals;
    this.#file = new TraceFile(database);
    for (const operation of this.#file.operations()) this.#operations.restore(operation);
    database.onNew(() => this.#operations.rewrite());
  }

  add(spans: readonly SpanRecord[]): void {
    for (const span of spans) this.#add(span);
    this.#taken += spans.length;
    if (this.#openBytes > MAX_OPEN_BYTES) this.#settleOldest();
    for (const listener of this.#onAdded) listener(spans);
  }

  /** Calls back with spans as they come; the function that it returns ends that. */
  onAdded(listener: (spans: readonly SpanRecord[]) => void): () => void {
    this.#onAdded.add(listener);
    return () => this.#onAdded.delete(listener);
  }

  /** Calls back with whole traces, some seconds after their last span; with one again to which something was added later. */
  onSettled(listener: (trace: Trace) => void): () => void {
    this.#onSettled.add(listener);
    return () => this.#onSettled.delete(listener);
  }

  trace(traceId: string): Trace | undefined {
    const spans = merged(this.#file.trace(traceId), this.#open.get(traceId));
    return spans.length === 0 ? undefined : { traceId, spans: inOrder(spans) };
  }

  /** Newest first. */
  search({ fromMicros, toMicros, limit, ...search }: TraceSearch): readonly Trace[] {
    const found: Trace[] = [];
    const take = (traceId: string, spans: readonly SpanRecord[]): void => {
      if (spans.some((span) => matches(span, search))) found.push({ traceId, spans: inOrder(spans) });
    };
    const open = [...this.#open.values()]
      .filter(({ startMicros }) => startMicros >= fromMicros && startMicros <= toMicros)
      .sort((a, b) => b.startMicros - a.startMicros);
    for (const each of open) {
      if (found.length >= limit) break;
      take(each.traceId, merged(this.#file.trace(each.traceId), each));
    }
    let read = 0;
    const candidates = {
      service: search.service,
      fromMicros,
      toMicros,
      longestAtLeast: search.minDurationMicros ?? 0,
      onlyErrors: search.tags?.["error"] === "true" && Object.keys(search.tags).length === 1,
    };
    const fromFile: Trace[] = [];
    this.#file.each(candidates, (traceId, spans) => {
      if (!this.#open.has(traceId) && spans.some((span) => matches(span, search))) {
        fromFile.push({ traceId, spans: inOrder(spans) });
      }
      return fromFile.length < limit && ++read < MAX_READ;
    });
    return [...found, ...fromFile].sort((a, b) => startOf(b) - startOf(a)).slice(0, limit);
  }

  services(): readonly string[] {
    return this.#operations.services();
  }

  /** Names of a service's spans, with their kinds. */
  operations(service: string): readonly { readonly name: string; readonly kind: SpanRecord["kind"] }[] {
    return this.#operations.of(service);
  }

  status(): TraceStatus {
    return { open: this.#open.size, openBytes: this.#openBytes, taken: this.#taken };
  }

  /** Settles what is quiet; to be called every few seconds. */
  check(): void {
    const now = this.#clock.now();
    this.#settle((open) => now - open.addedMs >= QUIET_MS || now - open.sinceMs >= OPEN_MS);
  }

  /** To the file, all there is. */
  close(): void {
    this.#settle(() => true);
  }

  /** Forgets what is too old or too much; to be called every minute. */
  retain(): void {
    const now = this.#clock.now();
    const before = (worth: Worth): number => (now - KEPT_MS[worth]) * 1000;
    this.#operations.forget(now - KEPT_MS[WORTH.error]);
    this.#file.drop({ 0: before(0), 1: before(1), 2: before(2) }, MAX_FILE_BYTES);
  }

  #add(span: SpanRecord): void {
    const { traceId } = span;
    const now = this.#clock.now();
    let open = this.#open.get(traceId);
    if (open === undefined) {
      open = { traceId, set: new SpanSet(), sinceMs: now, addedMs: now, startMicros: span.startMicros };
      this.#open.set(traceId, open);
    }
    const before = open.set.bytes;
    if (!open.set.put(span)) {
      this.#countCut(span);
      return;
    }
    this.#openBytes += open.set.bytes - before;
    open.addedMs = now;
    open.startMicros = Math.min(open.startMicros, span.startMicros);
    if (!this.#operations.see(span, now)) {
      this.#refusals.count("operations", "too many names of services or of their spans: not listed", span.service);
    }
  }

  #countCut({ service }: SpanRecord): void {
    this.#refusals.count("spans", `more than ${MAX_SPANS} spans, or ${MAX_BYTES} bytes, of one trace`, service);
  }

  /** A quarter of what is open makes room. */
  #settleOldest(): void {
    let over = this.#openBytes - MAX_OPEN_BYTES * 0.75;
    const oldest = new Set<Open>();
    for (const open of this.#open.values()) {
      if (over <= 0) break;
      oldest.add(open);
      over -= open.set.bytes;
    }
    this.#settle((open) => oldest.has(open));
  }

  #settle(which: (open: Open) => boolean): void {
    const settled: SettledTrace[] = [];
    for (const open of this.#open.values()) {
      if (!which(open)) continue;
      this.#open.delete(open.traceId);
      this.#openBytes -= open.set.bytes;
      const { traceId } = open;
      const spans = merged(this.#file.trace(traceId), open, (span) => this.#countCut(span));
      settled.push({ traceId, spans, worth: this.#worthOf(spans) });
    }
    if (settled.length === 0) return;
    const { operations, written } = this.#operations.unwritten();
    if (this.#file.write(settled, operations)) written();
    else this.#refusals.count("traces", "the file cannot be written", "", settled.length);
    if (this.#onSettled.size === 0) return;
    for (const { traceId, spans } of settled) {
      const trace = { traceId, spans: inOrder(spans) };
      for (const listener of this.#onSettled) listener(trace);
    }
  }

  #worthOf(spans: readonly SpanRecord[]): Worth {
    const root = spans.find(({ parentSpanId }) => parentSpanId === "") ?? spans[0]!;
    const isSlow = this.#slowest.observe(`${root.service} ${root.name}`, root.durationMicros);
    if (spans.some(({ error }) => error)) return WORTH.error;
    return isSlow ? WORTH.slow : WORTH.ordinary;
  }
}

/** What is written and what came since; together they are never more than a trace may be. */
function merged(
  written: readonly SpanRecord[],
  open: Open | undefined,
  onCut: (span: SpanRecord) => void = () => undefined,
): readonly SpanRecord[] {
  if (open === undefined) return written;
  if (written.length === 0) return [...open.set.spans];
  const both = new SpanSet();
  for (const span of written) both.put(span);
  for (const span of open.set.spans) if (!both.put(span)) onCut(span);
  return [...both.spans];
}

function inOrder(spans: readonly SpanRecord[]): readonly SpanRecord[] {
  return spans.toSorted((a, b) => a.startMicros - b.startMicros);
}

function startOf({ spans }: Trace): number {
  return spans[0]!.startMicros;
}

function matches(span: SpanRecord, search: Omit<TraceSearch, "fromMicros" | "toMicros" | "limit">): boolean {
  const { service, operation, tags = {}, minDurationMicros = 0, maxDurationMicros = Infinity } = search;
  if (service !== undefined && span.service !== service) return false;
  if (operation !== undefined && span.name !== operation) return false;
  if (span.durationMicros < minDurationMicros || span.durationMicros > maxDurationMicros) return false;
  return Object.entries(tags).every(
    ([name, value]) =>
      (Object.hasOwn(span.tags, name) && span.tags[name] === value) ||
      (name === "error" && value === "true" && span.error),
  );
}
