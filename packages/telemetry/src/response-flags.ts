/**
 * Envoy's response flags by number: short form, long form, and what they say in plain words. Names and numbers: `envoy/stream_info/stream_info.h`
 * (`CoreResponseFlag`), `source/common/stream_info/utility.h`; meanings: Envoy docs, "Access logging", %RESPONSE_FLAGS%.
 */
export const RESPONSE_FLAGS = [
  ["LH", "FailedLocalHealthCheck", "the proxy failed its own health check"],
  ["UH", "NoHealthyUpstream", "no endpoint was healthy"],
  ["UT", "UpstreamRequestTimeout", "the server did not answer in time"],
  ["LR", "LocalReset", "the proxy reset the connection"],
  ["UR", "UpstreamRemoteReset", "the server reset the stream"],
  ["UF", "UpstreamConnectionFailure", "no connection to the server could be made"],
  ["UC", "UpstreamConnectionTermination", "the server closed the connection before it answered"],
  ["UO", "UpstreamOverflow", "too many requests or connections were open: the circuit breaker let no more through"],
  ["NR", "NoRouteFound", "no route matched"],
  ["DI", "DelayInjected", "it was delayed on purpose"],
  ["FI", "FaultInjected", "it was answered with a fault on purpose"],
  ["RL", "RateLimited", "a rate limit let no more through"],
  ["UAEX", "UnauthorizedExternalService", "the external authorizer denied it, or could not be asked"],
  ["RLSE", "RateLimitServiceError", "the rate limit service failed"],
  ["DC", "DownstreamConnectionTermination", "the client went away before the answer was complete"],
  ["URX", "UpstreamRetryLimitExceeded", "every attempt failed"],
  ["SI", "StreamIdleTimeout", "nothing was sent for too long"],
  ["IH", "InvalidEnvoyRequestHeaders", "a header that is for proxies had a value that cannot be"],
  ["DPE", "DownstreamProtocolError", "the client did not keep to the protocol"],
  ["UMSDR", "UpstreamMaxStreamDurationReached", "it took longer than streams may"],
  ["RFCF", "ResponseFromCacheFilter", "the answer came from a cache"],
  ["NFCF", "NoFilterConfigFound", "a filter's configuration was missing"],
  ["DT", "DurationTimeout", "it took longer than requests may"],
  ["UPE", "UpstreamProtocolError", "the server did not keep to the protocol"],
  ["NC", "NoClusterFound", "the route's cluster does not exist"],
  ["OM", "OverloadManagerTerminated", "the proxy was overloaded"],
  ["DF", "DnsResolutionFailed", "the host's name could not be resolved"],
  ["DO", "DropOverload", "endpoints asked for less traffic, so it was dropped"],
  ["DR", "DownstreamRemoteReset", "the client reset the stream"],
  ["UDO", "UnconditionalDropOverload", "all traffic to the cluster is dropped on purpose"],
] as const;

/** By field of `ResponseFlags`, from 1. (envoy/data/accesslog/v3/accesslog.proto, which lacks those that drop traffic.) */
export const FLAG_FIELDS: readonly string[] = RESPONSE_FLAGS.map(([short]) => short).filter(
  (short) => !/^U?DO$/.test(short),
);

/** Short form. */
export type ResponseFlagName = (typeof RESPONSE_FLAGS)[number][0];

const WORDS: ReadonlyMap<string, string> = new Map(RESPONSE_FLAGS.map(([short, , words]) => [short, words]));

/** @param flags `UF,URX`; what nobody knows stays as it is */
export function flagsInWords(flags: string): string {
  if (flags === "" || flags === "-") return "";
  return flags
    .split(",")
    .map((flag) => WORDS.get(flag) ?? flag)
    .join("; ");
}
