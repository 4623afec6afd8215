/** Patches of listeners and what is in them. (istio/istio `pilot/pkg/networking/core/envoyfilter/listener_patch.go`, in its order) */
import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { TrafficDirection } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { TransportSocket } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import {
  FilterChainSchema,
  FilterSchema,
  ListenerFilterSchema,
} from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Filter, FilterChain } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import type { Listener } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import {
  HttpConnectionManagerSchema,
  HttpFilterSchema,
} from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HttpConnectionManager } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { TcpProxySchema } from "@tulle/xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import type { Patch, PatchContext } from "../../model/envoy-filter.ts";
import { packed } from "../packed.ts";
import { mergedAny, typeNameOf } from "./merge.ts";
import type { PatchList } from "./patch-list.ts";
import { isAdded, isInContext, mergeValue, merges, placed, valueOf } from "./patch-list.ts";
import { patchRouteConfiguration } from "./route-patches.ts";

const CONNECTION_MANAGER = "envoy.filters.network.http_connection_manager";
const VIRTUAL = new Set(["virtualInbound", "virtualOutbound"]);

/** What is looked at while a listener is patched. */
interface Place {
  readonly patches: PatchList;
  readonly context: PatchContext;
  readonly listener: Listener;
  /** Of the mesh: what its user calls the listener's port, wherever the proxy has bound it. */
  readonly ports: ReadonlySet<number>;
}

/** The listener, changed; undefined: it is taken away. */
export function patchListener(listener: Listener, patches: PatchList): Listener | undefined {
  const context = contextOf(listener, patches.isGateway);
  const place: Place = { patches, context, listener, ports: portsOf(listener) };
  for (const patch of patches.of("LISTENER")) {
    if (!isInContext(patch, context) || !matchesListener(patch, place)) continue;
    if (patch.operation === "REMOVE") return undefined;
    if (merges(patch)) mergeValue(ListenerSchema, listener, patch);
  }
  patchListenerFilters(place);
  patchChains(place);
  return listener;
}

/** Listeners that come on top. */
export function addedListeners(patches: PatchList): readonly Listener[] {
  return patches
    .of("LISTENER")
    .filter((patch) => isAdded(patch, patches.isGateway))
    .map((patch) => valueOf(ListenerSchema, patch));
}

function contextOf({ trafficDirection }: Listener, isGateway: boolean): PatchContext {
  if (isGateway) return "GATEWAY";
  return trafficDirection === TrafficDirection.INBOUND ? "SIDECAR_INBOUND" : "SIDECAR_OUTBOUND";
}

/**
 * The port that it is bound to, and where that is some free one of a host that several workloads share, the port that it stands for: of the
 * service, or of the workload.
 */
function portsOf(listener: Listener): ReadonlySet<number> {
  const ports = new Set<number>();
  const bound = listener.address?.address;
  if (bound?.case === "socketAddress" && bound.value.portSpecifier.case === "portValue") {
    ports.add(bound.value.portSpecifier.value);
  }
  if (VIRTUAL.has(listener.name)) return ports;
  for (const { filters } of listener.filterChains) {
    for (const { configType } of filters) {
      const port = configType.case === "typedConfig" ? standsFor(configType.value) : 0;
      if (port > 0) ports.add(port);
    }
  }
  return ports;
}

function standsFor(config: Any): number {
  const type = typeNameOf(config);
  if (type === HttpConnectionManagerSchema.typeName) {
    const { routeSpecifier } = fromBinary(HttpConnectionManagerSchema, config.value);
    if (routeSpecifier.case === "rds") return portOfName(routeSpecifier.value.routeConfigName);
    return routeSpecifier.case === "routeConfig" ? portOfName(routeSpecifier.value.name) : 0;
  }
  if (type !== TcpProxySchema.typeName) return 0;
  const { clusterSpecifier } = fromBinary(TcpProxySchema, config.value);
  return clusterSpecifier.case === "cluster" ? portOfName(clusterSpecifier.value) : 0;
}

/** Of a route configuration or cluster: `9080`, `inbound|9080||`. */
export function portOfName(name: string): number {
  const [, port = ""] = /^(?:(?:in|out)bound\|)?([0-9]{1,5})(?:$|\|)/.exec(name) ?? [];
  return Number(port);
}

