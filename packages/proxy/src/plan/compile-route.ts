import {
  type Route,
  type RouteAction_RequestMirrorPolicy as RequestMirrorPolicy,
  type RouteAction as RouteActionMessage,
  RouteAction_ClusterNotFoundResponseCode as NotFoundCode,
  type WeightedCluster_ClusterWeight,
} from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { RoutingPriority } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { compileHashPolicy } from "./hash-policy.ts";
import { compilePathRewrite, compileSubstitution, compileTemplateRewrite } from "./compile-path-rewrite.ts";
import { compileRedirect } from "./compile-redirect.ts";
import { compileRetryPolicy } from "./compile-retry-policy.ts";
import { compileRouteMatch, pathTemplate } from "./compile-route-match.ts";
import { compileInternalRedirects } from "./compile-internal-redirect.ts";
import { readDataSource } from "./data-source.ts";
import { milliseconds } from "./duration.ts";
import { compileFilterConfigs, mergeFilterConfigs } from "./filter-configs.ts";
import { bytesOf } from "./format/byte-text.ts";
import type { Metadata } from "./format/stream-info.ts";
import { compileDecorator, compileRouteTracing } from "./compile-tracing.ts";
import { Slowness } from "./slowness.ts";
import { runtimeFraction } from "./fraction.ts";
import { type HeaderMutations, NO_MUTATIONS, compileHeaderOperations } from "./header-mutations.ts";
import { filterMetadata } from "./metadata.ts";
import { LB_NAMESPACE, type MetadataMatch, compileMetadataMatch, mergeMatches } from "./metadata-match.ts";
import type { ClusterRef } from "./cluster-plan.ts";
import type {
  DirectResponseAction,
  MirrorPlan,
  RetryPolicyPlan,
  RouteAction,
  RoutePlan,
  WeightedClusterPlan,
} from "./route-plan.ts";
import type { FilterConfigs } from "./listener-plan.ts";
import type { RequestView } from "./request-views.ts";
import type { Place } from "./problems.ts";
import { type RateLimitPlan, type RouteRateLimits, compileRateLimits } from "./rate-limits.ts";
import { firstHeader } from "./request-matchers.ts";
import { compileUpgrades } from "./upgrades.ts";
import { RouteEntry, withoutQuery } from "./route-table.ts";
import { RouteCounting, type VirtualClusterPlan } from "./virtual-clusters.ts";
import type { RouteStats } from "../upstream/route-stats.ts";

/** What a route needs of what surrounds it. */
export interface RouteContext {
  readonly virtualHost: string;
  readonly virtualHostMetadata: Metadata;
  readonly virtualClusters: readonly VirtualClusterPlan[];
  routeStats(prefix: string): RouteStats;
  clusterRef(name: string): ClusterRef;
  /** Clusters that routes may name; null: any (`validate_clusters: false`). */
  readonly knownClusters: ReadonlySet<string> | null;
  readonly maxDirectResponseBodyBytes: number;
  /** Adds the operations of the levels above to a route's own, in Envoy's order. */
  combine(own: HeaderMutations): HeaderMutations;
  /** Of the levels above. */
  readonly filterConfigs: FilterConfigs | null;
  /** What the virtual host says for routes that say nothing. */
  readonly retryPolicy: RetryPolicyPlan | null;
  readonly hedgesOnPerTryTimeout: boolean;
  /** Of the virtual host, else of the route configuration. */
  readonly mirrors: readonly MirrorPlan[];
  /** Of the virtual host. */
  readonly rateLimits: readonly RateLimitPlan[];
  readonly requestBufferLimitBytes: number;
  readonly attemptCountInRequest: boolean;
  readonly attemptCountInResponse: boolean;
  readonly isTimeoutRetryHeader: boolean;
}

/** Route `timeout` if none is given. Source: Envoy api/envoy/config/route/v3/route_components.proto. */
const DEFAULT_TIMEOUT_MS = 15_000;

const CLUSTER_NOT_FOUND_STATUS: Readonly<Record<number, number>> = {
  [NotFoundCode.SERVICE_UNAVAILABLE]: 503,
  [NotFoundCode.NOT_FOUND]: 404,
  [NotFoundCode.INTERNAL_SERVER_ERROR]: 500,
};

