/** TCP connections to services: the proxy filter, and the listeners of local ports. */
import { create } from "@bufbuild/protobuf";
import { TrafficDirection } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import type { Listener } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import type { Filter } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { TcpProxySchema } from "@tulle/xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import type { Origin } from "../model/origin.ts";
import type { TcpDestination } from "../model/tcp-route.ts";
import { listenerName, outboundCluster } from "./names.ts";
import { networkFilter, socketAddress, tcpProxy } from "./network.ts";
import { originMetadata } from "./origin.ts";

/** Bytes as they are, by weight. @param statPrefix of what the client has asked for */
export function tcpRoute(
  statPrefix: string,
  destinations: readonly TcpDestination[],
  clusterOf: (destination: TcpDestination) => string = usualCluster,
): Filter {
  const clusters = destinations.map((destination) => ({
    name: clusterOf(destination),
    weight: destination.weight,
  }));
  const [only, second] = clusters;
  if (only !== undefined && second === undefined) return tcpProxy(only.name);
  const config = create(TcpProxySchema, {
    statPrefix,
    clusterSpecifier: { case: "weightedClusters", value: { clusters } },
  });
  return networkFilter("envoy.filters.network.tcp_proxy", TcpProxySchema, config);
}

/** A local port of a client for one service, which need not speak HTTP. */
export function outboundTcpListener(input: {
  readonly bind: { readonly address: string; readonly port: number };
  readonly filters: readonly Filter[];
  readonly origin: Origin;
}): Listener {
  const { bind, filters, origin } = input;
  return create(ListenerSchema, {
    name: listenerName(bind.address, bind.port),
    address: socketAddress(bind.address, bind.port),
    trafficDirection: TrafficDirection.OUTBOUND,
    filterChains: [{ filters: [...filters] }],
    metadata: originMetadata(origin, ""),
  });
}

export function usualCluster({ host, port, subset }: TcpDestination): string {
  return outboundCluster(port, subset, host);
}
