import type { JsonObject } from "@bufbuild/protobuf";
import { BytesMeter } from "../codec/bytes-meter.ts";
import { RequestHead, ResponseHead } from "../codec/messages.ts";
import { type ResponseFlag, type ResponseFlags, longFlags, shortFlags, withFlag } from "../http/response-flags.ts";
import type { HttpContext } from "../http/runtime.ts";
import { UpstreamInfo } from "../http/upstream-info.ts";
import type { AcceptedConnection } from "../net/accepted-connection.ts";
import type {
  AccessLogType,
  FilterStateObject,
  ListenerInfo,
  Metadata,
  StreamInfo,
} from "../plan/format/stream-info.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Host } from "../upstream/host.ts";

/** Of HTTP, which there is none of. */
const NO_REQUEST = new RequestHead();
const NO_RESPONSE = new ResponseHead();

/** What there is to tell of a connection itself, whatever is spoken on it: Envoy's `StreamInfo` of a connection. */
export class ConnectionStream implements StreamInfo {
  carriesHttp = false;
  readonly request = NO_REQUEST;
  readonly requestHeadDone = false;
  readonly response = NO_RESPONSE;
  readonly responseTrailers = null;
  readonly isGrpc = false;
  readonly isHealthCheck = false;
  readonly isTraceForced = false;
  readonly virtualCluster = "";
  readonly route = null;
  readonly status = 0;
  readonly traceId = "";
  readonly spanId = "";
  readonly localReplyBody = "";
  readonly requestEndedAt = 0;
  readonly responseStartedAt = 0;
  readonly responseEndedAt = 0;
  readonly connection: AcceptedConnection;
  readonly downstreamBytes = new BytesMeter();
  readonly upstreamBytes = new BytesMeter();
  readonly startedAt: number;
  listener: ListenerInfo;
  cluster: Cluster | null = null;
  host: Host | null = null;
  upstreamInfo: UpstreamInfo | null = null;
  transportFailure = "";
  attemptCount = 0;
  flags: ResponseFlags = 0;
  details = "";
  terminationDetails = "";
  bytesReceived = 0;
  bytesSent = 0;
  dynamicMetadata: Metadata | null;
  filterStateObjects: Map<string, FilterStateObject> | null = null;
  /** The cluster in place of the one that is configured; null: that one. */
  clusterName: string | null = null;
  accessLogType: AccessLogType = "NotSet";
  private id = "";
  private readonly context: HttpContext;

  constructor(context: HttpContext, connection: AcceptedConnection, listener: ListenerInfo) {
    this.context = context;
    this.connection = connection;
    this.listener = listener;
    this.startedAt = connection.acceptedAt;
    this.dynamicMetadata = connection.metadata;
  }

  get localCluster(): string {
    return this.context.localCluster;
  }

  get now(): number {
    return this.context.net.turn.now;
  }

  get responseFlags(): string {
    return shortFlags(this.flags);
  }

  get responseFlagsLong(): string {
    return longFlags(this.flags);
  }

  addFlag(flag: ResponseFlag): void {
    this.flags = withFlag(this.flags, flag);
  }

  addDynamicMetadata(namespace: string, values: JsonObject): void {
    const { dynamicMetadata } = this;
    this.dynamicMetadata = { ...dynamicMetadata, [namespace]: { ...dynamicMetadata?.[namespace], ...values } };
  }

  /** Another attempt upstream. */
  startAttempt(): void {
    this.upstreamInfo ??= new UpstreamInfo();
    this.upstreamInfo.start(this.now);
    this.attemptCount++;
  }

  wallMs(at: number): number {
    return this.context.wall.at(at);
  }

  random(): number {
    return this.context.random();
  }

  reportBug(error: unknown): void {
    this.context.net.reportBug(error);
  }

  uniqueId(): string {
    return this.context.sources.requestId();
  }

  streamId(): string {
    return (this.id ||= this.uniqueId());
  }
}
