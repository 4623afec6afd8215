import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import type { HeaderBlock } from "../codec/header-block.ts";
import {
  type ProtocolError,
  RequestHead,
  type RequestEncoder,
  type RequestReceiver,
  type ResponseEncoder,
  ResponseHead,
  type StreamResetReason,
} from "../codec/messages.ts";
import { ReadBuffer } from "../codec/read-buffer.ts";
import type { RouteAction, RoutePlan, WeightedClusterPlan } from "../plan/plan.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Host } from "../upstream/host.ts";
import type { PoolClient } from "../upstream/pool.ts";
import type { UpstreamConnection, UpstreamWatermarks } from "../upstream/upstream-connection.ts";
import type { DownstreamConnection } from "./downstream-connection.ts";
import { DETAILS, LOCAL_REPLIES, type ResponseFlag, protocolErrorReply } from "./local-replies.ts";
import { sendLocalReply } from "./local-reply-sender.ts";
import { handleRequest } from "./request-handler.ts";
import { failUpstream, forwardRequestHead, forwardResponseHead } from "./router.ts";
import type { HttpContext, HttpRuntime } from "./runtime.ts";

const IDLE_TIMER = 0;
const ROUTE_TIMER = 1;
const REQUEST_TIMER = 2;
const HEADERS_TIMER = 3;
const DURATION_TIMER = 4;

/**
 * One request and its response, from the first byte to the last. Codecs call it, it drives routing and upstream, and nothing
 * else holds state for a request. Pooled, of one fixed shape: `reset` must name every field.
 */
export class Exchange implements RequestReceiver, PoolClient, UpstreamWatermarks, TimerOwner {
  readonly context: HttpContext;
  readonly request = new RequestHead();
  readonly response = new ResponseHead();

  // Where it came from.
  connection: DownstreamConnection | null = null;
  runtime: HttpRuntime | null = null;
  encoder: ResponseEncoder | null = null;

  // Where it goes.
  route: RoutePlan | null = null;
  action: RouteAction | null = null;
  target: WeightedClusterPlan | null = null;
  cluster: Cluster | null = null;
  host: Host | null = null;
  upstream: RequestEncoder | null = null;
  private upstreamConnection: UpstreamConnection | null = null;
  private waitingInPool = false;
  wants100Continue = false;

  // How far it has come.
  requestHeadDone = false;
  requestEnded = false;
  responseStarted = false;
  private over = false;
  /** Body bytes that came before there was an upstream to send them to. */
  private held: { buffer: ReadBuffer; last: boolean }[] | null = null;
  private requestPaused = false;
  private responsePaused = false;

  // What there is to tell of it.
  startedAt = 0;
  requestEndedAt = 0;
  upstreamStartedAt = 0;
  lastActivity = 0;
  /** Body bytes. */
  bytesReceived = 0;
  bytesSent = 0;
  /** Final status, 0 if none was sent. */
  status = 0;
  flag: ResponseFlag = "";
  details = "";
  transportFailure = "";
  isGrpc = false;
  /** Set by the router where the path or the host was rewritten. */
  originalPath = "";

  private readonly idleTimer = new Timer(this, IDLE_TIMER);
  private readonly routeTimer = new Timer(this, ROUTE_TIMER);
  private readonly requestTimer = new Timer(this, REQUEST_TIMER);
  private readonly headersTimer = new Timer(this, HEADERS_TIMER);
  private readonly durationTimer = new Timer(this, DURATION_TIMER);
  private idleTimeoutMs = 0;

  constructor(context: HttpContext) {
    this.context = context;
  }

  /** The first byte of a request has arrived. */
  start(connection: DownstreamConnection, runtime: HttpRuntime, encoder: ResponseEncoder): void {
    const { timers, turn } = this.context.net;
    const { plan } = runtime;
    this.connection = connection;
    this.runtime = runtime;
    this.encoder = encoder;
    this.startedAt = turn.now;
    this.lastActivity = turn.now;
    runtime.stats.rqTotal.value++;
    runtime.stats.rqHttp1Total.value++;
    runtime.stats.rqActive.value++;
    this.setIdleTimeout(plan.streamIdleTimeoutMs);
    if (plan.maxStreamDurationMs > 0) timers.arm(this.durationTimer, turn.now, plan.maxStreamDurationMs);
    if (plan.requestTimeoutMs > 0) timers.arm(this.requestTimer, turn.now, plan.requestTimeoutMs);
  }

