/** What follows from a proxy's node: its listeners, and the clusters of the application behind it. */
import { isIP, MESH_GATEWAY, parseProtocol, resolveShortName, serviceHost } from "@tulle/api";
import type { ConnectionPoolSettings, Labels, PortProtocol } from "@tulle/api";
import type { AccessLog } from "@tulle/xds/gen/envoy/config/accesslog/v3/accesslog_pb.js";
import { ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { Filter } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Listener } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { encodeResource, resourceSet, TYPE } from "@tulle/xds";
import type { EncodedResource, ResourceSet } from "@tulle/xds";
import type { WorkloadGroups } from "../model/auto-registration.ts";
import { labelsInGroup } from "../model/auto-registration.ts";
import { inboundFor, servicesOfWorkload } from "../model/endpoints.ts";
import { inboundPool, withIngress } from "../model/ingress.ts";
import type { MeshSettings } from "../model/mesh-settings.ts";
import { modeAt } from "../model/peer-authentication.ts";
import type { PeerAuthentications, PeerModes } from "../model/peer-authentication.ts";
import type { Origin } from "../model/origin.ts";
import { carriesHttp } from "../model/scope.ts";
import type { RateLimitRule } from "../model/rate-limit.ts";
import type { MeshService } from "../model/service.ts";
import { portTraffic } from "../model/service.ts";
import { rememberLast, shareList } from "../model/sharing.ts";
import type { SidecarIndex, SidecarRule } from "../model/sidecar.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { connectionChains } from "../model/connection-route.ts";
import type { ConnectionChain, ConnectionRules, ConnectionTarget } from "../model/connection-route.ts";
import { effectivePolicy } from "../model/traffic-policy.ts";
import type { InboundPort } from "../model/workload.ts";
import type { Bind, ProxyNode } from "../source/registration/node.ts";
import { inboundPassthroughCluster, translateInboundCluster } from "../translate/clusters.ts";
import type { Capabilities } from "../translate/data-plane.ts";
import type { InboundService } from "../translate/inbound-routes.ts";
import type { Capture, InboundPortChains } from "../translate/captured-listeners.ts";
import { virtualInbound } from "../translate/captured-listeners.ts";
import type { InboundInput } from "../translate/listeners.ts";
import { inboundHttpFilter, inboundListener, outboundListener } from "../translate/listeners.ts";
import { BLACK_HOLE_CLUSTER, HTTP_PROXY_ROUTES, inboundCluster, listenerName, portRoutes } from "../translate/names.ts";
import { tcpProxy } from "../translate/network.ts";
import { accessLogsOf as connectionLogs, unroutedLogsOf } from "../translate/access-log.ts";
import type { Passing } from "../translate/connections.ts";
import { outboundTcpListener, passOn } from "../translate/connections.ts";
import { authorized } from "../translate/security/authorization.ts";
import type { InboundFilters } from "../translate/security/inbound-chains.ts";
import type { KeyServer } from "../translate/security/key-servers.ts";
import { keyServerCluster } from "../translate/security/key-servers.ts";
import type { AccessLogs } from "./access-logs.ts";
import { counted } from "../translate/mesh-stats.ts";
import { accessLogsOf } from "./access-logs.ts";
import { measuredAs } from "./metrics.ts";
import type { Authorization } from "./authorization.ts";
import { authorizationOf, inboundPort } from "./authorization.ts";
import type { CapturedPorts } from "./captured-resources.ts";
import { capturedOutbound, captureOf, detectionMs, unknownCluster } from "./captured-resources.ts";
import { restOf } from "./captured-rest.ts";
import type { CapturedRest } from "./captured-rest.ts";
import type { MeshCaches, MeshView } from "./mesh-view.ts";
import { rateLimitsOf } from "./rate-limits.ts";
import type { Tokens } from "./tokens.ts";
import { tokensOf } from "./tokens.ts";
import type { TracingSettings } from "./tracing.ts";
import { tracingSettingsOf } from "./tracing.ts";

