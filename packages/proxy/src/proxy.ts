/** A running proxy: configuration, data plane, management server connection and admin endpoint, put together. */
import { toBinary } from "@bufbuild/protobuf";
import type { Bootstrap } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { BootstrapSchema } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { NodeSchema } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { AdsClient, ResourceWatcher } from "@tulle/xds/client";
import { AdminServer } from "./admin/server.ts";
import { type ServerStatsSource, refreshServerStats } from "./admin/server-stats.ts";
import { type Clock, systemClock } from "./clock/clock.ts";
import { DataPlane } from "./data-plane.ts";
import { type EventLog, openEventLog } from "./event-log.ts";
import { type Log, type LogLevel, createLog } from "./log.ts";
import { readSocketAddress } from "./plan/address.ts";
import { loadBootstrapFile } from "./plan/bootstrap.ts";
import { type StatsPlan, bucketsOf, compileStats } from "./plan/compile-stats.ts";
import { type StatsSinksPlan, compileStatsSinks } from "./plan/compile-stats-sinks.ts";
import { type OverloadPlan, compileOverload } from "./plan/compile-overload.ts";
import { compileRuntime } from "./plan/compile-runtime.ts";
import type { Runtime } from "./plan/runtime-values.ts";
import { checkMessage } from "./plan/check.ts";
import { refuseAdminAccessLogs } from "./plan/compile-access-log.ts";
import { Place, type Problem, throwProblems } from "./plan/problems.ts";
import { systemRandom } from "./random.ts";
import type { ServerState } from "./server-state.ts";
import { StatsRegistry } from "./stats/index.ts";
import type { Resolve } from "./upstream/dns/resolve.ts";
import { systemResolvers } from "./upstream/dns/system-resolvers.ts";
import { type AdsTarget, adsTarget } from "./xds/ads-target.ts";
import { compileLocality } from "./plan/compile-endpoints.ts";
import { Configuration } from "./xds/configuration.ts";
import { nodeForServer } from "./xds/node.ts";
import type { BoundListener } from "./xds/listener-set.ts";
import type { FileSubscriptions } from "./xds/file-subscriptions.ts";
import { grpcTarget } from "./xds/grpc-target.ts";
import type { SecretService } from "./xds/secret-set.ts";
import { type SecretClient, Subscriptions } from "./xds/subscriptions.ts";

export interface ProxyOptions {
  /** An Envoy bootstrap: the file that `envoy -c` takes, or the message. */
  readonly bootstrap: Bootstrap | { readonly file: string };
  /** Default: text on stderr. */
  readonly log?: Log;
  /** Level of the default log. Default `info`. */
  readonly logLevel?: LogLevel;
  /** How long `drain` lets requests in flight finish. Default 5 s, Istio's `terminationDrainDuration`. */
  readonly drainTimeMs?: number;
  /** How long lines of access logs are gathered, Envoy's `--file-flush-interval-msec`. Default 1 s, Istio's. */
  readonly logFlushMs?: number;
  readonly clock?: Clock;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
  /** In place of all resolvers. */
  readonly resolve?: Resolve;
}

/** Source: Istio api/mesh/v1alpha1/proxy.proto, termination_drain_duration. */
export const DEFAULT_DRAIN_TIME_MS = 5_000;

export interface Proxy {
  /**
   * Listeners are up: at once for a static configuration, else after the first configuration or its initial fetch timeout.
   * Rejects if a static listener cannot be bound.
   */
  readonly ready: Promise<void>;
  /** `127.0.0.1:15000`; null without an admin endpoint. */
  readonly adminAddress: string | null;
  /** The proxy has been closed, by `close` or by the admin endpoint's `/quitquitquit`. */
  readonly closed: Promise<void>;
  listenerAddresses(): readonly BoundListener[];
  /** Tells the control plane whether the application behind this proxy is healthy. */
  reportHealth(healthy: boolean, message?: string): void;
  /** Resources of a type that is nothing to this proxy, from its control plane, for whoever is beside it. */
  watch(typeUrl: string, watcher: ResourceWatcher): void;
  /** Stops accepting, lets requests in flight finish for up to `drainTimeMs`, closes. */
  drain(): Promise<void>;
  /** Closes every connection now. */
  close(): Promise<void>;
}

