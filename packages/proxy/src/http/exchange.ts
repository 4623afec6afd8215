import { BytesMeter } from "../codec/bytes-meter.ts";
import type { HeaderBlock } from "../codec/header-block.ts";
import { X_REQUEST_ID } from "../codec/header-names.ts";
import { X_ENVOY_INTERNAL } from "../codec/header-names.ts";
import {
  type ProtocolError,
  RequestHead,
  type RequestReceiver,
  type ResponseEncoder,
  ResponseHead,
  type StreamReset,
} from "../codec/messages.ts";
import type { ReadBuffer } from "../codec/read-buffer.ts";
import { withMetadata } from "../plan/dynamic-metadata.ts";
import type {
  AccessLogType,
  FilterStateObject,
  ListenerInfo,
  Metadata,
  StreamInfo,
} from "../plan/format/stream-info.ts";
import type { FilterConfigs } from "../plan/listener-plan.ts";
import type { RouteAction, RoutePlan, RouteTable, WeightedClusterPlan } from "../plan/route-plan.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Host } from "../upstream/host.ts";
import type { RouteCounters } from "../upstream/route-stats.ts";
import type { DownstreamConnection } from "./downstream-connection.ts";
import { ExchangeTimers, type Timeout } from "./exchange-timers.ts";
import { FilterRun } from "./filters/filter-run.ts";
import type { RedirectHistory } from "./internal-redirect.ts";
import { LOCAL_REPLIES, type LocalReply, protocolErrorReply } from "./local-replies.ts";
import { sendLocalReply } from "./local-reply-sender.ts";
import type { BodyPiece } from "./request-body.ts";
import { handleRequest } from "./request-handler.ts";
import { RequestTrace } from "./request-trace.ts";
import { type ResponseFlag, type ResponseFlags, longFlags, shortFlags, withFlag } from "./response-flags.ts";
import { removeResponseHopByHop, requestIdToTell } from "./response-headers.ts";
import { NameLookup } from "./name-lookup.ts";
import { Router } from "./router.ts";
import type { HttpContext, HttpRuntime } from "./runtime.ts";
import { SERVICE_FORCED } from "./trace-decision.ts";
import type { UpstreamInfo } from "./upstream-info.ts";

/**
 * One request and its response, from the first byte to the last: the client's side of it. Codecs call it, it drives filters and its
 * router (the upstream's side), and nothing else holds state for a request. Pooled, of one fixed shape: `reset` must name every field.
 */
export class Exchange implements RequestReceiver, StreamInfo {
  readonly context: HttpContext;
  readonly request = new RequestHead();
  /** Of the attempt whose answer was taken, or of a local reply. */
  response = new ResponseHead();
  readonly router: Router;

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
  /** Null: nothing counts it but its cluster. */
  counters: RouteCounters | null = null;
  /** Of the latest attempt. */
  host: Host | null = null;

  // What filters make of it.
  /** What the route, or its weighted cluster, says to filters. */
  filterConfigs: FilterConfigs | null = null;
  readonly filters: FilterRun;

  readonly trace = new RequestTrace();
  readonly lookup = new NameLookup(this);

  // How far it has come.
  requestHeadDone = false;
  requestEnded = false;
  responseStarted = false;
  /** What follows the head is no HTTP: the request switches protocols (`upgrade`, CONNECT) and that is allowed. */
  switchesProtocol = false;
  private over = false;
  private requestPauses = 0;

  // What there is to tell of it.
  readonly downstreamBytes = new BytesMeter();
  /** Of all attempts. */
  readonly upstreamBytes = new BytesMeter();
  startedAt = 0;
  requestEndedAt = 0;
  responseStartedAt = 0;
  /** 0 where the response was cut off. */
  responseEndedAt = 0;
  /** Of the latest attempt, or of the one whose answer was taken. */
  upstreamInfo: UpstreamInfo | null = null;
  /** When the latest attempt had its connection. */
  upstreamStartedAt = 0;
  attemptCount = 0;
  /** Body bytes. */
  bytesReceived = 0;
  bytesSent = 0;
  /** Final status, 0 if none was sent. */
  status = 0;
  private interimStatus = 0;
  flags: ResponseFlags = 0;
  details = "";
  transportFailure = "";
  /** The response's, while its last piece is being sent. */
  responseTrailers: HeaderBlock | null = null;
  traceId = "";
  spanId = "";
  /** What filters have found out about it, for other filters, logs and header values. */
  dynamicMetadata: Metadata | null = null;
  filterStateObjects: Map<string, FilterStateObject> | null = null;
  /** What is being written, while it is. */
  accessLogType: AccessLogType = "NotSet";
  localReplyBody = "";
  isGrpc = false;
  /** A filter has found it to be a health check of this proxy. */
  isHealthCheck = false;
  /** Null: none has been followed. */
  redirects: RedirectHistory | null = null;

