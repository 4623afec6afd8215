/** Listeners and routes of gateway workloads. */
import { toBinary } from "@bufbuild/protobuf";
import { matchesLabels } from "@tulle/api";
import type { Filter } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Listener } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { VirtualHostSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import { encodeResource } from "@tulle/xds";
import type { EncodedResource } from "@tulle/xds";
import { withoutOverlaps } from "../model/chain-conditions.ts";
import type { ChainConditions } from "../model/chain-conditions.ts";
import { rememberConnectionRules } from "../model/connection-route.ts";
import type { ConnectionChain, ConnectionRules, TcpDestination } from "../model/connection-route.ts";
import { gatewayTcpRoute, gatewayTlsChains, isServerName } from "../model/connection-route.ts";
import type { RateLimitRule } from "../model/rate-limit.ts";
import type { FallbackIndex } from "../model/fallback.ts";
import type { BoundServer, GatewayHost, GatewayPort, GatewayRule } from "../model/gateway.ts";
import {
  connectionRulesAt,
  gatewayHosts,
  gatewaysOf,
  kindOfServer,
  passesOnTo,
  serverNames,
  serversByPort,
} from "../model/gateway.ts";
import type { MeshSettings } from "../model/mesh-settings.ts";
import type { MeshService } from "../model/service.ts";
import { rememberLast } from "../model/sharing.ts";
import type { VirtualServiceRule } from "../model/virtual-service.ts";
import type { Bind, ProxyNode } from "../source/registration/node.ts";
import { accessLogsOf as accessLogsFor } from "../translate/access-log.ts";
import type { MatchedChain, Passing } from "../translate/connections.ts";
import { passOn } from "../translate/connections.ts";
import type { Capabilities } from "../translate/data-plane.ts";
import { gatewayDomains } from "../translate/domains.ts";
import { gatewayListener, gatewayTcpListener, secureGatewayListener } from "../translate/listeners.ts";
import type { SecureServer } from "../translate/listeners.ts";
import {
  BLACK_HOLE_CLUSTER,
  gatewayRoutes,
  listenerName,
  sniCluster,
  secureGatewayRoutes,
  virtualHostName,
  virtualHostResource,
} from "../translate/names.ts";
import { tcpProxy } from "../translate/network.ts";
import { authorized as withAuthorization } from "../translate/security/authorization.ts";
import { MESH } from "../translate/security/inbound-chains.ts";
import { gatewayTls } from "../translate/security/gateway-tls.ts";
import type { TracedWorkload } from "../translate/tracing.ts";
import { translateRouteConfiguration } from "../translate/routes.ts";
import type { VirtualHostInput } from "../translate/virtual-hosts.ts";
import { blackhole, translateVirtualHost } from "../translate/virtual-hosts.ts";
import type { AccessLogs } from "./access-logs.ts";
import { counted } from "../translate/mesh-stats.ts";
import { accessLogsOf } from "./access-logs.ts";
import { measuredAs } from "./metrics.ts";
import type { Authorization } from "./authorization.ts";
import { authorizationOf, gatewayPort as portOfGateway } from "./authorization.ts";
import { fallbackKey, fallbacksOf, redirectHosts } from "./fallbacks.ts";
import type { Tokens } from "./tokens.ts";
import { tokensOf } from "./tokens.ts";
import type { TracingSettings } from "./tracing.ts";
import { tracingSettingsOf } from "./tracing.ts";
import { rateLimitsOf } from "./rate-limits.ts";
import type { MeshView } from "./mesh-view.ts";
import type { HashRules } from "./hash-rules.ts";
import { hashRulesOf } from "./hash-rules.ts";
import { pick } from "./route-views.ts";
import type { RouteCaches, RouteView } from "./route-views.ts";

type GatewayNode = Pick<ProxyNode, "namespace" | "labels" | "gatewayPorts" | "secrets" | "telemetry"> & TracedWorkload;

export interface GatewayView {
  readonly listeners: readonly EncodedResource[];
  readonly routes: readonly RouteView[];
}

type GatewayMesh = Pick<MeshView, "snapshot" | "forwards" | "clusterOf" | "settingsOf" | "collectors" | "passedOn">;

/** Where connections go on to. @param clusterOf undefined: as the mesh has it */
type FiltersTo = (
  chain: Pick<ConnectionChain, "destinations" | "rule">,
  clusterOf?: Passing["clusterOf"],
) => readonly Filter[];

const sniClusterOf: Passing["clusterOf"] = ({ port, subset, host }) => sniCluster(port, subset, host);

export class GatewayViews {
  readonly #node: GatewayNode;
  readonly #capabilities: Capabilities;
  readonly #caches: RouteCaches;
  readonly #hashRules: ReturnType<typeof hashRulesOf>;
  readonly #accessLogs: ReturnType<typeof accessLogsOf>;
  readonly #tracing: ReturnType<typeof tracingSettingsOf>;
  readonly #measured: ReturnType<typeof measuredAs>;
  readonly #rateLimits: ReturnType<typeof rateLimitsOf>;
  readonly #authorization: ReturnType<typeof authorizationOf>;
  readonly #tokens = tokensOf(true);

  constructor(node: GatewayNode, capabilities: Capabilities, caches: RouteCaches) {
    this.#node = node;
    this.#capabilities = capabilities;
    this.#caches = caches;
    this.#hashRules = hashRulesOf(node);
    this.#accessLogs = accessLogsOf(node);
    this.#tracing = tracingSettingsOf(node, capabilities);
    this.#measured = measuredAs(node, capabilities);
    this.#rateLimits = rateLimitsOf(node);
    this.#authorization = authorizationOf(capabilities);
  }

  view({ snapshot, forwards, clusterOf, settingsOf, collectors, passedOn }: GatewayMesh): GatewayView {
    const servers = this.#servers(snapshot.gateways);
    return {
      listeners: this.#listeners(
        servers,
        snapshot.services,
        snapshot.mesh,
        this.#accessLogs(snapshot),
        this.#measured(snapshot),
        forwards,
        this.#rateLimits(snapshot),
        this.#authorization(snapshot, this.#node),
        this.#tokens(snapshot, this.#node),
        this.#connectionRules(snapshot.virtualServices, snapshot.serviceByHost, snapshot.options.domain),
        clusterOf,
        settingsOf,
        passedOn,
        this.#tracing({ snapshot, collectors }),
      ),
      routes: this.#routes(
        servers,
        snapshot.virtualServices,
        snapshot.serviceByHost,
        this.#hashRules(snapshot.services, snapshot.destinationRuleIndex),
        snapshot.mesh,
        snapshot.fallbackIndex,
      ),
    };
  }

  readonly #servers = rememberLast((gateways: readonly GatewayRule[]) =>
    serversByPort(gatewaysOf(gateways, this.#node.labels)),
  );

  readonly #connectionRules = rememberConnectionRules();

  readonly #listeners = rememberLast(
    (
      ports: readonly GatewayPort[],
      services: readonly MeshService[],
      mesh: MeshSettings,
      accessLogs: AccessLogs,
      capabilities: Capabilities,
      forwards: boolean,
      rateLimits: readonly RateLimitRule[],
      authorized: Authorization,
      tokens: Tokens | undefined,
      rules: ConnectionRules,
      clusterOf: Passing["clusterOf"],
      settingsOf: Passing["settingsOf"],
      passedOn: readonly TcpDestination[],
      tracing: TracingSettings,
    ): readonly EncodedResource[] => {
      const passing = { accessLogs: accessLogsFor(accessLogs.CLIENT, capabilities), clusterOf, settingsOf };
      return ports.flatMap((gatewayPort) => {
        const [first] = gatewayPort.servers;
        const { number: port, bind: address } = gatewayPort;
        const bind = this.#bind(gatewayPort, services);
        const authorization =
          authorized === undefined ? undefined : { ...authorized, port: portOfGateway(port, bind.port) };
        const input = {
          bind,
          port,
          name: listenerName(address === "" ? "0.0.0.0" : address, port),
          origin: first!.gateway.origin,
          field: `spec.servers[${first!.index}]`,
          mesh,
          accessLogs: accessLogs.CLIENT,
          tracing: tracing.CLIENT,
          capabilities,
          forwards,
          rateLimits,
          ...(tokens === undefined ? {} : { tokens: tokens.filter }),
          ...(authorization === undefined ? {} : { authorization }),
        };
        const filters: FiltersTo = (chain, own = clusterOf) =>
          counted(
            capabilities,
            "CLIENT",
            withAuthorization(authorization, capabilities, passOn(chain, { ...passing, clusterOf: own }), () =>
              tcpProxy(BLACK_HOLE_CLUSTER, passing.accessLogs),
            ),
          );
        const listener = this.#listener(gatewayPort, input, rules, filters, passedOn);
        return listener === undefined ? [] : [encodeResource(listener.name, ListenerSchema, listener)];
      });
    },
  );

  /** Undefined: none of its servers has anywhere to send what it takes. */
  #listener(
    { number, bind, family, servers }: GatewayPort,
    input: Omit<Parameters<typeof gatewayListener>[0], "routes">,
    rules: ConnectionRules,
    filters: FiltersTo,
    passedOn: readonly TcpDestination[],
  ): Listener | undefined {
    if (family === "http") return gatewayListener({ ...input, routes: gatewayRoutes(number, bind) });
    if (family === "tcp") {
      const chain = this.#tcpRoute(servers[0]!, rules);
      return chain === undefined ? undefined : gatewayTcpListener({ ...input, filters: filters(chain) });
    }
    const secure = this.#secureServers(number, servers, input.mesh, rules, filters, passedOn);
    return secure.length === 0 ? undefined : secureGatewayListener({ ...input, servers: secure });
  }

  #tcpRoute(bound: BoundServer, all: ConnectionRules): ConnectionChain | undefined {
    const rules = connectionRulesAt(bound, all.rules, this.#node.namespace);
    return gatewayTcpRoute(rules, bound.server.port.number, bound.gateway.key, all);
  }

  #secureServers(
    port: number,
    servers: readonly BoundServer[],
    mesh: MeshSettings,
    all: ConnectionRules,
    filters: FiltersTo,
    passedOn: readonly TcpDestination[],
  ): readonly (SecureServer | MatchedChain)[] {
    const ending = new Map(serverNames(servers.filter(endsTls)).map(({ bound, names }) => [bound, names]));
    const chains = servers.flatMap((bound): readonly GatewayChain[] => {
      const kind = kindOfServer(bound.server);
      if (kind === "auto passthrough") {
        const wanted = passedOn.filter(({ host }) => passesOnTo(bound.server, host));
        return wanted.map((destination) => ({
          ...ANYTHING,
          serverNames: [sniClusterOf(destination)],
          make: (free) => ({
            ...free,
            applicationProtocols: MESH,
            filters: filters({ destinations: [destination], rule: undefined }, sniClusterOf),
          }),
        }));
      }
      if (kind === "passthrough") {
        const rules = connectionRulesAt(bound, all.rules, this.#node.namespace);
        const passed = gatewayTlsChains(rules, port, bound.gateway.key, all);
        return passed.map((chain) => ({ ...chain, make: (free) => ({ ...free, filters: filters(chain) }) }));
      }
      const names = (ending.get(bound) ?? []).filter((name) => name === "*" || isServerName(name));
      const socket = gatewayTls(bound.server.tls ?? {}, this.#node.secrets, mesh);
      if (socket === undefined || names.length === 0) return [];
      const asked = { ...ANYTHING, serverNames: names.includes("*") ? [] : names };
      if (kind === "https") {
        const routes = routesOf(port, bound);
        return [{ ...asked, make: ({ serverNames }) => ({ names: serverNames, routes, socket }) }];
      }
      const chain = this.#tcpRoute(bound, all);
      return chain === undefined ? [] : [{ ...asked, make: (free) => ({ ...free, filters: filters(chain), socket }) }];
    });
    return withoutOverlaps(chains).map(({ make, ...free }) => make(free));
  }

  /** A Gateway names the port of the gateway's Service; the workload listens on the target port. */
  #bind({ number: port, bind }: GatewayPort, services: readonly MeshService[]): Bind {
    const asked = this.#node.gatewayPorts.get(port);
    if (asked !== undefined) return bind === "" ? asked : { ...asked, address: bind };
    const { namespace, labels } = this.#node;
    const own = services.filter(
      (service) =>
        service.namespace === namespace && service.selector !== undefined && matchesLabels(service.selector, labels),
    );
    const target = own.flatMap(({ ports }) => ports).find(({ number }) => number === port)?.targetPort;
    return { address: bind === "" ? "0.0.0.0" : bind, port: typeof target === "number" ? target : port };
  }

  readonly #routes = rememberLast(
    (
      ports: readonly GatewayPort[],
      rules: readonly VirtualServiceRule[],
      services: ReadonlyMap<string, MeshService>,
      hashing: HashRules,
      mesh: MeshSettings,
      index: FallbackIndex,
    ): readonly RouteView[] =>
      ports.flatMap(({ number: port, bind, family, servers }) => {
        const view = (name: string, bound: readonly BoundServer[]): RouteView => {
          const hosts = gatewayHosts(bound, rules, this.#node);
          return this.#routeView(
            name,
            port,
            hosts.map((host) => this.#input(port, host, services, hashing, mesh, index)),
          );
        };
        if (family === "tcp") return [];
        if (family === "http") return [view(gatewayRoutes(port, bind), servers)];
        const reading = serverNames(servers.filter(endsTls))
          .map(({ bound }) => bound)
          .filter(({ server }) => kindOfServer(server) === "https");
        const byName = Map.groupBy(reading, (bound) => routesOf(port, bound));
        return [...byName].map(([name, same]) => view(name, same));
      }),
  );

  #input(
    port: number,
    { host, rules, gateways, httpsRedirect }: GatewayHost,
    services: ReadonlyMap<string, MeshService>,
    hashing: HashRules,
    mesh: MeshSettings,
    index: FallbackIndex,
  ): VirtualHostInput {
    const destinations = rules.flatMap(({ facts }) => facts.destinations);
    const fallbacks = fallbacksOf(destinations, index, services, this.#node.namespace);
    const dependsOnSource = rules.some(({ facts }) => facts.dependsOnSource);
    return {
      name: virtualHostName(host, port),
      domains: gatewayDomains(host),
      port,
      service: undefined,
      rules,
      client: {
        gateways,
        namespace: dependsOnSource ? this.#node.namespace : "",
        labels: dependsOnSource ? this.#node.labels : {},
      },
      destinations: pick(services, [...destinations, ...redirectHosts(fallbacks)]),
      hashing: pick(hashing, destinations),
      fallbacks,
      requireTls: httpsRedirect,
      mesh,
      capabilities: this.#capabilities,
    };
  }

  #routeView(name: string, port: number, hosts: readonly VirtualHostInput[]): RouteView {
    const catchAll = hosts.some(({ domains }) => domains.includes("*")) ? [] : [blackhole(port)];
    const variant = (input: VirtualHostInput): string =>
      `gateway ${this.#capabilities.id} ${name} ${input.name} ${input.client.gateways.join()} ${input.client.namespace} ${fallbackKey(input.fallbacks)}`;
    if (this.#capabilities.virtualHostDiscovery) {
      const message = translateRouteConfiguration({ name, ignorePort: true, virtualHosts: undefined });
      return {
        configuration: encodeResource(name, RouteConfigurationSchema, message),
        virtualHosts: [
          ...hosts.map((input) =>
            this.#caches.resources.get(input.rules[0]!, variant(input), input, (full) =>
              encodeResource(virtualHostResource(name, full.name), VirtualHostSchema, translateVirtualHost(full)),
            ),
          ),
          ...catchAll.map((host) => encodeResource(virtualHostResource(name, host.name), VirtualHostSchema, host)),
        ],
      };
    }
    const virtualHosts = [
      ...hosts.map((input) =>
        this.#caches.bytes.get(input.rules[0]!, variant(input), input, (full) =>
          toBinary(VirtualHostSchema, translateVirtualHost(full)),
        ),
      ),
      ...catchAll.map((host) => toBinary(VirtualHostSchema, host)),
    ];
    const message = translateRouteConfiguration({ name, ignorePort: true, virtualHosts });
    return { configuration: encodeResource(name, RouteConfigurationSchema, message), virtualHosts: [] };
  }
}

/** A chain of a port, and what it is once it is known what of its conditions is its own. */
interface GatewayChain extends ChainConditions {
  readonly make: (free: ChainConditions) => SecureServer | MatchedChain;
}

const ANYTHING: ChainConditions = { serverNames: [], destinationSubnets: [], sourceSubnets: [] };

function endsTls({ server }: BoundServer): boolean {
  const kind = kindOfServer(server);
  return kind === "https" || kind === "tls";
}

function routesOf(port: number, { server, gateway: { origin } }: BoundServer): string {
  return secureGatewayRoutes(port, server.port.name, origin.name, origin.namespace);
}
