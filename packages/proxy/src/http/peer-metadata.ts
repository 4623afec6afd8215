/** Proxies of a mesh introduce themselves: once on each connection, by mutual TLS, and to nobody else. (Istio does so in each request.) */
import { HeaderClass, X_ENVOY_PEER_METADATA, X_ENVOY_PEER_METADATA_ID } from "../codec/header-names.ts";
import type { HeaderBlock } from "../codec/header-block.ts";
import type { Certificate } from "../codec/x509/certificate.ts";
import { namespaceOf, principalOf } from "../codec/x509/spiffe.ts";
import { decodePeerMetadata, type PeerMetadataPlan } from "../plan/peer-metadata.ts";
import type { TlsInfo } from "../plan/request-views.ts";

/** Somebody says who he is. What he says counts if he has a certificate of that namespace. */
export function learnPeer(headers: HeaderBlock, tls: TlsInfo): void {
  if (tls.peerWorkload !== null || tls.peer === null || !tls.peerVerified) return;
  const workload = decodePeerMetadata(headers.get(X_ENVOY_PEER_METADATA));
  if (workload !== null && workload.namespace === namespaceOf(principalOf(tls.peer))) tls.peerWorkload = workload;
}

/** @returns whether there is something in the headers that is for this connection only */
export function introduce(
  headers: HeaderBlock,
  tells: NonNullable<PeerMetadataPlan["tells"]>,
  tls: TlsInfo | null,
): boolean {
  if (tls === null || !tls.toMesh || !isOfMesh(tls.peer) || !isOfMesh(tls.local)) return false;
  headers.append(X_ENVOY_PEER_METADATA_ID, tells.nodeId);
  headers.append(X_ENVOY_PEER_METADATA, tells.metadata);
  return true;
}

function isOfMesh(certificate: Certificate | null): boolean {
  return namespaceOf(principalOf(certificate)) !== "";
}

export function withdraw(headers: HeaderBlock): void {
  headers.removeClasses(HeaderClass.peerMetadata);
}