  readonly timers: ExchangeTimers;

  constructor(context: HttpContext) {
    this.context = context;
    const { timers, turn } = context.net;
    this.timers = new ExchangeTimers(timers, turn, (timeout) => this.onTimeout(timeout));
    this.router = new Router(this);
    this.filters = new FilterRun(this);
  }

  get isOver(): boolean {
    return this.over;
  }

  /** All of the request has passed the filters. */
  get requestPassed(): boolean {
    return this.requestEnded && !this.filters.owesRequest;
  }

  // StreamInfo

  /** It comes from inside, by `x-envoy-internal`. */
  get isInternal(): boolean {
    const { headers } = this.request;
    return headers.slots[X_ENVOY_INTERNAL] >= 0 && headers.get(X_ENVOY_INTERNAL) === "true";
  }

  get virtualCluster(): string {
    return this.counters === null ? "" : this.counters.virtualCluster;
  }

  get carriesHttp(): boolean {
    return true;
  }

  get terminationDetails(): string {
    return "";
  }

  get localCluster(): string {
    return this.context.localCluster;
  }

  get now(): number {
    return this.context.net.turn.now;
  }

  get listener(): ListenerInfo | null {
    return this.runtime === null ? null : this.runtime.plan.listener;
  }

  get isTraceForced(): boolean {
    return this.trace.reason === SERVICE_FORCED;
  }

  get responseFlags(): string {
    return shortFlags(this.flags);
  }

  get responseFlagsLong(): string {
    return longFlags(this.flags);
  }

  wallMs(at: number): number {
    return this.context.wall.at(at);
  }

  uniqueId(): string {
    return this.context.sources.requestId();
  }

  streamId(): string {
    return this.request.headers.get(X_REQUEST_ID);
  }

  random(): number {
    return this.context.random();
  }

  reportBug(error: unknown): void {
    this.context.net.reportBug(error);
  }

  /** The first byte of a request has arrived. */
  start(connection: DownstreamConnection, runtime: HttpRuntime, encoder: ResponseEncoder): void {
    this.connection = connection;
    this.runtime = runtime;
    this.encoder = encoder;
    this.startedAt = this.context.net.turn.now;
    runtime.stats.rqTotal.value++;
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
    handleRequest(this, false);
  }