  /** Part of the head is still to come when the read is over. */
  awaitHead(): void {
    const { timers, turn } = this.context.net;
    const timeout = this.runtime?.plan.requestHeadersTimeoutMs ?? 0;
    if (timeout > 0 && !this.headersTimer.armed) timers.arm(this.headersTimer, turn.now, timeout);
  }

  /** 0 turns it off. */
  setIdleTimeout(ms: number): void {
    const { timers, turn } = this.context.net;
    this.idleTimeoutMs = ms;
    if (ms > 0) timers.arm(this.idleTimer, turn.now, ms);
    else timers.disarm(this.idleTimer);
  }

  // RequestReceiver

  onRequestHead(endStream: boolean): void {
    const { net } = this.context;
    this.requestHeadDone = true;
    net.timers.disarm(this.headersTimer);
    if (endStream) this.endRequest();
    handleRequest(this);
  }

  onRequestData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    if (this.over) return;
    this.lastActivity = this.context.net.turn.now;
    this.bytesReceived += end - start;
    if (endStream) this.endRequest();
    if (this.upstream !== null) this.upstream.encodeData(buffer, start, end, endStream);
    else this.hold(buffer, start, end, endStream);
  }

  onRequestTrailers(trailers: HeaderBlock): void {
    if (this.over) return;
    this.endRequest();
    if (this.upstream !== null) this.upstream.encodeTrailers(trailers);
    else this.hold(EMPTY, 0, 0, true);
  }

  onRequestError(error: ProtocolError): void {
    if (this.over) return;
    if (this.runtime !== null) this.runtime.stats.cxProtocolError.value++;
    this.cancelUpstream();
    sendLocalReply(this, protocolErrorReply(error));
  }

  /** The downstream connection is gone. */
  onDownstreamGone(details: string): void {
    if (this.over) return;
    this.flag = "DC";
    this.details = details;
    this.status = this.responseStarted ? this.status : 0;
    if (this.runtime !== null) this.runtime.stats.rqRxReset.value++;
    this.finish();
  }

  private endRequest(): void {
    const { timers, turn } = this.context.net;
    this.requestEnded = true;
    this.requestEndedAt = turn.now;
    timers.disarm(this.requestTimer);
    this.armRouteTimer();
  }

  /** Route `timeout`: from the end of the request, over all that happens upstream. */
  armRouteTimer(): void {
    const { timers, turn } = this.context.net;
    const { action } = this;
    if (action !== null && this.requestEnded && action.timeoutMs > 0 && !this.over) {
      timers.arm(this.routeTimer, turn.now, action.timeoutMs);
    }
  }

  /** Keeps body bytes until there is an upstream, and holds the client back. */
  private hold(buffer: ReadBuffer, start: number, end: number, last: boolean): void {
    const copy = new ReadBuffer(end - start);
    buffer.bytes.copy(copy.bytes, 0, start, end);
    (this.held ??= []).push({ buffer: copy, last });
    this.heldLengths.push(end - start);
    if (!last) this.pauseRequest();
  }

  private readonly heldLengths: number[] = [];

  // Upstream

  /** Asks the host's pool for a connection. */
  connectUpstream(host: Host): void {
    this.host = host;
    this.waitingInPool = true;
    if (!host.pool.newStream(this)) this.waitingInPool = false;
  }

  onPoolReady(encoder: RequestEncoder, connection: UpstreamConnection): void {
    this.waitingInPool = false;
    this.upstream = encoder;
    this.upstreamConnection = connection;
    this.upstreamStartedAt = this.context.net.turn.now;
    connection.watermarks = this;
    const { held } = this;
    // The head alone ends the request, unless body bytes came while the pool was connecting.
    forwardRequestHead(this, encoder, this.requestEnded && held === null);
    if (held !== null) {
      this.held = null;
      for (let i = 0; i < held.length; i++) encoder.encodeData(held[i].buffer, 0, this.heldLengths[i], held[i].last);
      this.heldLengths.length = 0;
    }
    this.resumeRequest();
    if (this.connection?.aboveWatermark === true) this.pauseResponse();
  }

  onPoolFailure(reason: StreamResetReason, transportFailure: string): void {
    this.waitingInPool = false;
    if (this.over) return;
    this.transportFailure = transportFailure;
    failUpstream(this, reason);
  }

  on100Continue(): void {
    if (!this.over && !this.responseStarted) this.encoder?.encode100Continue();
  }

  onResponseHead(endStream: boolean): void {
    if (this.over) return;
    this.lastActivity = this.context.net.turn.now;
    if (endStream) this.detachUpstream();
    forwardResponseHead(this, endStream);
    if (endStream) this.finish();
  }

  onResponseData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    if (this.over) return;
    this.lastActivity = this.context.net.turn.now;
    this.bytesSent += end - start;
    if (endStream) this.detachUpstream();
    this.encoder?.encodeData(buffer, start, end, endStream);
    if (endStream) this.finish();
  }

  onResponseTrailers(trailers: HeaderBlock): void {
    if (this.over) return;
    this.detachUpstream();
    this.encoder?.encodeTrailers(trailers);
    this.finish();
  }

  onResponseReset(reason: StreamResetReason): void {
    if (this.over) return;
    this.detachUpstream();
    failUpstream(this, reason);
  }

  /** Upstream is done with this exchange: nothing more is to be said to it. */
  private detachUpstream(): void {
    if (this.upstreamConnection !== null) this.upstreamConnection.watermarks = null;
    this.upstream = null;
    this.upstreamConnection = null;
    this.responsePaused = false;
  }

  /** Takes back whatever upstream is doing for this exchange. */
  cancelUpstream(): void {
    if (this.waitingInPool) {
      this.waitingInPool = false;
      this.host?.pool.cancel(this);
    }
    const { upstream, cluster } = this;
    if (upstream === null) return;
    this.detachUpstream();
    if (cluster !== null) cluster.stats.rqTxReset.value++;
    upstream.cancel();
  }

  // Back-pressure: what one side cannot take, the other side is not read for.

  onUpstreamAboveWatermark(): void {
    this.pauseRequest();
  }

  onUpstreamBelowWatermark(): void {
    this.resumeRequest();
  }

  onDownstreamAboveWatermark(): void {
    this.pauseResponse();
  }

  onDownstreamBelowWatermark(): void {
    if (!this.responsePaused) return;
    this.responsePaused = false;
    this.upstream?.resumeResponse();
  }

  private pauseRequest(): void {
    if (this.requestPaused) return;
    this.requestPaused = true;
    this.encoder?.pauseRequest();
  }

  private resumeRequest(): void {
    if (!this.requestPaused) return;
    this.requestPaused = false;
    this.encoder?.resumeRequest();
  }

  private pauseResponse(): void {
    if (this.responsePaused || this.upstream === null) return;
    this.responsePaused = true;
    this.upstream.pauseResponse();
  }

  // Timers

  onTimer(kind: number): void {
    const { stats } = this.runtime ?? {};
    if (this.over || stats === undefined) return;
    switch (kind) {
      case IDLE_TIMER:
        this.onIdleTimer();
        break;
      case ROUTE_TIMER:
        if (this.cluster !== null) this.cluster.stats.rqTimeout.value++;
        if (this.host !== null) this.host.requestTimeouts++;
        this.timeOut(LOCAL_REPLIES.requestTimeout);
        break;
      case REQUEST_TIMER:
        stats.rqTimeout.value++;
        this.timeOut(LOCAL_REPLIES.requestOverallTimeout);
        break;
      case HEADERS_TIMER:
        stats.rqHeaderTimeout.value++;
        this.timeOut(LOCAL_REPLIES.requestHeaderTimeout);
        break;
      default:
        stats.rqMaxDuration.value++;
        this.timeOut(this.requestEnded ? LOCAL_REPLIES.maxDurationComplete : LOCAL_REPLIES.maxDurationIncomplete);
    }
  }

  /** Activity only notes the time; the timer finds out when it falls due. */
  private onIdleTimer(): void {
    const { timers, turn } = this.context.net;
    const left = this.lastActivity + this.idleTimeoutMs - turn.now;
    if (left > 0) {
      timers.arm(this.idleTimer, turn.now, left);
      return;
    }
    if (this.runtime !== null) this.runtime.stats.rqIdleTimeout.value++;
    this.timeOut(this.requestEnded ? LOCAL_REPLIES.streamIdleComplete : LOCAL_REPLIES.streamIdleIncomplete);
  }

  private timeOut(reply: (typeof LOCAL_REPLIES)[keyof typeof LOCAL_REPLIES]): void {
    this.cancelUpstream();
    sendLocalReply(this, reply);
  }

  // The end

  /** The response can only be cut off. */
  abort(flag: ResponseFlag, details: string): void {
    this.flag = flag;
    this.details = details;
    if (this.runtime !== null) this.runtime.stats.rqTxReset.value++;
    this.encoder?.abort();
    this.finish();
  }

  /** Counts, tells the filters, and goes back to the pool. The response's last byte has been encoded, or never will be. */
  finish(): void {
    if (this.over) return;
    this.over = true;
    this.cancelUpstream();
    this.resumeRequest();
    const { net, exchanges } = this.context;
    const { runtime, cluster, host, status } = this;
    net.timers.disarm(this.idleTimer);
    net.timers.disarm(this.routeTimer);
    net.timers.disarm(this.requestTimer);
    net.timers.disarm(this.headersTimer);
    net.timers.disarm(this.durationTimer);
    if (runtime !== null) {
      runtime.stats.rqActive.value--;
      runtime.stats.rqTime.record(net.turn.now - this.startedAt);
      if (status !== 0) runtime.stats.countStatus(status);
      if (!this.requestEnded && this.responseStarted) runtime.stats.rqResponseBeforeComplete.value++;
      if (cluster !== null && status !== 0) {
        cluster.stats.countStatus(status);
        if (this.upstreamStartedAt !== 0) cluster.stats.rqTime.record(net.turn.now - this.upstreamStartedAt);
        if (host !== null) {
          if (status < 500) host.requestsSucceeded++;
          else host.requestsFailed++;
        }
      }
      const { filters } = runtime;
      for (let i = 0; i < filters.length; i++) filters[i].onComplete(this);
    }
    this.connection?.onExchangeFinished(this);
    this.reset();
    exchanges.release(this);
  }

  /** Nothing of this request may be seen by the next one. */
  private reset(): void {
    this.request.reset();
    this.response.reset();
    this.connection = null;
    this.runtime = null;
    this.encoder = null;
    this.route = null;
    this.action = null;
    this.target = null;
    this.cluster = null;
    this.host = null;
    this.upstream = null;
    this.upstreamConnection = null;
    this.waitingInPool = false;
    this.wants100Continue = false;
    this.requestHeadDone = false;
    this.requestEnded = false;
    this.responseStarted = false;
    this.over = false;
    this.held = null;
    this.heldLengths.length = 0;
    this.requestPaused = false;
    this.responsePaused = false;
    this.startedAt = 0;
    this.requestEndedAt = 0;
    this.upstreamStartedAt = 0;
    this.lastActivity = 0;
    this.bytesReceived = 0;
    this.bytesSent = 0;
    this.status = 0;
    this.flag = "";
    this.details = DETAILS.viaUpstream;
    this.transportFailure = "";
    this.isGrpc = false;
    this.originalPath = "";
    this.idleTimeoutMs = 0;
  }
}

const EMPTY = new ReadBuffer(0);
