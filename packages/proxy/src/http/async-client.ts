import { X_ENVOY_EXPECTED_RQ_TIMEOUT_MS, X_ENVOY_INTERNAL, X_FORWARDED_FOR } from "../codec/header-names.ts";
import type { HeaderBlock } from "../codec/header-block.ts";
import type { RequestHead } from "../codec/messages.ts";
import { ReadBuffer } from "../codec/read-buffer.ts";
import type { NetContext } from "../net/context.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { GrpcCall, GrpcRequest } from "../upstream/grpc-call.ts";
import type { GrpcStream, GrpcStreamRequest } from "../upstream/grpc-stream.ts";
import type { LoadBalancerContext } from "../upstream/load-balancer-context.ts";
import { DEFAULT_POOLS } from "../upstream/preconnect.ts";
import { formatGrpcTimeout } from "../codec/grpc/timeout.ts";
import { type AsyncCallbacks, AsyncRequest } from "./async-request.ts";

export type { AsyncCallbacks, AsyncRequest } from "./async-request.ts";

/** Upstreams see that a request comes from inside, and from where. */
export function markAsOwn(headers: HeaderBlock, localAddress: string): void {
  const before = headers.get(X_FORWARDED_FOR);
  headers.set(X_ENVOY_INTERNAL, "true");
  headers.set(X_FORWARDED_FOR, before === "" ? localAddress : `${before},${localAddress}`);
}

/**
 * Sends requests of the proxy's own through its clusters: their balancers, pools and circuit breakers hold. What upstreams see of them:
 * Envoy `source/common/http/async_client_impl.cc`.
 */
export class AsyncClient {
  private readonly net: NetContext;
  private readonly balancing: LoadBalancerContext;
  private readonly localAddress: string;

  /** @param random [0, 1) @param localAddress the node's own */
  constructor(net: NetContext, random: () => number, localAddress: string) {
    this.net = net;
    this.localAddress = localAddress;
    this.balancing = {
      random,
      wantedHost: null,
      metadataMatch: null,
      hashRequest: () => false,
      requestHeader: () => undefined,
      requestMetadata: () => undefined,
      originalDestination: null,
      requestHost: "",
      awaitName: () => {},
      awaited: false,
      explain: () => {},
      hostSelectionRetries: 0,
      avoidsHost: () => false,
      retryPriority: null,
    };
  }

  /** A gRPC call; to be called within a turn. @param onEnd told once, unless the call is cancelled; null: it has failed */
  callGrpc(
    cluster: Cluster,
    request: Pick<GrpcRequest, "authority" | "path" | "message" | "timeoutMs"> & Partial<Pick<GrpcRequest, "headers">>,
    onEnd: (message: Uint8Array | null) => void,
  ): GrpcCall | null {
    const { timeoutMs } = request;
    cluster.stats.asyncRqTotal.value++;
    const host = cluster.chooseHost(this.balancing, 0);
    if (host === null) {
      cluster.stats.countStatus(503, true, null);
      onEnd(null);
      return null;
    }
    const headers: Record<string, string> = { ...request.headers, ...this.own() };
    if (timeoutMs > 0) headers["x-envoy-expected-rq-timeout-ms"] = String(timeoutMs);
    const timeout = timeoutMs > 0 ? formatGrpcTimeout(timeoutMs) : "";
    return host.grpcPool.call({ ...request, timeout, headers }, onEnd);
  }

  /**
   * A stream of messages that takes as long as it likes; to be called within a turn. Null: there is no host, or circuit breakers hold it
   * back. @param onEnd told once, unless it is cancelled
   */
  openGrpc(cluster: Cluster, request: GrpcStreamRequest, onEnd: () => void): GrpcStream | null {
    cluster.stats.asyncRqTotal.value++;
    const host = cluster.chooseHost(this.balancing, 0);
    if (host === null) {
      cluster.stats.countStatus(503, true, null);
      return null;
    }
    return host.grpcPool.stream({ ...request, headers: { ...request.headers, ...this.own() } }, onEnd);
  }

  private own(): Record<string, string> {
    return { "x-envoy-internal": "true", "x-forwarded-for": this.localAddress };
  }

  /**
   * To be called within a turn. Null where the request has ended already: its callbacks have been told.
   * @param head is kept @param timeoutMs 0 for none @param saysFrom whether x-forwarded-for names this proxy
   */
  send(
    cluster: Cluster,
    head: RequestHead,
    body: Uint8Array,
    timeoutMs: number,
    callbacks: AsyncCallbacks,
    saysFrom = true,
  ): AsyncRequest | null {
    const { headers } = head;
    if (saysFrom) markAsOwn(headers, this.localAddress);
    else headers.set(X_ENVOY_INTERNAL, "true");
    if (timeoutMs > 0) headers.set(X_ENVOY_EXPECTED_RQ_TIMEOUT_MS, String(timeoutMs));
    cluster.stats.asyncRqTotal.value++;
    const host = cluster.chooseHost(this.balancing, 0);
    if (host === null) {
      cluster.stats.countStatus(503, true, null);
      callbacks.onResponse(503);
      return null;
    }
    cluster.preconnect(this.balancing, DEFAULT_POOLS);
    const request = new AsyncRequest(this.net, cluster, head, {
      isGrpc: false,
      timeoutMs,
      bufferLimitBytes: Infinity,
      callbacks,
    });
    request.start(host, body.length === 0);
    if (body.length === 0) return request;
    const buffer = new ReadBuffer(body.length);
    buffer.bytes.set(body);
    request.sendData(buffer, 0, body.length, true);
    return request;
  }
}
