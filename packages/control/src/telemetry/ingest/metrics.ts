/**
 * Metrics as Envoy's metrics service sends them, families in Prometheus' data model, become the series that a Prometheus would have that
 * scrapes `/stats/prometheus`. (prometheus/client_model io/prometheus/client/metrics.proto, Envoy source/extensions/stat_sinks/metrics_service)
 */
import type { Exemplar, Labels } from "@tulle/telemetry/records";
import type { TelemetryCore } from "../core.ts";
import type { Sender } from "../sender.ts";
import { SERIES_LIMITS } from "../store/series-limits.ts";
import type { Flush } from "../store/series-store.ts";
import { IngestError } from "./ingest-error.ts";
import type { IngestReport } from "./ingest-report.ts";
import { exposedName, labelsOf, targetLabels } from "./metric-names.ts";
import { WireReader } from "./wire-reader.ts";
import type { Hash } from "./wire-reader.ts";

/** MetricType. Summaries are not among what Envoy exposes to Prometheus: histograms say the same. */
const COUNTER = 0;
const SUMMARY = 2;
const HISTOGRAM = 4;
/** Of one histogram: Envoy has 19 buckets. */
const MAX_BUCKETS = 256;

interface Family {
  readonly flush: Flush;
  readonly target: Labels;
  readonly name: string;
  readonly type: number;
  readonly nowMs: number;
}

/** One StreamMetricsMessage. Throws IngestError. */
export function ingestMetrics({ series, clock }: TelemetryCore, from: Sender, bytes: Uint8Array): IngestReport {
  if (from.proxy === undefined) throw new IngestError("metrics come from proxies only");
  const nowMs = clock.now();
  const target = targetLabels(from.proxy);
  const report = { accepted: 0, refused: 0, reason: "" };
  let flush: Flush | undefined;
  const take = (name: string, type: number, metric: WireReader): void => {
    flush ??= series.flush(from.id, nowMs, timeOf(metric.again()));
    if (takeMetric(metric, { flush, target, name, type, nowMs })) report.accepted++;
    else report.refused++;
  };
  const reader = WireReader.of(bytes);
  while (reader.next()) {
    if (reader.field === 2) readFamily(reader.message(), take);
    else reader.skip();
  }
  return report;
}

/** Name and type stand before the metrics, as everybody writes them. */
function readFamily(reader: WireReader, take: (name: string, type: number, metric: WireReader) => void): void {
  let name = "";
  let type = COUNTER;
  while (reader.next()) {
    if (reader.field === 1) name = exposedName(reader.text());
    else if (reader.field === 3) type = reader.uint();
    else if (reader.field === 4 && type !== SUMMARY) take(name, type, reader.message());
    else reader.skip();
  }
}

function timeOf(metric: WireReader): number {
  while (metric.next()) {
    if (metric.field === 6) return metric.int();
    metric.skip();
  }
  return 0;
}

interface Bucket {
  count: number;
  bound: number;
  exemplar: Exemplar | undefined;
}

/** Labels are read only of series that are new: what is known is found by a hash of their bytes. False: it is not kept. */
function takeMetric(metric: WireReader, family: Family): boolean {
  const again = metric.again();
  const hash: Hash = seedOf(family.name);
  let value = 0;
  let exemplar: Exemplar | undefined;
  let [count, sum] = [0, 0];
  const buckets: Bucket[] = [];
  while (metric.next()) {
    if (metric.field === 1) metric.hashInto(hash);
    else if (metric.field === 2 || metric.field === 3 || metric.field === 5) {
      const inner = metric.message();
      while (inner.next()) {
        if (inner.field === 1) value = inner.double();
        else if (inner.field === 2 && metric.field === 2) exemplar = readExemplar(inner.message(), family.nowMs);
        else inner.skip();
      }
    } else if (metric.field === 7) {
      const inner = metric.message();
      while (inner.next()) {
        if (inner.field === 1) count = inner.uint();
        else if (inner.field === 2) sum = inner.double();
        else if (inner.field === 3 && buckets.length <= MAX_BUCKETS) {
          buckets.push(readBucket(inner.message(), family.nowMs));
        } else inner.skip();
      }
    } else metric.skip();
  }
  const { flush } = family;
  const bounded = buckets.filter(({ bound }) => bound !== Infinity);
  const unbounded = buckets.find(({ bound }) => bound === Infinity);
  // Two that have other buckets, or are of another type, are two.
  const key = (hash.high >>> 0) * 2 ** 21 + ((hash.low ^ (bounded.length * 8 + family.type)) & 0x1fffff);
  if (family.type !== HISTOGRAM) {
    const [series] = flush.find(key) ?? flush.add(key, [labelsOf(family.name, readLabels(again), family.target)]);
    if (series === undefined) return false;
    flush.set(series, value);
    if (exemplar !== undefined) flush.exemplar(series, exemplar);
    return true;
  }
  if (buckets.length > MAX_BUCKETS) return false;
  const series = flush.find(key) ?? flush.add(key, histogramLabels(family, readLabels(again), bounded));
  // None: it is not kept. Others: of something else with the same hash, whose series are not this one's to change.
  if (series.length !== bounded.length + 3) return false;
  // Envoy tells what came since the last flush. (grpc_metrics_service_impl.cc flushHistogram: intervalStatistics)
  for (const [index, { count, exemplar }] of bounded.entries()) {
    flush.increase(series[index]!, count);
    if (exemplar !== undefined) flush.exemplar(series[index]!, exemplar);
  }
  const rest = bounded.length;
  flush.increase(series[rest]!, count);
  if (unbounded?.exemplar !== undefined) flush.exemplar(series[rest]!, unbounded.exemplar);
  flush.increase(series[rest + 1]!, sum);
  flush.increase(series[rest + 2]!, count);
  return true;
}

