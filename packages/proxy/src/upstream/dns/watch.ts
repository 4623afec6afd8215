import type { Clock, Scheduled } from "../../clock/clock.ts";
import { type RefreshPlan, failureDelayMs } from "./refresh.ts";
import type { LookupFamily, Resolve, ResolverPlan } from "./resolve.ts";

/** How names of STRICT_DNS and LOGICAL_DNS clusters are resolved. */
export interface DnsOptions extends RefreshPlan {
  readonly family: LookupFamily;
  /** `respect_dns_ttl`: the record's TTL replaces `refreshMs`. */
  readonly respectTtl: boolean;
  readonly resolver: ResolverPlan | null;
}

/**
 * Resolves one name for as long as it is not stopped: what STRICT_DNS and LOGICAL_DNS clusters live on. A failure keeps what was known and tries again with back-off.
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
        this.again(failureDelayMs(this.options, this.failures++, this.random));
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
