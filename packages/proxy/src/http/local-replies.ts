import type { StreamResetReason } from "../codec/messages.ts";
import { reasonPhrase } from "../codec/http1/status-lines.ts";
import type { ProtocolError } from "../codec/messages.ts";
import type { HeaderMutation } from "../plan/route-plan.ts";
import type { ResponseFlag } from "./response-flags.ts";

/** An answer that the proxy gives by itself. */
export interface LocalReply {
  readonly status: number;
  readonly body: string;
  readonly flag: ResponseFlag;
  /** Envoy's response code details. */
  readonly details: string;
  /** Set after the route's, before the body's own: what they name stays as it is. */
  readonly headers: readonly HeaderMutation[];
  /** For gRPC clients; -1 where the status says it. */
  readonly grpcStatus: number;
  /** Names and values by turns, of a response that is given again; what a route adds comes on top. */
  readonly lines: readonly string[];
  /** Whether it gets the route's headers: from routes that forward (Envoy: a route entry), from whatever route gave it, from none. */
  readonly routeHeaders: "forwarding" | "any" | "none";
}

/** What most local replies are: the rest of them differ in a field or two. */
export function localReply(status: number, body: string, flag: ResponseFlag, details: string): LocalReply {
  return {
    status,
    body,
    flag,
    details,
    headers: NO_HEADERS,
    grpcStatus: -1,
    lines: NO_LINES,
    routeHeaders: "forwarding",
  };
}

const NO_HEADERS: readonly HeaderMutation[] = [];
const NO_LINES: readonly string[] = [];

const OVERLOADED: readonly HeaderMutation[] = [
  { op: "append", name: "x-envoy-overloaded", value: "true", format: null, keepEmpty: false, together: 0 },
];

function reply(status: number, body: string, flag: ResponseFlag, details: string): LocalReply {
  return Object.freeze(localReply(status, body, flag, details));
}

/** gRPC clients hear DEADLINE_EXCEEDED. */
function durationTimeout(status: number): LocalReply {
  const plain = localReply(status, "downstream duration timeout", "", "max_duration_timeout");
  return Object.freeze({ ...plain, grpcStatus: 4 });
}

/**
 * Every local reply there is. Texts, statuses and details: Envoy 1.40, seen on the wire and in its access log
 * (`envoy/stream_info/stream_info.h`, `source/common/router/router.cc`, `source/common/http/conn_manager_impl.cc`).
 */
export const LOCAL_REPLIES = {
  routeNotFound: reply(404, "", "NR", "route_not_found"),
  /** No route configuration has been delivered yet. */
  noRouteConfiguration: reply(404, "", "NR", "route_configuration_not_found"),
  clusterNotFound: reply(503, "", "NC", "cluster_not_found"),
  addressNotDetected: reply(403, "", "", "rejecting_because_detection_failed"),
  overload: reply(503, "envoy overloaded", "", "overload"),
  overloadTold: Object.freeze({
    ...localReply(503, "envoy overloaded", "", "overload"),
    headers: [{ ...OVERLOADED[0], name: "x-envoy-local-overloaded" } as HeaderMutation],
  }),
  noHealthyUpstream: reply(503, "no healthy upstream", "UH", "no_healthy_upstream"),
  /** From here: a host that is looked up when a request names it. */
  dnsResolutionFailure: reply(503, "DNS resolution failure", "DF", "dns_resolution_failure"),
  dnsCacheOverflow: reply(503, "DNS cache overflow", "", "dns_cache_overflow"),
  forwardingOverflow: reply(
    503,
    "Dynamic forward proxy pending request overflow",
    "",
    "dynamic_forward_proxy_pending_request_overflow",
  ),
  emptyHost: reply(400, "Empty host header", "", "empty_host_header"),
  requestTimeout: reply(504, "upstream request timeout", "UT", "response_timeout"),
  perTryTimeout: reply(504, "upstream request timeout", "UT", "upstream_per_try_timeout"),
  perTryIdleTimeout: reply(504, "upstream request timeout", "SI", "upstream_per_try_idle_timeout"),
  upstreamMaxDurationComplete: reply(
    504,
    "upstream max stream duration reached",
    "UMSDR",
    "upstream_max_stream_duration_reached",
  ),
  upstreamMaxDurationIncomplete: reply(
    408,
    "upstream max stream duration reached",
    "UMSDR",
    "upstream_max_stream_duration_reached",
  ),
  /** The body was kept for a retry that waits, and has become too long. */
  retryBufferExceeded: reply(
    507,
    "exceeded request buffer limit while retrying upstream",
    "",
    "request_payload_exceeded_retry_buffer_limit",
  ),
  missingHost: reply(400, "", "", "missing_host_header"),
  /** The path does not begin with a slash. */
  absolutePathRejected: reply(404, "", "", "absolute_path_rejected"),
  pathNormalizationFailed: reply(400, "", "", "path_normalization_failed"),
  queryWithoutContentType: reply(400, "", "", "query_missing_content_type"),
  upgradeFailed: reply(403, "", "", "upgrade_failed"),
  streamIdleComplete: reply(504, "stream timeout", "SI", "stream_idle_timeout"),
  streamIdleIncomplete: reply(408, "stream timeout", "SI", "stream_idle_timeout"),
  /** The request is complete, but a filter keeps it. */
  requestOverallTimeoutComplete: reply(504, "request timeout", "", "request_overall_timeout"),
  requestOverallTimeoutIncomplete: reply(408, "request timeout", "", "request_overall_timeout"),
  requestHeaderTimeout: reply(408, "request header timeout", "", "request_header_timeout"),
  maxDurationComplete: durationTimeout(504),
  maxDurationIncomplete: durationTimeout(408),
} as const;

