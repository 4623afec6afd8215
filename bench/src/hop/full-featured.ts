/** A bootstrap with what a mesh's sidecar has switched on: the work that `full` measures. */
import { type Json, address, httpConnectionManager, listener, node, staticCluster, typed } from "./bootstrap-parts.ts";

const VIRTUAL_HOSTS = 300;
const ROUTES = 100;
const POLICIES = 5;

/** Istio's line (MeshConfig.accessLogFormat's default). */
const ACCESS_LOG = [
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS%',
  '%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED%',
  '%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%"',
  '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS%',
  "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n",
].join(" ");

/** Other than plain TCP, towards clients and towards the backend. */
export interface TransportSockets {
  downstream?: Json;
  upstream?: Json;
  /** HTTP/2 towards the backend. */
  http2?: boolean;
}

/**
 * 300 virtual hosts, the one that is used with 100 routes and the last of them taken; Istio's retry policy; RBAC with five policies,
 * the last of them met; fault, CORS and gRPC statistics without work; Zipkin at 1 %; Istio's access log; circuit breakers and
 * outlier detection.
 */
export function fullFeatured(backendPort: number, collectorPort: number, sockets: TransportSockets = {}): object {
  const { downstream, upstream, http2 = false } = sockets;
  return {
    node,
    admin: { address: address(0) },
    static_resources: {
      listeners: [listener(connectionManager(), downstream && { transport_socket: downstream })],
      clusters: [
        staticCluster("backend", backendPort, {
          lb_policy: "LEAST_REQUEST",
          circuit_breakers: { thresholds: [UNLIMITED] },
          outlier_detection: { consecutive_5xx: 5, interval: "10s" },
          ...(upstream && { transport_socket: upstream }),
          ...(http2 && { typed_extension_protocol_options: HTTP2 }),
        }),
        staticCluster("collector", collectorPort, {}),
      ],
    },
  };
}

const HTTP2 = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed("upstreams.http.v3.HttpProtocolOptions", {
    explicit_http_config: { http2_protocol_options: {} },
  }).typed_config,
};

const MOST = 4_294_967_295;
const UNLIMITED = {
  max_connections: MOST,
  max_pending_requests: MOST,
  max_requests: MOST,
  max_retries: MOST,
  track_remaining: true,
};

function connectionManager(): Json {
  const last = catchAll();
  const services = Array.from({ length: VIRTUAL_HOSTS }, (_, i) => ({
    name: `service-${i}`,
    domains: [`service-${i}`, `service-${i}.default.svc.cluster.local`],
    routes: [last],
  }));
  return httpConnectionManager({
    normalize_path: true,
    path_with_escaped_slashes_action: "KEEP_UNCHANGED",
    stream_idle_timeout: "0s",
    server_name: "istio-envoy",
    route_config: {
      name: "hop",
      virtual_hosts: [...services, { name: "all", domains: ["*"], routes: [...passedRoutes(), last] }],
    },
    http_filters: [
      { name: "envoy.filters.http.rbac", ...typed("filters.http.rbac.v3.RBAC", { rules: rules() }) },
      { name: "envoy.filters.http.fault", ...typed("filters.http.fault.v3.HTTPFault", {}) },
      { name: "envoy.filters.http.cors", ...typed("filters.http.cors.v3.Cors", {}) },
      {
        name: "envoy.filters.http.grpc_stats",
        ...typed("filters.http.grpc_stats.v3.FilterConfig", { emit_filter_state: true, stats_for_all_methods: false }),
      },
      { name: "envoy.filters.http.router", ...typed("filters.http.router.v3.Router", {}) },
    ],
    tracing: {
      client_sampling: { value: 100 },
      random_sampling: { value: 1 },
      overall_sampling: { value: 100 },
      provider: {
        name: "envoy.tracers.zipkin",
        typed_config: {
          "@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig",
          collector_cluster: "collector",
          collector_endpoint: "/api/v2/spans",
          collector_endpoint_version: "HTTP_JSON",
          trace_id_128bit: true,
          shared_span_context: false,
        },
      },
    },
    access_log: [
      {
        name: "envoy.access_loggers.file",
        ...typed("access_loggers.file.v3.FileAccessLog", {
          path: "/dev/null",
          log_format: { text_format_source: { inline_string: ACCESS_LOG } },
        }),
      },
    ],
  });
}

/** A third of them look at a header, too. */
function passedRoutes(): Json[] {
  return Array.from({ length: ROUTES - 1 }, (_, i) => ({
    match: {
      prefix: `/service-${i}/`,
      ...(i % 3 === 0 && { headers: [{ name: "end-user", string_match: { exact: "nobody" } }] }),
    },
    route: { cluster: "backend", timeout: "15s" },
  }));
}

function catchAll(): Json {
  return {
    match: { prefix: "/" },
    route: {
      cluster: "backend",
      timeout: "15s",
      retry_policy: {
        retry_on: "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
        num_retries: 2,
        retriable_status_codes: [503],
        retry_host_predicate: [
          {
            name: "envoy.retry_host_predicates.previous_hosts",
            ...typed("retry.host.previous_hosts.v3.PreviousHostsPredicate", {}),
          },
        ],
        host_selection_retry_max_attempts: "5",
      },
    },
    decorator: { operation: "backend:80/*" },
  };
}

function rules(): Json {
  const exact = (name: string, value: string): Json => ({ header: { name, string_match: { exact: value } } });
  const policies = Array.from({ length: POLICIES }, (_, i) => {
    const last = i === POLICIES - 1;
    const methods = { or_rules: { rules: ["GET", "POST"].map((method) => exact(":method", method)) } };
    const paths = { or_rules: { rules: [{ url_path: { path: { prefix: last ? "/" : `/admin-${i}` } } }] } };
    const permission = { and_rules: { rules: [methods, paths] } };
    const principal = last ? { any: true } : exact("x-caller", `caller-${i}`);
    return [`policy-${i}`, { permissions: [permission], principals: [principal] }] as const;
  });
  return { action: "ALLOW", policies: Object.fromEntries(policies) };
}
