/**
 * Everything the mesh knows at one moment, with Istio's references resolved. Immutable; a new snapshot shares with the one
 * before it whatever did not change, down to single services and rules, so that a change costs what changed.
 */
import { isKind } from "@tulle/api";
import { delegateResolver } from "./delegation.ts";
import type { DestinationRuleRule } from "./destination-rule.ts";
import { DestinationRuleIndex, destinationRuleOf, localitySettings } from "./destination-rule.ts";
import type { AuthorizationRule } from "./authorization.ts";
import { authorizationOf } from "./authorization.ts";
import type { AutoAddresses } from "./auto-addresses.ts";
import { autoAddresses } from "./auto-addresses.ts";
import type { AutoRegistered, WorkloadGroups } from "./auto-registration.ts";
import { autoRegistered, workloadGroups } from "./auto-registration.ts";
import type { EndpointIndex } from "./endpoints.ts";
import { indexEndpoints } from "./endpoints.ts";
import type { Cluster, EndpointList } from "./endpoint-slices.ts";
import { endpointListOf } from "./endpoint-slices.ts";
import type { EnvoyFilterRule } from "./envoy-filter.ts";
import { envoyFilterOf } from "./envoy-filter.ts";
import type { FallbackRule } from "./fallback.ts";
import { FallbackIndex, fallbackOf } from "./fallback.ts";
import type { GatewayRule } from "./gateway.ts";
import { gatewayOf } from "./gateway.ts";
import { implicitServices } from "./implicit-services.ts";
import { withIngress } from "./ingress.ts";
import type { Issuers } from "./issuers.ts";
import { NO_ISSUERS } from "./issuers.ts";
import { localityOfLabels, localityOfNode } from "./locality.ts";
import type { MeshSettings } from "./mesh-settings.ts";
import { meshSettings } from "./mesh-settings.ts";
import type { PeerAuthenticationRule } from "./peer-authentication.ts";
import { peerAuthenticationOf, PeerAuthentications } from "./peer-authentication.ts";
import type { RequestAuthenticationRule } from "./request-authentication.ts";
import { requestAuthenticationOf } from "./request-authentication.ts";
import type { RateLimitRule } from "./rate-limit.ts";
import { rateLimitOf } from "./rate-limit.ts";
import type { Credentials } from "./secret.ts";
import { credentialOf } from "./secret.ts";
import type { MeshService } from "./service.ts";
import { servicesOf } from "./service.ts";
import { rememberByObject, rememberLast, shareList } from "./sharing.ts";
import type { SidecarRule } from "./sidecar.ts";
import { SidecarIndex, sidecarOf } from "./sidecar.ts";
import type { StoredObject } from "./stored-object.ts";
import { compareCreation, compareText } from "./stored-object.ts";
import type { TelemetryRule } from "./telemetry.ts";
import { telemetryOf } from "./telemetry.ts";
import type { VirtualServiceRule } from "./virtual-service.ts";
import { virtualServiceOf } from "./virtual-service.ts";
import type { EntryMember } from "./workload-entry.ts";
import { memberOfEntry, memberOfPod } from "./workload-entry.ts";
import type { Workload } from "./workload.ts";
import { serviceAccount } from "./workload.ts";

export interface MeshOptions {
  /** DNS suffix of services: `cluster.local`. */
  readonly domain: string;
  /** Namespace whose rules are for the whole mesh: `istio-system`. */
  readonly rootNamespace: string;
  /** See MeshSettings. Default false. */
  readonly collectsTraces?: boolean;
}

export interface SnapshotInput {
  readonly objects: readonly StoredObject[];
  readonly workloads: readonly Workload[];
  /** Default: none has said anything. */
  readonly issuers?: Issuers;
}

