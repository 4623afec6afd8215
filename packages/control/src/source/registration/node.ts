/**
 * Who is at the other end of an ADS stream: the node of its first request, read and checked. Names are Istio's
 * (istio/istio `pkg/model/proxy.go`), `TULLE` is ours.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import { isIPv6 } from "@tulle/api";
import type { Labels } from "@tulle/api";
import type { Node } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { formatLocality, localityOfLabels } from "../../model/locality.ts";
import { DEFAULT_CLUSTER_ID } from "../../model/workload.ts";
import type { InboundPort } from "../../model/workload.ts";
import type { DataPlane } from "../../translate/data-plane.ts";
import { dataPlaneOf } from "../../translate/data-plane.ts";
import { MetadataError, readAddress, readLabels, readList, readObject, readPort, readText } from "./metadata.ts";

export interface Bind {
  readonly address: string;
  readonly port: number;
}

interface OutboundPort {
  readonly port: number;
  readonly bind: Bind;
  /** Connections go to this service, whatever is spoken; undefined: requests go by their Host header. */
  readonly service?: string;
}

export interface ProxyNode {
  readonly id: string;
  /** `router` is a gateway. */
  readonly type: "sidecar" | "router";
  readonly dataPlane: DataPlane;
  readonly userAgent: string;
  /** What it is part of, by its bootstrap: what its spans are called after. */
  readonly cluster: string;
  readonly namespace: string;
  readonly workload: string;
  readonly serviceAccount: string;
  readonly clusterId: string;
  /** `unknown` if it does not say. */
  readonly meshId: string;
  readonly labels: Labels;
  /** Address of the workload's host; "" if it does not say. */
  readonly address: string;
  /** How its connections are captured; undefined: they are not, it binds ports. */
  readonly capture: { readonly transparent: boolean; readonly families: readonly (4 | 6)[] } | undefined;
  /** `region/zone/subzone`, "" if unknown. */
  readonly locality: string;
  readonly network: string;
  /** WorkloadGroup that the workload is of. */
  readonly group: string | undefined;
  /** Service that the workload belongs to unless a Service object selects it. */
  readonly service: string | undefined;
  /** Where the application's HTTP_PROXY points. */
  readonly httpProxy: Bind | undefined;
  readonly inbound: readonly InboundPort[];
  /** Listeners for one service port each. */
  readonly outbound: readonly OutboundPort[];
  /** Where it shows its metrics (`/stats/prometheus`); undefined: it does not say. */
  readonly metrics: Bind | undefined;
  /** Where a gateway binds its servers' ports, if not at the same port of all addresses. */
  readonly gatewayPorts: ReadonlyMap<number, Bind>;
  /** The proxy's own cluster that answers for its certificates (SDS); undefined if it has none, and speaks plaintext with the mesh. */
  readonly secrets: string | undefined;
  /** The proxy's own cluster that leads to whoever takes telemetry; undefined: it has none. */
  readonly telemetry: string | undefined;
  /** What it says of itself by Istio's names, as far as that is text. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Types of filters that it has, where it says so. */
  readonly filterTypes?: ReadonlySet<string>;
  /** The workload takes traffic only after the proxy has said that it is healthy. */
  readonly reportsHealth: boolean;
}

/** Where a client that says nothing about ports gets its HTTP proxy. (Istio's outbound port) */
const DEFAULT_HTTP_PROXY: Bind = { address: "127.0.0.1", port: 15001 };
const DEFAULT_NAMESPACE = "default";
/** More than any program listens on. */
const MAX_PORTS = 256;

