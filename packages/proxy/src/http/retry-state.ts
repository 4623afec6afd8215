/** Whether and when a request is tried again. Behaviour: Envoy `source/common/router/retry_state_impl.cc`, in its order. */
import {
  GRPC_STATUS,
  HeaderClass,
  X_ENVOY_HEDGE_ON_PER_TRY_TIMEOUT,
  X_ENVOY_MAX_RETRIES,
  X_ENVOY_RATELIMITED,
  X_ENVOY_RETRIABLE_HEADER_NAMES,
  X_ENVOY_RETRIABLE_STATUS_CODES,
  X_ENVOY_RETRY_GRPC_ON,
  X_ENVOY_RETRY_ON,
} from "../codec/header-names.ts";
import type { RequestHead, ResponseHead, StreamResetReason } from "../codec/messages.ts";
import type { RateLimitedBackOff, RetryPolicyPlan, RouteAction } from "../plan/route-plan.ts";
import type { RoutingPriority } from "../plan/cluster-plan.ts";
import { GRPC_RETRY_BITS, RetryOn, parseGrpcRetryOn, parseHttpRetryOn } from "../plan/retry-conditions.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Host } from "../upstream/host.ts";
import { PreviousPriorities } from "../upstream/previous-priorities.ts";
import { type RouteCounters, count } from "../upstream/route-stats.ts";
import type { HttpContext } from "./runtime.ts";

/** What becomes of a request whose attempt has failed. */
export type RetryStatus = typeof NO_RETRY | typeof RETRY | typeof OVERFLOW | typeof LIMIT_EXCEEDED;

export const NO_RETRY = 0;
/** After `backOffMs`. */
export const RETRY = 1;
/** The circuit breaker for retries is open. */
export const OVERFLOW = 2;
export const LIMIT_EXCEEDED = 3;

const ANY_GRPC =
  RetryOn.grpcCancelled |
  RetryOn.grpcDeadlineExceeded |
  RetryOn.grpcResourceExhausted |
  RetryOn.grpcInternal |
  RetryOn.grpcUnavailable;

/** The retries of one exchange; part of it, and pooled with it. */
export class RetryState {
  /** Milliseconds until the retry that `onHeaders` or `onReset` has just decided on. */
  backOffMs = 0;
  /** Hosts that have been tried. */
  readonly tried: Host[] = [];
  private readonly context: HttpContext;
  private policy: RetryPolicyPlan | null = null;
  private cluster: Cluster | null = null;
  private counters: RouteCounters | null = null;
  private priority: RoutingPriority = 0;
  private retryOn = 0;
  private remaining = 0;
  /** Of the next back-off. */
  private intervalMs = 0;
  /** A retry is under way, and the circuit breaker counts it. */
  private counted = false;
  private extraStatusCodes: readonly number[] = NONE;
  private extraHeaderNames: readonly string[] = NO_NAMES;
  /** Null unless the policy says so, and before the first attempt. */
  retryPriority: PreviousPriorities | null = null;

  constructor(context: HttpContext) {
    this.context = context;
  }

  /** Whether any condition could lead to a retry. */
  get enabled(): boolean {
    return this.retryOn !== 0;
  }

  /** Of the attempt that begins now: how often another host is drawn in place of one to be avoided. */
  get hostSelectionRetries(): number {
    const { policy } = this;
    return policy === null || policy.avoid === null || this.tried.length === 0 ? 0 : policy.hostSelectionMaxAttempts;
  }

  /** Asked where another attempt begins. */
  avoids(host: Host): boolean {
    const avoid = this.policy?.avoid ?? null;
    if (avoid === null) return false;
    if (avoid.previous && this.tried.includes(host)) return true;
    return (avoid.canaries && host.canary) || (avoid.having !== null && avoid.having(host.metadata));
  }

  onHostAttempted(host: Host): void {
    // Emptied again by a call into the runtime: only where somebody asks.
    if (this.policy !== null && this.policy.avoid !== null) this.tried.push(host);
    this.retryPriority?.onAttempt(host);
  }

