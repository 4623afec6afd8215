/** Key sets (RFC 7517, and certificates by key id), and what they say of a token. Envoy `source/common/jwt/{jwks,verify}.cc`. */
import type { KeyObject } from "node:crypto";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { decodeBase64Url } from "./base64.ts";
import { parseJsonObject } from "./json.ts";
import { JWT_STATUS, type JwtStatus } from "./status.ts";
import type { Jwt } from "./token.ts";

// An import would evaluate all of its exports, Web Crypto among them (docs/decisions/0014-memory.md).
const { X509Certificate, constants, createHmac, createPublicKey, timingSafeEqual, verify } =
  process.getBuiltinModule("node:crypto");

/** One public key, or a secret. */
interface Jwk {
  /** "" for any. */
  readonly kid: string;
  readonly alg: string;
  readonly verify: Verify;
}

type Verify = (jwt: Jwt, signed: Buffer) => JwtStatus;

export type KeySet = readonly Jwk[];

/** @param text latin1, as it was read */
export function parseKeySet(text: string): KeySet | KeySetFault {
  const set = parseJsonObject(Buffer.from(text, "latin1"));
  if (set === null) return new KeySetFault("Jwks is an invalid JSON");
  if (!Object.hasOwn(set, "keys")) return keysOfCertificates(set);
  const { keys } = set;
  if (!Array.isArray(keys)) return new KeySetFault("[keys] in Jwks is not an array");
  // Keys that cannot be used are left out, unless there are no others.
  const parsed = keys.filter(isObject).map(parseKey);
  const usable = parsed.filter((key): key is Jwk => !(key instanceof KeySetFault));
  if (usable.length > 0) return usable;
  return parsed.find((key) => key instanceof KeySetFault) ?? new KeySetFault("Jwks doesn't have any valid public key");
}

