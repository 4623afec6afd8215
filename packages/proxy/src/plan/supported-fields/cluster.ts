import type { SupportGroup } from "./message-support.ts";
import { NO_HEALTH_CHECKS, NO_TLS } from "./reasons.ts";
import { HTTP_PROTOCOL_OPTIONS } from "./type-names.ts";

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
      cleanup_interval: "has an effect only for ORIGINAL_DST clusters, which are refused",
    },
    extensions: { typed_extension_protocol_options: [HTTP_PROTOCOL_OPTIONS] },
  },
  "envoy.config.cluster.v3.Cluster.EdsClusterConfig": { has: ["eds_config", "service_name"] },
  "envoy.config.cluster.v3.Cluster.RefreshRate": { has: ["base_interval", "max_interval"] },
  "envoy.config.cluster.v3.Cluster.LeastRequestLbConfig": { has: ["choice_count", "active_request_bias"] },
  "envoy.config.cluster.v3.Cluster.RoundRobinLbConfig": { has: [] },
  "envoy.config.cluster.v3.Cluster.CommonLbConfig": {
    has: ["healthy_panic_threshold"],
    only: {
      close_connections_on_host_set_change: [false],
      consistent_hashing_lb_config: ["empty"],
      zone_aware_lb_config: ["empty"],
    },
    ignored: {
      ignore_new_hosts_until_first_hc: NO_HEALTH_CHECKS,
      update_merge_window: "endpoint updates are applied as they come; the end state is the same",
    },
  },
  "envoy.config.cluster.v3.CircuitBreakers": {
    has: ["thresholds"],
    ignored: {},
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
    has: ["common_http_protocol_options", "explicit_http_config", "use_downstream_protocol_config"],
    ignored: { upstream_http_protocol_options: NO_TLS },
  },
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
