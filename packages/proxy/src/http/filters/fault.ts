import { Timer, type TimerOwner } from "../../clock/timer-wheel.ts";
import { X_ENVOY_DOWNSTREAM_SERVICE_CLUSTER, X_ENVOY_DOWNSTREAM_SERVICE_NODE } from "../../codec/header-names.ts";
import type { HeaderBlock } from "../../codec/header-block.ts";
import type { ReadBuffer } from "../../codec/read-buffer.ts";
import type { FaultAbortPlan, FaultPlan, FaultRateLimitPlan } from "../../plan/filters/fault.ts";
import type { RuntimeFraction } from "../../plan/runtime-values.ts";
import type { Metadata } from "../../plan/format/stream-info.ts";
import type { Counter, Gauge, StatsRegistry } from "../../stats/index.ts";
import type { Exchange } from "../exchange.ts";
import { localReply } from "../local-replies.ts";
import { parseUint32, parseUint64 } from "./decimal.ts";
import { CONTINUE, type FilterContext, type FilterStatus, type HttpFilter, STOP } from "./filter.ts";
import { ResponseRateLimiter } from "./response-rate-limiter.ts";

/** What a request may ask for where the configuration says that it may. */
const ABORT = "x-envoy-fault-abort-request";
const ABORT_GRPC = "x-envoy-fault-abort-grpc-request";
const ABORT_PERCENTAGE = "x-envoy-fault-abort-request-percentage";
const DELAY = "x-envoy-fault-delay-request";
const DELAY_PERCENTAGE = "x-envoy-fault-delay-request-percentage";
const THROUGHPUT = "x-envoy-fault-throughput-response";
const THROUGHPUT_PERCENTAGE = "x-envoy-fault-throughput-response-percentage";

/** Downstream clusters with counters of their own: clients name them, so there must be an end to it. */
const MAX_DOWNSTREAM_CLUSTERS = 1_000;

/** What is done to one exchange. */
class ActiveFault implements TimerOwner {
  readonly timer = new Timer(this, 0);
  limiter: ResponseRateLimiter | null = null;
  private readonly filter: Fault;
  private readonly exchange: Exchange;
  private readonly plan: FaultPlan;

  constructor(filter: Fault, exchange: Exchange, plan: FaultPlan) {
    this.filter = filter;
    this.exchange = exchange;
    this.plan = plan;
  }

  onTimer(): void {
    this.filter.endDelay(this.exchange, this.plan);
  }
}

/** Delays, aborts and slow responses on purpose: Envoy `source/extensions/filters/http/fault/fault_filter.cc`. */
export class Fault implements HttpFilter {
  private readonly plan: FaultPlan;
  private readonly name: string;
  private readonly context: FilterContext;
  private readonly prefix: string;
  private readonly stats: StatsRegistry;
  private readonly delaysInjected: Counter;
  private readonly abortsInjected: Counter;
  private readonly responseRlInjected: Counter;
  private readonly faultsOverflow: Counter;
  private readonly activeFaults: Gauge;
  private readonly downstreamClusters = new Set<string>();
  private readonly metadataOf = new WeakMap<FaultPlan, Metadata>();

  constructor(plan: FaultPlan, name: string, context: FilterContext) {
    const { stats, statPrefix } = context;
    this.plan = plan;
    this.name = name;
    this.context = context;
    this.stats = stats;
    this.prefix = `http.${statPrefix}.fault.`;
    this.delaysInjected = stats.counter(`${this.prefix}delays_injected`);
    this.abortsInjected = stats.counter(`${this.prefix}aborts_injected`);
    this.responseRlInjected = stats.counter(`${this.prefix}response_rl_injected`);
    this.faultsOverflow = stats.counter(`${this.prefix}faults_overflow`);
    this.activeFaults = stats.gauge(`${this.prefix}active_faults`);
  }

  onRequest(exchange: Exchange, routeConfig: unknown): FilterStatus {
    const plan = routeConfig === null ? this.plan : (routeConfig as FaultPlan);
    if (plan.idle || !this.concerns(plan, exchange)) return CONTINUE;
    const { headers } = exchange.request;
    if (plan.responseRateLimit !== null) this.limitResponse(plan, plan.responseRateLimit, exchange);
    const delayMs = this.delayOf(plan, headers);
    if (delayMs > 0) {
      const active = this.activate(exchange, plan);
      if (active !== null) {
        this.delaysInjected.value++;
        this.countDownstream(exchange, plan, "delays_injected");
        exchange.addFlag("DI");
        this.addMetadata(exchange, plan);
        const { timers, turn } = this.context.net;
        timers.arm(active.timer, turn.now, delayMs);
        return STOP;
      }
    }
    return this.abort(exchange, plan) ? STOP : CONTINUE;
  }

  /** A delay is over. */
  endDelay(exchange: Exchange, plan: FaultPlan): void {
    if (!this.abort(exchange, plan)) exchange.filters.continueRequest();
  }

  onResponseData(exchange: Exchange, buffer: ReadBuffer, start: number, end: number, endStream: boolean): FilterStatus {
    const limiter = this.limiterOf(exchange);
    if (limiter === null) return CONTINUE;
    limiter.write(buffer, start, end, endStream);
    return STOP;
  }

  onResponseTrailers(exchange: Exchange): FilterStatus {
    return this.limiterOf(exchange)?.keepTrailers() === true ? STOP : CONTINUE;
  }

  onComplete(exchange: Exchange): void {
    const active = exchange.filters.stateOf(this) as ActiveFault | undefined;
    if (active === undefined) return;
    if (active.timer.armed) this.context.net.timers.disarm(active.timer);
    active.limiter?.stop();
    this.activeFaults.value--;
  }

