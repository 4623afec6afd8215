/** What a proxy was given, in the form of Envoy's admin `/config_dump`, so that Envoy's tools read it. */
import { create, createRegistry, fromBinary, toJson } from "@bufbuild/protobuf";
import type { JsonValue, Registry } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import type { Any } from "@bufbuild/protobuf/wkt";
import {
  ClustersConfigDumpSchema,
  EndpointsConfigDumpSchema,
  ListenersConfigDumpSchema,
  RoutesConfigDumpSchema,
} from "@tulle/xds/gen/envoy/admin/v3/config_dump_shared_pb.ts";
import { file_envoy_config_cluster_v3_cluster } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { file_envoy_config_endpoint_v3_endpoint } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.ts";
import { file_envoy_config_listener_v3_listener } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { file_envoy_config_route_v3_route } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.ts";
import { file_envoy_extensions_filters_http_router_v3_router } from "@tulle/xds/gen/envoy/extensions/filters/http/router/v3/router_pb.ts";
import { file_envoy_extensions_filters_network_http_connection_manager_v3_http_connection_manager } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { file_envoy_extensions_upstreams_http_v3_http_protocol_options } from "@tulle/xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts";
import { file_xds_type_v3_typed_struct } from "@tulle/xds/gen/xds/type/v3/typed_struct_pb.ts";
import { TYPE } from "@tulle/xds";
import type { EncodedResource } from "@tulle/xds";
import type { ConnectedProxy } from "../push/pusher.ts";

/** Messages that our resources hold as Any. */
const registry: Registry = createRegistry(
  file_envoy_config_cluster_v3_cluster,
  file_envoy_config_endpoint_v3_endpoint,
  file_envoy_config_listener_v3_listener,
  file_envoy_config_route_v3_route,
  file_envoy_extensions_filters_http_router_v3_router,
  file_envoy_extensions_filters_network_http_connection_manager_v3_http_connection_manager,
  file_envoy_extensions_upstreams_http_v3_http_protocol_options,
  file_xds_type_v3_typed_struct,
);

export function configDump({ target }: ConnectedProxy, types: readonly string[]): JsonValue {
  const configs: JsonValue[] = [];
  const resources = (typeUrl: string): readonly EncodedResource[] =>
    types.includes(typeUrl) ? [...(target.set(typeUrl)?.resources.values() ?? [])] : [];
  const version = (typeUrl: string): string => target.set(typeUrl)?.version ?? "";
  const add = (typeName: string, json: JsonValue): void => {
    configs.push({ "@type": `type.googleapis.com/${typeName}`, ...(json as { [key: string]: JsonValue }) });
  };

  add(
    ClustersConfigDumpSchema.typeName,
    toJson(
      ClustersConfigDumpSchema,
      create(ClustersConfigDumpSchema, {
        versionInfo: version(TYPE.cluster),
        dynamicActiveClusters: resources(TYPE.cluster).map((one) => ({
          versionInfo: one.version,
          cluster: anyOf(one),
        })),
      }),
      { registry, useProtoFieldName: true },
    ),
  );
  add(
    ListenersConfigDumpSchema.typeName,
    toJson(
      ListenersConfigDumpSchema,
      create(ListenersConfigDumpSchema, {
        versionInfo: version(TYPE.listener),
        dynamicListeners: resources(TYPE.listener).map((one) => ({
          name: one.name,
          activeState: { versionInfo: one.version, listener: anyOf(one) },
        })),
      }),
      { registry, useProtoFieldName: true },
    ),
  );
  add(
    RoutesConfigDumpSchema.typeName,
    toJson(
      RoutesConfigDumpSchema,
      create(RoutesConfigDumpSchema, {
        dynamicRouteConfigs: resources(TYPE.route).map((one) => ({
          versionInfo: one.version,
          routeConfig: anyOf(one),
        })),
      }),
      { registry, useProtoFieldName: true },
    ),
  );
  add(
    EndpointsConfigDumpSchema.typeName,
    toJson(
      EndpointsConfigDumpSchema,
      create(EndpointsConfigDumpSchema, {
        dynamicEndpointConfigs: resources(TYPE.endpoints).map((one) => ({
          versionInfo: one.version,
          endpointConfig: anyOf(one),
        })),
      }),
      { registry, useProtoFieldName: true },
    ),
  );
  const hosts = resources(TYPE.virtualHost);
  if (hosts.length > 0) {
    configs.push({
      // Envoy shows virtual hosts inside their route configuration; ours are resources of their own.
      "@type": "type.googleapis.com/tulle.admin.VirtualHostsConfigDump",
      version_info: version(TYPE.virtualHost),
      dynamic_virtual_hosts: hosts.map((one) => ({
        name: one.name,
        version_info: one.version,
        virtual_host: toJson(AnySchema, anyOf(one), { registry, useProtoFieldName: true }),
      })),
    });
  }
  return { configs };
}

function anyOf({ any }: EncodedResource): Any {
  return fromBinary(AnySchema, any);
}