/** Rules that select clients say nothing about who is called. */
const NO_LABELS: Labels = {};

/** A node with what its WorkloadGroup and its Sidecar make of it. */
interface Member extends ProxyNode {
  readonly sidecar: SidecarRule | undefined;
}

/** The same for as long as nothing of it changes. */
export function memberOf(node: ProxyNode): (snapshot: Snapshot) => Member {
  const labelled = rememberLast((groups: WorkloadGroups): ProxyNode => ({
    ...node,
    labels: labelsInGroup(groups, node),
  }));
  const sidecarOf = rememberLast((sidecars: SidecarIndex, { labels }: ProxyNode) =>
    node.type === "router" ? undefined : sidecars.find(node.namespace, labels),
  );
  const make = rememberLast((own: ProxyNode, sidecar: SidecarRule | undefined): Member => ({
    ...own,
    sidecar,
    inbound: withIngress(own.inbound, sidecar, own.address),
  }));
  return ({ workloadGroups, sidecars }) => {
    const own = labelled(workloadGroups);
    return make(own, sidecarOf(sidecars, own));
  };
}

function originOfNode(node: ProxyNode): Origin {
  return { kind: "Workload", namespace: node.namespace, name: node.workload };
}

/** Names of the route configurations that the proxy's listeners refer to. */
export function routeNames(member: Member, captured: CapturedPorts | undefined): readonly string[] {
  const { httpProxy, outbound } = member;
  const requests = outbound.filter(({ service }) => service === undefined);
  const ports = [...requests, ...egressListeners(member)].map(({ port }) => port);
  const names = [...ports, ...capturedHttpPorts(captured)].map(portRoutes);
  return [...new Set(httpProxy === undefined ? names : [HTTP_PROXY_ROUTES, ...names])];
}

function capturedHttpPorts(captured: CapturedPorts | undefined): readonly number[] {
  if (captured === undefined) return [];
  const sniffed = captured.services.filter((each) => each.sniffed).map(({ port }) => port.number);
  const shared = captured.anywhere.filter(({ http }) => http !== undefined).map(({ number }) => number);
  return [...shared, ...sniffed].sort((a, b) => a - b);
}

interface PortListener {
  readonly port: number;
  readonly bind: Bind;
}

/**
 * Listeners that a Sidecar opens. One without `bind` is for captured connections, of which there are none, unless it says that
 * it is not: then it is the application's own port. A place that is taken stays who has it.
 */
function egressListeners({ sidecar, httpProxy, outbound, inbound }: Member): readonly PortListener[] {
  const taken = new Set(
    [
      ...(httpProxy === undefined ? [] : [httpProxy]),
      ...outbound.map(({ bind }) => bind),
      ...inbound.map(({ address, bindPort }) => ({ address, port: bindPort })),
    ].map(placeOf),
  );
  return (sidecar?.spec.egress ?? []).flatMap(({ port, bind = "", captureMode }): PortListener[] => {
    if (port === undefined || port.number === 0 || !carriesHttp(port.protocol)) return [];
    const address = isIP(bind) ? bind : bind === "" && captureMode === "NONE" ? LOOPBACK : undefined;
    if (address === undefined) return [];
    const place = { address, port: port.number };
    return taken.has(placeOf(place)) ? [] : [{ port: port.number, bind: place }];
  });
}

const LOOPBACK = "127.0.0.1";

function placeOf({ address, port }: Bind): string {
  return `${address} ${port}`;
}

