/** Which request headers a service copies onto the calls that it makes itself, so that a trace stays in one piece. */
import type { IncomingHttpHeaders } from "node:http";

/**
 * The headers that the original Bookinfo forwards (istio/istio samples/bookinfo/src/productpage/productpage.py and
 * reviews' LibertyRestEndpoint.java): trace context of every tracer Istio supports, then who is calling.
 */
export const FORWARDED_HEADERS = [
  "x-request-id",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-parentspanid",
  "x-b3-sampled",
  "x-b3-flags",
  "traceparent",
  "tracestate",
  "x-ot-span-context",
  "x-datadog-trace-id",
  "x-datadog-parent-id",
  "x-datadog-sampling-priority",
  "x-cloud-trace-context",
  "grpc-trace-bin",
  "sw8",
  "user-agent",
  "cookie",
  "authorization",
  "jwt",
] as const;

/** Set by productpage from the session, and carried on from there; what a browser sends under this name is dropped. */
export const END_USER = "end-user";

export function forwardedHeaders(incoming: IncomingHttpHeaders): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of FORWARDED_HEADERS) {
    const value = incoming[name];
    if (typeof value === "string") headers[name] = value;
  }
  return headers;
}
