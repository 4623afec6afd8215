import { toBinary } from "@bufbuild/protobuf";
import { type FilterChain, FilterChainSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { TcpProxy } from "@tulle/xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import type { Config as DirectResponse } from "@tulle/xds/gen/envoy/extensions/filters/network/direct_response/v3/config_pb.js";
import { type ConnectionManagerContext, compileConnectionManager } from "./compile-connection-manager.ts";
import { compileTcpProxy } from "./compile-tcp-proxy.ts";
import { type NetworkFilterPlan, compileNetworkFilter } from "./compile-network-filters.ts";
import { compileDownstreamTls } from "./compile-tls.ts";
import { readDataSource } from "./data-source.ts";
import { milliseconds } from "./duration.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { ListenerInfo } from "./format/stream-info.ts";
import type { FilterChainPlan, TerminalPlan } from "./listener-plan.ts";
import { filterMetadata } from "./metadata.ts";
import type { Place } from "./problems.ts";
import { type Extension, unpackExtension } from "./schemas.ts";
import { DIRECT_RESPONSE, ECHO, HTTP_CONNECTION_MANAGER, TCP_PROXY } from "./supported-fields/index.ts";

/** Null if it was refused. */
export function compileFilterChain(
  chain: FilterChain,
  listener: Pick<ListenerInfo, "name" | "metadata">,
  context: Omit<ConnectionManagerContext, "listener">,
  place: Place,
): FilterChainPlan | null {
  const last = chain.filters.at(-1);
  if (last === undefined) {
    place.refuse("a filter chain without filters is not supported");
    return null;
  }
  const info = {
    ...listener,
    filterChainName: chain.name,
    filterChainMetadata: filterMetadata(chain.metadata),
  };
  let terminal: TerminalPlan | null = null;
  const filters: NetworkFilterPlan[] = [];
  for (const [i, filter] of chain.filters.entries()) {
    if (filter.configType.case !== "typedConfig") continue;
    const extension = unpackExtension(filter.configType.value);
    const at = place.item("filters", i).packed("typed_config", extension.typeUrl);
    const plan = compileNetworkFilter(extension, context.localWorkload, at);
    if (plan !== undefined) {
      if (plan !== null) filters.push(plan);
      if (filter === last) {
        place
          .item("filters", i)
          .refuse(`non-terminal filter named ${filter.name} is the last filter in a network filter chain.`);
      }
      continue;
    }
    terminal = compileTerminal(extension, { ...context, listener: info }, at);
    if (filter !== last) {
      place
        .item("filters", i)
        .refuse(`terminal filter named ${filter.name} must be the last filter in a network filter chain.`);
    }
  }
  if (terminal === null) return null;
  const { transportSocket, transportSocketConnectTimeout } = chain;
  return {
    name: chain.name,
    filters,
    terminal,
    info,
    transportSocket: compileDownstreamTls(
      transportSocket,
      context.secrets,
      milliseconds(transportSocketConnectTimeout, 0),
      place.field("transport_socket"),
    ),
    fingerprint: fingerprintOf(toBinary(FilterChainSchema, chain)),
  };
}

/** Null if it is none, which has been reported. */
function compileTerminal(
  { typeName, message }: Extension,
  context: ConnectionManagerContext,
  place: Place,
): TerminalPlan | null {
  switch (typeName) {
    case HTTP_CONNECTION_MANAGER:
      return message === null ? null : { kind: "http", manager: compileConnectionManager(message, context, place) };
    case TCP_PROXY:
      return {
        kind: "tcp",
        proxy: compileTcpProxy(message as TcpProxy, (name) => context.clusterRef(name), place),
      };
    case ECHO:
      return { kind: "echo" };
    case DIRECT_RESPONSE: {
      const { response } = message as DirectResponse;
      return { kind: "direct-response", response: readDataSource(response, place.field("response")) };
    }
    default:
      return null;
  }
}
