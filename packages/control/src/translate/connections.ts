/** Connections that are not read as HTTP: what passes them on, and the filter chains that tell them apart. */
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { AccessLog } from "@tulle/xds/gen/envoy/config/accesslog/v3/accesslog_pb.js";
import type { TransportSocket } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { TrafficDirection } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { Listener } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import type {
  Filter,
  FilterChainMatchSchema,
  FilterChainSchema,
} from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { TcpProxySchema } from "@tulle/xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import type { ChainConditions } from "../model/chain-conditions.ts";
import { isUnconditional } from "../model/chain-conditions.ts";
import type { ConnectionChain, TcpDestination } from "../model/connection-route.ts";
import type { ConnectionSettings } from "../model/connection-settings.ts";
import type { Origin } from "../model/origin.ts";
import { milliseconds } from "./durations.ts";
import { httpInspector, tlsInspector } from "./listener-filters.ts";
import { BLACK_HOLE_CLUSTER, listenerName, outboundCluster } from "./names.ts";
import { networkFilter, socketAddress, tcpProxy } from "./network.ts";
import type { TcpProxyInit } from "./network.ts";
import { originMetadata } from "./origin.ts";
import { cidrRange } from "./security/cidr.ts";

type ListenerInit = Exclude<MessageInitShape<typeof ListenerSchema>, { $typeName: string }>;
type FilterChainInit = Exclude<MessageInitShape<typeof FilterChainSchema>, { $typeName: string }>;
type MatchInit = Exclude<MessageInitShape<typeof FilterChainMatchSchema>, { $typeName: string }>;

/** What is the same for all connections that a listener passes on. */
export interface Passing {
  readonly accessLogs: readonly AccessLog[];
  readonly clusterOf: (destination: TcpDestination) => string;
  readonly settingsOf: (destinations: readonly TcpDestination[]) => ConnectionSettings;
}

export function usualCluster({ host, port, subset }: TcpDestination): string {
  return outboundCluster(port, subset, host);
}

/** Bytes as they are, by weight. (`networkfilter.go` buildOutboundNetworkFilters) */
export function passOn(
  { destinations, rule = "" }: Pick<ConnectionChain, "destinations" | "rule">,
  { accessLogs, clusterOf, settingsOf }: Passing,
): Filter {
  const clusters = destinations.map((destination) => ({ name: clusterOf(destination), weight: destination.weight }));
  const [only, second] = clusters;
  const settings = proxySettings(settingsOf(destinations));
  if (second === undefined) return tcpProxy(only?.name ?? BLACK_HOLE_CLUSTER, accessLogs, settings);
  const config = create(TcpProxySchema, {
    ...settings,
    statPrefix: rule,
    clusterSpecifier: { case: "weightedClusters", value: { clusters } },
    accessLog: [...accessLogs],
  });
  return networkFilter("envoy.filters.network.tcp_proxy", TcpProxySchema, config);
}

function proxySettings({ idleTimeoutMs, maxDurationMs, hashesSource, tunnel }: ConnectionSettings): TcpProxyInit {
  return {
    ...(idleTimeoutMs === undefined ? {} : { idleTimeout: milliseconds(idleTimeoutMs) }),
    ...(maxDurationMs === undefined ? {} : { maxDownstreamConnectionDuration: milliseconds(maxDurationMs) }),
    ...(tunnel === undefined ? {} : { tunnelingConfig: tunnelingConfig(tunnel) }),
    hashPolicy: hashesSource ? [{ policySpecifier: { case: "sourceIp", value: {} } }] : [],
  };
}

/** (`tunnelingconfig/apply.go`) */
function tunnelingConfig({
  protocol,
  targetHost,
  targetPort,
}: NonNullable<ConnectionSettings["tunnel"]>): TcpProxyInit["tunnelingConfig"] {
  const host = targetHost.includes(":") ? `[${targetHost}]` : targetHost;
  return { hostname: `${host}:${targetPort}`, usePost: protocol === "POST" };
}

/** (`listener.go` toFilterChainMatch) */
function chainMatch(chain: MatchedChain): MatchInit {
  const { serverNames, destinationSubnets, sourceSubnets, applicationProtocols = [] } = chain;
  return {
    serverNames: [...serverNames],
    applicationProtocols: [...applicationProtocols],
    prefixRanges: destinationSubnets.map(cidrRange),
    sourcePrefixRanges: sourceSubnets.map(cidrRange),
  };
}

/** A filter chain with what it asks for. */
export interface MatchedChain extends ChainConditions {
  readonly filters: readonly Filter[];
  /** What clients say in ALPN; undefined: whatever. */
  readonly applicationProtocols?: readonly string[];
  /** By which TLS ends here. */
  readonly socket?: TransportSocket;
}

/** Requests among what arrives. */
export interface HttpAmong {
  readonly filter: Filter;
  /** What the HTTP inspector calls those versions that are read. */
  readonly protocols: readonly string[];
}

/**
 * Chains of a listener, and what has to look at a connection before one is chosen. What asks for nothing comes last and gets what is left,
 * which otherwise goes to `rest`, or nowhere. (`listener.go` buildListenerFromEntry)
 */
export function listenerChains(
  chains: readonly MatchedChain[],
  http?: HttpAmong,
  rest?: readonly Filter[],
): Pick<ListenerInit, "filterChains" | "defaultFilterChain" | "listenerFilters"> {
  const open = chains.find(isUnconditional);
  const conditional = chains.filter((chain) => chain !== open).map(filterChain);
  const filterChains: FilterChainInit[] = [...conditional, ...(http === undefined ? [] : [httpChain(http)])];
  const listenerFilters = [
    ...(chains.some(({ serverNames }) => serverNames.length > 0) ? [tlsInspector()] : []),
    ...(http === undefined ? [] : [httpInspector()]),
  ];
  if (open !== undefined && filterChains.length === 0) return { filterChains: [filterChain(open)] };
  const last = open === undefined ? rest && { name: "PassthroughFilterChain", filters: [...rest] } : filterChain(open);
  return { listenerFilters, filterChains, ...(last === undefined ? {} : { defaultFilterChain: last }) };
}

export function filterChain(chain: MatchedChain): FilterChainInit {
  const { filters, socket } = chain;
  return {
    ...(isUnconditional(chain) ? {} : { filterChainMatch: chainMatch(chain) }),
    filters: [...filters],
    ...(socket === undefined ? {} : { transportSocket: socket }),
  };
}

/** Clients may speak of HTTP in TLS as well, which nobody reads. */
function httpChain({ filter, protocols }: HttpAmong): FilterChainInit {
  return {
    filterChainMatch: { transportProtocol: "raw_buffer", applicationProtocols: [...protocols] },
    filters: [filter],
  };
}

/** A local port of a client for one service, which need not speak HTTP. */
export function outboundTcpListener(input: {
  readonly bind: { readonly address: string; readonly port: number };
  readonly chains: readonly MatchedChain[];
  /** Of connections that no chain wants. */
  readonly accessLog: readonly AccessLog[];
  readonly origin: Origin;
}): Listener {
  const { bind, chains, accessLog, origin } = input;
  return create(ListenerSchema, {
    name: listenerName(bind.address, bind.port),
    address: socketAddress(bind.address, bind.port),
    trafficDirection: TrafficDirection.OUTBOUND,
    accessLog: [...accessLog],
    ...listenerChains(chains),
    metadata: originMetadata(origin, ""),
  });
}
