/** Parts of listeners that have nothing to do with HTTP. */
import { create } from "@bufbuild/protobuf";
import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { AccessLog } from "@tulle/xds/gen/envoy/config/accesslog/v3/accesslog_pb.js";
import { AddressSchema } from "@tulle/xds/gen/envoy/config/core/v3/address_pb.js";
import type { Address } from "@tulle/xds/gen/envoy/config/core/v3/address_pb.js";
import { FilterSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Filter } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { TcpProxySchema } from "@tulle/xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { packed } from "./packed.ts";

export function socketAddress(address: string, port: number): Address {
  const value = { address, portSpecifier: { case: "portValue" as const, value: port } };
  return create(AddressSchema, { address: { case: "socketAddress", value } });
}

export function networkFilter<Desc extends DescMessage>(
  name: string,
  schema: Desc,
  config: MessageShape<Desc>,
): Filter {
  return create(FilterSchema, { name, configType: { case: "typedConfig", value: packed(schema, config) } });
}

export type TcpProxyInit = Exclude<MessageInitShape<typeof TcpProxySchema>, { $typeName: string }>;

/** Bytes as they are, to one cluster. */
export function tcpProxy(cluster: string, accessLogs: readonly AccessLog[], more: TcpProxyInit = {}): Filter {
  const config = create(TcpProxySchema, {
    ...more,
    statPrefix: cluster,
    clusterSpecifier: { case: "cluster", value: cluster },
    accessLog: [...accessLogs],
  });
  return networkFilter("envoy.filters.network.tcp_proxy", TcpProxySchema, config);
}
