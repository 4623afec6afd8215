/** Endpoints that files describe: EndpointSlices, and Endpoints where a service has no slices. */
import { isKind } from "@tulle/api";
import type { EndpointPort, Labels } from "@tulle/api";
import type { StoredObject } from "./stored-object.ts";

interface ListedEndpoint {
  readonly addresses: readonly string[];
  readonly ready: boolean;
  readonly ports: readonly EndpointPort[];
  readonly labels: Labels;
  /** Name of the pod behind it, else of the object that lists it. */
  readonly workload: string;
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

/** Labels of a pod by `namespace/name`, if a file describes it. */
export type PodLabels = (namespace: string, name: string) => Labels | undefined;

export function endpointListOf(stored: StoredObject, podLabels: PodLabels): EndpointList | undefined {
  const { object } = stored.loaded;
  const { namespace, name, labels } = object.metadata;
  if (isKind(object, "discovery.k8s.io", "EndpointSlice")) {
    const service = labels[SERVICE_NAME_LABEL];
    if (service === undefined || object.addressType === "FQDN") return undefined;
    const own = ownLabels(labels);
    const endpoints = (object.endpoints ?? []).map((endpoint): ListedEndpoint => {
      const pod = endpoint.targetRef?.kind === "Pod" ? endpoint.targetRef.name : undefined;
      return {
        addresses: endpoint.addresses,
        ready: endpoint.conditions?.ready !== false,
        ports: object.ports ?? [],
        labels: (pod === undefined ? undefined : podLabels(namespace, pod)) ?? own,
        workload: pod ?? name,
      };
    });
    return { service: `${namespace}/${service}`, kind: "EndpointSlice", endpoints };
  }
  if (isKind(object, "", "Endpoints")) {
    const own = ownLabels(labels);
    const endpoints = (object.subsets ?? []).flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }) =>
      [...addresses, ...notReadyAddresses].map((address, index): ListedEndpoint => {
        const pod = address.targetRef?.kind === "Pod" ? address.targetRef.name : undefined;
        return {
          addresses: [address.ip],
          ready: index < addresses.length,
          ports,
          labels: (pod === undefined ? undefined : podLabels(namespace, pod)) ?? own,
          workload: pod ?? name,
        };
      }),
    );
    return { service: `${namespace}/${name}`, kind: "Endpoints", endpoints };
  }
  return undefined;
}

/** Without pods to ask, the object's own labels stand for its endpoints', so that subsets can select among lists. */
function ownLabels(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !key.includes("kubernetes.io/")));
}
