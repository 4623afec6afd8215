/**
 * `tls` and `tcp` of VirtualServices: where connections go that are not read as HTTP. At sidecars each port of a service has chains of
 * its own (istio/istio `pilot/pkg/networking/core/tls.go`), at gateways each server (`gateway.go` createGatewayTCPFilterChainOpts).
 */
import { hostsIntersect, isTlsProtocol, matchesLabels, resolveGatewayName, resolveShortName } from "@tulle/api";
import type { Destination, L4MatchAttributes, PortProtocol, TlsMatchAttributes } from "@tulle/api";
import type { RouteClient } from "./http-rule.ts";
import type { MeshService } from "./service.ts";
import { rememberLast, shareList } from "./sharing.ts";
import { withoutOverlaps } from "./chain-conditions.ts";
import type { ChainConditions } from "./chain-conditions.ts";
import type { VirtualServiceRule } from "./virtual-service.ts";

/** A part of the connections to some port. */
export interface TcpDestination {
  readonly host: string;
  readonly port: number;
  /** "" for all endpoints. */
  readonly subset: string;
  readonly weight: number;
}

/** Connections of one kind, and where they go. */
export interface ConnectionChain extends ChainConditions {
  readonly destinations: readonly TcpDestination[];
  /** Of the rule that says so, for counters; undefined: nobody has said anything. */
  readonly rule: string | undefined;
}

/** What connections are made to. */
export interface ConnectionTarget {
  readonly host: string;
  readonly port: number;
  readonly protocol: PortProtocol;
  /** Whether the name is all by which it can be told from others, as nothing else is at its address. */
  readonly byName: boolean;
}

export interface ConnectionRules {
  /** Those that the client sees, in the order in which they count. */
  readonly rules: readonly VirtualServiceRule[];
  readonly services: ReadonlyMap<string, Pick<MeshService, "ports">>;
  readonly domain: string;
}

/** Of those that a client sees; the same object while none of them that says anything of connections, and no service, changes. */
export function rememberConnectionRules(): (
  seen: readonly VirtualServiceRule[],
  services: ConnectionRules["services"],
  domain: string,
) => ConnectionRules {
  let kept: readonly VirtualServiceRule[] | undefined;
  const made = rememberLast(
    (rules: readonly VirtualServiceRule[], services: ConnectionRules["services"], domain: string): ConnectionRules => ({
      rules,
      services,
      domain,
    }),
  );
  return (seen, services, domain) => {
    kept = shareList(
      kept,
      seen.filter(({ connectionDestinations }) => connectionDestinations.length > 0),
    );
    return made(kept, services, domain);
  };
}

/** Chains of a sidecar's connections to a port of a service. All rules for its host count, whichever is more specific. */
export function connectionChains(
  target: ConnectionTarget,
  client: RouteClient,
  all: ConnectionRules,
): readonly ConnectionChain[] {
  const { host, port, protocol, byName } = target;
  const rules = all.rules.filter(({ hosts }) => hosts.some((each) => hostsIntersect(each, host)));
  const holds: Condition = (match, rule) => holdsAtSidecar(match, rule, port, client);
  const destinations = [{ host, port, subset: "", weight: 1 }];
  if (!isTlsProtocol(protocol)) {
    const chains = tcpChains(rules, port, all, holds);
    return withoutOverlaps([...chains, { ...ANYBODY, destinations, rule: undefined }]);
  }
  const chains = tlsChains(rules, port, all, holds);
  // Whose names some rule routes is asked for those only.
  if (chains.length > 0) return withoutOverlaps(chains);
  return [{ ...ANYBODY, serverNames: byName && isServerName(host) ? [host] : [], destinations, rule: undefined }];
}

const ANYBODY: ChainConditions = { serverNames: [], destinationSubnets: [], sourceSubnets: [] };

/** What can be said of a match before there are connections. */
type Condition = (match: StaticMatch, rule: VirtualServiceRule) => boolean;
type StaticMatch = Pick<
  TlsMatchAttributes & L4MatchAttributes,
  "port" | "gateways" | "sourceNamespace" | "sourceLabels"
>;

