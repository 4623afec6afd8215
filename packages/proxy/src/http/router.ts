import {
  GRPC_TIMEOUT,
  HeaderClass,
  X_ENVOY_HEDGE_ON_PER_TRY_TIMEOUT,
  X_ENVOY_UPSTREAM_ALT_STAT_NAME,
  X_ENVOY_UPSTREAM_RQ_TIMEOUT_ALT_RESPONSE,
} from "../codec/header-names.ts";
import type { HeaderBlock } from "../codec/header-block.ts";
import type { RequestEncoder, RequestHead, StreamResetReason } from "../codec/messages.ts";
import type { ReadBuffer } from "../codec/read-buffer.ts";
import type { Hash64 } from "../hash/hash64.ts";
import { type HashedRequest, type IssuedCookie, connectionCookie } from "../plan/hash-policy.ts";
import type { RouteAction } from "../plan/plan.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Host } from "../upstream/host.ts";
import type { LoadBalancerContext, RetryPriority } from "../upstream/load-balancer-context.ts";
import type { Exchange } from "./exchange.ts";
import { formatGrpcTimeout, parseGrpcTimeout } from "./grpc-timeout.ts";
import {
  DETAILS,
  LOCAL_REPLIES,
  type LocalReply,
  clusterNotFound,
  resetAfterStartDetails,
  resetFlag,
  resetReply,
} from "./local-replies.ts";
import { sendLocalReply } from "./local-reply-sender.ts";
import { RequestBody } from "./request-body.ts";
import { reportResponse } from "./outlier-reports.ts";
import { LIMIT_EXCEEDED, NO_RETRY, OVERFLOW, RETRY, RetryState, type RetryStatus } from "./retry-state.ts";
import { redirect, respondDirectly } from "./route-choice.ts";
import { Shadows } from "./shadow.ts";
import {
  type UpstreamTimeouts,
  chooseTimeouts,
  finalizeRequestHeaders,
  finalizeResponseHeaders,
  replaceHost,
  setAttemptHeaders,
  setTimeoutHeaders,
} from "./upstream-headers.ts";
import { UpstreamRequest } from "./upstream-request.ts";

/**
 * The last filter, one to an exchange and pooled with it: from a route to upstream requests, one after another or, hedged, at once, and
 * from what comes back to the one answer that the client gets. Behaviour: Envoy `source/common/router/router.cc`.
 */
export class Router implements LoadBalancerContext, HashedRequest {
  readonly timeouts: UpstreamTimeouts = { routeTimeoutMs: 0, perTryTimeoutMs: 0 };
  private readonly exchange: Exchange;
  private readonly retry: RetryState;
  /** The latest attempt, which the request's body goes to; null before the first and while a retry waits. */
  private attempt: UpstreamRequest | null = null;
  /** Earlier attempts that go on beside it. */
  private readonly hedged: UpstreamRequest[] = [];
  private readonly spare: UpstreamRequest[] = [];
  private readonly body = new RequestBody();
  private readonly shadows = new Shadows();
  /** The body is kept, because it may be sent again. */
  private keepsBody = false;
  /** The client waits until there is an upstream that takes its body. */
  private holding = false;
  private retryPending = false;
  private retryFollowsTimeout = false;
  private hedgesOnPerTryTimeout = false;
  /** What a time-out is answered with, where the client did not ask for 504; 0 if it did not. */
  private timeoutStatus = 0;
  /** Set-Cookie lines that the choice of a host has brought about. */
  private readonly cookies: string[] = [];

  constructor(exchange: Exchange) {
    this.exchange = exchange;
    this.retry = new RetryState(exchange.context);
  }

  /** All filters have let the request through. */
  route(): void {
    const { exchange } = this;
    const { runtime, routes, route } = exchange;
    if (runtime === null) return;
    if (route === null) {
      runtime.stats.noRoute.value++;
      sendLocalReply(exchange, routes === null ? LOCAL_REPLIES.noRouteConfiguration : LOCAL_REPLIES.routeNotFound);
      return;
    }
    const { action } = route;
    if (action.kind === "forward") this.forward(action);
    else if (action.kind === "redirect") redirect(exchange, action);
    else respondDirectly(exchange, action);
  }

