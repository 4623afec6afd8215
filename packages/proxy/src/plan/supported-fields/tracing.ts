import type { SupportGroup } from "./message-support.ts";
import {
  ALWAYS_ON_SAMPLER,
  ENVIRONMENT_DETECTOR,
  OPENTELEMETRY_TRACER,
  PARENT_BASED_SAMPLER,
  STATIC_DETECTOR,
  TRACE_ID_RATIO_SAMPLER,
  UUID_REQUEST_ID,
  ZIPKIN_TRACER,
} from "./type-names.ts";

const SAMPLERS = [ALWAYS_ON_SAMPLER, PARENT_BASED_SAMPLER, TRACE_ID_RATIO_SAMPLER];

export const TRACING: SupportGroup = {
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing": {
    has: [
      "client_sampling",
      "random_sampling",
      "overall_sampling",
      "max_path_tag_length",
      "custom_tags",
      "provider",
      "spawn_upstream_span",
      "no_context_propagation",
      "operation",
      "upstream_operation",
    ],
    only: { verbose: [false] },
  },
  "envoy.extensions.filters.network.http_connection_manager.v3.RequestIDExtension": {
    has: ["typed_config"],
    extensions: { typed_config: [UUID_REQUEST_ID] },
  },
  [UUID_REQUEST_ID]: { has: ["pack_trace_reason", "use_request_id_for_trace_sampling"] },
  "envoy.config.route.v3.Decorator": { has: ["operation", "propagate"] },
  "envoy.config.route.v3.Tracing": {
    has: ["client_sampling", "random_sampling", "overall_sampling", "custom_tags", "operation", "upstream_operation"],
  },
  "envoy.type.tracing.v3.CustomTag": { has: ["tag", "literal", "environment", "request_header", "metadata", "value"] },
  "envoy.type.tracing.v3.CustomTag.Literal": { has: ["value"] },
  "envoy.type.tracing.v3.CustomTag.Environment": { has: ["name", "default_value"] },
  "envoy.type.tracing.v3.CustomTag.Metadata": { has: ["kind", "metadata_key", "default_value"] },
  "envoy.type.metadata.v3.MetadataKind": { has: ["request", "route", "cluster", "host"] },
  "envoy.type.metadata.v3.MetadataKind.Request": { has: [] },
  "envoy.type.metadata.v3.MetadataKind.Route": { has: [] },
  "envoy.type.metadata.v3.MetadataKind.Cluster": { has: [] },
  "envoy.type.metadata.v3.MetadataKind.Host": { has: [] },
  "envoy.type.tracing.v3.CustomTag.Header": { has: ["name", "default_value"] },
  "envoy.config.trace.v3.Tracing.Http": {
    has: ["name", "typed_config"],
    extensions: { typed_config: [ZIPKIN_TRACER, OPENTELEMETRY_TRACER] },
  },
  [ZIPKIN_TRACER]: {
    has: [
      "collector_cluster",
      "collector_endpoint",
      "collector_hostname",
      "collector_service",
      "collector_endpoint_version",
      "trace_id_128bit",
      "timestamp_trace_ids",
      "shared_span_context",
      "split_spans_for_request",
      "trace_context_option",
    ],
  },
  // Its clusters would have to speak HTTP/2 for grpc_service.
  [OPENTELEMETRY_TRACER]: {
    has: [
      "http_service",
      "service_name",
      "resource_detectors",
      "sampler",
      "max_cache_size",
      "set_telemetry_sdk_resource_attributes",
      "set_service_name_resource_attribute",
      "set_instrumentation_scope",
    ],
    extensions: { resource_detectors: [ENVIRONMENT_DETECTOR, STATIC_DETECTOR], sampler: SAMPLERS },
    optional: ["sampler"],
  },
  "envoy.config.core.v3.HttpService": { has: ["http_uri", "request_headers_to_add"] },
  "envoy.config.core.v3.HttpUri": { has: ["uri", "cluster", "timeout"] },
  [ENVIRONMENT_DETECTOR]: { has: [] },
  [STATIC_DETECTOR]: { has: ["attributes"] },
  [ALWAYS_ON_SAMPLER]: { has: [] },
  [PARENT_BASED_SAMPLER]: { has: ["wrapped_sampler"], extensions: { wrapped_sampler: SAMPLERS } },
  [TRACE_ID_RATIO_SAMPLER]: { has: ["sampling_percentage"] },
};
