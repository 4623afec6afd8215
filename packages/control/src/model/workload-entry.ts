/** Endpoints that objects describe one by one: WorkloadEntries, the endpoints of a ServiceEntry, and pods. */
import { isIP, isKind } from "@tulle/api";
import type { Labels, WorkloadEntrySpec } from "@tulle/api";
import { localityOfLabels, withPlace } from "./locality.ts";
import type { Origin } from "./origin.ts";
import { originOf } from "./origin.ts";
import type { StoredObject } from "./stored-object.ts";
import { DEFAULT_CLUSTER_ID, serviceAccount, takesMutualTls, workloadMetadata } from "./workload.ts";

export interface EntryEndpoint {
  /** An IP address or a name to be resolved. */
  readonly address: string;
  /** By name of the service port; a service port that is not in it goes to its `targetPort`. */
  readonly ports: Readonly<Record<string, number>>;
  /** With those that its place gives it. */
  readonly labels: Labels;
  readonly weight: number;
  /** `region/zone/subzone`, "" if unknown. */
  readonly locality: string;
  readonly healthy: boolean;
  /** Istio's `filter_metadata.istio.workload`. */
  readonly workload: string;
  /** `namespace/account`; "" if unknown. */
  readonly account: string;
  readonly namespace: string;
  readonly mutualTls: boolean;
}

/** An endpoint that services of its namespace find by its labels. */
export interface EntryMember {
  readonly kind: "WorkloadEntry" | "Pod";
  readonly namespace: string;
  readonly labels: Labels;
  readonly endpoint: EntryEndpoint;
  readonly origin: Origin;
}

const WORKLOAD_NAME = "service.istio.io/workload-name";
/** Of an entry that was made from a WorkloadGroup: the group's name. */
export const AUTO_REGISTRATION_GROUP = "istio.io/autoRegistrationGroup";

export interface EntryIdentity {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Labels;
}

/** Undefined for what has no address that a proxy could connect to. */
export function endpointOfEntry(spec: WorkloadEntrySpec, identity: EntryIdentity): EntryEndpoint | undefined {
  const { address = "", ports = {}, network = "", weight = 0 } = spec;
  if (address === "" || address.startsWith("unix://")) return undefined;
  const { name, namespace, labels: own } = identity;
  const labels = { ...spec.labels, ...own };
  const locality = spec.locality || localityOfLabels(labels);
  return {
    address,
    ports,
    labels: withPlace(labels, { locality, network, clusterId: DEFAULT_CLUSTER_ID, node: "" }),
    weight: weight === 0 ? 1 : weight,
    locality,
    healthy: true,
    account: spec.serviceAccount === undefined ? "" : serviceAccount(namespace, spec.serviceAccount),
    namespace,
    mutualTls: takesMutualTls(labels),
    workload: workloadMetadata({ name, namespace, labels, clusterId: DEFAULT_CLUSTER_ID }),
  };
}

export function memberOfEntry(stored: StoredObject): EntryMember | undefined {
  const { object } = stored.loaded;
  if (!isKind(object, "networking.istio.io", "WorkloadEntry")) return undefined;
  const { name, namespace, labels: own, annotations } = object.metadata;
  const labels = { ...object.spec.labels, ...own };
  const workload = labels[WORKLOAD_NAME] ?? annotations[AUTO_REGISTRATION_GROUP] ?? name;
  const endpoint = endpointOfEntry(object.spec, { name: workload, namespace, labels: own });
  if (endpoint === undefined) return undefined;
  return { kind: "WorkloadEntry", namespace, labels, endpoint, origin: originOf(stored.loaded) };
}

/** A pod that runs; ServiceEntries may select it, Services have it in their EndpointSlices. */
export function memberOfPod(stored: StoredObject, locality: string): EntryMember | undefined {
  const { object } = stored.loaded;
  if (!isKind(object, "", "Pod")) return undefined;
  const { status, spec } = object;
  const address = status?.podIP ?? "";
  if (!isIP(address) || status?.phase === "Succeeded" || status?.phase === "Failed") return undefined;
  const { name, namespace, labels } = object.metadata;
  const ready = status?.conditions?.find(({ type }) => type === "Ready")?.status ?? "True";
  const place = { locality, network: "", clusterId: DEFAULT_CLUSTER_ID, node: spec?.nodeName ?? "" };
  const endpoint: EntryEndpoint = {
    address,
    ports: {},
    labels: withPlace(labels, place),
    weight: 1,
    locality,
    healthy: ready === "True",
    account: serviceAccount(namespace, spec?.serviceAccountName),
    namespace,
    mutualTls: takesMutualTls(labels),
    workload: workloadMetadata({ name, namespace, labels, clusterId: DEFAULT_CLUSTER_ID }),
  };
  return { kind: "Pod", namespace, labels, endpoint, origin: originOf(stored.loaded) };
}
