/** Upstreams that are told by the PROXY protocol for whom a connection is made. (istio/istio `cluster_traffic_policy.go` applyUpstreamProxyProtocol) */
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { TrafficPolicy } from "@tulle/api";
import type { ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { TransportSocketSchema } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { TransportSocket } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { ProxyProtocolConfig_Version as Version } from "@tulle/xds/gen/envoy/config/core/v3/proxy_protocol_pb.js";
import { ProxyProtocolUpstreamTransportSchema } from "@tulle/xds/gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js";
import { packed } from "./packed.ts";
import { PLAINTEXT } from "./security/tls-context.ts";

type ClusterInit = Exclude<MessageInitShape<typeof ClusterSchema>, { $typeName: string }>;
type Sockets = Pick<ClusterInit, "transportSocket" | "transportSocketMatches">;

/** In front of whatever transport sockets there are. */
export function withProxyProtocol(settings: TrafficPolicy["proxyProtocol"], sockets: Sockets): Sockets {
  if (settings === undefined) return sockets;
  const version = settings.version === "V2" ? Version.V2 : Version.V1;
  const matches = sockets.transportSocketMatches ?? [];
  if (matches.length > 0) {
    return {
      transportSocketMatches: matches.map((each) => ({
        ...each,
        transportSocket: headed(each.transportSocket, version),
      })),
    };
  }
  return { transportSocket: headed(sockets.transportSocket, version) };
}

function headed(inner: ClusterInit["transportSocket"], version: Version): TransportSocket {
  const config = create(ProxyProtocolUpstreamTransportSchema, {
    config: { version },
    transportSocket: inner ?? PLAINTEXT,
  });
  return create(TransportSocketSchema, {
    name: "envoy.transport_sockets.upstream_proxy_protocol",
    configType: { case: "typedConfig", value: packed(ProxyProtocolUpstreamTransportSchema, config) },
  });
}
