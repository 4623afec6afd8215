/** What a Sidecar's egress listeners let a client see. (istio/istio `pilot/pkg/model/sidecar.go`) */
import { hostMatches, hostsIntersect, isWildcard, parseProtocol } from "@tulle/api";
import type { SidecarEgress } from "@tulle/api";
import type { MeshService } from "./service.ts";
import { httpCarrier } from "./service.ts";
import { shareList } from "./sharing.ts";
import type { SidecarRule } from "./sidecar.ts";
import type { DestinationPort, VirtualServiceRule } from "./virtual-service.ts";

/** Ports of a service; undefined: all. */
type Ports = ReadonlySet<number> | undefined;

/** What one egress listener imports. */
export interface EgressScope {
  /** Undefined: it stands for every port that no other listener is for. */
  readonly port: number | undefined;
  /** Whether its port is that of an HTTP proxy, behind which there are the ports of all services. */
  readonly isProxy: boolean;
  readonly services: readonly MeshService[];
  readonly rules: readonly VirtualServiceRule[];
}

export interface Scope {
  readonly listeners: readonly EgressScope[];
  /** All that any listener imports, and what the rules among that lead to. */
  readonly services: readonly MeshService[];
  /** Services of which only some ports are imported. */
  readonly ports: ReadonlyMap<MeshService, ReadonlySet<number>>;
}

const ALL_PORTS: ReadonlyMap<MeshService, ReadonlySet<number>> = new Map();

/** Without a Sidecar, or one that says nothing of egress, a client sees all that is exported to it. */
export function wholeScope(services: readonly MeshService[], rules: readonly VirtualServiceRule[]): Scope {
  return { listeners: [{ port: undefined, isProxy: false, services, rules }], services, ports: ALL_PORTS };
}

/** `services` and `rules` are those that are exported to the client's namespace. */
export function scopeOf(
  { spec }: SidecarRule,
  namespace: string,
  services: readonly MeshService[],
  rules: readonly VirtualServiceRule[],
  previous: Scope | undefined,
): Scope {
  const egress = spec.egress ?? [];
  if (egress.length === 0) return wholeScope(services, rules);
  const listeners = egress.map((listener, index) =>
    egressScope(listener, namespace, services, rules, previous?.listeners[index]),
  );
  const next = imported(listeners, namespace, services);
  const before = previous?.ports;
  return {
    listeners,
    services: next.services,
    ports: before !== undefined && samePorts(before, next.ports) ? before : next.ports,
  };
}

function samePorts(a: Scope["ports"], b: Scope["ports"]): boolean {
  return (
    a.size === b.size &&
    [...a].every(([service, ports]) => {
      const other = b.get(service);
      return other !== undefined && ports.symmetricDifference(other).size === 0;
    })
  );
}

function egressScope(
  { port, hosts }: SidecarEgress,
  namespace: string,
  services: readonly MeshService[],
  rules: readonly VirtualServiceRule[],
  previous: EgressScope | undefined,
): EgressScope {
  const imports = parseHosts(hosts, namespace);
  const number = port?.number === 0 ? undefined : port?.number;
  const isProxy = isProxyProtocol(port?.protocol);
  const hasPort = ({ ports }: MeshService): boolean =>
    number === undefined || isProxy || ports.some((one) => one.number === number);
  return {
    port: number,
    isProxy,
    services: shareList(
      previous?.services,
      services.filter((service) => importsService(imports, service) && hasPort(service)),
    ),
    rules: shareList(
      previous?.rules,
      rules.filter((rule) => importsRule(imports, rule)),
    ),
  };
}

/** Istio's HTTP_PROXY: which service a request is for is in its Host header, port and all. */
function isProxyProtocol(protocol: string | undefined): boolean {
  return protocol?.toUpperCase() === "HTTP_PROXY";
}

/** Whether an entry of `hosts` is for things that are not there. Entries that exclude, or ask for nothing, are as they should be. */
export function importsNothing(
  host: string,
  namespace: string,
  services: readonly MeshService[],
  rules: readonly VirtualServiceRule[],
): boolean {
  if (host.startsWith("~")) return false;
  const imports = parseHosts([host], namespace);
  return (
    !services.some((service) => importsService(imports, service)) && !rules.some((rule) => importsRule(imports, rule))
  );
}

/** Whether requests of a listener of that protocol are carried; an undeclared one is HTTP's. */
export function carriesHttp(protocol: string | undefined): boolean {
  return isProxyProtocol(protocol) || httpCarrier(parseProtocol(protocol ?? "") ?? "AUTO") !== undefined;
}