function matchesListener({ applyTo, match }: Patch, { listener, ports }: Place): boolean {
  const wanted = match.listener;
  if (wanted === undefined) return true;
  if ((wanted.name ?? "") !== "" && wanted.name !== listener.name) return false;
  // Their chains say for which port they are.
  if (applyTo !== "LISTENER" && VIRTUAL.has(listener.name)) return true;
  const { portNumber = 0 } = wanted;
  return portNumber === 0 || ports.has(portNumber);
}

function patchListenerFilters({ patches, context, ...place }: Place): void {
  const { listener } = place;
  for (const patch of patches.of("LISTENER_FILTER")) {
    if (!isInContext(patch, context) || !matchesListener(patch, { patches, context, ...place })) continue;
    const name = patch.match.listener?.listenerFilter ?? "";
    const isIt = name === "" ? undefined : (filter: { readonly name: string }): boolean => filter.name === name;
    if (patch.operation !== "MERGE") {
      listener.listenerFilters = placed(listener.listenerFilters, patch, isIt, () =>
        valueOf(ListenerFilterSchema, patch),
      );
      continue;
    }
    for (const filter of isIt === undefined ? [] : listener.listenerFilters.filter(isIt)) {
      const { configType } = valueOf(ListenerFilterSchema, patch);
      if (filter.configType.case !== "typedConfig" || configType.case !== "typedConfig") continue;
      const merged = mergedAny(filter.configType.value, configType.value);
      if (merged !== undefined) filter.configType = { case: "typedConfig", value: merged };
    }
  }
}

function patchChains(place: Place): void {
  const { patches, context, listener } = place;
  const kept = listener.filterChains.filter((chain) => chain.filters.length === 0 || patchChain(chain, place));
  const { defaultFilterChain: last } = listener;
  if (last !== undefined && last.filters.length > 0 && !patchChain(last, place)) {
    delete listener.defaultFilterChain;
  }
  const added = patches
    .of("FILTER_CHAIN")
    .filter((patch) => patch.operation === "ADD" && isInContext(patch, context) && matchesListener(patch, place))
    .map((patch) => valueOf(FilterChainSchema, patch));
  listener.filterChains = [...kept, ...added];
}

/** False: it is taken away. */
function patchChain(chain: FilterChain, place: Place): boolean {
  const { patches, context } = place;
  for (const patch of patches.of("FILTER_CHAIN")) {
    if (!isInContext(patch, context) || !matchesListener(patch, place) || !matchesChain(patch, chain, place)) continue;
    if (patch.operation === "REMOVE") return false;
    if (!merges(patch)) continue;
    const { transportSocket } = valueOf(FilterChainSchema, patch);
    if (!mergeSocket(chain.transportSocket, transportSocket)) mergeValue(FilterChainSchema, chain, patch);
  }
  patchNetworkFilters(chain, place);
  return true;
}

/** Two sockets of one name become one; all else that the patch holds is then left, as Istio does. */
export function mergeSocket(own: TransportSocket | undefined, patch: TransportSocket | undefined): boolean {
  if (own === undefined || patch === undefined || own.name !== patch.name) return false;
  if (own.configType.case !== "typedConfig" || patch.configType.case !== "typedConfig") return true;
  const merged = mergedAny(own.configType.value, patch.configType.value);
  if (merged !== undefined) own.configType = { case: "typedConfig", value: merged };
  return true;
}

function matchesChain({ match: { listener: wanted } }: Patch, chain: FilterChain, { listener }: Place): boolean {
  if (wanted === undefined) return true;
  const { filterChainMatch: own } = chain;
  const { portNumber = 0, filterChain } = wanted;
  if (VIRTUAL.has(listener.name) && portNumber > 0 && own?.destinationPort !== portNumber) return false;
  if (filterChain === undefined) return true;
  const { name = "", sni = "", transportProtocol = "", applicationProtocols = "", destinationPort = 0 } = filterChain;
  if (name !== "" && name !== chain.name) return false;
  if (sni !== "" && own?.serverNames.includes(sni) !== true) return false;
  if (transportProtocol !== "" && own?.transportProtocol !== transportProtocol) return false;
  const protocols = applicationProtocols === "" ? [] : applicationProtocols.split(",");
  if (!protocols.every((each) => own?.applicationProtocols.includes(each) === true)) return false;
  return destinationPort === 0 || own?.destinationPort === destinationPort;
}

