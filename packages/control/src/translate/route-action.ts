/** What a route does: forward, redirect or answer. (istio/istio `pilot/pkg/networking/core/route/route.go`) */
import { create } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { Destination, HttpRouteDestination, IstioHttpRoute, Percent } from "@tulle/api";
import {
  RouteAction_RequestMirrorPolicySchema,
  RouteActionSchema,
  WeightedCluster_ClusterWeightSchema,
  WeightedClusterSchema,
} from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type {
  Route,
  RouteAction,
  RouteAction_HashPolicy,
  RouteAction_RequestMirrorPolicy,
  WeightedCluster_ClusterWeight,
} from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { RegexMatchAndSubstituteSchema } from "@tulle/xds/gen/envoy/type/matcher/v3/regex_pb.js";
import type { MergedDestinationRule } from "../model/destination-rule.ts";
import type { MeshSettings } from "../model/mesh-settings.ts";
import type { MeshService } from "../model/service.ts";
import { effectivePolicy } from "../model/traffic-policy.ts";
import type { Capabilities } from "./data-plane.ts";
import { fromText, milliseconds } from "./durations.ts";
import { fractionOf, wholePercent } from "./fractions.ts";
import { hashPolicy } from "./hash-policy.ts";
import type { HeaderLists, TranslatedHeaders } from "./header-operations.ts";
import { joinHeaders, translateHeaders } from "./header-operations.ts";
import { outboundCluster } from "./names.ts";
import { retryPolicy } from "./retry-policy.ts";
import { directResponse, redirectAction } from "./route-answer.ts";

export interface ActionContext {
  /** Port that the request was addressed to. */
  readonly port: number;
  /** Services that destinations may mean, by host. */
  readonly services: ReadonlyMap<string, MeshService>;
  /** DestinationRules of those among them whose endpoints may be chosen by a hash, by host. */
  readonly hashing: ReadonlyMap<string, MergedDestinationRule>;
  readonly mesh: MeshSettings;
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
  action.requestMirrorPolicies = mirrorPolicies(route, context);
  action.hashPolicy = destinations.flatMap(({ destination }) => hashPolicyOf(destination, context) ?? []);
  // Those of weight 0 count here: headers are applied in the order of several destinations (applyHTTPRouteDestination).
  const weighted = (route.route ?? []).length > 1;
  const sticky = !weighted && action.hashPolicy.length > 0;
  setRetryPolicy(action, route.retries, sticky, context);
  if (rewrite?.uriRegexRewrite !== undefined) {
    const { match = "", rewrite: substitution = "" } = rewrite.uriRegexRewrite;
    action.regexRewrite = create(RegexMatchAndSubstituteSchema, { pattern: { regex: match }, substitution });
  } else if (rewrite?.uri !== undefined && rewrite.uri !== "") {
    // Replaces the matched part: a prefix, or with exact and regex matches the whole path.
    action.prefixRewrite = rewrite.uri;
  }
  const authority = rewrite?.authority === "" ? undefined : rewrite?.authority;
  if (weighted) {
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
export function plainForward(service: MeshService, context: ActionContext): RouteAction {
  const action = routeAction(milliseconds(0), context);
  const { port } = context;
  const hash = hashPolicyOf({ host: service.host, port: { number: port } }, context);
  if (hash !== undefined) action.hashPolicy = [hash];
  setRetryPolicy(action, undefined, false, context);
  action.clusterSpecifier = { case: "cluster", value: outboundCluster(port, "", service.host) };
  return action;
}

/** 0 is no timeout. What a gRPC client allows itself (`grpc-timeout`) holds up to the route's. (`route.go` setTimeout) */
function routeAction(timeout: Duration, { capabilities }: ActionContext): RouteAction {
  return create(RouteActionSchema, {
    timeout,
    ...(capabilities.maxStreamDuration
      ? { maxStreamDuration: { maxStreamDuration: timeout } }
      : { maxGrpcTimeout: timeout }),
  });
}

function setRetryPolicy(
  action: RouteAction,
  retries: IstioHttpRoute["retries"],
  sticky: boolean,
  { mesh, capabilities }: ActionContext,
): void {
  const policy = retryPolicy(retries ?? mesh.config.defaultHttpRetryPolicy, sticky, capabilities);
  if (policy !== undefined) action.retryPolicy = policy;
}

function rewriteHost(action: RouteAction, authority: string | undefined): void {
  if (authority !== undefined) action.hostRewriteSpecifier = { case: "hostRewriteLiteral", value: authority };
}

/** Copies keep the Host of the request, without the `-shadow` that Envoy would add. (`DISABLE_SHADOW_HOST_SUFFIX`) */
function mirrorPolicies(route: IstioHttpRoute, context: ActionContext): RouteAction_RequestMirrorPolicy[] {
  const { mirror, mirrors = [], mirrorPercentage, mirrorPercent } = route;
  const all = [
    ...(mirror === undefined
      ? []
      : [{ destination: mirror, fraction: mirrorFraction(mirrorPercentage, mirrorPercent) }]),
    ...mirrors.map(({ destination, percentage }) => ({ destination, fraction: mirrorFraction(percentage) })),
  ];
  return all
    .filter(({ fraction }) => fraction.numerator > 0)
    .map(({ destination, fraction }) =>
      create(RouteAction_RequestMirrorPolicySchema, {
        cluster: clusterOf(destination, context),
        runtimeFraction: { defaultValue: fraction },
        traceSampled: false,
        disableShadowHostSuffixAppend: true,
      }),
    );
}

/** All requests unless a share is given. */
function mirrorFraction(percentage: Percent | undefined, percent = 100) {
  return percentage === undefined ? wholePercent(percent) : fractionOf(percentage);
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
function clusterOf(destination: Destination, context: ActionContext): string {
  return outboundCluster(portOf(destination, context), destination.subset ?? "", destination.host);
}

function portOf({ host, port }: Destination, { port: requestPort, services }: ActionContext): number {
  const ports = services.get(host)?.ports ?? [];
  const only = ports.length === 1 ? ports[0]!.number : undefined;
  return port?.number ?? only ?? requestPort;
}

/** By what the destination's cluster hashes, if it does. */
function hashPolicyOf(destination: Destination, context: ActionContext): RouteAction_HashPolicy | undefined {
  const rule = context.hashing.get(destination.host);
  if (rule === undefined) return undefined;
  const subset = rule.subsets.find((candidate) => candidate.subset.name === destination.subset);
  const { loadBalancer } = effectivePolicy(rule, subset, portOf(destination, context));
  return loadBalancer?.consistentHash && hashPolicy(loadBalancer.consistentHash);
}
