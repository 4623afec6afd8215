/**
 * What Envoy's response flags say in plain words, in its order. Names: `envoy/stream_info/stream_info.h`; meanings: Envoy docs,
 * "Access logging", %RESPONSE_FLAGS%.
 */
export const RESPONSE_FLAGS: Readonly<Record<string, string>> = {
  LH: "the proxy failed its own health check",
  UH: "no endpoint was healthy",
  UT: "the server did not answer in time",
  LR: "the proxy reset the connection",
  UR: "the server reset the stream",
  UF: "no connection to the server could be made",
  UC: "the server closed the connection before it answered",
  UO: "too many requests or connections were open: the circuit breaker let no more through",
  NR: "no route matched",
  DI: "it was delayed on purpose",
  FI: "it was answered with a fault on purpose",
  RL: "a rate limit let no more through",
  UAEX: "the external authorizer denied it, or could not be asked",
  RLSE: "the rate limit service failed",
  DC: "the client went away before the answer was complete",
  URX: "every attempt failed",
  SI: "nothing was sent for too long",
  IH: "a header that is for proxies had a value that cannot be",
  DPE: "the client did not keep to the protocol",
  UMSDR: "it took longer than streams may",
  RFCF: "the answer came from a cache",
  NFCF: "a filter's configuration was missing",
  DT: "it took longer than requests may",
  UPE: "the server did not keep to the protocol",
  NC: "the route's cluster does not exist",
  OM: "the proxy was overloaded",
  DF: "the host's name could not be resolved",
  DO: "endpoints asked for less traffic, so it was dropped",
  DR: "the client reset the stream",
  UDO: "all traffic to the cluster is dropped on purpose",
};

/** @param flags `UF,URX`; what nobody knows stays as it is */
export function flagsInWords(flags: string): string {
  if (flags === "" || flags === "-") return "";
  return flags
    .split(",")
    .map((flag) => (Object.hasOwn(RESPONSE_FLAGS, flag) ? RESPONSE_FLAGS[flag]! : flag))
    .join("; ");
}
