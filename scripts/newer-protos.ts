/**
 * What Envoy 1.40 has and the protos bundled with @grpc/grpc-js-xds, which are older, have not. Names and numbers are upstream's: an
 * Envoy binary carries the descriptors of its API, and there they can be read.
 */

/** An addition to a bundled file; several may concern one. */
export interface NewerFields {
  readonly file: string;
  readonly imports: readonly string[];
  /** The line of the message before which `text` goes. */
  readonly before: string;
  readonly text: string;
  /** Constraints that hold no longer: options of a field with its name, or lines. */
  readonly lifted?: readonly string[];
}

const HTTP_CONNECTION_MANAGER =
  "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto";
const PROXY_PROTOCOL = "envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.proto";
const ROUTE_COMPONENTS = "envoy/config/route/v3/route_components.proto";
const JWT_AUTHN = "envoy/extensions/filters/http/jwt_authn/v3/config.proto";
const EXT_AUTHZ = "envoy/extensions/filters/http/ext_authz/v3/ext_authz.proto";
const NOT_EMPTY = " [(validate.rules).string = {min_len: 1}]";

const TLS = "envoy/extensions/transport_sockets/tls/v3/tls.proto";

const ACCESS_LOG_DATA = "envoy/data/accesslog/v3/accesslog.proto";
const OTEL_ACCESS_LOG = "envoy/extensions/access_loggers/open_telemetry/v3/logs_service.proto";

