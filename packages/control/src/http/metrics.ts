/** Prometheus metrics, by istiod's names where istiod has them. */
import { VERSION } from "../version.ts";
import type { ApiContext } from "./handler.ts";
import { renderProcessMetrics } from "./process-metrics.ts";

export function renderMetrics({
  pusher,
  directory,
  registry,
  metrics,
  issuers,
  identities,
  telemetry,
}: ApiContext): string {
  const { stats } = pusher;
  const snapshot = pusher.current();
  const rejected = directory.diagnostics.filter(({ severity }) => severity === "error").length;
  const gauges: readonly (readonly [string, number])[] = [
    ["pilot_xds", pusher.proxies().length],
    ["pilot_services", snapshot.services.length],
    ["pilot_virt_services", snapshot.virtualServices.length],
    ["pilot_total_rejected_configs", rejected],
    ["pilot_endpoint_not_ready", registry.workloads.filter(({ healthy }) => !healthy).length],
    ["tulle_workloads", registry.workloads.length],
    ["tulle_last_push_seconds", stats.lastPushMs / 1000],
  ];
  const lines = gauges.flatMap(([name, value]) => [`# TYPE ${name} gauge`, `${name} ${value}`]);
  lines.push("# TYPE istio_build gauge", `istio_build{component="pilot",tag="${VERSION}"} 1`);
  lines.push("# TYPE tulle_pushes_total counter", `tulle_pushes_total ${stats.pushes}`);
  const parts = [metrics, issuers, telemetry, ...(identities === undefined ? [] : [identities])];
  return `${lines.join("\n")}\n${renderProcessMetrics()}${parts.map((part) => part.renderMetrics()).join("")}`;
}
