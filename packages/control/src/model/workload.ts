/** Workloads that registered themselves by connecting a proxy. */
import type { Labels } from "@tulle/api";

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
  /** Service that it belongs to if no Service object selects it. */
  readonly service: string | undefined;
  readonly inbound: readonly InboundPort[];
  readonly healthy: boolean;
  /** Why it is unhealthy; "" if it is not. */
  readonly healthMessage: string;
}

/** Label, else what Istio's injection would write (istio/istio `pkg/model/proxy.go` GetWorkloadNameAndCanonical…). */
export function canonicalName({ labels, name }: Pick<Workload, "labels" | "name">): string {
  return labels["service.istio.io/canonical-name"] ?? labels["app.kubernetes.io/name"] ?? labels["app"] ?? name;
}

export function canonicalRevision(labels: Labels): string {
  return (
    labels["service.istio.io/canonical-revision"] ??
    labels["app.kubernetes.io/version"] ??
    labels["version"] ??
    "latest"
  );
}

/** `workload;namespace;canonical name;canonical revision;cluster`: Istio's `filter_metadata.istio.workload`. */
export function workloadMetadata(workload: Workload): string {
  const { name, namespace, labels, clusterId } = workload;
  return [name, namespace, canonicalName(workload), canonicalRevision(labels), clusterId].join(";");
}
