/** What the telemetry thread tells of itself, in Prometheus' text format. */
import { getHeapStatistics } from "node:v8";
import type { TelemetryCore } from "./core.ts";

export function renderTelemetryMetrics({ series, traces, refusals, database }: TelemetryCore): string {
  const kept = series.status();
  const open = traces.status();
  const { user, system } = process.threadCpuUsage();
  const values: readonly (readonly [name: string, type: string, value: number])[] = [
    ["tulle_telemetry_series", "gauge", kept.series],
    ["tulle_telemetry_series_alive", "gauge", kept.alive],
    ["tulle_telemetry_senders", "gauge", kept.sources],
    ["tulle_telemetry_block_bytes", "gauge", kept.blockBytes],
    ["tulle_telemetry_spans_total", "counter", open.taken],
    ["tulle_telemetry_open_traces", "gauge", open.open],
    ["tulle_telemetry_open_trace_bytes", "gauge", open.openBytes],
    ["tulle_telemetry_file_bytes", "gauge", database.bytes],
    ["tulle_telemetry_file_failed", "gauge", database.failure === "" ? 0 : 1],
    ["tulle_telemetry_thread_heap_bytes", "gauge", getHeapStatistics().used_heap_size],
    ["tulle_telemetry_thread_cpu_seconds_total", "counter", (user + system) / 1e6],
  ];
  const lines = values.flatMap(([name, type, value]) => [`# TYPE ${name} ${type}`, `${name} ${value}`]);
  lines.push("# TYPE tulle_telemetry_refused_total counter");
  for (const { what, reason, count } of refusals.list()) {
    lines.push(`tulle_telemetry_refused_total{what="${what}",reason="${reason}"} ${count}`);
  }
  return `${lines.join("\n")}\n`;
}
