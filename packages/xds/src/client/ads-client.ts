/**
 * Keeps one ADS stream to the management server open, and the subscriptions on it. What has been received stays with
 * its watchers while there is no stream; after a reconnect the server is told what is already there.
 */
import type { Clock } from "../clock.ts";
import { systemClock, systemRandom } from "../clock.ts";
import type { Log } from "../log.ts";
import { silent } from "../log.ts";
import { Backoff } from "./backoff.ts";
import { NACK_CODE } from "./nack.ts";
import type { ErrorDetail, Session } from "./session.ts";
import type { openTransport as OpenTransport, Transport } from "./transport.ts";
import { TypeSubscription } from "./type-subscription.ts";
import type {
  AdsClientOptions,
  ControlPlaneStats,
  ResourceSubscriber,
  ResourceWatcher,
  SubscriptionStats,
} from "./types.ts";

/** (Envoy config.core.v3.ConfigSource.initial_fetch_timeout) */
const INITIAL_FETCH_TIMEOUT_MS = 15_000;

export class AdsClient implements ResourceSubscriber {
  readonly controlPlane: ControlPlaneStats = {
    connectedState: 0,
    identifier: "",
    connectAttempts: 0,
    connectFailures: 0,
    lastError: "",
  };
  readonly #options: AdsClientOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #backoff: Backoff;
  /** In the order of first subscription: that is the order in which they are asked for after a reconnect. */
  readonly #subscriptions = new Map<string, TypeSubscription>();
  /** Pauses by type; types may be paused before they are subscribed to. */
  readonly #pauses = new Map<string, number>();
  readonly #fetchTimers = new Set<() => void>();
  #state: "new" | "running" | "closed" = "new";
  #transport: Transport | undefined = undefined;
  #session: Session | undefined = undefined;
  #cancelRetry: (() => void) | undefined = undefined;
  #flushScheduled = false;
  /** The last report; undefined before the first. */
  #health: { readonly error: ErrorDetail | undefined } | undefined = undefined;

  constructor(options: AdsClientOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silent;
    this.#backoff = new Backoff(options.random ?? systemRandom);
  }

