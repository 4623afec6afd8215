/** What a JSON Web Key Set must have, so that proxies take it: one they cannot use makes them refuse the whole listener. */
const { createPublicKey } = process.getBuiltinModule("node:crypto");

type Key = Readonly<Record<string, unknown>>;

/** Undefined if it has a key that proxies can use (Envoy `source/common/jwt/jwks.cc`); they pass others over. */
export function keySetFault(text: string): string | undefined {
  const keys = keysOf(text);
  if (keys === undefined) return "is no JSON Web Key Set";
  if (keys.length === 0) return "has no key";
  return keys.some(isUsable) ? undefined : "has no key that proxies can use";
}

function keysOf(text: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "keys" in value && Array.isArray(value.keys)
      ? value.keys
      : undefined;
  } catch {
    return undefined;
  }
}

/** By `kty`: how its algorithms begin, and what it consists of. */
const KINDS: Readonly<Record<string, { readonly alg: RegExp; readonly fields: readonly string[] }>> = {
  RSA: { alg: /^(?:[RP]S.*)?$/, fields: ["n", "e"] },
  EC: { alg: /^(?:ES(?:256|384|512))?$/, fields: ["crv", "x", "y"] },
  OKP: { alg: /^(?:EdDSA)?$/, fields: ["crv", "x"] },
  oct: { alg: /^(?:HS(?:256|384|512))?$/, fields: ["k"] },
};
const CURVE_OF_ALGORITHM: Readonly<Record<string, string>> = {
  "": "P-256",
  ES256: "P-256",
  ES384: "P-384",
  ES512: "P-521",
};
const RSA_BITS = { min: 512, max: 16_384 };
const RSA_EXPONENTS = [3n, 65_537n];

function isUsable(key: unknown): boolean {
  if (typeof key !== "object" || key === null) return false;
  const { kty, alg, ...rest } = key as Key;
  const kind = typeof kty === "string" && Object.hasOwn(KINDS, kty) ? KINDS[kty]! : undefined;
  const algorithm = typeof alg === "string" ? alg : "";
  if (kind === undefined || !kind.alg.test(algorithm)) return false;
  const parts: Key = kty === "EC" ? { crv: CURVE_OF_ALGORITHM[algorithm], ...rest } : rest;
  const texts = kind.fields.map((field) => parts[field]);
  if (!texts.every((part): part is string => typeof part === "string" && /^[-\w]+$/.test(part))) return false;
  if (kty === "oct") return true;
  if (kty === "EC" && algorithm !== "" && parts["crv"] !== CURVE_OF_ALGORITHM[algorithm]) return false;
  if (kty === "OKP" && parts["crv"] !== "Ed25519") return false;
  return isPublicKey({ kty: kty as string, ...Object.fromEntries(kind.fields.map((field, i) => [field, texts[i]!])) });
}

function isPublicKey(jwk: Readonly<Record<string, string>>): boolean {
  try {
    const { modulusLength, publicExponent } = createPublicKey({ key: jwk, format: "jwk" }).asymmetricKeyDetails ?? {};
    if (jwk["kty"] !== "RSA") return true;
    return (
      modulusLength !== undefined &&
      modulusLength >= RSA_BITS.min &&
      modulusLength <= RSA_BITS.max &&
      RSA_EXPONENTS.includes(publicExponent ?? 0n)
    );
  } catch {
    // OpenSSL's way to say that it is none.
    return false;
  }
}
