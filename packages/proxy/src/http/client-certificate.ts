/** x-forwarded-client-cert: what an upstream is told of the client's certificate. Envoy `ConnectionManagerUtility::mutateXfccRequestHeader`. */
import { namesOf } from "../codec/x509/certificate.ts";
import { urlEncodedPem } from "../plan/format/tls.ts";
import type { ClientCertificatePlan } from "../plan/listener-plan.ts";
import type { TlsInfo } from "../plan/request-views.ts";
import type { HeaderBlock } from "../codec/header-block.ts";
import { X_FORWARDED_CLIENT_CERT } from "../codec/header-names.ts";

// Not by `import`: see plan/fingerprint.ts.
const { hash } = process.getBuiltinModule("node:crypto");

/** The client has shown a certificate, and requests are to tell of it. */
export function forwardClientCertificate(headers: HeaderBlock, plan: ClientCertificatePlan, tls: TlsInfo): void {
  // The same for each request of a connection.
  if (tls.forwarded === "") tls.forwarded = describe(plan, tls);
  const before = plan.appends ? headers.get(X_FORWARDED_CLIENT_CERT) : "";
  headers.set(X_FORWARDED_CLIENT_CERT, before === "" ? tls.forwarded : `${before},${tls.forwarded}`);
}

/** cold: once a connection */
function describe(plan: ClientCertificatePlan, { local, peer, peerChain }: TlsInfo): string {
  if (peer === null) return "";
  const parts = local === null ? [] : namesOf(local, "uri").map((uri) => `By=${uri}`);
  parts.push(`Hash=${hash("sha256", peer.der, "hex")}`);
  if (plan.cert) parts.push(`Cert="${urlEncodedPem(peer)}"`);
  if (plan.chain) parts.push(`Chain="${peerChain.map(urlEncodedPem).join("")}"`);
  // These two are there even if they are empty.
  if (plan.subject) parts.push(`Subject="${peer.subject}"`);
  if (plan.uri) {
    const uris = namesOf(peer, "uri");
    for (const uri of uris.length === 0 ? [""] : uris) parts.push(`URI=${uri}`);
  }
  if (plan.dns) for (const name of namesOf(peer, "dns")) parts.push(`DNS=${name}`);
  return parts.join(";");
}
