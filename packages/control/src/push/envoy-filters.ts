/** The patches that EnvoyFilters make to what a proxy is sent, once it is known what that would be without them. */
import { fromBinary } from "@bufbuild/protobuf";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { VirtualHostSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import { encodeResource, resourceSet, TYPE } from "@tulle/xds";
import type { EncodedResource, ResourceSet } from "@tulle/xds";
import type { EnvoyFilterRule } from "../model/envoy-filter.ts";
import { patchesFor } from "../model/envoy-filter.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { rememberLast } from "../model/sharing.ts";
import type { ProxyNode } from "../source/registration/node.ts";
import { addedClusters, concernsCluster, patchCluster } from "../translate/envoy-filter/cluster-patches.ts";
import { addedListeners, patchListener, portOfName } from "../translate/envoy-filter/listener-patches.ts";
import { PatchList } from "../translate/envoy-filter/patch-list.ts";
import {
  addedVirtualHosts,
  gatewayPort,
  patchRouteConfiguration,
  patchVirtualHost,
} from "../translate/envoy-filter/route-patches.ts";
import { virtualHostResource } from "../translate/names.ts";

/** More than there are kinds of proxies in a mesh. */
const MAX_LISTS = 256;

/** What proxies with the same patches share. */
export class PatchCache {
  readonly #lists = new Map<string, PatchList>();
  readonly #patched = new WeakMap<EncodedResource, WeakMap<PatchList, EncodedResource | typeof REMOVED>>();

  list(rules: readonly EnvoyFilterRule[], rootNamespace: string, proxy: ProxyNode): PatchList | undefined {
    if (rules.length === 0) return undefined;
    const isGateway = proxy.type === "router";
    const patches = patchesFor(rules, rootNamespace, {
      namespace: proxy.namespace,
      labels: proxy.labels,
      version: proxy.metadata?.["ISTIO_VERSION"] ?? "",
      metadata: proxy.metadata ?? {},
      filterTypes: proxy.dataPlane === "tulle" ? proxy.filterTypes : undefined,
    });
    if (patches.length === 0) return undefined;
    const key = `${isGateway} ${patches.map((patch) => patch.key).join()}`;
    let list = this.#lists.get(key);
    if (list === undefined) {
      if (this.#lists.size >= MAX_LISTS) this.#lists.clear();
      this.#lists.set(key, (list = new PatchList(patches, isGateway)));
    }
    return list;
  }

  /** The resource as the patches leave it; undefined: they take it away. */
  patched<Desc extends DescMessage>(
    resource: EncodedResource,
    patches: PatchList,
    schema: Desc,
    patch: (message: MessageShape<Desc>) => MessageShape<Desc> | undefined,
  ): EncodedResource | undefined {
    let byList = this.#patched.get(resource);
    if (byList === undefined) this.#patched.set(resource, (byList = new WeakMap()));
    let found = byList.get(patches);
    if (found === undefined) {
      const patched = patch(fromBinary(schema, fromBinary(AnySchema, resource.any).value));
      found = patched === undefined ? REMOVED : encodeResource(resource.name, schema, patched, resource.aliases);
      byList.set(patches, found);
    }
    return found === REMOVED ? undefined : found;
  }
}

const REMOVED = Symbol("removed");

/** For one proxy; sets in which nothing changed are the ones of before. */
export function envoyFiltersOf(
  cache: PatchCache,
): (proxy: ProxyNode, snapshot: Snapshot, sets: readonly ResourceSet[]) => readonly ResourceSet[] {
  const listOf = rememberLast((rules: readonly EnvoyFilterRule[], rootNamespace: string, proxy: ProxyNode) =>
    cache.list(rules, rootNamespace, proxy),
  );
  const before = new Map<string, ResourceSet>();
  const apply = rememberLast((patches: PatchList, ...sets: readonly ResourceSet[]) => {
    const configurations = sets.find(({ typeUrl }) => typeUrl === TYPE.route);
    return sets.map((set) => {
      const resources = patchedResources(set, configurations, patches, cache);
      if (resources === undefined) return set;
      const next = resourceSet(set.typeUrl, distinct(resources), before.get(set.typeUrl));
      before.set(set.typeUrl, next);
      return next;
    });
  });
  return (proxy, { envoyFilters, options }, sets) => {
    const patches = listOf(envoyFilters, options.rootNamespace, proxy);
    return patches === undefined ? sets : apply(patches, ...sets);
  };
}

/** Undefined: no patch is for this type. */
function patchedResources(
  { typeUrl, resources }: ResourceSet,
  configurations: ResourceSet | undefined,
  patches: PatchList,
  cache: PatchCache,
): readonly EncodedResource[] | undefined {
  const all = [...resources.values()];
  switch (typeUrl) {
    case TYPE.cluster:
      return patches.has("CLUSTER") ? patchedClusters(all, patches, cache) : undefined;
    case TYPE.listener:
      return [
        ...all.flatMap(
          (each) => cache.patched(each, patches, ListenerSchema, (listener) => patchListener(listener, patches)) ?? [],
        ),
        ...addedListeners(patches).map((listener) => encodeResource(listener.name, ListenerSchema, listener)),
      ];
    case TYPE.route:
      return patches.has("ROUTE_CONFIGURATION", "VIRTUAL_HOST", "HTTP_ROUTE")
        ? all.flatMap((each) => patchedConfiguration(each, patches, cache) ?? [])
        : undefined;
    case TYPE.virtualHost:
      return patches.has("VIRTUAL_HOST", "HTTP_ROUTE")
        ? patchedHosts(all, [...(configurations?.resources.keys() ?? [])], patches, cache)
        : undefined;
    default:
      return undefined;
  }
}

function patchedClusters(
  all: readonly EncodedResource[],
  patches: PatchList,
  cache: PatchCache,
): readonly EncodedResource[] {
  const patched = all.flatMap((each) =>
    concernsCluster(each.name, patches)
      ? (cache.patched(each, patches, ClusterSchema, (cluster) => patchCluster(cluster, patches)) ?? [])
      : each,
  );
  const added = addedClusters(patches).map((cluster) => encodeResource(cluster.name, ClusterSchema, cluster));
  return [...patched, ...added];
}

function portOf(configuration: string, { isGateway }: PatchList): number {
  return isGateway ? gatewayPort(configuration) : portOfName(configuration);
}

function contextOf({ isGateway }: PatchList): "GATEWAY" | "SIDECAR_OUTBOUND" {
  return isGateway ? "GATEWAY" : "SIDECAR_OUTBOUND";
}

function patchedConfiguration(
  resource: EncodedResource,
  patches: PatchList,
  cache: PatchCache,
): EncodedResource | undefined {
  return cache.patched(resource, patches, RouteConfigurationSchema, (configuration) => {
    // One whose hosts come by themselves has none in it.
    const discovers = configuration.vhds !== undefined;
    patchRouteConfiguration(configuration, patches, contextOf(patches), portOf(resource.name, patches), !discovers);
    return configuration;
  });
}

function patchedHosts(
  all: readonly EncodedResource[],
  configurations: readonly string[],
  patches: PatchList,
  cache: PatchCache,
): readonly EncodedResource[] {
  const context = contextOf(patches);
  const patched = all.flatMap((each) => {
    const [configuration = ""] = each.name.split("/");
    const port = portOf(configuration, patches);
    return (
      cache.patched(each, patches, VirtualHostSchema, (host) =>
        patchVirtualHost(host, patches, context, configuration, port),
      ) ?? []
    );
  });
  const added = configurations.flatMap((configuration) =>
    addedVirtualHosts(patches, context, configuration, portOf(configuration, patches)).map((host) =>
      encodeResource(virtualHostResource(configuration, host.name), VirtualHostSchema, host),
    ),
  );
  return [...patched, ...added];
}

/** Of those with one name the first: what is there already stays, and the earlier patch's. Without a name there is nothing to call it by. */
function distinct(resources: readonly EncodedResource[]): readonly EncodedResource[] {
  const names = new Set<string>([""]);
  return resources.filter(({ name }) => {
    if (names.has(name)) return false;
    names.add(name);
    return true;
  });
}
