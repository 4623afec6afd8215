/** How long things upstream may take, and who is told: Envoy `FilterUtility::finalTimeout`, `setTimeoutHeaders`. */
import {
  GRPC_TIMEOUT,
  HeaderClass,
  X_ENVOY_EXPECTED_RQ_TIMEOUT_MS,
  X_ENVOY_UPSTREAM_RQ_PER_TRY_TIMEOUT_MS,
  X_ENVOY_UPSTREAM_RQ_TIMEOUT_MS,
} from "../codec/header-names.ts";
import type { HeaderBlock } from "../codec/header-block.ts";
import type { RouteAction } from "../plan/route-plan.ts";
import type { Exchange } from "./exchange.ts";
import { formatGrpcTimeout, parseGrpcTimeout } from "../codec/grpc/timeout.ts";

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

/** The route's limit on the whole stream, in place of the connection manager's (Envoy `refreshDurationTimeout`). */
export function limitDuration(exchange: Exchange, action: RouteAction): void {
  const { timers, isGrpc, request } = exchange;
  const { grpcTimeoutHeaderMaxMs: max, maxStreamDurationMs } = action;
  const asked = isGrpc && max >= 0 ? parseGrpcTimeout(request.headers.get(GRPC_TIMEOUT)) : 0;
  if (asked === 0) {
    if (maxStreamDurationMs >= 0) timers.limitDuration(maxStreamDurationMs);
    return;
  }
  const capped = max > 0 ? Math.min(asked, max) : asked;
  const limit = Math.max(1, capped - action.grpcTimeoutHeaderOffsetMs);
  request.headers.set(GRPC_TIMEOUT, formatGrpcTimeout(limit));
  timers.limitDuration(limit);
}