export interface Snapshot extends SnapshotInput {
  readonly options: MeshOptions;
  readonly mesh: MeshSettings;
  /** In order of host. */
  readonly services: readonly MeshService[];
  readonly serviceByHost: ReadonlyMap<string, MeshService>;
  /** Of services that have no address of their own. */
  readonly autoAddresses: AutoAddresses;
  /** Services by the object that they come from which lost their host to an older object. */
  readonly shadowedServices: ReadonlyMap<MeshService, MeshService>;
  /** Oldest first, as the next two. */
  readonly virtualServices: readonly VirtualServiceRule[];
  readonly destinationRules: readonly DestinationRuleRule[];
  readonly gateways: readonly GatewayRule[];
  readonly telemetries: readonly TelemetryRule[];
  readonly destinationRuleIndex: DestinationRuleIndex;
  readonly fallbacks: readonly FallbackRule[];
  readonly fallbackIndex: FallbackIndex;
  readonly rateLimits: readonly RateLimitRule[];
  readonly envoyFilters: readonly EnvoyFilterRule[];
  readonly authorizations: readonly AuthorizationRule[];
  readonly credentials: Credentials;
  readonly requestAuthentications: readonly RequestAuthenticationRule[];
  readonly issuers: Issuers;
  readonly peerRules: readonly PeerAuthenticationRule[];
  readonly peers: PeerAuthentications;
  /** Oldest first. */
  readonly sidecarRules: readonly SidecarRule[];
  readonly sidecars: SidecarIndex;
  readonly endpoints: EndpointIndex;
  readonly workloadGroups: WorkloadGroups;
  /** Objects that follow from registrations, as if somebody had written them. */
  readonly generated: readonly StoredObject[];
  /** Label keys by which rules tell client workloads apart. */
  readonly clientLabelKeys: readonly string[];
  /** Whether it makes a difference where a client is. */
  readonly localitiesMatter: boolean;
}

/** Builds snapshots, each from the one before it. Each part is redone only if the objects that it is made of changed. */
export class SnapshotBuilder {
  readonly #options: MeshOptions;
  #byKind: ReadonlyMap<string, readonly StoredObject[]> = new Map();
  #current: Snapshot | undefined;

  constructor(options: MeshOptions) {
    this.#options = options;
  }

