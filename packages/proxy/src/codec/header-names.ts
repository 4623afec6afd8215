/**
 * The header names that the proxy itself looks at, each with a small id: the scanner recognises them while it reads, so that
 * nothing above it compares strings. Also the one place that says how Envoy stores each of them.
 */

/** Repeated lines of an "inline" header leave as one line joined with "," (Envoy's O(1) headers; settled with Envoy 1.40). */
const INLINE_IN_REQUESTS = 1;
const INLINE_IN_RESPONSES = 2;
const INLINE = INLINE_IN_REQUESTS | INLINE_IN_RESPONSES;

/** What a request's header mutation must know without looking at each header (http/request-headers.ts). */
export const HeaderClass = {
  /** Says something about this hop only: `connection`, `upgrade`, `te` and the like. */
  hopByHop: 1,
  /** Removed from every request that is not internal (Envoy `conn_manager_utility.cc`, `cleanInternalHeaders`). */
  trustedOnly: 2,
  /** Removed, in addition, at the edge (same function). */
  edgeOnly: 4,
  /** Removed from every request: `x-envoy-internal`. */
  neverFromPeer: 8,
  /** Set by the scanner when a known name occurs twice. */
  repeated: 16,
  /** `x-forwarded-client-cert`: without TLS removed, unless it is always forwarded. */
  clientCertificate: 32,
  /** Who the proxy is that sent the request: `x-envoy-peer-metadata`, `-id`. */
  peerMetadata: 64,
} as const;

const { hopByHop, trustedOnly, edgeOnly, neverFromPeer, clientCertificate, peerMetadata } = HeaderClass;

