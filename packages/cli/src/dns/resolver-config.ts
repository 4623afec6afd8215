/** What resolv.conf says on this machine, and what a captured program finds there. (resolv.conf(5)) */
import { isIP } from "node:net";

export interface ResolverConfig {
  readonly servers: readonly string[];
  readonly search: readonly string[];
}

export function parseResolverConfig(text: string): ResolverConfig {
  const servers: string[] = [];
  let search: readonly string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    const address = values[0]?.replace(/%.*$/, "") ?? "";
    if (keyword === "nameserver" && isIP(address) !== 0) servers.push(address);
    // The last of several counts.
    if (keyword === "search" || keyword === "domain") search = values;
  }
  return { servers, search };
}

/** A server of this machine alone: nobody in another network namespace reaches it. */
export function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

/** Short names are looked up in the workload's namespace first, as on Kubernetes. */
export function resolverConfigFor(namespace: string, domain: string, { search }: ResolverConfig): string {
  const own = [`${namespace}.svc.${domain}`, `svc.${domain}`, domain];
  return ["nameserver 127.0.0.1", `search ${[...own, ...search].join(" ")}`, ""].join("\n");
}

/** The same name services, but names come by DNS: a daemon of this machine would be asked over its socket, past the namespace. */
export function nameServicesFor(hostsConfig: string): string {
  const line = "hosts: files dns";
  return /^hosts:/m.test(hostsConfig) ? hostsConfig.replace(/^hosts:.*$/m, line) : `${hostsConfig}\n${line}\n`;
}
