import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import type { HeaderBlock } from "../codec/header-block.ts";
import { type RequestEncoder, ResponseHead, type StreamResetReason } from "../codec/messages.ts";
import type { BytesMeter } from "../codec/bytes-meter.ts";
import { ReadBuffer } from "../codec/read-buffer.ts";
import type { AccessLogs } from "../http/access-logs.ts";
import { originOf } from "../net/accepted-connection.ts";
import type { NetContext } from "../net/context.ts";
import type { Transport, TransportHandler } from "../net/transport.ts";
import type { AccessLogType } from "../plan/format/stream-info.ts";
import type { TcpProxyPlan } from "../plan/compile-tcp-proxy.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Host } from "../upstream/host.ts";
import type { Pool, PoolClient } from "../upstream/pool.ts";
import type { PoolSource } from "../upstream/preconnect.ts";
import type { UpstreamConnection, UpstreamWatermarks } from "../upstream/upstream-connection.ts";
import type { ConnectionStream } from "./connection-stream.ts";
import { ConnectionHostSelection } from "./host-selection.ts";
import type { Session, SessionOwner } from "./session.ts";
import type { TcpProxyStats } from "./tcp-proxy-stats.ts";
import { KeptHeaders, RESPONSE_HEADERS_STATE, RESPONSE_TRAILERS_STATE, opensTunnel, tunnelRequest } from "./tunnel.ts";

/** A TCP proxy in force: its plan with everything that was resolved for it once. */
export interface TcpProxyRuntime {
  readonly plan: TcpProxyPlan;
  readonly stats: TcpProxyStats;
  /** Null: nothing is logged. */
  readonly logs: AccessLogs | null;
  readonly net: NetContext;
  /** [0, 1) */
  readonly random: () => number;
  readonly findCluster: (name: string) => Cluster | null;
}

const IDLE_TIMER = 0;
const DURATION_TIMER = 1;
const BACK_OFF_TIMER = 2;
const LOG_TIMER = 3;

/** A read of so many bytes is taken for part of a long transfer. */
const LONG_READ_BYTES = 16 * 1024;

/** How long a connection may go on that its filter chain no longer wants. Source: Envoy's option --drain-time-s, 600 s. */
const DRAIN_MS = 600_000;

/** Why the downstream connection ends, for the upstream one. */
const BY_PEER = 0;
const BY_RESET = 1;
const BY_US = 2;

