/**
 * Which parts of an Envoy configuration the proxy has: the one table that start-up, NACKs and the compatibility page read.
 *
 * A set field that is in none of the lists is refused with its path. Nothing that would change behaviour is ignored: `ignored`
 * holds only what has no effect in Envoy either, given what else is refused, or what concerns a mechanism the proxy does not need.
 */

export interface MessageSupport {
  /** Implemented. */
  readonly has: readonly string[];
  /** Accepted for these values only: enum value names, numbers, booleans (also wrapped), strings, or "empty" for a message or list. */
  readonly only?: Readonly<Record<string, readonly (string | number | boolean)[]>>;
  /** Accepted without effect, and why. */
  readonly ignored?: Readonly<Record<string, string>>;
  /** For Any fields (also lists and maps of them): the message types that may be packed. */
  readonly extensions?: Readonly<Record<string, readonly string[]>>;
}

export const TYPE_URL_PREFIX = "type.googleapis.com/";

export const HTTP_CONNECTION_MANAGER =
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
export const ROUTER = "envoy.extensions.filters.http.router.v3.Router";
export const HTTP_PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const RAW_BUFFER = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer";
const FILE_ACCESS_LOG = "envoy.extensions.access_loggers.file.v3.FileAccessLog";
/** Istio's mesh metrics filter, sent as a TypedStruct: it has no published proto. */
export const MESH_STATS = "stats.PluginConfig";

const NO_HEALTH_CHECKS = "has an effect only with active health checks, which are refused";
const NO_RETRIES = "has an effect only with retries or mirroring, which are refused";
const NO_TRACING = "has an effect only with tracing, which is refused";
const NO_TLS = "has an effect only with TLS, which is refused";
const NO_ACCESS_LOG = "has an effect only with an access log, which is refused";
const NO_RUNTIME = "runtime layers that set something are refused, so the default value holds";
const OPAQUE = "has no effect of its own; shown in the configuration dump";
const MEMORY = "tunes memory use of Envoy's allocator";

const BOOTSTRAP: Readonly<Record<string, MessageSupport>> = {
  "envoy.config.bootstrap.v3.Bootstrap": {
    has: [
      "node",
      "static_resources",
      "dynamic_resources",
      "admin",
      "cluster_manager",
      "layered_runtime",
      "stats_config",
    ],
    only: {
      enable_dispatcher_stats: [false],
      use_tcp_for_dns_lookups: [false],
      overload_manager: ["empty"],
    },
    ignored: {
      stats_flush_interval: "there are no stats sinks, and the admin endpoint shows current values",
      stats_flush_on_admin: "there are no stats sinks, and the admin endpoint shows current values",
      deferred_stat_options: "stats are always made when first needed",
      grpc_async_client_manager_config: "there is one management server connection, kept as long as the proxy runs",
      memory_allocator_manager: MEMORY,
    },
  },
  "envoy.config.bootstrap.v3.Bootstrap.StaticResources": { has: ["listeners", "clusters"] },
  "envoy.config.bootstrap.v3.Bootstrap.DynamicResources": { has: ["lds_config", "cds_config", "ads_config"] },
  "envoy.config.bootstrap.v3.Admin": {
    has: ["address", "access_log"],
    only: { access_log_path: ["/dev/null"] },
    ignored: {
      profile_path: "the admin endpoint has no profiler",
      ignore_global_conn_limit: "there is no global connection limit",
    },
  },
  "envoy.config.bootstrap.v3.LayeredRuntime": { has: ["layers"] },
  // Layers that set nothing: the endpoint that could change the admin layer is not there.
  "envoy.config.bootstrap.v3.RuntimeLayer": { has: ["name", "admin_layer"], only: { static_layer: ["empty"] } },
  "envoy.config.bootstrap.v3.RuntimeLayer.AdminLayer": { has: [] },
  "envoy.config.metrics.v3.StatsConfig": { has: [], only: { use_all_default_tags: [true] } },
  "envoy.config.bootstrap.v3.ClusterManager": {
    has: [],
    only: { local_cluster_name: [""], outlier_detection: ["empty"] },
    ignored: { enable_deferred_cluster_creation: "clusters cost little until they are used" },
  },
  "envoy.config.accesslog.v3.AccessLog": {
    has: ["name", "typed_config"],
    extensions: { typed_config: [FILE_ACCESS_LOG] },
  },
  // Reached from the admin endpoint only.
  [FILE_ACCESS_LOG]: {
    has: [],
    only: { path: ["/dev/null"] },
    ignored: { format: "written to /dev/null", log_format: "written to /dev/null" },
  },
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
    has: ["ads", "self", "initial_fetch_timeout"],
    only: { resource_api_version: ["AUTO", "V3"] },
  },
  "envoy.config.core.v3.AggregatedConfigSource": { has: [] },
  "envoy.config.core.v3.SelfConfigSource": { has: [], only: { transport_api_version: ["AUTO", "V3"] } },
  "envoy.config.core.v3.ApiConfigSource": {
    has: ["grpc_services", "set_node_on_first_message_only"],
    only: { api_type: ["GRPC", "DELTA_GRPC"], transport_api_version: ["V3", "AUTO"] },
  },
  "envoy.config.core.v3.GrpcService": {
    has: ["envoy_grpc"],
    ignored: { timeout: "a stream has no deadline" },
  },
  "envoy.config.core.v3.GrpcService.EnvoyGrpc": {
    has: ["cluster_name", "authority"],
    ignored: { skip_envoy_headers: "the stream carries no x-envoy headers" },
  },
};

