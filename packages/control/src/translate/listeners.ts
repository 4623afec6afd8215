/** Where a proxy takes connections, and the HTTP connection manager that reads requests from them. */
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { TransportSocket } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { TrafficDirection } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { ApiVersion } from "@tulle/xds/gen/envoy/config/core/v3/config_source_pb.js";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import type { Listener } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import type { Filter as NetworkFilter } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import {
  HttpConnectionManager_ForwardClientCertDetails as ForwardClientCert,
  HttpConnectionManagerSchema,
} from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HttpFilter } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { MeshSettings } from "../model/mesh-settings.ts";
import type { Origin } from "../model/origin.ts";
import type { RateLimitRule } from "../model/rate-limit.ts";
import type { AccessLogSink } from "../model/telemetry.ts";
import type { InboundPort } from "../model/workload.ts";
import { accessLogsOf, unroutedLogsOf } from "./access-log.ts";
import { filterChain } from "./connections.ts";
import type { MatchedChain } from "./connections.ts";
import type { Capabilities, HttpFilterKind } from "./data-plane.ts";
import { milliseconds } from "./durations.ts";
import type { Reporter } from "./http-filters.ts";
import { httpFilters } from "./http-filters.ts";
import { inboundRoutes } from "./inbound-routes.ts";
import type { InboundService } from "./inbound-routes.ts";
import { detection, httpInspector, plaintextHttp, tlsInspector } from "./listener-filters.ts";
import { HTTP_PROXY_ROUTES, listenerName } from "./names.ts";
import { networkFilter, socketAddress } from "./network.ts";
import { originMetadata } from "./origin.ts";
import { packed } from "./packed.ts";
import { rateLimitFilter } from "./rate-limit.ts";
import type { AuthorizationInput } from "./security/authorization.ts";
import { authorizationHttpFilters, externalHttpFilters } from "./security/authorization.ts";
import { inboundChains, isInspected } from "./security/inbound-chains.ts";
import type { InboundFilters, InboundSecurity } from "./security/inbound-chains.ts";
import { tokenFilter } from "./security/tokens.ts";
import type { TokenInput } from "./security/tokens.ts";
import type { ConnectionManagerInit } from "./proxy-settings.ts";
import { headerCase } from "./header-case.ts";
import { headerSettings, pathSettings, suppressesEnvoyHeaders, trustedProxies } from "./proxy-settings.ts";

const HCM_NAME = "envoy.filters.network.http_connection_manager";

interface Bind {
  readonly address: string;
  readonly port: number;
}

/** What most listeners share. */
interface ListenerInput {
  readonly bind: Bind;
  readonly origin: Origin;
  /** Where in the origin it is written; "" for the whole. */
  readonly field?: string;
  readonly mesh: MeshSettings;
  readonly accessLogs: readonly AccessLogSink[];
  /** Whether some request goes where it says itself. */
  readonly forwards: boolean;
  readonly capabilities: Capabilities;
  /** Of what it receives for somebody: an application, or at a gateway the mesh. */
  readonly rateLimits?: readonly RateLimitRule[];
  readonly authorization?: AuthorizationInput;
  readonly tokens?: TokenInput;
  /** Default: none. */
  readonly tracing?: ConnectionManagerInit;
}

export type OutboundInput = ListenerInput & { readonly routes: string };

export type InboundInput = Omit<ListenerInput, "bind" | "forwards"> & {
  readonly inbound: InboundPort;
  readonly service: InboundService | undefined;
  /** Undefined: the proxy has no certificate, and takes plaintext. */
  readonly security: InboundSecurity | undefined;
};

/** Requests that the application sends, to all services (HTTP_PROXY) or to one port of them. */
export function outboundListener(input: OutboundInput): Listener {
  return listener(input, TrafficDirection.OUTBOUND, { filterChains: [{ filters: [outboundHttpFilter(input)] }] });
}

/** What others send to the application; where it is both requests and bytes, the first bytes say which. */
export function inboundListener(input: InboundInput, filters: InboundFilters, detectionMs: number): Listener {
  const { inbound, origin, mesh, security, capabilities } = input;
  const bind = { address: inbound.address, port: inbound.bindPort };
  const sniffed = filters.http !== undefined && filters.tcp !== undefined;
  const listenerFilters = [...(isInspected(security) ? [tlsInspector()] : []), ...(sniffed ? [httpInspector()] : [])];
  return listener({ bind, origin }, TrafficDirection.INBOUND, {
    filterChains: inboundChains({
      filters,
      security,
      mesh,
      ...(sniffed ? { plaintextHttp: plaintextHttp(capabilities.carriers) } : {}),
    }),
    listenerFilters,
    accessLog: unroutedLogsOf(input.accessLogs, capabilities),
    ...(sniffed ? detection(detectionMs) : {}),
  });
}

