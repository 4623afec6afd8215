import type { EndpointPlan } from "../plan/plan.ts";
import type { ClusterUse } from "./cluster-use.ts";
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
  readonly pool: Http1Pool;

  constructor(plan: EndpointPlan, use: ClusterUse) {
    this.address = plan.address;
    this.port = plan.port;
    this.hostname = plan.hostname;
    this.weight = plan.weight;
    this.health = plan.health;
    this.workload = plan.workload;
    this.pool = new Http1Pool(this, use);
  }

  /** `10.0.0.1:80`, `[::1]:80`: Envoy's way to write an address. */
  get name(): string {
    return hostName(this.address, this.port);
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
