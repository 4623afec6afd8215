import { type Span, type SpanEvent, TraceContext } from "@tulle/telemetry/tracing";
import { NOT_TRACEABLE, type TraceReason } from "./trace-decision.ts";

/** What an exchange knows of its trace. Pooled with it, of one fixed shape. */
export class RequestTrace {
  /** Of the request's span, whether or not that is reported. */
  readonly context = new TraceContext();
  reason: TraceReason = NOT_TRACEABLE;
  /** The context is one: there is a tracer, and it has understood the request. */
  hasSpan = false;
  /** Null: not reported. */
  span: Span | null = null;
  /** From the turn's clock to ms since 1970; one for all spans of the request, so that they fit together. */
  wallOffsetMs = 0;
  /** What the other end shall call its span, "" for nothing. */
  decoration = "";
  /** The configuration names the span: decorators have no part in it. */
  isNamed = false;
  /** What decorators call it, "" for nothing. */
  name = "";
  /** What went wrong before it went well, or not; null: nothing. */
  events: SpanEvent[] | null = null;
  /** Which span the upstream was told of, where that has its own and is not reported; "" for none. */
  upstreamSpanId = "";

  reset(): void {
    this.context.reset();
    this.reason = NOT_TRACEABLE;
    this.hasSpan = false;
    this.span = null;
    this.wallOffsetMs = 0;
    this.decoration = "";
    this.isNamed = false;
    this.name = "";
    this.events = null;
    this.upstreamSpanId = "";
  }
}
