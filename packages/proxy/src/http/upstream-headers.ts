/** What the router does to headers on their way up and down: Envoy `finalizeRequestHeaders`, `FilterUtility::finalTimeout`. */
import {
  GRPC_TIMEOUT,
  HeaderClass,
  SET_COOKIE,
  X_ENVOY_ATTEMPT_COUNT,
  X_ENVOY_EXPECTED_RQ_TIMEOUT_MS,
  X_ENVOY_IS_TIMEOUT_RETRY,
  X_ENVOY_ORIGINAL_HOST,
  X_ENVOY_ORIGINAL_PATH,
  X_ENVOY_UPSTREAM_RQ_PER_TRY_TIMEOUT_MS,
  X_ENVOY_UPSTREAM_RQ_TIMEOUT_MS,
  X_ENVOY_UPSTREAM_SERVICE_TIME,
  X_FORWARDED_HOST,
} from "../codec/header-names.ts";
import type { HeaderBlock } from "../codec/header-block.ts";
import type { RouteAction, WeightedClusterPlan } from "../plan/plan.ts";
import type { Exchange } from "./exchange.ts";
import { formatGrpcTimeout, parseGrpcTimeout } from "./grpc-timeout.ts";
import { applyHeaderMutations } from "./header-mutations.ts";
import { finishResponseHeaders, removeResponseHopByHop, requestIdToTell } from "./response-headers.ts";

/** How long an exchange may take upstream, in ms; 0 = as long as it likes. */
export interface UpstreamTimeouts {
  routeTimeoutMs: number;
  perTryTimeoutMs: number;
}

/** The route's timeouts, or what a trusted client or a gRPC client asks for; takes those headers out of the request. */
export function chooseTimeouts(exchange: Exchange, action: RouteAction, timeouts: UpstreamTimeouts): void {
  const { request, isGrpc, runtime } = exchange;
  const { headers } = request;
  timeouts.routeTimeoutMs = isGrpc && action.maxGrpcTimeoutMs >= 0 ? grpcTimeout(headers, action) : action.timeoutMs;
  timeouts.perTryTimeoutMs = action.retryPolicy === null ? 0 : action.retryPolicy.perTryTimeoutMs;
  if ((headers.classes & HeaderClass.trustedOnly) !== 0) {
    if (runtime?.plan.respectExpectedRqTimeout === true && headers.has(X_ENVOY_EXPECTED_RQ_TIMEOUT_MS)) {
      timeouts.routeTimeoutMs = milliseconds(headers.get(X_ENVOY_EXPECTED_RQ_TIMEOUT_MS), timeouts.routeTimeoutMs);
    } else if (headers.has(X_ENVOY_UPSTREAM_RQ_TIMEOUT_MS)) {
      timeouts.routeTimeoutMs = milliseconds(headers.get(X_ENVOY_UPSTREAM_RQ_TIMEOUT_MS), timeouts.routeTimeoutMs);
      headers.remove(X_ENVOY_UPSTREAM_RQ_TIMEOUT_MS);
    }
    if (headers.has(X_ENVOY_UPSTREAM_RQ_PER_TRY_TIMEOUT_MS)) {
      const value = headers.get(X_ENVOY_UPSTREAM_RQ_PER_TRY_TIMEOUT_MS);
      timeouts.perTryTimeoutMs = milliseconds(value, timeouts.perTryTimeoutMs);
      headers.remove(X_ENVOY_UPSTREAM_RQ_PER_TRY_TIMEOUT_MS);
    }
  }
  if (timeouts.routeTimeoutMs !== 0 && timeouts.perTryTimeoutMs >= timeouts.routeTimeoutMs)
    timeouts.perTryTimeoutMs = 0;
}

/** 0 from a client means that it waits as long as it takes; 0 from the route, that any timeout may be asked for. */
function grpcTimeout(headers: HeaderBlock, action: RouteAction): number {
  const { maxGrpcTimeoutMs, grpcTimeoutOffsetMs } = action;
  let asked = parseGrpcTimeout(headers.get(GRPC_TIMEOUT));
  if (grpcTimeoutOffsetMs < asked) asked -= grpcTimeoutOffsetMs;
  return maxGrpcTimeoutMs !== 0 && (asked === 0 || asked > maxGrpcTimeoutMs) ? maxGrpcTimeoutMs : asked;
}

function milliseconds(text: string, otherwise: number): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : otherwise;
}

