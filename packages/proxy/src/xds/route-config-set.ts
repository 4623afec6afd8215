/**
 * Route configurations that come by RDS, and their virtual hosts that come inside them or one by one (VHDS). Listeners hold a
 * RouteConfigRef; a change compiles what changed and swaps the ref's table.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { VirtualHostSchema, type VirtualHost } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { RouteConfiguration } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import { checkMessage } from "../plan/check.ts";
import {
  type RouteConfigContext,
  type RouteConfigDefaults,
  checkDomains,
  compileRouteConfig,
  compileRouteConfigDefaults,
  compileVirtualHost,
} from "../plan/compile-route-config.ts";
import type { RouteConfigRef } from "../plan/route-plan.ts";
import { ConfigError, Place, type Problem, throwProblems } from "../plan/problems.ts";
import { HostRouteTable, type VirtualHostEntry } from "../plan/route-table.ts";

/** Who asks for route configurations and their virtual hosts. */
export interface RouteSubscriber {
  watchRoutes(name: string): void;
  unwatchRoutes(name: string): void;
  watchVirtualHosts(routeConfig: string): void;
  unwatchVirtualHosts(routeConfig: string): void;
}

/** A virtual host that came by itself, kept to be compiled again when its route configuration changes. */
interface DeliveredHost {
  readonly value: Uint8Array;
  entry: VirtualHostEntry | null;
}

interface RouteConfig {
  readonly ref: RouteConfigRef;
  /** Listeners that use it. */
  users: number;
  /** Null until RDS has brought it. */
  defaults: RouteConfigDefaults | null;
  /** Virtual hosts come by VHDS. */
  vhds: boolean;
  /** Everything that can be waited for has come, or its time is over. */
  ready: boolean;
  inlineHosts: readonly VirtualHostEntry[];
  deliveredHosts: Map<string, DeliveredHost>;
  waiting: (() => void)[];
}

/** One virtual host of a VHDS update; null: it is gone. */
export type VirtualHostChange = readonly [name: string, value: Uint8Array | null];

export class RouteConfigSet {
  readonly context: Omit<RouteConfigContext, "validateClusters">;
  private readonly subscriber: RouteSubscriber;
  private readonly configs = new Map<string, RouteConfig>();

  constructor(context: Omit<RouteConfigContext, "validateClusters">, subscriber: RouteSubscriber) {
    this.context = context;
    this.subscriber = subscriber;
  }

  /** The shared hold on a configuration; it does not ask for it: `retain` does. */
  ref(name: string): RouteConfigRef {
    return this.config(name).ref;
  }

  /** A configuration inside a listener. */
  inline(message: RouteConfiguration, place: Place): RouteConfigRef {
    if (message.vhds !== undefined)
      place.field("vhds").refuse("is supported only for a route configuration that comes by RDS");
    return {
      name: message.name,
      current: compileRouteConfig(message, { ...this.context, validateClusters: true }, place),
    };
  }

  /** A listener uses it: asks for it if it is the first. */
  retain(name: string): void {
    const config = this.config(name);
    if (config.users++ === 0) this.subscriber.watchRoutes(name);
  }

  release(name: string): void {
    const config = this.configs.get(name);
    if (config === undefined || --config.users > 0) return;
    this.configs.delete(name);
    this.subscriber.unwatchRoutes(name);
    if (config.vhds) this.subscriber.unwatchVirtualHosts(name);
  }

  has(name: string): boolean {
    return this.configs.has(name);
  }

  /** Calls back, perhaps at once, when a listener with this configuration may start. */
  whenReady(name: string, callback: () => void): void {
    const config = this.config(name);
    if (config.ready) callback();
    else config.waiting.push(callback);
  }

