/** The compilers and matchers of the data plane by themselves, for whoever has to tell what it would do: pure, and the same that requests meet. */
export { LOCAL_REPLIES, clusterNotFound } from "./http/local-replies.ts";
export { normalizePath } from "./http/path.ts";
export { compileEndpoints } from "./plan/compile-endpoints.ts";
export type { ClusterPlan, ClusterRef, EndpointPlan } from "./plan/cluster-plan.ts";
export {
  type RouteConfigContext,
  type RouteConfigDefaults,
  compileRouteConfigDefaults,
  compileVirtualHost,
} from "./plan/compile-route-config.ts";
export { compileRouteMatch } from "./plan/compile-route-match.ts";
export type { RouteFilterConfig } from "./plan/listener-plan.ts";
export { FilterChainMatcher, type MatchedConnection } from "./plan/filter-chain-match.ts";
export { type CorsPolicyPlan } from "./plan/filters/cors.ts";
export type { FaultPlan } from "./plan/filters/fault.ts";
export { FILTER_COMPILERS } from "./plan/filters/index.ts";
export { type FallbackPlan } from "./plan/filters/fallback.ts";
export { type RbacEnginePlan, type RbacPlan } from "./plan/filters/rbac.ts";
export {
  type Condition,
  type RbacSubject,
  compilePermissions,
  compilePrincipals,
  result,
  walk,
} from "./plan/filters/rbac-rules.ts";
export { Place } from "./plan/problems.ts";
export { compileCookieMatcher, compileHeaderMatcher, compileQueryMatcher } from "./plan/request-matchers.ts";
export type { ConnectionView, RequestView, TlsInfo } from "./plan/request-views.ts";
export type { RedirectAction, RoutePlan } from "./plan/route-plan.ts";
export { HostRouteTable, RouteEntry, type VirtualHostEntry } from "./plan/route-table.ts";
export { NO_RUNTIME } from "./plan/runtime-values.ts";
export { extensionRegistry, unpackExtension } from "./plan/schemas.ts";
export { HostSet } from "./upstream/balancer/host-set.ts";
export { priorityLoads } from "./upstream/balancer/priority-loads.ts";
