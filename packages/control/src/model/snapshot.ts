/**
 * Everything the mesh knows at one moment, with Istio's references resolved. Immutable; a new snapshot shares with the one
 * before it whatever did not change, down to single services and rules, so that a change costs what changed.
 */
import type { Labels } from "@tulle/api";
import { delegateResolver } from "./delegation.ts";
import type { DestinationRuleRule } from "./destination-rule.ts";
import { DestinationRuleIndex, destinationRuleOf } from "./destination-rule.ts";
import type { EndpointIndex } from "./endpoints.ts";
import { indexEndpoints } from "./endpoints.ts";
import type { EndpointList } from "./endpoint-slices.ts";
import { endpointListOf } from "./endpoint-slices.ts";
import type { GatewayRule } from "./gateway.ts";
import { gatewayOf } from "./gateway.ts";
import { implicitServices } from "./implicit-services.ts";
import type { MeshSettings } from "./mesh-settings.ts";
import { meshSettings } from "./mesh-settings.ts";
import type { MeshService } from "./service.ts";
import { servicesOf } from "./service.ts";
import { rememberByObject, rememberLast, shareList } from "./sharing.ts";
import type { StoredObject } from "./stored-object.ts";
import { compareCreation, compareText } from "./stored-object.ts";
import type { VirtualServiceRule } from "./virtual-service.ts";
import { virtualServiceOf } from "./virtual-service.ts";
import type { Workload } from "./workload.ts";

export interface MeshOptions {
  /** DNS suffix of services: `cluster.local`. */
  readonly domain: string;
  /** Namespace whose rules are for the whole mesh: `istio-system`. */
  readonly rootNamespace: string;
}

export interface SnapshotInput {
  readonly objects: readonly StoredObject[];
  readonly workloads: readonly Workload[];
}

export interface Snapshot extends SnapshotInput {
  readonly options: MeshOptions;
  readonly mesh: MeshSettings;
  /** In order of host. */
  readonly services: readonly MeshService[];
  readonly serviceByHost: ReadonlyMap<string, MeshService>;
  /** Services by the object that they come from which lost their host to an older object. */
  readonly shadowedServices: ReadonlyMap<MeshService, MeshService>;
  /** Oldest first, as the next two. */
  readonly virtualServices: readonly VirtualServiceRule[];
  readonly destinationRules: readonly DestinationRuleRule[];
  readonly gateways: readonly GatewayRule[];
  readonly destinationRuleIndex: DestinationRuleIndex;
  readonly endpoints: EndpointIndex;
  /** Label keys by which rules tell client workloads apart. */
  readonly clientLabelKeys: readonly string[];
}

/** Builds snapshots, each from the one before it. Each part is redone only if the objects that it is made of changed. */
export class SnapshotBuilder {
  readonly #options: MeshOptions;
  #byKind: ReadonlyMap<string, readonly StoredObject[]> = new Map();
  #current: Snapshot | undefined;

  constructor(options: MeshOptions) {
    this.#options = options;
  }

  next({ objects, workloads }: SnapshotInput): Snapshot {
    const before = this.#current;
    if (objects !== before?.objects) this.#byKind = partition(objects, this.#byKind);
    const mesh = this.#mesh(this.#ofKind("/ConfigMap"));
    const { services: declared, shadowed } = this.#declared(
      this.#servicesOf(mesh.config.defaultServiceExportTo),
      this.#ofKind("/Service"),
      this.#ofKind(SERVICE_ENTRY),
    );
    const services = this.#services(declared, this.#implicit(workloads, declared));
    const { defaultVirtualServiceExportTo, defaultDestinationRuleExportTo } = mesh.config;
    const virtualServices = this.#virtualServices(
      this.#virtualServiceOf(defaultVirtualServiceExportTo),
      this.#ofKind(VIRTUAL_SERVICE),
    );
    const destinationRules = this.#destinationRules(
      this.#destinationRuleOf(defaultDestinationRuleExportTo),
      this.#ofKind(DESTINATION_RULE),
    );
    const lists = this.#endpointLists(this.#ofKind(ENDPOINT_SLICE), this.#ofKind("/Endpoints"), this.#ofKind("/Pod"));
    this.#current = {
      options: this.#options,
      mesh,
      objects,
      workloads,
      services,
      serviceByHost: this.#serviceByHost(services),
      shadowedServices: shadowed,
      virtualServices,
      destinationRules,
      gateways: this.#gateways(this.#ofKind(GATEWAY)),
      destinationRuleIndex: this.#destinationRuleIndex(destinationRules),
      endpoints: this.#endpoints(services, workloads, lists),
      clientLabelKeys: shareList(before?.clientLabelKeys, this.#clientLabelKeys(virtualServices, destinationRules)),
    };
    return this.#current;
  }

  #ofKind(kind: string): readonly StoredObject[] {
    return this.#byKind.get(kind) ?? NONE;
  }

  readonly #mesh = rememberLast((configMaps: readonly StoredObject[]) =>
    meshSettings(configMaps, this.#options.rootNamespace),
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

  readonly #gatewayOf = rememberByObject(gatewayOf);
  readonly #gateways = rememberLast((objects: readonly StoredObject[]) => sorted(objects, this.#gatewayOf));

  readonly #clientLabelKeys = rememberLast(clientLabelKeys);

  /** Endpoints take their labels from pods: other pods, other lists. */
  readonly #endpointListOf = rememberLast((pods: readonly StoredObject[]) => {
    const labels = new Map<string, Labels>(
      pods.map(({ loaded: { object } }) => [
        `${object.metadata.namespace}/${object.metadata.name}`,
        object.metadata.labels,
      ]),
    );
    const podLabels = (namespace: string, name: string): Labels | undefined => labels.get(`${namespace}/${name}`);
    return rememberByObject((stored: StoredObject) => endpointListOf(stored, podLabels));
  });
  readonly #endpointLists = rememberLast(
    (
      slices: readonly StoredObject[],
      endpoints: readonly StoredObject[],
      pods: readonly StoredObject[],
    ): readonly EndpointList[] => {
      const listOf = this.#endpointListOf(pods);
      return [...slices, ...endpoints].flatMap((stored) => listOf(stored) ?? []);
    },
  );
  readonly #endpoints = rememberLast(
    (services: readonly MeshService[], workloads: readonly Workload[], lists: readonly EndpointList[]): EndpointIndex =>
      indexEndpoints(services, workloads, lists, this.#current?.endpoints),
  );
}

/** MeshConfig's `default…ExportTo`; undefined: everybody. */
type ExportTo = readonly string[] | undefined;

const VIRTUAL_SERVICE = "networking.istio.io/VirtualService";
const DESTINATION_RULE = "networking.istio.io/DestinationRule";
const GATEWAY = "networking.istio.io/Gateway";
const SERVICE_ENTRY = "networking.istio.io/ServiceEntry";
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
): readonly string[] {
  const keys = new Set(virtualServices.flatMap(({ facts }) => facts.sourceLabelKeys));
  for (const { selector } of destinationRules) for (const key of Object.keys(selector ?? {})) keys.add(key);
  return [...keys].sort();
}
