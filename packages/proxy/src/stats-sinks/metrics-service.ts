import { ProtoWriter } from "@tulle/telemetry/proto";
import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import type { AsyncClient } from "../http/async-client.ts";
import type { NetContext } from "../net/context.ts";
import type { ClusterRef } from "../plan/cluster-plan.ts";
import type { StatsPlan } from "../plan/compile-stats.ts";
import type { MetricsServicePlan } from "../plan/compile-stats-sinks.ts";
import { type Counter, Gauge, Histogram, type StatsRegistry } from "../stats/index.ts";
import { labelled } from "../stats/prometheus.ts";
import { shownName } from "../stats/text.ts";
import type { GrpcStream } from "../upstream/grpc-stream.ts";
import {
  COUNTER,
  type FamilyHead,
  type HistogramValues,
  GAUGE,
  encodeHead,
  writeHistogram,
  writeSummary,
  writeValue,
} from "./family.ts";

const METHOD = "/envoy.service.metrics.v3.MetricsService/StreamMetrics";

export interface SinkContext {
  readonly net: NetContext;
  readonly client: AsyncClient;
  readonly stats: StatsRegistry;
  readonly statsPlan: StatsPlan;
  readonly flushMs: number;
  /** Brings those metrics up to date that nobody counts as they happen. */
  refresh(): void;
  /** Who this proxy is (`Node`). */
  readonly nodeMessage: () => Uint8Array;
  readonly findCluster: (name: string) => ClusterRef | null;
  /** As they stand in stat names. */
  clusterNames(): ReadonlySet<string>;
}

/** What a server has been told of a metric. */
interface Told {
  readonly head: FamilyHead;
  isNew: boolean;
  value: number;
  /** Of histograms: how often it had begun anew. */
  resets: number;
  /** Of histograms: what it was told until now. */
  values: HistogramValues | null;
  /** Its exemplars until then are known; ms since 1970. */
  exemplarsSince: number;
  /** The same, for summaries. */
  before: Histogram | null;
}

/** A metric that is to be told. */
interface Due {
  readonly told: Told;
  readonly metric: Counter | Gauge | Histogram;
}

const FLUSH = 0;
const NEXT_SLICE = 1;
/** A flush of more is made of several turns: a thousand metrics take about 2 ms, and one whose 25 labels are encoded for the first time as long as ten. */
const SLICE = 1_000;
const NEW_METRIC = 10;
/** Flushes name what has changed, and so often everything: who keeps it can tell what is idle from what is gone (docs/decisions/0040). */
const REFRESH_MS = 55_000;

/**
 * Streams metrics to a server: first all of them, then those that changed, every minute all again. Never waits: while the server does not keep up flushes are
 * left out, and the next one says what they would have. A stream that ends is opened again with the next flush. Envoy
 * `source/extensions/stat_sinks/metrics_service/grpc_metrics_service_impl.cc`; it names every metric in every flush.
 */
export class MetricsService implements TimerOwner {
  private readonly plan: MetricsServicePlan;
  private readonly context: SinkContext;
  private readonly timer = new Timer(this, FLUSH);
  private readonly sliceTimer = new Timer(this, NEXT_SLICE);
  private readonly writer = new ProtoWriter();
  private readonly told = new WeakMap<Counter | Gauge | Histogram, Told>();
  private stream: GrpcStream | null = null;
  /** The stream has not said yet whose it is. */
  private isNew = false;
  private refreshedAt = -Infinity;
  /** Of the flush under way. */
  private rest: Iterator<Counter | Gauge | Histogram> | null = null;
  private everything = false;
  private timeMs = 0;
  private clusterNames: ReadonlySet<string> | null = null;

  constructor(plan: MetricsServicePlan, context: SinkContext) {
    this.plan = plan;
    this.context = context;
  }

  start(): void {
    const { net, flushMs } = this.context;
    net.timers.arm(this.timer, net.turn.now, flushMs);
  }

  onTimer(kind: number): void {
    if (kind === NEXT_SLICE) this.slice();
    else {
      this.start();
      this.flush();
    }
  }

  private flush(): void {
    // The one before is not through.
    if (this.rest !== null || !this.open()) return;
    const { net, stats } = this.context;
    const { now } = net.turn;
    this.everything = this.isNew || now - this.refreshedAt >= REFRESH_MS;
    if (this.everything) this.refreshedAt = now;
    this.timeMs = Math.floor(net.wallMs());
    this.clusterNames = null;
    this.context.refresh();
    this.rest = all(stats);
    this.slice();
  }

  /** Whether there is a stream that takes something. */
  private open(): boolean {
    const { context, plan } = this;
    if (this.stream !== null) return !this.stream.isFull;
    const cluster = context.findCluster(plan.cluster)?.current ?? null;
    if (cluster === null) return false;
    const { authority, headers } = plan;
    this.stream = context.client.openGrpc(cluster, { authority, path: METHOD, headers }, () => {
      this.stream = null;
      this.rest = null;
    });
    this.isNew = true;
    return this.stream !== null;
  }

