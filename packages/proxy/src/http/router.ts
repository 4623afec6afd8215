/** The router: from a route to an upstream request, and from what comes back to a response. Envoy `source/common/router/router.cc`. */
import {
  X_ENVOY_EXPECTED_RQ_TIMEOUT_MS,
  X_ENVOY_ORIGINAL_HOST,
  X_ENVOY_ORIGINAL_PATH,
  X_ENVOY_UPSTREAM_SERVICE_TIME,
  X_FORWARDED_HOST,
  X_REQUEST_ID,
} from "../codec/header-names.ts";
import type { RequestEncoder, StreamResetReason } from "../codec/messages.ts";
import type { DirectResponseAction, RedirectAction, RouteAction, WeightedClusterPlan } from "../plan/plan.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Exchange } from "./exchange.ts";
import { applyHeaderMutations } from "./header-mutations.ts";
import {
  DETAILS,
  LOCAL_REPLIES,
  clusterNotFound,
  resetAfterStartDetails,
  resetFlag,
  resetReply,
} from "./local-replies.ts";
import { sendLocalReply } from "./local-reply-sender.ts";
import { finishResponseHeaders, removeResponseHopByHop } from "./response-headers.ts";

/** Chooses the route, and the cluster where it has several: filters see both. Again, where a filter has changed the request. */
export function chooseRoute(exchange: Exchange): void {
  const { routes, request, context } = exchange;
  const random = context.random();
  const route = routes === null ? null : routes.route(request, random);
  exchange.route = route;
  exchange.target = route?.action.kind === "forward" ? pickCluster(exchange, route.action, random) : null;
  exchange.filterConfigs = route === null ? null : (exchange.target?.filterConfigs ?? route.filterConfigs);
}

/** All filters have let the request through. */
export function routeRequest(exchange: Exchange): void {
  const { runtime, routes, route } = exchange;
  if (runtime === null) return;
  if (route === null) {
    runtime.stats.noRoute.value++;
    sendLocalReply(exchange, routes === null ? LOCAL_REPLIES.noRouteConfiguration : LOCAL_REPLIES.routeNotFound);
    return;
  }
  const { action } = route;
  if (action.kind === "forward") forward(exchange, action);
  else if (action.kind === "redirect") redirect(exchange, action);
  else respondDirectly(exchange, action);
}

function redirect(exchange: Exchange, action: RedirectAction): void {
  if (exchange.runtime !== null) exchange.runtime.stats.rqRedirect.value++;
  const reply = {
    status: action.status,
    body: "",
    flag: "",
    details: DETAILS.directResponse,
    overloaded: false,
  } as const;
  sendLocalReply(exchange, reply, action.location(exchange.request));
}

function respondDirectly(exchange: Exchange, action: DirectResponseAction): void {
  if (exchange.runtime !== null) exchange.runtime.stats.rqDirectResponse.value++;
  const { status, body } = action;
  const reply = { status, body, flag: "", details: DETAILS.directResponse, overloaded: false } as const;
  const { scheme, authority, path } = exchange.request;
  // Envoy names the requested resource in 201 and 3xx.
  const location = status === 201 || (status >= 300 && status < 400) ? `${scheme}://${authority}${path}` : "";
  sendLocalReply(exchange, reply, location);
}

function forward(exchange: Exchange, action: RouteAction): void {
  const { runtime, target } = exchange;
  if (runtime === null) return;
  const cluster = target?.cluster.current ?? null;
  if (target === null || cluster === null) {
    runtime.stats.noCluster.value++;
    sendLocalReply(exchange, clusterNotFound(action.clusterNotFoundStatus));
    return;
  }
  exchange.action = action;
  exchange.cluster = cluster;
  if (action.idleTimeoutMs >= 0) exchange.timers.setIdleTimeout(action.idleTimeoutMs);
  exchange.startRouteTimeout();
  prepareRequest(exchange, action, target);
  const host = cluster.chooseHost(exchange);
  if (host === null) {
    cluster.stats.cxNoneHealthy.value++;
    sendLocalReply(exchange, LOCAL_REPLIES.noHealthyUpstream);
    return;
  }
  exchange.connectUpstream(host);
}

const UNWEIGHTED = { requestHeaders: [], responseHeaders: [] } as const;

