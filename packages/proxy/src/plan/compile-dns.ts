import {
  type Cluster,
  Cluster_DiscoveryType as Discovery,
  Cluster_DnsLookupFamily as Family,
  type Cluster_RefreshRate as RefreshRate,
} from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { TypedExtensionConfig } from "@tulle/xds/gen/envoy/config/core/v3/extension_pb.js";
import type { CaresDnsResolverConfig } from "@tulle/xds/gen/envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb.js";
import { addressName } from "../ip-address.ts";
import type { DnsPlan, LookupFamily, RefreshPlan, ResolverPlan } from "./dns-plan.ts";
import { readSocketAddress } from "./address.ts";
import { milliseconds } from "./duration.ts";
import type { Place } from "./problems.ts";
import { unpackExtension } from "./schemas.ts";

/** `dns_refresh_rate` if none is given. Source: Envoy api/envoy/config/cluster/v3/cluster.proto. */
const DEFAULT_REFRESH_MS = 5_000;

const FAMILY: Readonly<Record<number, LookupFamily>> = {
  [Family.AUTO]: "auto",
  [Family.V4_ONLY]: "v4-only",
  [Family.V6_ONLY]: "v6-only",
  [Family.V4_PREFERRED]: "v4-preferred",
  [Family.ALL]: "all",
};

export function compileDns(message: Cluster, place: Place): DnsPlan {
  return {
    family: lookupFamily(message.dnsLookupFamily),
    refreshMs: milliseconds(message.dnsRefreshRate, DEFAULT_REFRESH_MS),
    failure: compileFailureRefresh(message.dnsFailureRefreshRate, place),
    respectTtl: message.respectDnsTtl,
    jitterMs: milliseconds(message.dnsJitter, 0),
    needsAddress: message.clusterDiscoveryType.value === Discovery.LOGICAL_DNS,
    resolver: compileResolver(message.typedDnsResolverConfig, place.field("typed_dns_resolver_config")),
  };
}

export function lookupFamily(family: Family): LookupFamily {
  return FAMILY[family] ?? "auto";
}

/** @param place of what it is a field of */
export function compileFailureRefresh(message: RefreshRate | undefined, place: Place): RefreshPlan["failure"] {
  if (message === undefined) return null;
  const baseMs = milliseconds(message.baseInterval, 0);
  // The proto's default for max_interval is ten times the base.
  const maxMs = milliseconds(message.maxInterval, baseMs * 10);
  if (maxMs < baseMs) {
    place.refuse("dns_failure_refresh_rate must have max_interval greater than or equal to the base_interval");
  }
  return { baseMs, maxMs };
}

/** Null: the system's. The message has passed `checkMessage`, which knows the resolvers that there are. */
export function compileResolver(message: TypedExtensionConfig | undefined, place: Place): ResolverPlan | null {
  if (message?.typedConfig === undefined) return null;
  const config = unpackExtension(message.typedConfig).message as CaresDnsResolverConfig | null;
  const at = place.packed("typed_config", message.typedConfig.typeUrl);
  const servers: string[] = [];
  config?.resolvers.forEach((address, i) => {
    const server = readSocketAddress(address, at.item("resolvers", i));
    if (server !== null) servers.push(addressName(server.address, server.port === 0 ? DNS_PORT : server.port));
  });
  return { servers, searches: config?.dnsResolverOptions?.noDefaultSearchDomain !== true };
}

const DNS_PORT = 53;
