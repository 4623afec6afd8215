/** Of this process, by the names that every Prometheus client has. (prometheus/docs writing_clientlibs.md, "Process metrics") */
import { readdirSync, readFileSync } from "node:fs";

/** Linux tells these; elsewhere they are absent. */
const PROC = "/proc/self";
/** (proc_pid_statm(5): pages of 4 KiB, on all that Node runs on but a few) */
const PAGE_BYTES = 4096;

export function renderProcessMetrics(): string {
  const { user, system } = process.cpuUsage();
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
  const start = (performance.timeOrigin / 1000).toFixed(3);
  const values: (readonly [name: string, type: string, value: number | string])[] = [
    ["process_cpu_seconds_total", "counter", (user + system) / 1e6],
    ["process_resident_memory_bytes", "gauge", rss],
    ["process_start_time_seconds", "gauge", start],
    ["nodejs_heap_size_total_bytes", "gauge", heapTotal],
    ["nodejs_heap_size_used_bytes", "gauge", heapUsed],
    ["nodejs_external_memory_bytes", "gauge", external],
  ];
  if (process.platform === "linux") {
    const pages = Number(readFileSync(`${PROC}/statm`, "latin1").split(" ", 1)[0]);
    values.push(
      ["process_virtual_memory_bytes", "gauge", pages * PAGE_BYTES],
      ["process_open_fds", "gauge", readdirSync(`${PROC}/fd`).length],
    );
  }
  return values.map(([name, type, value]) => `# TYPE ${name} ${type}\n${name} ${value}\n`).join("");
}
