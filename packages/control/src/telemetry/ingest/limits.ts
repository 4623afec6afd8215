/**
 * How much of what others say is kept. Everything longer is cut where it enters, so that nothing behind has to ask.
 * `LIMITS` is the one table; the metrics of the telemetry thread tell how often each was met.
 */
import type { RecordedSpanKind, SpanRecord } from "@tulle/telemetry/records";

export const LIMITS = {
  /** Characters. Kubernetes' longest names are 253. */
  service: 256,
  spanName: 512,
  tagName: 128,
  /** Envoy cuts `http.url` at 256 (max_path_tag_length); stack traces are longer. */
  tagValue: 4096,
  /** (OpenTelemetry specification, `SpanLimits`: 128 of each) */
  tags: 128,
  events: 128,
  eventName: 512,
  /** Longer than a day: a clock that was set, or a lie. */
  durationMicros: 86_400_000_000,
  /** How far a sender's clock may be ahead: what begins later would be the newest of all for as long as it is kept. */
  aheadMs: 86_400_000,
} as const;

/** As a sender states it, unchecked. */
export interface StatedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly service: string;
  readonly kind: RecordedSpanKind;
  readonly name: string;
  readonly startMicros: number;
  readonly durationMicros: number;
  readonly error: boolean;
  readonly tags: Iterable<readonly [string, string]>;
  readonly events: readonly { readonly name: string; readonly atMicros: number }[];
}

/** Whether something that is told at `nowMs` may have begun at `startMs`. */
export function isPlausible(startMs: number, nowMs: number): boolean {
  return startMs >= 0 && startMs <= nowMs + LIMITS.aheadMs;
}

/** A span that can be kept; or the reason why it cannot. */
export function boundedSpan(span: StatedSpan, nowMs: number): SpanRecord | string {
  const traceId = hexId(span.traceId, 32);
  if (traceId === undefined) return "the trace id is not 16 or 32 hex digits, or all zeros";
  const spanId = hexId(span.spanId, 16);
  if (spanId === undefined) return "the span id is not 16 hex digits, or all zeros";
  const parentSpanId = span.parentSpanId === "" ? "" : hexId(span.parentSpanId, 16);
  if (parentSpanId === undefined) return "the parent's id is not 16 hex digits";
  if (parentSpanId === spanId) return "the span is its own parent";
  if (!(span.startMicros > 0 && Number.isFinite(span.startMicros))) return "there is no time at which it began";
  if (!isPlausible(span.startMicros / 1000, nowMs)) return "it begins more than a day from now";
  if (!(span.durationMicros >= 0 && span.durationMicros <= LIMITS.durationMicros)) {
    return "the duration is negative, or longer than a day";
  }
  return {
    traceId,
    spanId,
    parentSpanId,
    service: cut(span.service, LIMITS.service),
    kind: span.kind,
    name: cut(span.name, LIMITS.spanName),
    startMicros: Math.floor(span.startMicros),
    durationMicros: Math.round(span.durationMicros),
    error: span.error,
    tags: boundedTags(span.tags),
    events: span.events.slice(0, LIMITS.events).map(({ name, atMicros }) => ({
      name: cut(name, LIMITS.eventName),
      atMicros: isPlausible(atMicros / 1000, nowMs) ? atMicros : 0,
    })),
  };
}

function boundedTags(tags: Iterable<readonly [string, string]>): Record<string, string> {
  const kept: Record<string, string> = {};
  let count = 0;
  for (const [name, value] of tags) {
    if (count >= LIMITS.tags) break;
    // What every object has, or sets something else: no tag of anybody's is called so.
    if (name in Object.prototype) continue;
    const key = cut(name, LIMITS.tagName);
    if (Object.hasOwn(kept, key)) continue;
    kept[key] = cut(value, LIMITS.tagValue);
    count++;
  }
  return kept;
}

/** With what was cut off replaced by an ellipsis; never half a surrogate pair. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`.toWellFormed();
}

const HEX = /^[0-9a-f]+$/;
const ZEROS = /^0+$/;

function hexId(text: string, length: 16 | 32): string | undefined {
  const lower = text.toLowerCase();
  if (lower.length > length || lower.length < length / 2) return undefined;
  return HEX.test(lower) && !ZEROS.test(lower) ? lower.padStart(length, "0") : undefined;
}
