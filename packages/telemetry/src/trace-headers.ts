/**
 * Request headers that an application must pass on for a trace to hold together. Lower-case.
 * Source: Istio samples/bookinfo/src/productpage/productpage.py, getForwardHeaders.
 */
export const TRACE_PROPAGATION_HEADERS = [
  "x-request-id",
  "x-ot-span-context",
  "x-datadog-trace-id",
  "x-datadog-parent-id",
  "x-datadog-sampling-priority",
  "traceparent",
  "tracestate",
  "x-cloud-trace-context",
  "grpc-trace-bin",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-parentspanid",
  "x-b3-sampled",
  "x-b3-flags",
  "sw8",
] as const;
