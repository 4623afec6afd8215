/** OpenTelemetry: W3C headers, OTLP over HTTP. Behaviour: Envoy `source/extensions/tracers/opentelemetry`. */
import {
  type Span,
  type SpanKind,
  type TraceContext,
  encodeOtlpTraces,
  formatTraceparent,
  ZERO_ID,
  parseTraceparent,
} from "@tulle/telemetry/tracing";
import type { HeaderBlock } from "../codec/header-block.ts";
import { B3, TRACEPARENT, TRACESTATE, X_B3_TRACEID } from "../codec/header-names.ts";
import type { RequestHead } from "../codec/messages.ts";
import type { OpenTelemetryPlan } from "../plan/tracing-plan.ts";
import type { StatsRegistry } from "../stats/index.ts";
import { VERSION } from "../version.ts";
import { readB3, sampledByB3, writeB3 } from "./b3-headers.ts";
import { isSampled } from "./sampler.ts";
import { TailSampler } from "./tail-sampler.ts";
import { type ReporterContext, SpanReporter } from "./span-reporter.ts";
import type { TraceIds } from "./trace-ids.ts";
import type { SpanKinds, Tracer } from "./tracer.ts";

export class OpenTelemetryTracer implements Tracer {
  readonly tellsSpanIds = true;
  private readonly plan: OpenTelemetryPlan;
  private readonly ids: TraceIds;
  private readonly reporter: SpanReporter;
  readonly tail: TailSampler | null;

  constructor(plan: OpenTelemetryPlan, ids: TraceIds, context: ReporterContext, stats: StatsRegistry) {
    this.plan = plan;
    this.ids = ids;
    const counter = (name: string) => stats.counter(`tracing.opentelemetry.${name}`);
    const { sampler } = plan;
    this.tail =
      sampler?.kind === "tail"
        ? new TailSampler(sampler, context.net.turn, counter("tail_kept"), counter("tail_over_budget"))
        : null;
    const source = { resource: plan.resource, scope: plan.withScope ? { name: "tulle", version: VERSION } : null };
    this.reporter = new SpanReporter(context, {
      collector: plan.collector,
      contentType: "application/x-protobuf",
      userAgent: `OTel-OTLP-Exporter-Tulle/${VERSION}`,
      encode: (spans) => encodeOtlpTraces(spans, source),
      capacity: plan.maxCacheSize,
      spansSent: counter("spans_sent"),
      spansDropped: counter("spans_dropped"),
      timerFlushed: counter("timer_flushed"),
      skippedNoCluster: null,
      callbacks: { onResponse() {}, onReset() {} },
    });
  }

  kinds(egress: boolean, independentHop: boolean): SpanKinds {
    return { request: egress && !independentHop ? "client" : "server", upstream: "client" };
  }

  operation(request: RequestHead, egress: boolean): string {
    return egress ? `egress ${request.authority}` : "ingress";
  }

  begin({ headers }: RequestHead, _kind: SpanKind, wanted: boolean, context: TraceContext): boolean {
    const { plan, ids, tail } = this;
    let parentSampled: boolean | undefined;
    if (headers.has(TRACEPARENT)) {
      if (!parseTraceparent(headers.get(TRACEPARENT), context)) return false;
      parentSampled = context.sampled;
      context.state = headers.find("tracestate") ?? "";
      context.parentSpanId = context.spanId;
    } else if (tail !== null && readB3(headers, context) === "found") {
      // Who collects for everybody takes every trace as it comes.
      parentSampled = sampledByB3(headers);
      if (context.traceId.length < 32) context.traceId = ZERO_ID + context.traceId;
      context.parentSpanId = context.spanId;
    } else context.traceId = ids.trace();
    context.spanId = ids.span();
    if (tail !== null) {
      context.sampled = parentSampled ?? tail.samplesRoot(wanted);
      return true;
    }
    const { sampler } = plan;
    const chosen =
      sampler === null || sampler.kind === "tail"
        ? (parentSampled ?? true)
        : isSampled(sampler, context.traceId, parentSampled);
    context.sampled = wanted && chosen;
    return true;
  }

  hasRemoteParent(context: TraceContext): boolean {
    return context.parentSpanId !== "";
  }

  beginChild(parent: TraceContext, _kind: SpanKind, context: TraceContext): void {
    context.copyFrom(parent);
    context.parentSpanId = parent.spanId;
    context.spanId = this.ids.span();
  }

  inject(context: TraceContext, headers: HeaderBlock): void {
    headers.replace(TRACEPARENT, formatTraceparent(context));
    if (this.tail === null || context.state !== "") headers.replace(TRACESTATE, context.state);
    if (this.tail !== null && (headers.has(B3) || headers.has(X_B3_TRACEID))) writeB3(context, headers);
  }

  report(span: Span): void {
    this.reporter.report(span);
  }
}
