import { createRegistry } from "@bufbuild/protobuf";
import type { Registry } from "@bufbuild/protobuf";
import { file_envoy_config_cluster_v3_cluster } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { file_envoy_config_endpoint_v3_endpoint } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { file_envoy_config_listener_v3_listener } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { file_envoy_config_route_v3_route } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import { file_envoy_config_route_v3_route_components } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { file_envoy_extensions_access_loggers_file_v3_file } from "@tulle/xds/gen/envoy/extensions/access_loggers/file/v3/file_pb.js";
import { file_envoy_extensions_access_loggers_filters_cel_v3_cel } from "@tulle/xds/gen/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.js";
import { file_envoy_extensions_access_loggers_grpc_v3_als } from "@tulle/xds/gen/envoy/extensions/access_loggers/grpc/v3/als_pb.js";
import { file_envoy_extensions_access_loggers_open_telemetry_v3_logs_service } from "@tulle/xds/gen/envoy/extensions/access_loggers/open_telemetry/v3/logs_service_pb.js";
import { file_envoy_extensions_clusters_dynamic_forward_proxy_v3_cluster } from "@tulle/xds/gen/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.js";
import { file_envoy_extensions_filters_http_dynamic_forward_proxy_v3_dynamic_forward_proxy } from "@tulle/xds/gen/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb.js";
import { file_envoy_extensions_filters_http_cors_v3_cors } from "@tulle/xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { file_envoy_extensions_filters_http_fault_v3_fault } from "@tulle/xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { file_envoy_extensions_filters_http_grpc_stats_v3_config } from "@tulle/xds/gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js";
import { file_envoy_extensions_filters_http_local_ratelimit_v3_local_rate_limit } from "@tulle/xds/gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js";
import { file_envoy_extensions_filters_http_router_v3_router } from "@tulle/xds/gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import { file_envoy_extensions_filters_network_http_connection_manager_v3_http_connection_manager } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { file_envoy_extensions_formatter_req_without_query_v3_req_without_query } from "@tulle/xds/gen/envoy/extensions/formatter/req_without_query/v3/req_without_query_pb.js";
import { file_envoy_extensions_retry_host_previous_hosts_v3_previous_hosts } from "@tulle/xds/gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js";
import { file_envoy_extensions_retry_priority_previous_priorities_v3_previous_priorities_config } from "@tulle/xds/gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.js";
import { file_envoy_extensions_upstreams_http_v3_http_protocol_options } from "@tulle/xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import { file_envoy_extensions_filters_http_custom_response_v3_custom_response } from "@tulle/xds/gen/envoy/extensions/filters/http/custom_response/v3/custom_response_pb.js";
import { file_envoy_extensions_http_custom_response_local_response_policy_v3_local_response_policy } from "@tulle/xds/gen/envoy/extensions/http/custom_response/local_response_policy/v3/local_response_policy_pb.js";
import { file_envoy_extensions_http_header_formatters_preserve_case_v3_preserve_case } from "@tulle/xds/gen/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb.js";
import { file_envoy_extensions_filters_http_ext_authz_v3_ext_authz } from "@tulle/xds/gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js";
import { file_envoy_extensions_filters_http_jwt_authn_v3_config } from "@tulle/xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { file_envoy_extensions_filters_http_rbac_v3_rbac } from "@tulle/xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import { file_envoy_extensions_filters_network_ext_authz_v3_ext_authz } from "@tulle/xds/gen/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.js";
import { file_envoy_extensions_filters_network_rbac_v3_rbac } from "@tulle/xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";
import { file_envoy_extensions_filters_listener_http_inspector_v3_http_inspector } from "@tulle/xds/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js";
import { file_envoy_extensions_filters_listener_original_dst_v3_original_dst } from "@tulle/xds/gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js";
import { file_envoy_extensions_filters_network_tcp_proxy_v3_tcp_proxy } from "@tulle/xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { file_istio_networking_nds_v1_nds } from "@tulle/xds/gen/istio/networking/nds/v1/nds_pb.js";
import { file_envoy_extensions_filters_listener_tls_inspector_v3_tls_inspector } from "@tulle/xds/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js";
import { file_envoy_extensions_path_match_uri_template_v3_uri_template_match } from "@tulle/xds/gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js";
import { file_envoy_extensions_transport_sockets_proxy_protocol_v3_upstream_proxy_protocol } from "@tulle/xds/gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js";
import { file_envoy_extensions_transport_sockets_tls_v3_tls } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { file_envoy_extensions_transport_sockets_raw_buffer_v3_raw_buffer } from "@tulle/xds/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js";
import { file_envoy_extensions_transport_sockets_tls_v3_secret } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { file_tulle_access_loggers_requests_v1_requests } from "@tulle/xds/gen/tulle/access_loggers/requests/v1/requests_pb.js";
import { file_tulle_filters_http_fallback_v1_fallback } from "@tulle/xds/gen/tulle/filters/http/fallback/v1/fallback_pb.js";
import { file_envoy_config_trace_v3_opentelemetry } from "@tulle/xds/gen/envoy/config/trace/v3/opentelemetry_pb.js";
import { file_envoy_config_trace_v3_zipkin } from "@tulle/xds/gen/envoy/config/trace/v3/zipkin_pb.js";
import { file_envoy_extensions_request_id_uuid_v3_uuid } from "@tulle/xds/gen/envoy/extensions/request_id/uuid/v3/uuid_pb.js";
import { file_envoy_extensions_tracers_opentelemetry_resource_detectors_v3_environment_resource_detector } from "@tulle/xds/gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector_pb.js";
import { file_tulle_tracers_opentelemetry_resource_detectors_v1_node_resource_detector } from "@tulle/xds/gen/tulle/tracers/opentelemetry/resource_detectors/v1/node_resource_detector_pb.js";
import { file_tulle_tracers_opentelemetry_samplers_v1_tail_sampler } from "@tulle/xds/gen/tulle/tracers/opentelemetry/samplers/v1/tail_sampler_pb.js";
import { file_xds_type_matcher_v3_cel } from "@tulle/xds/gen/xds/type/matcher/v3/cel_pb.js";
import { file_xds_type_matcher_v3_http_inputs } from "@tulle/xds/gen/xds/type/matcher/v3/http_inputs_pb.js";
import { file_xds_type_v3_typed_struct } from "@tulle/xds/gen/xds/type/v3/typed_struct_pb.js";

