import type { Route } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";

/**
 * What spans of the route are called: the only destination's host and port and the matched path, else the VirtualService's
 * name and the port. (istio/istio `route.go` GetRouteOperation)
 */
export function routeOperation({ match, action }: Route, rule: string, port: number): string {
  const to = action.case === "route" ? action.value.clusterSpecifier : undefined;
  const path = pathOf(match);
  if (to?.case !== "cluster") return `${rule}:${port}${path}`;
  const [, clusterPort, , host] = to.value.split("|");
  return `${host}:${clusterPort}${path}`;
}

function pathOf(match: Route["match"]): string {
  const path = match?.pathSpecifier;
  switch (path?.case) {
    case "prefix":
      return `${path.value}*`;
    case "path":
      return path.value;
    case "safeRegex":
      return path.value.regex;
    default:
      return "/*";
  }
}

/** Of a service's port that no rule routes. (istio/istio `pilot/pkg/networking/telemetry` TraceOperation) */
export function serviceOperation(host: string, port: number): string {
  return `${host}:${port}/*`;
}
