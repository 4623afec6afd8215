import type {
  DescriptorPlan,
  DescriptorStep,
  LocalRateLimitPlan,
  TokenBucketPlan,
} from "../../plan/filters/local-rate-limit.ts";
import type { HeaderMutation } from "../../plan/plan.ts";
import type { Counter } from "../../stats/index.ts";
import type { Exchange } from "../exchange.ts";
import { type LocalReply, localReply } from "../local-replies.ts";
import { CONTINUE, type FilterContext, type FilterStatus, type HttpFilter, STOP } from "./filter.ts";

const RESOURCE_EXHAUSTED = 8;

/** Tokens come in all the time, not by the interval (Envoy `source/common/common/token_bucket_impl.cc`, AtomicTokenBucketImpl). */
class Bucket {
  private readonly plan: TokenBucketPlan;
  private tokens: number;
  private filledAt: number;

  constructor(plan: TokenBucketPlan, now: number) {
    this.plan = plan;
    this.tokens = plan.maxTokens;
    this.filledAt = now;
  }

  take(now: number): boolean {
    const { maxTokens, tokensPerMs } = this.plan;
    this.tokens = Math.min(maxTokens, this.tokens + (now - this.filledAt) * tokensPerMs);
    this.filledAt = now;
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }

  /** Until there is one again. */
  get waitSeconds(): number {
    const { tokensPerMs } = this.plan;
    return tokensPerMs === 0 ? 0 : Math.ceil((1 - this.tokens) / tokensPerMs / 1000);
  }
}

/** A configured descriptor and its bucket, or its buckets by the values that it leaves open. */
class Descriptor {
  readonly plan: DescriptorPlan;
  private readonly isDynamic: boolean;
  private readonly max: number;
  /** The one used last at the end. */
  private readonly buckets = new Map<string, Bucket>();

  constructor(plan: DescriptorPlan, max: number) {
    this.plan = plan;
    this.isDynamic = plan.entries.some(({ value }) => value === "");
    this.max = max;
  }

  /** @param found keys and values by turns */
  bucketFor(found: readonly string[], now: number): Bucket | null {
    const { entries, bucket: plan } = this.plan;
    if (found.length !== entries.length * 2) return null;
    for (let i = 0; i < entries.length; i++) {
      const { key, value } = entries[i];
      if (found[2 * i] !== key || (value !== "" && value !== found[2 * i + 1])) return null;
    }
    const name = this.isDynamic ? found.join("\u0000") : "";
    let bucket = this.buckets.get(name);
    if (bucket === undefined) {
      bucket = new Bucket(plan, now);
      if (this.buckets.size >= this.max) {
        for (const oldest of this.buckets.keys()) {
          this.buckets.delete(oldest);
          break;
        }
      }
    } else if (this.isDynamic) this.buckets.delete(name);
    this.buckets.set(name, bucket);
    return bucket;
  }
}

/** Local rate limits: Envoy `source/extensions/filters/http/local_ratelimit/local_ratelimit.cc`, `filters/common/local_ratelimit`. */
export class LocalRateLimit implements HttpFilter {
  private readonly plan: LocalRateLimitPlan;
  private readonly random: () => number;
  /** The slowest to fill first: what it refuses costs the others nothing. */
  private readonly descriptors: readonly Descriptor[];
  private shared: Bucket | null = null;
  private readonly enabled: Counter;
  private readonly enforced: Counter;
  private readonly ok: Counter;
  private readonly rateLimited: Counter;
  private readonly reply: LocalReply;

  constructor(plan: LocalRateLimitPlan, { stats, random }: FilterContext) {
    this.plan = plan;
    this.random = random;
    this.descriptors = plan.descriptors
      .map((each) => new Descriptor(each, plan.maxDynamicDescriptors))
      .sort((a, b) => a.plan.bucket.tokensPerMs - b.plan.bucket.tokensPerMs);
    const prefix = `${plan.statPrefix}.http_local_rate_limit.`;
    this.enabled = stats.counter(`${prefix}enabled`);
    this.enforced = stats.counter(`${prefix}enforced`);
    this.ok = stats.counter(`${prefix}ok`);
    this.rateLimited = stats.counter(`${prefix}rate_limited`);
    this.reply = {
      ...localReply(plan.status, "local_rate_limited", "RL", "local_rate_limited"),
      grpcStatus: plan.resourceExhausted ? RESOURCE_EXHAUSTED : -1,
    };
  }

  onRequest(exchange: Exchange): FilterStatus {
    const { plan } = this;
    if (!this.draw(plan.enabled)) return CONTINUE;
    this.enabled.value++;
    const refusing = this.refusing(exchange);
    if (refusing === null) {
      this.ok.value++;
      return CONTINUE;
    }
    this.rateLimited.value++;
    if (!this.draw(plan.enforced)) return CONTINUE;
    this.enforced.value++;
    exchange.reply({ ...this.reply, headers: this.headers(refusing) });
    return STOP;
  }

  /** The bucket that has no token for the request. */
  private refusing(exchange: Exchange): Bucket | null {
    const { plan, descriptors } = this;
    const { now } = exchange;
    const found = plan.limits.map((steps) => descriptorOf(exchange, steps));
    let matched = false;
    for (const descriptor of descriptors) {
      for (const request of found) {
        const bucket = request === null ? null : descriptor.bucketFor(request, now);
        if (bucket === null) continue;
        matched = true;
        if (!bucket.take(now)) return bucket;
      }
    }
    if (plan.bucket === null || (matched && !plan.alwaysConsumesDefault)) return null;
    this.shared ??= new Bucket(plan.bucket, now);
    return this.shared.take(now) ? null : this.shared;
  }

  private headers(refusing: Bucket): readonly HeaderMutation[] {
    const { responseHeaders, retryAfter, status } = this.plan;
    if (!retryAfter || status !== 429) return responseHeaders;
    const value = String(Math.max(1, refusing.waitSeconds));
    const more = { op: "overwrite", name: "retry-after", value, format: null, keepEmpty: false, together: 0 } as const;
    return [...responseHeaders, more];
  }

  private draw(fraction: number): boolean {
    return fraction >= 1 || (fraction > 0 && this.random() < fraction);
  }
}

/** Keys and values by turns; null where a step has nothing to say. */
function descriptorOf(exchange: Exchange, steps: readonly DescriptorStep[]): readonly string[] | null {
  const { request, connection } = exchange;
  const found: string[] = [];
  for (const step of steps) {
    switch (step.kind) {
      case "literal":
        found.push(step.key, step.value);
        break;
      case "match":
        if (step.tests.every((test) => test.matches(request)) !== step.expected) return null;
        found.push(step.key, step.value);
        break;
      case "header": {
        const value = request.headers.first(step.name);
        if (value !== undefined) found.push(step.key, value);
        else if (!step.skipIfAbsent) return null;
        break;
      }
      case "remote-address":
        found.push("remote_address", request.forwardedFor || (connection?.remoteAddress ?? ""));
        break;
    }
  }
  return found;
}
