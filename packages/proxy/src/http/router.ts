import {
  HeaderClass,
  X_ENVOY_HEDGE_ON_PER_TRY_TIMEOUT,
  X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL,
  X_ENVOY_UPSTREAM_ALT_STAT_NAME,
  X_ENVOY_UPSTREAM_RQ_TIMEOUT_ALT_RESPONSE,
} from "../codec/header-names.ts";
import type { HeaderBlock } from "../codec/header-block.ts";
import type { RequestEncoder, StreamResetReason } from "../codec/messages.ts";
import type { ReadBuffer } from "../codec/read-buffer.ts";
import type { ClusterRef } from "../plan/cluster-plan.ts";
import type { RouteAction, WeightedClusterPlan } from "../plan/route-plan.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { CachedName } from "../upstream/dns/cache.ts";
import type { Host } from "../upstream/host.ts";
import { Attempts } from "./attempts.ts";
import type { Exchange } from "./exchange.ts";
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
import { HostSelection } from "./host-selection.ts";
import { RequestBuffer } from "./request-buffer.ts";
import { withdraw } from "./peer-metadata.ts";
import { reportResponse } from "./outlier-reports.ts";
import { LIMIT_EXCEEDED, NO_RETRY, OVERFLOW, RETRY, RetryState, type RetryStatus } from "./retry-state.ts";
import { UNWEIGHTED, redirect, respondDirectly } from "./route-choice.ts";
import { Shadows } from "./shadow.ts";
import { finalizeRequestHeaders, finalizeResponseHeaders, replaceHost, setAttemptHeaders } from "./upstream-headers.ts";
import type { UpstreamRequest } from "./upstream-request.ts";
import { count, countResponse } from "../upstream/route-stats.ts";
import { type UpstreamTimeouts, chooseTimeouts, limitDuration, setTimeoutHeaders } from "./upstream-timeouts.ts";

/**
 * The last filter, one to an exchange and pooled with it: from a route to upstream requests, one after another or, hedged, at once, and
 * from what comes back to the one answer that the client gets. Behaviour: Envoy `source/common/router/router.cc`.
 */
