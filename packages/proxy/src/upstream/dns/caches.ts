import type { NetContext } from "../../net/context.ts";
import type { DnsCachePlan } from "../../plan/compile-dns-cache.ts";
import type { StatsRegistry } from "../../stats/index.ts";
import { DnsCache } from "./cache.ts";
import type { Resolvers } from "./resolve.ts";

/** The caches of a data plane, by name: filters and clusters of one name share one, which stays when they go. */
export class DnsCaches {
  private readonly deps: {
    readonly net: NetContext;
    readonly random: () => number;
    readonly resolvers: Resolvers;
    readonly stats: StatsRegistry;
  };
  private readonly caches = new Map<string, DnsCache>();

  constructor(deps: DnsCaches["deps"]) {
    this.deps = deps;
  }

  of(plan: DnsCachePlan): DnsCache {
    let cache = this.caches.get(plan.name);
    if (cache === undefined) {
      const { resolvers, ...deps } = this.deps;
      cache = new DnsCache(plan, { ...deps, resolve: resolvers(plan.resolver) });
      this.caches.set(plan.name, cache);
    }
    return cache;
  }

  close(): void {
    for (const cache of this.caches.values()) cache.close();
  }
}
