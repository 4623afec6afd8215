/**
 * What all clients of one class see of the mesh: its services as clusters and endpoints. A class is a namespace, a kind of data
 * plane and the labels by which rules tell clients apart. Each step is remembered with the parts of the snapshot that it
 * reads: a change redoes the steps that read what changed, and encodes what really is new.
 */
import { isVisibleTo, MESH_GATEWAY } from "@tulle/api";
import type { Labels } from "@tulle/api";
import { ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import type { ClusterLoadAssignment } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { encodeResource, resourceSet, TYPE } from "@tulle/xds";
import type { EncodedResource, ResourceSet } from "@tulle/xds";
import type { DestinationRuleIndex, MergedDestinationRule, MergedSubset } from "../model/destination-rule.ts";
import type { EndpointIndex, MeshEndpoint } from "../model/endpoints.ts";
import { HostIndex } from "../model/host-index.ts";
import type { MeshSettings } from "../model/mesh-settings.ts";
import type { MeshService, ServicePort } from "../model/service.ts";
import { httpCarrier } from "../model/service.ts";
import type { OutboundPolicy } from "../model/outbound-policy.ts";
import { outboundPolicy } from "../model/outbound-policy.ts";
import type { Scope } from "../model/scope.ts";
import { listenerFor, scopeOf, wholeScope } from "../model/scope.ts";
import { rememberByObject, rememberLast, shareList } from "../model/sharing.ts";
import type { SidecarRule } from "../model/sidecar.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { VirtualServiceRule } from "../model/virtual-service.ts";
import { visibleRules } from "../model/virtual-service.ts";
import { effectivePolicy } from "../model/traffic-policy.ts";
import { blackHoleCluster, discoveryOf, passthroughCluster, translateOutboundCluster } from "../translate/clusters.ts";
import type { Capabilities, Discovery } from "../translate/data-plane.ts";
import { collectorHosts, grpcCollectors } from "../model/tracing.ts";
import { grpcAuthorizers } from "../translate/security/external-authorizers.ts";
import type { LoadAssignmentInput } from "../translate/endpoints.ts";
import { translateLoadAssignment } from "../translate/endpoints.ts";
import type { LocalityBalancing } from "../translate/locality.ts";
import { asksLocality, localityBalancing, rankingLabels } from "../translate/locality.ts";
import { usualCluster } from "../translate/connections.ts";
import { bytesCluster, sniCluster, outboundCluster } from "../translate/names.ts";
import { connectionSettings } from "../model/connection-settings.ts";
import type { ConnectionSettings } from "../model/connection-settings.ts";
import { rememberConnectionRules } from "../model/connection-route.ts";
import type { ConnectionRules, TcpDestination } from "../model/connection-route.ts";
import type { AutoAddresses } from "../model/auto-addresses.ts";
import type { CapturedPorts } from "./captured-resources.ts";
import { capturedPorts, nameTableOf } from "./captured-resources.ts";
import type { EncodedCache } from "./encoded-cache.ts";

const NO_ACCOUNTS: readonly string[] = [];
const NO_ENDPOINTS: readonly MeshEndpoint[] = [];

export interface ClientClass {
  readonly namespace: string;
  readonly capabilities: Capabilities;
  /** Only those that some rule asks for. */
  readonly labels: Labels;
  /** `region/zone/subzone`; "" if it makes no difference. */
  readonly locality: string;
  /** The Sidecar object that says what it sees; "" if there is none. */
  readonly sidecar: string;
  /** The proxies' cluster for certificates; undefined: they have none. */
  readonly secrets: string | undefined;
  readonly atGateway: boolean;
  /** Has local ports, or servers, for what is not read as HTTP. */
  readonly carriesBytes: boolean;
  /** Has servers that pass on what clients of the mesh ask for (AUTO_PASSTHROUGH). */
  readonly passesOn: boolean;
}

/** A cluster before it is encoded. */
interface ClusterPlan {
  readonly name: string;
  readonly service: MeshService;
  readonly port: ServicePort;
  readonly rule: MergedDestinationRule | undefined;
  readonly subset: MergedSubset | undefined;
  readonly discovery: Discovery;
  readonly balancing: LocalityBalancing | undefined;
  readonly withUnhealthy: boolean;
  /** For bytes to a port that carries HTTP as well: the endpoints are those of the cluster before it. */
  readonly bytes: boolean;
  /** For connections that a gateway passes on: likewise. */
  readonly passedOn: boolean;
}

/** What requests to one port of the client may reach. */
export interface EgressView {
  /** Whether the port is that of an HTTP proxy. */
  readonly isProxy: boolean;
  readonly services: readonly MeshService[];
  readonly rules: MeshRules;
}

/** What is made once for all classes that need the same. */
export interface MeshCaches {
  readonly resources: EncodedCache<EncodedResource>;
  /** Of clusters whose endpoints are part of them. */
  readonly assignments: EncodedCache<ClusterLoadAssignment>;
}

/** Rules for sidecars that one listener of the class sees, and which one a host belongs to. */
export interface MeshRules {
  readonly rules: readonly VirtualServiceRule[];
  readonly index: HostIndex<VirtualServiceRule>;
}

export class MeshView {
  readonly client: ClientClass;
  readonly #caches: MeshCaches;
  #snapshot: Snapshot;
  #services: readonly MeshService[] | undefined;
  #looked: readonly (readonly MeshEndpoint[])[] = [];
  #accounts: readonly (readonly string[])[] = [];
  #clusterSet: ResourceSet | undefined;
  #endpointSet: ResourceSet | undefined;
  readonly #assignments = new WeakMap<
    ClusterPlan,
    { readonly endpoints: readonly MeshEndpoint[]; readonly resource: EncodedResource }
  >();

  constructor(client: ClientClass, snapshot: Snapshot, caches: MeshCaches) {
    this.client = client;
    this.#caches = caches;
    this.#snapshot = snapshot;
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Moves on to a newer snapshot. */
  advance(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
  }

  /** All services that the class sees, those of one host once. */
  get services(): readonly MeshService[] {
    this.#services = shareList(this.#services, this.scope.services);
    return this.#services;
  }

  /** Ports of a service that the class sees and this data plane can carry HTTP to. */
  httpPorts(service: MeshService): readonly ServicePort[] {
    const seen = this.scope.ports.get(service);
    return service.ports.filter(({ protocol, number }) => {
      const carrier = httpCarrier(protocol);
      const carried = carrier !== undefined && this.client.capabilities.carriers.includes(carrier);
      return carried && seen?.has(number) !== false;
    });
  }

  /** All that the class sees, whatever is spoken there, as far as it travels over TCP. */
  tcpPorts(service: MeshService): readonly ServicePort[] {
    const seen = this.scope.ports.get(service);
    return service.ports.filter(({ protocol, number }) => protocol !== "UDP" && seen?.has(number) !== false);
  }

  /** Services of extension providers that spans are sent to, as far as the class sees them, by host. */
  get collectors(): ReadonlyMap<string, MeshService> {
    return this.#collectors(this.services, this.#snapshot.mesh);
  }

  readonly #collectors = rememberLast((services: readonly MeshService[], mesh: MeshSettings) => {
    const hosts = collectorHosts(mesh);
    this.#collecting = shareList(
      this.#collecting,
      hosts.size === 0 ? [] : services.filter(({ host }) => hosts.has(host)),
    );
    return this.#byHost(this.#collecting);
  });
  #collecting: readonly MeshService[] = [];
  readonly #byHost = rememberLast(
    (services: readonly MeshService[]): ReadonlyMap<string, MeshService> =>
      new Map(services.map((service) => [service.host, service])),
  );

  /** Where captured connections are expected, and by which names. */
  get captured(): CapturedPorts {
    return this.#captured(this.services, this.#snapshot.autoAddresses, this.scope.ports);
  }

  get names(): ResourceSet {
    return this.#names(this.services, this.#snapshot.autoAddresses, this.scope.ports);
  }

  readonly #captured = rememberLast(
    (services: readonly MeshService[], auto: AutoAddresses, _ports: Scope["ports"]): CapturedPorts =>
      capturedPorts(services, auto, (service) => this.tcpPorts(service), this.client.capabilities),
  );
  readonly #names = nameTableOf();

  get sidecar(): SidecarRule | undefined {
    return this.#snapshot.sidecars.get(this.client.sidecar);
  }

  /** What its Sidecar lets it see of what is exported to its namespace. */
  get scope(): Scope {
    const { services, virtualServices } = this.#snapshot;
    return this.#scope(this.#visible(services), this.#visibleRules(virtualServices), this.sidecar);
  }

  /** Undefined if requests to the port reach nothing that is known. Port 0 is the HTTP proxy's, which is no port's in particular. */
  egress(port: number): EgressView | undefined {
    const listener = listenerFor(this.scope, port);
    if (listener === undefined) return undefined;
    const { isProxy, services, rules } = listener;
    return { isProxy: isProxy || port === 0, services, rules: rulesByHost(rules) };
  }

  /** Whether some request goes where it says itself. */
  get forwards(): boolean {
    return this.#forwards(this.#clusterPlans, this.outbound);
  }

  readonly #forwards = rememberLast(
    (plans: readonly ClusterPlan[], { type }: OutboundPolicy) =>
      (type === "pass" && !this.client.capabilities.captured) ||
      plans.some(({ discovery }) => discovery === "by request"),
  );

  /** What becomes of requests to hosts that it does not know. */
  get outbound(): OutboundPolicy {
    const { mesh, options } = this.#snapshot;
    return this.#outbound(mesh, this.sidecar, options.domain);
  }

  get clusters(): ResourceSet {
    const { endpoints, mesh } = this.#snapshot;
    const plans = this.#clusterPlans;
    this.#looked = shareList(
      this.#looked,
      plans.flatMap((plan) => (looksUp(plan) ? [endpointsAt(plan, endpoints)] : [])),
    );
    if (this.client.secrets !== undefined) {
      this.#accounts = shareList(
        this.#accounts,
        plans.map(({ service }) => endpoints.get(service.host)?.accounts ?? NO_ACCOUNTS),
      );
    }
    return this.#clusters(plans, mesh, this.#looked, this.#accounts);
  }

  get endpoints(): ResourceSet {
    return this.#endpoints(this.#clusterPlans, this.#snapshot.endpoints);
  }

  get #clusterPlans(): readonly ClusterPlan[] {
    return this.#plans(this.services, this.#snapshot.destinationRuleIndex, this.#snapshot.mesh, this.scope.ports);
  }

  readonly #visible = rememberLast((services: readonly MeshService[]) =>
    services.filter(({ visibility }) => isVisibleTo(visibility, this.client.namespace)),
  );

  /** What VirtualServices say of connections that are not read as HTTP. */
  get connectionRules(): ConnectionRules {
    const { serviceByHost, options } = this.#snapshot;
    const imported = new Set(this.scope.listeners.flatMap(({ rules }) => rules));
    return this.#connectionRules([...imported], serviceByHost, options.domain);
  }

  readonly #connectionRules = rememberConnectionRules();

  /** What is said of connections to destinations; the same function while no rule and no service changes. */
  get settingsOf(): (destinations: readonly TcpDestination[]) => ConnectionSettings {
    return this.#settingsOf(this.#snapshot.serviceByHost, this.#snapshot.destinationRuleIndex);
  }

  readonly #settingsOf = rememberLast(
    (services: Snapshot["serviceByHost"], rules: DestinationRuleIndex) =>
      (destinations: readonly TcpDestination[]): ConnectionSettings =>
        connectionSettings(destinations, services, rules, this.client),
  );

  /** The cluster for bytes to a destination; the same function while no cluster comes or goes. */
  get clusterOf(): (destination: TcpDestination) => string {
    return this.#clusterOf(this.#clusterPlans);
  }

  readonly #clusterOf = rememberLast((plans: readonly ClusterPlan[]) => {
    const names = new Set(plans.filter(({ bytes }) => bytes).map(({ name }) => name));
    return (destination: TcpDestination): string => {
      const name = bytesCluster(destination.port, destination.subset, destination.host);
      return names.has(name) ? name : usualCluster(destination);
    };
  });

  /** Where a gateway passes on what clients of the mesh ask for. */
  get passedOn(): readonly TcpDestination[] {
    return this.#passedOn(this.#clusterPlans);
  }

  readonly #passedOn = rememberLast((plans: readonly ClusterPlan[]): readonly TcpDestination[] =>
    plans.flatMap(({ passedOn, service: { host }, port, subset }) =>
      passedOn ? [{ host, port: port.number, subset: subset?.subset.name ?? "", weight: 1 }] : [],
    ),
  );

  readonly #visibleRules = rememberLast((all: readonly VirtualServiceRule[]) =>
    visibleRules(all, this.client.namespace, MESH_GATEWAY),
  );

  #lastScope: Scope | undefined;
  readonly #scope = rememberLast(
    (
      services: readonly MeshService[],
      rules: readonly VirtualServiceRule[],
      sidecar: SidecarRule | undefined,
    ): Scope => {
      this.#lastScope =
        sidecar === undefined
          ? wholeScope(services, rules)
          : scopeOf(sidecar, this.client.namespace, services, rules, this.#lastScope);
      return this.#lastScope;
    },
  );

  readonly #outbound = rememberLast(outboundPolicy);

  readonly #plans = rememberLast(
    (
      services: readonly MeshService[],
      index: DestinationRuleIndex,
      mesh: MeshSettings,
      _ports: Scope["ports"],
    ): readonly ClusterPlan[] => {
      const { namespace, labels, capabilities, carriesBytes, passesOn } = this.client;
      const all = capabilities.captured || carriesBytes;
      const asked = new Set([
        ...(capabilities.security.has("external authorization by gRPC") ? grpcAuthorizers(mesh) : []),
        ...(capabilities.httpFeatures.has("tracing") ? grpcCollectors(mesh) : []),
      ]);
      return services.flatMap((service) => {
        const rule = index.find(service, namespace, labels);
        const http = this.httpPorts(service);
        const ports = all
          ? this.tcpPorts(service)
          : asked.size === 0
            ? http
            : service.ports.filter((port) => http.includes(port) || asked.has(`${service.host}:${port.number}`));
        return ports.flatMap((port) =>
          [undefined, ...(rule?.subsets ?? [])].flatMap((subset): ClusterPlan[] => {
            const name = outboundCluster(port.number, subset?.subset.name ?? "", service.host);
            const policy = effectivePolicy(rule, subset, port.number, mesh.config.defaultTrafficPolicy);
            const discovery = discoveryOf(service, policy, capabilities);
            if (discovery === undefined) return [];
            const balancing = capabilities.clusterFeatures.has("localities")
              ? localityBalancing(policy, mesh)
              : undefined;
            const withUnhealthy = (policy.outlierDetection?.minHealthPercent ?? 0) === 0;
            const plan = { name, service, port, rule, subset, discovery, balancing, withUnhealthy };
            const all = [{ ...plan, bytes: false, passedOn: false }];
            const subsetName = subset?.subset.name ?? "";
            if (this.#tellsBytes(port, discovery)) {
              const own = bytesCluster(port.number, subsetName, service.host);
              all.push({ ...plan, name: own, bytes: true, passedOn: false });
            }
            // (istio/istio `cluster.go` buildOutboundSniDnatClusters)
            if (passesOn && !service.external) {
              const own = sniCluster(port.number, subsetName, service.host);
              all.push({ ...plan, name: own, bytes: false, passedOn: true });
            }
            return all;
          }),
        );
      });
    },
  );

  /** Whether servers are to be told whether HTTP comes: where it is found out, and they could not find it out again. */
  #tellsBytes({ protocol }: ServicePort, discovery: Discovery): boolean {
    const { capabilities, secrets, carriesBytes } = this.client;
    const carries = capabilities.captured || carriesBytes;
    return carries && secrets !== undefined && protocol === "AUTO" && discovery === "eds";
  }

  /** `looked` are the endpoints of the plans that do not get them by EDS, in order; `accounts` who answers, of all plans if it matters. */
  readonly #clusters = rememberLast(
    (
      plans: readonly ClusterPlan[],
      mesh: MeshSettings,
      looked: readonly (readonly MeshEndpoint[])[],
      accountsOf: readonly (readonly string[])[],
    ): ResourceSet => {
      const { capabilities, secrets } = this.client;
      const rest = looked.values();
      const resources = plans.flatMap((plan, index): EncodedResource[] => {
        const { name, service, port, rule, subset, discovery } = plan;
        const accounts = accountsOf[index] ?? NO_ACCOUNTS;
        // Only rules name credentials.
        const atGateway = this.client.atGateway && rule !== undefined;
        const assignment = looksUp(plan) ? this.#assignment(plan, rest.next().value ?? NO_ENDPOINTS) : undefined;
        // Envoy refuses a cluster that looks up nothing.
        if (assignment?.endpoints.length === 0) return [];
        const input = {
          service,
          port,
          rule,
          subset,
          mesh,
          capabilities,
          discovery,
          assignment,
          secrets,
          accounts,
          atGateway,
          bytesName: plan.bytes || plan.passedOn ? name : undefined,
          passedOn: plan.passedOn,
        };
        const place = assignment === undefined ? "" : ` ${this.client.locality} ${JSON.stringify(this.client.labels)}`;
        return [
          this.#caches.resources.get(service, clusterVariant(name, this.client, rule) + place, input, (full) =>
            encodeResource(name, ClusterSchema, translateOutboundCluster(full)),
          ),
        ];
      });
      this.#clusterSet = resourceSet(TYPE.cluster, [...resources, ...this.#fixed(mesh)], this.#clusterSet);
      return this.#clusterSet;
    },
  );

  /** Clusters that are there whatever services there are. */
  #fixed(mesh: MeshSettings): readonly EncodedResource[] {
    const { capabilities } = this.client;
    if (capabilities.apiListeners) return [];
    const kinds =
      capabilities.captured || capabilities.discoveries.has("by request")
        ? [blackHoleCluster, passthroughCluster]
        : [blackHoleCluster];
    return kinds.map((kind) =>
      this.#caches.resources.get(mesh, `${kind.name} ${capabilities.id}`, { mesh, capabilities }, (full) => {
        const cluster = kind(full);
        return encodeResource(cluster.name, ClusterSchema, cluster);
      }),
    );
  }

  #assignment(plan: ClusterPlan, endpoints: readonly MeshEndpoint[]): ClusterLoadAssignment {
    const input = this.#assignmentInput(plan, endpoints, true);
    return this.#caches.assignments.get(plan.service, endpointsVariant(input), input, translateLoadAssignment);
  }

  readonly #endpoints = rememberLast((plans: readonly ClusterPlan[], index: EndpointIndex): ResourceSet => {
    const resources = plans.flatMap((plan): EncodedResource[] => {
      if (plan.discovery !== "eds" || plan.bytes || plan.passedOn) return [];
      const { name, service } = plan;
      const endpoints = endpointsAt(plan, index);
      // Most assignments are the ones of before: looking here first is what keeps a change of one endpoint cheap.
      const before = this.#assignments.get(plan);
      if (before?.endpoints === endpoints) return [before.resource];
      const input = this.#assignmentInput(plan, endpoints, index.get(service.host)?.hasLocality === true);
      const resource = this.#caches.resources.get(service, endpointsVariant(input), input, (full) =>
        encodeResource(name, ClusterLoadAssignmentSchema, translateLoadAssignment(full)),
      );
      this.#assignments.set(plan, { endpoints, resource });
      return [resource];
    });
    this.#endpointSet = resourceSet(TYPE.endpoints, resources, this.#endpointSet);
    return this.#endpointSet;
  });

  /** Of the client it has only what makes a difference, so that all other clients share what comes of it. */
  #assignmentInput(
    { name, subset, balancing, withUnhealthy }: ClusterPlan,
    endpoints: readonly MeshEndpoint[],
    hasLocality: boolean,
  ): LoadAssignmentInput {
    const { capabilities, locality, labels } = this.client;
    return {
      cluster: name,
      endpoints,
      labels: subset?.subset.labels,
      withUnhealthy,
      localities: capabilities.clusterFeatures.has("localities"),
      balancing,
      locality: balancing !== undefined && hasLocality && asksLocality(balancing) ? locality : "",
      ranking: balancing === undefined ? NO_RANKING : rankingLabels(balancing).map((label) => labels[label] ?? ""),
    };
  }
}

