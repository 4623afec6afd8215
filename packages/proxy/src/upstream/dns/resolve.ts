/** Names to addresses: what is asked, what is answered, and how two families become one answer. */
import type { LookupFamily, ResolverPlan } from "../../plan/dns-plan.ts";

export interface Resolution {
  /** None: the name is not there, or has no address of the family. */
  readonly addresses: readonly string[];
  /** The shortest of the records', in milliseconds; 0 if not known. */
  readonly ttlMs: number;
  /** Of Envoy's c-ares resolver: `cares_norecords:Domain name not found`. */
  readonly details: string;
}

/** Throws ResolveError where nobody could tell. `withTtl`: times to live are wanted, which only DNS itself knows. */
export type Resolve = (name: string, family: LookupFamily, withTtl: boolean) => Promise<Resolution>;

/** Where names are resolved, by configuration. */
export type Resolvers = (plan: ResolverPlan | null) => Resolve;

export class ResolveError extends Error {
  override name = "ResolveError";
  /** As `Resolution.details`. */
  readonly details: string;

  constructor(details: string) {
    super(details);
    this.details = details;
  }
}

/** One family's answer. */
export type Ask = (family: 4 | 6) => Promise<Resolution>;

/**
 * Envoy `source/extensions/network/dns_resolver/cares/dns_impl.cc`: the second family is asked where the first has no address, whatever the
 * reason, and has the last word; `ALL` asks both at once.
 */
export async function resolveFamilies(family: LookupFamily, ask: Ask): Promise<Resolution> {
  switch (family) {
    case "v4-only":
      return ask(4);
    case "v6-only":
      return ask(6);
    case "v4-preferred":
      return (await addressesOf(ask(4))) ?? ask(6);
    case "auto":
      return (await addressesOf(ask(6))) ?? ask(4);
    default: {
      const [v4, v6] = await Promise.all([addressesOf(ask(4)), addressesOf(ask(6))]);
      if (v4 === null || v6 === null) return v4 ?? v6 ?? ask(4);
      const addresses = [...v4.addresses, ...v6.addresses];
      return { addresses, ttlMs: Math.min(v4.ttlMs, v6.ttlMs), details: v4.details };
    }
  }
}

/** Null if there are none. */
async function addressesOf(asked: Promise<Resolution>): Promise<Resolution | null> {
  try {
    const answer = await asked;
    return answer.addresses.length > 0 ? answer : null;
  } catch (error) {
    if (error instanceof ResolveError) return null;
    throw error;
  }
}
