/** Which listener takes a request, and which of its filter chains. */
import { FilterChainMatcher, Place, unpackExtension } from "@tulle/proxy/matchers";
import type { MatchedConnection } from "@tulle/proxy/matchers";
import type { FilterChain } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Listener } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import type { HttpConnectionManager } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";

const HTTP_INSPECTOR = "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector";
const TLS_INSPECTOR = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector";
const MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

export function addressOf({ address }: Listener): { readonly address: string; readonly port: number } | undefined {
  const socket = address?.address;
  if (socket?.case !== "socketAddress" || socket.value.portSpecifier.case !== "portValue") return undefined;
  return { address: socket.value.address, port: socket.value.portSpecifier.value };
}

export interface Connection {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  /** Undefined: plaintext. */
  readonly tls: { readonly sni: string; readonly alpn: readonly string[] } | undefined;
}

/** By the data plane's own matcher; -1 stands for the default chain, undefined: none. */
export function findChain(listener: Listener, connection: Connection): FilterChain | undefined {
  const inspects = (name: string): boolean =>
    listener.listenerFilters.some(
      ({ configType }) => configType.case === "typedConfig" && configType.value.typeUrl.endsWith(name),
    );
  const { tls } = connection;
  const seesTls = inspects(TLS_INSPECTOR);
  const plain = inspects(HTTP_INSPECTOR) ? ["http/1.1"] : [];
  const matched: MatchedConnection = {
    localAddress: connection.localAddress,
    localPort: connection.localPort,
    serverName: tls !== undefined && seesTls ? tls.sni.toLowerCase() : "",
    transportProtocol: tls !== undefined && seesTls ? "tls" : "raw_buffer",
    applicationProtocols: tls === undefined ? plain : seesTls ? tls.alpn : [],
    directRemoteAddress: connection.remoteAddress,
    remoteAddress: connection.remoteAddress,
    remotePort: 40_000,
  };
  const matcher = new FilterChainMatcher();
  listener.filterChains.forEach(({ filterChainMatch }, index) =>
    matcher.add(filterChainMatch, index, new Place("", [])),
  );
  const found = matcher.find(matched);
  return found < 0 ? listener.defaultFilterChain : listener.filterChains[found];
}

export function managerOf(chain: FilterChain): HttpConnectionManager | undefined {
  for (const { configType } of chain.filters) {
    if (configType.case !== "typedConfig" || !configType.value.typeUrl.endsWith(MANAGER)) continue;
    return unpackExtension(configType.value).message as HttpConnectionManager;
  }
  return undefined;
}

/** "" for routes that are part of it. */
export function routesNameOf({ routeSpecifier }: HttpConnectionManager): string {
  return routeSpecifier.case === "rds" ? routeSpecifier.value.routeConfigName : "";
}
