import { Timer, type TimerOwner } from "../../clock/timer-wheel.ts";
import { RequestHead } from "../../codec/messages.ts";
import { latin1 } from "../../codec/latin1.ts";
import type { ReadBuffer } from "../../codec/read-buffer.ts";
import { type KeySet, KeySetFault, parseKeySet } from "../../jwt/key-set.ts";
import type { RemoteJwksPlan } from "../../plan/filters/jwt-provider.ts";
import type { AsyncCallbacks, AsyncRequest } from "../async-client.ts";
import type { FilterContext } from "./filter.ts";
import type { JwtAuthnStats } from "./jwt-authn.ts";

/** Who waits for keys. */
export interface KeysWaiter {
  /** @param keys null: they could not be had */
  onKeys(keys: KeySet | null): void;
}

/** How long before keys are out of date they are fetched again. Source: Envoy `jwks_async_fetcher.cc`, RefetchBeforeExpiredSec. */
const REFETCH_BEFORE_MS = 5_000;
/** Some issuers answer nobody who has none (as seen on Envoy 1.40). */
const USER_AGENT = "Go-browser";
/** Source: Envoy `source/common/http/async_client_impl.h`, kBufferLimitForResponse. */
const MAX_BYTES = 32 * 1024 * 1024;

const REFETCH = 0;
const RETRY = 1;

/**
 * The keys of one provider, fetched from elsewhere: when a request needs them, or beforehand and again and again (`async_fetch`). One fetch
 * serves all that wait (Envoy: one for each). Envoy `jwks_cache.cc`, `jwks_async_fetcher.cc`, `common/jwks_fetcher.cc`.
 */
export class RemoteKeys implements AsyncCallbacks, TimerOwner {
  private readonly plan: RemoteJwksPlan;
  private readonly context: FilterContext;
  private readonly stats: JwtAuthnStats;
  private readonly onNewKeys: () => void;
  private keys: KeySet | null = null;
  /** What they were read from. */
  private text = "";
  private expiresAt = 0;
  private readonly refetch = new Timer(this, REFETCH);
  private readonly retry = new Timer(this, RETRY);
  private waiters: KeysWaiter[] = [];
  private onReady: (() => void) | null = null;
  private stopped = false;

  // The fetch that is under way.
  private fetching = false;
  private request: AsyncRequest | null = null;
  private deadline = 0;
  private retriesLeft = 0;
  private retryIntervalMs = 0;
  private body = "";

  /** @param onNewKeys others than before */
  constructor(plan: RemoteJwksPlan, context: FilterContext, stats: JwtAuthnStats, onNewKeys: () => void) {
    this.plan = plan;
    this.context = context;
    this.stats = stats;
    this.onNewKeys = onNewKeys;
  }

  /** Null where they are not there, or too old. */
  current(now: number): KeySet | null {
    return now < this.expiresAt ? this.keys : null;
  }

  /** Fetches them, and tells when they are there. */
  wait(waiter: KeysWaiter): void {
    this.waiters.push(waiter);
    if (!this.fetching) this.fetch();
  }

  stopWaiting(waiter: KeysWaiter): void {
    this.waiters = this.waiters.filter((each) => each !== waiter);
    // Nobody wants them any more.
    if (this.plan.asyncFetch === null && this.waiters.length === 0 && this.fetching) this.abandon();
  }

  /** The first fetch, if it is to come before all requests. @param onReady it is over, however it ended */
  start(onReady: () => void): void {
    const { asyncFetch } = this.plan;
    if (asyncFetch === null || asyncFetch.fastListener) onReady();
    else this.onReady = onReady;
    if (asyncFetch !== null && !this.fetching) this.fetch();
  }

  /** No more fetches but those that requests wait for. */
  stop(): void {
    this.stopped = true;
    this.context.net.timers.disarm(this.refetch);
    this.onReady = null;
    if (this.waiters.length === 0 && this.fetching) this.abandon();
  }

