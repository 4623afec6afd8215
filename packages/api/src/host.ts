/**
 * Istio's rules for host names: short names, wildcards, "most specific", gateway references, `namespace/host` pairs.
 * Sources: istio/istio `pilot/pkg/model/config.go` (ResolveShortnameToFQDN, MostSpecificHostMatch), `pkg/config/host`.
 */
import { isIPv6 } from "./address.ts";

export const DEFAULT_DOMAIN = "cluster.local";

/** Gateway name that stands for all sidecars. */
export const MESH_GATEWAY = "mesh";

/**
 * A name without a dot belongs to the namespace of the object that uses it; anything else is left alone
 * (`reviews.prod` is not expanded; neither are `*` and IP addresses).
 */
export function resolveShortName(host: string, namespace: string, domain: string = DEFAULT_DOMAIN): string {
  if (host === "" || host === "*" || host.includes(".") || isIPv6(host)) return host;
  return serviceHost(host, namespace, domain);
}

/** `reviews`, `default` → `reviews.default.svc.cluster.local`. */
export function serviceHost(name: string, namespace: string, domain: string = DEFAULT_DOMAIN): string {
  return `${name}.${namespace}.svc.${domain}`;
}

/**
 * A gateway reference of a VirtualService as `namespace/name`; `mesh` stays. `namespace` is the VirtualService's. The
 * old form `name.namespace[.svc.domain]` is understood.
 */
export function resolveGatewayName(reference: string, namespace: string): string {
  if (reference === MESH_GATEWAY) return reference;
  const slash = reference.indexOf("/");
  if (slash >= 0) return slash === 1 && reference.startsWith(".") ? `${namespace}${reference.slice(1)}` : reference;
  const [name, ownerNamespace] = reference.split(".");
  return ownerNamespace === undefined || ownerNamespace === ""
    ? `${namespace}/${reference}`
    : `${ownerNamespace}/${name!}`;
}

export function isWildcard(host: string): boolean {
  return host.startsWith("*");
}

/** Whether everything `host` stands for is also covered by `pattern` (either may be a wildcard). Case-insensitive. */
export function hostMatches(pattern: string, host: string): boolean {
  const wide = pattern.toLowerCase();
  const narrow = host.toLowerCase();
  if (!isWildcard(wide)) return wide === narrow;
  return isWildcard(narrow) ? narrow.slice(1).endsWith(wide.slice(1)) : endsAfterStart(narrow, wide.slice(1));
}

/** Whether some name is covered by both. */
export function hostsIntersect(a: string, b: string): boolean {
  return hostMatches(a, b) || hostMatches(b, a);
}

function endsAfterStart(name: string, suffix: string): boolean {
  return name.length >= suffix.length && name.endsWith(suffix);
}

/** Sort order: exact names before wildcards, longer before shorter, then by name. */
export function compareSpecificity(a: string, b: string): number {
  const wildA = isWildcard(a);
  if (wildA !== isWildcard(b)) return wildA ? 1 : -1;
  if (a.length !== b.length) return b.length - a.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The candidate that covers the host and is most specific: the exact name, else the longest wildcard. */
export function mostSpecificMatch(host: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  for (const candidate of candidates) {
    if (!hostMatches(candidate, host)) continue;
    if (best === undefined || compareSpecificity(candidate, best) < 0) best = candidate;
  }
  return best;
}

export interface NamespacedHost {
  /** A namespace name, `*` (any), `.` (the object's own) or `~` (none). */
  readonly namespace: string;
  readonly host: string;
}

/** Hosts of Gateway servers and Sidecar egress: `[namespace/]host`; without namespace `*`. */
export function parseNamespacedHost(text: string): NamespacedHost {
  const slash = text.indexOf("/");
  return slash < 0 ? { namespace: "*", host: text } : { namespace: text.slice(0, slash), host: text.slice(slash + 1) };
}
