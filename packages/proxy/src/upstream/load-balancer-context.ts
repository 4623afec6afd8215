import type { Host } from "./host.ts";

/** 64 bits as two unsigned halves. Written in place: hashing a request allocates nothing. */
export interface Hash64 {
  high: number;
  low: number;
}

/**
 * What the choice of a host may depend on beside the cluster itself. One attempt of one exchange implements it; balancers ask
 * only for what their policy needs. Source: Envoy `envoy/upstream/load_balancer.h`, LoadBalancerContext.
 */
export interface LoadBalancerContext {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Writes the hash that the route's `hash_policy` gives the request. False, and nothing written: there is none. */
  hashRequest(hash: Hash64): boolean;
  /** Of the request as it came; ORIGINAL_DST clusters with `use_http_header` read their destination there. */
  requestHeader(name: string): string | undefined;
  /** `host_selection_retry_max_attempts` of a retry, 0 on a first attempt: how often a host to avoid is drawn again. */
  readonly hostSelectionRetries: number;
  /** Whether a retry's host predicates reject this one. Asked only if `hostSelectionRetries` > 0. */
  avoidsHost(host: Host): boolean;
}
