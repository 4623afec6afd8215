/**
 * Listeners for connections that the kernel has redirected: one for all that leave, one for all that arrive, and for each address
 * and port of a service one that opens no port and gets what the former takes for it. (istio/istio `pilot/pkg/networking/core/
 * listener_builder.go`, `listener.go`, `listener_inbound.go`)
 */
import { create } from "@bufbuild/protobuf";
import type { DescMessage } from "@bufbuild/protobuf";
import { TrafficDirection } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import type { Listener } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import {
  FilterChainSchema,
  ListenerFilterSchema,
} from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import type {
  Filter,
  FilterChain,
  ListenerFilter,
} from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { HttpInspectorSchema } from "@tulle/xds/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js";
import { OriginalDstSchema } from "@tulle/xds/gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js";
import type { Origin } from "../model/origin.ts";
import type { HttpCarrier } from "../model/service.ts";
import { milliseconds } from "./durations.ts";
import { BLACK_HOLE_CLUSTER, INBOUND_PASSTHROUGH_CLUSTER, listenerName } from "./names.ts";
import { socketAddress, tcpProxy } from "./network.ts";
import type { MeshSettings } from "../model/mesh-settings.ts";
import { inboundChains, isInspected, tlsInspector } from "./security/inbound-chains.ts";
import type { InboundFilters, InboundSecurity } from "./security/inbound-chains.ts";
import { originMetadata } from "./origin.ts";
import { packed } from "./packed.ts";

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
export function virtualOutbound(capture: Capture, unknown: string, origin: Origin): Listener {
  return create(ListenerSchema, {
    name: "virtualOutbound",
    ...wildcard(capture, OUTBOUND_PORT),
    ...(capture.transparent ? { transparent: true } : {}),
    useOriginalDst: true,
    trafficDirection: TrafficDirection.OUTBOUND,
    filterChains: [
      blackHole("virtualOutbound-blackhole", OUTBOUND_PORT),
      { name: "virtualOutbound-catchall-tcp", filters: [tcpProxy(unknown)] },
    ],
    metadata: originMetadata(origin, ""),
  });
}

/** What connects to the proxy itself has nowhere to go, and would go round for ever. */
function blackHole(name: string, port: number): FilterChain {
  return create(FilterChainSchema, {
    name,
    filterChainMatch: { destinationPort: port },
    filters: [tcpProxy(BLACK_HOLE_CLUSTER)],
  });
}

/** HTTP to a port, whatever the address: the Host header says who is meant. What is not HTTP goes on as nobody's. */
export function capturedHttpListener(
  capture: Capture,
  input: {
    readonly port: number;
    readonly http: Filter;
    readonly carriers: readonly HttpCarrier[];
    readonly unknown: string;
    readonly origin: Origin;
  },
): Listener {
  const { port, http, carriers, unknown, origin } = input;
  const place = wildcard(capture, port);
  return create(ListenerSchema, {
    name: listenerName(wildcardOf(capture), port),
    ...place,
    ...unbound(capture),
    trafficDirection: TrafficDirection.OUTBOUND,
    listenerFilters: [httpInspector()],
    filterChains: [{ filterChainMatch: { applicationProtocols: plaintextHttp(carriers) }, filters: [http] }],
    defaultFilterChain: { name: "PassthroughFilterChain", filters: [tcpProxy(unknown)] },
    metadata: originMetadata(origin, ""),
  });
}

/** Connections to one address of a service; where nobody has said what is spoken, HTTP among them is found out. */
export function capturedServiceListener(
  capture: Capture,
  input: {
    readonly address: string;
    readonly port: number;
    /** What passes bytes on. */
    readonly bytes: Filter;
    /** Undefined: bytes are bytes. */
    readonly http: Filter | undefined;
    readonly carriers: readonly HttpCarrier[];
    readonly origin: Origin;
    readonly field: string;
  },
): Listener {
  const { address, port, http, carriers, origin, field } = input;
  const bytes = { filters: [input.bytes] };
  return create(ListenerSchema, {
    name: listenerName(address, port),
    address: socketAddress(address, port),
    ...unbound(capture),
    trafficDirection: TrafficDirection.OUTBOUND,
    ...(http === undefined
      ? { filterChains: [bytes] }
      : {
          listenerFilters: [httpInspector()],
          filterChains: [{ filterChainMatch: { applicationProtocols: plaintextHttp(carriers) }, filters: [http] }],
          defaultFilterChain: bytes,
        }),
    metadata: originMetadata(origin, field),
  });
}

