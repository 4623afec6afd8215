import type { SupportGroup } from "./message-support.ts";
import { HTTP_FILTER_TYPES } from "./filters.ts";
import { NO_TLS } from "./reasons.ts";
import { HTTP_CONNECTION_MANAGER, ROUTER } from "./type-names.ts";

export const LISTENER: SupportGroup = {
  "envoy.config.listener.v3.Listener": {
    has: [
      "name",
      "address",
      "filter_chains",
      "default_filter_chain",
      "per_connection_buffer_limit_bytes",
      "traffic_direction",
      "drain_type",
      "metadata",
      "stat_prefix",
    ],
    only: {
      bind_to_port: [true],
      use_original_dst: [false],
      transparent: [false],
      freebind: [false],
      enable_mptcp: [false],
      connection_balance_config: ["empty"],
    },
    ignored: {
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
    has: ["filter_chain_match", "filters", "transport_socket", "name", "metadata"],
    only: { use_proxy_proto: [false] },
    ignored: { transport_socket_connect_timeout: NO_TLS },
  },
  "envoy.config.listener.v3.FilterChainMatch": {
    has: [
      "destination_port",
      "prefix_ranges",
      "direct_source_prefix_ranges",
      "source_type",
      "source_prefix_ranges",
      "source_ports",
    ],
    // Nothing looks into what a connection's first bytes say yet.
    only: { server_names: ["empty"], transport_protocol: ["raw_buffer"], application_protocols: ["empty"] },
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
      "append_x_forwarded_port",
      "scheme_header_transformation",
      "add_user_agent",
      "skip_xff_append",
      "upgrade_configs",
      "internal_address_config",
      // Without TLS there is no client certificate: Envoy removes the header for all of these alike but ALWAYS_FORWARD_ONLY.
      "forward_client_cert_details",
      "via",
      "generate_request_id",
      "preserve_external_request_id",
      "always_set_request_id_in_response",
      "request_id_extension",
      "tracing",
      "proxy_100_continue",
      "normalize_path",
      "merge_slashes",
      "path_with_escaped_slashes_action",
      "strip_matching_host_port",
      "strip_any_host_port",
      "strip_trailing_host_dot",
      "access_log",
      "local_reply_config",
      "access_log_options",
      "access_log_flush_interval",
      "flush_access_log_on_new_request",
    ],
    only: {
      codec_type: ["AUTO", "HTTP1"],
      represent_ipv4_remote_address_as_ipv4_mapped_ipv6: [false],
      stream_error_on_invalid_http_message: [false],
      append_local_overload: [false],
      add_proxy_protocol_connection_state: [true],
    },
    ignored: {
      set_current_client_cert_details: NO_TLS,
      http2_protocol_options: "has an effect only on HTTP/2 connections, which are not accepted",
    },
  },
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.InternalAddressConfig": {
    has: ["cidr_ranges"],
    ignored: { unix_sockets: "no listener has a unix socket" },
  },
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig": {
    has: ["upgrade_type", "enabled"],
  },
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.HcmAccessLogOptions": {
    has: [
      "access_log_flush_interval",
      "flush_access_log_on_new_request",
      "flush_log_on_tunnel_successfully_established",
    ],
  },
  "envoy.extensions.filters.network.http_connection_manager.v3.LocalReplyConfig": { has: ["mappers", "body_format"] },
  "envoy.extensions.filters.network.http_connection_manager.v3.ResponseMapper": {
    has: ["filter", "status_code", "body", "body_format_override", "headers_to_add"],
  },
  "envoy.extensions.filters.network.http_connection_manager.v3.Rds": { has: ["config_source", "route_config_name"] },
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter": {
    has: ["name", "typed_config", "is_optional", "disabled"],
    extensions: { typed_config: [ROUTER, ...HTTP_FILTER_TYPES] },
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
  "envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat": { has: ["proper_case_words"] },
  "envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat.ProperCaseWords": { has: [] },
  "envoy.config.core.v3.Http1ProtocolOptions": {
    has: [
      "allow_absolute_url",
      "accept_http_10",
      "default_host_for_http_10",
      "enable_trailers",
      "allow_chunked_length",
      "header_key_format",
    ],
    only: {
      override_stream_error_on_invalid_http_message: [false],
      send_fully_qualified_url: [false],
      allow_custom_methods: [false],
    },
    ignored: { use_balsa_parser: "there is one parser" },
  },
};
