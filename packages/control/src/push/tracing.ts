import type { MeshSettings } from "../model/mesh-settings.ts";
import type { MeshService } from "../model/service.ts";
import { rememberLast } from "../model/sharing.ts";
import type { TelemetryRule, WorkloadMode } from "../model/telemetry.ts";
import { telemetriesFor } from "../model/telemetry.ts";
import { tracingOf } from "../model/tracing.ts";
import type { ProxyNode } from "../source/registration/node.ts";
import type { Capabilities } from "../translate/data-plane.ts";
import type { ConnectionManagerInit } from "../translate/proxy-settings.ts";
import type { TracedWorkload } from "../translate/tracing.ts";
import { tracingSettings } from "../translate/tracing.ts";
import type { MeshView } from "./mesh-view.ts";

/** What a workload's connection managers are told of traces, as a client's and as a server's. */
export type TracingSettings = Readonly<Record<WorkloadMode, ConnectionManagerInit>>;

/** The same while no Telemetry, no mesh setting and no service that collects changes. */
export function tracingSettingsOf(
  node: TracedWorkload & Pick<ProxyNode, "namespace" | "labels">,
  capabilities: Capabilities,
): (view: Pick<MeshView, "snapshot" | "collectors">) => TracingSettings {
  const settings = rememberLast(
    (
      telemetries: readonly TelemetryRule[],
      rootNamespace: string,
      mesh: MeshSettings,
      collectors: ReadonlyMap<string, MeshService>,
    ): TracingSettings => {
      const rules = telemetriesFor(telemetries, rootNamespace, node);
      const of = (mode: WorkloadMode): ConnectionManagerInit =>
        tracingSettings(tracingOf(rules, mesh, mode, collectors), node, capabilities);
      return { CLIENT: of("CLIENT"), SERVER: of("SERVER") };
    },
  );
  return ({ snapshot: { telemetries, options, mesh }, collectors }) =>
    settings(telemetries, options.rootNamespace, mesh, collectors);
}