/** Starts a proxy. Throws ConfigError with every problem of the bootstrap; nothing is left running then. */
export async function startProxy(options: ProxyOptions): Promise<Proxy> {
  const log = options.log ?? defaultLog(options.logLevel ?? "info");
  const bootstrap =
    "file" in options.bootstrap ? await loadBootstrapFile(options.bootstrap.file) : checked(options.bootstrap);
  const proxy = new RunningProxy(bootstrap, log, options);
  await proxy.start();
  return proxy;
}

function checked(bootstrap: Bootstrap): Bootstrap {
  const problems: Problem[] = [];
  checkMessage(BootstrapSchema, bootstrap, new Place("", problems));
  throwProblems(problems);
  return bootstrap;
}

/** Throws ConfigError. */
function runtimeOf({ layeredRuntime }: Bootstrap): Runtime {
  const problems: Problem[] = [];
  const runtime = compileRuntime(layeredRuntime, new Place("layered_runtime", problems));
  throwProblems(problems);
  return runtime;
}

/** Throws ConfigError. */
function statsOf({ statsConfig }: Bootstrap): StatsPlan {
  const problems: Problem[] = [];
  const plan = compileStats(statsConfig, new Place("stats_config", problems));
  throwProblems(problems);
  return plan;
}

/** Throws ConfigError. */
function overloadOf({ overloadManager }: Bootstrap): OverloadPlan | null {
  const problems: Problem[] = [];
  const plan = compileOverload(overloadManager, new Place("overload_manager", problems));
  throwProblems(problems);
  return plan;
}

/** What is in use, garbage included: of JavaScript, and of buffers outside of its heap. */
function heapBytes(): number {
  const { heapTotal, external } = process.memoryUsage();
  return heapTotal + external;
}

function defaultLog(level: LogLevel): Log {
  return createLog({ level, write: (line) => process.stderr.write(line), now: () => new Date(systemClock.wallMs()) });
}

class RunningProxy implements Proxy {
  readonly ready: Promise<void>;
  readonly closed: Promise<void>;
  private readonly bootstrap: Bootstrap;
  private readonly log: Log;
  private readonly clock: Clock;
  private readonly drainTimeMs: number;
  private readonly stats: StatsRegistry;
  private readonly statsPlan: StatsPlan;
  private readonly subscriptions = new Subscriptions();
  private readonly dataPlane: DataPlane;
  private readonly outlierLog: EventLog | null;
  private readonly configuration: Configuration;
  private readonly random: () => number;
  private readonly runtime: Runtime;
  private state: ServerState = "PRE_INITIALIZING";
  private admin: AdminServer | null = null;
  private ads: AdsClient | null = null;
  private files: FileSubscriptions | null = null;
  private resolveReady!: () => void;
  private rejectReady!: (error: Error) => void;
  private resolveClosed!: () => void;
  private closing: Promise<void> | null = null;

