/** VirtualServices with their names resolved, and which of them a client sees. */
import {
  isKind,
  isPrivate,
  isVisibleTo,
  MESH_GATEWAY,
  parseExportTo,
  resolveGatewayName,
  resolveShortName,
} from "@tulle/api";
import type { LoadedObject, VirtualServiceSpec, Visibility } from "@tulle/api";
import type { Delegation } from "./delegation.ts";
import type { HttpRule } from "./http-rule.ts";
import { destinationHosts, httpRulesOf } from "./http-rule.ts";
import type { Origin } from "./origin.ts";
import { originOf } from "./origin.ts";
import type { StoredObject } from "./stored-object.ts";

export interface VirtualServiceRule {
  readonly origin: Origin;
  readonly createdAt: number;
  readonly spec: VirtualServiceSpec;
  /** Fully qualified, lower case; none if it is for others to delegate to. */
  readonly hosts: readonly string[];
  /** `mesh` or `namespace/name`; by default `mesh`. */
  readonly gateways: readonly string[];
  readonly visibility: Visibility;
  /** Whether it has HTTP routes; otherwise it says nothing about HTTP. */
  readonly hasHttp: boolean;
  /** Its HTTP routes in order, its delegates' in place of what delegates to them. */
  readonly http: readonly HttpRule[];
  /** What `http` is like. */
  readonly facts: HttpFacts;
  /** Where its `tls` and `tcp` lead to, fully qualified. */
  readonly connectionDestinations: readonly DestinationPort[];
  /** What became of its references to delegates, in order. */
  readonly delegations: readonly Delegation[];
  readonly loaded: LoadedObject;
}

export interface DestinationPort {
  readonly host: string;
  readonly port?: { readonly number: number };
}

interface HttpFacts {
  /** Label keys that some match asks the client workload for. */
  readonly sourceLabelKeys: readonly string[];
  /** Whether some match asks who the client is, by labels or namespace. */
  readonly dependsOnSource: boolean;
  /** Fully qualified hosts that the routes name as destinations. */
  readonly destinations: readonly string[];
}

/** `exportTo` is what a rule without one means. */
export function virtualServiceOf(
  stored: StoredObject,
  domain: string,
  exportTo?: readonly string[],
): VirtualServiceRule | undefined {
  const { object } = stored.loaded;
  if (!isKind(object, "networking.istio.io", "VirtualService")) return undefined;
  const { spec, metadata } = object;
  const { namespace } = metadata;
  const resolve = (host: string): string => resolveShortName(host, namespace, domain).toLowerCase();
  const origin = originOf(stored.loaded);
  const http = httpRulesOf(spec.http, origin, domain);
  return {
    origin,
    createdAt: stored.createdAt,
    spec,
    hosts: [...new Set((spec.hosts ?? []).map(resolve))],
    gateways:
      spec.gateways === undefined || spec.gateways.length === 0
        ? [MESH_GATEWAY]
        : [...new Set(spec.gateways.map((reference) => resolveGatewayName(reference, namespace)))],
    visibility: parseExportTo(spec.exportTo, namespace, exportTo),
    hasHttp: http.length > 0,
    http,
    facts: httpFacts(http),
    connectionDestinations: [...(spec.tls ?? []), ...(spec.tcp ?? [])]
      .flatMap(({ route = [] }) => route)
      .map(({ destination: { host, port } }) => ({ host: resolve(host), ...(port === undefined ? {} : { port }) })),
    delegations: [],
    loaded: stored.loaded,
  };
}

export function httpFacts(http: readonly HttpRule[]): HttpFacts {
  const matches = http.flatMap(({ route: { match = [] } }) => match);
  return {
    sourceLabelKeys: [...new Set(matches.flatMap(({ sourceLabels = {} }) => Object.keys(sourceLabels)))],
    dependsOnSource: matches.some(
      ({ sourceLabels, sourceNamespace }) => sourceLabels !== undefined || sourceNamespace !== undefined,
    ),
    destinations: destinationHosts(http),
  };
}

/**
 * The order in which the rules that a namespace sees compete for a host: its own private ones, then those exported to
 * it by name, then the public ones; oldest first within each.
 * (istio/istio `pilot/pkg/model/push_context.go` VirtualServicesForGateway)
 */
export function visibleRules(
  rules: readonly VirtualServiceRule[],
  namespace: string,
  gateway: string,
): readonly VirtualServiceRule[] {
  const groups: [VirtualServiceRule[], VirtualServiceRule[], VirtualServiceRule[]] = [[], [], []];
  for (const rule of rules) {
    if (!rule.gateways.includes(gateway) || !isVisibleTo(rule.visibility, namespace)) continue;
    const own = rule.origin.namespace;
    const group = own === namespace && isPrivate(rule.visibility, own) ? 0 : rule.visibility.type === "public" ? 2 : 1;
    groups[group].push(rule);
  }
  return groups.flat();
}
