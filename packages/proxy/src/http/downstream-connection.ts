import type { Tlv } from "../codec/proxy-protocol/read-header.ts";
import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import { Http1ServerCodec, type ServerCodecHost } from "../codec/http1/server-codec.ts";
import type { RequestReceiver, ResponseEncoder } from "../codec/messages.ts";
import type { ReadBuffer } from "../codec/read-buffer.ts";
import type { AcceptedConnection } from "../net/accepted-connection.ts";
import type { Transport, TransportHandler } from "../net/transport.ts";
import type { ConnectionView, TlsInfo } from "../plan/request-views.ts";
import { happens } from "../overload/manager.ts";
import type { Exchange } from "./exchange.ts";
import type { Session, SessionOwner } from "../tcp/session.ts";
import { DETAILS } from "./local-replies.ts";
import type { HttpContext, HttpRuntime } from "./runtime.ts";

const IDLE_TIMER = 0;
const CLOSE_TIMER = 1;
const DURATION_TIMER = 2;
const DRAIN_TIMER = 3;

/** What a connection needs of the filter chain that it is of, which has a connection manager. */
export interface ConnectionOwner extends SessionOwner {
  readonly bufferLimitBytes: number;
  readonly drainsWhenFailing: boolean;
}

/** One connection of a client: its socket, its codec, and the exchange that is going on. */
export class DownstreamConnection implements Session, TransportHandler, ServerCodecHost, ConnectionView, TimerOwner {
  readonly id: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly remoteName: string;
  readonly directRemoteAddress: string;
  readonly directRemotePort: number;
  readonly directRemoteName: string;
  readonly localAddress: string;
  readonly localPort: number;
  readonly localName: string;
  readonly directLocalAddress: string;
  readonly directLocalPort: number;
  readonly directLocalName: string;
  readonly originalDestination: { readonly address: string; readonly port: number } | null;
  readonly serverName: string;
  readonly ja3: string;
  readonly ja4: string;
  readonly tlvs: readonly Tlv[];
  /** `per_connection_buffer_limit_bytes` of the listener. */
  readonly bufferLimitBytes: number;
  private readonly context: HttpContext;
  private readonly owner: ConnectionOwner;
  private readonly runtime: HttpRuntime;
  private readonly transport: Transport;
  private readonly codec: Http1ServerCodec;
  private readonly openedAt: number;
  private exchange: Exchange | null = null;
  private requests = 0;
  private draining = false;
  private speaksHttp = false;
  /** Only the close is awaited: input is dropped. */
  private closing = false;
  private closedByUs = false;
  private readonly idleTimer = new Timer(this, IDLE_TIMER);
  private readonly closeTimer = new Timer(this, CLOSE_TIMER);
  private readonly durationTimer = new Timer(this, DURATION_TIMER);
  private readonly drainTimer = new Timer(this, DRAIN_TIMER);

  constructor(context: HttpContext, owner: ConnectionOwner, runtime: HttpRuntime, accepted: AcceptedConnection) {
    this.context = context;
    this.owner = owner;
    const { plan, stats } = runtime;
    this.runtime = runtime;
    this.bufferLimitBytes = owner.bufferLimitBytes;
    this.transport = owner.openTransport(accepted, this, stats);
    this.id = this.transport.id;
    this.remoteAddress = accepted.remoteAddress;
    this.remotePort = accepted.remotePort;
    this.remoteName = accepted.remoteName;
    this.directRemoteAddress = accepted.directRemoteAddress;
    this.directRemotePort = accepted.directRemotePort;
    this.directRemoteName = accepted.directRemoteName;
    this.localAddress = accepted.localAddress;
    this.localPort = accepted.localPort;
    this.localName = accepted.localName;
    this.directLocalAddress = accepted.directLocalAddress;
    this.directLocalPort = accepted.directLocalPort;
    this.directLocalName = accepted.directLocalName;
    this.originalDestination = accepted.originalDestination;
    this.serverName = accepted.serverName;
    this.ja3 = accepted.ja3;
    this.ja4 = accepted.ja4;
    this.tlvs = accepted.tlvs;
    this.codec = new Http1ServerCodec(this, this.transport, plan);
    this.openedAt = context.net.turn.now;
    stats.cxTotal.value++;
    stats.cxActive.value++;
    if (owner.secure) {
      stats.cxSslTotal.value++;
      stats.cxSslActive.value++;
    } else this.countHttp();
    this.armIdle();
    if (plan.maxConnectionDurationMs > 0) {
      context.net.timers.arm(this.durationTimer, this.openedAt, plan.maxConnectionDurationMs);
    }
  }

