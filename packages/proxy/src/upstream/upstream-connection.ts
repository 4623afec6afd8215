import { bindAddressFor } from "./bind-address.ts";
import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import { Http1ClientCodec } from "../codec/http1/client-codec.ts";
import type {
  ClientCodec,
  HttpProtocol,
  RequestEncoder,
  ResponseReceiver,
  StreamResetReason,
} from "../codec/messages.ts";
import type { ReadBuffer } from "../codec/read-buffer.ts";
import { TunnelCodec, type TunnelHost } from "../codec/tunnel-codec.ts";
import { addressName } from "../ip-address.ts";
import { PEER_PROTOCOL } from "../net/tls/peer-protocol.ts";
import { Transport, type TransportHandler } from "../net/transport.ts";
import type { TlsInfo } from "../plan/request-views.ts";
import type { ClusterUse } from "./cluster-use.ts";
import type { Host } from "./host.ts";
import { type Http2Owner, Http2Side } from "./http2-side.ts";
import type { Pool, PoolClient } from "./pool.ts";
import type { Resource } from "./resource.ts";

const CONNECT_TIMER = 0;
const IDLE_TIMER = 1;
const DURATION_TIMER = 2;

const CONNECTING = 0;
const IDLE = 1;
const BUSY = 2;
const CLOSED = 3;

/** `alpn`: what the handshake comes to; `peer`: the same, HTTP/2 with proxies of ours only; `tunnel`: no HTTP. */
export type ConnectionProtocol = "http1" | "http2" | "alpn" | "peer" | "tunnel";

/** Offered in TLS handshakes (ALPN) unless the transport socket has others. */
const OFFERED: Readonly<Record<ConnectionProtocol, readonly string[]>> = {
  http1: ["http/1.1"],
  http2: ["h2"],
  alpn: ["h2", "http/1.1"],
  peer: ["http/1.1"],
  tunnel: [],
};

/** What the exchange on an upstream connection hears of its write side. */
export type UpstreamWatermarks = Pick<ResponseReceiver, "onUpstreamAboveWatermark" | "onUpstreamBelowWatermark">;

/** One connection to a host. */
export class UpstreamConnection implements TransportHandler, TunnelHost, Http2Owner, TimerOwner {
  readonly host: Host;
  /** What the host was when it was connected to. */
  readonly hostName: string;
  readonly id: number;
  /** Of our end, once it is connected. */
  localAddress = "";
  localPort = 0;
  localName = "";
  readonly openedAt: number;
  connectedAt = 0;
  /** How many it has been used for, the present one included. */
  requests = 0;
  /** The host knows who we are, or is not to know. */
  introduced = false;
  private readonly use: ClusterUse;
  private readonly pool: Pool;
  private readonly breaker: Resource;
  private readonly transport: Transport;
  private codec: ClientCodec;
  private readonly protocol: ConnectionProtocol;
  /** Null: it does not speak HTTP/2, or not yet. */
  private http2: Http2Side | null = null;
  /** How many requests it is expected to take at a time, while it is being opened. */
  readonly expectedRoom: number;
  /** Its pool has it among those that can take a request. */
  isReady = false;
  /** What its pool reckons with (`room`). */
  notedRoom = 0;
  /** The codec, where no HTTP is spoken. */
  private readonly tunnel: TunnelCodec | null;
  private readonly connectTimer = new Timer(this, CONNECT_TIMER);
  private readonly idleTimer = new Timer(this, IDLE_TIMER);
  private readonly durationTimer = new Timer(this, DURATION_TIMER);
  private state = CONNECTING;
  private timedOut = false;
  private closedByUs = false;
  private closedByPeer = false;
  /** It is HTTP/1.1 only until the answer: then bytes of somebody else's. */
  private becomesTunnel = false;
  /** The request under way is its last. */
  private draining = false;
  private pausedReads = 0;
  /** The exchange that wants to know of back-pressure; null while idle. */
  watermarks: UpstreamWatermarks | null = null;

