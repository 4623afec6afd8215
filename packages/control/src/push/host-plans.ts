/** Which virtual hosts a route configuration has, with their domains: the part that does not depend on what rules say. */
import { isWildcard } from "@tulle/api";
import type { MeshService, ServicePort } from "../model/service.ts";
import type { VirtualServiceRule } from "../model/virtual-service.ts";
import { claimDomains, HTTP_PORT, portWithoutNumber, proxyDomains, serviceNames } from "../translate/domains.ts";
import { virtualHostName } from "../translate/names.ts";

/** A virtual host without its routes. */
export interface HostPlan {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly domains: readonly string[];
  /** Undefined for hosts that only VirtualServices know. */
  readonly service: MeshService | undefined;
}

interface Candidate {
  readonly host: string;
  readonly port: number;
  readonly service: MeshService | undefined;
  /** Full names claim before short ones, services before hosts that are none. */
  readonly primary: readonly string[];
  readonly secondary: readonly string[];
}

export interface HostPlanInput {
  readonly services: readonly MeshService[];
  readonly httpPorts: (service: MeshService) => readonly ServicePort[];
  /** Hosts of rules that are no services. */
  readonly ruleHosts: readonly string[];
  readonly namespace: string;
}

/** Behind an explicit HTTP proxy: every HTTP port of every service. */
export function proxyHostPlans(input: HostPlanInput): readonly HostPlan[] {
  const services = input.services.flatMap((service): Candidate[] => {
    const ports = input.httpPorts(service);
    const bare = portWithoutNumber(ports);
    const names = serviceNames(service, input.namespace);
    return ports.map(({ number }) => {
      const domains = (some: readonly string[]): readonly string[] => proxyDomains(some, number, number === bare);
      return {
        host: service.host,
        port: number,
        service,
        primary: domains(names.slice(0, 1)),
        secondary: domains(names.slice(1)),
      };
    });
  });
  const others = input.ruleHosts.map((host): Candidate => ({
    host,
    port: HTTP_PORT,
    service: undefined,
    primary: [],
    // A wildcard of everything has no form with a port.
    secondary: host === "*" ? [host] : proxyDomains([host], HTTP_PORT, true),
  }));
  return plansOf([...services, ...others]);
}

/** Behind a listener for one port: the services that have it. Host headers are matched without their port. */
export function portHostPlans(port: number, input: HostPlanInput): readonly HostPlan[] {
  const services = input.services
    .filter((service) => input.httpPorts(service).some(({ number }) => number === port))
    .map((service): Candidate => {
      const names = serviceNames(service, input.namespace);
      return { host: service.host, port, service, primary: names.slice(0, 1), secondary: names.slice(1) };
    });
  const others = port === HTTP_PORT ? input.ruleHosts : [];
  return plansOf([
    ...services,
    ...others.map((host): Candidate => ({ host, port, service: undefined, primary: [], secondary: [host] })),
  ]);
}

function plansOf(candidates: readonly Candidate[]): readonly HostPlan[] {
  const domains = claimDomains([
    ...candidates.map((owner) => ({ owner, domains: owner.primary })),
    ...candidates.map((owner) => ({ owner, domains: owner.secondary })),
  ]);
  return candidates.flatMap((candidate) => {
    const own = domains.get(candidate) ?? [];
    // A proxy refuses a virtual host without domains; all of this one's belong to others.
    if (own.length === 0) return [];
    const { host, port, service } = candidate;
    return [{ name: virtualHostName(host, port), host, port, domains: own, service }];
  });
}

/** Hosts of rules that no service has: names by themselves, and wildcards that cover no service. */
export function hostsWithoutService(
  rules: readonly VirtualServiceRule[],
  services: ReadonlyMap<string, MeshService>,
  isAttached: (host: string) => boolean,
): readonly string[] {
  const hosts = new Set(rules.flatMap((rule) => rule.hosts));
  return [...hosts].filter((host) => (isWildcard(host) ? !isAttached(host) : !services.has(host))).sort();
}
