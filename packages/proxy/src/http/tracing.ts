/** Tracing of one connection manager: what becomes of a request's span from its head to its end. Envoy `ConnectionManagerImpl::ActiveStream::traceRequest`. */
import { Span, TraceContext } from "@tulle/telemetry/tracing";
import type { HeaderBlock } from "../codec/header-block.ts";
import { X_ENVOY_DECORATOR_OPERATION } from "../codec/header-names.ts";
import type { Turn } from "../net/turn.ts";
import type { HttpConnectionManagerPlan } from "../plan/listener-plan.ts";
import type { Format } from "../plan/format/format.ts";
import type { TracingPlan } from "../plan/tracing-plan.ts";
import type { Counter, StatsRegistry } from "../stats/index.ts";
import type { SpanKinds, Tracer } from "../tracing/tracer.ts";
import type { TailSampler } from "../tracing/tail-sampler.ts";
import type { Tracers } from "../tracing/tracers.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Host } from "../upstream/host.ts";
import type { AsyncCallbacks } from "./async-request.ts";
import type { Exchange } from "./exchange.ts";
import type { RequestTrace } from "./request-trace.ts";
import type { ResponseFlag } from "./response-flags.ts";
import { tagCustom, tagDestination, tagGrpcStatus, tagPlace, tagRequestSpan, tagUpstreamSpan } from "./span-tags.ts";
import { NOT_TRACEABLE, SAMPLING, decideTrace, setTraceReason } from "./trace-decision.ts";
import type { UpstreamRequest } from "./upstream-request.ts";

const NO_KINDS: SpanKinds = { request: "server", upstream: "client" };

export class ConnectionManagerTracing {
  readonly plan: TracingPlan;
  private readonly manager: HttpConnectionManagerPlan;
  private readonly egress: boolean;
  /** Null: decisions and decorators only. */
  private readonly tracer: Tracer | null;
  private readonly kinds: SpanKinds;
  /** Of the tracer. */
  private readonly tail: TailSampler | null;
  private readonly tracers: Tracers;
  /** By reason. */
  private readonly counters: readonly Counter[];
  /** Of the attempt that is being told of it. */
  private readonly scratch = new TraceContext();

  constructor(
    plan: TracingPlan,
    manager: HttpConnectionManagerPlan,
    egress: boolean,
    tracers: Tracers,
    stats: StatsRegistry,
  ) {
    this.plan = plan;
    this.manager = manager;
    this.egress = egress;
    this.tracers = tracers;
    this.tracer = plan.provider === null ? null : tracers.get(plan.provider);
    this.tail = this.tracer === null ? null : this.tracer.tail;
    this.kinds = this.tracer === null ? NO_KINDS : this.tracer.kinds(egress, plan.independentHop);
    const counter = (name: string): Counter => stats.counter(`http.${manager.statPrefix}.tracing.${name}`);
    this.counters = ["not_traceable", "random_sampling", "service_forced", "client_enabled"].map(counter);
    counter("health_check");
  }

  /** The route is chosen, no filter has seen the request. */
  start(exchange: Exchange): void {
    const { request, route, trace, context } = exchange;
    const { plan, tracer, kinds } = this;
    const sampling = route !== null && route.tracing !== null ? route.tracing.sampling : plan.sampling;
    const { requestIds } = this.manager;
    // Decided once; what follows a redirect goes by what the request has been told since.
    let reason =
      exchange.redirects === null ? decideTrace(request.headers, requestIds, sampling, context.random) : NOT_TRACEABLE;
    if (tracer !== null && tracer.begin(request, kinds.request, reason !== NOT_TRACEABLE, trace.context)) {
      trace.hasSpan = true;
      exchange.traceId = trace.context.traceId;
      if (tracer.tellsSpanIds) exchange.spanId = trace.context.spanId;
      if (trace.context.sampled) {
        this.startSpan(exchange, tracer);
        if (tracer.tail !== null && reason === NOT_TRACEABLE) {
          reason = SAMPLING;
          setTraceReason(request.headers, requestIds, reason);
        }
      }
    }
    this.counters[reason].value++;
    trace.reason = reason;
    const operation = this.configuredOperation(exchange);
    if (operation === null) {
      this.decorate(exchange);
      return;
    }
    trace.isNamed = true;
    if (trace.span !== null) trace.span.name = operation.format(exchange) || trace.span.name;
  }

  private configuredOperation({ route }: Exchange): Format | null {
    return (route === null || route.tracing === null ? null : route.tracing.operation) ?? this.plan.operation;
  }

