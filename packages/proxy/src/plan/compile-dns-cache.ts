import { toBinary } from "@bufbuild/protobuf";
import {
  type DnsCacheConfig,
  DnsCacheConfigSchema,
} from "@tulle/xds/gen/envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache_pb.js";
import type { LookupFamily, RefreshPlan, ResolverPlan } from "./dns-plan.ts";
import { compileFailureRefresh, compileResolver, lookupFamily } from "./compile-dns.ts";
import { milliseconds } from "./duration.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { Place } from "./problems.ts";

/** Names that requests ask for, with their addresses: what the dynamic forward proxy's filters and clusters of one cache name share. */
export interface DnsCachePlan extends RefreshPlan {
  readonly name: string;
  readonly family: LookupFamily;
  /** `dns_min_refresh_rate`, which shorter times to live are taken for. */
  readonly minRefreshMs: number;
  /** `host_ttl`: so long without a request, and a name is forgotten. */
  readonly hostTtlMs: number;
  readonly maxHosts: number;
  /** `dns_query_timeout` */
  readonly queryTimeoutMs: number;
  /** Requests that may wait for lookups. */
  readonly maxPendingRequests: number;
  readonly resolver: ResolverPlan | null;
  /** Authorities that are looked up at once. */
  readonly preresolve: readonly string[];
}

/** Source: Envoy api/envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache.proto. */
const DEFAULTS = {
  refreshMs: 60_000,
  minRefreshMs: 5_000,
  hostTtlMs: 300_000,
  maxHosts: 1024,
  queryTimeoutMs: 5_000,
  maxPendingRequests: 1024,
} as const;

/** The caches that have been configured: all configurations of one name must be the same. */
export class DnsCacheConfigs {
  private readonly fingerprints = new Map<string, string>();

  /** Envoy's words (`dns_cache_manager_impl.cc`). */
  claim(message: DnsCacheConfig, place: Place): void {
    const fingerprint = fingerprintOf(toBinary(DnsCacheConfigSchema, message));
    const known = this.fingerprints.get(message.name);
    this.fingerprints.set(message.name, known ?? fingerprint);
    if (known !== undefined && known !== fingerprint) {
      place.refuse(`config specified DNS cache '${message.name}' with different settings`);
    }
  }
}

export function compileDnsCache(message: DnsCacheConfig, configs: DnsCacheConfigs, place: Place): DnsCachePlan {
  configs.claim(message, place);
  const maxHosts = message.maxHosts ?? DEFAULTS.maxHosts;
  const names = message.preresolveHostnames;
  if (names.length > maxHosts) {
    place.refuse(
      `DNS Cache [${message.name}] configured with preresolve_hostnames=${names.length} larger than max_hosts=${maxHosts}`,
    );
  }
  return {
    name: message.name,
    family: lookupFamily(message.dnsLookupFamily),
    refreshMs: milliseconds(message.dnsRefreshRate, DEFAULTS.refreshMs),
    failure: compileFailureRefresh(message.dnsFailureRefreshRate, place),
    minRefreshMs: milliseconds(message.dnsMinRefreshRate, DEFAULTS.minRefreshMs),
    hostTtlMs: milliseconds(message.hostTtl, DEFAULTS.hostTtlMs),
    maxHosts,
    queryTimeoutMs: milliseconds(message.dnsQueryTimeout, DEFAULTS.queryTimeoutMs),
    maxPendingRequests: message.dnsCacheCircuitBreaker?.maxPendingRequests ?? DEFAULTS.maxPendingRequests,
    resolver: compileResolver(message.typedDnsResolverConfig, place.field("typed_dns_resolver_config")),
    preresolve: names.map(({ address, portSpecifier }) => `${address}:${portSpecifier.value}`),
  };
}