/** What reads requests of the application's, wherever they are taken. */
export function outboundHttpFilter(input: OutboundInput): NetworkFilter {
  const { bind, routes } = input;
  return connectionManager("SIDECAR_OUTBOUND", input, {
    statPrefix: `outbound_${listenerName(bind.address, bind.port)}`,
    routeSpecifier: routesByName(routes),
    useRemoteAddress: false,
    // What a route makes of it is another thing: unknown hosts are connected to, or refused.
    ...(routes === HTTP_PROXY_ROUTES ? { upgradeConfigs: [{ upgradeType: "CONNECT" }] } : {}),
  });
}

/** What reads requests for the application. Its one route is part of it: nothing about it ever changes alone. */
export function inboundHttpFilter(input: InboundInput): NetworkFilter {
  const { inbound, service, mesh, origin, security, capabilities } = input;
  const hidesPeers = !capabilities.httpFilters.includes("mesh_stats");
  return connectionManager(
    "SIDECAR_INBOUND",
    { ...input, forwards: false },
    {
      statPrefix: `inbound_${listenerName(inbound.address, inbound.bindPort)}`,
      routeSpecifier: { case: "routeConfig", value: inboundRoutes({ inbound, service, mesh, origin, hidesPeers }) },
      useRemoteAddress: false,
      forwardClientCertDetails: ForwardClientCert.APPEND_FORWARD,
      ...(security === undefined ? {} : { setCurrentClientCertDetails: { subject: true, uri: true, dns: true } }),
    },
  );
}

/** Of a gateway: named after the place that the Gateway names, wherever it is bound. */
type GatewayInput = ListenerInput & { readonly port: number; readonly name: string };

/** Requests from outside the mesh. */
export function gatewayListener(input: GatewayInput & { readonly routes: string }): Listener {
  const { routes, port, name } = input;
  const chains = { filterChains: [{ filters: [gatewayManager(input, port, routes)] }] };
  return { ...listener(input, TrafficDirection.OUTBOUND, chains), name };
}

/** A server of a gateway's port that reads requests once TLS has ended, by the names that clients ask for; none: any. */
export interface SecureServer {
  readonly names: readonly string[];
  readonly routes: string;
  readonly socket: TransportSocket;
}

/** What comes from outside the mesh by TLS: requests, and what is passed on. */
export function secureGatewayListener(
  input: GatewayInput & { readonly servers: readonly (SecureServer | MatchedChain)[] },
): Listener {
  const { port, servers, name } = input;
  const requests = ({ names, routes, socket }: SecureServer) => ({
    filterChainMatch: { transportProtocol: "tls", serverNames: [...names] },
    filters: [
      gatewayManager(input, port, routes, {
        setCurrentClientCertDetails: { subject: true, cert: true, dns: true, uri: true },
      }),
    ],
    transportSocket: socket,
  });
  const chains = {
    accessLog: unroutedLogsOf(input.accessLogs, input.capabilities),
    listenerFilters: [tlsInspector()],
    filterChains: servers.map((server) => ("routes" in server ? requests(server) : filterChain(server))),
  };
  return { ...listener(input, TrafficDirection.OUTBOUND, chains), name };
}

/** Bytes from outside the mesh. */
export function gatewayTcpListener(input: GatewayInput & { readonly filters: readonly NetworkFilter[] }): Listener {
  const chains = { filterChains: [{ filters: [...input.filters] }] };
  return { ...listener(input, TrafficDirection.OUTBOUND, chains), name: input.name };
}

function gatewayManager(
  input: ListenerInput,
  port: number,
  routes: string,
  more: ConnectionManagerInit = {},
): NetworkFilter {
  return connectionManager("GATEWAY", input, {
    statPrefix: `outbound_${listenerName("0.0.0.0", port)}`,
    routeSpecifier: routesByName(routes),
    // The peer is the client: what it says about itself in x-forwarded-for is believed only as far as proxies before are trusted.
    useRemoteAddress: true,
    xffNumTrustedHops: trustedProxies(input.mesh),
    forwardClientCertDetails: ForwardClientCert.SANITIZE_SET,
    ...more,
  });
}

