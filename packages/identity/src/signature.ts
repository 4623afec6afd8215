/** The signatures that certificates and requests bear, and the keys that may make them. */
import type { KeyObject } from "node:crypto";
import { OID } from "./oids.ts";
import { oid, sequence } from "./der/writer.ts";

// Not by `import`: that evaluates every export of node:crypto, Web Crypto included, in every process that has a sidecar.
const { sign, verify } = process.getBuiltinModule("node:crypto");

type KeyType = "ec" | "rsa";

interface Algorithm {
  readonly oid: string;
  readonly hash: string;
  readonly keyType: KeyType;
}

const ALGORITHMS: readonly Algorithm[] = [
  { oid: OID.ecdsaWithSha256, hash: "sha256", keyType: "ec" },
  { oid: OID.ecdsaWithSha384, hash: "sha384", keyType: "ec" },
  { oid: OID.ecdsaWithSha512, hash: "sha512", keyType: "ec" },
  { oid: OID.sha256WithRsa, hash: "sha256", keyType: "rsa" },
  { oid: OID.sha384WithRsa, hash: "sha384", keyType: "rsa" },
  { oid: OID.sha512WithRsa, hash: "sha512", keyType: "rsa" },
];

/** By the curves' names in Node.js, and what they are called elsewhere. Envoy has no others. */
const CURVES: Readonly<Record<string, { readonly name: string; readonly hash: string }>> = {
  prime256v1: { name: "P-256", hash: "sha256" },
  secp384r1: { name: "P-384", hash: "sha384" },
  secp521r1: { name: "P-521", hash: "sha512" },
};

/** Less is refused by Envoy; more only costs time, which is what a hostile client would want. */
const RSA_BITS = { min: 2048, max: 4096 } as const;
const NULL = Buffer.from([0x05, 0x00]);

/** What is wrong with a key, in words that follow "the key "; undefined if nothing is. */
export function objectionToKey(key: KeyObject): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "ec") {
    const curve = details?.namedCurve ?? "";
    return Object.hasOwn(CURVES, curve) ? undefined : `is on the curve ${curve || "?"}, expected P-256, P-384 or P-521`;
  }
  if (type === "rsa") {
    const bits = details?.modulusLength ?? 0;
    if (bits >= RSA_BITS.min && bits <= RSA_BITS.max) return undefined;
    return `is RSA with ${bits} bits, expected ${RSA_BITS.min} to ${RSA_BITS.max}`;
  }
  return `is of type ${type ?? "?"}, expected ECDSA or RSA`;
}

/** Signs `content` with a hash as strong as the key; gives the AlgorithmIdentifier to name it by. The key is one without objection. */
export function signatureWith(key: KeyObject): { readonly algorithm: Buffer; sign(content: Uint8Array): Buffer } {
  const keyType: KeyType = key.asymmetricKeyType === "rsa" ? "rsa" : "ec";
  const hash = keyType === "rsa" ? "sha256" : CURVES[key.asymmetricKeyDetails?.namedCurve ?? ""]!.hash;
  const algorithm = ALGORITHMS.find((one) => one.keyType === keyType && one.hash === hash)!;
  return {
    // RSA's has parameters, which are NULL. (RFC 4055 §5, RFC 5758 §3.2)
    algorithm: keyType === "rsa" ? sequence(oid(algorithm.oid), NULL) : sequence(oid(algorithm.oid)),
    sign: (content) => sign(hash, content, key),
  };
}

/** Undefined for an algorithm that we do not take, such as one with SHA-1. */
export function verifySignature(
  algorithmOid: string,
  key: KeyObject,
  content: Uint8Array,
  signature: Uint8Array,
): boolean | undefined {
  const algorithm = ALGORITHMS.find((one) => one.oid === algorithmOid && one.keyType === key.asymmetricKeyType);
  return algorithm === undefined ? undefined : verify(algorithm.hash, content, key, signature);
}
