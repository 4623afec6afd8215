import { addressName } from "./ip-address.ts";
import { NO_SOCKET_OPTIONS, type SocketOptions, openSocketOptions } from "./net/socket-options.ts";
import { type LogFileSystem, systemLogFiles } from "./access-log/log-file.ts";
import { CollectedLogs } from "./access-log/collected-logs.ts";
import { LogFiles } from "./access-log/log-files.ts";
import { LogSinks } from "./access-log/log-sinks.ts";
import type { Clock } from "./clock/clock.ts";
import { TimerWheel } from "./clock/timer-wheel.ts";
import { WallClock } from "./clock/wall-clock.ts";
import { Exchange } from "./http/exchange.ts";
import { HTTP_FILTERS } from "./http/filters/registry.ts";
import { HttpDate } from "./http/http-date.ts";
import { AsyncClient } from "./http/async-client.ts";
import { RequestIds } from "./http/request-ids.ts";
import { ExchangePool, type HttpContext } from "./http/runtime.ts";
import type { ConnectionLimit } from "./listener/chain.ts";
import { Listener } from "./listener/listener.ts";
import type { Log } from "./log.ts";
import { canRewrap } from "./net/accepted-socket.ts";
import { openConnection } from "./net/connector.ts";
import type { NetContext } from "./net/context.ts";
import { localAddress } from "./net/local-address.ts";
import { type ReadOriginalDestination, noOriginalDestination } from "./net/original-destination.ts";
import { type BoundPort, reachesOwnPort } from "./net/own-ports.ts";
import { ReadBuffers } from "./net/read-buffers.ts";
import { Turn } from "./net/turn.ts";
import { OverloadManager } from "./overload/manager.ts";
import type { StatsPlan } from "./plan/compile-stats.ts";
import type { StatsSinksPlan } from "./plan/compile-stats-sinks.ts";
import type { OverloadPlan } from "./plan/compile-overload.ts";
import type { RuntimeRef } from "./plan/runtime-values.ts";
import type { Assignment, ClusterPlan, ClusterRef, EndpointPlan, LocalityPlan } from "./plan/cluster-plan.ts";
import type { ListenerPlan } from "./plan/listener-plan.ts";
import type { StatsRegistry } from "./stats/index.ts";
import { NO_ENDPOINTS, NOWHERE } from "./plan/compile-endpoints.ts";
import type { ProxyLocalities } from "./upstream/balancer/load-balancer.ts";
import { DnsCaches } from "./upstream/dns/caches.ts";
import type { Resolvers } from "./upstream/dns/resolve.ts";
import { systemResolvers } from "./upstream/dns/system-resolvers.ts";
import { Cluster, type ClusterDeps } from "./upstream/cluster.ts";
import type { Host } from "./upstream/host.ts";
import { StatsEviction } from "./stats-sinks/eviction.ts";
import { MetricsService } from "./stats-sinks/metrics-service.ts";
import { RouteStats } from "./upstream/route-stats.ts";
import { OutlierEventLog } from "./upstream/outlier/event-log.ts";
import { RandomHex } from "./random-hex.ts";
import { type TracedNode, Tracers } from "./tracing/tracers.ts";

export interface DataPlaneOptions {
  readonly clock: Clock;
  /** [0, 1) */
  readonly random: () => number;
  readonly stats: StatsRegistry;
  readonly log: Log;
  /** Default: the system's. */
  readonly resolvers?: Resolvers;
  /** Values of x-request-id; default random UUIDs. */
  readonly requestId?: () => string;
  /** Where access logs are written; default: the system's files. */
  readonly logFiles?: LogFileSystem;
  /** How long their lines are gathered; default 1 s. */
  readonly logFlushMs?: number;
  /** Whether accepted sockets read into our buffers; default: what the start-up self-test finds out. */
  readonly readIntoBuffers?: boolean;
  /** Where redirected connections were to go; default: the kernel says it. */
  readonly originalDestination?: ReadOriginalDestination;
  /** Where this proxy is (`node.locality`). */
  readonly locality?: LocalityPlan;
  /** Bootstrap `cluster_manager.local_cluster_name`: the cluster of this proxy and its like. */
  readonly localCluster?: string;
  /** Takes lines about ejected hosts. */
  readonly outlierLog?: (line: string) => void;
  readonly overload?: { readonly plan: OverloadPlan; readonly heapBytes: () => number };
  /** How many connections all listeners may have together; default as many as like. */
  readonly maxConnections?: RuntimeRef<number>;
  /** Who this proxy is, as its spans say it; default nobody. */
  readonly node?: Omit<TracedNode, "address">;
  /** The same, as collectors of access logs are told (`Node`). */
  readonly nodeMessage?: () => Uint8Array;
}

