import {
  UNKNOWN,
  UNKNOWN_WORKLOAD,
  type HttpLabel,
  type TcpLabel,
  type Workload,
  parseWorkloadMetadata,
} from "@tulle/telemetry";
import { namespaceOf, principalOf } from "../codec/x509/spiffe.ts";
import type { TlsInfo } from "../plan/request-views.ts";
import type { Tags } from "../stats/index.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Host } from "../upstream/host.ts";

/** Who is at either end of a request or a connection. */
export interface Ends {
  /** This proxy is the server's. */
  readonly inbound: boolean;
  readonly local: Workload;
  /** Of the connection to the other end. */
  readonly tls: TlsInfo | null;
  readonly cluster: Cluster | null;
  readonly host: Host | null;
  /** What the destination is called where there is no service. */
  readonly nameless: string;
}

type EndLabel = Exclude<HttpLabel & TcpLabel, "request_protocol" | "response_flags">;

/** What metrics call the destination of requests to hosts that the mesh does not know. (istio/proxy `istio_stats.cc`) */
export const BLACK_HOLE = "BlackHoleCluster";

export function endLabels({ inbound, local, tls, cluster, host, nameless }: Ends): Record<EndLabel, string> {
  const [peer, own] = [principalOf(tls?.peer), principalOf(tls?.local)];
  const other = inbound ? (tls?.peerWorkload ?? UNKNOWN_WORKLOAD) : parseWorkloadMetadata(host?.workload ?? "");
  const [source, destination] = inbound ? [other, local] : [local, other];
  // What a certificate says counts more than what somebody says. (istio/proxy `istio_stats.cc`)
  const peerNamespace = namespaceOf(peer) || other.namespace;
  const service = cluster?.plan.service ?? null;
  return {
    reporter: inbound ? "destination" : "source",
    source_workload: source.name,
    source_canonical_service: source.canonicalName,
    source_canonical_revision: source.canonicalRevision,
    source_workload_namespace: inbound ? peerNamespace : source.namespace,
    source_principal: named(inbound ? peer : own),
    source_app: source.app,
    source_version: source.version,
    source_cluster: source.cluster,
    destination_workload: destination.name,
    destination_workload_namespace: inbound ? destination.namespace : peerNamespace,
    destination_principal: named(inbound ? own : peer),
    destination_app: destination.app,
    destination_version: destination.version,
    destination_service: named(service?.host),
    destination_canonical_service: destination.canonicalName,
    destination_canonical_revision: destination.canonicalRevision,
    destination_service_name: service?.name ?? nameless,
    destination_service_namespace: named(service?.namespace),
    destination_cluster: destination.cluster,
    // Clients do not tell: it is the server that asks for certificates.
    connection_security_policy: inbound ? (tls?.peer == null ? "none" : "mutual_tls") : UNKNOWN,
  };
}

/** In the order in which they are emitted. */
export function inOrder<Label extends string>(labels: readonly Label[], values: Readonly<Record<Label, string>>): Tags {
  return labels.map((label) => [label, values[label]] as const);
}

/** Where unknown hosts go has a name, and nothing else. */
function named(text: string | undefined): string {
  return text === undefined || text === "" ? UNKNOWN : text;
}