  /** Takes the headers that a trusted client may steer retries with out of the request. */
  start(action: RouteAction, request: RequestHead, cluster: Cluster, counters: RouteCounters | null): void {
    const { headers } = request;
    const policy = action.retryPolicy;
    this.priority = action.priority;
    this.policy = policy;
    this.cluster = cluster;
    this.counters = counters;
    this.retryOn = policy === null ? 0 : policy.retryOn;
    this.remaining = policy === null ? 1 : policy.numRetries;
    if (policy !== null && policy.previousPrioritiesFrequency > 0) {
      this.retryPriority = new PreviousPriorities(policy.previousPrioritiesFrequency);
    }
    this.intervalMs = policy === null ? DEFAULT_BACK_OFF_BASE_MS : policy.backOffBaseMs;
    if ((headers.classes & HeaderClass.trustedOnly) === 0) {
      if (policy !== null && policy.retriableRequestHeaders.length > 0) this.checkRequest(policy, request);
      return;
    }
    if (headers.has(X_ENVOY_RETRY_ON)) this.retryOn |= parseHttpRetryOn(headers.get(X_ENVOY_RETRY_ON));
    if (headers.has(X_ENVOY_RETRY_GRPC_ON)) this.retryOn |= parseGrpcRetryOn(headers.get(X_ENVOY_RETRY_GRPC_ON));
    if (policy !== null && policy.retriableRequestHeaders.length > 0) this.checkRequest(policy, request);
    const maxRetries = headers.get(X_ENVOY_MAX_RETRIES);
    if (this.retryOn !== 0 && /^\d{1,9}$/.test(maxRetries)) this.remaining = Number(maxRetries);
    if (headers.has(X_ENVOY_RETRIABLE_STATUS_CODES)) {
      this.extraStatusCodes = headers
        .get(X_ENVOY_RETRIABLE_STATUS_CODES)
        // cold: asked for by a trusted client
        .split(",")
        .map((code) => (/^\s*\d+\s*$/.test(code) ? Number(code) : 0));
    }
    if (headers.has(X_ENVOY_RETRIABLE_HEADER_NAMES)) {
      this.extraHeaderNames = headers
        .get(X_ENVOY_RETRIABLE_HEADER_NAMES)
        // cold: asked for by a trusted client
        .split(",")
        .map((name) => name.trim().toLowerCase());
    }
    for (const id of CONSUMED) headers.remove(id);
  }

  private checkRequest(policy: RetryPolicyPlan, request: RequestHead): void {
    if (!policy.retriableRequestHeaders.some((test) => test.matches(request))) this.retryOn = 0;
  }

  /** An upstream has answered. */
  onHeaders(response: ResponseHead): RetryStatus {
    const would = this.wouldRetry(response);
    let rateLimitedMs = 0;
    if (would && this.policy !== null && this.policy.rateLimited !== null) {
      rateLimitedMs = resetInterval(this.policy.rateLimited, response, this.context.clock.wallMs());
    }
    return this.decide(would, rateLimitedMs);
  }

  /** @param requestStarted whether anything of the request may have reached the upstream */
  onReset(reason: StreamResetReason, requestStarted: boolean): RetryStatus {
    return this.decide(this.wouldRetryReset(reason, requestStarted), 0);
  }

  /** An attempt has timed out, and goes on while another one begins. */
  onHedge(): RetryStatus {
    return this.decide(true, 0);
  }

  /** Whether this answer is one that conditions ask to retry. */
  wouldRetry(response: ResponseHead): boolean {
    const { retryOn } = this;
    if (retryOn === 0) return false;
    const { status, headers } = response;
    if (headers.has(X_ENVOY_RATELIMITED)) return (retryOn & RetryOn.envoyRateLimited) !== 0;
    if ((retryOn & RetryOn.serverErrors) !== 0 && status >= 500 && status < 600) return true;
    if ((retryOn & RetryOn.gatewayErrors) !== 0 && status >= 502 && status <= 504) return true;
    if ((retryOn & RetryOn.retriable4xx) !== 0 && status === 409) return true;
    if ((retryOn & RetryOn.retriableStatusCodes) !== 0) {
      if (this.policy?.retriableStatusCodes.includes(status) === true) return true;
      if (this.extraStatusCodes.includes(status)) return true;
    }
    if ((retryOn & RetryOn.retriableHeaders) !== 0) {
      if (this.policy?.retriableHeaders.some((test) => test.matches(response)) === true) return true;
      if (this.extraHeaderNames.some((name) => response.header(name) !== undefined)) return true;
    }
    if ((retryOn & ANY_GRPC) !== 0 && headers.has(GRPC_STATUS)) {
      return (retryOn & (GRPC_RETRY_BITS.get(headers.get(GRPC_STATUS)) ?? 0)) !== 0;
    }
    return false;
  }

