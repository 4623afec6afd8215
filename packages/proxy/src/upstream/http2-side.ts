import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import { Http2ClientCodec } from "../codec/http2/client-codec.ts";
import type { ByteSink, MultiplexingClientHost } from "../codec/messages.ts";
import type { Http2Plan } from "../plan/http2-options.ts";
import type { ClusterUse } from "./cluster-use.ts";

const PING_TIMER = 0;
const PONG_TIMER = 1;

/** What an HTTP/2 connection tells whose it is. */
export interface Http2Owner {
  onStreamEnd(): void;
  onRoomChanged(): void;
  onGoAway(): void;
  onHttp2Broken(): void;
  /** It has not answered a PING. */
  onNoSign(): void;
}

/** An upstream connection's codec where it speaks HTTP/2, and the signs of life that it asks for (`connection_keepalive`). */
export class Http2Side implements MultiplexingClientHost, TimerOwner {
  readonly codec: Http2ClientCodec;
  private readonly owner: Http2Owner;
  private readonly use: ClusterUse;
  private readonly plan: Http2Plan;
  private readonly pingTimer = new Timer(this, PING_TIMER);
  private readonly pongTimer = new Timer(this, PONG_TIMER);
  /** When a request was last under way. */
  private idleSince = 0;

  constructor(owner: Http2Owner, use: ClusterUse, plan: Http2Plan, sink: ByteSink) {
    this.owner = owner;
    this.use = use;
    this.plan = plan;
    this.codec = new Http2ClientCodec(this, sink, plan, use.http2Stats);
  }

  /** The connection is there. */
  begin(): void {
    this.codec.begin();
    this.idleSince = this.use.net.turn.now;
    this.armPing();
  }

  /** A request begins: first a sign of life, where the connection has been silent for long. */
  beforeStream(): void {
    const { keepalive } = this.plan;
    if (keepalive === null || keepalive.idleIntervalMs === 0 || this.codec.activeStreams > 0) return;
    if (this.use.net.turn.now - this.idleSince >= keepalive.idleIntervalMs) this.ping();
  }

  /** The connection is gone. */
  stop(): void {
    const { timers } = this.use.net;
    timers.disarm(this.pingTimer);
    timers.disarm(this.pongTimer);
  }

  private armPing(): void {
    const { keepalive } = this.plan;
    if (keepalive === null || keepalive.intervalMs === 0) return;
    const { net, random } = this.use;
    const jitter = (random() * keepalive.intervalMs * keepalive.jitterPercent) / 100;
    net.timers.arm(this.pingTimer, net.turn.now, keepalive.intervalMs + jitter);
  }

  private ping(): void {
    const { keepalive } = this.plan;
    if (keepalive === null || this.pongTimer.armed) return;
    this.codec.ping();
    this.use.net.timers.arm(this.pongTimer, this.use.net.turn.now, keepalive.timeoutMs);
  }

  onTimer(kind: number): void {
    if (kind === PING_TIMER) {
      this.ping();
      return;
    }
    this.use.http2Stats.keepaliveTimeout.value++;
    this.owner.onNoSign();
  }

  // MultiplexingClientHost

  onStreamEnd(): void {
    if (this.codec.activeStreams === 0) this.idleSince = this.use.net.turn.now;
    this.owner.onStreamEnd();
  }

  onSettings(): void {
    this.owner.onRoomChanged();
  }

  onGoAway(): void {
    this.owner.onGoAway();
  }

  onBroken(): void {
    this.owner.onHttp2Broken();
  }

  onPong(): void {
    this.use.net.timers.disarm(this.pongTimer);
    this.armPing();
  }
}