/** Inbound listeners name the services that are answered for, so the set depends on those. */
export function ownListeners(
  node: ProxyNode,
  capabilities: Capabilities,
  caches: Pick<MeshCaches, "resources">,
): OwnListeners {
  let before: ResourceSet | undefined;
  const logs = accessLogsOf(node);
  const tracingOf = tracingSettingsOf(node, capabilities);
  const capabilitiesOf = measuredAs(node, capabilities);
  const limitsOf = rateLimitsOf(node);
  const authorization = authorizationOf(capabilities);
  const tokens = tokensOf(false);
  const modesOf = rememberLast((peers: PeerAuthentications, member: Member) => peers.modesOf(member));
  const encode = rememberLast(
    (
      member: Member,
      forwards: boolean,
      mesh: MeshSettings,
      accessLogs: AccessLogs,
      measured: Capabilities,
      services: readonly MeshService[],
      domain: string,
      limits: readonly RateLimitRule[],
      authorized: Authorization,
      captured: CapturedPorts | undefined,
      unknown: string,
      modes: PeerModes,
      tokens: Tokens | undefined,
      rules: ConnectionRules,
      clusterOf: Passing["clusterOf"],
      settingsOf: Passing["settingsOf"],
      tracing: TracingSettings,
    ) => {
      const origin = originOfNode(member);
      const settings = { capabilities: measured, mesh, accessLogs: accessLogs.CLIENT, tracing: tracing.CLIENT };
      const client = { gateways: [MESH_GATEWAY], namespace: member.namespace, labels: member.labels };
      const chainsTo = (target: ConnectionTarget): readonly ConnectionChain[] =>
        connectionChains(target, client, rules);
      const inputs = member.inbound.map((inbound) => ({
        inbound,
        service: inboundService(inbound, member, services, domain),
        origin,
        capabilities: measured,
        mesh,
        accessLogs: accessLogs.SERVER,
        tracing: tracing.SERVER,
        rateLimits: limits,
        security:
          member.secrets === undefined ? undefined : { mode: modeAt(modes, inbound.port), secrets: member.secrets },
        ...(tokens === undefined ? {} : { tokens: tokens.filter }),
        ...(authorized === undefined ? {} : { authorization: { ...authorized, port: inboundPort(inbound) } }),
      }));
      const passing = { accessLogs: connectionLogs(accessLogs.CLIENT, measured), clusterOf, settingsOf };
      const bound = [
        ...outboundListeners(member, { ...settings, forwards }),
        ...tcpListeners(member, rules, chainsTo, passing, measured, unroutedLogsOf(accessLogs.CLIENT, measured)),
      ];
      const resources =
        member.capture === undefined || captured === undefined
          ? [...bound, ...inputs.map((input) => inboundListener(input, inboundFilters(input), detectionMs(mesh)))].map(
              encodeListener,
            )
          : [
              ...bound.map(encodeListener),
              ...capturedListeners(
                captureOf(member.capture, mesh),
                captured,
                inputs,
                restOf(member, modes, authorized, measured, accessLogs.SERVER),
                { ...settings, unknown, origin, chainsTo, clusterOf, settingsOf },
                unroutedLogsOf(accessLogs.SERVER, measured),
                caches,
              ),
            ];
      before = resourceSet(TYPE.listener, resources, before);
      return before;
    },
  );
  return (member, view) => {
    const { snapshot, forwards } = view;
    const { services, options, mesh } = snapshot;
    return encode(
      member,
      forwards,
      mesh,
      logs(snapshot),
      capabilitiesOf(snapshot),
      services,
      options.domain,
      limitsOf(snapshot),
      authorization(snapshot, member),
      member.capture === undefined ? undefined : view.captured,
      member.capture === undefined ? "" : unknownCluster(view.outbound),
      modesOf(snapshot.peers, member),
      tokens(snapshot, member),
      view.connectionRules,
      view.clusterOf,
      view.settingsOf,
      tracingOf(view),
    );
  };
}

type OwnListeners = (member: Member, view: MeshView) => ResourceSet;

function encodeListener(listener: Listener): EncodedResource {
  return encodeResource(listener.name, ListenerSchema, listener);
}

