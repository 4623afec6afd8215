import type { SupportGroup } from "./message-support.ts";
import {
  CEL_FILTER,
  FILE_ACCESS_LOG,
  HTTP_GRPC_ACCESS_LOG,
  METADATA_FORMATTER,
  REQ_WITHOUT_QUERY,
  STDERR_ACCESS_LOG,
  STDOUT_ACCESS_LOG,
  TCP_GRPC_ACCESS_LOG,
} from "./type-names.ts";

export const ACCESS_LOG: SupportGroup = {
  "envoy.config.accesslog.v3.AccessLog": {
    has: ["name", "filter", "typed_config"],
    extensions: {
      typed_config: [
        FILE_ACCESS_LOG,
        HTTP_GRPC_ACCESS_LOG,
        STDOUT_ACCESS_LOG,
        STDERR_ACCESS_LOG,
        HTTP_GRPC_ACCESS_LOG,
        TCP_GRPC_ACCESS_LOG,
      ],
    },
  },
  [FILE_ACCESS_LOG]: { has: ["path", "format", "json_format", "typed_json_format", "log_format"] },
  [STDOUT_ACCESS_LOG]: { has: ["log_format"] },
  [STDERR_ACCESS_LOG]: { has: ["log_format"] },
  [HTTP_GRPC_ACCESS_LOG]: {
    has: [
      "common_config",
      "additional_request_headers_to_log",
      "additional_response_headers_to_log",
      "additional_response_trailers_to_log",
    ],
  },
  [TCP_GRPC_ACCESS_LOG]: { has: ["common_config"] },
  "envoy.extensions.access_loggers.grpc.v3.CommonGrpcAccessLogConfig": {
    has: [
      "log_name",
      "grpc_service",
      "buffer_flush_interval",
      "buffer_size_bytes",
      "filter_state_objects_to_log",
      "custom_tags",
    ],
    only: { transport_api_version: ["AUTO", "V3"] },
  },
  "envoy.config.core.v3.SubstitutionFormatString": {
    has: [
      "text_format",
      "json_format",
      "text_format_source",
      "omit_empty_values",
      "content_type",
      "formatters",
      "json_format_options",
    ],
    extensions: { formatters: [REQ_WITHOUT_QUERY, METADATA_FORMATTER] },
  },
  // They are sorted anyway, as in Envoy.
  "envoy.config.core.v3.JsonFormatOptions": { has: ["sort_properties"] },
  [REQ_WITHOUT_QUERY]: { has: [] },
  [METADATA_FORMATTER]: { has: [] },
  "envoy.config.accesslog.v3.AccessLogFilter": {
    has: [
      "status_code_filter",
      "duration_filter",
      "not_health_check_filter",
      "runtime_filter",
      "and_filter",
      "or_filter",
      "header_filter",
      "response_flag_filter",
      "grpc_status_filter",
      "log_type_filter",
      "metadata_filter",
      "traceable_filter",
      "extension_filter",
    ],
  },
  "envoy.config.accesslog.v3.ExtensionFilter": {
    has: ["name", "typed_config"],
    extensions: { typed_config: [CEL_FILTER] },
  },
  [CEL_FILTER]: { has: ["expression"] },
  "envoy.config.accesslog.v3.ComparisonFilter": { has: ["op", "value"] },
  "envoy.config.core.v3.RuntimeUInt32": { has: ["default_value", "runtime_key"] },
  "envoy.config.accesslog.v3.StatusCodeFilter": { has: ["comparison"] },
  "envoy.config.accesslog.v3.DurationFilter": { has: ["comparison"] },
  "envoy.config.accesslog.v3.NotHealthCheckFilter": { has: [] },
  "envoy.config.accesslog.v3.MetadataFilter": { has: ["matcher", "match_if_key_not_found"] },
  "envoy.config.accesslog.v3.TraceableFilter": { has: [] },
  "envoy.config.accesslog.v3.RuntimeFilter": {
    has: ["percent_sampled", "use_independent_randomness", "runtime_key"],
  },
  "envoy.config.accesslog.v3.AndFilter": { has: ["filters"] },
  "envoy.config.accesslog.v3.OrFilter": { has: ["filters"] },
  "envoy.config.accesslog.v3.HeaderFilter": { has: ["header"] },
  "envoy.config.accesslog.v3.ResponseFlagFilter": { has: ["flags"] },
  "envoy.config.accesslog.v3.GrpcStatusFilter": { has: ["statuses", "exclude"] },
  "envoy.config.accesslog.v3.LogTypeFilter": { has: ["types", "exclude"] },
};
