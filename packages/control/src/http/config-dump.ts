/** What a proxy was given, in the form of Envoy's admin `/config_dump`, so that Envoy's tools read it. */
import { create, fromBinary, toJson } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import type { Any } from "@bufbuild/protobuf/wkt";
import {
  ClustersConfigDumpSchema,
  EndpointsConfigDumpSchema,
  ListenersConfigDumpSchema,
  RoutesConfigDumpSchema,
} from "@tulle/xds/gen/envoy/admin/v3/config_dump_shared_pb.js";
import { TYPE } from "@tulle/xds";
import type { EncodedResource } from "@tulle/xds";
import type { ConnectedProxy } from "../push/pusher.ts";
import { messageTypes } from "@tulle/xds/message-types";

const JSON_OPTIONS = { registry: messageTypes, useProtoFieldName: true };

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
      JSON_OPTIONS,
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
      JSON_OPTIONS,
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
      JSON_OPTIONS,
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
      JSON_OPTIONS,
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
        virtual_host: toJson(AnySchema, anyOf(one), JSON_OPTIONS),
      })),
    });
  }
  return { configs };
}

function anyOf({ any }: EncodedResource): Any {
  return fromBinary(AnySchema, any);
}
