/** Rules for VirtualService (istio/istio `pkg/config/validation`, ValidateVirtualService). */
import { isIP } from "../address.ts";
import type { Path } from "../diagnostic.ts";
import { hostMatches, isWildcard, MESH_GATEWAY } from "../host.ts";
import type { StringMatch, VirtualServiceSpec } from "../kinds/istio/virtual-service.ts";
import type { ResourceObject } from "../kinds/registry.ts";
import { routingClaim } from "../routing-claim.ts";
import { validateDestinations, validateHttpRoute } from "./http-route.ts";
import { eachRepeated } from "./reporter.ts";
import type { Reporter } from "./reporter.ts";
import { validateExportTo, validateGatewayNames } from "./scope.ts";
import { warnUnreachable } from "./unreachable.ts";

type VirtualService = ResourceObject<"networking.istio.io", "VirtualService">;

export function validateVirtualService({ spec, metadata }: VirtualService, reporter: Reporter): void {
  const { hosts = [], gateways = [], http = [], tls = [], tcp = [] } = spec;
  const isDelegate = hosts.length === 0;
  const appliesToMesh = gateways.length === 0 || gateways.includes(MESH_GATEWAY);
  if (isDelegate) validateDelegate(spec, reporter);
  validateGatewayNames(gateways, ["spec", "gateways"], reporter);
  validateHosts(hosts, appliesToMesh, reporter);
  validateExportTo(spec.exportTo, metadata.namespace, reporter);
  if (http.length + tls.length + tcp.length === 0) {
    reporter.error(["spec"], "has no routes", "at least one of http, tls, tcp");
  }
  for (const [index, route] of http.entries()) {
    validateHttpRoute(route, isDelegate, ["spec", "http", index], reporter);
  }
  // A delegate's gateways are its root's, which may well be ingress gateways.
  validateClaimMatches(spec, appliesToMesh && !isDelegate, reporter);
  for (const [index, route] of tls.entries()) {
    const path = ["spec", "tls", index];
    if ((route.route ?? []).length === 0) reporter.error(path, "has no destination", "a route");
    validateDestinations(route.route ?? [], [...path, "route"], reporter);
    for (const [position, match] of route.match.entries()) {
      const at = [...path, "match", position];
      validateSniHosts(match.sniHosts, hosts, [...at, "sniHosts"], reporter);
      validateGatewayNames(match.gateways ?? [], [...at, "gateways"], reporter);
    }
  }
  for (const [index, route] of tcp.entries()) {
    const path = ["spec", "tcp", index];
    if ((route.route ?? []).length === 0) reporter.error(path, "has no destination", "a route");
    validateDestinations(route.route ?? [], [...path, "route"], reporter);
    for (const [position, match] of (route.match ?? []).entries()) {
      validateGatewayNames(match.gateways ?? [], [...path, "match", position, "gateways"], reporter);
    }
  }
  warnUnreachable(spec, reporter);
}

function validateDelegate(spec: VirtualServiceSpec, { error }: Reporter): void {
  for (const field of ["gateways", "tls", "tcp"] as const) {
    if ((spec[field] ?? []).length === 0) continue;
    error(["spec", field], "is set without hosts", "hosts, or (in a delegate) only http");
  }
}

function validateHosts(hosts: readonly string[], appliesToMesh: boolean, { error }: Reporter): void {
  const names = hosts.map((host) => host.toLowerCase());
  for (const [index, host] of hosts.entries()) {
    if (host !== "*" || !appliesToMesh) continue;
    const message = 'is "*", which would catch all traffic of every sidecar';
    error(["spec", "hosts", index], message, "hosts of services, or gateways without mesh");
  }
  eachRepeated(
    names,
    (name) => name,
    (index) => error(["spec", "hosts", index], `"${hosts[index]!}" is listed twice`, "hosts that do not overlap"),
  );
  const wildcards = new Map(names.map((name, index): [string, number] => [name, index]).filter(([n]) => isWildcard(n)));
  for (const [index, name] of names.entries()) {
    const cover = coveringWildcard(name, wildcards);
    if (cover === undefined) continue;
    const later = Math.max(index, cover);
    const message = `"${hosts[later]!}" overlaps "${hosts[Math.min(index, cover)]!}"`;
    error(["spec", "hosts", later], message, "hosts that do not overlap");
  }
}

/** Index of a wildcard, other than the name itself, that covers the name; the longest one. */
function coveringWildcard(name: string, wildcards: ReadonlyMap<string, number>): number | undefined {
  for (let start = isWildcard(name) ? 2 : 0; start <= name.length; start++) {
    const index = wildcards.get(`*${name.slice(start)}`);
    if (index !== undefined) return index;
  }
  return undefined;
}

const CLAIM_FORMS = "@request.auth.claims.NAME, or @request.auth.claims[NAME], for claims of tokens";

/** @param inMesh sidecars, which verify no tokens of what leaves, use the routes */
function validateClaimMatches(spec: VirtualServiceSpec, inMesh: boolean, { error }: Reporter): void {
  const check = (headers: Readonly<Record<string, StringMatch>> | undefined, path: Path): void => {
    for (const name of Object.keys(headers ?? {})) {
      if (routingClaim(name) === undefined) {
        if (name.startsWith("@")) error([...path, name], "is the name of no header", CLAIM_FORMS);
      } else if (inMesh) {
        error([...path, name], "JWT claims are known to gateways only", "gateways without mesh");
      }
    }
  };
  for (const [index, route] of (spec.http ?? []).entries()) {
    for (const [position, match] of (route.match ?? []).entries()) {
      const path = ["spec", "http", index, "match", position];
      check(match.headers, [...path, "headers"]);
      check(match.withoutHeaders, [...path, "withoutHeaders"]);
    }
  }
}

function validateSniHosts(sniHosts: readonly string[], hosts: readonly string[], path: Path, reporter: Reporter): void {
  for (const [index, sni] of sniHosts.entries()) {
    if (isIP(sni)) {
      reporter.warning([...path, index], `${JSON.stringify(sni)} is an IP address, which clients do not send as SNI`);
    } else if (!hosts.some((host) => hostMatches(host, sni))) {
      reporter.error(
        [...path, index],
        `${JSON.stringify(sni)} lies outside the hosts`,
        `a name within ${hosts.join(", ")}`,
      );
    }
  }
}
