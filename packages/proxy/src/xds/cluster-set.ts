/**
 * The clusters that there are, static and from CDS, and where their endpoints come from. A cluster whose endpoints are not known
 * yet is warming: the data plane does not see it, and an older version of it keeps serving.
 */
import type { Cluster } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { Clock } from "../clock/clock.ts";
import type { DataPlane } from "../data-plane.ts";
import type { Log } from "../log.ts";
import { compileCluster } from "../plan/compile-cluster.ts";
import type { ClusterContext } from "../plan/upstream-protocol.ts";
import { compileDns } from "../plan/compile-dns.ts";
import type { DnsPlan } from "../plan/dns-plan.ts";
import { NO_ENDPOINTS, compileEndpoints } from "../plan/compile-endpoints.ts";
import type { Assignment, ClusterPlan, EndpointPlan } from "../plan/cluster-plan.ts";
import type { Place } from "../plan/problems.ts";
import type { SecretRef } from "../plan/tls-plan.ts";
import type { Counter, Gauge, StatsRegistry } from "../stats/index.ts";
import type { Resolvers } from "../upstream/dns/resolve.ts";
import type { SecretUsers } from "./secret-set.ts";
import { DnsWatch } from "../upstream/dns/watch.ts";

/** A cluster message, compiled and not in force yet. */
export interface PreparedCluster {
  readonly plan: ClusterPlan;
  /** The message's own endpoints: addresses, or names to resolve. */
  readonly assignment: Assignment;
  readonly dns: DnsPlan | null;
}

export function prepareCluster(message: Cluster, context: ClusterContext, place: Place): PreparedCluster {
  const plan = compileCluster(message, context, place);
  const named = plan.discovery === "strict-dns" || plan.discovery === "logical-dns";
  return {
    plan,
    assignment:
      message.loadAssignment === undefined || plan.discovery === "forwarding"
        ? NO_ENDPOINTS
        : compileEndpoints(message.loadAssignment, plan.discovery, place.field("load_assignment")),
    dns: named ? compileDns(message, place) : null,
  };
}

/** Who asks for the endpoints of EDS clusters. */
export interface EndpointSubscriber {
  watch(serviceName: string): void;
  unwatch(serviceName: string): void;
}

export interface ClusterSetDeps {
  readonly dataPlane: Pick<DataPlane, "setCluster" | "tryCluster" | "setEndpoints" | "removeCluster">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly resolvers: Resolvers;
  readonly stats: StatsRegistry;
  readonly log: Log;
  readonly endpoints: EndpointSubscriber;
  readonly secrets: SecretUsers;
}

/** One version of a cluster. */
interface Version {
  readonly prepared: PreparedCluster;
  readonly dynamic: boolean;
  readonly watches: DnsWatch[];
  /** Its endpoints are known, and their health is being found out. */
  trial: HealthTrial | null;
  /** The secrets of its transport sockets have come, or their time is over. */
  hasSecrets: boolean;
  /** Its endpoints, if they were there before its secrets. */
  early: Assignment | null;
}

type HealthTrial = ReturnType<DataPlane["tryCluster"]>;

export class ClusterSet {
  private readonly deps: ClusterSetDeps;
  private readonly active = new Map<string, Version>();
  private readonly warming = new Map<string, Version>();
  /** Last assignment of each EDS service, also of those whose cluster is not there yet. */
  private readonly assignments = new Map<string, Assignment>();
  private waiting: (() => void)[] = [];
  private readonly counters: Readonly<Record<"added" | "modified" | "removed", Counter>>;
  private readonly gauges: Readonly<Record<"active" | "warming", Gauge>>;

  constructor(deps: ClusterSetDeps) {
    this.deps = deps;
    const counter = (name: string): Counter => deps.stats.counter(`cluster_manager.cluster_${name}`);
    this.counters = { added: counter("added"), modified: counter("modified"), removed: counter("removed") };
    this.gauges = {
      active: deps.stats.gauge("cluster_manager.active_clusters"),
      warming: deps.stats.gauge("cluster_manager.warming_clusters"),
    };
  }

  /** Names of active and warming clusters. */
  names(): ReadonlySet<string> {
    return new Set([...this.active.keys(), ...this.warming.keys()]);
  }

  isWarming(name: string): boolean {
    return this.warming.has(name);
  }

