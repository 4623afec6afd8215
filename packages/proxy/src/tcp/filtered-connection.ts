import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import { ReadBuffer } from "../codec/read-buffer.ts";
import type { NetContext } from "../net/context.ts";
import type { Transport, TransportHandler } from "../net/transport.ts";
import type { ConnectionStream } from "./connection-stream.ts";
import {
  CLOSE_NOW,
  type Decision,
  type FilteredConnectionView,
  GO_ON,
  type NetworkFilter,
  WAIT,
} from "./filters/network-filter.ts";
import type { Session } from "./session.ts";

/** Network filters between a connection and what its chain ends in. Only chains that have some pay for it. */
export class FilteredConnection implements FilteredConnectionView, TransportHandler, TimerOwner {
  readonly stream: ConnectionStream;
  refused = false;
  private readonly filters: readonly NetworkFilter[];
  private readonly net: NetContext;
  private readonly bufferLimitBytes: number;
  private session: (Session & TransportHandler) | null = null;
  private transport: Transport | null = null;
  /** How many filters know of it. */
  private told = 0;
  private first = true;
  /** The filter that is waited for; -1: none. */
  private waitsFor = -1;
  private waitedFirst = false;
  /** What came then. */
  private held: ReadBuffer | null = null;
  private heldBytes = 0;
  private heldEnd = false;
  private pausedByHolding = false;
  private readonly timer = new Timer(this, 0);

  /** @param bufferLimitBytes what is held of a connection that waits before no more is read of it */
  constructor(filters: readonly NetworkFilter[], stream: ConnectionStream, net: NetContext, bufferLimitBytes: number) {
    this.bufferLimitBytes = bufferLimitBytes;
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
    const { first } = this;
    this.first = false;
    return this.passesFrom(0, first);
  }

  private passesFrom(index: number, first: boolean): boolean {
    const { filters } = this;
    for (let i = index; i < filters.length; i++) {
      const decision = filters[i].onData(this, first);
      if (decision === GO_ON) continue;
      if (decision === WAIT) {
        this.waitsFor = i;
        this.waitedFirst = first;
      } else this.refuse(decision);
      return false;
    }
    return true;
  }

  private get isWaiting(): boolean {
    return this.waitsFor >= 0;
  }

  decided(decision: Decision): void {
    const { waitsFor, session, held, heldBytes, heldEnd } = this;
    if (waitsFor < 0 || this.refused) return;
    this.waitsFor = -1;
    if (decision !== GO_ON) {
      this.refuse(decision);
      return;
    }
    if (this.pausedByHolding) this.transport?.resumeReading();
    this.pausedByHolding = false;
    if (!this.passesFrom(waitsFor + 1, this.waitedFirst)) return;
    this.held = null;
    this.heldBytes = 0;
    this.heldEnd = false;
    if (held !== null) session?.onRead(held, heldBytes);
    if (heldEnd) session?.onEnd();
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
    if (!this.isWaiting && this.passes()) this.session?.onRead(buffer, length);
    // To be decided just now, or before.
    else if (this.isWaiting) this.hold(buffer, length);
    else this.stream.bytesReceived += length;
  }

  /** The session counts them when it gets them. */
  private hold({ bytes }: ReadBuffer, length: number): void {
    const { held, heldBytes } = this;
    const all = new ReadBuffer(heldBytes + length);
    if (held !== null) all.bytes.set(held.bytes.subarray(0, heldBytes));
    all.bytes.set(bytes.subarray(0, length), heldBytes);
    this.held = all;
    this.heldBytes = heldBytes + length;
    if (this.pausedByHolding || this.heldBytes < this.bufferLimitBytes) return;
    this.pausedByHolding = true;
    this.transport?.pauseReading();
  }

  onEnd(): void {
    if (!this.isWaiting && this.passes()) this.session?.onEnd();
    else if (this.isWaiting) this.heldEnd = true;
  }

  onClose(cause: string): void {
    if (this.held !== null) this.stream.bytesReceived += this.heldBytes;
    this.waitsFor = -1;
    this.net.timers.disarm(this.timer);
    try {
      this.session?.onClose(cause);
    } finally {
      for (let i = 0; i < this.told; i++) this.tellEnd(this.filters[i]);
    }
  }

  /** Each is told: they count connections, and hold on to them. */
  private tellEnd(filter: NetworkFilter): void {
    try {
      filter.onClose(this);
    } catch (error) {
      this.net.reportBug(error);
    }
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
