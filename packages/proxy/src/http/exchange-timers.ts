import { Timer, type TimerOwner, type TimerWheel } from "../clock/timer-wheel.ts";
import type { HttpConnectionManagerPlan } from "../plan/listener-plan.ts";

const IDLE = 0;
const ROUTE = 1;
const REQUEST = 2;
const HEADERS = 3;
const DURATION = 4;
const RETRY = 5;
const ACCESS_LOG = 6;

const TIMEOUTS = ["stream-idle", "route", "request", "request-headers", "max-duration", "retry", "access-log"] as const;

export type Timeout = (typeof TIMEOUTS)[number];

/** The deadlines of one exchange, all in the data plane's wheel. */
export class ExchangeTimers implements TimerOwner {
  /** When something last moved in either direction; the idle timer looks at it only when it falls due. */
  lastActivity = 0;
  private readonly wheel: TimerWheel;
  private readonly clock: { readonly now: number };
  private readonly onTimeout: (timeout: Timeout) => void;
  private readonly idle = new Timer(this, IDLE);
  private readonly route = new Timer(this, ROUTE);
  private readonly request = new Timer(this, REQUEST);
  private readonly headers = new Timer(this, HEADERS);
  private readonly duration = new Timer(this, DURATION);
  private readonly retry = new Timer(this, RETRY);
  private readonly accessLog = new Timer(this, ACCESS_LOG);
  private idleTimeoutMs = 0;
  private startedAt = 0;

  /** @param clock has the turn's time */
  constructor(wheel: TimerWheel, clock: { readonly now: number }, onTimeout: (timeout: Timeout) => void) {
    this.wheel = wheel;
    this.clock = clock;
    this.onTimeout = onTimeout;
  }

  /** The first byte of the request is there. */
  start(plan: HttpConnectionManagerPlan): void {
    this.lastActivity = this.startedAt = this.clock.now;
    this.setIdleTimeout(plan.streamIdleTimeoutMs);
    this.arm(this.duration, plan.maxStreamDurationMs);
    this.arm(this.request, plan.requestTimeoutMs);
    this.arm(this.accessLog, plan.accessLogIntervalMs);
  }

  /** Part of the head is still to come. */
  awaitHead(timeoutMs: number): void {
    if (!this.headers.armed) this.arm(this.headers, timeoutMs);
  }

  endHead(): void {
    this.wheel.disarm(this.headers);
  }

  endRequest(): void {
    this.wheel.disarm(this.request);
  }

  /** Until the next line about a stream that goes on. */
  startAccessLog(intervalMs: number): void {
    this.arm(this.accessLog, intervalMs);
  }

  startRoute(timeoutMs: number): void {
    this.arm(this.route, timeoutMs);
  }

  /** The upstream has agreed to another protocol: that may take as long as it likes. */
  stopRoute(): void {
    this.wheel.disarm(this.route);
  }

  /** Of the whole stream, since its first byte; 0 = as long as it likes. */
  limitDuration(ms: number): void {
    const { wheel, duration, clock } = this;
    if (ms === 0) wheel.disarm(duration);
    else wheel.arm(duration, clock.now, Math.max(0, ms - (clock.now - this.startedAt)));
  }

  /** Falls due also where there is nothing to wait for: a retry begins in a turn of its own. */
  startRetry(ms: number): void {
    this.wheel.arm(this.retry, this.clock.now, ms);
  }

  stopRetry(): void {
    this.wheel.disarm(this.retry);
  }

  /** 0 turns it off. */
  setIdleTimeout(ms: number): void {
    this.idleTimeoutMs = ms;
    if (ms > 0) this.wheel.arm(this.idle, this.clock.now, ms);
    else this.wheel.disarm(this.idle);
  }

  stop(): void {
    const { wheel } = this;
    wheel.disarm(this.idle);
    wheel.disarm(this.route);
    wheel.disarm(this.request);
    wheel.disarm(this.headers);
    wheel.disarm(this.duration);
    wheel.disarm(this.retry);
    wheel.disarm(this.accessLog);
    this.lastActivity = 0;
    this.idleTimeoutMs = 0;
    this.startedAt = 0;
  }

  onTimer(kind: number): void {
    if (kind === IDLE) {
      const left = this.lastActivity + this.idleTimeoutMs - this.clock.now;
      if (left > 0) {
        this.wheel.arm(this.idle, this.clock.now, left);
        return;
      }
    }
    this.onTimeout(TIMEOUTS[kind]);
  }

  private arm(timer: Timer, ms: number): void {
    if (ms > 0) this.wheel.arm(timer, this.clock.now, ms);
  }
}