  /** @param breaker counts the connections of the pool's priority */
  constructor(host: Host, use: ClusterUse, pool: Pool, breaker: Resource, protocol: ConnectionProtocol) {
    this.host = host;
    this.hostName = host.name;
    this.use = use;
    this.pool = pool;
    this.breaker = breaker;
    this.openedAt = use.net.turn.now;
    const source = bindAddressFor(use.plan.bindAddresses, host.address);
    this.transport = new Transport(
      use.net,
      this,
      use.stats,
      use.plan.bufferLimitBytes,
      (onread) => use.net.connect(host.address, host.port, onread, host.addresses, source),
      null,
      host.transport === null
        ? null
        : host.transport.session(
            host.hostname,
            OFFERED[protocol],
            pool.serverName,
            pool.certifiedName,
            protocol === "peer",
          ),
      host.preamble(pool.origin),
    );
    this.id = this.transport.id;
    this.protocol = protocol;
    this.tunnel = protocol === "tunnel" ? new TunnelCodec(this, this.transport) : null;
    this.codec = this.tunnel ?? new Http1ClientCodec(this, this.transport, use.plan);
    if (protocol === "http2") this.speakHttp2();
    this.expectedRoom =
      protocol === "http2" || protocol === "alpn" || (protocol === "peer" && host.mayBePeer) ? this.roomOfHttp2 : 1;
  }

  connect(): void {
    const { use, host } = this;
    use.countOpened(host, this.breaker);
    if (this.protocol === "http1") use.stats.cxHttp1Total.value++;
    else if (this.protocol === "http2") use.stats.cxHttp2Total.value++;
    this.transport.awaitConnect();
    if (use.plan.connectTimeoutMs > 0) {
      use.net.timers.arm(this.connectTimer, use.net.turn.now, use.plan.connectTimeoutMs);
    }
  }

  /** Null: it is plain. */
  get tls(): TlsInfo | null {
    return this.transport.tls;
  }

  private speakHttp2(): void {
    const { http2 } = this.use.plan;
    if (http2 === null) return;
    this.transport.shareWrites();
    this.http2 = new Http2Side(this, this.use, http2, this.transport);
    this.codec = this.http2.codec;
  }

  private get roomOfHttp2(): number {
    const { http2, maxRequestsPerConnection } = this.use.plan;
    const streams = http2 === null ? 1 : http2.maxConcurrentStreams;
    return maxRequestsPerConnection > 0 ? Math.min(streams, maxRequestsPerConnection) : streams;
  }

  /** Whether it can take a request now. */
  get hasRoom(): boolean {
    if (this.http2 === null) return this.state === IDLE && !this.draining;
    const { codec } = this.http2;
    return (
      (this.state === IDLE || this.state === BUSY) &&
      !this.draining &&
      !codec.draining &&
      codec.activeStreams < codec.maxStreams
    );
  }

  /** How many more requests it can take, now or as soon as it is open. */
  get room(): number {
    if (this.state === CONNECTING) return this.expectedRoom;
    if (!this.hasRoom) return 0;
    if (this.http2 === null) return 1;
    const { codec } = this.http2;
    const { maxRequestsPerConnection } = this.use.plan;
    const streams = codec.maxStreams - codec.activeStreams;
    return maxRequestsPerConnection > 0 ? Math.min(streams, maxRequestsPerConnection - this.requests) : streams;
  }

  /** It takes several requests at a time. */
  get multiplexes(): boolean {
    return this.http2 !== null;
  }

  /** Takes the connection for one request. */
  start(client: PoolClient): RequestEncoder {
    this.use.net.timers.disarm(this.idleTimer);
    this.http2?.beforeStream();
    this.state = BUSY;
    this.requests++;
    const { plan, stats } = this.use;
    if (this.requests === plan.maxRequestsPerConnection) {
      stats.cxMaxRequests.value++;
      this.draining = true;
    }
    if (this.tunnel !== null) this.tunnel.keepsHalfOpen = client.keepsHalfOpen;
    else this.becomesTunnel = client.keepsHalfOpen && this.http2 === null;
    return this.codec.start(client, client.passesInterim);
  }

  /** Of the requests on it; "": what it carries is no HTTP. Between proxies of ours HTTP/2 carries requests of HTTP/1.1. */
  get requestProtocol(): HttpProtocol | "" {
    if (this.tunnel !== null) return "";
    return this.http2 === null || this.protocol === "peer" ? "HTTP/1.1" : "HTTP/2";
  }

  /** The request that the connection was taken for has all that it needs. */
  openTunnel(): void {
    this.tunnel?.open();
  }

  /** Closes now or after the request under way. @param keepConnecting somebody waits for what is being opened */
  closeWhenIdle(keepConnecting: boolean): void {
    if (this.state === BUSY) {
      this.draining = true;
      this.pool.retire(this);
    } else if (this.state === IDLE || (this.state === CONNECTING && !keepConnecting)) this.close();
  }

  get isConnecting(): boolean {
    return this.state === CONNECTING;
  }

