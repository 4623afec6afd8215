/** What the router does to headers on their way up and down: Envoy `finalizeRequestHeaders`. */
import {
  SET_COOKIE,
  X_ENVOY_ATTEMPT_COUNT,
  X_ENVOY_IS_TIMEOUT_RETRY,
  X_ENVOY_ORIGINAL_HOST,
  X_ENVOY_ORIGINAL_PATH,
  X_ENVOY_UPSTREAM_SERVICE_TIME,
  X_FORWARDED_HOST,
} from "../codec/header-names.ts";
import type { RouteAction, WeightedClusterPlan } from "../plan/route-plan.ts";
import type { Exchange } from "./exchange.ts";
import { applyHeaderMutations } from "./header-mutations.ts";
import { finishResponseHeaders, removeResponseHopByHop, requestIdToTell } from "./response-headers.ts";

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
  if (target.rewriteHost !== "") request.authority = target.rewriteHost;
  if (action.rewriteHost !== null) {
    const host = action.rewriteHost(request);
    if (host !== "") replaceHost(exchange, action, host);
  }
  if (action.rewritePath !== null) rewritePath(exchange, action.rewritePath);
}

/** A rewrite that gives nothing is none. */
export function rewritePath(exchange: Exchange, rewrite: (path: string) => string): void {
  const { request } = exchange;
  const path = rewrite(request.path);
  if (path === "") return;
  if (exchange.runtime?.plan.suppressEnvoyHeaders === false) request.headers.set(X_ENVOY_ORIGINAL_PATH, request.path);
  request.path = path;
}

export function replaceHost(exchange: Exchange, action: RouteAction, host: string): void {
  const { request } = exchange;
  const { headers } = request;
  if (request.authority !== "" && exchange.runtime?.plan.suppressEnvoyHeaders === false) {
    headers.set(X_ENVOY_ORIGINAL_HOST, request.authority);
  }
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
export function finalizeResponseHeaders(exchange: Exchange, cookies: readonly string[], endStream: boolean): void {
  const { runtime, connection, response, request, context, route, target } = exchange;
  if (runtime === null || connection === null) return;
  const { plan } = runtime;
  const { headers } = response;
  const { now } = context.net.turn;
  const switches = exchange.switchesProtocol && response.status === 101;
  removeResponseHopByHop(headers, switches);
  // Envoy measures from the end of the request, and says nothing where that has not come.
  if (exchange.requestEnded && !plan.suppressEnvoyHeaders) {
    headers.set(X_ENVOY_UPSTREAM_SERVICE_TIME, String(Math.max(0, Math.floor(now - exchange.requestEndedAt))));
  }
  for (let i = 0; i < cookies.length; i++) headers.append(SET_COOKIE, cookies[i]);
  if (target !== null && target.responseHeaders.length > 0) {
    applyHeaderMutations(headers, target.responseHeaders, exchange, false);
  }
  if (route !== null && route.responseHeaders.length > 0) {
    applyHeaderMutations(headers, route.responseHeaders, exchange, false);
  }
  if (route !== null && route.attemptCountInResponse) headers.set(X_ENVOY_ATTEMPT_COUNT, String(exchange.attemptCount));
  exchange.filters.onResponse(runtime.filters, endStream);
  finishResponseHeaders(headers, plan, context.date.at(now), requestIdToTell(request.headers, plan), switches);
  runtime.tracing?.onResponse(exchange);
}
