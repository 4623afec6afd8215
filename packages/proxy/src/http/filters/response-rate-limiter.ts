import { Timer, type TimerOwner } from "../../clock/timer-wheel.ts";
import { ReadBuffer } from "../../codec/read-buffer.ts";
import type { NetContext } from "../../net/context.ts";
import type { Exchange } from "../exchange.ts";
import type { HttpFilter } from "./filter.ts";

/** How often bytes are let through, at least. Source: Envoy `source/extensions/filters/http/common/stream_rate_limiter.h`. */
const FILL_INTERVAL_MS = 50;

/**
 * Lets the body of one response through at so many bytes a second: a bucket that holds a second's worth, and at first only what one interval
 * brings. Envoy `source/extensions/filters/http/common/stream_rate_limiter.cc`.
 */
export class ResponseRateLimiter implements TimerOwner {
  private readonly filter: HttpFilter;
  private readonly exchange: Exchange;
  private readonly net: Pick<NetContext, "turn" | "timers">;
  private readonly bytesPerSecond: number;
  private tokens: number;
  private filledAt: number;
  private readonly timer = new Timer(this, 0);
  private readonly waiting: { readonly buffer: ReadBuffer; start: number; readonly end: number }[] = [];
  private waitingBytes = 0;
  private ended = false;
  private trailersWait = false;
  private pauses = false;

  constructor(filter: HttpFilter, exchange: Exchange, net: Pick<NetContext, "turn" | "timers">, kibPerSecond: number) {
    this.filter = filter;
    this.exchange = exchange;
    this.net = net;
    this.bytesPerSecond = kibPerSecond * 1024;
    this.tokens = Math.floor((this.bytesPerSecond * FILL_INTERVAL_MS) / 1000);
    this.filledAt = net.turn.now;
  }

  /** Copies what has to wait. */
  write(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    const piece = new ReadBuffer(end - start);
    buffer.bytes.copy(piece.bytes, 0, start, end);
    this.waiting.push({ buffer: piece, start: 0, end: end - start });
    this.waitingBytes += end - start;
    this.ended = endStream;
    if (!this.timer.armed) this.flush();
  }

  /** True if trailers have to wait for the bytes before them. */
  keepTrailers(): boolean {
    this.trailersWait = this.waitingBytes > 0;
    return this.trailersWait;
  }

  onTimer(): void {
    this.flush();
  }

  stop(): void {
    if (this.timer.armed) this.net.timers.disarm(this.timer);
  }

  private flush(): void {
    const { filter, exchange, waiting, net } = this;
    let left = this.takeTokens();
    this.waitingBytes -= left;
    if (this.waitingBytes > 0) net.timers.arm(this.timer, net.turn.now, FILL_INTERVAL_MS);
    this.adjustPause();
    // The last piece may end the exchange, and with it this limiter.
    const ends = this.ended && this.waitingBytes === 0;
    const trailers = this.trailersWait && this.waitingBytes === 0;
    while (waiting.length > 0) {
      const piece = waiting[0];
      const { buffer, start } = piece;
      const length = Math.min(left, piece.end - start);
      if (length === 0 && start < piece.end) break;
      left -= length;
      piece.start += length;
      if (piece.start === piece.end) waiting.shift();
      exchange.filters.sendResponseData(filter, buffer, start, start + length, ends && waiting.length === 0);
    }
    if (trailers) exchange.filters.continueResponseTrailers();
  }

  /** As many as there are bytes that wait. */
  private takeTokens(): number {
    const { now } = this.net.turn;
    const filled = this.tokens + ((now - this.filledAt) / 1000) * this.bytesPerSecond;
    this.tokens = Math.min(filled, this.bytesPerSecond);
    this.filledAt = now;
    const taken = Math.min(Math.floor(this.tokens), this.waitingBytes);
    this.tokens -= taken;
    return taken;
  }

  private adjustPause(): void {
    const { exchange, waitingBytes } = this;
    const limit = exchange.connection?.bufferLimitBytes ?? 0;
    if (!this.pauses && waitingBytes > limit) {
      this.pauses = true;
      exchange.filters.pauseResponse();
    } else if (this.pauses && waitingBytes <= limit / 2) {
      this.pauses = false;
      exchange.filters.resumeResponse();
    }
  }
}
