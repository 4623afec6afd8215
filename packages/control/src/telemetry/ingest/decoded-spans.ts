/** What decoders of spans make of a message. */
import type { SpanRecord } from "@tulle/telemetry/records";
import type { IngestReport } from "./ingest-report.ts";
import { boundedSpan } from "./limits.ts";
import type { StatedSpan } from "./limits.ts";

export interface DecodedSpans extends IngestReport {
  readonly spans: readonly SpanRecord[];
}

/** Leaves out those that cannot be kept, and says why of the first. */
export function keepBounded(stated: readonly StatedSpan[]): DecodedSpans {
  const spans: SpanRecord[] = [];
  let reason = "";
  for (const each of stated) {
    const span = boundedSpan(each);
    if (typeof span === "string") reason ||= span;
    else spans.push(span);
  }
  return { spans, accepted: spans.length, refused: stated.length - spans.length, reason };
}
