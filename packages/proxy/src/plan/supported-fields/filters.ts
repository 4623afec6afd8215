import type { SupportGroup } from "./message-support.ts";
import { NO_ACCESS_LOG, NO_TRACING } from "./reasons.ts";
import { CORS, CORS_POLICY, MESH_STATS, ROUTER } from "./type-names.ts";

/** Configurations of HTTP filters other than the router, by message type. Each has a compiler in plan/filters and a filter in http/filters. */
export const HTTP_FILTER_TYPES: readonly string[] = [CORS, MESH_STATS];

/** What `typed_per_filter_config` may hold. */
export const ROUTE_FILTER_TYPES: readonly string[] = ["envoy.config.route.v3.FilterConfig", CORS_POLICY];

export const FILTERS: SupportGroup = {
  [ROUTER]: {
    has: ["suppress_envoy_headers", "respect_expected_rq_timeout"],
    only: { dynamic_stats: [true], suppress_grpc_request_failure_code_stats: [false] },
    ignored: { start_child_span: NO_TRACING, upstream_log_options: NO_ACCESS_LOG },
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
};
