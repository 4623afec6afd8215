import type { Workload } from "@tulle/telemetry";
import type { FilterCompiler } from "./filter-compiler.ts";

/** `HttpFilterPlan.config` of the mesh metrics filter (message type `stats.PluginConfig`). */
export interface MeshStatsConfig {
  /** Istio's `reporter`: SIDECAR (the listener's direction decides which end reports) or SERVER_GATEWAY. */
  readonly reporter: string;
  /** This proxy's workload: the source of outbound requests, the destination of inbound ones. */
  readonly local: Workload;
}

/** Everything else that Istio lets one set there tunes labels that are fixed here. */
export const meshStats: FilterCompiler = {
  compile: ({ content }, { localWorkload }) => {
    const reporter = content?.["reporter"];
    return {
      reporter: typeof reporter === "string" ? reporter : "SIDECAR",
      local: localWorkload,
    } satisfies MeshStatsConfig;
  },
  compileRoute: null,
};
