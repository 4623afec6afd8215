/** Route configurations and virtual hosts of one class of clients. */
import { toBinary } from "@bufbuild/protobuf";
import { hostMatches, MESH_GATEWAY } from "@tulle/api";
import { VirtualHostSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { VirtualHost } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import { encodeResource, resourceSet, TYPE } from "@tulle/xds";
import type { EncodedResource, ResourceSet } from "@tulle/xds";
import { HostIndex } from "../model/host-index.ts";
import type { FallbackIndex } from "../model/fallback.ts";
import type { RouteClient } from "../model/http-rule.ts";
import { someHoldFor } from "../model/http-rule.ts";
import type { MeshSettings } from "../model/mesh-settings.ts";
import type { OutboundPolicy } from "../model/outbound-policy.ts";
import type { Scope } from "../model/scope.ts";
import type { MeshService } from "../model/service.ts";
import { findPort } from "../model/service.ts";
import { rememberLast, shareList } from "../model/sharing.ts";
import type { VirtualServiceRule } from "../model/virtual-service.ts";
import { portWithoutNumber, serviceNames } from "../translate/domains.ts";
import {
  HTTP_PROXY_ROUTES,
  portRoutes,
  serviceRoutes,
  virtualHostName,
  virtualHostResource,
} from "../translate/names.ts";
import { translateRouteConfiguration } from "../translate/routes.ts";
import type { VirtualHostInput } from "../translate/virtual-hosts.ts";
import { unknownHosts } from "../translate/unknown-hosts.ts";
import { translateVirtualHost } from "../translate/virtual-hosts.ts";
import type { EncodedCache } from "./encoded-cache.ts";
import type { HashRules } from "./hash-rules.ts";
import { hashRulesOf } from "./hash-rules.ts";
import { fallbackKey, fallbacksOf, redirectHosts } from "./fallbacks.ts";
import type { HostPlan } from "./host-plans.ts";
import { hostsWithoutService, portHostPlans, proxyHostPlans } from "./host-plans.ts";
import type { EgressView, MeshRules, MeshView } from "./mesh-view.ts";

/** One route configuration in the two forms that proxies take. */
export interface RouteView {
  readonly configuration: EncodedResource;
  /** Empty if the virtual hosts are part of the configuration. */
  readonly virtualHosts: readonly EncodedResource[];
}

export interface RouteSets {
  readonly configurations: ResourceSet;
  readonly virtualHosts: ResourceSet;
}

/** Puts route configurations together; sets in which nothing changed are the ones of before. */
export function routeSetsMaker(): (...views: readonly RouteView[]) => RouteSets {
  let before: RouteSets | undefined;
  return rememberLast((...views: readonly RouteView[]) => {
    const configurations = views.map(({ configuration }) => configuration);
    const virtualHosts = views.flatMap((view) => view.virtualHosts);
    before = {
      configurations: resourceSet(TYPE.route, configurations, before?.configurations),
      virtualHosts: resourceSet(TYPE.virtualHost, virtualHosts, before?.virtualHosts),
    };
    return before;
  });
}

/** Encoded virtual hosts: as resources of their own, and as bytes to put into a route configuration. */
export interface RouteCaches {
  readonly resources: EncodedCache<EncodedResource>;
  readonly bytes: EncodedCache<Uint8Array>;
}

/** No labels and no namespace: for rules that do not ask who the client is, so that all clients share what they give. */
const ANY_MESH_CLIENT: RouteClient = { gateways: [MESH_GATEWAY], namespace: "", labels: {} };
const NO_RULES: readonly VirtualServiceRule[] = [];

/** What a route configuration is made of, besides what all of a class have in common. */
type RouteParts = readonly [
  services: readonly MeshService[],
  rules: MeshRules,
  isProxy: boolean,
  serviceByHost: ReadonlyMap<string, MeshService>,
  hashing: HashRules,
  settings: MeshSettings,
  outbound: OutboundPolicy,
  ports: Scope["ports"],
  fallbacks: FallbackIndex,
];

const NOTHING: EgressView = {
  isProxy: false,
  services: [],
  rules: { rules: NO_RULES, index: new HostIndex<VirtualServiceRule>([], () => []) },
};

export class RouteViews {
  readonly #mesh: MeshView;
  readonly #caches: RouteCaches;
  readonly #client: RouteClient;
  readonly #byName = new Map<string, (...parts: RouteParts) => RouteView | undefined>();
  readonly #hashRules: ReturnType<typeof hashRulesOf>;
  #ruleHosts: readonly string[] | undefined;
  readonly #sets = new Map<string, (...views: readonly RouteView[]) => RouteSets>();

  constructor(mesh: MeshView, caches: RouteCaches) {
    this.#mesh = mesh;
    this.#caches = caches;
    this.#client = { gateways: [MESH_GATEWAY], namespace: mesh.client.namespace, labels: mesh.client.labels };
    this.#hashRules = hashRulesOf(mesh.client);
  }

  /** The sets of proxies whose listeners name these route configurations. */
  sets(names: readonly string[]): RouteSets {
    const key = names.join();
    let make = this.#sets.get(key);
    if (make === undefined) {
      make = routeSetsMaker();
      this.#sets.set(key, make);
    }
    return make(...names.flatMap((name) => this.view(name) ?? []));
  }

  /** `http_proxy`, a port, or a service's own (`outbound|9080||…`); undefined for any other name. */
  view(name: string): RouteView | undefined {
    let build = this.#byName.get(name);
    if (build === undefined) {
      build = rememberLast((...parts: RouteParts) => this.#build(name, ...parts));
      this.#byName.set(name, build);
    }
    const { services, serviceByHost, destinationRuleIndex, mesh, fallbackIndex } = this.#mesh.snapshot;
    const hashing = this.#hashRules(services, destinationRuleIndex);
    const seen = this.#mesh.egress(portOf(name)) ?? NOTHING;
    return build(
      seen.services,
      seen.rules,
      seen.isProxy,
      serviceByHost,
      hashing,
      mesh,
      this.#mesh.outbound,
      this.#mesh.scope.ports,
      fallbackIndex,
    );
  }

  #build(name: string, ...parts: RouteParts): RouteView | undefined {
    const [services, rules, isProxy, serviceByHost, hashing, settings, outbound, , index] = parts;
    const plans = this.#plans(name, services, rules, isProxy);
    if (plans === undefined) return undefined;
    const hosts = plans.flatMap((plan) => {
      const input = this.#input(plan, rules, serviceByHost, hashing, settings, index);
      // A host that no service has and no rule routes for this client is unknown to it.
      return input.service === undefined && input.rules.length === 0 ? [] : [{ plan, input }];
    });
    const ignorePort = !isProxy;
    const isCatchAll = ({ plan }: { plan: HostPlan }): boolean => plan.domains.includes("*");
    const ofOne = name.startsWith("outbound|");
    const closed =
      hosts.some(isCatchAll) || ofOne
        ? []
        : [unknownHosts(outbound, settings, this.#mesh.client.capabilities, name === HTTP_PROXY_ROUTES)];
    if (this.#mesh.client.capabilities.virtualHostDiscovery) {
      return {
        configuration: shell(name, ignorePort),
        virtualHosts: [
          ...hosts.map(({ plan, input }) => this.#resource(name, plan, input)),
          ...closed.map((host) => encodeHost(name, host)),
        ],
      };
    }
    const virtualHosts = [
      ...hosts.map(({ plan, input }) => this.#bytes(plan, input)),
      ...closed.map((host) => toBinary(VirtualHostSchema, host)),
    ];
    const message = translateRouteConfiguration({ name, ignorePort, virtualHosts });
    return { configuration: encodeResource(name, RouteConfigurationSchema, message), virtualHosts: [] };
  }

  #plans(
    name: string,
    services: readonly MeshService[],
    rules: MeshRules,
    isProxy: boolean,
  ): readonly HostPlan[] | undefined {
    const ruleHosts = this.#hostsWithoutService(services, rules);
    if (isProxy) return this.#proxyPlans(services, ruleHosts);
    const port = portOf(name);
    if (portRoutes(port) === name) return this.#portPlans(port, services, ruleHosts);
    return this.#servicePlans(name, services);
  }

  #proxyPlans(services: readonly MeshService[], ruleHosts: readonly string[]): readonly HostPlan[] {
    return proxyHostPlans({ ...this.#planContext, services, ruleHosts });
  }

  #portPlans(port: number, services: readonly MeshService[], ruleHosts: readonly string[]): readonly HostPlan[] {
    return portHostPlans(port, { ...this.#planContext, services, ruleHosts });
  }

  /** The one virtual host of a service port, for clients that ask by listener name. */
  #servicePlans(name: string, services: readonly MeshService[]): readonly HostPlan[] | undefined {
    const [, portText, , host] = name.split("|");
    const service = services.find((candidate) => candidate.host === host);
    const port = Number(portText);
    if (service === undefined || host === undefined || findPort(service, port) === undefined) return undefined;
    const names = serviceNames(service, this.#mesh.client.namespace);
    const domains = [...names, ...names.map((domain) => `${domain}:${port}`)];
    return [{ name: virtualHostName(host, port), host, port, domains, service }];
  }

  get #planContext() {
    const httpPorts = (service: MeshService) => this.#mesh.httpPorts(service);
    return { httpPorts, namespace: this.#mesh.client.namespace };
  }

  /** In the order of their names, and the same array while they are the same. */
  #hostsWithoutService(services: readonly MeshService[], { rules }: MeshRules): readonly string[] {
    const isAttached = (pattern: string): boolean => services.some(({ host }) => hostMatches(pattern, host));
    const next = hostsWithoutService(rules, this.#mesh.snapshot.serviceByHost, isAttached);
    this.#ruleHosts = shareList(this.#ruleHosts, next);
    return this.#ruleHosts;
  }

  #input(
    { name, host, port, domains, service }: HostPlan,
    { index }: MeshRules,
    serviceByHost: ReadonlyMap<string, MeshService>,
    hashing: HashRules,
    mesh: MeshSettings,
    fallbackIndex: FallbackIndex,
  ): VirtualHostInput {
    const rule = index.find(host, ({ http }) => someHoldFor(http, this.#client, port));
    const destinations = rule?.facts.destinations ?? [host];
    const fallbacks = fallbacksOf(destinations, fallbackIndex, serviceByHost, this.#mesh.client.namespace);
    return {
      name,
      domains,
      port,
      service,
      rules: rule === undefined ? NO_RULES : [rule],
      client: rule?.facts.dependsOnSource === true ? this.#client : ANY_MESH_CLIENT,
      destinations: pick(serviceByHost, [...(rule === undefined ? [] : destinations), ...redirectHosts(fallbacks)]),
      hashing: pick(hashing, destinations),
      fallbacks,
      requireTls: false,
      mesh,
      capabilities: this.#mesh.client.capabilities,
    };
  }

  #resource(routes: string, plan: HostPlan, input: VirtualHostInput): EncodedResource {
    return this.#caches.resources.get(ownerOf(input), this.#variant(routes, plan, input), input, (full) =>
      encodeHost(routes, translateVirtualHost(full)),
    );
  }

  #bytes(plan: HostPlan, input: VirtualHostInput): Uint8Array {
    return this.#caches.bytes.get(ownerOf(input), this.#variant("", plan, input), input, (full) =>
      toBinary(VirtualHostSchema, translateVirtualHost(full)),
    );
  }

  /** Classes that see different rules or names must not push each other out of the cache. */
  #variant(routes: string, { name, domains }: HostPlan, { rules, client, fallbacks }: VirtualHostInput): string {
    const rule = rules.map(({ origin }) => `${origin.namespace}/${origin.name}`).join();
    const who = client === ANY_MESH_CLIENT ? "" : `${client.namespace} ${JSON.stringify(client.labels)}`;
    return `${this.#mesh.client.capabilities.id} ${routes} ${name} ${domains.length} ${domains.at(-1)} ${rule} ${who} ${fallbackKey(fallbacks)}`;
  }

  /** The name of the route configuration for a listener that a gRPC client asks for: `reviews:9080`, `reviews.default`. */
  routesForTarget(target: string): { readonly service: MeshService; readonly routes: string } | undefined {
    return this.#targets(this.#mesh.services).get(target.toLowerCase());
  }

  readonly #targets = rememberLast((services: readonly MeshService[]) => {
    const targets = new Map<string, { service: MeshService; routes: string }>();
    for (const service of services) {
      const ports = this.#mesh.httpPorts(service);
      const bare = portWithoutNumber(ports);
      for (const { number } of ports) {
        const target = { service, routes: serviceRoutes(number, service.host) };
        for (const name of serviceNames(service, this.#mesh.client.namespace)) {
          for (const text of number === bare ? [name, `${name}:${number}`] : [`${name}:${number}`]) {
            if (!targets.has(text)) targets.set(text, target);
          }
        }
      }
    }
    return targets;
  });
}

/** 0 for the HTTP proxy's. */
function portOf(name: string): number {
  if (name === HTTP_PROXY_ROUTES) return 0;
  const [, port] = name.startsWith("outbound|") ? name.split("|") : ["", name];
  return Number(port);
}

function ownerOf({ service, rules }: VirtualHostInput): object {
  return service ?? rules[0]!;
}

/** The entries of these keys, as far as there are any. */
export function pick<V>(all: ReadonlyMap<string, V>, keys: readonly string[]): ReadonlyMap<string, V> {
  return new Map(
    keys.flatMap((key) => {
      const value = all.get(key);
      return value === undefined ? [] : [[key, value] as const];
    }),
  );
}

function encodeHost(routes: string, host: VirtualHost): EncodedResource {
  return encodeResource(virtualHostResource(routes, host.name), VirtualHostSchema, host);
}

/** Route configurations whose virtual hosts come by themselves are all alike. */
function shell(name: string, ignorePort: boolean): EncodedResource {
  const message = translateRouteConfiguration({ name, ignorePort, virtualHosts: undefined });
  return encodeResource(name, RouteConfigurationSchema, message);
}
