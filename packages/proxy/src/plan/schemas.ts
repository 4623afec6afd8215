/** Descriptors of the messages that may be packed in an Any field of a configuration, for JSON and for the wire. */
import {
  createRegistry,
  type DescMessage,
  type JsonObject,
  type Message,
  type Registry,
  fromBinary,
  fromJson,
} from "@bufbuild/protobuf";
import { StructSchema, type Any } from "@bufbuild/protobuf/wkt";
import { FilterConfigSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import {
  StderrAccessLogSchema,
  StdoutAccessLogSchema,
} from "@tulle/xds/gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js";
import { MetadataSchema as MetadataFormatterSchema } from "@tulle/xds/gen/envoy/extensions/formatter/metadata/v3/metadata_pb.js";
import { ReqWithoutQuerySchema } from "@tulle/xds/gen/envoy/extensions/formatter/req_without_query/v3/req_without_query_pb.js";
import { OpenTelemetryConfigSchema } from "@tulle/xds/gen/envoy/config/trace/v3/opentelemetry_pb.js";
import { ZipkinConfigSchema } from "@tulle/xds/gen/envoy/config/trace/v3/zipkin_pb.js";
import { FileAccessLogSchema } from "@tulle/xds/gen/envoy/extensions/access_loggers/file/v3/file_pb.js";
import {
  BufferPerRouteSchema,
  BufferSchema,
} from "@tulle/xds/gen/envoy/extensions/filters/http/buffer/v3/buffer_pb.js";
import { BrotliSchema } from "@tulle/xds/gen/envoy/extensions/compression/brotli/compressor/v3/brotli_pb.js";
import { GzipSchema } from "@tulle/xds/gen/envoy/extensions/compression/gzip/compressor/v3/gzip_pb.js";
import {
  CompressorPerRouteSchema,
  CompressorSchema,
} from "@tulle/xds/gen/envoy/extensions/filters/http/compressor/v3/compressor_pb.js";
import { BrotliSchema as BrotliDecompressorSchema } from "@tulle/xds/gen/envoy/extensions/compression/brotli/decompressor/v3/brotli_pb.js";
import { GzipSchema as GzipDecompressorSchema } from "@tulle/xds/gen/envoy/extensions/compression/gzip/decompressor/v3/gzip_pb.js";
import { ExpressionFilterSchema } from "@tulle/xds/gen/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.js";
import { DecompressorSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/decompressor/v3/decompressor_pb.js";
import { CorsPolicySchema, CorsSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { ClusterConfigSchema as ForwardingClusterSchema } from "@tulle/xds/gen/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.js";
import {
  FilterConfigSchema as DynamicForwardProxySchema,
  PerRouteConfigSchema as ForwardedHostSchema,
} from "@tulle/xds/gen/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb.js";
import { CaresDnsResolverConfigSchema } from "@tulle/xds/gen/envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb.js";
import {
  ExtAuthzPerRouteSchema,
  ExtAuthzSchema,
} from "@tulle/xds/gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js";
import { HTTPFaultSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { LocalRateLimitSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js";
import { FilterConfigSchema as GrpcStatsSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js";
import {
  HeaderMutationPerRouteSchema,
  HeaderMutationSchema,
} from "@tulle/xds/gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.js";
import {
  JwtAuthenticationSchema,
  PerRouteConfigSchema as JwtPerRouteSchema,
} from "@tulle/xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { HealthCheckSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/health_check/v3/health_check_pb.js";
import { HttpConnectionManagerSchema } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { ClusterProvidedSchema } from "@tulle/xds/gen/envoy/extensions/load_balancing_policies/cluster_provided/v3/cluster_provided_pb.js";
import { LeastRequestSchema } from "@tulle/xds/gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.js";
import { MaglevSchema } from "@tulle/xds/gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.js";
import { RandomSchema } from "@tulle/xds/gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.js";
import { RingHashSchema } from "@tulle/xds/gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.js";
import { RoundRobinSchema } from "@tulle/xds/gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.js";
import { RouterSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import { PreviousPrioritiesConfigSchema } from "@tulle/xds/gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.js";
import { ActionSchema } from "@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import {
  DestinationIPInputSchema,
  DestinationPortInputSchema,
  DirectSourceIPInputSchema,
  ServerNameInputSchema,
  SourceIPInputSchema,
  SourcePortInputSchema,
} from "@tulle/xds/gen/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb.js";
import { IpSchema } from "@tulle/xds/gen/envoy/extensions/matching/input_matchers/ip/v3/ip_pb.js";
import { HttpRequestHeaderMatchInputSchema } from "@tulle/xds/gen/envoy/type/matcher/v3/http_inputs_pb.js";
import { IPMatcherSchema } from "@tulle/xds/gen/xds/type/matcher/v3/ip_pb.js";
import { RBACPerRouteSchema, RBACSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import { UriTemplateRewriteConfigSchema } from "@tulle/xds/gen/envoy/extensions/path/rewrite/uri_template/v3/uri_template_rewrite_pb.js";
import { UriTemplateMatchConfigSchema } from "@tulle/xds/gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js";
import { PreviousHostsPredicateSchema } from "@tulle/xds/gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js";
import { UuidRequestIdConfigSchema } from "@tulle/xds/gen/envoy/extensions/request_id/uuid/v3/uuid_pb.js";
import { EnvironmentResourceDetectorConfigSchema } from "@tulle/xds/gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector_pb.js";
import { StaticConfigResourceDetectorConfigSchema } from "@tulle/xds/gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/static_config_resource_detector_pb.js";
import { AlwaysOnSamplerConfigSchema } from "@tulle/xds/gen/envoy/extensions/tracers/opentelemetry/samplers/v3/always_on_sampler_pb.js";
import { ParentBasedSamplerConfigSchema } from "@tulle/xds/gen/envoy/extensions/tracers/opentelemetry/samplers/v3/parent_based_sampler_pb.js";
import { TraceIdRatioBasedSamplerConfigSchema } from "@tulle/xds/gen/envoy/extensions/tracers/opentelemetry/samplers/v3/trace_id_ratio_based_sampler_pb.js";
import { RawBufferSchema } from "@tulle/xds/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js";
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { HttpProtocolOptionsSchema } from "@tulle/xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import { FallbackPolicySchema, FallbackSchema } from "@tulle/xds/gen/tulle/filters/http/fallback/v1/fallback_pb.js";
import { TypedStructSchema } from "@tulle/xds/gen/xds/type/v3/typed_struct_pb.js";
import { ConfigSchema as DirectResponseSchema } from "@tulle/xds/gen/envoy/extensions/filters/network/direct_response/v3/config_pb.js";
import { ConnectionLimitSchema } from "@tulle/xds/gen/envoy/extensions/filters/network/connection_limit/v3/connection_limit_pb.js";
import { LocalRateLimitSchema as NetworkRateLimitSchema } from "@tulle/xds/gen/envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit_pb.js";
import { RBACSchema as NetworkRbacSchema } from "@tulle/xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";
import { SniClusterSchema } from "@tulle/xds/gen/envoy/extensions/filters/network/sni_cluster/v3/sni_cluster_pb.js";
import { TcpProxySchema } from "@tulle/xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { EchoSchema } from "@tulle/xds/gen/envoy/extensions/filters/network/echo/v3/echo_pb.js";
import { HttpInspectorSchema } from "@tulle/xds/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js";
import { LocalRateLimitSchema as ListenerRateLimitSchema } from "@tulle/xds/gen/envoy/extensions/filters/listener/local_ratelimit/v3/local_ratelimit_pb.js";
import { OriginalDstSchema } from "@tulle/xds/gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js";
import { ProxyProtocolSchema } from "@tulle/xds/gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.js";
import { TlsInspectorSchema } from "@tulle/xds/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js";
import { MESH_STATS } from "./supported-fields/index.ts";

export const extensionRegistry: Registry = createRegistry(
  HttpConnectionManagerSchema,
  DirectResponseSchema,
  TcpProxySchema,
  ConnectionLimitSchema,
  NetworkRateLimitSchema,
  NetworkRbacSchema,
  SniClusterSchema,
  EchoSchema,
  HttpInspectorSchema,
  ListenerRateLimitSchema,
  OriginalDstSchema,
  ProxyProtocolSchema,
  TlsInspectorSchema,
  RouterSchema,
  FilterConfigSchema,
  BufferSchema,
  CompressorSchema,
  CompressorPerRouteSchema,
  GzipSchema,
  GzipDecompressorSchema,
  BrotliDecompressorSchema,
  DecompressorSchema,
  ExpressionFilterSchema,
  BrotliSchema,
  BufferPerRouteSchema,
  CorsSchema,
  CorsPolicySchema,
  ForwardingClusterSchema,
  DynamicForwardProxySchema,
  ForwardedHostSchema,
  CaresDnsResolverConfigSchema,
  HTTPFaultSchema,
  GrpcStatsSchema,
  FallbackSchema,
  HeaderMutationSchema,
  HeaderMutationPerRouteSchema,
  HealthCheckSchema,
  ExtAuthzSchema,
  ExtAuthzPerRouteSchema,
  JwtAuthenticationSchema,
  JwtPerRouteSchema,
  LocalRateLimitSchema,
  FallbackPolicySchema,
  RBACSchema,
  RBACPerRouteSchema,
  ActionSchema,
  DestinationIPInputSchema,
  DestinationPortInputSchema,
  DirectSourceIPInputSchema,
  HttpRequestHeaderMatchInputSchema,
  IpSchema,
  IPMatcherSchema,
  ServerNameInputSchema,
  SourceIPInputSchema,
  SourcePortInputSchema,
  UriTemplateMatchConfigSchema,
  UriTemplateRewriteConfigSchema,
  PreviousHostsPredicateSchema,
  PreviousPrioritiesConfigSchema,
  HttpProtocolOptionsSchema,
  RawBufferSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
  FileAccessLogSchema,
  StdoutAccessLogSchema,
  StderrAccessLogSchema,
  MetadataFormatterSchema,
  ReqWithoutQuerySchema,
  ClusterProvidedSchema,
  LeastRequestSchema,
  MaglevSchema,
  RandomSchema,
  RingHashSchema,
  RoundRobinSchema,
  UuidRequestIdConfigSchema,
  ZipkinConfigSchema,
  OpenTelemetryConfigSchema,
  EnvironmentResourceDetectorConfigSchema,
  StaticConfigResourceDetectorConfigSchema,
  AlwaysOnSamplerConfigSchema,
  ParentBasedSamplerConfigSchema,
  TraceIdRatioBasedSamplerConfigSchema,
  TypedStructSchema,
  StructSchema,
);

/** What an Any holds. */
export interface Extension {
  /** Type URL of the configuration itself: of what a TypedStruct stands for, not of the TypedStruct. */
  readonly typeUrl: string;
  readonly typeName: string;
  /** Null: a type that we have no descriptor of. */
  readonly schema: DescMessage | null;
  readonly message: Message | null;
  /** The content of a TypedStruct. */
  readonly content: JsonObject | null;
}

/** Unpacks an Any, and a TypedStruct in it. Throws if the bytes are not a message of the type they claim to be. */
export function unpackExtension(any: Any): Extension {
  const typeName = nameIn(any.typeUrl);
  if (typeName !== TypedStructSchema.typeName) {
    const schema = extensionRegistry.getMessage(typeName) ?? null;
    const message = schema === null ? null : fromBinary(schema, any.value);
    return { typeUrl: any.typeUrl, typeName, schema, message, content: null };
  }
  const { typeUrl, value: content = {} } = fromBinary(TypedStructSchema, any.value);
  const schema = extensionRegistry.getMessage(nameIn(typeUrl)) ?? null;
  const message = schema === null ? null : fromJson(schema, content, { registry: extensionRegistry });
  return { typeUrl, typeName: nameIn(typeUrl), schema, message, content };
}

function nameIn(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}

/** Types that have no published proto and are known by their name. */
export function isNameOnly(typeName: string): boolean {
  return typeName === MESH_STATS;
}
