/** Items of a VirtualService's `http` with their names resolved, so that an item means the same wherever it is read. */
import { matchesLabels, resolveGatewayName, resolveShortName } from "@tulle/api";
import type { Destination, HttpMatchRequest, IstioHttpRoute, Labels } from "@tulle/api";
import type { Origin } from "./origin.ts";

export interface HttpRule {
  /** Hosts are fully qualified and lower case, gateways `namespace/name`. */
  readonly route: IstioHttpRoute;
  /** The VirtualService that it is written in. */
  readonly origin: Origin;
  /** Which item of `spec.http`. */
  readonly index: number;
  /** Its conditions are not those that are written there: they are also of whoever delegates to it. */
  readonly matchesMerged?: true;
}

/** Whom routes are made for: some conditions hold only for some clients, which is decided without a request. */
export interface RouteClient {
  /** Gateways that it stands for: `mesh` for a sidecar. */
  readonly gateways: readonly string[];
  readonly namespace: string;
  readonly labels: Labels;
}

/** Conditions on the port and the client. `gateways` stands instead of those on the client. (istio/istio `route.go` sourceMatchHTTP) */
export function holdsFor(match: HttpMatchRequest, client: RouteClient, port: number): boolean {
  if (match.port !== undefined && match.port !== port) return false;
  if (match.gateways !== undefined && match.gateways.length > 0) {
    return match.gateways.some((name) => client.gateways.includes(name));
  }
  if (match.sourceNamespace !== undefined && match.sourceNamespace !== client.namespace) return false;
  return matchesLabels(match.sourceLabels, client.labels);
}

/** Whether any of the items is for the client: a VirtualService without one is as if it were not there. */
export function someHoldFor(rules: readonly HttpRule[], client: RouteClient, port: number): boolean {
  return rules.some(
    ({ route: { match = [] } }) => match.length === 0 || match.some((condition) => holdsFor(condition, client, port)),
  );
}

/** Short names belong to the namespace of the VirtualService that uses them, a delegate's to the delegate's. */
export function httpRulesOf(
  http: readonly IstioHttpRoute[] | undefined,
  origin: Origin,
  domain: string,
): readonly HttpRule[] {
  return (http ?? []).map((route, index) => ({ route: resolved(route, origin.namespace, domain), origin, index }));
}

function resolved(http: IstioHttpRoute, namespace: string, domain: string): IstioHttpRoute {
  const resolve = (destination: Destination): Destination => ({
    ...destination,
    host: resolveShortName(destination.host, namespace, domain).toLowerCase(),
  });
  const { match, route, mirror, mirrors } = http;
  return {
    ...http,
    ...(match === undefined ? {} : { match: match.map((condition) => withGateways(condition, namespace)) }),
    ...(route === undefined
      ? {}
      : { route: route.map((target) => ({ ...target, destination: resolve(target.destination) })) }),
    ...(mirror === undefined ? {} : { mirror: resolve(mirror) }),
    ...(mirrors === undefined
      ? {}
      : { mirrors: mirrors.map((target) => ({ ...target, destination: resolve(target.destination) })) }),
  };
}

function withGateways(match: HttpMatchRequest, namespace: string): HttpMatchRequest {
  const { gateways } = match;
  return gateways === undefined
    ? match
    : { ...match, gateways: gateways.map((name) => resolveGatewayName(name, namespace)) };
}

/** Hosts that the items name as destinations or mirrors. */
export function destinationHosts(rules: readonly HttpRule[]): readonly string[] {
  const hosts = rules.flatMap(({ route: { route = [], mirror, mirrors = [] } }) => [
    ...route.map(({ destination }) => destination.host),
    ...(mirror === undefined ? [] : [mirror.host]),
    ...mirrors.map(({ destination }) => destination.host),
  ]);
  return [...new Set(hosts)];
}