const CORE: Readonly<Record<string, MessageSupport>> = {
  "envoy.config.core.v3.Address": { has: ["socket_address"] },
  "envoy.config.core.v3.SocketAddress": {
    has: ["address", "port_value"],
    only: { protocol: ["TCP"], resolver_name: [""], ipv4_compat: [false] },
  },
  "envoy.config.core.v3.Metadata": { has: ["filter_metadata"], ignored: { typed_filter_metadata: OPAQUE } },
  "envoy.config.core.v3.TransportSocket": { has: ["name", "typed_config"], extensions: { typed_config: [RAW_BUFFER] } },
  [RAW_BUFFER]: { has: [] },
  "envoy.config.core.v3.DataSource": { has: ["filename", "inline_bytes", "inline_string", "environment_variable"] },
  "envoy.config.core.v3.HeaderValue": { has: ["key", "value"] },
  "envoy.config.core.v3.HeaderValueOption": { has: ["header", "append", "append_action", "keep_empty_value"] },
  "envoy.config.core.v3.RuntimeFractionalPercent": { has: ["default_value"], ignored: { runtime_key: NO_RUNTIME } },
  "envoy.config.core.v3.RuntimeDouble": { has: ["default_value"], ignored: { runtime_key: NO_RUNTIME } },
  "envoy.type.v3.FractionalPercent": { has: ["numerator", "denominator"] },
  "envoy.type.v3.Percent": { has: ["value"] },
  "envoy.type.v3.Int64Range": { has: ["start", "end"] },
  "envoy.type.matcher.v3.StringMatcher": {
    has: ["exact", "prefix", "suffix", "safe_regex", "contains", "ignore_case"],
  },
  "envoy.type.matcher.v3.RegexMatcher": { has: ["regex"], ignored: { google_re2: "there is one engine, RE2" } },
  "envoy.type.matcher.v3.RegexMatchAndSubstitute": { has: ["pattern", "substitution"] },
};

