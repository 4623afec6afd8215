export {
  HISTOGRAM_BUCKETS,
  HTTP_LABELS,
  type HttpLabel,
  type MetricDefinition,
  PROBES,
  PROBES_EXPOSED,
  REQUEST_BYTES,
  REQUEST_DURATION,
  REQUEST_MESSAGES_TOTAL,
  REQUESTS_TOTAL,
  type Reporter,
  type RequestProtocol,
  RESPONSE_BYTES,
  RESPONSE_MESSAGES_TOTAL,
  STANDARD_METRICS,
  TCP_CONNECTIONS_CLOSED_TOTAL,
  TCP_CONNECTIONS_OPENED_TOTAL,
  TCP_LABELS,
  TCP_RECEIVED_BYTES_TOTAL,
  TCP_SENT_BYTES_TOTAL,
  type TcpLabel,
  UNKNOWN,
} from "./metrics.ts";
export { type Bucket, quantile } from "./quantile.ts";
export { RESPONSE_FLAGS, flagsInWords } from "./response-flags.ts";
export { TRACE_PROPAGATION_HEADERS } from "./trace-headers.ts";
export {
  formatWorkloadMetadata,
  type NodeMetadata,
  parseWorkloadMetadata,
  UNKNOWN_WORKLOAD,
  type Workload,
  workloadOfNode,
} from "./workload.ts";