/** Of its buckets, then of the one for everything, of sum and count. */
function histogramLabels({ name, target }: Family, labels: readonly string[], buckets: readonly Bucket[]): Labels[] {
  const bounds = [...buckets.map(({ bound }) => String(bound)), "+Inf"];
  return [
    ...bounds.map((bound) => labelsOf(`${name}_bucket`, [...labels, "le", bound], target)),
    labelsOf(`${name}_sum`, labels, target),
    labelsOf(`${name}_count`, labels, target),
  ];
}

function readBucket(reader: WireReader, nowMs: number): Bucket {
  const bucket: Bucket = { count: 0, bound: 0, exemplar: undefined };
  while (reader.next()) {
    if (reader.field === 1) bucket.count = reader.uint();
    else if (reader.field === 2) bucket.bound = reader.double();
    else if (reader.field === 3) bucket.exemplar = readExemplar(reader.message(), nowMs);
    else reader.skip();
  }
  return bucket;
}

/** Names and values in turn, as they were sent. */
function readLabels(metric: WireReader): string[] {
  const labels: string[] = [];
  while (metric.next()) {
    // One more than may be, so that it is refused.
    if (metric.field === 1 && labels.length <= SERIES_LIMITS.labels * 2) readLabel(metric.message(), labels);
    else metric.skip();
  }
  return labels;
}

function readLabel(reader: WireReader, into: string[]): void {
  let [name, value] = ["", ""];
  while (reader.next()) {
    if (reader.field === 1) name = reader.text();
    else if (reader.field === 2) value = reader.text();
    else reader.skip();
  }
  into.push(name, value);
}

/** (OpenMetrics: 128 characters in all of an exemplar's labels) */
const MAX_EXEMPLAR_CHARACTERS = 128;

/** Undefined: longer than it may be. */
function readExemplar(reader: WireReader, nowMs: number): Exemplar | undefined {
  const labels: string[] = [];
  let [value, timeMs] = [0, nowMs];
  while (reader.next()) {
    if (reader.field === 1 && labels.length <= MAX_EXEMPLAR_CHARACTERS) readLabel(reader.message(), labels);
    else if (reader.field === 2) value = reader.double();
    else if (reader.field === 3) timeMs = readTimestamp(reader.message());
    else reader.skip();
  }
  const characters = labels.reduce((length, text) => length + text.length, 0);
  if (characters > MAX_EXEMPLAR_CHARACTERS) return undefined;
  return { labels: labelsOf("", labels, {}), value, timeMs };
}

function readTimestamp(reader: WireReader): number {
  let [seconds, nanos] = [0, 0];
  while (reader.next()) {
    if (reader.field === 1) seconds = reader.int();
    else if (reader.field === 2) nanos = reader.int();
    else reader.skip();
  }
  return seconds * 1000 + Math.floor(nanos / 1_000_000);
}

function seedOf(name: string): Hash {
  let [high, low] = [0x811c9dc5 | 0, 0x9747b28c | 0];
  for (let at = 0; at < name.length; at++) {
    high = Math.imul(high ^ name.charCodeAt(at), 0x01000193);
    low = Math.imul(low ^ name.charCodeAt(at), 0x5bd1e995) ^ (low >>> 15);
  }
  return { high, low };
}
