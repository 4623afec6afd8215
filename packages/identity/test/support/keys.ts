import { generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { makeAuthority, readCertificate } from "../../src/index.ts";
import type { Issuer } from "../../src/index.ts";

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export const ecKeys = (namedCurve = "P-256"): KeyPair => generateKeyPairSync("ec", { namedCurve });
export const rsaKeys = (modulusLength: number): KeyPair => generateKeyPairSync("rsa", { modulusLength });
export const pemOf = (key: KeyObject): string =>
  key.type === "private"
    ? key.export({ type: "pkcs8", format: "pem" }).toString()
    : key.export({ type: "spki", format: "pem" }).toString();

export const NOW = Date.UTC(2026, 10, 28, 12);
export const DAY = 86_400_000;

export interface TestAuthority {
  readonly issuer: Issuer;
  readonly certificate: Buffer;
}

export function issuerOf(certificate: Uint8Array, key: KeyObject): Issuer {
  const { subject: name, keyId } = readCertificate(certificate);
  return { key, name, keyId };
}

/** Signed by itself, or by `parent`. */
export function authority(
  keys: KeyPair,
  commonName: string,
  parent?: Issuer,
  notAfter = NOW + 3650 * DAY,
): TestAuthority {
  const certificate = makeAuthority(
    parent ?? { key: keys.privateKey },
    { organization: "cluster.local", commonName },
    {
      serial: Buffer.from("00c0ffee", "hex"),
      notBefore: NOW - DAY,
      notAfter,
      publicKey: keys.publicKey,
      names: { uris: ["spiffe://cluster.local"] },
    },
  );
  return { issuer: issuerOf(certificate, keys.privateKey), certificate };
}
