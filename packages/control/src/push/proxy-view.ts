/** What one proxy is to hold: the sets of its class, and what is its own. */
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { encodeResource, resourceSet, resourceView, TYPE } from "@tulle/xds";
import type { EncodedResource, ResourceSet, ResourceView } from "@tulle/xds";
import { rememberLast, sameElements } from "../model/sharing.ts";
import type { ProxyNode } from "../source/registration/node.ts";
import type { Capabilities } from "../translate/data-plane.ts";
import { apiListener } from "../translate/listeners.ts";
import type { PatchCache } from "./envoy-filters.ts";
import { envoyFiltersOf } from "./envoy-filters.ts";
import { GatewayViews } from "./gateway-views.ts";
import type { MeshView } from "./mesh-view.ts";
import { overlaySet } from "./overlay-set.ts";
import { inboundClusters, memberOf, ownListeners, routeNames } from "./own-resources.ts";
import { routeSetsMaker } from "./route-views.ts";
import { secretsOf } from "./secrets.ts";
import type { RouteCaches, RouteViews } from "./route-views.ts";

/** What proxies share. */
export interface ProxyCaches extends RouteCaches {
  readonly patches: PatchCache;
}

export class ProxyView {
  readonly #capabilities: Capabilities;
  readonly #member: ReturnType<typeof memberOf>;
  readonly #listeners: ReturnType<typeof ownListeners>;
  readonly #inboundClusters: ReturnType<typeof inboundClusters>;
  readonly #routeNames = rememberLast(routeNames);
  readonly #gateway: GatewayViews | undefined;
  readonly #isProven: boolean;
  readonly #envoyFilters: ReturnType<typeof envoyFiltersOf>;
  #sets: readonly ResourceSet[] = [];
  #view: ResourceView | undefined;

  /** @param isProven whoever asks has shown that it is whom the node says, or the control plane's own user: others get no Secrets */
  constructor(node: ProxyNode, capabilities: Capabilities, caches: ProxyCaches, isProven: boolean) {
    this.#isProven = isProven;
    this.#capabilities = capabilities;
    this.#member = memberOf(node);
    this.#envoyFilters = envoyFiltersOf(caches.patches);
    this.#listeners = ownListeners(node, capabilities, caches);
    this.#inboundClusters = inboundClusters(capabilities);
    this.#gateway = node.type === "router" ? new GatewayViews(node, capabilities, caches) : undefined;
  }

  /** The same object while nothing of it changed. */
  view(mesh: MeshView, routes: RouteViews): ResourceView {
    // What is found by name is looked up again only in a new view.
    if (this.#capabilities.apiListeners) {
      const { virtualServices, destinationRuleIndex } = mesh.snapshot;
      return this.#resolving(
        mesh.clusters,
        mesh.endpoints,
        routes,
        mesh.services,
        virtualServices,
        destinationRuleIndex,
      );
    }
    const sets = this.#proxySets(mesh, routes);
    if (this.#view === undefined || !sameElements(this.#sets, sets)) {
      this.#sets = sets;
      this.#view = resourceView(sets);
    }
    return this.#view;
  }

  #proxySets(mesh: MeshView, routes: RouteViews): readonly ResourceSet[] {
    const { snapshot } = mesh;
    const member = this.#member(snapshot);
    const own = this.#listeners(member, mesh);
    const captured = member.capture === undefined ? undefined : mesh.captured;
    const outbound = routes.sets(this.#routeNames(member, captured));
    const gateway = this.#gateway?.view(mesh);
    const listeners = gateway === undefined ? own : this.#gatewayListeners(own, gateway.listeners);
    const ofGateway = gateway === undefined ? undefined : this.#gatewayRoutes(...gateway.routes);
    const sets = [
      this.#clusters(mesh.clusters, this.#inboundClusters(member, snapshot)),
      mesh.endpoints,
      listeners,
      ofGateway === undefined
        ? outbound.configurations
        : this.#configurations(outbound.configurations, ofGateway.configurations),
    ];
    if (captured !== undefined) sets.push(mesh.names);
    if (this.#isProven) sets.push(this.#secrets(member, snapshot));
    if (!this.#capabilities.virtualHostDiscovery) return this.#envoyFilters(member, snapshot, sets);
    const hosts =
      ofGateway === undefined ? outbound.virtualHosts : this.#hosts(outbound.virtualHosts, ofGateway.virtualHosts);
    return this.#envoyFilters(member, snapshot, [...sets, hosts]);
  }

  readonly #clusters = rememberLast(overlaySet);
  readonly #configurations = rememberLast(overlaySet);
  readonly #hosts = rememberLast(overlaySet);

  readonly #gatewayListeners = rememberLast((own: ResourceSet, bound: readonly EncodedResource[]) =>
    resourceSet(TYPE.listener, [...own.resources.values(), ...bound]),
  );

  readonly #gatewayRoutes = routeSetsMaker();
  readonly #secrets = secretsOf();

  readonly #resolving = rememberLast(
    (
      clusters: ResourceSet,
      endpoints: ResourceSet,
      routes: RouteViews,
      ..._inputs: readonly unknown[]
    ): ResourceView => {
      const listeners = new Map<string, EncodedResource | undefined>();
      return resourceView([clusters, endpoints], (typeUrl, name) => {
        if (typeUrl === TYPE.route) return routes.view(name)?.configuration;
        if (typeUrl !== TYPE.listener) return undefined;
        if (!listeners.has(name)) listeners.set(name, this.#apiListener(name, routes));
        return listeners.get(name);
      });
    },
  );

  #apiListener(name: string, routes: RouteViews): EncodedResource | undefined {
    const target = routes.routesForTarget(name);
    if (target === undefined) return undefined;
    return encodeResource(
      name,
      ListenerSchema,
      apiListener(name, target.routes, target.service.origin, this.#capabilities),
    );
  }
}