/** name, how it is stored, class. The index is the id; 0 is no header. */
const TABLE: readonly (readonly [name: string, inline: number, classes: number])[] = [
  ["", 0, 0],
  ["host", 0, 0],
  ["connection", INLINE, hopByHop],
  ["content-length", 0, 0],
  ["transfer-encoding", 0, hopByHop],
  ["upgrade", INLINE, hopByHop],
  ["keep-alive", INLINE, hopByHop],
  ["proxy-connection", INLINE, hopByHop],
  ["te", INLINE_IN_REQUESTS, hopByHop],
  ["trailer", 0, 0],
  ["expect", INLINE_IN_REQUESTS, 0],
  ["server", INLINE_IN_RESPONSES, 0],
  ["date", INLINE_IN_RESPONSES, 0],
  ["via", INLINE, 0],
  ["location", INLINE_IN_RESPONSES, 0],
  ["referer", INLINE_IN_REQUESTS, 0],
  ["content-type", INLINE, 0],
  ["content-encoding", INLINE, 0],
  ["user-agent", INLINE_IN_REQUESTS, 0],
  ["accept", INLINE_IN_REQUESTS, 0],
  ["accept-encoding", INLINE_IN_REQUESTS, 0],
  ["authorization", INLINE_IN_REQUESTS, 0],
  ["cache-control", INLINE, 0],
  ["origin", INLINE_IN_REQUESTS, 0],
  ["pragma", INLINE_IN_REQUESTS, 0],
  ["if-match", INLINE_IN_REQUESTS, 0],
  ["if-none-match", INLINE_IN_REQUESTS, 0],
  ["if-modified-since", INLINE_IN_REQUESTS, 0],
  ["if-unmodified-since", INLINE_IN_REQUESTS, 0],
  ["if-range", INLINE_IN_REQUESTS, 0],
  ["access-control-request-headers", INLINE_IN_REQUESTS, 0],
  ["access-control-request-method", INLINE_IN_REQUESTS, 0],
  ["access-control-allow-origin", INLINE_IN_RESPONSES, 0],
  ["access-control-allow-headers", INLINE_IN_RESPONSES, 0],
  ["access-control-allow-methods", INLINE_IN_RESPONSES, 0],
  ["access-control-allow-credentials", INLINE_IN_RESPONSES, 0],
  ["access-control-expose-headers", INLINE_IN_RESPONSES, 0],
  ["access-control-max-age", INLINE_IN_RESPONSES, 0],
  ["age", INLINE_IN_RESPONSES, 0],
  ["etag", INLINE_IN_RESPONSES, 0],
  ["expires", INLINE_IN_RESPONSES, 0],
  ["last-modified", INLINE_IN_RESPONSES, 0],
  ["vary", INLINE_IN_RESPONSES, 0],
  ["grpc-status", INLINE_IN_RESPONSES, 0],
  ["grpc-message", INLINE_IN_RESPONSES, 0],
  ["grpc-timeout", INLINE_IN_REQUESTS, 0],
  ["cookie", 0, 0],
  ["set-cookie", 0, 0],
  ["x-request-id", INLINE, 0],
  ["x-client-trace-id", INLINE_IN_REQUESTS, 0],
  ["x-forwarded-for", INLINE_IN_REQUESTS, 0],
  ["x-forwarded-proto", INLINE_IN_REQUESTS, 0],
  ["x-forwarded-host", INLINE_IN_REQUESTS, 0],
  ["x-forwarded-port", INLINE_IN_REQUESTS, 0],
  ["x-forwarded-client-cert", INLINE_IN_REQUESTS, clientCertificate],
  ["x-envoy-internal", INLINE_IN_REQUESTS, neverFromPeer],
  ["x-envoy-external-address", INLINE_IN_REQUESTS, 0],
  ["x-envoy-original-path", INLINE_IN_REQUESTS, edgeOnly],
  ["x-envoy-original-host", INLINE_IN_REQUESTS, edgeOnly],
  ["x-envoy-attempt-count", INLINE, 0],
  ["x-envoy-peer-metadata", 0, peerMetadata],
  ["x-envoy-peer-metadata-id", 0, peerMetadata],
  ["x-envoy-is-timeout-retry", INLINE_IN_REQUESTS, 0],
  ["x-envoy-decorator-operation", INLINE, edgeOnly],
  ["x-envoy-downstream-service-cluster", INLINE_IN_REQUESTS, edgeOnly],
  ["x-envoy-downstream-service-node", INLINE_IN_REQUESTS, edgeOnly],
  ["x-envoy-upstream-service-time", INLINE_IN_RESPONSES, 0],
  ["x-envoy-upstream-canary", INLINE_IN_RESPONSES, 0],
  ["x-envoy-upstream-healthchecked-cluster", INLINE_IN_RESPONSES, 0],
  ["x-envoy-degraded", INLINE_IN_RESPONSES, 0],
  ["x-envoy-immediate-health-check-fail", INLINE_IN_RESPONSES, 0],
  ["x-envoy-ratelimited", INLINE_IN_RESPONSES, 0],
  ["x-envoy-overloaded", 0, 0],
  ["x-envoy-expected-rq-timeout-ms", INLINE_IN_REQUESTS, trustedOnly],
  ["x-envoy-retriable-status-codes", INLINE_IN_REQUESTS, trustedOnly],
  ["x-envoy-retriable-header-names", INLINE_IN_REQUESTS, trustedOnly],
  ["x-envoy-retry-on", INLINE_IN_REQUESTS, trustedOnly],
  ["x-envoy-retry-grpc-on", INLINE_IN_REQUESTS, trustedOnly],
  ["x-envoy-max-retries", INLINE_IN_REQUESTS, trustedOnly],
  ["x-envoy-upstream-alt-stat-name", INLINE_IN_REQUESTS, trustedOnly],
  ["x-envoy-upstream-rq-timeout-ms", INLINE_IN_REQUESTS, trustedOnly],
  ["x-envoy-upstream-rq-per-try-timeout-ms", INLINE_IN_REQUESTS, trustedOnly],
  ["x-envoy-upstream-rq-timeout-alt-response", INLINE_IN_REQUESTS, trustedOnly],
  ["x-envoy-force-trace", INLINE_IN_REQUESTS, trustedOnly],
  ["x-envoy-ip-tags", INLINE_IN_REQUESTS, trustedOnly],
  ["x-envoy-original-url", INLINE_IN_REQUESTS, trustedOnly],
  ["x-envoy-hedge-on-per-try-timeout", INLINE_IN_REQUESTS, trustedOnly],
  ["traceparent", 0, 0],
  ["tracestate", 0, 0],
  ["b3", 0, 0],
  ["x-b3-traceid", 0, 0],
  ["x-b3-spanid", 0, 0],
  ["x-b3-parentspanid", 0, 0],
  ["x-b3-sampled", 0, 0],
  ["end-user", 0, 0],
];

