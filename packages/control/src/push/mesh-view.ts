/**
 * What all clients of one class see of the mesh: its services as clusters and endpoints. A class is a namespace, a kind of data
 * plane and the labels by which rules tell clients apart. Each step is remembered with the parts of the snapshot that it
 * reads: a change redoes the steps that read what changed, and encodes what really is new.
 */
import { isVisibleTo, MESH_GATEWAY } from "@tulle/api";
import type { Labels } from "@tulle/api";
import { ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
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
import { translateOutboundCluster } from "../translate/clusters.ts";
import type { Capabilities } from "../translate/data-plane.ts";
import { translateLoadAssignment } from "../translate/endpoints.ts";
import { outboundCluster } from "../translate/names.ts";
import type { EncodedCache } from "./encoded-cache.ts";

const NO_ENDPOINTS: readonly MeshEndpoint[] = [];

export interface ClientClass {
  readonly namespace: string;
  readonly capabilities: Capabilities;
  /** Only those that some rule asks for. */
  readonly labels: Labels;
}

/** A cluster before it is encoded. */
interface ClusterPlan {
  readonly name: string;
  readonly service: MeshService;
  readonly port: ServicePort;
  readonly rule: MergedDestinationRule | undefined;
  readonly subset: MergedSubset | undefined;
}

/** Rules for sidecars that the class sees, and which one a host belongs to. */
export interface MeshRules {
  readonly rules: readonly VirtualServiceRule[];
  readonly index: HostIndex<VirtualServiceRule>;
}

export class MeshView {
  readonly client: ClientClass;
  readonly #cache: EncodedCache<EncodedResource>;
  #snapshot: Snapshot;
  #services: readonly MeshService[] | undefined;
  #clusterSet: ResourceSet | undefined;
  #endpointSet: ResourceSet | undefined;
  readonly #assignments = new WeakMap<
    ClusterPlan,
    { readonly endpoints: readonly MeshEndpoint[]; readonly resource: EncodedResource }
  >();

  constructor(client: ClientClass, snapshot: Snapshot, cache: EncodedCache<EncodedResource>) {
    this.client = client;
    this.#cache = cache;
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
    return this.#clusters(this.#plans(this.services, this.#snapshot.destinationRuleIndex), this.#snapshot.mesh);
  }

  get endpoints(): ResourceSet {
    return this.#endpoints(this.#plans(this.services, this.#snapshot.destinationRuleIndex), this.#snapshot.endpoints);
  }

  readonly #visible = rememberLast((services: readonly MeshService[]) =>
    services.filter(({ visibility }) => isVisibleTo(visibility, this.client.namespace)),
  );

  readonly #rules = rememberLast((all: readonly VirtualServiceRule[]): MeshRules => {
    const rules = visibleRules(all, this.client.namespace, MESH_GATEWAY).filter(({ hasHttp }) => hasHttp);
    return { rules, index: new HostIndex(rules, ({ hosts }) => hosts) };
  });

  readonly #plans = rememberLast(
    (services: readonly MeshService[], index: DestinationRuleIndex): readonly ClusterPlan[] => {
      const { namespace, labels } = this.client;
      return services.flatMap((service) => {
        const rule = index.find(service, namespace, labels);
        return this.httpPorts(service).flatMap((port) =>
          [undefined, ...(rule?.subsets ?? [])].map((subset): ClusterPlan => {
            const name = outboundCluster(port.number, subset?.subset.name ?? "", service.host);
            return { name, service, port, rule, subset };
          }),
        );
      });
    },
  );

  readonly #clusters = rememberLast((plans: readonly ClusterPlan[], mesh: MeshSettings): ResourceSet => {
    const { capabilities } = this.client;
    const resources = plans.map(({ name, ...input }) =>
      this.#cache.get(
        input.service,
        clusterVariant(name, capabilities, input.rule),
        { ...input, mesh, capabilities },
        (full) => encodeResource(name, ClusterSchema, translateOutboundCluster(full)),
      ),
    );
    this.#clusterSet = resourceSet(TYPE.cluster, resources, this.#clusterSet);
    return this.#clusterSet;
  });

  readonly #endpoints = rememberLast((plans: readonly ClusterPlan[], index: EndpointIndex): ResourceSet => {
    const resources = plans.map((plan) => {
      const { name, service, port, subset } = plan;
      const endpoints = index.get(service.host)?.byPort.get(port.number) ?? NO_ENDPOINTS;
      // Most assignments are the ones of before: looking here first is what keeps a change of one endpoint cheap.
      const before = this.#assignments.get(plan);
      if (before?.endpoints === endpoints) return before.resource;
      const input = { cluster: name, endpoints, labels: subset?.subset.labels };
      const resource = this.#cache.get(service, `endpoints ${name}`, input, (full) =>
        encodeResource(name, ClusterLoadAssignmentSchema, translateLoadAssignment(full)),
      );
      this.#assignments.set(plan, { endpoints, resource });
      return resource;
    });
    this.#endpointSet = resourceSet(TYPE.endpoints, resources, this.#endpointSet);
    return this.#endpointSet;
  });
}

/** Classes that see different rules must not push each other out of the cache. */
function clusterVariant(name: string, { id }: Capabilities, rule: MergedDestinationRule | undefined): string {
  const rules = (rule?.rules ?? []).map(({ origin }) => `${origin.namespace}/${origin.name}`);
  return `cluster ${id} ${name} ${rules.join()}`;
}
