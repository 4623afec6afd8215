import {
  X_ENVOY_HEDGE_ON_PER_TRY_TIMEOUT,
  X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL,
  X_ENVOY_UPSTREAM_ALT_STAT_NAME,
  X_ENVOY_UPSTREAM_RQ_TIMEOUT_ALT_RESPONSE,
} from "../codec/header-names.ts";
import type { HeaderBlock } from "../codec/header-block.ts";
import { ResponseHead, type StreamResetReason } from "../codec/messages.ts";
import type { ReadBuffer } from "../codec/read-buffer.ts";
import type { InternalRedirectPlan } from "../plan/route-plan.ts";
import { count } from "../upstream/route-stats.ts";
import type { Attempts } from "./attempts.ts";
import type { Exchange } from "./exchange.ts";
import { becomesGet, turnToLocation } from "./internal-redirect.ts";
import {
  DETAILS,
  LOCAL_REPLIES,
  type LocalReply,
  resetAfterStartDetails,
  resetFlag,
  resetReply,
} from "./local-replies.ts";
import { sendLocalReply } from "./local-reply-sender.ts";
import { reportResponse } from "./outlier-reports.ts";
import type { RequestBuffer } from "./request-buffer.ts";
import { LIMIT_EXCEEDED, NO_RETRY, OVERFLOW, RETRY, type RetryState, type RetryStatus } from "./retry-state.ts";
import { finalizeResponseHeaders } from "./upstream-headers.ts";
import type { UpstreamRequest } from "./upstream-request.ts";

/**
 * What becomes of a router's attempts: answers, resets and deadlines, and whether each is the client's answer or a reason for another
 * attempt. Behaviour: Envoy `source/common/router/router.cc`.
 */
export class AttemptOutcomes {
  hedgesOnPerTryTimeout = false;
  retryFollowsTimeout = false;
  private readonly exchange: Exchange;
  private readonly retry: RetryState;
  private readonly attempts: Attempts;
  private readonly body: RequestBuffer;
  private retryPending = false;
  /** An attempt has given an interim response: for Envoy the answer has begun. */
  private interimCame = false;
  /** What a time-out is answered with, where the client did not ask for 504; 0 if it did not. */
  private timeoutStatus = 0;

  constructor(exchange: Exchange, retry: RetryState, attempts: Attempts, body: RequestBuffer) {
    this.exchange = exchange;
    this.retry = retry;
    this.attempts = attempts;
    this.body = body;
  }

  /** What a trusted client may ask for beside timeouts and retries. */
  readTrustedHeaders(headers: HeaderBlock): void {
    if (headers.has(X_ENVOY_UPSTREAM_RQ_TIMEOUT_ALT_RESPONSE)) {
      this.timeoutStatus = 204;
      headers.remove(X_ENVOY_UPSTREAM_RQ_TIMEOUT_ALT_RESPONSE);
    }
    headers.remove(X_ENVOY_UPSTREAM_ALT_STAT_NAME);
    const hedge = headers.get(X_ENVOY_HEDGE_ON_PER_TRY_TIMEOUT);
    if (hedge === "true" || hedge === "false") this.hedgesOnPerTryTimeout = hedge === "true";
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
    this.exchange.runtime?.tracing?.onRetry(this.exchange, timedOut ? "timeout" : reason);
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
    this.stopRetries();
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
          exchange.runtime?.tracing?.onRetry(exchange, String(response.status));
          attempt.cancel();
          this.attempts.release(attempt);
          this.scheduleRetry(false);
          return;
        }
        this.markGivenUp(status);
        gaveUp = status !== NO_RETRY;
      }
    }
    const policy = exchange.action === null ? null : exchange.action.internalRedirects;
    if (policy !== null && this.follow(attempt, policy)) return;
    if (gaveUp && (this.retryPending || this.attempts.awaitHeaders)) {
      // A bad answer, and others may bring a better one.
      if (host !== null) host.requestsFailed++;
      attempt.cancel();
      this.attempts.release(attempt);
      return;
    }
    this.accept(attempt, endStream);
  }

  /** True if the answer is a redirect, and the request is on its way to where it points. */
  private follow(attempt: UpstreamRequest, policy: InternalRedirectPlan): boolean {
    const { exchange, body } = this;
    const { cluster, response } = attempt;
    const { runtime, request } = exchange;
    const { status } = response;
    if (cluster === null || runtime === null || !policy.statuses.includes(status)) return false;
    // Its answer has been made another one.
    if (exchange.details === DETAILS.websocketRefused) return false;
    if (!exchange.requestPassed || !body.isWhole || !turnToLocation(exchange, response, policy, runtime.stats)) {
      cluster.stats.internalRedirectFailed.value++;
      return false;
    }
    cluster.stats.internalRedirectSucceeded.value++;
    const sent = body.take();
    const pieces = becomesGet(request, status) ? [] : sent;
    exchange.host = attempt.host;
    exchange.upstreamInfo = attempt.info;
    exchange.response = response;
    attempt.response = new ResponseHead();
    exchange.status = status;
    exchange.details = DETAILS.internalRedirect;
    exchange.router.cancel();
    this.attempts.forget();
    exchange.startOver(pieces);
    return true;
  }

  /** This is the answer. */
  private accept(attempt: UpstreamRequest, endStream: boolean): void {
    const { exchange } = this;
    this.stopRetries();
    exchange.timers.stopRetry();
    this.attempts.settleOn(attempt);
    exchange.host = attempt.host;
    exchange.upstreamInfo = attempt.info;
    const own = exchange.response;
    exchange.response = attempt.response;
    attempt.response = own;
    const { status } = exchange.response;
    // Envoy counts no upgrade to WebSocket that was not accepted.
    if (exchange.details !== DETAILS.websocketRefused) attempt.charge(status);
    if (exchange.runtime?.filters.onAnswer(exchange, null) === true) return;
    exchange.status = status;
    if (exchange.details === "") exchange.details = DETAILS.viaUpstream;
    finalizeResponseHeaders(exchange, exchange.router.selection.cookies, endStream);
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

  /** True if there is one to be made now. */
  takeRetry(): boolean {
    const pending = this.retryPending;
    this.retryPending = false;
    return pending;
  }

  stopRetries(): void {
    this.retry.stop();
    this.retryPending = false;
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
    this.exchange.router.cancel();
    if (this.exchange.responseStarted) this.countLateReset();
    sendLocalReply(this.exchange, reply);
  }

  private countLateReset(): void {
    const { runtime, isGrpc } = this.exchange;
    // Envoy counts gRPC requests only, whose success was not known yet.
    if (isGrpc && runtime !== null) runtime.stats.rqResetAfterResponseStarted.value++;
  }

  reset(): void {
    this.hedgesOnPerTryTimeout = false;
    this.retryFollowsTimeout = false;
    this.retryPending = false;
    this.interimCame = false;
    this.timeoutStatus = 0;
  }
}
