import type { Clock, Scheduled } from "../../clock/clock.ts";
import type { DnsPlan } from "../../plan/dns-plan.ts";
import { failureDelayMs } from "./refresh.ts";
import { type Resolution, type Resolve, ResolveError } from "./resolve.ts";

/** Hears of each attempt. */
export interface DnsListener {
  onAttempt(): void;
  /** None: the name is not there any more. */
  onAddresses(addresses: readonly string[]): void;
  /** What was known stays. */
  onFailure(details: string): void;
}

/**
 * Resolves one name for as long as it is not stopped: what STRICT_DNS and LOGICAL_DNS clusters live on. A failure keeps what was known and
 * tries again with back-off.
 */
export class DnsWatch {
  private readonly name: string;
  private readonly options: DnsPlan;
  private readonly clock: Clock;
  private readonly random: () => number;
  private readonly resolve: Resolve;
  private readonly listener: DnsListener;
  private next: Scheduled | null = null;
  private failures = 0;
  private stopped = false;

  constructor(
    name: string,
    options: DnsPlan,
    deps: { readonly clock: Clock; readonly random: () => number; readonly resolve: Resolve },
    listener: DnsListener,
  ) {
    this.name = name;
    this.options = options;
    this.clock = deps.clock;
    this.random = deps.random;
    this.resolve = deps.resolve;
    this.listener = listener;
  }

  start(): void {
    this.listener.onAttempt();
    this.resolve(this.name, this.options.family, this.options.respectTtl).then(
      (resolution) => this.onAnswer(resolution),
      (error: unknown) => this.onFailure(detailsOf(error)),
    );
  }

  stop(): void {
    this.stopped = true;
    this.next?.cancel();
  }

  private onAnswer({ addresses, ttlMs, details }: Resolution): void {
    const { options } = this;
    if (addresses.length === 0 && options.needsAddress) {
      this.onFailure(details);
      return;
    }
    if (this.stopped) return;
    this.failures = 0;
    const refreshMs = options.respectTtl && ttlMs > 0 ? ttlMs : options.refreshMs;
    this.again(refreshMs + Math.floor(this.random() * options.jitterMs));
    this.listener.onAddresses(addresses);
  }

  private onFailure(details: string): void {
    if (this.stopped) return;
    this.again(failureDelayMs(this.options, this.failures++, this.random));
    this.listener.onFailure(details);
  }

  private again(delayMs: number): void {
    this.next = this.clock.schedule(delayMs, () => this.start());
  }
}

function detailsOf(error: unknown): string {
  if (error instanceof ResolveError) return error.details;
  return error instanceof Error ? error.message : String(error);
}
