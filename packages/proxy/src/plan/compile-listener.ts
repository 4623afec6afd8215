import { toBinary } from "@bufbuild/protobuf";
import { TrafficDirection } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import {
  type Listener,
  ListenerSchema,
  Listener_DrainType as DrainType,
} from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { readSocketAddress } from "./address.ts";
import { compileFilterChain } from "./compile-filter-chain.ts";
import type { ConnectionManagerContext } from "./compile-connection-manager.ts";
import { FilterChainMatcher } from "./filter-chain-match.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { filterMetadata } from "./metadata.ts";
import type { FilterChainPlan, ListenerPlan } from "./listener-plan.ts";
import type { Place } from "./problems.ts";

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
  const name = message.name === "" && address !== null ? `${address.address}:${address.port}` : message.name;
  const chains = compileChains(message, name, context, place);
  if (chains === null || address === null) return null;
  return {
    name,
    address: address.address,
    port: address.port,
    statPrefix: message.statPrefix,
    direction: DIRECTION[message.trafficDirection] ?? "unspecified",
    drainsWhenFailing: message.drainType === DrainType.DEFAULT,
    bufferLimitBytes: message.perConnectionBufferLimitBytes ?? DEFAULT_BUFFER_LIMIT_BYTES,
    ...chains,
    fingerprint: fingerprintOf(toBinary(ListenerSchema, message)),
    ownFingerprint: ownFingerprint(message),
  };
}

type Chains = Pick<ListenerPlan, "chains" | "matcher" | "defaultChain">;

/** Null if one of them was refused. */
function compileChains(message: Listener, name: string, context: ListenerContext, place: Place): Chains | null {
  const { filterChains, defaultFilterChain } = message;
  if (filterChains.length === 0 && defaultFilterChain === undefined) {
    place.refuse(`error adding listener '${message.name}': no filter chains specified`);
    return null;
  }
  const matcher = new FilterChainMatcher();
  const listener = { name, metadata: filterMetadata(message.metadata) };
  const chains: (FilterChainPlan | null)[] = [];
  for (const [i, chain] of filterChains.entries()) {
    const at = place.item("filter_chains", i);
    const same = matcher.add(chain.filterChainMatch, i, at.field("filter_chain_match"));
    if (same >= 0) {
      const other = filterChains[same].name;
      at.refuse(
        `error adding listener '${name}': filter chain '${chain.name}' has the same matching rules defined as '${other}'`,
      );
    }
    chains.push(compileFilterChain(chain, listener, context, at));
  }
  if (defaultFilterChain !== undefined) {
    chains.push(compileFilterChain(defaultFilterChain, listener, context, place.field("default_filter_chain")));
  }
  if (!chains.every((chain) => chain !== null)) return null;
  return { chains, matcher, defaultChain: defaultFilterChain === undefined ? -1 : filterChains.length };
}

function ownFingerprint(message: Listener): string {
  const { defaultFilterChain: _, ...rest } = message;
  const own: Listener = { ...rest, filterChains: [] };
  return fingerprintOf(toBinary(ListenerSchema, own));
}
