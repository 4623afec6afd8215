/**
 * The listeners that there are, static and from LDS. A listener whose routes have not come yet is warming: an older version of it
 * keeps serving, a new one does not accept.
 */
import type { Workload } from "@tulle/telemetry";
import type { Listener } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { TYPE } from "@tulle/xds";
import type { DataPlane } from "../data-plane.ts";
import type { Log } from "../log.ts";
import type { ConnectionManagerContext } from "../plan/compile-connection-manager.ts";
import { compileListener } from "../plan/compile-listener.ts";
import type { ListenerPlan } from "../plan/listener-plan.ts";
import type { Place } from "../plan/problems.ts";
import type { SecretRef } from "../plan/tls-plan.ts";
import type { Counter, Gauge, StatsRegistry } from "../stats/index.ts";
import type { FilePaths } from "./file-paths.ts";
import type { RouteConfigSet } from "./route-config-set.ts";
import type { SecretUsers } from "./secret-set.ts";

/** A listener message, compiled and not in force yet. */
export interface PreparedListener {
  readonly plan: ListenerPlan;
  /** Names of the RDS route configurations that it uses. */
  readonly routeConfigs: readonly string[];
}

/** Null if anything was refused. The message must have passed `checkMessage`. */
export function prepareListener(
  message: Listener,
  routes: RouteConfigSet,
  filePaths: FilePaths,
  local: { readonly workload: Workload } & Pick<ConnectionManagerContext, "node" | "dnsCaches" | "secrets">,
  place: Place,
): PreparedListener | null {
  const routeConfigs: string[] = [];
  const plan = compileListener(
    message,
    {
      routeConfigRef(name, source) {
        routeConfigs.push(name);
        filePaths.note(TYPE.route, name, source);
        return routes.ref(name);
      },
      inlineRoutes: (config, at) => routes.inline(config, at),
      localWorkload: local.workload,
      node: local.node,
      dnsCaches: local.dnsCaches,
      secrets: local.secrets,
      clusterRef: (name) => routes.context.clusterRef(name),
      knownClusters: routes.context.knownClusters,
    },
    place,
  );
  return plan === null ? null : { plan, routeConfigs };
}

export interface ListenerSetDeps {
  readonly dataPlane: Pick<DataPlane, "setListener" | "removeListener">;
  readonly routes: RouteConfigSet;
  readonly secrets: SecretUsers;
  readonly stats: StatsRegistry;
  readonly log: Log;
  /** A listener could not be bound. */
  readonly onFailure: (name: string, error: Error) => void;
}

interface Version {
  readonly prepared: PreparedListener;
  readonly dynamic: boolean;
}

function secretsOf({ prepared: { plan } }: Version): readonly SecretRef<unknown>[] {
  return plan.chains.flatMap(({ transportSocket }) => transportSocket?.secrets ?? []);
}

/** Where an active listener is bound. */
export interface BoundListener {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

export class ListenerSet {
  private readonly deps: ListenerSetDeps;
  private readonly active = new Map<string, Version>();
  private readonly warming = new Map<string, Version>();
  private readonly bound = new Map<string, BoundListener>();
  private waiting: (() => void)[] = [];
  private readonly counters: Readonly<Record<"added" | "modified" | "removed" | "success" | "failure", Counter>>;
  private readonly gauges: Readonly<Record<"active" | "warming", Gauge>>;

  constructor(deps: ListenerSetDeps) {
    this.deps = deps;
    const counter = (name: string): Counter => deps.stats.counter(`listener_manager.${name}`);
    this.counters = {
      added: counter("listener_added"),
      modified: counter("listener_modified"),
      removed: counter("listener_removed"),
      success: counter("listener_create_success"),
      failure: counter("listener_create_failure"),
    };
    this.gauges = {
      active: deps.stats.gauge("listener_manager.total_listeners_active"),
      warming: deps.stats.gauge("listener_manager.total_listeners_warming"),
    };
  }

  /** In the order in which they were bound. */
  addresses(): readonly BoundListener[] {
    return [...this.bound.values()];
  }

  isWarming(name: string): boolean {
    return this.warming.has(name);
  }

  isDynamic(name: string): boolean {
    return (this.warming.get(name) ?? this.active.get(name))?.dynamic ?? false;
  }

  /** Puts a listener in force, at once or when its routes are there. False if nothing changed. */
  apply(prepared: PreparedListener, dynamic: boolean): boolean {
    const { name, fingerprint } = prepared.plan;
    const current = this.warming.get(name) ?? this.active.get(name);
    if (current?.prepared.plan.fingerprint === fingerprint) return false;
    if (current !== undefined && dynamic && !current.dynamic) {
      this.deps.log.warn("a static listener cannot be changed by LDS", { listener: name });
      return false;
    }
    this.counters[current === undefined ? "added" : "modified"].value++;
    const replaced = this.warming.get(name);
    const version: Version = { prepared, dynamic };
    this.warming.set(name, version);
    for (const routeConfig of prepared.routeConfigs) this.deps.routes.retain(routeConfig);
    this.deps.secrets.retain(secretsOf(version));
    if (replaced !== undefined) this.release(replaced);
    let pending = prepared.routeConfigs.length + 1;
    const ready = (): void => {
      if (--pending > 0 || this.warming.get(name) !== version) return;
      void this.activate(version);
    };
    for (const routeConfig of prepared.routeConfigs) this.deps.routes.whenReady(routeConfig, ready);
    this.deps.secrets.whenReady(secretsOf(version), ready);
    this.count();
    return true;
  }

  /** LDS no longer has it. Static listeners stay. */
  remove(name: string): void {
    if (!this.isDynamic(name)) return;
    for (const versions of [this.active, this.warming]) {
      const version = versions.get(name);
      versions.delete(name);
      if (version !== undefined) this.release(version);
    }
    if (this.bound.delete(name)) this.deps.dataPlane.removeListener(name);
    this.counters.removed.value++;
    this.count();
  }

  /** Resolves when no listener is warming. */
  async whenWarm(): Promise<void> {
    if (this.warming.size === 0) return;
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private async activate(version: Version): Promise<void> {
    const { plan } = version.prepared;
    const old = this.active.get(plan.name);
    try {
      const { address, port } = await this.deps.dataPlane.setListener(plan);
      // Changed or removed again while it was being bound: whoever did that looks after it.
      if (this.warming.get(plan.name) !== version) return;
      this.bound.set(plan.name, { name: plan.name, address, port });
      this.active.set(plan.name, version);
      this.warming.delete(plan.name);
      if (old !== undefined) this.release(old);
      this.counters.success.value++;
    } catch (error) {
      if (this.warming.get(plan.name) !== version) return;
      this.warming.delete(plan.name);
      this.release(version);
      this.counters.failure.value++;
      this.deps.onFailure(plan.name, error instanceof Error ? error : new Error(String(error)));
    }
    this.count();
  }

  private release(version: Version): void {
    for (const routeConfig of version.prepared.routeConfigs) this.deps.routes.release(routeConfig);
    this.deps.secrets.release(secretsOf(version));
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