const LISTENER: Readonly<Record<string, MessageSupport>> = {
  "envoy.config.listener.v3.Listener": {
    has: [
      "name",
      "address",
      "filter_chains",
      "default_filter_chain",
      "per_connection_buffer_limit_bytes",
      "traffic_direction",
    ],
    only: {
      drain_type: ["DEFAULT"],
      bind_to_port: [true],
      use_original_dst: [false],
      transparent: [false],
      freebind: [false],
      enable_mptcp: [false],
      connection_balance_config: ["empty"],
      stat_prefix: [""],
    },
    ignored: {
      metadata: OPAQUE,
      listener_filters_timeout: "has an effect only with listener filters, which are refused",
      continue_on_listener_filters_timeout: "has an effect only with listener filters, which are refused",
      enable_reuse_port: "one event loop accepts; nothing shares the port",
      reuse_port: "one event loop accepts; nothing shares the port",
      max_connections_to_accept_per_socket_event: "tunes Envoy's accept loop",
      ignore_global_conn_limit: "there is no global connection limit",
      bypass_overload_manager: "there is no overload manager",
    },
  },
  "envoy.config.listener.v3.FilterChain": {
    has: ["filters", "transport_socket"],
    only: { filter_chain_match: ["empty"], use_proxy_proto: [false] },
    ignored: { name: OPAQUE, metadata: OPAQUE, transport_socket_connect_timeout: NO_TLS },
  },
  "envoy.config.listener.v3.Filter": {
    has: ["name", "typed_config"],
    extensions: { typed_config: [HTTP_CONNECTION_MANAGER] },
  },
  [HTTP_CONNECTION_MANAGER]: {
    has: [
      "stat_prefix",
      "rds",
      "route_config",
      "http_filters",
      "common_http_protocol_options",
      "http_protocol_options",
      "server_name",
      "server_header_transformation",
      "max_request_headers_kb",
      "stream_idle_timeout",
      "request_timeout",
      "request_headers_timeout",
      "drain_timeout",
      "delayed_close_timeout",
      "use_remote_address",
      "xff_num_trusted_hops",
      "skip_xff_append",
      "via",
      "generate_request_id",
      "preserve_external_request_id",
      "always_set_request_id_in_response",
      "proxy_100_continue",
      "normalize_path",
      "merge_slashes",
      "path_with_escaped_slashes_action",
      "strip_matching_host_port",
      "strip_any_host_port",
      "strip_trailing_host_dot",
    ],
    only: {
      codec_type: ["AUTO", "HTTP1"],
      // Without TLS there is no client certificate: Envoy removes the header for all of these alike.
      forward_client_cert_details: ["SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET"],
      add_user_agent: [false],
      internal_address_config: ["empty"],
      represent_ipv4_remote_address_as_ipv4_mapped_ipv6: [false],
      stream_error_on_invalid_http_message: [false],
      append_x_forwarded_port: [false],
      append_local_overload: [false],
      add_proxy_protocol_connection_state: [true],
    },
    ignored: {
      set_current_client_cert_details: NO_TLS,
      access_log_flush_interval: NO_ACCESS_LOG,
      flush_access_log_on_new_request: NO_ACCESS_LOG,
      access_log_options: NO_ACCESS_LOG,
    },
  },
  "envoy.extensions.filters.network.http_connection_manager.v3.Rds": { has: ["config_source", "route_config_name"] },
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter": {
    has: ["name", "typed_config", "is_optional"],
    only: { disabled: [false] },
    extensions: { typed_config: [ROUTER, MESH_STATS] },
  },
  [ROUTER]: {
    has: ["suppress_envoy_headers", "respect_expected_rq_timeout"],
    only: { dynamic_stats: [true], suppress_grpc_request_failure_code_stats: [false] },
    ignored: { start_child_span: NO_TRACING, upstream_log_options: NO_ACCESS_LOG },
  },
  // Used by listeners and clusters; what only one of them has is checked where it is compiled.
  "envoy.config.core.v3.HttpProtocolOptions": {
    has: [
      "idle_timeout",
      "max_connection_duration",
      "max_headers_count",
      "max_stream_duration",
      "headers_with_underscores_action",
      "max_requests_per_connection",
    ],
  },
  "envoy.config.core.v3.Http1ProtocolOptions": {
    has: [
      "allow_absolute_url",
      "accept_http_10",
      "default_host_for_http_10",
      "enable_trailers",
      "allow_chunked_length",
    ],
    only: {
      override_stream_error_on_invalid_http_message: [false],
      send_fully_qualified_url: [false],
      allow_custom_methods: [false],
    },
    ignored: { use_balsa_parser: "there is one parser" },
  },
};