/** One connection to an upstream, or through one (`tunneling_config`), for each of a client. Behaviour: Envoy `source/common/tcp_proxy/tcp_proxy.cc`. */
export class TcpProxySession
  implements Session, TransportHandler, PoolClient, PoolSource, UpstreamWatermarks, TimerOwner
{
  readonly stream: ConnectionStream;
  readonly response = new ResponseHead();
  readonly passesInterim = false;
  readonly keepsHalfOpen = true;
  readonly upstreamBytes: BytesMeter;
  private readonly proxy: TcpProxyRuntime;
  private readonly owner: SessionOwner;
  private readonly selection: ConnectionHostSelection;
  private readonly transport: Transport;
  /** Asked for a connection, which is not there yet. */
  private pool: Pool | null = null;
  private upstream: UpstreamConnection | null = null;
  /** Who has been asked for a tunnel, and has not answered. */
  private asked: RequestEncoder | null = null;
  /** Where the client's bytes go. */
  private encoder: RequestEncoder | null = null;
  private closed = false;
  /** What came before there was anywhere to send it: TLS gives out what has come with the end of the handshake, paused or not. */
  private early: Buffer | null = null;
  /** What is written may leave (TLS: after the handshake). */
  private ready: boolean;
  /** Each side has said its last byte. */
  private downstreamEnded = false;
  private upstreamEnded = false;
  private endedBy = BY_PEER;
  private readonly idleTimer = new Timer(this, IDLE_TIMER);
  private readonly durationTimer = new Timer(this, DURATION_TIMER);
  private readonly backOffTimer = new Timer(this, BACK_OFF_TIMER);
  private readonly logTimer = new Timer(this, LOG_TIMER);

  constructor(proxy: TcpProxyRuntime, owner: SessionOwner, stream: ConnectionStream) {
    this.proxy = proxy;
    this.owner = owner;
    this.stream = stream;
    this.upstreamBytes = stream.upstreamBytes;
    this.selection = new ConnectionHostSelection(stream, proxy.random, proxy.plan.hashesSourceIp);
    this.ready = !owner.secure;
    this.transport = owner.openTransport(stream.connection, this, proxy.stats);
    proxy.stats.cxTotal.value++;
  }

  begin(): void {
    const { plan, net, random } = this.proxy;
    const { timers, turn } = net;
    if (plan.maxDurationMs > 0) {
      const jitter = plan.durationJitter > 0 ? 1 + plan.durationJitter * random() : 1;
      timers.arm(this.durationTimer, turn.now, plan.maxDurationMs * jitter);
    }
    if (plan.logsOnStart) this.log("TcpConnectionStart");
    if (plan.logIntervalMs > 0) timers.arm(this.logTimer, turn.now, plan.logIntervalMs);
    // What the client says has nowhere to go yet. (A handshake has to be read.)
    if (this.ready) this.transport.pauseReading();
    this.transport.start();
    if (plan.tunnel !== null) this.armIdle();
    this.connect();
  }

  /** Connections of a chain that is gone have a while to end by themselves. */
  drain(): void {
    const { timers, turn } = this.proxy.net;
    if (!this.durationTimer.armed || this.durationTimer.deadline > turn.now + DRAIN_MS) {
      timers.arm(this.durationTimer, turn.now, DRAIN_MS);
    }
  }

  destroy(): void {
    this.closeNow();
  }

  // Connecting

  private connect(): void {
    const { stream, proxy } = this;
    const { plan, stats } = proxy;
    const cluster = this.chooseCluster();
    if (cluster === null) {
      stats.cxNoRoute.value++;
      stream.addFlag("NC");
      this.closeNow();
      return;
    }
    stream.cluster = cluster;
    if (!cluster.use.of(0).connections.canCreate()) {
      stream.addFlag("UO");
      cluster.stats.cxOverflow.value++;
      this.closeNow();
      return;
    }
    if (stream.attemptCount >= plan.maxConnectAttempts) {
      stream.addFlag("URX");
      cluster.stats.cxConnectAttemptsExceeded.value++;
      this.closeNow();
      return;
    }
    const host = cluster.chooseHost(this.selection, 0);
    if (host === null) {
      stream.addFlag("UH");
      this.closeNow();
      return;
    }
    stream.startAttempt();
    cluster.preconnect(this.selection, this);
    const pool = this.poolOf(cluster, host);
    this.pool = pool;
    stream.host = host;
    if (!pool.newStream(this)) this.pool = null;
  }

  poolOf({ plan: { poolPerConnection } }: Cluster, host: Host): Pool {
    const { connection } = this.stream;
    const origin = host.proxyHeader === null ? null : originOf(connection);
    if (this.proxy.plan.tunnel === null) {
      return origin === null ? host.tunnelPool(0) : host.namedPool(0, "", "", origin, "tunnel");
    }
    // Between proxies of ours HTTP/2 carries requests, not what a connection becomes.
    const protocol = host.protocol === "peer" ? "http1" : host.protocol;
    return host.namedPool(0, "", "", origin, protocol, poolPerConnection ? connection.id : 0);
  }

  private chooseCluster(): Cluster | null {
    const { plan, random, findCluster } = this.proxy;
    const { clusterName } = this.stream;
    this.selection.routed = plan.metadataMatch;
    if (clusterName !== null) return findCluster(clusterName);
    const { clusters, totalWeight } = plan;
    let i = 0;
    if (clusters.length > 1) {
      for (let left = random() * totalWeight; i < clusters.length - 1; i++) if ((left -= clusters[i].weight) < 0) break;
    }
    const { cluster, metadataMatch } = clusters[i];
    this.selection.routed = metadataMatch;
    return cluster.current;
  }

  // PoolClient

  onPoolReady(encoder: RequestEncoder, connection: UpstreamConnection): void {
    const { stream, proxy } = this;
    const { tunnel } = proxy.plan;
    this.pool = null;
    this.upstream = connection;
    // Of HTTP/2, each stream has its own.
    if (!connection.multiplexes) connection.watermarks = this;
    stream.host = connection.host;
    const { upstreamInfo } = stream;
    upstreamInfo?.onConnection(connection, proxy.net.turn.now);
    if (upstreamInfo !== null) upstreamInfo.protocol = "";
    if (tunnel === null) this.connected(connection, encoder);
    else {
      this.asked = encoder;
      encoder.encodeHead(tunnelRequest(tunnel, stream, connection.tls !== null), false);
    }
  }

  private connected({ host }: UpstreamConnection, encoder: RequestEncoder): void {
    this.encoder = encoder;
    host.outlier?.onConnectedFinally();
    if (this.proxy.plan.logsOnConnected) this.log("TcpUpstreamConnected");
    this.armIdle();
    if (!this.ready) encoder.pauseResponse();
    const { early } = this;
    this.early = null;
    if (early !== null) {
      const buffer = new ReadBuffer(early.length, true);
      buffer.bytes.set(early);
      encoder.encodeData(buffer, 0, early.length, false);
    }
    this.transport.resumeReading();
    if (this.downstreamEnded) this.endRequest(encoder);
  }

  onPoolFailure(reason: StreamResetReason, transportFailure: string, atHost: boolean): void {
    const { stream } = this;
    this.pool = null;
    if (!atHost) stream.host = null;
    if (transportFailure !== "") stream.transportFailure = transportFailure;
    if (reason === "connection timeout") {
      stream.host?.outlier?.onTimeout(504);
      stream.addFlag("UF");
    } else if (reason === "remote connection failure") this.countFailure();
    this.retry();
  }

  private countFailure(): void {
    this.stream.host?.outlier?.onConnectFailed();
    this.stream.addFlag("UF");
  }

  private retry(): void {
    if (this.closed) return;
    const { stream } = this;
    const { plan, net, random } = this.proxy;
    if (plan.backOff === null || stream.attemptCount >= plan.maxConnectAttempts) this.connect();
    else {
      // Envoy JitteredExponentialBackOffStrategy: full jitter.
      const { baseMs, maxMs } = plan.backOff;
      const ceiling = Math.min(maxMs, baseMs * 2 ** (stream.attemptCount - 1));
      net.timers.arm(this.backOffTimer, net.turn.now, Math.floor(random() * ceiling));
    }
  }

  // From the client

  onRead(buffer: ReadBuffer, length: number): void {
    const { stream, encoder } = this;
    stream.bytesReceived += length;
    stream.downstreamBytes.wireReceived += length;
    if (encoder === null) {
      this.keep(buffer, length);
      return;
    }
    encoder.encodeData(buffer, 0, length, false);
    this.transport.useLargeReads(length >= LONG_READ_BYTES);
    this.armIdle();
  }

  private keep(buffer: ReadBuffer, length: number): void {
    if (this.closed || this.upstreamEnded) return;
    const bytes = Buffer.from(buffer.bytes.subarray(0, length));
    // cold: only with the end of a handshake
    this.early = this.early === null ? bytes : Buffer.concat([this.early, bytes]);
  }

  onEnd(): void {
    this.downstreamEnded = true;
    if (this.encoder !== null) this.endRequest(this.encoder);
  }

  private endRequest(encoder: RequestEncoder): void {
    encoder.encodeData(NOTHING, 0, 0, true);
    if (this.upstreamEnded) this.upstream = this.encoder = null;
    else if (this.endsWhole) this.transport.closeAfterFlush();
  }

  /** A tunnel of HTTP/1.1 does not outlive the end of one direction (RFC 9110 §9.3.6). */
  private get endsWhole(): boolean {
    return this.proxy.plan.tunnel !== null && this.upstream?.multiplexes === false;
  }

  /** The handshake is over. */
  onConnect(): void {
    this.ready = true;
    if (this.encoder === null) this.transport.pauseReading();
    else this.encoder.resumeResponse();
  }

  onClose(cause: string): void {
    const { net } = this.proxy;
    this.closed = true;
    if (cause === "ECONNRESET" && this.endedBy !== BY_US) this.endedBy = BY_RESET;
    net.timers.disarm(this.idleTimer);
    net.timers.disarm(this.durationTimer);
    net.timers.disarm(this.backOffTimer);
    net.timers.disarm(this.logTimer);
    const { pool, endedBy } = this;
    this.pool = null;
    pool?.cancel(this, this.proxy.plan.tunnel === null);
    if (this.asked !== null) this.stream.addFlag("UF");
    this.leave(endedBy === BY_RESET ? "reset" : endedBy === BY_US ? "now" : "flush");
    this.log("TcpConnectionEnd");
    this.owner.onConnectionClosed(this, net.turn.now - this.stream.startedAt);
  }

  /** Is done with the upstream. */
  private leave(how: "flush" | "now" | "reset"): void {
    const { upstream, asked, encoder } = this;
    this.upstream = this.asked = this.encoder = null;
    if (upstream === null) return;
    if (!upstream.multiplexes) upstream.release(how === "reset" && this.proxy.plan.tunnel !== null ? "now" : how);
    else {
      upstream.countReset("local reset");
      (encoder ?? asked)?.cancel();
    }
  }

  onAboveWatermark(): void {
    this.encoder?.pauseResponse();
  }

  onBelowWatermark(): void {
    this.encoder?.resumeResponse();
  }

  // From the upstream

  onInterimResponse(_status: number, _headers: HeaderBlock): void {
    // There is no HTTP.
  }

  /** Of what is no tunnel: the connection is there, which is known. */
  onResponseHead(endStream: boolean): void {
    const { asked, upstream, stream, response } = this;
    const { tunnel } = this.proxy.plan;
    if (asked === null || upstream === null || tunnel === null) return;
    const { status, headers } = response;
    if (tunnel.keepsHeaders) this.keepForLogs(RESPONSE_HEADERS_STATE, new KeptHeaders(status, headers));
    if (endStream || !opensTunnel(status, upstream.multiplexes)) {
      stream.transportFailure = `tunnel_response:${status}`;
      this.countFailure();
      this.leave("now");
      this.retry();
      return;
    }
    this.asked = null;
    this.connected(upstream, asked);
  }

  private keepForLogs(name: string, headers: KeptHeaders): void {
    (this.stream.filterStateObjects ??= new Map()).set(name, headers);
  }

  onResponseTrailers(trailers: HeaderBlock): void {
    if (this.proxy.plan.tunnel?.keepsTrailers === true) {
      this.keepForLogs(RESPONSE_TRAILERS_STATE, new KeptHeaders(0, trailers));
    }
    this.onResponseEnd();
  }

  onResponseData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    const { stream, transport } = this;
    if (end > start) {
      const { upstreamInfo } = stream;
      if (upstreamInfo !== null && upstreamInfo.firstReceivedAt === 0) upstreamInfo.firstReceivedAt = stream.now;
      stream.bytesSent += end - start;
      stream.downstreamBytes.wireSent += end - start;
      transport.writeBytes(buffer, start, end);
      this.armIdle();
    }
    if (endStream) this.onResponseEnd();
  }

  private onResponseEnd(): void {
    const { transport } = this;
    const whole = this.downstreamEnded || this.endsWhole;
    this.upstreamEnded = true;
    if (whole) {
      this.upstream = this.encoder = null;
      transport.closeAfterFlush();
    } else transport.endWriting();
  }

  /** The upstream connection is gone. */
  onResponseReset(reason: StreamResetReason): void {
    const { tunnel } = this.proxy.plan;
    const unanswered = this.asked !== null;
    this.upstream = this.asked = this.encoder = null;
    if (unanswered) {
      this.countFailure();
      this.retry();
    } else if (reason === "remote reset" && tunnel === null) {
      this.stream.addFlag("UR");
      this.transport.reset();
    } else this.transport.closeAfterFlush();
  }

  onUpstreamAboveWatermark(): void {
    this.proxy.stats.flowControlPaused.value++;
    if (this.stream.cluster !== null) this.stream.cluster.stats.flowControlBackedUp.value++;
    this.transport.pauseReading();
  }

  onUpstreamBelowWatermark(): void {
    this.proxy.stats.flowControlResumed.value++;
    if (this.stream.cluster !== null) this.stream.cluster.stats.flowControlDrained.value++;
    this.transport.resumeReading();
  }

  // Time

  onTimer(kind: number): void {
    const { stats, net, plan } = this.proxy;
    switch (kind) {
      case IDLE_TIMER:
        stats.idleTimeout.value++;
        this.closeNow();
        break;
      case DURATION_TIMER:
        stats.maxDuration.value++;
        this.stream.addFlag("DT");
        this.closeNow();
        break;
      case BACK_OFF_TIMER:
        this.connect();
        break;
      default:
        this.log("TcpPeriodic");
        net.timers.arm(this.logTimer, net.turn.now, plan.logIntervalMs);
    }
  }

  private armIdle(): void {
    const { plan, net } = this.proxy;
    if (plan.idleTimeoutMs > 0) net.timers.arm(this.idleTimer, net.turn.now, plan.idleTimeoutMs);
  }

  private closeNow(): void {
    this.endedBy = BY_US;
    // What listener filters have seen and nobody has read would make the kernel say so.
    if (this.transport.bytesRead === 0 && this.stream.connection.early !== null) this.transport.reset();
    else this.transport.destroy();
  }

  private log(type: AccessLogType): void {
    this.proxy.logs?.write(this.stream, type);
  }
}

const NOTHING = new ReadBuffer(0);
