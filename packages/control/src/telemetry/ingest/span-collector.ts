/** Spans of one message as they are decoded: those that can be kept, and how many cannot. */
import type { SpanRecord } from "@tulle/telemetry/records";
import type { IngestReport } from "./ingest-report.ts";
import { boundedSpan } from "./limits.ts";
import type { StatedSpan } from "./limits.ts";

/** Batches have 512. (OpenTelemetry's BatchSpanProcessor) An empty span is two bytes, and takes a hundred times that here. */
const MAX_SPANS = 10_000;

export class SpanCollector {
  readonly spans: SpanRecord[] = [];
  readonly #nowMs: number;
  #refused = 0;
  #reason = "";

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  take(stated: StatedSpan): void {
    const span =
      this.spans.length < MAX_SPANS
        ? boundedSpan(stated, this.#nowMs)
        : `there are more than ${MAX_SPANS} spans in one message`;
    if (typeof span !== "string") {
      this.spans.push(span);
      return;
    }
    this.#refused++;
    this.#reason ||= span;
  }

  get report(): IngestReport {
    return { accepted: this.spans.length, refused: this.#refused, reason: this.#reason };
  }
}