  private startSpan(exchange: Exchange, tracer: Tracer): Span {
    const { request, trace, startedAt } = exchange;
    const { id, zone } = this.tracers.node;
    trace.wallOffsetMs = wallOffset(exchange);
    const remote = tracer.hasRemoteParent(trace.context);
    const operation = tracer.operation(request, this.egress);
    const span = new Span(this.kinds.request, trace.context, remote, operation, wallMicros(trace, startedAt));
    span.setTag("node_id", id);
    span.setTag("zone", zone);
    trace.span = span;
    return span;
  }

  /** The route may name the span, and the two ends of a request tell each other. */
  private decorate(exchange: Exchange): void {
    const { request, trace, route } = exchange;
    const { headers } = request;
    const decorator = route === null ? null : route.decorator;
    if (decorator !== null) {
      name(trace, decorator.operation);
      if (decorator.propagate) trace.decoration = decorator.operation;
    }
    if (this.egress) {
      if (trace.decoration !== "") headers.set(X_ENVOY_DECORATOR_OPERATION, trace.decoration);
    } else if (headers.has(X_ENVOY_DECORATOR_OPERATION)) {
      const operation = headers.get(X_ENVOY_DECORATOR_OPERATION);
      headers.remove(X_ENVOY_DECORATOR_OPERATION);
      if (operation === "") return;
      name(trace, operation);
      trace.decoration = "";
    }
  }

  /** A response's head is about to leave. */
  onResponse(exchange: Exchange): void {
    const { trace, response } = exchange;
    const { headers } = response;
    if (trace.isNamed) return;
    if (!this.egress) {
      if (trace.decoration !== "") headers.set(X_ENVOY_DECORATOR_OPERATION, trace.decoration);
    } else if (headers.has(X_ENVOY_DECORATOR_OPERATION)) {
      const operation = headers.get(X_ENVOY_DECORATOR_OPERATION);
      headers.remove(X_ENVOY_DECORATOR_OPERATION);
      if (operation !== "") name(trace, operation);
    }
  }

  /** The span of an attempt, where attempts have their own; null: it is not reported. */
  startUpstreamSpan(exchange: Exchange, cluster: Cluster): Span | null {
    const { trace, context, attemptCount, route } = exchange;
    const { tracer, scratch, kinds } = this;
    const { upstreamSpans } = this.plan;
    if (trace.span === null || tracer === null || upstreamSpans === "none") return null;
    if (upstreamSpans === "retries" && attemptCount <= 1) return null;
    tracer.beginChild(trace.context, kinds.upstream, scratch);
    const named = route?.tracing?.upstreamOperation ?? this.plan.upstreamOperation;
    const operation = named?.format(exchange) || upstreamOperation(cluster);
    const span = new Span(kinds.upstream, scratch, false, operation, wallMicros(trace, context.net.turn.now));
    if (attemptCount > 1) span.setTag("retry.count", String(attemptCount - 1));
    return span;
  }

  /** @param status 0 if no response has begun */
  finishUpstreamSpan(
    exchange: Exchange,
    span: Span,
    attempt: UpstreamRequest,
    status: number,
    flag: ResponseFlag,
  ): void {
    tagUpstreamSpan(span, attempt.cluster, attempt.host, attempt.info.protocol, status, flag);
    if (this.tail !== null) tagDestination(span, attempt.host);
    tagCustom(span, exchange, this.plan);
    this.end(exchange, span);
  }

  /**
   * Tells the upstream of a copy of the request, which always has a span of its own.
   * @param sampled what the mirror policy says, null: as the request
   * @returns who is to hear how the copy ended, if its span is reported
   */
  startMirrorSpan(
    exchange: Exchange,
    headers: HeaderBlock,
    cluster: Cluster,
    host: Host,
    sampled: boolean | null,
  ): AsyncCallbacks | null {
    const { trace, context } = exchange;
    const { tracer, scratch } = this;
    if (tracer === null || !trace.hasSpan) return null;
    tracer.beginChild(trace.context, "client", scratch);
    if (sampled !== null) scratch.sampled = sampled;
    if (!this.plan.noContextPropagation) tracer.inject(scratch, headers);
    if (!scratch.sampled) return null;
    const offset = trace.span === null ? wallOffset(exchange) : trace.wallOffsetMs;
    const span = new Span("client", scratch, false, "mirror", (offset + context.net.turn.now) * 1000);
    if (this.tail !== null) tagDestination(span, host);
    return new MirrorSpan(span, tracer, cluster, host, offset, context.net.turn);
  }

  /** Tells an upstream. @param span the attempt's own */
  inject(exchange: Exchange, headers: HeaderBlock, span: Span | null): void {
    const { trace } = exchange;
    const { tracer, scratch, kinds } = this;
    if (tracer === null || !trace.hasSpan || this.plan.noContextPropagation) return;
    if (span !== null) tracer.inject(span.context, headers);
    else if (this.plan.upstreamSpans === "all") {
      tracer.beginChild(trace.context, kinds.upstream, scratch);
      trace.upstreamSpanId = scratch.spanId;
      tracer.inject(scratch, headers);
    } else tracer.inject(trace.context, headers);
  }