  private wouldRetryReset(reason: StreamResetReason, requestStarted: boolean): boolean {
    const { retryOn } = this;
    // Our own limit: another attempt would only run into it again.
    if (reason === "overflow") return false;
    if ((retryOn & RetryOn.reset) !== 0) return true;
    if ((retryOn & RetryOn.resetBeforeRequest) !== 0 && !requestStarted) return true;
    if ((retryOn & (RetryOn.serverErrors | RetryOn.gatewayErrors)) !== 0) return true;
    if ((retryOn & RetryOn.refusedStream) !== 0 && reason === "remote refused stream reset") return true;
    const connectFailure = reason === "remote connection failure" || reason === "connection timeout";
    return (retryOn & RetryOn.connectFailure) !== 0 && connectFailure;
  }

  private decide(would: boolean, rateLimitedMs: number): RetryStatus {
    const { cluster, counted } = this;
    if (cluster === null) return NO_RETRY;
    if (counted && !would) this.count("rqRetrySuccess");
    this.uncount();
    if (!would) return NO_RETRY;
    if (this.remaining === 0) {
      this.count("rqRetryLimitExceeded");
      return LIMIT_EXCEEDED;
    }
    this.remaining--;
    if (!cluster.use.tryRetry(this.priority)) {
      this.count("rqRetryOverflow");
      return OVERFLOW;
    }
    this.counted = true;
    this.count("rqRetry");
    this.chooseBackOff(rateLimitedMs);
    return RETRY;
  }

  private count(what: "rqRetry" | "rqRetrySuccess" | "rqRetryOverflow" | "rqRetryLimitExceeded"): void {
    if (this.cluster !== null) this.cluster.stats[what].value++;
    if (this.counters !== null) count(this.counters, what);
  }

  private chooseBackOff(rateLimitedMs: number): void {
    const { context, cluster, policy } = this;
    if (rateLimitedMs > 1) {
      // Envoy's JitteredLowerBoundBackOffStrategy: up to half as much again.
      this.backOffMs = rateLimitedMs + Math.floor(context.random() * (rateLimitedMs / 2));
      if (cluster !== null) cluster.stats.rqRetryBackoffRatelimited.value++;
      return;
    }
    // JitteredExponentialBackOffStrategy: full jitter.
    const maxMs = policy === null ? DEFAULT_BACK_OFF_BASE_MS * 10 : policy.backOffMaxMs;
    this.backOffMs = Math.floor(context.random() * this.intervalMs);
    this.intervalMs = Math.min(this.intervalMs * 2, maxMs);
    if (cluster !== null) cluster.stats.rqRetryBackoffExponential.value++;
  }

  /** No more retries: the response is on its way, the body is gone, or the exchange is over. */
  stop(): void {
    this.uncount();
    if (this.cluster === null) return;
    this.policy = null;
    this.retryPriority = null;
    this.cluster = null;
    this.counters = null;
    this.retryOn = 0;
    this.extraStatusCodes = NONE;
    this.extraHeaderNames = NO_NAMES;
    if (this.tried.length > 0) this.tried.length = 0;
  }

  private uncount(): void {
    if (!this.counted) return;
    this.counted = false;
    this.cluster?.use.releaseRetry(this.priority);
  }
}

const DEFAULT_BACK_OFF_BASE_MS = 25;
const NONE: readonly number[] = [];
const NO_NAMES: readonly string[] = [];

const CONSUMED = [
  X_ENVOY_RETRY_ON,
  X_ENVOY_RETRY_GRPC_ON,
  X_ENVOY_MAX_RETRIES,
  X_ENVOY_RETRIABLE_STATUS_CODES,
  X_ENVOY_RETRIABLE_HEADER_NAMES,
  X_ENVOY_HEDGE_ON_PER_TRY_TIMEOUT,
];

/** What the first header that says so asks to wait, in ms; 0 if none does or it is more than the policy takes. */
function resetInterval({ headers, maxMs }: RateLimitedBackOff, response: ResponseHead, wallMs: number): number {
  for (const { name, format } of headers) {
    const value = response.header(name);
    if (value === undefined || !/^\d{1,15}$/.test(value)) continue;
    const seconds = format === "seconds" ? Number(value) : Number(value) - Math.floor(wallMs / 1000);
    if (seconds < 0) continue;
    const ms = seconds * 1000;
    if (ms <= maxMs) return ms;
  }
  return 0;
}
