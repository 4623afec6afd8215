/**
 * Everything that configures a running proxy: static resources at start, and what ADS brings later. Both go through the same
 * steps: decode, check, compile, put in force.
 */
import { existsSync } from "node:fs";
import { type DescMessage, type Message, type MessageShape, fromBinary, toBinary } from "@bufbuild/protobuf";
import { TYPE } from "@tulle/xds";
import { workloadOfNode } from "@tulle/telemetry";
import type { Bootstrap } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { type Cluster, ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { type Listener, ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { SecretSchema } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { RouteConfigurationSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import type { Clock } from "../clock/clock.ts";
import type { DataPlane } from "../data-plane.ts";
import type { Log } from "../log.ts";
import { checkMessage } from "../plan/check.ts";
import type { ClusterContext } from "../plan/upstream-protocol.ts";
import { DnsCacheConfigs } from "../plan/compile-dns-cache.ts";
import { compileEndpoints } from "../plan/compile-endpoints.ts";
import { Place, type Problem, throwProblems } from "../plan/problems.ts";
import type { Runtime } from "../plan/runtime-values.ts";
import { type StatsRegistry, clusterIn } from "../stats/index.ts";
import type { Resolvers } from "../upstream/dns/resolve.ts";
import { type EndpointSubscriber, type PreparedCluster, ClusterSet, prepareCluster } from "./cluster-set.ts";
import { ConfigRecords } from "./config-records.ts";
import { FilePaths } from "./file-paths.ts";
import { ListenerSet, type PreparedListener, prepareListener } from "./listener-set.ts";
import { type RouteSubscriber, RouteConfigSet } from "./route-config-set.ts";
import { SecretFiles } from "./secret-files.ts";
import { SecretSet, type SecretSubscriber } from "./secret-set.ts";

export interface ConfigurationDeps {
  readonly dataPlane: DataPlane;
  readonly clock: Clock;
  readonly random: () => number;
  readonly resolvers: Resolvers;
  readonly stats: StatsRegistry;
  readonly log: Log;
  readonly runtime: Runtime;
  /** Passes requests for endpoints and routes on to ADS, once there is a connection. */
  readonly subscriber: EndpointSubscriber & RouteSubscriber & SecretSubscriber;
  /** A listener of the bootstrap cannot be bound. */
  readonly onStaticListenerFailure: (error: Error) => void;
}

/** A resource as it came from the management server. */
export interface DynamicResource {
  readonly name: string;
  readonly version: string;
  readonly value: Uint8Array;
}

export class Configuration {
  readonly clusters: ClusterSet;
  readonly listeners: ListenerSet;
  readonly routes: RouteConfigSet;
  readonly records = {
    clusters: new ConfigRecords(),
    listeners: new ConfigRecords(),
    endpoints: new ConfigRecords(),
    routes: new ConfigRecords(),
    virtualHosts: new ConfigRecords(),
    secrets: new ConfigRecords(),
  };
  readonly secrets: SecretSet;
  private readonly secretFiles: SecretFiles;
  /** What comes from files. */
  readonly filePaths = new FilePaths();
  private readonly deps: ConfigurationDeps;
  private readonly clusterContext: ClusterContext;
  private readonly local: Parameters<typeof prepareListener>[3];
  private readonly staticClusters: ReadonlySet<string>;
  private readonly knownClusters = new Set<string>();

  constructor(bootstrap: Bootstrap, deps: ConfigurationDeps) {
    this.deps = deps;
    const { id = "", cluster = "", metadata = {} } = bootstrap.node ?? {};
    const dnsCaches = new DnsCacheConfigs();
    this.staticClusters = new Set((bootstrap.staticResources?.clusters ?? []).map(({ name }) => name));
    this.secretFiles = new SecretFiles(deps.log);
    const secrets = new SecretSet({
      subscriber: deps.subscriber,
      noteSource: (name, source) => this.filePaths.note(TYPE.secret, name, source),
      checkCluster: (name, place) => {
        if (!this.staticClusters.has(name)) {
          place.refuse(`Unknown gRPC client cluster '${name}': it must be in static_resources.clusters`);
        }
      },
      files: this.secretFiles,
    });
    this.secrets = secrets;
    this.local = { workload: workloadOfNode(metadata), node: { id, cluster }, dnsCaches, secrets };
    this.clusterContext = { dnsCaches, secrets };
    this.filePaths.note(TYPE.cluster, "*", bootstrap.dynamicResources?.cdsConfig);
    this.filePaths.note(TYPE.listener, "*", bootstrap.dynamicResources?.ldsConfig);
    this.clusters = new ClusterSet({ ...deps, endpoints: deps.subscriber, secrets });
    this.routes = new RouteConfigSet(
      {
        clusterRef: (name) => deps.dataPlane.clusterRef(name),
        routeStats: (prefix) => deps.dataPlane.routeStats(prefix),
        knownClusters: this.knownClusters,
        runtime: deps.runtime,
      },
      deps.subscriber,
    );
    this.listeners = new ListenerSet({
      dataPlane: deps.dataPlane,
      routes: this.routes,
      secrets,
      stats: deps.stats,
      log: deps.log,
      onFailure: (name, error) => this.listenerFailed(name, error),
    });
  }

  /** `static_resources.secrets`: before anything that may name one. */
  addSecrets(bootstrap: Bootstrap, problems: Problem[]): void {
    const place = this.place("static_resources", problems);
    this.secrets.addStatic(bootstrap.staticResources?.secrets ?? [], (i) => place.item("secrets", i));
  }

  /**
   * Compiles all static resources and puts the clusters in force. Throws ConfigError with every problem before anything is.
   * @returns what puts the static listeners in force: they should not accept before the clusters are there.
   */
  applyStatic(bootstrap: Bootstrap): () => void {
    const problems: Problem[] = [];
    const place = this.place("static_resources", problems);
    const clusters = bootstrap.staticResources?.clusters ?? [];
    for (const [i, cluster] of clusters.entries()) {
      if (this.knownClusters.has(cluster.name)) {
        place.item("clusters", i).refuse(`cluster manager: duplicate cluster '${cluster.name}'`);
      }
      this.knownClusters.add(cluster.name);
    }
    const preparedClusters = clusters.map((cluster, i) => this.prepareCluster(cluster, place.item("clusters", i)));
    checkLocalCluster(bootstrap, preparedClusters, new Place("cluster_manager", problems));
    const listeners = bootstrap.staticResources?.listeners ?? [];
    const preparedListeners = listeners.map((listener, i) =>
      prepareListener(listener, this.routes, this.filePaths, this.local, place.item("listeners", i)),
    );
    this.checkAds(bootstrap, preparedListeners, problems);
    this.checkFiles(problems);
    throwProblems(problems);
    for (const secret of bootstrap.staticResources?.secrets ?? []) {
      this.record("secrets", SecretSchema, secret, secret.name);
    }
    clusters.forEach((cluster, i) => {
      this.clusters.apply(preparedClusters[i], false);
      this.record("clusters", ClusterSchema, cluster, cluster.name);
    });
    return () => {
      listeners.forEach((listener, i) => {
        const prepared = preparedListeners[i];
        if (prepared === null) return;
        this.listeners.apply(prepared, false);
        this.record("listeners", ListenerSchema, listener, prepared.plan.name);
      });
    };
  }

  private place(path: string, problems: Problem[]): Place {
    return new Place(path, problems, this.deps.runtime);
  }

  private prepareCluster(message: Cluster, place: Place): PreparedCluster {
    const { edsClusterConfig } = message;
    if (edsClusterConfig !== undefined) {
      const { serviceName, edsConfig } = edsClusterConfig;
      this.filePaths.note(TYPE.endpoints, serviceName === "" ? message.name : serviceName, edsConfig);
    }
    return prepareCluster(message, this.clusterContext, place);
  }

  /** CDS. Throws, and changes nothing, if it is not valid. */
  applyCluster(resource: DynamicResource): void {
    const message: Cluster = this.decode(ClusterSchema, resource.value);
    const problems: Problem[] = [];
    const prepared = this.prepareCluster(message, this.place("", problems));
    throwProblems(problems);
    this.knownClusters.add(message.name);
    this.clusters.apply(prepared, true);
    this.recordDynamic("clusters", { ...resource, name: message.name });
  }

  removeCluster(name: string): void {
    if (!this.clusters.isDynamic(name)) return;
    const statName = this.clusters.statName(name);
    this.clusters.remove(name);
    this.knownClusters.delete(name);
    this.records.clusters.delete(name);
    this.forgetStats(statName);
  }

  /** EDS. */
  applyEndpoints(resource: DynamicResource): void {
    const message = this.decode(ClusterLoadAssignmentSchema, resource.value);
    const problems: Problem[] = [];
    const assignment = compileEndpoints(message, "eds", new Place("", problems));
    throwProblems(problems);
    this.clusters.assign(message.clusterName, assignment);
    this.recordDynamic("endpoints", { ...resource, name: message.clusterName });
  }

  /** SDS. @param service cluster of the service that sent it, "" for ADS and files */
  applySecret(service: string, resource: DynamicResource): void {
    const message = this.decode(SecretSchema, resource.value);
    this.secrets.apply(service, message);
    this.recordDynamic("secrets", { ...resource, name: message.name });
  }

  /** LDS. Throws, and changes nothing, if it is not valid. */
  applyListener(resource: DynamicResource): void {
    const message: Listener = this.decode(ListenerSchema, resource.value);
    const problems: Problem[] = [];
    const prepared = prepareListener(message, this.routes, this.filePaths, this.local, this.place("", problems));
    throwProblems(problems);
    if (prepared === null) return;
    this.listeners.apply(prepared, true);
    this.recordDynamic("listeners", { ...resource, name: prepared.plan.name });
  }

  removeListener(name: string): void {
    if (!this.listeners.isDynamic(name)) return;
    this.listeners.remove(name);
    this.records.listeners.delete(name);
  }

  /** RDS. */
  applyRoutes(resource: DynamicResource): void {
    const message = this.decode(RouteConfigurationSchema, resource.value);
    this.routes.apply(message);
    this.recordDynamic("routes", { ...resource, name: message.name });
  }

  /** VHDS: resources of one route configuration. Returns why each of those that were refused was. */
  applyVirtualHosts(
    routeConfig: string,
    updated: readonly DynamicResource[],
    removed: readonly string[],
  ): ReadonlyMap<string, string> {
    const refused = this.routes.applyVirtualHosts(routeConfig, [
      ...removed.map((name) => [name, null] as const),
      ...updated.map(({ name, value }) => [name, value] as const),
    ]);
    for (const name of removed) this.records.virtualHosts.delete(name);
    for (const resource of updated) if (!refused.has(resource.name)) this.recordDynamic("virtualHosts", resource);
    return refused;
  }

  /** A resource was refused: keeps why, for `/config_dump`. */
  refused(kind: keyof Configuration["records"], resource: DynamicResource, details: string): void {
    this.records[kind].fail(resource.name, { version: resource.version, details, atMs: this.deps.clock.wallMs() });
  }

  close(): void {
    this.clusters.close();
    this.secretFiles.close();
  }

  /** Everything dynamic comes by ADS, so somebody has to be asked. */
  private checkAds(bootstrap: Bootstrap, listeners: readonly (PreparedListener | null)[], problems: Problem[]): void {
    if (bootstrap.dynamicResources?.adsConfig !== undefined) {
      const { id = "", cluster = "" } = bootstrap.node ?? {};
      if (id === "" || cluster === "")
        new Place("node", problems).refuse("node 'id' and 'cluster' are required with ads_config");
      return;
    }
    const uses: string[] = [];
    for (const name of ["cdsConfig", "ldsConfig"] as const) {
      const type = name === "cdsConfig" ? TYPE.cluster : TYPE.listener;
      if (bootstrap.dynamicResources?.[name] !== undefined && this.filePaths.get(type, "*") === undefined)
        uses.push(`dynamic_resources.${name === "cdsConfig" ? "cds_config" : "lds_config"}`);
    }
    for (const [i, cluster] of (bootstrap.staticResources?.clusters ?? []).entries()) {
      const { edsClusterConfig: eds } = cluster;
      const fromFile = this.filePaths.get(TYPE.endpoints, eds?.serviceName || cluster.name) !== undefined;
      if (eds !== undefined && !fromFile) uses.push(`static_resources.clusters[${i}].eds_cluster_config`);
    }
    listeners.forEach((listener, i) => {
      for (const name of listener?.routeConfigs ?? [])
        if (this.filePaths.get(TYPE.route, name) === undefined)
          uses.push(`static_resources.listeners[${i}]: route configuration '${name}'`);
    });
    for (const ref of this.secrets.all()) {
      if (ref.service === null && this.filePaths.get(TYPE.secret, ref.name) === undefined)
        uses.push(`secret '${ref.name}'`);
    }
    for (const path of uses) new Place(path, problems).refuse("needs dynamic_resources.ads_config");
  }

  /** Files must be there from the start (Envoy `Utility::checkFilesystemSubscriptionBackingPath`). */
  private checkFiles(problems: Problem[]): void {
    for (const { path } of this.filePaths.all()) {
      if (!existsSync(path)) {
        new Place("", problems).refuse(`paths must refer to an existing path in the system: '${path}' does not exist`);
      }
    }
  }

  /** What a cluster counted goes with it; the stat names of others may begin like its own (`a` and `a.b`). */
  private forgetStats(statName: string): void {
    const names = new Set([statName]);
    for (const cluster of this.deps.dataPlane.clusters()) names.add(cluster.plan.statName);
    this.deps.stats.remove((name) => name.startsWith(`cluster.${statName}.`) && clusterIn(name, names) === statName);
  }

  private decode<Desc extends DescMessage>(schema: Desc, value: Uint8Array): MessageShape<Desc> {
    const message = fromBinary(schema, value);
    const problems: Problem[] = [];
    checkMessage(schema, message, new Place("", problems));
    throwProblems(problems);
    return message;
  }

  private record(kind: keyof Configuration["records"], schema: DescMessage, message: Message, name: string): void {
    const updatedMs = this.deps.clock.wallMs();
    this.records[kind].set({ name, version: "", value: toBinary(schema, message), updatedMs, dynamic: false });
  }

  private recordDynamic(kind: keyof Configuration["records"], { name, version, value }: DynamicResource): void {
    this.records[kind].set({ name, version, value, updatedMs: this.deps.clock.wallMs(), dynamic: true });
  }

  private listenerFailed(name: string, error: Error): void {
    this.deps.log.error("a listener could not be started", { listener: name, error: error.message });
    if (!(this.records.listeners.get(name)?.dynamic ?? false)) this.deps.onStaticListenerFailure(error);
    const version = this.records.listeners.get(name)?.version ?? "";
    this.records.listeners.fail(name, { version, details: error.message, atMs: this.deps.clock.wallMs() });
  }
}

/** The cluster that zone-aware routing compares others with. */
function checkLocalCluster(bootstrap: Bootstrap, clusters: readonly PreparedCluster[], place: Place): void {
  const name = bootstrap.clusterManager?.localClusterName ?? "";
  if (name === "") return;
  const local = clusters.find((each) => each.plan.name === name);
  if (local === undefined) place.field("local_cluster_name").refuse(`local cluster '${name}' must be defined`);
  if (local?.assignment.endpoints.some((endpoint) => endpoint.priority > 0)) {
    place.field("local_cluster_name").refuse(`Unexpected non-zero priority for local cluster '${name}'.`);
  }
}
