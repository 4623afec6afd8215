/** What a route does: forward, redirect or answer. (istio/istio `pilot/pkg/networking/core/route/route.go`) */
import { create } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { Destination, HttpRouteDestination, IstioHttpRoute } from "@tulle/api";
import {
  RouteActionSchema,
  WeightedCluster_ClusterWeightSchema,
  WeightedClusterSchema,
} from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type {
  Route,
  RouteAction,
  WeightedCluster_ClusterWeight,
} from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { RegexMatchAndSubstituteSchema } from "@tulle/xds/gen/envoy/type/matcher/v3/regex_pb.js";
import type { MeshService } from "../model/service.ts";
import type { Capabilities } from "./data-plane.ts";
import { fromText, milliseconds } from "./durations.ts";
import type { HeaderLists, TranslatedHeaders } from "./header-operations.ts";
import { joinHeaders, translateHeaders } from "./header-operations.ts";
import { outboundCluster } from "./names.ts";
import { directResponse, redirectAction } from "./route-answer.ts";

export interface ActionContext {
  /** Port that the request was addressed to. */
  readonly port: number;
  /** Services that destinations may mean, by host. */
  readonly services: ReadonlyMap<string, MeshService>;
  readonly capabilities: Capabilities;
}

export interface TranslatedAction {
  readonly action: Route["action"];
  readonly headers: HeaderLists;
}

/** Undefined if the route has no action that can be applied. */
export function translateAction(route: IstioHttpRoute, context: ActionContext): TranslatedAction | undefined {
  const headers = translateHeaders(route.headers);
  if (route.redirect !== undefined) {
    const value = redirectAction(route.redirect, context.port);
    return value && { action: { case: "redirect", value }, headers: headers.lists };
  }
  if (route.directResponse !== undefined) {
    return {
      action: { case: "directResponse", value: directResponse(route.directResponse) },
      headers: headers.lists,
    };
  }
  const destinations = activeDestinations(route.route ?? []);
  if (destinations.length === 0) return undefined;
  return forward(route, destinations, headers, context);
}

/** Weight 0 means no traffic, unless there is nowhere else to go. */
function activeDestinations(destinations: readonly HttpRouteDestination[]): readonly HttpRouteDestination[] {
  if (destinations.length < 2) return destinations;
  return destinations.filter(({ weight = 0 }) => weight > 0);
}

function forward(
  route: IstioHttpRoute,
  destinations: readonly HttpRouteDestination[],
  routeHeaders: TranslatedHeaders,
  context: ActionContext,
): TranslatedAction {
  const { rewrite } = route;
  const action = routeAction(route.timeout === undefined ? milliseconds(0) : fromText(route.timeout), context);
  if (rewrite?.uriRegexRewrite !== undefined) {
    const { match = "", rewrite: substitution = "" } = rewrite.uriRegexRewrite;
    action.regexRewrite = create(RegexMatchAndSubstituteSchema, { pattern: { regex: match }, substitution });
  } else if (rewrite?.uri !== undefined && rewrite.uri !== "") {
    // Replaces the matched part: a prefix, or with exact and regex matches the whole path.
    action.prefixRewrite = rewrite.uri;
  }
  const authority = rewrite?.authority === "" ? undefined : rewrite?.authority;
  if (destinations.length > 1) {
    rewriteHost(action, authority ?? routeHeaders.authority);
    const clusters = destinations.map((destination) => weightedCluster(destination, context));
    action.clusterSpecifier = { case: "weightedClusters", value: create(WeightedClusterSchema, { clusters }) };
    return { action: { case: "route", value: action }, headers: routeHeaders.lists };
  }
  // The operations of a single destination come after the route's, so that its `set` wins.
  const [{ destination, headers }] = destinations as [HttpRouteDestination];
  const own = translateHeaders(headers);
  rewriteHost(action, authority ?? routeHeaders.authority ?? own.authority);
  action.clusterSpecifier = { case: "cluster", value: clusterOf(destination, context) };
  return { action: { case: "route", value: action }, headers: joinHeaders(routeHeaders.lists, own.lists) };
}

/** Where everything for a service goes that no rule routes. */
export function plainForward(cluster: string, capabilities: Capabilities): RouteAction {
  const action = routeAction(milliseconds(0), { capabilities });
  action.clusterSpecifier = { case: "cluster", value: cluster };
  return action;
}

function routeAction(timeout: Duration, { capabilities }: Pick<ActionContext, "capabilities">): RouteAction {
  return create(RouteActionSchema, {
    timeout,
    ...(capabilities.maxStreamDuration ? { maxStreamDuration: { maxStreamDuration: timeout } } : {}),
  });
}

function rewriteHost(action: RouteAction, authority: string | undefined): void {
  if (authority !== undefined) action.hostRewriteSpecifier = { case: "hostRewriteLiteral", value: authority };
}

function weightedCluster(
  { destination, weight = 0, headers }: HttpRouteDestination,
  context: ActionContext,
): WeightedCluster_ClusterWeight {
  const { lists, authority } = translateHeaders(headers);
  return create(WeightedCluster_ClusterWeightSchema, {
    name: clusterOf(destination, context),
    weight,
    ...lists,
    ...(authority === undefined ? {} : { hostRewriteSpecifier: { case: "hostRewriteLiteral", value: authority } }),
  });
}

/**
 * The cluster of a destination. Without a port it is the service's only port, else the port that the request was
 * addressed to. A host or subset that nobody knows gives a cluster that does not exist: 503.
 */
function clusterOf({ host, subset = "", port }: Destination, { port: requestPort, services }: ActionContext): string {
  const ports = services.get(host)?.ports ?? [];
  const only = ports.length === 1 ? ports[0]!.number : undefined;
  return outboundCluster(port?.number ?? only ?? requestPort, subset, host);
}
