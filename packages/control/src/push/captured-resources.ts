/** What a captured workload gets beside what everybody gets: listeners for redirected connections, and names for its DNS. */
import { isIPv6, parseDuration } from "@tulle/api";
import { create } from "@bufbuild/protobuf";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import type { Listener } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { NameTableSchema } from "@tulle/xds/gen/istio/networking/nds/v1/nds_pb.js";
import { encodeResource, resourceSet, TYPE } from "@tulle/xds";
import type { EncodedResource, ResourceSet } from "@tulle/xds";
import { addressesOf } from "../model/auto-addresses.ts";
import { withoutOverlaps } from "../model/chain-conditions.ts";
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
import type { ConnectionChain, ConnectionTarget } from "../model/connection-route.ts";
import { accessLogsOf, unroutedLogsOf } from "../translate/access-log.ts";
import type { Capture } from "../translate/captured-listeners.ts";
import { capturedListener, virtualOutbound } from "../translate/captured-listeners.ts";
import type { MatchedChain, Passing } from "../translate/connections.ts";
import { passOn } from "../translate/connections.ts";
import { counted } from "../translate/mesh-stats.ts";
import type { Capabilities } from "../translate/data-plane.ts";
import type { ConnectionManagerInit } from "../translate/proxy-settings.ts";
import { plaintextHttp } from "../translate/listener-filters.ts";
import { outboundHttpFilter } from "../translate/listeners.ts";
import { BLACK_HOLE_CLUSTER, outboundCluster, PASSTHROUGH_CLUSTER, portRoutes } from "../translate/names.ts";
import { tcpProxy } from "../translate/network.ts";
import type { MeshCaches } from "./mesh-view.ts";

/** How the node's connections are captured. */
export function captureOf(capture: NonNullable<ProxyNode["capture"]>, mesh: MeshSettings): Capture {
  return { ...capture, detectionMs: detectionMs(mesh) };
}

/** How long the first bytes may take to say what is spoken. */
export function detectionMs({ config: { protocolDetectionTimeout: timeout } }: MeshSettings): number {
  return timeout === undefined ? 0 : (parseDuration(timeout) ?? 0);
}

/** Addresses and ports of services that captured connections are made to. */
export interface CapturedPorts {
  /** At addresses that are nobody's: HTTP goes by its Host header, TLS by the name that is asked for. */
  readonly anywhere: readonly SharedPort[];
  readonly services: readonly ServiceAddress[];
}

interface SharedPort {
  readonly number: number;
  /** The first service that carries HTTP there. */
  readonly http: MeshService | undefined;
  /** What carries something else. */
  readonly rest: readonly ServiceAtPort[];
}

interface ServiceAtPort {
  readonly service: MeshService;
  readonly port: ServicePort;
}

interface ServiceAddress extends ServiceAtPort {
  readonly address: string;
  /** HTTP is looked for. */
  readonly sniffed: boolean;
}

