import type { Exchange } from "../http/exchange.ts";
import { isFailure } from "../http/response-flags.ts";
import { isGrpcError } from "../http/span-tags.ts";
import type { Turn } from "../net/turn.ts";
import { statedGrpcStatus } from "../plan/format/headers.ts";
import type { TailSamplerPlan } from "../plan/tracing-plan.ts";
import type { Counter } from "../stats/index.ts";

/** Seconds' worth of kept requests that a burst may have at once. */
const BURST_SECONDS = 10;

/**
 * Decides about roots and, at their end, about requests that nobody has chosen. One for all listeners of a proxy, so that its budgets are
 * the proxy's. What most requests cost: a few comparisons.
 */
export class TailSampler {
  private readonly plan: TailSamplerPlan;
  private readonly turn: Turn;
  private readonly kept: Counter;
  private readonly overBudget: Counter;
  private readonly roots: Bucket;
  private readonly tail: Bucket;

  constructor(plan: TailSamplerPlan, turn: Turn, kept: Counter, overBudget: Counter) {
    this.plan = plan;
    this.turn = turn;
    this.kept = kept;
    this.overBudget = overBudget;
    this.roots = new Bucket(plan.minTracesPerSecond, 1, 1, turn.now);
    this.tail = new Bucket(plan.maxKeptPerSecond, BURST_SECONDS, 2, turn.now);
  }

  /** A trace begins here. @param wanted the connection manager's decision */
  samplesRoot(wanted: boolean): boolean {
    const { roots, turn } = this;
    roots.fill(turn.now);
    // Those that were chosen anyway count: only where they are too few there are more.
    if (wanted) roots.spend();
    return wanted || roots.take(0);
  }

  /** The request is over, and was not sampled. */
  keeps(exchange: Exchange): boolean {
    const { tail, turn } = this;
    const failed = hasFailed(exchange);
    if (!this.isSlow(exchange) && !failed) return false;
    tail.fill(turn.now);
    // Slow ones leave half of it to failed ones.
    if (!tail.take(failed ? 0 : tail.capacity / 2)) {
      this.overBudget.value++;
      return false;
    }
    this.kept.value++;
    return true;
  }

  private isSlow({ route, startedAt, switchesProtocol }: Exchange): boolean {
    const { slowQuantile, slowThresholdMs } = this.plan;
    // A tunnel is as long as it is.
    if (route === null || switchesProtocol) return false;
    const ms = this.turn.now - startedAt;
    if (slowThresholdMs > 0) return ms >= slowThresholdMs;
    return slowQuantile > 0 && route.slowness.isSlow(ms, slowQuantile);
  }
}

function hasFailed(exchange: Exchange): boolean {
  const { status, flags, isGrpc } = exchange;
  if (status === 0 || status >= 500 || isFailure(flags)) return true;
  return isGrpc && isGrpcError(statedGrpcStatus(exchange) ?? "");
}

class Bucket {
  readonly capacity: number;
  private readonly perSecond: number;
  private tokens: number;
  private filledAt: number;

  /** @param least tokens that it can have, so that one can be taken however seldom they come */
  constructor(perSecond: number, burstSeconds: number, least: number, now: number) {
    this.perSecond = perSecond;
    this.capacity = perSecond === 0 ? 0 : Math.max(least, perSecond * burstSeconds);
    this.tokens = this.capacity;
    this.filledAt = now;
  }

  fill(now: number): void {
    this.tokens = Math.min(this.capacity, this.tokens + ((now - this.filledAt) / 1000) * this.perSecond);
    this.filledAt = now;
  }

  /** @param rest must be left */
  take(rest: number): boolean {
    if (this.tokens < rest + 1) return false;
    this.tokens--;
    return true;
  }

  /** Without asking; its debts are forgotten beyond what a second brings. */
  spend(): void {
    this.tokens = Math.max(this.tokens - 1, -this.capacity);
  }
}
