/** What a span says of its request. Names and order: Envoy `source/common/tracing/http_tracer_impl.cc`. */
import { type Workload, parseWorkloadMetadata } from "@tulle/telemetry";
import type { Span } from "@tulle/telemetry/tracing";
import {
  CONTENT_TYPE,
  GRPC_MESSAGE,
  GRPC_STATUS,
  GRPC_TIMEOUT,
  USER_AGENT,
  X_CLIENT_TRACE_ID,
  X_ENVOY_DOWNSTREAM_SERVICE_CLUSTER,
  X_ENVOY_ORIGINAL_PATH,
  X_REQUEST_ID,
} from "../codec/header-names.ts";
import type { HeaderBlock } from "../codec/header-block.ts";
import type { HttpProtocol, RequestHead } from "../codec/messages.ts";
import type { TracingPlan } from "../plan/tracing-plan.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Host } from "../upstream/host.ts";
import type { Exchange } from "./exchange.ts";
import { type ResponseFlag, type ResponseFlags, shortFlags, withFlag } from "./response-flags.ts";

export function tagRequestSpan(span: Span, exchange: Exchange, maxPathLength: number): void {
  const { request, connection, response } = exchange;
  const { headers } = request;
  if (headers.has(X_REQUEST_ID)) span.setTag("guid:x-request-id", headers.get(X_REQUEST_ID));
  span.setTag("http.url", url(request, maxPathLength));
  span.setTag("http.method", request.method);
  span.setTag("downstream_cluster", headers.get(X_ENVOY_DOWNSTREAM_SERVICE_CLUSTER) || "-");
  span.setTag("user_agent", headers.get(USER_AGENT) || "-");
  span.setTag("http.protocol", request.protocol);
  span.setTag("peer.address", connection?.remoteAddress ?? "");
  if (headers.has(X_CLIENT_TRACE_ID)) span.setTag("guid:x-client-trace-id", headers.get(X_CLIENT_TRACE_ID));
  if (exchange.isGrpc) {
    span.setTag("grpc.path", request.path);
    span.setTag("grpc.authority", request.authority);
    span.setTag("grpc.content_type", headers.get(CONTENT_TYPE));
    if (headers.has(GRPC_TIMEOUT)) span.setTag("grpc.timeout", headers.get(GRPC_TIMEOUT));
  }
  span.setTag("request_size", String(exchange.bytesReceived));
  span.setTag("response_size", String(exchange.bytesSent));
  tagOutcome(span, exchange.cluster, exchange.status, exchange.flags);
  tagGrpcStatus(span, response.headers);
  if (exchange.responseTrailers !== null) tagGrpcStatus(span, exchange.responseTrailers);
}

/** @param protocol of the connection; "" if there was none @param status 0 if nothing came */
export function tagUpstreamSpan(
  span: Span,
  cluster: Cluster | null,
  host: Host | null,
  protocol: HttpProtocol | "",
  status: number,
  flag: ResponseFlag,
): void {
  span.setTag("http.protocol", protocol || "-");
  if (host !== null) {
    span.setTag("upstream_address", host.name);
    span.setTag("peer.address", host.name);
  }
  tagOutcome(span, cluster, status, withFlag(0, flag));
}

function tagOutcome(span: Span, cluster: Cluster | null, status: number, flags: ResponseFlags): void {
  span.setTag("component", "proxy");
  if (cluster !== null) {
    span.setTag("upstream_cluster", cluster.plan.name);
    span.setTag("upstream_cluster.name", cluster.plan.statName);
  }
  span.setTag("http.status_code", String(status));
  span.setTag("response_flags", shortFlags(flags));
  if (status === 0 || (status >= 500 && status < 600)) span.setTag("error", "true");
}

/**
 * Where in the configuration and in the mesh a request was: of a server's span who called, of a client's who was called. What Envoy does
 * not say, for the control plane. (Names of the workloads: Istio's, of its waypoints; docs/guides/tracing.md)
 */
export function tagPlace(span: Span, exchange: Exchange): void {
  const { route, connection, host, attemptCount } = exchange;
  if (route !== null && route.name !== "") span.setTag("tulle.route", route.name);
  if (attemptCount > 1) span.setTag("tulle.attempts", String(attemptCount));
  if (span.kind === "client") {
    tagDestination(span, host);
    return;
  }
  const peer = connection?.tls?.peerWorkload ?? null;
  if (peer !== null) tagWorkload(span, SOURCE, peer);
}

export function tagDestination(span: Span, host: Host | null): void {
  if (host !== null && host.workload !== "") tagWorkload(span, DESTINATION, parseWorkloadMetadata(host.workload));
}

const SOURCE = "istio.source";
const DESTINATION = "istio.destination";

function tagWorkload(span: Span, side: string, { name, namespace, canonicalName, canonicalRevision }: Workload): void {
  span.setTag(`${side}_workload`, name);
  span.setTag(`${side}_namespace`, namespace);
  span.setTag(`${side}_canonical_service`, canonicalName);
  span.setTag(`${side}_canonical_revision`, canonicalRevision);
}

/** Whatever the content type. */
export function tagGrpcStatus(span: Span, headers: HeaderBlock): void {
  if (!headers.has(GRPC_STATUS)) return;
  const status = headers.get(GRPC_STATUS);
  span.setTag("grpc.status_code", status);
  if (headers.has(GRPC_MESSAGE)) span.setTag("grpc.message", headers.get(GRPC_MESSAGE));
  if (isGrpcError(status)) span.setTag("error", "true");
}

export function isGrpcError(status: string): boolean {
  return GRPC_ERRORS.includes(status);
}

/** UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const GRPC_ERRORS: readonly string[] = ["2", "4", "8", "12", "13", "14", "15"];

/** The route's replace those of the connection manager. */
export function tagCustom(span: Span, exchange: Exchange, plan: TracingPlan): void {
  const { route } = exchange;
  for (const tags of [plan.customTags, route?.tracing?.customTags ?? []]) {
    for (const tag of tags) {
      try {
        const value = tag.value(exchange);
        if (value !== "") span.setTag(tag.tag, value);
      } catch (error) {
        exchange.reportBug(error);
      }
    }
  }
}

/** As the client sent it, but for a host that was rewritten. */
function url(request: RequestHead, maxPathLength: number): string {
  const { scheme, authority, path, headers } = request;
  if (path === "") return "";
  const original = headers.has(X_ENVOY_ORIGINAL_PATH) ? headers.get(X_ENVOY_ORIGINAL_PATH) : path;
  return `${scheme}://${authority}${original.slice(0, maxPathLength)}`;
}