function networkFilterName({ match }: Patch): string | undefined {
  const filter = match.listener?.filterChain?.filter;
  return filter === undefined ? undefined : (filter.name ?? "");
}

function isNamed(name: string | undefined): ((item: { readonly name: string }) => boolean) | undefined {
  return name === undefined ? undefined : (item) => item.name === name;
}

function patchNetworkFilters(chain: FilterChain, place: Place): void {
  const { patches, context } = place;
  const own = patches
    .of("NETWORK_FILTER")
    .filter(
      (patch) => isInContext(patch, context) && matchesListener(patch, place) && matchesChain(patch, chain, place),
    );
  for (const patch of own) {
    chain.filters = placed(chain.filters, patch, isNamed(networkFilterName(patch)), () => valueOf(FilterSchema, patch));
  }
  for (const filter of chain.filters) {
    for (const patch of own) {
      if (patch.operation === "MERGE" && isNamed(networkFilterName(patch))?.(filter) !== false) {
        mergeFilter(filter, valueOf(FilterSchema, patch));
      }
    }
    if (filter.name === CONNECTION_MANAGER) patchManager(filter, chain, place);
  }
}

interface Configured {
  name: string;
  configType: { readonly case: string | undefined; readonly value?: unknown };
}

/** Its configuration is merged if it is of the same type; a name in the patch becomes the filter's. */
function mergeFilter(filter: Configured, patch: Configured): void {
  if (filter.configType.case !== "typedConfig") return;
  if (patch.name !== "") filter.name = patch.name;
  if (patch.configType.case !== "typedConfig") return;
  const merged = mergedAny(filter.configType.value as Any, patch.configType.value as Any);
  if (merged !== undefined) filter.configType = { case: "typedConfig", value: merged };
}

function patchManager(filter: Filter, chain: FilterChain, place: Place): void {
  const { patches, context } = place;
  if (!patches.has("HTTP_FILTER", "ROUTE_CONFIGURATION", "VIRTUAL_HOST", "HTTP_ROUTE")) return;
  if (filter.configType.case !== "typedConfig") return;
  if (typeNameOf(filter.configType.value) !== HttpConnectionManagerSchema.typeName) return;
  const manager = fromBinary(HttpConnectionManagerSchema, filter.configType.value.value);
  patchHttpFilters(manager, filter, chain, place);
  const { routeSpecifier } = manager;
  if (routeSpecifier.case === "routeConfig") {
    patchRouteConfiguration(routeSpecifier.value, patches, context, portOfName(routeSpecifier.value.name), true);
  }
  filter.configType = { case: "typedConfig", value: packed(HttpConnectionManagerSchema, manager) };
}

function patchHttpFilters(manager: HttpConnectionManager, filter: Filter, chain: FilterChain, place: Place): void {
  const { patches, context } = place;
  const own = patches
    .of("HTTP_FILTER")
    .filter(
      (patch) =>
        isInContext(patch, context) &&
        matchesListener(patch, place) &&
        matchesChain(patch, chain, place) &&
        isNamed(networkFilterName(patch))?.(filter) !== false,
    );
  for (const patch of own) {
    const isIt = isNamed(httpFilterName(patch));
    manager.httpFilters = placed(manager.httpFilters, patch, isIt, () => valueOf(HttpFilterSchema, patch));
  }
  for (const patch of own) {
    if (patch.operation !== "MERGE") continue;
    const isIt = isNamed(httpFilterName(patch));
    for (const each of manager.httpFilters)
      if (isIt?.(each) !== false) mergeFilter(each, valueOf(HttpFilterSchema, patch));
  }
}

function httpFilterName({ match }: Patch): string | undefined {
  const sub = match.listener?.filterChain?.filter?.subFilter;
  return sub === undefined ? undefined : (sub.name ?? "");
}
