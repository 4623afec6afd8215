/** Services as the mesh sees them, whatever kind of object they come from. */
import {
  isIP,
  isIPv6,
  isKind,
  parseExportTo,
  parseExportToAnnotation,
  parseProtocol,
  serviceHost,
  servicePortProtocol,
} from "@tulle/api";
import type {
  Labels,
  PortProtocol,
  ResourceObject,
  ServiceEntrySpec,
  ServicePort as KubeServicePort,
  Visibility,
} from "@tulle/api";
import type { Origin } from "./origin.ts";
import { originOf } from "./origin.ts";
import type { StoredObject } from "./stored-object.ts";
import type { EntryEndpoint } from "./workload-entry.ts";
import { endpointOfEntry } from "./workload-entry.ts";

export interface ServicePort {
  readonly number: number;
  /** "" if it has none. */
  readonly name: string;
  readonly protocol: PortProtocol;
  /** Port of the workload: a number, or the name of one. */
  readonly targetPort: number | string;
}

/** How the endpoints of a service are found. */
type Resolution =
  /** They are known here. */
  | "static"
  /** By name, all addresses. */
  | "dns"
  /** By name, one address at a time. */
  | "dns-round-robin"
  /** The client has found one itself. */
  | "none"
  /** By the name in each request. */
  | "dynamic-dns";

export interface MeshService {
  /** Fully qualified, lower case: `reviews.default.svc.cluster.local`. */
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
  readonly ports: readonly ServicePort[];
  readonly visibility: Visibility;
  /** Labels of the workloads behind it; undefined if it does not select any. */
  readonly selector: Labels | undefined;
  /** Whether it is a Kubernetes Service, or made up like one: with short names, and EndpointSlices for pods. */
  readonly kubernetes: boolean;
  readonly resolution: Resolution;
  /** Outside the mesh: nobody there has a sidecar. */
  readonly external: boolean;
  /** Addresses that clients may use instead of the name. */
  readonly addresses: readonly string[];
  /** Those that it names itself. */
  readonly endpoints: readonly EntryEndpoint[];
  /** Whom its servers may be, beside accounts. */
  readonly subjectAltNames: readonly string[];
  /** Its clients stay with an endpoint; undefined: they do not. */
  readonly session?: PersistentSession;
  /** Made up for workloads that name a service which no object describes. */
  readonly implicit: boolean;
  readonly origin: Origin;
}

/** How an endpoint is remembered: by a cookie that the proxy gives, or by a header that the client sends back. */
export interface PersistentSession {
  readonly by: "cookie" | "header";
  readonly name: string;
}

/** (istio/istio `pilot/pkg/features/experimental.go`) */
const COOKIE_LABEL = "istio.io/persistent-session";
const HEADER_LABEL = "istio.io/persistent-session-header";

/** The cookie before the header. Istio reads `NAME:PATH`, too, which no label can hold. */
function sessionOf(labels: Labels): Pick<MeshService, "session"> {
  const cookie = labels[COOKIE_LABEL] ?? "";
  if (cookie !== "") return { session: { by: "cookie", name: cookie } };
  const header = labels[HEADER_LABEL] ?? "";
  return header === "" ? {} : { session: { by: "header", name: header } };
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

/**
 * How a port is carried by a data plane that reads these kinds of HTTP: what it cannot read are bytes to it; `auto` is found out
 * connection by connection.
 */
export function portTraffic(
  { protocol }: Pick<ServicePort, "protocol">,
  carriers: readonly HttpCarrier[],
): "http" | "auto" | "tcp" | "none" {
  if (protocol === "UDP") return "none";
  if (protocol === "AUTO") return "auto";
  const carrier = httpCarrier(protocol);
  return carrier !== undefined && carriers.includes(carrier) ? "http" : "tcp";
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
    kubernetes: true,
    resolution: "static",
    external: false,
    addresses: [...new Set([spec.clusterIP, ...(spec.clusterIPs ?? [])])].filter(
      (address): address is string => address !== undefined && isIP(address),
    ),
    endpoints: [],
    subjectAltNames: [],
    ...sessionOf(metadata.labels),
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

const RESOLUTIONS: Readonly<Record<NonNullable<ServiceEntrySpec["resolution"]>, Resolution>> = {
  NONE: "none",
  STATIC: "static",
  DNS: "dns",
  DNS_ROUND_ROBIN: "dns-round-robin",
  DYNAMIC_DNS: "dynamic-dns",
};

function isByName(resolution: Resolution): boolean {
  return resolution === "dns" || resolution === "dns-round-robin";
}

/** One service for each host. (istio/istio `pilot/pkg/serviceregistry/serviceentry/conversion.go` convertServices) */
function fromServiceEntry(
  stored: StoredObject,
  object: ResourceObject<"networking.istio.io", "ServiceEntry">,
  defaultExportTo: readonly string[] | undefined,
): readonly MeshService[] {
  const { metadata, spec } = object;
  const resolution = RESOLUTIONS[spec.resolution ?? "NONE"];
  const ports = eachNumberOnce(
    (spec.ports ?? []).map((port): ServicePort => ({
      number: port.number,
      name: port.name,
      protocol: (port.protocol === undefined ? undefined : parseProtocol(port.protocol)) ?? "AUTO",
      targetPort: port.targetPort ?? port.number,
    })),
  );
  const endpoints = (spec.endpoints ?? []).flatMap((entry, index) => {
    const identity = { name: `${metadata.name}-${index}`, namespace: metadata.namespace, labels: {} };
    const endpoint = endpointOfEntry(entry, identity);
    return endpoint !== undefined && (isByName(resolution) || isIP(endpoint.address)) ? [endpoint] : [];
  });
  // Without endpoints the host itself is what is looked up.
  const byHost = isByName(resolution) && endpoints.length === 0 && spec.workloadSelector === undefined;
  return spec.hosts.map((text): MeshService => {
    const host = text.toLowerCase();
    return {
      host,
      name: text,
      namespace: metadata.namespace,
      ports,
      visibility: parseExportTo(spec.exportTo, metadata.namespace, defaultExportTo),
      selector: spec.workloadSelector?.labels,
      kubernetes: false,
      resolution,
      external: spec.location !== "MESH_INTERNAL",
      addresses: (spec.addresses ?? []).flatMap((address) => singleAddress(address) ?? []),
      endpoints: byHost ? [endpointOfHost(host, metadata)] : endpoints,
      subjectAltNames: spec.subjectAltNames ?? [],
      ...sessionOf(metadata.labels),
      implicit: false,
      origin: originOf(stored.loaded),
    };
  });
}

function endpointOfHost(host: string, { name, namespace }: { name: string; namespace: string }): EntryEndpoint {
  const endpoint = endpointOfEntry({ address: host }, { name, namespace, labels: {} });
  if (endpoint === undefined) throw new Error(`${host} is no address`);
  return endpoint;
}

/** Blocks of addresses name no host; one of a single address does. */
function singleAddress(text: string): string | undefined {
  const [address = "", bits] = text.split("/");
  const single = bits === undefined || bits === (isIPv6(address) ? "128" : "32");
  return single && isIP(address) ? address : undefined;
}
