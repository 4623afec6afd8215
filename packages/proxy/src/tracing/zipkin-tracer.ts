/** Zipkin: B3 headers, and W3C's beside them if wanted. Behaviour: Envoy `source/extensions/tracers/zipkin`. */
import {
  type Span,
  type SpanKind,
  type TraceContext,
  type ZipkinEndpoint,
  encodeZipkinJson,
  encodeZipkinProto,
  formatTraceparent,
  parseTraceparent,
} from "@tulle/telemetry/tracing";
import type { HeaderBlock } from "../codec/header-block.ts";
import { B3, TRACEPARENT } from "../codec/header-names.ts";
import type { RequestHead } from "../codec/messages.ts";
import type { ZipkinPlan } from "../plan/tracing-plan.ts";
import type { StatsRegistry } from "../stats/index.ts";
import { readB3, sampledByB3, writeB3 } from "./b3-headers.ts";
import type { TraceIds } from "./trace-ids.ts";
import { type ReporterContext, SpanReporter } from "./span-reporter.ts";
import type { SpanKinds, Tracer } from "./tracer.ts";

/** What a collector says if it has taken the spans. */
const ACCEPTED = 202;

export class ZipkinTracer implements Tracer {
  readonly tail = null;
  readonly tellsSpanIds = false; // As seen with Envoy 1.40.
  private readonly plan: ZipkinPlan;
  private readonly ids: TraceIds;
  private readonly reporter: SpanReporter;

  constructor(
    plan: ZipkinPlan,
    who: Omit<ZipkinEndpoint, "sharedSpanContext">,
    ids: TraceIds,
    context: ReporterContext,
    stats: StatsRegistry,
  ) {
    this.plan = plan;
    this.ids = ids;
    const counter = (name: string) => stats.counter(`tracing.zipkin.${name}`);
    const sent = counter("reports_sent");
    const dropped = counter("reports_dropped");
    const failed = counter("reports_failed");
    const endpoint = { ...who, sharedSpanContext: plan.sharedSpanContext };
    const isJson = plan.format === "json";
    const text = new TextEncoder();
    this.reporter = new SpanReporter(context, {
      collector: plan.collector,
      contentType: isJson ? "application/json" : "application/x-protobuf",
      userAgent: "",
      encode: isJson
        ? (spans) => text.encode(encodeZipkinJson(spans, endpoint))
        : (spans) => encodeZipkinProto(spans, endpoint),
      capacity: Infinity,
      spansSent: counter("spans_sent"),
      spansDropped: null,
      timerFlushed: counter("timer_flushed"),
      skippedNoCluster: counter("reports_skipped_no_cluster"),
      callbacks: {
        onResponse: (status) => void (status === ACCEPTED ? sent : dropped).value++,
        onReset: () => void failed.value++,
      },
    });
  }

  kinds(egress: boolean, independentHop: boolean): SpanKinds {
    if (independentHop || this.plan.splitSpans) return { request: "server", upstream: "client" };
    return egress ? { request: "client", upstream: "client" } : { request: "server", upstream: "server" };
  }

  operation(request: RequestHead): string {
    return request.authority;
  }

  begin({ headers }: RequestHead, kind: SpanKind, wanted: boolean, context: TraceContext): boolean {
    const { plan, ids } = this;
    const inW3c = plan.withW3c && !headers.has(B3) && parseTraceparent(headers.get(TRACEPARENT), context);
    const sampledByW3c = inW3c && context.sampled;
    context.sampled = sampledByB3(headers) ?? (inW3c ? sampledByW3c : wanted);
    let found = readB3(headers, context);
    if (found === "none" && inW3c) {
      found = "found";
      context.sampled ||= sampledByW3c;
      context.traceId = withoutZeroHalf(context.traceId);
    }
    if (found === "invalid") return false;
    if (found === "found") {
      this.beginChild(context, kind, context);
      return true;
    }
    context.spanId = ids.span();
    if (plan.timestampTraceIds) context.traceId = ids.timestamp() + context.spanId;
    else context.traceId = plan.traceId128Bit ? ids.span() + context.spanId : context.spanId;
    return true;
  }

  hasRemoteParent(): boolean {
    return true; // Zipkin's spans do not say.
  }

  /** A server goes on with its client's span, where they share spans. */
  beginChild(parent: TraceContext, kind: SpanKind, context: TraceContext): void {
    const { spanId } = parent;
    if (context !== parent) context.copyFrom(parent);
    if (kind === "server" && this.plan.sharedSpanContext) return;
    context.parentSpanId = spanId;
    context.spanId = this.ids.span();
  }

  inject(context: TraceContext, headers: HeaderBlock): void {
    writeB3(context, headers);
    if (this.plan.withW3c) headers.replace(TRACEPARENT, formatTraceparent(context));
  }

  report(span: Span): void {
    this.reporter.report(span);
  }
}

/** Zipkin's ids of 64 bits travel in W3C's of 128. */
function withoutZeroHalf(traceId: string): string {
  return traceId.startsWith("0000000000000000") ? traceId.slice(16) : traceId;
}
