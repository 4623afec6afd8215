/** Who is asked for the keys that tokens are signed with. */
import { create } from "@bufbuild/protobuf";
import type { JwtRule } from "@tulle/api";
import { isIP } from "@tulle/api";
import {
  Cluster_DiscoveryType as DiscoveryType,
  Cluster_DnsLookupFamily as DnsLookupFamily,
  ClusterSchema,
} from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { Cluster } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { MeshSettings } from "../../model/mesh-settings.ts";
import type { MeshService } from "../../model/service.ts";
import { httpCarrier } from "../../model/service.ts";
import { milliseconds } from "../durations.ts";
import { outboundCluster } from "../names.ts";
import { socketAddress } from "../network.ts";
import { webClient } from "./tls-context.ts";

/** A server that is no service of the mesh, which proxies that need it are told how to reach. */
export interface KeyServer {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

/** Undefined: what is written is no URL of a server. */
function keyServerOf(uri: string): KeyServer | undefined {
  if (!URL.canParse(uri)) return undefined;
  const { protocol, hostname, port } = new URL(uri);
  const tls = protocol === "https:";
  if (!tls && protocol !== "http:") return undefined;
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: port === "" ? (tls ? 443 : 80) : Number(port), tls };
}

/** A service of the mesh that speaks plain HTTP there is called as all its clients call it. */
function isService({ host, port, tls }: KeyServer, services: ReadonlyMap<string, MeshService>): boolean {
  const found = services.get(host)?.ports.find(({ number }) => number === port);
  return !tls && found !== undefined && httpCarrier(found.protocol) !== undefined;
}

/** Cluster that keys at a URL come from. */
export function keyCluster(uri: string, services: ReadonlyMap<string, MeshService>): string | undefined {
  const server = keyServerOf(uri);
  if (server === undefined) return undefined;
  return isService(server, services) ? outboundCluster(server.port, "", server.host) : ownCluster(server);
}

/** Servers of rules that are no services, each once. */
export function foreignKeyServers(
  rules: readonly JwtRule[],
  services: ReadonlyMap<string, MeshService>,
): readonly KeyServer[] {
  const found = rules.flatMap(({ jwksUri }) => {
    const server = jwksUri === undefined ? undefined : keyServerOf(jwksUri);
    return server === undefined || isService(server, services) ? [] : [[ownCluster(server), server] as const];
  });
  return [...new Map(found).values()];
}

function ownCluster({ host, port }: KeyServer): string {
  return `jwks|${port}||${host}`;
}

export function keyServerCluster(server: KeyServer, { connectTimeoutMs, dnsRefreshMs }: MeshSettings): Cluster {
  const { host, port, tls } = server;
  const name = ownCluster(server);
  return create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: "type", value: isIP(host) ? DiscoveryType.STATIC : DiscoveryType.STRICT_DNS },
    connectTimeout: milliseconds(connectTimeoutMs),
    ...(isIP(host)
      ? {}
      : {
          dnsLookupFamily: DnsLookupFamily.V4_PREFERRED,
          dnsRefreshRate: milliseconds(dnsRefreshMs),
          respectDnsTtl: true,
        }),
    loadAssignment: {
      clusterName: name,
      endpoints: [
        { lbEndpoints: [{ hostIdentifier: { case: "endpoint", value: { address: socketAddress(host, port) } } }] },
      ],
    },
    ...(tls ? { transportSocket: webClient({ sni: isIP(host) ? "" : host, names: [host] }) } : {}),
  });
}
