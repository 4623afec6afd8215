import type { SupportGroup } from "./message-support.ts";
import { NO_RUNTIME, NO_UPSTREAM_LOG } from "./reasons.ts";
import {
  CORS,
  CORS_POLICY,
  FALLBACK,
  FALLBACK_POLICY,
  FAULT,
  LOCAL_RATE_LIMIT,
  MESH_STATS,
  RBAC,
  RBAC_PER_ROUTE,
  ROUTER,
  URI_TEMPLATE_MATCH,
} from "./type-names.ts";

/** Configurations of HTTP filters other than the router, by message type. Each has a compiler in plan/filters and a filter in http/filters. */
export const HTTP_FILTER_TYPES: readonly string[] = [CORS, FALLBACK, FAULT, LOCAL_RATE_LIMIT, MESH_STATS, RBAC];

/** What `typed_per_filter_config` may hold. */
export const ROUTE_FILTER_TYPES: readonly string[] = [
  "envoy.config.route.v3.FilterConfig",
  CORS_POLICY,
  FAULT,
  FALLBACK_POLICY,
  RBAC_PER_ROUTE,
];

export const FILTERS: SupportGroup = {
  [ROUTER]: {
    has: ["suppress_envoy_headers", "respect_expected_rq_timeout", "start_child_span"],
    only: { dynamic_stats: [true], suppress_grpc_request_failure_code_stats: [false] },
    ignored: { upstream_log_options: NO_UPSTREAM_LOG },
  },
  "envoy.config.route.v3.FilterConfig": {
    has: ["config", "is_optional", "disabled"],
    extensions: { config: ROUTE_FILTER_TYPES },
    optional: ["config"],
  },
  [CORS]: { has: [] },
  [CORS_POLICY]: {
    has: [
      "allow_origin_string_match",
      "allow_methods",
      "allow_headers",
      "expose_headers",
      "max_age",
      "allow_credentials",
      "filter_enabled",
      "shadow_enabled",
      "allow_private_network_access",
      "forward_not_matching_preflights",
    ],
  },
  [FAULT]: {
    has: [
      "delay",
      "abort",
      "upstream_cluster",
      "headers",
      "downstream_nodes",
      "max_active_faults",
      "response_rate_limit",
      "disable_downstream_cluster_stats",
      "filter_metadata",
    ],
    ignored: {
      delay_percent_runtime: NO_RUNTIME,
      abort_percent_runtime: NO_RUNTIME,
      delay_duration_runtime: NO_RUNTIME,
      abort_http_status_runtime: NO_RUNTIME,
      max_active_faults_runtime: NO_RUNTIME,
      response_rate_limit_percent_runtime: NO_RUNTIME,
      abort_grpc_status_runtime: NO_RUNTIME,
    },
  },
  "envoy.extensions.filters.http.fault.v3.FaultAbort": {
    has: ["http_status", "grpc_status", "header_abort", "percentage", "response_body"],
  },
  "envoy.extensions.filters.http.fault.v3.FaultAbort.HeaderAbort": { has: [] },
  "envoy.extensions.filters.common.fault.v3.FaultDelay": { has: ["fixed_delay", "header_delay", "percentage"] },
  "envoy.extensions.filters.common.fault.v3.FaultDelay.HeaderDelay": { has: [] },
  "envoy.extensions.filters.common.fault.v3.FaultRateLimit": { has: ["fixed_limit", "header_limit", "percentage"] },
  "envoy.extensions.filters.common.fault.v3.FaultRateLimit.FixedLimit": { has: ["limit_kbps"] },
  "envoy.extensions.filters.common.fault.v3.FaultRateLimit.HeaderLimit": { has: [] },
  [FALLBACK]: { has: [] },
  [FALLBACK_POLICY]: { has: ["name", "rules"] },
  "tulle.filters.http.fallback.v1.Rule": { has: ["failures", "statuses", "respond", "redirect", "last_good"] },
  "tulle.filters.http.fallback.v1.Respond": {
    has: ["status", "response_headers_to_add", "text_format", "json_format", "bytes"],
  },
  "tulle.filters.http.fallback.v1.Redirect": { has: ["cluster", "timeout"] },
  "tulle.filters.http.fallback.v1.LastGood": { has: ["max_age", "max_entry_bytes", "max_bytes"] },
  [LOCAL_RATE_LIMIT]: {
    has: [
      "stat_prefix",
      "status",
      "token_bucket",
      "filter_enabled",
      "filter_enforced",
      "response_headers_to_add",
      "descriptors",
      "always_consume_default_token_bucket",
      "rate_limited_as_resource_exhausted",
      "rate_limits",
      "max_dynamic_descriptors",
      "enable_retry_after_header",
    ],
  },
  "envoy.type.v3.HttpStatus": { has: ["code"] },
  "envoy.type.v3.TokenBucket": { has: ["max_tokens", "tokens_per_fill", "fill_interval"] },
  "envoy.extensions.common.ratelimit.v3.LocalRateLimitDescriptor": { has: ["entries", "token_bucket"] },
  "envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.Entry": { has: ["key", "value"] },
  "envoy.config.route.v3.RateLimit": { has: ["actions"] },
  "envoy.config.route.v3.RateLimit.Action": {
    has: ["generic_key", "header_value_match", "request_headers", "remote_address"],
  },
  "envoy.config.route.v3.RateLimit.Action.GenericKey": { has: ["descriptor_key", "descriptor_value"] },
  "envoy.config.route.v3.RateLimit.Action.HeaderValueMatch": {
    has: ["descriptor_key", "descriptor_value", "headers", "expect_match"],
  },
  "envoy.config.route.v3.RateLimit.Action.RequestHeaders": {
    has: ["header_name", "descriptor_key", "skip_if_absent"],
  },
  "envoy.config.route.v3.RateLimit.Action.RemoteAddress": { has: [] },
  [RBAC]: {
    has: ["rules", "rules_stat_prefix", "shadow_rules", "shadow_rules_stat_prefix", "track_per_rule_stats"],
  },
  [RBAC_PER_ROUTE]: { has: ["rbac"] },
  "envoy.config.rbac.v3.RBAC": {
    has: ["action", "policies"],
    only: { audit_logging_options: ["empty"] },
  },
  "envoy.config.rbac.v3.Policy": { has: ["permissions", "principals"] },
  "envoy.config.rbac.v3.Permission": {
    has: [
      "and_rules",
      "or_rules",
      "any",
      "header",
      "url_path",
      "destination_ip",
      "destination_port",
      "destination_port_range",
      "metadata",
      "not_rule",
      "requested_server_name",
      "uri_template",
    ],
    extensions: { uri_template: [URI_TEMPLATE_MATCH] },
    optional: ["uri_template"],
  },
  "envoy.config.rbac.v3.Permission.Set": { has: ["rules"] },
  "envoy.config.rbac.v3.Principal": {
    has: [
      "and_ids",
      "or_ids",
      "any",
      "authenticated",
      "source_ip",
      "direct_remote_ip",
      "remote_ip",
      "header",
      "url_path",
      "metadata",
      "not_id",
    ],
  },
  "envoy.config.rbac.v3.Principal.Set": { has: ["ids"] },
  "envoy.config.rbac.v3.Principal.Authenticated": { has: ["principal_name"] },
  [URI_TEMPLATE_MATCH]: { has: ["path_template"] },
};
