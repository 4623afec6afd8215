/** `TlsCertificate` and `CertificateValidationContext`, inline or as secrets. Sources of the words: Envoy `source/common/tls/`. */
import { toBinary } from "@bufbuild/protobuf";
import type { DataSource } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import {
  type CertificateValidationContext,
  CertificateValidationContextSchema,
  CertificateValidationContext_TrustChainVerification as TrustChain,
  type SubjectAltNameMatcher,
  SubjectAltNameMatcher_SanType as SanType,
  type TlsCertificate,
} from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import {
  type AlternativeName,
  type Certificate,
  type NameKind,
  parseCertificate,
  pemCertificates,
} from "../codec/x509/certificate.ts";
import { readDataSource } from "./data-source.ts";
import { dnsNameMatches } from "./dns-name.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { Place } from "./problems.ts";
import { compileStringMatcher } from "./string-matcher.ts";
import type { CertificatePlan, NameTest, ValidationPlan } from "./tls-plan.ts";

/** Null if it was refused. */
export function compileCertificate(message: TlsCertificate, place: Place): CertificatePlan | null {
  const before = place.problems.length;
  const chainPem = readDataSource(message.certificateChain, place.field("certificate_chain"));
  const keyPem = readDataSource(message.privateKey, place.field("private_key"));
  const password = readDataSource(message.password, place.field("password"));
  if (place.problems.length > before) return null;
  const source = sourceOf(message.certificateChain);
  const [leaf, ...rest] = readCertificates(chainPem);
  if (leaf === undefined) {
    place.refuse(`Failed to load certificate chain from ${source}`);
    return null;
  }
  const problem = keyProblem(leaf, keyPem, password);
  if (problem !== "") {
    place.refuse(`Failed to load private key from ${sourceOf(message.privateKey)}, Cause: ${problem}`);
    return null;
  }
  const fingerprint = fingerprintOf(Buffer.from([chainPem, keyPem, password].join("\0"), "latin1"));
  return { chainPem, keyPem, password, certificates: [leaf, ...rest], source, fingerprint };
}

/** Null if it was refused. @param whole it is not to be completed by a secret */
export function compileValidation(
  message: CertificateValidationContext,
  whole: boolean,
  place: Place,
): ValidationPlan | null {
  const before = place.problems.length;
  const trustedCa = readDataSource(message.trustedCa, place.field("trusted_ca"));
  const crl = readDataSource(message.crl, place.field("crl"));
  const source = sourceOf(message.trustedCa);
  const authorities = readCertificates(trustedCa);
  if (message.trustedCa !== undefined && authorities.length === 0 && place.problems.length === before) {
    place.refuse(`Failed to load trusted CA certificates from ${source}`);
  }
  if (message.crl !== undefined && !crl.includes("-----BEGIN X509 CRL-----") && place.problems.length === before) {
    place.refuse(`Failed to load CRL from ${sourceOf(message.crl)}`);
  }
  const typed = message.matchTypedSubjectAltNames.map((matcher, i) =>
    compileNameMatcher(matcher, place.item("match_typed_subject_alt_names", i)),
  );
  const untyped = message.matchSubjectAltNames.map((matcher, i): NameTest => {
    const matches = compileStringMatcher(matcher, place.item("match_subject_alt_names", i));
    return ({ kind, value }) => kind !== "other" && matches(value);
  });
  const names = [...typed, ...untyped];
  if (whole && names.length > 0 && trustedCa === "" && place.problems.length === before) {
    place.refuse("SAN-based verification of peer certificates without trusted CA is insecure and not allowed");
  }
  if (place.problems.length > before) return null;
  return {
    trustedCa,
    authorities,
    source,
    crl,
    names,
    keyPins: message.verifyCertificateSpki,
    // Colons between bytes are as good as none.
    hashPins: message.verifyCertificateHash.map((hash) => hash.replaceAll(":", "").toLowerCase()),
    acceptUntrusted: message.trustChainVerification === TrustChain.ACCEPT_UNTRUSTED,
    fingerprint: fingerprintOf(
      Buffer.concat([toBinary(CertificateValidationContextSchema, message), Buffer.from(trustedCa + crl, "latin1")]),
    ),
  };
}

const KINDS: Readonly<Record<number, NameKind>> = {
  [SanType.EMAIL]: "email",
  [SanType.DNS]: "dns",
  [SanType.URI]: "uri",
  [SanType.IP_ADDRESS]: "ip",
  [SanType.OTHER_NAME]: "other",
};

function compileNameMatcher(message: SubjectAltNameMatcher, place: Place): NameTest {
  const { matcher, oid } = message;
  const wanted = KINDS[message.sanType];
  if (wanted === "other" && oid === "") place.field("oid").refuse("Must specify oid for OTHER_NAME SAN type");
  if (matcher === undefined) return never;
  const { matchPattern: pattern } = matcher;
  if (wanted === "dns" && pattern.case === "exact") {
    const { value: name } = pattern;
    return ({ kind, value }) => kind === "dns" && dnsNameMatches(name, value);
  }
  const matches = compileStringMatcher(matcher, place.field("matcher"));
  return (name: AlternativeName) =>
    name.kind === wanted && (wanted !== "other" || name.oid === oid) && matches(name.value);
}

const never: NameTest = () => false;

function readCertificates(pem: string): Certificate[] {
  try {
    return pemCertificates(pem).map(parseCertificate);
  } catch {
    // Said by the caller: there is none that can be used.
    return [];
  }
}

// Not by `import`: see fingerprint.ts.
const { createPrivateKey, createPublicKey } = process.getBuiltinModule("node:crypto");

/** "" if the key is there and is the certificate's. */
function keyProblem(leaf: Certificate, keyPem: string, password: string): string {
  try {
    const key = createPrivateKey({
      key: Buffer.from(keyPem, "latin1"),
      ...(password === "" ? {} : { passphrase: Buffer.from(password, "latin1") }),
    });
    const mine = createPublicKey(key).export({ type: "spki", format: "der" });
    const its = createPublicKey({ key: Buffer.from(leaf.publicKeyInfo), type: "spki", format: "der" });
    return mine.equals(its.export({ type: "spki", format: "der" }))
      ? ""
      : "error:0b000074:X.509 certificate routines:OPENSSL_internal:KEY_VALUES_MISMATCH";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function sourceOf(source: DataSource | undefined): string {
  const specifier = source?.specifier;
  return specifier?.case === "filename" ? specifier.value : "<inline>";
}
