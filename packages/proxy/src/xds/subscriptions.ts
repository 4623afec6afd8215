/**
 * The proxy's side of ADS: which resources it asks for, in which order it takes them, and what it refuses.
 * Order, as in Envoy: clusters, their endpoints, then listeners, their routes, their virtual hosts.
 */
import type { AdsClient, ReceivedResource, RejectedResource, ResourceUpdate, ResourceWatcher } from "@tulle/xds/client";
import { TYPE } from "@tulle/xds";
import type { Log } from "../log.ts";
import type { EndpointSubscriber } from "./cluster-set.ts";
import type { Configuration, DynamicResource } from "./configuration.ts";
import type { RouteSubscriber } from "./route-config-set.ts";
import type { SecretService, SecretSubscriber } from "./secret-set.ts";

/** What a client must offer. (`AdsClient` of @tulle/xds) */
export type Subscribing = Pick<AdsClient, "subscribe" | "unsubscribe">;

export interface SubscriptionsOptions {
  readonly configuration: Configuration;
  readonly log: Log;
  /** `dynamic_resources.cds_config` and `lds_config` are there. */
  readonly wantsClusters: boolean;
  readonly wantsListeners: boolean;
  /** Opens a stream to a service of secrets. */
  readonly connectToSecrets: (service: SecretService) => SecretClient;
}

/** A stream that only secrets come by. (`AdsClient` of @tulle/xds) */
export type SecretClient = Subscribing & Pick<AdsClient, "close">;

type Kind = keyof Configuration["records"];

export class Subscriptions implements EndpointSubscriber, RouteSubscriber, SecretSubscriber {
  private client: Subscribing | null = null;
  private options: SubscriptionsOptions | null = null;
  /** What was asked for before there was a client. */
  private readonly early: (() => void)[] = [];
  private firstClusters: (() => void)[] | null = [];
  private firstListeners: (() => void)[] | null = [];

  private readonly endpointWatcher = {
    onUpdate: (update: ResourceUpdate): readonly RejectedResource[] => this.endpoints(update),
    onInitialFetchTimeout: (names: readonly string[]): void => {
      for (const name of names) this.configuration.clusters.assignmentTimedOut(name);
    },
  };
  private readonly routeWatcher = {
    onUpdate: (update: ResourceUpdate): readonly RejectedResource[] =>
      this.each("routes", update, (resource) => this.configuration.applyRoutes(resource)),
    onInitialFetchTimeout: (names: readonly string[]): void => {
      for (const name of names) this.configuration.routes.timedOut(name);
    },
  };
  private readonly secretWatcher = this.secretsOf("");
  /** Those of services that have nothing but secrets, by cluster. */
  private readonly secretServices = new Map<
    string,
    { readonly client: SecretClient; readonly watcher: ResourceWatcher }
  >();
  private readonly virtualHostWatcher = {
    onUpdate: (update: ResourceUpdate): readonly RejectedResource[] => this.virtualHosts(update),
    onInitialFetchTimeout: (names: readonly string[]): void => {
      for (const name of names) this.configuration.routes.timedOut(name.replace(/\/\*$/, ""));
    },
  };

  /** Starts asking. Listeners are asked for when the clusters are there. */
  start(client: Subscribing, options: SubscriptionsOptions): void {
    this.client = client;
    this.options = options;
    for (const ask of this.early.splice(0)) ask();
    if (!options.wantsClusters) this.release("firstClusters");
    else {
      client.subscribe(TYPE.cluster, "*", {
        onUpdate: (update) => this.clusters(update),
        onInitialFetchTimeout: () => this.release("firstClusters"),
      });
    }
    if (!options.wantsListeners) this.release("firstListeners");
    else void this.listenersAfterClusters(client);
  }

  /** Resolves when CDS has answered and its clusters are warm, or the time for that is over. */
  async clustersReady(): Promise<void> {
    await this.first("firstClusters");
    await this.configuration.clusters.whenWarm();
  }

  /** The same for LDS. */
  async listenersReady(): Promise<void> {
    await this.first("firstListeners");
    await this.configuration.listeners.whenWarm();
  }

  /** There is no hope of an answer soon: what waits for the first one goes on. */
  giveUpWaiting(): void {
    this.release("firstClusters");
    this.release("firstListeners");
  }

  watch(serviceName: string): void {
    this.ask((client) => client.subscribe(TYPE.endpoints, [serviceName], this.endpointWatcher));
  }

  unwatch(serviceName: string): void {
    this.ask((client) => client.unsubscribe(TYPE.endpoints, [serviceName]));
    this.configuration.records.endpoints.delete(serviceName);
  }

  watchRoutes(name: string): void {
    this.ask((client) => client.subscribe(TYPE.route, [name], this.routeWatcher));
  }

  unwatchRoutes(name: string): void {
    this.ask((client) => client.unsubscribe(TYPE.route, [name]));
    this.configuration.records.routes.delete(name);
  }

  watchVirtualHosts(routeConfig: string): void {
    this.ask((client) => client.subscribe(TYPE.virtualHost, [`${routeConfig}/*`], this.virtualHostWatcher));
  }

  unwatchVirtualHosts(routeConfig: string): void {
    this.ask((client) => client.unsubscribe(TYPE.virtualHost, [`${routeConfig}/*`]));
    for (const { name } of this.configuration.records.virtualHosts.all()) {
      if (name.startsWith(`${routeConfig}/`)) this.configuration.records.virtualHosts.delete(name);
    }
  }