/** Throws MetadataError if the node says something that cannot be meant. */
export function readNode(node: Node): ProxyNode {
  const metadata = node.metadata ?? {};
  const id = readId(node.id);
  const tulle = readObject(metadata, "TULLE", "node.metadata.TULLE");
  const at = "node.metadata.TULLE";
  const workload = readText(metadata, "WORKLOAD_NAME", "node.metadata") ?? id.workload;
  const labels = readLabels(metadata, "LABELS", "node.metadata");
  const proxy: ProxyNode = {
    id: node.id,
    type: id.type,
    dataPlane: dataPlaneOf(node.userAgentName),
    userAgent: userAgent(node),
    cluster: node.cluster,
    namespace: readText(metadata, "NAMESPACE", "node.metadata") ?? id.namespace ?? DEFAULT_NAMESPACE,
    workload,
    serviceAccount: readText(metadata, "SERVICE_ACCOUNT", "node.metadata") ?? "default",
    clusterId: readText(metadata, "CLUSTER_ID", "node.metadata") ?? DEFAULT_CLUSTER_ID,
    meshId: readText(metadata, "MESH_ID", "node.metadata") ?? "unknown",
    labels,
    address: id.address ?? instanceAddresses(metadata)[0] ?? "",
    capture: readCapture(metadata, id.type),
    locality: readLocality(node) || localityOfLabels(labels),
    network: readText(metadata, "NETWORK", "node.metadata") ?? "",
    group: readText(metadata, "AUTO_REGISTER_GROUP", "node.metadata"),
    service: readText(tulle, "service", at),
    httpProxy:
      tulle === undefined && readCapture(metadata, id.type) !== undefined
        ? undefined
        : readHttpProxy(tulle, id.type, dataPlaneOf(node.userAgentName)),
    inbound: readList(tulle, "inbound", at, MAX_PORTS).map((value, index) =>
      readInbound(value, `${at}.inbound[${index}]`),
    ),
    outbound: readList(tulle, "outbound", at, MAX_PORTS).map((value, index) => {
      const place = `${at}.outbound[${index}]`;
      const bind = { address: readAddress(value, "address", place), port: readPort(value, "bind_port", place) };
      const service = readText(value, "service", place);
      return { port: readPort(value, "port", place), bind, ...(service === undefined ? {} : { service }) };
    }),
    gatewayPorts: readGatewayPorts(tulle, `${at}.gateway_ports`),
    metrics: readMetrics(tulle, at),
    secrets: readText(tulle, "secrets", at),
    telemetry: readText(tulle, "telemetry", at),
    reportsHealth: readText(tulle, "health", at) === "reported",
    metadata: Object.fromEntries(
      Object.entries(metadata).flatMap(([key, value]) => (typeof value === "string" ? [[key, value]] : [])),
    ),
    filterTypes: new Set(node.extensions.flatMap(({ typeUrls }) => typeUrls)),
  };
  refuseDuplicates(proxy, at);
  return proxy;
}

function readMetrics(tulle: JsonObject | undefined, at: string): Bind | undefined {
  const value = readObject(tulle ?? {}, "metrics", `${at}.metrics`);
  if (value === undefined) return undefined;
  return { address: readAddress(value, "address", `${at}.metrics`), port: readPort(value, "port", `${at}.metrics`) };
}

/** Two listeners cannot have one place, nor two applications one port of the workload. */
function refuseDuplicates({ httpProxy, inbound, outbound }: ProxyNode, at: string): void {
  const ports = inbound.map(({ port }) => `${port}`);
  refuseTwice(ports, (port) => new MetadataError(`${at}.inbound`, `has port ${port} twice`, "each port once"));
  const places = [
    ...(httpProxy === undefined ? [] : [httpProxy]),
    ...outbound.map(({ bind }) => bind),
    ...inbound.map(({ address, bindPort }) => ({ address, port: bindPort })),
  ];
  const binds = places.map(({ address, port }) => `${address} port ${port}`);
  refuseTwice(binds, (bind) => new MetadataError(at, `binds ${bind} twice`, "each address and port once"));
}

function refuseTwice(values: readonly string[], error: (value: string) => MetadataError): void {
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  if (twice !== undefined) throw error(twice);
}

interface NodeId {
  readonly type: "sidecar" | "router";
  readonly address?: string;
  readonly workload: string;
  readonly namespace?: string;
}

