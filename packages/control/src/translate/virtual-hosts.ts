/** One host's routes: where a VirtualService becomes an Envoy virtual host. */
import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { HttpFaultInjection, HttpMatchRequest, IstioHttpRoute } from "@tulle/api";
import {
  RouteSchema,
  VirtualHost_TlsRequirementType as TlsRequirement,
  VirtualHostSchema,
} from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { Route, VirtualHost } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { CorsPolicySchema } from "@tulle/xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { HTTPFaultSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import type { MergedDestinationRule } from "../model/destination-rule.ts";
import type { FallbackRule } from "../model/fallback.ts";
import { fallbackForRoute } from "../model/fallback.ts";
import type { HttpRule, RouteClient } from "../model/http-rule.ts";
import { holdsFor } from "../model/http-rule.ts";
import type { MeshSettings } from "../model/mesh-settings.ts";
import type { MeshService } from "../model/service.ts";
import type { VirtualServiceRule } from "../model/virtual-service.ts";
import { translateCorsPolicy } from "./cors.ts";
import type { Capabilities } from "./data-plane.ts";
import { fallbackConfigs } from "./fallback.ts";
import { translateFault } from "./fault.ts";
import { originMetadata, routeOrigin } from "./origin.ts";
import { packed } from "./packed.ts";
import { sessionConfigs } from "./persistent-session.ts";
import { countsAttempts } from "./proxy-settings.ts";
import type { ActionContext } from "./route-action.ts";
import { plainForward, translateAction } from "./route-action.ts";
import { isCatchAll, translateMatch } from "./route-match.ts";
import { routeOperation, serviceOperation } from "./route-operation.ts";

/** Everything a virtual host is made of: the generator reads nothing else. */
export interface VirtualHostInput {
  readonly name: string;
  readonly domains: readonly string[];
  /** Port that its requests are addressed to. */
  readonly port: number;
  /** The service it stands for; undefined for hosts that only VirtualServices know. */
  readonly service: MeshService | undefined;
  /** In a mesh at most one; at a gateway all that are bound to the host, which are merged. */
  readonly rules: readonly VirtualServiceRule[];
  readonly client: RouteClient;
  /** Services that the rules' destinations mean, as far as they exist. */
  readonly destinations: ReadonlyMap<string, MeshService>;
  /** DestinationRules of the destinations, or of the service, by which a hash may choose endpoints. */
  readonly hashing: ReadonlyMap<string, MergedDestinationRule>;
  /** Fallbacks of the destinations, or of the service, oldest first, by host. */
  readonly fallbacks: ReadonlyMap<string, readonly FallbackRule[]>;
  readonly requireTls: boolean;
  readonly mesh: MeshSettings;
  readonly capabilities: Capabilities;
}

export function translateVirtualHost(input: VirtualHostInput): VirtualHost {
  const { name, domains, service, rules, requireTls } = input;
  const first = rules[0];
  const routes = first === undefined ? defaultRoutes(input) : mergedRoutes(rules.map((rule) => routesOf(rule, input)));
  const origin = first?.origin ?? service?.origin;
  return create(VirtualHostSchema, {
    name,
    domains: [...domains],
    routes,
    requireTls: requireTls ? TlsRequirement.ALL : TlsRequirement.NONE,
    includeRequestAttemptCount: countsAttempts(input.mesh),
    typedPerFilterConfig: input.capabilities.apiListeners ? {} : sessionConfigs(service?.session),
    ...(origin === undefined ? {} : { metadata: originMetadata(origin, "") }),
  });
}

function actionContext({ port, destinations, hashing, mesh, capabilities }: VirtualHostInput): ActionContext {
  return { port, services: destinations, hashing, mesh, capabilities };
}

/** A service that no rule routes: everything goes to it. */
function defaultRoutes(input: VirtualHostInput): Route[] {
  const { service, port } = input;
  if (service === undefined) return [];
  const route = create(RouteSchema, {
    name: "default",
    match: { pathSpecifier: { case: "prefix", value: "/" } },
    action: { case: "route", value: plainForward(service, actionContext(input)) },
    decorator: { operation: serviceOperation(service.host, port) },
    metadata: originMetadata(service.origin, ""),
  });
  addFallbacks(route, "", input);
  return [route];
}

/** What is said of failures of a route's destinations: of each where there are several. */
function addFallbacks({ action, typedPerFilterConfig }: Route, name: string, input: VirtualHostInput): void {
  if (input.fallbacks.size === 0 || action.case !== "route") return;
  const { port, destinations: services, capabilities } = input;
  const add = (configs: Record<string, Any>, cluster: string): void => {
    const [, , , host = ""] = cluster.split("|");
    const fallback = fallbackForRoute(input.fallbacks.get(host) ?? [], name);
    if (fallback !== undefined) Object.assign(configs, fallbackConfigs(fallback, { port, services, capabilities }));
  };
  const { clusterSpecifier } = action.value;
  if (clusterSpecifier.case === "cluster") add(typedPerFilterConfig, clusterSpecifier.value);
  if (clusterSpecifier.case !== "weightedClusters") return;
  for (const { typedPerFilterConfig: own, name: cluster } of clusterSpecifier.value.clusters) add(own, cluster);
}

