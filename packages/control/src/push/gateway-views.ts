/** Listeners and routes of gateway workloads. */
import { toBinary } from "@bufbuild/protobuf";
import { matchesLabels } from "@tulle/api";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { VirtualHostSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import { encodeResource } from "@tulle/xds";
import type { EncodedResource } from "@tulle/xds";
import type { RateLimitRule } from "../model/rate-limit.ts";
import type { FallbackIndex } from "../model/fallback.ts";
import type { BoundServer, GatewayHost, GatewayPort, GatewayRule } from "../model/gateway.ts";
import { gatewayHosts, gatewaysOf, serverNames, serversByPort } from "../model/gateway.ts";
import type { MeshSettings } from "../model/mesh-settings.ts";
import type { MeshService } from "../model/service.ts";
import { rememberLast } from "../model/sharing.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { VirtualServiceRule } from "../model/virtual-service.ts";
import type { Bind, ProxyNode } from "../source/registration/node.ts";
import type { Capabilities } from "../translate/data-plane.ts";
import { gatewayDomains } from "../translate/domains.ts";
import { gatewayListener, secureGatewayListener } from "../translate/listeners.ts";
import type { SecureServer } from "../translate/listeners.ts";
import { gatewayRoutes, secureGatewayRoutes, virtualHostName, virtualHostResource } from "../translate/names.ts";
import { gatewayTls } from "../translate/security/gateway-tls.ts";
import { translateRouteConfiguration } from "../translate/routes.ts";
import type { VirtualHostInput } from "../translate/virtual-hosts.ts";
import { blackhole, translateVirtualHost } from "../translate/virtual-hosts.ts";
import type { AccessLogs } from "./access-logs.ts";
import { accessLogsOf } from "./access-logs.ts";
import type { Authorization } from "./authorization.ts";
import { authorizationOf, gatewayPort } from "./authorization.ts";
import { fallbackKey, fallbacksOf, redirectHosts } from "./fallbacks.ts";
import type { Tokens } from "./tokens.ts";
import { tokensOf } from "./tokens.ts";
import { rateLimitsOf } from "./rate-limits.ts";
import type { HashRules } from "./hash-rules.ts";
import { hashRulesOf } from "./hash-rules.ts";
import { pick } from "./route-views.ts";
import type { RouteCaches, RouteView } from "./route-views.ts";

type GatewayNode = Pick<ProxyNode, "namespace" | "labels" | "gatewayPorts" | "secrets">;

export interface GatewayView {
  readonly listeners: readonly EncodedResource[];
  readonly routes: readonly RouteView[];
}

export class GatewayViews {
  readonly #node: GatewayNode;
  readonly #capabilities: Capabilities;
  readonly #caches: RouteCaches;
  readonly #hashRules: ReturnType<typeof hashRulesOf>;
  readonly #accessLogs: ReturnType<typeof accessLogsOf>;
  readonly #rateLimits: ReturnType<typeof rateLimitsOf>;
  readonly #authorization: ReturnType<typeof authorizationOf>;
  readonly #tokens = tokensOf(true);

  constructor(node: GatewayNode, capabilities: Capabilities, caches: RouteCaches) {
    this.#node = node;
    this.#capabilities = capabilities;
    this.#caches = caches;
    this.#hashRules = hashRulesOf(node);
    this.#accessLogs = accessLogsOf(node);
    this.#rateLimits = rateLimitsOf(node);
    this.#authorization = authorizationOf(capabilities);
  }

  view(snapshot: Snapshot, forwards: boolean): GatewayView {
    const servers = this.#servers(snapshot.gateways);
    return {
      listeners: this.#listeners(
        servers,
        snapshot.services,
        snapshot.mesh,
        this.#accessLogs(snapshot),
        forwards,
        this.#rateLimits(snapshot),
        this.#authorization(snapshot, this.#node),
        this.#tokens(snapshot, this.#node),
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

  readonly #listeners = rememberLast(
    (
      ports: ReadonlyMap<number, GatewayPort>,
      services: readonly MeshService[],
      mesh: MeshSettings,
      accessLogs: AccessLogs,
      forwards: boolean,
      rateLimits: readonly RateLimitRule[],
      authorized: Authorization,
      tokens: Tokens | undefined,
    ): readonly EncodedResource[] =>
      [...ports].flatMap(([port, { secure, servers }]) => {
        const [first] = servers;
        const bind = this.#bind(port, services);
        const input = {
          bind,
          port,
          origin: first!.gateway.origin,
          field: `spec.servers[${first!.index}]`,
          mesh,
          accessLogs: accessLogs.CLIENT,
          capabilities: this.#capabilities,
          forwards,
          rateLimits,
          ...(tokens === undefined ? {} : { tokens: tokens.filter }),
          ...(authorized === undefined ? {} : { authorization: { ...authorized, port: gatewayPort(port, bind.port) } }),
        };
        const secured = secure ? this.#secureServers(port, servers, mesh) : [];
        if (secure && secured.length === 0) return [];
        const listener = secure
          ? secureGatewayListener({ ...input, servers: secured })
          : gatewayListener({ ...input, routes: gatewayRoutes(port) });
        return [encodeResource(listener.name, ListenerSchema, listener)];
      }),
  );

  #secureServers(port: number, servers: readonly BoundServer[], mesh: MeshSettings): readonly SecureServer[] {
    return serverNames(servers).flatMap(({ bound, names }) => {
      const socket = gatewayTls(bound.server.tls ?? {}, this.#node.secrets, mesh);
      return socket === undefined ? [] : [{ names, routes: routesOf(port, bound), socket }];
    });
  }

  /** A Gateway names the port of the gateway's Service; the workload listens on the target port. */
  #bind(port: number, services: readonly MeshService[]): Bind {
    const asked = this.#node.gatewayPorts.get(port);
    if (asked !== undefined) return asked;
    const { namespace, labels } = this.#node;
    const own = services.filter(
      (service) =>
        service.namespace === namespace && service.selector !== undefined && matchesLabels(service.selector, labels),
    );
    const target = own.flatMap(({ ports }) => ports).find(({ number }) => number === port)?.targetPort;
    return { address: "0.0.0.0", port: typeof target === "number" ? target : port };
  }

  readonly #routes = rememberLast(
    (
      ports: ReadonlyMap<number, GatewayPort>,
      rules: readonly VirtualServiceRule[],
      services: ReadonlyMap<string, MeshService>,
      hashing: HashRules,
      mesh: MeshSettings,
      index: FallbackIndex,
    ): readonly RouteView[] =>
      [...ports].flatMap(([port, { secure, servers }]) => {
        const view = (name: string, bound: readonly BoundServer[]): RouteView => {
          const hosts = gatewayHosts(bound, rules, this.#node);
          return this.#routeView(
            name,
            port,
            hosts.map((host) => this.#input(port, host, services, hashing, mesh, index)),
          );
        };
        if (!secure) return [view(gatewayRoutes(port), servers)];
        const byName = Map.groupBy(serverNames(servers), ({ bound }) => routesOf(port, bound));
        return [...byName].map(([name, same]) =>
          view(
            name,
            same.map(({ bound }) => bound),
          ),
        );
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

function routesOf(port: number, { server, gateway: { origin } }: BoundServer): string {
  return secureGatewayRoutes(port, server.port.name, origin.name, origin.namespace);
}
