/** Workloads that registered themselves by connecting a proxy. */
import type { Labels } from "@tulle/api";
import { formatWorkloadMetadata, workloadOfNode } from "@tulle/telemetry";

/** What Istio calls the cluster when there is only one. */
export const DEFAULT_CLUSTER_ID = "Kubernetes";

export interface InboundPort {
  /** The workload's own port number: what a Service's targetPort names. */
  readonly port: number;
  /** A name for it, which a Service's targetPort may be. */
  readonly name: string | undefined;
  readonly protocol: string;
  /** Where the proxy takes requests for it. */
  readonly address: string;
  readonly bindPort: number;
  /** Where the application takes them from the proxy. */
  readonly appAddress: string;
  readonly appPort: number;
}

export interface Workload {
  /** Node id of its proxy. */
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly clusterId: string;
  readonly labels: Labels;
  /** The address of the workload's host. */
  readonly address: string;
  /** `region/zone/subzone`, "" if unknown. */
  readonly locality: string;
  /** Network that its address belongs to; "" if there is only one. */
  readonly network: string;
  /** Its share among the endpoints of a service. */
  readonly weight: number;
  /** WorkloadGroup that it says it is of. */
  readonly group: string | undefined;
  /** Milliseconds since the epoch. */
  readonly registeredAt: number;
  /** Service that it belongs to if no Service object selects it. */
  readonly service: string | undefined;
  readonly inbound: readonly InboundPort[];
  /** Its proxy has a certificate of the mesh. */
  readonly mutualTls: boolean;
  readonly healthy: boolean;
  /** Why it is unhealthy; "" if it is not. */
  readonly healthMessage: string;
}

/** `namespace/account`: the account that an identity is of; pods that name none have `default`. */
export function serviceAccount(namespace: string, name: string | undefined): string {
  return `${namespace}/${name || "default"}`;
}

/** On pods and entries: `istio` if they take mutual TLS. (Istio `pilot/pkg/model/context.go` TLSModeLabelName) */
const TLS_MODE_LABEL = "security.istio.io/tlsMode";

export function takesMutualTls(labels: Labels): boolean {
  return labels[TLS_MODE_LABEL] === "istio";
}

/** Istio's `filter_metadata.istio.workload`, by which proxies label their metrics. */
export function workloadMetadata({ name, namespace, clusterId, labels }: WorkloadIdentity): string {
  const metadata = { WORKLOAD_NAME: name, NAMESPACE: namespace, CLUSTER_ID: clusterId, LABELS: labels };
  return formatWorkloadMetadata(workloadOfNode(metadata));
}

type WorkloadIdentity = Pick<Workload, "name" | "namespace" | "clusterId" | "labels">;
