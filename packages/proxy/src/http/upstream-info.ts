import type { HttpProtocol } from "../codec/messages.ts";
import type { UpstreamInfoView } from "../plan/format/stream-info.ts";
import type { TlsInfo } from "../plan/request-views.ts";
import type { UpstreamConnection } from "../upstream/upstream-connection.ts";

/** What an attempt leaves for logs: Envoy's `StreamInfo::UpstreamInfo` and `UpstreamTiming`. One to an upstream request, used again with it. */
export class UpstreamInfo implements UpstreamInfoView {
  connected = false;
  connectionId = 0;
  protocol: HttpProtocol | "" = "";
  hostName = "";
  tls: TlsInfo | null = null;
  localName = "";
  localAddress = "";
  localPort = 0;
  connectStartedAt = 0;
  connectedAt = 0;
  poolStartedAt = 0;
  poolReadyAt = 0;
  firstSentAt = 0;
  firstReceivedAt = 0;
  firstBodyReceivedAt = 0;

  /** A connection is asked for. */
  start(now: number): void {
    this.connected = false;
    this.connectionId = 0;
    this.protocol = "";
    this.hostName = "";
    this.tls = null;
    this.localName = "";
    this.localAddress = "";
    this.localPort = 0;
    this.connectStartedAt = 0;
    this.connectedAt = 0;
    this.poolStartedAt = now;
    this.poolReadyAt = 0;
    this.firstSentAt = 0;
    this.firstReceivedAt = 0;
    this.firstBodyReceivedAt = 0;
  }

  /** There it is, and the request's head leaves. */
  onConnection(connection: UpstreamConnection, now: number): void {
    this.connected = true;
    this.connectionId = connection.id;
    this.protocol = connection.requestProtocol;
    this.hostName = connection.hostName;
    this.tls = connection.tls;
    this.localName = connection.localName;
    this.localAddress = connection.localAddress;
    this.localPort = connection.localPort;
    if (connection.requests === 1) {
      this.connectStartedAt = connection.openedAt;
      this.connectedAt = connection.connectedAt;
    }
    this.poolReadyAt = now;
    this.firstSentAt = now;
  }
}