/** Tells the upstream how long it has. @param elapsedMs since the request was complete */
export function setTimeoutHeaders(exchange: Exchange, action: RouteAction, elapsedMs: number, hedging: boolean): void {
  const { routeTimeoutMs, perTryTimeoutMs } = exchange.router.timeouts;
  const { headers } = exchange.request;
  let expected = hedging || perTryTimeoutMs === 0 ? routeTimeoutMs : perTryTimeoutMs;
  if (expected === 0) return;
  // Out of time; 0 would mean forever.
  if (routeTimeoutMs > 0) {
    expected = elapsedMs >= routeTimeoutMs ? 1 : Math.min(expected, routeTimeoutMs - Math.floor(elapsedMs));
  }
  if (exchange.runtime?.plan.suppressEnvoyHeaders === false) {
    const keeps = exchange.runtime.plan.respectExpectedRqTimeout && headers.has(X_ENVOY_EXPECTED_RQ_TIMEOUT_MS);
    if (!keeps) headers.set(X_ENVOY_EXPECTED_RQ_TIMEOUT_MS, expected === 15_000 ? FIFTEEN_SECONDS : String(expected));
  }
  if (exchange.isGrpc && action.maxGrpcTimeoutMs >= 0) headers.set(GRPC_TIMEOUT, formatGrpcTimeout(expected));
}

/** The default, and nearly every route's. */
const FIFTEEN_SECONDS = "15000";

/** Before every attempt but the first the count and the rest of the time are written anew. */
export function setAttemptHeaders(exchange: Exchange, isTimeoutRetry: boolean): void {
  const { route, request } = exchange;
  if (route === null) return;
  if (route.attemptCountInRequest) request.headers.set(X_ENVOY_ATTEMPT_COUNT, String(exchange.attemptCount));
  if (route.isTimeoutRetryHeader && exchange.attemptCount > 1) {
    request.headers.set(X_ENVOY_IS_TIMEOUT_RETRY, isTimeoutRetry ? "true" : "false");
  }
}

/** The route's and the cluster's mutations, then host and path. */
export function finalizeRequestHeaders(exchange: Exchange, action: RouteAction, target: WeightedClusterPlan): void {
  const { request, connection, route } = exchange;
  if (connection === null || route === null) return;
  const { headers } = request;
  if (target.requestHeaders.length > 0) {
    applyHeaderMutations(headers, target.requestHeaders, exchange, true);
  }
  if (route.requestHeaders.length > 0) {
    applyHeaderMutations(headers, route.requestHeaders, exchange, true);
  }
  // A weighted cluster's host leaves no trace of the one before, and the route's comes after it. (Envoy route_config_impl.cc)
  if (target.rewriteHost !== null) request.authority = target.rewriteHost(request);
  if (action.rewriteHost !== null) replaceHost(exchange, action, action.rewriteHost(request));
  if (action.rewritePath !== null) {
    const path = action.rewritePath(request.path);
    exchange.originalPath = request.path;
    headers.set(X_ENVOY_ORIGINAL_PATH, request.path);
    request.path = path;
  }
}

export function replaceHost(exchange: Exchange, action: RouteAction, host: string): void {
  const { request } = exchange;
  const { headers } = request;
  headers.set(X_ENVOY_ORIGINAL_HOST, request.authority);
  if (action.appendXForwardedHost && request.authority !== "") {
    const before = headers.get(X_FORWARDED_HOST);
    const last = before.slice(before.lastIndexOf(",") + 1).trim();
    // A retry replaces the host again; the client's is named once (Envoy `Utility::updateAuthority`).
    if (before === "") headers.set(X_FORWARDED_HOST, request.authority);
    else if (last !== request.authority) headers.set(X_FORWARDED_HOST, `${before},${request.authority}`);
  }
  request.authority = host;
}

/** An upstream's answer has been taken: its head as the client gets it. @param cookies that the client is given */
export function finalizeResponseHeaders(exchange: Exchange, cookies: readonly string[]): void {
  const { runtime, connection, response, request, context, route, target } = exchange;
  if (runtime === null || connection === null) return;
  const { plan } = runtime;
  const { headers } = response;
  const { now } = context.net.turn;
  removeResponseHopByHop(headers, exchange.switchesProtocol && response.status === 101);
  // Envoy measures from the end of the request, and says nothing where that has not come.
  if (exchange.requestEnded && !plan.suppressEnvoyHeaders) {
    headers.set(X_ENVOY_UPSTREAM_SERVICE_TIME, String(Math.max(0, Math.floor(now - exchange.requestEndedAt))));
  }
  for (let i = 0; i < cookies.length; i++) headers.append(SET_COOKIE, cookies[i]);
  if (route !== null && route.attemptCountInResponse) headers.set(X_ENVOY_ATTEMPT_COUNT, String(exchange.attemptCount));
  if (target !== null && target.responseHeaders.length > 0) {
    applyHeaderMutations(headers, target.responseHeaders, exchange, false);
  }
  if (route !== null && route.responseHeaders.length > 0) {
    applyHeaderMutations(headers, route.responseHeaders, exchange, false);
  }
  runtime.filters.onResponse(exchange);
  finishResponseHeaders(headers, plan, context.date.at(now), requestIdToTell(request.headers, plan));
}
