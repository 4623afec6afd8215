/** Descriptors of the messages that may be packed in an Any field of a configuration, for JSON and for the wire. */
import { createRequire } from "node:module";
import {
  type DescMessage,
  type JsonObject,
  type Message,
  type Registry,
  fromBinary,
  fromJson,
} from "@bufbuild/protobuf";
import { StringValueSchema, StructSchema, type Any } from "@bufbuild/protobuf/wkt";
import { TypedStructSchema } from "@tulle/xds/gen/xds/type/v3/typed_struct_pb.js";
import { TypedStructSchema as OldTypedStructSchema } from "@tulle/xds/gen/udpa/type/v1/typed_struct_pb.js";
import { MESH_STATS } from "./supported-fields/index.ts";

/** Generated files, and the messages in them. A file is loaded when a configuration names one of its messages: read descriptors stay in memory. */
const FILES: Readonly<Record<string, readonly string[]>> = {
  "envoy/config/metrics/v3/metrics_service": ["MetricsServiceConfig"],
  "envoy/config/rbac/v3/rbac": ["Action"],
  "envoy/config/route/v3/route_components": ["FilterConfig", "Route", "RouteList"],
  "envoy/config/trace/v3/opentelemetry": ["OpenTelemetryConfig"],
  "envoy/config/trace/v3/zipkin": ["ZipkinConfig"],
  "envoy/extensions/access_loggers/file/v3/file": ["FileAccessLog"],
  "envoy/extensions/access_loggers/filters/cel/v3/cel": ["ExpressionFilter"],
  "envoy/extensions/access_loggers/grpc/v3/als": ["HttpGrpcAccessLogConfig", "TcpGrpcAccessLogConfig"],
  "envoy/extensions/access_loggers/open_telemetry/v3/logs_service": ["OpenTelemetryAccessLogConfig"],
  "envoy/extensions/access_loggers/stream/v3/stream": ["StdoutAccessLog", "StderrAccessLog"],
  "envoy/extensions/bootstrap/internal_listener/v3/internal_listener": ["InternalListener"],
  "envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster": ["ClusterConfig"],
  "envoy/extensions/compression/brotli/compressor/v3/brotli": ["Brotli"],
  "envoy/extensions/compression/brotli/decompressor/v3/brotli": ["Brotli"],
  "envoy/extensions/compression/gzip/compressor/v3/gzip": ["Gzip"],
  "envoy/extensions/compression/gzip/decompressor/v3/gzip": ["Gzip"],
  "envoy/extensions/filters/http/buffer/v3/buffer": ["Buffer", "BufferPerRoute"],
  "envoy/extensions/filters/http/compressor/v3/compressor": ["Compressor", "CompressorPerRoute"],
  "envoy/extensions/filters/http/cors/v3/cors": ["Cors", "CorsPolicy"],
  "envoy/extensions/filters/http/csrf/v3/csrf": ["CsrfPolicy"],
  "envoy/extensions/filters/http/decompressor/v3/decompressor": ["Decompressor"],
  "envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy": ["FilterConfig", "PerRouteConfig"],
  "envoy/extensions/filters/http/ext_authz/v3/ext_authz": ["ExtAuthz", "ExtAuthzPerRoute"],
  "envoy/extensions/filters/http/fault/v3/fault": ["HTTPFault"],
  "envoy/extensions/filters/http/grpc_stats/v3/config": ["FilterConfig"],
  "envoy/extensions/filters/http/header_mutation/v3/header_mutation": ["HeaderMutation", "HeaderMutationPerRoute"],
  "envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata": ["Config"],
  "envoy/extensions/filters/http/health_check/v3/health_check": ["HealthCheck"],
  "envoy/extensions/filters/http/jwt_authn/v3/config": ["JwtAuthentication", "PerRouteConfig"],
  "envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit": ["LocalRateLimit"],
  "envoy/extensions/filters/http/rbac/v3/rbac": ["RBAC", "RBACPerRoute"],
  "envoy/extensions/filters/http/router/v3/router": ["Router"],
  "envoy/extensions/filters/http/set_metadata/v3/set_metadata": ["Config"],
  "envoy/extensions/filters/http/stateful_session/v3/stateful_session": ["StatefulSession", "StatefulSessionPerRoute"],
  "envoy/extensions/filters/listener/http_inspector/v3/http_inspector": ["HttpInspector"],
  "envoy/extensions/filters/listener/local_ratelimit/v3/local_ratelimit": ["LocalRateLimit"],
  "envoy/extensions/filters/listener/original_dst/v3/original_dst": ["OriginalDst"],
  "envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol": ["ProxyProtocol"],
  "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector": ["TlsInspector"],
  "envoy/extensions/filters/network/connection_limit/v3/connection_limit": ["ConnectionLimit"],
  "envoy/extensions/filters/network/direct_response/v3/config": ["Config"],
  "envoy/extensions/filters/network/echo/v3/echo": ["Echo"],
  "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager": ["HttpConnectionManager"],
  "envoy/extensions/filters/network/ext_authz/v3/ext_authz": ["ExtAuthz"],
  "envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit": ["LocalRateLimit"],
  "envoy/extensions/filters/network/rbac/v3/rbac": ["RBAC"],
  "envoy/extensions/filters/network/sni_cluster/v3/sni_cluster": ["SniCluster"],
  "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy": ["TcpProxy"],
  "envoy/extensions/formatter/metadata/v3/metadata": ["Metadata"],
  "envoy/extensions/formatter/req_without_query/v3/req_without_query": ["ReqWithoutQuery"],
  "envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation": ["HeaderMutation"],
  "envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case": ["PreserveCaseFormatterConfig"],
  "envoy/extensions/http/original_ip_detection/custom_header/v3/custom_header": ["CustomHeaderConfig"],
  "envoy/extensions/http/original_ip_detection/xff/v3/xff": ["XffConfig"],
  "envoy/extensions/http/stateful_session/cookie/v3/cookie": ["CookieBasedSessionState"],
  "envoy/extensions/http/stateful_session/header/v3/header": ["HeaderBasedSessionState"],
  "envoy/extensions/internal_redirect/allow_listed_routes/v3/allow_listed_routes_config": ["AllowListedRoutesConfig"],
  "envoy/extensions/internal_redirect/previous_routes/v3/previous_routes_config": ["PreviousRoutesConfig"],
  "envoy/extensions/internal_redirect/safe_cross_scheme/v3/safe_cross_scheme_config": ["SafeCrossSchemeConfig"],
  "envoy/extensions/load_balancing_policies/cluster_provided/v3/cluster_provided": ["ClusterProvided"],
  "envoy/extensions/load_balancing_policies/least_request/v3/least_request": ["LeastRequest"],
  "envoy/extensions/load_balancing_policies/maglev/v3/maglev": ["Maglev"],
  "envoy/extensions/load_balancing_policies/random/v3/random": ["Random"],
  "envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash": ["RingHash"],
  "envoy/extensions/load_balancing_policies/round_robin/v3/round_robin": ["RoundRobin"],
  "envoy/extensions/load_balancing_policies/subset/v3/subset": ["Subset"],
  "envoy/extensions/matching/common_inputs/network/v3/network_inputs": [
    "ApplicationProtocolInput",
    "DestinationIPInput",
    "DestinationPortInput",
    "DirectSourceIPInput",
    "ServerNameInput",
    "SourceIPInput",
    "SourcePortInput",
    "SourceTypeInput",
    "TransportProtocolInput",
  ],
  "envoy/extensions/matching/input_matchers/ip/v3/ip": ["Ip"],
  "envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver": ["CaresDnsResolverConfig"],
  "envoy/extensions/path/match/uri_template/v3/uri_template_match": ["UriTemplateMatchConfig"],
  "envoy/extensions/path/rewrite/uri_template/v3/uri_template_rewrite": ["UriTemplateRewriteConfig"],
  "envoy/extensions/request_id/uuid/v3/uuid": ["UuidRequestIdConfig"],
  "envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections": [
    "DownstreamConnectionsConfig",
  ],
  "envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap": ["FixedHeapConfig"],
  "envoy/extensions/retry/host/omit_canary_hosts/v3/omit_canary_hosts": ["OmitCanaryHostsPredicate"],
  "envoy/extensions/retry/host/omit_host_metadata/v3/omit_host_metadata_config": ["OmitHostMetadataConfig"],
  "envoy/extensions/retry/host/previous_hosts/v3/previous_hosts": ["PreviousHostsPredicate"],
  "envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config": ["PreviousPrioritiesConfig"],
  "envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector": [
    "EnvironmentResourceDetectorConfig",
  ],
  "envoy/extensions/tracers/opentelemetry/resource_detectors/v3/static_config_resource_detector": [
    "StaticConfigResourceDetectorConfig",
  ],
  "tulle/tracers/opentelemetry/resource_detectors/v1/node_resource_detector": ["NodeResourceDetector"],
  "tulle/tracers/opentelemetry/samplers/v1/tail_sampler": ["TailSampler"],
  "envoy/extensions/tracers/opentelemetry/samplers/v3/always_on_sampler": ["AlwaysOnSamplerConfig"],
  "envoy/extensions/tracers/opentelemetry/samplers/v3/parent_based_sampler": ["ParentBasedSamplerConfig"],
  "envoy/extensions/tracers/opentelemetry/samplers/v3/trace_id_ratio_based_sampler": ["TraceIdRatioBasedSamplerConfig"],
  "envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol": ["ProxyProtocolUpstreamTransport"],
  "envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer": ["RawBuffer"],
  "envoy/extensions/transport_sockets/tls/v3/tls": ["DownstreamTlsContext", "UpstreamTlsContext"],
  "envoy/extensions/upstreams/http/v3/http_protocol_options": ["HttpProtocolOptions"],
  "envoy/type/matcher/v3/http_inputs": ["HttpRequestHeaderMatchInput"],
  "tulle/access_loggers/requests/v1/requests": ["RequestLog"],
  "tulle/filters/http/fallback/v1/fallback": ["Fallback", "FallbackPolicy"],
  "xds/type/matcher/v3/ip": ["IPMatcher"],
};

