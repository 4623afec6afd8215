import type { EndpointPlan, RoutingPriority } from "../plan/plan.ts";
import type { ClusterUse } from "./cluster-use.ts";
import type { OutlierMonitor } from "./outlier/monitor.ts";
import { Http1Pool } from "./pool.ts";

/** One endpoint of a cluster: what the balancer reads, its connections, and what admin `/clusters` shows. */
export class Host {
  readonly address: string;
  readonly port: number;
  hostname: string;
  /** ≥ 1. */
  weight: number;
  health: EndpointPlan["health"];
  workload: string;
  /** Requests that have been given a connection and are not over. */
  activeRequests = 0;
  activeConnections = 0;
  connectionsTotal = 0;
  connectFailures = 0;
  requestsTotal = 0;
  requestsSucceeded = 0;
  requestsFailed = 0;
  requestTimeouts = 0;
  /** Null: its cluster detects no outliers. */
  readonly outlier: OutlierMonitor | null = null;
  private readonly use: ClusterUse;
  private readonly defaultPool: Http1Pool;
  /** Made when first needed, as hardly anybody uses it. */
  private highPool: Http1Pool | null = null;

  constructor(plan: EndpointPlan, use: ClusterUse) {
    this.address = plan.address;
    this.port = plan.port;
    this.hostname = plan.hostname;
    this.weight = plan.weight;
    this.health = plan.health;
    this.workload = plan.workload;
    this.use = use;
    this.defaultPool = new Http1Pool(this, use, 0);
  }

  /** `10.0.0.1:80`, `[::1]:80`: Envoy's way to write an address. */
  get name(): string {
    return hostName(this.address, this.port);
  }

  /** Each routing priority has connections of its own. */
  pool(priority: RoutingPriority): Http1Pool {
    if (priority === 0) return this.defaultPool;
    return (this.highPool ??= new Http1Pool(this, this.use, 1));
  }

  /** No more requests are expected: idle connections close, requests in flight finish. */
  drain(): void {
    this.defaultPool.drain();
    this.highPool?.drain();
  }

  /** Closes every connection now. */
  destroy(): void {
    this.defaultPool.destroy();
    this.highPool?.destroy();
  }

  /** New weight, health and metadata; address and connections stay. */
  update(plan: EndpointPlan): void {
    this.hostname = plan.hostname;
    this.weight = plan.weight;
    this.health = plan.health;
    this.workload = plan.workload;
  }
}

export function hostName(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