/**
 * The routes of several rules for one host, in the rules' order, except that routes that match everything come last.
 * (istio/istio `route.go` SortVHostRoutes)
 */
function mergedRoutes(lists: readonly Route[][]): Route[] {
  if (lists.length === 1) return lists[0]!;
  const all = lists.flat();
  const catchAll = (route: Route): boolean => isCatchAll(route.match!);
  return [...all.filter((route) => !catchAll(route)), ...all.filter(catchAll)];
}

/** The rule's routes in its order, up to the first that matches everything. (`route.go` BuildHTTPRoutesForVirtualService) */
function routesOf(rule: VirtualServiceRule, input: VirtualHostInput): Route[] {
  const routes: Route[] = [];
  for (const item of rule.http) {
    const { match = [] } = item.route;
    for (const [place, condition] of (match.length === 0 ? [undefined] : match).entries()) {
      const written = condition === undefined || item.matchesMerged === true ? undefined : place;
      const route = translateRoute(rule, item, condition, written, input);
      if (route === undefined) continue;
      routes.push(route);
      if (isCatchAll(route.match!)) return routes;
    }
  }
  return routes;
}

function translateRoute(
  rule: VirtualServiceRule,
  { route: http, origin, index }: HttpRule,
  match: HttpMatchRequest | undefined,
  written: number | undefined,
  input: VirtualHostInput,
): Route | undefined {
  const { port, client, capabilities } = input;
  if (match !== undefined && !holdsFor(match, client, port)) return undefined;
  const routeMatch = translateMatch(match, capabilities.security.has("tokens"));
  const { service } = input;
  const translated =
    capabilities.apiListeners && answersItself(http)
      ? service && {
          action: { case: "route" as const, value: plainForward(service, actionContext(input)) },
          headers: {},
        }
      : translateAction(http, actionContext(input));
  if (routeMatch === undefined || translated === undefined) return undefined;
  const route = create(RouteSchema, {
    name: routeName(http, match),
    match: routeMatch,
    action: translated.action,
    statPrefix: capabilities.httpFeatures.has("route statistics") ? (match?.statPrefix ?? "") : "",
    typedPerFilterConfig: filterConfigs(http, capabilities),
    ...translated.headers,
    metadata: routeOrigin(origin, `spec.http[${index}]`, written),
  });
  route.decorator = create(RouteSchema, {
    decorator: { operation: routeOperation(route, rule.origin.name, port) },
  }).decorator;
  addFallbacks(route, http.name ?? "", input);
  addSession(route, http, input);
  return route;
}

/** Of the first destination that has any. */
function addSession({ typedPerFilterConfig }: Route, http: IstioHttpRoute, input: VirtualHostInput): void {
  if (input.capabilities.apiListeners) return;
  for (const { destination } of http.route ?? []) {
    const session = input.destinations.get(destination.host)?.session;
    if (session === undefined) continue;
    Object.assign(typedPerFilterConfig, sessionConfigs(session));
    return;
  }
}

/** Both names, joined; what the access log shows. */
function routeName({ name = "" }: IstioHttpRoute, match: HttpMatchRequest | undefined): string {
  const matchName = match?.name ?? "";
  return matchName === "" ? name : `${name}.${matchName}`;
}

/**
 * What a gRPC client cannot do, redirects and direct responses, is UNAVAILABLE (gRFC A28). A client that does not know the action refuses
 * all of the routes, so it gets a fault in its place. (@grpc/grpc-js-xds route-config-resource-type.ts)
 */
const UNAVAILABLE: HttpFaultInjection = { abort: { grpcStatus: "UNAVAILABLE", percentage: { value: 100 } } };

function answersItself({ redirect, directResponse }: IstioHttpRoute): boolean {
  return redirect !== undefined || directResponse !== undefined;
}

/** What the route asks of the filters before the router. */
function filterConfigs(http: IstioHttpRoute, { httpFilters, apiListeners }: Capabilities): Record<string, Any> {
  const { corsPolicy } = http;
  const fault = apiListeners && answersItself(http) ? UNAVAILABLE : http.fault;
  const configs: Record<string, Any> = {};
  const faults = fault === undefined || !httpFilters.includes("fault") ? undefined : translateFault(fault);
  if (faults !== undefined) configs["envoy.filters.http.fault"] = packed(HTTPFaultSchema, faults);
  if (corsPolicy !== undefined && httpFilters.includes("cors")) {
    configs["envoy.filters.http.cors"] = packed(CorsPolicySchema, translateCorsPolicy(corsPolicy));
  }
  return configs;
}

/** A gateway port to which no rule is bound: 404. (istio/istio `gateway.go` buildGatewayHTTPRouteConfig) */
export function blackhole(port: number): VirtualHost {
  return create(VirtualHostSchema, { name: `blackhole:${port}`, domains: ["*"] });
}
