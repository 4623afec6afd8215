import { type Cluster, Cluster_DnsLookupFamily as Family } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { DnsOptions, LookupFamily } from "../upstream/dns-resolver.ts";
import { milliseconds } from "./duration.ts";

/** `dns_refresh_rate` if none is given. Source: Envoy api/envoy/config/cluster/v3/cluster.proto. */
const DEFAULT_REFRESH_MS = 5_000;

const FAMILY: Readonly<Record<number, LookupFamily>> = {
  [Family.AUTO]: "auto",
  [Family.V4_ONLY]: "v4-only",
  [Family.V6_ONLY]: "v6-only",
  [Family.V4_PREFERRED]: "v4-preferred",
  [Family.ALL]: "all",
};

export function compileDnsOptions(message: Cluster): DnsOptions {
  const refreshMs = milliseconds(message.dnsRefreshRate, DEFAULT_REFRESH_MS);
  const failure = message.dnsFailureRefreshRate;
  const failureBaseMs = milliseconds(failure?.baseInterval, refreshMs);
  return {
    family: FAMILY[message.dnsLookupFamily] ?? "auto",
    refreshMs,
    failureBaseMs,
    // The proto's default for max_interval is ten times the base.
    failureMaxMs: failure === undefined ? refreshMs : milliseconds(failure.maxInterval, failureBaseMs * 10),
    respectTtl: message.respectDnsTtl,
  };
}
