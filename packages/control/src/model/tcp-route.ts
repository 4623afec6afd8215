/**
 * `tcp` of VirtualServices: where connections to a port of a service go. (istio/istio `pilot/pkg/networking/core/tls.go`
 * buildSidecarOutboundTCPFilterChainOpts, matchTCP)
 */
import { matchesLabels, resolveGatewayName, resolveShortName } from "@tulle/api";
import type { IstioTcpRoute, L4MatchAttributes } from "@tulle/api";
import type { HostIndex } from "./host-index.ts";
import type { RouteClient } from "./http-rule.ts";
import type { VirtualServiceRule } from "./virtual-service.ts";

/** A part of the connections to some port. */
export interface TcpDestination {
  readonly host: string;
  readonly port: number;
  /** "" for all endpoints. */
  readonly subset: string;
  readonly weight: number;
}

/** The service itself where nobody says anything else. */
export function tcpDestinations(
  rules: HostIndex<VirtualServiceRule>,
  { host, port }: { readonly host: string; readonly port: number },
  client: RouteClient,
  domain: string,
): readonly TcpDestination[] {
  const rule = rules.find(host);
  const { namespace = "" } = rule?.origin ?? {};
  const route = rule?.spec.tcp?.find((each) => isFor(each, port, client, namespace));
  const targets = route?.route ?? [];
  if (targets.length === 0) return [{ host, port, subset: "", weight: 1 }];
  const [only, second] = targets;
  return targets.flatMap(({ destination, weight = 0 }) => {
    const share = only !== undefined && second === undefined ? 1 : weight;
    if (share === 0) return [];
    return [
      {
        host: resolveShortName(destination.host, namespace, domain).toLowerCase(),
        port: destination.port?.number ?? port,
        subset: destination.subset ?? "",
        weight: share,
      },
    ];
  });
}

/** Any of its conditions is enough. */
function isFor({ match = [] }: IstioTcpRoute, port: number, client: RouteClient, namespace: string): boolean {
  return match.length === 0 || match.some((each) => holds(each, port, client, namespace));
}

/** Addresses are not looked at: a condition on them is as if it did not hold. */
function holds(match: L4MatchAttributes, port: number, client: RouteClient, namespace: string): boolean {
  if (match.port !== undefined && match.port !== port) return false;
  if ((match.destinationSubnets ?? []).length > 0 || match.sourceSubnet !== undefined) return false;
  if (match.gateways !== undefined && match.gateways.length > 0) {
    return match.gateways.some((name) => client.gateways.includes(resolveGatewayName(name, namespace)));
  }
  if (match.sourceNamespace !== undefined && match.sourceNamespace !== client.namespace) return false;
  return matchesLabels(match.sourceLabels, client.labels);
}
