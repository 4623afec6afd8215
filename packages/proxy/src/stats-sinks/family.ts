/**
 * Metrics in Prometheus' data model, as Envoy's metrics service sends them: a family for each, with one metric in it; histograms are of what has come
 * since the last flush. (prometheus/client_model io/prometheus/client/metrics.proto, Envoy
 * source/extensions/stat_sinks/metrics_service/grpc_metrics_service_impl.cc)
 */
import { ProtoWriter } from "@tulle/telemetry/proto";
import { type Exemplars, TRACE_ID } from "../stats/exemplars.ts";
import { QUANTILES, type Histogram, type Tags } from "../stats/metric.ts";

/** `MetricType`. */
export const COUNTER = 0;
export const GAUGE = 1;
const SUMMARY = 2;
const HISTOGRAM = 4;

/** What stays the same of a metric from flush to flush. */
export interface FamilyHead {
  /** `MetricFamily.name`, encoded. */
  readonly name: Uint8Array;
  /** `Metric.label`, encoded. */
  readonly labels: Uint8Array;
}

export function encodeHead(name: string, tags: Tags): FamilyHead {
  const writer = new ProtoWriter();
  for (const [label, value] of tags.toReversed()) {
    const end = writer.length;
    writer.text(2, value);
    writer.text(1, label);
    writer.message(1, end);
  }
  const labels = writer.finish();
  writer.clear();
  writer.text(1, name);
  return { name: writer.finish(), labels };
}

/** `StreamMetricsMessage.envoy_metrics` has a counter or a gauge more. */
export function writeValue(
  writer: ProtoWriter,
  { name, labels }: FamilyHead,
  type: typeof COUNTER | typeof GAUGE,
  value: number,
  timeMs: number,
): void {
  const end = writer.length;
  writer.uint(6, timeMs);
  const valueEnd = writer.length;
  writer.double(1, value);
  writer.message(type === COUNTER ? 3 : 2, valueEnd);
  endFamily(writer, name, labels, type, end);
}

/** What has come of a histogram's values: of all of them, and up to each bound. */
export interface HistogramValues {
  readonly count: number;
  readonly sum: number;
  /** Cumulative. */
  readonly counts: readonly number[];
}

/** @param exemplarsSince ms since 1970: those that are newer are told of */
export function writeHistogram(
  writer: ProtoWriter,
  { name, labels }: FamilyHead,
  came: HistogramValues,
  histogram: Histogram,
  exemplarsSince: number,
  timeMs: number,
): void {
  const end = writer.length;
  const { counts } = came;
  const { bounds, exemplars } = histogram;
  if (exemplars !== null && exemplars.times[bounds.length] > exemplarsSince) {
    writeBucket(writer, Infinity, came.count, exemplars, bounds.length);
  }
  for (let i = counts.length - 1; i >= 0; i--) {
    const isNew = exemplars !== null && exemplars.times[i] > exemplarsSince;
    writeBucket(writer, bounds[i], counts[i], isNew ? exemplars : null, i);
  }
  writer.double(2, came.sum);
  writer.uint(1, came.count);
  writer.message(7, end);
  writer.uint(6, timeMs);
  endFamily(writer, name, labels, HISTOGRAM, end);
}

function writeBucket(
  writer: ProtoWriter,
  bound: number,
  count: number,
  exemplars: Exemplars | null,
  bucket: number,
): void {
  const end = writer.length;
  if (exemplars !== null) writeExemplar(writer, exemplars, bucket);
  writer.double(2, bound);
  writer.uint(1, count);
  writer.message(3, end);
}

/** `Bucket.exemplar`. */
function writeExemplar(writer: ProtoWriter, { traceIds, values, times }: Exemplars, bucket: number): void {
  const end = writer.length;
  const seconds = Math.floor(times[bucket] / 1000);
  writer.uint(2, Math.floor((times[bucket] - seconds * 1000) * 1e6));
  writer.uint(1, seconds);
  writer.message(3, end);
  writer.double(2, values[bucket]);
  const labelEnd = writer.length;
  writer.text(2, traceIds[bucket]);
  writer.text(1, TRACE_ID);
  writer.message(1, labelEnd);
  writer.message(3, end);
}

export function writeSummary(writer: ProtoWriter, { name, labels }: FamilyHead, came: Histogram, timeMs: number): void {
  const end = writer.length;
  writer.uint(6, timeMs);
  const summaryEnd = writer.length;
  for (let i = QUANTILES.length - 1; i >= 0; i--) {
    const quantileEnd = writer.length;
    writer.double(2, came.quantile(QUANTILES[i]));
    writer.double(1, QUANTILES[i]);
    writer.message(3, quantileEnd);
  }
  writer.double(2, came.sum);
  writer.uint(1, came.count);
  writer.message(4, summaryEnd);
  endFamily(writer, name, labels, SUMMARY, end);
}

function endFamily(writer: ProtoWriter, name: Uint8Array, labels: Uint8Array, type: number, end: number): void {
  writer.encoded(labels);
  writer.message(4, end);
  writer.uint(3, type);
  writer.encoded(name);
  writer.message(2, end);
}
