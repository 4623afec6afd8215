/** Mirroring: copies of a request that go to other clusters, and whose answers nobody waits for. Envoy `source/common/router/shadow_writer_impl.cc`. */
import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import { BytesMeter } from "../codec/bytes-meter.ts";
import { RequestHead, type RequestEncoder, ResponseHead } from "../codec/messages.ts";
import type { MirrorPlan } from "../plan/plan.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Host } from "../upstream/host.ts";
import type { PoolClient } from "../upstream/pool.ts";
import type { UpstreamConnection, UpstreamWatermarks } from "../upstream/upstream-connection.ts";
import type { Exchange } from "./exchange.ts";
import { RequestBody } from "./request-body.ts";
import type { HttpContext } from "./runtime.ts";

/** The mirrors that this request is among the fraction of. CONNECT is never mirrored. */
export function chooseMirrors(exchange: Exchange, mirrors: readonly MirrorPlan[], chosen: MirrorPlan[]): void {
  if (exchange.switchesProtocol) return;
  for (const mirror of mirrors) {
    if (mirror.fraction >= 1 || exchange.context.random() < mirror.fraction) chosen.push(mirror);
  }
}

/** The request is complete: off with its copies. */
export function sendShadows(
  exchange: Exchange,
  mirrors: readonly MirrorPlan[],
  body: RequestBody,
  timeoutMs: number,
): void {
  const { context, request } = exchange;
  for (const { cluster: ref, clusterHeader, appendShadow } of mirrors) {
    const named = ref ?? context.findCluster(request.header(clusterHeader) ?? "");
    const cluster = named?.current ?? null;
    const host = cluster === null ? null : cluster.chooseHost(exchange.router);
    if (cluster === null) continue;
    if (host === null) {
      cluster.stats.cxNoneHealthy.value++;
      continue;
    }
    const shadow = new ShadowRequest(context, request, body, cluster);
    if (appendShadow) shadow.head.authority = shadowHost(request.authority);
    shadow.start(host, timeoutMs);
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
  private readonly body = new RequestBody();
  private readonly timer = new Timer(this, 0);
  private encoder: RequestEncoder | null = null;
  private host: Host | null = null;
  private waiting = false;
  private startedAt = 0;

  constructor(context: HttpContext, head: RequestHead, body: RequestBody, cluster: Cluster) {
    this.context = context;
    this.cluster = cluster;
    this.head.copyFrom(head);
    this.body.copyFrom(body);
  }

  start(host: Host, timeoutMs: number): void {
    const { timers, turn } = this.context.net;
    this.host = host;
    this.startedAt = turn.now;
    if (timeoutMs > 0) timers.arm(this.timer, turn.now, timeoutMs);
    this.waiting = host.pool(0).newStream(this);
  }

  onPoolReady(encoder: RequestEncoder, connection: UpstreamConnection): void {
    this.waiting = false;
    this.encoder = encoder;
    connection.watermarks = this;
    const { body } = this;
    encoder.encodeHead(this.head, body.isEmpty);
    if (!body.isEmpty) body.sendTo(encoder, true);
    body.clear();
  }

  onPoolFailure(): void {
    this.cluster.stats.countStatus(503);
    this.end();
  }

  on100Continue(): void {
    // Nobody waits for it.
  }

  onResponseHead(endStream: boolean): void {
    const { status } = this.response;
    this.cluster.stats.countStatus(status);
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
    this.cluster.stats.rqRxReset.value++;
    if (this.response.status === 0) this.cluster.stats.countStatus(503);
    this.end();
  }

  onUpstreamAboveWatermark(): void {
    // The whole body has been handed over already.
  }

  onUpstreamBelowWatermark(): void {
    // As above.
  }

  onTimer(): void {
    const { encoder, host, cluster } = this;
    if (this.waiting) host?.pool(0).cancel(this);
    cluster.stats.rqTimeout.value++;
    if (this.response.status === 0) cluster.stats.countStatus(504);
    this.end();
    if (encoder !== null) {
      cluster.stats.rqTxReset.value++;
      encoder.cancel();
    }
  }

  private complete(): void {
    this.cluster.stats.rqTime.record(this.context.net.turn.now - this.startedAt);
    this.end();
  }

  private end(): void {
    this.context.net.timers.disarm(this.timer);
    this.waiting = false;
    this.encoder = null;
  }
}
