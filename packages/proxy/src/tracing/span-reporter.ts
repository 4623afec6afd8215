import type { Span } from "@tulle/telemetry/tracing";
import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import { RequestHead } from "../codec/messages.ts";
import type { AsyncCallbacks, AsyncClient } from "../http/async-client.ts";
import type { NetContext } from "../net/context.ts";
import type { CollectorPlan } from "../plan/tracing-plan.ts";
import type { Counter } from "../stats/index.ts";
import type { Cluster } from "../upstream/cluster.ts";

export interface ReporterOptions {
  readonly collector: CollectorPlan;
  readonly contentType: string;
  /** "" for none. */
  readonly userAgent: string;
  encode(spans: readonly Span[]): Uint8Array;
  /** Spans that may wait; those beyond are dropped. */
  readonly capacity: number;
  readonly spansSent: Counter;
  readonly spansDropped: Counter | null;
  readonly timerFlushed: Counter;
  /** Spans were to be sent, and there is no such cluster. */
  readonly skippedNoCluster: Counter | null;
  readonly callbacks: AsyncCallbacks;
}

/** What all reporters of a data plane share. */
export interface ReporterContext {
  readonly net: NetContext;
  readonly client: AsyncClient;
}

/** Envoy counts no answers to reports by gRPC: the cluster's stats tell. */
function ignore(): void {}

/**
 * Collects spans and sends them in batches: by default every five, or what there is after five seconds. Never waits for a collector: what its
 * cluster's circuit breakers do not let through is lost.
 */
export class SpanReporter implements TimerOwner {
  private readonly context: ReporterContext;
  private readonly options: ReporterOptions;
  private spans: Span[] = [];
  private readonly timer = new Timer(this, 0);

  constructor(context: ReporterContext, options: ReporterOptions) {
    this.context = context;
    this.options = options;
  }

  report(span: Span): void {
    const { spans, options } = this;
    if (spans.length >= options.capacity) {
      if (options.spansDropped !== null) options.spansDropped.value++;
      this.flush();
      return;
    }
    spans.push(span);
    if (spans.length >= options.collector.minFlushSpans.value) this.flush();
    else if (!this.timer.armed) {
      const { timers, turn } = this.context.net;
      timers.arm(this.timer, turn.now, options.collector.flushIntervalMs.value);
    }
  }

  onTimer(): void {
    this.options.timerFlushed.value++;
    this.flush();
  }

  private flush(): void {
    const { spans, options, context } = this;
    context.net.timers.disarm(this.timer);
    if (spans.length === 0) return;
    this.spans = [];
    options.spansSent.value += spans.length;
    const cluster = options.collector.cluster.current;
    if (cluster === null) {
      if (options.skippedNoCluster !== null) options.skippedNoCluster.value++;
      return;
    }
    try {
      this.send(cluster, options.encode(spans));
    } catch (error) {
      // Of the spans, not of the request that was told of last.
      context.net.reportBug(error);
    }
  }

  private send(cluster: Cluster, message: Uint8Array): void {
    const { context, options } = this;
    const { collector } = options;
    const timeoutMs = collector.timeoutMs.value;
    if (collector.isGrpc) {
      const { authority, path, headers } = collector;
      context.client.callGrpc(
        cluster,
        { authority, path, message, timeoutMs, headers: Object.fromEntries(headers) },
        ignore,
      );
    } else context.client.send(cluster, this.head(), message, timeoutMs, options.callbacks);
  }

  private head(): RequestHead {
    const { collector, contentType, userAgent } = this.options;
    const head = new RequestHead();
    head.method = "POST";
    head.path = collector.path;
    head.authority = collector.authority;
    head.headers.appendNamed("content-type", contentType);
    if (userAgent !== "") head.headers.appendNamed("user-agent", userAgent);
    for (const [name, value] of collector.headers) {
      head.headers.removeNamed(name);
      head.headers.appendNamed(name, value);
    }
    return head;
  }
}