  constructor(bootstrap: Bootstrap, log: Log, options: ProxyOptions) {
    this.bootstrap = bootstrap;
    this.statsPlan = statsOf(bootstrap);
    this.stats = new StatsRegistry(this.statsPlan.accepts, bucketsOf(this.statsPlan));
    this.log = log;
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? systemRandom;
    this.runtime = runtimeOf(bootstrap);
    this.drainTimeMs = options.drainTimeMs ?? DEFAULT_DRAIN_TIME_MS;
    this.ready = new Promise((resolve, reject) => {
      this.resolveReady = resolve;
      this.rejectReady = reject;
    });
    // Whoever does not look at `ready` must not be ended by it.
    this.ready.catch(() => {});
    this.closed = new Promise((resolve) => (this.resolveClosed = resolve));
    const outlierLogPath = bootstrap.clusterManager?.outlierDetection?.eventLogPath ?? "";
    const outlierLog = outlierLogPath === "" ? null : openEventLog(outlierLogPath, log);
    this.outlierLog = outlierLog;
    const overload = overloadOf(bootstrap);
    const { resolve } = options;
    const resolvers = resolve === undefined ? systemResolvers : () => resolve;
    this.dataPlane = new DataPlane({
      clock: this.clock,
      random: this.random,
      resolvers,
      stats: this.stats,
      log,
      ...(options.logFlushMs === undefined ? {} : { logFlushMs: options.logFlushMs }),
      ...(overload === null ? {} : { overload: { plan: overload, heapBytes } }),
      maxConnections:
        overload === null || overload.maxConnections === Infinity
          ? this.runtime.number("overload.global_downstream_max_connections", Infinity)
          : { value: overload.maxConnections },
      locality: compileLocality(bootstrap.node?.locality),
      localCluster: bootstrap.clusterManager?.localClusterName ?? "",
      ...(outlierLog === null ? {} : { outlierLog: (line) => outlierLog.write(line) }),
      node: {
        id: bootstrap.node?.id ?? "",
        cluster: bootstrap.node?.cluster ?? "",
        zone: bootstrap.node?.locality?.zone ?? "",
      },
      nodeMessage: () => toBinary(NodeSchema, nodeForServer(bootstrap.node)),
    });
    this.configuration = new Configuration(bootstrap, {
      dataPlane: this.dataPlane,
      clock: this.clock,
      random: this.random,
      resolvers,
      stats: this.stats,
      log,
      runtime: this.runtime,
      subscriber: this.subscriptions,
      onStaticListenerFailure: (error) => this.rejectReady(error),
    });
  }

  get adminAddress(): string | null {
    return this.admin?.address ?? null;
  }

  async start(): Promise<void> {
    const problems: Problem[] = [];
    this.configuration.addSecrets(this.bootstrap, problems);
    const target = adsTarget(this.bootstrap, this.configuration.secrets, new Place("", problems));
    const sinks = compileStatsSinks(this.bootstrap, new Place("", problems));
    throwProblems(problems);
    const applyListeners = this.configuration.applyStatic(this.bootstrap);
    await this.startAdmin();
    this.startSinks(sinks);
    const { filePaths, secrets } = this.configuration;
    const dynamic = target !== null || filePaths.size > 0 || secrets.someAreDynamic;
    if (dynamic) await this.subscribe(target);
    this.state = "INITIALIZING";
    void this.initialize(dynamic, applyListeners);
  }

  listenerAddresses(): readonly BoundListener[] {
    return this.configuration.listeners.addresses();
  }

  reportHealth(healthy: boolean, message?: string): void {
    this.ads?.reportHealth(healthy, message);
  }

  watch(typeUrl: string, watcher: ResourceWatcher): void {
    this.ads?.subscribe(typeUrl, "*", watcher);
  }

