/** Who a certificate says that a workload of a mesh is. (SPIFFE X.509-SVID; the form of ids: istio/istio `pkg/spiffe/spiffe.go`) */
import type { Certificate } from "./certificate.ts";

/** The first URI, as Istio takes it; "" for none. */
export function principalOf(certificate: Certificate | null | undefined): string {
  return certificate?.names.find(({ kind }) => kind === "uri")?.value ?? "";
}

/** The namespace in a principal `spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT`; "" for what is no such thing. */
export function namespaceOf(principal: string): string {
  return WORKLOAD.exec(principal)?.[1] ?? "";
}

const WORKLOAD = /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\/[^/]+$/;
