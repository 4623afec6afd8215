import type { Exchange } from "./exchange.ts";

/** So many requests on a connection before anybody looks. Source: Envoy's runtime default `overload.premature_reset_total_stream_count`. */
const MIN_REQUESTS = 500;
/** A request that lived longer was no pretext. Source: `overload.premature_reset_min_stream_lifetime_seconds`. */
const MIN_LIFETIME_MS = 1_000;

/**
 * Whether a client begins requests only to take them back (rapid reset, CVE-2023-44487), or makes us do so (CVE-2025-8671): as many as half of
 * them ended at once without an answer. Envoy `ConnectionManagerImpl::maybeDrainDueToPrematureResets`.
 */
export class PrematureResets {
  private requests = 0;
  private premature = 0;

  /** A request is over. True: too many were for nothing. */
  count(exchange: Exchange): boolean {
    this.requests++;
    if (exchange.status !== 0 || exchange.now - exchange.startedAt >= MIN_LIFETIME_MS) return false;
    this.premature++;
    return this.premature * 2 >= Math.max(MIN_REQUESTS, this.requests);
  }
}
