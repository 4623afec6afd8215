import type { MeshSettings } from "../model/mesh-settings.ts";
import { rememberLast } from "../model/sharing.ts";
import type { MeshService } from "../model/service.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { WorkloadMetrics } from "../model/telemetry-metrics.ts";
import { workloadMetrics } from "../model/telemetry-metrics.ts";
import type { TelemetryRule } from "../model/telemetry.ts";
import { telemetriesFor } from "../model/telemetry.ts";
import type { ProxyNode } from "../source/registration/node.ts";
import type { Capabilities } from "../translate/data-plane.ts";
import { withMetrics, withSessions } from "../translate/data-plane.ts";

/** What a data plane is sent, with the metrics of its workload and what services ask for; the same while nothing of that changes. */
export function measuredAs(
  node: Pick<ProxyNode, "namespace" | "labels">,
  capabilities: Capabilities,
): (snapshot: Snapshot) => Capabilities {
  const metricsOf = rememberLast(
    (telemetries: readonly TelemetryRule[], rootNamespace: string, mesh: MeshSettings): WorkloadMetrics =>
      workloadMetrics(telemetriesFor(telemetries, rootNamespace, node), mesh),
  );
  const ask = rememberLast((services: readonly MeshService[]) => services.some(({ session }) => session !== undefined));
  return ({ telemetries, options, mesh, services }) => {
    const measured = withMetrics(capabilities, metricsOf(telemetries, options.rootNamespace, mesh));
    return ask(services) ? withSessions(measured) : measured;
  };
}
