import type { ReadBuffer } from "../../codec/read-buffer.ts";
import { latin1 } from "../../codec/latin1.ts";
import type { OpenSocket } from "../../net/accepted-socket.ts";
import type { NetContext } from "../../net/context.ts";
import {
  type Preamble,
  Transport,
  type TransportHandler,
  type TransportSecurity,
  UNCOUNTED,
} from "../../net/transport.ts";
import type { TcpProbePlan } from "../../plan/cluster-plan.ts";
import type { ProbeConnection, ProbeOwner } from "./probe.ts";

/** Bytes waiting to be written that nobody reads: a probe is small. */
const HIGH_WATERMARK = 65_536;

/** Connects; then, if there is something to expect, sends and waits for it. Source: Envoy `source/extensions/health_checkers/tcp/health_checker_impl.cc`. */
export class TcpProbe implements ProbeConnection, TransportHandler {
  private readonly plan: TcpProbePlan;
  private readonly owner: ProbeOwner;
  private readonly reuse: boolean;
  private readonly transport: Transport;
  private connected = false;
  private over = false;
  /** Latin1, since the probe began. */
  private received = "";

  constructor(
    plan: TcpProbePlan,
    owner: ProbeOwner,
    net: NetContext,
    open: OpenSocket,
    security: TransportSecurity | null,
    preamble: Preamble | null,
    { reuseConnection }: { readonly reuseConnection: boolean },
  ) {
    this.plan = plan;
    this.owner = owner;
    this.reuse = reuseConnection;
    this.transport = new Transport(net, this, UNCOUNTED, HIGH_WATERMARK, open, null, security, preamble);
    this.transport.awaitConnect();
  }

  get closed(): boolean {
    return this.over;
  }

  probe(): void {
    this.received = "";
    if (this.connected) this.transport.writeText(this.plan.send);
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    this.transport.destroy();
  }

  giveUp(): void {
    this.close();
  }

  onConnect(): void {
    if (this.over) return;
    this.connected = true;
    if (this.plan.receive.length === 0) {
      this.close();
      this.owner.onPassed(false);
      return;
    }
    this.transport.start();
    this.transport.writeText(this.plan.send);
  }

  onRead(buffer: ReadBuffer, length: number): void {
    if (this.over) return;
    this.received += latin1(buffer.bytes, 0, length);
    if (!containsInOrder(this.received, this.plan.receive)) return;
    this.received = "";
    if (!this.reuse) this.close();
    this.owner.onPassed(false);
  }

  onEnd(): void {
    this.onClose();
  }

  onClose(): void {
    if (this.over) return;
    this.close();
    this.owner.onFailed("network");
  }

  onAboveWatermark(): void {
    // What a probe sends is small, and nothing is read for it to be sent.
  }

  onBelowWatermark(): void {
    // As above.
  }
}

/** Each piece after the one before it. Source: Envoy `PayloadMatcher::match`. */
function containsInOrder(text: string, pieces: readonly string[]): boolean {
  let from = 0;
  for (const piece of pieces) {
    const at = text.indexOf(piece, from);
    if (at < 0) return false;
    from = at + piece.length;
  }
  return true;
}
