/**
 * Time of the demo's load, compressed, on what the telemetry thread consists of: seven proxies that flush every 5 s, with Istio's metrics
 * and some hundred of Envoy's, and 100 requests a second, each with a span for both ends of its four calls.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TelemetryCore } from "../../packages/control/src/telemetry/core.ts";
import type { Sender } from "../../packages/control/src/telemetry/sender.ts";
import { ManualClock } from "../../packages/control/test/support/manual-clock.ts";
import { counterFamily, histogramFamily } from "../../packages/control/test/support/proto.ts";
import { HISTOGRAM_BUCKETS, HTTP_LABELS } from "@tulle/telemetry";
import { encodeOtlpTraces } from "@tulle/telemetry/tracing";

const WORKLOADS = ["gateway", "productpage-v1", "details-v1", "reviews-v1", "reviews-v2", "reviews-v3", "ratings-v1"];
/** Label sets of a proxy: both reporters, each peer, each code. */
const SETS = 12;
const ENVOY_COUNTERS = 400;
const REQUESTS_PER_SECOND = 100;
const SPANS_PER_REQUEST = 8;
const FLUSH_MS = 5_000;
const START = Date.UTC(2026, 0, 1);

interface TelemetrySoak {
  readonly minutes: number;
  readonly series: number;
  readonly spans: number;
  readonly heapMb: number;
  readonly blockMb: number;
  readonly fileMb: number;
  readonly cpuSeconds: number;
  readonly refused: readonly object[];
}

export function telemetrySoak(minutes: number): TelemetrySoak {
  const folder = mkdtempSync(join(tmpdir(), "tulle-soak-"));
  const path = join(folder, "telemetry.db");
  const clock = new ManualClock(START);
  const core = new TelemetryCore({ path, clock, log: () => undefined });
  const senders = WORKLOADS.map(senderOf);
  const requests = requestTemplate();
  const before = usage();
  let spans = 0;
  for (let flush = 0; flush < (minutes * 60_000) / FLUSH_MS; flush++) {
    for (const sender of senders) core.ingest("metrics", sender, metricsOf(flush, clock.now()));
    for (let batch = 0; batch < FLUSH_MS / 1000; batch++) {
      const id = (flush * 5 + batch) * REQUESTS_PER_SECOND;
      const { accepted } = core.ingest("otlp-traces", senders[0]!, requests(id));
      spans += accepted;
    }
    clock.advance(FLUSH_MS);
    core.check();
    if (flush % 6 === 5) core.write();
    if (flush % 12 === 11) core.retain();
  }
  const after = usage();
  const { series, blockBytes } = core.series.status();
  const refused = core.refusals.list();
  core.close();
  const fileBytes = statSync(path).size;
  rmSync(folder, { recursive: true, force: true });
  const mb = (bytes: number): number => Math.round((bytes / 2 ** 20) * 10) / 10;
  return {
    minutes,
    series,
    spans,
    heapMb: mb(after.heap - before.heap),
    blockMb: mb(blockBytes),
    fileMb: mb(fileBytes),
    cpuSeconds: Math.round(after.cpu - before.cpu),
    refused,
  };
}

function usage(): { heap: number; cpu: number } {
  globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  return { heap: process.memoryUsage().heapUsed, cpu: (user + system) / 1e6 };
}

function senderOf(workload: string, index: number): Sender {
  const address = `10.0.0.${index + 1}`;
  const node = `sidecar~${address}~${workload}-abc.default~default.svc.cluster.local`;
  const [app = "", version = ""] = workload.split("-");
  const proxy = { node, workload, namespace: "default", labels: { app, version }, address, clusterId: "Kubernetes" };
  return { id: node, proxy: { ...proxy, service: app, userAgent: "tulle" } };
}

