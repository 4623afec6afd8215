import type { Clock } from "../clock/clock.ts";
import type { LogSinks } from "../access-log/log-sinks.ts";
import type { WallClock } from "../clock/wall-clock.ts";
import type { OverloadState } from "../overload/manager.ts";
import type { NetContext } from "../net/context.ts";
import type { ClusterRef } from "../plan/cluster-plan.ts";
import type { HttpConnectionManagerPlan } from "../plan/listener-plan.ts";
import type { Tracers } from "../tracing/tracers.ts";
import type { DnsCaches } from "../upstream/dns/caches.ts";
import type { AccessLogs } from "./access-logs.ts";
import type { AsyncClient } from "./async-client.ts";
import type { Http2CodecStats } from "../stats/http2-codec-stats.ts";
import type { ConnectionManagerStats } from "./connection-manager-stats.ts";
import type { Exchange } from "./exchange.ts";
import type { FilterChain } from "./filters/filter-chain.ts";
import type { HttpDate } from "./http-date.ts";
import type { ResponseStore } from "./last-good/response-store.ts";
import type { RequestHeaderSources } from "./request-headers.ts";
import type { ConnectionManagerTracing } from "./tracing.ts";

/** What all exchanges of a data plane share. */
export interface HttpContext {
  readonly net: NetContext;
  readonly clock: Clock;
  readonly date: HttpDate;
  readonly wall: WallClock;
  readonly logs: LogSinks;
  readonly sources: RequestHeaderSources;
  /** [0, 1) */
  readonly random: () => number;
  readonly exchanges: ExchangePool;
  readonly tracers: Tracers;
  readonly dnsCaches: DnsCaches;
  /** For requests of the proxy's own. */
  readonly client: AsyncClient;
  readonly health: HealthStatus;
  /** The cluster that this proxy is one of (`node.cluster`). */
  readonly localCluster: string;
  /** Good responses that fallback policies keep, by policy: they outlive the configurations that brought them about. */
  readonly lastGood: Map<string, ResponseStore>;
  /** The cluster of that name if there is one; for routes that name it by a request header. */
  findCluster(name: string): ClusterRef | null;
}

/** What the admin endpoint's /healthcheck says. */
export interface HealthStatus {
  /** This proxy is to fail its health checks: it is about to be stopped, or otherwise not to be used. */
  failing: boolean;
}

/** A connection manager in force: its plan with everything that was resolved for it once. */
export interface HttpRuntime {
  readonly plan: HttpConnectionManagerPlan;
  readonly stats: ConnectionManagerStats;
  readonly http2Stats: Http2CodecStats;
  /** Null: nobody looks whether there is enough of everything. */
  readonly overload: OverloadState | null;
  readonly filters: FilterChain;
  /** Null: nothing is logged. */
  readonly accessLogs: AccessLogs | null;
  /** Null: requests are not traced. */
  readonly tracing: ConnectionManagerTracing | null;
}

/** Exchanges that are not in use, ready for the next request. */
export class ExchangePool {
  private readonly create: () => Exchange;
  private readonly free: Exchange[] = [];

  constructor(create: () => Exchange) {
    this.create = create;
  }

  acquire(): Exchange {
    return this.free.pop() ?? this.create();
  }

  /** @param exchange has been reset: it carries nothing of the last request */
  release(exchange: Exchange): void {
    if (this.free.length < MAX_FREE) this.free.push(exchange);
  }
}

/** About 4 KiB each. */
const MAX_FREE = 1_024;
