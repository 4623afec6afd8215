/** Endpoints that files describe: EndpointSlices, and Endpoints where a service has no slices. */
import { isKind } from "@tulle/api";
import type { EndpointPort, Labels } from "@tulle/api";
import { localityOfLabels, withPlace } from "./locality.ts";
import type { StoredObject } from "./stored-object.ts";
import { DEFAULT_CLUSTER_ID, takesMutualTls, workloadMetadata } from "./workload.ts";

interface ListedEndpoint {
  readonly addresses: readonly string[];
  readonly ready: boolean;
  readonly ports: readonly EndpointPort[];
  /** With those that its place gives it. */
  readonly labels: Labels;
  readonly locality: string;
  /** Istio's `filter_metadata.istio.workload`. */
  readonly workload: string;
  /** `namespace/account`; "" if unknown. */
  readonly account: string;
  readonly namespace: string;
  readonly mutualTls: boolean;
}

/** What one EndpointSlice or Endpoints object says about one service. */
export interface EndpointList {
  /** `namespace/service`. */
  readonly service: string;
  readonly kind: "EndpointSlice" | "Endpoints";
  readonly endpoints: readonly ListedEndpoint[];
}

/** Label by which a slice names its service. (Kubernetes docs, "EndpointSlices", ownership) */
export const SERVICE_NAME_LABEL = "kubernetes.io/service-name";

interface PodFacts {
  readonly labels: Labels;
  readonly node: string;
  /** `namespace/account`. */
  readonly account: string;
}

/** What files say of pods and nodes. */
export interface Cluster {
  pod(namespace: string, name: string): PodFacts | undefined;
  /** `region/zone/subzone`; "" if nothing is known of the node. */
  localityOfNode(name: string): string;
}

export function endpointListOf(stored: StoredObject, cluster: Cluster): EndpointList | undefined {
  const { object } = stored.loaded;
  const { namespace, name, labels } = object.metadata;
  if (isKind(object, "discovery.k8s.io", "EndpointSlice")) {
    const service = labels[SERVICE_NAME_LABEL];
    if (service === undefined || object.addressType === "FQDN") return undefined;
    const own = { namespace, name, labels: ownLabels(labels) };
    const endpoints = (object.endpoints ?? []).map((endpoint): ListedEndpoint => ({
      addresses: endpoint.addresses,
      ready: endpoint.conditions?.ready !== false,
      ports: object.ports ?? [],
      ...facts(endpoint, own, cluster),
    }));
    return { service: `${namespace}/${service}`, kind: "EndpointSlice", endpoints };
  }
  if (isKind(object, "", "Endpoints")) {
    const own = { namespace, name, labels: ownLabels(labels) };
    const endpoints = (object.subsets ?? []).flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }) =>
      [...addresses, ...notReadyAddresses].map((address, index): ListedEndpoint => ({
        addresses: [address.ip],
        ready: index < addresses.length,
        ports,
        ...facts(address, own, cluster),
      })),
    );
    return { service: `${namespace}/${name}`, kind: "Endpoints", endpoints };
  }
  return undefined;
}

interface Named {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
}

/** Of the pod behind an endpoint, else of the object that lists it. */
function facts(
  endpoint: { readonly targetRef?: { readonly kind?: string; readonly name?: string }; readonly nodeName?: string },
  list: Named,
  cluster: Cluster,
): Omit<ListedEndpoint, "addresses" | "ready" | "ports"> {
  const name = endpoint.targetRef?.kind === "Pod" ? endpoint.targetRef.name : undefined;
  const pod = name === undefined ? undefined : cluster.pod(list.namespace, name);
  const labels = pod?.labels ?? list.labels;
  const node = endpoint.nodeName ?? pod?.node ?? "";
  const locality = localityOfLabels(labels) || cluster.localityOfNode(node);
  return {
    labels: withPlace(labels, { locality, network: "", clusterId: DEFAULT_CLUSTER_ID, node }),
    locality,
    account: pod?.account ?? "",
    namespace: list.namespace,
    mutualTls: takesMutualTls(labels),
    workload: workloadMetadata({
      name: name ?? list.name,
      namespace: list.namespace,
      labels,
      clusterId: DEFAULT_CLUSTER_ID,
    }),
  };
}

/** Without pods to ask, the object's own labels stand for its endpoints', so that subsets can select among lists. */
function ownLabels(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !key.includes("kubernetes.io/")));
}
