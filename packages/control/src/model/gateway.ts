/** Istio Gateways: which servers a gateway workload opens, and which VirtualServices are bound to them. */
import {
  hostMatches,
  hostsIntersect,
  isHttpProtocol,
  isKind,
  isTlsProtocol,
  isVisibleTo,
  matchesLabels,
  parseNamespacedHost,
  parseProtocol,
} from "@tulle/api";
import type { GatewayServer, GatewaySpec, Labels } from "@tulle/api";
import { someHoldFor } from "./http-rule.ts";
import type { Origin } from "./origin.ts";
import { originOf } from "./origin.ts";
import type { StoredObject } from "./stored-object.ts";
import type { VirtualServiceRule } from "./virtual-service.ts";
import { visibleRules } from "./virtual-service.ts";

export interface GatewayRule {
  readonly origin: Origin;
  readonly createdAt: number;
  /** `namespace/name`, as VirtualServices refer to it. */
  readonly key: string;
  readonly spec: GatewaySpec;
}

export function gatewayOf(stored: StoredObject): GatewayRule | undefined {
  const { object } = stored.loaded;
  if (!isKind(object, "networking.istio.io", "Gateway")) return undefined;
  const { namespace, name } = object.metadata;
  return {
    origin: originOf(stored.loaded),
    createdAt: stored.createdAt,
    key: `${namespace}/${name}`,
    spec: object.spec,
  };
}

/** What a server does with connections: reads requests, in plain text or once TLS has ended, or passes bytes on. */
type ServerKind =
  | "http"
  | "https"
  /** TLS passed on, by the names that clients ask for. */
  | "passthrough"
  /** The names say which services of other networks are meant. */
  | "auto passthrough"
  /** Bytes once TLS has ended. */
  | "tls"
  | "tcp";

export function kindOfServer({ port, tls }: GatewayServer): ServerKind {
  const protocol = parseProtocol(port.protocol) ?? "TCP";
  if (isHttpProtocol(protocol)) return "http";
  if (!isTlsProtocol(protocol)) return "tcp";
  const { mode = "PASSTHROUGH" } = tls ?? {};
  if (mode === "PASSTHROUGH") return "passthrough";
  if (mode === "AUTO_PASSTHROUGH") return "auto passthrough";
  return protocol === "HTTPS" ? "https" : "tls";
}

/** Whether its connections are read as HTTP. */
export function readsRequests(server: GatewayServer): boolean {
  const kind = kindOfServer(server);
  return kind === "http" || kind === "https";
}

/** Gateways whose selector the workload's labels satisfy; an absent selector selects every gateway workload. */
export function gatewaysOf(gateways: readonly GatewayRule[], labels: Labels): readonly GatewayRule[] {
  return gateways.filter(({ spec }) => matchesLabels(spec.selector, labels));
}

/** One server of one Gateway. */
export interface BoundServer {
  readonly gateway: GatewayRule;
  readonly server: GatewayServer;
  readonly index: number;
}

/** Of what is bound to one port either all are plain HTTP, or all speak TLS, or there is one that does neither: as the first is. */
export interface GatewayPort {
  readonly number: number;
  /** The address that its servers are bound to; "": all. */
  readonly bind: string;
  readonly family: "http" | "tls" | "tcp";
  readonly servers: readonly BoundServer[];
}

const FAMILIES: Readonly<Record<ServerKind, GatewayPort["family"]>> = {
  http: "http",
  https: "tls",
  passthrough: "tls",
  "auto passthrough": "tls",
  tls: "tls",
  tcp: "tcp",
};

/** Servers by where they are bound, in order of the gateways' creation. (istio/istio `pilot/pkg/model/gateway.go` mergeGateways) */
export function serversByPort(gateways: readonly GatewayRule[]): readonly GatewayPort[] {
  const bound = gateways.flatMap((gateway) =>
    gateway.spec.servers.map((server, index): BoundServer => ({ gateway, server, index })),
  );
  const byPlace = Map.groupBy(
    bound.filter(({ server: { bind = "" } }) => !bind.startsWith("unix://")),
    ({ server: { port, bind = "" } }) => `${port.number} ${bind}`,
  );
  return [...byPlace.values()].map((all): GatewayPort => {
    const [first] = all;
    const { port, bind = "" } = first!.server;
    const family = familyOf(first!);
    const servers = family === "tcp" ? [first!] : all.filter((each) => familyOf(each) === family);
    return { number: port.number, bind, family, servers };
  });
}

function familyOf({ server }: BoundServer): GatewayPort["family"] {
  return FAMILIES[kindOfServer(server)];
}