  /** Who a tunnel was for is done with it, and with the connection, which is for nobody else. @param how what has been written leaves first, or is lost, or the peer gets RST */
  release(how: "flush" | "now" | "reset"): void {
    this.codec.detach();
    this.pool.retire(this);
    this.closedByUs = true;
    if (this.state === BUSY) {
      this.use.countCut(true);
      this.endStream();
    }
    this.state = IDLE;
    if (how === "reset") this.transport.reset();
    else if (how === "now") this.transport.destroy();
    else {
      this.transport.closeAfterFlush();
      this.armIdle();
    }
  }

  /** Closes now. */
  close(): void {
    this.pool.retire(this);
    this.closedByUs = !this.closedByPeer;
    this.transport.destroy();
  }

  onTimer(kind: number): void {
    const { stats } = this.use;
    if (kind === DURATION_TIMER) {
      stats.cxMaxDurationReached.value++;
      this.closeWhenIdle(false);
      return;
    }
    if (kind === CONNECT_TIMER) {
      this.timedOut = true;
      stats.cxConnectTimeout.value++;
    } else stats.cxIdleTimeout.value++;
    this.close();
  }

  // TransportHandler

  onConnect(): void {
    const { net, stats, plan } = this.use;
    net.timers.disarm(this.connectTimer);
    if (plan.maxConnectionDurationMs > 0) {
      net.timers.arm(this.durationTimer, net.turn.now, plan.maxConnectionDurationMs);
    }
    const { socket } = this.transport;
    if (plan.tcpKeepaliveMs >= 0) socket.setKeepAlive(true, plan.tcpKeepaliveMs);
    this.localAddress = socket.localAddress ?? "";
    this.localPort = socket.localPort ?? 0;
    this.localName = addressName(this.localAddress, this.localPort);
    this.connectedAt = net.turn.now;
    stats.cxConnectMs.record(net.turn.now - this.openedAt);
    this.state = IDLE;
    if (this.protocol === "alpn" || this.protocol === "peer") this.speakNegotiated();
    this.http2?.begin();
    this.transport.start();
    this.pool.onConnected(this);
    this.armIdle();
  }

  private speakNegotiated(): void {
    const { stats } = this.use;
    const alpn = this.transport.tls?.alpn;
    if (this.protocol === "peer") this.host.mayBePeer = alpn === PEER_PROTOCOL;
    if (alpn === "h2" || alpn === PEER_PROTOCOL) {
      this.speakHttp2();
      stats.cxHttp2Total.value++;
    } else stats.cxHttp1Total.value++;
  }

  onRead(buffer: ReadBuffer, length: number): void {
    this.codec.receive(buffer, 0, length);
    this.transport.useLargeReads(this.codec.readingLongBody);
  }

  onEnd(): void {
    this.pool.retire(this);
    this.receiveEnd();
    if (this.tunnel?.isHalfOpen !== true) this.transport.destroy();
  }

  private receiveEnd(): void {
    if (this.http2 !== null && this.state === BUSY) this.use.countCut(false);
    // A tunnel takes it for half of an end, after which it is for us to close.
    this.closedByPeer = this.tunnel === null && !this.becomesTunnel;
    this.closedByUs ||= this.becomesTunnel;
    if (this.codec.receiveEnd()) this.use.stats.cxProtocolError.value++;
  }

  onClose(cause: string): void {
    const { use, host } = this;
    const { net } = use;
    // Envoy takes a reset for the end of what came before it.
    if (this.state === BUSY && !this.closedByUs && this.tunnel === null && !this.becomesTunnel) this.receiveEnd();
    const before = this.state;
    this.state = CLOSED;
    net.timers.disarm(this.connectTimer);
    net.timers.disarm(this.idleTimer);
    net.timers.disarm(this.durationTimer);
    this.http2?.stop();
    use.countClosed(host, this.breaker, this.closedByUs, before !== CONNECTING, this.openedAt, this.requests);
    if (before === CONNECTING) {
      if (this.timedOut) this.pool.onConnectFailed(this, "connection timeout", "");
      else {
        const failure = this.transport.failureReason || connectError(cause);
        this.pool.onConnectFailed(this, "remote connection failure", failure);
      }
    } else if (before === BUSY) {
      this.use.countCut(this.closedByUs);
      if (this.http2 === null) this.endStream();
      this.codec.receiveFailure(cause === "ECONNRESET");
    }
    this.pool.onClosed(this);
  }