  private forward(action: RouteAction): void {
    const { exchange, timeouts, retry } = this;
    const { runtime, target, request } = exchange;
    if (runtime === null) return;
    const cluster = target?.cluster.current ?? null;
    if (target === null || cluster === null) {
      runtime.stats.noCluster.value++;
      sendLocalReply(exchange, clusterNotFound(action.clusterNotFoundStatus));
      return;
    }
    exchange.action = action;
    exchange.cluster = cluster;
    exchange.attemptCount = 1;
    if (action.idleTimeoutMs >= 0) exchange.timers.setIdleTimeout(action.idleTimeoutMs);
    this.limitDuration(action);
    chooseTimeouts(exchange, action, timeouts);
    this.hedgesOnPerTryTimeout = action.hedgesOnPerTryTimeout;
    if ((request.headers.classes & HeaderClass.trustedOnly) !== 0) this.readTrustedHeaders();
    setTimeoutHeaders(exchange, action, 0, this.hedgesOnPerTryTimeout);
    setAttemptHeaders(exchange, false);
    finalizeRequestHeaders(exchange, action, target);
    retry.start(action, request, cluster);
    this.keepsBody = retry.enabled;
    const host = cluster.chooseHost(this, action.priority);
    if (host === null) {
      this.noHealthyUpstream(cluster);
      return;
    }
    this.startAttempt(cluster, host);
    if (exchange.isOver) return;
    if (action.mirrors.length > 0) this.shadows.start(exchange, action.mirrors, timeouts.routeTimeoutMs);
    if (exchange.requestEnded) this.onRequestComplete();
    else if (exchange.switchesProtocol) exchange.timers.startRoute(timeouts.routeTimeoutMs);
  }

  /** The route's limit on the whole stream, in place of the connection manager's (Envoy `refreshDurationTimeout`). */
  private limitDuration(action: RouteAction): void {
    const { timers, isGrpc, request } = this.exchange;
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

  /** What a trusted client may ask for beside timeouts and retries. */
  private readTrustedHeaders(): void {
    const { headers } = this.exchange.request;
    if (headers.has(X_ENVOY_UPSTREAM_RQ_TIMEOUT_ALT_RESPONSE)) {
      this.timeoutStatus = 204;
      headers.remove(X_ENVOY_UPSTREAM_RQ_TIMEOUT_ALT_RESPONSE);
    }
    headers.remove(X_ENVOY_UPSTREAM_ALT_STAT_NAME);
    const hedge = headers.get(X_ENVOY_HEDGE_ON_PER_TRY_TIMEOUT);
    if (hedge === "true" || hedge === "false") this.hedgesOnPerTryTimeout = hedge === "true";
  }

  // LoadBalancerContext

  get random(): () => number {
    return this.exchange.context.random;
  }

  hashRequest(hash: Hash64): boolean {
    const { action } = this.exchange;
    return action !== null && action.hashPolicy !== null && action.hashPolicy.hash(this, hash);
  }

  requestHeader(name: string): string | undefined {
    return this.exchange.request.headers.first(name);
  }

  get retryPriority(): RetryPriority | null {
    return this.retry.retryPriority;
  }

  get hostSelectionRetries(): number {
    return this.retry.hostSelectionRetries;
  }

  avoidsHost(host: Host): boolean {
    return this.retry.tried.includes(host);
  }

  // HashedRequest

  get request(): RequestHead {
    return this.exchange.request;
  }

  get clientAddress(): string {
    const { request, connection } = this.exchange;
    return request.forwardedFor !== "" ? request.forwardedFor : (connection?.remoteAddress ?? "");
  }

  issueCookie({ name, attributes }: IssuedCookie): string {
    const { connection } = this.exchange;
    if (connection === null) return "";
    const value = connectionCookie(connection);
    this.cookies.push(`${name}="${value}"${attributes}`);
    return value;
  }

  private noHealthyUpstream(cluster: Cluster): void {
    this.cancel();
    cluster.stats.countStatus(LOCAL_REPLIES.noHealthyUpstream.status);
    sendLocalReply(this.exchange, LOCAL_REPLIES.noHealthyUpstream);
  }

  private startAttempt(cluster: Cluster, host: Host): void {
    const { exchange } = this;
    const attempt = this.spare.pop() ?? new UpstreamRequest(exchange);
    this.attempt = attempt;
    exchange.host = host;
    if (this.retry.enabled) this.retry.onHostAttempted(host);
    attempt.start(cluster, host);
  }

  // The request's body

  onRequestData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    const { exchange, attempt, body } = this;
    this.shadows.onData(buffer, start, end, endStream);
    if (this.keepsBody && body.bytes + end - start > this.bufferLimit()) {
      if (!this.abandonBody()) return;
    }
    if (attempt !== null && attempt.takesBody) {
      if (this.keepsBody) body.add(buffer, start, end);
      attempt.sendData(buffer, start, end, endStream);
    } else {
      body.add(buffer, start, end);
      if (!this.keepsBody && !endStream && body.bytes >= this.bufferLimit()) this.hold();
    }
    if (endStream && !exchange.isOver) this.onRequestComplete();
  }