export function compileRoute(route: Route, context: RouteContext, place: Place): RouteEntry {
  const match = compileRouteMatch(route.match!, place.field("match"));
  const headers = context.combine(compileHeaderOperations(route, place));
  const filterConfigs = mergeFilterConfigs(
    context.filterConfigs,
    compileFilterConfigs(route.typedPerFilterConfig, place),
  );
  const plan: RoutePlan = {
    name: route.name,
    virtualHost: context.virtualHost,
    metadata: filterMetadata(route.metadata),
    virtualHostMetadata: context.virtualHostMetadata,
    action: compileAction(route, match.rewrittenLength, { ...context, filterConfigs }, place),
    requestHeaders: headers.request,
    responseHeaders: headers.response,
    filterConfigs,
    attemptCountInRequest: context.attemptCountInRequest,
    attemptCountInResponse: context.attemptCountInResponse,
    isTimeoutRetryHeader: context.isTimeoutRetryHeader,
    requestBufferLimitBytes: route.perRequestBufferLimitBytes ?? context.requestBufferLimitBytes,
    counting: compileCounting(route.statPrefix, context),
    tracing: compileRouteTracing(route.tracing, place.field("tracing")),
    decorator: compileDecorator(route.decorator),
    slowness: new Slowness(),
  };
  return new RouteEntry(match.path, match.conditions, match.fraction, plan);
}

function compileCounting(statPrefix: string, context: RouteContext): RouteCounting | null {
  const { virtualHost, virtualClusters } = context;
  if (statPrefix === "" && virtualClusters.length === 0) return null;
  const own = statPrefix === "" ? null : context.routeStats(`vhost.${virtualHost}.route.${statPrefix}.`);
  return new RouteCounting(virtualClusters, own);
}

function compileAction(
  route: Route,
  rewrittenLength: number,
  context: RouteContext,
  place: Place,
): RoutePlan["action"] {
  const action = route.action;
  const template = pathTemplate(route.match);
  switch (action.case) {
    case "route":
      checkRewrites(action.value, template, place.field("route"));
      return compileForward(action.value, rewrittenLength, template, context, place.field("route"));
    case "redirect":
      if (template !== null && action.value.pathRewriteSpecifier.case === "prefixRewrite") {
        place.field("redirect").refuse("Cannot use redirect.prefix_rewrite with path_match_policy");
      }
      return compileRedirect(action.value, rewrittenLength, place.field("redirect"));
    case "directResponse": {
      const at = place.field("direct_response");
      const body = readDataSource(action.value.body, at.field("body"));
      if (body.length > context.maxDirectResponseBodyBytes) {
        at.field("body").refuse(
          `response body size is ${body.length} bytes; maximum is ${context.maxDirectResponseBodyBytes}`,
        );
      }
      return { kind: "direct", status: action.value.status, body };
    }
    default:
      // Reported by the reflection check: the oneof is required, and its other members are not supported.
      return REFUSED;
  }
}

/** One way to rewrite a path, and one that goes with how it is matched. */
function checkRewrites(message: RouteActionMessage, template: string | null, place: Place): void {
  const { prefixRewrite, regexRewrite, pathRewritePolicy } = message;
  if (pathRewritePolicy !== undefined && (prefixRewrite !== "" || regexRewrite !== undefined)) {
    place.refuse("Specify only one of prefix_rewrite, regex_rewrite or path_rewrite_policy");
  }
  if (template !== null && prefixRewrite !== "") place.refuse("Cannot use prefix_rewrite with matcher extension");
}

const REFUSED: DirectResponseAction = { kind: "direct", status: 500, body: "" };

