/** Small resources whose content is told apart by a tag. */
import { create } from "@bufbuild/protobuf";
import { ClusterSchema } from "../../src/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { ClusterLoadAssignmentSchema } from "../../src/gen/envoy/config/endpoint/v3/endpoint_pb.ts";
import { ListenerSchema } from "../../src/gen/envoy/config/listener/v3/listener_pb.ts";
import { VirtualHostSchema } from "../../src/gen/envoy/config/route/v3/route_components_pb.ts";
import { RouteConfigurationSchema } from "../../src/gen/envoy/config/route/v3/route_pb.ts";
import type { EncodedResource, ResourceSet, ResourceView } from "../../src/resource.ts";
import { encodeResource, resourceSet, resourceView } from "../../src/resource.ts";
import { TYPE } from "../../src/type-url.ts";

export const cluster = (name: string, tag = ""): EncodedResource =>
  encodeResource(name, ClusterSchema, create(ClusterSchema, { name, altStatName: tag }));

export const endpoints = (name: string, tag = 0): EncodedResource =>
  encodeResource(
    name,
    ClusterLoadAssignmentSchema,
    create(ClusterLoadAssignmentSchema, { clusterName: name, endpoints: [{ priority: tag }] }),
  );

export const listener = (name: string, tag = ""): EncodedResource =>
  encodeResource(name, ListenerSchema, create(ListenerSchema, { name, statPrefix: tag }));

export const route = (name: string, tag = ""): EncodedResource =>
  encodeResource(
    name,
    RouteConfigurationSchema,
    create(RouteConfigurationSchema, { name, requestHeadersToRemove: tag === "" ? [] : [tag] }),
  );

export const virtualHost = (routeName: string, name: string, tag = ""): EncodedResource =>
  encodeResource(
    `${routeName}/${name}`,
    VirtualHostSchema,
    create(VirtualHostSchema, { name, domains: [name], requestHeadersToRemove: tag === "" ? [] : [tag] }),
    [`${routeName}/${name}.alias`],
  );

/** A view of everything given, by type. */
export interface World {
  readonly clusters?: readonly EncodedResource[];
  readonly endpoints?: readonly EncodedResource[];
  readonly listeners?: readonly EncodedResource[];
  readonly routes?: readonly EncodedResource[];
  readonly virtualHosts?: readonly EncodedResource[];
}

/** Sets that did not change are taken over from `previous`, as a control plane does. */
export function view(world: World, previous?: ResourceView): ResourceView {
  const sets: ResourceSet[] = [];
  const add = (typeUrl: (typeof TYPE)[keyof typeof TYPE], resources: readonly EncodedResource[] | undefined): void => {
    if (resources !== undefined) sets.push(resourceSet(typeUrl, resources, previous?.set(typeUrl)));
  };
  add(TYPE.cluster, world.clusters);
  add(TYPE.endpoints, world.endpoints);
  add(TYPE.listener, world.listeners);
  add(TYPE.route, world.routes);
  add(TYPE.virtualHost, world.virtualHosts);
  return resourceView(sets);
}
