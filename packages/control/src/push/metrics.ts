import type { MeshSettings } from "../model/mesh-settings.ts";
import { rememberLast } from "../model/sharing.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { WorkloadMetrics } from "../model/telemetry-metrics.ts";
import { workloadMetrics } from "../model/telemetry-metrics.ts";
import type { TelemetryRule } from "../model/telemetry.ts";
import { telemetriesFor } from "../model/telemetry.ts";
import type { ProxyNode } from "../source/registration/node.ts";
import type { Capabilities } from "../translate/data-plane.ts";
import { withMetrics } from "../translate/data-plane.ts";

/** What a data plane is sent, with the metrics of its workload; the same while no Telemetry and no mesh setting changes. */
export function measuredAs(
  node: Pick<ProxyNode, "namespace" | "labels">,
  capabilities: Capabilities,
): (snapshot: Snapshot) => Capabilities {
  const metricsOf = rememberLast(
    (telemetries: readonly TelemetryRule[], rootNamespace: string, mesh: MeshSettings): WorkloadMetrics =>
      workloadMetrics(telemetriesFor(telemetries, rootNamespace, node), mesh),
  );
  return ({ telemetries, options, mesh }) =>
    withMetrics(capabilities, metricsOf(telemetries, options.rootNamespace, mesh));
}
