import type { AcceptedConnection } from "../net/accepted-connection.ts";
import type { NetContext } from "../net/context.ts";
import { type Transport, type TransportHandler, UNCOUNTED } from "../net/transport.ts";
import type { Session, SessionOwner } from "./session.ts";

/** Says something, whatever the client wants, and closes. Envoy `source/extensions/filters/network/direct_response/filter.cc`. */
export class DirectResponseSession implements Session, TransportHandler {
  private readonly net: NetContext;
  private readonly owner: SessionOwner;
  private readonly response: string;
  private readonly transport: Transport;
  private readonly openedAt: number;

  /** @param response latin1 */
  constructor(net: NetContext, owner: SessionOwner, accepted: AcceptedConnection, response: string) {
    this.net = net;
    this.owner = owner;
    this.response = response;
    this.openedAt = net.turn.now;
    this.transport = owner.openTransport(accepted, this, UNCOUNTED);
  }

  begin(): void {
    this.transport.start();
    if (!this.owner.secure) this.respond();
  }

  private respond(): void {
    if (this.response !== "") this.transport.writeText(this.response);
    this.transport.closeAfterFlush();
  }

  drain(): void {
    // It is closing already.
  }

  destroy(): void {
    this.transport.destroy();
  }

  onRead(): void {
    // Nobody listens.
  }

  onEnd(): void {
    // The response may be on its way still.
  }

  onClose(): void {
    this.owner.onConnectionClosed(this, this.net.turn.now - this.openedAt);
  }

  onConnect(): void {
    this.respond();
  }

  onAboveWatermark(): void {
    // Nothing more is written.
  }

  onBelowWatermark(): void {
    // Nothing more is written.
  }
}
