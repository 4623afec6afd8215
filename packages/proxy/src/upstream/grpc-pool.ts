import type { CircuitBreakers } from "./circuit-breakers.ts";
import type { ClusterUse } from "./cluster-use.ts";
import { httpStatusOfGrpc } from "../codec/grpc/status.ts";
import {
  type CarriedCall,
  FAILED,
  GrpcCall,
  type GrpcCallOwner,
  type GrpcRequest,
  LATE,
  OVERFLOW,
  TIMED_OUT,
} from "./grpc-call.ts";
import { GrpcConnection, type GrpcConnectionOwner } from "./grpc-connection.ts";
import { GrpcStream, type GrpcStreamRequest } from "./grpc-stream.ts";
import type { Host } from "./host.ts";

/**
 * gRPC calls of the proxy's own to one host, on one connection; the cluster's circuit breakers, transport socket, timeouts and statistics hold.
 * Behaviour: Envoy `source/common/conn_pool/conn_pool_base.cc`, of HTTP/2.
 */
export class GrpcPool implements GrpcCallOwner, GrpcConnectionOwner {
  private readonly host: Host;
  private readonly use: ClusterUse;
  private readonly breakers: CircuitBreakers;
  private current: GrpcConnection | null = null;
  /** With the current one. */
  private readonly all = new Set<GrpcConnection>();
  private readonly waiting = new Set<CarriedCall>();
  private readonly active = new Set<CarriedCall>();

  constructor(host: Host, use: ClusterUse) {
    this.host = host;
    this.use = use;
    this.breakers = use.of(0);
  }

  /** To be called within a turn. @param onEnd told once, unless the call is cancelled; null: it has failed */
  call(request: GrpcRequest, onEnd: (message: Uint8Array | null) => void): GrpcCall | null {
    if (!this.admits()) {
      onEnd(null);
      return null;
    }
    const call = new GrpcCall(this.use.net, this, request, onEnd);
    this.add(call);
    return call;
  }

  /** A stream of messages; to be called within a turn. Null: the circuit breakers do not let it through. @param onEnd told once, unless it is cancelled */
  stream(request: GrpcStreamRequest, onEnd: () => void): GrpcStream | null {
    if (!this.admits()) return null;
    const stream = new GrpcStream(this, request, onEnd);
    this.add(stream);
    return stream.isOver ? null : stream;
  }

  private admits(): boolean {
    const { breakers, use } = this;
    if (this.current?.isReady === true || breakers.pending.canCreate()) return true;
    use.stats.rqPendingOverflow.value++;
    use.stats.countStatus(503, true, null);
    return false;
  }

  private add(call: CarriedCall): void {
    const { breakers, use } = this;
    if (this.current?.isReady === true) {
      this.start(this.current, call);
      return;
    }
    use.stats.rqPendingTotal.value++;
    use.stats.rqPendingActive.value++;
    breakers.pending.inc();
    this.host.pendingRequests++;
    this.waiting.add(call);
    if (this.current?.isConnecting !== true) this.connect();
  }

  private connect(): void {
    this.current = new GrpcConnection(this.host, this.use, this);
    this.all.add(this.current);
  }

  private start(connection: GrpcConnection, call: CarriedCall): void {
    const { breakers, use, host } = this;
    if (!breakers.requests.canCreate()) {
      use.stats.rqActiveOverflow.value++;
      call.fail(OVERFLOW);
      return;
    }
    breakers.requests.inc();
    use.stats.rqActive.value++;
    use.stats.rqTotal.value++;
    host.activeRequests++;
    host.requestsTotal++;
    this.active.add(call);
    host.outlier?.onConnected();
    connection.start(call);
  }

  /** Those under way finish; what is asked for from now on gets a new connection. */
  drain(): void {
    for (const connection of this.all) {
      if (!connection.isConnecting || this.waiting.size === 0) connection.drain();
    }
  }

  /** Closes everything. */
  destroy(): void {
    for (const connection of this.all) connection.close();
  }

  // Called by connections

  onConnected(connection: GrpcConnection): void {
    for (const call of this.waiting) {
      if (!connection.isReady) {
        this.connect();
        return;
      }
      this.endWaiting(call);
      this.start(connection, call);
    }
  }

  onClosed(connection: GrpcConnection, connected: boolean): void {
    this.all.delete(connection);
    if (this.current === connection) this.current = null;
    if (connected) {
      if (this.waiting.size > 0 && this.current === null) this.connect();
      return;
    }
    // Whoever waits would only run into the same.
    const waited = [...this.waiting];
    for (const call of waited) {
      this.use.stats.rqPendingFailureEject.value++;
      call.fail(FAILED);
    }
  }

  // Called by calls

  onCallEnd(call: CarriedCall, outcome: number): void {
    const { use, host, breakers } = this;
    if (this.waiting.has(call)) this.endWaiting(call);
    if (this.active.delete(call)) {
      breakers.requests.dec();
      use.stats.rqActive.value--;
      host.activeRequests--;
    }
    const { stats } = use;
    switch (outcome) {
      case TIMED_OUT:
        stats.rqTimeout.value++;
        stats.countStatus(504, true, null);
        host.outlier?.onTimeout(504);
        return;
      case LATE:
        stats.rqTimeout.value++;
        return;
      case FAILED:
        stats.countStatus(503, true, null);
        host.outlier?.onConnectFailed();
        return;
      case OVERFLOW:
        stats.countStatus(503, true, null);
        return;
      default:
        if (outcome > 0) stats.countStatus(outcome, true, null);
    }
  }

  onCallAnswered(status: number, grpcStatus: string): void {
    const { host } = this;
    if (status >= 500) host.requestsFailed++;
    else host.requestsSucceeded++;
    host.outlier?.onResponse(grpcStatus === "" ? status : httpStatusOfGrpc(grpcStatus));
  }

  private endWaiting(call: CarriedCall): void {
    this.waiting.delete(call);
    this.breakers.pending.dec();
    this.host.pendingRequests--;
    this.use.stats.rqPendingActive.value--;
  }
}
