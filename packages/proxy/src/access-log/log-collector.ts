import { ProtoWriter } from "@tulle/telemetry/proto";
import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import type { LogCollectorPlan } from "../plan/log-collector-plan.ts";
import type { Counter } from "../stats/index.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { GrpcStream } from "../upstream/grpc-stream.ts";
import type { CollectedLogsContext } from "./collected-logs.ts";

const STREAM_METHOD = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";
const EXPORT_METHOD = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

const FLUSH_TIMER = 0;
const IDLE_TIMER = 1;
/** A log that has nothing to say for so long may be one whose configuration has gone: it holds no stream. */
const IDLE_MS = 300_000;
/** Of a log that gathers nothing: what waits for a stream that is full. Envoy has no such bound. */
const UNBUFFERED_BYTES = 16_384;

/**
 * Gathers entries and sends them: by default what there is after a second, or 16 KiB. Never waits: what the collector does not take in time is dropped,
 * and counted. Envoy `source/extensions/access_loggers/common/grpc_access_logger.h`, `grpc_access_logger_clients.h`.
 */
export class LogCollector implements TimerOwner {
  private readonly plan: LogCollectorPlan;
  private readonly context: CollectedLogsContext;
  private readonly written: Counter;
  private readonly dropped: Counter;
  private entries: Uint8Array[] = [];
  private bytes = 0;
  private stream: GrpcStream | null = null;
  private readonly flushTimer = new Timer(this, FLUSH_TIMER);
  private readonly idleTimer = new Timer(this, IDLE_TIMER);

  constructor(plan: LogCollectorPlan, context: CollectedLogsContext) {
    this.plan = plan;
    this.context = context;
    this.written = context.stats.counter(`${plan.statPrefix}logs_written`);
    this.dropped = context.stats.counter(`${plan.statPrefix}logs_dropped`);
  }

  /**
   * Whether an entry is to be made: it is counted here as written, or as dropped. Of connections Envoy counts none, and OpenTelemetry's
   * when they have been answered.
   */
  takes(): boolean {
    const { protocol } = this.plan;
    if (this.isFull) this.flush();
    const takes = !this.isFull;
    if (!takes) this.dropped.value++;
    else if (protocol === "http") this.written.value++;
    return takes;
  }

  private get isFull(): boolean {
    return this.bytes >= (this.plan.bufferBytes || UNBUFFERED_BYTES);
  }

  add(entry: Uint8Array): void {
    const { plan, context } = this;
    const { timers, turn } = context.net;
    this.entries.push(entry);
    this.bytes += entry.length;
    if (this.bytes >= plan.bufferBytes) this.flush();
    else if (!this.flushTimer.armed) timers.arm(this.flushTimer, turn.now, plan.flushMs);
  }

  onTimer(kind: number): void {
    if (kind === FLUSH_TIMER) this.flush();
    else {
      this.stream?.end();
      this.stream = null;
    }
  }

  /** Entries stay where the stream is full; where there is no stream to be had they are lost. */
  private flush(): void {
    const { entries, context, plan } = this;
    const { timers, turn } = context.net;
    timers.disarm(this.flushTimer);
    if (entries.length === 0) return;
    if (this.stream?.isFull === true) {
      timers.arm(this.flushTimer, turn.now, plan.flushMs);
      return;
    }
    this.entries = [];
    this.bytes = 0;
    const cluster = context.findCluster(plan.cluster)?.current ?? null;
    if (cluster === null) return;
    if (plan.protocol === "opentelemetry") this.call(cluster, entries);
    else this.sendOn(cluster, entries);
    timers.disarm(this.idleTimer);
    timers.arm(this.idleTimer, turn.now, IDLE_MS);
  }

  private sendOn(cluster: Cluster, entries: readonly Uint8Array[]): void {
    const { plan, context } = this;
    const isNew = this.stream === null;
    if (isNew) {
      const { authority, headers } = plan;
      let opened: GrpcStream | null = null;
      opened = context.client.openGrpc(cluster, { authority, path: STREAM_METHOD, headers }, () => {
        // One that was idle may end when there is another.
        if (this.stream === opened) this.stream = null;
      });
      this.stream = opened;
    }
    this.stream?.send(this.message(entries, isNew));
  }

  /** `StreamAccessLogsMessage`. The first one of a stream says whose it is. */
  private message(entries: readonly Uint8Array[], isFirst: boolean): Uint8Array {
    const { plan, context } = this;
    const writer = new ProtoWriter();
    for (let i = entries.length - 1; i >= 0; i--) writer.raw(1, entries[i]);
    writer.message(plan.protocol === "tcp" ? 3 : 2, 0);
    if (isFirst) {
      const end = writer.length;
      writer.string(2, plan.logName);
      writer.raw(1, context.node.message());
      writer.message(1, end);
    }
    return writer.finish();
  }

  private call(cluster: Cluster, entries: readonly Uint8Array[]): void {
    const { authority, headers } = this.plan;
    const message = this.request(entries);
    this.context.client.callGrpc(
      cluster,
      { authority, path: EXPORT_METHOD, message, timeoutMs: 0, headers },
      (answer) => {
        (answer === null ? this.dropped : this.written).value += entries.length;
      },
    );
  }

  /** `ExportLogsServiceRequest`. */
  private request(entries: readonly Uint8Array[]): Uint8Array {
    const writer = new ProtoWriter();
    for (let i = entries.length - 1; i >= 0; i--) writer.raw(2, entries[i]);
    writer.message(2, 0);
    writer.raw(1, this.resource());
    writer.message(1, 0);
    return writer.finish();
  }

  /** In Envoy's order, before what is configured. */
  private resource(): Uint8Array {
    const { plan, context } = this;
    const { node } = context;
    const writer = new ProtoWriter();
    const names: readonly (readonly [string, string])[] = plan.namesNode
      ? [
          ["log_name", plan.logName],
          ["zone_name", node.zone],
          ["cluster_name", node.cluster],
          ["node_name", node.id],
        ]
      : [];
    for (const [name, value] of names.toReversed()) {
      const end = writer.length;
      writer.string(1, value);
      writer.message(2, end);
      writer.string(1, name);
      writer.message(1, end);
    }
    const own = writer.finish();
    const all = new Uint8Array(own.length + plan.resource.length);
    all.set(own);
    all.set(plan.resource, own.length);
    return all;
  }

  /** What there is leaves, if it can. */
  close(): void {
    this.flush();
    this.context.net.timers.disarm(this.idleTimer);
    this.stream?.end();
    this.stream = null;
  }
}
