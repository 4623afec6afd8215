import { ROUTE_FILTER_TYPES } from "./filters.ts";
import type { SupportGroup } from "./message-support.ts";
import { NO_RETRIES, NO_TRACING, NO_RUNTIME, OPAQUE } from "./reasons.ts";

const HEADER_OPERATIONS = [
  "request_headers_to_add",
  "request_headers_to_remove",
  "response_headers_to_add",
  "response_headers_to_remove",
] as const;

export const ROUTE: SupportGroup = {
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
      "typed_per_filter_config",
      ...HEADER_OPERATIONS,
    ],
    extensions: { typed_per_filter_config: ROUTE_FILTER_TYPES },
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
      "typed_per_filter_config",
      ...HEADER_OPERATIONS,
    ],
    extensions: { typed_per_filter_config: ROUTE_FILTER_TYPES },
    ignored: {
      metadata: OPAQUE,
      per_request_buffer_limit_bytes: NO_RETRIES,
      include_is_timeout_retry_header: NO_RETRIES,
    },
  },
  "envoy.config.route.v3.Route": {
    has: ["name", "match", "route", "redirect", "direct_response", "typed_per_filter_config", ...HEADER_OPERATIONS],
    extensions: { typed_per_filter_config: ROUTE_FILTER_TYPES },
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
      "priority",
    ],
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
    has: ["name", "weight", "host_rewrite_literal", "typed_per_filter_config", ...HEADER_OPERATIONS],
    extensions: { typed_per_filter_config: ROUTE_FILTER_TYPES },
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
