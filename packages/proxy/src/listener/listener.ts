import { AccessLogs } from "../http/access-logs.ts";
import { AcceptedConnection } from "../net/accepted-connection.ts";
import { Acceptor } from "../net/acceptor.ts";
import type { AcceptedSocket } from "../net/accepted-socket.ts";
import type { BoundPort } from "../net/own-ports.ts";
import type { SocketOptions } from "../net/socket-options.ts";
import type { ListenerPlan } from "../plan/listener-plan.ts";
import { ConnectionStream } from "../tcp/connection-stream.ts";
import { Chain, type ChainDeps, type ConnectionTaker } from "./chain.ts";
import { makeListenerFilters } from "./filters/registry.ts";
import { Inspection, type InspectionOwner, type PlacedFilter } from "./inspection.ts";
import { happens } from "../overload/manager.ts";
import { ListenerStats } from "./listener-stats.ts";

/** A bound listener: accepts connections, and gives each to the filter chain that it belongs to. */
export class Listener implements ConnectionTaker, InspectionOwner {
  plan: ListenerPlan;
  private readonly deps: ChainDeps;
  private readonly stats: ListenerStats;
  /** One for each address. */
  private readonly acceptors: readonly Acceptor[];
  /** Those of the plan, in its order. */
  private chains: readonly Chain[];
  /** Those of a plan that is not in force yet, and who waits for it. */
  private coming: { readonly chains: readonly Chain[]; readonly settled: () => void } | null = null;
  /** Chains that the plan no longer has, until their connections are gone. */
  private readonly retired = new Set<Chain>();
  private filters: readonly PlacedFilter[];
  private logs: AccessLogs | null;
  private readonly inspections = new Set<Inspection>();
  private readonly onEmpty: () => void;
  private draining = false;
  /** Connections that came while none are accepted. */
  private readonly waiting: AcceptedSocket[] = [];
  private listening = false;

  /** @param onEmpty called whenever the last connection has gone */
  constructor(deps: ChainDeps, plan: ListenerPlan, onEmpty: () => void, onError: (error: Error) => void) {
    this.deps = deps;
    this.plan = plan;
    this.onEmpty = onEmpty;
    this.stats = new ListenerStats(deps.registry, plan);
    this.logs = this.openLogs(plan);
    this.chains = this.makeChains(plan, this.logs, NO_CHAINS);
    this.filters = this.makeFilters(plan);
    this.acceptors = [plan, ...plan.additionalAddresses].map(
      () => new Acceptor((socket) => this.accept(socket), onError, plan.accepted.keepaliveMs),
    );
  }

  /** At all its addresses or none: rejects with the system's error. */
  // cold: once a listener
  async listen(options: SocketOptions): Promise<BoundPort> {
    const { plan, chains } = this;
    await this.prepared(chains); // cold: once a listener
    if (this.coming?.chains === chains) this.coming = null;
    this.listening = true;
    if (!plan.bindsToPort) return { address: plan.address, port: plan.port };
    try {
      for (const [i, { address, port }] of [plan, ...plan.additionalAddresses].entries()) {
        const fd = plan.transparent ? options.listenTransparently(address, port) : undefined;
        // cold: once a listener
        await this.acceptors[i].listen(address, port, fd);
      }
    } catch (error) {
      this.stopAccepting();
      throw error;
    }
    return this.bound;
  }

  /** Where it listens first, or would if it were bound. */
  get bound(): BoundPort {
    return this.plan.bindsToPort ? this.acceptors[0].bound : this.plan;
  }

  /** Where it listens, or would. */
  get places(): readonly BoundPort[] {
    const { plan } = this;
    return plan.bindsToPort ? this.acceptors.map(({ bound }) => bound) : [plan, ...plan.additionalAddresses];
  }

  get connectionCount(): number {
    let count = this.inspections.size;
    for (const chain of this.chains) count += chain.connectionCount;
    for (const chain of this.retired) count += chain.connectionCount;
    return count;
  }

