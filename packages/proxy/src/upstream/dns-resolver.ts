/** Names to addresses, again and again: what STRICT_DNS and LOGICAL_DNS clusters live on. */
import { type LookupAddress } from "node:dns";
import { lookup, resolve4, resolve6 } from "node:dns/promises";
import { isIP } from "node:net";
import type { Clock, Scheduled } from "../clock/clock.ts";

/** Envoy `Cluster.DnsLookupFamily`. */
export type LookupFamily = "auto" | "v4-only" | "v6-only" | "v4-preferred" | "all";

export interface DnsOptions {
  readonly family: LookupFamily;
  /** `dns_refresh_rate`, default 5 s. */
  readonly refreshMs: number;
  /** `dns_failure_refresh_rate`; a failure waits between these, with back-off. */
  readonly failureBaseMs: number;
  readonly failureMaxMs: number;
  /** `respect_dns_ttl`: the record's TTL replaces `refreshMs`. */
  readonly respectTtl: boolean;
}

export interface Resolution {
  readonly addresses: readonly string[];
  /** Milliseconds; 0 if not known. */
  readonly ttlMs: number;
}

/** Answers with at least one address or throws. */
export type Resolve = (name: string, family: LookupFamily, withTtl: boolean) => Promise<Resolution>;

/** The system's resolver: `/etc/hosts` and all, except where TTLs are asked for, which only DNS itself knows. */
export const systemResolve: Resolve = async (name, family, withTtl) => {
  if (isIP(name) !== 0) return { addresses: [name], ttlMs: 0 };
  if (withTtl) {
    const answer = await resolveWithTtl(name, family).catch(() => null);
    if (answer !== null) return answer;
  }
  const all = await lookup(name, { all: true, verbatim: true });
  const v4 = addressesOf(all, 4);
  const v6 = addressesOf(all, 6);
  const addresses = choose(family, v4, v6);
  if (addresses.length === 0) throw new Error(`${name} has no address of the family that is asked for (${family})`);
  return { addresses, ttlMs: 0 };
};

async function resolveWithTtl(name: string, family: LookupFamily): Promise<Resolution | null> {
  const none = (): { address: string; ttl: number }[] => [];
  const [v4, v6] = await Promise.all([
    family === "v6-only" ? none() : resolve4(name, { ttl: true }).catch(none),
    family === "v4-only" ? none() : resolve6(name, { ttl: true }).catch(none),
  ]);
  const chosen = choose(family, v4, v6);
  if (chosen.length === 0) return null;
  return {
    addresses: chosen.map((record) => record.address),
    ttlMs: Math.min(...chosen.map((record) => record.ttl)) * 1000,
  };
}

function addressesOf(all: readonly LookupAddress[], family: 4 | 6): string[] {
  return all.filter((each) => each.family === family).map((each) => each.address);
}

/** Source: Envoy api/envoy/config/cluster/v3/cluster.proto, DnsLookupFamily. */
function choose<T>(family: LookupFamily, v4: readonly T[], v6: readonly T[]): readonly T[] {
  switch (family) {
    case "v4-only":
      return v4;
    case "v6-only":
      return v6;
    case "v4-preferred":
      return v4.length > 0 ? v4 : v6;
    case "all":
      return [...v4, ...v6];
    default:
      return v6.length > 0 ? v6 : v4;
  }
}

/**
 * Resolves one name for as long as it is not stopped. A failure keeps what was known and tries again with back-off.
 */
export class DnsWatch {
  private readonly name: string;
  private readonly options: DnsOptions;
  private readonly clock: Clock;
  private readonly random: () => number;
  private readonly resolve: Resolve;
  private readonly onChange: (addresses: readonly string[] | null) => void;
  private next: Scheduled | null = null;
  private failures = 0;
  private stopped = false;

  /** @param onChange called after each attempt; null: it failed, what was known stays. */
  constructor(
    name: string,
    options: DnsOptions,
    deps: { readonly clock: Clock; readonly random: () => number; readonly resolve: Resolve },
    onChange: (addresses: readonly string[] | null) => void,
  ) {
    this.name = name;
    this.options = options;
    this.clock = deps.clock;
    this.random = deps.random;
    this.resolve = deps.resolve;
    this.onChange = onChange;
  }

  start(): void {
    this.resolve(this.name, this.options.family, this.options.respectTtl).then(
      (resolution) => {
        if (this.stopped) return;
        this.failures = 0;
        const { ttlMs } = resolution;
        this.again(this.options.respectTtl && ttlMs > 0 ? ttlMs : this.options.refreshMs);
        this.onChange(resolution.addresses);
      },
      () => {
        if (this.stopped) return;
        // Full jitter between the base and an exponentially growing limit. (Envoy JitteredExponentialBackOffStrategy)
        const limit = Math.min(this.options.failureMaxMs, this.options.failureBaseMs * 2 ** this.failures);
        this.failures = Math.min(this.failures + 1, 30);
        this.again(Math.max(1, Math.round(limit * (0.5 + this.random() / 2))));
        this.onChange(null);
      },
    );
  }

  stop(): void {
    this.stopped = true;
    this.next?.cancel();
  }

  private again(delayMs: number): void {
    this.next = this.clock.schedule(delayMs, () => this.start());
  }
}
