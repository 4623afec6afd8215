/**
 * Listeners for connections that the kernel has redirected: one for all that leave, one for all that arrive, and for each address
 * and port of a service one that opens no port and gets what the former takes for it. (istio/istio `pilot/pkg/networking/core/
 * listener_builder.go`, `listener.go`, `listener_inbound.go`)
 */
import { create } from "@bufbuild/protobuf";
import type { AccessLog } from "@tulle/xds/gen/envoy/config/accesslog/v3/accesslog_pb.js";
import { TrafficDirection } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import type { Listener } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { FilterChainSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Filter, FilterChain } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { MeshSettings } from "../model/mesh-settings.ts";
import type { Origin } from "../model/origin.ts";
import type { HttpCarrier } from "../model/service.ts";
import { listenerChains } from "./connections.ts";
import type { HttpAmong, MatchedChain } from "./connections.ts";
import { detection, httpInspector, originalDestination, plaintextHttp, tlsInspector } from "./listener-filters.ts";
import { BLACK_HOLE_CLUSTER, listenerName } from "./names.ts";
import { socketAddress, tcpProxy } from "./network.ts";
import { originMetadata } from "./origin.ts";
import { inboundChains, isInspected } from "./security/inbound-chains.ts";
import type { InboundFilters, InboundSecurity } from "./security/inbound-chains.ts";

/** Where the kernel redirects to. (MeshConfig proxyListenPort, proxyInboundListenPort) */
const OUTBOUND_PORT = 15_001;
const INBOUND_PORT = 15_006;

/** How connections of a workload are captured. */
export interface Capture {
  /** By transparent sockets (TPROXY). */
  readonly transparent: boolean;
  /** Families of addresses that the workload has. */
  readonly families: readonly (4 | 6)[];
  /** Milliseconds that the first bytes may take to say what is spoken; 0: as long as they like. */
  readonly detectionMs: number;
}

/** What nobody has a listener for. */
export function virtualOutbound(capture: Capture, unknown: readonly Filter[], origin: Origin): Listener {
  return create(ListenerSchema, {
    name: "virtualOutbound",
    ...wildcard(capture, OUTBOUND_PORT),
    ...(capture.transparent ? { transparent: true } : {}),
    useOriginalDst: true,
    trafficDirection: TrafficDirection.OUTBOUND,
    filterChains: [
      blackHole("virtualOutbound-blackhole", OUTBOUND_PORT),
      { name: "virtualOutbound-catchall-tcp", filters: [...unknown] },
    ],
    metadata: originMetadata(origin, ""),
  });
}

/** What connects to the proxy itself has nowhere to go, and would go round for ever. */
function blackHole(name: string, port: number): FilterChain {
  return create(FilterChainSchema, {
    name,
    filterChainMatch: { destinationPort: port },
    filters: [tcpProxy(BLACK_HOLE_CLUSTER, [])],
  });
}

/** Connections to a port, of one address or of all that nobody has to himself. */
export function capturedListener(
  capture: Capture,
  input: {
    /** "": all. */
    readonly address: string;
    readonly port: number;
    readonly chains: readonly MatchedChain[];
    /** Undefined: bytes are bytes. */
    readonly http: HttpAmong | undefined;
    /** Where the rest goes; undefined: nowhere. */
    readonly rest: readonly Filter[] | undefined;
    /** Of connections that no chain wants. */
    readonly accessLog: readonly AccessLog[];
    readonly origin: Origin;
    readonly field: string;
  },
): Listener {
  const { address, port, chains, http, rest, accessLog, origin, field } = input;
  return create(ListenerSchema, {
    name: listenerName(address === "" ? wildcardOf(capture) : address, port),
    ...(address === "" ? wildcard(capture, port) : { address: socketAddress(address, port) }),
    // Gets its connections from the listener that took them.
    bindToPort: false,
    ...detection(capture.detectionMs),
    trafficDirection: TrafficDirection.OUTBOUND,
    accessLog: [...accessLog],
    ...listenerChains(chains, http, rest),
    metadata: originMetadata(origin, field),
  });
}

/** A port of the application. */
export interface InboundPortChains extends InboundFilters {
  readonly port: number;
  readonly name: string;
  readonly security: InboundSecurity | undefined;
}

/** What nobody has said anything of: the application gets it, from whom it takes connections at all. */
export interface InboundRest {
  readonly filters: readonly Filter[];
  readonly security: InboundSecurity | undefined;
}

/**
 * Everything that arrives: chains for each port that is known, and for all others. There is no default chain: it would get what the chains of
 * a port do not want, plaintext where mutual TLS is required.
 */
export function virtualInbound(
  capture: Capture,
  ports: readonly InboundPortChains[],
  carriers: readonly HttpCarrier[],
  rest: InboundRest,
  {
    origin,
    mesh,
    accessLog,
  }: { readonly origin: Origin; readonly mesh: MeshSettings; readonly accessLog: readonly AccessLog[] },
): Listener {
  const secured = [...ports, rest].some(({ security }) => isInspected(security));
  const others = { http: undefined, tcp: rest.filters };
  const known = ports.filter(({ http, tcp }) => http === undefined || tcp === undefined);
  return create(ListenerSchema, {
    name: "virtualInbound",
    ...wildcard(capture, INBOUND_PORT),
    ...(capture.transparent ? { transparent: true } : {}),
    trafficDirection: TrafficDirection.INBOUND,
    ...detection(capture.detectionMs),
    listenerFilters: [
      originalDestination(),
      ...(secured ? [tlsInspector()] : []),
      ...(known.length === ports.length ? [] : [httpInspector(known.map(({ port }) => port))]),
    ],
    filterChains: [
      blackHole("virtualInbound-blackhole", INBOUND_PORT),
      ...ports.flatMap(({ port, name, security, ...filters }) =>
        inboundChains({
          filters,
          security,
          mesh,
          match: { destinationPort: port },
          name,
          plaintextHttp: plaintextHttp(carriers),
        }).map((chain) => create(FilterChainSchema, chain)),
      ),
      ...inboundChains({ filters: others, security: rest.security, mesh, name: "virtualInbound" }).map((chain) =>
        create(FilterChainSchema, chain),
      ),
    ],
    accessLog: [...accessLog],
    metadata: originMetadata(origin, ""),
  });
}

function wildcardOf({ families }: Capture): string {
  return families.includes(4) ? "0.0.0.0" : "::";
}

/** The port at every address of the workload's families. */
function wildcard(capture: Capture, port: number) {
  const first = wildcardOf(capture);
  const both = capture.families.includes(4) && capture.families.includes(6);
  return {
    address: socketAddress(first, port),
    ...(both ? { additionalAddresses: [{ address: socketAddress("::", port) }] } : {}),
  };
}
