import type { TlsClientTransport } from "../net/tls/client.ts";
import type { Metadata } from "../plan/format/stream-info.ts";
import type { EndpointPlan, LocalityPlan, RoutingPriority } from "../plan/cluster-plan.ts";
import type { Preamble } from "../net/transport.ts";
import { type ProxyHeaderPlan, type ProxyOrigin, proxyHeader } from "../plan/proxy-header.ts";
import type { EndpointTransport } from "./transport-sockets.ts";
import type { ClusterUse } from "./cluster-use.ts";
import { type Health, HealthFlag, healthOf, isExcluded } from "./health-flags.ts";
import type { MonitoredHost, OutlierMonitor } from "./outlier/monitor.ts";
import { GrpcPool } from "./grpc-pool.ts";
import { Pool } from "./pool.ts";
import type { ConnectionProtocol } from "./upstream-connection.ts";

/** What EDS says of a host's health, as flags. UNHEALTHY and TIMEOUT are one. Source: Envoy `HostImplBase::setEdsHealthFlag`. */
const EDS_FLAGS: Readonly<Record<EndpointPlan["health"], number>> = {
  healthy: 0,
  unhealthy: HealthFlag.FAILED_EDS_HEALTH,
  degraded: HealthFlag.DEGRADED_EDS_HEALTH,
  draining: HealthFlag.EDS_STATUS_DRAINING,
};
const ALL_EDS_FLAGS = HealthFlag.FAILED_EDS_HEALTH | HealthFlag.DEGRADED_EDS_HEALTH | HealthFlag.EDS_STATUS_DRAINING;

/** One endpoint of a cluster: what the balancer reads, its connections, and what admin `/clusters` shows. */
export class Host implements MonitoredHost {
  /** `10.0.0.1:80`, `[::1]:80`. */
  name: string;
  address: string;
  /** Where its name has several: they are tried in turn. Includes `address`. */
  addresses: readonly string[];
  readonly port: number;
  /** As the last assignment has it. */
  plan: EndpointPlan;
  /** ≥ 1. */
  weight: number;
  hashKey: string;
  /** HealthFlag, several together; `health` and `excluded` follow from them. */
  flags = 0;
  health: Health = "healthy";
  excluded = false;
  lastPassedAt = Number.NaN;
  /** Requests that have been given a connection and are not over. */
  activeRequests = 0;
  pendingRequests = 0;
  activeConnections = 0;
  connectionsTotal = 0;
  connectFailures = 0;
  requestsTotal = 0;
  requestsSucceeded = 0;
  requestsFailed = 0;
  requestTimeouts = 0;
  /** Null: its cluster detects no outliers. Set by the cluster. */
  outlier: OutlierMonitor | null = null;
  /** Null: nobody checks it actively. Set by the checker. */
  check: { failImmediately(): void } | null = null;
  /** ORIGINAL_DST: since the last cleanup. */
  asked = false;
  /** How it is spoken to: its transport socket. Null: plainly. */
  transport: TlsClientTransport | null = null;
  /** What connections begin with; null: with what is said on them. */
  proxyHeader: ProxyHeaderPlan | null = null;
  private readonly use: ClusterUse;
  /** No handshake has shown that it is no proxy of ours. */
  mayBePeer = true;
  /** What its connections speak unless somebody asks for something else. */
  readonly protocol: ConnectionProtocol;
  private readonly defaultPool: Pool;
  /** Made when first needed, as hardly anybody uses them. */
  private highPool: Pool | null = null;
  /** Calls of the proxy's own. */
  private calls: GrpcPool | null = null;
  private readonly tunnels: (Pool | null)[] = [null, null];
  /** By what requests want to see of the server (`auto_sni`), as long as they have connections. */
  private readonly namedPools = new Map<string, Pool>();

  constructor(plan: EndpointPlan, use: ClusterUse) {
    this.name = hostName(plan.address, plan.port);
    this.address = plan.address;
    this.addresses = plan.addresses;
    this.port = plan.port;
    this.plan = plan;
    this.weight = plan.weight;
    this.hashKey = this.keyFor(plan, use);
    this.use = use;
    this.setTransport(use.transports.forEndpoint(plan.metadata));
    const { protocol } = use.plan;
    this.protocol = protocol === "downstream" ? "http1" : protocol;
    this.defaultPool = new Pool(this, use, 0, this.protocol);
    this.setFlags(EDS_FLAGS[plan.health]);
  }

  get hostname(): string {
    return this.plan.hostname;
  }

  get metadata(): Metadata {
    return this.plan.metadata;
  }

  get canary(): boolean {
    return this.plan.canary;
  }

  get workload(): string {
    return this.plan.workload;
  }

  get locality(): LocalityPlan {
    return this.plan.locality;
  }

  get priority(): number {
    return this.plan.priority;
  }

  hasFlag(flag: HealthFlag): boolean {
    return (this.flags & flag) !== 0;
  }

  /** Who sets a flag tells the cluster to look at its hosts again. */
  setFlag(flag: HealthFlag, on: boolean): void {
    this.setFlags(on ? this.flags | flag : this.flags & ~flag);
  }

  /** As far as it matters to who names it: of several reasons one. Source: Envoy `HostImplBase::healthStatus`. */
  get namedHealth(): EndpointPlan["health"] {
    if (this.hasFlag(HealthFlag.FAILED_ACTIVE_HC) || this.ejected) return "unhealthy";
    return this.hasFlag(HealthFlag.DEGRADED_ACTIVE_HC) ? "degraded" : this.plan.health;
  }

