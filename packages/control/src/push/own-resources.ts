/** What follows from a proxy's node: its listeners, and the clusters of the application behind it. */
import { parseProtocol, serviceHost } from "@tulle/api";
import type { ConnectionPoolSettings, Labels } from "@tulle/api";
import { ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { Listener } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { encodeResource, resourceSet, TYPE } from "@tulle/xds";
import type { ResourceSet } from "@tulle/xds";
import type { WorkloadGroups } from "../model/auto-registration.ts";
import { labelsInGroup } from "../model/auto-registration.ts";
import { inboundFor, servicesOfWorkload } from "../model/endpoints.ts";
import type { MeshSettings } from "../model/mesh-settings.ts";
import type { Origin } from "../model/origin.ts";
import type { MeshService } from "../model/service.ts";
import { rememberLast, shareList } from "../model/sharing.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { effectivePolicy } from "../model/traffic-policy.ts";
import type { WorkloadMode } from "../model/telemetry.ts";
import type { InboundPort } from "../model/workload.ts";
import type { ProxyNode } from "../source/registration/node.ts";
import { translateInboundCluster } from "../translate/clusters.ts";
import type { Capabilities } from "../translate/data-plane.ts";
import type { InboundService } from "../translate/inbound-routes.ts";
import { inboundListener, outboundListener } from "../translate/listeners.ts";
import { HTTP_PROXY_ROUTES, portRoutes } from "../translate/names.ts";
import type { AccessLogs } from "./access-logs.ts";
import { accessLogsOf } from "./access-logs.ts";

/** Rules that select clients say nothing about who is called. */
const NO_LABELS: Labels = {};

function originOfNode(node: ProxyNode): Origin {
  return { kind: "Workload", namespace: node.namespace, name: node.workload };
}

/** Names of the route configurations that the proxy's listeners refer to. */
export function routeNames({ httpProxy, outbound }: ProxyNode): readonly string[] {
  const names = outbound.map(({ port }) => portRoutes(port));
  return [...new Set(httpProxy === undefined ? names : [HTTP_PROXY_ROUTES, ...names])];
}

/** They name the services that are answered for, so the set depends on those. */
export function ownListeners(node: ProxyNode, capabilities: Capabilities): (snapshot: Snapshot) => ResourceSet {
  let before: ResourceSet | undefined;
  const logs = accessLogsOf(node);
  const encode = rememberLast(
    (services: readonly MeshService[], domain: string, mesh: MeshSettings, accessLogs: AccessLogs) => {
      const listeners = listenersOf(
        node,
        (mode) => ({ mesh, accessLogs: accessLogs[mode], capabilities }),
        (inbound) => inboundService(inbound, node, services, domain),
      );
      const resources = listeners.map((listener) => encodeResource(listener.name, ListenerSchema, listener));
      before = resourceSet(TYPE.listener, resources, before);
      return before;
    },
  );
  return (snapshot) => encode(snapshot.services, snapshot.options.domain, snapshot.mesh, logs(snapshot));
}

function listenersOf(
  node: ProxyNode,
  settings: (
    mode: WorkloadMode,
  ) => Pick<Parameters<typeof outboundListener>[0], "mesh" | "accessLogs" | "capabilities">,
  serviceAt: (inbound: InboundPort) => InboundService | undefined,
): readonly Listener[] {
  const { httpProxy, outbound, inbound } = node;
  const origin = originOfNode(node);
  const listeners: Listener[] = [];
  if (httpProxy !== undefined) {
    listeners.push(outboundListener({ bind: httpProxy, routes: HTTP_PROXY_ROUTES, origin, ...settings("CLIENT") }));
  }
  for (const { port, bind } of outbound) {
    listeners.push(outboundListener({ bind, routes: portRoutes(port), origin, ...settings("CLIENT") }));
  }
  for (const port of inbound) {
    listeners.push(inboundListener({ inbound: port, service: serviceAt(port), origin, ...settings("SERVER") }));
  }
  return listeners;
}

/** The first of several. */
function inboundService(
  inbound: InboundPort,
  node: ProxyNode,
  services: readonly MeshService[],
  domain: string,
): InboundService | undefined {
  const [first] = servicesAt(inbound, node, services, domain);
  if (first === undefined) return undefined;
  const { number, protocol } = first.ports.find((port) => inboundFor(node, port) === inbound)!;
  return { host: first.host, port: number, protocol };
}

/**
 * The applications behind the proxy. They name the services that they answer for, and have the limits that those services'
 * DestinationRules give. (istio/istio `cluster_builder.go` buildInboundCluster)
 */
export function inboundClusters(node: ProxyNode, capabilities: Capabilities): (snapshot: Snapshot) => ResourceSet {
  const origin = originOfNode(node);
  const servicesByPort = rememberLast((services: readonly MeshService[], domain: string, groups: WorkloadGroups) => {
    const member = { ...node, labels: labelsInGroup(groups, node) };
    return node.inbound.map((inbound) => servicesAt(inbound, member, services, domain));
  });
  let pools: readonly (ConnectionPoolSettings | undefined)[] = [];
  let before: ResourceSet | undefined;
  const encode = rememberLast(
    (
      services: ReturnType<typeof servicesByPort>,
      limits: readonly (ConnectionPoolSettings | undefined)[],
      mesh: MeshSettings,
    ) => {
      const clusters = node.inbound.map((inbound, index) =>
        translateInboundCluster({
          inbound,
          services: services[index]!,
          origin,
          pool: limits[index],
          mesh,
          capabilities,
        }),
      );
      const resources = clusters.map((cluster) => encodeResource(cluster.name, ClusterSchema, cluster));
      before = resourceSet(TYPE.cluster, resources, before);
      return before;
    },
  );
  return ({ services: all, options, mesh, serviceByHost, destinationRuleIndex, workloadGroups }) => {
    const services = servicesByPort(all, options.domain, workloadGroups);
    const limits = node.inbound.map((inbound, index) => {
      const service = serviceByHost.get(services[index]![0]?.host ?? "");
      const port = service?.ports.find((candidate) => inboundFor(node, candidate) === inbound);
      if (service === undefined || port === undefined) return mesh.config.defaultTrafficPolicy?.connectionPool;
      const rule = destinationRuleIndex.find(service, node.namespace, NO_LABELS);
      return effectivePolicy(rule, undefined, port.number, mesh.config.defaultTrafficPolicy).connectionPool;
    });
    pools = shareList(pools, limits);
    return encode(services, pools, mesh);
  };
}

/** Services that have a port which leads there; else the one that the workload names, which is made up for it. */
function servicesAt(
  inbound: InboundPort,
  node: ProxyNode,
  services: readonly MeshService[],
  domain: string,
): readonly Pick<MeshService, "host" | "name" | "namespace" | "ports">[] {
  const { namespace, service: name } = node;
  const found = servicesOfWorkload(services, node).filter(({ ports }) =>
    ports.some((port) => inboundFor(node, port) === inbound),
  );
  if (found.length > 0 || name === undefined) return found;
  const protocol = parseProtocol(inbound.protocol) ?? "AUTO";
  const ports = [{ number: inbound.port, name: "", protocol, targetPort: inbound.port }];
  return [{ host: serviceHost(name, namespace, domain).toLowerCase(), name, namespace, ports }];
}