/** Every message that our resources are or hold as Any: what is needed to show them as JSON. */
export const RESOURCE_MESSAGES: Registry = createRegistry(
  file_envoy_config_cluster_v3_cluster,
  file_envoy_config_endpoint_v3_endpoint,
  file_envoy_config_listener_v3_listener,
  file_envoy_config_route_v3_route,
  file_envoy_config_route_v3_route_components,
  file_envoy_extensions_access_loggers_file_v3_file,
  file_envoy_extensions_access_loggers_filters_cel_v3_cel,
  file_envoy_extensions_access_loggers_grpc_v3_als,
  file_envoy_extensions_access_loggers_open_telemetry_v3_logs_service,
  file_envoy_extensions_clusters_dynamic_forward_proxy_v3_cluster,
  file_envoy_extensions_filters_http_cors_v3_cors,
  file_envoy_extensions_filters_http_dynamic_forward_proxy_v3_dynamic_forward_proxy,
  file_envoy_extensions_filters_http_fault_v3_fault,
  file_envoy_extensions_filters_http_grpc_stats_v3_config,
  file_envoy_extensions_filters_http_local_ratelimit_v3_local_rate_limit,
  file_envoy_extensions_filters_http_router_v3_router,
  file_envoy_extensions_filters_network_http_connection_manager_v3_http_connection_manager,
  file_envoy_extensions_formatter_req_without_query_v3_req_without_query,
  file_envoy_extensions_retry_host_previous_hosts_v3_previous_hosts,
  file_envoy_extensions_retry_priority_previous_priorities_v3_previous_priorities_config,
  file_envoy_extensions_upstreams_http_v3_http_protocol_options,
  file_envoy_extensions_filters_http_custom_response_v3_custom_response,
  file_envoy_extensions_http_custom_response_local_response_policy_v3_local_response_policy,
  file_envoy_extensions_filters_http_ext_authz_v3_ext_authz,
  file_envoy_extensions_http_header_formatters_preserve_case_v3_preserve_case,
  file_envoy_extensions_filters_http_jwt_authn_v3_config,
  file_envoy_extensions_filters_http_rbac_v3_rbac,
  file_envoy_extensions_filters_network_ext_authz_v3_ext_authz,
  file_envoy_extensions_filters_network_rbac_v3_rbac,
  file_envoy_extensions_filters_listener_tls_inspector_v3_tls_inspector,
  file_istio_networking_nds_v1_nds,
  file_envoy_extensions_filters_network_tcp_proxy_v3_tcp_proxy,
  file_envoy_extensions_filters_listener_original_dst_v3_original_dst,
  file_envoy_extensions_filters_listener_http_inspector_v3_http_inspector,
  file_envoy_extensions_path_match_uri_template_v3_uri_template_match,
  file_envoy_extensions_transport_sockets_proxy_protocol_v3_upstream_proxy_protocol,
  file_envoy_extensions_transport_sockets_tls_v3_tls,
  file_envoy_extensions_transport_sockets_raw_buffer_v3_raw_buffer,
  file_envoy_extensions_transport_sockets_tls_v3_secret,
  file_tulle_access_loggers_requests_v1_requests,
  file_tulle_filters_http_fallback_v1_fallback,
  file_envoy_config_trace_v3_opentelemetry,
  file_envoy_config_trace_v3_zipkin,
  file_envoy_extensions_request_id_uuid_v3_uuid,
  file_envoy_extensions_tracers_opentelemetry_resource_detectors_v3_environment_resource_detector,
  file_tulle_tracers_opentelemetry_resource_detectors_v1_node_resource_detector,
  file_tulle_tracers_opentelemetry_samplers_v1_tail_sampler,
  file_xds_type_matcher_v3_cel,
  file_xds_type_matcher_v3_http_inputs,
  file_xds_type_v3_typed_struct,
);
