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
import { rememberLast, shareList } from "../model/sharing.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { VirtualServiceRule } from "../model/virtual-service.ts";
import { visibleRules } from "../model/virtual-service.ts";
import { effectivePolicy } from "../model/traffic-policy.ts";
import { discoveryOf, translateOutboundCluster } from "../translate/clusters.ts";
import type { Capabilities, Discovery } from "../translate/data-plane.ts";
import type { LoadAssignmentInput } from "../translate/endpoints.ts";
import { translateLoadAssignment } from "../translate/endpoints.ts";
import type { LocalityBalancing } from "../translate/locality.ts";
import { asksLocality, localityBalancing, rankingLabels } from "../translate/locality.ts";
import { outboundCluster } from "../translate/names.ts";
import type { EncodedCache } from "./encoded-cache.ts";

const NO_ENDPOINTS: readonly MeshEndpoint[] = [];

export interface ClientClass {
  readonly namespace: string;
  readonly capabilities: Capabilities;
  /** Only those that some rule asks for. */
  readonly labels: Labels;
  /** `region/zone/subzone`; "" if it makes no difference. */
  readonly locality: string;
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
}

/** What is made once for all classes that need the same. */
export interface MeshCaches {
  readonly resources: EncodedCache<EncodedResource>;
  /** Of clusters whose endpoints are part of them. */
  readonly assignments: EncodedCache<ClusterLoadAssignment>;
}

/** Rules for sidecars that the class sees, and which one a host belongs to. */
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

  /** Services that the namespace sees, those of one host once. */
  get services(): readonly MeshService[] {
    this.#services = shareList(this.#services, this.#visible(this.#snapshot.services));
    return this.#services;
  }

  /** Ports of a service that this data plane can carry HTTP to. */
  httpPorts(service: MeshService): readonly ServicePort[] {
    return service.ports.filter(({ protocol }) => {
      const carrier = httpCarrier(protocol);
      return carrier !== undefined && this.client.capabilities.carriers.includes(carrier);
    });
  }

  get rules(): MeshRules {
    return this.#rules(this.#snapshot.virtualServices);
  }

  get clusters(): ResourceSet {
    const { endpoints, mesh } = this.#snapshot;
    const plans = this.#clusterPlans;
    this.#looked = shareList(
      this.#looked,
      plans.flatMap((plan) => (plan.discovery === "eds" ? [] : [endpointsAt(plan, endpoints)])),
    );
    return this.#clusters(plans, mesh, this.#looked);
  }

  get endpoints(): ResourceSet {
    return this.#endpoints(this.#clusterPlans, this.#snapshot.endpoints);
  }

  get #clusterPlans(): readonly ClusterPlan[] {
    return this.#plans(this.services, this.#snapshot.destinationRuleIndex, this.#snapshot.mesh);
  }

  readonly #visible = rememberLast((services: readonly MeshService[]) =>
    services.filter(({ visibility }) => isVisibleTo(visibility, this.client.namespace)),
  );

  readonly #rules = rememberLast((all: readonly VirtualServiceRule[]): MeshRules => {
    const rules = visibleRules(all, this.client.namespace, MESH_GATEWAY).filter(({ hasHttp }) => hasHttp);
    return { rules, index: new HostIndex(rules, ({ hosts }) => hosts) };
  });

  readonly #plans = rememberLast(
    (services: readonly MeshService[], index: DestinationRuleIndex, mesh: MeshSettings): readonly ClusterPlan[] => {
      const { namespace, labels, capabilities } = this.client;
      return services.flatMap((service) => {
        const discovery = discoveryOf(service, capabilities);
        if (discovery === undefined) return [];
        const rule = index.find(service, namespace, labels);
        return this.httpPorts(service).flatMap((port) =>
          [undefined, ...(rule?.subsets ?? [])].map((subset): ClusterPlan => {
            const name = outboundCluster(port.number, subset?.subset.name ?? "", service.host);
            const policy = effectivePolicy(rule, subset, port.number, mesh.config.defaultTrafficPolicy);
            return {
              name,
              service,
              port,
              rule,
              subset,
              discovery,
              balancing: capabilities.clusterFeatures.has("localities") ? localityBalancing(policy, mesh) : undefined,
              withUnhealthy: (policy.outlierDetection?.minHealthPercent ?? 0) === 0,
            };
          }),
        );
      });
    },
  );

  /** `looked` are the endpoints of the plans that do not get them by EDS, in order. */
  readonly #clusters = rememberLast(
    (plans: readonly ClusterPlan[], mesh: MeshSettings, looked: readonly (readonly MeshEndpoint[])[]): ResourceSet => {
      const { capabilities } = this.client;
      const rest = looked.values();
      const resources = plans.flatMap((plan): EncodedResource[] => {
        const { name, service, port, rule, subset, discovery } = plan;
        const assignment = discovery === "eds" ? undefined : this.#assignment(plan, rest.next().value ?? NO_ENDPOINTS);
        // Envoy refuses a cluster that looks up nothing.
        if (assignment?.endpoints.length === 0) return [];
        const input = { service, port, rule, subset, mesh, capabilities, discovery, assignment };
        const place = discovery === "eds" ? "" : ` ${this.client.locality} ${JSON.stringify(this.client.labels)}`;
        return [
          this.#caches.resources.get(service, clusterVariant(name, capabilities, rule) + place, input, (full) =>
            encodeResource(name, ClusterSchema, translateOutboundCluster(full)),
          ),
        ];
      });
      this.#clusterSet = resourceSet(TYPE.cluster, resources, this.#clusterSet);
      return this.#clusterSet;
    },
  );

  #assignment(plan: ClusterPlan, endpoints: readonly MeshEndpoint[]): ClusterLoadAssignment {
    const input = this.#assignmentInput(plan, endpoints, true);
    return this.#caches.assignments.get(plan.service, endpointsVariant(input), input, translateLoadAssignment);
  }

  readonly #endpoints = rememberLast((plans: readonly ClusterPlan[], index: EndpointIndex): ResourceSet => {
    const resources = plans.flatMap((plan): EncodedResource[] => {
      if (plan.discovery !== "eds") return [];
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

function endpointsAt({ service, port }: ClusterPlan, index: EndpointIndex): readonly MeshEndpoint[] {
  return index.get(service.host)?.byPort.get(port.number) ?? NO_ENDPOINTS;
}

/** Classes that see different rules must not push each other out of the cache. */
function clusterVariant(name: string, { id }: Capabilities, rule: MergedDestinationRule | undefined): string {
  const rules = (rule?.rules ?? []).map(({ origin }) => `${origin.namespace}/${origin.name}`);
  return `cluster ${id} ${name} ${rules.join()}`;
}

/** Nor classes in different places. */
function endpointsVariant({ cluster, localities, balancing, locality, ranking }: LoadAssignmentInput): string {
  const kind = `${localities ? "places" : ""} ${balancing === undefined ? "" : "balanced"}`;
  return `endpoints ${cluster} ${kind} ${locality} ${ranking.join()}`;
}
