import { BytesMeter } from "../codec/bytes-meter.ts";
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
import type {
  FilterConfigs,
  RouteAction,
  RoutePlan,
  RouteTable,
  RoutingPriority,
  WeightedClusterPlan,
} from "../plan/plan.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Host } from "../upstream/host.ts";
import type { Hash64, LoadBalancerContext } from "../upstream/load-balancer-context.ts";
import type { PoolClient } from "../upstream/pool.ts";
import type { UpstreamConnection, UpstreamWatermarks } from "../upstream/upstream-connection.ts";
import type { DownstreamConnection } from "./downstream-connection.ts";
import { ExchangeTimers, type Timeout } from "./exchange-timers.ts";
import { HeldBody } from "./held-body.ts";
import type { HttpFilter } from "./filters/filter.ts";
import { DETAILS, LOCAL_REPLIES, type LocalReply, type ResponseFlag, protocolErrorReply } from "./local-replies.ts";
import { sendLocalReply } from "./local-reply-sender.ts";
import { handleRequest, runFilters } from "./request-handler.ts";
import { failUpstream, forwardRequestHead, forwardResponseHead } from "./router.ts";
import type { HttpContext, HttpRuntime } from "./runtime.ts";

/**
 * One request and its response, from the first byte to the last. Codecs call it, it drives routing and upstream, and nothing
 * else holds state for a request. Pooled, of one fixed shape: `reset` must name every field.
 */
export class Exchange implements RequestReceiver, PoolClient, UpstreamWatermarks, LoadBalancerContext {
  readonly context: HttpContext;
  readonly request = new RequestHead();
  readonly response = new ResponseHead();

  // Where it came from.
  connection: DownstreamConnection | null = null;
  runtime: HttpRuntime | null = null;
  encoder: ResponseEncoder | null = null;

  // Where it goes.
  /** The table that the route came from: a request that is routed again is routed by the same one. */
  routes: RouteTable | null = null;
  route: RoutePlan | null = null;
  action: RouteAction | null = null;
  target: WeightedClusterPlan | null = null;
  cluster: Cluster | null = null;
  host: Host | null = null;
  upstream: RequestEncoder | null = null;
  private upstreamConnection: UpstreamConnection | null = null;
  private waitingInPool = false;
  wants100Continue = false;
  /** How often another host is drawn in place of one that a retry avoids. */
  hostSelectionRetries = 0;

  // What filters make of it.
  /** What the route, or its weighted cluster, says to filters. */
  filterConfigs: FilterConfigs | null = null;
  /** How many of the filters that look at requests have seen this one. */
  filtersPassed = 0;
  /** What filters keep of this exchange, each under itself; made when first needed. */
  filterState: Map<HttpFilter, unknown> | null = null;

  // How far it has come.
  requestHeadDone = false;
  requestEnded = false;
  responseStarted = false;
  private over = false;
  /** Body bytes that came before there was an upstream to send them to. */
  private readonly held = new HeldBody();
  private requestPaused = false;
  private responsePaused = false;

  // What there is to tell of it.
  readonly downstreamBytes = new BytesMeter();
  readonly upstreamBytes = new BytesMeter();
  startedAt = 0;
  requestEndedAt = 0;
  upstreamStartedAt = 0;
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

  readonly timers: ExchangeTimers;

  constructor(context: HttpContext) {
    this.context = context;
    const { timers, turn } = context.net;
    this.timers = new ExchangeTimers(timers, turn, (timeout) => this.onTimeout(timeout));
  }

  /** The first byte of a request has arrived. */
  start(connection: DownstreamConnection, runtime: HttpRuntime, encoder: ResponseEncoder): void {
    this.connection = connection;
    this.runtime = runtime;
    this.encoder = encoder;
    this.startedAt = this.context.net.turn.now;
    runtime.stats.rqTotal.value++;
    runtime.stats.rqHttp1Total.value++;
    runtime.stats.rqActive.value++;
    this.timers.start(runtime.plan);
  }

  /** Part of the head is still to come when the read is over. */
  awaitHead(): void {
    if (this.runtime !== null) this.timers.awaitHead(this.runtime.plan.requestHeadersTimeoutMs);
  }

  // RequestReceiver

  onRequestHead(endStream: boolean): void {
    this.requestHeadDone = true;
    this.timers.endHead();
    if (endStream) this.endRequest();
    handleRequest(this);
  }