/** Whether some server passes bytes on. */
export function carriesBytes(gateways: readonly GatewayRule[]): boolean {
  return gateways.some(({ spec }) => spec.servers.some((server) => !readsRequests(server)));
}

/** Whether some server passes on what clients of the mesh ask for by name. */
export function passesOn(gateways: readonly GatewayRule[]): boolean {
  return gateways.some(({ spec }) => spec.servers.some((server) => kindOfServer(server) === "auto passthrough"));
}

/** Whether a server that does so does it for a service. (istio/istio `gateway.go` builtAutoPassthroughFilterChains) */
export function passesOnTo({ hosts }: GatewayServer, host: string): boolean {
  return hosts.some((text) => hostMatches(parseNamespacedHost(text.toLowerCase()).host, host));
}

/** Servers of a port that end TLS, with the names that they are asked for by: a name is the first's that has it. `*`: any. */
export function serverNames(
  servers: readonly BoundServer[],
): readonly { bound: BoundServer; names: readonly string[] }[] {
  const taken = new Set<string>();
  return servers.flatMap((bound) => {
    const all = bound.server.hosts.map((text) => parseNamespacedHost(text.toLowerCase()).host);
    const names = (all.includes("*") ? ["*"] : all).filter((name) => !taken.has(name));
    for (const name of names) taken.add(name);
    return names.length === 0 ? [] : [{ bound, names: [...new Set(names)] }];
  });
}

/** A virtual host of a gateway port: the rules bound to one host name, in order of creation. */
export interface GatewayHost {
  readonly host: string;
  readonly rules: readonly VirtualServiceRule[];
  /** Names of the gateways on whose behalf it is served. */
  readonly gateways: readonly string[];
  readonly httpsRedirect: boolean;
}

/**
 * The virtual hosts of one gateway port. A rule is bound where its hosts and the server's meet and the server admits
 * its namespace; the narrower of the two names is served. Rules bound to one name are merged.
 * (istio/istio `pilot/pkg/networking/core/gateway.go` buildGatewayHTTPRouteConfig)
 */
export function gatewayHosts(
  servers: readonly BoundServer[],
  rules: readonly VirtualServiceRule[],
  { namespace, labels }: { readonly namespace: string; readonly labels: Labels },
): readonly GatewayHost[] {
  const hosts = new Map<string, { rules: VirtualServiceRule[]; gateways: Set<string>; httpsRedirect: boolean }>();
  for (const { gateway, server } of servers) {
    const httpsRedirect = server.tls?.httpsRedirect === true;
    for (const rule of rules) {
      if (!rule.hasHttp || !rule.gateways.includes(gateway.key)) continue;
      if (!isVisibleTo(rule.visibility, namespace)) continue;
      if (!someHoldFor(rule.http, { gateways: [gateway.key], namespace, labels }, server.port.number)) continue;
      for (const host of boundHosts(server.hosts, gateway.origin.namespace, rule)) {
        const entry = hosts.get(host) ?? { rules: [], gateways: new Set<string>(), httpsRedirect: false };
        if (!entry.rules.includes(rule)) entry.rules.push(rule);
        entry.gateways.add(gateway.key);
        entry.httpsRedirect ||= httpsRedirect;
        hosts.set(host, entry);
      }
    }
  }
  return [...hosts].map(([host, { rules, gateways, httpsRedirect }]) => ({
    host,
    rules,
    gateways: [...gateways],
    httpsRedirect,
  }));
}

/** Rules whose names some server has, in the order in which they count for connections. (pickMatchingGatewayHosts) */
export function connectionRulesAt(
  { gateway, server }: BoundServer,
  rules: readonly VirtualServiceRule[],
  namespace: string,
): readonly VirtualServiceRule[] {
  return visibleRules(rules, namespace, gateway.key).filter(
    (rule) => boundHosts(server.hosts, gateway.origin.namespace, rule).length > 0,
  );
}

/** Names that both a server and a rule have. */
export function boundHosts(
  serverHosts: readonly string[],
  gatewayNamespace: string,
  rule: VirtualServiceRule,
): readonly string[] {
  const found = new Set<string>();
  for (const text of serverHosts) {
    const server = parseNamespacedHost(text.toLowerCase());
    const wanted = server.namespace === "." ? gatewayNamespace : server.namespace;
    if (wanted !== "*" && wanted !== rule.origin.namespace) continue;
    for (const host of rule.hosts) {
      if (hostsIntersect(server.host, host)) found.add(hostMatches(server.host, host) ? host : server.host);
    }
  }
  return [...found];
}
