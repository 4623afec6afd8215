import type { HeaderBlock } from "../../codec/header-block.ts";
import {
  X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL,
  X_ENVOY_UPSTREAM_HEALTHCHECKED_CLUSTER,
} from "../../codec/header-names.ts";
import type { HealthCheckFilterPlan } from "../../plan/filters/health-check.ts";
import type { HeaderMutation } from "../../plan/route-plan.ts";
import type { Exchange } from "../exchange.ts";
import { type LocalReply, localReply } from "../local-replies.ts";
import { CONTINUE, type FilterContext, type FilterStatus, type HttpFilter, STOP } from "./filter.ts";

const OK = localReply(200, "", "", "health_check_ok");
const CLUSTERS_OK = localReply(200, "", "", "health_check_ok_cluster_healthy");
const failure = (details: string): LocalReply => localReply(503, "", "LH", details);
const FAILED = failure("health_check_failed");
const NO_CLUSTER = failure("health_check_failed_no_cluster_found");
const CLUSTER_EMPTY = failure("health_check_failed_cluster_empty");
const CLUSTER_UNHEALTHY = failure("health_check_failed_cluster_unhealthy");

const DEGRADED: readonly HeaderMutation[] = [
  { op: "append", name: "x-envoy-degraded", value: "", format: null, keepEmpty: true, together: 0 },
];

/** Answers health checks of this proxy, or of who is behind it: Envoy `source/extensions/filters/http/health_check/health_check.cc`. */
export class HealthCheckFilter implements HttpFilter {
  private readonly plan: HealthCheckFilterPlan;
  private readonly context: FilterContext;
  /** What the upstream said last, and until when that holds. */
  private cached: LocalReply | null = null;
  private cachedUntil = 0;

  constructor(plan: HealthCheckFilterPlan, context: FilterContext) {
    this.plan = plan;
    this.context = context;
  }

  onRequest(exchange: Exchange): FilterStatus {
    const { plan, context } = this;
    if (!plan.conditions.every((test) => test.matches(exchange.request))) return CONTINUE;
    exchange.isHealthCheck = true;
    const answers = !plan.passThrough || context.health.failing || this.cacheHolds(exchange);
    if (!answers) return CONTINUE;
    exchange.filters.keepState(this, ANSWERS);
    if (exchange.requestEnded) exchange.reply(this.answer());
    return STOP;
  }

  onRequestData(exchange: Exchange, _buffer: unknown, _start: number, _end: number, endStream: boolean): FilterStatus {
    if (exchange.filters.stateOf(this) !== ANSWERS) return CONTINUE;
    if (endStream) exchange.reply(this.answer());
    return STOP;
  }

  onRequestTrailers(exchange: Exchange, _trailers: HeaderBlock): FilterStatus {
    if (exchange.filters.stateOf(this) !== ANSWERS) return CONTINUE;
    exchange.reply(this.answer());
    return STOP;
  }

  onResponse(exchange: Exchange): void {
    const { context } = this;
    const { headers } = exchange.response;
    if (exchange.isHealthCheck) {
      if (this.plan.cacheMs > 0 && exchange.filters.stateOf(this) !== ANSWERS) this.remember(exchange);
      headers.set(X_ENVOY_UPSTREAM_HEALTHCHECKED_CLUSTER, context.localCluster);
    }
    // Who asks others hears it from them, too.
    if (context.health.failing) headers.set(X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL, "true");
  }

  private cacheHolds({ now }: Exchange): boolean {
    return this.cached !== null && now < this.cachedUntil;
  }

  private remember({ response, now }: Exchange): void {
    const { status, headers } = response;
    const reply = localReply(status, "", status >= 200 && status < 300 ? "" : "LH", "health_check_cached");
    this.cached = headers.find("x-envoy-degraded") === undefined ? reply : { ...reply, headers: DEGRADED };
    this.cachedUntil = now + this.plan.cacheMs;
  }

  private answer(): LocalReply {
    const { plan, context, cached } = this;
    if (context.health.failing) return FAILED;
    if (plan.passThrough) return cached ?? OK;
    for (const { name, minHealthyPercent } of plan.clusters) {
      const cluster = context.findCluster(name)?.current ?? null;
      if (cluster === null) return NO_CLUSTER;
      const { total, healthy, degraded } = cluster.membership;
      if (minHealthyPercent > 0 && total === 0) return CLUSTER_EMPTY;
      if (100 * (healthy + degraded) < total * minHealthyPercent) return CLUSTER_UNHEALTHY;
    }
    return plan.clusters.length === 0 ? OK : CLUSTERS_OK;
  }
}

/** The filter answers the request, once that is complete. */
const ANSWERS = "answers";