/** Everything that carries traffic: listeners and clusters, put in place by plans. The way in for configuration and admin. */
export class DataPlane {
  private readonly stats: StatsRegistry;
  private readonly log: Log;
  private readonly net: NetContext & { readsIntoBuffers: boolean; originalDestination: ReadOriginalDestination };
  private readonly http: HttpContext;
  private readonly clusterDeps: ClusterDeps;
  private readonly dnsCaches: DnsCaches;
  private readonly refs = new Map<string, ClusterRef>();
  private readonly routeStatsByPrefix = new Map<string, RouteStats>();
  private readonly listenersByName = new Map<string, Listener>();
  /** Removed or replaced listeners whose connections are not all gone. */
  private readonly retiring = new Set<Listener>();
  /** Clusters that are gone, until the process ends or `close`: their busy connections finish. */
  private readonly retired = new Set<Cluster>();
  /** Of this process, beside the listeners'. */
  private readonly reserved: BoundPort[] = [];
  private readonly overload: OverloadManager | null;
  private readonly connectionLimit: ConnectionLimit;
  private readonly selfTest: Promise<boolean>;
  private readonly originalDestinationGiven: boolean;
  private socketOptions: Promise<SocketOptions> | null = null;
  private readonly nodeMessage: () => Uint8Array;
  private readonly sinks: MetricsService[] = [];
  private draining = false;
  private emptied: (() => void)[] = [];

