import type { JsonValue } from "@bufbuild/protobuf";
import type { Hash64 } from "../hash/hash64.ts";
import type { HostSet } from "./balancer/host-set.ts";
import type { BalancedHost } from "./balancer/balanced-host.ts";
import type { PriorityLoads } from "./balancer/priority-loads.ts";
import type { CachedName, DnsCache } from "./dns/cache.ts";
import type { Host } from "./host.ts";
import type { MetadataMatch } from "../plan/metadata-match.ts";

/**
 * What the choice of a host may depend on beside the cluster itself. One attempt of one exchange implements it; balancers ask
 * only for what their policy needs. Source: Envoy `envoy/upstream/load_balancer.h`, LoadBalancerContext.
 */
export interface LoadBalancerContext<H extends BalancedHost = Host> {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Writes the hash that the route's `hash_policy` gives the request. False, and nothing written: there is none. */
  hashRequest(hash: Hash64): boolean;
  /** The host that is wanted before any other; null: none is. */
  readonly wantedHost: WantedHost | null;
  /** Which hosts are asked for; null: any. */
  readonly metadataMatch: MetadataMatch | null;
  /** The first of that name; ORIGINAL_DST clusters with `use_http_header` read their destination there. */
  requestHeader(name: string): string | undefined;
  /** What filters have found out about the request; undefined: nothing of that. */
  requestMetadata(namespace: string, path: readonly string[]): JsonValue | undefined;
  /** Where the connection was to go before it was redirected; null: it has not been, or nobody knows. */
  readonly originalDestination: OriginalDestinationView | null;
  /** The host that is asked for, perhaps with a port; clusters of named hosts go by it. */
  readonly requestHost: string;
  /** The choice is to be made again when that name, which is not known yet, is; where it cannot be waited for there is no host. */
  awaitName(cache: DnsCache, name: CachedName): void;
  /** It is being waited for. */
  readonly awaited: boolean;
  /** Why there is no host, for response code details. */
  explain(details: string): void;
  /** `host_selection_retry_max_attempts` of a retry, 0 on a first attempt: how often a host to avoid is drawn again. */
  readonly hostSelectionRetries: number;
  /** Whether a retry's host predicates reject this one. Asked only if `hostSelectionRetries` > 0. */
  avoidsHost(host: H): boolean;
  /** A retry's `retry_priority`; null on a first attempt, and where the policy has none. */
  readonly retryPriority: RetryPriority<H> | null;
}

/** Source: Envoy `LoadBalancerContext::overrideHostToSelect`. */
export interface WantedHost {
  /** With its port, as hosts are named. */
  readonly address: string;
  /** It or none. */
  readonly strict: boolean;
}

export interface OriginalDestinationView {
  readonly address: string;
  readonly port: number;
}

/** Sends retries to other priorities than the cluster would. */
export interface RetryPriority<H extends BalancedHost = Host> {
  /** @param loads the cluster's own */
  adjust(sets: readonly HostSet<H>[], loads: PriorityLoads): PriorityLoads;
}
