import { HeaderClass } from "../codec/header-names.ts";
import type { HeaderBlock } from "../codec/header-block.ts";
import type { RequestEncoder } from "../codec/messages.ts";
import type { ReadBuffer } from "../codec/read-buffer.ts";
import type { ClusterRef } from "../plan/cluster-plan.ts";
import type { RouteAction, WeightedClusterPlan } from "../plan/route-plan.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { CachedName } from "../upstream/dns/cache.ts";
import type { Host } from "../upstream/host.ts";
import { countResponse } from "../upstream/route-stats.ts";
import { AttemptOutcomes } from "./attempt-outcomes.ts";
import { Attempts } from "./attempts.ts";
import type { Exchange } from "./exchange.ts";
import { HostSelection } from "./host-selection.ts";
import { LOCAL_REPLIES, clusterNotFound } from "./local-replies.ts";
import { sendLocalReply } from "./local-reply-sender.ts";
import { withdraw } from "./peer-metadata.ts";
import { RequestBuffer } from "./request-buffer.ts";
import { RetryState } from "./retry-state.ts";
import { UNWEIGHTED, redirect, respondDirectly } from "./route-choice.ts";
import { Shadows } from "./shadow.ts";
import { finalizeRequestHeaders, replaceHost, setAttemptHeaders } from "./upstream-headers.ts";
import type { UpstreamRequest } from "./upstream-request.ts";
import { type UpstreamTimeouts, chooseTimeouts, limitDuration, setTimeoutHeaders } from "./upstream-timeouts.ts";

/**
 * The last filter, one to an exchange and pooled with it: from a route to upstream requests, one after another or, hedged, at once. From what
 * comes back to the one answer that the client gets: attempt-outcomes.ts. Behaviour: Envoy `source/common/router/router.cc`.
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
  readonly selection: HostSelection;
  /** What becomes of the attempts. */
  readonly outcomes: AttemptOutcomes;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
    this.attempts = new Attempts(exchange);
    this.retry = new RetryState(exchange.context);
    this.selection = new HostSelection(exchange, this.retry);
    this.body = new RequestBuffer(exchange);
    this.outcomes = new AttemptOutcomes(exchange, this.retry, this.attempts, this.body);
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
    this.body.keeps = retry.enabled || this.mayBeDiverted || action.internalRedirects !== null;
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
    const { exchange, outcomes } = this;
    const { request } = exchange;
    exchange.action = action;
    exchange.cluster = cluster;
    exchange.attemptCount = 1;
    if (action.idleTimeoutMs >= 0) exchange.timers.setIdleTimeout(action.idleTimeoutMs);
    limitDuration(exchange, action);
    chooseTimeouts(exchange, action, this.timeouts);
    outcomes.hedgesOnPerTryTimeout = action.hedgesOnPerTryTimeout;
    if ((request.headers.classes & HeaderClass.trustedOnly) !== 0) outcomes.readTrustedHeaders(request.headers);
    setTimeoutHeaders(exchange, action, 0, outcomes.hedgesOnPerTryTimeout);
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

  // Retries

  onRetryTimer(): void {
    const { exchange } = this;
    const { action, target } = exchange;
    if (action === null || !this.outcomes.takeRetry()) return;
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
    const { exchange, outcomes } = this;
    const { context, requestEnded, requestEndedAt } = exchange;
    exchange.cluster = cluster;
    setAttemptHeaders(exchange, outcomes.retryFollowsTimeout);
    const elapsed = requestEnded ? context.net.turn.now - requestEndedAt : 0;
    setTimeoutHeaders(exchange, action, elapsed, outcomes.hedgesOnPerTryTimeout);
    this.startAttempt(cluster, host);
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
    this.outcomes.stopRetries();
    this.shadows.end();
    this.attempts.cancel();
  }

  reset(): void {
    const { timeouts } = this;
    this.attempts.reset();
    this.body.reset();
    this.outcomes.reset();
    this.mayBeDiverted = false;
    this.selection.reset();
    timeouts.routeTimeoutMs = 0;
    timeouts.perTryTimeoutMs = 0;
  }
}
