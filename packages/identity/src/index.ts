export { DerError } from "./der/reader.ts";
export { CertificateRequestError, keyOfCertificateRequest, makeCertificateRequest } from "./certificate-request.ts";
export { makeAuthority, makeLeaf, readCertificate } from "./certificate.ts";
export type { CertificateFacts, Issuer } from "./certificate.ts";
export type { AlternativeNames } from "./names.ts";
export { pemBlocks, toPem } from "./pem.ts";
export { objectionToKey } from "./signature.ts";
export { DEFAULT_TRUST_DOMAIN, formatSpiffeId, isIdSegment, isTrustDomain, parseSpiffeId } from "./spiffe-id.ts";
export type { SpiffeId } from "./spiffe-id.ts";