/** `sidecar~10.1.2.3~reviews-v2-x7k2p.default~default.svc.cluster.local`; any other text is a client's free choice. */
function readId(id: string): NodeId {
  if (id === "") throw new MetadataError("node.id", "is empty", "a name that is unique in the mesh");
  const [type, address, workload, domain] = id.split("~");
  if (domain === undefined || address === undefined || workload === undefined) return { type: "sidecar", workload: id };
  if (type !== "sidecar" && type !== "router") {
    throw new MetadataError("node.id", `begins with ${JSON.stringify(type)}`, `"sidecar" or "router"`);
  }
  const dot = workload.lastIndexOf(".");
  const namespace = dot < 0 ? domain.slice(0, Math.max(domain.indexOf("."), 0)) : workload.slice(dot + 1);
  return {
    type,
    address,
    workload: dot < 0 ? workload : workload.slice(0, dot),
    ...(namespace === "" ? {} : { namespace }),
  };
}

function readLocality({ locality }: Node): string {
  return locality === undefined ? "" : formatLocality(locality.region, locality.zone, locality.subZone);
}

function instanceAddresses(metadata: JsonObject): readonly string[] {
  const list = readText(metadata, "INSTANCE_IPS", "node.metadata") ?? "";
  return list
    .split(",")
    .map((address) => address.trim())
    .filter((address) => address !== "");
}

/** (istio/istio `pkg/model/proxy.go` InterceptionMode) */
function readCapture(metadata: JsonObject, type: NodeId["type"]): ProxyNode["capture"] {
  const mode = readText(metadata, "INTERCEPTION_MODE", "node.metadata") ?? "NONE";
  if (mode !== "NONE" && mode !== "REDIRECT" && mode !== "TPROXY") {
    const place = "node.metadata.INTERCEPTION_MODE";
    throw new MetadataError(place, `is ${JSON.stringify(mode)}`, "REDIRECT, TPROXY or NONE");
  }
  if (mode === "NONE" || type === "router") return undefined;
  const families = new Set(
    instanceAddresses(metadata).map((address) => (isIPv6(address) ? (6 as const) : (4 as const))),
  );
  return { transparent: mode === "TPROXY", families: families.size === 0 ? [4] : [...families].sort((a, b) => a - b) };
}

function userAgent({ userAgentName, userAgentVersionType: version }: Node): string {
  if (version.case === "userAgentVersion") return `${userAgentName}/${version.value}`;
  if (version.case === "userAgentBuildVersion" && version.value.version !== undefined) {
    const { majorNumber, minorNumber, patch } = version.value.version;
    return `${userAgentName}/${majorNumber}.${minorNumber}.${patch}`;
  }
  return userAgentName;
}

/** A client that knows nothing of us gets one at a fixed place; one that does says where it wants it. */
function readHttpProxy(tulle: JsonObject | undefined, type: NodeId["type"], dataPlane: DataPlane): Bind | undefined {
  if (tulle === undefined) return type === "sidecar" && dataPlane !== "grpc" ? DEFAULT_HTTP_PROXY : undefined;
  const value = readObject(tulle, "http_proxy", "node.metadata.TULLE.http_proxy");
  if (value === undefined) return undefined;
  const place = "node.metadata.TULLE.http_proxy";
  return { address: readAddress(value, "address", place), port: readPort(value, "port", place) };
}

function readInbound(value: JsonObject, place: string): InboundPort {
  const bindPort = readPort(value, "bind_port", place);
  const address = readAddress(value, "address", place);
  return {
    port: readPort(value, "port", place),
    name: readText(value, "name", place),
    protocol: readText(value, "protocol", place) ?? "http",
    address,
    bindPort,
    appAddress: value["app_address"] === undefined ? address : readAddress(value, "app_address", place),
    appPort: readPort(value, "app_port", place),
  };
}

function readGatewayPorts(tulle: JsonObject | undefined, place: string): ReadonlyMap<number, Bind> {
  const ports = readObject(tulle ?? {}, "gateway_ports", place) ?? {};
  return new Map(
    Object.keys(ports).map((key): [number, Bind] => {
      const number = Number(key);
      if (!Number.isInteger(number) || number < 1 || number > 65535) {
        throw new MetadataError(place, `has the key ${JSON.stringify(key)}`, "port numbers");
      }
      const value = readObject(ports, key, `${place}.${key}`) ?? {};
      const at = `${place}.${key}`;
      return [number, { address: readAddress(value, "address", at), port: readPort(value, "port", at) }];
    }),
  );
}