  isDynamic(name: string): boolean {
    return (this.warming.get(name) ?? this.active.get(name))?.dynamic ?? false;
  }

  /** Puts a cluster in force, at once or when its endpoints are known. False if nothing changed. */
  apply(prepared: PreparedCluster, dynamic: boolean): boolean {
    const { name, fingerprint } = prepared.plan;
    const current = this.warming.get(name) ?? this.active.get(name);
    if (current?.prepared.plan.fingerprint === fingerprint) return false;
    if (current !== undefined && dynamic && !current.dynamic) {
      this.deps.log.warn("a static cluster cannot be changed by CDS", { cluster: name });
      return false;
    }
    const replaced = edsName(this.warming.get(name)?.prepared.plan);
    this.drop(this.warming, name);
    const version: Version = { prepared, dynamic, watches: [], trial: null, hasSecrets: false, early: null };
    this.warming.set(name, version);
    this.deps.secrets.retain(secretsOf(version));
    if (replaced !== null) this.release(replaced);
    this.warm(version);
    this.count();
    return true;
  }

  /** The name under which a cluster counts. */
  statName(name: string): string {
    return (this.active.get(name) ?? this.warming.get(name))?.prepared.plan.statName ?? name;
  }

  /** CDS no longer has it. Static clusters stay. */
  remove(name: string): void {
    if (!this.isDynamic(name)) return;
    const serviceNames = [this.active.get(name), this.warming.get(name)].map((version) =>
      edsName(version?.prepared.plan),
    );
    this.drop(this.warming, name);
    if (this.drop(this.active, name)) {
      this.deps.dataPlane.removeCluster(name);
      this.counters.removed.value++;
    }
    for (const serviceName of new Set(serviceNames)) if (serviceName !== null) this.release(serviceName);
    this.count();
  }

  /** A ClusterLoadAssignment arrived. */
  assign(serviceName: string, assignment: Assignment): void {
    this.assignments.set(serviceName, assignment);
    for (const [name, version] of this.active) {
      if (edsName(version.prepared.plan) === serviceName) this.show(name, assignment);
    }
    this.activateWaitingFor(serviceName);
  }

  /** No assignment came in time: whatever waits for it goes on without endpoints. */
  assignmentTimedOut(serviceName: string): void {
    this.activateWaitingFor(serviceName);
  }

