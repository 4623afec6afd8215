import type { DescriptorPlan, LocalRateLimitPlan } from "../../plan/filters/local-rate-limit.ts";
import type { StreamInfo } from "../../plan/format/stream-info.ts";
import type { RateLimitPlan } from "../../plan/rate-limits.ts";
import { TokenBucket } from "../../token-bucket.ts";

/** A bucket that a request takes of. */
interface Limit {
  readonly bucket: TokenBucket;
  /** Counts, and limits nothing. */
  readonly shadow: boolean;
}

/** What became of a request. */
export interface Verdict {
  readonly allowed: boolean;
  /** A bucket that only counts had no token, and no other refused. */
  readonly shadowed: boolean;
  /** The one that there is to tell of: which refused, else the slowest; null if there is none. */
  readonly bucket: TokenBucket | null;
}

/** The buckets of one configuration. Envoy `source/extensions/filters/common/local_ratelimit/local_ratelimit_impl.cc`. */
export class LocalRateLimiter {
  private readonly plan: LocalRateLimitPlan;
  private readonly byDefault: TokenBucket | null;
  private readonly exact = new Map<string, Limit>();
  private readonly dynamic: readonly DynamicDescriptor[];

  constructor(plan: LocalRateLimitPlan, now: number) {
    this.plan = plan;
    this.byDefault = plan.bucket === null || plan.bucket.maxTokens === 0 ? null : new TokenBucket(plan.bucket, now);
    const isDynamic = ({ entries }: DescriptorPlan): boolean => entries.some(({ value }) => value === "");
    this.dynamic = plan.descriptors
      .filter(isDynamic)
      .map((each) => new DynamicDescriptor(each, plan.maxDynamicDescriptors));
    for (const each of plan.descriptors) {
      if (isDynamic(each)) continue;
      const name = nameOf(each.entries.flatMap(({ key, value }) => [key, value]));
      this.exact.set(name, { bucket: new TokenBucket(each.bucket, now), shadow: each.shadow });
    }
  }

  /**
   * Takes of each bucket that concerns the request, the slowest to fill first, until one has too few: what it refuses costs the others
   * nothing. @param more limits after the first ones
   */
  decide(stream: StreamInfo, limits: readonly RateLimitPlan[], more: readonly RateLimitPlan[], now: number): Verdict {
    const { plan, byDefault } = this;
    let matched = NONE;
    if (plan.descriptors.length > 0 && (limits.length > 0 || more.length > 0)) {
      matched = this.matching(stream, limits, more, now);
    }
    let shadowed = false;
    for (const { limit, hits } of matched) {
      const { bucket, shadow } = limit;
      if (bucket.take(hits, now)) continue;
      if (!shadow) return { allowed: false, shadowed: false, bucket };
      shadowed = true;
    }
    const first = matched.length === 0 ? null : matched[0].limit.bucket;
    if (plan.bucket !== null && (first === null || plan.alwaysConsumesDefault)) {
      if (byDefault === null || !byDefault.take(1, now)) return { allowed: false, shadowed: false, bucket: byDefault };
    }
    return { allowed: true, shadowed, bucket: first ?? byDefault };
  }

  private matching(
    stream: StreamInfo,
    limits: readonly RateLimitPlan[],
    more: readonly RateLimitPlan[],
    now: number,
  ): readonly Match[] {
    const matched: Match[] = [];
    this.match(stream, limits, now, matched);
    this.match(stream, more, now, matched);
    return matched.length < 2 ? matched : matched.sort(slowestFirst);
  }

  private match(stream: StreamInfo, limits: readonly RateLimitPlan[], now: number, matched: Match[]): void {
    const { stage } = this.plan;
    for (let i = 0; i < limits.length; i++) {
      const each = limits[i];
      const found = each.stage === stage ? each.describe(stream) : null;
      const hits = found === null ? -1 : each.hits(stream);
      const limit = found === null || hits < 0 ? null : this.limitOf(found, now);
      if (limit !== null) matched.push({ limit, hits });
    }
  }

  /** @param found keys and values by turns */
  private limitOf(found: readonly string[], now: number): Limit | null {
    const exact = this.exact.get(nameOf(found));
    if (exact !== undefined) return exact;
    for (const each of this.dynamic) if (each.covers(found)) return each.limitOf(found, now);
    return null;
  }
}

interface Match {
  readonly limit: Limit;
  readonly hits: number;
}

const NONE: readonly Match[] = [];

function slowestFirst(a: Match, b: Match): number {
  return a.limit.bucket.plan.tokensPerMs - b.limit.bucket.plan.tokensPerMs;
}

/** A descriptor that stands for many, each with a bucket of its own. */
class DynamicDescriptor {
  private readonly plan: DescriptorPlan;
  private readonly max: number;
  /** The one used last at the end. */
  private readonly limits = new Map<string, Limit>();

  constructor(plan: DescriptorPlan, max: number) {
    this.plan = plan;
    this.max = max;
  }

  covers(found: readonly string[]): boolean {
    const { entries } = this.plan;
    if (found.length !== entries.length * 2) return false;
    return entries.every(({ key, value }, i) => found[2 * i] === key && (value === "" || value === found[2 * i + 1]));
  }

  limitOf(found: readonly string[], now: number): Limit {
    const { limits, plan } = this;
    const name = nameOf(found);
    const limit = limits.get(name) ?? { bucket: new TokenBucket(plan.bucket, now), shadow: plan.shadow };
    limits.delete(name);
    limits.set(name, limit);
    if (limits.size > this.max) {
      for (const oldest of limits.keys()) {
        limits.delete(oldest);
        break;
      }
    }
    return limit;
  }
}

/** Lengths keep apart what a separator could not. */
function nameOf(parts: readonly string[]): string {
  let name = "";
  for (const part of parts) name += `${part.length}:${part}`;
  return name;
}