  /** Resolves when their filters have what they need, or others have come in between. */
  private prepared(chains: readonly Chain[]): Promise<void> {
    const { turn } = this.deps.http.net;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.abandonComing();
    this.coming = { chains, settled: resolve };
    let missing = 1;
    const arrived = (): void => {
      if (--missing === 0) resolve();
    };
    turn.begin();
    for (const chain of chains) {
      if (this.isInForce(chain)) continue;
      missing++;
      chain.prepare(arrived);
    }
    arrived();
    turn.end();
    return promise;
  }

  private abandonComing(): void {
    const { coming } = this;
    this.coming = null;
    if (coming === null) return;
    for (const chain of coming.chains) if (!this.isInForce(chain)) chain.stop();
    coming.settled();
  }

  private isInForce(chain: Chain): boolean {
    return this.listening && this.chains.includes(chain);
  }

  /**
   * New connections see the new plan, once its filters are ready. Those of chains that are the same in it go on, others drain. Resolves
   * then, or when there is another update.
   */
  // cold: once a configuration
  async update(plan: ListenerPlan): Promise<void> {
    const isSame = plan.ownFingerprint === this.plan.ownFingerprint;
    const logs = isSame ? this.logs : this.openLogs(plan);
    const chains = this.makeChains(plan, logs, isSame ? this.chains : NO_CHAINS);
    // cold: once a configuration
    await this.prepared(chains);
    if (this.coming?.chains !== chains) return;
    this.coming = null;
    const before = this.chains;
    this.logs = logs;
    this.chains = chains;
    if (!isSame) this.filters = this.makeFilters(plan);
    this.plan = plan;
    const { turn } = this.deps.http.net;
    turn.begin();
    for (const chain of before) {
      if (this.chains.includes(chain)) continue;
      if (chain.connectionCount > 0) this.retired.add(chain);
      chain.stop();
      chain.drain();
    }
    turn.end();
  }

  stopAccepting(): void {
    for (const acceptor of this.acceptors) acceptor.stop();
    for (const socket of this.waiting.splice(0)) socket.destroy();
    this.abandonComing();
    for (const chain of this.chains) chain.stop();
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
    this.stopAccepting();
    for (const inspection of this.inspections) {
      inspection.stop();
      this.discard(inspection);
    }
    for (const chain of this.chains) chain.destroy();
    for (const chain of this.retired) chain.destroy();
  }

  private makeChains(plan: ListenerPlan, logs: AccessLogs | null, known: readonly Chain[]): readonly Chain[] {
    const parts = { plan, stats: this.stats, logs };
    return plan.chains.map(
      (each) =>
        known.find((chain) => chain.plan.fingerprint === each.fingerprint) ??
        new Chain(each, parts, this.deps, (chain) => this.onChainEmpty(chain)),
    );
  }

  private openLogs({ accessLogs }: ListenerPlan): AccessLogs | null {
    return accessLogs.length === 0 ? null : new AccessLogs(accessLogs, this.deps.http.logs);
  }

  private makeFilters({ listenerFilters }: ListenerPlan): readonly PlacedFilter[] {
    return makeListenerFilters(listenerFilters, { net: this.deps.http.net, registry: this.deps.registry });
  }

  private onChainEmpty(chain: Chain): void {
    this.retired.delete(chain);
    if (this.connectionCount === 0) this.onEmpty();
  }

  private accept(socket: AcceptedSocket): void {
    const { overload, http } = this.deps;
    const { net } = http;
    if (this.isOneTooMany()) {
      socket.destroy();
      return;
    }
    if (overload !== null && !this.plan.bypassesOverload) {
      if (happens(overload.rejectConnections, http.random)) {
        this.stats.cxOverloadReject.value++;
        socket.destroy();
        return;
      }
      // As in the kernel's queue, which Envoy leaves them in: connected, and nobody reads.
      if (overload.stopAcceptingConnections === 1) {
        this.waiting.push(socket);
        return;
      }
    }
    net.turn.begin();
    try {
      this.inspect(new AcceptedConnection(socket, net.turn.now));
    } catch (error) {
      socket.destroy();
      net.reportBug(error);
    }
    net.turn.end();
  }

