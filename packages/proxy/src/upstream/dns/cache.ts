import { Timer, type TimerOwner } from "../../clock/timer-wheel.ts";
import type { NetContext } from "../../net/context.ts";
import type { DnsCachePlan } from "../../plan/compile-dns-cache.ts";
import type { Counter, Gauge, StatsRegistry } from "../../stats/index.ts";
import { Resource } from "../resource.ts";
import { failureDelayMs } from "./refresh.ts";
import { type Resolution, type Resolve, ResolveError } from "./resolve.ts";

const REFRESH = 0;
const TIMEOUT = 1;

/** Plain HTTP's: a name without a port. */
const DEFAULT_PORT = 80;

/** Who waits for a name's first answer: in a list of the name's, so that waiting allocates nothing. */
export interface NameWaiter {
  /** Null: it waits for nothing. */
  waitsFor: CachedName | null;
  nextWaiter: NameWaiter | null;
  previousWaiter: NameWaiter | null;
  /** The first answer is there, good or bad. It is waited for no more. */
  onNameKnown(name: CachedName): void;
}

/** Whose hosts are a cache's names. */
export interface CacheListener {
  /** An address for the first time, or another one. */
  onAddress(name: CachedName): void;
  /** It has been forgotten; it had an address. */
  onForgotten(name: CachedName): void;
}

/** A name with a port, and what is known of its addresses. What it was once found to be stays when later lookups fail. */
export class CachedName implements TimerOwner {
  /** `b.test:80` */
  readonly key: string;
  readonly host: string;
  readonly port: number;
  addresses: readonly string[] = NONE;
  /** Why there is no address: `dns_resolution_failure{…}`. */
  details = "";
  /** Its lookup failed, rather than that there is no such name. */
  failed = false;
  /** There has been an answer. */
  known = false;
  lastUsed: number;
  failures = 0;
  waiters: NameWaiter | null = null;
  readonly refresh = new Timer(this, REFRESH);
  readonly timeout = new Timer(this, TIMEOUT);
  /** Counts lookups: the answer to one that was given up is not heard. */
  lookup = 0;
  private readonly cache: DnsCache;

  constructor(cache: DnsCache, key: string, now: number) {
    this.cache = cache;
    this.key = key;
    const colon = key.lastIndexOf(":");
    this.port = Number(key.slice(colon + 1));
    this.host = key.startsWith("[") ? key.slice(1, colon - 1) : key.slice(0, colon);
    this.lastUsed = now;
  }

  onTimer(kind: number): void {
    if (kind === REFRESH) this.cache.refresh(this);
    else this.cache.onTimeout(this);
  }
}

const NONE: readonly string[] = [];

/**
 * Names that requests ask for, looked up when they first do and again and again while they go on to. Source: Envoy
 * `source/extensions/common/dynamic_forward_proxy/dns_cache_impl.cc`.
 */
export class DnsCache {
  readonly plan: DnsCachePlan;
  readonly pendingOverflow: Counter;
  /** Requests that wait. */
  private readonly pending: Resource;
  private readonly net: NetContext;
  private readonly random: () => number;
  private readonly resolve: Resolve;
  private readonly names = new Map<string, CachedName>();
  private readonly listeners = new Set<CacheListener>();
  private readonly stats: Readonly<Record<(typeof COUNTERS)[number], Counter>>;
  private readonly numHosts: Gauge;

  constructor(
    plan: DnsCachePlan,
    deps: {
      readonly net: NetContext;
      readonly random: () => number;
      readonly resolve: Resolve;
      readonly stats: StatsRegistry;
    },
  ) {
    this.plan = plan;
    this.net = deps.net;
    this.random = deps.random;
    this.resolve = deps.resolve;
    const prefix = `dns_cache.${plan.name}.`;
    const counters = COUNTERS.map((name) => [name, deps.stats.counter(prefix + name)] as const);
    // cold: once a cache
    this.stats = Object.fromEntries(counters) as Record<(typeof COUNTERS)[number], Counter>;
    this.numHosts = deps.stats.gauge(`${prefix}num_hosts`);
    this.pendingOverflow = deps.stats.counter(`${prefix}dns_rq_pending_overflow`);
    const breaker = `${prefix}circuit_breakers.rq_pending_`;
    this.pending = new Resource(
      plan.maxPendingRequests,
      deps.stats.gauge(`${breaker}open`),
      deps.stats.gauge(`${breaker}remaining`),
    );
    for (const authority of plan.preresolve) this.load(authority);
  }

  /** Tells of addresses from now on, and at once of those that are known. */
  attach(listener: CacheListener): void {
    this.listeners.add(listener);
    for (const name of this.names.values()) if (name.addresses.length > 0) listener.onAddress(name);
  }

  detach(listener: CacheListener): void {
    this.listeners.delete(listener);
  }

  /** Whether one more request may wait; false is counted. Envoy asks before it looks whether there is anything to wait for. */
  mayWait(): boolean {
    if (this.pending.canCreate()) return true;
    this.pendingOverflow.value++;
    return false;
  }

  /** @param authority of a request */
  find(authority: string): CachedName | undefined {
    return this.names.get(authority) ?? this.names.get(keyOf(authority));
  }

