/** The conditions of `retry_on` and `x-envoy-retry-on`, `x-envoy-retry-grpc-on`, as bits. Source: Envoy docs, "router filter". */
export const RetryOn = {
  serverErrors: 1,
  gatewayErrors: 1 << 1,
  connectFailure: 1 << 2,
  envoyRateLimited: 1 << 3,
  retriable4xx: 1 << 4,
  refusedStream: 1 << 5,
  retriableStatusCodes: 1 << 6,
  retriableHeaders: 1 << 7,
  reset: 1 << 8,
  resetBeforeRequest: 1 << 9,
  grpcCancelled: 1 << 10,
  grpcDeadlineExceeded: 1 << 11,
  grpcResourceExhausted: 1 << 12,
  grpcInternal: 1 << 13,
  grpcUnavailable: 1 << 14,
  http3PostConnectFailure: 1 << 15,
} as const;

const HTTP_CONDITIONS = new Map<string, number>([
  ["5xx", RetryOn.serverErrors],
  ["gateway-error", RetryOn.gatewayErrors],
  ["connect-failure", RetryOn.connectFailure],
  ["envoy-ratelimited", RetryOn.envoyRateLimited],
  ["retriable-4xx", RetryOn.retriable4xx],
  ["refused-stream", RetryOn.refusedStream],
  ["retriable-status-codes", RetryOn.retriableStatusCodes],
  ["retriable-headers", RetryOn.retriableHeaders],
  ["reset", RetryOn.reset],
  ["reset-before-request", RetryOn.resetBeforeRequest],
  ["http3-post-connect-failure", RetryOn.http3PostConnectFailure],
]);

const GRPC_CONDITIONS = new Map<string, number>([
  ["cancelled", RetryOn.grpcCancelled],
  ["deadline-exceeded", RetryOn.grpcDeadlineExceeded],
  ["resource-exhausted", RetryOn.grpcResourceExhausted],
  ["internal", RetryOn.grpcInternal],
  ["unavailable", RetryOn.grpcUnavailable],
]);

/** gRPC status codes that are conditions: gRPC `doc/statuscodes.md`. */
export const GRPC_RETRY_BITS: ReadonlyMap<string, number> = new Map([
  ["1", RetryOn.grpcCancelled],
  ["4", RetryOn.grpcDeadlineExceeded],
  ["8", RetryOn.grpcResourceExhausted],
  ["13", RetryOn.grpcInternal],
  ["14", RetryOn.grpcUnavailable],
]);

/** A route's `retry_on` may name both kinds. What is unknown is ignored, as Envoy does. */
export function parseRetryOn(text: string): number {
  return parse(text, HTTP_CONDITIONS) | parse(text, GRPC_CONDITIONS);
}

/** `x-envoy-retry-on`. */
export function parseHttpRetryOn(text: string): number {
  return parse(text, HTTP_CONDITIONS);
}

/** `x-envoy-retry-grpc-on`. */
export function parseGrpcRetryOn(text: string): number {
  return parse(text, GRPC_CONDITIONS);
}

function parse(text: string, conditions: ReadonlyMap<string, number>): number {
  let bits = 0;
  for (const token of text.split(",")) bits |= conditions.get(token.trim()) ?? 0;
  return bits;
}