  constructor(options: DataPlaneOptions) {
    const {
      clock,
      stats,
      log,
      random,
      resolvers = systemResolvers,
      locality = NOWHERE,
      localCluster = "",
      outlierLog,
    } = options;
    this.stats = stats;
    this.log = log;
    this.nodeMessage = options.nodeMessage ?? (() => new Uint8Array());
    this.originalDestinationGiven = options.originalDestination !== undefined;
    const bugs = stats.counter("proxy_bug_total");
    const reportBug = (error: unknown): void => {
      bugs.value++;
      log.error("internal error; what it concerned has been given up", {
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    };
    const turn = new Turn(clock, setImmediate);
    const timers = new TimerWheel(clock, (timer) => {
      turn.begin();
      try {
        timer.owner.onTimer(timer.kind);
      } catch (error) {
        reportBug(error);
      }
      turn.end();
    });
    let connections = 0;
    this.net = {
      turn,
      timers,
      buffers: new ReadBuffers(),
      readsIntoBuffers: true,
      connect: openConnection,
      originalDestination: options.originalDestination ?? noOriginalDestination,
      wallMs: () => clock.wallMs(),
      nextConnectionId: () => connections++,
      reportBug,
    };
    this.dnsCaches = new DnsCaches({ net: this.net, random, resolvers, stats });
    this.clusterDeps = {
      net: this.net,
      dnsCaches: this.dnsCaches,
      isOwnPort: (address, port) => reachesOwnPort(address, port, this.ownPorts()),
      stats,
      random,
      zone: locality.zone,
      outlierEvents:
        outlierLog === undefined ? null : (clusterName) => new OutlierEventLog(clusterName, clock, outlierLog),
      localities: () => this.localities(locality, localCluster),
      onHostsChanged: (cluster) => {
        // Zone-aware routing compares the others with this one.
        if (cluster.name !== localCluster) return;
        for (const other of this.clusters()) if (other !== cluster) other.rebalance();
      },
    };
    const randomHex = new RandomHex(process.getBuiltinModule("node:crypto").randomFillSync);
    const ids = new RequestIds(randomHex);
    const address = localAddress();
    const client = new AsyncClient(this.net, random, address);
    const node = { id: "", cluster: "", zone: "", ...options.node, address };
    this.http = {
      net: this.net,
      clock,
      date: new HttpDate(clock),
      wall: new WallClock(clock),
      logs: new LogSinks(
        new LogFiles(options.logFiles ?? systemLogFiles, clock, timers, stats, options.logFlushMs),
        new CollectedLogs({
          net: this.net,
          client,
          stats,
          node: { ...node, message: this.nodeMessage },
          findCluster: (name) => this.refs.get(name) ?? null,
        }),
        reportBug,
      ),
      sources: { requestId: options.requestId ?? (() => ids.next()), localAddress: address },
      random,
      tracers: new Tracers(node, randomHex, clock, { net: this.net, client }, stats),
      dnsCaches: this.dnsCaches,
      client,
      exchanges: new ExchangePool(() => new Exchange(this.http)),
      health: { failing: false },
      localCluster: node.cluster,
      lastGood: new Map(),
      findCluster: (name) => this.refs.get(name) ?? null,
    };
    const { overload, maxConnections = { value: Infinity } } = options;
    this.connectionLimit = { max: maxConnections, inUse: () => this.connectionsInUse() };
    this.overload =
      overload === undefined
        ? null
        : new OverloadManager(overload.plan, {
            net: this.net,
            stats,
            heapBytes: overload.heapBytes,
            onAccepting: () => {
              for (const listener of this.listenersByName.values()) listener.acceptWaiting();
            },
          });
    this.selfTest = options.readIntoBuffers === undefined ? canRewrap() : Promise.resolve(options.readIntoBuffers);
  }

  private connectionsInUse(): number {
    let count = 0;
    for (const listener of [...this.listenersByName.values(), ...this.retiring]) {
      if (!listener.plan.ignoresGlobalLimit) count += listener.connectionCount;
    }
    return count;
  }

  /** Metrics leave from now on. @param refresh brings those up to date that nobody counts as they happen */
  startSinks({ services, flushMs, evictionMs }: StatsSinksPlan, statsPlan: StatsPlan, refresh: () => void): void {
    if (evictionMs > 0) new StatsEviction(this.stats, this.net, evictionMs).start();
    for (const plan of services) {
      const sink = new MetricsService(plan, {
        net: this.net,
        client: this.http.client,
        stats: this.stats,
        statsPlan,
        flushMs,
        refresh,
        nodeMessage: this.nodeMessage,
        findCluster: (name) => this.http.findCluster(name),
        clusterNames: () => this.clusterStatNames(),
      });
      sink.start();
      this.sinks.push(sink);
    }
  }

  /** Names under which clusters count, as they stand in stat names. */
  clusterStatNames(): ReadonlySet<string> {
    const names = new Set<string>();
    for (const { plan } of this.clusters()) names.add(plan.statName);
    return names;
  }

  /** One ref per name for the whole data plane, whether or not there is such a cluster. */
  clusterRef(name: string): ClusterRef {
    let ref = this.refs.get(name);
    if (ref === undefined) this.refs.set(name, (ref = { name, current: null }));
    return ref;
  }

  /** What routes or virtual clusters count under a prefix, for the whole data plane. */
  routeStats(prefix: string): RouteStats {
    let stats = this.routeStatsByPrefix.get(prefix);
    if (stats === undefined) this.routeStatsByPrefix.set(prefix, (stats = new RouteStats(this.stats, prefix)));
    return stats;
  }

  /** Adds or replaces; a cluster whose fingerprint is the same is left alone. A replacement keeps the endpoints. */
  setCluster(plan: ClusterPlan, triedOut: Cluster | null = null): void {
    const ref = this.clusterRef(plan.name);
    const before = ref.current;
    if (before !== null && before.plan.fingerprint === plan.fingerprint) {
      triedOut?.destroy();
      return;
    }
    const cluster = triedOut ?? new Cluster(plan, this.clusterDeps);
    if (before !== null && triedOut === null) cluster.setEndpoints(before.currentAssignment());
    ref.current = cluster;
    if (before !== null) this.retire(before);
  }

  /** A cluster that nobody sees until `setCluster`: what its active health checks find is awaited first. */
  tryCluster(plan: ClusterPlan, assignment: Assignment): Cluster {
    const cluster = new Cluster(plan, this.clusterDeps);
    cluster.setEndpoints(assignment);
    return cluster;
  }

  /** Something else of this process listens there: the admin endpoint. No request is forwarded to it. */
  reservePort(bound: BoundPort): void {
    this.reserved.push(bound);
  }

  private *ownPorts(): Iterable<BoundPort> {
    for (const { places } of this.listenersByName.values()) yield* places;
    yield* this.reserved;
  }

  private localities(own: LocalityPlan, localCluster: string): ProxyLocalities<Host> {
    const proxies = localCluster === "" ? null : (this.refs.get(localCluster)?.current ?? null);
    return { own, proxies: proxies === null ? null : proxies.firstPriority() };
  }

  removeCluster(name: string): void {
    const ref = this.refs.get(name);
    const cluster = ref?.current;
    if (ref === undefined || cluster === null || cluster === undefined) return;
    ref.current = null;
    this.retire(cluster);
  }

  private retire(cluster: Cluster): void {
    for (const old of this.retired) if (old.use.connections === 0) this.retired.delete(old);
    this.retired.add(cluster);
    cluster.drain();
  }

  /** A name without a cluster is ignored: its endpoints come again with it. */
  setEndpoints(clusterName: string, endpoints: readonly EndpointPlan[], policy = NO_ENDPOINTS.policy): void {
    this.refs.get(clusterName)?.current?.setEndpoints({ endpoints, policy });
  }

  /**
   * Adds a listener, or updates it in place: bound anew only if its address or port changed, and then before the old socket
   * closes. Rejects with the system's error (EADDRINUSE …), in which case what was there stays in force.
   */
  async setListener(plan: ListenerPlan): Promise<{ address: string; port: number }> {
    this.net.readsIntoBuffers = await this.selfTest;
    if (!this.net.readsIntoBuffers) {
      this.log.warn(
        "accepted sockets cannot read into our buffers on this runtime; reading by events, at more CPU a request",
      );
    }
    const before = this.listenersByName.get(plan.name);
    if (before !== undefined && isSamePlace(before.plan, plan)) {
      if (before.plan.fingerprint !== plan.fingerprint) await before.update(plan);
      return before.bound;
    }
    const asksKernel = plan.transparent || plan.listenerFilters.some(({ config }) => config.kind === "original-dst");
    const socketOptions = asksKernel ? await this.loadSocketOptions() : NO_SOCKET_OPTIONS;
    const listener = new Listener(
      {
        http: this.http,
        registry: this.stats,
        httpFilters: HTTP_FILTERS,
        overload: this.overload === null ? null : this.overload.state,
        connectionLimit: this.connectionLimit,
        findListener: (address, port) => this.findListener(address, port),
      },
      plan,
      () => this.onListenerEmpty(),
      (error) => this.log.error("listener failed", { listener: plan.name, error: error.message }),
    );
    const bound = await listener.listen(socketOptions);
    this.listenersByName.set(plan.name, listener);
    if (before !== undefined) this.retireListener(before);
    if (this.draining) listener.stopAccepting();
    return bound;
  }

  /** Envoy `ConnectionHandlerImpl::getBalancedHandlerByAddress`. */
  private findListener(address: string, port: number): Listener | null {
    let ofAll: Listener | null = null;
    const everywhere = address.includes(":") ? "::" : "0.0.0.0";
    for (const listener of this.listenersByName.values()) {
      for (const place of listener.places) {
        if (place.port !== port) continue;
        if (place.address === address) return listener;
        if (place.address === everywhere) ofAll = listener;
      }
    }
    return ofAll;
  }

  /** Once, and only where something is captured. Rejects with what this machine is missing. */
  private loadSocketOptions(): Promise<SocketOptions> {
    this.socketOptions ??= this.originalDestinationGiven
      ? Promise.resolve(NO_SOCKET_OPTIONS)
      : openSocketOptions().then((options) => {
          this.net.originalDestination = (socket) => options.originalDestination(socket);
          return options;
        });
    return this.socketOptions;
  }

  /** Stops accepting; connections drain. */
  removeListener(name: string): void {
    const listener = this.listenersByName.get(name);
    if (listener === undefined) return;
    this.listenersByName.delete(name);
    this.retireListener(listener);
  }

  private retireListener(listener: Listener): void {
    listener.stopAccepting();
    if (listener.connectionCount === 0) return;
    this.retiring.add(listener);
    listener.drain();
  }

  /** No new connections; responses say `connection: close`; idle connections close after the drain timeout. */
  startDraining(): void {
    if (this.draining) return;
    this.draining = true;
    for (const listener of this.listenersByName.values()) {
      listener.stopAccepting();
      listener.drain();
    }
  }

  /** The same for listeners that take what comes in, and nobody else. */
  drainInbound(): void {
    for (const listener of this.listenersByName.values()) {
      if (listener.plan.direction !== "inbound") continue;
      listener.stopAccepting();
      listener.drain();
    }
  }

  /** Resolves when no downstream connection is left; only after `startDraining` is that bound to happen. */
  drained(): Promise<void> {
    if (this.connectionCount() === 0) return Promise.resolve();
    return new Promise((resolve) => this.emptied.push(resolve));
  }

  /** Closes everything now; resolves when the sockets are gone. */
  async close(): Promise<void> {
    await this.selfTest;
    this.overload?.close();
    this.startDraining();
    for (const listener of [...this.listenersByName.values(), ...this.retiring]) listener.destroy();
    await this.drained();
    await this.http.logs.close();
    for (const sink of this.sinks) sink.close();
    for (const cluster of this.clusters()) cluster.destroy();
    for (const cluster of this.retired) cluster.destroy();
    this.dnsCaches.close();
  }

  /** Log files are opened anew by their names, which may have been given to others (logrotate). */
  reopenLogs(): void {
    this.http.logs.reopen();
  }

  /** Whether health checks of this proxy fail on purpose, and its connections end with their next response. */
  get failsHealthChecks(): boolean {
    return this.http.health.failing;
  }

  failHealthChecks(fail: boolean): void {
    this.http.health.failing = fail;
  }

  *clusters(): Iterable<Cluster> {
    for (const ref of this.refs.values()) if (ref.current !== null) yield ref.current;
  }

  listeners(): Iterable<Listener> {
    return this.listenersByName.values();
  }

  private connectionCount(): number {
    let count = 0;
    for (const listener of this.listenersByName.values()) count += listener.connectionCount;
    for (const listener of this.retiring) count += listener.connectionCount;
    return count;
  }

  private onListenerEmpty(): void {
    for (const listener of this.retiring) if (listener.connectionCount === 0) this.retiring.delete(listener);
    if (this.connectionCount() > 0) return;
    for (const resolve of this.emptied.splice(0)) resolve();
  }
}

function isSamePlace(a: ListenerPlan, b: ListenerPlan): boolean {
  const places = ({ address, port, additionalAddresses, transparent, bindsToPort }: ListenerPlan): string =>
    [{ address, port }, ...additionalAddresses].map((each) => addressName(each.address, each.port)).join() +
    `${transparent} ${bindsToPort}`;
  return places(a) === places(b);
}
