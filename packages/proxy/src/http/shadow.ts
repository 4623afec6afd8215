/**
 * Mirroring: copies of a request that go to other clusters while it is received, and whose answers nobody waits for. Envoy
 * `source/common/router/shadow_writer_impl.cc`, streaming as of 1.40.
 */
import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import { BytesMeter } from "../codec/bytes-meter.ts";
import type { HeaderBlock } from "../codec/header-block.ts";
import { X_ENVOY_INTERNAL, X_FORWARDED_FOR } from "../codec/header-names.ts";
import { RequestHead, type RequestEncoder, ResponseHead, type StreamResetReason } from "../codec/messages.ts";
import type { ReadBuffer } from "../codec/read-buffer.ts";
import type { MirrorPlan } from "../plan/plan.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Host } from "../upstream/host.ts";
import type { PoolClient } from "../upstream/pool.ts";
import type { UpstreamConnection, UpstreamWatermarks } from "../upstream/upstream-connection.ts";
import { firstHeader } from "../plan/request-matchers.ts";
import type { Exchange } from "./exchange.ts";
import { reportResponse } from "./outlier-reports.ts";
import { RequestBody } from "./request-body.ts";
import type { HttpContext } from "./runtime.ts";

/** The copies of one exchange's request, while it is still being received; part of its router. */
export class Shadows {
  private readonly requests: ShadowRequest[] = [];

  /** The head is final: off with a copy to each mirror whose share this request is among. CONNECT is never mirrored. */
  start(exchange: Exchange, mirrors: readonly MirrorPlan[], timeoutMs: number): void {
    if (exchange.switchesProtocol) return;
    const { context, request } = exchange;
    for (const { cluster: ref, clusterHeader, appendShadow, fraction } of mirrors) {
      if (fraction < 1 && context.random() >= fraction) continue;
      const named = ref ?? context.findCluster(firstHeader(request, clusterHeader));
      const cluster = named?.current ?? null;
      if (cluster === null) continue;
      const host = cluster.chooseHost(exchange.router.selection, 0);
      if (host === null) continue;
      const shadow = new ShadowRequest(exchange, cluster, timeoutMs, exchange.requestEnded);
      if (appendShadow) shadow.head.authority = shadowHost(request.authority);
      if (!exchange.requestEnded) this.requests.push(shadow);
      shadow.start(host);
    }
  }

  onData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    const { requests } = this;
    for (let i = 0; i < requests.length; i++) requests[i].onRequestData(buffer, start, end, endStream);
    if (endStream && requests.length > 0) requests.length = 0;
  }

  onTrailers(trailers: HeaderBlock): void {
    for (const shadow of this.requests) shadow.onRequestTrailers(trailers);
    if (this.requests.length > 0) this.requests.length = 0;
  }

  /** The exchange is over. Copies of complete requests go on; of others there will be no more. */
  end(): void {
    if (this.requests.length === 0) return;
    for (const shadow of this.requests) shadow.cancel();
    this.requests.length = 0;
  }
}

/** `cats.com:8080` → `cats.com-shadow:8080`. */
function shadowHost(authority: string): string {
  const bracket = authority.lastIndexOf("]");
  const colon = authority.indexOf(":", bracket < 0 ? 0 : bracket);
  return colon < 0 ? `${authority}-shadow` : `${authority.slice(0, colon)}-shadow${authority.slice(colon)}`;
}

/** One copy under way. Outlives the exchange that it was made of. */
class ShadowRequest implements PoolClient, UpstreamWatermarks, TimerOwner {
  readonly head = new RequestHead();
  readonly response = new ResponseHead();
  readonly wants100Continue = false;
  readonly upstreamBytes = new BytesMeter();
  private readonly context: HttpContext;
  private readonly cluster: Cluster;
  private readonly timeoutMs: number;
  private readonly bufferLimitBytes: number;
  /** What came before there was a connection. */
  private readonly isGrpc: boolean;
  private readonly body = new RequestBody();
  private readonly timer = new Timer(this, 0);
  private encoder: RequestEncoder | null = null;
  private host: Host | null = null;
  private waiting = false;
  private over = false;
  private ended: boolean;
  private startedAt = 0;

