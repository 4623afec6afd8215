/** Whether a peer's certificate is accepted. Envoy `source/common/tls/cert_validator/default_validator.cc`. */
import type { Certificate } from "../../codec/x509/certificate.ts";
import { dnsNameMatches } from "../../plan/dns-name.ts";
import type { ValidationPlan } from "../../plan/tls-plan.ts";
import { verificationFailure } from "./errors.ts";
import type { SslStats } from "./ssl-stats.ts";

// Not by `import`: see plan/fingerprint.ts.
const { hash } = process.getBuiltinModule("node:crypto");

const BY_LIST = "certificate revocation check against provided CRLs failed: ";

/** What OpenSSL says of a chain (X509_verify_cert), by the codes of Node. Source: BoringSSL `crypto/x509/x509_txt.c`. */
const CHAIN_ERRORS: Readonly<Record<string, string>> = {
  UNABLE_TO_GET_ISSUER_CERT: "unable to get issuer certificate",
  UNABLE_TO_GET_CRL: `${BY_LIST}unable to get certificate CRL`,
  CERT_SIGNATURE_FAILURE: "certificate signature failure",
  CRL_SIGNATURE_FAILURE: "CRL signature failure",
  CERT_NOT_YET_VALID: "certificate is not yet valid",
  CERT_HAS_EXPIRED: "certificate has expired",
  CRL_NOT_YET_VALID: `${BY_LIST}CRL is not yet valid`,
  CRL_HAS_EXPIRED: `${BY_LIST}CRL has expired`,
  // Where authorities in the middle of a chain may be trusted, BoringSSL looks for the issuer of such a one, too.
  DEPTH_ZERO_SELF_SIGNED_CERT: "unable to get local issuer certificate",
  SELF_SIGNED_CERT_IN_CHAIN: "self signed certificate in certificate chain",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "unable to get local issuer certificate",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "unable to get local issuer certificate",
  CERT_REVOKED: `${BY_LIST}certificate revoked`,
  INVALID_CA: "invalid CA certificate",
  PATH_LENGTH_EXCEEDED: "path length constraint exceeded",
  INVALID_PURPOSE: "unsupported certificate purpose",
  CERT_UNTRUSTED: "certificate not trusted",
  CERT_REJECTED: "certificate rejected",
};

/** A name that the certificate must have. */
export interface ExpectedName {
  /** "" for none. */
  readonly name: string;
  /** The request wants it (`auto_san_validation`), not the transport socket (`auto_sni_san_validation`). */
  readonly byRequest: boolean;
}

export const NO_NAME: ExpectedName = { name: "", byRequest: false };

/** Of the chain that was sent, the certificate that an error is about. */
export interface PeerChain {
  readonly certificates: readonly [leaf: Certificate, ...rest: Certificate[]];
  /** Node's code for what OpenSSL found wrong; "" for nothing. */
  readonly chainError: string;
}

/**
 * "" if the peer is who it should be, else why it is not.
 * @param expected whose name stands for the plan's where it is not ""
 */
export function verifyPeer(
  { certificates, chainError }: PeerChain,
  plan: ValidationPlan,
  expected: ExpectedName,
  now: number,
  stats: SslStats,
): string {
  const [leaf] = certificates;
  if (plan.trustedCa !== "" && chainError !== "") {
    stats.failVerifyError.value++;
    if (!plan.acceptUntrusted) return failed(chainFailure(certificates, chainError, plan, now));
  }
  if (!namesMatch(leaf, plan, expected.name)) {
    stats.failVerifySan.value++;
    const shown = leaf.names.map(({ value }) => value).join(", ");
    return failed(
      expected.byRequest
        ? `verify SAN list, expected SANs: [${expected.name}], certificate SANs: [${shown}]`
        : `SAN matcher, certificate SANs are [${shown}]`,
    );
  }
  if (!pinsMatch(leaf, plan)) {
    stats.failVerifyCertHash.value++;
    return failed("cert hash and spki");
  }
  return "";
}

function chainFailure(
  certificates: PeerChain["certificates"],
  error: string,
  plan: ValidationPlan,
  now: number,
): string {
  if (error === "UNABLE_TO_GET_CRL") error = behindMissingList(certificates, plan);
  const depth = depthOf(certificates, error, plan, now);
  const text = CHAIN_ERRORS[error] ?? error.toLowerCase().replaceAll("_", " ");
  return `X509_verify_cert: certificate verification error at depth ${depth}: ${text}`;
}

/** OpenSSL tells the last error that it has found. Nobody has a list for a chain that ends with somebody unknown: that is the error. */
function behindMissingList(certificates: PeerChain["certificates"], plan: ValidationPlan): string {
  const last = chainOf(certificates, plan).at(-1);
  if (last === undefined || plan.authorities.some(({ der }) => Buffer.compare(der, last.der) === 0))
    return "UNABLE_TO_GET_CRL";
  return last.subject === last.issuer && last !== certificates[0]
    ? "SELF_SIGNED_CERT_IN_CHAIN"
    : "UNABLE_TO_GET_ISSUER_CERT_LOCALLY";
}

/** No certificate where there must be one. */
export function nobody(stats: SslStats): string {
  stats.failVerifyNoCert.value++;
  return verificationFailure("verify cert failed: no peer certificate");
}

/** A certificate that cannot be read. */
export function unreadable(stats: SslStats): string {
  stats.failVerifyError.value++;
  return failed("X509_verify_cert: certificate verification error at depth 0: invalid certificate");
}

function failed(details: string): string {
  return verificationFailure(`verify cert failed: ${details}`);
}

function namesMatch(leaf: Certificate, { names }: ValidationPlan, expectedName: string): boolean {
  if (expectedName !== "") {
    return leaf.names.some(({ kind, value }) =>
      kind === "dns" ? dnsNameMatches(expectedName, value) : value === expectedName,
    );
  }
  return names.length === 0 || leaf.names.some((name) => names.some((test) => test(name)));
}

function pinsMatch(leaf: Certificate, { hashPins, keyPins }: ValidationPlan): boolean {
  if (hashPins.length === 0 && keyPins.length === 0) return true;
  return (
    hashPins.includes(hash("sha256", leaf.der, "hex")) || keyPins.includes(hash("sha256", leaf.publicKeyInfo, "base64"))
  );
}

/** Which certificate of the chain the error is about: OpenSSL knows, Node does not tell. */
function depthOf(certificates: PeerChain["certificates"], error: string, plan: ValidationPlan, now: number): number {
  const chain = chainOf(certificates, plan);
  const at = {
    CERT_HAS_EXPIRED: () => chain.findIndex(({ validTo }) => validTo < now),
    CERT_NOT_YET_VALID: () => chain.findIndex(({ validFrom }) => validFrom > now),
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: () => chain.length - 1,
    UNABLE_TO_GET_ISSUER_CERT: () => chain.length - 1,
    SELF_SIGNED_CERT_IN_CHAIN: () => chain.length - 1,
  }[error];
  return Math.max(0, at?.() ?? 0);
}

/** From the leaf to the last that is known. */
function chainOf(certificates: PeerChain["certificates"], { authorities }: ValidationPlan): Certificate[] {
  const chain: Certificate[] = [certificates[0]];
  for (;;) {
    const last = chain[chain.length - 1];
    if (last.subject === last.issuer) return chain;
    const next =
      certificates.find((each) => each.subject === last.issuer && !chain.includes(each)) ??
      authorities.find((each) => each.subject === last.issuer);
    if (next === undefined) return chain;
    chain.push(next);
  }
}