  onRequestTrailers(trailers: HeaderBlock): void {
    const { attempt, body } = this;
    this.shadows.onTrailers(trailers);
    if (attempt === null || !attempt.takesBody || this.keepsBody) body.addTrailers(trailers);
    if (attempt !== null && attempt.takesBody) attempt.sendTrailers(trailers);
    if (!this.exchange.isOver) this.onRequestComplete();
  }

  /** The body is longer than is kept: it can be sent once only. False if there is nobody to send it to. */
  private abandonBody(): boolean {
    const { exchange, attempt } = this;
    if (exchange.cluster !== null) exchange.cluster.stats.retryOrShadowAbandoned.value++;
    this.retry.stop();
    this.keepsBody = false;
    if (attempt === null) {
      this.cancel();
      sendLocalReply(exchange, LOCAL_REPLIES.retryBufferExceeded);
      return false;
    }
    if (attempt.takesBody) this.body.clear();
    return true;
  }

  private bufferLimit(): number {
    const { route, connection } = this.exchange;
    const limit = route === null ? -1 : route.requestBufferLimitBytes;
    return limit >= 0 ? limit : (connection?.bufferLimitBytes ?? 0);
  }

  private hold(): void {
    if (this.holding) return;
    this.holding = true;
    this.exchange.pauseRequest();
  }

  private unhold(): void {
    if (!this.holding) return;
    this.holding = false;
    this.exchange.resumeRequest();
  }

  private onRequestComplete(): void {
    const { exchange, attempt } = this;
    if (exchange.action === null) return;
    exchange.timers.startRoute(this.timeouts.routeTimeoutMs);
    attempt?.armPerTry();
  }

  /** It is not going to be sent again. What no upstream has yet stays. */
  private dropBody(): void {
    this.keepsBody = false;
    if (this.attempt !== null && this.attempt.takesBody) this.body.clear();
  }

  // From the attempts

  /** The attempt has its connection. */
  onAttemptReady(attempt: UpstreamRequest, encoder: RequestEncoder): void {
    const { exchange, body } = this;
    const { action, request } = exchange;
    const { host } = attempt;
    exchange.upstreamStartedAt = attempt.startedAt;
    if (host !== null && host.outlier !== null) host.outlier.onConnected();
    if (action !== null && action.autoHostRewrite && host !== null && host.hostname !== "") {
      replaceHost(exchange, action, host.hostname);
    }
    // The head alone ends the request, unless some of the body has come while the pool was connecting.
    encoder.encodeHead(request, exchange.requestEnded && body.isEmpty && !exchange.switchesProtocol);
    if (!attempt.takesBody) return;
    this.sendHeldBody(encoder);
  }

  private sendHeldBody(encoder: RequestEncoder): void {
    const { exchange, body } = this;
    if (!body.isEmpty) body.sendTo(encoder, exchange.requestEnded);
    if (!this.keepsBody) body.clear();
    this.unhold();
  }

