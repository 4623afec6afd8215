import { Slowness } from "./slowness.ts";
import { toBinary } from "@bufbuild/protobuf";
import { type RouteConfiguration, RouteConfigurationSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import {
  type VirtualHost,
  VirtualHost_TlsRequirementType as TlsRequirement,
} from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { HTTPS_REDIRECT } from "./compile-redirect.ts";
import { compileRetryPolicy } from "./compile-retry-policy.ts";
import { compileRouteMatcher } from "./compile-route-matcher.ts";
import { type RouteContext, compileMirrors, compileRoute } from "./compile-route.ts";
import { compileFilterConfigs, mergeFilterConfigs } from "./filter-configs.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { type HeaderMutations, NO_MUTATIONS, compileHeaderOperations } from "./header-mutations.ts";
import { NO_METADATA, filterMetadata } from "./metadata.ts";
import type { ClusterRef } from "./cluster-plan.ts";
import type { FilterConfigs } from "./listener-plan.ts";
import type { HeaderMutation, MirrorPlan, RoutePlan } from "./route-plan.ts";
import type { Place } from "./problems.ts";
import { compileRateLimits } from "./rate-limits.ts";
import type { RuntimeValues } from "./runtime-values.ts";
import type { RouteStats } from "../upstream/route-stats.ts";
import { compileVirtualClusters } from "./virtual-clusters.ts";
import {
  HostRouteTable,
  RouteList,
  type RouteTableOptions,
  type Routes,
  type VirtualHostEntry,
} from "./route-table.ts";

export interface RouteConfigContext {
  clusterRef(name: string): ClusterRef;
  readonly runtime: RuntimeValues;
  /** What counts under a prefix: the same whenever it is asked for. */
  routeStats(prefix: string): RouteStats;
  /** Clusters that there are, for `validate_clusters`. */
  readonly knownClusters: ReadonlySet<string>;
  /** `validate_clusters` where the message does not say: true for inline route configurations, false for RDS. */
  readonly validateClusters: boolean;
}

/** What a route configuration says apart from its virtual hosts: enough to compile one virtual host alone (VHDS). */
export interface RouteConfigDefaults {
  readonly name: string;
  readonly options: RouteTableOptions;
  readonly headers: HeaderMutations;
  readonly filterConfigs: FilterConfigs | null;
  readonly mirrors: readonly MirrorPlan[];
  readonly mostSpecificWins: boolean;
  readonly maxDirectResponseBodyBytes: number;
  readonly knownClusters: ReadonlySet<string> | null;
  /** Equal strings: virtual hosts compiled under one are good under the other. */
  readonly fingerprint: string;
  readonly runtime: RuntimeValues;
  clusterRef(name: string): ClusterRef;
  routeStats(prefix: string): RouteStats;
}

/** Source: Envoy api/envoy/config/route/v3/route.proto, max_direct_response_body_size_bytes. */
const DEFAULT_MAX_DIRECT_RESPONSE_BODY_BYTES = 4096;

export function compileRouteConfigDefaults(
  message: RouteConfiguration,
  context: RouteConfigContext,
  place: Place,
): RouteConfigDefaults {
  const knownClusters = (message.validateClusters ?? context.validateClusters) ? context.knownClusters : null;
  const clusterRef = (name: string): ClusterRef => context.clusterRef(name);
  return {
    name: message.name,
    options: {
      ignorePort: message.ignorePortInHostMatching,
      ignorePathParameters: message.ignorePathParametersInPathMatching,
    },
    headers: compileHeaderOperations(message, place),
    filterConfigs: compileFilterConfigs(message.typedPerFilterConfig, place),
    mostSpecificWins: message.mostSpecificHeaderMutationsWins,
    maxDirectResponseBodyBytes: message.maxDirectResponseBodySizeBytes ?? DEFAULT_MAX_DIRECT_RESPONSE_BODY_BYTES,
    knownClusters,
    mirrors: compileMirrors(message.requestMirrorPolicies, { clusterRef }, place) ?? NO_MIRRORS,
    fingerprint: fingerprintOf(toBinary(RouteConfigurationSchema, { ...message, virtualHosts: [] })),
    clusterRef,
    runtime: context.runtime,
    routeStats: (prefix) => context.routeStats(prefix),
  };
}

const NO_MIRRORS: readonly MirrorPlan[] = [];

/** Compiles a whole route configuration with inline virtual hosts. */
export function compileRouteConfig(
  message: RouteConfiguration,
  context: RouteConfigContext,
  place: Place,
): HostRouteTable {
  const defaults = compileRouteConfigDefaults(message, context, place);
  const hosts = message.virtualHosts.map((host, i) =>
    compileVirtualHost(host, defaults, place.item("virtual_hosts", i)),
  );
  checkDomains(hosts, defaults.name, place);
  return new HostRouteTable(defaults.name, hosts, defaults.options);
}

/** A domain belongs to one virtual host. */
export function checkDomains(hosts: readonly VirtualHostEntry[], name: string, place: Place): void {
  const owners = new Set<string>();
  for (const host of hosts) {
    for (const domain of host.domains) {
      if (!owners.has(domain)) {
        owners.add(domain);
      } else if (domain === "*") {
        place.refuse(`Only a single wildcard domain is permitted in route ${name}`);
      } else {
        place.refuse(
          `Only unique values for domains are permitted. Duplicate entry of domain ${domain} in route ${name}`,
        );
      }
    }
  }
}

export function compileVirtualHost(
  message: VirtualHost,
  defaults: RouteConfigDefaults,
  place: Place,
): VirtualHostEntry {
  const own = compileHeaderOperations(message, place);
  const routeStats = (prefix: string): RouteStats => defaults.routeStats(prefix);
  const context: RouteContext = {
    virtualHost: message.name,
    virtualClusters: compileVirtualClusters(message.virtualClusters, message.name, routeStats, place),
    routeStats,
    virtualHostMetadata: filterMetadata(message.metadata),
    clusterRef: (name: string) => defaults.clusterRef(name),
    knownClusters: defaults.knownClusters,
    maxDirectResponseBodyBytes: defaults.maxDirectResponseBodyBytes,
    combine: (route: HeaderMutations): HeaderMutations =>
      defaults.mostSpecificWins ? joined(defaults.headers, own, route) : joined(route, own, defaults.headers),
    filterConfigs: mergeFilterConfigs(
      defaults.filterConfigs,
      compileFilterConfigs(message.typedPerFilterConfig, place),
    ),
    retryPolicy: compileRetryPolicy(message.retryPolicy, place.field("retry_policy")),
    hedgesOnPerTryTimeout: message.hedgePolicy?.hedgeOnPerTryTimeout ?? false,
    mirrors: compileMirrors(message.requestMirrorPolicies, defaults, place) ?? defaults.mirrors,
    rateLimits: compileRateLimits(message.rateLimits, place),
    requestBufferLimitBytes: message.perRequestBufferLimitBytes ?? -1,
    attemptCountInRequest: message.includeRequestAttemptCount,
    attemptCountInResponse: message.includeAttemptCountInResponse,
    isTimeoutRetryHeader: message.includeIsTimeoutRetryHeader,
  };
  return {
    name: message.name,
    domains: message.domains.map((domain) => domain.toLowerCase()),
    routes: compileRoutes(message, context, place),
    tlsRedirect: message.requireTls === TlsRequirement.NONE ? null : tlsRedirectPlan(message.name),
    tlsExternalOnly: message.requireTls === TlsRequirement.EXTERNAL_ONLY,
  };
}

function compileRoutes({ matcher, routes }: VirtualHost, context: RouteContext, place: Place): Routes {
  if (matcher === undefined) {
    return new RouteList(routes.map((route, i) => compileRoute(route, context, place.item("routes", i))));
  }
  if (routes.length > 0) place.refuse("cannot set both matcher and routes on virtual host");
  return compileRouteMatcher(matcher, (route, at) => compileRoute(route, context, at), place.field("matcher"));
}

function tlsRedirectPlan(virtualHost: string): RoutePlan {
  return {
    name: "",
    virtualHost,
    metadata: NO_METADATA,
    virtualHostMetadata: NO_METADATA,
    action: HTTPS_REDIRECT,
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    filterConfigs: null,
    attemptCountInRequest: false,
    attemptCountInResponse: false,
    isTimeoutRetryHeader: false,
    requestBufferLimitBytes: -1,
    tracing: null,
    counting: null,
    decorator: null,
    slowness: new Slowness(),
  };
}

/** The order of application: a later one sees, and may overwrite, what an earlier one did. */
function joined(...levels: readonly HeaderMutations[]): HeaderMutations {
  return {
    request: concat(levels.map((level) => level.request)),
    response: concat(levels.map((level) => level.response)),
  };
}

function concat(lists: readonly (readonly HeaderMutation[])[]): readonly HeaderMutation[] {
  const used = lists.filter((list) => list.length > 0);
  if (used.length === 0) return NO_MUTATIONS;
  return used.length === 1 ? used[0] : used.flat();
}
