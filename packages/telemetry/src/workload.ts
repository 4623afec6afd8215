/** Who is at either end of a request, in the words of the metric labels. */
import { UNKNOWN } from "./metrics.ts";

/** A workload as the labels name it; what is not known is "unknown". */
export interface Workload {
  readonly name: string;
  readonly namespace: string;
  /** `app` label and `service.istio.io/canonical-name`: Istio uses one for both when only one is known. */
  readonly canonicalName: string;
  readonly canonicalRevision: string;
  /** Cluster id, `Kubernetes` by default. */
  readonly cluster: string;
  readonly app: string;
  readonly version: string;
}

/** What has no revision. (istio/proxy `istio_stats.cc`) */
const LATEST = "latest";

export const UNKNOWN_WORKLOAD: Workload = {
  name: UNKNOWN,
  namespace: UNKNOWN,
  canonicalName: UNKNOWN,
  canonicalRevision: LATEST,
  cluster: UNKNOWN,
  app: UNKNOWN,
  version: UNKNOWN,
};

/**
 * Reads an endpoint's `filter_metadata.istio.workload`: `<workload>;<namespace>;<canonical name>;<canonical revision>;<cluster id>`.
 * (Istio pilot/pkg/networking/util, BuildLbEndpointMetadata; read by Envoy's source/extensions/common/workload_discovery.)
 * App and version are the canonical name and revision, as Istio has them for endpoints. Empty text: unknown.
 */
export function parseWorkloadMetadata(text: string): Workload {
  if (text === "") return UNKNOWN_WORKLOAD;
  const [name, namespace, canonicalName, canonicalRevision, cluster] = text.split(";");
  return {
    name: orUnknown(name),
    namespace: orUnknown(namespace),
    canonicalName: orUnknown(canonicalName),
    canonicalRevision: canonicalRevision || LATEST,
    cluster: orUnknown(cluster),
    app: orUnknown(canonicalName),
    version: orUnknown(canonicalRevision),
  };
}

/** Writes what `parseWorkloadMetadata` reads. */
export function formatWorkloadMetadata(
  workload: Pick<Workload, "name" | "namespace" | "canonicalName" | "canonicalRevision" | "cluster">,
): string {
  const { name, namespace, canonicalName, canonicalRevision, cluster } = workload;
  return [name, namespace, canonicalName, canonicalRevision, cluster].join(";");
}

/** JSON content of a node's metadata. */
export type NodeMetadata = Readonly<Record<string, unknown>>;

/**
 * The workload of a proxy, from the metadata of its node: NAMESPACE, WORKLOAD_NAME, CLUSTER_ID, LABELS. Canonical name and
 * revision are derived as Istio derives them (pkg/kube/inject: canonical-name ← `service.istio.io/canonical-name`,
 * `app.kubernetes.io/name`, `app`, workload name; canonical-revision ← its label, `app.kubernetes.io/version`, `version`, `latest`).
 */
export function workloadOfNode(metadata: NodeMetadata): Workload {
  const labels = asRecord(metadata["LABELS"]);
  const text = (record: NodeMetadata, key: string): string | undefined => {
    const value = record[key];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const name = text(metadata, "WORKLOAD_NAME");
  return {
    name: orUnknown(name),
    namespace: orUnknown(text(metadata, "NAMESPACE")),
    canonicalName: orUnknown(
      text(labels, "service.istio.io/canonical-name") ??
        text(labels, "app.kubernetes.io/name") ??
        text(labels, "app") ??
        name,
    ),
    canonicalRevision:
      text(labels, "service.istio.io/canonical-revision") ??
      text(labels, "app.kubernetes.io/version") ??
      text(labels, "version") ??
      LATEST,
    cluster: orUnknown(text(metadata, "CLUSTER_ID")),
    app: orUnknown(text(labels, "app") ?? text(labels, "app.kubernetes.io/name")),
    version: orUnknown(text(labels, "version") ?? text(labels, "app.kubernetes.io/version")),
  };
}

function orUnknown(text: string | undefined): string {
  return text === undefined || text === "" ? UNKNOWN : text;
}

function asRecord(value: unknown): NodeMetadata {
  return typeof value === "object" && value !== null ? (value as NodeMetadata) : {};
}
