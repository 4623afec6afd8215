/**
 * Everything the mesh knows at one moment, with Istio's references resolved. Immutable; a new snapshot shares with the one
 * before it whatever did not change, down to single services and rules, so that a change costs what changed.
 */
import { isKind } from "@tulle/api";
import type { Labels } from "@tulle/api";
import type { DestinationRuleRule } from "./destination-rule.ts";
import { DestinationRuleIndex, destinationRuleOf } from "./destination-rule.ts";
import type { EndpointIndex } from "./endpoints.ts";
import { indexEndpoints } from "./endpoints.ts";
import type { EndpointList } from "./endpoint-slices.ts";
import { endpointListOf } from "./endpoint-slices.ts";
import type { GatewayRule } from "./gateway.ts";
import { gatewayOf } from "./gateway.ts";
import { implicitServices } from "./implicit-services.ts";
import type { MeshService } from "./service.ts";
import { servicesOf } from "./service.ts";
import { rememberByObject, shareList } from "./sharing.ts";
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

/** Builds snapshots, each from the one before it. */
export class SnapshotBuilder {
  readonly #options: MeshOptions;
  readonly #servicesOf: (stored: StoredObject) => readonly MeshService[];
  readonly #virtualServiceOf: (stored: StoredObject) => VirtualServiceRule | undefined;
  readonly #destinationRuleOf: (stored: StoredObject) => DestinationRuleRule | undefined;
  readonly #gatewayOf = rememberByObject(gatewayOf);
  #endpointListOf: (stored: StoredObject) => EndpointList | undefined = () => undefined;
  #pods: readonly StoredObject[] | undefined;
  #current: Snapshot | undefined;

  constructor(options: MeshOptions) {
    this.#options = options;
    this.#servicesOf = rememberByObject((stored) => servicesOf(stored, options.domain));
    this.#virtualServiceOf = rememberByObject((stored) => virtualServiceOf(stored, options.domain));
    this.#destinationRuleOf = rememberByObject((stored) => destinationRuleOf(stored, options.domain));
  }

  next({ objects, workloads }: SnapshotInput): Snapshot {
    const before = this.#current;
    const declared = this.#declaredServices(objects);
    const implicit = implicitServices(
      workloads,
      declared.services,
      this.#options.domain,
      new Map(before?.services.filter((service) => service.implicit).map((service) => [service.host, service])),
    );
    const all = [...declared.services, ...implicit].sort((a, b) => compareText(a.host, b.host));
    const services = shareList(before?.services, all);
    const virtualServices = shareList(before?.virtualServices, sorted(objects, this.#virtualServiceOf));
    const destinationRules = shareList(before?.destinationRules, sorted(objects, this.#destinationRuleOf));
    const endpoints = indexEndpoints(services, workloads, this.#endpointLists(objects), before?.endpoints);
    this.#current = {
      options: this.#options,
      objects,
      workloads,
      services,
      serviceByHost: services === before?.services ? before.serviceByHost : new Map(services.map((s) => [s.host, s])),
      shadowedServices: declared.shadowed,
      virtualServices,
      destinationRules,
      gateways: shareList(before?.gateways, sorted(objects, this.#gatewayOf)),
      destinationRuleIndex:
        destinationRules === before?.destinationRules
          ? before.destinationRuleIndex
          : new DestinationRuleIndex(destinationRules, this.#options.rootNamespace),
      endpoints,
      clientLabelKeys: shareList(before?.clientLabelKeys, clientLabelKeys(virtualServices, destinationRules)),
    };
    return this.#current;
  }

  /** One service a host: a Service before a ServiceEntry, then the older, as in Istio's registry. */
  #declaredServices(objects: readonly StoredObject[]): {
    services: readonly MeshService[];
    shadowed: ReadonlyMap<MeshService, MeshService>;
  } {
    const found = objects.flatMap((stored) =>
      this.#servicesOf(stored).map((service) => ({ service, createdAt: stored.createdAt, origin: service.origin })),
    );
    const rank = (service: MeshService): number => (service.shortNames ? 0 : 1);
    found.sort((a, b) => rank(a.service) - rank(b.service) || compareCreation(a, b));
    const byHost = new Map<string, MeshService>();
    const shadowed = new Map<MeshService, MeshService>();
    for (const { service } of found) {
      const winner = byHost.get(service.host);
      if (winner === undefined) byHost.set(service.host, service);
      else shadowed.set(service, winner);
    }
    return { services: [...byHost.values()], shadowed };
  }

  #endpointLists(objects: readonly StoredObject[]): readonly EndpointList[] {
    const pods = shareList(
      this.#pods,
      objects.filter(({ loaded }) => isKind(loaded.object, "", "Pod")),
    );
    if (pods !== this.#pods) {
      // Endpoints take their labels from pods: other pods, other lists.
      this.#pods = pods;
      const labels = new Map<string, Labels>(
        pods.map(({ loaded: { object } }) => [
          `${object.metadata.namespace}/${object.metadata.name}`,
          object.metadata.labels,
        ]),
      );
      const podLabels = (namespace: string, name: string): Labels | undefined => labels.get(`${namespace}/${name}`);
      this.#endpointListOf = rememberByObject((stored) => endpointListOf(stored, podLabels));
    }
    return objects.flatMap((stored) => this.#endpointListOf(stored) ?? []);
  }
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
  const keys = new Set(virtualServices.flatMap(({ sourceLabelKeys }) => sourceLabelKeys));
  for (const { selector } of destinationRules) for (const key of Object.keys(selector ?? {})) keys.add(key);
  return [...keys].sort();
}