  constructor(exchange: Exchange, cluster: Cluster, timeoutMs: number, ended: boolean) {
    this.context = exchange.context;
    this.isGrpc = exchange.isGrpc;
    this.cluster = cluster;
    this.timeoutMs = timeoutMs;
    this.bufferLimitBytes = exchange.connection?.bufferLimitBytes ?? 0;
    this.ended = ended;
    this.head.copyFrom(exchange.request);
    const { headers } = this.head;
    // The copy is a request of the proxy's own (Envoy `AsyncStreamImpl::sendHeaders`).
    headers.set(X_ENVOY_INTERNAL, "true");
    const before = headers.get(X_FORWARDED_FOR);
    const { localAddress } = exchange.context.sources;
    headers.set(X_FORWARDED_FOR, before === "" ? localAddress : `${before},${localAddress}`);
  }

  start(host: Host): void {
    const { turn } = this.context.net;
    this.host = host;
    this.startedAt = turn.now;
    if (this.ended) this.armTimer();
    if (host.pool(0).newStream(this)) this.waiting = true;
  }

  private armTimer(): void {
    const { timers, turn } = this.context.net;
    if (this.timeoutMs > 0 && !this.over) timers.arm(this.timer, turn.now, this.timeoutMs);
  }

  onPoolReady(encoder: RequestEncoder, connection: UpstreamConnection): void {
    const { body, ended } = this;
    this.waiting = false;
    this.encoder = encoder;
    this.host?.outlier?.onConnected();
    connection.watermarks = this;
    encoder.encodeHead(this.head, ended && body.isEmpty);
    if (!body.isEmpty) body.sendTo(encoder, ended);
    body.clear();
  }

  onRequestData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    if (this.over) return;
    if (endStream) {
      this.ended = true;
      this.armTimer();
    }
    if (this.encoder !== null) this.encoder.encodeData(buffer, start, end, endStream);
    else this.body.add(buffer, start, end);
    // A copy must not make the request itself wait.
    if (this.body.bytes > this.bufferLimitBytes) this.cancel();
  }

  onRequestTrailers(trailers: HeaderBlock): void {
    if (this.over) return;
    this.ended = true;
    this.armTimer();
    if (this.encoder !== null) this.encoder.encodeTrailers(trailers);
    else this.body.addTrailers(trailers);
  }

  onPoolFailure(reason: StreamResetReason): void {
    if (reason !== "overflow") this.host?.outlier?.onConnectFailed();
    this.cluster.stats.countStatus(503);
    this.end();
  }

  on100Continue(): void {
    // Nobody waits for it.
  }

  onResponseHead(endStream: boolean): void {
    const { cluster, host, response } = this;
    const { status } = response;
    if (host !== null && host.outlier !== null) reportResponse(cluster, host, response, this.isGrpc);
    cluster.stats.countStatus(status);
    if (this.host !== null) {
      if (status >= 500) this.host.requestsFailed++;
      else this.host.requestsSucceeded++;
    }
    if (endStream) this.complete();
  }

  onResponseData(_buffer: unknown, _start: number, _end: number, endStream: boolean): void {
    if (endStream) this.complete();
  }

  onResponseTrailers(): void {
    this.complete();
  }

  onResponseReset(): void {
    this.host?.outlier?.onConnectFailed();
    if (this.response.status === 0) this.cluster.stats.countStatus(503);
    this.end();
  }

  /** It does not keep up with the request. */
  onUpstreamAboveWatermark(): void {
    if (!this.ended) this.cancel();
  }

  onUpstreamBelowWatermark(): void {
    // Nothing was paused.
  }

  onTimer(): void {
    const { cluster } = this;
    cluster.stats.rqTimeout.value++;
    if (this.response.status === 0) {
      this.host?.outlier?.onTimeout(504);
      cluster.stats.countStatus(504);
    }
    this.cancel();
  }

  cancel(): void {
    const { encoder, host } = this;
    if (this.over) return;
    if (this.waiting) host?.pool(0).cancel(this);
    this.end();
    encoder?.cancel();
  }

  private complete(): void {
    this.cluster.stats.rqTime.record(this.context.net.turn.now - this.startedAt);
    this.end();
  }

  private end(): void {
    this.context.net.timers.disarm(this.timer);
    this.waiting = false;
    this.encoder = null;
    this.over = true;
    this.body.clear();
  }
}
