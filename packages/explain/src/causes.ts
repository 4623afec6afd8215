/**
 * Why a request ended as it did, and the way out: one table by response flag and Envoy's response code details, the first line that
 * fits. Details: Envoy `envoy/stream_info/stream_info.h` (ResponseCodeDetailValues) and the filters' own.
 */
import type { RequestRecord } from "@tulle/telemetry/records";

export interface Cause {
  /** Short name; absent: whatever the flags are. */
  readonly flag?: string;
  readonly details?: RegExp;
  readonly status?: (status: number) => boolean;
  readonly cause: string;
  readonly fix: string;
  /** Where in the rules to look: of the route, the cluster, the endpoints, the server's policies or the connection's TLS. */
  readonly look: "route" | "cluster" | "endpoints" | "policy" | "tls" | "fault" | "none";
}

const CAUSES: readonly Cause[] = [
  {
    details: /^rbac_access_denied_matched_policy\[none\]/,
    cause: "no AuthorizationPolicy allows it",
    fix: "Add an ALLOW rule for this client, path and method.",
    look: "policy",
  },
  {
    details: /^rbac_access_denied_matched_policy/,
    cause: "an AuthorizationPolicy denies it",
    fix: "Take the rule away, or make it narrower.",
    look: "policy",
  },
  {
    details: /^jwt_authn_access_denied\{.*missing/i,
    cause: "a token is asked for, and there was none",
    fix: "Send authorization: Bearer … with a token of an issuer that a RequestAuthentication names.",
    look: "policy",
  },
  {
    details: /^jwt_authn_access_denied/,
    cause: "the token was not accepted: the details say why",
    fix: "Get a new token, or check issuer, audience and keys of the RequestAuthentication.",
    look: "policy",
  },
  {
    details: /^ext_authz_error/,
    cause: "the external authorizer could not be asked",
    fix: "See whether it runs and answers in time; failOpen lets requests through meanwhile.",
    look: "policy",
  },
  {
    details: /^(ext_authz_denied|http_ext_authz)/,
    cause: "the external authorizer denied it",
    fix: "Its own log says why.",
    look: "policy",
  },
  { flag: "UAEX", cause: "the external authorizer denied it", fix: "Its own log says why.", look: "policy" },
  {
    details: /^rate_limited|^local_rate_limited/,
    cause: "a rate limit let no more through",
    fix: "Send less, or raise the limit (RateLimit).",
    look: "policy",
  },
  {
    flag: "RL",
    cause: "a rate limit let no more through",
    fix: "Send less, or raise the limit (RateLimit).",
    look: "policy",
  },
  {
    flag: "FI",
    cause: "a fault was injected on purpose",
    fix: "Take `fault` of the route away where it is no longer wanted.",
    look: "fault",
  },
  {
    flag: "NR",
    details: /^route_configuration_not_found/,
    cause: "the proxy has not been given any routes yet",
    fix: "See whether it is in sync: tulle proxies.",
    look: "none",
  },
  {
    flag: "NR",
    details: /^filter_chain_not_found/,
    cause: "no filter chain takes such a connection",
    fix: "The server may insist on mutual TLS (PeerAuthentication STRICT): give the client a sidecar, or make it PERMISSIVE.",
    look: "tls",
  },
  {
    flag: "NR",
    cause: "no route matches the request",
    fix: "Check its Host and path against the VirtualService; a route without `match` at the end takes the rest.",
    look: "route",
  },
  {
    flag: "NC",
    cause: "the route leads to a cluster that does not exist",
    fix: "The destination names a host, port or subset that nobody declares: add the subset to the DestinationRule, or change the route.",
    look: "cluster",
  },
  {
    flag: "UH",
    cause:
      "no endpoint of the cluster can take requests: none is registered, all are unhealthy, or all have been ejected",
    fix: "See which workloads there are (tulle proxies), the subset's labels, and outlierDetection (minHealthPercent lets some stay).",
    look: "endpoints",
  },
  {
    flag: "UO",
    cause: "the circuit breaker let no more through: so many requests, connections or waiting requests were open",
    fix: "Raise connectionPool in the DestinationRule if the server can bear it, or add endpoints.",
    look: "cluster",
  },
  {
    flag: "UT",
    details: /per_try/,
    cause: "no attempt was answered within its own time (perTryTimeout)",
    fix: "Raise retries.perTryTimeout, or find what makes the server slow: tulle slow.",
    look: "route",
  },
  {
    flag: "UT",
    cause: "the server did not answer within the route's timeout",
    fix: "Raise the route's timeout, or find what makes the server slow: tulle slow.",
    look: "route",
  },
  {
    flag: "UF",
    details: /TLS|certificate|ssl|handshake/i,
    cause: "the TLS handshake with the server failed: the two sides do not want the same",
    fix: "Let the DestinationRule's tls.mode and the server's PeerAuthentication agree; see when certificates end: tulle proxies.",
    look: "tls",
  },
  {
    flag: "UF",
    cause: "no connection to the endpoint could be made",
    fix: "See whether the program listens, on the port that the Service's targetPort names and not on another address.",
    look: "endpoints",
  },
  {
    flag: "UC",
    details: /connection_termination/,
    cause: "the server closed the connection before it answered",
    fix: "A program that closes idle connections sooner than the proxy does: make its keep-alive timeout longer, or retry on reset. It is also what a server with mutual TLS STRICT does to plaintext.",
    look: "tls",
  },
  {
    flag: "UC",
    cause: "the server closed the connection",
    fix: "See the server's log, and its keep-alive timeout.",
    look: "endpoints",
  },
  {
    flag: "UR",
    cause: "the server reset the stream",
    fix: "See the server's log; retries.retryOn: reset tries again.",
    look: "endpoints",
  },
  {
    flag: "UPE",
    cause: "the server did not keep to the protocol",
    fix: "Check the port's protocol (appProtocol or its name) against what the program speaks.",
    look: "endpoints",
  },
  {
    flag: "DPE",
    cause: "the client did not keep to the protocol",
    fix: "The details say what was wrong with the request.",
    look: "none",
  },
  {
    flag: "DC",
    cause: "the client went away before the answer was complete",
    fix: "Its own timeout may be shorter than the server needs; nothing is wrong on this side.",
    look: "none",
  },
  {
    flag: "DR",
    cause: "the client reset the stream",
    fix: "Its own timeout may be shorter than the server needs.",
    look: "none",
  },
  {
    flag: "DF",
    cause: "the host's name could not be resolved",
    fix: "Check the name, and the machine's resolver.",
    look: "none",
  },
  {
    flag: "SI",
    cause: "nothing was sent for too long",
    fix: "Raise the idle timeout, or let the two ends say something now and then.",
    look: "route",
  },
  { flag: "DT", cause: "it took longer than requests may", fix: "Raise the limit of its duration.", look: "route" },
  { flag: "UMSDR", cause: "it took longer than streams may", fix: "Raise the limit of its duration.", look: "route" },
  { flag: "OM", cause: "the proxy was overloaded", fix: "Give it more memory, or take load off it.", look: "none" },
  {
    flag: "LH",
    cause: "the proxy failed its own health check",
    fix: "It is shutting down, or was told to fail.",
    look: "none",
  },
  {
    details: /^direct_response/,
    cause: "the route answers by itself",
    fix: "It is what its directResponse or redirect says; 502 of block_all is an unknown host where outboundTrafficPolicy is REGISTRY_ONLY.",
    look: "route",
  },
  {
    details: /^path_normalization_failed/,
    cause: "the path is not one that is taken as it is",
    fix: "Send it without fragments, escaped slashes or NUL; meshConfig.pathNormalization says what is done to it.",
    look: "none",
  },
  {
    details: /^via_upstream/,
    status: (status) => status >= 500,
    cause: "the application itself answered so",
    fix: "See its log and its spans: the mesh passed its answer on.",
    look: "none",
  },
  {
    details: /^via_upstream/,
    status: (status) => status >= 400,
    cause: "the application, or the proxy in front of it, answered so",
    fix: "See what the server's proxy recorded for the same request id.",
    look: "none",
  },
];

/** The line that fits; undefined: nothing is to be explained. */
export function causeOf({
  flags,
  details,
  status,
}: Pick<RequestRecord, "flags" | "details" | "status">): Cause | undefined {
  const own = flags.split(",").filter((flag) => flag !== "" && flag !== "-");
  return CAUSES.find(
    (line) =>
      (line.flag === undefined || own.includes(line.flag)) &&
      (line.details?.test(details) ?? true) &&
      (line.status?.(status) ?? true),
  );
}
