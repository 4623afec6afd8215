import type { ProxyOrigin } from "../plan/proxy-header.ts";
import type { RequestEncoder, ResponseReceiver, StreamResetReason } from "../codec/messages.ts";
import type { RoutingPriority } from "../plan/cluster-plan.ts";
import type { CircuitBreakers } from "./circuit-breakers.ts";
import type { ClusterUse } from "./cluster-use.ts";
import type { Host } from "./host.ts";
import { CONNECTS_AT_A_TIME, needsConnection } from "./preconnect.ts";
import { type ConnectionProtocol, UpstreamConnection } from "./upstream-connection.ts";

/** Who waits for a connection; told exactly once, unless it takes its request back. */
export interface PoolClient extends ResponseReceiver {
  /** The first interim response is wanted (`proxy_100_continue`). */
  readonly passesInterim: boolean;
  onPoolReady(encoder: RequestEncoder, connection: UpstreamConnection): void;
  /** @param transportFailure what the operating system said, "" if nothing @param atHost the host has had a part in that */
  onPoolFailure(reason: StreamResetReason, transportFailure: string, atHost: boolean): void;
}

/**
 * Connections to one host. Of HTTP/1, kept alive: one request each at a time, the most recently used first (so that the others
 * can go idle), requests without a connection first come first served. Of HTTP/2: as many requests each as both sides allow. Circuit breakers count over the whole cluster.
 * Behaviour: Envoy `source/common/conn_pool/conn_pool_base.cc`.
 */
export class Pool {
  private readonly host: Host;
  private readonly use: ClusterUse;
  private readonly protocol: ConnectionProtocol;
  private readonly tunnels: boolean;
  /** What its connections ask for (SNI), and what the certificate must be for; "" = as the transport socket says. */
  readonly serverName: string;
  readonly certifiedName: string;
  /** Whom its connections are made for; null: whoever comes. */
  readonly origin: ProxyOrigin | null;
  /** The client's connection that it is for; 0: any. */
  private readonly owner: number;
  /** What requests of its routing priority may use of the cluster. */
  private readonly breakers: CircuitBreakers;
  private readonly maxConnectionsPerHost: number;
  private readonly ready: UpstreamConnection[] = [];
  private readonly all = new Set<UpstreamConnection>();
  private readonly pending: PoolClient[] = [];
  /** What those that are being opened will take. */
  private connectingRoom = 0;
  /** What all of them could take now or soon, and how many requests they have; `room` is kept where some are opened ahead of need. */
  private room = 0;
  private active = 0;
  private draining = false;
  /** It has connections, or is asked for some: one of the pools that there may be so many of. */
  private counted = false;

  /** @param protocol of tunnels, each connection is for one request, and the limit of requests does not hold (Envoy's TCP pools) */
  constructor(
    host: Host,
    use: ClusterUse,
    priority: RoutingPriority,
    protocol: ConnectionProtocol,
    serverName = "",
    certifiedName = "",
    origin: ProxyOrigin | null = null,
    owner = 0,
  ) {
    this.serverName = serverName;
    this.certifiedName = certifiedName;
    this.origin = origin;
    this.owner = owner;
    this.host = host;
    this.use = use;
    this.protocol = protocol;
    this.tunnels = protocol === "tunnel";
    this.breakers = use.of(priority);
    this.maxConnectionsPerHost = use.plan.thresholds[priority].maxConnectionsPerHost;
  }

  /** Whether it may be asked: false, and counted, if there are as many pools as there may be. */
  canBeUsed(): boolean {
    if (this.counted || this.breakers.pools.canCreate()) return true;
    this.use.stats.cxPoolOverflow.value++;
    return false;
  }

  /** Answers at once (`onPoolReady`, `onPoolFailure`) or later; true if later, `cancel` then takes it back. */
  newStream(client: PoolClient): boolean {
    const { use, breakers, ready } = this;
    if (ready.length > 0) {
      this.attach(client);
      // For whoever comes next.
      if (use.plan.preconnect !== null) this.connectAsNeeded();
      return false;
    }
    if (!breakers.pending.canCreate()) {
      use.stats.rqPendingOverflow.value++;
      client.onPoolFailure("overflow", "", false);
      return false;
    }
    use.stats.rqPendingTotal.value++;
    use.stats.rqPendingActive.value++;
    breakers.pending.inc();
    this.host.pendingRequests++;
    this.pending.push(client);
    this.count();
    this.connectAsNeeded();
    return true;
  }

  /** A request will probably come that the cluster has not enough connections for. Whether one was opened. */
  preconnect(ratio: number): boolean {
    return this.canBeUsed() && this.needs(ratio, 1) && this.open();
  }

  private count(): void {
    if (this.counted) return;
    this.counted = true;
    this.breakers.pools.inc();
  }

  /** Takes back what has not been answered yet. @param closesExcess a connection that was opened for it is not wanted either */
  cancel(client: PoolClient, closesExcess = false): void {
    const index = this.pending.indexOf(client);
    if (index < 0) return;
    this.pending.splice(index, 1);
    this.endPending();
    this.use.stats.rqCancelled.value++;
    if (closesExcess) this.closeExcess();
    this.uncountIfIdle();
  }

  private closeExcess(): void {
    for (const connection of this.all) {
      if (!connection.isConnecting || this.isWanted(connection)) continue;
      connection.close();
      return;
    }
  }

  /** One that is being opened. Source: Envoy `conn_pool_base.cc`, connectingConnectionIsExcess. */
  private isWanted({ expectedRoom }: UpstreamConnection): boolean {
    const { preconnect } = this.use.plan;
    const others = this.connectingRoom - expectedRoom;
    if (preconnect === null) return others < this.pending.length;
    return (this.pending.length + this.active) * preconnect.perHost > others + this.active;
  }

