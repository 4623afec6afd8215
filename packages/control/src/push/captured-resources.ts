/** What a captured workload gets beside what everybody gets: listeners for redirected connections, and names for its DNS. */
import { isIPv6, parseDuration } from "@tulle/api";
import { create } from "@bufbuild/protobuf";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import type { Listener } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { NameTableSchema } from "@tulle/xds/gen/istio/networking/nds/v1/nds_pb.js";
import { encodeResource, resourceSet, TYPE } from "@tulle/xds";
import type { EncodedResource, ResourceSet } from "@tulle/xds";
import { addressesOf } from "../model/auto-addresses.ts";
import type { AutoAddresses } from "../model/auto-addresses.ts";
import type { MeshSettings } from "../model/mesh-settings.ts";
import type { Origin } from "../model/origin.ts";
import type { OutboundPolicy } from "../model/outbound-policy.ts";
import type { Scope } from "../model/scope.ts";
import type { MeshService, ServicePort } from "../model/service.ts";
import { portTraffic } from "../model/service.ts";
import { rememberLast } from "../model/sharing.ts";
import type { AccessLogSink } from "../model/telemetry.ts";
import type { ProxyNode } from "../source/registration/node.ts";
import type { Capture } from "../translate/captured-listeners.ts";
import { capturedHttpListener, capturedServiceListener, virtualOutbound } from "../translate/captured-listeners.ts";
import type { Capabilities } from "../translate/data-plane.ts";
import type { TcpDestination } from "../model/tcp-route.ts";
import { tcpRoute, usualCluster } from "../translate/tcp-routes.ts";
import { outboundHttpFilter } from "../translate/listeners.ts";
import {
  BLACK_HOLE_CLUSTER,
  bytesCluster,
  outboundCluster,
  PASSTHROUGH_CLUSTER,
  portRoutes,
} from "../translate/names.ts";
import type { MeshCaches } from "./mesh-view.ts";

/** How the node's connections are captured. */
export function captureOf(capture: NonNullable<ProxyNode["capture"]>, { config }: MeshSettings): Capture {
  const { protocolDetectionTimeout: detection } = config;
  return { ...capture, detectionMs: detection === undefined ? 0 : (parseDuration(detection) ?? 0) };
}

/** Addresses and ports of services that captured connections are made to. */
export interface CapturedPorts {
  /** HTTP goes by its Host header, whatever the address. */
  readonly http: readonly HttpPort[];
  readonly services: readonly ServiceAddress[];
  /** Names of clusters for what is no HTTP, where servers are to be told so. */
  readonly bytesClusters: ReadonlySet<string>;
}

interface HttpPort {
  readonly number: number;
  /** The first service that has it. */
  readonly service: MeshService;
}

interface ServiceAddress {
  readonly address: string;
  readonly service: MeshService;
  readonly port: ServicePort;
  /** HTTP is looked for. */
  readonly sniffed: boolean;
}

/** @param ports those of a service that the client sees */
export function capturedPorts(
  services: readonly MeshService[],
  auto: AutoAddresses,
  ports: (service: MeshService) => readonly ServicePort[],
  { carriers }: Capabilities,
  bytesClusters: ReadonlySet<string>,
): CapturedPorts {
  const http = new Map<number, HttpPort>();
  const byPlace = new Map<string, ServiceAddress>();
  const anywhere: ServiceAddress[] = [];
  for (const service of services) {
    const addresses = addressesOf(service, auto);
    for (const port of ports(service)) {
      const traffic = portTraffic(port, carriers);
      if (traffic === "none") continue;
      // Who has no address is known by what he is asked for.
      if (traffic === "http" || (traffic === "auto" && addresses.length === 0)) {
        if (!http.has(port.number)) http.set(port.number, { number: port.number, service });
        continue;
      }
      const entry = { service, port, sniffed: traffic === "auto" };
      if (addresses.length === 0) anywhere.push({ ...entry, address: "" });
      for (const address of addresses) {
        const place = `${address} ${port.number}`;
        if (!byPlace.has(place)) byPlace.set(place, { ...entry, address });
      }
    }
  }
  // A port of all addresses is one listener's: HTTP's before others', then the first service's.
  const wildcards = new Set(http.keys());
  const rest = anywhere.filter(({ port }) => !wildcards.has(port.number) && wildcards.add(port.number));
  return {
    http: [...http.values()].sort((a, b) => a.number - b.number),
    services: [...byPlace.values(), ...rest],
    bytesClusters,
  };
}

