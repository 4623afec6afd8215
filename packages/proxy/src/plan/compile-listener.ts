import { toBinary } from "@bufbuild/protobuf";
import { TrafficDirection } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import {
  type Listener,
  ListenerSchema,
  Listener_DrainType as DrainType,
} from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import type { FilterChain } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { readSocketAddress } from "./address.ts";
import { type ConnectionManagerContext, compileConnectionManager } from "./compile-connection-manager.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { filterMetadata } from "./metadata.ts";
import type { HttpConnectionManagerPlan, ListenerPlan } from "./listener-plan.ts";
import type { Place } from "./problems.ts";
import { unpackExtension } from "./schemas.ts";
import { HTTP_CONNECTION_MANAGER } from "./supported-fields/index.ts";

/** `per_connection_buffer_limit_bytes` of listeners and clusters. Source: Envoy api/envoy/config/listener/v3/listener.proto. */
export const DEFAULT_BUFFER_LIMIT_BYTES = 1024 * 1024;

const DIRECTION: Readonly<Record<number, ListenerPlan["direction"]>> = {
  [TrafficDirection.INBOUND]: "inbound",
  [TrafficDirection.OUTBOUND]: "outbound",
};

/** What a listener does not say of itself. */
export type ListenerContext = Omit<ConnectionManagerContext, "listener">;

/** Null if anything was refused. The message must have passed `checkMessage`. */
export function compileListener(message: Listener, context: ListenerContext, place: Place): ListenerPlan | null {
  if (message.address === undefined)
    place.refuse(`error adding listener named '${message.name}': address is necessary`);
  const address = readSocketAddress(message.address, place.field("address"));
  const chain = soleFilterChain(message, place);
  if (chain === null) return null;
  const name = message.name === "" && address !== null ? `${address.address}:${address.port}` : message.name;
  const listener = {
    name,
    metadata: filterMetadata(message.metadata),
    filterChainName: chain.filterChain.name,
    filterChainMetadata: filterMetadata(chain.filterChain.metadata),
  };
  const connectionManager = compileFilters(chain.filterChain, { ...context, listener }, chain.place);
  if (connectionManager === null || address === null) return null;
  return {
    name,
    address: address.address,
    port: address.port,
    statPrefix: message.statPrefix,
    direction: DIRECTION[message.trafficDirection] ?? "unspecified",
    drainsWhenFailing: message.drainType === DrainType.DEFAULT,
    bufferLimitBytes: message.perConnectionBufferLimitBytes ?? DEFAULT_BUFFER_LIMIT_BYTES,
    connectionManager,
    fingerprint: fingerprintOf(toBinary(ListenerSchema, message)),
  };
}

/** Every connection takes the same chain: conditions on chains are refused. */
function soleFilterChain(message: Listener, place: Place): { filterChain: FilterChain; place: Place } | null {
  const [first, second] = message.filterChains;
  if (second !== undefined) {
    place.item("filter_chains", 1).refuse("more than one filter chain is not supported");
    return null;
  }
  if (first !== undefined) return { filterChain: first, place: place.item("filter_chains", 0) };
  if (message.defaultFilterChain !== undefined) {
    return { filterChain: message.defaultFilterChain, place: place.field("default_filter_chain") };
  }
  place.refuse(`error adding listener '${message.name}': no filter chains specified`);
  return null;
}

function compileFilters(
  chain: FilterChain,
  context: ConnectionManagerContext,
  place: Place,
): HttpConnectionManagerPlan | null {
  const [filter, extra] = chain.filters;
  if (filter === undefined) {
    place.refuse("a filter chain without filters is not supported");
    return null;
  }
  if (extra !== undefined) {
    place
      .item("filters", 0)
      .refuse(`terminal filter named ${filter.name} must be the last filter in a network filter chain.`);
    return null;
  }
  if (filter.configType.case !== "typedConfig") return null;
  const extension = unpackExtension(filter.configType.value);
  const { message } = extension;
  if (message === null || extension.typeName !== HTTP_CONNECTION_MANAGER) return null;
  return compileConnectionManager(message, context, place.item("filters", 0).packed("typed_config", extension.typeUrl));
}
