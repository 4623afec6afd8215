/** `/config_dump`: what is in force, what is warming, and what was refused and why, in the shape of `envoy.admin.v3`. */
import { type JsonObject, type JsonValue, fromBinary } from "@bufbuild/protobuf";
import { ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import { SecretSchema } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { VirtualHostSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { HttpConnectionManager } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { RE2JS } from "re2js";
import { unpackExtension } from "../plan/schemas.ts";
import { HTTP_CONNECTION_MANAGER, TYPE_URL_PREFIX } from "../plan/supported-fields/index.ts";
import type { ConfigFailure, ConfigRecord, ConfigRecords } from "../xds/config-records.ts";
import { type AdminContext, type AdminEndpoint, json, text } from "./endpoint.ts";
import { bootstrapToJson, messageToJson, packedToJson } from "./message-json.ts";

const ADMIN_TYPE = `${TYPE_URL_PREFIX}envoy.admin.v3.`;

export const configDumpEndpoint: AdminEndpoint = {
  path: "/config_dump",
  post: false,
  help: "dump the current configuration",
  parameters: {
    resource: "Dump only this field of the dump, such as dynamic_active_clusters",
    mask: "The fields to dump, of every element where a resource is asked for: paths, joined by commas",
    name_regex: "Dump only the resources whose names match the specified regex",
    include_eds: "Dump currently loaded configuration including EDS",
  },
  handle(query, context) {
    let keep: (name: string) => boolean = () => true;
    const pattern = query.get("name_regex");
    if (pattern !== null && pattern !== "") {
      try {
        const regex = RE2JS.compile(pattern);
        // The whole name, as Envoy matches it here.
        keep = (name) => regex.testExact(name);
      } catch (error) {
        return text(`Error while parsing name_regex from ${pattern}: ${String(error)}`, 400);
      }
    }
    const resource = query.get("resource");
    const dumps = sections(context, keep, query.has("include_eds") || resource?.endsWith("endpoint_configs") === true);
    const mask = query.get("mask") ?? "";
    if (resource === null || resource === "") {
      // What does not have all of these fields is left out.
      return json({ configs: mask === "" ? dumps : dumps.flatMap((dump) => masked(dump, mask) ?? []) });
    }
    const section = dumps.find((dump) => Array.isArray(dump[resource]));
    const known = RESOURCE_FIELDS[resource];
    if (known === undefined) return text(`${resource} not found in config dump\n`, 404);
    const items = (section?.[resource] ?? []) as JsonObject[];
    const typed = items.map((item): JsonObject => ({ "@type": ADMIN_TYPE + known, ...item }));
    if (mask === "") return json({ configs: typed });
    const parts = typed.map((item) => masked(item, mask));
    if (parts.includes(undefined)) return text(`FieldMask ${mask} could not be successfully used.`, 400);
    return json({ configs: parts });
  },
};

/** Undefined if it has nothing by the first name of one of the paths. */
function masked(message: JsonObject, mask: string): JsonObject | undefined {
  const part: JsonObject = message["@type"] === undefined ? {} : { "@type": message["@type"] };
  for (const path of mask.split(",")) {
    const [name = "", ...rest] = path.trim().split(".");
    const value = message[name];
    if (value === undefined) return undefined;
    part[name] = merged(part[name], rest.length === 0 ? value : maskedValue(value, rest));
  }
  return part;
}

/** Fields that are not set, and what is in lists, cannot be chosen. */
function maskedValue(value: JsonValue, path: readonly string[]): JsonValue {
  const [name, ...rest] = path;
  if (name === undefined || !isObject(value)) return value;
  const type = value["@type"] === undefined ? {} : { "@type": value["@type"] };
  const field = value[name];
  return field === undefined ? type : { ...type, [name]: maskedValue(field, rest) };
}

function merged(before: JsonValue | undefined, value: JsonValue): JsonValue {
  return before !== undefined && isObject(before) && isObject(value) ? { ...before, ...value } : value;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Lists of a dump that can be asked for by themselves, and the message types of their items. */
const RESOURCE_FIELDS: Readonly<Record<string, string>> = {
  static_clusters: "ClustersConfigDump.StaticCluster",
  dynamic_active_clusters: "ClustersConfigDump.DynamicCluster",
  dynamic_warming_clusters: "ClustersConfigDump.DynamicCluster",
  static_listeners: "ListenersConfigDump.StaticListener",
  dynamic_listeners: "ListenersConfigDump.DynamicListener",
  static_route_configs: "RoutesConfigDump.StaticRouteConfig",
  dynamic_route_configs: "RoutesConfigDump.DynamicRouteConfig",
  static_endpoint_configs: "EndpointsConfigDump.StaticEndpointConfig",
  dynamic_endpoint_configs: "EndpointsConfigDump.DynamicEndpointConfig",
  static_secrets: "SecretsConfigDump.StaticSecret",
  dynamic_active_secrets: "SecretsConfigDump.DynamicSecret",
  dynamic_warming_secrets: "SecretsConfigDump.DynamicSecret",
};

function sections(context: AdminContext, keep: (name: string) => boolean, withEndpoints: boolean): JsonObject[] {
  const dumps: JsonObject[] = [
    {
      "@type": `${ADMIN_TYPE}BootstrapConfigDump`,
      bootstrap: bootstrapToJson(context.bootstrap),
      last_updated: time(context.startedMs),
    },
    clustersDump(context, keep),
  ];
  if (withEndpoints) dumps.push(endpointsDump(context, keep));
  dumps.push(listenersDump(context, keep), routesDump(context, keep), secretsDump(context, keep));
  return dumps;
}

function clustersDump({ configuration }: AdminContext, keep: (name: string) => boolean): JsonObject {
  const { records, clusters } = configuration;
  const { fixed, dynamic } = split(records.clusters, keep);
  const item = (record: ConfigRecord): JsonObject => ({
    version_info: record.version,
    cluster: packedToJson(ClusterSchema, record.value),
    last_updated: time(record.updatedMs),
    ...status(records.clusters.failure(record.name)),
  });
  return section("ClustersConfigDump", {
    static_clusters: fixed.map((record) => ({
      cluster: packedToJson(ClusterSchema, record.value),
      last_updated: time(record.updatedMs),
    })),
    dynamic_active_clusters: [
      ...dynamic.filter((record) => !clusters.isWarming(record.name)).map(item),
      ...failures(records.clusters, keep),
    ],
    dynamic_warming_clusters: dynamic.filter((record) => clusters.isWarming(record.name)).map(item),
  });
}

function listenersDump({ configuration }: AdminContext, keep: (name: string) => boolean): JsonObject {
  const { records, listeners } = configuration;
  const { fixed, dynamic } = split(records.listeners, keep);
  return section("ListenersConfigDump", {
    static_listeners: fixed.map((record) => ({
      listener: packedToJson(ListenerSchema, record.value),
      last_updated: time(record.updatedMs),
    })),
    dynamic_listeners: [
      ...dynamic.map((record) => ({
        name: record.name,
        [listeners.isWarming(record.name) ? "warming_state" : "active_state"]: {
          version_info: record.version,
          listener: packedToJson(ListenerSchema, record.value),
          last_updated: time(record.updatedMs),
        },
        ...status(records.listeners.failure(record.name)),
      })),
      ...failures(records.listeners, keep),
    ],
  });
}

function routesDump({ configuration }: AdminContext, keep: (name: string) => boolean): JsonObject {
  const { records } = configuration;
  return section("RoutesConfigDump", {
    static_route_configs: inlineRoutes(records.listeners, keep),
    dynamic_route_configs: [
      ...split(records.routes, keep).dynamic.map((record) => ({
        version_info: record.version,
        route_config: withVirtualHosts(record, records.virtualHosts),
        last_updated: time(record.updatedMs),
        ...status(records.routes.failure(record.name)),
      })),
      ...failures(records.routes, keep),
    ],
  });
}

function secretsDump({ configuration }: AdminContext, keep: (name: string) => boolean): JsonObject {
  const { records, secrets } = configuration;
  const { fixed, dynamic } = split(records.secrets, keep);
  const secret = (record: ConfigRecord): JsonObject => ({
    name: record.name,
    secret: packedToJson(SecretSchema, record.value),
    last_updated: time(record.updatedMs),
  });
  const missing = new Set<string>();
  for (const { name, current } of secrets.all()) if (current === null && keep(name)) missing.add(name);
  return section("SecretsConfigDump", {
    static_secrets: fixed.map(secret),
    dynamic_active_secrets: dynamic.map((record) => ({
      ...secret(record),
      version_info: record.version,
      ...status(records.secrets.failure(record.name)),
    })),
    dynamic_warming_secrets: [...missing].map((name) => {
      const failure = records.secrets.failure(name);
      const secretOnly = { "@type": TYPE_URL_PREFIX + SecretSchema.typeName, name };
      return { name, secret: secretOnly, ...(failure === undefined ? {} : status(failure)) };
    }),
  });
}

/** Route configurations that stand inside listeners. */
function inlineRoutes(listeners: ConfigRecords, keep: (name: string) => boolean): JsonObject[] {
  const found: JsonObject[] = [];
  for (const record of listeners.all()) {
    const listener = fromBinary(ListenerSchema, record.value);
    for (const chain of [
      ...listener.filterChains,
      ...(listener.defaultFilterChain ? [listener.defaultFilterChain] : []),
    ]) {
      for (const filter of chain.filters) {
        if (filter.configType.case !== "typedConfig") continue;
        const extension = unpackExtension(filter.configType.value);
        if (extension.typeName !== HTTP_CONNECTION_MANAGER || extension.message === null) continue;
        const { routeSpecifier } = extension.message as HttpConnectionManager;
        if (routeSpecifier.case !== "routeConfig" || !keep(routeSpecifier.value.name)) continue;
        found.push({
          route_config: {
            "@type": TYPE_URL_PREFIX + RouteConfigurationSchema.typeName,
            ...messageToJson(RouteConfigurationSchema, routeSpecifier.value),
          },
          last_updated: time(record.updatedMs),
        });
      }
    }
  }
  return found;
}

/** An RDS configuration with the virtual hosts that VHDS brought, as Envoy shows it. */
function withVirtualHosts(record: ConfigRecord, virtualHosts: ConfigRecords): JsonObject {
  const dump = packedToJson(RouteConfigurationSchema, record.value);
  const delivered: JsonObject[] = [];
  for (const host of virtualHosts.all()) {
    if (!host.name.startsWith(`${record.name}/`)) continue;
    delivered.push(messageToJson(VirtualHostSchema, fromBinary(VirtualHostSchema, host.value)));
  }
  if (delivered.length > 0)
    dump["virtual_hosts"] = [...((dump["virtual_hosts"] as JsonValue[] | undefined) ?? []), ...delivered];
  return dump;
}

function endpointsDump(context: AdminContext, keep: (name: string) => boolean): JsonObject {
  const { dataPlane, configuration } = context;
  const fixed: JsonObject[] = [];
  for (const cluster of dataPlane.clusters()) {
    if (cluster.plan.discovery === "eds" || !keep(cluster.name)) continue;
    const endpoints = [...cluster.allHosts()].map((host) => ({
      endpoint: {
        address: { socket_address: { address: host.address, port_value: host.port } },
        health_check_config: {},
        ...(host.hostname === "" ? {} : { hostname: host.hostname }),
      },
      health_status: host.health.toUpperCase(),
      load_balancing_weight: host.weight,
    }));
    fixed.push({
      endpoint_config: {
        "@type": TYPE_URL_PREFIX + ClusterLoadAssignmentSchema.typeName,
        cluster_name: cluster.name,
        endpoints: [{ locality: {}, lb_endpoints: endpoints }],
        policy: { overprovisioning_factor: 140 },
      },
    });
  }
  const { records } = configuration;
  return section("EndpointsConfigDump", {
    static_endpoint_configs: fixed,
    dynamic_endpoint_configs: [
      ...split(records.endpoints, keep).dynamic.map((record) => ({
        version_info: record.version,
        endpoint_config: packedToJson(ClusterLoadAssignmentSchema, record.value),
        last_updated: time(record.updatedMs),
        ...status(records.endpoints.failure(record.name)),
      })),
      ...failures(records.endpoints, keep),
    ],
  });
}

function split(
  records: ConfigRecords,
  keep: (name: string) => boolean,
): { readonly fixed: readonly ConfigRecord[]; readonly dynamic: readonly ConfigRecord[] } {
  const kept = [...records.all()].filter((record) => keep(record.name));
  return { fixed: kept.filter((record) => !record.dynamic), dynamic: kept.filter((record) => record.dynamic) };
}

/** Empty lists are left out, as proto3 JSON does. */
function section(type: string, lists: Readonly<Record<string, readonly JsonObject[]>>): JsonObject {
  const dump: JsonObject = { "@type": ADMIN_TYPE + type };
  for (const [name, list] of Object.entries(lists)) if (list.length > 0) dump[name] = [...list];
  return dump;
}

function status(failure: ConfigFailure | undefined): JsonObject {
  return failure === undefined
    ? { client_status: "ACKED" }
    : { error_state: errorState(failure), client_status: "NACKED" };
}

function failures(records: ConfigRecords, keep: (name: string) => boolean): JsonObject[] {
  return [...records.failedOnly()]
    .filter(([name]) => keep(name))
    .map(([name, failure]) => ({ name, error_state: errorState(failure), client_status: "NACKED" }));
}

function errorState(failure: ConfigFailure): JsonObject {
  return { last_update_attempt: time(failure.atMs), details: failure.details, version_info: failure.version };
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
