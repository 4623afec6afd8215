import type { ReadBuffer } from "../codec/read-buffer.ts";
import type { AcceptedConnection } from "../net/accepted-connection.ts";
import type { NetContext } from "../net/context.ts";
import { type Transport, type TransportHandler, UNCOUNTED } from "../net/transport.ts";
import type { Session, SessionOwner } from "./session.ts";

/** What comes goes back. Envoy `source/extensions/filters/network/echo/echo.cc`. */
export class EchoSession implements Session, TransportHandler {
  private readonly net: NetContext;
  private readonly owner: SessionOwner;
  private readonly transport: Transport;
  private readonly openedAt: number;

  constructor(net: NetContext, owner: SessionOwner, accepted: AcceptedConnection) {
    this.net = net;
    this.owner = owner;
    this.openedAt = net.turn.now;
    this.transport = owner.openTransport(accepted, this, UNCOUNTED);
  }

  begin(): void {
    this.transport.start();
  }

  drain(): void {
    // There is nothing to wait for.
  }

  destroy(): void {
    this.transport.destroy();
  }

  onRead(buffer: ReadBuffer, length: number): void {
    this.transport.writeBytes(buffer, 0, length);
  }

  onEnd(): void {
    this.transport.closeAfterFlush();
  }

  onClose(): void {
    this.owner.onConnectionClosed(this, this.net.turn.now - this.openedAt);
  }

  onConnect(): void {
    // What is echoed comes after the handshake.
  }

  onAboveWatermark(): void {
    this.transport.pauseReading();
  }

  onBelowWatermark(): void {
    this.transport.resumeReading();
  }
}