/** Message type name → the file that it is in. */
const FILE_OF: ReadonlyMap<string, string> = new Map(
  Object.entries(FILES).flatMap(([file, names]) => {
    const inPackage = file.slice(0, file.lastIndexOf("/") + 1).replaceAll("/", ".");
    return names.map((name) => [inPackage + name, file]);
  }),
);

const loaded = new Map<string, DescMessage>(
  [TypedStructSchema, OldTypedStructSchema, StructSchema, StringValueSchema].map((schema) => [schema.typeName, schema]),
);

const load = createRequire(import.meta.url);

function messageOf(typeName: string): DescMessage | undefined {
  const known = loaded.get(typeName);
  const file = FILE_OF.get(typeName);
  if (known !== undefined || file === undefined) return known;
  const exported = load(`@tulle/xds/gen/${file}_pb.js`) as Readonly<Record<string, DescMessage>>;
  const schema = exported[`${typeName.slice(typeName.lastIndexOf(".") + 1)}Schema`];
  loaded.set(typeName, schema);
  return schema;
}

/** For protobuf-es; nothing but messages is looked up in it. */
export const extensionRegistry: Registry = {
  kind: "registry",
  get: messageOf,
  getMessage: messageOf,
  getEnum: () => undefined,
  getExtension: () => undefined,
  getExtensionFor: () => undefined,
  getService: () => undefined,
  [Symbol.iterator]: () => loaded.values(),
};

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
  // The two are the same on the wire.
  if (typeName !== TypedStructSchema.typeName && typeName !== OldTypedStructSchema.typeName) {
    const schema = messageOf(typeName) ?? null;
    const message = schema === null ? null : fromBinary(schema, any.value);
    return { typeUrl: any.typeUrl, typeName, schema, message, content: null };
  }
  const { typeUrl, value: content = {} } = fromBinary(TypedStructSchema, any.value);
  const schema = messageOf(nameIn(typeUrl)) ?? null;
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
