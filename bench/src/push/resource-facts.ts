/** What a simulated proxy reads from a resource: names to subscribe to, and the content that changes. */
import { fromBinary } from "@bufbuild/protobuf";
import { ClusterSchema, Cluster_DiscoveryType } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import type { VirtualHost } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { VirtualHostSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import { HttpConnectionManagerSchema } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { Change } from "./messages.ts";

export const TYPE = {
  cluster: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  endpoints: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
  listener: "type.googleapis.com/envoy.config.listener.v3.Listener",
  route: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
  virtualHost: "type.googleapis.com/envoy.config.route.v3.VirtualHost",
} as const;

export interface Facts {
  /** Resources that this one refers to. */
  subscribe: readonly { typeUrl: string; name: string }[];
  /** Names of the virtual hosts inside. */
  virtualHosts: readonly string[];
  /** Weights of each route with weighted clusters. */
  weights: readonly (readonly number[])[];
  addresses: readonly string[];
}

const NOTHING: Facts = { subscribe: [], virtualHosts: [], weights: [], addresses: [] };

/** All proxies get the same bytes: each version is read once, so that reading does not slow what is measured. */
const known = new Map<string, Facts>();

export function factsOf(typeUrl: string, name: string, version: string, value: Uint8Array): Facts {
  const key = `${typeUrl}\n${name}\n${version}`;
  let facts = known.get(key);
  if (facts === undefined) {
    facts = READERS[typeUrl]?.(value) ?? NOTHING;
    known.set(key, facts);
  }
  return facts;
}

export function holds(facts: Facts, change: Change): boolean {
  if (change.kind === "endpoint") return facts.addresses.includes(change.address);
  return facts.weights.some((weights) => change.weights.every((weight) => weights.includes(weight)));
}

const HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

const READERS: Record<string, (value: Uint8Array) => Facts> = {
  [TYPE.cluster]: (value) => {
    const { name, clusterDiscoveryType, edsClusterConfig } = fromBinary(ClusterSchema, value);
    const isEds = clusterDiscoveryType.case === "type" && clusterDiscoveryType.value === Cluster_DiscoveryType.EDS;
    if (!isEds) return NOTHING;
    return { ...NOTHING, subscribe: [{ typeUrl: TYPE.endpoints, name: edsClusterConfig?.serviceName || name }] };
  },
  [TYPE.endpoints]: (value) => {
    const endpoints = fromBinary(ClusterLoadAssignmentSchema, value).endpoints.flatMap(
      ({ lbEndpoints }) => lbEndpoints,
    );
    const addresses = endpoints.map(({ hostIdentifier }) => {
      const address = hostIdentifier.case === "endpoint" ? hostIdentifier.value.address?.address : undefined;
      return address?.case === "socketAddress" ? address.value.address : "";
    });
    return { ...NOTHING, addresses };
  },
  [TYPE.listener]: (value) => {
    const { filterChains, defaultFilterChain } = fromBinary(ListenerSchema, value);
    const chains = defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain];
    const names = new Set<string>();
    for (const { configType } of chains.flatMap(({ filters }) => filters)) {
      if (configType.case !== "typedConfig" || configType.value.typeUrl !== HCM) continue;
      const { routeSpecifier } = fromBinary(HttpConnectionManagerSchema, configType.value.value);
      if (routeSpecifier.case === "rds") names.add(routeSpecifier.value.routeConfigName);
    }
    return { ...NOTHING, subscribe: [...names].map((name) => ({ typeUrl: TYPE.route, name })) };
  },
  [TYPE.route]: (value) => {
    const { name, vhds, virtualHosts } = fromBinary(RouteConfigurationSchema, value);
    const subscribe = vhds === undefined ? [] : [{ typeUrl: TYPE.virtualHost, name: `${name}/*` }];
    return {
      ...NOTHING,
      subscribe,
      virtualHosts: virtualHosts.map(({ name }) => name),
      weights: virtualHosts.flatMap(weightsOf),
    };
  },
  [TYPE.virtualHost]: (value) => {
    const host = fromBinary(VirtualHostSchema, value);
    return { ...NOTHING, virtualHosts: [host.name], weights: weightsOf(host) };
  },
};

function weightsOf({ routes }: VirtualHost): number[][] {
  return routes.flatMap(({ action }) => {
    const specifier = action.case === "route" ? action.value.clusterSpecifier : undefined;
    return specifier?.case === "weightedClusters" ? [specifier.value.clusters.map(({ weight }) => weight ?? 0)] : [];
  });
}
