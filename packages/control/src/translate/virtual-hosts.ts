/** One host's routes: where a VirtualService becomes an Envoy virtual host. */
import { create } from "@bufbuild/protobuf";
import { matchesLabels, resolveGatewayName } from "@tulle/api";
import type { HttpMatchRequest, IstioHttpRoute, Labels } from "@tulle/api";
import {
  RouteSchema,
  VirtualHost_TlsRequirementType as TlsRequirement,
  VirtualHostSchema,
} from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { Route, VirtualHost } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { MeshService } from "../model/service.ts";
import type { VirtualServiceRule } from "../model/virtual-service.ts";
import { outboundCluster } from "./names.ts";
import { originMetadata } from "./origin.ts";
import { plainForward, translateAction } from "./route-action.ts";
import { isCatchAll, translateMatch } from "./route-match.ts";

/** Whom routes are made for: some matches hold only for some clients, and that is decided here, not per request. */
export interface RouteClient {
  /** Gateways that it stands for: `mesh` for a sidecar. */
  readonly gateways: readonly string[];
  readonly namespace: string;
  readonly labels: Labels;
}

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
  readonly domain: string;
  readonly requireTls: boolean;
  readonly maxStreamDuration: boolean;
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
    ...(origin === undefined ? {} : { metadata: originMetadata(origin, "") }),
  });
}

/** A service that no rule routes: everything goes to it. */
function defaultRoutes({ service, port, maxStreamDuration }: VirtualHostInput): Route[] {
  if (service === undefined) return [];
  return [
    create(RouteSchema, {
      name: "default",
      match: { pathSpecifier: { case: "prefix", value: "/" } },
      action: { case: "route", value: plainForward(outboundCluster(port, "", service.host), maxStreamDuration) },
      metadata: originMetadata(service.origin, ""),
    }),
  ];
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
  for (const [index, http] of (rule.spec.http ?? []).entries()) {
    for (const match of http.match === undefined || http.match.length === 0 ? [undefined] : http.match) {
      const route = translateRoute(rule, index, http, match, input);
      if (route === undefined) continue;
      routes.push(route);
      if (isCatchAll(route.match!)) return routes;
    }
  }
  return routes;
}

function translateRoute(
  rule: VirtualServiceRule,
  index: number,
  http: IstioHttpRoute,
  match: HttpMatchRequest | undefined,
  input: VirtualHostInput,
): Route | undefined {
  const { namespace } = rule.origin;
  if (match !== undefined && !holdsFor(match, rule, input)) return undefined;
  const routeMatch = translateMatch(match);
  const translated = translateAction(http, {
    namespace,
    domain: input.domain,
    port: input.port,
    services: input.destinations,
    maxStreamDuration: input.maxStreamDuration,
  });
  if (routeMatch === undefined || translated === undefined) return undefined;
  return create(RouteSchema, {
    name: routeName(http, match),
    match: routeMatch,
    action: translated.action,
    ...translated.headers,
    metadata: originMetadata(rule.origin, `spec.http[${index}]`),
  });
}

/** Both names, joined; what the access log shows. */
function routeName({ name = "" }: IstioHttpRoute, match: HttpMatchRequest | undefined): string {
  const matchName = match?.name ?? "";
  return name === "" ? matchName : matchName === "" ? name : `${name}.${matchName}`;
}

/** Conditions on the port and the client, which are known without a request. (`route.go` sourceMatchHTTP) */
function holdsFor(match: HttpMatchRequest, rule: VirtualServiceRule, { port, client }: VirtualHostInput): boolean {
  if (match.port !== undefined && match.port !== port) return false;
  if (match.gateways !== undefined && match.gateways.length > 0) {
    return match.gateways.some((name) => client.gateways.includes(resolveGatewayName(name, rule.origin.namespace)));
  }
  if (match.sourceNamespace !== undefined && match.sourceNamespace !== client.namespace) return false;
  return matchesLabels(match.sourceLabels, client.labels);
}

/** Answers for hosts that nobody knows. (istio/istio, the `block_all` of REGISTRY_ONLY) */
export function blockAll(): VirtualHost {
  return create(VirtualHostSchema, {
    name: "block_all",
    domains: ["*"],
    routes: [
      {
        name: "block_all",
        match: { pathSpecifier: { case: "prefix", value: "/" } },
        action: { case: "directResponse", value: { status: 502 } },
      },
    ],
  });
}

/** A gateway port to which no rule is bound: 404. (istio/istio `gateway.go` buildGatewayHTTPRouteConfig) */
export function blackhole(port: number): VirtualHost {
  return create(VirtualHostSchema, { name: `blackhole:${port}`, domains: ["*"] });
}
