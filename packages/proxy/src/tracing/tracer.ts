import type { Span, SpanKind, TraceContext } from "@tulle/telemetry/tracing";
import type { HeaderBlock } from "../codec/header-block.ts";
import type { RequestHead } from "../codec/messages.ts";
import type { TailSampler } from "./tail-sampler.ts";

/** What spans a proxy makes of a request. */
export interface SpanKinds {
  /** Of the span of the request. */
  readonly request: SpanKind;
  /** Of the spans of attempts at upstreams, where they have their own. */
  readonly upstream: SpanKind;
}

/** Knows one system of tracing: its headers, its ids, its collector. Shared by all listeners that configure the same. */
export interface Tracer {
  /** Decides about roots, and about requests at their end; null: they are reported as it was decided at their head. */
  readonly tail: TailSampler | null;
  /** Logs may name its spans, and not their traces alone. */
  readonly tellsSpanIds: boolean;
  /** @param egress the listener's direction is outbound @param independentHop see `TracingPlan` */
  kinds(egress: boolean, independentHop: boolean): SpanKinds;
  /** How a span is called that nobody has given a name. */
  operation(request: RequestHead, egress: boolean): string;
  /**
   * Fills `context`: goes on with the trace that the request's headers name, or begins one. False if they name one that cannot be
   * understood: then the request has no span, and its headers go on as they came.
   * @param wanted the connection manager's decision
   */
  begin(request: RequestHead, kind: SpanKind, wanted: boolean, context: TraceContext): boolean;
  /** Whether the parent of a context that `begin` has filled is another program's span. */
  hasRemoteParent(context: TraceContext): boolean;
  /** Fills `context` for a span below `parent`. */
  beginChild(parent: TraceContext, kind: SpanKind, context: TraceContext): void;
  /** Writes the context into a request's headers. */
  inject(context: TraceContext, headers: HeaderBlock): void;
  /** The span has ended. Leaves with others, or is dropped. */
  report(span: Span): void;
}
