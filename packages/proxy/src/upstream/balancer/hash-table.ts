import type { BalancedHost } from "./balanced-host.ts";

/** A host and its part of the whole: the weights of a table add up to 1. */
export interface WeightedHost<H> {
  readonly host: H;
  readonly weight: number;
}

/** A table that gives a hash a host, the same as long as the hosts are the same. */
export interface HashTable<H extends BalancedHost> {
  /** Null if it is empty. @param attempt 0 first; each further one gives another place in the table */
  find(high: number, low: number, attempt: number): H | null;
}
