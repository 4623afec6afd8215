import type { SupportGroup } from "./message-support.ts";
import { NO_HEALTH_CHECKS, NO_TLS } from "./reasons.ts";
import {
  HTTP_PROTOCOL_OPTIONS,
  LB_CLUSTER_PROVIDED,
  LB_LEAST_REQUEST,
  LB_MAGLEV,
  LB_RANDOM,
  LB_RING_HASH,
  LB_ROUND_ROBIN,
} from "./type-names.ts";

const SLOW_START = ["slow_start_window", "aggression", "min_weight_percent"] as const;
const ZONE_AWARE = ["routing_enabled", "min_cluster_size", "fail_traffic_on_panic"] as const;
const CONSISTENT_HASHING = ["use_hostname_for_hashing", "hash_balance_factor"] as const;

export const CLUSTER: SupportGroup = {
  "envoy.config.cluster.v3.Cluster": {
    has: [
      "name",
      "alt_stat_name",
      "type",
      "eds_cluster_config",
      "connect_timeout",
      "per_connection_buffer_limit_bytes",
      "lb_policy",
      "load_assignment",
      "max_requests_per_connection",
      "circuit_breakers",
      "outlier_detection",
      "typed_extension_protocol_options",
      "common_http_protocol_options",
      "http_protocol_options",
      "http2_protocol_options",
      "dns_refresh_rate",
      "dns_failure_refresh_rate",
      "respect_dns_ttl",
      "dns_lookup_family",
      "least_request_lb_config",
      "round_robin_lb_config",
      "ring_hash_lb_config",
      "maglev_lb_config",
      "original_dst_lb_config",
      "load_balancing_policy",
      "cleanup_interval",
      "common_lb_config",
      "transport_socket",
      "metadata",
    ],
    only: {
      use_tcp_for_dns_lookups: [false],
      wait_for_warm_on_init: [true],
      protocol_selection: ["USE_CONFIGURED_PROTOCOL"],
      close_connections_on_host_health_failure: [false],
      track_timeout_budgets: [false],
      connection_pool_per_downstream_connection: [false],
      upstream_connection_options: ["empty"],
      preconnect_policy: ["empty"],
      lb_subset_config: ["empty"],
    },
    ignored: {
      ignore_health_on_host_removal: NO_HEALTH_CHECKS,
      upstream_http_protocol_options: NO_TLS,
    },
    extensions: { typed_extension_protocol_options: [HTTP_PROTOCOL_OPTIONS] },
  },
  "envoy.config.cluster.v3.Cluster.EdsClusterConfig": { has: ["eds_config", "service_name"] },
  "envoy.config.cluster.v3.Cluster.RefreshRate": { has: ["base_interval", "max_interval"] },
  "envoy.config.cluster.v3.Cluster.LeastRequestLbConfig": {
    has: ["choice_count", "active_request_bias", "slow_start_config"],
  },
  "envoy.config.cluster.v3.Cluster.RoundRobinLbConfig": { has: ["slow_start_config"] },
  "envoy.config.cluster.v3.Cluster.SlowStartConfig": { has: SLOW_START },
  "envoy.config.cluster.v3.Cluster.RingHashLbConfig": {
    has: ["minimum_ring_size", "hash_function", "maximum_ring_size"],
  },
  "envoy.config.cluster.v3.Cluster.MaglevLbConfig": { has: ["table_size"] },
  "envoy.config.cluster.v3.Cluster.OriginalDstLbConfig": {
    has: ["use_http_header", "http_header_name", "upstream_port_override"],
  },
  "envoy.config.cluster.v3.Cluster.CommonLbConfig": {
    has: [
      "healthy_panic_threshold",
      "zone_aware_lb_config",
      "locality_weighted_lb_config",
      "consistent_hashing_lb_config",
    ],
    only: { close_connections_on_host_set_change: [false] },
    ignored: {
      ignore_new_hosts_until_first_hc: NO_HEALTH_CHECKS,
      update_merge_window: "endpoint updates are applied as they come; the end state is the same",
    },
  },
  "envoy.config.cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig": { has: ZONE_AWARE },
  "envoy.config.cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig": { has: [] },
  "envoy.config.cluster.v3.Cluster.CommonLbConfig.ConsistentHashingLbConfig": { has: CONSISTENT_HASHING },
  "envoy.config.cluster.v3.LoadBalancingPolicy": { has: ["policies"] },
  "envoy.config.cluster.v3.LoadBalancingPolicy.Policy": {
    has: ["typed_extension_config"],
    extensions: {
      typed_extension_config: [
        LB_ROUND_ROBIN,
        LB_LEAST_REQUEST,
        LB_RANDOM,
        LB_RING_HASH,
        LB_MAGLEV,
        LB_CLUSTER_PROVIDED,
      ],
    },
  },
  [LB_ROUND_ROBIN]: { has: ["slow_start_config", "locality_lb_config"] },
  [LB_LEAST_REQUEST]: {
    has: ["choice_count", "active_request_bias", "slow_start_config", "locality_lb_config", "selection_method"],
    only: { enable_full_scan: [false] },
  },
  [LB_RANDOM]: { has: ["locality_lb_config"] },
  [LB_RING_HASH]: {
    has: [
      "hash_function",
      "minimum_ring_size",
      "maximum_ring_size",
      "consistent_hashing_lb_config",
      "locality_weighted_lb_config",
      ...CONSISTENT_HASHING,
    ],
  },
  [LB_MAGLEV]: { has: ["table_size", "consistent_hashing_lb_config", "locality_weighted_lb_config"] },
  [LB_CLUSTER_PROVIDED]: { has: [] },
  "envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig": {
    has: ["zone_aware_lb_config", "locality_weighted_lb_config"],
  },
  "envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.ZoneAwareLbConfig": { has: ZONE_AWARE },
  "envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.LocalityWeightedLbConfig": { has: [] },
  "envoy.extensions.load_balancing_policies.common.v3.SlowStartConfig": { has: SLOW_START },
  "envoy.extensions.load_balancing_policies.common.v3.ConsistentHashingLbConfig": { has: CONSISTENT_HASHING },
  "envoy.config.cluster.v3.OutlierDetection": {
    has: [
      "consecutive_5xx",
      "interval",
      "base_ejection_time",
      "max_ejection_percent",
      "enforcing_consecutive_5xx",
      "enforcing_success_rate",
      "success_rate_minimum_hosts",
      "success_rate_request_volume",
      "success_rate_stdev_factor",
      "consecutive_gateway_failure",
      "enforcing_consecutive_gateway_failure",
      "split_external_local_origin_errors",
      "consecutive_local_origin_failure",
      "enforcing_consecutive_local_origin_failure",
      "enforcing_local_origin_success_rate",
      "failure_percentage_threshold",
      "enforcing_failure_percentage",
      "enforcing_failure_percentage_local_origin",
      "failure_percentage_minimum_hosts",
      "failure_percentage_request_volume",
      "max_ejection_time",
      "max_ejection_time_jitter",
      "successful_active_health_check_uneject_host",
      "always_eject_one_host",
    ],
  },
  "envoy.config.cluster.v3.CircuitBreakers": {
    has: ["thresholds", "per_host_thresholds"],
  },
  "envoy.config.cluster.v3.CircuitBreakers.Thresholds": {
    has: [
      "priority",
      "max_connections",
      "max_pending_requests",
      "max_requests",
      "max_retries",
      "max_connection_pools",
      "retry_budget",
      "track_remaining",
    ],
  },
  "envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget": {
    has: ["budget_percent", "min_retry_concurrency"],
  },
  [HTTP_PROTOCOL_OPTIONS]: {
    has: [
      "common_http_protocol_options",
      "explicit_http_config",
      "use_downstream_protocol_config",
      "outlier_detection",
    ],
    ignored: { upstream_http_protocol_options: NO_TLS },
  },
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.OutlierDetection": { has: ["error_matcher"] },
  "envoy.config.common.matcher.v3.MatchPredicate": {
    has: ["or_match", "and_match", "not_match", "any_match", "http_response_headers_match"],
  },
  "envoy.config.common.matcher.v3.MatchPredicate.MatchSet": { has: ["rules"] },
  "envoy.config.common.matcher.v3.HttpHeadersMatch": { has: ["headers"] },
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig": {
    has: ["http_protocol_options", "http2_protocol_options"],
  },
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig": { has: ["http_protocol_options"] },
  // For the management server's cluster only: gRPC brings its own HTTP/2.
  "envoy.config.core.v3.Http2ProtocolOptions": {
    has: ["connection_keepalive"],
    ignored: {
      max_concurrent_streams: "the management server connection carries one stream",
      initial_stream_window_size: "gRPC sizes its own windows",
      initial_connection_window_size: "gRPC sizes its own windows",
    },
  },
  "envoy.config.core.v3.KeepaliveSettings": {
    has: ["interval", "timeout"],
    ignored: {
      interval_jitter: "tunes how keepalives of many connections spread; there is one",
      connection_idle_interval: "the management server connection always has a stream",
    },
  },
};