/** A port of the application. */
export interface InboundPortChains extends InboundFilters {
  readonly port: number;
  readonly name: string;
  readonly security: InboundSecurity | undefined;
}

/** Everything that arrives: a chain or two for each port that is known, and for the others the application gets it as it is. */
export function virtualInbound(
  capture: Capture,
  ports: readonly InboundPortChains[],
  carriers: readonly HttpCarrier[],
  { origin, mesh }: { readonly origin: Origin; readonly mesh: MeshSettings },
): Listener {
  const sniffed = ports.filter(({ http, tcp }) => http !== undefined && tcp !== undefined);
  return create(ListenerSchema, {
    name: "virtualInbound",
    ...wildcard(capture, INBOUND_PORT),
    ...(capture.transparent ? { transparent: true } : {}),
    trafficDirection: TrafficDirection.INBOUND,
    ...detection(capture),
    listenerFilters: [
      originalDestination(),
      ...(ports.some(({ security }) => isInspected(security)) ? [create(ListenerFilterSchema, tlsInspector())] : []),
      ...(sniffed.length === 0 ? [] : [httpInspector(ports)]),
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
    ],
    defaultFilterChain: { name: "virtualInbound", filters: [tcpProxy(INBOUND_PASSTHROUGH_CLUSTER)] },
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

/** Gets its connections from the listener that took them. */
function unbound(capture: Capture) {
  return { bindToPort: false, ...detection(capture) };
}

/** Who does not say in time what he speaks is not refused for it. */
function detection({ detectionMs }: Capture) {
  return { listenerFiltersTimeout: milliseconds(detectionMs), continueOnListenerFiltersTimeout: true };
}

/** What the HTTP inspector calls the versions that the data plane reads. (`pilot/pkg/networking/core/listener.go` plaintextHTTPALPNs) */
function plaintextHttp(carriers: readonly HttpCarrier[]): string[] {
  return ["http/1.0", "http/1.1", ...(carriers.includes("http2") ? ["h2c"] : [])];
}

function originalDestination(): ListenerFilter {
  return listenerFilter("envoy.filters.listener.original_dst", OriginalDstSchema);
}

/** @param ports where something is known it is not looked for: who waits for the server to speak first would wait for ever */
function httpInspector(ports: readonly InboundPortChains[] = []): ListenerFilter {
  const known = ports.filter(({ http, tcp }) => http === undefined || tcp === undefined).map(({ port }) => port);
  return {
    ...listenerFilter("envoy.filters.listener.http_inspector", HttpInspectorSchema),
    ...(known.length === 0 ? {} : { filterDisabled: disabledAt(known) }),
  };
}

/** An `or_match` takes at least two. (Envoy api/envoy/config/listener/v3/listener_components.proto) */
function disabledAt(ports: readonly number[]): NonNullable<ListenerFilter["filterDisabled"]> {
  const rules = ports.map((start) => ({
    rule: { case: "destinationPortRange" as const, value: { start, end: start + 1 } },
  }));
  const [only, second] = rules;
  const rule = second === undefined ? only! : { rule: { case: "orMatch" as const, value: { rules } } };
  return create(ListenerFilterSchema, { filterDisabled: rule }).filterDisabled!;
}

function listenerFilter(name: string, schema: DescMessage): ListenerFilter {
  return create(ListenerFilterSchema, {
    name,
    configType: { case: "typedConfig", value: packed(schema, create(schema)) },
  });
}