function capturedListeners(
  capture: Capture,
  ports: CapturedPorts,
  inputs: readonly InboundInput[],
  rest: CapturedRest,
  settings: Omit<Parameters<typeof capturedOutbound>[1], "capture">,
  accessLog: readonly AccessLog[],
  caches: Pick<MeshCaches, "resources">,
): readonly EncodedResource[] {
  const { carriers } = settings.capabilities;
  const inbound = inputs.map((input): InboundPortChains => {
    const { address, bindPort } = input.inbound;
    const name = listenerName(address, bindPort);
    return { port: bindPort, name, security: input.security, ...inboundFilters(input) };
  });
  return [
    ...capturedOutbound(ports, { ...settings, capture }, caches),
    encodeListener(
      virtualInbound(capture, [...inbound, ...rest.ports], carriers, rest.others, { ...settings, accessLog }),
    ),
  ];
}

function connectionFilters(
  { authorization, capabilities, accessLogs }: InboundInput,
  cluster: string,
): readonly Filter[] {
  const logs = connectionLogs(accessLogs, capabilities);
  return counted(
    capabilities,
    "SERVER",
    authorized(authorization, capabilities, tcpProxy(cluster, logs), () => tcpProxy(BLACK_HOLE_CLUSTER, logs)),
  );
}

function outboundListeners(
  member: Member,
  settings: Pick<
    Parameters<typeof outboundListener>[0],
    "capabilities" | "mesh" | "forwards" | "accessLogs" | "tracing"
  >,
): readonly Listener[] {
  const { httpProxy, outbound, sidecar } = member;
  const all = { origin: originOfNode(member), ...settings };
  return [
    ...(httpProxy === undefined ? [] : [outboundListener({ bind: httpProxy, routes: HTTP_PROXY_ROUTES, ...all })]),
    ...outbound
      .filter(({ service }) => service === undefined)
      .map(({ port, bind }) => outboundListener({ bind, routes: portRoutes(port), ...all })),
    ...egressListeners(member).map(({ port, bind }) =>
      outboundListener({ ...all, bind, routes: portRoutes(port), origin: sidecar!.origin, field: "spec.egress" }),
    ),
  ];
}

/** Local ports for single services, whatever they speak. */
function tcpListeners(
  member: Member,
  { services, domain }: ConnectionRules,
  chainsTo: (target: ConnectionTarget) => readonly ConnectionChain[],
  passing: Passing,
  capabilities: Capabilities,
  unrouted: readonly AccessLog[],
): readonly Listener[] {
  return member.outbound.flatMap(({ port, bind, service }) => {
    if (service === undefined) return [];
    const host = resolveShortName(service, member.namespace, domain).toLowerCase();
    const protocol = services.get(host)?.ports.find(({ number }) => number === port)?.protocol ?? "TCP";
    const chains = chainsTo({ host, port, protocol, byName: false });
    const matched = chains.map((chain) => ({
      ...chain,
      filters: counted(capabilities, "CLIENT", [passOn(chain, passing)]),
    }));
    return [outboundTcpListener({ bind, chains: matched, accessLog: unrouted, origin: originOfNode(member) })];
  });
}

/** What reads requests for an application, or passes bytes on to it; both where nobody has said what it speaks. */
function inboundFilters(input: InboundInput): InboundFilters {
  const { port, protocol } = input.inbound;
  const known = input.service?.protocol ?? parseProtocol(protocol) ?? "AUTO";
  const traffic = portTraffic({ protocol: known }, input.capabilities.carriers);
  return {
    http: traffic === "http" || traffic === "auto" ? [inboundHttpFilter(input)] : undefined,
    tcp: traffic === "http" ? undefined : connectionFilters(input, inboundCluster(port)),
  };
}

/** The first of several. */
function inboundService(
  inbound: InboundPort,
  member: Member,
  services: readonly MeshService[],
  domain: string,
): InboundService | undefined {
  const [first] = servicesAt(inbound, member, services, domain);
  if (first === undefined) return undefined;
  const { number, protocol } = first.ports.find((port) => inboundFor(member, port) === inbound)!;
  return { host: first.host, port: number, protocol };
}

/**
 * The applications behind the proxy. They name the services that they answer for, and have the limits that those services'
 * DestinationRules give, or the Sidecar. (istio/istio `cluster_builder.go` buildInboundCluster)
 */