/** Lower-case names by id. */
export const HEADER_NAMES: readonly string[] = TABLE.map(([name]) => name);
export const KNOWN_HEADERS = TABLE.length;
export const HEADER_CLASSES = Uint8Array.from(TABLE, ([, , classes]) => classes);

const INLINE_BITS = Uint8Array.from(TABLE, ([, inline]) => inline);
const IDS = new Map(HEADER_NAMES.map((name, id) => [name, id]));

/** Id of a lower-case name, 0 if it is not a known one. */
export function headerId(name: string): number {
  return IDS.get(name) ?? 0;
}

export function isInline(id: number, inRequest: boolean): boolean {
  return (INLINE_BITS[id] & (inRequest ? INLINE_IN_REQUESTS : INLINE_IN_RESPONSES)) !== 0;
}

function known(name: string): number {
  const id = headerId(name);
  if (id === 0) throw new Error(`${name} is not in the header table`);
  return id;
}

export const HOST = known("host");
export const CONNECTION = known("connection");
export const CONTENT_LENGTH = known("content-length");
export const TRANSFER_ENCODING = known("transfer-encoding");
export const UPGRADE = known("upgrade");
export const KEEP_ALIVE = known("keep-alive");
export const PROXY_CONNECTION = known("proxy-connection");
export const TE = known("te");
export const EXPECT = known("expect");
export const SERVER = known("server");
export const SET_COOKIE = known("set-cookie");
export const DATE = known("date");
export const VIA = known("via");
export const LOCATION = known("location");
export const REFERER = known("referer");
export const ORIGIN = known("origin");
export const ACCESS_CONTROL_REQUEST_METHOD = known("access-control-request-method");
export const ACCESS_CONTROL_ALLOW_ORIGIN = known("access-control-allow-origin");
export const ACCESS_CONTROL_ALLOW_HEADERS = known("access-control-allow-headers");
export const ACCESS_CONTROL_ALLOW_METHODS = known("access-control-allow-methods");
export const ACCESS_CONTROL_ALLOW_CREDENTIALS = known("access-control-allow-credentials");
export const ACCESS_CONTROL_EXPOSE_HEADERS = known("access-control-expose-headers");
export const ACCESS_CONTROL_MAX_AGE = known("access-control-max-age");
export const CONTENT_TYPE = known("content-type");
export const AUTHORIZATION = known("authorization");
export const COOKIE = known("cookie");
export const CACHE_CONTROL = known("cache-control");
export const AGE = known("age");
export const VARY = known("vary");
export const GRPC_STATUS = known("grpc-status");
export const GRPC_TIMEOUT = known("grpc-timeout");
export const GRPC_MESSAGE = known("grpc-message");
export const ACCEPT_ENCODING = known("accept-encoding");
export const CONTENT_ENCODING = known("content-encoding");
export const ETAG = known("etag");
export const USER_AGENT = known("user-agent");
export const X_REQUEST_ID = known("x-request-id");
export const X_CLIENT_TRACE_ID = known("x-client-trace-id");
export const X_ENVOY_DECORATOR_OPERATION = known("x-envoy-decorator-operation");
export const TRACEPARENT = known("traceparent");
export const TRACESTATE = known("tracestate");
export const B3 = known("b3");
export const X_B3_TRACEID = known("x-b3-traceid");
export const X_B3_SPANID = known("x-b3-spanid");
export const X_B3_PARENTSPANID = known("x-b3-parentspanid");
export const X_B3_SAMPLED = known("x-b3-sampled");
export const X_FORWARDED_FOR = known("x-forwarded-for");
export const X_FORWARDED_PROTO = known("x-forwarded-proto");
export const X_FORWARDED_PORT = known("x-forwarded-port");
export const X_FORWARDED_CLIENT_CERT = known("x-forwarded-client-cert");
export const X_FORWARDED_HOST = known("x-forwarded-host");
export const X_ENVOY_EXTERNAL_ADDRESS = known("x-envoy-external-address");
export const X_ENVOY_ORIGINAL_PATH = known("x-envoy-original-path");
export const X_ENVOY_ORIGINAL_URL = known("x-envoy-original-url");
export const X_ENVOY_ORIGINAL_HOST = known("x-envoy-original-host");
export const X_ENVOY_DOWNSTREAM_SERVICE_CLUSTER = known("x-envoy-downstream-service-cluster");
export const X_ENVOY_DOWNSTREAM_SERVICE_NODE = known("x-envoy-downstream-service-node");
export const X_ENVOY_UPSTREAM_SERVICE_TIME = known("x-envoy-upstream-service-time");
export const X_ENVOY_EXPECTED_RQ_TIMEOUT_MS = known("x-envoy-expected-rq-timeout-ms");
export const X_ENVOY_ATTEMPT_COUNT = known("x-envoy-attempt-count");
export const X_ENVOY_PEER_METADATA = known("x-envoy-peer-metadata");
export const X_ENVOY_PEER_METADATA_ID = known("x-envoy-peer-metadata-id");
export const X_ENVOY_FORCE_TRACE = known("x-envoy-force-trace");
export const X_ENVOY_UPSTREAM_ALT_STAT_NAME = known("x-envoy-upstream-alt-stat-name");
export const X_ENVOY_INTERNAL = known("x-envoy-internal");
export const X_ENVOY_IS_TIMEOUT_RETRY = known("x-envoy-is-timeout-retry");
export const X_ENVOY_UPSTREAM_HEALTHCHECKED_CLUSTER = known("x-envoy-upstream-healthchecked-cluster");
export const X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL = known("x-envoy-immediate-health-check-fail");
export const X_ENVOY_RATELIMITED = known("x-envoy-ratelimited");
export const X_ENVOY_RETRY_ON = known("x-envoy-retry-on");
export const X_ENVOY_RETRY_GRPC_ON = known("x-envoy-retry-grpc-on");
export const X_ENVOY_MAX_RETRIES = known("x-envoy-max-retries");
export const X_ENVOY_RETRIABLE_STATUS_CODES = known("x-envoy-retriable-status-codes");
export const X_ENVOY_RETRIABLE_HEADER_NAMES = known("x-envoy-retriable-header-names");
export const X_ENVOY_HEDGE_ON_PER_TRY_TIMEOUT = known("x-envoy-hedge-on-per-try-timeout");
export const X_ENVOY_UPSTREAM_RQ_TIMEOUT_MS = known("x-envoy-upstream-rq-timeout-ms");
export const X_ENVOY_UPSTREAM_RQ_PER_TRY_TIMEOUT_MS = known("x-envoy-upstream-rq-per-try-timeout-ms");
export const X_ENVOY_UPSTREAM_RQ_TIMEOUT_ALT_RESPONSE = known("x-envoy-upstream-rq-timeout-alt-response");