/** A listener that opens no port: a gRPC client asks for it by the name that it was told to connect to. */
export function apiListener(name: string, routes: string, origin: Origin, capabilities: Capabilities): Listener {
  const manager = create(HttpConnectionManagerSchema, {
    statPrefix: `outbound_${routes}`,
    routeSpecifier: routesByName(routes),
    httpFilters: httpFilters(withoutForwarding(capabilities), "SIDECAR_OUTBOUND", capabilities.metrics, {}),
  });
  return create(ListenerSchema, {
    name,
    apiListener: { apiListener: packed(HttpConnectionManagerSchema, manager) },
    metadata: originMetadata(origin, ""),
  });
}

/** The routes come over the same stream. */
function routesByName(routeConfigName: string): NonNullable<ConnectionManagerInit["routeSpecifier"]> {
  return {
    case: "rds",
    value: {
      // Without its routes a listener takes no connections, however long they take.
      configSource: {
        configSourceSpecifier: { case: "ads", value: {} },
        initialFetchTimeout: milliseconds(0),
        resourceApiVersion: ApiVersion.V3,
      },
      routeConfigName,
    },
  };
}

/** Settings are Istio's. (istio/istio `pilot/pkg/networking/core/listener.go` buildHTTPConnectionManager) */
function connectionManager(
  reporter: Reporter,
  {
    mesh,
    accessLogs,
    forwards,
    capabilities,
    rateLimits = [],
    authorization,
    tokens,
    tracing,
  }: Omit<ListenerInput, "bind" | "origin" | "field">,
  own: ConnectionManagerInit,
): NetworkFilter {
  const manager = create(HttpConnectionManagerSchema, {
    ...own,
    ...headerSettings(mesh, reporter),
    ...pathSettings(mesh),
    ...tracing,
    ...(headerCase(mesh) === undefined ? {} : { httpProtocolOptions: headerCase(mesh)! }),
    // A stream may idle as long as the two ends like.
    streamIdleTimeout: milliseconds(0),
    accessLog: accessLogsOf(accessLogs, capabilities, "requests"),
    upgradeConfigs: [...(own.upgradeConfigs ?? []), ...capabilities.upgrades.map((upgradeType) => ({ upgradeType }))],
    httpFilters: httpFilters(
      forwards ? capabilities.httpFilters : withoutForwarding(capabilities),
      reporter,
      capabilities.metrics,
      { suppressEnvoyHeaders: suppressesEnvoyHeaders(mesh) },
      {
        first: securityFilters(authorization, tokens, capabilities),
        last: capabilities.httpFeatures.has("rate limits") ? rateLimits.map(rateLimitFilter) : [],
      },
    ),
  });
  return networkFilter(HCM_NAME, HttpConnectionManagerSchema, manager);
}

/** Authorizers are asked before anything is known of who asks. (`listener_builder.go` buildHTTPConnectionManager) */
function securityFilters(
  authorization: AuthorizationInput | undefined,
  tokens: TokenInput | undefined,
  { security }: Capabilities,
): readonly HttpFilter[] {
  const authorizes = authorization !== undefined && security.has("authorization");
  const verifier = tokens === undefined || !security.has("tokens") ? undefined : tokenFilter(tokens);
  return [
    ...(authorizes ? externalHttpFilters(authorization) : []),
    ...(verifier === undefined ? [] : [verifier]),
    ...(authorizes ? authorizationHttpFilters(authorization) : []),
  ];
}

function withoutForwarding({ httpFilters: kinds }: Capabilities): readonly HttpFilterKind[] {
  return kinds.filter((kind) => kind !== "dynamic_forward_proxy");
}

function listener(
  { bind, origin, field = "" }: Pick<ListenerInput, "bind" | "origin" | "field">,
  trafficDirection: TrafficDirection,
  chains: Omit<Exclude<MessageInitShape<typeof ListenerSchema>, Listener>, "name" | "address" | "metadata">,
): Listener {
  return create(ListenerSchema, {
    name: listenerName(bind.address, bind.port),
    address: socketAddress(bind.address, bind.port),
    trafficDirection,
    ...chains,
    metadata: originMetadata(origin, field),
  });
}