const NO_RANKING: readonly string[] = [];

const rulesByHost = rememberByObject((all: readonly VirtualServiceRule[]): MeshRules => {
  const rules = all.filter(({ hasHttp }) => hasHttp);
  return { rules, index: new HostIndex(rules, ({ hosts }) => hosts) };
});

/** Whether its endpoints are names in the cluster itself. */
function looksUp({ discovery }: ClusterPlan): boolean {
  return discovery === "strict-dns" || discovery === "logical-dns";
}

function endpointsAt({ service, port }: ClusterPlan, index: EndpointIndex): readonly MeshEndpoint[] {
  return index.get(service.host)?.byPort.get(port.number) ?? NO_ENDPOINTS;
}

/** Classes that see different rules must not push each other out of the cache. */
function clusterVariant(
  name: string,
  { capabilities: { id }, secrets = "", atGateway }: ClientClass,
  rule: MergedDestinationRule | undefined,
): string {
  const rules = (rule?.rules ?? []).map(({ origin }) => `${origin.namespace}/${origin.name}`);
  return `cluster ${id} ${secrets} ${atGateway && rules.length > 0 ? "gateway" : ""} ${name} ${rules.join()}`;
}

/** Nor classes in different places. */
function endpointsVariant({ cluster, localities, balancing, locality, ranking }: LoadAssignmentInput): string {
  const kind = `${localities ? "places" : ""} ${balancing === undefined ? "" : "balanced"}`;
  return `endpoints ${cluster} ${kind} ${locality} ${ranking.join()}`;
}
