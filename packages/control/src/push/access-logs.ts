import { rememberLast } from "../model/sharing.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { MeshSettings } from "../model/mesh-settings.ts";
import type { AccessLogSink, RequestLogSink, TelemetryRule, WorkloadMode } from "../model/telemetry.ts";
import { accessLogSinks, telemetriesFor } from "../model/telemetry.ts";
import type { ProxyNode } from "../source/registration/node.ts";

export type AccessLogs = Readonly<Record<WorkloadMode, readonly AccessLogSink[]>>;

/** What a workload logs as a client and as a server; the same while no Telemetry and no mesh setting changes. */
export function accessLogsOf(
  node: Pick<ProxyNode, "namespace" | "labels" | "telemetry">,
): (snapshot: Snapshot) => AccessLogs {
  const logs = rememberLast((telemetries: readonly TelemetryRule[], rootNamespace: string, mesh: MeshSettings) => {
    const rules = telemetriesFor(telemetries, rootNamespace, node);
    return {
      CLIENT: [...accessLogSinks(rules, mesh, "CLIENT"), ...requestLog(node.telemetry, "source")],
      SERVER: [...accessLogSinks(rules, mesh, "SERVER"), ...requestLog(node.telemetry, "destination")],
    };
  });
  return ({ telemetries, options, mesh }) => logs(telemetries, options.rootNamespace, mesh);
}

function requestLog(cluster: string | undefined, reporter: RequestLogSink["reporter"]): readonly RequestLogSink[] {
  return cluster === undefined ? [] : [{ kind: "requests", cluster, reporter }];
}
