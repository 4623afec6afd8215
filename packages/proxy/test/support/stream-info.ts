/** A stream for formats to read: everything went well, a second after 2027-01-15T08:00:00Z. */
import { BytesMeter } from "../../src/codec/bytes-meter.ts";
import { HeaderBlock } from "../../src/codec/header-block.ts";
import { RequestHead, ResponseHead } from "../../src/codec/messages.ts";
import type { StreamInfo } from "../../src/plan/format/stream-info.ts";
import type { ConnectionView } from "../../src/plan/request-views.ts";

export const CONNECTION: ConnectionView = {
  id: 7,
  remoteAddress: "10.1.2.3",
  remotePort: 40123,
  remoteName: "10.1.2.3:40123",
  directRemoteAddress: "10.1.2.3",
  directRemotePort: 40123,
  directRemoteName: "10.1.2.3:40123",
  localAddress: "::1",
  localPort: 8080,
  localName: "[::1]:8080",
  directLocalAddress: "::1",
  directLocalPort: 8080,
  directLocalName: "[::1]:8080",
  originalDestination: null,
  transportFailure: "",
  ja3: "",
  ja4: "",
  serverName: "",
  tls: null,
};

/** Names are lower-case; a name may come more than once. */
export function headerBlock(lines: readonly (readonly [name: string, value: string])[]): HeaderBlock {
  const block = new HeaderBlock();
  for (const [name, value] of lines) block.appendNamed(name, value);
  return block;
}

export interface StreamOptions {
  readonly method?: string;
  readonly path?: string;
  readonly authority?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly status?: number;
  readonly responseHeaders?: Readonly<Record<string, string | readonly string[]>>;
  readonly trailers?: Readonly<Record<string, string>>;
}

export const START_MS = Date.UTC(2027, 0, 15, 8, 0, 0, 0);

/** @param changes what differs from a GET that `b` answered with an empty 200 */
export function streamInfo(options: StreamOptions = {}, changes: Partial<StreamInfo> = {}): StreamInfo {
  const request = new RequestHead();
  request.method = options.method ?? "GET";
  request.path = options.path ?? "/";
  request.authority = options.authority ?? "a.example";
  request.hasAuthority = true;
  request.scheme = "http";
  append(request.headers, options.headers);
  const response = new ResponseHead();
  response.status = options.status ?? 200;
  append(response.headers, options.responseHeaders);
  let responseTrailers: HeaderBlock | null = null;
  if (options.trailers !== undefined) append((responseTrailers = new HeaderBlock()), options.trailers);
  return {
    carriesHttp: true,
    terminationDetails: "",
    request,
    requestHeadDone: true,
    response,
    responseTrailers,
    connection: CONNECTION,
    isGrpc: false,
    isHealthCheck: false,
    isTraceForced: false,
    localCluster: "",
    virtualCluster: "",
    listener: { name: "l", metadata: {}, filterChainName: "", filterChainMetadata: {} },
    route: { name: "r", metadata: {}, virtualHostMetadata: {} },
    cluster: { plan: { name: "b", statName: "b-alt", metadata: {} } },
    host: { name: "10.9.9.9:80", address: "10.9.9.9", port: 80, hostname: "", metadata: {} },
    upstreamInfo: null,
    transportFailure: "",
    attemptCount: 1,
    status: response.status,
    details: "via_upstream",
    responseFlags: "-",
    responseFlagsLong: "-",
    bytesReceived: 0,
    bytesSent: 0,
    downstreamBytes: new BytesMeter(),
    upstreamBytes: new BytesMeter(),
    startedAt: 1_000,
    requestEndedAt: 1_001,
    responseStartedAt: 1_020.5,
    responseEndedAt: 1_030.25,
    now: 1_030.25,
    wallMs: (at) => START_MS + at,
    dynamicMetadata: null,
    filterStateObjects: null,
    traceId: "",
    spanId: "",
    random: () => 0.5,
    reportBug: (error) => {
      throw error;
    },
    streamId: () => request.headers.find("x-request-id") ?? "",
    uniqueId: () => "00000000-0000-4000-8000-000000000000",
    accessLogType: "DownstreamEnd",
    localReplyBody: "",
    ...changes,
  };
}

function append(block: HeaderBlock, headers: Readonly<Record<string, string | readonly string[]>> = {}): void {
  for (const [name, values] of Object.entries(headers)) {
    for (const value of [values].flat()) block.appendNamed(name, value);
  }
}