interface HostSet {
  readonly included: string[];
  readonly excluded: string[];
}

/** By namespace; `*` is any. */
type Imports = ReadonlyMap<string, HostSet>;

/** `namespace/host`, where `.` is the client's namespace and `~` in front excludes. (convertIstioListenerToWrapper) */
function parseHosts(hosts: readonly string[], namespace: string): Imports {
  const imports = new Map<string, HostSet>();
  for (const text of hosts) {
    const slash = text.indexOf("/");
    const excludes = text.startsWith("~");
    const written = text.slice(excludes ? 1 : 0, slash);
    const owner = written === "" ? "*" : written === "." ? namespace : written;
    const set = imports.get(owner) ?? { included: [], excluded: [] };
    (excludes ? set.excluded : set.included).push(text.slice(slash + 1).toLowerCase());
    imports.set(owner, set);
  }
  return imports;
}

function importsService(imports: Imports, { host, namespace }: MeshService): boolean {
  const sets = [imports.get(namespace), imports.get("*")];
  if (sets.some((set) => set?.excluded.some((pattern) => hostMatches(pattern, host)))) return false;
  return sets.some((set) => set?.included.some((pattern) => hostMatches(pattern, host)));
}

/** A rule whose host is wider than what is imported is wanted too. (SelectVirtualServices) */
function importsRule(imports: Imports, { hosts, origin }: VirtualServiceRule): boolean {
  const sets = [imports.get(origin.namespace), imports.get("*")];
  return hosts.some((host) => {
    if (sets.some((set) => set?.excluded.some((pattern) => hostMatches(pattern, host)))) return false;
    return sets.some((set) =>
      set?.included.some((pattern) =>
        isWildcard(host) || isWildcard(pattern) ? hostsIntersect(pattern, host) : pattern === host,
      ),
    );
  });
}

/** What is asked for comes before what rules lead to, of which only the ports are taken that they name. (collectImportedServices) */
function imported(
  listeners: readonly EgressScope[],
  namespace: string,
  services: readonly MeshService[],
): Pick<Scope, "services" | "ports"> {
  const taken = new Map<MeshService, Ports>();
  const take = (service: MeshService, ports: Ports): void => {
    const before = taken.get(service);
    if (!taken.has(service)) taken.set(service, ports);
    else if (before !== undefined) taken.set(service, ports === undefined ? undefined : new Set([...before, ...ports]));
  };
  const byHost = new Map(services.map((service) => [service.host, service]));
  for (const { port, isProxy, services: own, rules } of listeners) {
    const only = port === undefined || isProxy ? undefined : new Set([port]);
    for (const service of own) take(service, only);
    for (const [host, ports] of destinationsOf(rules, namespace)) {
      const service = byHost.get(host);
      if (service !== undefined && !own.includes(service)) take(service, only ?? ports);
    }
  }
  const limited = [...taken].flatMap(([service, ports]) => (ports === undefined ? [] : [[service, ports] as const]));
  return {
    services: services.filter((service) => taken.has(service)),
    ports: limited.length === 0 ? ALL_PORTS : new Map(limited),
  };
}

/** Hosts that the rules send to on behalf of a namespace, with the ports that they name; undefined: all. */
function destinationsOf(rules: readonly VirtualServiceRule[], namespace: string): ReadonlyMap<string, Ports> {
  const found = new Map<string, Set<number> | undefined>();
  const add = ({ host, port }: DestinationPort): void => {
    if (port === undefined) found.set(host, undefined);
    else if (!found.has(host)) found.set(host, new Set([port.number]));
    else found.get(host)?.add(port.number);
  };
  for (const { http, connectionDestinations } of rules) {
    for (const destination of connectionDestinations) add(destination);
    for (const { route: item } of http) {
      const { match = [], route = [], mirror, mirrors = [] } = item;
      const mayHold =
        match.length === 0 ||
        match.some(({ sourceNamespace }) => sourceNamespace === undefined || sourceNamespace === namespace);
      if (!mayHold) continue;
      for (const { destination } of route) add(destination);
      for (const { destination } of mirrors) add(destination);
      if (mirror !== undefined) add(mirror);
    }
  }
  return found;
}

/** The listener that requests for a port come through; port 0 is none in particular. (GetEgressListenerForRDS) */
export function listenerFor({ listeners }: Scope, port: number): EgressScope | undefined {
  return listeners.find((listener) => listener.port === undefined || listener.port === port);
}
