import { AcceptedConnection } from "../net/accepted-connection.ts";
import { Acceptor } from "../net/acceptor.ts";
import type { AcceptedSocket } from "../net/accepted-socket.ts";
import type { ListenerPlan } from "../plan/listener-plan.ts";
import { Chain, type ChainDeps } from "./chain.ts";
import { ListenerStats } from "./listener-stats.ts";

/** A bound listener: accepts connections, and gives each to the filter chain that it belongs to. */
export class Listener {
  plan: ListenerPlan;
  private readonly deps: ChainDeps;
  private readonly stats: ListenerStats;
  private readonly acceptor: Acceptor;
  /** Those of the plan, in its order. */
  private chains: readonly Chain[];
  /** Chains that the plan no longer has, until their connections are gone. */
  private readonly retired = new Set<Chain>();
  private readonly onEmpty: () => void;
  private draining = false;

  /** @param onEmpty called whenever the last connection has gone */
  constructor(deps: ChainDeps, plan: ListenerPlan, onEmpty: () => void, onError: (error: Error) => void) {
    this.deps = deps;
    this.plan = plan;
    this.onEmpty = onEmpty;
    this.stats = new ListenerStats(deps.registry, plan);
    this.chains = this.makeChains(plan, NO_CHAINS);
    this.acceptor = new Acceptor((socket) => this.accept(socket), onError);
  }

  /** Rejects with the system's error. */
  listen(): Promise<{ address: string; port: number }> {
    return this.acceptor.listen(this.plan.address, this.plan.port);
  }

  get bound(): { address: string; port: number } {
    return this.acceptor.bound;
  }

  get connectionCount(): number {
    let count = 0;
    for (const chain of this.chains) count += chain.connectionCount;
    for (const chain of this.retired) count += chain.connectionCount;
    return count;
  }

  /** New connections see the new plan. Those of chains that are the same in it go on, others drain. */
  update(plan: ListenerPlan): void {
    const before = this.chains;
    this.chains = this.makeChains(plan, plan.ownFingerprint === this.plan.ownFingerprint ? before : NO_CHAINS);
    this.plan = plan;
    const { turn } = this.deps.http.net;
    turn.begin();
    for (const chain of before) {
      if (this.chains.includes(chain)) continue;
      if (chain.connectionCount > 0) this.retired.add(chain);
      chain.drain();
    }
    turn.end();
  }

  stopAccepting(): void {
    this.acceptor.stop();
  }

  drain(): void {
    this.draining = true;
    const { turn } = this.deps.http.net;
    turn.begin();
    for (const chain of this.chains) chain.drain();
    turn.end();
  }

  /** Closes every connection now. */
  destroy(): void {
    this.acceptor.stop();
    for (const chain of this.chains) chain.destroy();
    for (const chain of this.retired) chain.destroy();
  }

  private makeChains(plan: ListenerPlan, known: readonly Chain[]): readonly Chain[] {
    return plan.chains.map(
      (each) =>
        known.find((chain) => chain.plan.fingerprint === each.fingerprint) ??
        new Chain(each, plan, this.stats, this.deps, (chain) => this.onChainEmpty(chain)),
    );
  }

  private onChainEmpty(chain: Chain): void {
    this.retired.delete(chain);
    if (this.connectionCount === 0) this.onEmpty();
  }

  private accept(socket: AcceptedSocket): void {
    const { net } = this.deps.http;
    net.turn.begin();
    try {
      this.open(new AcceptedConnection(socket));
    } catch (error) {
      socket.destroy();
      net.reportBug(error);
    }
    net.turn.end();
  }

  private open(accepted: AcceptedConnection): void {
    const { matcher, defaultChain } = this.plan;
    if (accepted.transportProtocol === "") accepted.transportProtocol = RAW_BUFFER;
    const found = matcher.find(accepted);
    const index = found < 0 ? defaultChain : found;
    if (index < 0) {
      this.stats.noFilterChainMatch.value++;
      accepted.socket.destroy();
      return;
    }
    const chain = this.chains[index];
    chain.open(accepted);
    if (this.draining) chain.drain();
  }
}

const NO_CHAINS: readonly Chain[] = [];

/** What is spoken where no listener filter has found out anything else. */
const RAW_BUFFER = "raw_buffer";