  onAttemptReset(attempt: UpstreamRequest, reason: StreamResetReason, transportFailure: string): void {
    const { exchange } = this;
    exchange.transportFailure = transportFailure;
    if (reason !== "overflow") attempt.host?.outlier?.onConnectFailed();
    if (exchange.responseStarted) {
      this.release(attempt);
      exchange.abort(resetFlag(reason), resetAfterStartDetails(reason));
      return;
    }
    if (this.retryAfterReset(attempt, reason, false)) return;
    const reply = resetReply(reason, transportFailure, exchange.attemptCount > 1);
    this.chargeAbort(attempt, reply.status);
    this.release(attempt);
    // Another one may yet bring an answer.
    if (this.retryPending || this.awaitsHeaders()) return;
    this.fail(reply);
  }

  /** True if the attempt is going to be replaced by another one. */
  private retryAfterReset(attempt: UpstreamRequest, reason: StreamResetReason, timedOut: boolean): boolean {
    const { retry } = this;
    if (!retry.enabled || attempt.retried) return false;
    const status = retry.onReset(reason, attempt.startedAt !== 0);
    if (status !== RETRY) {
      this.markGivenUp(status);
      return false;
    }
    if (attempt.host !== null) attempt.host.requestsFailed++;
    this.release(attempt);
    this.scheduleRetry(timedOut);
    return true;
  }

  private markGivenUp(status: RetryStatus): void {
    if (status === OVERFLOW) this.exchange.addFlag("UO");
    else if (status === LIMIT_EXCEEDED) this.exchange.addFlag("URX");
  }

  onAttemptHeaders(attempt: UpstreamRequest, endStream: boolean): void {
    const { exchange, retry } = this;
    const { cluster, host, response } = attempt;
    if (cluster !== null && host !== null && host.outlier !== null) {
      reportResponse(cluster, host, response, exchange.isGrpc);
    }
    let gaveUp = false;
    if (retry.enabled) {
      if (attempt.retried) gaveUp = retry.wouldRetry(response);
      else {
        const status = retry.onHeaders(response);
        if (status === RETRY) {
          if (host !== null) host.requestsFailed++;
          exchange.cluster?.stats.countRetriedStatus(response.status);
          attempt.cancel();
          this.release(attempt);
          this.scheduleRetry(false);
          return;
        }
        this.markGivenUp(status);
        gaveUp = status !== NO_RETRY;
      }
    }
    if (gaveUp && (this.retryPending || this.awaitsHeaders())) {
      // A bad answer, and others may bring a better one.
      if (host !== null) host.requestsFailed++;
      attempt.cancel();
      this.release(attempt);
      return;
    }
    this.accept(attempt, endStream);
  }

  /** This is the answer. */
  private accept(attempt: UpstreamRequest, endStream: boolean): void {
    const { exchange } = this;
    this.retry.stop();
    this.retryPending = false;
    exchange.timers.stopRetry();
    this.cancelOthers(attempt);
    this.attempt = attempt;
    exchange.host = attempt.host;
    exchange.upstreamInfo = attempt.info;
    const own = exchange.response;
    exchange.response = attempt.response;
    attempt.response = own;
    const { status } = exchange.response;
    this.charge(attempt, status);
    exchange.status = status;
    if (exchange.details === "") exchange.details = DETAILS.viaUpstream;
    finalizeResponseHeaders(exchange, this.cookies);
    exchange.responseStarted = true;
    exchange.responseStartedAt = exchange.now;
    // A filter may have changed it.
    exchange.status = exchange.response.status;
    const switched = exchange.switchesProtocol && attempt.takesBody;
    if (switched) exchange.timers.stopRoute();
    if (switched) this.keepsBody = false;
    else this.dropBody();
    exchange.encoder?.encodeHead(exchange.response, endStream);
    if (endStream) this.onResponseComplete(attempt);
    else if (switched && attempt.encoder !== null) this.sendHeldBody(attempt.encoder);
  }

  onAttemptData(attempt: UpstreamRequest, buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    if (endStream) this.recordTime(attempt);
    this.exchange.onResponseData(buffer, start, end, endStream);
  }