/**
 * Perfect hash of the known names over length and four letters: `table[hash]` is the only candidate, which the scanner then
 * compares byte by byte. The factors are searched at start-up, from a fixed seed, in about a millisecond.
 */
export class HeaderHash {
  static readonly bits = 13;
  readonly length: number;
  readonly first: number;
  readonly last: number;
  /** Of the fourth letter from the end. */
  readonly fourth: number;
  readonly table = new Uint8Array(1 << HeaderHash.bits);

  constructor() {
    let state = 0x2545f491;
    const factor = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return 1 + (state >>> 22);
    };
    for (let attempt = 0; attempt < 100_000; attempt++) {
      const length = factor();
      const first = factor();
      const last = factor();
      const fourth = factor();
      this.table.fill(0);
      if (this.fill(length, first, last, fourth)) {
        this.length = length;
        this.first = first;
        this.last = last;
        this.fourth = fourth;
        return;
      }
    }
    throw new Error("no perfect hash for the header table: widen HeaderHash.bits");
  }

  private fill(length: number, first: number, last: number, fourth: number): boolean {
    const mask = this.table.length - 1;
    for (let id = 1; id < KNOWN_HEADERS; id++) {
      const name = HEADER_NAMES[id];
      const n = name.length;
      const at =
        (n * length +
          name.charCodeAt(0) * first +
          name.charCodeAt(n - 1) * last +
          name.charCodeAt(n > 3 ? n - 4 : 0) * fourth +
          name.charCodeAt(n >> 1)) &
        mask;
      if (this.table[at] !== 0) return false;
      this.table[at] = id;
    }
    return true;
  }
}