const CLUSTER: Readonly<Record<string, MessageSupport>> = {
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
    has: ["priority", "max_connections", "max_pending_requests", "max_requests", "max_retries"],
    only: { track_remaining: [false] },
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

const ENDPOINT: Readonly<Record<string, MessageSupport>> = {
  "envoy.config.endpoint.v3.ClusterLoadAssignment": { has: ["cluster_name", "endpoints", "policy"] },
  "envoy.config.endpoint.v3.ClusterLoadAssignment.Policy": {
    has: [],
    only: { overprovisioning_factor: [140], weighted_priority_health: [false] },
  },
  "envoy.config.endpoint.v3.LocalityLbEndpoints": {
    has: ["locality", "lb_endpoints", "priority"],
    ignored: {
      load_balancing_weight: "has an effect only with locality-weighted balancing, which is refused",
      metadata: OPAQUE,
      proximity: "Envoy does not use it either",
    },
  },
  "envoy.config.endpoint.v3.LbEndpoint": { has: ["endpoint", "health_status", "metadata", "load_balancing_weight"] },
  "envoy.config.endpoint.v3.Endpoint": {
    has: ["address", "hostname"],
    ignored: { health_check_config: NO_HEALTH_CHECKS },
  },
};

const HEADER_OPERATIONS = [
  "request_headers_to_add",
  "request_headers_to_remove",
  "response_headers_to_add",
  "response_headers_to_remove",
] as const;

const ROUTE: Readonly<Record<string, MessageSupport>> = {
  "envoy.config.route.v3.RouteConfiguration": {
    has: [
      "name",
      "virtual_hosts",
      "vhds",
      "most_specific_header_mutations_wins",
      "validate_clusters",
      "max_direct_response_body_size_bytes",
      "ignore_port_in_host_matching",
      "ignore_path_parameters_in_path_matching",
      ...HEADER_OPERATIONS,
    ],
    ignored: { metadata: OPAQUE },
  },
  "envoy.config.route.v3.Vhds": { has: ["config_source"] },
  "envoy.config.route.v3.VirtualHost": {
    has: [
      "name",
      "domains",
      "routes",
      "require_tls",
      "include_request_attempt_count",
      "include_attempt_count_in_response",
      ...HEADER_OPERATIONS,
    ],
    ignored: {
      metadata: OPAQUE,
      per_request_buffer_limit_bytes: NO_RETRIES,
      include_is_timeout_retry_header: NO_RETRIES,
    },
  },
  "envoy.config.route.v3.Route": {
    has: ["name", "match", "route", "redirect", "direct_response", ...HEADER_OPERATIONS],
    only: { stat_prefix: [""] },
    ignored: {
      metadata: OPAQUE,
      decorator: NO_TRACING,
      tracing: NO_TRACING,
      per_request_buffer_limit_bytes: NO_RETRIES,
    },
  },
  "envoy.config.route.v3.RouteMatch": {
    has: [
      "prefix",
      "path",
      "safe_regex",
      "path_separated_prefix",
      "case_sensitive",
      "runtime_fraction",
      "headers",
      "query_parameters",
      "grpc",
    ],
  },
  "envoy.config.route.v3.RouteMatch.GrpcRouteMatchOptions": { has: [] },
  "envoy.config.route.v3.HeaderMatcher": {
    has: [
      "name",
      "exact_match",
      "safe_regex_match",
      "range_match",
      "present_match",
      "prefix_match",
      "suffix_match",
      "contains_match",
      "string_match",
      "invert_match",
      "treat_missing_header_as_empty",
    ],
  },
  "envoy.config.route.v3.QueryParameterMatcher": { has: ["name", "string_match", "present_match"] },
  "envoy.config.route.v3.RouteAction": {
    has: [
      "cluster",
      "cluster_header",
      "weighted_clusters",
      "cluster_not_found_response_code",
      "prefix_rewrite",
      "regex_rewrite",
      "host_rewrite_literal",
      "auto_host_rewrite",
      "host_rewrite_header",
      "host_rewrite_path_regex",
      "append_x_forwarded_host",
      "timeout",
      "idle_timeout",
    ],
    only: { priority: ["DEFAULT"] },
    ignored: {
      hash_policy: "has an effect only with ring hash and Maglev balancing, which are refused",
      include_vh_rate_limits: "has an effect only with rate limits, which are refused",
    },
  },
  "envoy.config.route.v3.WeightedCluster": {
    has: ["clusters"],
    ignored: { total_weight: "the sum of the weights holds, as in Envoy", runtime_key_prefix: NO_RUNTIME },
  },
  "envoy.config.route.v3.WeightedCluster.ClusterWeight": {
    has: ["name", "weight", "host_rewrite_literal", ...HEADER_OPERATIONS],
  },
  "envoy.config.route.v3.RedirectAction": {
    has: [
      "https_redirect",
      "scheme_redirect",
      "host_redirect",
      "port_redirect",
      "path_redirect",
      "prefix_rewrite",
      "regex_rewrite",
      "response_code",
      "strip_query",
    ],
  },
  "envoy.config.route.v3.DirectResponseAction": { has: ["status", "body"] },
};

/** By message type name. */
export const SUPPORTED_FIELDS: ReadonlyMap<string, MessageSupport> = new Map(
  [BOOTSTRAP, CORE, LISTENER, CLUSTER, ENDPOINT, ROUTE].flatMap((group) => Object.entries(group)),
);
