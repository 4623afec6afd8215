import {
  isWildcard,
  matchesLabels,
  MESH_GATEWAY,
  resolveGatewayName,
  resolveShortName,
  routingClaim,
} from "@tulle/api";
import type { Destination, HttpMatchRequest, IstioHeaders, Path } from "@tulle/api";
import { boundHosts, readsRequests } from "../model/gateway.ts";
import { HostIndex } from "../model/host-index.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { VirtualServiceRule } from "../model/virtual-service.ts";
import { visibleRules } from "../model/virtual-service.ts";
import { serviceNames } from "../translate/domains.ts";
import { isHeaderFormat } from "../translate/header-format.ts";
import { isRedirectCode } from "../translate/route-answer.ts";
import { connectionFindings } from "./connection-status.ts";
import { destinationFindings } from "./destination-status.ts";
import { delegateFindings, delegationFindings } from "./delegation-status.ts";
import type { Finding } from "./object-status.ts";
import { finding } from "./object-status.ts";

export function virtualServiceFindings(snapshot: Snapshot, rule: VirtualServiceRule): readonly Finding[] {
  if (rule.visibility.type === "none") {
    return [finding("Ignored", ["spec", "exportTo"], 'it is exported to nobody ("~")')];
  }
  const connections = connectionFindings(snapshot, rule);
  if (!rule.hasHttp) return connections;
  if (rule.hosts.length === 0) return [...delegateFindings(snapshot, rule), ...routeFindings(snapshot, rule)];
  const places =
    rule.http.length === 0
      ? [
          finding(
            "Ignored",
            ["spec", "http"],
            "none of its routes is left, so its hosts are routed as if it were not there",
          ),
        ]
      : rule.gateways.flatMap((gateway, index) =>
          gateway === MESH_GATEWAY ? meshFindings(snapshot, rule) : gatewayFindings(snapshot, rule, gateway, index),
        );
  const unbound = rule.http.length === 0 ? [] : unboundHosts(snapshot, rule);
  return [...places, ...unbound, ...delegationFindings(rule), ...routeFindings(snapshot, rule), ...connections];
}

/** Hosts that none of its gateways has, where they have others of it. */
function unboundHosts(snapshot: Snapshot, rule: VirtualServiceRule): readonly Finding[] {
  if (rule.gateways.includes(MESH_GATEWAY)) return [];
  const gateways = snapshot.gateways.filter(({ key }) => rule.gateways.includes(key));
  const admits = (host: string): boolean =>
    gateways.some(({ spec, origin }) =>
      spec.servers.some(({ hosts }) => boundHosts(hosts, origin.namespace, { ...rule, hosts: [host] }).length > 0),
    );
  const unbound = rule.hosts.filter((host) => !admits(host));
  if (unbound.length === rule.hosts.length) return [];
  return unbound.map((host) =>
    finding("Ignored", ["spec", "hosts", hostPosition(rule, host, snapshot)], "no server of its gateways admits it"),
  );
}

/** A namespace in which the rule counts: its own, unless it is exported to others only. */
function seenFrom({ visibility, origin }: VirtualServiceRule): string {
  const others = visibility.type === "namespaces" && !visibility.namespaces.has(origin.namespace);
  return others ? [...visibility.namespaces][0]! : origin.namespace;
}

const indices = new WeakMap<Snapshot, Map<string, HostIndex<VirtualServiceRule>>>();

function meshIndex(snapshot: Snapshot, namespace: string): HostIndex<VirtualServiceRule> {
  let byNamespace = indices.get(snapshot);
  if (byNamespace === undefined) indices.set(snapshot, (byNamespace = new Map()));
  let index = byNamespace.get(namespace);
  if (index === undefined) {
    const rules = visibleRules(snapshot.virtualServices, namespace, MESH_GATEWAY).filter(({ http }) => http.length > 0);
    index = new HostIndex(rules, ({ hosts }) => hosts);
    byNamespace.set(namespace, index);
  }
  return index;
}

function meshFindings(snapshot: Snapshot, rule: VirtualServiceRule): readonly Finding[] {
  const index = meshIndex(snapshot, seenFrom(rule));
  return rule.hosts.flatMap((host): Finding[] => {
    const path: Path = ["spec", "hosts", hostPosition(rule, host, snapshot)];
    const winner = index.find(host);
    if (winner !== undefined && winner !== rule) {
      return [
        finding(
          "Shadowed",
          path,
          `${host} is routed by an older VirtualService; rules for one host are not merged`,
          winner.origin,
        ),
      ];
    }
    if (isWildcard(host))
      return [finding("InForce", path, `routes HTTP for ${host}, where no VirtualService is more specific`)];
    if (snapshot.serviceByHost.has(host)) return [finding("InForce", path, `routes HTTP for ${host}`)];
    const meant = snapshot.services.find((service) => serviceNames(service, rule.origin.namespace).includes(host));
    if (meant !== undefined) {
      const message = `${host} has a dot, so it is taken as a full name, which no service has; write ${meant.host}`;
      return [finding("Ignored", path, message)];
    }
    return [finding("InForce", path, `no service is called ${host}: it applies to requests for that host on port 80`)];
  });
}

function hostPosition(rule: VirtualServiceRule, host: string, { options }: Snapshot): number {
  const { namespace } = rule.origin;
  const written = rule.spec.hosts ?? [];
  return written.findIndex((text) => resolveShortName(text, namespace, options.domain).toLowerCase() === host);
}

