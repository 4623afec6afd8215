import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import { type FlushingStream, Http2ServerCodec, type Http2ServerHost } from "../codec/http2/server-codec.ts";
import type {
  ByteSink,
  HttpProtocol,
  RequestReceiver,
  ResponseEncoder,
  ServerCodec,
  StreamReset,
} from "../codec/messages.ts";
import type { ReadBuffer } from "../codec/read-buffer.ts";
import type { Http2Plan } from "../plan/http2-options.ts";
import type { Http2CodecStats } from "../stats/http2-codec-stats.ts";
import type { HttpContext } from "./runtime.ts";

const PING_TIMER = 0;
const PONG_TIMER = 1;
const FLUSH_TIMER = 2;

/** What an HTTP/2 session needs of its connection. */
export interface Http2SessionOwner {
  onRequestStart(encoder: ResponseEncoder): RequestReceiver;
  /** The last stream has gone. */
  onIdle(): void;
  /** The client broke the protocol, or floods us. */
  onBroken(protocolError: boolean): void;
  /** The client has not answered a PING: it is not there any more. */
  onSilence(): void;
}

/** A response whose client does not take it, and until when it may wait. */
interface Flushing {
  readonly stream: FlushingStream;
  readonly deadline: number;
}

/** As many as may be open at a time, by default. */
const MANY_FLUSHING = 1_024;

/** HTTP/2 on a client's connection: its codec, and what needs a clock: signs of life, and responses that nobody takes. */
export class Http2Session implements ServerCodec, Http2ServerHost, TimerOwner {
  readonly messageProtocol: HttpProtocol;
  private readonly context: HttpContext;
  private readonly owner: Http2SessionOwner;
  private readonly plan: Http2Plan;
  private readonly stats: Http2CodecStats;
  private readonly flushTimeoutMs: number;
  private readonly codec: Http2ServerCodec;
  private readonly pingTimer = new Timer(this, PING_TIMER);
  private readonly pongTimer = new Timer(this, PONG_TIMER);
  private readonly flushTimer = new Timer(this, FLUSH_TIMER);
  /** The one that began to wait first is the first. */
  private readonly flushing: Flushing[] = [];

  /** @param flushTimeoutMs how long a response that is complete may wait for its client; 0 = for ever */
  constructor(
    context: HttpContext,
    owner: Http2SessionOwner,
    sink: ByteSink,
    plan: Http2Plan,
    stats: Http2CodecStats,
    flushTimeoutMs: number,
    messageProtocol: HttpProtocol,
  ) {
    this.messageProtocol = messageProtocol;
    this.context = context;
    this.owner = owner;
    this.plan = plan;
    this.stats = stats;
    this.flushTimeoutMs = flushTimeoutMs;
    this.codec = new Http2ServerCodec(this, sink, plan, stats);
    this.armPing();
  }

  // ServerCodec

  get idle(): boolean {
    return this.codec.idle;
  }

  get readingHead(): boolean {
    return this.codec.readingHead;
  }

  get readingLongBody(): boolean {
    return this.codec.readingLongBody;
  }

  receive(buffer: ReadBuffer, start: number, end: number): void {
    // Whatever comes is a sign of life (Envoy `onBeforeFrameReceived`).
    if (this.pongTimer.armed) this.awaitPong();
    this.codec.receive(buffer, start, end);
  }

  /** A response says nothing of its connection. */
  closeAfterResponse(): void {
    // See `announceDrain`.
  }

  readOn(): void {
    // Requests do not wait for each other.
  }

  endAll(why: StreamReset): void {
    const { timers } = this.context.net;
    timers.disarm(this.pingTimer);
    timers.disarm(this.pongTimer);
    timers.disarm(this.flushTimer);
    this.flushing.length = 0;
    this.codec.endAll(why);
  }

  onTransportAboveWatermark(): void {
    this.codec.onTransportAboveWatermark();
  }

  onTransportBelowWatermark(): void {
    this.codec.onTransportBelowWatermark();
  }

  announceDrain(): void {
    this.codec.announceDrain();
  }

  endDrain(): void {
    this.codec.goAway();
  }

  // Http2ServerHost

  onRequestStart(encoder: ResponseEncoder): RequestReceiver {
    return this.owner.onRequestStart(encoder);
  }

  onStreamEnd(): void {
    if (this.codec.idle) this.owner.onIdle();
  }

  onBroken(failure: "protocol" | "flood"): void {
    this.owner.onBroken(failure === "protocol");
  }

  onUnderscore(rejected: boolean): void {
    (rejected ? this.stats.rejectedUnderscores : this.stats.droppedUnderscores).value++;
  }

  onFlushPending(stream: FlushingStream): void {
    if (this.flushTimeoutMs === 0) return;
    const { timers, turn } = this.context.net;
    if (this.flushing.length >= MANY_FLUSHING) this.forgetFlushed();
    this.flushing.push({ stream, deadline: turn.now + this.flushTimeoutMs });
    if (!this.flushTimer.armed) timers.arm(this.flushTimer, turn.now, this.flushTimeoutMs);
  }

  /** Those that have left in time are only in the way of the others. */
  private forgetFlushed(): void {
    const { flushing } = this;
    let kept = 0;
    for (const each of flushing) if (!each.stream.closed) flushing[kept++] = each;
    flushing.length = kept;
  }

  onPong(): void {
    this.context.net.timers.disarm(this.pongTimer);
    this.armPing();
  }

  // Timers

  onTimer(kind: number): void {
    if (kind === PING_TIMER) this.ping();
    else if (kind === PONG_TIMER) {
      this.stats.keepaliveTimeout.value++;
      this.owner.onSilence();
    } else this.expireFlushes();
  }

  private armPing(): void {
    const { keepalive } = this.plan;
    if (keepalive === null || keepalive.intervalMs === 0) return;
    const jitter = Math.floor((keepalive.intervalMs * keepalive.jitterPercent) / 100);
    const { net, random } = this.context;
    net.timers.arm(this.pingTimer, net.turn.now, keepalive.intervalMs + Math.floor(random() * jitter));
  }

  private ping(): void {
    this.codec.ping();
    this.awaitPong();
  }

  private awaitPong(): void {
    const { keepalive } = this.plan;
    const { timers, turn } = this.context.net;
    if (keepalive !== null) timers.arm(this.pongTimer, turn.now, keepalive.timeoutMs);
  }

  private expireFlushes(): void {
    const { flushing } = this;
    const { timers, turn } = this.context.net;
    while (flushing.length > 0 && flushing[0].deadline <= turn.now) flushing.shift()?.stream.expireFlush();
    if (flushing.length > 0) timers.arm(this.flushTimer, turn.now, flushing[0].deadline - turn.now);
  }
}