  private limiterOf(exchange: Exchange): ResponseRateLimiter | null {
    const active = exchange.filters.stateOf(this) as ActiveFault | undefined;
    return active === undefined ? null : active.limiter;
  }

  private concerns(plan: FaultPlan, exchange: Exchange): boolean {
    const { request, target } = exchange;
    if (plan.upstreamCluster !== "" && target?.cluster.name !== plan.upstreamCluster) return false;
    const { downstreamNodes } = plan;
    if (downstreamNodes.size > 0 && !downstreamNodes.has(request.headers.get(X_ENVOY_DOWNSTREAM_SERVICE_NODE)))
      return false;
    return plan.headers.every((test) => test.matches(request));
  }

  /** One active fault, whatever is done to the exchange. Null if there are too many. */
  private activate(exchange: Exchange, plan: FaultPlan): ActiveFault | null {
    const there = exchange.filters.stateOf(this) as ActiveFault | undefined;
    if (there !== undefined) return there;
    if (this.activeFaults.value >= plan.maxActiveFaults.value) {
      this.faultsOverflow.value++;
      return null;
    }
    this.activeFaults.value++;
    const active = new ActiveFault(this, exchange, plan);
    exchange.filters.keepState(this, active);
    return active;
  }

  private limitResponse(plan: FaultPlan, limit: FaultRateLimitPlan, exchange: Exchange): void {
    const { headers } = exchange.request;
    const byHeader = limit.kibPerSecond < 0;
    const kibPerSecond = byHeader ? (parseUint64(headers.first(THROUGHPUT)) ?? 0) : limit.kibPerSecond;
    if (kibPerSecond === 0) return;
    if (!this.draw(limit.percentage, byHeader ? headers.first(THROUGHPUT_PERCENTAGE) : undefined)) return;
    const active = this.activate(exchange, plan);
    if (active === null) return;
    this.responseRlInjected.value++;
    active.limiter = new ResponseRateLimiter(this, exchange, this.context.net, kibPerSecond);
  }

  /** 0 for none. */
  private delayOf({ delay }: FaultPlan, headers: HeaderBlock): number {
    if (delay === null) return 0;
    const { byHeader } = delay;
    if (!this.draw(delay.percentage, byHeader ? headers.first(DELAY_PERCENTAGE) : undefined)) return 0;
    return byHeader ? (parseUint64(headers.first(DELAY)) ?? 0) : delay.delayMs.value;
  }

  /** True if the request has been answered. */
  private abort(exchange: Exchange, plan: FaultPlan): boolean {
    const { abort } = plan;
    if (abort === null) return false;
    const { headers } = exchange.request;
    const { byHeader } = abort;
    if (!this.draw(abort.percentage, byHeader ? headers.first(ABORT_PERCENTAGE) : undefined)) return false;
    const httpStatus = byHeader ? requestedStatus(headers) : abort.httpStatus.value;
    const grpcStatus = byHeader && httpStatus < 0 ? requestedGrpcStatus(headers) : abort.grpcStatus.value;
    if (httpStatus < 0 && grpcStatus < 0) return false;
    if (this.activate(exchange, plan) === null) return false;
    this.abortsInjected.value++;
    this.countDownstream(exchange, plan, "aborts_injected");
    this.addMetadata(exchange, plan);
    exchange.reply(abortReply(abort, httpStatus, grpcStatus));
    return true;
  }

  /** @param lowered a numerator that the request asks for, if it may; none above the configured one counts */
  private draw({ numerator, denominator, overridden }: RuntimeFraction, lowered: string | undefined): boolean {
    const chosen = overridden ? numerator : Math.min(numerator, parseUint32(lowered) ?? numerator);
    return chosen >= denominator || (chosen > 0 && this.context.random() * denominator < chosen);
  }

  private countDownstream(exchange: Exchange, plan: FaultPlan, stat: string): void {
    const cluster = exchange.request.headers.get(X_ENVOY_DOWNSTREAM_SERVICE_CLUSTER);
    if (cluster === "" || !plan.downstreamClusterStats) return;
    const { downstreamClusters } = this;
    if (!downstreamClusters.has(cluster)) {
      if (downstreamClusters.size >= MAX_DOWNSTREAM_CLUSTERS) return;
      downstreamClusters.add(cluster);
    }
    this.stats.counter(`${this.prefix}${cluster}.${stat}`).value++;
  }

  private addMetadata(exchange: Exchange, plan: FaultPlan): void {
    if (plan.metadata === null) return;
    let metadata = this.metadataOf.get(plan);
    if (metadata === undefined) this.metadataOf.set(plan, (metadata = { [this.name]: plan.metadata }));
    exchange.addDynamicMetadata(metadata);
  }
}

/** -1 if the request asks for none that there is. */
function requestedStatus(headers: HeaderBlock): number {
  const status = parseUint64(headers.first(ABORT)) ?? -1;
  return status >= 200 && status < 600 ? status : -1;
}

function requestedGrpcStatus(headers: HeaderBlock): number {
  const status = parseUint64(headers.first(ABORT_GRPC));
  // Envoy keeps 32 bits of it.
  return status === undefined ? -1 : status % 2 ** 32;
}

function abortReply({ body }: FaultAbortPlan, httpStatus: number, grpcStatus: number): ReturnType<typeof localReply> {
  const reply = localReply(httpStatus < 0 ? 200 : httpStatus, body, "FI", "fault_filter_abort");
  return httpStatus < 0 ? { ...reply, grpcStatus } : reply;
}
