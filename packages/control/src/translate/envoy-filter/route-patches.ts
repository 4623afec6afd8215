/** Patches of routes. (istio/istio `pilot/pkg/networking/core/envoyfilter/rc_patch.go`) */
import { RouteSchema, VirtualHostSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { Route, VirtualHost } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import type { RouteConfiguration } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import type { Patch, PatchContext } from "../../model/envoy-filter.ts";
import type { PatchList } from "./patch-list.ts";
import { isInContext, mergeValue, merges, placed, valueOf } from "./patch-list.ts";

/**
 * @param port that the configuration is for; 0: for all
 * @param hasHosts false: its virtual hosts are resources of their own
 */
export function patchRouteConfiguration(
  configuration: RouteConfiguration,
  patches: PatchList,
  context: PatchContext,
  port: number,
  hasHosts: boolean,
): void {
  const { name } = configuration;
  for (const patch of patches.of("ROUTE_CONFIGURATION")) {
    if (merges(patch) && isInContext(patch, context) && matchesConfiguration(patch, name, port, context)) {
      mergeValue(RouteConfigurationSchema, configuration, patch);
    }
  }
  if (!hasHosts) return;
  configuration.virtualHosts = [
    ...configuration.virtualHosts.flatMap((host) => patchVirtualHost(host, patches, context, name, port) ?? []),
    ...addedVirtualHosts(patches, context, name, port),
  ];
}

export function addedVirtualHosts(
  patches: PatchList,
  context: PatchContext,
  configuration: string,
  port: number,
): readonly VirtualHost[] {
  return patches
    .of("VIRTUAL_HOST")
    .filter(
      (patch) =>
        patch.operation === "ADD" &&
        isInContext(patch, context) &&
        matchesConfiguration(patch, configuration, port, context),
    )
    .map((patch) => valueOf(VirtualHostSchema, patch));
}

/** The host, changed, or another one; undefined: it is taken away. */
export function patchVirtualHost(
  host: VirtualHost,
  patches: PatchList,
  context: PatchContext,
  configuration: string,
  port: number,
): VirtualHost | undefined {
  // A configuration for requests to all ports: its hosts are named after theirs.
  const number = port === 0 ? portOfHost(host.name) : port;
  let own = host;
  for (const patch of patches.of("VIRTUAL_HOST")) {
    if (!isInContext(patch, context) || !matchesConfiguration(patch, configuration, number, context)) continue;
    if (!matchesHost(patch, own)) continue;
    if (patch.operation === "REMOVE") return undefined;
    if (merges(patch)) mergeValue(VirtualHostSchema, own, patch);
    else if (patch.operation === "REPLACE") own = valueOf(VirtualHostSchema, patch);
  }
  patchRoutes(own, patches, context, configuration, number);
  return own;
}

function patchRoutes(
  host: VirtualHost,
  patches: PatchList,
  context: PatchContext,
  configuration: string,
  port: number,
): void {
  const own = patches
    .of("HTTP_ROUTE")
    .filter(
      (patch) =>
        isInContext(patch, context) &&
        matchesConfiguration(patch, configuration, port, context) &&
        matchesHost(patch, host),
    );
  host.routes = host.routes.filter((route) => {
    for (const patch of own) {
      if (!matchesRoute(patch, route)) continue;
      if (patch.operation === "REMOVE") return false;
      if (merges(patch)) mergeValue(RouteSchema, route, patch);
    }
    return true;
  });
  for (const patch of own) {
    if (patch.operation === "REMOVE" || merges(patch)) continue;
    const isNamed = patch.match.routeConfiguration?.vhost?.route !== undefined;
    const isIt = isNamed ? (route: Route): boolean => matchesRoute(patch, route) : undefined;
    // It comes first where the route that it names is there at all.
    if (patch.operation === "INSERT_FIRST" && isIt !== undefined && !host.routes.some(isIt)) continue;
    host.routes = placed(host.routes, patch, isIt, () => valueOf(RouteSchema, patch));
  }
}

function matchesConfiguration({ match }: Patch, name: string, port: number, context: PatchContext): boolean {
  const wanted = match.routeConfiguration;
  if (wanted === undefined) return true;
  if ((wanted.name ?? "") !== "" && wanted.name !== name) return false;
  if (context === "GATEWAY") {
    const { server, gateway } = gatewayOf(name);
    if ((wanted.portName ?? "") !== "" && wanted.portName !== server) return false;
    if ((wanted.gateway ?? "") !== "" && wanted.gateway !== gateway) return false;
  }
  const { portNumber = 0 } = wanted;
  return portNumber === 0 || portNumber === port;
}

/** `https.443.web.edge.istio-system`: a server `web` of the Gateway `istio-system/edge`; others have none in their names. */
function gatewayOf(name: string): { readonly server: string; readonly gateway: string } {
  const [scheme, , server = "", gateway = "", namespace = ""] = name.split(".");
  return scheme === "https" ? { server, gateway: `${namespace}/${gateway}` } : { server: "", gateway: "" };
}

/** `http.8080`, `https.443.…`. */
export function gatewayPort(name: string): number {
  const [, port = "0"] = /^https?\.([0-9]{1,5})(?:\.|$)/.exec(name) ?? [];
  return Number(port);
}

function portOfHost(name: string): number {
  const [, port = "0"] = /:([0-9]{1,5})$/.exec(name) ?? [];
  return Number(port);
}

function matchesHost({ match }: Patch, host: VirtualHost): boolean {
  const { name = "", domainName = "" } = match.routeConfiguration?.vhost ?? {};
  return (name === "" || name === host.name) && (domainName === "" || host.domains.includes(domainName));
}

const ACTIONS: Readonly<Record<string, Route["action"]["case"]>> = {
  ROUTE: "route",
  REDIRECT: "redirect",
  DIRECT_RESPONSE: "directResponse",
};

function matchesRoute({ match }: Patch, route: Route): boolean {
  const { name = "", action = "ANY" } = match.routeConfiguration?.vhost?.route ?? {};
  return (name === "" || name === route.name) && (action === "ANY" || ACTIONS[action] === route.action.case);
}
