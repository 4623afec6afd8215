/** How the management server is reached: a cluster of the bootstrap, read for gRPC instead of the data plane. */
import { isIPv6 } from "node:net";
import type { Bootstrap } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import type { Cluster } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ApiConfigSource_ApiType as ApiType } from "@tulle/xds/gen/envoy/config/core/v3/config_source_pb.js";
import type { HttpProtocolOptions as UpstreamOptions } from "@tulle/xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import { readNamedAddress } from "../plan/address.ts";
import { milliseconds } from "../plan/duration.ts";
import type { Place } from "../plan/problems.ts";
import { unpackExtension } from "../plan/schemas.ts";
import { HTTP_PROTOCOL_OPTIONS, UPSTREAM_TLS } from "../plan/supported-fields/index.ts";

export interface AdsTarget {
  readonly clusterName: string;
  /** gRPC target: `ipv4:127.0.0.1:15010`, `dns:xds.example:15010`. */
  readonly target: string;
  readonly mode: "delta" | "sotw";
  /** "" = the target's own name. */
  readonly authority: string;
  /** 0: gRPC's default. */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
}

/** Name of the cluster that `ads_config` points at; null without ADS. */
export function adsClusterName(bootstrap: Bootstrap): string | null {
  const service = bootstrap.dynamicResources?.adsConfig?.grpcServices[0]?.targetSpecifier;
  return service?.case === "envoyGrpc" ? service.value.clusterName : null;
}

/** Null without ADS, or if something was refused. */
export function adsTarget(bootstrap: Bootstrap, place: Place): AdsTarget | null {
  const config = bootstrap.dynamicResources?.adsConfig;
  if (config === undefined) return null;
  const at = place.field("dynamic_resources.ads_config");
  const [service, second] = config.grpcServices;
  if (second !== undefined) at.item("grpc_services", 1).refuse("more than one management server is not supported");
  if (service?.targetSpecifier.case !== "envoyGrpc") {
    at.refuse("grpc_services needs one envoy_grpc");
    return null;
  }
  const { clusterName, authority } = service.targetSpecifier.value;
  const cluster = bootstrap.staticResources?.clusters.find((each) => each.name === clusterName);
  if (cluster === undefined) {
    at.item("grpc_services", 0).refuse(
      `Unknown gRPC client cluster '${clusterName}': it must be in static_resources.clusters`,
    );
    return null;
  }
  if (unpackTls(cluster)) {
    at.item("grpc_services", 0).refuse(
      `cluster '${clusterName}' has TLS, which is not supported for the management server`,
    );
    return null;
  }
  const target = targetOf(cluster, at.item("grpc_services", 0));
  if (target === null) return null;
  const keepalive = keepaliveOf(cluster);
  return {
    clusterName,
    target,
    mode: config.apiType === ApiType.DELTA_GRPC ? "delta" : "sotw",
    authority,
    keepaliveMs: milliseconds(keepalive?.interval, 0),
    keepaliveTimeoutMs: milliseconds(keepalive?.timeout, 0),
  };
}

/** Whether its connections would be TLS ones. */
function unpackTls({ transportSocket }: Cluster): boolean {
  return (
    transportSocket?.configType.case === "typedConfig" &&
    transportSocket.configType.value.typeUrl.endsWith(UPSTREAM_TLS)
  );
}

/** All addresses of one kind, as gRPC writes a list of them. */
function targetOf(cluster: Cluster, place: Place): string | null {
  const addresses = (cluster.loadAssignment?.endpoints ?? [])
    .flatMap((locality) => locality.lbEndpoints)
    .map((endpoint) =>
      endpoint.hostIdentifier.case === "endpoint"
        ? readNamedAddress(endpoint.hostIdentifier.value.address, place)
        : null,
    )
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
