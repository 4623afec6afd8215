/** Under which Host headers a service or a VirtualService's own host is found. */
import { isIP } from "@tulle/api";
import type { MeshService, ServicePort } from "../model/service.ts";
import { bracketed } from "./names.ts";

/** Port of requests whose Host header has none. */
export const HTTP_PORT = 80;

/**
 * All names of a service for a client in `namespace`, the full one first: `reviews.default.svc.cluster.local`, `reviews.default`,
 * `reviews.default.svc` and, in its own namespace, `reviews`. (istio/istio `httproute.go` GenerateAltVirtualHosts)
 */
export function serviceNames(service: MeshService, namespace: string): readonly string[] {
  const { host, name, addresses } = service;
  const own = [host, ...addresses.map(bracketed)];
  if (!service.kubernetes) return own;
  const inNamespace = `${name}.${service.namespace}`.toLowerCase();
  const short = [inNamespace, `${inNamespace}.svc`];
  return [...own, `${host}.`, ...short, ...(namespace === service.namespace ? [name.toLowerCase()] : [])];
}

/**
 * The port that `http://reviews/` means behind an explicit HTTP proxy: 80 if the service has it, as everywhere; else its
 * only HTTP port. (Not Istio's: there such a name leads nowhere. Outside Kubernetes nobody remaps 80 for it.)
 */
export function portWithoutNumber(httpPorts: readonly ServicePort[]): number | undefined {
  if (httpPorts.some(({ number }) => number === HTTP_PORT)) return HTTP_PORT;
  return httpPorts.length === 1 ? httpPorts[0]!.number : undefined;
}

/** Behind an explicit HTTP proxy the port is part of the name. */
export function proxyDomains(names: readonly string[], port: number, withoutNumber: boolean): readonly string[] {
  const numbered = names.map((name) => `${name}:${port}`);
  return withoutNumber ? [...names, ...numbered] : numbered;
}

/** At a gateway any port in the Host header will do: clients see ports that are mapped on the way. */
export function gatewayDomains(host: string): readonly string[] {
  return [isIP(host) ? bracketed(host) : host];
}

/** Domains by owner, each domain at most once: a proxy refuses a route configuration that has one twice. */
export function claimDomains<K>(
  claims: readonly { readonly owner: K; readonly domains: readonly string[] }[],
): Map<K, string[]> {
  const taken = new Set<string>();
  const result = new Map<K, string[]>();
  for (const { owner, domains } of claims) {
    const own = result.get(owner) ?? [];
    for (const domain of domains) {
      if (taken.has(domain)) continue;
      taken.add(domain);
      own.push(domain);
    }
    result.set(owner, own);
  }
  return result;
}