  begin(): void {
    this.transport.start();
  }

  /** After the response now or next being sent, the connection closes. */
  closeAfterResponse(): void {
    this.codec.closeAfterResponse();
  }

  /** A response's head is about to leave. */
  onResponse(): void {
    if (this.context.health.failing && this.owner.drainsWhenFailing) this.drain();
    const { overload, stats } = this.runtime;
    if (overload === null || this.draining || !happens(overload.disableKeepalive, this.context.random)) return;
    stats.cxOverloadDisableKeepalive.value++;
    this.drain();
  }

  /** Responses carry `connection: close` from now on; an idle connection has a while to send the request that may be on its way. */
  drain(): void {
    if (this.draining || this.closing) return;
    this.runtime.stats.cxDrainClose.value++;
    this.startDrain();
  }

  /** With TLS, once its handshake is over. */
  private countHttp(): void {
    const { stats } = this.runtime;
    this.speaksHttp = true;
    stats.cxHttp1Total.value++;
    stats.cxHttp1Active.value++;
  }

  private startDrain(): void {
    if (this.draining || this.closing) return;
    this.draining = true;
    this.codec.closeAfterResponse();
    const { plan } = this.runtime;
    const { timers, turn } = this.context.net;
    if (plan.drainTimeoutMs > 0) timers.arm(this.drainTimer, turn.now, plan.drainTimeoutMs);
    else if (this.codec.idle) this.close();
  }

  /** Closes now, whatever is going on. */
  destroy(): void {
    this.closedByUs = true;
    this.transport.destroy();
  }

  // TransportHandler

  onRead(buffer: ReadBuffer, length: number): void {
    if (this.closing) return;
    this.codec.receive(buffer, 0, length);
    if (this.codec.readingHead) this.exchange?.awaitHead();
    this.transport.useLargeReads(this.codec.readingLongBody);
  }

  /** Envoy takes no half-closed HTTP connection: a client that has finished sending has gone. */
  onEnd(): void {
    this.endExchange(DETAILS.downstreamRemoteDisconnect);
    this.transport.destroy();
  }

  onClose(): void {
    const { timers, turn } = this.context.net;
    const { stats } = this.runtime;
    timers.disarm(this.idleTimer);
    timers.disarm(this.closeTimer);
    timers.disarm(this.durationTimer);
    timers.disarm(this.drainTimer);
    this.endExchange(this.closedByUs ? DETAILS.downstreamLocalDisconnect : DETAILS.downstreamRemoteDisconnect);
    stats.cxActive.value--;
    if (this.speaksHttp) stats.cxHttp1Active.value--;
    if (this.owner.secure) stats.cxSslActive.value--;
    stats.cxDestroy.value++;
    if (this.closedByUs) stats.cxDestroyLocal.value++;
    else stats.cxDestroyRemote.value++;
    stats.cxLengthMs.record(turn.now - this.openedAt);
    this.owner.onConnectionClosed(this, turn.now - this.openedAt);
  }

  onConnect(): void {
    this.countHttp();
  }

  onAboveWatermark(): void {
    this.codec.aboveWatermark = true;
    // A client that does not read its responses is not read for further requests either.
    this.transport.pauseReading();
    this.exchange?.onDownstreamAboveWatermark();
  }