  onAttemptTrailers(attempt: UpstreamRequest, trailers: HeaderBlock): void {
    this.recordTime(attempt);
    this.exchange.onResponseTrailers(trailers);
  }

  private onResponseComplete(attempt: UpstreamRequest): void {
    this.recordTime(attempt);
    this.exchange.finish();
  }

  private recordTime(attempt: UpstreamRequest): void {
    const { requestEndedAt, requestEnded, context } = this.exchange;
    if (requestEnded) attempt.cluster?.stats.rqTime.record(context.net.turn.now - requestEndedAt);
  }

  private charge(attempt: UpstreamRequest, status: number): void {
    attempt.cluster?.stats.countStatus(status);
    if (attempt.host === null) return;
    if (status >= 500) attempt.host.requestsFailed++;
    else attempt.host.requestsSucceeded++;
  }

  /** An attempt ends with an answer of ours. */
  private chargeAbort(attempt: UpstreamRequest, status: number): void {
    attempt.cluster?.stats.countStatus(status);
    if (attempt.host !== null) attempt.host.requestsFailed++;
  }

  // Retries

  private scheduleRetry(followsTimeout: boolean): void {
    this.retryPending = true;
    this.retryFollowsTimeout = followsTimeout;
    this.exchange.timers.startRetry(this.retry.backOffMs);
  }

  onRetryTimer(): void {
    const { exchange } = this;
    const { action, target, context, requestEnded, requestEndedAt } = exchange;
    if (action === null || !this.retryPending) return;
    this.retryPending = false;
    exchange.attemptCount++;
    // It may have gone meanwhile, or come back as another one.
    const cluster = target?.cluster.current ?? null;
    const host = cluster === null ? null : cluster.chooseHost(this, action.priority);
    if (cluster === null || host === null) {
      const known = cluster ?? exchange.cluster;
      if (known !== null) this.noHealthyUpstream(known);
      return;
    }
    exchange.cluster = cluster;
    setAttemptHeaders(exchange, this.retryFollowsTimeout);
    const elapsed = requestEnded ? context.net.turn.now - requestEndedAt : 0;
    setTimeoutHeaders(exchange, action, elapsed, this.hedgesOnPerTryTimeout);
    if (this.attempt !== null) this.hedged.push(this.attempt);
    this.startAttempt(cluster, host);
  }

  // Deadlines

  onPerTryTimeout(attempt: UpstreamRequest): void {
    this.reportTimeout(attempt);
    if (this.hedgesOnPerTryTimeout) {
      this.hedge(attempt);
      return;
    }
    if (attempt.cluster !== null) attempt.cluster.stats.rqPerTryTimeout.value++;
    if (attempt.host !== null) attempt.host.requestTimeouts++;
    attempt.cancel();
    this.endAttemptByTimeout(attempt, LOCAL_REPLIES.perTryTimeout);
  }

  /** Once: a hedged attempt that was too slow for a try may be so for the route, too. */
  private reportTimeout(attempt: UpstreamRequest): void {
    if (attempt.timeoutReported) return;
    attempt.timeoutReported = true;
    attempt.host?.outlier?.onTimeout(this.timeoutStatus === 0 ? 504 : this.timeoutStatus);
  }

  onPerTryIdleTimeout(attempt: UpstreamRequest): void {
    if (attempt.cluster !== null) attempt.cluster.stats.rqPerTryIdleTimeout.value++;
    this.reportTimeout(attempt);
    attempt.cancel();
    if (this.exchange.responseStarted) {
      this.exchange.abort("SI", LOCAL_REPLIES.perTryIdleTimeout.details);
      return;
    }
    this.endAttemptByTimeout(attempt, LOCAL_REPLIES.perTryIdleTimeout);
  }

  private endAttemptByTimeout(attempt: UpstreamRequest, reply: LocalReply): void {
    if (this.retryAfterReset(attempt, "local reset", true)) return;
    this.chargeAbort(attempt, this.timeoutStatus === 0 ? reply.status : this.timeoutStatus);
    this.release(attempt);
    if (this.retryPending || this.awaitsHeaders()) return;
    this.failByTimeout(reply);
  }