  private abandon(): void {
    const { request, context } = this;
    context.net.timers.disarm(this.retry);
    this.fetching = false;
    this.request = null;
    request?.cancel();
  }

  private fetch(): void {
    const { plan, context } = this;
    const { retries, uri } = plan;
    this.fetching = true;
    this.deadline = uri.timeoutMs === 0 ? Infinity : context.net.turn.now + uri.timeoutMs;
    this.retriesLeft = retries.count;
    this.retryIntervalMs = retries.baseMs;
    this.send();
  }

  private send(): void {
    const { context, plan } = this;
    const { authority, path, cluster: name, timeoutMs } = plan.uri;
    this.body = "";
    const cluster = context.findCluster(name)?.current ?? null;
    if (cluster === null) {
      this.finish(null);
      return;
    }
    const head = new RequestHead();
    head.method = "GET";
    head.path = path;
    head.authority = authority;
    head.headers.appendNamed("user-agent", USER_AGENT);
    const { perTryMs } = plan.retries;
    const leftMs = timeoutMs === 0 ? Infinity : Math.max(1, Math.round(this.deadline - context.net.turn.now));
    const limitMs = Math.min(leftMs, perTryMs === 0 ? Infinity : perTryMs);
    const request = context.client.send(cluster, head, NO_BODY, limitMs === Infinity ? 0 : limitMs, this);
    // It may have failed at once.
    if (this.fetching && !this.retry.armed) this.request = request;
  }

  onData({ bytes }: ReadBuffer, start: number, end: number): void {
    this.body += latin1(bytes, start, end);
    if (this.body.length <= MAX_BYTES) return;
    this.body = "";
    this.request?.cancel();
  }

  onResponse(status: number): void {
    if (status >= 500) {
      this.tryAgain();
      return;
    }
    const keys = status === 200 && this.body !== "" ? parseKeySet(this.body) : null;
    this.finish(keys instanceof KeySetFault ? null : keys);
  }

  onReset(): void {
    this.tryAgain();
  }

  onCancel(): void {
    if (this.fetching) this.finish(null);
  }

  private tryAgain(): void {
    const { context, plan } = this;
    const { timers, turn } = context.net;
    this.request = null;
    // Full jitter, as the router's retries.
    const waitMs = Math.floor(context.random() * this.retryIntervalMs);
    if (this.retriesLeft-- === 0 || turn.now + waitMs >= this.deadline) {
      this.finish(null);
      return;
    }
    this.retryIntervalMs = Math.min(this.retryIntervalMs * 2, plan.retries.maxMs);
    timers.arm(this.retry, turn.now, waitMs);
  }

  onTimer(kind: number): void {
    if (kind === RETRY) this.send();
    else if (!this.fetching) this.fetch();
  }

  private finish(keys: KeySet | null): void {
    const { stats, body, context, waiters, onReady } = this;
    this.fetching = false;
    this.request = null;
    this.body = "";
    this.waiters = [];
    this.onReady = null;
    if (keys === null) stats.fetchFailed.value++;
    else {
      stats.fetchSuccess.value++;
      if (body !== this.text) this.onNewKeys();
      this.keys = keys;
      this.text = body;
      this.expiresAt = this.plan.asyncFetch === null ? context.net.turn.now + this.plan.cacheMs : Infinity;
    }
    this.armRefetch(keys !== null);
    for (const waiter of waiters) waiter.onKeys(keys);
    onReady?.();
  }

  private armRefetch(succeeded: boolean): void {
    const { asyncFetch, cacheMs } = this.plan;
    if (asyncFetch === null || this.stopped) return;
    const { timers, turn } = this.context.net;
    const goodMs = cacheMs > REFETCH_BEFORE_MS ? cacheMs - REFETCH_BEFORE_MS : cacheMs;
    timers.arm(this.refetch, turn.now, succeeded ? goodMs : asyncFetch.failedRefetchMs);
  }
}

const NO_BODY = new Uint8Array(0);