/** Where connections go that nobody has a listener for. */
export function unknownCluster(policy: OutboundPolicy): string {
  if (policy.type === "block") return BLACK_HOLE_CLUSTER;
  return policy.type === "pass" ? PASSTHROUGH_CLUSTER : outboundCluster(policy.port, policy.subset, policy.host);
}

interface OutboundSettings {
  readonly capture: Capture;
  readonly capabilities: Capabilities;
  readonly mesh: MeshSettings;
  readonly accessLogs: readonly AccessLogSink[];
  readonly unknown: string;
  readonly origin: Origin;
  readonly tcpTo: (host: string, port: number) => readonly TcpDestination[];
}

/** Listeners for what leaves. Those of services are encoded once for all workloads that get the same. */
export function capturedOutbound(
  { http, services, bytesClusters }: CapturedPorts,
  settings: OutboundSettings,
  caches: Pick<MeshCaches, "resources">,
): readonly EncodedResource[] {
  const { capture, capabilities, mesh, accessLogs, unknown, origin, tcpTo } = settings;
  const { transparent, families, detectionMs } = capture;
  const { carriers } = capabilities;
  const shared = { transparent, families, detectionMs, capabilities, mesh, accessLogs, unknown };
  const filter = (bind: { address: string; port: number }, service: MeshService) =>
    outboundHttpFilter({
      bind,
      routes: portRoutes(bind.port),
      origin: service.origin,
      mesh,
      accessLogs,
      forwards: false,
      capabilities,
    });
  const clusterOf = (destination: TcpDestination): string => {
    const bytes = bytesCluster(destination.port, destination.host);
    return destination.subset === "" && bytesClusters.has(bytes) ? bytes : usualCluster(destination);
  };
  const key = `${capabilities.id} ${families.join()} ${transparent}`;
  return [
    encode(virtualOutbound(capture, unknown, origin)),
    ...http.map(({ number, service }) =>
      caches.resources.get(service, `captured http ${number} ${key}`, { ...shared, service, number }, () =>
        encode(
          capturedHttpListener(capture, {
            port: number,
            http: filter({ address: "0.0.0.0", port: number }, service),
            carriers,
            unknown,
            origin: service.origin,
          }),
        ),
      ),
    ),
    ...services
      .filter(({ address }) => address === "" || families.includes(isIPv6(address) ? 6 : 4))
      .map(({ address: own, service, port, sniffed }) => {
        const address = own === "" ? (families.includes(4) ? "0.0.0.0" : "::") : own;
        const destinations = tcpTo(service.host, port.number);
        // As text: equal ones are the same for the cache.
        const input = {
          ...shared,
          service,
          port,
          address,
          sniffed,
          destinations: JSON.stringify(destinations.map((each) => [clusterOf(each), each.weight])),
        };
        return caches.resources.get(service, `captured ${address} ${port.number} ${key}`, input, () =>
          encode(
            capturedServiceListener(capture, {
              address,
              port: port.number,
              bytes: tcpRoute(outboundCluster(port.number, "", service.host), destinations, clusterOf),
              http: sniffed ? filter({ address, port: port.number }, service) : undefined,
              carriers,
              origin: service.origin,
              field: service.implicit ? "" : `spec.ports[${service.ports.indexOf(port)}]`,
            }),
          ),
        );
      }),
  ];
}

function encode(listener: Listener): EncodedResource {
  return encodeResource(listener.name, ListenerSchema, listener);
}

/** Names that clients of a namespace may ask for. */
export function nameTableOf(): (
  services: readonly MeshService[],
  auto: AutoAddresses,
  ports: Scope["ports"],
) => ResourceSet {
  let before: ResourceSet | undefined;
  return rememberLast((services: readonly MeshService[], auto: AutoAddresses, _ports: Scope["ports"]) => {
    const table = create(NameTableSchema, {
      table: Object.fromEntries(
        services.flatMap((service) => {
          const ips = [...addressesOf(service, auto)];
          if (ips.length === 0) return [];
          const { host, name, namespace, kubernetes } = service;
          const info = kubernetes
            ? { ips, registry: "Kubernetes", shortname: name, namespace }
            : { ips, registry: "External" };
          return [[host, info]];
        }),
      ),
    });
    before = resourceSet(TYPE.nameTable, [encodeResource("names", NameTableSchema, table)], before);
    return before;
  });
}