export class Router {
  readonly timeouts: UpstreamTimeouts = { routeTimeoutMs: 0, perTryTimeoutMs: 0 };
  private readonly exchange: Exchange;
  private readonly retry: RetryState;
  private readonly attempts: Attempts;
  private readonly body: RequestBuffer;
  private readonly shadows = new Shadows();
  /** The body is kept, whether or not anything is tried again: a filter may send the request elsewhere. */
  private mayBeDiverted = false;
  private retryPending = false;
  private retryFollowsTimeout = false;
  private hedgesOnPerTryTimeout = false;
  /** An attempt has given an interim response: for Envoy the answer has begun. */
  private interimCame = false;
  /** What a time-out is answered with, where the client did not ask for 504; 0 if it did not. */
  private timeoutStatus = 0;
  readonly selection: HostSelection;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
    this.attempts = new Attempts(exchange);
    this.retry = new RetryState(exchange.context);
    this.selection = new HostSelection(exchange, this.retry);
    this.body = new RequestBuffer(exchange);
  }

  /** All filters have let the request through. */
  route(): void {
    const { exchange } = this;
    const { runtime, routes, route } = exchange;
    if (runtime === null) return;
    runtime.stats.routerRqTotal.value++;
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
    const { exchange, retry } = this;
    const { runtime, target } = exchange;
    if (runtime === null) return;
    const cluster = target?.cluster.current ?? null;
    if (target === null || cluster === null) {
      runtime.stats.noCluster.value++;
      sendLocalReply(exchange, clusterNotFound(action.clusterNotFoundStatus));
      return;
    }
    if (exchange.route !== null && exchange.route.counting !== null) {
      exchange.counters = exchange.route.counting.of(exchange.request);
    }
    this.prepare(action, target, cluster);
    this.body.keeps = retry.enabled || this.mayBeDiverted;
    const host = cluster.chooseHost(this.selection, action.priority);
    if (host !== null) this.begin(action, cluster, host);
    else if (!exchange.lookup.waiting) this.noHealthyUpstream(cluster);
  }

  private begin(action: RouteAction, cluster: Cluster, host: Host): void {
    const { exchange, timeouts } = this;
    this.startAttempt(cluster, host);
    if (exchange.isOver) return;
    if (action.mirrors.length > 0) this.shadows.start(exchange, action.mirrors, timeouts.routeTimeoutMs);
    if (exchange.requestPassed) this.onRequestComplete();
    else if (exchange.switchesProtocol) exchange.timers.startRoute(timeouts.routeTimeoutMs);
  }

  /** The request as upstreams get it. */
  private prepare(action: RouteAction, target: WeightedClusterPlan, cluster: Cluster): void {
    const { exchange } = this;
    const { request } = exchange;
    exchange.action = action;
    exchange.cluster = cluster;
    exchange.attemptCount = 1;
    if (action.idleTimeoutMs >= 0) exchange.timers.setIdleTimeout(action.idleTimeoutMs);
    limitDuration(exchange, action);
    chooseTimeouts(exchange, action, this.timeouts);
    this.hedgesOnPerTryTimeout = action.hedgesOnPerTryTimeout;
    if ((request.headers.classes & HeaderClass.trustedOnly) !== 0) this.readTrustedHeaders();
    setTimeoutHeaders(exchange, action, 0, this.hedgesOnPerTryTimeout);
    setAttemptHeaders(exchange, false);
    finalizeRequestHeaders(exchange, action, target);
    this.retry.start(action, request, cluster, exchange.counters);
  }

  // Another destination, once the first has failed

  /** Before the request is routed: it may be diverted. */
  keepBody(): void {
    this.mayBeDiverted = true;
  }

  /** A host that the request could be sent to instead; null if there is none, or not all of the request is there any more. */
  hostInstead(cluster: Cluster): Host | null {
    const { exchange, mayBeDiverted } = this;
    const action = exchange.route?.action;
    if (!mayBeDiverted || action?.kind !== "forward" || exchange.switchesProtocol) return null;
    const { selection } = this;
    selection.mayWait = false;
    const host = cluster.chooseHost(selection, action.priority);
    selection.mayWait = true;
    return host;
  }

  /** Sends the request there, once, in the form in which it went to the first destination. @param timeoutMs -1 = the route's, anew */
  divert(ref: ClusterRef, cluster: Cluster, host: Host, timeoutMs: number): void {
    const { exchange, timeouts } = this;
    const target = { ...UNWEIGHTED, cluster: ref };
    const action = exchange.action ?? exchange.route?.action ?? null;
    if (action === null || action.kind !== "forward") return;
    // An injected fault, or no cluster: nothing has been forwarded yet.
    if (exchange.action === null) this.prepare(action, exchange.target ?? target, cluster);
    else exchange.attemptCount++;
    this.cancel();
    this.attempts.forget();
    this.body.keeps = true;
    exchange.target = target;
    exchange.cluster = cluster;
    if (timeoutMs >= 0) timeouts.routeTimeoutMs = timeoutMs;
    timeouts.perTryTimeoutMs = 0;
    exchange.timers.stopRoute();
    setTimeoutHeaders(exchange, action, 0, false);
    setAttemptHeaders(exchange, false);
    this.startAttempt(cluster, host);
    if (!exchange.isOver && exchange.requestPassed) this.onRequestComplete();
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

  private noHealthyUpstream(cluster: Cluster): void {
    this.cancel();
    const { details } = this.selection;
    const reply = LOCAL_REPLIES.noHealthyUpstream;
    cluster.stats.countStatus(reply.status, this.exchange.isInternal, null);
    if (this.exchange.counters !== null) countResponse(this.exchange.counters, reply.status);
    sendLocalReply(this.exchange, details === "" ? reply : { ...reply, details });
  }

  /** The host that the request names has been looked up, for which the choice of one has waited. */
  onNameKnown(exchange: Exchange, name: CachedName): void {
    const { action, target } = exchange;
    const cluster = target?.cluster.current ?? exchange.cluster;
    if (action === null || cluster === null) return;
    this.selection.details = name.details;
    const host = name.addresses.length === 0 ? null : cluster.chooseHost(this.selection, action.priority);
    if (host === null) this.noHealthyUpstream(cluster);
    else if (exchange.attemptCount === 1) this.begin(action, cluster, host);
    else this.tryAgain(action, cluster, host);
  }

  private startAttempt(cluster: Cluster, host: Host): void {
    const { exchange } = this;
    exchange.host = host;
    exchange.transportFailure = "";
    if (this.retry.enabled) this.retry.onHostAttempted(host);
    this.attempts.begin().start(cluster, host);
  }

  // The request's body

  onRequestData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    const { exchange, body } = this;
    this.shadows.onData(buffer, start, end, endStream);
    if (body.overflows(end - start) && !this.abandonBody()) return;
    body.onData(this.attempts.latest, buffer, start, end, endStream);
    if (endStream && !exchange.isOver) this.onRequestComplete();
  }

  onRequestTrailers(trailers: HeaderBlock): void {
    this.shadows.onTrailers(trailers);
    this.body.onTrailers(this.attempts.latest, trailers);
    if (!this.exchange.isOver) this.onRequestComplete();
  }

  /** The body is longer than is kept: it can be sent once only. False if there is nobody to send it to. */
  private abandonBody(): boolean {
    const { exchange } = this;
    const attempt = this.attempts.latest;
    if (exchange.cluster !== null && this.retry.enabled) exchange.cluster.stats.retryOrShadowAbandoned.value++;
    this.retry.stop();
    this.mayBeDiverted = false;
    this.body.stopKeeping(attempt);
    // The name of the host is being looked up: the client waits.
    if (attempt !== null || exchange.lookup.waiting) return true;
    this.cancel();
    sendLocalReply(exchange, LOCAL_REPLIES.retryBufferExceeded);
    return false;
  }

  private onRequestComplete(): void {
    const { exchange } = this;
    const attempt = this.attempts.latest;
    // No time runs while the choice of a host waits.
    if (exchange.action === null || exchange.lookup.waiting) return;
    exchange.timers.startRoute(this.timeouts.routeTimeoutMs);
    attempt?.armPerTry();
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
    exchange.runtime?.tracing?.inject(exchange, request.headers, attempt.span);
    const introduced = attempt.introduces(request.headers);
    // The head alone ends the request, unless some of the body has come while the pool was connecting.
    encoder.encodeHead(request, exchange.requestPassed && body.isEmpty && !exchange.switchesProtocol);
    if (introduced) withdraw(request.headers);
    if (!attempt.takesBody) return;
    body.sendTo(encoder);
  }

  onAttemptReset(attempt: UpstreamRequest, reason: StreamResetReason, transportFailure: string): void {
    const { exchange } = this;
    exchange.transportFailure = transportFailure;
    if (reason !== "overflow") attempt.host?.outlier?.onConnectFailed();
    if (exchange.responseStarted) {
      this.attempts.release(attempt);
      this.countLateReset();
      exchange.abort(resetFlag(reason), resetAfterStartDetails(reason));
      return;
    }
    if (this.retryAfterReset(attempt, reason, false)) return;
    const reply = resetReply(reason, transportFailure, exchange.attemptCount > 1, this.interimCame);
    attempt.chargeAbort(reply.status);
    this.attempts.release(attempt);
    // Another one may yet bring an answer.
    if (this.retryPending || this.attempts.awaitHeaders) return;
    // `x-envoy-overloaded` is all that there can be.
    this.fail(exchange.runtime?.plan.suppressEnvoyHeaders === true ? { ...reply, headers: [] } : reply);
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
    this.attempts.release(attempt);
    this.scheduleRetry(timedOut);
    return true;
  }

  private markGivenUp(status: RetryStatus): void {
    if (status === OVERFLOW) this.exchange.addFlag("UO");
    else if (status === LIMIT_EXCEEDED) this.exchange.addFlag("URX");
  }

  /** An answer is on its way, and no other one will be waited for (Envoy `Filter::onUpstream1xxHeaders`). */
  onAttemptInterim(attempt: UpstreamRequest): void {
    this.retry.stop();
    this.retryPending = false;
    this.interimCame = true;
    this.exchange.timers.stopRetry();
    this.attempts.settleOn(attempt);
  }

  onAttemptHeaders(attempt: UpstreamRequest, endStream: boolean): void {
    const { exchange, retry } = this;
    const { cluster, host, response } = attempt;
    if (cluster !== null && host !== null && host.outlier !== null) {
      reportResponse(cluster, host, response, exchange.isGrpc);
    }
    if (host !== null && host.check !== null && response.headers.has(X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL)) {
      host.check.failImmediately();
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
          this.attempts.release(attempt);
          this.scheduleRetry(false);
          return;
        }
        this.markGivenUp(status);
        gaveUp = status !== NO_RETRY;
      }
    }
    if (gaveUp && (this.retryPending || this.attempts.awaitHeaders)) {
      // A bad answer, and others may bring a better one.
      if (host !== null) host.requestsFailed++;
      attempt.cancel();
      this.attempts.release(attempt);
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
    this.attempts.settleOn(attempt);
    exchange.host = attempt.host;
    exchange.upstreamInfo = attempt.info;
    const own = exchange.response;
    exchange.response = attempt.response;
    attempt.response = own;
    const { status } = exchange.response;
    attempt.charge(status);
    if (exchange.runtime?.filters.onAnswer(exchange, null) === true) return;
    exchange.status = status;
    if (exchange.details === "") exchange.details = DETAILS.viaUpstream;
    finalizeResponseHeaders(exchange, this.selection.cookies, endStream);
    const switched = exchange.switchesProtocol && attempt.takesBody;
    if (switched) exchange.timers.stopRoute();
    if (switched) this.body.keeps = false;
    else this.body.stopKeeping(attempt);
    exchange.encodeResponseHead(endStream);
    if (endStream) this.onResponseComplete(attempt);
    else if (switched && attempt.encoder !== null) {
      const { runtime } = exchange;
      if (runtime?.plan.logsNewTunnels === true) {
        runtime.accessLogs?.write(exchange, "DownstreamTunnelSuccessfullyEstablished");
      }
      this.body.sendTo(attempt.encoder);
    }
  }

  onAttemptData(attempt: UpstreamRequest, buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    if (endStream) attempt.recordTime();
    this.exchange.onResponseData(buffer, start, end, endStream);
  }

  onAttemptTrailers(attempt: UpstreamRequest, trailers: HeaderBlock): void {
    attempt.recordTime();
    this.exchange.onResponseTrailers(trailers);
  }

  private onResponseComplete(attempt: UpstreamRequest): void {
    attempt.recordTime();
    this.exchange.finish();
  }

  // Retries

  private scheduleRetry(followsTimeout: boolean): void {
    this.retryPending = true;
    this.retryFollowsTimeout = followsTimeout;
    this.exchange.timers.startRetry(this.retry.backOffMs);
  }

  onRetryTimer(): void {
    const { exchange } = this;
    const { action, target } = exchange;
    if (action === null || !this.retryPending) return;
    this.retryPending = false;
    exchange.attemptCount++;
    // It may have gone meanwhile, or come back as another one.
    const cluster = target?.cluster.current ?? null;
    const host = cluster === null ? null : cluster.chooseHost(this.selection, action.priority);
    if (cluster !== null && host !== null) this.tryAgain(action, cluster, host);
    else if (!exchange.lookup.waiting) {
      const known = cluster ?? exchange.cluster;
      if (known !== null) this.noHealthyUpstream(known);
    }
  }

  private tryAgain(action: RouteAction, cluster: Cluster, host: Host): void {
    const { exchange } = this;
    const { context, requestEnded, requestEndedAt } = exchange;
    exchange.cluster = cluster;
    setAttemptHeaders(exchange, this.retryFollowsTimeout);
    const elapsed = requestEnded ? context.net.turn.now - requestEndedAt : 0;
    setTimeoutHeaders(exchange, action, elapsed, this.hedgesOnPerTryTimeout);
    this.startAttempt(cluster, host);
  }

  // Deadlines

  onPerTryTimeout(attempt: UpstreamRequest): void {
    attempt.reportTimeout(this.timeoutStatus === 0 ? 504 : this.timeoutStatus);
    if (this.hedgesOnPerTryTimeout) {
      this.hedge(attempt);
      return;
    }
    if (attempt.cluster !== null) attempt.cluster.stats.rqPerTryTimeout.value++;
    if (attempt.host !== null) attempt.host.requestTimeouts++;
    attempt.cancel("UT");
    this.endAttemptByTimeout(attempt, LOCAL_REPLIES.perTryTimeout);
  }

  onPerTryIdleTimeout(attempt: UpstreamRequest): void {
    if (attempt.cluster !== null) attempt.cluster.stats.rqPerTryIdleTimeout.value++;
    attempt.reportTimeout(this.timeoutStatus === 0 ? 504 : this.timeoutStatus);
    attempt.cancel();
    if (this.exchange.responseStarted) {
      this.countLateReset();
      this.exchange.abort("SI", LOCAL_REPLIES.perTryIdleTimeout.details);
      return;
    }
    this.endAttemptByTimeout(attempt, LOCAL_REPLIES.perTryIdleTimeout);
  }

  private endAttemptByTimeout(attempt: UpstreamRequest, reply: LocalReply): void {
    if (this.retryAfterReset(attempt, "local reset", true)) return;
    attempt.chargeAbort(this.timeoutStatus === 0 ? reply.status : this.timeoutStatus);
    this.attempts.release(attempt);
    if (this.retryPending || this.attempts.awaitHeaders) return;
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
    for (const attempt of this.attempts.all()) {
      if (attempt.cluster !== null) attempt.cluster.stats.rqTimeout.value++;
      if (this.exchange.counters !== null) count(this.exchange.counters, "rqTimeout");
      if (attempt.host !== null) attempt.host.requestTimeouts++;
      if (attempt.awaitingHeaders) {
        attempt.reportTimeout(this.timeoutStatus === 0 ? 504 : this.timeoutStatus);
        attempt.chargeAbort(this.timeoutStatus === 0 ? 504 : this.timeoutStatus);
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
    this.attempts.release(attempt);
    this.fail(reply);
  }

  private failByTimeout(reply: LocalReply): void {
    this.fail(this.timeoutStatus === 0 ? reply : { ...reply, status: this.timeoutStatus, body: "" });
  }

  private fail(reply: LocalReply): void {
    this.cancel();
    if (this.exchange.responseStarted) this.countLateReset();
    sendLocalReply(this.exchange, reply);
  }

  private countLateReset(): void {
    const { runtime, isGrpc } = this.exchange;
    // Envoy counts gRPC requests only, whose success was not known yet.
    if (isGrpc && runtime !== null) runtime.stats.rqResetAfterResponseStarted.value++;
  }

  // Back-pressure

  pauseResponse(): void {
    this.attempts.latest?.pauseResponse();
  }

  resumeResponse(): void {
    this.attempts.latest?.resumeResponse();
  }

  // The end

  /** Takes back whatever is going on upstream. */
  cancel(): void {
    this.retry.stop();
    this.retryPending = false;
    this.shadows.end();
    this.attempts.cancel();
  }

  reset(): void {
    const { timeouts } = this;
    this.attempts.reset();
    this.body.reset();
    this.mayBeDiverted = false;
    this.retryPending = false;
    this.retryFollowsTimeout = false;
    this.hedgesOnPerTryTimeout = false;
    this.interimCame = false;
    this.timeoutStatus = 0;
    this.selection.reset();
    timeouts.routeTimeoutMs = 0;
    timeouts.perTryTimeoutMs = 0;
  }
}
