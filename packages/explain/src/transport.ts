/** How a client's connections to an endpoint are secured. */
import { fromBinary } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import type { EndpointPlan } from "@tulle/proxy/matchers";
import type { Cluster } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { TransportSocket } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { UpstreamTlsContextSchema } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import type { UpstreamTlsContext } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";

/** The key by which endpoints say what they take. (Envoy docs, `Cluster.transport_socket_matches`) */
const MATCH_METADATA = "envoy.transport_socket_match";
const TLS_TYPE = `type.googleapis.com/${UpstreamTlsContextSchema.typeName}`;

/** Undefined: plaintext. */
function tlsOf(socket: TransportSocket | undefined): UpstreamTlsContext | undefined {
  const config = socket?.configType.case === "typedConfig" ? socket.configType.value : undefined;
  return config?.typeUrl === TLS_TYPE ? fromBinary(UpstreamTlsContextSchema, config.value) : undefined;
}

export interface ClientTls {
  readonly sni: string;
  readonly alpn: readonly string[];
  /** It shows a certificate that it gets from the mesh, or has. */
  readonly showsCertificate: boolean;
}

/** Undefined: plaintext. */
export function tlsToEndpoint(cluster: Cluster, endpoint: EndpointPlan): ClientTls | undefined {
  const wanted = endpoint.metadata[MATCH_METADATA] as Readonly<Record<string, JsonValue>> | undefined;
  const matched = cluster.transportSocketMatches.find(({ match = {} }) =>
    Object.entries(match).every(([key, value]) => JSON.stringify(wanted?.[key]) === JSON.stringify(value)),
  );
  const context = tlsOf(matched === undefined ? cluster.transportSocket : matched.transportSocket);
  if (context === undefined) return undefined;
  const { commonTlsContext: common, sni } = context;
  const certificates = (common?.tlsCertificates.length ?? 0) + (common?.tlsCertificateSdsSecretConfigs.length ?? 0);
  return { sni, alpn: common?.alpnProtocols ?? [], showsCertificate: certificates > 0 };
}

export function describeSocket(cluster: Cluster): string {
  if (cluster.transportSocketMatches.length > 0) return "mutual TLS to endpoints that take it, else plaintext";
  const context = tlsOf(cluster.transportSocket);
  if (context === undefined) return "plaintext";
  const common = context.commonTlsContext;
  const shown = (common?.tlsCertificates.length ?? 0) + (common?.tlsCertificateSdsSecretConfigs.length ?? 0) > 0;
  return shown ? "mutual TLS" : "TLS";
}