  onRequestData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    if (this.over) return;
    this.timers.lastActivity = this.context.net.turn.now;
    this.bytesReceived += end - start;
    if (endStream) this.endRequest();
    this.filters.onRequestData(buffer, start, end, endStream);
  }

  onRequestTrailers(trailers: HeaderBlock): void {
    if (this.over) return;
    this.endRequest();
    this.filters.onRequestTrailers(trailers);
  }

  onRequestError(error: ProtocolError): void {
    if (this.over) return;
    if (this.runtime !== null) this.runtime.stats.cxProtocolError.value++;
    this.router.cancel();
    sendLocalReply(this, protocolErrorReply(error), "", true);
  }

  onRequestReset({ details, cause }: StreamReset): void {
    if (this.over) return;
    this.addFlag(RESET_FLAGS[cause]);
    this.details = details;
    // Of interim responses the last one.
    this.status = this.responseStarted ? this.status : this.interimStatus;
    this.end();
  }

  private endRequest(): void {
    this.requestEnded = true;
    this.requestEndedAt = this.context.net.turn.now;
    if (this.filters.passed) this.timers.endRequest();
  }

  // Filters

  addFlag(flag: ResponseFlag): void {
    if (flag !== "") this.flags = withFlag(this.flags, flag);
  }

  /** A filter's answer. The exchange is over then. */
  reply(reply: LocalReply): void {
    sendLocalReply(this, reply);
  }

  /** @param found by namespace; shared, it must never change */
  addDynamicMetadata(found: Metadata): void {
    this.dynamicMetadata = withMetadata(this.dynamicMetadata, found);
  }

  // The response, from the router

  onInterimHead(status: number, headers: HeaderBlock): void {
    if (this.over || this.responseStarted) return;
    removeResponseHopByHop(headers, false);
    const requestId = this.runtime === null ? "" : requestIdToTell(this.request.headers, this.runtime.plan);
    if (requestId !== "") headers.set(X_REQUEST_ID, requestId);
    this.sendInterim(status, headers);
  }

  sendInterim(status: number, headers: HeaderBlock): void {
    this.runtime?.stats.countStatus(status);
    this.interimStatus = status;
    this.encoder?.encodeInterim(status, headers);
  }

  /** The head is final. */
  encodeResponseHead(endStream: boolean): void {
    const { response, runtime } = this;
    this.responseStarted = true;
    this.responseStartedAt = this.now;
    // A filter may have changed it.
    this.status = response.status;
    if (!this.isHealthCheck) runtime?.stats.countStatus(response.status);
    if (response.status !== 101) this.connection?.onResponse();
    this.encoder?.encodeHead(response, endStream);
  }

  onResponseData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    this.timers.lastActivity = this.context.net.turn.now;
    this.filters.onResponseData(buffer, start, end, endStream);
  }

  onResponseTrailers(trailers: HeaderBlock): void {
    this.filters.onResponseTrailers(trailers);
  }

  // The response, from the filters

  encodeResponseData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    this.bytesSent += end - start;
    this.encoder?.encodeData(buffer, start, end, endStream);
    if (endStream) this.finish();
  }

  encodeResponseTrailers(trailers: HeaderBlock): void {
    this.responseTrailers = trailers;
    this.encoder?.encodeTrailers(trailers);
    this.finish();
  }

  // Back-pressure: what one side cannot take, the other side is not read for.

  /** Counted: the client is read again when every pause has been taken back. */
  pauseRequest(): void {
    if (this.runtime !== null) this.runtime.stats.flowControlPaused.value++;
    if (this.requestPauses++ === 0) this.encoder?.pauseRequest();
  }

  resumeRequest(): void {
    if (this.requestPauses === 0) return;
    if (this.runtime !== null) this.runtime.stats.flowControlResumed.value++;
    if (--this.requestPauses === 0) this.encoder?.resumeRequest();
  }

  onDownstreamAboveWatermark(): void {
    this.router.pauseResponse();
  }

  onDownstreamBelowWatermark(): void {
    if (!this.filters.pausesResponse) this.router.resumeResponse();
  }

  // Deadlines

  private onTimeout(timeout: Timeout): void {
    const { runtime, requestEnded } = this;
    if (this.over || runtime === null) return;
    const { stats } = runtime;
    switch (timeout) {
      case "stream-idle":
        stats.rqIdleTimeout.value++;
        this.timeOut(requestEnded ? LOCAL_REPLIES.streamIdleComplete : LOCAL_REPLIES.streamIdleIncomplete);
        break;
      case "route":
        this.router.outcomes.onRouteTimeout();
        break;
      case "retry":
        this.router.onRetryTimer();
        break;
      case "access-log":
        runtime.accessLogs?.write(this, "DownstreamPeriodic");
        this.timers.startAccessLog(runtime.plan.accessLogIntervalMs);
        break;
      case "request":
        stats.rqTimeout.value++;
        this.timeOut(
          requestEnded ? LOCAL_REPLIES.requestOverallTimeoutComplete : LOCAL_REPLIES.requestOverallTimeoutIncomplete,
        );
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
    this.router.cancel();
    sendLocalReply(this, reply);
  }

  // The end

  /** The response can only be cut off. */
  abort(flag: ResponseFlag, details: string): void {
    this.addFlag(flag);
    this.details = details;
    if (this.runtime !== null) this.runtime.stats.rqTxReset.value++;
    this.encoder?.abort();
    this.end();
  }

  /** The response's last byte has been encoded. */
  finish(): void {
    if (this.over) return;
    this.responseEndedAt = this.now;
    this.end();
  }

  /** The request, changed meanwhile, is told of and counted as if it were over, and goes on as another one: Envoy `ActiveStream::recreateStream`. */
  startOver(body: readonly BodyPiece[]): void {
    const { connection, runtime } = this;
    if (connection === null || runtime === null) return;
    if (this.trace.hasSpan) runtime.tracing?.finish(this);
    this.timers.stop();
    runtime.stats.rqTime.record(this.now - this.startedAt);
    this.filters.complete(runtime.filters);
    runtime.accessLogs?.write(this, "DownstreamEnd");
    this.forgetPass();
    connection.countRequest();
    runtime.stats.rqTotal.value++;
    this.timers.start(runtime.plan);
    this.requestEnded = body.length === 0;
    const { pass } = this.filters;
    handleRequest(this, true);
    for (let i = 0; i < body.length && this.filters.pass === pass; i++) {
      const { buffer, length } = body[i];
      this.onRequestData(buffer, 0, length, i === body.length - 1);
    }
  }

  /** Counts, tells the filters, and goes back to the pool. */
  private end(): void {
    if (this.over) return;
    this.over = true;
    if (this.trace.hasSpan) this.runtime?.tracing?.finish(this);
    this.router.cancel();
    if (this.lookup.waiting) this.lookup.cancel();
    if (this.requestPauses > 0) this.encoder?.resumeRequest();
    const { net, exchanges } = this.context;
    const { runtime } = this;
    this.timers.stop();
    if (runtime !== null) {
      runtime.stats.rqActive.value--;
      runtime.stats.rqTime.record(net.turn.now - this.startedAt);
      // What has been redirected was there, even if not all of it has been shown to filters again.
      const whole = this.requestEnded || this.redirects !== null;
      // A stream of which a part is missing is reset, whoever ends it (Envoy `ConnectionManagerImpl::doEndStream`).
      if (!whole || this.responseEndedAt === 0) runtime.stats.rqRxReset.value++;
      if (!whole && this.responseStarted) runtime.stats.rqResponseBeforeComplete.value++;
      if (this.switchesProtocol) runtime.stats.cxUpgradesActive.value--;
      this.filters.complete(runtime.filters);
      runtime.accessLogs?.write(this, "DownstreamEnd");
    }
    const { connection } = this;
    connection?.onExchangeFinished(this);
    this.reset();
    exchanges.release(this);
    connection?.readOn();
  }

  /** Nothing of this request may be seen by the next one. */
  private reset(): void {
    this.forgetPass();
    this.request.reset();
    this.connection = null;
    this.runtime = null;
    this.encoder = null;
    this.requestHeadDone = false;
    this.requestEnded = false;
    this.over = false;
    this.requestPauses = 0;
    this.downstreamBytes.reset();
    this.startedAt = 0;
    this.requestEndedAt = 0;
    this.bytesReceived = 0;
    this.isGrpc = false;
    this.redirects = null;
  }

  /** Nothing of one pass through the filters may be seen by the next one, of the same request or another. */
  private forgetPass(): void {
    this.response.reset();
    this.router.reset();
    this.routes = null;
    this.route = null;
    this.action = null;
    this.target = null;
    this.cluster = null;
    this.counters = null;
    this.host = null;
    this.filterConfigs = null;
    this.filters.reset();
    this.trace.reset();
    this.responseStarted = false;
    this.switchesProtocol = false;
    this.upstreamBytes.reset();
    this.responseStartedAt = 0;
    this.responseEndedAt = 0;
    this.upstreamInfo = null;
    this.upstreamStartedAt = 0;
    this.attemptCount = 0;
    this.bytesSent = 0;
    this.status = 0;
    this.interimStatus = 0;
    this.flags = 0;
    this.details = "";
    this.transportFailure = "";
    this.responseTrailers = null;
    this.dynamicMetadata = null;
    this.filterStateObjects = null;
    this.traceId = "";
    this.spanId = "";
    this.isHealthCheck = false;
  }
}

/** By who ended a request. */
const RESET_FLAGS: Readonly<Record<StreamReset["cause"], ResponseFlag>> = {
  client: "DR",
  protocol: "DPE",
  connection: "DC",
  us: "",
};
