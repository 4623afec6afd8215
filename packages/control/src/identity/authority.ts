/** A certificate authority at one moment, and what it makes. Clock and chance are passed in. */
import { createPublicKey, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { AlternativeNames, Issuer } from "@tulle/identity";
import { makeAuthority, makeLeaf, readCertificate, toPem } from "@tulle/identity";

/** What signs, and what peers are to trust. Immutable. Certificates are PEM. */
export interface Authority {
  readonly issuer: Issuer;
  /** From the issuer's own certificate up to below the root; empty if the root itself signs. */
  readonly chain: readonly string[];
  /** The root above the issuer first. */
  readonly roots: readonly [string, ...string[]];
  /** When the first certificate from the issuer up to the root ends, in milliseconds since the epoch. */
  readonly notAfter: number;
}

export interface KeyPair {
  readonly certificate: string;
  readonly privateKey: KeyObject;
}

export interface IssuedCertificate {
  /** PEM: the certificate, then the authority's chain. */
  readonly chain: readonly string[];
  /** Upper-case hexadecimal, as Node.js and openssl print it. */
  readonly serial: string;
  readonly notBefore: number;
  readonly notAfter: number;
  /** Which root it leads to: see fingerprintOf. */
  readonly root: string;
}

/** How far a peer's clock may be behind ours. (istio/istio `security/pkg/pki/util/generate_cert.go`, ClockSkewGracePeriod: 2 min) */
const CLOCK_SKEW_MS = 2 * 60_000;
/** (RFC 5280 §4.1.2.2: at most 20; CA/Browser forum: at least 8 of chance) */
const SERIAL_BYTES = 16;
const DAY_MS = 86_400_000;
/** (istio/istio `security/pkg/cmd/constants.go`: 10 years) */
const ROOT_LIFETIME_MS = 3650 * DAY_MS;
const INTERMEDIATE_LIFETIME_MS = 365 * DAY_MS;

export interface LeafRequest {
  readonly publicKey: KeyObject;
  readonly names: AlternativeNames;
  readonly lifetimeMs: number;
  readonly now: number;
  readonly random: (bytes: number) => Uint8Array;
}

/** A certificate of no longer life than the authority's own. */
export function issueLeaf(authority: Authority, request: LeafRequest): IssuedCertificate {
  const { publicKey, names, now } = request;
  const notBefore = wholeSeconds(now - CLOCK_SKEW_MS);
  const notAfter = wholeSeconds(Math.min(now + request.lifetimeMs, authority.notAfter));
  const serial = randomSerial(request.random);
  const der = makeLeaf(authority.issuer, { serial, notBefore, notAfter, publicKey, names });
  return {
    chain: [toPem("CERTIFICATE", der), ...authority.chain],
    serial: Buffer.from(serial).toString("hex").toUpperCase(),
    notBefore,
    notAfter,
    root: fingerprintOf(authority.roots[0]),
  };
}

export interface AuthorityRequest {
  readonly trustDomain: string;
  readonly keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  /** Undefined: a root, which signs itself. */
  readonly parent?: KeyPair;
  readonly now: number;
  readonly random: (bytes: number) => Uint8Array;
}

export function issueAuthority({ trustDomain, keys, parent, now, random }: AuthorityRequest): KeyPair {
  const serial = randomSerial(random);
  const end = now + (parent === undefined ? ROOT_LIFETIME_MS : INTERMEDIATE_LIFETIME_MS);
  const notAfter =
    parent === undefined ? end : Math.min(end, new X509Certificate(parent.certificate).validToDate.getTime());
  // No two roots have one name: some verifiers look no further than the name.
  const commonName = `${parent === undefined ? "root" : "intermediate"} ${Buffer.from(serial.subarray(0, 4)).toString("hex")}`;
  const certificate = makeAuthority(
    parent === undefined ? { key: keys.privateKey } : issuerOf(parent),
    { organization: trustDomain, commonName },
    {
      serial,
      notBefore: wholeSeconds(now - CLOCK_SKEW_MS),
      notAfter: wholeSeconds(notAfter),
      publicKey: keys.publicKey,
      names: { uris: [`spiffe://${trustDomain}`] },
    },
  );
  return { certificate: toPem("CERTIFICATE", certificate), privateKey: keys.privateKey };
}

/** An authority that signs with `signer`; `above` are the certificates between it and its root, `roots` all to be trusted. */
export function authorityOf(
  signer: KeyPair,
  above: readonly string[],
  roots: readonly [string, ...string[]],
): Authority {
  const chain = signer.certificate === roots[0] ? [] : [signer.certificate, ...above];
  const ends = [...chain, roots[0]].map((pem) => new X509Certificate(pem).validToDate.getTime());
  return { issuer: issuerOf(signer), chain, roots, notAfter: Math.min(...ends) };
}

function issuerOf({ certificate, privateKey }: KeyPair): Issuer {
  const { subject, keyId } = readCertificate(new X509Certificate(certificate).raw);
  return { key: privateKey, name: subject, keyId };
}

/** The first 16 hexadecimal digits of the certificate's SHA-256: enough to tell roots apart, short enough to read aloud. */
export function fingerprintOf(certificate: string): string {
  return new X509Certificate(certificate).fingerprint256.replaceAll(":", "").slice(0, 16).toLowerCase();
}

/** Whether the private key is that of the certificate. */
export function isKeyOf(certificate: X509Certificate, privateKey: KeyObject): boolean {
  const spki = (key: KeyObject): string => key.export({ type: "spki", format: "der" }).toString("base64");
  return spki(certificate.publicKey) === spki(createPublicKey(privateKey));
}

/** Positive and never of fewer bytes. */
function randomSerial(random: (bytes: number) => Uint8Array): Uint8Array {
  const serial = Uint8Array.from(random(SERIAL_BYTES));
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  return serial;
}

/** Certificates know nothing smaller. */
function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