/** Details of what is no local reply. */
export const DETAILS = {
  viaUpstream: "via_upstream",
  internalRedirect: "internal_redirect",
  websocketRefused: "websocket_handshake_unsuccessful",
  directResponse: "direct_response",
  downstreamRemoteDisconnect: "downstream_remote_disconnect",
  downstreamLocalDisconnect: "downstream_local_disconnect",
} as const;

export function clusterNotFound(status: number): LocalReply {
  return status === 503 ? LOCAL_REPLIES.clusterNotFound : { ...LOCAL_REPLIES.clusterNotFound, status };
}

/** A codec's refusal: the reason phrase is the body. */
export function protocolErrorReply(error: ProtocolError): LocalReply {
  return reply(error.status, reasonPhrase(error.status), "DPE", error.details);
}

const RESET_FLAGS: Readonly<Record<StreamResetReason, ResponseFlag>> = {
  "remote connection failure": "UF",
  "connection timeout": "UF",
  "connection termination": "UC",
  "protocol error": "UPE",
  overflow: "UO",
  "remote reset": "UR",
  "remote refused stream reset": "UR",
  "remote error with CONNECT request": "UR",
  "local reset": "LR",
};

export function resetFlag(reason: StreamResetReason): ResponseFlag {
  return RESET_FLAGS[reason];
}

/** The upstream failed before it answered. @param transportFailure the system's words, "" if none @param begun by an interim response */
export function resetReply(
  reason: StreamResetReason,
  transportFailure: string,
  retried: boolean,
  begun: boolean,
): LocalReply {
  const detail = transportFailure === "" ? reason : `${reason}|${transportFailure}`;
  const failure = localReply(
    reason === "protocol error" ? 502 : 503,
    `upstream connect error or disconnect/reset before headers. ${retried ? "retried and the latest " : ""}reset reason: ${reason}`,
    RESET_FLAGS[reason],
    `upstream_reset_${begun ? "after" : "before"}_response_started{${detail.replaceAll(" ", "_")}}`,
  );
  return reason === "overflow" ? { ...failure, headers: OVERLOADED } : failure;
}

/** Details of a response that broke off. */
export function resetAfterStartDetails(reason: StreamResetReason): string {
  return `upstream_reset_after_response_started{${reason.replaceAll(" ", "_")}}`;
}

/** Percent-encodes a grpc-message (gRPC over HTTP/2, "Status-Message"): everything but visible ASCII and space, and %. */
export function encodeGrpcMessage(message: string): string {
  return message.replaceAll(/[^ -$&-~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
}
