import type { MeshStatsConfig } from "../../plan/mesh-stats-config.ts";
import type { FilterFactory, FilterRegistry } from "./filter.ts";
import { MESH_STATS_TYPE_URL, MeshStats } from "./mesh-stats.ts";

/** Every HTTP filter there is, by Envoy type URL. A plan's `config` is what the compile step of that type made. */
export const HTTP_FILTERS: FilterRegistry = new Map<string, FilterFactory>([
  [MESH_STATS_TYPE_URL, (config, context) => new MeshStats(config as MeshStatsConfig, context)],
]);
