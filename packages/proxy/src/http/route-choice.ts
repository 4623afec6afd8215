/** Which route a request takes, and the answers that a route gives without an upstream. */
import { X_FORWARDED_PROTO } from "../codec/header-names.ts";
import type { DirectResponseAction, RedirectAction, RouteAction, WeightedClusterPlan } from "../plan/route-plan.ts";
import type { RuntimeRef } from "../plan/runtime-values.ts";
import { firstHeader } from "../plan/request-matchers.ts";
import type { Exchange } from "./exchange.ts";
import { rewritePath } from "./upstream-headers.ts";
import { DETAILS, type LocalReply, localReply } from "./local-replies.ts";
import { sendLocalReply } from "./local-reply-sender.ts";

/** Chooses the route, and the cluster where it has several: filters see both. Again, where a filter has changed the request. */
export function chooseRoute(exchange: Exchange): void {
  const { routes, request, context } = exchange;
  const random = context.random();
  request.dynamicMetadata = exchange.dynamicMetadata;
  // Envoy routes nothing whose scheme is said to be empty (`VirtualHostImpl::getRouteFromEntries`).
  const routable =
    routes !== null && request.headers.get(X_FORWARDED_PROTO) !== "" && (request.hasAuthority || routes.takesAll);
  const route = routable ? routes.route(request, random) : null;
  exchange.target = route?.action.kind === "forward" ? pickCluster(exchange, route.action, random) : null;
  // Clusters that the runtime has left without any weight are no route.
  const lost = exchange.target === null && route?.action.kind === "forward" && isWeightless(route.action);
  exchange.route = lost ? null : route;
  // Known from now on, whether or not anything is forwarded (Envoy `ActiveStream::setRoute`): filters that answer by themselves tell of it, too.
  exchange.cluster = exchange.target?.cluster.current ?? null;
  exchange.filterConfigs = route === null || lost ? null : (exchange.target?.filterConfigs ?? route.filterConfigs);
}

function pickCluster(exchange: Exchange, action: RouteAction, random: number): WeightedClusterPlan | null {
  const { clusters } = action;
  if (action.clusterHeader !== "") {
    const cluster = exchange.context.findCluster(firstHeader(exchange.request, action.clusterHeader));
    return cluster === null ? null : { ...UNWEIGHTED, cluster };
  }
  if (clusters.length === 1 && action.runtimeWeights === null) return named(exchange, clusters[0]);
  const { runtimeWeights } = action;
  const total = runtimeWeights === null ? action.totalWeight : totalOf(runtimeWeights);
  let left = action.drawHeader === "" ? random * total : draw(exchange, action, total, random);
  for (let i = 0; i < clusters.length; i++) {
    left -= runtimeWeights === null ? clusters[i].weight : runtimeWeights[i].value;
    if (left < 0) return named(exchange, clusters[i]);
  }
  return null;
}

function isWeightless({ runtimeWeights }: RouteAction): boolean {
  return runtimeWeights !== null && totalOf(runtimeWeights) === 0;
}

function totalOf(weights: readonly RuntimeRef<number>[]): number {
  let total = 0;
  for (let i = 0; i < weights.length; i++) total += weights[i].value;
  return total;
}

/** The cluster that the request names, where it is for the request to say. */
function named(exchange: Exchange, target: WeightedClusterPlan): WeightedClusterPlan {
  if (target.clusterHeader === "") return target;
  const cluster = exchange.context.findCluster(firstHeader(exchange.request, target.clusterHeader));
  return cluster === null ? target : { ...target, cluster };
}

/** The number in the header, if there is one; what is not a number of 64 bits without sign is none (`absl::SimpleAtoi`). */
function draw({ request }: Exchange, { drawHeader }: RouteAction, total: number, random: number): number {
  const lines: string[] = [];
  request.collect(drawHeader, lines);
  if (lines.length === 1 && UNSIGNED.test(lines[0])) {
    const value = BigInt(lines[0].trim().replace("+", ""));
    if (value < 1n << 64n && total > 0) return Number(value % BigInt(total));
  }
  return random * total;
}

const UNSIGNED = /^\s*\+?[0-9]+\s*$/;

/** A target without anything of its own. */
export const UNWEIGHTED = {
  clusterHeader: "",
  weight: 1,
  requestHeaders: [],
  responseHeaders: [],
  rewriteHost: "",
  filterConfigs: null,
  metadataMatch: null,
} as const;

export function redirect(exchange: Exchange, action: RedirectAction): void {
  // Envoy counts it as an answer of the route's, too (`rq_redirect` never moves).
  if (exchange.runtime !== null) exchange.runtime.stats.rqDirectResponse.value++;
  const location = action.location(exchange.request);
  if (action.rewritePath !== null) rewritePath(exchange, action.rewritePath);
  sendLocalReply(exchange, directReply(action.status, ""), location);
}

export function respondDirectly(exchange: Exchange, action: DirectResponseAction): void {
  if (exchange.runtime !== null) exchange.runtime.stats.rqDirectResponse.value++;
  const { status, body } = action;
  const { scheme, authority, path } = exchange.request;
  // Envoy names the requested resource in 201 and 3xx.
  const location = status === 201 || (status >= 300 && status < 400) ? `${scheme}://${authority}${path}` : "";
  sendLocalReply(exchange, directReply(status, body), location);
}

function directReply(status: number, body: string): LocalReply {
  return { ...localReply(status, body, "", DETAILS.directResponse), routeHeaders: "any" };
}
