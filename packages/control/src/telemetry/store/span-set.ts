/** The spans of one trace, within bounds: a trace that has more is cut, whoever sends it is broken, or has something in mind. */
import type { SpanRecord } from "@tulle/telemetry/records";

export const MAX_SPANS = 2_000;
export const MAX_BYTES = 4 * 1024 * 1024;
/** Of a span beside its texts: measured. */
const COST_OF_SPAN = 600;

export class SpanSet {
  /** By id and kind: client and server of one call may share an id (Zipkin). */
  readonly #spans = new Map<string, SpanRecord>();
  #bytes = 0;

  /** Of two of the same id and kind the later counts. False: it is more than a trace may have. */
  put(span: SpanRecord): boolean {
    const key = `${span.spanId} ${span.kind}`;
    const before = this.#spans.get(key);
    const grows = bytesOf(span) - (before === undefined ? 0 : bytesOf(before));
    if (this.#bytes + grows > MAX_BYTES && grows > 0) return false;
    if (before === undefined && this.#spans.size >= MAX_SPANS) return false;
    this.#spans.set(key, span);
    this.#bytes += grows;
    return true;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get spans(): Iterable<SpanRecord> {
    return this.#spans.values();
  }
}

function bytesOf(span: SpanRecord): number {
  let characters = span.name.length + span.service.length;
  for (const name in span.tags) characters += name.length + span.tags[name]!.length;
  for (const { name } of span.events) characters += name.length;
  return COST_OF_SPAN + characters;
}
