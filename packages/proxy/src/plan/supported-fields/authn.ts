import type { SupportGroup } from "./message-support.ts";
import { EXT_AUTHZ, EXT_AUTHZ_PER_ROUTE, JWT_AUTHN, JWT_AUTHN_PER_ROUTE } from "./type-names.ts";

const JWT = "envoy.extensions.filters.http.jwt_authn.v3";

const AUTHZ = "envoy.extensions.filters.http.ext_authz.v3";

/** Filters that ask who somebody is, and others whether he may. */
export const AUTHN: SupportGroup = {
  [JWT_AUTHN]: {
    has: ["providers", "rules", "bypass_cors_preflight", "requirement_map", "strip_failure_response", "stat_prefix"],
    ignored: { filter_state_rules: "no filter that there is sets such state, so nothing is ever asked" },
  },
  [JWT_AUTHN_PER_ROUTE]: { has: ["disabled", "requirement_name"] },
  [`${JWT}.JwtProvider`]: {
    has: [
      "issuer",
      "audiences",
      "subjects",
      "require_expiration",
      "max_lifetime",
      "remote_jwks",
      "local_jwks",
      "forward",
      "from_headers",
      "from_params",
      "from_cookies",
      "forward_payload_header",
      "pad_forward_payload_header",
      "payload_in_metadata",
      "normalize_payload_in_metadata",
      "header_in_metadata",
      "failed_status_in_metadata",
      "clock_skew_seconds",
      "jwt_cache_config",
      "claim_to_headers",
      "clear_route_cache",
    ],
  },
  [`${JWT}.JwtProvider.NormalizePayload`]: { has: ["space_delimited_claims"] },
  [`${JWT}.JwtCacheConfig`]: { has: ["jwt_cache_size", "jwt_max_token_size"] },
  [`${JWT}.RemoteJwks`]: { has: ["http_uri", "cache_duration", "async_fetch", "retry_policy"] },
  [`${JWT}.JwksAsyncFetch`]: { has: ["fast_listener", "failed_refetch_duration"] },
  [`${JWT}.JwtHeader`]: { has: ["name", "value_prefix"] },
  [`${JWT}.JwtClaimToHeader`]: { has: ["header_name", "claim_name", "claim_path"] },
  [`${JWT}.JwtClaimToHeader.PathSegment`]: { has: ["key"] },
  [`${JWT}.ProviderWithAudiences`]: { has: ["provider_name", "audiences"] },
  [`${JWT}.JwtRequirement`]: {
    has: [
      "provider_name",
      "provider_and_audiences",
      "requires_any",
      "requires_all",
      "allow_missing_or_failed",
      "allow_missing",
    ],
  },
  [`${JWT}.JwtRequirementOrList`]: { has: ["requirements"] },
  [`${JWT}.JwtRequirementAndList`]: { has: ["requirements"] },
  [`${JWT}.RequirementRule`]: { has: ["match", "requires", "requirement_name"] },
  [EXT_AUTHZ]: {
    has: [
      "grpc_service",
      "http_service",
      "failure_mode_allow",
      "metadata_context_namespaces",
      "include_peer_certificate",
      "validate_mutations",
      "failure_mode_allow_header_add",
      "with_request_body",
      "clear_route_cache",
      "status_on_error",
      "filter_enabled",
      "filter_enabled_metadata",
      "deny_at_disable",
      "stat_prefix",
      "allowed_headers",
      "disallowed_headers",
      "charge_cluster_response_stats",
      "max_denied_response_body_bytes",
    ],
    without: { grpc_service: ["initial_metadata"] },
    only: { transport_api_version: ["V3", "AUTO"] },
  },
  [EXT_AUTHZ_PER_ROUTE]: { has: ["disabled", "check_settings"] },
  [`${AUTHZ}.CheckSettings`]: {
    has: ["context_extensions", "disable_request_body_buffering", "with_request_body", "http_service", "grpc_service"],
    without: { grpc_service: ["initial_metadata"] },
  },
  [`${AUTHZ}.BufferSettings`]: {
    has: ["max_request_bytes", "allow_partial_message", "pack_as_bytes"],
  },
  [`${AUTHZ}.HttpService`]: {
    has: ["server_uri", "path_prefix", "path_override", "authorization_request", "authorization_response"],
  },
  [`${AUTHZ}.AuthorizationRequest`]: { has: ["allowed_headers", "headers_to_add"] },
  [`${AUTHZ}.AuthorizationResponse`]: {
    has: [
      "allowed_upstream_headers",
      "allowed_upstream_headers_to_append",
      "allowed_client_headers",
      "allowed_client_headers_on_success",
      "dynamic_metadata_from_headers",
    ],
  },
  "envoy.type.matcher.v3.ListStringMatcher": { has: ["patterns"] },
  "envoy.config.core.v3.RetryPolicy": {
    has: ["retry_back_off", "num_retries"],
    ignored: {
      retry_on:
        "requests of the proxy's own are sent again after 5xx, resets and failed connections, whatever stands here",
    },
  },
  "envoy.config.core.v3.BackoffStrategy": { has: ["base_interval", "max_interval"] },
};
