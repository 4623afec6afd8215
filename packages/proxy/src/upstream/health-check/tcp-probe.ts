import type { ReadBuffer } from "../../codec/read-buffer.ts";
import { latin1 } from "../../codec/latin1.ts";
import type { TcpProbePlan } from "../../plan/cluster-plan.ts";
import { ConnectionProbe, type ProbeTarget } from "./connection-probe.ts";
import type { ProbeOwner } from "./probe.ts";

/** Connects; then, if there is something to expect, sends and waits for it. Source: Envoy `source/extensions/health_checkers/tcp/health_checker_impl.cc`. */
export class TcpProbe extends ConnectionProbe {
  private readonly plan: TcpProbePlan;
  private readonly reuse: boolean;
  /** Latin1, since the probe began. */
  private received = "";

  constructor(plan: TcpProbePlan, owner: ProbeOwner, target: ProbeTarget, reuseConnection: boolean) {
    super(owner, target);
    this.plan = plan;
    this.reuse = reuseConnection;
  }

  override onConnect(): void {
    if (this.plan.receive.length > 0) super.onConnect();
    else if (!this.closed) this.pass(true);
  }

  protected send(): void {
    this.received = "";
    this.transport.writeText(this.plan.send);
  }

  protected receive(buffer: ReadBuffer, length: number): void {
    this.received += latin1(buffer.bytes, 0, length);
    if (containsInOrder(this.received, this.plan.receive)) this.pass(!this.reuse);
  }

  /** It is still awaited what becomes of the connection: one that ends between two probes has failed. */
  private pass(isLast: boolean): void {
    this.received = "";
    if (isLast) this.close();
    this.owner.onPassed(false);
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
