import { toBinary } from "@bufbuild/protobuf";
import { TrafficDirection } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { FilterChain } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import {
  type Listener,
  ListenerSchema,
  Listener_DrainType as DrainType,
} from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { readSocketAddress } from "./address.ts";
import { compileAccessLogs } from "./compile-access-log.ts";
import { compileChainMatcher } from "./compile-chain-matcher.ts";
import { compileFilterChain } from "./compile-filter-chain.ts";
import { ADDED_ORIGINAL_DST, compileListenerFilters } from "./compile-listener-filters.ts";
import type { ConnectionManagerContext } from "./compile-connection-manager.ts";
import { compileSocketOptions } from "./compile-socket-options.ts";
import { milliseconds } from "./duration.ts";
import { type ChainMatcher, FilterChainMatcher } from "./filter-chain-match.ts";
import type { ListenerInfo } from "./format/stream-info.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { NO_METADATA, filterMetadata } from "./metadata.ts";
import type { ListenerFilterPlan } from "./listener-filter-plan.ts";
import type { FilterChainPlan, ListenerPlan } from "./listener-plan.ts";
import type { Place } from "./problems.ts";

/** `per_connection_buffer_limit_bytes` of listeners and clusters. Source: Envoy api/envoy/config/listener/v3/listener.proto. */
export const DEFAULT_BUFFER_LIMIT_BYTES = 1024 * 1024;

/** Source: Envoy api/envoy/config/listener/v3/listener.proto, listener_filters_timeout. */
const DEFAULT_LISTENER_FILTERS_TIMEOUT_MS = 15_000;

const DIRECTION: Readonly<Record<number, ListenerPlan["direction"]>> = {
  [TrafficDirection.INBOUND]: "inbound",
  [TrafficDirection.OUTBOUND]: "outbound",
};

function directionOf({ trafficDirection }: Listener): ListenerPlan["direction"] {
  return DIRECTION[trafficDirection] ?? "unspecified";
}

function bufferLimitOf({ perConnectionBufferLimitBytes }: Listener): number {
  return perConnectionBufferLimitBytes ?? DEFAULT_BUFFER_LIMIT_BYTES;
}

/** What a listener does not say of itself. */
type ListenerContext = Omit<ConnectionManagerContext, "listener" | "direction" | "bufferLimitBytes">;

/** Null if anything was refused. The message must have passed `checkMessage`. */
export function compileListener(message: Listener, context: ListenerContext, place: Place): ListenerPlan | null {
  if (message.address === undefined)
    place.refuse(`error adding listener named '${message.name}': address is necessary`);
  const address = readSocketAddress(message.address, place.field("address"));
  const name = message.name === "" && address !== null ? `${address.address}:${address.port}` : message.name;
  const chains = compileChains(message, name, context, place);
  if (chains === null || address === null) return null;
  return {
    name,
    address: address.address,
    port: address.port,
    additionalAddresses: message.additionalAddresses.flatMap(
      (each, i) => readSocketAddress(each.address, place.item("additional_addresses", i).field("address")) ?? [],
    ),
    transparent: message.transparent ?? false,
    accepted: compileSocketOptions(message.socketOptions, (i) => place.item("socket_options", i)),
    statPrefix: message.statPrefix,
    direction: directionOf(message),
    drainsWhenFailing: message.drainType === DrainType.DEFAULT,
    bufferLimitBytes: bufferLimitOf(message),
    bindsToPort: (message.bindToPort ?? true) && (message.deprecatedV1?.bindToPort ?? true),
    connectionLimit: place.runtime.number(`envoy.resource_limits.listener.${name}.connection_limit`, Infinity),
    ignoresGlobalLimit: message.ignoreGlobalConnLimit,
    bypassesOverload: message.bypassOverloadManager,
    usesOriginalDst: message.useOriginalDst ?? false,
    listenerFilters: compileFilters(message, place),
    listenerFiltersTimeoutMs: milliseconds(message.listenerFiltersTimeout, DEFAULT_LISTENER_FILTERS_TIMEOUT_MS),
    accessLogs: compileAccessLogs(message.accessLog, (i) => place.item("access_log", i)),
    info: { ...infoOf(message, name), filterChainName: "", filterChainMetadata: NO_METADATA },
    continuesAfterTimeout: message.continueOnListenerFiltersTimeout,
    ...chains,
    fingerprint: fingerprintOf(toBinary(ListenerSchema, message)),
    ownFingerprint: ownFingerprint(message),
  };
}

