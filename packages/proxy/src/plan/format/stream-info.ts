/**
 * What command operators may read of a stream: Envoy's `StreamInfo` and what its formatters get beside it. An exchange has this shape.
 * Times are the turn's milliseconds, 0 for what has not happened.
 */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { BytesMeter } from "../../codec/bytes-meter.ts";
import type { HeaderBlock } from "../../codec/header-block.ts";
import type { HttpProtocol, RequestHead, ResponseHead } from "../../codec/messages.ts";
import type { ConnectionView, TlsInfo } from "../request-views.ts";

/** `filter_metadata` of some part of a configuration, or what filters have said of a request: by namespace. */
export type Metadata = Readonly<Record<string, JsonObject>>;

/** Something that a filter keeps of a stream under a name (Envoy `StreamInfo::FilterState::Object`). */
export interface FilterStateObject {
  /** `PLAIN`; undefined if it has no such form. */
  asText(): string | undefined;
  /** `TYPED`, the default. */
  asJson(): JsonValue | undefined;
  /** `FIELD:name` */
  field(name: string): string | number | undefined;
  /** As a message, for logs that are messages. */
  readonly typeName: string;
  encode(): Uint8Array;
}

/** `%ACCESS_LOG_TYPE%`; `NotSet` where no access log is written. Source: Envoy data/accesslog/v3/accesslog.proto, AccessLogType. */
export type AccessLogType =
  | "NotSet"
  | "DownstreamStart"
  | "DownstreamPeriodic"
  | "DownstreamEnd"
  | "DownstreamTunnelSuccessfullyEstablished"
  | "TcpConnectionStart"
  | "TcpUpstreamConnected"
  | "TcpPeriodic"
  | "TcpConnectionEnd";

/** The latest attempt upstream, or the one whose answer was taken (Envoy `StreamInfo::UpstreamInfo`, `UpstreamTiming`). */
export interface UpstreamInfoView {
  /** A connection was had: it has addresses and a number. */
  readonly connected: boolean;
  readonly connectionId: number;
  /** "": there was none, or no HTTP is spoken on it. */
  readonly protocol: HttpProtocol | "";
  /** Of the host that the connection goes to, `10.0.0.1:80`. */
  readonly hostName: string;
  /** Null: it is plain. */
  readonly tls: TlsInfo | null;
  readonly localName: string;
  readonly localAddress: string;
  readonly localPort: number;
  /** Of the connection, where it was made for this attempt. */
  readonly connectStartedAt: number;
  readonly connectedAt: number;
  /** When a connection was asked for, and when one was had or refused. */
  readonly poolStartedAt: number;
  readonly poolReadyAt: number;
  readonly firstSentAt: number;
  readonly firstReceivedAt: number;
  readonly firstBodyReceivedAt: number;
}

/** Where a request came in. */
export interface ListenerInfo {
  readonly name: string;
  readonly metadata: Metadata;
  /** "" if it has no name. */
  readonly filterChainName: string;
  readonly filterChainMetadata: Metadata;
}

/** What a request came by; of one whose head is unknown, what its connection speaks. */
export function protocolOf({ requestHeadDone, request: { protocol } }: StreamInfo): HttpProtocol {
  return requestHeadDone || protocol === "HTTP/2" ? protocol : "HTTP/1.1";
}

export interface StreamInfo {
  /** False for a connection on which something else is spoken, or nobody knows what. */
  readonly carriesHttp: boolean;
  readonly request: RequestHead;
  /** False where the head was malformed or never came whole: then the request has no headers to tell of. */
  readonly requestHeadDone: boolean;
  /** `status` is 0 as long as there is none. */
  readonly response: ResponseHead;
  readonly responseTrailers: HeaderBlock | null;
  readonly connection: ConnectionView | null;
  readonly isGrpc: boolean;
  readonly isHealthCheck: boolean;
  /** Somebody wants it traced (`x-envoy-force-trace`). */
  readonly isTraceForced: boolean;
  /** The cluster that this proxy is one of (`node.cluster`). */
  readonly localCluster: string;
  readonly listener: ListenerInfo | null;
  readonly route: {
    readonly name: string;
    readonly metadata: Metadata;
    readonly virtualHostMetadata: Metadata;
  } | null;
  readonly cluster: {
    readonly plan: { readonly name: string; readonly statName: string; readonly metadata: Metadata };
  } | null;
  readonly host: {
    readonly name: string;
    readonly address: string;
    readonly port: number;
    readonly hostname: string;
    readonly metadata: Metadata;
  } | null;
  /** "" if it is of none. */
  readonly virtualCluster: string;
  readonly upstreamInfo: UpstreamInfoView | null;
  readonly transportFailure: string;
  readonly attemptCount: number;

  /** 0 until a response has been sent. */
  readonly status: number;
  readonly details: string;
  /** Why a connection that carries no HTTP was ended; "" if there is no saying. */
  readonly terminationDetails: string;
  /** Joined with ",", "-" for none. */
  readonly responseFlags: string;
  readonly responseFlagsLong: string;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly downstreamBytes: BytesMeter;
  readonly upstreamBytes: BytesMeter;

  readonly startedAt: number;
  readonly requestEndedAt: number;
  readonly responseStartedAt: number;
  readonly responseEndedAt: number;
  readonly now: number;
  /** Milliseconds since 1970 of one of these times, with fractions. */
  wallMs(at: number): number;

  readonly dynamicMetadata: Metadata | null;
  readonly filterStateObjects: ReadonlyMap<string, FilterStateObject> | null;
  readonly traceId: string;
  readonly spanId: string;
  /** Another one every time. */
  uniqueId(): string;
  /** The request's id; of a connection one that nobody else knows. "" for none. */
  streamId(): string;
  /** Uniform in [0, 1). */
  random(): number;
  /** Of something that is told of it, and went wrong (`NetContext.reportBug`). */
  reportBug(error: unknown): void;
  readonly accessLogType: AccessLogType;
  /** What a local reply says before it is formatted. */
  readonly localReplyBody: string;
}
