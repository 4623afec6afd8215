import type { Tlv } from "../codec/proxy-protocol/read-header.ts";
import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import { Http1ServerCodec, type ServerCodecHost } from "../codec/http1/server-codec.ts";
import type { RequestReceiver, ResponseEncoder, ServerCodec, StreamReset } from "../codec/messages.ts";
import { ReadBuffer } from "../codec/read-buffer.ts";
import type { AcceptedConnection } from "../net/accepted-connection.ts";
import { PEER_PROTOCOL } from "../net/tls/peer-protocol.ts";
import type { Transport, TransportHandler } from "../net/transport.ts";
import type { ConnectionView, TlsInfo } from "../plan/request-views.ts";
import { happens } from "../overload/manager.ts";
import type { Exchange } from "./exchange.ts";
import { Http2Session, type Http2SessionOwner } from "./http2-session.ts";
import type { Session, SessionOwner } from "../tcp/session.ts";
import { DETAILS } from "./local-replies.ts";
import { PrematureResets } from "./premature-resets.ts";
import type { HttpContext, HttpRuntime } from "./runtime.ts";
import { sniffHttp2 } from "./server-protocol.ts";

const IDLE_TIMER = 0;
const CLOSE_TIMER = 1;
const DURATION_TIMER = 2;
const DRAIN_TIMER = 3;

/** What a connection needs of the filter chain that it is of, which has a connection manager. */
export interface ConnectionOwner extends SessionOwner {
  readonly bufferLimitBytes: number;
  readonly drainsWhenFailing: boolean;
}