function metricsOf(flush: number, nowMs: number): Buffer {
  const parts: Buffer[] = [];
  for (let set = 0; set < SETS; set++) {
    // Half of them are busy; what is idle is named once a minute.
    const came = set < SETS / 2 ? REQUESTS_PER_SECOND * 5 : 0;
    if (came === 0 && flush % 11 !== 0) continue;
    const labels = Object.fromEntries(HTTP_LABELS.map((name) => [name, `${name}-${name.length > 14 ? set : ""}`]));
    parts.push(counterFamily("istio_requests_total", nowMs, [labels, came * flush]));
    for (const name of ["istio_request_duration_milliseconds", "istio_request_bytes", "istio_response_bytes"]) {
      const buckets = HISTOGRAM_BUCKETS.map(
        (bound, index) => [bound, Math.min(came, index * 40 + (flush % 7))] as const,
      );
      parts.push(histogramFamily(name, nowMs, labels, { count: came, sum: came * 12.345 + flush / 8, buckets }));
    }
  }
  for (let index = 0; index < ENVOY_COUNTERS; index++) {
    if (index % 4 !== 0 && flush % 11 !== 0) continue;
    const labels = { "envoy.cluster_name": `outbound|9080||service-${index % 20}.default.svc.cluster.local` };
    parts.push(
      counterFamily(`cluster.counter_${Math.floor(index / 20)}`, nowMs, [
        labels,
        index % 4 === 0 ? flush * index : index,
      ]),
    );
  }
  return Buffer.concat(parts);
}

const PLACEHOLDER = "abcdef0123456789";

/** One second's requests, encoded once: ids are put in for each. */
function requestTemplate(): (id: number) => Uint8Array {
  const tags = [
    "http.method",
    "GET",
    "http.url",
    "http://reviews:9080/reviews/0",
    "http.protocol",
    "HTTP/1.1",
    "http.status_code",
    "200",
  ];
  const more = [
    "component",
    "proxy",
    "node_id",
    "sidecar~10.0.0.4~reviews-v1-abc.default~default.svc.cluster.local",
    "upstream_cluster",
    "outbound|9080||reviews.default.svc.cluster.local",
    "response_flags",
    "-",
    "istio.canonical_service",
    "reviews",
    "istio.canonical_revision",
    "v1",
    "istio.namespace",
    "default",
    "user_agent",
    "curl/8.0",
    "peer.address",
    "10.0.0.1",
  ];
  const span = (request: number, index: number): object => ({
    context: {
      traceId: PLACEHOLDER + request.toString(16).padStart(16, "0"),
      spanId: (request * SPANS_PER_REQUEST + index + 1).toString(16).padStart(16, "0"),
      parentSpanId: index === 0 ? "" : (request * SPANS_PER_REQUEST + index).toString(16).padStart(16, "0"),
      state: "",
      sampled: true,
    },
    parentIsRemote: false,
    kind: index % 2 === 0 ? "client" : "server",
    name: `${["details", "reviews", "ratings", "productpage"][index >> 1]}.default.svc.cluster.local:9080/*`,
    startMicros: START * 1000 + index * 100,
    endMicros: START * 1000 + 20_000 - index * 100 + ((request * 7919) % 9000),
    tags: [...tags, ...more],
    events: [],
  });
  const spans = Array.from({ length: REQUESTS_PER_SECOND * SPANS_PER_REQUEST }, (_, index) =>
    span(Math.floor(index / SPANS_PER_REQUEST), index % SPANS_PER_REQUEST),
  );
  const source = { resource: [["service.name", "reviews.default"]] as const, scope: null };
  const bytes = Buffer.from(encodeOtlpTraces(spans as Parameters<typeof encodeOtlpTraces>[0], source));
  const places: number[] = [];
  const placeholder = Buffer.from(PLACEHOLDER, "hex");
  for (let at = bytes.indexOf(placeholder); at >= 0; at = bytes.indexOf(placeholder, at + 1)) places.push(at);
  return (id) => {
    for (const at of places) bytes.writeBigUInt64BE(BigInt(id) + 1n, at);
    return bytes;
  };
}