  onAboveWatermark(): void {
    this.http2?.codec.onTransportAboveWatermark();
    this.watermarks?.onUpstreamAboveWatermark();
  }

  onBelowWatermark(): void {
    this.http2?.codec.onTransportBelowWatermark();
    this.watermarks?.onUpstreamBelowWatermark();
  }

  // Http2Owner

  onStreamEnd(): void {
    const { http2 } = this;
    this.pool.onStreamEnd();
    if (this.state === CLOSED || http2 === null) return;
    if (http2.codec.activeStreams === 0 && this.state === BUSY) {
      this.state = IDLE;
      if (this.draining || http2.codec.draining) {
        this.closeSoon();
        return;
      }
      this.armIdle();
    }
    this.onRoomChanged();
  }

  /** After what has been written, and what the codec has still to say. */
  private closeSoon(): void {
    this.pool.retire(this);
    this.closedByUs = !this.closedByPeer;
    this.transport.closeAfterFlush();
    this.armIdle();
  }

  onRoomChanged(): void {
    if (!this.hasRoom) this.pool.retire(this);
    else if (this.isReady) this.pool.noteRoom(this);
    else this.pool.onReady(this);
  }

  onGoAway(): void {
    this.use.stats.cxCloseNotify.value++;
    this.pool.retire(this);
    if (this.state === IDLE) this.closeSoon();
  }

  onHttp2Broken(): void {
    this.use.stats.cxProtocolError.value++;
    if (this.state === BUSY) this.use.countCut(true);
    this.state = IDLE;
    this.closeSoon();
  }

  onNoSign(): void {
    this.close();
  }

  // ClientCodecHost

  onCloseNotify(): void {
    this.use.stats.cxCloseNotify.value++;
  }

  onExchangeEnd(reusable: boolean, requestCut: boolean): void {
    if (requestCut) this.use.countCut(true);
    this.endStream();
    if (!reusable || this.draining) {
      this.state = IDLE;
      this.close();
      return;
    }
    this.state = IDLE;
    while (this.pausedReads > 0) this.resumeReading();
    this.pool.onReady(this);
    this.armIdle();
  }

  onBroken(protocolError: boolean): void {
    if (protocolError) this.use.stats.cxProtocolError.value++;
    if (this.state === BUSY) {
      this.use.countCut(true);
      this.endStream();
    }
    this.state = IDLE;
    this.close();
  }

  pauseReading(): void {
    this.pausedReads++;
    this.use.stats.flowControlPaused.value++;
    this.transport.pauseReading();
  }

  resumeReading(): void {
    if (this.pausedReads === 0) return;
    this.pausedReads--;
    this.use.stats.flowControlResumed.value++;
    this.transport.resumeReading();
  }

  // TunnelHost

  endWriting(): void {
    this.transport.endWriting();
  }

  holdReading(): void {
    this.transport.pauseReading();
  }

  releaseReading(): void {
    this.transport.resumeReading();
  }

  onTunnelOver(byUs: boolean): void {
    if (this.tunnel?.keepsHalfOpen === true) {
      this.closedByUs = byUs;
      this.use.countCut(byUs);
    }
    this.endStream();
    this.state = IDLE;
  }

  /** A request on it was reset, or given up: counted of HTTP/2 only. Source: Envoy `MultiplexedActiveClientBase::onStreamReset`. */
  countReset(reason: StreamResetReason): void {
    const { stats } = this.use;
    if (this.http2 === null) return;
    if (reason === "remote reset") stats.rqRxReset.value++;
    else if (reason === "local reset" || reason === "protocol error") stats.rqTxReset.value++;
  }

  private endStream(): void {
    this.watermarks = null;
    this.pool.onStreamEnd();
  }

  private armIdle(): void {
    const { net, plan } = this.use;
    if (this.state === IDLE && plan.idleTimeoutMs > 0) net.timers.arm(this.idleTimer, net.turn.now, plan.idleTimeoutMs);
  }
}

/** Envoy's wording: `delayed connect error: Connection refused`. */
function connectError(code: string): string {
  const text = CONNECT_ERRORS[code];
  return text === undefined ? "" : `delayed connect error: ${text}`;
}

/** strerror(3) of what connect(2) fails with. */
const CONNECT_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Connection refused",
  ECONNRESET: "Connection reset by peer",
  EHOSTUNREACH: "No route to host",
  ENETUNREACH: "Network is unreachable",
  ETIMEDOUT: "Connection timed out",
  EADDRNOTAVAIL: "Cannot assign requested address",
  EACCES: "Permission denied",
};