  /** An attempt has failed, and another one will be made. */
  onRetry(exchange: Exchange, reason: string): void {
    const { trace, context, attemptCount } = exchange;
    if (!trace.hasSpan || (trace.span === null && this.tail === null)) return;
    const offset = trace.span === null ? wallOffset(exchange) : trace.wallOffsetMs;
    const event = {
      name: `attempt ${attemptCount} failed: ${reason}`,
      atMicros: (offset + context.net.turn.now) * 1000,
    };
    (trace.events ??= []).push(event);
  }

  /** The exchange is over; everything that there is to tell is there. */
  finish(exchange: Exchange): void {
    const { span } = exchange.trace;
    if (span !== null) this.finishSpan(exchange, span);
    else if (this.tail !== null && this.tail.keeps(exchange)) this.keep(exchange);
  }

  private finishSpan(exchange: Exchange, span: Span): void {
    const { events } = exchange.trace;
    tagRequestSpan(span, exchange, this.plan.maxPathTagLength);
    if (this.tail !== null) tagPlace(span, exchange);
    if (events !== null) span.events.push(...events);
    tagCustom(span, exchange, this.plan);
    this.end(exchange, span);
  }

  /** Nobody had chosen the request: its spans are made of what is known of it now. */
  private keep(exchange: Exchange): void {
    const { tracer, kinds, scratch } = this;
    const { trace, upstreamInfo, cluster, host, status, response, responseTrailers } = exchange;
    if (tracer === null) return;
    const span = this.startSpan(exchange, tracer);
    span.name = trace.name || this.configuredOperation(exchange)?.format(exchange) || span.name;
    span.setTag("tulle.kept", "true");
    if (trace.upstreamSpanId !== "" && cluster !== null && upstreamInfo !== null) {
      tracer.beginChild(trace.context, kinds.upstream, scratch);
      scratch.spanId = trace.upstreamSpanId;
      const startedAt = wallMicros(trace, upstreamInfo.poolStartedAt);
      const child = new Span(kinds.upstream, scratch, false, upstreamOperation(cluster), startedAt);
      tagUpstreamSpan(child, cluster, host, upstreamInfo.protocol, status, "");
      tagGrpcStatus(child, response.headers);
      if (responseTrailers !== null) tagGrpcStatus(child, responseTrailers);
      tagDestination(child, host);
      tagCustom(child, exchange, this.plan);
      this.end(exchange, child);
    }
    this.finishSpan(exchange, span);
  }

  /** The span has all its tags. */
  end(exchange: Exchange, span: Span): void {
    span.durationMicros = wallMicros(exchange.trace, exchange.context.net.turn.now) - span.startMicros;
    this.tracer?.report(span);
  }
}

/** Ends a copy's span; the exchange may long be over by then. */
class MirrorSpan implements AsyncCallbacks {
  private readonly span: Span;
  private readonly tracer: Tracer;
  private readonly cluster: Cluster;
  private readonly host: Host;
  private readonly wallOffsetMs: number;
  private readonly turn: Turn;

  constructor(span: Span, tracer: Tracer, cluster: Cluster, host: Host, wallOffsetMs: number, turn: Turn) {
    this.span = span;
    this.tracer = tracer;
    this.cluster = cluster;
    this.host = host;
    this.wallOffsetMs = wallOffsetMs;
    this.turn = turn;
  }

  onResponse(status: number): void {
    const { span } = this;
    tagUpstreamSpan(span, this.cluster, this.host, "HTTP/1.1", status, "");
    span.durationMicros = (this.wallOffsetMs + this.turn.now) * 1000 - span.startMicros;
    this.tracer.report(span);
  }

  onReset(): void {
    this.onResponse(0);
  }

  onCancel(): void {
    this.span.setTag("canceled", "true");
    this.onResponse(0);
  }
}

function upstreamOperation(cluster: Cluster): string {
  return `router ${cluster.plan.statName} egress`;
}

function name(trace: RequestTrace, operation: string): void {
  trace.name = operation;
  if (trace.span !== null) trace.span.name = operation;
}

/** From the turn's clock to ms since 1970. */
function wallOffset({ context }: Exchange): number {
  return context.clock.wallMs() - context.clock.now();
}

/** µs since 1970 of a time of the turn's clock. */
function wallMicros(trace: RequestTrace, at: number): number {
  return (trace.wallOffsetMs + at) * 1000;
}