  /** The attempt goes on, and another one begins: whichever answers well first is taken. */
  private hedge(attempt: UpstreamRequest): void {
    const { retry } = this;
    if (!retry.enabled || attempt.retried) return;
    const status = retry.onHedge();
    if (status === RETRY) {
      attempt.retried = true;
      this.scheduleRetry(true);
    } else this.markGivenUp(status);
  }

  onRouteTimeout(): void {
    for (const attempt of [...this.hedged, this.attempt]) {
      if (attempt === null) continue;
      if (attempt.cluster !== null) attempt.cluster.stats.rqTimeout.value++;
      if (attempt.host !== null) attempt.host.requestTimeouts++;
      if (attempt.awaitingHeaders) {
        this.reportTimeout(attempt);
        this.chargeAbort(attempt, this.timeoutStatus === 0 ? 504 : this.timeoutStatus);
      }
      attempt.cancel();
    }
    this.failByTimeout(LOCAL_REPLIES.requestTimeout);
  }

  /** `max_stream_duration` of the cluster. */
  onMaxDuration(attempt: UpstreamRequest): void {
    const { requestEnded, responseStarted } = this.exchange;
    if (attempt.cluster !== null) attempt.cluster.stats.rqMaxDurationReached.value++;
    attempt.cancel();
    const { upstreamMaxDurationComplete, upstreamMaxDurationIncomplete } = LOCAL_REPLIES;
    const reply = requestEnded ? upstreamMaxDurationComplete : upstreamMaxDurationIncomplete;
    if (!responseStarted && this.retryAfterReset(attempt, "local reset", false)) return;
    this.release(attempt);
    this.fail(reply);
  }

  private failByTimeout(reply: LocalReply): void {
    this.fail(this.timeoutStatus === 0 ? reply : { ...reply, status: this.timeoutStatus, body: "" });
  }

  private fail(reply: LocalReply): void {
    this.cancel();
    sendLocalReply(this.exchange, reply);
  }

  // Back-pressure

  pauseResponse(): void {
    this.attempt?.pauseResponse();
  }

  resumeResponse(): void {
    this.attempt?.resumeResponse();
  }

  // The end

  private awaitsHeaders(): boolean {
    if (this.attempt?.awaitingHeaders === true) return true;
    return this.hedged.some((each) => each.awaitingHeaders);
  }

  private cancelOthers(kept: UpstreamRequest): void {
    const { attempt, hedged } = this;
    if (attempt !== null && attempt !== kept) {
      attempt.cancel();
      this.recycle(attempt);
    }
    for (const each of hedged) {
      if (each === kept) continue;
      each.cancel();
      this.recycle(each);
    }
    hedged.length = 0;
  }

  /** The attempt is over and has nothing more to say. */
  private release(attempt: UpstreamRequest): void {
    if (attempt === this.attempt) this.attempt = this.hedged.pop() ?? null;
    else {
      const index = this.hedged.indexOf(attempt);
      if (index >= 0) this.hedged.splice(index, 1);
    }
    this.recycle(attempt);
  }

  private recycle(attempt: UpstreamRequest): void {
    attempt.reset();
    this.spare.push(attempt);
  }

  /** Takes back whatever is going on upstream. */
  cancel(): void {
    this.retry.stop();
    this.retryPending = false;
    this.shadows.end();
    this.attempt?.cancel();
    for (const each of this.hedged) each.cancel();
  }

  reset(): void {
    const { attempt, hedged, timeouts } = this;
    if (attempt !== null) this.recycle(attempt);
    this.attempt = null;
    for (const each of hedged) this.recycle(each);
    hedged.length = 0;
    this.body.clear();
    this.keepsBody = false;
    this.holding = false;
    this.retryPending = false;
    this.retryFollowsTimeout = false;
    this.hedgesOnPerTryTimeout = false;
    this.timeoutStatus = 0;
    this.cookies.length = 0;
    timeouts.routeTimeoutMs = 0;
    timeouts.perTryTimeoutMs = 0;
  }
}