function compileForward(
  message: RouteActionMessage,
  rewrittenLength: number,
  template: string | null,
  context: RouteContext,
  place: Place,
): RouteAction {
  const clusters = compileClusters(message, context, place);
  const totalWeight = clusters.reduce((sum, each) => sum + each.weight, 0);
  if (message.clusterSpecifier.case === "weightedClusters") {
    const at = place.field("weighted_clusters");
    if (totalWeight === 0) at.refuse("Sum of weights in the weighted_cluster must be greater than 0.");
    if (totalWeight > 0xffffffff) at.refuse("The sum of weights of all weighted clusters exceeds 4294967295");
  }
  return {
    kind: "forward",
    clusters,
    totalWeight,
    runtimeWeights: compileRuntimeWeights(message, place),
    drawHeader: drawHeaderOf(message),
    clusterHeader:
      message.clusterSpecifier.case === "clusterHeader" ? message.clusterSpecifier.value.toLowerCase() : "",
    clusterNotFoundStatus: CLUSTER_NOT_FOUND_STATUS[message.clusterNotFoundResponseCode] ?? 503,
    // Where the duration of the whole stream is limited, that of the response is not.
    timeoutMs: message.maxStreamDuration === undefined ? milliseconds(message.timeout, DEFAULT_TIMEOUT_MS) : 0,
    idleTimeoutMs: milliseconds(message.idleTimeout, -1),
    rewritePath:
      message.pathRewritePolicy === undefined
        ? compilePathRewrite(message.prefixRewrite, message.regexRewrite, rewrittenLength, place)
        : compileTemplateRewrite(message.pathRewritePolicy, template, place.field("path_rewrite_policy")),
    rewriteHost: compileHostRewrite(message, place),
    autoHostRewrite:
      message.hostRewriteSpecifier.case === "autoHostRewrite" && message.hostRewriteSpecifier.value.value,
    appendXForwardedHost: message.appendXForwardedHost,
    priority: message.priority === RoutingPriority.HIGH ? 1 : 0,
    metadataMatch: compileMetadataMatch(message.metadataMatch),
    hashPolicy: compileHashPolicy(message.hashPolicy, place),
    retryPolicy: compileRetryPolicy(message.retryPolicy, place.field("retry_policy")) ?? context.retryPolicy,
    hedgesOnPerTryTimeout: message.hedgePolicy?.hedgeOnPerTryTimeout ?? context.hedgesOnPerTryTimeout,
    mirrors: compileMirrors(message.requestMirrorPolicies, context, place) ?? context.mirrors,
    internalRedirects: compileInternalRedirects(message, place),
    maxStreamDurationMs: milliseconds(message.maxStreamDuration?.maxStreamDuration, -1),
    grpcTimeoutHeaderMaxMs: milliseconds(message.maxStreamDuration?.grpcTimeoutHeaderMax, -1),
    grpcTimeoutHeaderOffsetMs: milliseconds(message.maxStreamDuration?.grpcTimeoutHeaderOffset, 0),
    maxGrpcTimeoutMs: message.maxStreamDuration === undefined ? milliseconds(message.maxGrpcTimeout, -1) : -1,
    grpcTimeoutOffsetMs: milliseconds(message.grpcTimeoutOffset, 0),
    rateLimits: compileRouteRateLimits(message, context.rateLimits, place),
    upgrades: compileUpgrades(message.upgradeConfigs, place),
    tunnels: compileTunnels(message, place),
  };
}

function compileRuntimeWeights(
  { clusterSpecifier }: RouteActionMessage,
  { runtime }: Place,
): RouteAction["runtimeWeights"] {
  if (clusterSpecifier.case !== "weightedClusters" || clusterSpecifier.value.runtimeKeyPrefix === "") return null;
  const { clusters, runtimeKeyPrefix } = clusterSpecifier.value;
  return clusters.map(({ name, weight = 0 }) => runtime.integer(`${runtimeKeyPrefix}.${name}`, weight));
}

function drawHeaderOf({ clusterSpecifier }: RouteActionMessage): string {
  if (clusterSpecifier.case !== "weightedClusters") return "";
  const draw = clusterSpecifier.value.randomValueSpecifier;
  return draw.case === "headerName" ? draw.value.toLowerCase() : "";
}

/** The last one that says so holds, as in Envoy. */
function compileTunnels({ upgradeConfigs }: RouteActionMessage, place: Place): RouteAction["tunnels"] {
  let tunnels: RouteAction["tunnels"] = "none";
  upgradeConfigs.forEach(({ upgradeType, connectConfig }, i) => {
    if (connectConfig === undefined) return;
    if (upgradeType.toLowerCase() === "connect") tunnels = connectConfig.allowPost ? "connect-and-post" : "connect";
    else place.item("upgrade_configs", i).refuse(`Non-CONNECT upgrade type ${upgradeType} has ConnectConfig`);
  });
  return tunnels;
}

function compileRouteRateLimits(
  { rateLimits, includeVhRateLimits }: RouteActionMessage,
  virtualHost: readonly RateLimitPlan[],
  place: Place,
): RouteRateLimits | null {
  const route = compileRateLimits(rateLimits, place);
  if (route.length === 0 && virtualHost.length === 0) return null;
  return { route, virtualHost, includesVirtualHost: includeVhRateLimits ?? false };
}