function pickCluster(exchange: Exchange, action: RouteAction, random: number): WeightedClusterPlan | null {
  const { clusters } = action;
  if (action.clusterHeader !== "") {
    const cluster = exchange.context.findCluster(exchange.request.header(action.clusterHeader) ?? "");
    if (cluster === null) return null;
    const { requestHeaders, responseHeaders } = UNWEIGHTED;
    return { cluster, weight: 1, requestHeaders, responseHeaders, rewriteHost: null, filterConfigs: null };
  }
  if (clusters.length === 1) return clusters[0];
  let left = random * action.totalWeight;
  for (const candidate of clusters) {
    left -= candidate.weight;
    if (left < 0) return candidate;
  }
  return null;
}

/** Router headers, then the route's and the cluster's mutations, then host and path (`finalizeRequestHeaders`). */
function prepareRequest(exchange: Exchange, action: RouteAction, target: WeightedClusterPlan): void {
  const { request, runtime, connection, route } = exchange;
  if (runtime === null || connection === null || route === null) return;
  const { headers } = request;
  const { suppressEnvoyHeaders } = runtime.plan;
  if (action.timeoutMs > 0 && !suppressEnvoyHeaders) {
    headers.append(X_ENVOY_EXPECTED_RQ_TIMEOUT_MS, timeoutText(action.timeoutMs));
  }
  if (target.requestHeaders.length > 0) {
    applyHeaderMutations(headers, target.requestHeaders, request, connection, true);
  }
  if (route.requestHeaders.length > 0) {
    applyHeaderMutations(headers, route.requestHeaders, request, connection, true);
  }
  const rewriteHost = target.rewriteHost ?? action.rewriteHost;
  if (rewriteHost !== null) replaceHost(exchange, action, rewriteHost(request));
  if (action.rewritePath !== null) {
    const path = action.rewritePath(request.path);
    exchange.originalPath = request.path;
    headers.set(X_ENVOY_ORIGINAL_PATH, request.path);
    request.path = path;
  }
}

function replaceHost(exchange: Exchange, action: RouteAction, host: string): void {
  const { request } = exchange;
  const { headers } = request;
  headers.set(X_ENVOY_ORIGINAL_HOST, request.authority);
  if (action.appendXForwardedHost) {
    const before = headers.get(X_FORWARDED_HOST);
    headers.set(X_FORWARDED_HOST, before === "" ? request.authority : `${before},${request.authority}`);
  }
  request.authority = host;
}

/** The default, and nearly every route's. */
const FIFTEEN_SECONDS = "15000";

function timeoutText(ms: number): string {
  return ms === 15_000 ? FIFTEEN_SECONDS : String(ms);
}

/** A connection is there. */
export function forwardRequestHead(exchange: Exchange, encoder: RequestEncoder, endStream: boolean): void {
  const { action, host, request } = exchange;
  if (action !== null && action.autoHostRewrite && host !== null && host.hostname !== "") {
    replaceHost(exchange, action, host.hostname);
  }
  encoder.encodeHead(request, endStream);
}

export function forwardResponseHead(exchange: Exchange, endStream: boolean): void {
  const { runtime, connection, encoder, response, request, context, route, target } = exchange;
  if (runtime === null || connection === null || encoder === null) return;
  const { plan, filters } = runtime;
  const { headers } = response;
  const { now } = context.net.turn;
  removeResponseHopByHop(headers);
  // Envoy measures from the end of the request, and says nothing where that has not come.
  if (exchange.requestEnded && !plan.suppressEnvoyHeaders) {
    headers.set(X_ENVOY_UPSTREAM_SERVICE_TIME, String(Math.max(0, Math.floor(now - exchange.requestEndedAt))));
  }
  if (target !== null && target.responseHeaders.length > 0) {
    applyHeaderMutations(headers, target.responseHeaders, request, connection, false);
  }
  if (route !== null && route.responseHeaders.length > 0) {
    applyHeaderMutations(headers, route.responseHeaders, request, connection, false);
  }
  filters.onResponse(exchange);
  const requestId = plan.alwaysSetRequestIdInResponse ? request.headers.get(X_REQUEST_ID) : "";
  finishResponseHeaders(headers, plan, context.date.at(now), requestId);
  exchange.responseStarted = true;
  exchange.status = response.status;
  exchange.details = DETAILS.viaUpstream;
  encoder.encodeHead(response, endStream);
}

/** The upstream request has failed: an answer if none has begun, else a cut. */
export function failUpstream(exchange: Exchange, reason: StreamResetReason): void {
  countReset(exchange.cluster, reason);
  if (exchange.responseStarted) exchange.abort(resetFlag(reason), resetAfterStartDetails(reason));
  else sendLocalReply(exchange, resetReply(reason, exchange.transportFailure));
}

function countReset(cluster: Cluster | null, reason: StreamResetReason): void {
  if (cluster !== null && reason !== "overflow") cluster.stats.rqRxReset.value++;
}