  onBelowWatermark(): void {
    this.codec.aboveWatermark = false;
    this.transport.resumeReading();
    this.exchange?.onDownstreamBelowWatermark();
  }

  // ServerCodecHost

  onRequestStart(encoder: ResponseEncoder): RequestReceiver {
    const { runtime } = this;
    const { timers } = this.context.net;
    timers.disarm(this.idleTimer);
    this.countRequest();
    const exchange = this.context.exchanges.acquire();
    this.exchange = exchange;
    exchange.start(this, runtime, encoder);
    return exchange;
  }

  /** Also one that an exchange goes on with. */
  countRequest(): void {
    const { plan, stats } = this.runtime;
    this.requests++;
    if (plan.maxRequestsPerConnection === 0 || this.requests < plan.maxRequestsPerConnection) return;
    stats.cxMaxRequests.value++;
    this.codec.closeAfterResponse();
  }

  onExchangeEnd(): void {
    this.exchange = null;
    this.armIdle();
  }

  onCloseAfterFlush(delayed: boolean): void {
    this.exchange = null;
    const timeout = this.runtime.plan.delayedCloseTimeoutMs;
    if (delayed && timeout > 0) this.closeLater(timeout);
    else this.close();
  }

  onAbort(): void {
    this.exchange = null;
    const timeout = this.runtime.plan.delayedCloseTimeoutMs;
    if (timeout > 0) this.closeLater(timeout);
    else this.close();
  }

  onUnderscore(rejected: boolean): void {
    const { underscoresDropped, underscoresRejected } = this.runtime.stats;
    (rejected ? underscoresRejected : underscoresDropped).value++;
  }

  pauseReading(): void {
    this.transport.pauseReading();
  }

  resumeReading(): void {
    this.transport.resumeReading();
  }

  /** Called by an exchange that ends in whatever way. */
  onExchangeFinished(exchange: Exchange): void {
    if (this.exchange === exchange) this.exchange = null;
  }

  /** The last exchange has been counted and logged: on with a request that had to wait. */
  readOn(): void {
    this.codec.readOn();
  }

  get transportFailure(): string {
    return this.transport.failureReason;
  }

  get tls(): TlsInfo | null {
    return this.transport.tls;
  }

  private endExchange(details: string): void {
    const { exchange } = this;
    this.exchange = null;
    this.closing = true;
    if (exchange !== null) {
      const { stats } = this.runtime;
      stats.cxDestroyActiveRq.value++;
      if (this.closedByUs) stats.cxDestroyLocalActiveRq.value++;
      else stats.cxDestroyRemoteActiveRq.value++;
    }
    exchange?.onDownstreamGone(details);
  }

  onTimer(kind: number): void {
    const { stats } = this.runtime;
    switch (kind) {
      case IDLE_TIMER:
        stats.cxIdleTimeout.value++;
        // Envoy drains first, so that a request on its way is answered; who never sent one has none on its way.
        if (this.requests > 0) this.startDrain();
        else this.close();
        break;
      case CLOSE_TIMER:
        stats.cxDelayedCloseTimeout.value++;
        this.close();
        break;
      case DURATION_TIMER:
        stats.cxMaxDuration.value++;
        this.startDrain();
        break;
      default:
        if (this.codec.idle) this.close();
    }
  }

  private armIdle(): void {
    const { timers, turn } = this.context.net;
    const { idleTimeoutMs } = this.runtime.plan;
    if (idleTimeoutMs > 0) timers.arm(this.idleTimer, turn.now, idleTimeoutMs);
  }

  private close(): void {
    this.closing = true;
    this.closedByUs = true;
    this.transport.closeAfterFlush();
  }

  /**
   * Envoy's FlushWriteAndDelay: the peer may still be sending, and a close now would make the kernel answer with RST, which
   * can destroy the response on its way. So it gets a while to read and close.
   */
  private closeLater(ms: number): void {
    this.closing = true;
    const { timers, turn } = this.context.net;
    timers.arm(this.closeTimer, turn.now, ms);
  }
}