/** Why there is no key that could be used: Envoy's words. */
export class KeySetFault {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Of several keys that could have signed it one must have. */
export function verifySignature(jwt: Jwt, keys: KeySet): JwtStatus {
  const signed = Buffer.from(jwt.signed, "latin1");
  let matched = false;
  for (const key of keys) {
    if (jwt.kid !== "" && key.kid !== "" && key.kid !== jwt.kid) continue;
    if (key.alg !== "" && key.alg !== jwt.alg) continue;
    matched = true;
    const status = key.verify(jwt, signed);
    if (status !== JWT_STATUS.verificationFail) return status;
  }
  return matched ? JWT_STATUS.verificationFail : JWT_STATUS.jwksKidAlgMismatch;
}

const NO_KEYS = new KeySetFault("Jwks does not have [keys] field");

const CERTIFICATE = /^-----BEGIN CERTIFICATE-----\n[^]*\n-----END CERTIFICATE-----\n$/;

/** `{"kid": "-----BEGIN CERTIFICATE-----…"}`: all of them must be good, and RSA. */
function keysOfCertificates(set: JsonObject): KeySet | KeySetFault {
  const keys: Jwk[] = [];
  const certificates: [kid: string, pem: string][] = [];
  for (const [kid, pem] of Object.entries(set)) {
    if (kid !== "" && typeof pem === "string" && CERTIFICATE.test(pem)) certificates.push([kid, pem]);
    else return NO_KEYS;
  }
  if (certificates.length === 0) return NO_KEYS;
  for (const [kid, pem] of certificates) {
    const key = orNull(() => new X509Certificate(pem).publicKey);
    if (key === null) return new KeySetFault("X509 parse pubkey fails");
    if (key.asymmetricKeyType !== "rsa") return new KeySetFault("X509 parse pubkey internal fails: get pubkey");
    keys.push({ kid, alg: "", verify: byRsa(key) });
  }
  return keys;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseKey(key: JsonObject): Jwk | KeySetFault {
  if (!Object.hasOwn(key, "kty")) return new KeySetFault("[kty] is missing in [keys]");
  if (typeof key["kty"] !== "string") return new KeySetFault("[kty] is bad in [keys]");
  const kid = text(key, "kid") ?? "";
  const alg = text(key, "alg") ?? "";
  const verify = verifierOf(key["kty"], key, alg);
  return verify instanceof KeySetFault ? verify : { kid, alg, verify };
}

function verifierOf(kty: string, key: JsonObject, alg: string): Verify | KeySetFault {
  switch (kty) {
    case "RSA":
      return rsaKey(key, alg);
    case "EC":
      return ecKey(key, alg);
    case "oct":
      return secretKey(key, alg);
    case "OKP":
      return ed25519Key(key, alg);
    default:
      return new KeySetFault("[kty] is not supported in [keys]");
  }
}

/** The texts of these fields, or what is said of the first that has none. @param kind with its article */
function texts(key: JsonObject, names: readonly string[], kind: string): readonly string[] | KeySetFault {
  const values: string[] = [];
  for (const name of names) {
    if (!Object.hasOwn(key, name)) return new KeySetFault(`[${name}] field is missing for ${kind} key`);
    const value = key[name];
    if (typeof value !== "string") return new KeySetFault(`[${name}] field is not string for ${kind} key`);
    values.push(value);
  }
  return values;
}

/** Undefined where it is not there or no text. */
function text(key: JsonObject, name: string): string | undefined {
  const value = Object.hasOwn(key, name) ? key[name] : undefined;
  return typeof value === "string" ? value : undefined;
}

/** Larger ones would cost a request too much. Source: BoringSSL `crypto/fipsmodule/rsa`, check_key. */
const MAX_MODULUS_BYTES = 2048;
const MIN_MODULUS_BYTES = 64;
const EXPONENTS: readonly number[] = [3, 65_537];

const RSA_FAULT = new KeySetFault("Jwks RSA [n] or [e] field is missing or has a parse error");

function rsaKey(key: JsonObject, alg: string): Verify | KeySetFault {
  if (alg !== "" && !alg.startsWith("RS") && !alg.startsWith("PS")) {
    return new KeySetFault("[alg] is not started with [RS] or [PS] for an RSA key");
  }
  const fields = texts(key, ["n", "e"], "a RSA");
  if (fields instanceof KeySetFault) return fields;
  const [n, e] = fields.map((field) => significant(decodeBase64Url(field)));
  if (
    n === null ||
    e === null ||
    e.length > 4 ||
    !EXPONENTS.includes(e.reduce((value, byte) => value * 256 + byte, 0))
  ) {
    return RSA_FAULT;
  }
  if (n.length < MIN_MODULUS_BYTES || n.length > MAX_MODULUS_BYTES || n[n.length - 1] % 2 === 0) return RSA_FAULT;
  const parts = { kty: "RSA", n: base64Url(n), e: base64Url(e) };
  // Imported when a token first needs it: that takes 0.1 ms, and of the thousands of keys that a server may send few are used.
  let verifyBy: Verify | null = null;
  return (jwt, signed) => {
    if (verifyBy === null) {
      const key = importJwk(parts);
      verifyBy = key === null ? () => JWT_STATUS.verificationFail : byRsa(key);
    }
    return verifyBy(jwt, signed);
  };
}

function byRsa(key: KeyObject): Verify {
  const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return ({ alg, signature }, signed) => {
    if (alg.startsWith("RS")) return outcome(verify(hashOf(alg), signed, key, signature));
    if (!alg.startsWith("PS")) return JWT_STATUS.verificationFail;
    return outcome(verify(hashOf(alg), signed, pss, signature));
  };
}

const CURVES: readonly { readonly alg: string; readonly crv: string; readonly bytes: number }[] = [
  { alg: "ES256", crv: "P-256", bytes: 32 },
  { alg: "ES384", crv: "P-384", bytes: 48 },
  { alg: "ES512", crv: "P-521", bytes: 66 },
];

function ecKey(key: JsonObject, alg: string): Verify | KeySetFault {
  if (alg !== "" && !alg.startsWith("ES")) return new KeySetFault("[alg] is not started with [ES] for an EC key");
  if (Object.hasOwn(key, "crv") && typeof key["crv"] !== "string") {
    return new KeySetFault("[crv] field is not string for an EC key");
  }
  const crv = text(key, "crv") ?? "";
  // Either of them says it; with neither it is P-256.
  const curve =
    alg === "" && crv === ""
      ? CURVES[0]
      : CURVES.find((each) => (alg === "" || each.alg === alg) && (crv === "" || each.crv === crv));
  if (curve === undefined) {
    return new KeySetFault(
      alg !== "" && crv !== ""
        ? "[crv] field specified is not compatible with [alg] for an EC key"
        : "[crv] or [alg] field is not supported for an EC key",
    );
  }
  const fields = texts(key, ["x", "y"], "an EC");
  if (fields instanceof KeySetFault) return fields;
  const [x, y] = fields.map((field) => significant(decodeBase64Url(field)));
  if (x === null || y === null) return new KeySetFault("Jwks EC [x] or [y] field is an invalid Base64.");
  const fault = new KeySetFault("Jwks EC [x] and [y] fields have a parse error.");
  const [px, py] = [number(x, curve.bytes), number(y, curve.bytes)];
  if (px === null || py === null) return fault;
  const publicKey = importJwk({ kty: "EC", crv: curve.crv, x: base64Url(px), y: base64Url(py) });
  return publicKey === null ? fault : byEc(publicKey, curve.bytes);
}

/** @param bytes of a coordinate */
function byEc(publicKey: KeyObject, bytes: number): Verify {
  const key = { key: publicKey, dsaEncoding: "ieee-p1363" } as const;
  return ({ alg, signature }, signed) => {
    const half = signature.length >> 1;
    const r = number(signature.subarray(0, half), bytes);
    const s = number(signature.subarray(half, 2 * half), bytes);
    if (r === null || s === null) return JWT_STATUS.verificationFail;
    return outcome(verify(hashOf(alg), signed, key, Buffer.concat([r, s])));
  };
}

/** Without zeros in front; null stays null. */
function significant(value: Uint8Array | null): Uint8Array | null {
  if (value === null) return null;
  const first = value.findIndex((byte) => byte !== 0);
  return first < 0 ? new Uint8Array(0) : value.subarray(first);
}

/** A number of so many bytes; null if it needs more. */
function number(value: Uint8Array, length: number): Buffer | null {
  const digits = significant(value);
  if (digits === null || digits.length > length) return null;
  const padded = Buffer.alloc(length);
  padded.set(digits, length - digits.length);
  return padded;
}

function base64Url(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString("base64url");
}

const SECRET_ALGORITHMS: readonly string[] = ["", "HS256", "HS384", "HS512"];

function secretKey(key: JsonObject, alg: string): Verify | KeySetFault {
  if (!SECRET_ALGORITHMS.includes(alg)) return new KeySetFault("[alg] does not start with [HS] for an HMAC key");
  const fields = texts(key, ["k"], "an HMAC");
  if (fields instanceof KeySetFault) return fields;
  const secret = decodeBase64Url(fields[0]);
  if (secret === null || secret.length === 0) return new KeySetFault("Jwks Oct key is an invalid Base64");
  return bySecret(secret);
}

function bySecret(secret: Uint8Array): Verify {
  return ({ alg, signature }, signed) => {
    const expected = createHmac(hashOf(alg), secret).update(signed).digest();
    return outcome(expected.length === signature.length && timingSafeEqual(expected, signature));
  };
}

const ED25519_KEY_BYTES = 32;
const ED25519_SIGNATURE_BYTES = 64;

function ed25519Key(key: JsonObject, alg: string): Verify | KeySetFault {
  if (alg !== "" && alg !== "EdDSA") return new KeySetFault("[alg] is not [EdDSA] for an OKP key");
  const curve = texts(key, ["crv"], "an OKP");
  if (curve instanceof KeySetFault) return curve;
  if (curve[0] !== "Ed25519") return new KeySetFault("[crv] field is not supported for an OKP key");
  const fields = texts(key, ["x"], "an OKP");
  if (fields instanceof KeySetFault) return fields;
  const x = decodeBase64Url(fields[0]);
  if (x === null) return new KeySetFault("Jwks OKP [x] field is an invalid Base64.");
  if (x.length !== ED25519_KEY_BYTES) return new KeySetFault("Jwks OKP [x] field is wrong length.");
  const publicKey = importJwk({ kty: "OKP", crv: "Ed25519", x: base64Url(x) });
  return publicKey === null ? new KeySetFault("Jwks OKP [x] field is wrong length.") : byEd25519(publicKey);
}

function byEd25519(key: KeyObject): Verify {
  return ({ signature }, signed) => {
    if (signature.length !== ED25519_SIGNATURE_BYTES) return JWT_STATUS.ed25519WrongLength;
    return outcome(verify(null, signed, key, signature));
  };
}

/** What the token's algorithm names, whatever the kind of key; 256 bits where it names none. */
function hashOf(alg: string): string {
  if (alg.endsWith("384")) return "sha384";
  return alg.endsWith("512") ? "sha512" : "sha256";
}

function outcome(verified: boolean): JwtStatus {
  return verified ? JWT_STATUS.ok : JWT_STATUS.verificationFail;
}

function importJwk(key: Readonly<Record<string, string>>): KeyObject | null {
  return orNull(() => createPublicKey({ key, format: "jwk" }));
}

/** Where OpenSSL says by throwing that something is no key. */
function orNull<T>(make: () => T): T | null {
  try {
    return make();
  } catch {
    return null;
  }
}
