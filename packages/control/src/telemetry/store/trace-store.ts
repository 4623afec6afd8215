/** Traces: put together from the spans that proxies and applications send, found by id or by what they are about. */
import type { SpanRecord } from "@tulle/telemetry/records";

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

interface Kept {
  readonly traceId: string;
  readonly spans: Map<string, SpanRecord>;
  startMicros: number;
}

const MAX_TRACES = 10_000;
/** A trace that has more is cut: whoever sends it is broken, or has something in mind. */
const MAX_SPANS_OF_TRACE = 2_000;

export class TraceStore {
  readonly #traces = new Map<string, Kept>();
  readonly #listeners = new Set<(spans: readonly SpanRecord[]) => void>();

  add(spans: readonly SpanRecord[]): void {
    for (const span of spans) this.#add(span);
    for (const listener of this.#listeners) listener(spans);
  }

  /** Calls back with spans as they come; the function that it returns ends that. */
  onAdded(listener: (spans: readonly SpanRecord[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  trace(traceId: string): Trace | undefined {
    const kept = this.#traces.get(traceId);
    return kept === undefined ? undefined : traceOf(kept);
  }

  /** Newest first. */
  search({ fromMicros, toMicros, limit, ...search }: TraceSearch): readonly Trace[] {
    const found: Trace[] = [];
    const candidates = [...this.#traces.values()]
      .filter(({ startMicros }) => startMicros >= fromMicros && startMicros <= toMicros)
      .sort((a, b) => b.startMicros - a.startMicros);
    for (const kept of candidates) {
      if (found.length >= limit) break;
      for (const span of kept.spans.values()) {
        if (!matches(span, search)) continue;
        found.push(traceOf(kept));
        break;
      }
    }
    return found;
  }

  services(): readonly string[] {
    return [...new Set(this.#all().map(({ service }) => service))].sort();
  }

  /** Names of a service's spans, with their kinds. */
  operations(service: string): readonly { readonly name: string; readonly kind: SpanRecord["kind"] }[] {
    const found = new Map<string, { name: string; kind: SpanRecord["kind"] }>();
    for (const span of this.#all()) {
      if (span.service === service) found.set(`${span.kind} ${span.name}`, { name: span.name, kind: span.kind });
    }
    return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #all(): SpanRecord[] {
    return [...this.#traces.values()].flatMap(({ spans }) => [...spans.values()]);
  }

  #add(span: SpanRecord): void {
    let kept = this.#traces.get(span.traceId);
    if (kept === undefined) {
      kept = { traceId: span.traceId, spans: new Map(), startMicros: span.startMicros };
      this.#traces.set(span.traceId, kept);
      const oldest = this.#traces.keys().next().value!;
      if (this.#traces.size > MAX_TRACES) this.#traces.delete(oldest);
    }
    // Zipkin's shared spans: client and server of one call have one id.
    const key = `${span.spanId} ${span.kind}`;
    if (kept.spans.size >= MAX_SPANS_OF_TRACE && !kept.spans.has(key)) return;
    kept.spans.set(key, span);
    kept.startMicros = Math.min(kept.startMicros, span.startMicros);
  }
}

function traceOf({ traceId, spans }: Kept): Trace {
  return { traceId, spans: [...spans.values()].sort((a, b) => a.startMicros - b.startMicros) };
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
