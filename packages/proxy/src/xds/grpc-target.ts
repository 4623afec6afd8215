/** Where a cluster's gRPC service is and how it is spoken to: gRPC brings its own connections, so of the cluster it takes what it can. */
import type { Bootstrap } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import type { Cluster } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { HttpProtocolOptions as UpstreamOptions } from "@tulle/xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import { isIPv6 } from "node:net";
import { readNamedAddress } from "../plan/address.ts";
import { type SecretRefs, compileUpstreamTls } from "../plan/compile-tls.ts";
import { milliseconds } from "../plan/duration.ts";
import type { Place } from "../plan/problems.ts";
import { unpackExtension } from "../plan/schemas.ts";
import { HTTP_PROTOCOL_OPTIONS } from "../plan/supported-fields/index.ts";
import type { UpstreamTlsPlan } from "../plan/tls-plan.ts";

export interface GrpcTarget {
  readonly clusterName: string;
  /** `ipv4:127.0.0.1:15010`, `dns:xds.example:15010`, `unix:/run/sds.sock`. */
  readonly target: string;
  /** 0: gRPC's default. */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  /** Null: plain. */
  readonly tls: UpstreamTlsPlan | null;
}

/** Null if it was refused. The cluster must be a static one. */
export function grpcTarget(
  bootstrap: Bootstrap,
  clusterName: string,
  secrets: SecretRefs,
  place: Place,
): GrpcTarget | null {
  const cluster = bootstrap.staticResources?.clusters.find((each) => each.name === clusterName);
  if (cluster === undefined) {
    place.refuse(`Unknown gRPC client cluster '${clusterName}': it must be in static_resources.clusters`);
    return null;
  }
  const target = targetOf(cluster, place);
  if (target === null) return null;
  const keepalive = keepaliveOf(cluster);
  return {
    clusterName,
    target,
    keepaliveMs: milliseconds(keepalive?.interval, 0),
    keepaliveTimeoutMs: milliseconds(keepalive?.timeout, 0),
    tls: compileUpstreamTls(cluster.transportSocket, secrets, place.field("transport_socket")),
  };
}

/** All addresses of one kind, as gRPC writes a list of them. */
function targetOf(cluster: Cluster, place: Place): string | null {
  const all = (cluster.loadAssignment?.endpoints ?? [])
    .flatMap((locality) => locality.lbEndpoints)
    .map(({ hostIdentifier }) => (hostIdentifier.case === "endpoint" ? hostIdentifier.value.address : undefined));
  const [first] = all;
  if (first?.address.case === "pipe") {
    const { path } = first.address.value;
    return path.startsWith("@") ? `unix-abstract:${path.slice(1)}` : `unix:${path}`;
  }
  const addresses = all
    .map((address) => (address === undefined ? null : readNamedAddress(address, place)))
    .filter((address) => address !== null);
  if (addresses.length === 0) {
    place.refuse(`cluster '${cluster.name}' has no endpoint to connect to`);
    return null;
  }
  const v4 = addresses.every(({ address }) => /^[\d.]+$/.test(address));
  if (v4) return `ipv4:${addresses.map(({ address, port }) => `${address}:${port}`).join(",")}`;
  if (addresses.every(({ address }) => isIPv6(address))) {
    return `ipv6:${addresses.map(({ address, port }) => `[${address}]:${port}`).join(",")}`;
  }
  const [{ address, port }] = addresses;
  return `dns:${address}:${port}`;
}

function keepaliveOf(
  cluster: Cluster,
): NonNullable<Cluster["http2ProtocolOptions"]>["connectionKeepalive"] | undefined {
  const any = cluster.typedExtensionProtocolOptions[HTTP_PROTOCOL_OPTIONS];
  if (any === undefined) return cluster.http2ProtocolOptions?.connectionKeepalive;
  const options = unpackExtension(any).message as UpstreamOptions | null;
  const protocol = options?.upstreamProtocolOptions;
  const config = protocol?.case === "explicitHttpConfig" ? protocol.value.protocolConfig : undefined;
  return config?.case === "http2ProtocolOptions" ? config.value.connectionKeepalive : undefined;
}