  async drain(): Promise<void> {
    this.startDraining();
    let timer: { cancel(): void } | null = null;
    const expired = new Promise<void>((resolve) => (timer = this.clock.schedule(this.drainTimeMs, resolve)));
    await Promise.race([this.dataPlane.drained(), expired]);
    (timer as { cancel(): void } | null)?.cancel();
    await this.close();
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private startDraining(): void {
    this.state = "DRAINING";
    this.dataPlane.startDraining();
  }

  private async shutDown(): Promise<void> {
    this.ads?.close();
    this.subscriptions.close();
    this.files?.close();
    this.configuration.close();
    await this.dataPlane.close();
    await this.outlierLog?.close();
    await this.admin?.close();
    this.resolveClosed();
  }

  private startSinks(sinks: StatsSinksPlan): void {
    const { stats, clock, runtime } = this;
    const source: ServerStatsSource = {
      stats,
      clock,
      runtime,
      startedMs: clock.wallMs(),
      state: () => this.state,
      ads: () => this.ads,
      subscriptionStats: (typeUrl) => this.subscriptionStats(typeUrl),
    };
    this.dataPlane.startSinks(sinks, this.statsPlan, () => refreshServerStats(source));
  }

  private subscriptionStats(typeUrl: string): ReturnType<ServerStatsSource["subscriptionStats"]> {
    return this.ads?.stats(typeUrl) ?? this.files?.stats(typeUrl);
  }

  private async startAdmin(): Promise<void> {
    const { admin } = this.bootstrap;
    if (admin?.address === undefined) return;
    const problems: Problem[] = [];
    const address = readSocketAddress(admin.address, new Place("admin.address", problems));
    refuseAdminAccessLogs(admin.accessLog, (i) => new Place(`admin.access_log[${i}]`, problems));
    throwProblems(problems);
    if (address === null) return;
    this.admin = new AdminServer({
      bootstrap: this.bootstrap,
      configuration: this.configuration,
      dataPlane: this.dataPlane,
      stats: this.stats,
      statsPlan: this.statsPlan,
      clock: this.clock,
      log: this.log,
      runtime: this.runtime,
      ads: () => this.ads,
      subscriptionStats: (typeUrl) => this.subscriptionStats(typeUrl),
      state: () => this.state,
      drainListeners: () => this.startDraining(),
      drainInboundListeners: () => this.dataPlane.drainInbound(),
      quit: () => void this.close(),
    });
    await this.admin.listen(address);
  }

  private async subscribe(target: AdsTarget | null): Promise<void> {
    if (target !== null) {
      // Loaded here: a static bootstrap starts without gRPC.
      const { connectToManagementServer } = await import("./xds/management-server.ts");
      this.ads = connectToManagementServer(target, {
        bootstrap: this.bootstrap,
        clock: this.clock,
        random: this.random,
        log: this.log,
        onUnreachable: () => this.subscriptions.giveUpWaiting(),
        stats: this.stats,
        secrets: this.configuration.secrets,
      });
    }
    const { FileSubscriptions } = await import("./xds/file-subscriptions.ts");
    this.files = new FileSubscriptions(this.configuration.filePaths, this.ads, this.clock, this.log);
    this.subscriptions.start(this.files, {
      configuration: this.configuration,
      log: this.log,
      connectToSecrets: (service) => this.connectToSecrets(service),
      wantsClusters: this.bootstrap.dynamicResources?.cdsConfig !== undefined,
      wantsListeners: this.bootstrap.dynamicResources?.ldsConfig !== undefined,
    });
  }

  private connectToSecrets(service: SecretService): SecretClient {
    const { bootstrap, clock, random, log, stats } = this;
    const { secrets } = this.configuration;
    const problems: Problem[] = [];
    const target = grpcTarget(bootstrap, service.clusterName, secrets, new Place("", problems));
    throwProblems(problems);
    if (target === null) throw new TypeError("nothing was refused, and there is no target");
    // Loaded here: who has no such service does without gRPC.
    const client = import("./xds/management-server.ts").then(({ connectToSecrets }) =>
      connectToSecrets(target, service, { bootstrap, clock, random, log, stats, secrets }),
    );
    const then = (what: (connected: AdsClient) => void): void => void client.then(what);
    return {
      subscribe: (typeUrl, names, watcher) => then((connected) => connected.subscribe(typeUrl, names, watcher)),
      unsubscribe: (typeUrl, names) => then((connected) => connected.unsubscribe(typeUrl, names)),
      close: () => then((connected) => connected.close()),
    };
  }

  /** Envoy's order: clusters and their endpoints, then listeners and their routes, then traffic. */
  private async initialize(dynamic: boolean, applyListeners: () => void): Promise<void> {
    if (dynamic) await this.subscriptions.clustersReady();
    else await this.configuration.clusters.whenWarm();
    applyListeners();
    await this.configuration.listeners.whenWarm();
    if (dynamic) await this.subscriptions.listenersReady();
    if (this.state === "INITIALIZING") this.state = "LIVE";
    this.resolveReady();
  }
}
