import { NOWHERE } from "../plan/compile-endpoints.ts";
import { NO_METADATA } from "../plan/metadata.ts";
import type { EndpointPlan } from "../plan/cluster-plan.ts";
import type { LoadBalancer } from "./balancer/load-balancer.ts";
import type { CacheListener, CachedName, DnsCache } from "./dns/cache.ts";
import type { Host } from "./host.ts";
import type { LoadBalancerContext } from "./load-balancer-context.ts";

/** The hosts of the cluster, where names come and go. */
export interface NamedHosts {
  add(key: string, endpoint: EndpointPlan): Host;
  remove(key: string): void;
}

interface ForwardingDeps {
  readonly clock: { readonly now: number };
  readonly isOwnPort: (address: string, port: number) => boolean;
}

/**
 * A request goes to the host that it names, by an address of a cache's. Where that is not known yet the request waits. Source: Envoy
 * `source/extensions/clusters/dynamic_forward_proxy/cluster.cc`.
 */
export class ForwardingBalancer implements LoadBalancer<Host>, CacheListener {
  private readonly cache: DnsCache;
  private readonly hosts: NamedHosts;
  private readonly deps: ForwardingDeps;
  private readonly byName = new Map<CachedName, Host>();

  constructor(cache: DnsCache, hosts: NamedHosts, deps: ForwardingDeps) {
    this.cache = cache;
    this.hosts = hosts;
    this.deps = deps;
  }

  update(): void {
    // Whoever is asked for is chosen.
  }

  /** The next request says where it goes. */
  peek(): null {
    return null;
  }

  choose(context: LoadBalancerContext): Host | null {
    const authority = context.requestHost;
    if (authority === "") {
      context.explain("empty_host_header");
      return null;
    }
    const name = this.cache.find(authority);
    const host = name === undefined ? undefined : this.byName.get(name);
    if (name === undefined || host === undefined) return this.lookUp(context, authority);
    if (host.health === "unhealthy") return null;
    name.lastUsed = this.deps.clock.now;
    if (!this.isOwn(name)) return host;
    context.explain("forwarding_to_itself");
    return null;
  }

  /** A request that names this proxy would go round for ever, and its admin endpoint is not for everybody (docs/decisions/0032). */
  private isOwn({ addresses, port }: CachedName): boolean {
    for (let i = 0; i < addresses.length; i++) if (this.deps.isOwnPort(addresses[i], port)) return true;
    return false;
  }

  private lookUp(context: LoadBalancerContext, authority: string): null {
    if (!this.cache.mayWait()) {
      context.explain("dns_cache_pending_requests_overflow");
      return null;
    }
    const name = this.cache.load(authority);
    if (name === null) context.explain("dns_cache_overflow");
    else if (name.known) context.explain(name.details);
    else context.awaitName(this.cache, name);
    return null;
  }

  onAddress(name: CachedName): void {
    let host = this.byName.get(name);
    if (host === undefined) this.byName.set(name, (host = this.hosts.add(name.key, namedEndpoint(name))));
    host.moveTo(name.addresses);
  }

  onForgotten(name: CachedName): void {
    if (this.byName.delete(name)) this.hosts.remove(name.key);
  }

  /** Its cluster takes hosts from now on. */
  start(): void {
    this.cache.attach(this);
  }

  stop(): void {
    this.cache.detach(this);
  }
}

function namedEndpoint({ key, port, addresses }: CachedName): EndpointPlan {
  return { ...endpointAt(addresses[0], port), hostname: key };
}

/** An endpoint that no configuration names. */
export function endpointAt(address: string, port: number): EndpointPlan {
  return {
    address,
    addresses: [],
    port,
    hostname: "",
    weight: 1,
    health: "healthy",
    priority: 0,
    locality: NOWHERE,
    hashKey: "",
    canary: false,
    metadata: NO_METADATA,
    workload: "",
    healthCheck: null,
  };
}
