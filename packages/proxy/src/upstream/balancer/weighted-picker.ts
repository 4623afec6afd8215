import { type BalancedHost, type Picker, equalWeights } from "./balanced-host.ts";
import { EdfScheduler } from "./edf-scheduler.ts";
import type { SlowStart } from "./slow-start.ts";

/** What has a way of its own where hosts weigh the same, and else takes the earliest deadline first. Envoy `EdfLoadBalancerBase`. */
export abstract class WeightedPicker<H extends BalancedHost> implements Picker<H> {
  protected hosts: readonly H[] = [];
  /** Null: all weigh the same. */
  protected scheduler: EdfScheduler | null = null;
  /** Picks that have been foreseen: theirs was the deadline. */
  private foreseen: H[] = NONE;
  private readonly seed: number;
  private readonly slowStart: SlowStart | null;

  /** @param seed a random 32-bit number: proxies that got the same endpoints must not all start with the same one */
  constructor(seed: number, slowStart: SlowStart | null) {
    this.seed = seed;
    this.slowStart = slowStart;
  }

  setHosts(hosts: readonly H[]): void {
    const { slowStart } = this;
    this.hosts = hosts;
    this.foreseen = NONE;
    slowStart?.note(hosts);
    const plain = hosts.length <= 1 || (equalWeights(hosts) && (slowStart === null || slowStart.over));
    this.scheduler = plain
      ? null
      : new EdfScheduler(
          hosts.map((host) => this.weightNow(host)),
          this.seed,
        );
  }

  abstract pick(random: () => number): H | null;

  abstract peek(random: () => number): H | null;

  protected abstract weightOf(host: H): number;

  protected earliest(scheduler: EdfScheduler): H {
    return this.foreseen.shift() ?? this.next(scheduler);
  }

  protected foresee(scheduler: EdfScheduler): H {
    const host = this.next(scheduler);
    if (this.foreseen.length === 0) this.foreseen = [host];
    else this.foreseen.push(host);
    return host;
  }

  private next(scheduler: EdfScheduler): H {
    const host = this.hosts[scheduler.peek()];
    scheduler.reschedule(this.weightNow(host));
    return host;
  }

  private weightNow(host: H): number {
    const { slowStart } = this;
    const weight = this.weightOf(host);
    return slowStart === null || slowStart.over ? weight : weight * slowStart.factor(host);
  }
}

/** Never written to. */
const NONE: never[] = [];