export function inboundClusters(capabilities: Capabilities): (member: Member, snapshot: Snapshot) => ResourceSet {
  const servicesByPort = rememberLast((member: Member, services: readonly MeshService[], domain: string) =>
    member.inbound.map((inbound) => servicesAt(inbound, member, services, domain)),
  );
  const tokens = tokensOf(false);
  let pools: readonly (ConnectionPoolSettings | undefined)[] = [];
  let before: ResourceSet | undefined;
  const encode = rememberLast(
    (
      member: Member,
      services: ReturnType<typeof servicesByPort>,
      limits: readonly (ConnectionPoolSettings | undefined)[],
      mesh: MeshSettings,
      keyServers: readonly KeyServer[],
    ) => {
      const origin = originOfNode(member);
      const clusters = member.inbound.map((inbound, index) =>
        translateInboundCluster({
          inbound,
          protocol: protocolAt(inbound, member, services[index]!),
          services: services[index]!,
          origin,
          pool: limits[index],
          mesh,
          capabilities,
          captured: member.capture?.families,
        }),
      );
      if (member.capture !== undefined) {
        clusters.push(inboundPassthroughCluster({ mesh, capabilities }, member.capture.families));
      }
      clusters.push(...keyServers.map((server) => keyServerCluster(server, mesh)));
      const resources = clusters.map((cluster) => encodeResource(cluster.name, ClusterSchema, cluster));
      before = resourceSet(TYPE.cluster, resources, before);
      return before;
    },
  );
  return (member, snapshot) => {
    const { services: all, options, mesh } = snapshot;
    const services = servicesByPort(member, all, options.domain);
    pools = shareList(
      pools,
      member.inbound.map((inbound, index) => poolAt(inbound, member, services[index]![0]?.host, snapshot)),
    );
    const keyServers = capabilities.security.has("tokens") ? tokens(snapshot, member)?.keyServers : undefined;
    return encode(member, services, pools, mesh, keyServers ?? NO_KEY_SERVERS);
  };
}

const NO_KEY_SERVERS: readonly KeyServer[] = [];

function poolAt(
  inbound: InboundPort,
  member: Member,
  host: string | undefined,
  { mesh, serviceByHost, destinationRuleIndex }: Snapshot,
): ConnectionPoolSettings | undefined {
  const own = inboundPool(member.sidecar, inbound.port);
  if (own !== undefined) return own;
  const service = serviceByHost.get(host ?? "");
  const port = service?.ports.find((candidate) => inboundFor(member, candidate) === inbound);
  if (service === undefined || port === undefined) return mesh.config.defaultTrafficPolicy?.connectionPool;
  const rule = destinationRuleIndex.find(service, member.namespace, NO_LABELS);
  return effectivePolicy(rule, undefined, port.number, mesh.config.defaultTrafficPolicy).connectionPool;
}

/** What the application speaks, as far as anybody has said it. */
function protocolAt(inbound: InboundPort, member: Member, services: ReturnType<typeof servicesAt>): PortProtocol {
  const port = services[0]?.ports.find((each) => inboundFor(member, each) === inbound);
  return port?.protocol ?? parseProtocol(inbound.protocol) ?? "AUTO";
}

/** Services that have a port which leads there; else the one that the workload names, which is made up for it. */
function servicesAt(
  inbound: InboundPort,
  member: Member,
  services: readonly MeshService[],
  domain: string,
): readonly Pick<MeshService, "host" | "name" | "namespace" | "ports">[] {
  const { namespace, service: name } = member;
  const found = servicesOfWorkload(services, member).filter(({ ports }) =>
    ports.some((port) => inboundFor(member, port) === inbound),
  );
  if (found.length > 0 || name === undefined) return found;
  const protocol = parseProtocol(inbound.protocol) ?? "AUTO";
  const ports = [{ number: inbound.port, name: "", protocol, targetPort: inbound.port }];
  return [{ host: serviceHost(name, namespace, domain).toLowerCase(), name, namespace, ports }];
}
