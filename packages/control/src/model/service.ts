/** Services as the mesh sees them, whatever kind of object they come from. */
import {
  isIP,
  isKind,
  parseExportTo,
  parseExportToAnnotation,
  parseProtocol,
  serviceHost,
  servicePortProtocol,
} from "@tulle/api";
import type { Labels, PortProtocol, ResourceObject, ServicePort as KubeServicePort, Visibility } from "@tulle/api";
import type { Origin } from "./origin.ts";
import { originOf } from "./origin.ts";
import type { StoredObject } from "./stored-object.ts";

export interface ServicePort {
  readonly number: number;
  /** "" if it has none. */
  readonly name: string;
  readonly protocol: PortProtocol;
  /** Port of the workload: a number, or the name of one. */
  readonly targetPort: number | string;
}

/** An endpoint that its service names itself (ServiceEntry). */
export interface StaticEndpoint {
  readonly address: string;
  /** By port name; a service port that is not in it goes to its `targetPort`. */
  readonly ports: Readonly<Record<string, number>>;
  readonly labels: Labels;
  readonly weight: number;
}

export interface MeshService {
  /** Fully qualified, lower case: `reviews.default.svc.cluster.local`. */
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
  readonly ports: readonly ServicePort[];
  readonly visibility: Visibility;
  /** Labels of the workloads behind it; undefined if it does not select any. */
  readonly selector: Labels | undefined;
  /** Whether it has Kubernetes' short names. */
  readonly shortNames: boolean;
  /** Addresses that clients may use instead of the name. */
  readonly addresses: readonly string[];
  readonly endpoints: readonly StaticEndpoint[];
  /** Made up for workloads that name a service which no object describes. */
  readonly implicit: boolean;
  readonly origin: Origin;
}

/** How HTTP travels to a port; undefined if the mesh does not carry the port as HTTP. */
export type HttpCarrier = "http1" | "http2";

/** An undeclared protocol is taken for HTTP/1.1: it is what Istio finds when it looks at an HTTP client's first bytes. */
export function httpCarrier(protocol: PortProtocol): HttpCarrier | undefined {
  switch (protocol) {
    case "HTTP":
    case "GRPC-WEB":
    case "AUTO":
      return "http1";
    case "HTTP2":
    case "GRPC":
      return "http2";
    default:
      return undefined;
  }
}

export function findPort(service: MeshService, number: number): ServicePort | undefined {
  return service.ports.find((port) => port.number === number);
}

/** Services that an object describes: none, one, or one for each host of a ServiceEntry. `exportTo` is for those that have none. */
export function servicesOf(stored: StoredObject, domain: string, exportTo?: readonly string[]): readonly MeshService[] {
  const { object } = stored.loaded;
  if (isKind(object, "", "Service")) return [fromService(stored, object, domain, exportTo)];
  if (isKind(object, "networking.istio.io", "ServiceEntry")) return fromServiceEntry(stored, object, exportTo);
  return [];
}

function fromService(
  stored: StoredObject,
  object: ResourceObject<"", "Service">,
  domain: string,
  defaultExportTo: readonly string[] | undefined,
): MeshService {
  const { metadata, spec } = object;
  const exportTo = parseExportToAnnotation(metadata.annotations["networking.istio.io/exportTo"]);
  const selector = spec.selector;
  return {
    host: serviceHost(metadata.name, metadata.namespace, domain).toLowerCase(),
    name: metadata.name,
    namespace: metadata.namespace,
    ports: eachNumberOnce((spec.ports ?? []).filter((port) => port.protocol !== "SCTP").map(fromServicePort)),
    visibility: parseExportTo(exportTo, metadata.namespace, defaultExportTo),
    selector: selector === undefined || Object.keys(selector).length === 0 ? undefined : selector,
    shortNames: true,
    addresses: [...new Set([spec.clusterIP, ...(spec.clusterIPs ?? [])])].filter(
      (address): address is string => address !== undefined && isIP(address),
    ),
    endpoints: [],
    implicit: false,
    origin: originOf(stored.loaded),
  };
}

/** A number may be there for TCP and for UDP; a mesh carries the former. */
function eachNumberOnce(ports: readonly ServicePort[]): readonly ServicePort[] {
  const preferred = ports.toSorted((a, b) => Number(a.protocol === "UDP") - Number(b.protocol === "UDP"));
  return ports.filter((port) => port === preferred.find(({ number }) => number === port.number));
}

function fromServicePort(port: KubeServicePort): ServicePort {
  const protocol = servicePortProtocol(port);
  return { number: port.port, name: port.name ?? "", protocol, targetPort: port.targetPort ?? port.port };
}

/**
 * A ServiceEntry whose endpoints are known: resolution STATIC with `endpoints`, or with a `workloadSelector` for
 * registered workloads. The others are not applied yet, and say so in their status.
 */
function fromServiceEntry(
  stored: StoredObject,
  object: ResourceObject<"networking.istio.io", "ServiceEntry">,
  defaultExportTo: readonly string[] | undefined,
): readonly MeshService[] {
  const { metadata, spec } = object;
  if (spec.resolution !== "STATIC") return [];
  const origin = originOf(stored.loaded);
  const ports = eachNumberOnce(
    (spec.ports ?? []).map((port): ServicePort => ({
      number: port.number,
      name: port.name,
      protocol: (port.protocol === undefined ? undefined : parseProtocol(port.protocol)) ?? "AUTO",
      targetPort: port.targetPort ?? port.number,
    })),
  );
  const endpoints = (spec.endpoints ?? [])
    .filter(({ address }) => address !== undefined && isIP(address))
    .map((entry): StaticEndpoint => ({
      address: entry.address!,
      ports: entry.ports ?? {},
      labels: entry.labels ?? {},
      weight: entry.weight === undefined || entry.weight === 0 ? 1 : entry.weight,
    }));
  return spec.hosts.map((host): MeshService => ({
    host: host.toLowerCase(),
    name: host,
    namespace: metadata.namespace,
    ports,
    visibility: parseExportTo(spec.exportTo, metadata.namespace, defaultExportTo),
    selector: spec.workloadSelector?.labels,
    shortNames: false,
    addresses: (spec.addresses ?? []).filter(isIP),
    endpoints,
    implicit: false,
    origin,
  }));
}
