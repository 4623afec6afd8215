import type { SupportGroup } from "./message-support.ts";
import { OWN_SERVICE, MEMORY } from "./reasons.ts";
import {
  DOWNSTREAM_CONNECTIONS_MONITOR,
  FIXED_HEAP_MONITOR,
  INTERNAL_LISTENER,
  METRICS_SERVICE,
} from "./type-names.ts";

export const BOOTSTRAP: SupportGroup = {
  "envoy.config.bootstrap.v3.Bootstrap": {
    has: [
      "node",
      "static_resources",
      "dynamic_resources",
      "admin",
      "cluster_manager",
      "layered_runtime",
      "stats_config",
      "stats_sinks",
      "stats_flush_interval",
      "stats_eviction_interval",
      "overload_manager",
      "bootstrap_extensions",
    ],
    extensions: { bootstrap_extensions: [INTERNAL_LISTENER] },
    only: {
      enable_dispatcher_stats: [false],
      use_tcp_for_dns_lookups: [false],
      stats_flush_on_admin: [false],
    },
    ignored: {
      deferred_stat_options: "stats are always made when first needed",
      grpc_async_client_manager_config: "there is one management server connection, kept as long as the proxy runs",
      memory_allocator_manager: MEMORY,
    },
  },
  "envoy.config.bootstrap.v3.Bootstrap.StaticResources": { has: ["listeners", "clusters", "secrets"] },
  "envoy.config.bootstrap.v3.Bootstrap.DynamicResources": {
    has: ["lds_config", "cds_config", "ads_config"],
    without: { lds_config: OWN_SERVICE, cds_config: OWN_SERVICE },
  },
  "envoy.config.bootstrap.v3.Admin": {
    has: ["address", "access_log"],
    only: { access_log_path: ["/dev/null"] },
    ignored: {
      profile_path: "the admin endpoint has no profiler",
      ignore_global_conn_limit: "connections to the admin endpoint are never limited",
    },
  },
  "envoy.config.overload.v3.OverloadManager": {
    has: ["refresh_interval", "resource_monitors", "actions", "loadshed_points"],
  },
  "envoy.config.overload.v3.LoadShedPoint": { has: ["name", "triggers"] },
  "envoy.config.overload.v3.ResourceMonitor": {
    has: ["name", "typed_config"],
    extensions: { typed_config: [FIXED_HEAP_MONITOR, DOWNSTREAM_CONNECTIONS_MONITOR] },
  },
  [FIXED_HEAP_MONITOR]: { has: ["max_heap_size_bytes"] },
  [DOWNSTREAM_CONNECTIONS_MONITOR]: { has: ["max_active_downstream_connections"] },
  "envoy.config.overload.v3.OverloadAction": { has: ["name", "triggers"] },
  "envoy.config.overload.v3.Trigger": { has: ["name", "threshold", "scaled"] },
  "envoy.config.overload.v3.ThresholdTrigger": { has: ["value"] },
  "envoy.config.overload.v3.ScaledTrigger": { has: ["scaling_threshold", "saturation_threshold"] },
  "envoy.config.bootstrap.v3.LayeredRuntime": { has: ["layers"] },
  "envoy.config.bootstrap.v3.RuntimeLayer": { has: ["name", "static_layer", "admin_layer"] },
  "envoy.config.bootstrap.v3.RuntimeLayer.AdminLayer": { has: [] },
  "envoy.config.metrics.v3.StatsSink": {
    has: ["name", "typed_config"],
    extensions: { typed_config: [METRICS_SERVICE] },
  },
  [METRICS_SERVICE]: {
    has: ["grpc_service", "report_counters_as_deltas", "emit_tags_as_labels", "histogram_emit_mode", "batch_size"],
    only: { transport_api_version: ["AUTO", "V3"] },
  },
  "envoy.config.metrics.v3.StatsConfig": {
    has: ["stats_tags", "use_all_default_tags", "stats_matcher", "histogram_bucket_settings"],
  },
  "envoy.config.metrics.v3.HistogramBucketSettings": {
    has: ["match", "buckets"],
    ignored: { bins: MEMORY },
  },
  "envoy.config.metrics.v3.TagSpecifier": { has: ["tag_name", "regex", "fixed_value"] },
  "envoy.config.metrics.v3.StatsMatcher": { has: ["reject_all", "exclusion_list", "inclusion_list"] },
  [INTERNAL_LISTENER]: { has: [], ignored: { buffer_size_kb: "internal listeners are refused" } },
  "envoy.config.bootstrap.v3.ClusterManager": {
    has: ["local_cluster_name", "outlier_detection"],
    ignored: { enable_deferred_cluster_creation: "clusters cost little until they are used" },
  },
  "envoy.config.bootstrap.v3.ClusterManager.OutlierDetection": { has: ["event_log_path"] },
  "envoy.config.core.v3.Node": {
    has: ["id", "cluster", "metadata", "dynamic_parameters", "locality", "client_features"],
    ignored: {
      user_agent_name: "set by the proxy, as Envoy sets its own",
      user_agent_version: "set by the proxy, as Envoy sets its own",
      user_agent_build_version: "set by the proxy, as Envoy sets its own",
      extensions: "set by the proxy, as Envoy sets its own",
    },
  },
  "xds.core.v3.ContextParams": { has: ["params"] },
  "envoy.config.core.v3.Locality": { has: ["region", "zone", "sub_zone"] },
  "envoy.config.core.v3.ConfigSource": {
    has: ["ads", "self", "path", "path_config_source", "api_config_source", "initial_fetch_timeout"],
    only: { resource_api_version: ["AUTO", "V3"] },
  },
  "envoy.config.core.v3.PathConfigSource": { has: ["path", "watched_directory"] },
  "envoy.config.core.v3.WatchedDirectory": { has: ["path"] },
  "envoy.config.core.v3.AggregatedConfigSource": { has: [] },
  "envoy.config.core.v3.SelfConfigSource": { has: [], only: { transport_api_version: ["AUTO", "V3"] } },
  "envoy.config.core.v3.ApiConfigSource": {
    has: ["grpc_services", "set_node_on_first_message_only"],
    without: { grpc_services: ["initial_metadata"] },
    only: { api_type: ["GRPC", "DELTA_GRPC"], transport_api_version: ["V3", "AUTO"] },
  },
  // A stream has no deadline; a call has.
  "envoy.config.core.v3.GrpcService": { has: ["envoy_grpc", "timeout", "initial_metadata"] },
  "envoy.config.core.v3.GrpcService.EnvoyGrpc": {
    has: ["cluster_name", "authority"],
    ignored: { skip_envoy_headers: "the stream carries no x-envoy headers" },
  },
};
