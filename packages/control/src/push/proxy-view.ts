/** What one proxy is to hold: the sets of its class, and what is its own. */
import { ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.ts";
import type { Listener } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { encodeResource, resourceSet, resourceView, TYPE } from "@tulle/xds";
import type { EncodedResource, ResourceSet, ResourceView } from "@tulle/xds";
import type { Origin } from "../model/origin.ts";
import { rememberLast, sameElements } from "../model/sharing.ts";
import type { ProxyNode } from "../source/registration/node.ts";
import { translateInboundCluster } from "../translate/clusters.ts";
import type { Capabilities } from "../translate/data-plane.ts";
import { apiListener, inboundListener, outboundListener } from "../translate/listeners.ts";
import { HTTP_PROXY_ROUTES, portRoutes } from "../translate/names.ts";
import { GatewayViews } from "./gateway-views.ts";
import type { MeshView } from "./mesh-view.ts";
import { overlaySet } from "./overlay-set.ts";
import { routeSetsMaker } from "./route-views.ts";
import type { RouteCaches, RouteViews } from "./route-views.ts";

export class ProxyView {
  readonly #capabilities: Capabilities;
  readonly #own: {
    readonly listeners: ResourceSet;
    readonly clusters: ResourceSet;
    readonly routes: readonly string[];
  };
  readonly #gateway: GatewayViews | undefined;
  #sets: readonly ResourceSet[] = [];
  #view: ResourceView | undefined;

  constructor(node: ProxyNode, capabilities: Capabilities, caches: RouteCaches) {
    this.#capabilities = capabilities;
    this.#own = ownResources(node, capabilities);
    this.#gateway = node.type === "router" ? new GatewayViews(node, capabilities, caches) : undefined;
  }

  /** The same object while nothing of it changed. */
  view(mesh: MeshView, routes: RouteViews): ResourceView {
    const sets = this.#capabilities.apiListeners ? [mesh.clusters, mesh.endpoints] : this.#proxySets(mesh, routes);
    if (this.#capabilities.apiListeners) {
      // What is found by name is looked up again only in a new view.
      this.#view = this.#resolving(sets, routes, mesh.services, mesh.rules.rules);
      return this.#view;
    }
    if (this.#view === undefined || !sameElements(this.#sets, sets)) {
      this.#sets = sets;
      this.#view = resourceView(sets);
    }
    return this.#view;
  }

  #proxySets(mesh: MeshView, routes: RouteViews): readonly ResourceSet[] {
    const own = this.#own;
    const outbound = routes.sets(own.routes);
    const gateway = this.#gateway?.view(mesh.snapshot);
    const listeners = gateway === undefined ? own.listeners : this.#gatewayListeners(own.listeners, gateway.listeners);
    const ofGateway = gateway === undefined ? undefined : this.#gatewayRoutes(...gateway.routes);
    const sets = [
      this.#clusters(mesh.clusters, own.clusters),
      mesh.endpoints,
      listeners,
      ofGateway === undefined
        ? outbound.configurations
        : this.#configurations(outbound.configurations, ofGateway.configurations),
    ];
    if (!this.#capabilities.virtualHostDiscovery) return sets;
    const hosts =
      ofGateway === undefined ? outbound.virtualHosts : this.#hosts(outbound.virtualHosts, ofGateway.virtualHosts);
    return [...sets, hosts];
  }

  readonly #clusters = rememberLast(overlaySet);
  readonly #configurations = rememberLast(overlaySet);
  readonly #hosts = rememberLast(overlaySet);

  readonly #gatewayListeners = rememberLast((own: ResourceSet, bound: readonly EncodedResource[]) =>
    resourceSet(TYPE.listener, [...own.resources.values(), ...bound]),
  );

  readonly #gatewayRoutes = routeSetsMaker();

  readonly #resolving = rememberLast(
    (sets: readonly ResourceSet[], routes: RouteViews, ..._inputs: readonly unknown[]): ResourceView => {
      const listeners = new Map<string, EncodedResource | undefined>();
      return resourceView(sets, (typeUrl, name) => {
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
    return encodeResource(name, ListenerSchema, apiListener(name, target.routes, target.service.origin));
  }
}

/** What follows from the node alone: its listeners, and the cluster of the application behind it. */
function ownResources(node: ProxyNode, capabilities: Capabilities) {
  const { httpProxy, outbound, inbound } = node;
  const origin: Origin = { kind: "Workload", namespace: node.namespace, name: node.workload };
  const listeners: Listener[] = [];
  const routes: string[] = [];
  if (httpProxy !== undefined) {
    listeners.push(outboundListener({ bind: httpProxy, routes: HTTP_PROXY_ROUTES, origin, capabilities }));
    routes.push(HTTP_PROXY_ROUTES);
  }
  for (const { port, bind } of outbound) {
    listeners.push(outboundListener({ bind, routes: portRoutes(port), origin, capabilities }));
    if (!routes.includes(portRoutes(port))) routes.push(portRoutes(port));
  }
  for (const port of inbound) listeners.push(inboundListener({ inbound: port, origin, capabilities }));
  return {
    listeners: resourceSet(
      TYPE.listener,
      listeners.map((listener) => encodeResource(listener.name, ListenerSchema, listener)),
    ),
    clusters: resourceSet(
      TYPE.cluster,
      inbound.map((port) => {
        const cluster = translateInboundCluster(port, origin);
        return encodeResource(cluster.name, ClusterSchema, cluster);
      }),
    ),
    routes,
  };
}
