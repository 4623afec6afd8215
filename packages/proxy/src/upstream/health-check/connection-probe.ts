import type { ReadBuffer } from "../../codec/read-buffer.ts";
import type { OpenSocket } from "../../net/accepted-socket.ts";
import type { NetContext } from "../../net/context.ts";
import {
  type Preamble,
  Transport,
  type TransportHandler,
  type TransportSecurity,
  UNCOUNTED,
} from "../../net/transport.ts";
import type { ProbeConnection, ProbeOwner } from "./probe.ts";

/** Bytes waiting to be written that nobody reads: a probe is small. */
const HIGH_WATERMARK = 65_536;

/** How the host is reached. */
export interface ProbeTarget {
  readonly net: NetContext;
  readonly open: OpenSocket;
  readonly security: TransportSecurity | null;
  readonly preamble: Preamble | null;
}

/** A connection with one probe on it at a time; what is sent, and what comes of what is read, is for those who extend it. */
export abstract class ConnectionProbe implements ProbeConnection, TransportHandler {
  protected readonly owner: ProbeOwner;
  protected readonly transport: Transport;
  protected connected = false;
  /** A verdict is awaited. */
  protected waiting = false;
  private over = false;

  constructor(owner: ProbeOwner, { net, open, security, preamble }: ProbeTarget) {
    this.owner = owner;
    this.transport = new Transport(net, this, UNCOUNTED, HIGH_WATERMARK, open, null, security, preamble);
    this.transport.awaitConnect();
  }

  protected abstract send(): void;
  protected abstract receive(buffer: ReadBuffer, length: number): void;

  /** The connection is there. */
  protected begin(): void {
    // Nothing comes before the first probe.
  }

  get closed(): boolean {
    return this.over;
  }

  probe(): void {
    this.waiting = true;
    if (this.connected) this.send();
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    this.waiting = false;
    this.transport.destroy();
  }

  giveUp(): void {
    this.close();
  }

  protected fail(): void {
    const { waiting } = this;
    this.close();
    if (waiting) this.owner.onFailed("network");
  }

  // TransportHandler

  onConnect(): void {
    if (this.over) return;
    this.connected = true;
    this.begin();
    this.transport.start();
    this.send();
  }

  onRead(buffer: ReadBuffer, length: number): void {
    if (!this.over) this.receive(buffer, length);
  }

  onEnd(): void {
    this.fail();
  }

  onClose(): void {
    this.fail();
  }

  onAboveWatermark(): void {
    // What a probe sends is small, and nothing is read for it to be sent.
  }

  onBelowWatermark(): void {
    // As above.
  }
}
