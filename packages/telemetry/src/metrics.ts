/** Istio's standard metrics. Source: istio.io docs/reference/config/metrics; order of labels: istio/proxy, as emitted by Envoy's istio.stats filter. */

export interface MetricDefinition {
  readonly name: string;
  readonly type: "counter" | "histogram" | "gauge";
  readonly help: string;
  readonly labels: readonly string[];
}

const COMMON_LABELS = [
  "reporter",
  "source_workload",
  "source_canonical_service",
  "source_canonical_revision",
  "source_workload_namespace",
  "source_principal",
  "source_app",
  "source_version",
  "source_cluster",
  "destination_workload",
  "destination_workload_namespace",
  "destination_principal",
  "destination_app",
  "destination_version",
  "destination_service",
  "destination_canonical_service",
  "destination_canonical_revision",
  "destination_service_name",
  "destination_service_namespace",
  "destination_cluster",
  "request_protocol",
] as const;
const LAST_LABELS = ["response_flags", "connection_security_policy"] as const;

/** Labels of the HTTP and gRPC metrics, in the order in which they are emitted. */
export const HTTP_LABELS = [...COMMON_LABELS, "response_code", "grpc_response_status", ...LAST_LABELS] as const;

/** Labels of the TCP metrics: the same without the two about a response. */
export const TCP_LABELS = [...COMMON_LABELS, ...LAST_LABELS] as const;

export type HttpLabel = (typeof HTTP_LABELS)[number];
export type TcpLabel = (typeof TCP_LABELS)[number];

/** Value of a label that is not known. */
export const UNKNOWN = "unknown";

/** `reporter`: which end of the connection counted. */
export type Reporter = "source" | "destination" | "waypoint";

/** `request_protocol`. */
export type RequestProtocol = "http" | "grpc" | "tcp";

export const REQUESTS_TOTAL = {
  name: "istio_requests_total",
  type: "counter",
  help: "Requests that a proxy handled.",
  labels: HTTP_LABELS,
} as const satisfies MetricDefinition;

export const REQUEST_DURATION = {
  name: "istio_request_duration_milliseconds",
  type: "histogram",
  help: "From the first byte of a request to the last of its response, in milliseconds.",
  labels: HTTP_LABELS,
} as const satisfies MetricDefinition;

export const REQUEST_BYTES = {
  name: "istio_request_bytes",
  type: "histogram",
  help: "Size of request bodies in bytes.",
  labels: HTTP_LABELS,
} as const satisfies MetricDefinition;

export const RESPONSE_BYTES = {
  name: "istio_response_bytes",
  type: "histogram",
  help: "Size of response bodies in bytes.",
  labels: HTTP_LABELS,
} as const satisfies MetricDefinition;

export const REQUEST_MESSAGES_TOTAL = {
  name: "istio_request_messages_total",
  type: "counter",
  help: "gRPC messages from clients.",
  labels: HTTP_LABELS,
} as const satisfies MetricDefinition;

export const RESPONSE_MESSAGES_TOTAL = {
  name: "istio_response_messages_total",
  type: "counter",
  help: "gRPC messages to clients.",
  labels: HTTP_LABELS,
} as const satisfies MetricDefinition;

export const TCP_SENT_BYTES_TOTAL = {
  name: "istio_tcp_sent_bytes_total",
  type: "counter",
  help: "Bytes in the direction of responses on TCP connections.",
  labels: TCP_LABELS,
} as const satisfies MetricDefinition;

export const TCP_RECEIVED_BYTES_TOTAL = {
  name: "istio_tcp_received_bytes_total",
  type: "counter",
  help: "Bytes in the direction of requests on TCP connections.",
  labels: TCP_LABELS,
} as const satisfies MetricDefinition;

export const TCP_CONNECTIONS_OPENED_TOTAL = {
  name: "istio_tcp_connections_opened_total",
  type: "counter",
  help: "TCP connections opened.",
  labels: TCP_LABELS,
} as const satisfies MetricDefinition;

export const TCP_CONNECTIONS_CLOSED_TOTAL = {
  name: "istio_tcp_connections_closed_total",
  type: "counter",
  help: "TCP connections closed.",
  labels: TCP_LABELS,
} as const satisfies MetricDefinition;

/** All of them, for documentation and for tests. */
export const STANDARD_METRICS: readonly MetricDefinition[] = [
  REQUESTS_TOTAL,
  REQUEST_DURATION,
  REQUEST_BYTES,
  RESPONSE_BYTES,
  REQUEST_MESSAGES_TOTAL,
  RESPONSE_MESSAGES_TOTAL,
  TCP_SENT_BYTES_TOTAL,
  TCP_RECEIVED_BYTES_TOTAL,
  TCP_CONNECTIONS_OPENED_TOTAL,
  TCP_CONNECTIONS_CLOSED_TOTAL,
];

/** Upper bounds of all histograms, milliseconds and bytes alike. Source: Envoy `source/common/stats/histogram_impl.cc`. */
/** Of a proxy of ours: requests of health checks, which no standard metric counts. (Istio's sidecars answer them beside Envoy) */
export const PROBES = "mesh_stats.probes";
/** Its name in Prometheus. */
export const PROBES_EXPOSED = "envoy_mesh_stats_probes";

export const HISTOGRAM_BUCKETS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000,
];