  private slice(): void {
    const { rest } = this;
    if (rest === null) return;
    try {
      this.sliceOf(rest);
    } catch (error) {
      // The next flush says what this one would have.
      this.rest = null;
      this.context.net.reportBug(error);
    }
  }

  private sliceOf(rest: Iterator<Counter | Gauge | Histogram>): void {
    const due: Due[] = [];
    let done = false;
    for (let work = 0; work < SLICE && !done; work++) {
      const next = rest.next();
      done = next.done === true;
      if (next.done === true) break;
      const told = this.changed(next.value);
      if (told === null) continue;
      if (told.isNew) work += NEW_METRIC;
      told.isNew = false;
      due.push({ told, metric: next.value });
    }
    this.send(due);
    if (done) this.rest = null;
    else if (this.rest !== null) {
      const { net } = this.context;
      net.timers.arm(this.sliceTimer, net.turn.now, 0);
    }
  }

  /** Null: there is nothing to be said of it. Nor is there of what has never counted, as in Envoy. */
  private changed(metric: Counter | Gauge | Histogram): Told | null {
    let told = this.told.get(metric);
    const value = metric instanceof Histogram ? metric.count : metric.value;
    if (told === undefined) {
      if (value === 0) return null;
      const head = this.head(metric);
      told = { head, isNew: true, value: 0, values: null, resets: 0, exemplarsSince: 0, before: null };
      this.told.set(metric, told);
      return told;
    }
    return this.everything || value !== told.value ? told : null;
  }

  private head(metric: Counter | Gauge | Histogram): FamilyHead {
    const { statsPlan } = this.context;
    if (!this.plan.labels) return encodeHead(shownName(metric), []);
    this.clusterNames ??= this.context.clusterNames();
    const { name, tags } = labelled(metric, { clusterNames: this.clusterNames, plan: statsPlan });
    return encodeHead(
      name,
      // Their names for Prometheus are made of these. (Envoy `source/common/config/well_known_names.cc`)
      tags.map(([label, value]) => [label.replace(/^envoy_/, "envoy."), value] as const),
    );
  }

  private send(due: readonly Due[]): void {
    const { batchSize } = this.plan;
    const size = Math.min(batchSize, SLICE);
    for (let from = 0; from < due.length && this.stream !== null; from += size) {
      this.stream.send(this.message(due, from, Math.min(from + size, due.length)));
    }
  }

  /** `StreamMetricsMessage`, written from its end. The first one of a stream says whose it is. */
  private message(due: readonly Due[], from: number, to: number): Uint8Array {
    const { writer } = this;
    writer.clear();
    for (let i = to - 1; i >= from; i--) this.write(due[i]);
    if (this.isNew) {
      this.isNew = false;
      const end = writer.length;
      writer.raw(1, this.context.nodeMessage());
      writer.message(1, end);
    }
    return writer.finish();
  }

  private write({ told, metric }: Due): void {
    const { writer, plan, timeMs } = this;
    if (metric instanceof Histogram) {
      this.writeHistogram(told, metric);
      return;
    }
    const { value } = metric;
    const isGauge = metric instanceof Gauge;
    const shown = plan.deltas && !isGauge ? value - (value < told.value ? 0 : told.value) : value;
    told.value = value;
    // Gauges are unsigned.
    writeValue(writer, told.head, isGauge ? GAUGE : COUNTER, shown < 0 ? shown + 2 ** 64 : shown, timeMs);
  }

  private writeHistogram(told: Told, histogram: Histogram): void {
    const { writer, plan, timeMs } = this;
    const { count, sum } = histogram;
    if (plan.histograms) {
      const before = histogram.resets === told.resets ? told.values : null;
      const values = { count, sum, counts: histogram.cumulative() };
      const came = before === null ? values : difference(values, before);
      writeHistogram(writer, told.head, came, histogram, told.exemplarsSince, timeMs);
      told.values = values;
      const { exemplars } = histogram;
      if (exemplars !== null) told.exemplarsSince = exemplars.newest;
    }
    if (plan.summaries) {
      writeSummary(writer, told.head, told.before === null ? histogram : histogram.since(told.before), timeMs);
      told.before = histogram.copy();
    }
    told.value = count;
    told.resets = histogram.resets;
  }

  /** What there is leaves, if it can. */
  close(): void {
    const { timers } = this.context.net;
    timers.disarm(this.timer);
    timers.disarm(this.sliceTimer);
    this.flush();
    while (this.rest !== null) this.slice();
    timers.disarm(this.sliceTimer);
    this.stream?.end();
    this.stream = null;
  }
}

function difference(values: HistogramValues, before: HistogramValues): HistogramValues {
  return {
    count: values.count - before.count,
    sum: Math.max(0, values.sum - before.sum),
    counts: values.counts.map((count, i) => count - before.counts[i]),
  };
}

function* all(stats: StatsRegistry): Iterator<Counter | Gauge | Histogram> {
  yield* stats.counters();
  yield* stats.gauges();
  yield* stats.histograms();
}