/** @param ports those of a service that the client sees */
export function capturedPorts(
  services: readonly MeshService[],
  auto: AutoAddresses,
  ports: (service: MeshService) => readonly ServicePort[],
  { carriers }: Capabilities,
): CapturedPorts {
  const shared = new Map<number, { http: MeshService | undefined; rest: ServiceAtPort[] }>();
  const byPlace = new Map<string, ServiceAddress>();
  for (const service of services) {
    const addresses = addressesOf(service, auto);
    for (const port of ports(service)) {
      const traffic = portTraffic(port, carriers);
      if (traffic === "none") continue;
      if (traffic === "http" || addresses.length === 0) {
        const entry = shared.get(port.number) ?? { http: undefined, rest: [] };
        shared.set(port.number, entry);
        // Who has no address is known by what he is asked for.
        if (traffic === "tcp") entry.rest.push({ service, port });
        else entry.http ??= service;
        continue;
      }
      for (const address of addresses) {
        const place = `${address} ${port.number}`;
        if (!byPlace.has(place)) byPlace.set(place, { service, port, sniffed: traffic === "auto", address });
      }
    }
  }
  return {
    anywhere: [...shared].map(([number, entry]) => ({ number, ...entry })).sort((a, b) => a.number - b.number),
    services: [...byPlace.values()],
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
  readonly tracing: ConnectionManagerInit;
  readonly unknown: string;
  readonly origin: Origin;
  readonly chainsTo: (target: ConnectionTarget) => readonly ConnectionChain[];
  readonly clusterOf: Passing["clusterOf"];
  readonly settingsOf: Passing["settingsOf"];
}

/** Listeners for what leaves. Those of services are encoded once for all workloads that get the same. */
export function capturedOutbound(
  { anywhere, services }: CapturedPorts,
  settings: OutboundSettings,
  caches: Pick<MeshCaches, "resources">,
): readonly EncodedResource[] {
  const { capture, capabilities, mesh, accessLogs, tracing, unknown, origin, chainsTo, clusterOf, settingsOf } =
    settings;
  const { transparent, families } = capture;
  const shared = {
    transparent,
    families,
    detectionMs: capture.detectionMs,
    capabilities,
    mesh,
    accessLogs,
    tracing,
    unknown,
  };
  const passing = { accessLogs: accessLogsOf(accessLogs, capabilities), clusterOf, settingsOf };
  const http = (address: string, port: number, service: MeshService) => ({
    filter: outboundHttpFilter({
      bind: { address: address === "" ? "0.0.0.0" : address, port },
      routes: portRoutes(port),
      origin: service.origin,
      mesh,
      accessLogs,
      tracing,
      forwards: false,
      capabilities,
    }),
    protocols: plaintextHttp(capabilities.carriers),
  });
  const accessLog = unroutedLogsOf(accessLogs, capabilities);
  const toUnknown = counted(capabilities, "CLIENT", [tcpProxy(unknown, passing.accessLogs)]);
  const matched = (chain: ConnectionChain): MatchedChain => ({
    ...chain,
    filters: counted(capabilities, "CLIENT", [passOn(chain, passing)]),
  });
  // As text: equal ones are the same for the cache.
  const textOf = (chains: readonly ConnectionChain[]): string =>
    JSON.stringify(chains.map((chain) => [chain, chain.destinations.map(clusterOf), settingsOf(chain.destinations)]));
  const key = `${capabilities.id} ${families.join()} ${transparent}`;
  return [
    encode(virtualOutbound(capture, toUnknown, origin)),
    ...anywhere.map(({ number, http: carrier, rest }) => {
      const service = carrier ?? rest[0]!.service;
      const chains = withoutOverlaps(
        rest.flatMap((each) => chainsTo({ ...targetOf(each), byName: each.service.addresses.length === 0 })),
      );
      const input = { ...shared, service, carrier, number, chains: textOf(chains) };
      return caches.resources.get(service, `captured ${number} ${key}`, input, () =>
        encode(
          capturedListener(capture, {
            address: "",
            port: number,
            chains: chains.map(matched),
            http: carrier === undefined ? undefined : http("", number, carrier),
            rest: toUnknown,
            accessLog,
            origin: service.origin,
            field: carrier === undefined ? fieldOf(rest[0]!) : "",
          }),
        ),
      );
    }),
    ...services
      .filter(({ address }) => families.includes(isIPv6(address) ? 6 : 4))
      .map(({ address, service, port, sniffed }) => {
        const chains = chainsTo({ ...targetOf({ service, port }), byName: false });
        const input = { ...shared, service, port, address, sniffed, chains: textOf(chains) };
        return caches.resources.get(service, `captured ${address} ${port.number} ${key}`, input, () =>
          encode(
            capturedListener(capture, {
              address,
              port: port.number,
              chains: chains.map(matched),
              http: sniffed ? http(address, port.number, service) : undefined,
              rest: undefined,
              accessLog,
              origin: service.origin,
              field: fieldOf({ service, port }),
            }),
          ),
        );
      }),
  ];
}

function targetOf({ service: { host }, port: { number, protocol } }: ServiceAtPort) {
  return { host, port: number, protocol };
}

function fieldOf({ service, port }: ServiceAtPort): string {
  return service.implicit ? "" : `spec.ports[${service.ports.indexOf(port)}]`;
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
