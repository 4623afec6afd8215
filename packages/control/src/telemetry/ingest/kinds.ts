/**
 * Each form in which telemetry comes in, with what takes it in. That runs in the telemetry thread, on bytes as the main thread got them;
 * its decoder is pure, and it throws nothing but IngestError for bytes that are not what they should be. An area adds a kind by a line
 * in this table, and a receiver that calls `Telemetry.ingest` with it.
 */
import type { TelemetryCore } from "../core.ts";
import type { Sender } from "../sender.ts";
import type { IngestReport } from "./ingest-report.ts";
import { inflated } from "./inflate.ts";
import { isPlausible } from "./limits.ts";
import { ingestMetrics } from "./metrics.ts";
import { decodeOtlpJson } from "./otlp-json.ts";
import { decodeOtlpProto } from "./otlp.ts";
import { ingestPrometheusText } from "./prometheus-text.ts";
import { SpanCollector } from "./span-collector.ts";
import { decodeRequests } from "./requests.ts";
import { WireReader } from "./wire-reader.ts";
import { decodeZipkinJson, decodeZipkinProto } from "./zipkin.ts";

export type Ingester = (core: TelemetryCore, from: Sender, bytes: Uint8Array) => IngestReport;

const spansBy =
  (decode: (bytes: Uint8Array, into: SpanCollector) => void): Ingester =>
  ({ traces, refusals, clock }, from, bytes) => {
    const collector = new SpanCollector(clock.now());
    decode(inflated(bytes), collector);
    traces.add(collector.spans);
    const { report } = collector;
    if (report.refused > 0) refusals.count("spans", report.reason, from.id, report.refused);
    return report;
  };

const ingestRequests: Ingester = ({ requests, refusals, clock }, from, bytes) => {
  const found = decodeRequests(WireReader.of(bytes), from);
  const nowMs = clock.now();
  const plausible = found.filter(({ startMs }) => isPlausible(startMs, nowMs));
  requests.add(plausible);
  const refused = found.length - plausible.length;
  const reason = refused === 0 ? "" : "it begins before 1970, or more than a day from now";
  if (refused > 0) refusals.count("requests", reason, from.id, refused);
  return { accepted: plausible.length, refused, reason };
};

export const INGESTERS = {
  "access-log": ingestRequests,
  metrics: ingestMetrics,
  "otlp-traces": spansBy(decodeOtlpProto),
  "otlp-traces-json": spansBy(decodeOtlpJson),
  "prometheus-text": ingestPrometheusText,
  "zipkin-json": spansBy(decodeZipkinJson),
  "zipkin-proto": spansBy(decodeZipkinProto),
} as const satisfies Record<string, Ingester>;

export type IngestKind = keyof typeof INGESTERS;