  /** Resolves when no cluster is warming. */
  async whenWarm(): Promise<void> {
    if (this.warming.size === 0) return;
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  close(): void {
    for (const version of [...this.active.values(), ...this.warming.values()]) stop(version);
  }

  private warm(version: Version): void {
    const { plan, assignment } = version.prepared;
    this.deps.secrets.whenReady(secretsOf(version), () => {
      version.hasSecrets = true;
      if (version.early !== null && this.warming.get(plan.name) === version) this.activate(version, version.early);
    });
    if (version.prepared.dns !== null) {
      this.resolveNames(version, version.prepared.dns);
      return;
    }
    const serviceName = edsName(plan);
    if (serviceName === null) {
      this.activate(version, assignment);
      return;
    }
    // Envoy would wait for a new assignment here; the one that is known is as new as any, so nothing has to wait.
    const known = this.assignments.get(serviceName);
    this.deps.endpoints.watch(serviceName);
    if (known !== undefined) this.activate(version, known);
  }

  /** Endpoints are known: the cluster is in force, or will be when their health is known. */
  private activate(version: Version, assignment: Assignment): void {
    const { plan } = version.prepared;
    version.early = assignment;
    if (!version.hasSecrets) return;
    if (plan.healthCheck === null) this.putInForce(version, assignment);
    else if (version.trial !== null) version.trial.setEndpoints(assignment);
    else {
      version.trial = this.deps.dataPlane.tryCluster(plan, assignment);
      version.trial.whenChecked(() => this.putInForce(version, null));
    }
  }

  /** @param assignment null: of the cluster that was tried out */
  private putInForce(version: Version, assignment: Assignment | null): void {
    const { plan } = version.prepared;
    this.warming.delete(plan.name);
    const old = this.active.get(plan.name);
    this.drop(this.active, plan.name);
    this.active.set(plan.name, version);
    this.deps.dataPlane.setCluster(plan, version.trial);
    version.trial = null;
    if (assignment !== null) this.show(plan.name, assignment);
    this.counters[old === undefined ? "added" : "modified"].value++;
    const oldService = edsName(old?.prepared.plan);
    if (oldService !== null && oldService !== edsName(plan)) this.release(oldService);
    this.count();
  }

  private activateWaitingFor(serviceName: string): void {
    const assignment = this.assignments.get(serviceName) ?? NO_ENDPOINTS;
    for (const version of this.warming.values()) {
      if (edsName(version.prepared.plan) === serviceName) this.activate(version, assignment);
    }
  }

  /** One watch a name. The cluster is active after the first answer to each, good or bad, as in Envoy. */
  private resolveNames(version: Version, options: DnsPlan): void {
    const { plan, assignment } = version.prepared;
    const { endpoints, policy } = assignment;
    const found: (readonly string[])[] = endpoints.map(() => []);
    const pending = new Set(endpoints.keys());
    const update = (changed: boolean): void => {
      if (pending.size > 0) return;
      const resolved = endpoints.flatMap((endpoint, i) => endpointsOf(endpoint, found[i], plan.discovery));
      if (this.warming.get(plan.name) === version) this.activate(version, { endpoints: resolved, policy });
      else if (changed) this.show(plan.name, { endpoints: resolved, policy });
    };
    const { clock, random, resolvers, stats, log } = this.deps;
    const deps = { clock, random, resolve: resolvers(options.resolver) };
    const counter = (name: string): Counter => stats.counter(`cluster.${plan.statName}.update_${name}`);
    const counters = {
      attempt: counter("attempt"),
      success: counter("success"),
      failure: counter("failure"),
      noRebuild: counter("no_rebuild"),
    };
    counter("empty");
    endpoints.forEach((endpoint, i) => {
      const watch = new DnsWatch(endpoint.address, options, deps, {
        onAttempt: () => {
          counters.attempt.value++;
        },
        onAddresses: (addresses) => {
          const changed = addresses.join() !== found[i].join();
          counters.success.value++;
          if (!changed) counters.noRebuild.value++;
          found[i] = addresses;
          pending.delete(i);
          update(changed);
        },
        onFailure: (details) => {
          counters.failure.value++;
          log.warn("cannot resolve an endpoint's name", { cluster: plan.name, name: endpoint.address, details });
          pending.delete(i);
          update(false);
        },
      });
      version.watches.push(watch);
      watch.start();
    });
    if (endpoints.length === 0) update(false);
  }

  private show(name: string, { endpoints, policy }: Assignment): void {
    this.deps.dataPlane.setEndpoints(name, endpoints, policy);
  }

  private drop(from: Map<string, Version>, name: string): boolean {
    const version = from.get(name);
    if (version !== undefined) {
      stop(version);
      this.deps.secrets.release(secretsOf(version));
    }
    return from.delete(name);
  }

  private release(serviceName: string): void {
    for (const version of [...this.active.values(), ...this.warming.values()]) {
      if (edsName(version.prepared.plan) === serviceName) return;
    }
    this.assignments.delete(serviceName);
    this.deps.endpoints.unwatch(serviceName);
  }

  private count(): void {
    this.gauges.active.value = this.active.size;
    this.gauges.warming.value = this.warming.size;
    if (this.warming.size > 0) return;
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** STRICT_DNS: each address is an endpoint; LOGICAL_DNS: the name is one. */
function endpointsOf(
  endpoint: EndpointPlan,
  addresses: readonly string[],
  discovery: ClusterPlan["discovery"],
): readonly EndpointPlan[] {
  if (discovery !== "logical-dns") return addresses.map((address) => ({ ...endpoint, address }));
  if (addresses.length === 0) return [];
  return [{ ...endpoint, address: addresses[0], addresses: addresses.length > 1 ? addresses : [] }];
}

function secretsOf({ prepared: { plan } }: Version): readonly SecretRef<unknown>[] {
  const { transportSocket, transportSocketMatches } = plan;
  return [transportSocket, ...transportSocketMatches.map((each) => each.transportSocket)].flatMap(
    (socket) => socket?.secrets ?? [],
  );
}

function stop(version: Version): void {
  for (const watch of version.watches) watch.stop();
  version.trial?.destroy();
}

/** Name under which EDS knows the cluster; null for other discovery types. */
function edsName(plan: ClusterPlan | undefined): string | null {
  if (plan === undefined || plan.discovery !== "eds") return null;
  return plan.edsServiceName === "" ? plan.name : plan.edsServiceName;
}