/** One connection of a client: its socket, its codec, and the exchanges that are going on. */
export class DownstreamConnection
  implements Session, TransportHandler, ServerCodecHost, Http2SessionOwner, ConnectionView, TimerOwner
{
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
  /** Null until the client has sent something: which HTTP it speaks is to be seen. */
  private codec: ServerCodec | null = null;
  /** The codec, where that is HTTP/2. */
  private http2: Http2Session | null = null;
  /** The beginning of what may be a preface. */
  private undecided: Buffer | null = null;
  private readonly openedAt: number;
  /** The exchange that was begun last, while it goes on. */
  private latest: Exchange | null = null;
  private exchanges = 0;
  private requests = 0;
  private readonly prematureResets = new PrematureResets();
  private draining = false;
  /** Only the close is awaited: input is dropped. */
  private closing = false;
  private closedByUs = false;
  /** Bytes that had not left when the close began to be awaited. */
  private waitingAtClose = 0;
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
    this.openedAt = context.net.turn.now;
    stats.cxTotal.value++;
    stats.cxActive.value++;
    if (owner.secure) {
      stats.cxSslTotal.value++;
      stats.cxSslActive.value++;
    }
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
    this.codec?.closeAfterResponse();
  }

  /** It has had its requests, or asks for what it does not get: HTTP/2 is drained. */
  endAfterResponse(): void {
    if (this.http2 === null) this.closeAfterResponse();
    else this.startDrain();
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

  /** The first bytes are there. */
  private speak(http2: boolean): ServerCodec {
    const { context, transport } = this;
    const { plan, stats, http2Stats } = this.runtime;
    if (http2) {
      stats.cxHttp2Total.value++;
      stats.cxHttp2Active.value++;
      transport.shareWrites();
      // A proxy of ours carries HTTP/1.1 over it: what is logged and sent on is what the client of the mesh has said.
      const carried = this.transport.tls?.alpn === PEER_PROTOCOL ? "HTTP/1.1" : "HTTP/2";
      this.http2 = new Http2Session(
        context,
        this,
        transport,
        plan.http2,
        http2Stats,
        plan.streamIdleTimeoutMs,
        carried,
      );
      this.codec = this.http2;
    } else {
      stats.cxHttp1Total.value++;
      stats.cxHttp1Active.value++;
      this.codec = new Http1ServerCodec(this, transport, plan);
    }
    if (this.draining) this.tellOfDrain();
    return this.codec;
  }

  private startDrain(): void {
    if (this.draining || this.closing) return;
    this.draining = true;
    this.tellOfDrain();
    const { plan } = this.runtime;
    const { timers, turn } = this.context.net;
    if (plan.drainTimeoutMs > 0) timers.arm(this.drainTimer, turn.now, plan.drainTimeoutMs);
    else this.endDrain();
  }

  private tellOfDrain(): void {
    if (this.http2 !== null) this.http2.announceDrain();
    else this.codec?.closeAfterResponse();
  }

  /** Whoever has a request on its way has had time to send it. */
  private endDrain(): void {
    this.http2?.endDrain();
    if (this.codec === null || this.codec.idle) this.closeDrained();
  }

  /** HTTP/2 has told the client to go: it gets a while to do so (Envoy `checkForDeferredClose`). */
  private closeDrained(): void {
    if (this.http2 === null) this.close();
    else this.onCloseAfterFlush(true);
  }

  /** Closes now, whatever is going on. */
  destroy(): void {
    this.closedByUs = true;
    this.transport.destroy();
  }

  // TransportHandler

  onRead(buffer: ReadBuffer, length: number): void {
    if (this.closing) return;
    const { codec } = this;
    if (codec === null) this.readFirst(buffer, length);
    else this.readBy(codec, buffer, length);
  }

  private readBy(codec: ServerCodec, buffer: ReadBuffer, length: number): void {
    codec.receive(buffer, 0, length);
    if (codec.readingHead) this.latest?.awaitHead();
    this.transport.useLargeReads(codec.readingLongBody);
  }

  /** Nothing has been read yet, or nothing that says which HTTP it is. */
  private readFirst(buffer: ReadBuffer, length: number): void {
    const { codecType } = this.runtime.plan;
    const alpn = this.transport.tls?.alpn ?? "";
    if (codecType !== "auto" || alpn !== "") {
      this.readBy(
        this.speak(codecType === "auto" ? alpn === "h2" || alpn === PEER_PROTOCOL : codecType === "http2"),
        buffer,
        length,
      );
      return;
    }
    if (this.undecided !== null) {
      const all = new ReadBuffer(this.undecided.length + length);
      this.undecided.copy(all.bytes);
      buffer.bytes.copy(all.bytes, this.undecided.length, 0, length);
      buffer = all;
      length += this.undecided.length;
    }
    const http2 = sniffHttp2(buffer.bytes, length);
    this.undecided = http2 === null ? Buffer.from(buffer.bytes.subarray(0, length)) : null;
    if (http2 !== null) this.readBy(this.speak(http2), buffer, length);
  }

  /** Envoy takes no half-closed HTTP connection: a client that has finished sending has gone. */
  onEnd(): void {
    this.endExchanges(DETAILS.downstreamRemoteDisconnect);
    this.transport.destroy();
  }

  onClose(): void {
    const { timers, turn } = this.context.net;
    const { stats } = this.runtime;
    timers.disarm(this.idleTimer);
    timers.disarm(this.closeTimer);
    timers.disarm(this.durationTimer);
    timers.disarm(this.drainTimer);
    this.endExchanges(this.closedByUs ? DETAILS.downstreamLocalDisconnect : DETAILS.downstreamRemoteDisconnect);
    stats.cxActive.value--;
    if (this.http2 !== null) stats.cxHttp2Active.value--;
    else if (this.codec !== null) stats.cxHttp1Active.value--;
    if (this.owner.secure) stats.cxSslActive.value--;
    stats.cxDestroy.value++;
    if (this.closedByUs) stats.cxDestroyLocal.value++;
    else stats.cxDestroyRemote.value++;
    stats.cxLengthMs.record(turn.now - this.openedAt);
    this.owner.onConnectionClosed(this, turn.now - this.openedAt);
  }

  onConnect(): void {
    // Which HTTP is spoken is asked for when something is read.
  }

  onAboveWatermark(): void {
    this.codec?.onTransportAboveWatermark();
  }

  onBelowWatermark(): void {
    this.codec?.onTransportBelowWatermark();
  }

  // ServerCodecHost

  onRequestStart(encoder: ResponseEncoder): RequestReceiver {
    const { runtime } = this;
    const { timers } = this.context.net;
    timers.disarm(this.idleTimer);
    this.countRequest();
    (this.http2 === null ? runtime.stats.rqHttp1Total : runtime.stats.rqHttp2Total).value++;
    const exchange = this.context.exchanges.acquire();
    this.latest = exchange;
    this.exchanges++;
    exchange.start(this, runtime, encoder);
    return exchange;
  }

  /** Also one that an exchange goes on with. */
  countRequest(): void {
    const { plan, stats } = this.runtime;
    this.requests++;
    if (plan.maxRequestsPerConnection === 0 || this.requests < plan.maxRequestsPerConnection) return;
    stats.cxMaxRequests.value++;
    this.endAfterResponse();
  }

  onExchangeEnd(): void {
    this.armIdle();
  }

  onCloseAfterFlush(delayed: boolean): void {
    const timeout = this.runtime.plan.delayedCloseTimeoutMs;
    if (delayed && timeout > 0) this.closeLater(timeout);
    else this.close();
  }

  onAbort(): void {
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

  // Http2SessionOwner

  onIdle(): void {
    if (this.closing) return;
    if (this.draining && !this.drainTimer.armed) this.closeDrained();
    else this.armIdle();
  }

  onBroken(protocolError: boolean): void {
    if (protocolError) this.runtime.stats.cxProtocolError.value++;
    this.onAbort();
  }

  onSilence(): void {
    this.destroy();
  }

  /** Called by an exchange that ends in whatever way. */
  onExchangeFinished(exchange: Exchange): void {
    if (this.latest === exchange) this.latest = null;
    this.exchanges--;
    if (this.closing || !this.prematureResets.count(exchange)) return;
    this.runtime.stats.rqTooManyPrematureResets.value++;
    this.closing = true;
    this.codec?.endAll(TOO_MANY_PREMATURE_RESETS);
    this.destroy();
  }

  /** The last exchange has been counted and logged: on with a request that had to wait. */
  readOn(): void {
    this.codec?.readOn();
  }

  get transportFailure(): string {
    return this.transport.failureReason;
  }

  get tls(): TlsInfo | null {
    return this.transport.tls;
  }

  private endExchanges(details: string): void {
    this.closing = true;
    if (this.exchanges > 0) {
      const { stats } = this.runtime;
      stats.cxDestroyActiveRq.value++;
      if (this.closedByUs) stats.cxDestroyLocalActiveRq.value++;
      else stats.cxDestroyRemoteActiveRq.value++;
    }
    this.codec?.endAll({ details, cause: "connection" });
  }

  onTimer(kind: number): void {
    const { stats } = this.runtime;
    switch (kind) {
      case IDLE_TIMER:
        stats.cxIdleTimeout.value++;
        // Envoy drains first, so that a request on its way is answered; who never sent one has none on its way.
        if (this.requests > 0 || this.http2 !== null) this.startDrain();
        else this.close();
        break;
      case CLOSE_TIMER:
        this.endDelay();
        break;
      case DURATION_TIMER:
        stats.cxMaxDuration.value++;
        this.startDrain();
        break;
      default:
        this.endDrain();
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

  /** The peer has had its while. What it still reads gets another; what nobody reads is lost. */
  private endDelay(): void {
    const { waitingBytes } = this.transport;
    if (waitingBytes > 0 && waitingBytes < this.waitingAtClose) {
      this.closeLater(this.runtime.plan.delayedCloseTimeoutMs);
      return;
    }
    this.runtime.stats.cxDelayedCloseTimeout.value++;
    if (waitingBytes > 0) this.destroy();
    else this.close();
  }

  /**
   * Envoy's FlushWriteAndDelay: the peer may still be sending, and a close now would make the kernel answer with RST, which
   * can destroy the response on its way. So it gets a while to read and close.
   */
  private closeLater(ms: number): void {
    this.closing = true;
    this.waitingAtClose = this.transport.waitingBytes;
    const { timers, turn } = this.context.net;
    timers.arm(this.closeTimer, turn.now, ms);
  }
}

const TOO_MANY_PREMATURE_RESETS: StreamReset = { details: "too_many_premature_resets", cause: "us" };