function gatewayFindings(snapshot: Snapshot, rule: VirtualServiceRule, key: string, index: number): readonly Finding[] {
  const path: Path = rule.spec.gateways === undefined ? ["spec"] : ["spec", "gateways", index];
  const gateway = snapshot.gateways.find((candidate) => candidate.key === key);
  if (gateway === undefined) return [finding("Ignored", path, `there is no Gateway ${key}`)];
  const bound = gateway.spec.servers.filter(
    ({ hosts }) => boundHosts(hosts, gateway.origin.namespace, rule).length > 0,
  );
  if (bound.length === 0) {
    return [
      finding(
        "Ignored",
        path,
        `no server of Gateway ${key} admits ${rule.hosts.join(", ")} from namespace ${rule.origin.namespace}`,
      ),
    ];
  }
  const http = bound.filter(readsRequests);
  if (http.length === 0) {
    const connections = rule.connectionDestinations.length > 0;
    return connections ? [] : [finding("Ignored", path, `no server of Gateway ${key} for these hosts reads requests`)];
  }
  const ports = http.map(({ port }) => port.number).join(", ");
  const { visibility } = rule;
  const whose =
    visibility.type === "namespaces" ? `, by proxies in ${[...visibility.namespaces].join(", ")} alone` : "";
  return [finding("InForce", path, `routes HTTP at Gateway ${key}, port ${ports}${whose}`)];
}

/** About the routes as they are written in this object, whoever uses them. */
function routeFindings(snapshot: Snapshot, rule: VirtualServiceRule): readonly Finding[] {
  return (rule.spec.http ?? []).flatMap((http, i): readonly Finding[] => {
    const path: Path = ["spec", "http", i];
    const destinations: [Destination, Path][] = [
      ...(http.route ?? []).map(({ destination }, j): [Destination, Path] => [
        destination,
        ["route", j, "destination"],
      ]),
      ...(http.mirror === undefined ? [] : [[http.mirror, ["mirror"]] satisfies [Destination, Path]]),
      ...(http.mirrors ?? []).map(({ destination }, j): [Destination, Path] => [
        destination,
        ["mirrors", j, "destination"],
      ]),
    ];
    return [
      ...destinations.flatMap(([destination, at]) =>
        destinationFindings(snapshot, rule, destination, [...path, ...at]),
      ),
      ...headerFindings(http.headers, [...path, "headers"]),
      ...(http.route ?? []).flatMap(({ headers }, j) => headerFindings(headers, [...path, "route", j, "headers"])),
      ...(http.match ?? []).flatMap((match, j) => matchFindings(snapshot, rule, match, [...path, "match", j])),
      ...(http.redirect?.redirectCode !== undefined && !isRedirectCode(http.redirect.redirectCode)
        ? [
            finding(
              "Invalid",
              [...path, "redirect", "redirectCode"],
              "is none of 301, 302, 303, 307 and 308; the route is left out",
            ),
          ]
        : []),
    ];
  });
}

/** Values that look like formats and are none. */
function headerFindings(headers: IstioHeaders | undefined, path: Path): readonly Finding[] {
  return (["request", "response"] as const).flatMap((side) =>
    (["set", "add"] as const).flatMap((operation) =>
      Object.entries(headers?.[side]?.[operation] ?? {})
        .filter(([, value]) => !isHeaderFormat(value))
        .map(([name, value]) =>
          finding(
            "Invalid",
            [...path, side, operation, name],
            `${JSON.stringify(value)} has a command that proxies do not have; it is sent as it is written`,
          ),
        ),
    ),
  );
}

/** Claims that nobody finds out: no RequestAuthentication is for the proxies. (istio/istio IST0149) */
function claimFindings(
  { gateways, requestAuthentications }: Snapshot,
  rule: VirtualServiceRule,
  match: HttpMatchRequest,
  path: Path,
): readonly Finding[] {
  const keys = (["headers", "withoutHeaders"] as const).flatMap((field) =>
    Object.keys(match[field] ?? {}).flatMap((key) => (routingClaim(key) === undefined ? [] : [[field, key] as const])),
  );
  if (keys.length === 0) return [];
  // Gateways' proxies register nowhere; their Gateways name labels that they have.
  const unverified = gateways.filter(
    ({ key, spec }) =>
      rule.gateways.includes(key) &&
      !requestAuthentications.some(({ scope }) => matchesLabels(scope.selector, spec.selector ?? {})),
  );
  return unverified.flatMap((gateway) =>
    keys.map(([field, key]) =>
      finding(
        "Ignored",
        [...path, field, key],
        `no RequestAuthentication is for the proxies of Gateway ${gateway.key}, so no request there has claims; ` +
          `this ${field === "headers" ? "never" : "always"} holds`,
      ),
    ),
  );
}

/** Matches that never hold. */
function matchFindings(
  snapshot: Snapshot,
  rule: VirtualServiceRule,
  match: HttpMatchRequest,
  path: Path,
): readonly Finding[] {
  const claims = claimFindings(snapshot, rule, match, path);
  // A delegate's gateways are those of whoever delegates to it.
  if (rule.hosts.length === 0 || match.gateways === undefined || match.gateways.length === 0) return claims;
  const gateways = match.gateways.map((name) => resolveGatewayName(name, rule.origin.namespace));
  if (gateways.some((name) => rule.gateways.includes(name))) return claims;
  const message = `the VirtualService is not bound to ${gateways.join(", ")}; this match never holds`;
  return [...claims, finding("Ignored", [...path, "gateways"], message)];
}