  watchSecret(service: SecretService | null, name: string): void {
    if (service === null) {
      this.ask((client) => client.subscribe(TYPE.secret, [name], this.secretWatcher));
      return;
    }
    this.ask(() => {
      let found = this.secretServices.get(service.clusterName);
      if (found === undefined) {
        found = { client: this.connectTo(service), watcher: this.secretsOf(service.clusterName) };
        this.secretServices.set(service.clusterName, found);
      }
      found.client.subscribe(TYPE.secret, [name], found.watcher);
    });
  }

  unwatchSecret(service: SecretService | null, name: string): void {
    this.ask((client) => {
      const from = service === null ? client : this.secretServices.get(service.clusterName)?.client;
      from?.unsubscribe(TYPE.secret, [name]);
    });
    this.configuration.records.secrets.delete(name);
  }

  close(): void {
    for (const { client } of this.secretServices.values()) client.close();
  }

  private connectTo(service: SecretService): SecretClient {
    if (this.options === null) throw new TypeError("not started");
    return this.options.connectToSecrets(service);
  }

  /** @param service the cluster of a service of its own; "" for ADS and files */
  private secretsOf(service: string): ResourceWatcher {
    return {
      onUpdate: (update) =>
        this.each("secrets", update, (resource) => this.configuration.applySecret(service, resource)),
      onInitialFetchTimeout: (names) => {
        for (const name of names) this.configuration.secrets.timedOut(service, name);
      },
    };
  }

  private get configuration(): Configuration {
    if (this.options === null) throw new TypeError("not started");
    return this.options.configuration;
  }

  private ask(what: (client: Subscribing) => void): void {
    if (this.client === null) this.early.push(() => this.ask(what));
    else what(this.client);
  }

  private clusters(update: ResourceUpdate): readonly RejectedResource[] {
    const rejected = this.each("clusters", update, (resource) => this.configuration.applyCluster(resource));
    for (const name of update.removed) this.configuration.removeCluster(name);
    this.release("firstClusters");
    return rejected;
  }

  private endpoints(update: ResourceUpdate): readonly RejectedResource[] {
    const rejected = this.each("endpoints", update, (resource) => this.configuration.applyEndpoints(resource));
    // Asked for and not there: the cluster goes on without endpoints.
    for (const name of update.removed) this.configuration.clusters.assignmentTimedOut(name);
    return rejected;
  }

  private async listenersAfterClusters(client: Subscribing): Promise<void> {
    await this.clustersReady();
    client.subscribe(TYPE.listener, "*", {
      onUpdate: (update) => {
        const rejected = this.each("listeners", update, (resource) => this.configuration.applyListener(resource));
        for (const name of update.removed) this.configuration.removeListener(name);
        this.release("firstListeners");
        return rejected;
      },
      onInitialFetchTimeout: () => this.release("firstListeners"),
    });
  }

  /** Resources are called `<route configuration>/<virtual host>`; the first part may hold slashes itself. */
  private virtualHosts(update: ResourceUpdate): readonly RejectedResource[] {
    const rejected: RejectedResource[] = [];
    const groups = new Map<string, { updated: DynamicResource[]; removed: string[] }>();
    const group = (name: string): { updated: DynamicResource[]; removed: string[] } => {
      const routeConfig = this.routeConfigOf(name);
      let found = groups.get(routeConfig);
      if (found === undefined) groups.set(routeConfig, (found = { updated: [], removed: [] }));
      return found;
    };
    for (const resource of update.updated.values()) group(resource.name).updated.push(resource);
    for (const name of update.removed) group(name).removed.push(name);
    for (const [routeConfig, { updated, removed }] of groups) {
      const refused = this.configuration.applyVirtualHosts(routeConfig, updated, removed);
      for (const resource of updated) {
        const reason = refused.get(resource.name);
        if (reason !== undefined) rejected.push(this.refuse("virtualHosts", resource, reason));
      }
    }
    return rejected;
  }

  private routeConfigOf(name: string): string {
    for (let slash = name.indexOf("/"); slash >= 0; slash = name.indexOf("/", slash + 1)) {
      const routeConfig = name.slice(0, slash);
      if (this.configuration.routes.has(routeConfig)) return routeConfig;
    }
    return name.slice(0, Math.max(0, name.lastIndexOf("/")));
  }

  /** Applies each resource by itself: the valid ones count, the others are refused with their reasons. */
  private each(
    kind: Kind,
    update: ResourceUpdate,
    apply: (resource: ReceivedResource) => void,
  ): readonly RejectedResource[] {
    const rejected: RejectedResource[] = [];
    for (const resource of update.updated.values()) {
      try {
        apply(resource);
      } catch (error) {
        rejected.push(this.refuse(kind, resource, error instanceof Error ? error.message : String(error)));
      }
    }
    return rejected;
  }

  private refuse(kind: Kind, resource: DynamicResource, message: string): RejectedResource {
    this.options?.log.warn("refused a resource of the management server", {
      type: kind,
      name: resource.name,
      reason: message,
    });
    this.configuration.refused(kind, resource, message);
    return { name: resource.name, message };
  }

  private async first(which: "firstClusters" | "firstListeners"): Promise<void> {
    const waiting = this[which];
    if (waiting === null) return;
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  private release(which: "firstClusters" | "firstListeners"): void {
    const waiting = this[which];
    this[which] = null;
    for (const resolve of waiting ?? []) resolve();
  }
}
