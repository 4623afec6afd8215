/** From a decoded request head to a route: Envoy `ConnectionManagerImpl::ActiveStream::decodeHeaders`, in its order. */
import { HeaderBlock } from "../codec/header-block.ts";
import { CONTENT_TYPE, EXPECT } from "../codec/header-names.ts";
import { expectsContinue } from "../codec/http1/server-codec.ts";
import { isGrpcContentType } from "../codec/grpc/status.ts";
import type { HttpConnectionManagerPlan } from "../plan/listener-plan.ts";
import { happens } from "../overload/manager.ts";
import type { Exchange } from "./exchange.ts";
import { applySteps } from "./filters/header-mutation.ts";
import { LOCAL_REPLIES, type LocalReply } from "./local-replies.ts";
import { sendLocalReply } from "./local-reply-sender.ts";
import { normalizePath } from "./path.ts";
import { mutateRequestHeaders } from "./request-headers.ts";
import { chooseRoute } from "./route-choice.ts";

const NO_HEADERS = new HeaderBlock();

/** @param again the request has been here before, in another form: who its client is, and what that may say, has been settled */
export function handleRequest(exchange: Exchange, again: boolean): void {
  const { runtime, connection, request, context, encoder } = exchange;
  if (runtime === null || connection === null || encoder === null) return;
  const { plan, overload } = runtime;
  if (overload !== null && happens(overload.stopAcceptingRequests, context.random)) {
    runtime.stats.rqOverloadClose.value++;
    sendLocalReply(exchange, plan.tellsOverload ? LOCAL_REPLIES.overloadTold : LOCAL_REPLIES.overload);
    return;
  }
  const { headers } = request;
  exchange.isGrpc = headers.has(CONTENT_TYPE) && isGrpcContentType(headers.get(CONTENT_TYPE));

  if (headers.has(EXPECT) && expectsContinue(headers)) {
    if (!plan.proxy100Continue) {
      exchange.sendInterim(100, NO_HEADERS);
      headers.remove(EXPECT);
    }
  }
  const refusal = checkRequest(exchange, plan);
  exchange.routes = plan.routes.current;
  if (refusal !== null) {
    // What a route adds to answers is added to these, too, if there is one for the request as it came.
    chooseRoute(exchange);
    refuse(exchange, refusal);
    return;
  }
  if (request.path !== "" && !normalize(exchange, plan)) return;
  if (!again) {
    if (plan.earlyMutations !== null) applySteps(plan.earlyMutations, exchange, headers, true);
    const rejection = mutateRequestHeaders(request, plan, connection, context.sources);
    if (rejection > 0) {
      sendLocalReply(exchange, { ...LOCAL_REPLIES.addressNotDetected, status: rejection });
      return;
    }
  }
  chooseRoute(exchange);
  if (request.switchesProtocol && !allowSwitch(exchange, plan)) {
    refuse(exchange, LOCAL_REPLIES.upgradeFailed);
    return;
  }
  runtime.tracing?.start(exchange);
  if (plan.logsNewRequests) runtime.accessLogs?.write(exchange, "DownstreamStart");
  exchange.filters.start(runtime.filters);
}

/**
 * Whether the request may switch to another protocol: the connection manager's word, unless the route says otherwise. Envoy
 * `HttpConnectionManagerConfig::createUpgradeFilterChain`.
 */
function allowSwitch(exchange: Exchange, plan: HttpConnectionManagerPlan): boolean {
  const { request, route, runtime } = exchange;
  const type = request.method === "CONNECT" ? "connect" : request.upgrade.toLowerCase();
  if (runtime === null) return true;
  const ofRoute = route?.action.kind === "forward" ? route.action.upgrades?.get(type) : undefined;
  if (!(ofRoute ?? plan.upgrades.get(type) ?? false)) {
    // Without a route there is something else to be said.
    if (route === null) return true;
    runtime.stats.rqWsOnNonWsRoute.value++;
    return false;
  }
  exchange.switchesProtocol = true;
  runtime.stats.cxUpgradesTotal.value++;
  runtime.stats.cxUpgradesActive.value++;
  return true;
}

function checkRequest(exchange: Exchange, plan: HttpConnectionManagerPlan): LocalReply | null {
  const { request, runtime } = exchange;
  if (!request.hasAuthority) return LOCAL_REPLIES.missingHost;
  const { method, path } = request;
  if (path.charCodeAt(0) !== 0x2f /* / */ && method !== "CONNECT") {
    if (runtime !== null) runtime.stats.rqNonRelativePath.value++;
    return LOCAL_REPLIES.absolutePathRejected;
  }
  if (method === "QUERY" && request.headers.get(CONTENT_TYPE) === "") return LOCAL_REPLIES.queryWithoutContentType;
  // HTTP/1.0 without Host is answered only where a default host is configured.
  if (request.protocol === "HTTP/1.0" && request.authority === "" && plan.defaultHostForHttp10 === "")
    return LOCAL_REPLIES.missingHost;
  return null;
}

/** False if the request has been answered. */
function normalize(exchange: Exchange, plan: HttpConnectionManagerPlan): boolean {
  const { request } = exchange;
  const normalized = normalizePath(request.path, plan);
  if (normalized === null) return true;
  if (normalized.kind === "ok") {
    request.path = normalized.path;
    return true;
  }
  request.path = normalized.path;
  // A gRPC client follows no redirect.
  chooseRoute(exchange);
  if (normalized.kind === "reject" || exchange.isGrpc) refuse(exchange, LOCAL_REPLIES.pathNormalizationFailed);
  else sendLocalReply(exchange, { ...LOCAL_REPLIES.pathNormalizationFailed, status: 307 }, normalized.path);
  return false;
}

/** These end the connection, too (Envoy: `connection: close`); a path that is not relative does not. */
function refuse(exchange: Exchange, reply: LocalReply): void {
  if (reply === LOCAL_REPLIES.upgradeFailed) exchange.connection?.endAfterResponse();
  else if (reply !== LOCAL_REPLIES.absolutePathRejected) exchange.connection?.closeAfterResponse();
  sendLocalReply(exchange, reply);
}