  next({ objects, workloads, issuers = NO_ISSUERS }: SnapshotInput): Snapshot {
    const before = this.#current;
    if (objects !== before?.objects) this.#byKind = partition(objects, this.#byKind);
    const mesh = this.#mesh(this.#ofKind("/ConfigMap"));
    const { services: declared, shadowed } = this.#declared(
      this.#servicesOf(mesh.config.defaultServiceExportTo),
      this.#ofKind("/Service"),
      this.#ofKind(SERVICE_ENTRY),
    );
    const groups = this.#workloadGroups(this.#ofKind(WORKLOAD_GROUP));
    const sidecarRules = this.#sidecarRules(this.#ofKind(SIDECAR));
    const sidecars = this.#sidecars(sidecarRules);
    const joined = this.#registered(groups, workloads, this.#ofKind(WORKLOAD_ENTRY));
    const registered = this.#listening(joined, sidecars);
    const services = this.#services(declared, this.#implicit(registered.workloads, declared));
    const { defaultVirtualServiceExportTo, defaultDestinationRuleExportTo } = mesh.config;
    const virtualServices = this.#virtualServices(
      this.#virtualServiceOf(defaultVirtualServiceExportTo),
      this.#ofKind(VIRTUAL_SERVICE),
    );
    const destinationRules = this.#destinationRules(
      this.#destinationRuleOf(defaultDestinationRuleExportTo),
      this.#ofKind(DESTINATION_RULE),
    );
    const fallbacks = this.#fallbacks(this.#ofKind(FALLBACK));
    const cluster = this.#cluster(this.#ofKind("/Pod"), this.#ofKind("/Node"));
    const lists = this.#endpointLists(cluster, this.#ofKind(ENDPOINT_SLICE), this.#ofKind("/Endpoints"));
    const entries = this.#entries(cluster, this.#ofKind(WORKLOAD_ENTRY), this.#ofKind("/Pod"), registered);
    const peerRules = this.#peerRules(this.#ofKind(PEER_AUTHENTICATION));
    const peers = this.#peers(peerRules);
    const endpoints = this.#endpoints(services, registered.workloads, lists, entries, peers);
    this.#current = {
      options: this.#options,
      mesh,
      objects,
      workloads,
      services,
      serviceByHost: this.#serviceByHost(services),
      autoAddresses: this.#autoAddresses(services),
      shadowedServices: shadowed,
      virtualServices,
      destinationRules,
      gateways: this.#gateways(this.#ofKind(GATEWAY)),
      telemetries: this.#telemetries(this.#ofKind(TELEMETRY)),
      destinationRuleIndex: this.#destinationRuleIndex(destinationRules),
      fallbacks,
      fallbackIndex: this.#fallbackIndex(fallbacks),
      rateLimits: this.#rateLimits(this.#ofKind(RATE_LIMIT)),
      envoyFilters: this.#envoyFilters(this.#ofKind(ENVOY_FILTER)),
      peerRules,
      peers,
      credentials: this.#credentials(this.#ofKind("/Secret")),
      issuers,
      requestAuthentications: this.#requestAuthentications(this.#ofKind(REQUEST_AUTHENTICATION)),
      authorizations: this.#authorizations(this.#ofKind(AUTHORIZATION_POLICY)),
      sidecarRules,
      sidecars,
      endpoints,
      workloadGroups: groups,
      generated: this.#generated(registered),
      clientLabelKeys: shareList(
        before?.clientLabelKeys,
        this.#clientLabelKeys(virtualServices, destinationRules, mesh),
      ),
      localitiesMatter: this.#localitiesMatter(endpoints, destinationRules, mesh),
    };
    return this.#current;
  }

  #ofKind(kind: string): readonly StoredObject[] {
    return this.#byKind.get(kind) ?? NONE;
  }

  readonly #mesh = rememberLast((configMaps: readonly StoredObject[]) =>
    meshSettings(configMaps, this.#options.rootNamespace, this.#options.collectsTraces ?? false),
  );

  readonly #servicesOf = rememberLast((exportTo: ExportTo) =>
    rememberByObject((stored: StoredObject) => servicesOf(stored, this.#options.domain, exportTo)),
  );

  /** One service a host: a Service before a ServiceEntry, then the older, as in Istio's registry. */
  readonly #declared = rememberLast(
    (
      servicesOfObject: (stored: StoredObject) => readonly MeshService[],
      kube: readonly StoredObject[],
      entries: readonly StoredObject[],
    ) => {
      const byHost = new Map<string, MeshService>();
      const shadowed = new Map<MeshService, MeshService>();
      for (const objects of [kube, entries]) {
        const found = objects.flatMap((stored) =>
          servicesOfObject(stored).map((service) => ({
            service,
            createdAt: stored.createdAt,
            origin: service.origin,
          })),
        );
        for (const { service } of found.sort(compareCreation)) {
          const winner = byHost.get(service.host);
          if (winner === undefined) byHost.set(service.host, service);
          else shadowed.set(service, winner);
        }
      }
      return { services: [...byHost.values()], shadowed };
    },
  );

  readonly #implicit = rememberLast((workloads: readonly Workload[], declared: readonly MeshService[]) => {
    const before = (this.#current?.services ?? []).filter(({ implicit }) => implicit);
    const known = new Map(before.map((service) => [service.host, service]));
    return implicitServices(workloads, declared, this.#options.domain, known);
  });

  #services(declared: readonly MeshService[], implicit: readonly MeshService[]): readonly MeshService[] {
    return shareList(this.#current?.services, this.#allServices(declared, implicit));
  }

  readonly #allServices = rememberLast((declared: readonly MeshService[], implicit: readonly MeshService[]) =>
    [...declared, ...implicit].sort((a, b) => compareText(a.host, b.host)),
  );

  readonly #autoAddresses = rememberLast((services: readonly MeshService[]) =>
    autoAddresses(services, this.#current?.autoAddresses),
  );

  readonly #serviceByHost = rememberLast(
    (services: readonly MeshService[]): ReadonlyMap<string, MeshService> => new Map(services.map((s) => [s.host, s])),
  );

  readonly #virtualServiceOf = rememberLast((exportTo: ExportTo) =>
    rememberByObject((stored: StoredObject) => virtualServiceOf(stored, this.#options.domain, exportTo)),
  );
  readonly #withDelegates = delegateResolver();
  readonly #virtualServices = rememberLast(
    (ruleOf: (stored: StoredObject) => VirtualServiceRule | undefined, objects: readonly StoredObject[]) =>
      this.#withDelegates(sorted(objects, ruleOf)),
  );

  readonly #destinationRuleOf = rememberLast((exportTo: ExportTo) =>
    rememberByObject((stored: StoredObject) => destinationRuleOf(stored, this.#options.domain, exportTo)),
  );
  readonly #destinationRules = rememberLast(
    (ruleOf: (stored: StoredObject) => DestinationRuleRule | undefined, objects: readonly StoredObject[]) =>
      sorted(objects, ruleOf),
  );
  readonly #destinationRuleIndex = rememberLast(
    (rules: readonly DestinationRuleRule[]) => new DestinationRuleIndex(rules, this.#options.rootNamespace),
  );

  readonly #sidecarOf = rememberByObject(sidecarOf);
  readonly #sidecarRules = rememberLast((objects: readonly StoredObject[]) => sorted(objects, this.#sidecarOf));
  readonly #sidecars = rememberLast(
    (rules: readonly SidecarRule[]) => new SidecarIndex(rules, this.#options.rootNamespace),
  );

  readonly #fallbackOf = rememberByObject((stored: StoredObject) => fallbackOf(stored, this.#options.domain));
  readonly #fallbacks = rememberLast((objects: readonly StoredObject[]) => sorted(objects, this.#fallbackOf));
  readonly #fallbackIndex = rememberLast(
    (rules: readonly FallbackRule[]) => new FallbackIndex(rules, this.#options.rootNamespace),
  );

  readonly #rateLimitOf = rememberByObject(rateLimitOf);
  readonly #rateLimits = rememberLast((objects: readonly StoredObject[]) => sorted(objects, this.#rateLimitOf));

  readonly #authorizationOf = rememberByObject(authorizationOf);
  readonly #authorizations = rememberLast((objects: readonly StoredObject[]) => sorted(objects, this.#authorizationOf));

  readonly #credentialOf = rememberByObject(credentialOf);
  readonly #credentials = rememberLast(
    (objects: readonly StoredObject[]): Credentials =>
      new Map(
        objects.flatMap((stored) => {
          const found = this.#credentialOf(stored);
          return found === undefined ? [] : [[`${found.namespace}/${found.name}`, found] as const];
        }),
      ),
  );

  readonly #requestAuthenticationOf = rememberByObject(requestAuthenticationOf);
  readonly #requestAuthentications = rememberLast((objects: readonly StoredObject[]) =>
    sorted(objects, this.#requestAuthenticationOf),
  );

  readonly #peerAuthenticationOf = rememberByObject(peerAuthenticationOf);
  readonly #peerRules = rememberLast((objects: readonly StoredObject[]) => sorted(objects, this.#peerAuthenticationOf));
  readonly #peers = rememberLast(
    (rules: readonly PeerAuthenticationRule[]) => new PeerAuthentications(rules, this.#options.rootNamespace),
  );

  readonly #envoyFilterOf = rememberByObject(envoyFilterOf);
  readonly #envoyFilters = rememberLast((objects: readonly StoredObject[]) => sorted(objects, this.#envoyFilterOf));

  readonly #gatewayOf = rememberByObject(gatewayOf);
  readonly #gateways = rememberLast((objects: readonly StoredObject[]) => sorted(objects, this.#gatewayOf));

  readonly #telemetryOf = rememberByObject(telemetryOf);
  readonly #telemetries = rememberLast((objects: readonly StoredObject[]) => sorted(objects, this.#telemetryOf));

  readonly #clientLabelKeys = rememberLast(clientLabelKeys);
  readonly #localitiesMatter = rememberLast(
    (endpoints: EndpointIndex, destinationRules: readonly DestinationRuleRule[], { config }: MeshSettings): boolean =>
      [...endpoints.values()].some(({ hasLocality }) => hasLocality) ||
      [config.localityLbSetting, ...destinationRules.flatMap(localitySettings)].some(
        (setting) => (setting?.distribute ?? []).length > 0,
      ),
  );

  readonly #workloadGroups = rememberLast(workloadGroups);

  readonly #registered = rememberLast(
    (groups: WorkloadGroups, workloads: readonly Workload[], written: readonly StoredObject[]): AutoRegistered =>
      autoRegistered(groups, workloads, new Set(written.map(({ key }) => key))),
  );

  /** Where workloads take requests is for their Sidecars to say as well. */
  readonly #listening = rememberLast((registered: AutoRegistered, sidecars: SidecarIndex): AutoRegistered => ({
    ...registered,
    workloads: registered.workloads.map((workload) =>
      this.#workloadWithIngress(workload)(sidecars.find(workload.namespace, workload.labels)),
    ),
  }));
  readonly #workloadWithIngress = rememberByObject((workload: Workload) =>
    rememberLast((sidecar: SidecarRule | undefined): Workload => {
      const inbound = withIngress(workload.inbound, sidecar, workload.address);
      return inbound === workload.inbound ? workload : { ...workload, inbound };
    }),
  );

  readonly #generated = rememberLast(({ entries }: AutoRegistered) => entries.map(({ stored }) => stored));

  /** Endpoints take labels and localities from pods and nodes: other pods, other endpoints. */
  readonly #cluster = rememberLast((pods: readonly StoredObject[], nodes: readonly StoredObject[]): Cluster => {
    const byName = new Map(
      pods.flatMap(({ loaded: { object } }) => {
        if (!isKind(object, "", "Pod")) return [];
        const { namespace, name, labels } = object.metadata;
        const { nodeName: node = "", serviceAccountName } = object.spec;
        const account = serviceAccount(namespace, serviceAccountName);
        return [[`${namespace}/${name}`, { labels, node, account }] as const];
      }),
    );
    const localities = new Map(
      nodes.map(({ loaded: { object } }) => [object.metadata.name, localityOfNode(object.metadata.labels)]),
    );
    return {
      pod: (namespace, name) => byName.get(`${namespace}/${name}`),
      localityOfNode: (name) => localities.get(name) ?? "",
    };
  });

  readonly #endpointListOf = rememberLast((cluster: Cluster) =>
    rememberByObject((stored: StoredObject) => endpointListOf(stored, cluster)),
  );
  readonly #endpointLists = rememberLast(
    (
      cluster: Cluster,
      slices: readonly StoredObject[],
      endpoints: readonly StoredObject[],
    ): readonly EndpointList[] => {
      const listOf = this.#endpointListOf(cluster);
      return [...slices, ...endpoints].flatMap((stored) => listOf(stored) ?? []);
    },
  );

  readonly #memberOfEntry = rememberByObject(memberOfEntry);
  readonly #memberOfPod = rememberLast((cluster: Cluster) =>
    rememberByObject((stored: StoredObject) => {
      const { namespace, name, labels } = stored.loaded.object.metadata;
      const node = cluster.pod(namespace, name)?.node ?? "";
      return memberOfPod(stored, localityOfLabels(labels) || cluster.localityOfNode(node));
    }),
  );
  readonly #entries = rememberLast(
    (
      cluster: Cluster,
      written: readonly StoredObject[],
      pods: readonly StoredObject[],
      { entries }: AutoRegistered,
    ): readonly EntryMember[] => {
      const ofPod = this.#memberOfPod(cluster);
      return [
        ...written.flatMap((stored) => this.#memberOfEntry(stored) ?? []),
        ...entries.flatMap(({ member }) => member ?? []),
        ...pods.flatMap((stored) => ofPod(stored) ?? []),
      ];
    },
  );
  readonly #endpoints = rememberLast(
    (
      services: readonly MeshService[],
      workloads: readonly Workload[],
      lists: readonly EndpointList[],
      entries: readonly EntryMember[],
      peers: PeerAuthentications,
    ): EndpointIndex => indexEndpoints(services, { workloads, lists, entries, peers }, this.#current?.endpoints),
  );
}