  /** Connects, and reconnects until `close`. */
  start(): void {
    if (this.#state !== "new") throw new TypeError("an AdsClient is started once");
    this.#state = "running";
    this.#connect();
  }

  /** Ends the stream for good. Watchers hear no more. */
  close(): void {
    this.#state = "closed";
    this.#cancelRetry?.();
    for (const cancel of this.#fetchTimers) cancel();
    this.#fetchTimers.clear();
    this.#drop();
  }

  subscribe(typeUrl: string, names: Iterable<string> | "*", watcher: ResourceWatcher): void {
    let subscription = this.#subscriptions.get(typeUrl);
    if (subscription === undefined) {
      subscription = new TypeSubscription(typeUrl, watcher);
      subscription.paused = this.#pauses.get(typeUrl) ?? 0;
      this.#subscriptions.set(typeUrl, subscription);
    } else if (subscription.watcher !== watcher) {
      if (subscription.wanted.size > 0) throw new TypeError(`${typeUrl} has another watcher already`);
      subscription.watcher = watcher;
    }
    const added = subscription.add(names === "*" ? ["*"] : names);
    if (added.length === 0) return;
    subscription.stats.updateAttempt += 1;
    this.#startFetchTimer(subscription, added);
    this.#scheduleFlush();
  }

  unsubscribe(typeUrl: string, names?: Iterable<string> | "*"): void {
    const subscription = this.#subscriptions.get(typeUrl);
    if (subscription === undefined) return;
    subscription.delete(names === undefined ? [...subscription.wanted] : names === "*" ? ["*"] : names);
    this.#scheduleFlush();
  }

  pause(typeUrls: Iterable<string>): () => void {
    const paused = [...typeUrls];
    for (const typeUrl of paused) this.#addPause(typeUrl, 1);
    let resumed = false;
    return () => {
      if (resumed) return;
      resumed = true;
      for (const typeUrl of paused) this.#addPause(typeUrl, -1);
      this.#scheduleFlush();
    };
  }

  reportHealth(healthy: boolean, message = ""): void {
    this.#health = { error: healthy ? undefined : { code: NACK_CODE, message } };
    this.#session?.reportHealth(this.#health.error);
  }

  stats(typeUrl: string): Readonly<SubscriptionStats> | undefined {
    return this.#subscriptions.get(typeUrl)?.stats;
  }

  #addPause(typeUrl: string, change: number): void {
    const count = (this.#pauses.get(typeUrl) ?? 0) + change;
    this.#pauses.set(typeUrl, count);
    const subscription = this.#subscriptions.get(typeUrl);
    if (subscription !== undefined) subscription.paused = count;
  }

  #startFetchTimer(subscription: TypeSubscription, names: readonly string[]): void {
    const timeoutMs = this.#options.initialFetchTimeoutMs ?? INITIAL_FETCH_TIMEOUT_MS;
    if (timeoutMs === 0) return;
    const cancel = this.#clock.after(timeoutMs, () => {
      this.#fetchTimers.delete(cancel);
      const missing = names.filter((name) => subscription.awaited.delete(name));
      if (missing.length === 0) return;
      subscription.stats.initFetchTimeout += 1;
      this.#log("warn", "no answer within the initial fetch timeout", {
        typeUrl: subscription.typeUrl,
        names: missing,
      });
      subscription.watcher.onInitialFetchTimeout?.(missing);
    });
    this.#fetchTimers.add(cancel);
  }

  /** Once for all changes of this turn of the event loop. */
  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      for (const subscription of this.#subscriptions.values()) {
        if (subscription.paused === 0) this.#session?.request(subscription);
      }
    });
  }

  #connect(): void {
    this.controlPlane.connectAttempts += 1;
    // gRPC and the discovery messages are loaded here, so that importing the client costs nothing.
    import("./transport.ts").then(
      ({ openTransport }) => {
        if (this.#state === "running") this.#open(openTransport);
      },
      (cause: unknown) => this.#lost(`gRPC cannot be loaded: ${String(cause)}`),
    );
  }

  #open(openTransport: typeof OpenTransport): void {
    const transport = openTransport({
      ...this.#options,
      clock: this.#clock,
      subscriptions: this.#subscriptions,
      onMessage: (bytes) => {
        if (this.#transport === transport) this.#receive(bytes);
      },
      onResponse: (_typeUrl, controlPlane) => {
        if (controlPlane !== "") this.controlPlane.identifier = controlPlane;
      },
      onEnd: (reason) => {
        if (this.#transport === transport) this.#lost(reason);
      },
    });
    this.#transport = transport;
    this.#session = transport.session;
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.paused === 0) transport.session.request(subscription);
    }
    if (this.#health !== undefined) transport.session.reportHealth(this.#health.error);
  }

  #receive(bytes: Uint8Array): void {
    if (this.controlPlane.connectedState === 0) {
      this.controlPlane.connectedState = 1;
      this.#backoff.reset();
      this.#log("info", "connected to the management server", { target: this.#options.target });
      this.#options.onConnection?.(true, "");
    }
    try {
      this.#session?.receive(bytes);
    } catch (cause) {
      this.#lost(`the management server sent what is no discovery response: ${String(cause)}`);
    }
  }

  #lost(reason: string): void {
    this.controlPlane.connectFailures += 1;
    this.controlPlane.lastError = reason;
    for (const { stats } of this.#subscriptions.values()) {
      stats.updateFailure += 1;
      stats.updateAttempt += 1;
    }
    this.#drop();
    const delayMs = this.#backoff.next();
    this.#log("warn", "no stream to the management server", {
      target: this.#options.target,
      reason,
      retryInMs: delayMs,
    });
    this.#options.onConnection?.(false, reason);
    if (this.#state === "running") this.#cancelRetry = this.#clock.after(delayMs, () => this.#connect());
  }

  #drop(): void {
    const transport = this.#transport;
    this.#transport = undefined;
    this.#session = undefined;
    this.controlPlane.connectedState = 0;
    transport?.close();
  }
}