  onRequestData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    if (this.over) return;
    this.timers.lastActivity = this.context.net.turn.now;
    this.bytesReceived += end - start;
    if (endStream) this.endRequest();
    this.runtime?.filters.onRequestData(this, buffer, start, end, endStream);
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
    this.requestEnded = true;
    this.requestEndedAt = this.context.net.turn.now;
    this.timers.endRequest();
    this.startRouteTimeout();
  }

  /** Route `timeout`: from the end of the request, over all that happens upstream. */
  startRouteTimeout(): void {
    const { action } = this;
    if (action !== null && this.requestEnded && !this.over) this.timers.startRoute(action.timeoutMs);
  }

  // Filters

  /** A filter's answer. The exchange is over then. */
  reply(reply: LocalReply): void {
    sendLocalReply(this, reply);
  }

  /** What a filter has held back goes on to the next one. */
  continueRequest(): void {
    if (!this.over) runFilters(this);
  }

  setFilterState(filter: HttpFilter, state: unknown): void {
    (this.filterState ??= new Map()).set(filter, state);
  }

  /** Keeps body bytes until there is an upstream, and holds the client back. */
  private hold(buffer: ReadBuffer, start: number, end: number, last: boolean): void {
    this.held.add(buffer, start, end, last);
    if (!last) this.pauseRequest();
  }

  // LoadBalancerContext

  get random(): () => number {
    return this.context.random;
  }

  hashRequest(_hash: Hash64): boolean {
    return false;
  }

  requestHeader(name: string): string | undefined {
    return this.request.header(name);
  }

  avoidsHost(_host: Host): boolean {
    return false;
  }

  // Upstream

  private get priority(): RoutingPriority {
    return this.action?.priority ?? 0;
  }

  /** Asks the host's pool for a connection. */
  connectUpstream(host: Host): void {
    this.host = host;
    if (host.pool(this.priority).newStream(this)) this.waitingInPool = true;
  }

  onPoolReady(encoder: RequestEncoder, connection: UpstreamConnection): void {
    this.waitingInPool = false;
    this.upstream = encoder;
    this.upstreamConnection = connection;
    this.upstreamStartedAt = this.context.net.turn.now;
    connection.watermarks = this;
    const { held } = this;
    // The head alone ends the request, unless body bytes came while the pool was connecting.
    forwardRequestHead(this, encoder, this.requestEnded && held.isEmpty);
    if (!held.isEmpty) held.sendTo(encoder);
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
    this.timers.lastActivity = this.context.net.turn.now;
    if (endStream) this.detachUpstream();
    forwardResponseHead(this, endStream);
    if (endStream) this.finish();
  }

  onResponseData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    if (this.over) return;
    this.timers.lastActivity = this.context.net.turn.now;
    this.bytesSent += end - start;
    if (endStream) this.detachUpstream();
    this.runtime?.filters.onResponseData(this, buffer, start, end, endStream);
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
      this.host?.pool(this.priority).cancel(this);
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

  private onTimeout(timeout: Timeout): void {
    const { runtime, cluster, host, requestEnded } = this;
    if (this.over || runtime === null) return;
    const { stats } = runtime;
    switch (timeout) {
      case "stream-idle":
        stats.rqIdleTimeout.value++;
        this.timeOut(requestEnded ? LOCAL_REPLIES.streamIdleComplete : LOCAL_REPLIES.streamIdleIncomplete);
        break;
      case "route":
        if (cluster !== null) cluster.stats.rqTimeout.value++;
        if (host !== null) host.requestTimeouts++;
        this.timeOut(LOCAL_REPLIES.requestTimeout);
        break;
      case "request":
        stats.rqTimeout.value++;
        this.timeOut(LOCAL_REPLIES.requestOverallTimeout);
        break;
      case "request-headers":
        stats.rqHeaderTimeout.value++;
        this.timeOut(LOCAL_REPLIES.requestHeaderTimeout);
        break;
      case "max-duration":
        stats.rqMaxDuration.value++;
        this.timeOut(requestEnded ? LOCAL_REPLIES.maxDurationComplete : LOCAL_REPLIES.maxDurationIncomplete);
        break;
    }
  }

  private timeOut(reply: LocalReply): void {
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
    this.timers.stop();
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
      runtime.filters.onComplete(this);
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
    this.routes = null;
    this.route = null;
    this.action = null;
    this.target = null;
    this.cluster = null;
    this.host = null;
    this.upstream = null;
    this.upstreamConnection = null;
    this.waitingInPool = false;
    this.wants100Continue = false;
    this.hostSelectionRetries = 0;
    this.filterConfigs = null;
    this.filtersPassed = 0;
    this.filterState = null;
    this.requestHeadDone = false;
    this.requestEnded = false;
    this.responseStarted = false;
    this.over = false;
    this.held.clear();
    this.requestPaused = false;
    this.responsePaused = false;
    this.downstreamBytes.reset();
    this.upstreamBytes.reset();
    this.startedAt = 0;
    this.requestEndedAt = 0;
    this.upstreamStartedAt = 0;
    this.bytesReceived = 0;
    this.bytesSent = 0;
    this.status = 0;
    this.flag = "";
    this.details = DETAILS.viaUpstream;
    this.transportFailure = "";
    this.isGrpc = false;
    this.originalPath = "";
  }
}

const EMPTY = new ReadBuffer(0);