/** MeshConfig's `default…ExportTo`; undefined: everybody. */
type ExportTo = readonly string[] | undefined;

const VIRTUAL_SERVICE = "networking.istio.io/VirtualService";
const DESTINATION_RULE = "networking.istio.io/DestinationRule";
const GATEWAY = "networking.istio.io/Gateway";
const FALLBACK = "tulle.dev/Fallback";
const ENVOY_FILTER = "networking.istio.io/EnvoyFilter";
const RATE_LIMIT = "tulle.dev/RateLimit";
const AUTHORIZATION_POLICY = "security.istio.io/AuthorizationPolicy";
const REQUEST_AUTHENTICATION = "security.istio.io/RequestAuthentication";
const PEER_AUTHENTICATION = "security.istio.io/PeerAuthentication";
const TELEMETRY = "telemetry.istio.io/Telemetry";
const SIDECAR = "networking.istio.io/Sidecar";
const SERVICE_ENTRY = "networking.istio.io/ServiceEntry";
const WORKLOAD_ENTRY = "networking.istio.io/WorkloadEntry";
const WORKLOAD_GROUP = "networking.istio.io/WorkloadGroup";
const ENDPOINT_SLICE = "discovery.k8s.io/EndpointSlice";
const NONE: readonly StoredObject[] = [];

