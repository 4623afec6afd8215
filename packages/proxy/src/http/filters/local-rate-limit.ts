import type { RuntimeFraction } from "../../plan/runtime-values.ts";
import type { LocalRateLimitPlan } from "../../plan/filters/local-rate-limit.ts";
import type { HeaderMutation } from "../../plan/route-plan.ts";
import type { RateLimitPlan, RouteRateLimits } from "../../plan/rate-limits.ts";
import type { Counter, StatsRegistry } from "../../stats/index.ts";
import type { DownstreamConnection } from "../downstream-connection.ts";
import type { Exchange } from "../exchange.ts";
import { applyHeaderMutations } from "../header-mutations.ts";
import { type LocalReply, localReply } from "../local-replies.ts";
import { CONTINUE, type FilterContext, type FilterStatus, type HttpFilter, STOP } from "./filter.ts";
import { LocalRateLimiter } from "./local-rate-limiter.ts";
import type { TokenBucket } from "../../token-bucket.ts";

const RESOURCE_EXHAUSTED = 8;
const TOO_MANY_REQUESTS = 429;

/** Local rate limits: Envoy `source/extensions/filters/http/local_ratelimit/local_ratelimit.cc`. */
export class LocalRateLimit implements HttpFilter {
  private readonly context: FilterContext;
  private readonly own: Limits;
  /** Of routes' configurations, which are in place of the filter's own. */
  private readonly ofRoutes = new WeakMap<LocalRateLimitPlan, Limits>();

  constructor(plan: LocalRateLimitPlan, context: FilterContext) {
    this.context = context;
    this.own = new Limits(plan, context.stats, context.net.turn.now);
  }

  onRequest(exchange: Exchange, routeConfig: unknown): FilterStatus {
    const limits = this.limitsOf(routeConfig as LocalRateLimitPlan | null);
    const { plan, stats } = limits;
    if (!this.draw(plan.enabled)) return CONTINUE;
    stats.enabled.value++;
    const { now } = exchange;
    const limiter = plan.perConnection ? limits.ofConnection(exchange.connection, now) : limits.limiter;
    const { route } = exchange;
    const ofRoute =
      plan.limits !== null || route === null || route.action.kind !== "forward" ? null : route.action.rateLimits;
    const verdict =
      ofRoute === null
        ? limiter.decide(exchange, plan.limits ?? NO_LIMITS, NO_LIMITS, now)
        : limiter.decide(exchange, ofRoute.route, ofVirtualHost(ofRoute, plan), now);
    const { allowed, shadowed, bucket } = verdict;
    if (bucket !== null && plan.rateLimitHeaders) exchange.filters.keepState(this, bucket);
    if (allowed && !shadowed) {
      stats.ok.value++;
      return CONTINUE;
    }
    stats.rateLimited.value++;
    if (allowed) {
      stats.shadowMode.value++;
      return CONTINUE;
    }
    if (!this.draw(plan.enforced)) {
      applyHeaderMutations(exchange.request.headers, plan.notEnforcedHeaders, exchange, true);
      return CONTINUE;
    }
    stats.enforced.value++;
    exchange.reply({ ...limits.reply, headers: refusalHeaders(plan, bucket, now) });
    return STOP;
  }

  onResponse(exchange: Exchange): void {
    const bucket = exchange.filters.stateOf(this) as TokenBucket | undefined;
    if (bucket === undefined) return;
    const { headers } = exchange.response;
    const { now } = exchange;
    headers.appendNamed("x-ratelimit-limit", String(bucket.plan.maxTokens));
    headers.appendNamed("x-ratelimit-remaining", String(bucket.remaining(now)));
    headers.appendNamed("x-ratelimit-reset", String(bucket.secondsToNext(now)));
  }

  private limitsOf(routePlan: LocalRateLimitPlan | null): Limits {
    if (routePlan === null) return this.own;
    let limits = this.ofRoutes.get(routePlan);
    if (limits === undefined) {
      limits = new Limits(routePlan, this.context.stats, this.context.net.turn.now);
      this.ofRoutes.set(routePlan, limits);
    }
    return limits;
  }

  private draw({ share }: RuntimeFraction): boolean {
    return share >= 1 || (share > 0 && this.context.random() < share);
  }
}

/** One configuration in force. */
class Limits {
  readonly plan: LocalRateLimitPlan;
  readonly stats: Stats;
  readonly reply: LocalReply;
  readonly limiter: LocalRateLimiter;
  private readonly ofConnections = new WeakMap<DownstreamConnection, LocalRateLimiter>();

  constructor(plan: LocalRateLimitPlan, registry: StatsRegistry, now: number) {
    this.plan = plan;
    this.stats = new Stats(plan.statPrefix, registry);
    this.limiter = new LocalRateLimiter(plan, now);
    this.reply = {
      ...localReply(plan.status, "local_rate_limited", "RL", "local_rate_limited"),
      grpcStatus: plan.resourceExhausted ? RESOURCE_EXHAUSTED : -1,
    };
  }

  ofConnection(connection: DownstreamConnection | null, now: number): LocalRateLimiter {
    if (connection === null) return this.limiter;
    let limiter = this.ofConnections.get(connection);
    if (limiter === undefined) this.ofConnections.set(connection, (limiter = new LocalRateLimiter(this.plan, now)));
    return limiter;
  }
}

class Stats {
  readonly enabled: Counter;
  readonly enforced: Counter;
  readonly ok: Counter;
  readonly rateLimited: Counter;
  readonly shadowMode: Counter;

  constructor(statPrefix: string, registry: StatsRegistry) {
    const prefix = `${statPrefix}.http_local_rate_limit.`;
    this.enabled = registry.counter(`${prefix}enabled`);
    this.enforced = registry.counter(`${prefix}enforced`);
    this.ok = registry.counter(`${prefix}ok`);
    this.rateLimited = registry.counter(`${prefix}rate_limited`);
    this.shadowMode = registry.counter(`${prefix}shadow_mode`);
  }
}

const NO_LIMITS: readonly RateLimitPlan[] = [];

/** Those of the virtual host that hold beside the route's. */
function ofVirtualHost(
  limits: RouteRateLimits,
  { virtualHostLimits: option }: LocalRateLimitPlan,
): readonly RateLimitPlan[] {
  const { route, virtualHost, includesVirtualHost } = limits;
  const included = includesVirtualHost || option === "include" || (option === "override" && route.length === 0);
  return included ? virtualHost : NO_LIMITS;
}

function refusalHeaders(
  { responseHeaders, retryAfter, status }: LocalRateLimitPlan,
  bucket: TokenBucket | null,
  now: number,
): readonly HeaderMutation[] {
  if (!retryAfter || status !== TOO_MANY_REQUESTS || bucket === null) return responseHeaders;
  const value = String(Math.max(1, bucket.secondsToNext(now)));
  return [
    ...responseHeaders,
    { op: "add-if-absent", name: "retry-after", value, format: null, keepEmpty: false, together: 0 },
  ];
}
