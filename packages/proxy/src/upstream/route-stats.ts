import type { Counter, StatsRegistry } from "../stats/index.ts";
import { ResponseCounters } from "./response-counters.ts";

/**
 * Requests that a route forwards (`vhost.v.route.r.`), or those of a virtual cluster (`vhost.v.vcluster.c.`), whatever their clusters. Envoy
 * `envoy/router/router.h`, ALL_ROUTE_STATS and ALL_VIRTUAL_CLUSTER_STATS.
 */
export class RouteStats {
  readonly rqTotal: Counter;
  readonly rqTimeout: Counter;
  readonly rqRetry: Counter;
  readonly rqRetrySuccess: Counter;
  readonly rqRetryOverflow: Counter;
  readonly rqRetryLimitExceeded: Counter;
  readonly responses: ResponseCounters;

  /** @param prefix with a dot at the end */
  constructor(registry: StatsRegistry, prefix: string) {
    const counter = (name: string): Counter => registry.counter(`${prefix}upstream_rq_${name}`);
    this.rqTotal = counter("total");
    this.rqTimeout = counter("timeout");
    this.rqRetry = counter("retry");
    this.rqRetrySuccess = counter("retry_success");
    this.rqRetryOverflow = counter("retry_overflow");
    this.rqRetryLimitExceeded = counter("retry_limit_exceeded");
    this.responses = new ResponseCounters(registry, prefix);
  }
}

/** What counts a request beside its cluster. */
export interface RouteCounters {
  /** `%VIRTUAL_CLUSTER_NAME%`; "" without one. */
  readonly virtualCluster: string;
  readonly stats: readonly RouteStats[];
}

type Counted = "rqTotal" | "rqTimeout" | "rqRetry" | "rqRetrySuccess" | "rqRetryOverflow" | "rqRetryLimitExceeded";

export function count({ stats }: RouteCounters, what: Counted): void {
  for (let i = 0; i < stats.length; i++) stats[i][what].value++;
}

export function countResponse({ stats }: RouteCounters, status: number): void {
  for (let i = 0; i < stats.length; i++) stats[i].responses.count(status);
}

export function recordTime({ stats }: RouteCounters, ms: number): void {
  for (let i = 0; i < stats.length; i++) stats[i].responses.recordTime(ms);
}