  private isOneTooMany(): boolean {
    const { connectionLimit, ignoresGlobalLimit } = this.plan;
    if (connectionLimit.value !== Infinity && this.connectionCount >= connectionLimit.value) {
      this.stats.cxOverflow.value++;
      return true;
    }
    const all = this.deps.connectionLimit;
    if (all.max.value === Infinity || ignoresGlobalLimit || all.inUse() < all.max.value) return false;
    this.stats.globalCxOverflow.value++;
    return true;
  }

  /** Connections are accepted again: those that have waited first. */
  acceptWaiting(): void {
    for (const socket of this.waiting.splice(0)) this.accept(socket);
  }

  /** From another listener, which it was redirected to. */
  take(connection: AcceptedConnection): void {
    connection.redirected = true;
    this.inspect(connection);
  }

  private inspect(connection: AcceptedConnection): void {
    if (this.filters.length === 0) {
      this.open(connection);
      return;
    }
    const inspection = new Inspection(connection, this.filters, this, this.deps.http.net);
    this.inspections.add(inspection);
    this.stats.preCxActive.value++;
    inspection.start(this.plan.listenerFiltersTimeoutMs);
  }

  // InspectionOwner

  onInspected(inspection: Inspection): void {
    this.forget(inspection);
    const { connection } = inspection;
    const { usesOriginalDst } = this.plan;
    const hands = usesOriginalDst && connection.originalDestination !== null && !connection.redirected;
    const other = hands ? this.deps.findListener(connection.localAddress, connection.localPort) : null;
    if (other === null || other === this) this.open(connection);
    else other.take(connection);
  }

  onInspectionTimeout(inspection: Inspection): void {
    this.stats.preCxTimeout.value++;
    if (this.plan.continuesAfterTimeout) this.onInspected(inspection);
    else this.discard(inspection);
  }

  onInspectionClosed(inspection: Inspection): void {
    this.stats.filterRemoteClose.value++;
    this.discard(inspection);
  }

  onInspectionRefused(inspection: Inspection): void {
    this.discard(inspection);
  }

  private forget(inspection: Inspection): void {
    this.inspections.delete(inspection);
    this.stats.preCxActive.value--;
  }

  private discard(inspection: Inspection): void {
    const { connection } = inspection;
    this.forget(inspection);
    discard(connection);
    this.logs?.write(new ConnectionStream(this.deps.http, connection, this.plan.info), "NotSet");
    if (this.connectionCount === 0) this.onEmpty();
  }

  private open(accepted: AcceptedConnection): void {
    const { matcher, defaultChain } = this.plan;
    if (accepted.transportProtocol === "") accepted.transportProtocol = RAW_BUFFER;
    const found = matcher.find(accepted);
    const index = found === -1 ? defaultChain : found;
    if (index < 0) {
      this.stats.noFilterChainMatch.value++;
      discard(accepted);
      if (this.logs !== null) this.logUnmatched(accepted, this.logs);
      return;
    }
    const chain = this.chains[index];
    chain.open(accepted);
    if (this.draining) chain.drain();
  }

  private logUnmatched(connection: AcceptedConnection, logs: AccessLogs): void {
    const stream = new ConnectionStream(this.deps.http, connection, this.plan.info);
    stream.addFlag("NR");
    stream.details = "filter_chain_not_found";
    logs.write(stream, "NotSet");
  }
}

/** Envoy peeks: what nobody has taken makes the kernel answer with RST. */
function discard({ socket, early }: AcceptedConnection): void {
  if (early === null) socket.destroy();
  else socket.resetAndDestroy();
}

const NO_CHAINS: readonly Chain[] = [];

/** What is spoken where no listener filter has found out anything else. */
const RAW_BUFFER = "raw_buffer";
