import { originOf } from "../net/accepted-connection.ts";
import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import type { Span } from "@tulle/telemetry/tracing";
import { CONTENT_LENGTH, CONTENT_TYPE } from "../codec/header-names.ts";
import type { BytesMeter } from "../codec/bytes-meter.ts";
import type { HeaderBlock } from "../codec/header-block.ts";
import { type RequestEncoder, ResponseHead, type StreamResetReason } from "../codec/messages.ts";
import type { ReadBuffer } from "../codec/read-buffer.ts";
import type { ClusterPlan, RoutingPriority } from "../plan/cluster-plan.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Host } from "../upstream/host.ts";
import type { Pool, PoolClient } from "../upstream/pool.ts";
import type { PoolSource } from "../upstream/preconnect.ts";
import type { ConnectionProtocol, UpstreamConnection, UpstreamWatermarks } from "../upstream/upstream-connection.ts";
import { count, countResponse, recordTime } from "../upstream/route-stats.ts";
import { namedPool } from "./auto-sni.ts";
import type { Exchange } from "./exchange.ts";
import { DETAILS, resetFlag } from "./local-replies.ts";
import type { ResponseFlag } from "./response-flags.ts";
import { introduce } from "./peer-metadata.ts";
import { tagGrpcStatus } from "./span-tags.ts";
import { UpstreamInfo } from "./upstream-info.ts";

const PER_TRY = 0;
const PER_TRY_IDLE = 1;
const MAX_DURATION = 2;

/**
 * One attempt of an exchange at one host: its connection, its response until that is chosen, its deadlines. Envoy's
 * `UpstreamRequest`. Belongs to its exchange, and is used again for the next attempt once this one is over.
 */