  /** RDS brought a configuration. Throws ConfigError, and changes nothing, if it is not valid. */
  apply(message: RouteConfiguration): void {
    const problems: Problem[] = [];
    const place = new Place("", problems, this.context.runtime);
    const context: RouteConfigContext = { ...this.context, validateClusters: false };
    const config = this.config(message.name);
    const defaults = compileRouteConfigDefaults(message, context, place);
    const inlineHosts = message.virtualHosts.map((host, i) =>
      compileVirtualHost(host, defaults, place.item("virtual_hosts", i)),
    );
    // What was compiled under other defaults (header operations, limits) has to be compiled again.
    const delivered =
      config.defaults?.fingerprint === defaults.fingerprint
        ? config.deliveredHosts
        : recompiled(config.deliveredHosts, defaults, place);
    checkDomains([...inlineHosts, ...entriesOf(delivered)], message.name, place);
    throwProblems(problems);
    config.defaults = defaults;
    config.inlineHosts = inlineHosts;
    config.deliveredHosts = delivered;
    this.swap(config);
    const vhds = message.vhds !== undefined;
    if (vhds && !config.vhds) this.subscriber.watchVirtualHosts(message.name);
    if (!vhds && config.vhds) {
      this.subscriber.unwatchVirtualHosts(message.name);
      config.deliveredHosts = new Map();
      this.swap(config);
    }
    config.vhds = vhds;
    if (!vhds) markReady(config);
  }

  /**
   * VHDS brought or took virtual hosts of one configuration. What does not compile stays as it was.
   * @returns why each of those was refused, by name.
   */
  applyVirtualHosts(routeConfig: string, changes: readonly VirtualHostChange[]): ReadonlyMap<string, string> {
    const refused = new Map<string, string>();
    const config = this.configs.get(routeConfig);
    if (config === undefined) return refused;
    const next = new Map(config.deliveredHosts);
    for (const [name, value] of changes) {
      if (value === null) {
        next.delete(name);
        continue;
      }
      try {
        const message = decodeHost(value);
        next.set(name, { value, entry: config.defaults === null ? null : compileHost(message, config.defaults) });
      } catch (error) {
        refused.set(name, error instanceof Error ? error.message : String(error));
      }
    }
    const problems: Problem[] = [];
    checkDomains([...config.inlineHosts, ...entriesOf(next)], routeConfig, new Place("", problems));
    if (problems.length > 0) {
      const reason = new ConfigError(problems).message;
      for (const [name, value] of changes) if (value !== null) refused.set(name, reason);
    } else {
      config.deliveredHosts = next;
      this.swap(config);
    }
    markReady(config);
    return refused;
  }

  /** RDS or VHDS did not answer in time: listeners start without. */
  timedOut(name: string): void {
    const config = this.configs.get(name);
    if (config !== undefined) markReady(config);
  }

  private swap(config: RouteConfig): void {
    if (config.defaults === null) return;
    const hosts = [...config.inlineHosts, ...entriesOf(config.deliveredHosts)];
    config.ref.current = new HostRouteTable(config.defaults.name, hosts, config.defaults.options);
  }

  private config(name: string): RouteConfig {
    let config = this.configs.get(name);
    if (config === undefined) {
      config = {
        ref: { name, current: null },
        users: 0,
        defaults: null,
        vhds: false,
        ready: false,
        inlineHosts: [],
        deliveredHosts: new Map(),
        waiting: [],
      };
      this.configs.set(name, config);
    }
    return config;
  }
}

function markReady(config: RouteConfig): void {
  config.ready = true;
  const waiting = config.waiting;
  config.waiting = [];
  for (const callback of waiting) callback();
}

function entriesOf(hosts: ReadonlyMap<string, DeliveredHost>): VirtualHostEntry[] {
  const entries: VirtualHostEntry[] = [];
  for (const host of hosts.values()) if (host.entry !== null) entries.push(host.entry);
  return entries;
}

function recompiled(
  hosts: ReadonlyMap<string, DeliveredHost>,
  defaults: RouteConfigDefaults,
  place: Place,
): Map<string, DeliveredHost> {
  const next = new Map<string, DeliveredHost>();
  for (const [name, { value }] of hosts) {
    const entry = compileVirtualHost(
      fromBinary(VirtualHostSchema, value),
      defaults,
      place.field(`virtual_hosts["${name}"]`),
    );
    next.set(name, { value, entry });
  }
  return next;
}

/** Throws ConfigError. */
function decodeHost(value: Uint8Array): VirtualHost {
  const message = fromBinary(VirtualHostSchema, value);
  const problems: Problem[] = [];
  checkMessage(VirtualHostSchema, message, new Place("", problems));
  throwProblems(problems);
  return message;
}

/** Throws ConfigError. */
function compileHost(message: VirtualHost, defaults: RouteConfigDefaults): VirtualHostEntry {
  const problems: Problem[] = [];
  const entry = compileVirtualHost(message, defaults, new Place("", problems, defaults.runtime));
  throwProblems(problems);
  return entry;
}
