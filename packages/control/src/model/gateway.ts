/** Istio Gateways: which servers a gateway workload opens, and which VirtualServices are bound to them. */
import { hostMatches, hostsIntersect, isKind, isVisibleTo, matchesLabels, parseNamespacedHost } from "@tulle/api";
import type { GatewayServer, GatewaySpec, Labels } from "@tulle/api";
import { someHoldFor } from "./http-rule.ts";
import type { Origin } from "./origin.ts";
import { originOf } from "./origin.ts";
import type { StoredObject } from "./stored-object.ts";
import type { VirtualServiceRule } from "./virtual-service.ts";

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

/** Servers that read requests after TLS. */
export function isHttpsServer({ port, tls }: GatewayServer): boolean {
  const { mode = "PASSTHROUGH" } = tls ?? {};
  return port.protocol.toUpperCase() === "HTTPS" && mode !== "PASSTHROUGH" && mode !== "AUTO_PASSTHROUGH";
}

/** Plain HTTP servers. */
export function isHttpServer(server: GatewayServer): boolean {
  const protocol = server.port.protocol.toUpperCase();
  return protocol === "HTTP" || protocol === "HTTP2" || protocol === "GRPC" || protocol === "GRPC-WEB";
}

/** Gateways whose selector the workload's labels satisfy; an absent selector selects every gateway workload. */
export function gatewaysOf(gateways: readonly GatewayRule[], labels: Labels): readonly GatewayRule[] {
  return gateways.filter(({ spec }) => matchesLabels(spec.selector, labels));
}

/** One HTTP server of one Gateway. */
export interface BoundServer {
  readonly gateway: GatewayRule;
  readonly server: GatewayServer;
  readonly index: number;
}

/** Of what is bound to one port either all are HTTP, or all are HTTPS: as the first is. */
export interface GatewayPort {
  readonly secure: boolean;
  readonly servers: readonly BoundServer[];
}

/** HTTP and HTTPS servers by port number, in order of the gateways' creation. */
export function serversByPort(gateways: readonly GatewayRule[]): ReadonlyMap<number, GatewayPort> {
  const bound = gateways.flatMap((gateway) =>
    gateway.spec.servers.map((server, index): BoundServer => ({ gateway, server, index })),
  );
  const byPort = Map.groupBy(
    bound.filter(({ server }) => isHttpServer(server) || isHttpsServer(server)),
    ({ server }) => server.port.number,
  );
  return new Map(
    [...byPort].map(([port, all]) => {
      const secure = isHttpsServer(all[0]!.server);
      return [port, { secure, servers: all.filter(({ server }) => isHttpsServer(server) === secure) }];
    }),
  );
}

/** HTTPS servers of a port with the names that they are asked for by: a name is the first's that has it. `*`: any. */
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
