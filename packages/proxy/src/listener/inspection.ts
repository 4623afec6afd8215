import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import type { AcceptedConnection } from "../net/accepted-connection.ts";
import type { NetContext } from "../net/context.ts";
import type { ConnectionTest } from "../plan/listener-filter-plan.ts";
import { CLOSE, type ListenerFilter, WAIT } from "./listener-filter.ts";

/** A listener filter with the connections that it leaves alone. */
export interface PlacedFilter {
  readonly filter: ListenerFilter;
  readonly disabledFor: ConnectionTest | null;
}

/** Who a connection goes back to when its listener filters are done with it. */
export interface InspectionOwner {
  onInspected(inspection: Inspection): void;
  onInspectionTimeout(inspection: Inspection): void;
  /** The client has gone. */
  onInspectionClosed(inspection: Inspection): void;
  /** A filter wants it closed. */
  onInspectionRefused(inspection: Inspection): void;
}

const NOTHING = new Uint8Array(0);

/** A connection while listener filters look at it, one after the other. Envoy `source/common/listener_manager/active_tcp_socket.cc`. */
export class Inspection implements TimerOwner {
  readonly connection: AcceptedConnection;
  private readonly owner: InspectionOwner;
  private readonly net: NetContext;
  private readonly filters: readonly PlacedFilter[];
  private readonly timer = new Timer(this, 0);
  private next = 0;
  private over = false;
  private reading = false;
  private readonly onData = (chunk: Buffer): void => this.guarded(() => this.received(chunk));
  private readonly onGone = (): void => this.guarded(() => this.gone());

  constructor(
    connection: AcceptedConnection,
    filters: readonly PlacedFilter[],
    owner: InspectionOwner,
    net: NetContext,
  ) {
    this.connection = connection;
    this.filters = filters;
    this.owner = owner;
    this.net = net;
  }

  /** @param timeoutMs 0 = for ever */
  start(timeoutMs: number): void {
    if (timeoutMs > 0) this.net.timers.arm(this.timer, this.net.turn.now, timeoutMs);
    this.run();
  }

  private run(): void {
    const { connection, filters } = this;
    while (this.next < filters.length) {
      const { filter, disabledFor } = filters[this.next];
      if (disabledFor === null || !disabledFor(connection.localPort)) {
        const verdict = filter.inspect(connection, connection.early ?? NOTHING);
        if (verdict === WAIT) return this.read();
        if (verdict === CLOSE) {
          this.stop();
          this.owner.onInspectionRefused(this);
          return;
        }
      }
      this.next++;
    }
    this.stop();
    this.owner.onInspected(this);
  }

  private read(): void {
    if (this.reading) return;
    this.reading = true;
    const { socket } = this.connection;
    socket.on("data", this.onData);
    socket.on("end", this.onGone);
    socket.on("error", ignore);
    socket.on("close", this.onGone);
    socket.resume();
  }

  private received(chunk: Buffer): void {
    if (this.over) return;
    const { connection } = this;
    const { early } = connection;
    // cold: a hello that comes in pieces
    connection.early = early === null ? chunk : Buffer.concat([early, chunk]);
    if (connection.early.length < connection.wantedBytes) return;
    connection.wantedBytes = 0;
    this.run();
  }

  /** The client has said its last word, or has gone: nothing that filters wait for will come. */
  private gone(): void {
    if (this.over) return;
    this.stop();
    this.owner.onInspectionClosed(this);
  }

  onTimer(): void {
    this.stop();
    this.owner.onInspectionTimeout(this);
  }

  /** The socket is as it was when it came: paused, and nobody listens. */
  stop(): void {
    if (this.over) return;
    this.over = true;
    this.net.timers.disarm(this.timer);
    if (!this.reading) return;
    const { socket } = this.connection;
    socket.pause();
    socket.off("data", this.onData);
    socket.off("end", this.onGone);
    socket.off("error", ignore);
    socket.off("close", this.onGone);
  }

  private guarded(run: () => void): void {
    const { turn } = this.net;
    turn.begin();
    try {
      run();
    } catch (error) {
      this.stop();
      this.connection.socket.destroy();
      this.owner.onInspectionClosed(this);
      this.net.reportBug(error);
    }
    turn.end();
  }
}

/** The close that follows says it. */
function ignore(): void {}
