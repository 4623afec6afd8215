/** Message types that the plan compilers tell apart by name. */

export const TYPE_URL_PREFIX = "type.googleapis.com/";

export const HTTP_CONNECTION_MANAGER =
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
export const ROUTER = "envoy.extensions.filters.http.router.v3.Router";
export const HTTP_PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
export const RAW_BUFFER = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer";
export const DOWNSTREAM_TLS = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
export const UPSTREAM_TLS = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
export const STDOUT_ACCESS_LOG = "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog";
export const STDERR_ACCESS_LOG = "envoy.extensions.access_loggers.stream.v3.StderrAccessLog";
export const REQ_WITHOUT_QUERY = "envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery";
/** `%METADATA%` needs it no longer, and configurations still name it. */
export const METADATA_FORMATTER = "envoy.extensions.formatter.metadata.v3.Metadata";
export const FILE_ACCESS_LOG = "envoy.extensions.access_loggers.file.v3.FileAccessLog";
export const LB_ROUND_ROBIN = "envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin";
export const LB_LEAST_REQUEST = "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest";
export const LB_RANDOM = "envoy.extensions.load_balancing_policies.random.v3.Random";
export const LB_RING_HASH = "envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash";
export const LB_MAGLEV = "envoy.extensions.load_balancing_policies.maglev.v3.Maglev";
export const LB_CLUSTER_PROVIDED = "envoy.extensions.load_balancing_policies.cluster_provided.v3.ClusterProvided";
/** Istio's mesh metrics filter, sent as a TypedStruct: it has no published proto. */
export const MESH_STATS = "stats.PluginConfig";
export const PREVIOUS_PRIORITIES = "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig";
export const UUID_REQUEST_ID = "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig";
export const ZIPKIN_TRACER = "envoy.config.trace.v3.ZipkinConfig";
export const OPENTELEMETRY_TRACER = "envoy.config.trace.v3.OpenTelemetryConfig";
const OPENTELEMETRY = "envoy.extensions.tracers.opentelemetry";
export const ENVIRONMENT_DETECTOR = `${OPENTELEMETRY}.resource_detectors.v3.EnvironmentResourceDetectorConfig`;
export const STATIC_DETECTOR = `${OPENTELEMETRY}.resource_detectors.v3.StaticConfigResourceDetectorConfig`;
export const ALWAYS_ON_SAMPLER = `${OPENTELEMETRY}.samplers.v3.AlwaysOnSamplerConfig`;
export const PARENT_BASED_SAMPLER = `${OPENTELEMETRY}.samplers.v3.ParentBasedSamplerConfig`;
export const TRACE_ID_RATIO_SAMPLER = `${OPENTELEMETRY}.samplers.v3.TraceIdRatioBasedSamplerConfig`;
export const PREVIOUS_HOSTS = "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate";
export const DYNAMIC_FORWARD_PROXY = "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig";
export const FORWARDED_HOST = "envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig";
export const FORWARDING_CLUSTER = "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig";
export const CARES_RESOLVER = "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig";
export const BUFFER = "envoy.extensions.filters.http.buffer.v3.Buffer";
export const BUFFER_PER_ROUTE = "envoy.extensions.filters.http.buffer.v3.BufferPerRoute";
export const COMPRESSOR = "envoy.extensions.filters.http.compressor.v3.Compressor";
export const COMPRESSOR_PER_ROUTE = "envoy.extensions.filters.http.compressor.v3.CompressorPerRoute";
export const GZIP_COMPRESSOR = "envoy.extensions.compression.gzip.compressor.v3.Gzip";
export const BROTLI_COMPRESSOR = "envoy.extensions.compression.brotli.compressor.v3.Brotli";
export const CORS = "envoy.extensions.filters.http.cors.v3.Cors";
export const CORS_POLICY = "envoy.extensions.filters.http.cors.v3.CorsPolicy";
export const GRPC_STATS = "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig";
export const HEALTH_CHECK = "envoy.extensions.filters.http.health_check.v3.HealthCheck";
export const HEADER_MUTATION = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation";
export const HEADER_MUTATION_PER_ROUTE = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute";
export const FAULT = "envoy.extensions.filters.http.fault.v3.HTTPFault";
export const RBAC = "envoy.extensions.filters.http.rbac.v3.RBAC";
export const RBAC_ACTION = "envoy.config.rbac.v3.Action";
const NETWORK_INPUTS = "envoy.extensions.matching.common_inputs.network.v3";
export const DESTINATION_IP_INPUT = `${NETWORK_INPUTS}.DestinationIPInput`;
export const DESTINATION_PORT_INPUT = `${NETWORK_INPUTS}.DestinationPortInput`;
export const DIRECT_SOURCE_IP_INPUT = `${NETWORK_INPUTS}.DirectSourceIPInput`;
export const SERVER_NAME_INPUT = `${NETWORK_INPUTS}.ServerNameInput`;
export const SOURCE_IP_INPUT = `${NETWORK_INPUTS}.SourceIPInput`;
export const SOURCE_PORT_INPUT = `${NETWORK_INPUTS}.SourcePortInput`;
export const HEADER_INPUT = "envoy.type.matcher.v3.HttpRequestHeaderMatchInput";
export const IP_INPUT_MATCHER = "envoy.extensions.matching.input_matchers.ip.v3.Ip";
export const IP_MATCHER = "xds.type.matcher.v3.IPMatcher";
export const RBAC_PER_ROUTE = "envoy.extensions.filters.http.rbac.v3.RBACPerRoute";
export const URI_TEMPLATE_REWRITE = "envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig";
export const URI_TEMPLATE_MATCH = "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig";
export const LOCAL_RATE_LIMIT = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit";
/** Our own filter (packages/xds/proto). */
export const FALLBACK = "tulle.filters.http.fallback.v1.Fallback";
export const FALLBACK_POLICY = "tulle.filters.http.fallback.v1.FallbackPolicy";