export const NEWER_FIELDS: readonly NewerFields[] = [
  {
    file: "envoy/config/metrics/v3/metrics_service.proto",
    imports: [],
    before: "  // Specify which metrics types to emit for histograms.",
    text: `  // Most metrics in a message; 0: any number.
  uint32 batch_size = 6;

`,
  },
  {
    file: "envoy/config/bootstrap/v3/bootstrap.proto",
    imports: [],
    before: "  // Optional watchdog configuration.\n",
    text: `  oneof stats_eviction {
    // What was not counted between two such times is forgotten, where that may be. A multiple of stats_flush_interval.
    google.protobuf.Duration stats_eviction_interval = 42 [(validate.rules).duration = {gte {nanos: 1000000}}];
  }

`,
  },
  {
    file: "envoy/config/metrics/v3/stats.proto",
    imports: [],
    before: "  repeated double buckets = 2 [(validate.rules).repeated = {\n",
    text: `  // How many bins memory is allocated for at first.
  google.protobuf.UInt32Value bins = 3 [(validate.rules).uint32 = {lte: 46082 gt: 0}];

`,
    // `unique` beside it stays.
    lifted: ["    min_items: 1\n"],
  },
  {
    file: ACCESS_LOG_DATA,
    imports: [],
    before: "  UdpSessionEnd = 13;\n",
    text: `  TcpConnectionStart = 14;
`,
  },
  {
    file: OTEL_ACCESS_LOG,
    imports: [
      "envoy/config/core/v3/grpc_service.proto",
      "envoy/config/core/v3/http_service.proto",
      "envoy/type/tracing/v3/custom_tag.proto",
      "google/protobuf/duration.proto",
      "google/protobuf/wrappers.proto",
    ],
    before: "  // If specified, Envoy will not generate built-in resource labels\n",
    text: `  // In place of common_config.
  config.core.v3.HttpService http_service = 8;
  config.core.v3.GrpcService grpc_service = 9;
  string log_name = 10;
  google.protobuf.Duration buffer_flush_interval = 11;
  google.protobuf.UInt32Value buffer_size_bytes = 12;
  repeated string filter_state_objects_to_log = 13;
  repeated type.tracing.v3.CustomTag custom_tags = 14;
  repeated config.core.v3.TypedExtensionConfig resource_detectors = 15;

`,
    lifted: ["grpc.v3.CommonGrpcAccessLogConfig common_config = 1 [(validate.rules).message = {required: true}]"],
  },
  {
    file: TLS,
    imports: [],
    before: "  bool allow_renegotiation = 3;\n",
    text: `  bool auto_host_sni = 6;
  bool auto_sni_san_validation = 7;
`,
  },
  {
    file: TLS,
    imports: [],
    before: "  google.protobuf.BoolValue full_scan_certs_on_sni_mismatch = 9;\n",
    text: `  bool prefer_client_ciphers = 11;
`,
  },
  {
    file: TLS,
    imports: [],
    before: "  CertificateProviderPluginInstance tls_certificate_provider_instance = 14;\n",
    text: `  config.core.v3.TypedExtensionConfig custom_tls_certificate_selector = 16;
`,
  },
  {
    file: ROUTE_COMPONENTS,
    imports: [],
    before: "  repeated QueryParameterMatcher query_parameters = 7;\n",
    text: `  repeated CookieMatcher cookies = 17;

`,
  },
  {
    file: ROUTE_COMPONENTS,
    imports: [],
    before: "message QueryParameterMatcher {\n",
    text: `message CookieMatcher {
  string name = 1 [(validate.rules).string = {min_len: 1 max_bytes: 1024}];
  type.matcher.v3.StringMatcher string_match = 2 [(validate.rules).message = {required: true}];
  bool invert_match = 3;
}

`,
  },
  {
    file: "envoy/extensions/filters/http/compressor/v3/compressor.proto",
    imports: [],
    before: "    // If true, disables compression when the response contains an etag header.",
    text: `    repeated uint32 uncompressible_response_codes = 4;
    // In place of removing it.
    bool weaken_etag_on_compress = 6;

`,
  },
  {
    file: "envoy/config/core/v3/base.proto",
    imports: [],
    before: "// Key/value pair plus option to control append behavior.",
    text: `message KeyValuePair {
  string key = 1 [(validate.rules).string = {min_len: 1 max_bytes: 16384}];
  google.protobuf.Value value = 2;
}

`,
  },
  {
    file: "envoy/config/core/v3/base.proto",
    imports: [],
    before: "  // Key/value pair entry that this option to append or overwrite.",
    text: `  // In place of entry.
  KeyValuePair record = 3;

`,
    lifted: ["KeyValue entry = 1 [(validate.rules).message = {required: true}]"],
  },
  {
    file: "envoy/config/core/v3/protocol.proto",
    imports: [],
    before: "  google.protobuf.UInt32Value max_headers_count = 2 [(validate.rules).uint32 = {gte: 1}];\n",
    text: `  google.protobuf.UInt32Value max_response_headers_kb = 7
      [(validate.rules).uint32 = {lte: 8192 gt: 0}];
`,
  },
  {
    file: "envoy/config/common/mutation_rules/v3/mutation_rules.proto",
    imports: ["envoy/type/matcher/v3/string.proto"],
    before: "  oneof action {\n",
    text: `  message RemoveOnMatch {
    type.matcher.v3.StringMatcher key_matcher = 1 [(validate.rules).message = {required: true}];
  }

`,
  },
  {
    file: "envoy/config/common/mutation_rules/v3/mutation_rules.proto",
    imports: [],
    before: "    // Append new header by the specified HeaderValueOption.\n",
    text: `    // Every header whose name matches.
    RemoveOnMatch remove_on_match = 3;

`,
  },
  {
    file: "envoy/extensions/filters/http/header_mutation/v3/header_mutation.proto",
    imports: ["envoy/config/core/v3/base.proto", "envoy/config/core/v3/extension.proto"],
    before: "  // The response mutations are applied before the response is sent",
    text: `  repeated config.core.v3.KeyValueMutation query_parameter_mutations = 3;
  repeated config.common.mutation_rules.v3.HeaderMutation response_trailers_mutations = 4;
  repeated config.common.mutation_rules.v3.HeaderMutation request_trailers_mutations = 5;
  repeated config.core.v3.TypedExtensionConfig formatters = 6;

`,
  },
  {
    file: "envoy/config/cluster/v3/cluster.proto",
    imports: [],
    before: "  google.protobuf.Duration dns_refresh_rate = 16\n",
    text: `  // Up to so much is added to dns_refresh_rate.
  google.protobuf.Duration dns_jitter = 58;
`,
  },
  {
    file: "envoy/extensions/filters/http/fault/v3/fault.proto",
    imports: [],
    before: "  // The percentage of requests/operations/connections that will be aborted",
    text: `  // In place of "fault filter abort".
  string response_body = 6;

`,
  },
  {
    file: "envoy/extensions/upstreams/http/v3/http_protocol_options.proto",
    imports: ["envoy/config/common/matcher/v3/matcher.proto"],
    before: "  config.core.v3.HttpProtocolOptions common_http_protocol_options = 1;\n",
    text: `  message OutlierDetection {
    // Which responses count as errors, in place of 5xx.
    config.common.matcher.v3.MatchPredicate error_matcher = 1;
  }
  OutlierDetection outlier_detection = 8;

`,
  },
  {
    file: HTTP_CONNECTION_MANAGER,
    imports: [],
    before: "    google.protobuf.BoolValue spawn_upstream_span = 10;\n",
    text: `    // Names of spans, in place of the tracer's and of decorators.
    string operation = 11;
    string upstream_operation = 12;
    // Spans are reported, and upstreams are not told of them.
    bool no_context_propagation = 13;
`,
  },
  {
    file: ROUTE_COMPONENTS,
    imports: [],
    before: "  repeated type.tracing.v3.CustomTag custom_tags = 4;\n",
    text: `  string operation = 5;
  string upstream_operation = 6;

`,
  },
  {
    file: "envoy/type/tracing/v3/custom_tag.proto",
    imports: [],
    before: "    // A literal custom tag.\n",
    text: `    // A format.
    string value = 6;

`,
  },
  {
    file: "envoy/config/accesslog/v3/accesslog.proto",
    imports: [],
    before: "    // <=\n    LE = 2;\n",
    text: `    // !=
    NE = 3;

`,
  },
  {
    file: "envoy/extensions/http/custom_response/local_response_policy/v3/local_response_policy.proto",
    imports: [],
    before: "  // HTTP headers to add to the response. This allows the\n",
    text: `  oneof code_details {
    bool preserve_response_code_details = 5;
    string response_code_details = 6;
  }
`,
  },
  {
    file: "envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.proto",
    imports: ["envoy/config/route/v3/route_components.proto"],
    before: "  // Specifies the rate limit configurations to be applied with the same\n",
    text: `  // In place of the routes'.
  repeated config.route.v3.RateLimit rate_limits = 17;
  // Buckets that are kept for values which descriptors leave open, default 20.
  google.protobuf.UInt32Value max_dynamic_descriptors = 18;
  bool enable_retry_after_header = 19;

`,
  },
  {
    file: ROUTE_COMPONENTS,
    imports: [],
    before: "    message RemoteAddress {\n",
    text: `    message QueryParameters {
      string query_parameter_name = 1 [(validate.rules).string = {min_len: 1}];
      string descriptor_key = 2 [(validate.rules).string = {min_len: 1}];
      bool skip_if_absent = 3;
    }

`,
  },
  {
    file: ROUTE_COMPONENTS,
    imports: [],
    before: "      // Rate limit on remote address.\n",
    text: `      QueryParameters query_parameters = 12;

`,
  },
  {
    file: ROUTE_COMPONENTS,
    imports: [],
    before: "  // Refers to the stage set in the filter.",
    text: `  // How many tokens a request takes.
  message HitsAddend {
    google.protobuf.UInt64Value number = 1 [(validate.rules).uint64 = {lte: 1000000000}];
    string format = 2;
  }
  HitsAddend hits_addend = 5;

`,
  },
  {
    file: "envoy/type/v3/token_bucket.proto",
    imports: [],
    before: "  // The maximum tokens that the bucket can hold.",
    text: "",
    // A bucket that lets nothing through.
    lifted: ["uint32 max_tokens = 1 [(validate.rules).uint32 = {gt: 0}]"],
  },
  {
    file: "envoy/extensions/common/ratelimit/v3/ratelimit.proto",
    imports: [],
    before: "  // Token Bucket algorithm for local ratelimiting.\n",
    text: `  // Counted, and limits nothing.
  bool shadow_mode = 3;

`,
  },
  {
    file: "envoy/extensions/common/ratelimit/v3/ratelimit.proto",
    imports: [],
    before: "  // Descriptor entries.\n",
    text: "",
    // "" stands for any value of a local descriptor.
    lifted: [`string value = 2${NOT_EMPTY}`],
  },
  {
    file: "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto",
    imports: [],
    before: "  // The size in bytes of the initial buffer requested by the tls_inspector.",
    text: `  google.protobuf.BoolValue enable_ja4_fingerprinting = 3;
  bool close_connection_on_client_hello_parsing_errors = 4;
  google.protobuf.UInt32Value max_client_hello_size = 5 [(validate.rules).uint32 = {gt: 255}];

`,
  },
  {
    file: PROXY_PROTOCOL,
    imports: [],
    before: "    // The namespace — if this is empty, the filter's namespace will be used.",
    text: `    enum ValueStringEncoding {
      UNSPECIFIED = 0;
      SANITIZED_UTF8 = 1;
      BASE64 = 2;
    }
    ValueStringEncoding value_string_encoding = 3;

`,
  },
  {
    file: PROXY_PROTOCOL,
    imports: [],
    before: "  // The list of rules to apply to requests.",
    text: `  enum TlvLocation {
    DYNAMIC_METADATA = 0;
    FILTER_STATE = 1;
  }
  TlvLocation tlv_location = 6;

`,
  },
  {
    file: "envoy/config/core/v3/proxy_protocol.proto",
    imports: [],
    before: "message ProxyProtocolConfig {",
    text: `message TlvEntry {
  uint32 type = 1 [(validate.rules).uint32 = {lt: 256}];
  bytes value = 2;
}

`,
  },
  {
    file: "envoy/config/core/v3/proxy_protocol.proto",
    imports: [],
    before: "  // This config controls which TLVs can be passed to upstream",
    text: `  repeated TlvEntry added_tlvs = 3;

`,
  },
  {
    file: "envoy/extensions/filters/network/rbac/v3/rbac.proto",
    imports: ["google/protobuf/duration.proto"],
    before: "  // RBAC enforcement strategy.",
    text: `  google.protobuf.Duration delay_deny = 8;

`,
  },
  {
    file: "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto",
    imports: ["envoy/config/core/v3/backoff.proto", "envoy/type/v3/percent.proto"],
    before: "  // Optional configuration for TCP proxy hash policy.",
    text: `  // Between attempts.
  config.core.v3.BackoffStrategy backoff_options = 18;
  type.v3.Percent max_downstream_connection_duration_jitter_percentage = 20;

`,
  },
  {
    file: "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto",
    imports: [],
    before: "    // If set to true, access log will be flushed when the TCP proxy has successfully established a",
    text: `    bool flush_access_log_on_start = 3;

`,
  },
  {
    file: "envoy/config/trace/v3/zipkin.proto",
    imports: ["envoy/config/core/v3/http_service.proto"],
    before: "  string collector_cluster = 1",
    text: `  enum TraceContextOption {
    USE_B3 = 0;
    // W3C's traceparent where there is no B3 context; both towards upstreams.
    USE_B3_WITH_W3C_PROPAGATION = 1;
  }
  TraceContextOption trace_context_option = 8;
  // In place of collector_cluster, collector_endpoint and collector_hostname.
  core.v3.HttpService collector_service = 9;
  // The first 32 bits of a new trace's id are its time in seconds.
  bool timestamp_trace_ids = 10;
`,
    lifted: [`string collector_cluster = 1${NOT_EMPTY}`, `string collector_endpoint = 2${NOT_EMPTY}`],
  },
  {
    file: "envoy/config/trace/v3/opentelemetry.proto",
    imports: ["google/protobuf/wrappers.proto"],
    before: "  string service_name = 2;\n",
    text: `  google.protobuf.UInt32Value max_cache_size = 6;
  google.protobuf.BoolValue set_telemetry_sdk_resource_attributes = 7;
  google.protobuf.BoolValue set_service_name_resource_attribute = 8;
  google.protobuf.BoolValue set_instrumentation_scope = 9;
`,
  },
  {
    file: JWT_AUTHN,
    imports: [],
    before: "  // The unit is number of JWT tokens, default to 100.\n",
    text: `  // Longer tokens are not cached; default 4096 bytes.
  uint32 jwt_max_token_size = 2;
`,
  },
  {
    file: JWT_AUTHN,
    imports: [],
    before: "  // The HTTP header name to copy the claim to.\n",
    text: `  message PathSegment {
    string key = 1 [(validate.rules).string = {min_len: 1}];
  }
  // In place of claim_name, for names that have dots in them.
  repeated PathSegment claim_path = 3;

`,
    lifted: [`string claim_name = 2${NOT_EMPTY}`],
  },
  {
    file: JWT_AUTHN,
    imports: [],
    before: "  // A request failing the verification process will receive a 401 downstream",
    text: `  // After \`jwt_authn.\` in the names of stats.
  string stat_prefix = 7;

`,
  },
  {
    file: EXT_AUTHZ,
    imports: ["google/protobuf/struct.proto"],
    before: "  bool failure_mode_allow = 2;\n",
    text: `  // Kept with the request as filter state.
  google.protobuf.Struct filter_metadata = 28;
  bool emit_filter_state_stats = 29;
  // 0: all of it.
  uint32 max_denied_response_body_bytes = 30;
  bool enforce_response_header_limits = 31;
  // Asks, and lets everything through.
  bool shadow_mode = 32;
  google.protobuf.BoolValue emit_client_span = 33;
  // In place of clear_route_cache: only where one of these is changed.
  repeated string clear_route_cache_headers = 34;
`,
  },
  {
    file: EXT_AUTHZ,
    imports: [],
    before: "  // Settings used for controlling authorization request metadata.\n",
    text: `  // In place of the request's path.
  string path_override = 10;
  config.core.v3.RetryPolicy retry_policy = 9;

`,
  },
  {
    file: EXT_AUTHZ,
    imports: [],
    before: "  BufferSettings with_request_body = 3;\n",
    text: `  // In place of the filter's.
  oneof service_override {
    config.core.v3.GrpcService grpc_service = 4;
    HttpService http_service = 5;
  }
  google.protobuf.BoolValue emit_client_span = 6;
`,
  },
  {
    file: "envoy/service/auth/v3/external_auth.proto",
    imports: [],
    before: "    // Supplies http attributes for a denied response.\n",
    text: `    // The service could not decide.
    DeniedHttpResponse error_response = 5;

`,
  },
];

const SAMPLERS = "envoy/extensions/tracers/opentelemetry/samplers/v3";

/** Whole files, by path. */
export const NEWER_FILES: Readonly<Record<string, string>> = {
  [`${SAMPLERS}/parent_based_sampler.proto`]: `syntax = "proto3";
package envoy.extensions.tracers.opentelemetry.samplers.v3;
import "envoy/config/core/v3/extension.proto";
message ParentBasedSamplerConfig {
  config.core.v3.TypedExtensionConfig wrapped_sampler = 1;
}
`,
  [`${SAMPLERS}/trace_id_ratio_based_sampler.proto`]: `syntax = "proto3";
package envoy.extensions.tracers.opentelemetry.samplers.v3;
import "envoy/type/v3/percent.proto";
message TraceIdRatioBasedSamplerConfig {
  type.v3.FractionalPercent sampling_percentage = 1;
}
`,
};