/** Null where the level has none: the one above holds. */
export function compileMirrors(
  policies: readonly RequestMirrorPolicy[],
  context: Pick<RouteContext, "clusterRef">,
  place: Place,
): readonly MirrorPlan[] | null {
  if (policies.length === 0) return null;
  return policies.map((policy, i) => {
    const at = place.item("request_mirror_policies", i);
    if (policy.cluster !== "" && policy.clusterHeader !== "") {
      at.refuse(
        `Only one of cluster '${policy.cluster}' or cluster_header '${policy.clusterHeader}' in request mirror policy can be specified`,
      );
    } else if (policy.cluster === "" && policy.clusterHeader === "") {
      at.refuse("Exactly one of cluster or cluster_header in request mirror policy need to be specified");
    }
    return {
      cluster: policy.cluster === "" ? null : context.clusterRef(policy.cluster),
      clusterHeader: policy.clusterHeader.toLowerCase(),
      fraction: runtimeFraction(policy.runtimeFraction, 100, at),
      appendShadow: !policy.disableShadowHostSuffixAppend,
      traceSampled: policy.traceSampled ?? null,
    };
  });
}

function compileClusters(
  message: RouteActionMessage,
  context: RouteContext,
  place: Place,
): readonly WeightedClusterPlan[] {
  const specifier = message.clusterSpecifier;
  if (specifier.case === "cluster") {
    checkKnown(specifier.value, context, place.field("cluster"));
    return [
      {
        cluster: context.clusterRef(specifier.value),
        clusterHeader: "",
        weight: 1,
        requestHeaders: NO_MUTATIONS,
        responseHeaders: NO_MUTATIONS,
        rewriteHost: "",
        filterConfigs: null,
        metadataMatch: null,
      },
    ];
  }
  if (specifier.case !== "weightedClusters") return [];
  const at = place.field("weighted_clusters");
  const metadataMatch = compileMetadataMatch(message.metadataMatch);
  return specifier.value.clusters.map((each, i) =>
    compileWeighted(each, metadataMatch, context, at.item("clusters", i)),
  );
}

function compileWeighted(
  message: WeightedCluster_ClusterWeight,
  metadataMatch: MetadataMatch | null,
  context: RouteContext,
  place: Place,
): WeightedClusterPlan {
  const { name, clusterHeader } = message;
  if (name !== "" && clusterHeader !== "") place.refuse("Only one of name or cluster_header can be specified");
  else if (name !== "") checkKnown(name, context, place.field("name"));
  else if (clusterHeader === "") place.refuse("At least one of name or cluster_header need to be specified");
  const headers = compileHeaderOperations(message, place);
  const host = message.hostRewriteSpecifier.value ?? "";
  const own = compileFilterConfigs(message.typedPerFilterConfig, place);
  return {
    cluster: name === "" ? NO_CLUSTER : context.clusterRef(name),
    clusterHeader: clusterHeader.toLowerCase(),
    weight: message.weight ?? 0,
    requestHeaders: headers.request,
    responseHeaders: headers.response,
    rewriteHost: host,
    filterConfigs: own === null ? null : mergeFilterConfigs(context.filterConfigs, own),
    metadataMatch: mergeMatches(metadataMatch, message.metadataMatch?.filterMetadata[LB_NAMESPACE]),
  };
}

const NO_CLUSTER: ClusterRef = { name: "", current: null };

function checkKnown(name: string, context: Pick<RouteContext, "knownClusters">, place: Place): void {
  if (context.knownClusters !== null && !context.knownClusters.has(name))
    place.refuse(`route: unknown cluster '${name}'`);
}

function compileHostRewrite(message: RouteActionMessage, place: Place): ((request: RequestView) => string) | null {
  const specifier = message.hostRewriteSpecifier;
  switch (specifier.case) {
    case "hostRewriteLiteral": {
      const host = bytesOf(specifier.value);
      return host === "" ? null : () => host;
    }
    case "hostRewriteHeader": {
      const name = specifier.value.toLowerCase();
      return (request) => firstHeader(request, name);
    }
    case "hostRewritePathRegex": {
      const replace = compileSubstitution(specifier.value, place.field("host_rewrite_path_regex"));
      return (request) => replace(withoutQuery(request.path));
    }
    default:
      return null;
  }
}
