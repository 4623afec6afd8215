import type { CachedName, DnsCache, NameWaiter } from "../upstream/dns/cache.ts";
import type { Exchange } from "./exchange.ts";

/** Who goes on with an exchange when the name is known: a filter, or its router. */
export interface LookupOwner {
  onNameKnown(exchange: Exchange, name: CachedName): void;
}

/** An exchange that waits for the address of the host that it asks for; part of it, and pooled with it. */
export class NameLookup implements NameWaiter {
  waitsFor: CachedName | null = null;
  nextWaiter: NameWaiter | null = null;
  previousWaiter: NameWaiter | null = null;
  private readonly exchange: Exchange;
  private owner: LookupOwner | null = null;
  private cache: DnsCache | null = null;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
  }

  get waiting(): boolean {
    return this.waitsFor !== null;
  }

  /** @param name that is not known yet */
  start(cache: DnsCache, name: CachedName, owner: LookupOwner): void {
    this.cache = cache;
    this.owner = owner;
    cache.wait(this, name);
  }

  cancel(): void {
    this.cache?.stopWaiting(this);
    this.cache = null;
    this.owner = null;
  }

  onNameKnown(name: CachedName): void {
    const { owner } = this;
    this.cache = null;
    this.owner = null;
    owner?.onNameKnown(this.exchange, name);
  }
}