  /** No more requests are expected: idle connections close now, busy ones after their response. */
  drain(): void {
    this.draining = true;
    this.renew();
  }

  /** What is open is not to be used again; what is asked for from now on gets new connections. */
  renew(): void {
    const waited = this.pending.length > 0;
    for (const connection of this.all) connection.closeWhenIdle(waited);
  }

  /** Closes everything; requests in flight are reset. */
  destroy(): void {
    this.draining = true;
    for (const connection of this.all) connection.close();
    this.failPending("local reset", "");
  }

  /** For those who wait, and whoever is expected beside them. */
  private connectAsNeeded(): void {
    const { preconnect } = this.use.plan;
    const ratio = preconnect === null ? 1 : preconnect.perHost;
    for (let i = 0; i < CONNECTS_AT_A_TIME && this.needs(ratio, 0); i++) if (!this.open()) return;
  }

  /** Nothing is opened ahead of need to a host that is not well. */
  private needs(ratio: number, expected: number): boolean {
    const { pending, host, use } = this;
    if (use.plan.preconnect === null || host.health !== "healthy") return this.connectingRoom < pending.length;
    return needsConnection(pending.length, this.active, this.room, ratio, expected);
  }

  /** A pool without any connection may open one whatever the limits say (Envoy). False: no more may be opened. */
  private open(): boolean {
    const { use, breakers, host } = this;
    const allowed = breakers.connections.canCreate() && host.activeConnections < this.maxConnectionsPerHost;
    if (!allowed) {
      use.stats.cxOverflow.value++;
      if (this.all.size > 0) return false;
    }
    this.count();
    const connection = new UpstreamConnection(host, use, this, breakers.connections, this.protocol);
    this.connectingRoom += connection.expectedRoom;
    this.all.add(connection);
    this.noteRoom(connection);
    connection.connect();
    return allowed;
  }

  /** What a connection can take may have changed. */
  noteRoom(connection: UpstreamConnection): void {
    if (this.use.plan.preconnect !== null) this.setRoom(connection, connection.room);
  }

  private setRoom(connection: UpstreamConnection, room: number): void {
    const more = room - connection.notedRoom;
    connection.notedRoom = room;
    this.room += more;
    this.use.room += more;
  }

  /** Gives the connection that was used last to a request; there is one. */
  private attach(client: PoolClient): void {
    const { use, host, breakers, ready } = this;
    if (!this.tunnels && !breakers.requests.canCreate()) {
      use.stats.rqActiveOverflow.value++;
      client.onPoolFailure("overflow", "", true);
      return;
    }
    const connection = ready[ready.length - 1];
    const encoder = connection.start(client);
    if (!connection.hasRoom) {
      ready.pop();
      connection.isReady = false;
    }
    this.noteRoom(connection);
    this.active++;
    breakers.requests.inc();
    use.stats.rqActive.value++;
    use.stats.rqTotal.value++;
    host.activeRequests++;
    host.requestsTotal++;
    client.onPoolReady(encoder, connection);
    if (this.tunnels) connection.openTunnel();
  }

  // Called by connections

  onConnected(connection: UpstreamConnection): void {
    this.endConnecting(connection);
    this.onReady(connection);
  }

  /** @param reason why it could not be opened */
  onConnectFailed(connection: UpstreamConnection, reason: StreamResetReason, transportFailure: string): void {
    this.endConnecting(connection);
    // Whoever waits would only run into the same (Envoy purges the queue).
    this.failPending(reason, transportFailure);
    // Ahead of need it is tried again with the next request. (Envoy 1.40 tries at once, as fast as a host that is down can refuse.)
    this.setRoom(connection, 0);
  }

  private endConnecting(connection: UpstreamConnection): void {
    this.connectingRoom -= connection.expectedRoom;
  }

  /** It can take a request. */
  onReady(connection: UpstreamConnection): void {
    const { pending, ready } = this;
    if (!connection.isReady && connection.hasRoom) {
      ready.push(connection);
      connection.isReady = true;
    }
    this.noteRoom(connection);
    while (pending.length > 0 && ready.length > 0) {
      const client = pending.shift();
      if (client === undefined) break;
      this.endPending();
      this.attach(client);
    }
    if (pending.length > 0) this.connectAsNeeded();
    if (this.draining) this.renew();
  }

  /** The request on a connection is over, however it ended. */
  onStreamEnd(): void {
    this.active--;
    this.breakers.requests.dec();
    this.use.stats.rqActive.value--;
    this.host.activeRequests--;
  }

  /** It is about to close: no request may get it. */
  retire(connection: UpstreamConnection): void {
    this.setRoom(connection, 0);
    if (!connection.isReady) return;
    connection.isReady = false;
    this.ready.splice(this.ready.indexOf(connection), 1);
  }

  onClosed(connection: UpstreamConnection): void {
    this.retire(connection);
    this.all.delete(connection);
    if (this.pending.length > 0) this.connectAsNeeded();
    this.uncountIfIdle();
  }

  private uncountIfIdle(): void {
    if (!this.counted || this.all.size > 0 || this.pending.length > 0) return;
    this.counted = false;
    this.breakers.pools.dec();
    const { serverName, certifiedName, origin, owner } = this;
    if (serverName !== "" || certifiedName !== "" || origin !== null || owner !== 0) this.host.onPoolIdle(this);
  }

  private failPending(reason: StreamResetReason, transportFailure: string): void {
    for (const client of this.pending.splice(0)) {
      this.endPending();
      this.use.stats.rqPendingFailureEject.value++;
      client.onPoolFailure(reason, transportFailure, true);
    }
  }

  private endPending(): void {
    this.breakers.pending.dec();
    this.host.pendingRequests--;
    this.use.stats.rqPendingActive.value--;
  }
}