/** Objects by group and kind; the list of a kind of which nothing changed is the one of before. */
function partition(
  objects: readonly StoredObject[],
  before: ReadonlyMap<string, readonly StoredObject[]>,
): ReadonlyMap<string, readonly StoredObject[]> {
  const byKind = new Map<string, readonly StoredObject[]>();
  for (const [kind, list] of Map.groupBy(objects, kindOf)) byKind.set(kind, shareList(before.get(kind), list));
  return byKind;
}

/** `networking.istio.io/VirtualService`, `/Service`. */
function kindOf({ loaded }: StoredObject): string {
  return `${loaded.kindInfo.group}/${loaded.kindInfo.kind}`;
}

function sorted<R extends { createdAt: number; origin: { name: string; namespace: string } }>(
  objects: readonly StoredObject[],
  ruleOf: (stored: StoredObject) => R | undefined,
): readonly R[] {
  return objects.flatMap((stored) => ruleOf(stored) ?? []).sort(compareCreation);
}

function clientLabelKeys(
  virtualServices: readonly VirtualServiceRule[],
  destinationRules: readonly DestinationRuleRule[],
  { config }: MeshSettings,
): readonly string[] {
  const keys = new Set(virtualServices.flatMap(({ facts }) => facts.sourceLabelKeys));
  for (const { selector } of destinationRules) for (const key of Object.keys(selector ?? {})) keys.add(key);
  for (const setting of [config.localityLbSetting, ...destinationRules.flatMap(localitySettings)]) {
    for (const text of setting?.failoverPriority ?? []) if (!text.includes("=")) keys.add(text);
  }
  return [...keys].sort();
}
