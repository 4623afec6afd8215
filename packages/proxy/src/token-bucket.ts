import type { TokenBucketPlan } from "./plan/filters/local-rate-limit.ts";

/** Full at first; tokens come in all the time, not by the interval (Envoy `source/common/common/token_bucket_impl.cc`, AtomicTokenBucketImpl). */
export class TokenBucket {
  readonly plan: TokenBucketPlan;
  private tokens: number;
  private filledAt: number;

  /** @param now ms of the turn's clock, here and below */
  constructor(plan: TokenBucketPlan, now: number) {
    this.plan = plan;
    this.tokens = plan.maxTokens;
    this.filledAt = now;
  }

  /** Takes so many, or none if there are fewer. */
  take(count: number, now: number): boolean {
    this.fill(now);
    if (this.tokens < count || count === 0) return false;
    this.tokens -= count;
    return true;
  }

  /** Whole ones. */
  remaining(now: number): number {
    this.fill(now);
    return Math.floor(this.tokens);
  }

  /** Until there is one, rounded up; 0 if there is. */
  secondsToNext(now: number): number {
    this.fill(now);
    const { tokensPerMs } = this.plan;
    return this.tokens >= 1 || tokensPerMs === 0 ? 0 : Math.ceil((1 - this.tokens) / tokensPerMs / 1000);
  }

  private fill(now: number): void {
    const { maxTokens, tokensPerMs } = this.plan;
    this.tokens = Math.min(maxTokens, this.tokens + (now - this.filledAt) * tokensPerMs);
    this.filledAt = now;
  }
}
