/** JSON web tokens and key sets for tests. */
import {
  type JsonWebKey,
  constants,
  createHmac,
  createPrivateKey,
  createPublicKey,
  sign as signBytes,
} from "node:crypto";
import { TEST_KEYS } from "./test-keys.ts";

export type KeyName = keyof typeof TEST_KEYS;

/** What tokens say unless a test says otherwise; valid until 2100. */
const CLAIMS = { iss: "https://issuer.test", sub: "alice", exp: 4_102_444_800 } as const;

const KEY_OF_ALGORITHM: Readonly<Record<string, KeyName>> = {
  RS256: "rsa",
  RS384: "rsa",
  RS512: "rsa",
  PS256: "rsa",
  PS384: "rsa",
  PS512: "rsa",
  ES256: "p256",
  ES384: "p384",
  ES512: "p521",
  EdDSA: "ed",
  HS256: "oct",
  HS384: "oct",
  HS512: "oct",
};

export interface TokenParts {
  /** In place of `{alg, typ, kid}`. */
  readonly header?: object | string;
  readonly alg?: string;
  readonly kid?: string;
  /** Default: the one of the algorithm. */
  readonly key?: KeyName;
  /** What signs, where that is not what the header says. */
  readonly signedBy?: string;
  readonly saltLength?: number;
}

/** A signed token. @param claims laid over CLAIMS; a string is the payload as it is */
export function token(claims: object | string = {}, parts: TokenParts = {}): string {
  const alg = parts.alg ?? "RS256";
  const header = parts.header ?? { alg, typ: "JWT", ...(parts.kid === undefined ? {} : { kid: parts.kid }) };
  const payload = typeof claims === "string" ? claims : { ...CLAIMS, ...claims };
  const signed = `${encoded(header)}.${encoded(payload)}`;
  const signer = parts.signedBy ?? alg;
  return `${signed}.${signature(signer, parts.key ?? KEY_OF_ALGORITHM[signer] ?? "rsa", signed, parts.saltLength)}`;
}

/** Base64url of JSON, or of a text as it is. */
export function encoded(part: object | string): string {
  return Buffer.from(typeof part === "string" ? part : JSON.stringify(part)).toString("base64url");
}

/** Base64url. */
export function signature(alg: string, key: KeyName, signed: string, saltLength?: number): string {
  const bits = alg === "EdDSA" ? null : `sha${alg.slice(2)}`;
  if (alg.startsWith("HS")) {
    const secret = Buffer.from((TEST_KEYS[key] as JsonWebKey).k ?? "", "base64url");
    return createHmac(bits ?? "", secret)
      .update(signed)
      .digest("base64url");
  }
  const privateKey = createPrivateKey({ key: TEST_KEYS[key], format: "jwk" });
  return signBytes(bits, Buffer.from(signed), {
    key: privateKey,
    ...(alg.startsWith("PS")
      ? {
          padding: constants.RSA_PKCS1_PSS_PADDING,
          saltLength: saltLength ?? constants.RSA_PSS_SALTLEN_DIGEST,
        }
      : {}),
    ...(alg.startsWith("ES") ? { dsaEncoding: "ieee-p1363" as const } : {}),
  }).toString("base64url");
}

/** The public half, with more fields (`kid`, `alg`, `use`). */
export function jwk(key: KeyName, more: object = {}): JsonWebKey {
  const privateKey: JsonWebKey = TEST_KEYS[key];
  if (privateKey.k !== undefined) return { ...privateKey, ...more };
  const publicKey = createPublicKey(createPrivateKey({ key: TEST_KEYS[key], format: "jwk" }));
  return { ...publicKey.export({ format: "jwk" }), ...more };
}

/** A key set as text. */
export function jwks(...keys: readonly object[]): string {
  return JSON.stringify({ keys });
}
