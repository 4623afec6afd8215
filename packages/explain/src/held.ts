/** What a proxy holds, decoded as far as it is asked for: what the control plane has for it, or a config dump. */
import { fromBinary, fromJson } from "@bufbuild/protobuf";
import type { DescMessage, JsonObject, JsonValue, MessageShape } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { messageTypes } from "@tulle/xds/message-types";
import { ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { Cluster } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import type { ClusterLoadAssignment } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import type { Listener } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { VirtualHostSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import type { RouteConfiguration } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import { TYPE } from "@tulle/xds";
import type { EncodedResource, ResourceView } from "@tulle/xds";

export interface Held {
  readonly listeners: readonly Listener[];
  readonly routeConfigurations: readonly string[];
  readonly clusters: readonly string[];
  /** With its virtual hosts, wherever they came from. */
  routes(name: string): RouteConfiguration | undefined;
  cluster(name: string): Cluster | undefined;
  assignment(name: string): ClusterLoadAssignment | undefined;
}

const known = new WeakMap<ResourceView, Held>();

/** Views never change, so each is decoded once. */
export function heldOf(view: ResourceView): Held {
  let held = known.get(view);
  if (held === undefined) known.set(view, (held = decoded(view)));
  return held;
}

function decoded(view: ResourceView): Held {
  const all = (typeUrl: string): ReadonlyMap<string, EncodedResource> => view.set(typeUrl)?.resources ?? new Map();
  const routes = remembered((name: string) => {
    const shell = decode(RouteConfigurationSchema, all(TYPE.route).get(name));
    if (shell === undefined) return undefined;
    const own = [...all(TYPE.virtualHost)]
      .filter(([resource]) => resource.startsWith(`${name}/`))
      .flatMap(([, resource]) => decode(VirtualHostSchema, resource) ?? []);
    return { ...shell, virtualHosts: [...shell.virtualHosts, ...own] };
  });
  return {
    listeners: [...all(TYPE.listener).values()].map((resource) => decode(ListenerSchema, resource)!),
    routeConfigurations: [...all(TYPE.route).keys()],
    clusters: [...all(TYPE.cluster).keys()],
    routes,
    cluster: remembered((name) => decode(ClusterSchema, all(TYPE.cluster).get(name))),
    assignment: remembered((name) => decode(ClusterLoadAssignmentSchema, all(TYPE.endpoints).get(name))),
  };
}

function remembered<T>(find: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    if (!known.has(name)) known.set(name, find(name));
    return known.get(name)!;
  };
}

function decode<Desc extends DescMessage>(
  schema: Desc,
  resource: EncodedResource | undefined,
): MessageShape<Desc> | undefined {
  return resource === undefined ? undefined : fromBinary(schema, fromBinary(AnySchema, resource.any).value);
}

/** Answer of an admin endpoint's `/config_dump`, with `include_eds` for endpoints. Throws TypeError if it is none. */
export function heldOfDump(dump: unknown): Held {
  const configs = isObject(dump) && Array.isArray(dump["configs"]) ? dump["configs"] : undefined;
  if (configs === undefined) throw new TypeError("that is no config dump: it has no list `configs`");
  const parts = configs.filter(isObject);
  const read = <Desc extends DescMessage>(schema: Desc, paths: readonly string[]): MessageShape<Desc>[] =>
    parts.flatMap((part) =>
      paths.flatMap((path) => valuesAt(part, path.split("."))).map((json) => parse(schema, json)),
    );
  const listeners = read(ListenerSchema, ["static_listeners.listener", "dynamic_listeners.active_state.listener"]);
  const routes = read(RouteConfigurationSchema, [
    "static_route_configs.route_config",
    "dynamic_route_configs.route_config",
  ]);
  const clusters = read(ClusterSchema, ["static_clusters.cluster", "dynamic_active_clusters.cluster"]);
  const assignments = read(ClusterLoadAssignmentSchema, [
    "static_endpoint_configs.endpoint_config",
    "dynamic_endpoint_configs.endpoint_config",
  ]);
  const byName = new Map(clusters.map((cluster) => [cluster.name, cluster]));
  const byRoutes = new Map(routes.map((each) => [each.name, each]));
  const byAssignment = new Map(assignments.map((each) => [each.clusterName, each]));
  const hosts = parts.flatMap((part) => valuesAt(part, ["dynamic_virtual_hosts"])).filter(isObject);
  return {
    listeners,
    routeConfigurations: [...byRoutes.keys()],
    clusters: [...byName.keys()],
    routes: (name) => {
      const shell = byRoutes.get(name);
      const own = hosts
        .filter((host) => typeof host["name"] === "string" && host["name"].startsWith(`${name}/`))
        .flatMap((host) => valuesAt(host, ["virtual_host"]).map((json) => parse(VirtualHostSchema, json)));
      return shell && { ...shell, virtualHosts: [...shell.virtualHosts, ...own] };
    },
    cluster: (name) => byName.get(name),
    assignment: (name) => byAssignment.get(name),
  };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What lists on the way hold is all there. */
function valuesAt(value: JsonValue | undefined, path: readonly string[]): JsonValue[] {
  if (Array.isArray(value)) return value.flatMap((each) => valuesAt(each, path));
  const [first, ...rest] = path;
  if (first === undefined) return value === undefined ? [] : [value];
  return isObject(value) ? valuesAt(value[first], rest) : [];
}

function parse<Desc extends DescMessage>(schema: Desc, json: JsonValue): MessageShape<Desc> {
  const fields = isObject(json) ? Object.fromEntries(Object.entries(json).filter(([key]) => key !== "@type")) : json;
  return fromJson(schema, fields, { registry: messageTypes, ignoreUnknownFields: true });
}