  /** The name, which is now being looked up if it was not there. Null if there are too many; even those that are on their way do not count then. */
  load(authority: string): CachedName | null {
    const there = this.find(authority);
    if (there?.known === true) return there;
    if (this.names.size >= this.plan.maxHosts) {
      this.stats.host_overflow.value++;
      return null;
    }
    if (there !== undefined) return there;
    const name = new CachedName(this, keyOf(authority), this.net.turn.now);
    this.names.set(name.key, name);
    this.stats.host_added.value++;
    this.numHosts.value++;
    this.lookUp(name);
    return name;
  }

  /** Calls the waiter when the name, which is not known yet, is; the last who came is called first, as in Envoy. */
  wait(waiter: NameWaiter, name: CachedName): void {
    this.pending.inc();
    waiter.waitsFor = name;
    waiter.nextWaiter = name.waiters;
    if (name.waiters !== null) name.waiters.previousWaiter = waiter;
    name.waiters = waiter;
  }

  stopWaiting(waiter: NameWaiter): void {
    const { waitsFor: name, nextWaiter: next, previousWaiter: previous } = waiter;
    if (name === null) return;
    if (previous !== null) previous.nextWaiter = next;
    else name.waiters = next;
    if (next !== null) next.previousWaiter = previous;
    waiter.waitsFor = waiter.nextWaiter = waiter.previousWaiter = null;
    this.pending.dec();
  }

  /** Nothing is looked up any more. */
  close(): void {
    for (const name of this.names.values()) this.stop(name);
    this.names.clear();
    this.listeners.clear();
  }

  private stop(name: CachedName): void {
    name.lookup++;
    this.net.timers.disarm(name.refresh);
    this.net.timers.disarm(name.timeout);
  }

  private lookUp(name: CachedName): void {
    const { net, plan } = this;
    const lookup = ++name.lookup;
    this.stats.dns_query_attempt.value++;
    net.timers.arm(name.timeout, net.turn.now, plan.queryTimeoutMs);
    this.resolve(name.host, plan.family, true).then(
      (answer) => this.answered(name, lookup, answer),
      (error: unknown) => this.answered(name, lookup, error),
    );
  }

  /** From a promise: a turn of its own. */
  private answered(name: CachedName, lookup: number, answer: unknown): void {
    if (name.lookup !== lookup) return;
    const { turn } = this.net;
    turn.begin();
    try {
      if (isResolution(answer)) this.onAnswer(name, answer);
      else this.onFailure(name, answer instanceof ResolveError ? answer.details : messageOf(answer));
    } catch (error) {
      this.net.reportBug(error);
    }
    turn.end();
  }

  onTimeout(name: CachedName): void {
    this.stats.dns_query_timeout.value++;
    this.onFailure(name, "resolve_timeout");
  }

  private onAnswer(name: CachedName, { addresses, ttlMs, details }: Resolution): void {
    const { plan, stats } = this;
    stats.dns_query_success.value++;
    name.failures = 0;
    // Whole seconds, as times to live are.
    const refreshMs = addresses.length === 0 ? plan.refreshMs : Math.max(plan.minRefreshMs, ttlMs);
    this.finish(name, Math.max(1000, Math.floor(refreshMs / 1000) * 1000));
    if (addresses.length > 0 && addresses.join() !== name.addresses.join()) {
      name.addresses = addresses;
      stats.host_address_changed.value++;
      for (const listener of this.listeners) listener.onAddress(name);
    }
    this.tell(name, false, details);
  }

  private onFailure(name: CachedName, details: string): void {
    this.stats.dns_query_failure.value++;
    this.finish(name, failureDelayMs(this.plan, name.failures++, this.random));
    this.tell(name, true, details);
  }

  private finish(name: CachedName, refreshMs: number): void {
    const { timers, turn } = this.net;
    name.lookup++;
    timers.disarm(name.timeout);
    timers.arm(name.refresh, turn.now, refreshMs);
  }

  private tell(name: CachedName, failed: boolean, details: string): void {
    if (name.addresses.length === 0) {
      name.failed = failed;
      name.details = `dns_resolution_failure{${details.replaceAll(/\s+/g, "_")}}`;
    }
    name.known = true;
    while (name.waiters !== null) {
      const waiter = name.waiters;
      this.stopWaiting(waiter);
      waiter.onNameKnown(name);
    }
  }

  /** It is time to look it up again, or to forget it. */
  refresh(name: CachedName): void {
    if (this.net.turn.now - name.lastUsed <= this.plan.hostTtlMs) {
      this.lookUp(name);
      return;
    }
    this.names.delete(name.key);
    this.stats.host_removed.value++;
    this.numHosts.value--;
    if (name.addresses.length > 0) for (const listener of this.listeners) listener.onForgotten(name);
  }
}

const COUNTERS = [
  "dns_query_attempt",
  "dns_query_success",
  "dns_query_failure",
  "dns_query_timeout",
  "host_added",
  "host_removed",
  "host_address_changed",
  "host_overflow",
] as const;

function isResolution(answer: unknown): answer is Resolution {
  return !(answer instanceof Error);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** With a port, whatever follows the colon: what is none makes a name that nobody can look up. Envoy `normalizeHostForDfp`. */
function keyOf(authority: string): string {
  const colon = authority.lastIndexOf(":");
  const port = authority.slice(colon + 1);
  const hasPort = colon > authority.lastIndexOf("]") && /^\d+$/.test(port) && Number(port) <= 65_535;
  return hasPort ? authority : `${authority}:${DEFAULT_PORT}`;
}