function compileFilters(message: Listener, place: Place): readonly ListenerFilterPlan[] {
  const filters = [...compileListenerFilters(message.listenerFilters, (i) => place.item("listener_filters", i))];
  if (message.useOriginalDst ?? false) filters.push(ADDED_ORIGINAL_DST);
  return filters;
}

type Chains = Pick<ListenerPlan, "chains" | "matcher" | "defaultChain">;

/** Null if one of them was refused. */
function compileChains(message: Listener, name: string, context: ListenerContext, place: Place): Chains | null {
  const { filterChains, defaultFilterChain } = message;
  if (filterChains.length === 0 && defaultFilterChain === undefined) {
    place.refuse(`error adding listener '${message.name}': no filter chains specified`);
    return null;
  }
  const matcher = compileChainChoice(message, name, place);
  const listener = infoOf(message, name);
  const within = { ...context, direction: directionOf(message), bufferLimitBytes: bufferLimitOf(message) };
  const chains = filterChains.map((chain, i) =>
    compileFilterChain(chain, listener, within, place.item("filter_chains", i)),
  );
  if (defaultFilterChain !== undefined) {
    chains.push(compileFilterChain(defaultFilterChain, listener, within, place.field("default_filter_chain")));
  }
  if (!chains.every((chain): chain is FilterChainPlan => chain !== null)) return null;
  return { chains, matcher, defaultChain: defaultFilterChain === undefined ? -1 : filterChains.length };
}

/** By a tree that names the chain, or by the conditions of each. */
function compileChainChoice(message: Listener, name: string, place: Place): ChainMatcher {
  const { filterChains, filterChainMatcher } = message;
  if (filterChainMatcher !== undefined) {
    filterChains.forEach((chain, i) => checkNamed(chain, i, filterChains, name, place.item("filter_chains", i)));
    return compileChainMatcher(filterChainMatcher, filterChains, place.field("filter_chain_matcher"));
  }
  const matcher = new FilterChainMatcher();
  for (const [i, chain] of filterChains.entries()) {
    const at = place.item("filter_chains", i);
    const same = matcher.add(chain.filterChainMatch, i, at.field("filter_chain_match"));
    if (same < 0) continue;
    const other = filterChains[same].name;
    at.refuse(
      `error adding listener '${name}': filter chain '${chain.name}' has the same matching rules defined as '${other}'`,
    );
  }
  return matcher;
}

/** What else chains say of connections is not asked (Envoy takes it). */
function checkNamed(
  chain: FilterChain,
  index: number,
  chains: readonly FilterChain[],
  listener: string,
  place: Place,
): void {
  const { name } = chain;
  if (name === "") {
    place.refuse(`error adding listener '${listener}': "name" field is required when using a listener matcher`);
  } else if (chains.findIndex((each) => each.name === name) < index) {
    place.refuse(`error adding listener '${listener}': "name" field is duplicated with value '${name}'`);
  }
}

function infoOf({ metadata }: Listener, name: string): Pick<ListenerInfo, "name" | "metadata"> {
  return { name, metadata: filterMetadata(metadata) };
}

function ownFingerprint(message: Listener): string {
  const { defaultFilterChain: _, ...rest } = message;
  const own: Listener = { ...rest, filterChains: [] };
  return fingerprintOf(toBinary(ListenerSchema, own));
}
