import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import type { ReadBuffer } from "../codec/read-buffer.ts";
import type { NetContext } from "../net/context.ts";
import type { Transport, TransportHandler } from "../net/transport.ts";
import type { ConnectionStream } from "./connection-stream.ts";
import {
  CLOSE_NOW,
  type Decision,
  type FilteredConnectionView,
  GO_ON,
  type NetworkFilter,
} from "./filters/network-filter.ts";
import type { Session } from "./session.ts";

/** Network filters between a connection and what its chain ends in. Only chains that have some pay for it. */
export class FilteredConnection implements FilteredConnectionView, TransportHandler, TimerOwner {
  readonly stream: ConnectionStream;
  refused = false;
  private readonly filters: readonly NetworkFilter[];
  private readonly net: NetContext;
  private session: (Session & TransportHandler) | null = null;
  private transport: Transport | null = null;
  /** How many filters know of it. */
  private told = 0;
  private first = true;
  private readonly timer = new Timer(this, 0);

  constructor(filters: readonly NetworkFilter[], stream: ConnectionStream, net: NetContext) {
    this.filters = filters;
    this.stream = stream;
    this.net = net;
  }

  /** Stands between a session and its transport. */
  guard(session: Session & TransportHandler): void {
    this.session = session;
  }

  opened(transport: Transport): void {
    this.transport = transport;
  }

  begin(): void {
    const { filters } = this;
    while (this.told < filters.length) {
      const decision = filters[this.told++].onConnection(this);
      if (decision !== GO_ON) {
        this.refuse(decision);
        return;
      }
    }
    this.session?.begin();
  }

  /** True if it goes on. */
  private passes(): boolean {
    if (this.refused) return false;
    const { filters, first } = this;
    this.first = false;
    for (let i = 0; i < filters.length; i++) {
      const decision = filters[i].onData(this, first);
      if (decision === GO_ON) continue;
      this.refuse(decision);
      return false;
    }
    return true;
  }

  private refuse(delayMs: Decision): void {
    this.refused = true;
    if (delayMs === CLOSE_NOW) this.session?.destroy();
    else {
      this.transport?.pauseReading();
      this.net.timers.arm(this.timer, this.net.turn.now, delayMs);
    }
  }

  onTimer(): void {
    this.session?.destroy();
  }

  // TransportHandler

  onRead(buffer: ReadBuffer, length: number): void {
    if (this.passes()) this.session?.onRead(buffer, length);
    else this.stream.bytesReceived += length;
  }

  onEnd(): void {
    if (this.passes()) this.session?.onEnd();
  }

  onClose(cause: string): void {
    this.net.timers.disarm(this.timer);
    this.session?.onClose(cause);
    for (let i = 0; i < this.told; i++) this.filters[i].onClose(this);
  }

  onConnect(): void {
    this.session?.onConnect();
  }

  onAboveWatermark(): void {
    this.session?.onAboveWatermark();
  }

  onBelowWatermark(): void {
    this.session?.onBelowWatermark();
  }
}
