import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import { BytesMeter } from "../codec/bytes-meter.ts";
import type { HeaderBlock } from "../codec/header-block.ts";
import { type RequestEncoder, type RequestHead, ResponseHead, type StreamResetReason } from "../codec/messages.ts";
import type { ReadBuffer } from "../codec/read-buffer.ts";
import type { NetContext } from "../net/context.ts";
import type { PeerMetadataPlan } from "../plan/peer-metadata.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Host } from "../upstream/host.ts";
import type { PoolClient } from "../upstream/pool.ts";
import type { UpstreamConnection, UpstreamWatermarks } from "../upstream/upstream-connection.ts";
import { reportResponse } from "./outlier-reports.ts";
import { introduce } from "./peer-metadata.ts";
import { RequestBody } from "./request-body.ts";

/** Hears once how a request ended. */
export interface AsyncCallbacks {
  /** The response's head, whatever its status; what it is part of goes on to change. */
  onHead?(response: ResponseHead): void;
  /** Bytes of its body. */
  onData?(buffer: ReadBuffer, start: number, end: number): void;
  /** The response is there, whole. What fails before it begins has the status that a client would have got: 503, 504. */
  onResponse(status: number): void;
  /** The response broke off. */
  onReset(): void;
  /** The request was taken back. */
  onCancel?(): void;
}

export interface AsyncRequestOptions {
  readonly isGrpc: boolean;
  /** From the end of the request; 0 for none. */
  readonly timeoutMs: number;
  /** How much of the body waits for a connection; beyond it the request is taken back. */
  readonly bufferLimitBytes: number;
  readonly callbacks: AsyncCallbacks | null;
  /** What a proxy that is first on its connection hears of us. */
  readonly tells?: PeerMetadataPlan["tells"];
}

/**
 * A request that no client waits for: a copy, or the proxy's own. Its body may come while it is under way. It counts in its cluster's
 * stats and outlives whoever made it.
 */
export class AsyncRequest implements PoolClient, UpstreamWatermarks, TimerOwner {
  readonly response = new ResponseHead();
  readonly passesInterim = false;
  readonly keepsHalfOpen = false;
  readonly upstreamBytes = new BytesMeter();
  private readonly net: NetContext;
  private readonly cluster: Cluster;
  private readonly head: RequestHead;
  private readonly options: AsyncRequestOptions;
  /** What came before there was a connection. */
  private readonly body = new RequestBody();
  private readonly timer = new Timer(this, 0);
  private encoder: RequestEncoder | null = null;
  private host: Host | null = null;
  private waiting = false;
  private over = false;
  private ended = false;
  private startedAt = 0;

  /** @param head is kept */
  constructor(net: NetContext, cluster: Cluster, head: RequestHead, options: AsyncRequestOptions) {
    this.net = net;
    this.cluster = cluster;
    this.head = head;
    this.options = options;
  }

  /** @param ended there is no body */
  start(host: Host, ended: boolean): void {
    this.host = host;
    this.startedAt = this.net.turn.now;
    if (ended) this.endRequest();
    if (host.pool(0).newStream(this)) this.waiting = true;
  }

  private endRequest(): void {
    const { timers, turn } = this.net;
    const { timeoutMs } = this.options;
    this.ended = true;
    if (timeoutMs > 0) timers.arm(this.timer, turn.now, timeoutMs);
  }

  sendData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    if (this.over) return;
    if (endStream) this.endRequest();
    if (this.encoder !== null) this.encoder.encodeData(buffer, start, end, endStream);
    else this.body.add(buffer, start, end);
    if (this.body.bytes > this.options.bufferLimitBytes) this.cancel();
  }

  sendTrailers(trailers: HeaderBlock): void {
    if (this.over) return;
    this.endRequest();
    if (this.encoder !== null) this.encoder.encodeTrailers(trailers);
    else this.body.addTrailers(trailers);
  }

  onPoolReady(encoder: RequestEncoder, connection: UpstreamConnection): void {
    const { body, ended } = this;
    this.waiting = false;
    this.encoder = encoder;
    this.host?.outlier?.onConnected();
    connection.watermarks = this;
    this.introduce(connection);
    encoder.encodeHead(this.head, ended && body.isEmpty);
    if (!body.isEmpty) body.sendTo(encoder, ended);
    body.clear();
  }

  private introduce(connection: UpstreamConnection): void {
    const { tells } = this.options;
    if (tells === undefined || tells === null || connection.introduced) return;
    connection.introduced = true;
    introduce(this.head.headers, tells, connection.tls);
  }

  onPoolFailure(reason: StreamResetReason): void {
    if (reason !== "overflow") this.host?.outlier?.onConnectFailed();
    this.fail(503);
  }

  onInterimResponse(status: number): void {
    this.cluster.stats.countStatus(status, true, this.host);
  }

  onResponseHead(endStream: boolean): void {
    const { cluster, host, response, options } = this;
    const { status } = response;
    cluster.stats.countStatus(status, true, host);
    if (host !== null) {
      if (host.outlier !== null) reportResponse(cluster, host, response, options.isGrpc);
      if (status >= 500) host.requestsFailed++;
      else host.requestsSucceeded++;
    }
    options.callbacks?.onHead?.(response);
    if (endStream && !this.over) this.complete();
  }

  onResponseData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    if (end > start) this.options.callbacks?.onData?.(buffer, start, end);
    if (endStream && !this.over) this.complete();
  }

  onResponseTrailers(): void {
    this.complete();
  }

  onResponseReset(): void {
    this.host?.outlier?.onConnectFailed();
    this.fail(503);
  }

  /** It does not keep up with the request, which must not wait for it. */
  onUpstreamAboveWatermark(): void {
    if (!this.ended) this.cancel();
  }

  onUpstreamBelowWatermark(): void {
    // Nothing was paused.
  }

  onTimer(): void {
    this.cluster.stats.rqTimeout.value++;
    if (this.response.status === 0) this.host?.outlier?.onTimeout(504);
    this.withdraw();
    this.fail(504);
  }

  /** Whoever hears of its end hears that it was taken back. */
  cancel(): void {
    if (this.over) return;
    this.withdraw();
    this.options.callbacks?.onCancel?.();
  }

  private withdraw(): void {
    const { encoder, host } = this;
    if (this.waiting) host?.pool(0).cancel(this);
    this.end();
    encoder?.cancel();
  }

  /** @param status what stands for a response that has not begun */
  private fail(status: number): void {
    const { callbacks } = this.options;
    this.end();
    if (this.response.status !== 0) {
      callbacks?.onReset();
      return;
    }
    this.cluster.stats.countStatus(status, true, this.host);
    callbacks?.onResponse(status);
  }

  private complete(): void {
    this.cluster.stats.recordTime(this.net.turn.now - this.startedAt, true, this.host);
    this.end();
    this.options.callbacks?.onResponse(this.response.status);
  }

  private end(): void {
    this.net.timers.disarm(this.timer);
    this.waiting = false;
    this.encoder = null;
    this.over = true;
    this.body.clear();
  }
}
