import type { RequestEncoder, ResponseReceiver, StreamResetReason } from "../codec/messages.ts";
import type { RoutingPriority } from "../plan/plan.ts";
import type { CircuitBreakers } from "./circuit-breakers.ts";
import type { ClusterUse } from "./cluster-use.ts";
import type { Host } from "./host.ts";
import { UpstreamConnection } from "./upstream-connection.ts";

/** Who waits for a connection; told exactly once, unless it takes its request back. */
export interface PoolClient extends ResponseReceiver {
  /** A 100 from upstream is wanted (`proxy_100_continue`). */
  readonly wants100Continue: boolean;
  onPoolReady(encoder: RequestEncoder, connection: UpstreamConnection): void;
  /** @param transportFailure what the operating system said, "" if nothing */
  onPoolFailure(reason: StreamResetReason, transportFailure: string): void;
}

/**
 * Keep-alive HTTP/1 connections to one host: one request each at a time, the most recently used first (so that the others
 * can go idle), requests without a connection first come first served. Circuit breakers count over the whole cluster.
 * Behaviour: Envoy `source/common/conn_pool/conn_pool_base.cc`.
 */
export class Http1Pool {
  private readonly host: Host;
  private readonly use: ClusterUse;
  /** What requests of its routing priority may use of the cluster. */
  private readonly breakers: CircuitBreakers;
  private readonly ready: UpstreamConnection[] = [];
  private readonly all = new Set<UpstreamConnection>();
  private readonly pending: PoolClient[] = [];
  private connecting = 0;
  private draining = false;

  constructor(host: Host, use: ClusterUse, priority: RoutingPriority) {
    this.host = host;
    this.use = use;
    this.breakers = use.of(priority);
  }

  /** Answers at once (`onPoolReady`, `onPoolFailure`) or later; true if later, `cancel` then takes it back. */
  newStream(client: PoolClient): boolean {
    const { use, breakers } = this;
    if (!breakers.requests.canCreate()) {
      use.stats.rqActiveOverflow.value++;
      use.stats.rqPendingOverflow.value++;
      client.onPoolFailure("overflow", "");
      return false;
    }
    const connection = this.ready.pop();
    if (connection !== undefined) {
      this.attach(client, connection);
      return false;
    }
    if (!breakers.pending.canCreate()) {
      use.stats.rqPendingOverflow.value++;
      client.onPoolFailure("overflow", "");
      return false;
    }
    use.stats.rqPendingTotal.value++;
    breakers.pending.inc();
    this.host.pendingRequests++;
    use.stats.rqPendingActive.value++;
    this.pending.push(client);
    this.connectForPending();
    return true;
  }

  /** Takes back what has not been answered yet. */
  cancel(client: PoolClient): void {
    const index = this.pending.indexOf(client);
    if (index < 0) return;
    this.pending.splice(index, 1);
    this.endPending();
    this.use.stats.rqCancelled.value++;
  }

  /** No more requests are expected: idle connections close now, busy ones after their response. */
  drain(): void {
    this.draining = true;
    for (const connection of this.ready.splice(0)) connection.close();
  }

  /** Closes everything; requests in flight are reset. */
  destroy(): void {
    this.drain();
    for (const connection of this.all) connection.close();
    this.failPending("local reset", "");
  }

  /** A pool without any connection may open one whatever the limit says (Envoy). */
  private connectForPending(): void {
    const { use, breakers } = this;
    while (this.connecting < this.pending.length) {
      if (!breakers.connections.canCreate()) {
        use.stats.cxOverflow.value++;
        if (this.all.size > 0) return;
      }
      this.connecting++;
      const connection = new UpstreamConnection(this.host, use, this, breakers.connections);
      this.all.add(connection);
      connection.connect();
    }
  }

  private attach(client: PoolClient, connection: UpstreamConnection): void {
    const { use, host } = this;
    this.breakers.requests.inc();
    use.stats.rqActive.value++;
    use.stats.rqTotal.value++;
    host.activeRequests++;
    host.requestsTotal++;
    client.onPoolReady(connection.start(client), connection);
  }

  // Called by connections

  onConnected(connection: UpstreamConnection): void {
    this.connecting--;
    this.onReady(connection);
  }

  /** @param reason why it could not be opened */
  onConnectFailed(reason: StreamResetReason, transportFailure: string): void {
    this.connecting--;
    // Whoever waits would only run into the same (Envoy purges the queue).
    this.failPending(reason, transportFailure);
  }

  onReady(connection: UpstreamConnection): void {
    const client = this.pending.shift();
    if (client !== undefined) {
      this.endPending();
      this.attach(client, connection);
    } else if (this.draining) connection.close();
    else this.ready.push(connection);
  }

  /** The request on a connection is over, however it ended. */
  onStreamEnd(): void {
    this.breakers.requests.dec();
    this.use.stats.rqActive.value--;
    this.host.activeRequests--;
  }

  /** It is about to close: no request may get it. */
  retire(connection: UpstreamConnection): void {
    const index = this.ready.indexOf(connection);
    if (index >= 0) this.ready.splice(index, 1);
  }

  onClosed(connection: UpstreamConnection): void {
    this.retire(connection);
    this.all.delete(connection);
    this.connectForPending();
  }

  private failPending(reason: StreamResetReason, transportFailure: string): void {
    for (const client of this.pending.splice(0)) {
      this.endPending();
      this.use.stats.rqPendingFailureEject.value++;
      client.onPoolFailure(reason, transportFailure);
    }
  }

  private endPending(): void {
    this.breakers.pending.dec();
    this.host.pendingRequests--;
    this.use.stats.rqPendingActive.value--;
  }
}
