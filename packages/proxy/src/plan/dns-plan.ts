/** Envoy `Cluster.DnsLookupFamily`. */
export type LookupFamily = "auto" | "v4-only" | "v6-only" | "v4-preferred" | "all";

/** Which name servers are asked, `127.0.0.1:53` or `[::1]:53` each; the system's resolver is null in its place. */
export interface ResolverPlan {
  readonly servers: readonly string[];
  /** Names are completed as the system's resolver completes them. */
  readonly searches: boolean;
}

/** How long after an answer a name is asked for again. */
export interface RefreshPlan {
  /** `dns_refresh_rate` */
  readonly refreshMs: number;
  /** `dns_failure_refresh_rate`: after failures, with back-off; null: as after an answer. */
  readonly failure: { readonly baseMs: number; readonly maxMs: number } | null;
}

/** How names of STRICT_DNS and LOGICAL_DNS clusters are resolved. */
export interface DnsPlan extends RefreshPlan {
  readonly family: LookupFamily;
  /** `respect_dns_ttl`: the record's TTL replaces `refreshMs`. */
  readonly respectTtl: boolean;
  /** `dns_jitter`: up to so much is added to the wait after an answer. */
  readonly jitterMs: number;
  /** A name must have an address: that it has none is a failure, too (LOGICAL_DNS). */
  readonly needsAddress: boolean;
  readonly resolver: ResolverPlan | null;
}
