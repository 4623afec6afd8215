/**
 * What the router tells a host about how an attempt went, where its cluster detects outliers. The router calls, whatever the
 * options: what counts and what does not is the monitor's business. Source: Envoy `envoy/upstream/outlier_detection.h`.
 */
export interface OutlierMonitor {
  /** A response's head has come: its status, or for gRPC what `grpc-status` in the head stands for. */
  onResponse(status: number): void;
  /** The attempt has got a connection. */
  onConnected(): void;
  /** Connecting failed, or the request was reset. Not for overflow: that is the cluster's trouble and not the host's. */
  onConnectFailed(): void;
  /** No response head in time: the route's or the attempt's time-out. */
  onTimeout(): void;
}
