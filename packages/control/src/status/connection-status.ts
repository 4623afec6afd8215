/** What becomes of a VirtualService's `tls` and `tcp`. */
import { hostMatches, isTlsProtocol, MESH_GATEWAY } from "@tulle/api";
import type { Path } from "@tulle/api";
import { isServerName } from "../model/connection-route.ts";
import { boundHosts, kindOfServer } from "../model/gateway.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { VirtualServiceRule } from "../model/virtual-service.ts";
import type { Finding } from "./object-status.ts";
import { finding } from "./object-status.ts";
import { destinationFindings } from "./destination-status.ts";

type Kind = "tls" | "tcp";

const CALLED: Readonly<Record<Kind, string>> = { tls: "TLS", tcp: "TCP" };

export function connectionFindings(snapshot: Snapshot, rule: VirtualServiceRule): readonly Finding[] {
  return (["tls", "tcp"] as const).flatMap((kind): readonly Finding[] => {
    const routes = rule.spec[kind] ?? [];
    if (routes.length === 0) return [];
    return [
      ...rule.gateways.flatMap((gateway, index) =>
        gateway === MESH_GATEWAY
          ? meshFinding(snapshot, rule, kind)
          : gatewayFinding(snapshot, rule, kind, gateway, index),
      ),
      ...routes.flatMap(({ route = [] }, i) =>
        route.flatMap(({ destination }, j) =>
          destinationFindings(snapshot, rule, destination, ["spec", kind, i, "route", j, "destination"]),
        ),
      ),
      ...(kind === "tls" ? nameFindings(rule) : []),
    ];
  });
}

/** Sidecars take connections to services only, as far as they are known. */
function meshFinding({ services }: Snapshot, { hosts }: VirtualServiceRule, kind: Kind): readonly Finding[] {
  const path: Path = ["spec", kind];
  const named = services.filter(({ host }) => hosts.some((pattern) => hostMatches(pattern, host) || pattern === host));
  const ports = named.flatMap((service) => service.ports);
  if (ports.some(({ protocol }) => isTlsProtocol(protocol) === (kind === "tls"))) {
    return [finding("InForce", path, `routes ${CALLED[kind]} connections to ${hosts.join(", ")}`)];
  }
  const what = named.length === 0 ? "no service is called" : `no port of protocol ${CALLED[kind]} has`;
  return [finding("Ignored", path, `${what} ${hosts.join(", ")}: sidecars have no such connections to route`)];
}

function gatewayFinding(
  snapshot: Snapshot,
  rule: VirtualServiceRule,
  kind: Kind,
  key: string,
  index: number,
): readonly Finding[] {
  const path: Path = ["spec", "gateways", index];
  const gateway = snapshot.gateways.find((candidate) => candidate.key === key);
  if (gateway === undefined) return [finding("Ignored", path, `there is no Gateway ${key}`)];
  const servers = gateway.spec.servers.filter((server) => {
    const serves = kindOfServer(server);
    const fits = kind === "tls" ? serves === "passthrough" : serves === "tcp" || serves === "tls";
    return fits && boundHosts(server.hosts, gateway.origin.namespace, rule).length > 0;
  });
  if (servers.length > 0) {
    const ports = servers.map(({ port }) => port.number).join(", ");
    return [finding("InForce", path, `routes ${CALLED[kind]} connections at Gateway ${key}, port ${ports}`)];
  }
  const wanted = kind === "tls" ? "passes TLS on" : "passes bytes on";
  const message = `no server of Gateway ${key} ${wanted} for ${rule.hosts.join(", ")} from namespace ${rule.origin.namespace}`;
  return [finding("Ignored", path, message)];
}

function nameFindings({ spec }: VirtualServiceRule): readonly Finding[] {
  return (spec.tls ?? []).flatMap(({ match }, i) =>
    match.flatMap(({ sniHosts }, j) =>
      sniHosts.flatMap((name, k) =>
        name === "*" || isServerName(name)
          ? []
          : [
              finding(
                "Ignored",
                ["spec", "tls", i, "match", j, "sniHosts", k],
                `${JSON.stringify(name)}: proxies know names, and "*." before them`,
              ),
            ],
      ),
    ),
  );
}