/** For clients that speak TLS, by the name that they ask for. Every match is a chain of its own. */
function tlsChains(
  rules: readonly VirtualServiceRule[],
  port: number,
  all: ConnectionRules,
  holds: Condition,
): readonly ConnectionChain[] {
  return rules.flatMap((rule) =>
    (rule.spec.tls ?? []).flatMap(({ match, route = [] }) =>
      match.flatMap((each): ConnectionChain[] => {
        const isAny = each.sniHosts.includes("*");
        const serverNames = isAny ? [] : each.sniHosts.filter(isServerName);
        if (!holds(each, rule) || (!isAny && serverNames.length === 0)) return [];
        const { destinationSubnets = [] } = each;
        return [{ ...chainTo(route, rule, port, all), serverNames, destinationSubnets, sourceSubnets: [] }];
      }),
    ),
  );
}

/** Proxies know names, and `*.` before them. */
export function isServerName(name: string): boolean {
  return !name.includes("*", name.startsWith("*.") ? 1 : 0);
}

/** By addresses at most. What comes after a route without any is never reached. */
function tcpChains(
  rules: readonly VirtualServiceRule[],
  port: number,
  all: ConnectionRules,
  holds: Condition,
): readonly ConnectionChain[] {
  return rules.flatMap((rule) =>
    (rule.spec.tcp ?? []).flatMap(({ match = [], route = [] }) => {
      const to = chainTo(route, rule, port, all);
      if (match.length === 0) return [{ ...to, ...ANYBODY }];
      return match
        .filter((each) => holds(each, rule))
        .map(({ destinationSubnets = [], sourceSubnet }) => ({
          ...to,
          serverNames: [],
          destinationSubnets,
          sourceSubnets: sourceSubnet === undefined ? [] : [sourceSubnet],
        }));
    }),
  );
}

/** What a server of a gateway does with bytes: the first route for it. Addresses and clients are not asked for. (l4MultiMatch) */
export function gatewayTcpRoute(
  rules: readonly VirtualServiceRule[],
  port: number,
  gateway: string,
  all: ConnectionRules,
): ConnectionChain | undefined {
  const holds: Condition = (match, rule) => holdsAtGateway(match, rule, port, gateway);
  const [first] = tcpChains(rules, port, all, holds);
  return first === undefined ? undefined : { ...first, ...ANYBODY };
}

/** What it does with TLS that it does not read. (buildGatewayNetworkFiltersFromTLSRoutes) */
export function gatewayTlsChains(
  rules: readonly VirtualServiceRule[],
  port: number,
  gateway: string,
  all: ConnectionRules,
): readonly ConnectionChain[] {
  const holds: Condition = (match, rule) => holdsAtGateway(match, rule, port, gateway);
  return tlsChains(rules, port, all, holds).map((chain) => ({ ...chain, destinationSubnets: [] }));
}

function holdsAtSidecar(
  match: StaticMatch,
  { origin }: VirtualServiceRule,
  port: number,
  client: RouteClient,
): boolean {
  const { gateways = [] } = match;
  if (match.port !== undefined && match.port !== port) return false;
  const named = gateways.map((name) => resolveGatewayName(name, origin.namespace));
  if (named.length > 0 && !named.some((name) => client.gateways.includes(name))) return false;
  if (match.sourceNamespace !== undefined && match.sourceNamespace !== client.namespace) return false;
  return matchesLabels(match.sourceLabels, client.labels);
}

/** (l4SingleMatch) */
function holdsAtGateway(match: StaticMatch, { origin }: VirtualServiceRule, port: number, gateway: string): boolean {
  const { gateways = [] } = match;
  if (match.port !== undefined && match.port !== port) return false;
  return gateways.length === 0 || gateways.some((name) => resolveGatewayName(name, origin.namespace) === gateway);
}

/** A single destination gets everything, whatever its weight. */
function chainTo(
  targets: readonly { readonly destination: Destination; readonly weight?: number }[],
  { origin }: VirtualServiceRule,
  port: number,
  { services, domain }: ConnectionRules,
): Pick<ConnectionChain, "destinations" | "rule"> {
  const destinations = targets.flatMap(({ destination, weight = 0 }) => {
    const share = targets.length === 1 ? 1 : weight;
    if (share === 0) return [];
    const host = resolveShortName(destination.host, origin.namespace, domain).toLowerCase();
    const [only, second] = services.get(host)?.ports ?? [];
    const usual = only !== undefined && second === undefined ? only.number : port;
    return [{ host, port: destination.port?.number ?? usual, subset: destination.subset ?? "", weight: share }];
  });
  return { destinations, rule: `${origin.name}.${origin.namespace}` };
}
