/** Istio's filter of the standard metrics; it has no published proto. (istio/proxy `istio_stats/config.proto`, istio/istio `telemetry.go` generateStatsConfig) */
import { create } from "@bufbuild/protobuf";
import type { JsonObject } from "@bufbuild/protobuf";
import type { Filter } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { TypedStructSchema } from "@tulle/xds/gen/xds/type/v3/typed_struct_pb.js";
import type { TypedStruct } from "@tulle/xds/gen/xds/type/v3/typed_struct_pb.js";
import type { MetricSettings } from "../model/telemetry-metrics.ts";
import type { WorkloadMode } from "../model/telemetry.ts";
import type { Capabilities } from "./data-plane.ts";
import { networkFilter } from "./network.ts";

export const STATS_FILTER = "istio.stats";
const STATS_TYPE = "type.googleapis.com/stats.PluginConfig";

export function statsConfig({ overrides, reportingMs }: MetricSettings, more: JsonObject = {}): TypedStruct {
  const metrics = overrides.map(({ name, drop, dimensions, removed }) => ({
    name,
    ...(drop ? { drop } : {}),
    ...(Object.keys(dimensions).length === 0 ? {} : { dimensions: { ...dimensions } }),
    ...(removed.length === 0 ? {} : { tags_to_remove: [...removed] }),
  }));
  const value = {
    ...more,
    ...(reportingMs === undefined ? {} : { tcp_reporting_duration: `${reportingMs / 1_000}s` }),
    ...(metrics.length === 0 ? {} : { metrics }),
  };
  return create(TypedStructSchema, { typeUrl: STATS_TYPE, value });
}

/** Connections that pass by these filters are counted. (`networkfilter.go` buildMetricsNetworkFilters) */
export function counted(
  { httpFilters, metrics }: Capabilities,
  mode: WorkloadMode,
  filters: readonly Filter[],
): readonly Filter[] {
  const settings = metrics[mode];
  if (settings.isOff || !httpFilters.includes("mesh_stats")) return filters;
  return [
    ...filters.slice(0, -1),
    networkFilter(STATS_FILTER, TypedStructSchema, statsConfig(settings)),
    ...filters.slice(-1),
  ];
}
