import type { MeshStatsConfig } from "../../plan/filters/mesh-stats.ts";
import { CORS, MESH_STATS } from "../../plan/supported-fields/index.ts";
import { Cors } from "./cors.ts";
import type { FilterFactory, FilterRegistry } from "./filter.ts";
import { MeshStats } from "./mesh-stats.ts";

/** Every HTTP filter there is, by message type of its configuration. A plan's `config` is what the compile step of that type made. */
export const HTTP_FILTERS: FilterRegistry = new Map<string, FilterFactory>([
  [CORS, (_, context) => new Cors(context)],
  [MESH_STATS, (config, context) => new MeshStats(config as MeshStatsConfig, context)],
]);