  /** By active health checks, if its cluster has any. */
  get isChecked(): boolean {
    return this.plan.healthCheck?.disabled !== true;
  }

  get ejected(): boolean {
    return this.hasFlag(HealthFlag.FAILED_OUTLIER_CHECK);
  }

  setEjected(ejected: boolean): void {
    this.setFlag(HealthFlag.FAILED_OUTLIER_CHECK, ejected);
    if (ejected) this.renewConnections();
  }

  private setFlags(flags: number): void {
    this.flags = flags;
    this.health = healthOf(flags);
    this.excluded = isExcluded(flags);
  }

  /** Each routing priority has connections of its own. */
  pool(priority: RoutingPriority): Pool {
    if (priority === 0) return this.defaultPool;
    return (this.highPool ??= new Pool(this, this.use, 1, this.protocol));
  }

  private setTransport({ tls, proxyHeader }: EndpointTransport): void {
    this.transport = tls;
    this.proxyHeader = proxyHeader;
  }

  /** What a connection is to begin with. @param origin whom it is made for; null: nobody in particular */
  preamble(origin: ProxyOrigin | null): Preamble | null {
    const { proxyHeader: plan } = this;
    return plan === null ? null : (own) => proxyHeader(plan, origin, own);
  }

  /**
   * Connections that ask for a server by that name, to one whose certificate has the other name; "" for either says nothing.
   * @param origin whom they are made for, and nobody else's are they then; null: whoever comes
   * @param owner the client's connection that they are for; 0: any
   */
  namedPool(
    priority: RoutingPriority,
    serverName: string,
    certifiedName: string,
    origin: ProxyOrigin | null = null,
    protocol = this.protocol,
    owner = 0,
  ): Pool {
    if (serverName === "" && certifiedName === "" && origin === null && protocol === this.protocol && owner === 0) {
      return this.pool(priority);
    }
    const from = origin === null ? "" : ` ${originKey(origin)}`;
    const key = `${priority} ${owner} ${protocol} ${serverName} ${certifiedName}${from}`;
    let pool = this.namedPools.get(key);
    if (pool === undefined) {
      pool = new Pool(this, this.use, priority, protocol, serverName, certifiedName, origin, owner);
      this.namedPools.set(key, pool);
    }
    return pool;
  }

  /** Names are for clients to choose: pools of no use are not kept. */
  onPoolIdle(pool: Pool): void {
    for (const [key, each] of this.namedPools) if (each === pool) this.namedPools.delete(key);
  }

  /** Connections on which no HTTP is spoken. */
  tunnelPool(priority: RoutingPriority): Pool {
    return (this.tunnels[priority] ??= new Pool(this, this.use, priority, "tunnel"));
  }

  get grpcPool(): GrpcPool {
    return (this.calls ??= new GrpcPool(this, this.use));
  }

  /** No more requests are expected: idle connections close, requests in flight finish. */
  drain(): void {
    this.defaultPool.drain();
    this.highPool?.drain();
    for (const pool of this.tunnels) pool?.drain();
    for (const pool of this.namedPools.values()) pool.drain();
    this.calls?.drain();
  }

  /** The host has been found unwell: its connections are not to be trusted. Source: Envoy `onHostHealthFailure`. */
  renewConnections(): void {
    this.defaultPool.renew();
    this.highPool?.renew();
    for (const pool of this.tunnels) pool?.renew();
    for (const pool of this.namedPools.values()) pool.renew();
    this.calls?.drain();
  }

  /** Closes every connection now. */
  destroy(): void {
    this.defaultPool.destroy();
    this.highPool?.destroy();
    for (const pool of this.tunnels) pool?.destroy();
    for (const pool of this.namedPools.values()) pool.destroy();
    this.calls?.destroy();
  }

  /** Its name stands for other addresses now: new connections go there, open ones stay. */
  moveTo(addresses: readonly string[]): void {
    this.address = addresses[0];
    this.name = hostName(this.address, this.port);
    this.addresses = addresses.length > 1 ? addresses : NO_ADDRESSES;
  }

  /** New weight, health and metadata; address and connections stay. */
  update(plan: EndpointPlan): void {
    this.plan = plan;
    this.weight = plan.weight;
    this.setTransport(this.use.transports.forEndpoint(plan.metadata));
    this.hashKey = this.keyFor(plan, this.use);
    this.setFlags((this.flags & ~(ALL_EDS_FLAGS | HealthFlag.PENDING_DYNAMIC_REMOVAL)) | EDS_FLAGS[plan.health]);
  }

  /** What consistent hashing knows it by. Source: Envoy `thread_aware_lb_impl.h`, HashingLoadBalancer::hashKey. */
  private keyFor({ hashKey, hostname }: EndpointPlan, { plan: { balancer } }: ClusterUse): string {
    if (hashKey !== "") return hashKey;
    return "useHostname" in balancer && balancer.useHostname ? hostname : this.name;
  }
}

const NO_ADDRESSES: readonly string[] = [];

export function hostName(address: string, port: number): string {
  // A Unix socket has none.
  if (address.startsWith("/") || address.startsWith("@")) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** TLVs are no part of it: Envoy `ProxyProtocolData::asStringForHash`. */
function originKey({ source, sourcePort, destination, destinationPort }: ProxyOrigin): string {
  return `${source} ${sourcePort} ${destination} ${destinationPort}`;
}