export class UpstreamRequest implements PoolClient, PoolSource, UpstreamWatermarks, TimerOwner {
  readonly exchange: Exchange;
  response = new ResponseHead();
  readonly info = new UpstreamInfo();
  host: Host | null = null;
  cluster: Cluster | null = null;
  encoder: RequestEncoder | null = null;
  /** Nothing of a response has come. */
  awaitingHeaders = false;
  /** Another attempt has been begun because this one was slow (hedging). */
  retried = false;
  /** The host has been told that this took too long. */
  private timeoutReported = false;
  /** The request asks for another protocol: its bytes wait until the upstream has agreed. */
  private awaitsSwitch = false;
  /** When the connection was there. */
  startedAt = 0;
  /** Of this attempt, where attempts have spans; null: nobody reports it. */
  span: Span | null = null;
  /** Of the response, 0 before it. */
  private status = 0;
  private connection: UpstreamConnection | null = null;
  private pool: Pool | null = null;
  private waitingInPool = false;
  private responsePaused = false;
  private readonly perTry = new Timer(this, PER_TRY);
  private readonly perTryIdle = new Timer(this, PER_TRY_IDLE);
  private readonly maxDuration = new Timer(this, MAX_DURATION);
  private perTryIdleMs = 0;
  private lastActivity = 0;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
  }

  get upstreamBytes(): BytesMeter {
    return this.exchange.upstreamBytes;
  }

  get keepsHalfOpen(): boolean {
    return false;
  }

  get passesInterim(): boolean {
    return this.exchange.runtime?.plan.proxy100Continue === true;
  }

  private get priority(): RoutingPriority {
    return this.exchange.action?.priority ?? 0;
  }

  /** The request ends here: what follows its head goes to the host as it is (`connect_config`). */
  private tunnels(): boolean {
    const { action, request } = this.exchange;
    if (action === null || action.tunnels === "none") return false;
    return request.method === "CONNECT" || (action.tunnels === "connect-and-post" && request.method === "POST");
  }

  poolOf({ plan: { autoSni, protocol, poolPerConnection } }: Cluster, host: Host): Pool {
    const { priority } = this;
    const { connection, request } = this.exchange;
    const origin = host.proxyHeader === null || connection === null ? null : originOf(connection);
    if (this.tunnels()) {
      return origin === null ? host.tunnelPool(priority) : host.namedPool(priority, "", "", origin, "tunnel");
    }
    const owner = poolPerConnection && connection !== null ? connection.id : 0;
    const speaks = this.spoken(protocol, host);
    if (autoSni === null || host.transport === null) {
      if (origin === null && speaks === host.protocol && owner === 0) return host.pool(priority);
      return host.namedPool(priority, "", "", origin, speaks, owner);
    }
    return namedPool(host, priority, autoSni, request, origin, speaks, owner);
  }

  private spoken(protocol: ClusterPlan["protocol"], host: Host): ConnectionProtocol {
    const { request } = this.exchange;
    if (protocol === "downstream") return request.protocol === "HTTP/2" ? "http2" : "http1";
    // What an HTTP/1.1 connection becomes afterwards is not carried.
    return protocol === "peer" && request.switchesProtocol ? "http1" : host.protocol;
  }

  /** Asks the host's pool for a connection; may fail before it returns. */
  start(cluster: Cluster, host: Host): void {
    this.cluster = cluster;
    this.host = host;
    this.awaitingHeaders = true;
    this.info.start(this.exchange.context.net.turn.now);
    this.exchange.upstreamInfo = this.info;
    this.span = this.exchange.runtime?.tracing?.startUpstreamSpan(this.exchange, cluster) ?? null;
    cluster.preconnect(this.exchange.router.selection, this);
    this.pool = this.poolOf(cluster, host);
    if (this.pool.newStream(this)) this.waitingInPool = true;
  }

  onPoolReady(encoder: RequestEncoder, connection: UpstreamConnection): void {
    const { exchange } = this;
    this.waitingInPool = false;
    this.encoder = encoder;
    this.connection = connection;
    this.startedAt = this.lastActivity = exchange.context.net.turn.now;
    connection.watermarks = this;
    if (exchange.counters !== null) count(exchange.counters, "rqTotal");
    this.info.onConnection(connection, this.startedAt);
    this.awaitsSwitch = exchange.switchesProtocol;
    exchange.router.onAttemptReady(this, encoder);
    if (exchange.requestPassed) this.armPerTry();
    this.armPerTryIdle();
    const maxDurationMs = this.cluster === null ? 0 : this.cluster.plan.maxStreamDurationMs;
    if (maxDurationMs > 0) exchange.context.net.timers.arm(this.maxDuration, this.startedAt, maxDurationMs);
    if (exchange.encoder?.aboveWatermark === true) this.pauseResponse();
  }

  onPoolFailure(reason: StreamResetReason, transportFailure: string, atHost: boolean): void {
    this.waitingInPool = false;
    this.info.poolReadyAt = this.exchange.context.net.turn.now;
    this.failSpan(reason);
    if (!atHost) this.exchange.host = null;
    this.exchange.router.outcomes.onAttemptReset(this, reason, transportFailure);
  }

  /** True: the headers tell the upstream proxy who we are, which is only for it. */
  introduces(headers: HeaderBlock): boolean {
    const { connection, exchange } = this;
    const tells = exchange.runtime?.plan.peerMetadata?.tells ?? null;
    if (tells === null || connection === null || connection.introduced) return false;
    connection.introduced = true;
    return introduce(headers, tells, connection.tls);
  }

  /** The request has been received whole: the time of this attempt runs. */
  armPerTry(): void {
    const { router, context } = this.exchange;
    const { perTryTimeoutMs } = router.timeouts;
    if (perTryTimeoutMs === 0 || this.encoder === null) return;
    context.net.timers.arm(this.perTry, context.net.turn.now, perTryTimeoutMs);
  }

  private armPerTryIdle(): void {
    const { action, context } = this.exchange;
    const ms = action === null || action.retryPolicy === null ? 0 : action.retryPolicy.perTryIdleTimeoutMs;
    this.perTryIdleMs = ms;
    if (ms > 0) context.net.timers.arm(this.perTryIdle, context.net.turn.now, ms);
  }

  onTimer(kind: number): void {
    const { context } = this.exchange;
    if (kind === PER_TRY) {
      this.exchange.router.outcomes.onPerTryTimeout(this);
      return;
    }
    if (kind === MAX_DURATION) {
      this.exchange.router.outcomes.onMaxDuration(this);
      return;
    }
    const left = this.lastActivity + this.perTryIdleMs - context.net.turn.now;
    if (left > 0) context.net.timers.arm(this.perTryIdle, context.net.turn.now, left);
    else this.exchange.router.outcomes.onPerTryIdleTimeout(this);
  }

  // The request's body

  /** There is an upstream that reads it. */
  get takesBody(): boolean {
    return this.encoder !== null && !this.awaitsSwitch;
  }

  sendData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    this.touch();
    this.encoder?.encodeData(buffer, start, end, endStream);
  }

  sendTrailers(trailers: HeaderBlock): void {
    this.touch();
    this.encoder?.encodeTrailers(trailers);
  }

  private touch(): void {
    this.lastActivity = this.exchange.context.net.turn.now;
  }

  // ResponseReceiver

  onInterimResponse(status: number, headers: HeaderBlock, wanted: boolean): void {
    this.touch();
    this.countStatus(status);
    this.exchange.router.outcomes.onAttemptInterim(this);
    if (wanted) this.exchange.onInterimHead(status, headers);
  }

  onResponseHead(endStream: boolean): void {
    this.touch();
    this.info.firstReceivedAt = this.lastActivity;
    this.awaitingHeaders = false;
    this.stopPerTry();
    const refused = this.awaitsSwitch && !this.agreed();
    if (this.awaitsSwitch && !refused) this.awaitsSwitch = false;
    // Envoy: an upgrade to WebSocket that is neither accepted nor failed has no body, whatever the upstream says.
    if (refused && this.response.status < 400 && this.exchange.request.upgrade.toLowerCase() === "websocket") {
      this.exchange.details = DETAILS.websocketRefused;
      this.response.headers.remove(CONTENT_LENGTH);
      this.response.headers.remove(CONTENT_TYPE);
      if (!endStream) this.cancel();
      endStream = true;
    }
    if (this.span !== null) this.tagResponse(this.span);
    if (endStream) this.complete();
    this.exchange.router.outcomes.onAttemptHeaders(this, endStream);
  }

  /** Another protocol is spoken from now on. */
  private agreed(): boolean {
    const { status } = this.response;
    return status === 101 || (this.exchange.request.method === "CONNECT" && status >= 200 && status < 300);
  }

  onResponseData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    this.touch();
    if (this.info.firstBodyReceivedAt === 0) this.info.firstBodyReceivedAt = this.lastActivity;
    if (endStream) this.complete();
    this.exchange.router.outcomes.onAttemptData(this, buffer, start, end, endStream);
  }

  onResponseTrailers(trailers: HeaderBlock): void {
    if (this.span !== null) tagGrpcStatus(this.span, trailers);
    this.complete();
    this.exchange.router.outcomes.onAttemptTrailers(this, trailers);
  }

  onResponseReset(reason: StreamResetReason): void {
    this.connection?.countReset(reason);
    this.detach();
    this.failSpan(reason);
    this.exchange.router.outcomes.onAttemptReset(this, reason, "");
  }

  // Back-pressure

  onUpstreamAboveWatermark(): void {
    if (this.cluster !== null) this.cluster.stats.flowControlBackedUp.value++;
    this.exchange.pauseRequest();
  }

  onUpstreamBelowWatermark(): void {
    if (this.cluster !== null) this.cluster.stats.flowControlDrained.value++;
    this.exchange.resumeRequest();
  }

  pauseResponse(): void {
    if (this.responsePaused || this.encoder === null) return;
    this.responsePaused = true;
    this.encoder.pauseResponse();
  }

  resumeResponse(): void {
    if (!this.responsePaused) return;
    this.responsePaused = false;
    this.encoder?.resumeResponse();
  }

  // What is counted: nothing of health checks of this proxy

  private countStatus(status: number): void {
    const { isInternal, counters } = this.exchange;
    this.cluster?.stats.countStatus(status, isInternal, this.host);
    if (counters !== null) countResponse(counters, status);
  }

  /** Its answer was taken. */
  charge(status: number): void {
    if (this.exchange.isHealthCheck) return;
    this.countStatus(status);
    if (this.host === null) return;
    if (status >= 500) this.host.requestsFailed++;
    else this.host.requestsSucceeded++;
  }

  /** It ends with an answer of ours. */
  chargeAbort(status: number): void {
    if (this.exchange.isHealthCheck) return;
    this.countStatus(status);
    if (this.host !== null) this.host.requestsFailed++;
  }

  /** The response is complete. */
  recordTime(): void {
    const { requestEndedAt, requestEnded, isInternal, context, counters } = this.exchange;
    if (!requestEnded) return;
    const ms = context.net.turn.now - requestEndedAt;
    this.cluster?.stats.recordTime(ms, isInternal, this.host);
    if (counters !== null) recordTime(counters, ms);
  }

  /** To the host's outlier monitor, once: a hedged attempt that was too slow for a try may be so for the route, too. */
  reportTimeout(status: number): void {
    if (this.timeoutReported) return;
    this.timeoutReported = true;
    this.host?.outlier?.onTimeout(status);
  }

  // The end

  private stopPerTry(): void {
    if (this.perTry.armed) this.exchange.context.net.timers.disarm(this.perTry);
  }

  /** The connection is done with this attempt: nothing more is to be said to it. */
  private detach(): void {
    if (this.connection !== null) this.connection.watermarks = null;
    this.encoder = null;
    this.connection = null;
    this.responsePaused = false;
    this.stopPerTry();
    const { timers } = this.exchange.context.net;
    if (this.perTryIdle.armed) timers.disarm(this.perTryIdle);
    if (this.maxDuration.armed) timers.disarm(this.maxDuration);
  }

  /** The response is there, whole. */
  private complete(): void {
    if (!this.exchange.requestEnded) this.connection?.countReset("local reset");
    this.detach();
    this.endSpan("");
  }

  private tagResponse(span: Span): void {
    this.status = this.response.status;
    tagGrpcStatus(span, this.response.headers);
  }

  private failSpan(reason: StreamResetReason): void {
    if (this.span === null) return;
    this.span.setTag("error", "true");
    this.span.setTag("error.reason", reason);
    this.endSpan(resetFlag(reason));
  }

  private endSpan(flag: ResponseFlag): void {
    const { span, exchange } = this;
    if (span === null) return;
    this.span = null;
    exchange.runtime?.tracing?.finishUpstreamSpan(exchange, span, this, this.status, flag);
  }

  /** Takes back whatever is going on. @param flag why */
  cancel(flag: ResponseFlag = ""): void {
    if (this.span !== null) this.span.setTag("canceled", "true");
    this.endSpan(flag);
    if (this.waitingInPool) {
      this.waitingInPool = false;
      this.pool?.cancel(this);
    }
    const { encoder } = this;
    if (encoder === null) return;
    this.connection?.countReset("local reset");
    this.detach();
    encoder.cancel();
  }

  /** Ready for the next attempt. */
  reset(): void {
    this.response.reset();
    this.span = null;
    this.status = 0;
    this.host = null;
    this.pool = null;
    this.cluster = null;
    this.awaitingHeaders = false;
    this.retried = false;
    this.timeoutReported = false;
    this.awaitsSwitch = false;
    this.startedAt = 0;
    this.perTryIdleMs = 0;
    this.lastActivity = 0;
  }
}
