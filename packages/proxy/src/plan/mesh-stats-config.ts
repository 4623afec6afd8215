import type { JsonObject } from "@bufbuild/protobuf";
import type { Workload } from "@tulle/telemetry";

/** `HttpFilterPlan.config` of the mesh metrics filter (type URL `type.googleapis.com/stats.PluginConfig`). */
export interface MeshStatsConfig {
  /** Istio's `reporter`: SIDECAR (the listener's direction decides which end reports) or SERVER_GATEWAY. */
  readonly reporter: string;
  /** This proxy's workload: the source of outbound requests, the destination of inbound ones. */
  readonly local: Workload;
}

/** Everything else that Istio lets one set there tunes labels that are fixed here. */
export function compileMeshStats(content: JsonObject | null, local: Workload): MeshStatsConfig {
  const reporter = content?.["reporter"];
  return { reporter: typeof reporter === "string" ? reporter : "SIDECAR", local };
}
